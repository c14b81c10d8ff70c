package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/api"
	"one-api/internal/auth"
	"one-api/internal/console"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider/all"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/webhook"
)

// world is a gateway's management API on an empty database, with one user of
// each role.
type world struct {
	t       *testing.T
	store   *store.Store
	url     string
	handler http.Handler
	// Clients send a personal access token of their user.
	root, admin, alice, bob *client
}

type client struct {
	t     *testing.T
	url   string
	token secret.Text // personal access token; "" uses the jar
	http  *http.Client
	user  account.User
}

const password = "correct horse battery"

// passwordHash is made once: hashing is slow on purpose.
var passwordHash = sync.OnceValue(func() string { return auth.HashPassword(password) })

func newWorld(t *testing.T) *world { return newWorldOn(t, store.SQLite) }

func newWorldOn(t *testing.T, d store.Dialect, change ...func(*console.Console)) *world {
	t.Helper()
	w := newEmptyWorld(t, d, change...)
	w.root, w.admin = w.newClient("root", account.Root), w.newClient("admin", account.Admin)
	w.alice, w.bob = w.newClient("alice", account.Plain), w.newClient("bob", account.Plain)
	return w
}

// newEmptyWorld is a gateway that waits for its first administrator. The
// console may be changed before it serves.
func newEmptyWorld(t *testing.T, d store.Dialect, change ...func(*console.Console)) *world {
	t.Helper()
	st := storetest.Open(t, d)
	keys := storetest.Keys(t)
	log := slog.New(slog.DiscardHandler)
	var up generation.Upstreams
	for _, d := range all.Drivers() {
		up.Add(d, d.Open(outbound.New(outbound.Options{})))
	}
	gen := &generation.Service{Store: st, Directory: st.Directory(), Upstreams: up, Timing: generation.DefaultTiming(), Log: log}
	c := &console.Console{
		Store: st, Generations: gen, Directory: st.Directory(), Keys: keys, Limit: limit.New(nil), Log: log,
		Sender: webhook.NewSender(webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}), Level: new(slog.LevelVar),
		Auth: &auth.Authenticator{Directory: st.Directory(), Keys: keys, Now: st.Now}, Version: "test", Started: time.Now(),
		Results: outbound.NewResults(nil),
	}
	for _, f := range change {
		f(c)
	}
	mux := http.NewServeMux()
	c.Routes(mux)
	h := httpkit.Around(log, httpkit.Routed(log, mux, api.Fail), api.Fail)
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &world{t: t, store: st, url: srv.URL, handler: h}
}

func (w *world) newClient(name string, role account.Role) *client {
	w.t.Helper()
	ctx := context.Background()
	u, err := w.store.CreateUser(ctx, store.NewUser{Name: name, Role: role, PasswordHash: passwordHash()})
	if err != nil {
		w.t.Fatal(err)
	}
	_, text, err := w.store.CreatePersonalToken(ctx, store.UserActor(u.ID, "", ""), u.ID, "test", time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{t: w.t, url: w.url, token: text, http: http.DefaultClient, user: u}
}

// browser is a client without a token, with cookies.
func (w *world) browser() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{t: w.t, url: w.url, http: &http.Client{Jar: jar}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) do(method, path string, body any, header ...string) answer {
	c.t.Helper()
	var r io.Reader
	if body != nil {
		b, ok := body.(string)
		if !ok {
			j, err := json.Marshal(body)
			if err != nil {
				c.t.Fatal(err)
			}
			b = string(j)
		}
		r = strings.NewReader(b)
	}
	req, err := http.NewRequest(method, c.url+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// want fails the test unless the call answers with a status, and reads the
// body into out.
func (c *client) want(status int, out any, method, path string, body any) answer {
	c.t.Helper()
	a := c.do(method, path, body)
	if a.status != status {
		c.t.Fatalf("%s %s answered %d, want %d: %s", method, path, a.status, status, a.body)
	}
	if out != nil {
		dec := json.NewDecoder(bytes.NewReader(a.body))
		if err := dec.Decode(out); err != nil {
			c.t.Fatalf("%s %s: %v: %s", method, path, err, a.body)
		}
	}
	return a
}

// refused fails the test unless the call is refused with a status and a code,
// in the form of a problem.
func (c *client) refused(status int, code, method, path string, body any) console.Problem {
	c.t.Helper()
	a := c.do(method, path, body)
	var p console.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.status != status || p.Code != code || p.Detail == "" {
		c.t.Errorf("%s %s answered %d %s, want %d %s", method, path, a.status, a.body, status, code)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		c.t.Errorf("%s %s refused as %s", method, path, got)
	}
	return p
}

func TestSignInWithAPassword(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.refused(401, "not_signed_in", "GET", "/api/me", nil)
	b.refused(401, "wrong_credentials", "POST", "/api/session", map[string]string{"name": "alice", "password": "wrong"})
	b.refused(401, "wrong_credentials", "POST", "/api/session", map[string]string{"name": "nobody", "password": "wrong"})
	var me console.Me
	b.want(200, &me, "POST", "/api/session", map[string]string{"name": "alice", "password": password})
	if me.Name != "alice" || me.Role != "user" {
		t.Errorf("signed in as %+v", me)
	}
	b.want(200, &me, "GET", "/api/me", nil)
	b.want(204, nil, "DELETE", "/api/session", nil)
	b.refused(401, "not_signed_in", "GET", "/api/me", nil)
}

func TestASignInStormIsRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	refused := 0
	for range 15 {
		if a := b.do("POST", "/api/session", map[string]string{"name": "alice", "password": "wrong"}); a.status == 429 && a.header.Get("Retry-After") != "" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("15 guesses went through")
	}
}

func TestAnotherSiteCannotUseTheCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.want(200, nil, "POST", "/api/session", map[string]string{"name": "admin", "password": password})
	a := b.do("POST", "/api/groups", map[string]string{"name": "evil"}, "Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site")
	if a.status != 403 {
		t.Errorf("a cross-site request answered %d: %s", a.status, a.body)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	var g console.Group
	w.admin.want(201, &g, "POST", "/api/groups", map[string]string{"name": "vip", "ratio": "0.8"})
	if g.Name != "vip" || g.Ratio != "0.8" {
		t.Errorf("made %+v", g)
	}
	w.admin.refused(409, "name_taken", "POST", "/api/groups", map[string]string{"name": "vip"})
	w.admin.want(200, &g, "PATCH", "/api/groups/vip", map[string]any{"version": g.Version, "ratio": "0.75"})
	w.admin.refused(409, "version_conflict", "PATCH", "/api/groups/vip", map[string]any{"version": 1, "ratio": "0.5"})
	w.admin.refused(400, "invalid_ratio", "PATCH", "/api/groups/vip", map[string]any{"version": g.Version, "ratio": "0"})
	w.alice.refused(403, "role_required", "GET", "/api/groups", nil)
	w.admin.refused(409, "in_use", "DELETE", "/api/groups/default", nil)
	w.admin.want(204, nil, "DELETE", "/api/groups/vip", nil)
	w.admin.refused(404, "group_not_found", "GET", "/api/groups/vip", nil)
}

func TestRequestsThatDoNotFitAreNamedByField(t *testing.T) {
	w := newWorld(t)
	p := w.admin.refused(422, "invalid_request", "POST", "/api/groups", `{"name":7,"extra":true}`)
	if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location, "body.") {
		t.Errorf("errors %+v", p.Errors)
	}
	w.admin.refused(404, "route_not_found", "GET", "/api/nothing", nil)
	w.admin.refused(405, "method_not_allowed", "PUT", "/api/groups", "{}")
}

func TestTheDocumentDescribesTheAPI(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]any
	}
	w.browser().want(200, &doc, "GET", "/api/openapi.json", nil)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Paths["/api/groups"] == nil {
		t.Errorf("document %s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
}

func TestThePageOfTheAPIAsksNobody(t *testing.T) {
	w := newWorld(t)
	a := w.browser().do("GET", "/api/docs", nil)
	page := string(a.body)
	if a.status != 200 || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("answered %d with policy %q", a.status, a.header.Get("Content-Security-Policy"))
	}
	for _, want := range []string{"/api/groups/{name}", "create-group", "schema-Problem"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not tell of %s", want)
		}
	}
	for _, no := range []string{"<script", "https://", "http://"} {
		if strings.Contains(page, no) {
			t.Errorf("the page contains %s", no)
		}
	}
	if a := w.browser().do("GET", "/api/docs.css", nil); a.status != 200 || len(a.body) == 0 {
		t.Errorf("its style answered %d", a.status)
	}
}

func TestASignInLinkWorksOnce(t *testing.T) {
	w := newWorld(t)
	link, err := console.NewSignInLink(t.Context(), w.store, w.alice.user.ID, "http://gw.example.com/")
	if err != nil || !strings.HasPrefix(link, "http://gw.example.com/sign-in?ticket=") {
		t.Fatalf("link %q, %v", link, err)
	}
	_, ticket, _ := strings.Cut(link, "ticket=")
	b := w.browser()
	b.refused(403, "ticket_invalid", "POST", "/api/session/link", map[string]string{"ticket": "guess"})
	b.refused(403, "ticket_invalid", "POST", "/api/reset", map[string]string{"token": ticket, "password": "a long password"})
	var me console.Me
	b.want(200, &me, "POST", "/api/session/link", map[string]string{"ticket": ticket})
	b.want(200, &me, "GET", "/api/me", nil)
	if me.Name != "alice" {
		t.Errorf("signed in as %+v", me)
	}
	w.browser().refused(403, "ticket_invalid", "POST", "/api/session/link", map[string]string{"ticket": ticket})
	link, err = console.NewSignInLink(t.Context(), w.store, w.bob.user.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.SetUserStatus(t.Context(), w.bob.user.ID, account.Disabled); err != nil {
		t.Fatal(err)
	}
	_, ticket, _ = strings.Cut(link, "ticket=")
	w.browser().refused(401, "user_disabled", "POST", "/api/session/link", map[string]string{"ticket": ticket})
}
