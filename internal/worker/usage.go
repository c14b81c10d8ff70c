package worker

import (
	"context"
	"time"
)

// usageGap is how exact the last use of a token is.
const usageGap = time.Minute

// usage records when tokens were last used, in one statement for all of them.
func (w *Worker) usage(ctx context.Context) {
	if w.Usage == nil {
		return
	}
	for more := true; more; {
		more = rest(ctx, usageGap, nil)
		taken := w.Usage.Take()
		if len(taken) == 0 {
			continue
		}
		// The last round comes after the end of the context.
		if err := w.Store.TokensUsed(context.WithoutCancel(ctx), taken); err != nil {
			w.Usage.GiveBack(taken)
			w.Log.WarnContext(ctx, "could not record the use of tokens; will try again", "err", err)
		}
	}
}
