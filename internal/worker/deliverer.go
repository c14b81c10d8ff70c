package worker

import (
	"context"
	"net/url"
	"sync"
	"time"

	"one-api/internal/faultpoint"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/webhook"
)

const (
	// deliverWorkers is how many deliveries are under way at once, and
	// deliverPerHost how many of them to one receiver: a slow one must not hold
	// up the others.
	deliverWorkers = 64
	deliverPerHost = 4
	// deliverLater is the wait of a delivery whose receiver is busy.
	deliverLater = 5 * time.Second
	// deliverLease outlives the longest try.
	deliverLease = webhook.Timeout + 30*time.Second
	deliverGap   = 2 * time.Second
)

// deliver sends events to their receivers.
func (w *Worker) deliver(ctx context.Context) {
	slots := make(chan struct{}, deliverWorkers)
	hosts := &hostCounts{}
	var wg sync.WaitGroup
	defer wg.Wait()
	for failing := false; ; {
		free := deliverWorkers - len(slots)
		if free == 0 {
			if !rest(ctx, 50*time.Millisecond, nil) {
				return
			}
			continue
		}
		due, err := w.Store.ClaimDeliveries(ctx, free, deliverLease)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not claim deliveries", "err", err)
		}
		failing = err != nil
		for _, d := range due {
			host := hostOf(d.URL)
			if !hosts.take(host) {
				if err := w.Store.Postpone(ctx, d, deliverLater); err != nil && ctx.Err() == nil {
					w.Log.WarnContext(ctx, "could not postpone a delivery; its lease will", "event", d.EventID, "err", err)
				}
				continue
			}
			slots <- struct{}{} // free by the count above; only this loop takes them
			wg.Go(func() {
				defer func() { hosts.give(host); <-slots }()
				w.deliverOne(context.WithoutCancel(ctx), d)
			})
		}
		if len(due) == free && ctx.Err() == nil {
			continue
		}
		if !rest(ctx, deliverGap, w.wakeSend) {
			return
		}
	}
}

// hostCounts are the deliveries under way by receiver.
type hostCounts struct {
	mu     sync.Mutex
	byHost map[string]int
}

func (h *hostCounts) take(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byHost == nil {
		h.byHost = map[string]int{}
	}
	if h.byHost[host] >= deliverPerHost {
		return false
	}
	h.byHost[host]++
	return true
}

func (h *hostCounts) give(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byHost[host]--; h.byHost[host] == 0 {
		delete(h.byHost, host)
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

func (w *Worker) deliverOne(ctx context.Context, d store.Delivery) {
	now := w.Store.Now()
	m := webhook.Message{ID: d.EventID, URL: d.URL, Payload: []byte(d.Payload), Secrets: w.secrets(d.UserID, now)}
	faultpoint.Here("worker.deliver.before-send")
	r := w.Sender.Send(ctx, m, now)
	faultpoint.Here("worker.deliver.sent")
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
