package main

import (
	"context"
	"os"
	"slices"
	"time"
)

// starts measures the start and the memory of a gateway with nothing to do.
func starts(ctx context.Context, o options) error {
	info, err := os.Stat(o.binary)
	if err != nil {
		return err
	}
	o.line("binary", "%.1f MB", float64(info.Size())/1e6)
	db, err := newDatabase(o)
	if err != nil {
		return err
	}
	defer db.close()
	g, err := startGateway(ctx, o, db)
	if err != nil {
		return err
	}
	o.line("first start", "%d ms, makes the tables and the first administrator", g.started.Milliseconds())
	if _, _, err := g.stop(); err != nil {
		return err
	}
	return startAgain(ctx, o, db, "empty database")
}

// startAgain starts a gateway on a database that has been in use.
func startAgain(ctx context.Context, o options, db *database, what string) error {
	var took []time.Duration
	var rss int64
	for i := range o.starts {
		g, err := startGateway(ctx, o, db)
		if err != nil {
			return err
		}
		took = append(took, g.started)
		if i == o.starts-1 {
			err = pause(ctx, o.idle)
			rss = g.rss()
		}
		if _, _, stopErr := g.stop(); err == nil {
			err = stopErr
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(took)
	o.line("start, "+what, "median %d ms of %d starts, RSS %d MB after %s", took[len(took)/2].Milliseconds(), len(took), rss>>20, o.idle)
	return nil
}
