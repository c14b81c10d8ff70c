package worker

import (
	"context"
	"time"

	"one-api/internal/generation"
	"one-api/internal/task"
)

const (
	// dispatchGap is the longest wait between looks at the queue. What frees a
	// place on this node wakes the dispatcher at once.
	dispatchGap = time.Second
	// dispatchPause is the least wait between two looks.
	dispatchPause = 50 * time.Millisecond
	// dispatchLease is how long tasks taken from the queue are this node's. One
	// that found no place after all is tried again then.
	dispatchLease = 5 * time.Second
	// overdueAtOnce is the most tasks that one look ends because their time to
	// be sent has passed.
	overdueAtOnce = 200
)

// dispatch sends the tasks that wait, first come first served in each lane, as
// places become free.
func (w *Worker) dispatch(ctx context.Context) {
	senders := &lanes{worker: w, ctx: ctx, byChannel: map[int64]chan task.Task{}}
	defer senders.close()
	for failing, raised := false, w.Store.Now(); rest(ctx, dispatchGap, w.wakeDispatch); {
		err := w.dispatchDue(ctx, senders)
		if now := w.Store.Now(); err == nil && now.Sub(raised) >= limitGap {
			raised = now
			err = w.Store.RaiseLimits(ctx, limitGap)
		}
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not look after the queue", "err", err)
		}
		failing = err != nil
		if !rest(ctx, dispatchPause, nil) {
			return
		}
	}
}

// limitGap is how often learned limits are tried for being too low.
const limitGap = time.Minute

func (w *Worker) dispatchDue(ctx context.Context, senders *lanes) error {
	waiting, err := w.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	seen := make(map[task.Lane]int, len(waiting))
	for _, l := range waiting {
		seen[l.Lane] = l.Tasks
	}
	loads, err := w.loads(ctx)
	if err != nil {
		return err
	}
	w.Generations.Queue.See(seen, loads)
	if len(waiting) == 0 || w.Directory.View().Recovery.Active {
		return nil
	}
	overdue, err := w.Store.ClaimOverdue(ctx, overdueAtOnce, dispatchLease)
	if err != nil {
		return err
	}
	for _, t := range overdue {
		senders.put(t)
	}
	more := len(overdue) == overdueAtOnce
	for _, l := range waiting {
		if !l.Ready {
			continue
		}
		room := w.Generations.Room(l.Lane, l.Tasks, loads)
		if room == 0 {
			continue
		}
		tasks, err := w.Store.ClaimWaiting(ctx, l.Lane, room, dispatchLease)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			senders.put(t)
		}
		more = more || len(tasks) == generation.MostRoom
	}
	if more {
		signal(w.wakeDispatch)
	}
	return nil
}

func (w *Worker) loads(ctx context.Context) ([]generation.Load, error) {
	rows, err := w.Store.ModelLoads(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]generation.Load, len(rows))
	for i, r := range rows {
		out[i] = generation.Load(r)
	}
	return out, nil
}
