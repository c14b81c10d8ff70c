package main

import (
	"context"
	"fmt"
	"strings"

	"one-api/internal/fault"
	"one-api/internal/reconciliation"
	"one-api/internal/video"
)

type reconcileCmd struct {
	reading
	Channel int64  `required:"" placeholder:"ID" help:"Whose bills to read, see channel list."`
	From    string `required:"" placeholder:"TIME" help:"Begin of the window: 2026-01-31, 2026-01-31T08:00:00Z, or 24h or 7d ago."`
	To      string `default:"0h" placeholder:"TIME" help:"End of the window; now when left out."`
}

func (c *reconcileCmd) Help() string {
	return "Reads what the upstream deducted from the account and compares it with the tasks that were charged here: bills without a task, tasks without a bill, other amounts, totals by model. It changes nothing and needs an API key on the channel. Deductions are listed up to 12 hours late: a task that ended more recently counts as no difference. Ends with 1 when there are differences."
}

func (c *reconcileCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	from, err := parseTime("--from", c.From, d.Now(), -1)
	if err != nil {
		return err
	}
	to, err := parseTime("--to", c.To, d.Now(), -1)
	if err != nil {
		return err
	}
	ch, err := d.Channel(ctx, c.Channel)
	if err != nil {
		return err
	}
	if ch.KeyProblem != "" {
		return fault.New(fault.Unprocessable, "%s", ch.KeyProblem)
	}
	ups := upstreams()
	p, ok := ups.OfType(ch.Type)
	if !ok {
		return fault.New(fault.Unprocessable, "Channel %d is of type %d, which this gateway does not know.", ch.ID, ch.Type)
	}
	name := ""
	for _, driver := range ups.Drivers() {
		if driver.ChannelType == ch.Type {
			name = driver.Name
		}
	}
	_, done := t.progress("reading the bills")
	r, err := reconciliation.Compare(ctx, d.Store, p, name, &ch.Channel, from, to)
	done()
	if err != nil {
		return err
	}
	if c.JSON {
		err = t.json(r)
	} else {
		err = t.reconciled(&r)
	}
	if err == nil && !r.Agree {
		err = fmt.Errorf("%d differences", r.Differences)
	}
	return err
}

// amounts writes deductions for people: "2.4 video_unit, 0.168 USD".
func amounts(costs []video.Cost) string {
	var out []string
	for _, c := range costs {
		unit := c.Unit
		if unit == "" {
			unit = "units"
		}
		out = append(out, c.Amount+" "+unit)
	}
	return strings.Join(out, ", ")
}

func (t *terminal) reconciled(r *reconciliation.Reconciliation) error {
	var rows [][]any
	for _, c := range r.UpstreamOnly {
		rows = append(rows, []any{"billed, no task here", "", c.UpstreamID, c.Model, c.At, amounts(c.Costs), "key " + c.KeyName})
	}
	for _, c := range r.Uncharged {
		about := "task " + c.Status
		if c.LossBooked {
			about += ", loss booked"
		}
		rows = append(rows, []any{"billed, not charged", c.TaskID, c.UpstreamID, c.Model, c.At, amounts(c.Costs), about})
	}
	for _, u := range r.Unbilled {
		about := ""
		if u.Recent {
			about = "recent: the bill may come"
		}
		rows = append(rows, []any{"charged, not billed", u.TaskID, u.UpstreamID, u.Model, u.SettledAt, u.Charged.USD() + " USD charged", about})
	}
	for _, a := range r.Amounts {
		rows = append(rows, []any{"other amount", a.TaskID, a.UpstreamID, a.Model, nil, amounts(a.Billed), "the task says " + amounts(a.Stored)})
	}
	if len(rows) > 0 {
		if err := t.table("WHAT | TASK | UPSTREAM TASK | MODEL | AT | AMOUNT | ABOUT", rows); err != nil {
			return err
		}
		if err := t.print("\n"); err != nil {
			return err
		}
	}
	rows = nil
	for _, m := range r.Totals {
		cost, margin := m.Cost.USD(), m.Margin.USD()
		if !m.CostKnown {
			cost, margin = "unknown", "unknown"
		}
		rows = append(rows, []any{m.Model, m.Tasks, m.Charges, m.Charged.USD(), amounts(m.Billed), cost, margin})
	}
	if err := t.table("MODEL | TASKS | BILLS | CHARGED USD | BILLED | COST USD | MARGIN USD", rows); err != nil {
		return err
	}
	t.note("%s", r.Note)
	if r.Agree {
		return t.print("%d tasks and %d bills agree.\n", r.Tasks, r.Charges)
	}
	return nil
}
