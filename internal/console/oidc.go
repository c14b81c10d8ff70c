package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
)

// LinkedAccount is an account at the OIDC provider that signs its user in.
type LinkedAccount struct {
	ID         int64      `json:"id"`
	Issuer     string     `json:"issuer"`
	Label      string     `json:"label" doc:"What it is called there."`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// Redirect says where a browser goes on.
type Redirect struct {
	URL string `json:"url"`
}

// redirection is an answer that sends a browser on.
type redirection struct {
	Status   int
	Location string `header:"Location"`
}

type beginOIDC struct {
	Invitation string `query:"invitation" maxLength:"100" doc:"For who has no account here yet."`
}

type finishOIDC struct {
	State string `query:"state" maxLength:"100"`
	Code  string `query:"code" maxLength:"4096"`
	Error string `query:"error" maxLength:"100"`
}

// LinkedAccountID picks a linked account.
type LinkedAccountID struct {
	ID int64 `path:"id" minimum:"1"`
}

const callbackPath = "/api/session/oidc/callback"

func (c *Console) oidc() {
	tags := []string{"session"}
	register(c, open, huma.Operation{OperationID: "begin-oidc", Method: http.MethodGet, Path: "/api/session/oidc", Summary: "Go to the OIDC provider to sign in", Tags: tags, DefaultStatus: http.StatusSeeOther}, c.beginOIDC)
	register(c, open, huma.Operation{OperationID: "finish-oidc", Method: http.MethodGet, Path: callbackPath, Summary: "Come back from the OIDC provider", Tags: tags, DefaultStatus: http.StatusSeeOther}, c.finishOIDC)
	tags = []string{"me"}
	register(c, signed, huma.Operation{OperationID: "list-my-linked-accounts", Method: http.MethodGet, Path: "/api/me/oidc", Summary: "List accounts at the OIDC provider that sign me in", Tags: tags}, c.listLinked)
	register(c, signed, huma.Operation{OperationID: "link-my-account", Method: http.MethodPost, Path: "/api/me/oidc", Summary: "Begin to link an account at the OIDC provider", Tags: tags}, c.linkOIDC)
	register(c, signed, huma.Operation{OperationID: "unlink-my-account", Method: http.MethodDelete, Path: "/api/me/oidc/{id}", Summary: "Unlink an account at the OIDC provider", Tags: tags, DefaultStatus: http.StatusNoContent}, c.unlinkOIDC)
}

// oidcState is what a sign-in at the provider was begun with.
type oidcState struct {
	Flow       auth.Flow
	Invitation string
}

// Cookies of a sign-in at the provider: the answer must come to the browser
// that asked.
const (
	oidcCookie      = "__Host-oidc"
	plainOIDCCookie = "oidc"
)

func (c *Console) setOIDCCookie(ctx context.Context, text secret.Text, life time.Duration) {
	id, _ := ctx.Value(viewerKey{}).(*identity)
	k := &http.Cookie{Name: plainOIDCCookie, Value: text.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds())}
	if encrypted(id.r, httpkit.TrustedPeer(id.r, c.Trusted)) {
		k.Name, k.Secure = oidcCookie, true
	}
	if text == "" {
		k.MaxAge = -1
	}
	http.SetCookie(id.w, k)
}

// startOIDC begins at the provider. userID is who links, 0 to sign in.
func (c *Console) startOIDC(ctx context.Context, userID int64, invitation string) (string, error) {
	if c.OIDC == nil {
		return "", fault.New(fault.NotFound, "This gateway has no sign-in provider. Sign in with a password or a passkey.").Named("oidc_not_configured")
	}
	if err := c.limited("ceremony from "+c.from(ctx), beginsPerMinute, beginsPerMinute); err != nil {
		return "", err
	}
	address, err := c.address(ctx)
	if err != nil {
		return "", err
	}
	flow, err := c.OIDC.Begin(ctx, address+callbackPath)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(oidcState{flow, invitation})
	if err != nil {
		return "", err
	}
	state, err := c.Store.NewTicket(ctx, store.TicketOIDC, userID, data, ceremonyLife)
	if err != nil {
		return "", err
	}
	c.setOIDCCookie(ctx, state, ceremonyLife)
	return c.OIDC.Address(ctx, flow, state)
}

func (c *Console) beginOIDC(ctx context.Context, _ *Viewer, in *beginOIDC) (*redirection, error) {
	to, err := c.startOIDC(ctx, 0, in.Invitation)
	if err != nil {
		return c.toPage(ctx, err)
	}
	return &redirection{http.StatusSeeOther, to}, nil
}

func (c *Console) linkOIDC(ctx context.Context, v *Viewer, _ *struct{}) (*One[Redirect], error) {
	if err := v.inPerson(); err != nil {
		return nil, err
	}
	to, err := c.startOIDC(ctx, v.User.ID, "")
	return &One[Redirect]{Redirect{to}}, err
}

// toPage shows a refusal to a person on the sign-in page, and to programs as
// it is.
func (c *Console) toPage(ctx context.Context, err error) (*redirection, error) {
	if !strings.Contains(request(ctx).Header.Get("Accept"), "text/html") {
		return nil, err
	}
	f := fault.From(err)
	c.Log.WarnContext(ctx, "sign-in at the provider refused", "reason", f.Word(), "err", err)
	return &redirection{http.StatusSeeOther, "/sign-in?" + url.Values{"problem": {f.Word()}}.Encode()}, nil
}

func (c *Console) finishOIDC(ctx context.Context, v *Viewer, in *finishOIDC) (*redirection, error) {
	if err := c.comeBack(ctx, v, in); err != nil {
		return c.toPage(ctx, err)
	}
	return &redirection{http.StatusSeeOther, "/"}, nil
}

// comeBack signs in, links or registers who comes back from the provider.
func (c *Console) comeBack(ctx context.Context, v *Viewer, in *finishOIDC) error {
	if c.OIDC == nil {
		return fault.New(fault.NotFound, "This gateway has no sign-in provider.").Named("oidc_not_configured")
	}
	if err := c.limited("sign-in from "+c.from(ctx), signInsPerMinute, signInsPerMinute); err != nil {
		return err
	}
	if in.State == "" || !secret.Equal(in.State, cookieOf(request(ctx), oidcCookie, plainOIDCCookie).Reveal()) {
		return fault.New(fault.Forbidden, "This sign-in was not begun in this browser, or too long ago. Begin again.").Named("oidc_state")
	}
	c.setOIDCCookie(ctx, "", 0)
	t, err := c.Store.TakeTicket(ctx, store.TicketOIDC, secret.Text(in.State))
	if err != nil {
		return err
	}
	if in.Error != "" || in.Code == "" {
		return fault.New(fault.Forbidden, "The provider did not sign you in: %.60q.", in.Error).Named("oidc_denied")
	}
	var begun oidcState
	if err := json.Unmarshal(t.Data, &begun); err != nil {
		return err
	}
	who, err := c.OIDC.Finish(ctx, begun.Flow, in.Code)
	if err != nil {
		return err
	}
	identity := store.OIDCIdentity{Issuer: who.Issuer, Subject: who.Subject, Label: label(who)}
	if t.UserID != 0 {
		if v == nil || v.Session == "" || v.User.ID != t.UserID {
			return fault.New(fault.Forbidden, "You are not signed in any more as who began this. Begin again.").Named("oidc_state")
		}
		identity.UserID = t.UserID
		return c.Store.LinkOIDC(ctx, v.Actor, identity)
	}
	userID, err := c.Store.OIDCUser(ctx, who.Issuer, who.Subject)
	if fault.Is(err, fault.NotFound) {
		userID, err = c.registerOIDC(ctx, who, identity, secret.Text(begun.Invitation))
	}
	if err != nil {
		return err
	}
	u, err := c.Store.User(ctx, userID)
	if err != nil {
		return err
	}
	if u.Status != account.Enabled {
		return fault.New(fault.Forbidden, "This account is disabled.").Named("user_disabled")
	}
	_, err = c.begin(ctx, v, userID, "oidc")
	return err
}

// registerOIDC makes a plain user for an account at the provider that nobody
// here has, when registration allows it. A mail address that two accounts share
// proves nothing and links nothing.
func (c *Console) registerOIDC(ctx context.Context, who auth.OIDCAccount, identity store.OIDCIdentity, invitation secret.Text) (int64, error) {
	if err := c.mayRegister(ctx, invitation); err != nil {
		return 0, err
	}
	r := store.Registrant{
		Name: signInName(who), Email: who.Email, Invitation: invitation, Identity: &identity,
		RequestID: telemetry.RequestID(ctx), Address: c.from(ctx),
	}
	if fault.Is(store.CheckEmail(r.Email), fault.Invalid) {
		r.Email = ""
	}
	u, err := c.Store.Register(ctx, r)
	if fault.From(err) != nil && fault.From(err).Word() == "name_taken" {
		r.Name = withRandomEnd(r.Name)
		u, err = c.Store.Register(ctx, r)
	}
	return u.ID, err
}

func (c *Console) listLinked(ctx context.Context, v *Viewer, _ *struct{}) (*PageOut[LinkedAccount], error) {
	list, err := c.Store.OIDCIdentities(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	return page(list, len(list), func(i store.OIDCIdentity) string { return i.Subject }, func(i store.OIDCIdentity) LinkedAccount {
		return LinkedAccount{ID: i.ID, Issuer: i.Issuer, Label: i.Label, CreatedAt: *when(i.CreatedAt), LastUsedAt: when(i.LastUsedAt)}
	}), nil
}

func (c *Console) unlinkOIDC(ctx context.Context, v *Viewer, in *LinkedAccountID) (*None, error) {
	return nil, c.Store.UnlinkOIDC(ctx, v.Actor, v.User.ID, in.ID)
}

// signInName makes a name of what the provider calls somebody.
func signInName(who auth.OIDCAccount) string {
	for _, name := range []string{who.Name, strings.SplitN(who.Email, "@", 2)[0], who.Subject} {
		if r := []rune(name); len(r) > 50 {
			name = string(r[:50])
		}
		if name = strings.TrimSpace(name); store.Label("name", name) == nil {
			return name
		}
	}
	return withRandomEnd("user")
}

// withRandomEnd is a name that nobody has taken.
func withRandomEnd(name string) string {
	return name + "-" + strings.ToLower(rand.Text()[:6])
}

// label is what the provider calls an account, made fit to show.
func label(who auth.OIDCAccount) string {
	name := who.Name
	if name == "" {
		name = who.Email
	}
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if r := []rune(name); len(r) > 100 {
		name = string(r[:100])
	}
	return name
}
