package main

import (
	"one-api/internal/config"
)

type configCmd struct {
	config.Config `embed:""`
	JSON          bool `name:"json" help:"Print one JSON document."`
}

func (c *configCmd) Run(t *terminal, fromFile envFile) error {
	values := c.InForce(fromFile)
	var err error
	if c.JSON {
		err = t.json(map[string]any{"items": values})
	} else {
		var rows [][]any
		for _, v := range values {
			rows = append(rows, []any{v.Name, v.Value, v.Source})
		}
		err = t.table("", rows)
	}
	if err != nil {
		return err
	}
	if _, err := c.Parse(); err != nil {
		return configError{err}
	}
	return nil
}
