package main

import (
	"context"
	"fmt"
)

type verifyCmd struct{ reading }

func (c *verifyCmd) Help() string {
	return "Adds up the journal and compares it with every balance, hold, budget and task. It changes nothing, may run beside the gateway, and ends with 1 when something does not agree."
}

// mismatch is something that the books say and the rows do not.
type mismatch struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

func (c *verifyCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	_, done := t.progress("verifying")
	found, err := d.Verify(ctx)
	done()
	if err != nil {
		return err
	}
	out := []mismatch{}
	for _, m := range found {
		out = append(out, mismatch(m))
	}
	if c.JSON {
		err = t.json(map[string]any{"ok": len(out) == 0, "mismatches": out})
	} else {
		for _, m := range out {
			err = t.print("%s %s: %s\n", m.Kind, m.ID, m.Detail)
		}
	}
	if err != nil {
		return err
	}
	if len(out) > 0 {
		return fmt.Errorf("%d mismatches", len(out))
	}
	if c.JSON {
		return nil
	}
	return t.print("The books agree.\n")
}
