package main

import (
	"context"
	"log/slog"

	"one-api/internal/console"
	"one-api/internal/fault"
	"one-api/internal/store"
)

type restoreCmd struct {
	database
	From string `required:"" placeholder:"FILE" help:"A copy made by one-api backup."`
	destroying
}

func (c *restoreCmd) Help() string {
	return "Stop the gateway first; the command refuses while somebody has the database open. What was there is kept beside it. The gateway then starts in recovery: it takes no orders until it has asked the upstreams what happened since the backup. For MySQL, MariaDB and PostgreSQL load the dump with their own tools, then one-api recovery on, then start."
}

func (c *restoreCmd) Run(ctx context.Context, t *terminal) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	if store.DialectOf(s.DSN) != store.SQLite {
		return fault.New(fault.Unprocessable, "This database is not SQLite: load the dump with its own tools while the gateway is stopped, then: one-api recovery on")
	}
	keys, err := s.MasterKey()
	if err != nil {
		return configError{err}
	}
	if err := t.confirm(c.destroying, "Put %s in the place of the database?", c.From); err != nil {
		return err
	}
	_, done := t.progress("restoring")
	kept, err := store.Restore(ctx, store.Options{DSN: s.DSN, Keys: keys, Log: slog.New(slog.DiscardHandler)}, c.From)
	done()
	if err != nil {
		return err
	}
	if err := t.print("%s is in place, and recovery is on. Start the gateway, then: one-api recovery status\n", c.From); err != nil {
		return err
	}
	if kept != "" {
		t.note("What was there is in %s.", kept)
	}
	return nil
}

type recoveryCmd struct {
	On     recoveryOnCmd     `cmd:"" help:"Begin recovery, after a dump was loaded by hand." example:"one-api recovery on --reason 'dump of 03:00'"`
	Status recoveryStatusCmd `cmd:"" help:"Show what is left to be found out, and upstream tasks that nobody here knows." example:"one-api recovery status\none-api recovery status --json"`
	Off    recoveryOffCmd    `cmd:"" help:"End recovery and take orders again." example:"one-api recovery off"`
}

type recoveryOnCmd struct {
	reading
	Reason string `default:"switched on by hand" help:"For the audit."`
}

func (c *recoveryOnCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.EnterRecovery(ctx, store.CLI, c.Reason); err != nil {
		return err
	}
	return showRecovery(ctx, t, d, c.JSON)
}

type recoveryStatusCmd struct{ reading }

func (c *recoveryStatusCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	return showRecovery(ctx, t, d, c.JSON)
}

type recoveryOffCmd struct {
	reading
	Force bool `help:"Though something is left to be found out. Tasks of which nobody knows whether they were sent end without charge."`
}

func (c *recoveryOffCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.LeaveRecovery(ctx, store.CLI, c.Force); err != nil {
		return err
	}
	return showRecovery(ctx, t, d, c.JSON)
}

func showRecovery(ctx context.Context, t *terminal, d *desk, asJSON bool) error {
	state, err := d.Recovery(ctx)
	if err != nil {
		return err
	}
	r := console.ShowRecovery(&state)
	if asJSON {
		return t.json(r)
	}
	if r.Active {
		err = t.print("Recovery is on since %s: %s. The backup is of %s.\n%d of %d tasks of the backup have no answer yet.\n", cell(state.StartedAt), r.Reason, cell(state.BackupAt), r.Open, r.Tasks)
	} else {
		err = t.print("Recovery is off.\n")
	}
	if err != nil {
		return err
	}
	var rows [][]any
	if r.Active {
		for _, c := range r.Channels {
			rows = append(rows, []any{c.ChannelID, c.Name, c.Read, c.Tasks, c.Problem})
		}
		if err := t.table("CHANNEL | NAME | READ | TASKS | PROBLEM", rows); err != nil {
			return err
		}
	}
	if len(r.Orphans) > 0 {
		rows = nil
		for _, o := range r.Orphans {
			rows = append(rows, []any{o.ChannelID, o.UpstreamID, o.Ref, o.Status, amounts(o.Costs), o.Note})
		}
		if err := t.table("CHANNEL | UPSTREAM TASK WITHOUT ONE HERE | OUR ID | STATUS | BILLED | NOTE", rows); err != nil {
			return err
		}
	}
	switch {
	case !r.Active:
	case r.Done:
		return t.print("Nothing is left to be found out. one-api recovery off lets the gateway take orders.\n")
	default:
		t.note("The running gateway goes on asking; look again in a minute.")
	}
	return nil
}
