package worker

import (
	"context"
	"sync"
	"time"

	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/webhook"
)

const (
	deliverAtOnce  = 200
	deliverWorkers = 64
	// deliverLease outlives the longest try.
	deliverLease = webhook.Timeout + 30*time.Second
	deliverGap   = 2 * time.Second
)

// deliver sends events to their receivers.
func (w *Worker) deliver(ctx context.Context) {
	slots := make(chan struct{}, deliverWorkers)
	var wg sync.WaitGroup
	defer wg.Wait()
	for failing := false; ; {
		due, err := w.Store.ClaimDeliveries(ctx, deliverAtOnce, deliverLease)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not claim deliveries", "err", err)
		}
		failing = err != nil
		for _, d := range due {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			wg.Go(func() {
				defer func() { <-slots }()
				w.deliverOne(context.WithoutCancel(ctx), d)
			})
		}
		if len(due) == deliverAtOnce && ctx.Err() == nil {
			continue
		}
		if !rest(ctx, deliverGap, w.wakeSend) {
			return
		}
	}
}

func (w *Worker) deliverOne(ctx context.Context, d store.Delivery) {
	now := w.Store.Now()
	m := webhook.Message{ID: d.EventID, URL: d.URL, Payload: []byte(d.Payload), Secrets: w.secrets(d.UserID, now)}
	r := w.Sender.Send(ctx, m, now)
	out := store.DeliveryResult{Delivered: r.Err == nil, Code: r.Code}
	if r.Err != nil {
		out.Error = r.Err.Error()
		if wait, again := webhook.Next(d.Tries + 1); again && !r.Gone {
			out.NextTry = w.Store.Now().Add(max(wait, r.RetryAfter))
		}
	}
	w.Log.InfoContext(ctx, "webhook", "event", d.EventID, "task", d.TaskID, "try", d.Tries+1, "code", r.Code, "err", r.Err)
	if err := w.Store.FinishDelivery(ctx, d, out); err != nil {
		w.Log.ErrorContext(ctx, "could not record a delivery; it will be sent again", "event", d.EventID, "err", err)
	}
}

// secrets are a user's signing secrets: the old one signs too for a day after
// a rotation.
func (w *Worker) secrets(userID int64, now time.Time) []secret.Text {
	generation, rotated := 1, time.Time{}
	if u, ok := w.Directory.View().Users[userID]; ok {
		generation, rotated = u.Webhooks, u.Rotated
	}
	out := []secret.Text{webhook.SigningSecret(w.Keys, userID, generation)}
	if generation > 1 && now.Sub(rotated) < webhook.Overlap {
		out = append(out, webhook.SigningSecret(w.Keys, userID, generation-1))
	}
	return out
}
