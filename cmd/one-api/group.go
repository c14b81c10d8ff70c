package main

import (
	"context"

	"one-api/internal/money"
	"one-api/internal/store"
)

type groupCmd struct {
	List   groupListCmd   `cmd:"" help:"List the groups." example:"one-api group list"`
	Create groupCreateCmd `cmd:"" help:"Make a group." example:"one-api group create vip --ratio 0.8 --title 'Good customers'"`
	Set    groupSetCmd    `cmd:"" help:"Change a group." example:"one-api group set vip --ratio 0.75"`
	Delete groupDeleteCmd `cmd:"" help:"Delete a group without users." example:"one-api group delete vip"`
}

// groupView is a group as the management API shows it.
type groupView struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Ratio   string `json:"ratio"`
	Users   int64  `json:"users"`
	Version int64  `json:"version"`
}

func viewGroup(g store.Group) groupView {
	return groupView{g.Name, g.Title, g.Ratio.String(), g.Users, g.Version}
}

func (t *terminal) group(g store.Group, asJSON bool) error {
	if asJSON {
		return t.json(viewGroup(g))
	}
	return t.print("group  %s, ratio %s, %d users\n", g.Name, g.Ratio, g.Users)
}

type groupListCmd struct{ reading }

func (c *groupListCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	groups, err := d.Groups(ctx)
	if err != nil {
		return err
	}
	out := listOf(groups, len(groups), viewGroup, nil)
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, g := range out.Items {
		rows = append(rows, []any{g.Name, g.Ratio, g.Users, g.Title})
	}
	return t.table("NAME | RATIO | USERS | TITLE", rows)
}

func ratio(text string) (money.Decimal, error) {
	r, err := money.ParseDecimal(text)
	if err != nil {
		return r, misused("--ratio: %q is no number like 0.8 or 1: %v", text, err)
	}
	return r, nil
}

type groupCreateCmd struct {
	reading
	Name  string `arg:"" help:"Name of the group."`
	Ratio string `default:"1" help:"Its users pay this times the list price."`
	Title string `help:"Name for people."`
}

func (c *groupCreateCmd) Run(ctx context.Context, t *terminal) error {
	r, err := ratio(c.Ratio)
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	g, err := d.CreateGroup(ctx, store.CLI, store.Group{Name: c.Name, Title: c.Title, Ratio: r})
	if err != nil {
		return err
	}
	return t.group(g, c.JSON)
}

type groupSetCmd struct {
	reading
	Name  string  `arg:"" help:"Name of the group."`
	Ratio *string `help:"Its users pay this times the list price."`
	Title *string `help:"Name for people."`
}

func (c *groupSetCmd) Run(ctx context.Context, t *terminal) error {
	p := store.GroupPatch{Title: c.Title}
	if c.Ratio != nil {
		r, err := ratio(*c.Ratio)
		if err != nil {
			return err
		}
		p.Ratio = &r
	}
	if p == (store.GroupPatch{}) {
		return misused("say what to change: --ratio or --title")
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	was, err := d.Group(ctx, c.Name)
	if err != nil {
		return err
	}
	p.Version = was.Version
	g, err := d.UpdateGroup(ctx, store.CLI, c.Name, p)
	if err != nil {
		return err
	}
	return t.group(g, c.JSON)
}

type groupDeleteCmd struct {
	database
	Name string `arg:"" help:"Name of the group."`
	destroying
}

func (c *groupDeleteCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	g, err := d.Group(ctx, c.Name)
	if err != nil {
		return err
	}
	if err := t.confirm(c.destroying, "Delete group %s (ratio %s)?", g.Name, g.Ratio); err != nil {
		return err
	}
	if err := d.DeleteGroup(ctx, store.CLI, g.Name); err != nil {
		return err
	}
	return t.print("group %s is deleted\n", g.Name)
}
