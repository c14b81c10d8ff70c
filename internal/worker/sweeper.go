package worker

import (
	"context"
	"time"

	"one-api/internal/store"
)

const (
	sweepGap = time.Hour
	// keepKeys is how long an idempotency key is remembered.
	keepKeys = 48 * time.Hour
)

// sweep removes what nobody needs any more, and switches off what never works.
func (w *Worker) sweep(ctx context.Context) {
	for rest(ctx, sweepGap, nil) {
		now := w.Store.Now()
		if err := w.Store.Sweep(ctx, now.Add(-keepKeys)); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "could not sweep", "err", err)
		}
		kept := now.AddDate(0, 0, -w.Directory.View().Settings.WebhookKeepDays)
		if err := w.Store.SweepEvents(ctx, kept); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "could not sweep delivered events", "err", err)
		}
		if err := w.switchOffFailing(ctx); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "could not switch off endpoints that never work", "err", err)
		}
	}
}

func (w *Worker) switchOffFailing(ctx context.Context) error {
	ids, err := w.Store.FailingEndpoints(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		w.Log.WarnContext(ctx, "switching off a webhook endpoint: all tries have failed for days", "endpoint", id)
		if err := w.Store.SwitchOffEndpoint(ctx, id, store.EndpointFailing); err != nil {
			return err
		}
	}
	return nil
}
