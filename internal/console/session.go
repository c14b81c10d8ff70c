package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/money"
	"one-api/internal/secret"
)

// Me is the signed-in user.
type Me struct {
	ID        int64       `json:"id"`
	Name      string      `json:"name"`
	Role      string      `json:"role" enum:"root,admin,user"`
	Group     string      `json:"group"`
	Available money.Quota `json:"available" doc:"Quota that can be spent; 500000 are 1 USD."`
	Held      money.Quota `json:"held" doc:"Quota set aside for live tasks."`
}

// PersonalToken is a token for this API; its text is shown once.
type PersonalToken struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix"`
	Text       string     `json:"token,omitempty" doc:"Only in the answer that makes it."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

type signIn struct {
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"64"`
		Password string `json:"password" minLength:"1" maxLength:"256"`
	}
}

func (c *Console) session() {
	tags := []string{"session"}
	register(c, open, huma.Operation{OperationID: "sign-in", Method: http.MethodPost, Path: "/api/session", Summary: "Sign in with a password", Tags: tags}, c.signIn)
	register(c, signed, huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/api/session", Summary: "Sign out", Tags: tags, DefaultStatus: http.StatusNoContent}, c.signOut)
	register(c, signed, huma.Operation{OperationID: "get-me", Method: http.MethodGet, Path: "/api/me", Summary: "Who am I", Tags: []string{"me"}}, c.me)
}

// signInsPerMinute bounds guesses per name and per address.
const signInsPerMinute = 10

// noSuchHash is compared with when the name is unknown, so that both refusals
// take the same time.
var noSuchHash = sync.OnceValue(func() string { return auth.HashPassword(secret.Text("no such user")) })

func (c *Console) signIn(ctx context.Context, _ *Viewer, in *signIn) (*One[Me], error) {
	r := request(ctx)
	from := httpkit.ClientAddr(r, c.Trusted).String()
	for _, key := range []string{"sign-in name " + in.Body.Name, "sign-in from " + from} {
		if wait, ok := c.Limit.Allow(key, signInsPerMinute, signInsPerMinute); !ok {
			return nil, fault.New(fault.Throttled, "Too many sign-ins. Wait a moment.").Named("rate_limited").After(wait)
		}
	}
	who, err := c.Store.SignInByName(ctx, in.Body.Name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	hash := who.PasswordHash
	if hash == "" {
		hash = noSuchHash()
	}
	ok, err := auth.CheckPassword(hash, secret.Text(in.Body.Password))
	if err != nil {
		return nil, err
	}
	if !ok || who.PasswordHash == "" || who.User.Status != account.Enabled {
		c.Log.WarnContext(ctx, "sign-in refused", "name", in.Body.Name, "from", from)
		return nil, fault.New(fault.Unauthenticated, "The name or the password is wrong.").Named("wrong_credentials")
	}
	text, err := c.Store.CreateSession(ctx, who.User.ID, from, r.UserAgent())
	if err != nil {
		return nil, err
	}
	c.setSession(ctx, text)
	return c.showMe(ctx, &who.User)
}

func (c *Console) signOut(ctx context.Context, v *Viewer, _ *struct{}) (*None, error) {
	if v.Session != "" {
		if err := c.Store.DeleteSession(ctx, v.User.ID, v.Session); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	c.setSession(ctx, "")
	return nil, nil
}

func (c *Console) me(ctx context.Context, v *Viewer, _ *struct{}) (*One[Me], error) {
	return c.showMe(ctx, v.User)
}

func (c *Console) showMe(ctx context.Context, u *account.User) (*One[Me], error) {
	b, err := c.Store.Balance(ctx, u.ID, false)
	if err != nil {
		return nil, err
	}
	return &One[Me]{Me{ID: u.ID, Name: u.Name, Role: string(u.Role), Group: u.Group, Available: b.Available, Held: b.Held}}, nil
}
