package webhook_test

import (
	"net/url"
	"testing"

	"one-api/internal/fault"
	"one-api/internal/webhook"
)

// FuzzCheckURL: what is taken is an address that can be called, without a
// password in it.
func FuzzCheckURL(f *testing.F) {
	for _, text := range []string{"https://example.com/hook?a=1", "http://[::1]:80/", "javascript:alert(1)", "https://u:p@example.com", "//example.com", "https://", "https://example.com/#x", "https://exa mple.com", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := webhook.CheckURL(text, "callback_url"); err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || len(text) > 2048 {
			t.Fatalf("%q was taken", text)
		}
	})
}
