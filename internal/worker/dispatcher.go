package worker

import (
	"context"
	"sync"
	"time"

	"one-api/internal/generation"
	"one-api/internal/store"
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
	// sendAtOnce is how many create calls for the tasks of one lane may be under
	// way; each may hang as long as a create call may, and holds its body.
	sendAtOnce = 256
)

// dispatch sends the tasks that wait as places become free, in each lane by
// turns of their users.
func (w *Worker) dispatch(ctx context.Context) {
	out := &senders{worker: w, ctx: ctx, underWay: map[task.Lane]int{}}
	defer out.wg.Wait()
	for failing, raised := false, w.Store.Now(); rest(ctx, dispatchGap, w.wakeDispatch); {
		err := w.dispatchDue(ctx, out)
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

func (w *Worker) dispatchDue(ctx context.Context, out *senders) error {
	waiting, err := w.Store.Waiting(ctx)
	if err != nil {
		return err
	}
	moved, err := w.regroup(ctx, waiting)
	if err != nil {
		return err
	}
	if moved {
		if waiting, err = w.Store.Waiting(ctx); err != nil {
			return err
		}
	}
	seen := make(map[task.Lane]map[int64]int, len(waiting))
	for _, l := range waiting {
		seen[l.Lane] = l.Users
	}
	loads, err := w.loads(ctx)
	if err != nil {
		return err
	}
	w.Generations.Queue.See(seen, loads)
	if len(waiting) == 0 || w.Directory.View().Recovery.Active {
		return nil
	}
	more := false
	if room := out.room(overdueLane); room > 0 {
		overdue, err := w.Store.ClaimOverdue(ctx, min(room, overdueAtOnce), dispatchLease)
		if err != nil {
			return err
		}
		for _, t := range overdue {
			out.send(overdueLane, t)
		}
		more = len(overdue) == overdueAtOnce
	}
	for _, l := range waiting {
		if !l.Ready {
			continue
		}
		room := w.Generations.Room(l.Lane, min(l.Tasks, out.room(l.Lane)), loads)
		if room == 0 {
			continue
		}
		tasks, err := w.Store.ClaimWaiting(ctx, l.Lane, room, dispatchLease)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			out.send(l.Lane, t)
		}
		more = more || len(tasks) == generation.MostRoom
	}
	if more {
		signal(w.wakeDispatch)
	}
	return nil
}

// regroup moves what waits of users who are in another group now: it would wait
// for the channels of one group and be sent to those of another.
func (w *Worker) regroup(ctx context.Context, waiting []store.Waiting) (moved bool, err error) {
	for _, l := range waiting {
		for user := range l.Users {
			if group, ok := w.Generations.Regrouped(l.Lane, user); ok {
				if err := w.Store.MoveWaiting(ctx, user, l.Lane, group); err != nil {
					return moved, err
				}
				moved = true
			}
		}
	}
	return moved, nil
}

// overdueLane stands for the tasks of all lanes whose time to be sent has
// passed.
var overdueLane = task.Lane{}

// senders send what was taken from the queue at once: what has no sender is not
// taken. Each lane has its own, so that one whose upstream hangs does not hold
// up the others.
type senders struct {
	worker *Worker
	ctx    context.Context
	wg     sync.WaitGroup

	mu       sync.Mutex
	underWay map[task.Lane]int
}

// room is how many tasks of a lane may be taken now.
func (s *senders) room(l task.Lane) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sendAtOnce - s.underWay[l]
}

func (s *senders) send(l task.Lane, t task.Task) {
	s.mu.Lock()
	s.underWay[l]++
	s.mu.Unlock()
	s.wg.Go(func() {
		defer s.sent(l)
		s.worker.act(context.WithoutCancel(s.ctx), t, nil, nil)
	})
}

func (s *senders) sent(l task.Lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay[l] == sendAtOnce {
		signal(s.worker.wakeDispatch)
	}
	if s.underWay[l]--; s.underWay[l] == 0 {
		delete(s.underWay, l)
	}
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
