package console

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// SignInMethods is what a sign-in page offers.
type SignInMethods struct {
	Password     bool   `json:"password"`
	Passkeys     bool   `json:"passkeys" doc:"False where browsers allow none: without https and a name, other than on localhost."`
	OIDC         string `json:"oidc,omitempty" doc:"Name of the provider on the button; sign-in begins at GET /api/session/oidc."`
	Registration string `json:"registration" enum:"closed,open,invite"`
}

type signIn struct {
	Body struct {
		Name         string `json:"name" minLength:"1" maxLength:"64"`
		Password     string `json:"password" minLength:"1" maxLength:"256"`
		TOTP         string `json:"totp,omitempty" maxLength:"10" doc:"Code of the second factor, after an answer totp_required."`
		RecoveryCode string `json:"recovery_code,omitempty" maxLength:"40" doc:"Instead of totp; works once."`
	}
}

func (c *Console) session() {
	tags := []string{"session"}
	register(c, open, huma.Operation{OperationID: "sign-in-methods", Method: http.MethodGet, Path: "/api/session/methods", Summary: "Ways to sign in", Tags: tags}, c.signInMethods)
	register(c, open, huma.Operation{OperationID: "sign-in", Method: http.MethodPost, Path: "/api/session", Summary: "Sign in with a password", Tags: tags}, c.signIn)
	register(c, open, huma.Operation{OperationID: "sign-in-by-link", Method: http.MethodPost, Path: "/api/session/link", Summary: "Sign in with a one-time link", Tags: tags,
		Description: "The link is printed on the gateway's machine, by one-api demo and one-api setup, and works once."}, c.signInByLink)
	register(c, signed, huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/api/session", Summary: "Sign out", Tags: tags, DefaultStatus: http.StatusNoContent}, c.signOut)
}

func (c *Console) signInMethods(ctx context.Context, _ *Viewer, _ *struct{}) (*One[SignInMethods], error) {
	m := SignInMethods{Password: true, Registration: string(c.Directory.View().Settings.Registration)}
	_, err := c.site(ctx)
	m.Passkeys = err == nil
	if c.OIDC != nil {
		m.OIDC = c.OIDC.Name
	}
	return &One[SignInMethods]{m}, nil
}

type signInByLink struct {
	Body struct {
		Ticket string `json:"ticket" minLength:"1" maxLength:"100" doc:"From the link."`
	}
}

// SignInLinkLife is how long a sign-in link is good for.
const SignInLinkLife = time.Hour

// NewSignInLink makes a link that signs a user in, once. Who can make one can
// do anything already: it is for commands on the gateway's machine, and no
// operation of the API makes one.
func NewSignInLink(ctx context.Context, s *store.Store, userID int64, address string) (string, error) {
	text, err := s.NewTicket(ctx, store.TicketSignIn, userID, nil, SignInLinkLife)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(address, "/") + "/sign-in?ticket=" + text.Reveal(), nil // its letters need no escaping
}

func (c *Console) signInByLink(ctx context.Context, v *Viewer, in *signInByLink) (*One[Me], error) {
	from := c.from(ctx)
	if err := c.limited("sign-in from "+from, signInsPerMinute, signInsPerMinute); err != nil {
		return nil, err
	}
	t, err := c.Store.TakeTicket(ctx, store.TicketSignIn, secret.Text(in.Body.Ticket))
	if err != nil {
		return nil, err
	}
	u, err := c.Store.User(ctx, t.UserID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err != nil || u.Status != account.Enabled {
		return nil, fault.New(fault.Unauthenticated, "This account is disabled.").Named("user_disabled")
	}
	return c.begin(ctx, v, u.ID, "a link")
}

const (
	// signInsPerMinute bounds guesses per name and per address.
	signInsPerMinute = 10
	// codesPerMinute bounds guesses of second factors, which are short, after
	// codesAtOnce that people may mistype.
	codesPerMinute = 1
	codesAtOnce    = 5
)

// limited refuses what happens too often.
func (c *Console) limited(key string, perMinute, burst int) error {
	if wait, ok := c.Limit.Allow(key, perMinute, burst); !ok {
		return fault.New(fault.Throttled, "Too many tries. Wait %s seconds.", seconds(wait)).Named("rate_limited").After(wait)
	}
	return nil
}

// from is the address of a request as limits and sessions have it.
func (c *Console) from(ctx context.Context) string {
	return httpkit.ClientAddr(request(ctx), c.Trusted).String()
}

// noSuchHash is compared with when there is no password, so that both refusals
// take the same time.
var noSuchHash = sync.OnceValue(func() string { return auth.HashPassword(secret.Text("no such user")) })

func (c *Console) signIn(ctx context.Context, v *Viewer, in *signIn) (*One[Me], error) {
	from := c.from(ctx)
	for _, key := range []string{"sign-in name " + in.Body.Name, "sign-in from " + from} {
		if err := c.limited(key, signInsPerMinute, signInsPerMinute); err != nil {
			return nil, err
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
	if err := c.secondFactor(ctx, who.User.ID, in.Body.TOTP, secret.Text(in.Body.RecoveryCode)); err != nil {
		return nil, err
	}
	return c.begin(ctx, v, who.User.ID, "password")
}

// secondFactor asks for a code when the user has set that up, and takes it.
func (c *Console) secondFactor(ctx context.Context, userID int64, code string, recovery secret.Text) error {
	t, err := c.Store.TOTP(ctx, userID)
	if fault.Is(err, fault.NotFound) || err == nil && !t.Confirmed {
		return nil
	}
	if err != nil {
		return err
	}
	if code == "" && recovery == "" {
		return fault.New(fault.Unauthenticated, "Send the code of your authenticator app too, as totp, or a recovery_code.").Named("totp_required")
	}
	if err := c.limited("second factor of "+viewerName(userID), codesPerMinute, codesAtOnce); err != nil {
		return err
	}
	var ok bool
	if code != "" {
		var step int64
		if step, ok = auth.TOTPStep(t.Secret, code, c.Store.Now()); ok {
			ok, err = c.Store.UseTOTPStep(ctx, userID, step)
		}
	} else {
		ok, err = c.Store.UseRecoveryCode(ctx, c.actor(ctx, userID), userID, recovery)
	}
	if err != nil {
		return err
	}
	if !ok {
		c.Log.WarnContext(ctx, "second factor refused", "user", userID, "from", c.from(ctx))
		return fault.New(fault.Unauthenticated, "The code is wrong or has been used. Wait for the next one.").Named("wrong_code")
	}
	return nil
}

// begin signs a user in: a new session, whatever the browser had.
func (c *Console) begin(ctx context.Context, v *Viewer, userID int64, how string) (*One[Me], error) {
	if v != nil && v.Session != "" {
		if err := c.Store.EndSession(ctx, v.Session); err != nil {
			return nil, err
		}
	}
	text, err := c.Store.CreateSession(ctx, userID, c.from(ctx), request(ctx).UserAgent())
	if err != nil {
		return nil, err
	}
	c.setSession(ctx, text)
	c.Log.InfoContext(ctx, "signed in", "user", userID, "with", how, "from", c.from(ctx))
	return c.showMe(ctx, userID)
}

func (c *Console) signOut(ctx context.Context, v *Viewer, _ *struct{}) (*None, error) {
	if v.Session != "" {
		if err := c.Store.EndSession(ctx, v.Session); err != nil {
			return nil, err
		}
	}
	c.setSession(ctx, "")
	return nil, nil
}

// Session is a sign-in as its user sees it. The id is no credential.
type Session struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at" doc:"To the minute."`
	ExpiresAt  time.Time `json:"expires_at"`
	Address    string    `json:"address"`
	Agent      string    `json:"agent" doc:"What the browser calls itself."`
	Current    bool      `json:"current" doc:"The one that asks."`
}

// SessionID picks a session.
type SessionID struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

func (c *Console) listSessions(ctx context.Context, v *Viewer, _ *struct{}) (*PageOut[Session], error) {
	list, err := c.Store.Sessions(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	return page(list, len(list), store.Session.ID, func(s store.Session) Session {
		return Session{
			ID: s.ID(), CreatedAt: *when(s.CreatedAt), LastSeenAt: *when(s.LastSeenAt), ExpiresAt: *when(s.ExpiresAt),
			Address: s.Address, Agent: s.Agent, Current: s.Hash == v.Session,
		}
	}), nil
}

func (c *Console) deleteSession(ctx context.Context, v *Viewer, in *SessionID) (*None, error) {
	return nil, c.Store.DeleteSession(ctx, v.User.ID, in.ID)
}

// registration is who may register now.
func (c *Console) registration() directory.Registration {
	return c.Directory.View().Settings.Registration
}
