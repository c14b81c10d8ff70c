package app

import (
	"context"
	"net"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/console"
	"one-api/internal/fault"
	"one-api/internal/store"
)

// rootName is the sign-in name of the first administrator.
const rootName = "root"

// OpeningBalance is what the first administrator can spend.
const OpeningBalance = store.OpeningBalance

// firstStart makes the first administrator when the environment gives a
// password or a token and nobody exists yet.
func (a *App) firstStart(ctx context.Context) error {
	o := a.options
	if o.RootPassword == "" && o.RootToken == "" {
		return nil
	}
	n, err := a.Store.UserCount(ctx)
	if err != nil || n > 0 {
		return err
	}
	_, err = MakeRoot(ctx, a.Store, o)
	if fault.Is(err, fault.Conflict) && fault.From(err).Word() == "already_set_up" {
		return nil // another node was first
	}
	return err
}

// MakeRoot makes the first administrator with its opening balance and, when a
// token is given, that token. Conflict (already_set_up): somebody exists.
func MakeRoot(ctx context.Context, s *store.Store, o Options) (account.User, error) {
	hash := ""
	if o.RootPassword != "" {
		hash = auth.HashPassword(o.RootPassword)
	}
	u, err := s.CreateFirstUser(ctx, store.Actor{}, rootName, hash, "")
	if err != nil {
		return u, err
	}
	if o.RootToken != "" {
		_, _, err = s.CreateToken(ctx, store.NewToken{UserID: u.ID, Name: "initial", Text: o.RootToken})
	}
	return u, err
}

// SetupLink is the one-time link that makes the first administrator, "" when
// somebody exists. Without SERVER_ADDRESS it leads to this machine.
func (a *App) SetupLink(ctx context.Context, listens net.Addr) (string, error) {
	address := a.options.ServerAddress
	if address == "" {
		_, port, err := net.SplitHostPort(listens.String())
		if err != nil {
			return "", err
		}
		address = "http://" + net.JoinHostPort("localhost", port)
	}
	return console.NewSetupLink(ctx, a.Store, address)
}
