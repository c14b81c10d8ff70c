package app

import (
	"context"
	"database/sql"
	"net/http"
	"sync"
	"time"

	"one-api/internal/api"
	"one-api/internal/limit"
	"one-api/internal/relay"
	"one-api/internal/telemetry"
)

// connect prepares what nodes tell each other through Redis. Whether it answers
// is found out later: a node starts without it.
func (a *App) connect(ctx context.Context) error {
	if a.options.Redis == "" {
		return nil
	}
	installation, err := a.Store.Installation(ctx)
	if err != nil {
		return err
	}
	a.relay, err = relay.New(relay.Options{URL: a.options.Redis, Installation: installation, Node: a.node.ID, Log: a.log})
	return err
}

// limiter counts on all nodes when there is a Redis.
func (a *App) limiter() *limit.Limiter {
	if a.relay == nil {
		return limit.New(nil)
	}
	return limit.NewShared(a.relay)
}

// tell tells the other nodes, when there is a Redis.
func (a *App) tell(e relay.Event) {
	if a.relay != nil {
		a.relay.Tell(e)
	}
}

// hear acts on what another node tells. All of it would be found in the
// database a little later.
func (a *App) hear(e relay.Event) {
	switch e.Kind {
	case relay.Changed:
		select {
		case a.relook <- struct{}{}:
		default: // it will look anyway
		}
	case relay.Waiting:
		a.Worker.Wake()
	case relay.Ended:
		a.callers.Ended(e.Subject)
		a.console.Ended(e.Subject)
		a.Worker.Ended()
	}
}

// runRelay keeps in touch with the other nodes until the context ends.
func (a *App) runRelay(ctx context.Context, wg *sync.WaitGroup) {
	if a.relay == nil {
		return
	}
	wg.Go(func() { a.relay.Run(ctx, a.hear) })
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.relook:
			}
			if err := a.Store.Refresh(ctx); err != nil && ctx.Err() == nil {
				a.log.Debug("could not refresh the directory at another node's word", "err", err)
			}
		}
	})
}

// beat is how often a node tells the others that it is there.
const beat = 10 * time.Second

// heartbeat keeps the node's row in table nodes, and removes it at the end.
func (a *App) heartbeat(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for failing := false; ; {
		n := a.node
		n.ClockOffset, n.DirectoryAge, n.Draining = a.Store.ClockOffset(), a.Store.DirectoryAge(), a.draining.Load()
		err := a.Store.SeeNode(ctx, n)
		if err != nil && ctx.Err() == nil && !failing {
			a.log.Warn("could not tell the other nodes that this one is there", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if err := a.Store.ForgetNode(last, n.ID); err != nil {
				a.log.Debug("could not remove the node's row; it is forgotten in an hour", "err", err)
			}
			return
		case <-tick.C:
		}
	}
}

// serveMetrics serves /metrics on the listener of the options until the context
// ends.
func (a *App) serveMetrics(ctx context.Context, wg *sync.WaitGroup) {
	l := a.options.Metrics
	if l == nil {
		return
	}
	srv := &http.Server{Handler: a.metrics.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	wg.Go(func() { _ = srv.Serve(l) }) // ends by Close
	wg.Go(func() {
		<-ctx.Done()
		_ = srv.Close()
	})
}

// count notes an answered request for the metrics.
func (a *App) count(r *http.Request, route string, status int, took time.Duration) {
	a.metrics.Request(r.Method, route, status)
	if api.Creates(route) {
		a.metrics.Create(status, took)
	}
}

// watchFigures tells the metrics where to find what is not counted but looked
// up.
func (a *App) watchFigures() {
	st := a.Store
	since := func(at time.Time, ok bool) map[string]float64 {
		if !ok {
			return map[string]float64{"": 0}
		}
		return map[string]float64{"": max(0, st.Now().Sub(at).Seconds())}
	}
	gauges := []telemetry.Gauge{
		{Name: "tasks", Help: "Tasks that have not ended, on all nodes, by status.", Label: "status", Read: func(ctx context.Context) map[string]float64 {
			live, err := st.LiveTasks(ctx)
			if err != nil {
				return nil
			}
			out := map[string]float64{"unknown": 0}
			for status, n := range live {
				out[status] = float64(n)
			}
			return out
		}},
		{Name: "oldest_due_check_seconds", Help: "How long the check of a task has been due that waits longest.", Read: func(ctx context.Context) map[string]float64 {
			at, ok, err := st.NextDue(ctx)
			if err != nil {
				return nil
			}
			return since(at, ok)
		}},
		{Name: "oldest_undelivered_event_seconds", Help: "Age of the oldest event that still waits for its receiver.", Read: func(ctx context.Context) map[string]float64 {
			at, ok, err := st.OldestUndelivered(ctx)
			if err != nil {
				return nil
			}
			return since(at, ok)
		}},
		{Name: "commit_queue", Help: "Writes of the hot path that wait for a transaction.", Read: telemetry.One(func() float64 { return float64(st.WritesWaiting()) })},
		{Name: "directory_age_seconds", Help: "Time since this node last looked for changed tokens, users, channels, prices and settings.", Read: telemetry.One(func() float64 { return st.DirectoryAge().Seconds() })},
		{Name: "clock_offset_seconds", Help: "By how much the database's clock is ahead of this node's.", Read: telemetry.One(func() float64 { return st.ClockOffset().Seconds() })},
		{Name: "db_connections", Help: "Open connections to the database.", Label: "pool", Read: func(context.Context) map[string]float64 {
			return a.byPool(func(s sql.DBStats) float64 { return float64(s.OpenConnections) })
		}},
		{Name: "db_connections_in_use", Help: "Connections to the database that are at work.", Label: "pool", Read: func(context.Context) map[string]float64 {
			return a.byPool(func(s sql.DBStats) float64 { return float64(s.InUse) })
		}},
		{Name: "db_waits_total", Help: "Statements that had to wait for a connection.", Counter: true, Label: "pool", Read: func(context.Context) map[string]float64 {
			return a.byPool(func(s sql.DBStats) float64 { return float64(s.WaitCount) })
		}},
		{Name: "db_wait_seconds_total", Help: "Time that statements waited for a connection.", Counter: true, Label: "pool", Read: func(context.Context) map[string]float64 {
			return a.byPool(func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() })
		}},
	}
	if r := a.relay; r != nil {
		gauges = append(gauges,
			telemetry.Gauge{Name: "redis_up", Help: "1 while Redis answers.", Read: telemetry.One(func() float64 {
				if r.Up() {
					return 1
				}
				return 0
			})},
			telemetry.Gauge{Name: "redis_losses_total", Help: "Times that Redis was lost.", Counter: true, Read: telemetry.One(func() float64 { return float64(r.Losses()) })},
			telemetry.Gauge{Name: "redis_fallbacks_total", Help: "Limits that this node had to decide by itself.", Counter: true, Read: telemetry.One(func() float64 { return float64(r.Fallbacks()) })},
		)
	}
	a.metrics.Watch(gauges...)
}

// byPool is one figure of each pool of connections.
func (a *App) byPool(of func(sql.DBStats) float64) map[string]float64 {
	out := map[string]float64{}
	for pool, s := range a.Store.PoolStats() {
		out[pool] = of(s)
	}
	return out
}
