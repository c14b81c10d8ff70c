package account_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/secret"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestMayUse(t *testing.T) {
	for _, c := range []struct {
		models []string
		name   string
		want   bool
	}{
		{nil, "kling-v1-6-pro", true},
		{[]string{}, "anything", true},
		{[]string{"kling-v1-6-pro"}, "kling-v1-6-pro", true},
		{[]string{"kling-v1-6-pro"}, "kling-v1-6-std", false},
		{[]string{"kling-v1-6"}, "kling-v1-6-std", true},
		{[]string{"kling-v1"}, "kling-v1-6-std", false},
		{[]string{"kling-v2", "kling-v1-6"}, "kling-v1-6-4k", true},
		{[]string{"kling*"}, "kling-v3-pro", true},
		{[]string{""}, "kling-v3-pro", false},
	} {
		if got := (&account.Token{Models: c.models}).MayUse(c.name); got != c.want {
			t.Errorf("a token with %q may use %s: %t, want %t", c.models, c.name, got, c.want)
		}
	}
}

func TestMayCallFrom(t *testing.T) {
	some := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		networks []netip.Prefix
		from     string
		want     bool
	}{
		{nil, "198.51.100.1", true},
		{some, "10.1.255.255", true},
		{some, "10.2.0.1", false},
		{some, "203.0.113.7", true},
		{some, "203.0.113.8", false},
		{some, "::ffff:10.1.0.9", true}, // as a listener on both families reports it
		{some, "::ffff:10.2.0.9", false},
		{some, "2001:db8::1", true},
		{some, "2001:db9::1", false},
		{some, "::1", false},
	} {
		if got := (&account.Token{Networks: c.networks}).MayCallFrom(netip.MustParseAddr(c.from)); got != c.want {
			t.Errorf("from %s with %v: %t, want %t", c.from, c.networks, got, c.want)
		}
	}
	if (&account.Token{Networks: some}).MayCallFrom(netip.Addr{}) {
		t.Error("a caller without an address may use a token that is bound to addresses")
	}
}

func TestExpired(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Time
		want bool
	}{
		"never":   {time.Time{}, false},
		"later":   {now.Add(time.Second), false},
		"now":     {now, true},
		"earlier": {now.Add(-time.Second), true},
	} {
		if got := (&account.Token{ExpiresAt: c.at}).Expired(now); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestTokenTexts(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		real, test, key := account.NewTokenText(false).Reveal(), account.NewTokenText(true).Reveal(), account.NewAccessKey()
		if !regexp.MustCompile(`^sk-[A-Za-z0-9]{48}$`).MatchString(real) || account.TestToken(real) {
			t.Fatalf("a token is %q", real)
		}
		if !regexp.MustCompile(`^sk-test-[A-Za-z0-9]{48}$`).MatchString(test) || !account.TestToken(test) {
			t.Fatalf("a test token is %q", test)
		}
		if !regexp.MustCompile(`^ak-[A-Za-z0-9]{24}$`).MatchString(key) {
			t.Fatalf("an access key is %q", key)
		}
		for _, s := range []string{real, test, key} {
			if seen[s] {
				t.Fatalf("%q was made twice", s)
			}
			seen[s] = true
		}
	}
}

func TestThePrefixTellsLittle(t *testing.T) {
	for text, want := range map[secret.Text]string{
		"sk-abcdefghijkl": "sk-abcd", "sk-test-abcdefghijklmnopqrst": "sk-test-abcd", "short": "sh", "": "",
	} {
		if got := account.PrefixOf(text); got != want {
			t.Errorf("the prefix of %q is %q, want %q", text.Reveal(), got, want)
		}
	}
}

func TestHashes(t *testing.T) {
	h := account.HashToken("sk-one")
	if h == account.HashToken("sk-two") {
		t.Error("two tokens have one hash")
	}
	if got, ok := account.ParseHash(h.Hex()); !ok || got != h {
		t.Errorf("ParseHash(%q) = %v, %t", h.Hex(), got, ok)
	}
	for _, bad := range []string{"", "00", h.Hex() + "00", strings.Repeat("g", 64), "sk-one"} {
		if _, ok := account.ParseHash(bad); ok {
			t.Errorf("ParseHash took %q", bad)
		}
	}
}

func TestSecretKeyBelongsToOneTokenAndOneGateway(t *testing.T) {
	keyring := func(c string) *secret.Keyring {
		k, err := secret.NewKeyring(strings.Repeat(c, 32))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a, b := keyring("a"), keyring("b")
	h := account.HashToken("sk-one")
	sk := account.SecretKey(a, h)
	switch {
	case sk != account.SecretKey(a, h):
		t.Error("the SecretKey is not stable")
	case sk == account.SecretKey(a, account.HashToken("sk-two")):
		t.Error("two tokens have one SecretKey")
	case sk == account.SecretKey(b, h):
		t.Error("two gateways give one SecretKey")
	case len(sk) < 40:
		t.Errorf("the SecretKey has %d characters", len(sk))
	}
}
