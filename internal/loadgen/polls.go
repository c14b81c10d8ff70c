package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// pollChannels share the tasks in flight.
const pollChannels = 4

// polls puts many tasks in flight, half on the legacy routes and half on the new
// generation's, and counts how often they are asked about.
func polls(ctx context.Context, o options) error {
	w, err := newWorld(ctx, o, accounts(pollChannels))
	if err != nil {
		return err
	}
	defer w.close()
	legacy, modern := legacyOrder(""), newOrder("")
	watch := w.g.watchRSS()
	_, r, err := w.order(ctx, o.inFlight, func(i int) *http.Request {
		if i%2 == 0 {
			return w.g.request(http.MethodPost, legacyRoute, legacy)
		}
		return w.g.request(http.MethodPost, newRoute, modern)
	})
	_, most := watch()
	if err != nil {
		return err
	}
	o.line("ordered", "%6.0f/s   %d tasks, polls beside them; RSS at most %d MB", r.rate(), o.inFlight, most>>20)
	watch = w.g.watchRSS()
	if err := pause(ctx, o.settle); err != nil {
		return err
	}
	if mean, most := watch(); o.settle > 0 {
		o.line("first polls", "%s; RSS mean %d MB, at most %d MB", o.settle, mean>>20, most>>20)
	}

	_, calls := w.asked()
	claims, err := w.claims(ctx)
	if err != nil {
		return err
	}
	cpu, began := w.g.cpu(), time.Now()
	watch = w.g.watchRSS()
	if err := pause(ctx, o.window); err != nil {
		return err
	}
	took, spent := time.Since(began), w.g.cpu()-cpu
	mean, most := watch()
	late, err := w.late(ctx)
	if err != nil {
		return err
	}
	moreClaims, err := w.claims(ctx)
	if err != nil {
		return err
	}
	queries, moreCalls := w.asked()
	claims, calls = moreClaims-claims, moreCalls-calls
	if claims <= 0 || int64(queries) < claims {
		return fmt.Errorf("%d tasks were to be asked about in %s, and the upstream showed %d in all", claims, took, queries)
	}
	o.line("polls", "%6.0f/s   in %.0f calls/s over %.0f s, gateway CPU %.0f%% of a core", float64(claims)/took.Seconds(), float64(calls)/took.Seconds(), took.Seconds(), 100*spent.Seconds()/took.Seconds())
	o.line("behind", "%.1f s is the task that waits longest for its poll", late.Seconds())
	o.line("gateway RSS", "mean %d MB, at most %d MB; machine at load %s", mean>>20, most>>20, machineLoad())
	n, err := w.db.live(ctx)
	if err != nil {
		return err
	}
	if n != int64(o.inFlight) || len(w.sim.Tasks()) != o.inFlight {
		return fmt.Errorf("%d tasks are in flight and the upstream has %d; want %d", n, len(w.sim.Tasks()), o.inFlight)
	}
	return nil
}

// asked counts the times that an answer showed a task, and the calls.
func (w *world) asked() (tasks, calls int) {
	for _, t := range w.sim.Tasks() {
		tasks += t.Queries
	}
	for r, n := range w.sim.Requests() {
		if strings.HasPrefix(r.Route, http.MethodGet+" ") {
			calls += n
		}
	}
	return tasks, calls
}

// claims counts the polls that were due and taken up, of tasks that stay in
// their state.
func (w *world) claims(ctx context.Context) (int64, error) {
	return w.db.number(ctx, "SELECT SUM(checks) FROM videos WHERE next_check_at IS NOT NULL")
}

// late is how long the task that waits longest is past its due time.
func (w *world) late(ctx context.Context) (time.Duration, error) {
	due, err := w.db.number(ctx, "SELECT MIN(next_check_at) FROM videos WHERE next_check_at IS NOT NULL")
	return max(0, time.Since(time.UnixMilli(due))), err
}
