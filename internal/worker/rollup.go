package worker

import (
	"context"
	"time"
)

const rollUpGap = time.Minute

// rollUp folds what has ended into hours, for statistics. Nodes do it side by
// side; each part is folded by one of them.
func (w *Worker) rollUp(ctx context.Context) {
	for rest(ctx, rollUpGap, nil) {
		if err := w.Store.RollUp(ctx); err != nil && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "could not fold usage into hours", "err", err)
		}
	}
}
