package worker

import (
	"context"
	"time"
)

const (
	sweepGap = time.Hour
	// keepKeys is how long an idempotency key is remembered.
	keepKeys = 48 * time.Hour
)

// sweep removes what nobody needs any more.
func (w *Worker) sweep(ctx context.Context) {
	for rest(ctx, sweepGap, nil) {
		if err := w.Store.Sweep(ctx, w.Store.Now().Add(-keepKeys)); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "could not sweep", "err", err)
		}
	}
}
