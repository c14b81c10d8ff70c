package worker

import (
	"context"
	"fmt"
	"time"

	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/store"
)

const (
	// lateTick is how often a node looks for ended tasks to be asked for.
	lateTick = 5 * time.Second
	// lateAtOnce is the most that one look takes: nobody waits for them.
	lateAtOnce = 20
)

// late asks for tasks that ended without charge while the upstream may have
// them. What is found costs the operator, never the user: the task stays as it
// ended.
func (w *Worker) late(ctx context.Context) {
	tick := min(lateTick, max(w.Generations.Timing.LateGap/4, 50*time.Millisecond))
	for failing := false; rest(ctx, tick, w.wakeLate); {
		due, err := w.Store.ClaimLate(ctx, lateAtOnce, w.Generations.Timing.LateGap)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not look for tasks to be asked for late", "err", err)
		}
		failing = err != nil
		for _, c := range due {
			if ctx.Err() != nil {
				return
			}
			if err := w.askLate(context.WithoutCancel(ctx), c); err != nil {
				w.Log.ErrorContext(ctx, "could not record what the upstream says of an ended task", "task", c.TaskID, "err", err)
			}
		}
	}
}

func (w *Worker) askLate(ctx context.Context, c store.LateCheck) error {
	r, err := w.Generations.Ask(ctx, c.Provider, c.ChannelID, c.KeyID, provider.TaskRef{Route: c.Route, UpstreamID: c.UpstreamID, Ref: c.Ref})
	if err != nil {
		w.Log.DebugContext(ctx, "an ended task was asked for", "task", c.TaskID, "channel", c.ChannelID, "ref", c.Ref, "answer", provider.AsError(err).Kind)
		return nil
	}
	switch {
	case r.Status == provider.Succeeded, price.Deducted(r.Costs):
	case r.Status == provider.Failed:
		return w.Store.LateFailed(ctx, c.Ref, string(r.Status))
	default:
		return w.Store.LateSeen(ctx, c.Ref, string(r.Status))
	}
	amount, basis := lossOf(r.Costs, c.Price)
	memo := fmt.Sprintf("task %s, upstream task %s on channel %d, found %s after the task had ended; %s", c.TaskID, r.UpstreamID, c.ChannelID, r.Status, basis)
	if text := []rune(memo); len(text) > 250 {
		memo = string(text[:250])
	}
	booked, err := w.Store.BookLoss(ctx, c, r.UpstreamID, string(r.Status), amount, memo)
	if err != nil || !booked {
		return err
	}
	w.Log.WarnContext(ctx, "billing: loss booked; the upstream made a task that had ended without charge", "task", c.TaskID, "channel", c.ChannelID,
		"ref", c.Ref, "upstream_task", r.UpstreamID, "status", r.Status, "lost", int64(amount), "basis", basis)
	return nil
}

// lossOf is what the operator lost on a task: the upstream's own bill where its
// value in dollars is known, otherwise the task's price.
func lossOf(costs []provider.Cost, taskPrice money.Quota) (money.Quota, string) {
	bill := price.Billed(costs)
	if len(costs) == 0 || bill.Unknown || bill.USD <= 0 {
		return taskPrice, "the amount is the task's price, as the upstream's bill has no known value"
	}
	perQuota := int64(1_000_000 / money.QuotaPerUSD) // millionths of a dollar in a quota
	return money.Quota((bill.USD + perQuota - 1) / perQuota), "the amount is the upstream's bill"
}
