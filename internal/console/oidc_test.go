package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/auth"
	"one-api/internal/console"
	"one-api/internal/directory"
	"one-api/internal/store"
)

// provider is an OpenID Connect provider of one client, with PKCE and a real
// key.
type provider struct {
	t   *testing.T
	url string
	key *rsa.PrivateKey

	mu         sync.Mutex
	codes      map[string]grant
	discovered int
	change     func(jwt.MapClaims) // of the next id_token
	signWith   *rsa.PrivateKey     // nil: key
}

type grant struct {
	challenge, nonce, redirect string
	claims                     jwt.MapClaims
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		p.discovered++
		p.mu.Unlock()
		p.answer(w, 200, map[string]any{
			"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token", "jwks_uri": p.url + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		enc := base64.RawURLEncoding.EncodeToString
		p.answer(w, 200, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": enc(key.N.Bytes()), "e": enc(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST /token", p.token)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

func (p *provider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, password, basic := r.BasicAuth()
	if !ok || !basic || id != "gateway" || password != "hush" || r.PostFormValue("redirect_uri") != g.redirect || b64(sum[:]) != g.challenge {
		p.answer(w, 400, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := jwt.MapClaims{"iss": p.url, "aud": "gateway", "nonce": g.nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	maps.Copy(claims, g.claims)
	if p.change != nil {
		p.change(claims)
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = "1"
	key := p.key
	if p.signWith != nil {
		key = p.signWith
	}
	text, err := t.SignedString(key)
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, 200, map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": text})
}

// authorize is a person who signs in at the provider: from the address that
// the gateway sent the browser to, to the one that the browser is sent back to.
func (p *provider) authorize(address string, claims jwt.MapClaims) string {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, p.url+"/authorize?") {
		p.t.Fatalf("sent to %q, %v", address, err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != "gateway" || q.Get("code_challenge_method") != "S256" || len(q.Get("nonce")) < 16 || len(q.Get("state")) < 16 || !strings.Contains(q.Get("scope"), "openid") {
		p.t.Errorf("asked with %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = grant{q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri"), claims}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		p.t.Fatal(err)
	}
	return back.Path + "?" + url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
}

func oidcWorld(t *testing.T) (*world, *provider) {
	p := newProvider(t)
	w := newWorldOn(t, store.SQLite, unhurried, func(c *console.Console) {
		c.ServerAddress = gateway
		c.OIDC = &auth.OIDC{Issuer: p.url, ClientID: "gateway", ClientSecret: "hush", Name: "Example login"}
	})
	return w, p
}

// halting is a browser that shows where it is sent instead of going.
func (w *world) halting() *client {
	b := w.browser()
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// begin goes to the provider and comes back with an address of ours.
func (p *provider) begin(b *client, query string, claims jwt.MapClaims) string {
	p.t.Helper()
	a := b.want(303, nil, "GET", "/api/session/oidc"+query, nil)
	return p.authorize(a.header.Get("Location"), claims)
}

func TestOIDCMakesAUserOnlyWhenRegistrationAllows(t *testing.T) {
	w, p := oidcWorld(t)
	if p.discovered != 0 {
		t.Error("the provider was asked at start")
	}
	zoe := jwt.MapClaims{"sub": "z-1", "preferred_username": "zoë", "email": "zoe@example.com", "email_verified": true}
	b := w.halting()
	b.refused(403, "registration_closed", "GET", p.begin(b, "", zoe), nil)
	page := b.do("GET", p.begin(b, "", zoe), nil, "Accept", "text/html,*/*")
	if page.status != 303 || page.header.Get("Location") != "/sign-in?problem=registration_closed" {
		t.Errorf("a browser got %d %v", page.status, page.header)
	}
	if n := len(mustRows(t, w, "SELECT id FROM users")); n != 4 {
		t.Errorf("%d users", n)
	}

	w.registration(directory.RegistrationOpen)
	a := b.want(303, nil, "GET", p.begin(b, "", zoe), nil)
	if a.header.Get("Location") != "/" {
		t.Errorf("sent to %q", a.header.Get("Location"))
	}
	var first, again console.Me
	b.want(200, &first, "GET", "/api/me", nil)
	if first.Name != "zoë" || first.Email != "zoe@example.com" || first.Role != "user" || first.HasPassword {
		t.Errorf("made %+v", first)
	}
	w.registration(directory.RegistrationClosed)
	other := w.halting()
	other.want(303, nil, "GET", p.begin(other, "", zoe), nil)
	other.want(200, &again, "GET", "/api/me", nil)
	if again.ID != first.ID {
		t.Errorf("the second sign-in is user %d, the first was %d", again.ID, first.ID)
	}
	if p.discovered != 1 {
		t.Errorf("the provider was asked about itself %d times", p.discovered)
	}
}

func TestOIDCNeverLinksByMailAddressOrName(t *testing.T) {
	w, p := oidcWorld(t)
	w.root.want(200, nil, "PATCH", userPath(w.root), body{"version": 1, "email": "root@example.com"})
	w.registration(directory.RegistrationOpen)
	for i, verified := range []any{true, false, "true"} {
		b := w.halting()
		b.want(303, nil, "GET", p.begin(b, "", jwt.MapClaims{"sub": fmt.Sprint("x-", i), "preferred_username": "root", "email": "root@example.com", "email_verified": verified}), nil)
		var me console.Me
		b.want(200, &me, "GET", "/api/me", nil)
		if me.ID == w.root.user.ID || me.Role != "user" || !strings.HasPrefix(me.Name, "root-") {
			t.Errorf("verified=%v became %+v", verified, me)
		}
		if verified == false && me.Email != "" {
			t.Errorf("an unverified address was taken over: %+v", me)
		}
	}
}

func TestOIDCTakesAnInvitation(t *testing.T) {
	w, p := oidcWorld(t)
	w.registration(directory.RegistrationInvite)
	var inv console.Invitation
	w.admin.want(201, &inv, "POST", "/api/invitations", body{"grant": 700})
	who := jwt.MapClaims{"sub": "i-1", "name": "Ida\u0007"}
	b := w.halting()
	b.refused(403, "invitation_required", "GET", p.begin(b, "", who), nil)
	b.refused(403, "invitation_invalid", "GET", p.begin(b, "?invitation=guess", who), nil)
	b.want(303, nil, "GET", p.begin(b, "?invitation="+inv.Code, who), nil)
	var me console.Me
	b.want(200, &me, "GET", "/api/me", nil)
	if me.Available != 700 || me.Name != "i-1" {
		t.Errorf("came as %+v", me)
	}
}

func TestOIDCRefusesWhatProvesNobody(t *testing.T) {
	w, p := oidcWorld(t)
	w.registration(directory.RegistrationOpen)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(jwt.MapClaims)
		key    *rsa.PrivateKey
	}{
		"another nonce":     {change: func(c jwt.MapClaims) { c["nonce"] = "replayed" }},
		"no nonce":          {change: func(c jwt.MapClaims) { delete(c, "nonce") }},
		"another audience":  {change: func(c jwt.MapClaims) { c["aud"] = "another" }},
		"another party":     {change: func(c jwt.MapClaims) { c["aud"], c["azp"] = []string{"gateway", "another"}, "another" }},
		"another issuer":    {change: func(c jwt.MapClaims) { c["iss"] = "https://evil.example.com" }},
		"expired":           {change: func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() }},
		"no subject":        {change: func(c jwt.MapClaims) { delete(c, "sub") }},
		"long subject":      {change: func(c jwt.MapClaims) { c["sub"] = strings.Repeat("x", 300) }},
		"another signature": {key: foreign},
	} {
		t.Run(name, func(t *testing.T) {
			p.mu.Lock()
			p.change, p.signWith = c.change, c.key
			p.mu.Unlock()
			b := w.halting()
			b.refused(401, "oidc_refused", "GET", p.begin(b, "", jwt.MapClaims{"sub": "n-1"}), nil)
			b.refused(401, "not_signed_in", "GET", "/api/me", nil)
		})
	}
	if n := len(mustRows(t, w, "SELECT id FROM users")); n != 4 {
		t.Errorf("%d users", n)
	}
}

func TestOIDCComesBackToTheBrowserThatBeganOnce(t *testing.T) {
	w, p := oidcWorld(t)
	w.registration(directory.RegistrationOpen)
	who := jwt.MapClaims{"sub": "o-1"}
	b := w.halting()
	back := p.begin(b, "", who)
	w.halting().refused(403, "oidc_state", "GET", back, nil) // a link that an attacker sends
	b.want(303, nil, "GET", back, nil)
	b.refused(403, "oidc_state", "GET", back, nil)
	b.refused(403, "oidc_state", "GET", "/api/session/oidc/callback", nil)
	back = p.begin(b, "", who)
	state, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	denied := "/api/session/oidc/callback?" + url.Values{"error": {"access_denied"}, "state": {state.Query().Get("state")}}.Encode()
	b.refused(403, "oidc_denied", "GET", denied, nil)
	back = p.begin(b, "", who)
	b.refused(401, "oidc_refused", "GET", strings.Replace(back, "code=", "code=x", 1), nil)
}

func TestALinkedAccountSignsIn(t *testing.T) {
	w, p := oidcWorld(t)
	who := jwt.MapClaims{"sub": "l-1", "preferred_username": "al"}
	alice := w.signedIn("alice")
	alice.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var to console.Redirect
	alice.want(200, &to, "POST", "/api/me/oidc", nil)
	alice.want(303, nil, "GET", p.authorize(to.URL, who), nil)
	b := w.halting()
	b.want(303, nil, "GET", p.begin(b, "", who), nil)
	var me console.Me
	b.want(200, &me, "GET", "/api/me", nil)
	if me.Name != "alice" {
		t.Errorf("signed in as %+v", me)
	}
	// Bob cannot take it over, and nobody finishes a link for somebody else.
	bob := w.signedIn("bob")
	bob.http.CheckRedirect = alice.http.CheckRedirect
	bob.want(200, &to, "POST", "/api/me/oidc", nil)
	bob.refused(409, "identity_taken", "GET", p.authorize(to.URL, who), nil)
	bob.want(200, &to, "POST", "/api/me/oidc", nil)
	back := p.authorize(to.URL, jwt.MapClaims{"sub": "l-2"})
	bob.want(204, nil, "DELETE", "/api/session", nil)
	bob.refused(403, "oidc_state", "GET", back, nil)

	var list console.Page[console.LinkedAccount]
	alice.want(200, &list, "GET", "/api/me/oidc", nil)
	if len(list.Items) != 1 || list.Items[0].Label != "al" || list.Items[0].Issuer != p.url {
		t.Errorf("linked %+v", list)
	}
	w.admin.want(200, nil, "PATCH", userPath(w.alice), body{"version": 1, "status": "disabled"})
	b.refused(403, "user_disabled", "GET", p.begin(b, "", who), nil)
	w.admin.want(200, nil, "PATCH", userPath(w.alice), body{"version": 2, "status": "enabled"})
	alice = w.signedIn("alice")
	alice.want(204, nil, "DELETE", fmt.Sprintf("/api/me/oidc/%d", list.Items[0].ID), nil)
	b.refused(403, "registration_closed", "GET", p.begin(b, "", who), nil)
}

func TestAProviderThatIsAwayIsSaidToBe(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w := newWorldOn(t, store.SQLite, func(c *console.Console) {
		c.ServerAddress, c.OIDC = gateway, &auth.OIDC{Issuer: gone.URL, ClientID: "gateway", Name: "Gone"}
	})
	w.halting().refused(503, "oidc_unavailable", "GET", "/api/session/oidc", nil)
	newWorld(t).halting().refused(404, "oidc_not_configured", "GET", "/api/session/oidc", nil)
}
