package app

import (
	"context"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
)

// rootName is the sign-in name of the first administrator.
const rootName = "root"

// OpeningBalance is what the first administrator can spend: enough to never
// think of it. It is an entry in the ledger like any other grant.
const OpeningBalance = 1_000_000_000 * money.QuotaPerUSD

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
	return err
}

// MakeRoot makes the first administrator with its opening balance and, when a
// token is given, that token.
func MakeRoot(ctx context.Context, s *store.Store, o Options) (account.User, error) {
	n := store.NewUser{Name: rootName, Role: account.Root}
	if o.RootPassword != "" {
		n.PasswordHash = auth.HashPassword(o.RootPassword)
	}
	u, err := s.CreateUser(ctx, n)
	if err != nil {
		return u, err
	}
	if err := s.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, u.ID, OpeningBalance, "opening balance", "gateway",
		"opening balance of the first administrator", s.Now())); err != nil {
		return u, err
	}
	if o.RootToken != "" {
		_, _, err = s.CreateToken(ctx, store.NewToken{UserID: u.ID, Name: "initial", Text: o.RootToken})
	}
	return u, err
}
