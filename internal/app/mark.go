package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"one-api/internal/fault"
	"one-api/internal/store"
)

// mark is how far a database had come when this node last looked.
type mark struct {
	Database  string    `json:"database"`
	Heartbeat time.Time `json:"heartbeat"`
}

// markGap is how often the mark is moved: a backup that is younger than this is
// not told from the database itself.
const markGap = 10 * time.Second

// checkMark turns recovery on when the database is older than it was: somebody
// has put a backup in its place.
func (a *App) checkMark(ctx context.Context) error {
	if a.options.MarkFile == "" {
		return nil
	}
	b, err := os.ReadFile(a.options.MarkFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m mark
	if err := json.Unmarshal(b, &m); err != nil {
		a.log.WarnContext(ctx, "the file that remembers how far the database had come is damaged; it is made anew", "file", a.options.MarkFile, "err", err)
		return nil
	}
	id, heartbeat, err := a.Store.Life(ctx)
	if err != nil || id != m.Database || !heartbeat.Before(m.Heartbeat) {
		return err
	}
	err = a.Store.EnterRecovery(ctx, store.Gateway, fmt.Sprintf("the database is of %s, and had come to %s", heartbeat.Format(time.RFC3339), m.Heartbeat.Format(time.RFC3339)))
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	if err == nil {
		a.log.WarnContext(ctx, "the database is older than it was: a backup was restored; recovery is on and no orders are taken", "database_at", heartbeat, "was_at", m.Heartbeat)
	}
	return err
}

// keepMark moves the mark until the context ends, and then once more.
func (a *App) keepMark(ctx context.Context) {
	if a.options.MarkFile == "" {
		return
	}
	tick := time.NewTicker(markGap)
	defer tick.Stop()
	for failing, more := false, true; more; {
		// The database first: the mark must never be ahead of it.
		err := a.moveMark(context.WithoutCancel(ctx))
		if err != nil && !failing {
			a.log.WarnContext(ctx, "could not remember how far the database has come", "file", a.options.MarkFile, "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			more = false
			_ = a.moveMark(context.WithoutCancel(ctx)) // told above, if it fails for long
		case <-tick.C:
		}
	}
}

func (a *App) moveMark(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := a.Store.Beat(ctx); err != nil {
		return err
	}
	id, heartbeat, err := a.Store.Life(ctx)
	if err != nil {
		return err
	}
	b, err := json.Marshal(mark{Database: id, Heartbeat: heartbeat})
	if err != nil {
		return err
	}
	part := a.options.MarkFile + ".part"
	if err := os.WriteFile(part, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(part, a.options.MarkFile)
}
