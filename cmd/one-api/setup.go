package main

import (
	"context"

	"one-api/internal/console"
	"one-api/internal/fault"
	"one-api/internal/store"
)

type setupCmd struct {
	reading
	Name          string `default:"root" help:"Name of the administrator, to sign in with."`
	PasswordStdin bool   `help:"Read a password for the console from standard input."`
}

func (c *setupCmd) Help() string {
	return "Makes the administrator with an opening balance, and a token that is shown once. It does so once: of several that try, one succeeds."
}

func (c *setupCmd) Run(ctx context.Context, t *terminal) error {
	hash := ""
	if c.PasswordStdin {
		var err error
		if hash, err = newPassword(t, c.Name); err != nil {
			return err
		}
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	u, err := d.CreateFirstUser(ctx, store.CLI, c.Name, hash, "")
	if fault.Is(err, fault.Conflict) && fault.From(err).Reason == "already_set_up" {
		return fault.New(fault.Conflict, "There are users already. Make a token with: one-api token create --user NAME --name laptop")
	}
	if err != nil {
		return err
	}
	made, text, err := d.CreateToken(ctx, store.NewToken{By: store.CLI, UserID: u.ID, Name: "initial"})
	if err != nil {
		return err
	}
	if !c.JSON {
		if err := t.print("user       %d %s\n", u.ID, u.Name); err != nil {
			return err
		}
	}
	if err := t.newToken(ctx, d, made, text, c.JSON); err != nil {
		return err
	}
	if hash == "" {
		address := d.settings.ServerAddress
		if address == "" {
			address = "http://127.0.0.1:" + c.Port
		}
		link, err := console.NewSignInLink(ctx, d.Store, u.ID, address)
		if err != nil {
			return err
		}
		t.note("To open the console, once, within an hour: %s", link)
		t.note("For a password: one-api user reset-password %s", u.Name)
	}
	return nil
}
