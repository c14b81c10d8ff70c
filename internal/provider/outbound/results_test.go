package outbound

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestResultsComeFromPublicHostsAndTheChannelsOwn(t *testing.T) {
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	defer secret.Close()
	channel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, secret.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusTemporaryRedirect)
		case "/moved":
			http.Redirect(w, r, "/video.mp4", http.StatusMovedPermanently)
		default:
			_, _ = io.WriteString(w, "video "+r.Header.Get("Range"))
		}
	}))
	defer channel.Close()
	f := NewResults(nil)
	for _, c := range []struct {
		name, address, base string
		refused             bool
		body                string
	}{
		{"the channel's own host", channel.URL + "/video.mp4", channel.URL + "/prefix", false, "video bytes=0-1"},
		{"a move there", channel.URL + "/moved", channel.URL, false, "video bytes=0-1"},
		{"this machine", secret.URL, channel.URL, true, ""},
		{"this machine without a channel", channel.URL, "", true, ""},
		{"a redirect to this machine", channel.URL + "/away", channel.URL, true, ""},
		{"a cloud's metadata", "http://169.254.169.254/latest/meta-data", channel.URL, true, ""},
		{"a private network", "https://10.0.0.1/x", channel.URL, true, ""},
		{"a round trip", channel.URL + "/round", channel.URL, false, ""},
		{"a file", "file:///etc/passwd", channel.URL, false, ""},
		{"a password", strings.Replace(channel.URL, "http://", "http://a:b@", 1), channel.URL, false, ""},
	} {
		resp, err := f.Get(t.Context(), c.address, c.base, http.Header{"Range": {"bytes=0-1"}})
		if err != nil {
			if c.body != "" || Refused(err) != c.refused {
				t.Errorf("%s: %v, refused %v", c.name, err, Refused(err))
			}
			continue
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if c.body == "" || string(b) != c.body {
			t.Errorf("%s: answered %q", c.name, b)
		}
	}
}
