// Package worker is what goes on behind the requests: tasks that wait are
// sent, tasks that are out are asked about, ended ones are told to their
// owners. Work is found in the database; whatever a node does here, another
// could do as well.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/generation"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
	"one-api/internal/webhook"
)

// Worker runs the duties. Fill the fields, then call Run once.
type Worker struct {
	Store       *store.Store
	Generations *generation.Service
	Directory   *directory.Directory
	Keys        *secret.Keyring
	Sender      *webhook.Sender
	Log         *slog.Logger
	Usage       *auth.Usage        // nil: the last use of tokens is not recorded
	Metrics     *telemetry.Metrics // nil: none

	wakeOnce     sync.Once
	wakeDispatch chan struct{}
	wakeSend     chan struct{}
	wakeLate     chan struct{}
	nudges       chan string
}

func (w *Worker) init() {
	w.wakeOnce.Do(func() {
		w.wakeDispatch = make(chan struct{}, 1)
		w.wakeSend = make(chan struct{}, 1)
		w.wakeLate = make(chan struct{}, 1)
		w.nudges = make(chan string, 4096)
	})
}

// Run does all duties until the context ends, and returns when the last piece
// of work is done. When claims ends, before it, nothing more is taken up: what
// is under way goes on, and what was claimed and not begun is handed back. ctx
// is for what goes along with requests.
func (w *Worker) Run(ctx, claims context.Context) {
	w.init()
	var wg sync.WaitGroup
	for _, duty := range []func(context.Context){w.poll, w.dispatch, w.deliver, w.probe, w.sweep, w.rollUp, w.late, w.recover} {
		wg.Go(func() { duty(claims) })
	}
	wg.Go(func() { w.usage(ctx) })
	wg.Wait()
}

// Wake makes the dispatcher look at the queue now.
func (w *Worker) Wake() { w.init(); signal(w.wakeDispatch) }

// WakeLate makes the node look for ended tasks to be asked for now.
func (w *Worker) WakeLate() { w.init(); signal(w.wakeLate) }

// Ended says that a task has ended: its event may be due, and its place is
// free.
func (w *Worker) Ended() {
	w.init()
	signal(w.wakeSend)
	if w.Generations.Queue.Waits() {
		signal(w.wakeDispatch)
	}
}

// Nudge asks about one task at once. When too many ask, the task's due time in
// the database brings the check a little later.
func (w *Worker) Nudge(taskID string) {
	w.init()
	select {
	case w.nudges <- taskID:
	default:
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// rest waits for a time, a wake-up or the end; it reports false at the end.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-wake:
	}
	return true
}
