// Package console is the management API below /api: what the web console and
// scripts call. Operations are typed; huma checks requests against their types
// and writes the OpenAPI document from them.
package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
	"one-api/internal/webhook"
)

// Console is the management API. Fill the fields before Routes.
type Console struct {
	Store       *store.Store
	Generations *generation.Service
	Directory   *directory.Directory
	Auth        *auth.Authenticator // callers' tokens, where an operation takes them too
	Keys        *secret.Keyring
	Limit       *limit.Limiter
	Sender      *webhook.Sender
	Log         *slog.Logger
	Level       *slog.LevelVar // of the log, changed live; nil: fixed
	Trusted     []netip.Prefix
	Version     string
	Started     time.Time
	// ServerAddress is where callers reach the gateway, "" when it was not
	// configured.
	ServerAddress string
	OIDC          *auth.OIDC // the provider to sign in with; nil: none
	// MaxBody is what an order may have, 0: 32 MB; Memory bounds the large ones
	// under way, those of the callers' API among them. nil: no bound.
	MaxBody int64
	Memory  *limit.Memory

	Events Pace // of streams of live updates
	// Results fetches results from upstreams, TestResults those of test mode from
	// this process; nil: as any other.
	Results     *outbound.Results
	TestResults http.RoundTripper

	Redis func() bool // reports whether it answers; nil: none is configured

	api         huma.API
	packs       packCache
	streams     streams
	mediaPlaces places
	verifies    atomic.Bool // one runs on this node
}

// huma asks this variable for the form of its own refusals; it is one for the
// process, like the form.
func init() { huma.NewError = newProblem }

// Routes is the table of contents; each file of this package registers its
// resource.
func (c *Console) Routes(mux *http.ServeMux) {
	cfg := huma.DefaultConfig("one-api management", c.Version)
	cfg.Info.Description = "Users, tokens, channels, prices, tasks and money of a one-api gateway. Sign in with a session cookie, or send a personal access token as a bearer."
	cfg.OpenAPIPath = "/api/openapi"
	cfg.DocsPath = ""    // its page loads scripts from elsewhere; ours does not
	cfg.SchemasPath = "" // and no $schema links in answers
	cfg.CreateHooks = nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session":  {Type: "apiKey", In: "cookie", Name: cookieName},
		"personal": {Type: "http", Scheme: "bearer", Description: "A personal access token, pat-…"},
	}
	inner := http.NewServeMux()
	c.api = humago.New(inner, cfg)
	c.setup()
	c.session()
	c.oidc()
	c.registrations()
	c.mine()
	c.users()
	c.groups()
	c.prices()
	c.quotes()
	c.models()
	c.tasks()
	c.orders()
	c.events()
	c.media()
	c.ledger()
	c.redemptions()
	c.stats()
	c.channels()
	c.reconciliation()
	c.recovery()
	c.tokens()
	c.webhooks()
	c.settings()
	c.nodes()
	c.about()
	c.audit()
	c.docs(inner)

	// Cookies are sent by browsers whoever asks; only our own pages may.
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, fault.New(fault.Forbidden, "This request came from another site.").Named("cross_origin"))
	}))
	mux.Handle("/api/", origin.Handler(c.afterSetup(c.identify(httpkit.Routed(c.Log, inner, c.refuse)))))
}

// refuse writes a refusal outside of an operation.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	_ = httpkit.WriteJSON(w, httpkit.Status(f.Code), problemOf(r.Context(), f))
}

// Viewer is who calls: a user by session or personal access token.
type Viewer struct {
	User    *account.User
	Session string // hash of the session, "" for a token
	Actor   store.Actor
}

// IsAdmin reports whether the viewer sees what belongs to others.
func (v Viewer) IsAdmin() bool {
	return v.User.Role == account.Admin || v.User.Role == account.Root
}

// access is who may call an operation.
type access int

const (
	open   access = iota // anybody, signed in or not
	signed               // any user
	admin                // administrators
	root                 // the root role only
)

type viewerKey struct{}

// viewer is the signed-in user of a request, nil when there is none. The error
// says why a credential that was sent is no good.
type identity struct {
	viewer *Viewer
	err    error
	r      *http.Request
	w      http.ResponseWriter
}

// Cookies of sessions: the first where the connection is encrypted, the second
// on plain http, where browsers refuse the first.
const (
	cookieName      = "__Host-session"
	plainCookieName = "session"
)

// identify finds out who calls and leaves the judgement to each operation.
func (c *Console) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := &identity{r: r, w: w}
		id.viewer, id.err = c.whois(r)
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, id)))
	})
}

func (c *Console) whois(r *http.Request) (*Viewer, error) {
	var userID int64
	var session string
	var err error
	if scheme, text, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		userID, err = c.Store.PersonalTokenUser(r.Context(), secret.Text(strings.TrimSpace(text)))
	} else if text := sessionCookie(r); text != "" {
		userID, session, err = c.Store.SessionUser(r.Context(), text)
	} else {
		return nil, fault.New(fault.Unauthenticated, "Sign in first.").Named("not_signed_in")
	}
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Unauthenticated, "%s", fault.From(err).Message).Named("not_signed_in")
	}
	if err != nil {
		return nil, err
	}
	// Role and status are the database's, not this node's view of a second ago.
	u, err := c.Store.User(r.Context(), userID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err != nil || u.Status != account.Enabled {
		return nil, fault.New(fault.Unauthenticated, "This account is disabled.").Named("user_disabled")
	}
	from := httpkit.ClientAddr(r, c.Trusted)
	return &Viewer{User: &u, Session: session, Actor: store.UserActor(u.ID, telemetry.RequestID(r.Context()), from.String())}, nil
}

func sessionCookie(r *http.Request) secret.Text { return cookieOf(r, cookieName, plainCookieName) }

// cookieOf is the first of the cookies that the browser sent.
func cookieOf(r *http.Request, names ...string) secret.Text {
	for _, name := range names {
		if k, err := r.Cookie(name); err == nil && k.Value != "" {
			return secret.Text(k.Value)
		}
	}
	return ""
}

// setSession sends or, with an empty text, removes the session cookie.
func (c *Console) setSession(ctx context.Context, text secret.Text) {
	id, _ := ctx.Value(viewerKey{}).(*identity)
	k := &http.Cookie{Name: plainCookieName, Value: text.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(store.SessionLife.Seconds())}
	if encrypted(id.r, httpkit.TrustedPeer(id.r, c.Trusted)) {
		k.Name, k.Secure = cookieName, true
	}
	if text == "" {
		k.MaxAge = -1
	}
	http.SetCookie(id.w, k)
}

// encrypted reports whether the browser's connection is, as a trusted proxy
// says.
func encrypted(r *http.Request, viaProxy bool) bool {
	return r.TLS != nil || viaProxy && r.Header.Get("X-Forwarded-Proto") == "https"
}

// request is the HTTP request behind an operation.
func request(ctx context.Context) *http.Request {
	id, _ := ctx.Value(viewerKey{}).(*identity)
	return id.r
}

// register adds an operation that needs a right. The handler gets the viewer,
// nil only for open operations called without credentials.
func register[I, O any](c *Console, need access, op huma.Operation, h func(context.Context, *Viewer, *I) (*O, error)) {
	if need != open {
		op.Security = []map[string][]string{{"session": {}}, {"personal": {}}}
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = 64 << 10
	}
	// Before the body is read: who may not call learns nothing of the form.
	op.Middlewares = append(huma.Middlewares{func(hc huma.Context, next func(huma.Context)) {
		id, _ := hc.Context().Value(viewerKey{}).(*identity)
		if err := id.may(need); err != nil {
			r, w := humago.Unwrap(hc)
			httpkit.Refuse(c.Log, c.refuse, w, r, err)
			return
		}
		next(hc)
	}}, op.Middlewares...)
	huma.Register(c.api, op, func(ctx context.Context, in *I) (*O, error) {
		id, _ := ctx.Value(viewerKey{}).(*identity)
		out, err := h(ctx, id.viewer, in)
		if err != nil {
			return nil, c.problem(ctx, err)
		}
		return out, nil
	})
}

func (id *identity) may(need access) error {
	if need == open {
		return nil
	}
	if id.viewer == nil {
		return id.err
	}
	allowed := need == signed || need == admin && id.viewer.IsAdmin() || id.viewer.User.Role == account.Root
	if !allowed {
		return fault.New(fault.Forbidden, "This needs the role %s.", map[access]account.Role{admin: account.Admin, root: account.Root}[need]).Named("role_required")
	}
	return nil
}

// problem turns any error into the answer's body, and logs what is ours.
func (c *Console) problem(ctx context.Context, err error) error {
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p // said already
	}
	f := fault.From(err)
	if f.Code == fault.Internal || f.Code == fault.Unavailable {
		c.Log.ErrorContext(ctx, "management request failed", "path", request(ctx).URL.Path, "err", err)
	}
	p := problemOf(ctx, f)
	if f.RetryAfter > 0 {
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {seconds(f.RetryAfter)}})
	}
	return p
}

func problemOf(ctx context.Context, f *fault.Error) *Problem {
	p := &Problem{
		Type: "about:blank", Title: http.StatusText(httpkit.Status(f.Code)), Status: httpkit.Status(f.Code), Detail: f.Message,
		Code: f.Word(), RequestID: telemetry.RequestID(ctx),
	}
	if f.Field != "" {
		p.Errors = []FieldError{{Location: f.Field, Message: f.Message}}
	}
	return p
}

// Problem is the body of every refusal (RFC 9457).
type Problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title" doc:"The HTTP status in words."`
	Status    int          `json:"status"`
	Detail    string       `json:"detail" doc:"What happened, to what, and what to do."`
	Code      string       `json:"code" doc:"Stable word for programs."`
	RequestID string       `json:"request_id,omitempty" doc:"Leads the operator to the log line."`
	TaskID    string       `json:"task_id,omitempty" doc:"The task that the upstream refused."`
	Errors    []FieldError `json:"errors,omitempty"`
}

// FieldError is what is wrong with one field.
type FieldError struct {
	Location string `json:"location" doc:"Path of the field: body.name, query.limit."`
	Message  string `json:"message"`
}

func (p *Problem) Error() string  { return p.Detail }
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem is how huma itself refuses: a request that does not fit its type.
func newProblem(status int, message string, errs ...error) huma.StatusError {
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: message, Code: "invalid_request"}
	switch status {
	case http.StatusNotFound:
		p.Code = "not_found"
	case http.StatusRequestEntityTooLarge:
		p.Code = "body_too_large"
	case http.StatusUnsupportedMediaType:
		p.Code = "unsupported_media_type"
	}
	for _, err := range errs {
		var d huma.ErrorDetailer
		if errors.As(err, &d) {
			e := d.ErrorDetail()
			at := e.Location
			// What is missing is said of the object around it.
			if name, ok := strings.CutPrefix(e.Message, "expected required property "); ok {
				at += "." + strings.TrimSuffix(name, " to be present")
			}
			p.Errors = append(p.Errors, FieldError{Location: at, Message: e.Message})
		}
	}
	return p
}
