package main

import (
	"context"
	"time"

	"one-api/internal/store"
)

type migrateCmd struct {
	reading
	Status bool `help:"Only show which migrations there are; change nothing."`
}

func (c *migrateCmd) Help() string {
	return "The gateway and every command do this by themselves when they open the database; of several at once, one migrates. Do it by hand before a new version starts, after a backup."
}

// migrationView is one step of the tables.
type migrationView struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	State     string     `json:"state"` // applied, pending
	AppliedAt *time.Time `json:"applied_at,omitempty"`
}

func (c *migrateCmd) Run(ctx context.Context, t *terminal) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	before, err := store.Migrations(ctx, s.DSN)
	if err != nil {
		return err
	}
	after := before
	if !c.Status {
		_, done := t.progress("migrating")
		d, err := c.open(ctx)
		done()
		if err != nil {
			return err
		}
		d.Close()
		if after, err = store.Migrations(ctx, s.DSN); err != nil {
			return err
		}
	}
	out := list[migrationView]{Items: []migrationView{}}
	var rows [][]any
	done := 0
	for i, m := range after {
		v := migrationView{m.Version, m.Name, "pending", moment(m.AppliedAt)}
		switch {
		case m.Applied && !before[i].Applied:
			v.State = "applied now"
			done++
		case m.Applied:
			v.State = "applied"
		}
		rows = append(rows, []any{v.Version, v.Name, v.State, v.AppliedAt})
		if m.Applied {
			v.State = "applied"
		}
		out.Items = append(out.Items, v)
	}
	if c.JSON {
		return t.json(out)
	}
	if err := t.table("VERSION | NAME | STATE | AT", rows); err != nil || c.Status {
		return err
	}
	return t.print("%d migrations applied now\n", done)
}
