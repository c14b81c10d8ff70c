package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"one-api/internal/account"
	"one-api/internal/store"
)

// signedBy is the Authorization line of a Kling client: a JWT of its pair.
func signedBy(t *testing.T, method jwt.SigningMethod, iss string, key any, from, until time.Time) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": iss}
	if !until.IsZero() {
		claims["exp"] = until.Unix()
	}
	if !from.IsZero() {
		claims["nbf"] = from.Unix()
	}
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: Bearer " + text
}

func TestEveryWayToSignInThatKlingsClientsUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	c := w.user
	ak := c.token.AccessKey
	sk := []byte(account.SecretKey(w.keys, c.token.Hash).Reveal())
	text := []byte(c.text)
	now := time.Now()
	soon, past := now.Add(30*time.Minute), now.Add(-5*time.Second)
	hs := jwt.SigningMethodHS256

	for name, line := range map[string]string{
		"the token":                       "Authorization: Bearer " + c.text,
		"the token with another Bearer":   "Authorization: bearer " + c.text,
		"the token without sk-":           "Authorization: Bearer " + strings.TrimPrefix(c.text, "sk-"),
		"a JWT of AccessKey, SecretKey":   signedBy(t, hs, ak, sk, past, soon),
		"a JWT without nbf":               signedBy(t, hs, ak, sk, time.Time{}, soon),
		"a JWT of the token for both":     signedBy(t, hs, c.text, text, past, soon),
		"a JWT of a clock a little ahead": signedBy(t, hs, ak, sk, now.Add(20*time.Second), soon),
	} {
		if a := c.do("GET", "/v1/models", "", line); a.status != http.StatusOK {
			t.Errorf("%s: answered %s", name, a)
		}
	}
	id := c.order(guideOrder, signedBy(t, hs, ak, sk, past, soon))
	c.succeeded(id)
	w.log.hide(string(sk))

	unsafe := jwt.UnsafeAllowNoneSignatureType
	for name, f := range map[string]struct {
		line   string
		number int64
	}{
		"nothing":                       {"Authorization:", 1001},
		"an empty Bearer":               {"Authorization: Bearer ", 1001},
		"a token of nobody":             {"Authorization: Bearer sk-" + strings.Repeat("x", 48), 1002},
		"a very long token":             {"Authorization: Bearer sk-" + strings.Repeat("x", 20_000), 1002},
		"Basic":                         {"Authorization: Basic " + c.text, 1002},
		"the AccessKey alone":           {"Authorization: Bearer " + ak, 1002},
		"an expired JWT":                {signedBy(t, hs, ak, sk, past.Add(-time.Hour), past.Add(-10*time.Minute)), 1004},
		"a JWT of the future":           {signedBy(t, hs, ak, sk, now.Add(10*time.Minute), soon), 1003},
		"a JWT without exp":             {signedBy(t, hs, ak, sk, past, time.Time{}), 1002},
		"a JWT of another key":          {signedBy(t, hs, ak, []byte("guess"), past, soon), 1002},
		"an expired JWT of another key": {signedBy(t, hs, ak, []byte("guess"), past, past), 1002},
		"a JWT of an unknown issuer":    {signedBy(t, hs, "ak-unknown", sk, past, soon), 1002},
		"a JWT without issuer":          {signedBy(t, hs, "", sk, past, soon), 1002},
		"a JWT signed by none":          {signedBy(t, jwt.SigningMethodNone, ak, unsafe, past, soon), 1002},
		"a JWT in HS512":                {signedBy(t, jwt.SigningMethodHS512, ak, sk, past, soon), 1002},
		"a JWT with an empty key":       {signedBy(t, hs, ak, []byte(""), past, soon), 1002},
		"three dots and nothing":        {"Authorization: Bearer ..", 1002},
		"a JWT of token and SecretKey":  {signedBy(t, hs, c.text, sk, past, soon), 1002},
		"a JWT of the token's hash":     {signedBy(t, hs, ak, []byte(c.token.Hash.Hex()), past, soon), 1002},
	} {
		a := c.do("POST", text2video, guideOrder, f.line)
		if a.status != http.StatusUnauthorized || a.text("error.type") != "authentication_error" || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: answered %s, want 401", name, a)
		}
		if got := a.get("code").Int(); got != f.number {
			t.Errorf("%s: Kling's code is %d, want %d as Kling's own clients know it (%s)", name, got, f.number, a.text("message"))
		}
	}
	for _, path := range []string{"?token=" + c.text, "?key=" + c.text, "?access_token=" + c.text, "?Authorization=Bearer%20" + c.text} {
		if a := c.do("GET", "/v1/models"+path, "", "Authorization:"); a.status != http.StatusUnauthorized {
			t.Errorf("a token in the address answered %s, want 401", a)
		}
	}
	if w.creates() != 1 {
		t.Errorf("Kling got %d calls, want 1", w.creates())
	}
	w.user.balance(w.setup.balance-guidePrice, 0)
}

func TestATokenThatMayNotCallIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	refused := func(name string, c *caller, status int, code string) {
		t.Helper()
		sk := []byte(account.SecretKey(w.keys, c.token.Hash).Reveal())
		for how, line := range map[string]string{
			"bearer": "Authorization: Bearer " + c.text,
			"JWT":    signedBy(t, jwt.SigningMethodHS256, c.token.AccessKey, sk, time.Time{}, time.Now().Add(time.Minute)),
		} {
			if a := c.do("POST", text2video, guideOrder, line); a.status != status || a.text("error.code") != code {
				t.Errorf("%s by %s: answered %s, want %d %s", name, how, a, status, code)
			}
		}
	}

	revoked := w.user.with(store.NewToken{})
	if a := revoked.do("GET", "/v1/models", ""); a.status != 200 {
		t.Fatalf("a fresh token answered %s", a)
	}
	w.switchOff("tokens", revoked.token.ID)
	gone := w.newCaller(w.setup.balance)
	w.switchOff("users", gone.user.ID)
	// Nobody tells the nodes; they find out by themselves, soon.
	w.until("the nodes to notice", func() bool {
		return revoked.do("GET", "/v1/models", "").status != 200 && gone.do("GET", "/v1/models", "").status != 200
	})
	refused("a disabled token", revoked, http.StatusUnauthorized, "token_disabled")
	refused("a disabled user's token", gone, http.StatusForbidden, "user_disabled")
	refused("an expired token", w.user.with(store.NewToken{ExpiresAt: time.Now().Add(-time.Second)}), http.StatusUnauthorized, "token_expired")
	refused("a token of another network", w.user.with(store.NewToken{Networks: []string{"203.0.113.0/24"}}), http.StatusForbidden, "address_not_allowed")
	refused("a token of other models", w.user.with(store.NewToken{Models: []string{"kling-v1-6", "kling-v1-5-pro"}}), http.StatusForbidden, "model_not_allowed")
	if n := w.creates(); n != 0 {
		t.Errorf("Kling got %d calls", n)
	}
	w.user.balance(w.setup.balance, 0)

	// X-Forwarded-For counts from trusted proxies only.
	elsewhere := w.user.with(store.NewToken{Networks: []string{"203.0.113.0/24"}})
	if a := elsewhere.do("GET", "/v1/models", "", "X-Forwarded-For: 203.0.113.7"); a.status != http.StatusForbidden {
		t.Errorf("a made-up X-Forwarded-For was believed: %s", a)
	}
	local := w.user.with(store.NewToken{Networks: []string{"127.0.0.1"}, Models: []string{"kling-v1-5"}})
	local.succeeded(local.order(guideOrder))
	if a := local.do("GET", "/v1/models", ""); a.get(`data.#(id=="kling-v1-6-std")`).Exists() || !a.get(`data.#(id=="kling-v1-5-std")`).Exists() {
		t.Errorf("the token's models are %s", a)
	}
}

func TestATokensRateIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	c := w.user.with(store.NewToken{Rate: 3})
	for i := range 3 {
		if a := c.do("GET", "/v1/models", ""); a.status != 200 {
			t.Errorf("request %d answered %s", i+1, a)
		}
	}
	a := c.do("POST", text2video, guideOrder)
	if a.status != http.StatusTooManyRequests || a.text("error.code") != "rate_limited" || a.get("code").Int() != 1302 {
		t.Errorf("the fourth answered %s, want 429 rate_limited", a)
	}
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 || n > 60 {
		t.Errorf("Retry-After is %q, want 1 to 60 seconds", a.header.Get("Retry-After"))
	}
	w.user.balance(w.setup.balance, 0)
	w.user.succeeded(w.user.order(guideOrder)) // another token has a rate of its own
}

func TestTheOpenPagesTellNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	open := "Authorization:"
	if a := w.user.do("GET", "/healthz", "", open); a.status != 200 || a.text("status") != "ok" {
		t.Errorf("healthz answered %s", a)
	}
	if a := w.user.do("GET", "/readyz", "", open); a.status != 200 || a.text("status") != "ok" {
		t.Errorf("readyz answered %s", a)
	}
	a := w.user.do("GET", "/api/status", "", open)
	if a.status != 200 || a.get("data.quota_per_unit").Int() != 500_000 || a.text("data.version") != "e2e" || !strings.Contains(a.get("data.models").Raw, "kling-v1-5-std") {
		t.Errorf("status answered %s", a)
	}
	if strings.Contains(a.body, w.kling) || strings.Contains(a.body, w.acct.AccessKey) {
		t.Errorf("status tells of the channel: %s", a)
	}
	m := w.user.do("GET", "/v1/models/kling-v1-5-std", "")
	if m.status != 200 || m.text("id") != "kling-v1-5-std" || m.get("capabilities.#").Int() == 0 {
		t.Errorf("the model reads %s", m)
	}
	if m := w.user.do("GET", "/v1/models/kling-v0", ""); m.status != 404 || m.text("error.code") != "model_not_found" {
		t.Errorf("an unknown model reads %s", m)
	}
}
