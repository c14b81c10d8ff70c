package callback_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzReceive: whatever somebody posts to the callback address, nothing is
// recorded without the proof, and nobody causes an error of ours.
func FuzzReceive(f *testing.F) {
	f.Add(live, "2.AAAA", body, "")
	f.Add(live, "", body, "good")
	f.Add("test", "x", "{}", "bad")
	f.Add(ended, "1.", "[1]", "")
	f.Fuzz(func(t *testing.T, id, k, text, signature string) {
		w := newWorld(t)
		r := httptest.NewRequest("POST", "/kling/callback/x?k="+url.QueryEscape(k), strings.NewReader(text))
		r.URL.Path = "/kling/callback/" + strings.ReplaceAll(id, "/", "_")
		r.Header["X-Signature"] = []string{signature}
		out := httptest.NewRecorder()
		w.ServeHTTP(out, r)
		if out.Code >= 500 && out.Code != http.StatusServiceUnavailable {
			t.Fatalf("%q with %q: %d %s", id, k, out.Code, out.Body)
		}
		if len(w.books.recorded) > 0 {
			t.Fatalf("%q with %q was recorded", id, k)
		}
	})
}
