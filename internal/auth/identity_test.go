package auth_test

import (
	"strings"
	"testing"
	"time"

	"one-api/internal/auth"
	"one-api/internal/fault"
	"one-api/internal/secret"
)

// RFC 6238, appendix B, its SHA-1 rows cut to six digits.
func TestTOTPStepsAreThoseOfTheRFC(t *testing.T) {
	const text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // "12345678901234567890"
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		for _, off := range []int64{-30, 0, 30} {
			if step, ok := auth.TOTPStep(text, code, time.Unix(at+off, 0)); !ok || step != at/30 {
				t.Errorf("%s at %d%+d: step %d, %v", code, at, off, step, ok)
			}
		}
		if _, ok := auth.TOTPStep(text, code, time.Unix(at+90, 0)); ok {
			t.Errorf("%s is good 90 s later", code)
		}
	}
	for _, code := range []string{"", "28708", "2870820", "２８７０８２", "287082\n"} {
		if _, ok := auth.TOTPStep(text, code, time.Unix(59, 0)); ok {
			t.Errorf("%q was accepted", code)
		}
	}
	made, address, err := auth.NewTOTP("one-api", "ali ce&x=y")
	if err != nil || !strings.HasPrefix(address.Reveal(), "otpauth://totp/one-api:ali%20ce&x=y?") || len(made.Reveal()) != 32 {
		t.Errorf("made %q, %v", address.Reveal(), err)
	}
}

func TestNewPasswordsAreLongAndNotTheName(t *testing.T) {
	for _, c := range []struct{ name, password, word string }{
		{"alice", "123456789", "password_length"},
		{"alice", "1234567890", ""},
		{"alice", strings.Repeat("界", 10), ""},
		{"alice", strings.Repeat("界", 9), "password_length"},
		{"alice", strings.Repeat("界", 256), ""},
		{"alice", strings.Repeat("x", 257), "password_length"},
		{"alice", "1234567890\xff", "password_length"},
		{"alice-in-wonderland", "Alice-In-Wonderland", "password_is_name"},
	} {
		err := auth.CheckNewPassword(c.name, secret.Text(c.password))
		word := ""
		if err != nil {
			word = fault.From(err).Word()
		}
		if word != c.word {
			t.Errorf("%.12q: got %q, want %q", c.password, word, c.word)
		}
	}
}

func TestSitesOfPasskeys(t *testing.T) {
	for address, want := range map[string]auth.Site{
		"https://GW.example.com/x":    {Domain: "gw.example.com", Origin: "https://gw.example.com"},
		"https://gw.example.com:8443": {Domain: "gw.example.com", Origin: "https://gw.example.com:8443"},
		"http://localhost:3000":       {Domain: "localhost", Origin: "http://localhost:3000"},
		"http://gw.example.com":       {},
		"https://192.0.2.1":           {},
		"https://[2001:db8::1]":       {},
		"gw.example.com":              {},
		"":                            {},
	} {
		got, err := auth.SiteOf(address)
		if got != want || (err == nil) != (want != auth.Site{}) {
			t.Errorf("%q: %+v, %v", address, got, err)
		}
	}
}
