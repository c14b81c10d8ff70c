package main

import (
	"context"
	"fmt"
	"net/http"

	"one-api/internal/provider/kling/klingsim"
)

// orders measures the write path and reads the statuses of what was ordered.
func orders(ctx context.Context, o options) error {
	acc := klingsim.DemoAccount()
	acc.Concurrency, acc.APIKeys = -1, nil
	w, err := newWorld(ctx, o, []klingsim.Account{acc})
	if err != nil {
		return err
	}
	defer w.close()

	warm := min(o.orders/10, 1000)
	if _, _, err := w.order(ctx, warm, w.orderLegacy("")); err != nil {
		return err
	}
	before := w.g.cpu()
	ids, r, err := w.order(ctx, o.orders, w.orderLegacy(""))
	if err != nil {
		return err
	}
	r.print(o, "submits", w.g.cpu()-before)

	before = w.g.cpu()
	r, err = load(ctx, w.client, o.clients, o.reads, func(n int) *http.Request {
		return w.g.request(http.MethodGet, "/kling/v1/videos/"+ids[n*7919%len(ids)], "")
	}, nil)
	if err != nil {
		return err
	}
	r.print(o, "status reads", w.g.cpu()-before)
	o.line("gateway RSS", "%d MB", w.g.rss()>>20)

	// The count slows the process down, so that it has orders of its own.
	counted := o.orders / 4
	stop, how := w.countFsyncs(ctx)
	if _, _, err := w.order(ctx, counted, w.orderLegacy("")); err != nil {
		return err
	}
	if n, err := stop(); err != nil {
		o.line("fsyncs", "not counted: %v", err)
	} else {
		o.line("fsyncs", "%.3f an order over %d orders, by %s", float64(n)/float64(counted), counted, how)
	}
	writes, commits, err := w.g.stop()
	if err != nil {
		return err
	}
	sent := warm + o.orders + counted
	o.line("group commit", "%.3f commits and %.2f writes an order, %.1f writes a commit",
		float64(commits)/float64(sent), float64(writes)/float64(sent), float64(writes)/float64(commits))
	if n := len(w.sim.Tasks()); n != sent {
		return fmt.Errorf("the upstream has %d tasks for %d orders", n, sent)
	}
	return nil
}
