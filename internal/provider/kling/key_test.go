package kling

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"one-api/internal/provider"
	"one-api/internal/secret"
	"one-api/internal/video"
)

func TestKeyKinds(t *testing.T) {
	u := New(nil)
	for key, want := range map[secret.Text]string{
		"api-key-0123": kindAPIKey, "a.b.c": kindAPIKey, "AK|SK": kindPair, "AK|S,K": kindPair,
		"": "", "|": "", "AK|": "", "|SK": "", "A|B|C": "", "AK,SK": "", "a b": "", "a\tb": "", "Bearer x": "", "é": "",
	} {
		kind, err := u.KeyKind(key)
		if kind != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", key.Reveal(), kind, err, want)
		}
		if got := u.CanServe(key, "/v1/videos/text2video"); got != (want != "") {
			t.Errorf("%q serves legacy paths: %t", key.Reveal(), got)
		}
		if got := u.CanServe(key, "/text-to-video/kling-3.0-turbo"); got != (want == kindAPIKey) {
			t.Errorf("%q serves new paths: %t", key.Reveal(), got)
		}
	}
}

// clocked is a Kling that checks tokens against its own clock, and one of ours
// whose clock stands where the test puts it.
type clocked struct {
	*Upstream
	t      *testing.T
	cred   provider.Credential
	ours   time.Time
	kling  time.Time
	tokens []string
	dated  bool // answers carry Kling's time
}

func newClocked(t *testing.T) *clocked {
	c := &clocked{t: t, ours: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), dated: true}
	c.kling = c.ours
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		c.tokens = append(c.tokens, token)
		w.Header()["Date"] = nil
		if c.dated {
			w.Header().Set("Date", c.kling.Format(http.TimeFormat))
		}
		claims := jwt.MapClaims{}
		_, err := jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return c.kling })).ParseWithClaims(token, claims,
			func(*jwt.Token) (any, error) { return []byte("the-secret-key"), nil })
		code := 0
		switch {
		case err == nil:
		case strings.Contains(err.Error(), "not valid yet"):
			code = 1003
		case strings.Contains(err.Error(), "expired"):
			code = 1004
		default:
			code = 1000
		}
		if code != 0 {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":`+strconv.Itoa(code)+`,"message":"no"}`)
			return
		}
		_, _ = io.WriteString(w, `{"code":0,"message":"SUCCEED","data":{"task_id":"1","task_status":"submitted"}}`)
	}))
	t.Cleanup(s.Close)
	c.Upstream = New(s.Client())
	c.now = func() time.Time { return c.ours }
	c.cred = provider.Credential{BaseURL: s.URL, Key: "the-access-key|the-secret-key"}
	return c
}

func (c *clocked) submit() error {
	_, err := c.Submit(c.t.Context(), c.cred, provider.Submission{
		Request: video.Request{Route: "/v1/videos/text2video", Body: []byte(`{}`)}, Ref: "r",
	})
	return err
}

func TestPairsSignTokensAsKlingDescribes(t *testing.T) {
	c := newClocked(t)
	if err := c.submit(); err != nil {
		t.Fatal(err)
	}
	token, parts, err := jwt.NewParser().ParseUnverified(c.tokens[0], jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "HS256", "typ": "JWT"}, token.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	claims, err := jwt.NewParser().DecodeSegment(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	now := c.ours.Unix()
	want := `{"iss":"the-access-key","exp":` + strconv.FormatInt(now+1800, 10) + `,"nbf":` + strconv.FormatInt(now-60, 10) + `}`
	if string(claims) != want {
		t.Errorf("claims are %s, want %s", claims, want)
	}
}

func TestTokensAreUsedForHalfTheirLife(t *testing.T) {
	c := newClocked(t)
	pass := func(d time.Duration) {
		c.ours, c.kling = c.ours.Add(d), c.kling.Add(d)
		if err := c.submit(); err != nil {
			t.Fatal(err)
		}
	}
	pass(0)
	pass(15*time.Minute - time.Second)
	pass(time.Second)
	if c.tokens[0] != c.tokens[1] || c.tokens[1] == c.tokens[2] {
		t.Errorf("want one token for 15 minutes, then another: %v", c.tokens)
	}
	c.cred.Key = "the-access-key|another-secret-key"
	if err := c.submit(); provider.AsError(err).Kind != provider.BadKey {
		t.Errorf("a new secret for the same access key was not used: %v", err)
	}
}

func TestClocksThatDifferAreCuredBySigningOnceMore(t *testing.T) {
	for name, off := range map[string]time.Duration{"ours is ahead": -time.Hour, "ours is behind": time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := newClocked(t)
			c.kling = c.ours.Add(off)
			if err := c.submit(); err != nil || len(c.tokens) != 2 {
				t.Fatalf("got %v after %d calls", err, len(c.tokens))
			}
			if err := c.submit(); err != nil || len(c.tokens) != 3 {
				t.Errorf("the good token was not kept: %v after %d calls", err, len(c.tokens))
			}
		})
	}
	t.Run("without Kling's time the key is refused", func(t *testing.T) {
		c := newClocked(t)
		c.kling, c.dated = c.ours.Add(time.Hour), false
		e := provider.AsError(c.submit())
		if e.Kind != provider.BadKey || e.Code != 1004 || len(c.tokens) != 2 {
			t.Errorf("got %v after %d calls, want bad_key after 2", e, len(c.tokens))
		}
	})
	t.Run("an old token is replaced", func(t *testing.T) {
		c := newClocked(t)
		if err := c.submit(); err != nil {
			t.Fatal(err)
		}
		c.kling, c.dated = c.kling.Add(31*time.Minute), false
		c.ours = c.ours.Add(time.Second) // our clock stood still; the token is expired for Kling alone
		if e := provider.AsError(c.submit()); e.Code != 1004 || len(c.tokens) != 3 {
			t.Errorf("got %v after %d calls", e, len(c.tokens))
		}
	})
}

func TestPairsAreNotSentToNewPaths(t *testing.T) {
	c := newClocked(t)
	_, err := c.Submit(c.t.Context(), c.cred, provider.Submission{
		Request: video.Request{Route: "/text-to-video/kling-3.0-turbo", Body: []byte(`{}`)},
	})
	if e := provider.AsError(err); e.Kind != provider.NotAllowed || len(c.tokens) != 0 {
		t.Errorf("got %v after %d calls", err, len(c.tokens))
	}
}

func TestTokenCacheIsBounded(t *testing.T) {
	u := New(nil)
	for i := range 3 * maxTokens {
		u.bearer(credentialKey{id: strconv.Itoa(i), secret: "s"})
	}
	if len(u.tokens) > maxTokens {
		t.Errorf("%d tokens are kept", len(u.tokens))
	}
}

func FuzzParseKey(f *testing.F) {
	for _, k := range []string{"", "a", "a|b", "a|b|c", "a,b", "Bearer a", "\x00"} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, key string) {
		k, err := parseKey(secret.Text(key))
		if err != nil {
			if len(key) > 8 && strings.Contains(err.Error(), key) {
				t.Fatalf("the error tells the key: %v", err)
			}
			return
		}
		back := k.id
		if k.secret != "" {
			back += "|" + k.secret
		}
		if back != key || k.id == "" {
			t.Fatalf("%q was read as %q and %q", key, k.id, k.secret)
		}
	})
}
