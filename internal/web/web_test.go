package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func zipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := New(fstest.MapFS{
		"index.html.gz":         zipped(t, "<!doctype html>the console"),
		"favicon.svg.gz":        zipped(t, "<svg/>"),
		"assets/app-1a2b.js.gz": zipped(t, "run()"),
		"assets/font-3c.woff2":  {Data: []byte("font")},
		".sources":              {Data: []byte("digest")},
		".gitkeep":              {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what a browser gets.
type answer struct {
	StatusCode int
	Header     http.Header
	body       []byte
}

// get asks what is the console's, and tells of the rest with 418.
func get(s *Site, method, path string, header ...string) answer {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Before(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func (a answer) text(t *testing.T) string {
	t.Helper()
	if a.Header.Get("Content-Encoding") != "gzip" || len(a.body) == 0 {
		return string(a.body)
	}
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const html = "text/html,application/xhtml+xml,*/*;q=0.8"

func TestWhoGetsWhat(t *testing.T) {
	s := newSite(t)
	const index, script = "<!doctype html>the console", "run()"
	for _, c := range []struct {
		name, method, path, accept string
		status                     int
		body                       string
	}{
		{"the root", "GET", "/", "*/*", 200, index},
		{"a page", "GET", "/tasks/kling_01?tab=timeline", html, 200, index},
		{"a page by its file", "GET", "/index.html", html, 200, index},
		{"a page's head", "HEAD", "/tasks", html, 200, ""},
		{"an asset", "GET", "/assets/app-1a2b.js", "*/*", 200, script},
		{"an asset that browsers open", "GET", "/assets/font-3c.woff2", html, 200, "font"},
		{"a missing asset", "GET", "/assets/app-9.js", html, 404, "This file of the console does not exist; it may be of another version. Reload the page.\n"},
		{"an asset by its stored name", "GET", "/assets/app-1a2b.js.gz", "*/*", 404, "This file of the console does not exist; it may be of another version. Reload the page.\n"},
		{"a folder", "GET", "/assets/", html, 404, "This file of the console does not exist; it may be of another version. Reload the page.\n"},
		{"a file", "GET", "/favicon.svg", "image/*", 200, "<svg/>"},
		{"a write", "POST", "/", html, 405, "Pages are only read: use GET or HEAD.\n"},
		{"the build's own file", "GET", "/.sources", "*/*", 418, ""},
		{"a program's mistake", "GET", "/nothing", "application/json", 418, ""},
		{"a program's write", "POST", "/nothing", html, 418, ""},
		{"an API", "GET", "/api/tasks", html, 418, ""},
		{"the callers' API", "GET", "/kling", html, 418, ""},
		{"models", "GET", "/v1/models", html, 418, ""},
		{"health", "GET", "/healthz", html, 418, ""},
		{"a page that begins like an API", "GET", "/apis", html, 200, index},
	} {
		resp := get(s, c.method, c.path, "Accept", c.accept, "Accept-Encoding", "br, gzip;q=0.8")
		if body := resp.text(t); resp.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %s %s answered %d %q, want %d %q", c.name, c.method, c.path, resp.StatusCode, body, c.status, c.body)
		}
		if resp.StatusCode == 405 && resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s allows %q", c.name, resp.Header.Get("Allow"))
		}
	}
}

func TestWhoCannotUnpackGetsTheTextItself(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		encoding string
		packed   bool
	}{{"gzip", true}, {"deflate, gzip;q=1.0, *;q=0.5", true}, {"*", true}, {"", false}, {"br", false}, {"gzip;q=0", false}, {"gzip;q=0, *", false}, {"identity", false}} {
		resp := get(s, "GET", "/assets/app-1a2b.js", "Accept-Encoding", c.encoding)
		packed := resp.Header.Get("Content-Encoding") == "gzip"
		if body := resp.text(t); packed != c.packed || body != "run()" || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q got %q, packed %v, Vary %q", c.encoding, body, packed, resp.Header.Get("Vary"))
		}
		if ct := resp.Header.Get("Content-Type"); ct != "text/javascript; charset=utf-8" {
			t.Errorf("the script came as %q", ct)
		}
	}
	if h := get(s, "GET", "/assets/font-3c.woff2", "Accept-Encoding", "gzip").Header; h.Get("Content-Encoding") != "" || h.Get("Content-Type") != "font/woff2" {
		t.Errorf("a font came with %v", h)
	}
}

func TestWhatMayBeKept(t *testing.T) {
	s := newSite(t)
	if got := get(s, "GET", "/assets/app-1a2b.js").Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("assets: %q", got)
	}
	if got := get(s, "GET", "/assets/gone.js").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("missing assets: %q", got)
	}
	for _, encoding := range []string{"gzip", "identity"} {
		first := get(s, "GET", "/", "Accept-Encoding", encoding)
		tag := first.Header.Get("ETag")
		if first.Header.Get("Cache-Control") != "no-cache" || tag == "" {
			t.Errorf("the page: %v", first.Header)
		}
		if again := get(s, "GET", "/", "Accept-Encoding", encoding, "If-None-Match", `"old", W/`+tag); again.StatusCode != 304 || again.text(t) != "" {
			t.Errorf("a known page answered %d", again.StatusCode)
		}
		if again := get(s, "GET", "/", "Accept-Encoding", encoding, "If-None-Match", `"other"`); again.StatusCode != 200 {
			t.Errorf("a page that is known otherwise answered %d", again.StatusCode)
		}
	}
}

func TestPagesUseNothingFromElsewhere(t *testing.T) {
	for name, s := range map[string]*Site{"built": newSite(t), "not built": empty(t)} {
		h := get(s, "GET", "/users/7", "Accept", html).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src-elem 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %q", name, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "script-src 'self' 'unsafe-inline'") || strings.Contains(csp, "http") {
			t.Errorf("%s: the policy %q allows too much", name, csp)
		}
		for key, want := range map[string]string{"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "X-Content-Type-Options": "nosniff"} {
			if h.Get(key) != want {
				t.Errorf("%s: %s is %q", name, key, h.Get(key))
			}
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
			t.Errorf("%s: permissions %q", name, h.Get("Permissions-Policy"))
		}
	}
}

func empty(t *testing.T) *Site {
	t.Helper()
	s, err := New(fstest.MapFS{".gitkeep": {}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	s := empty(t)
	resp := get(s, "GET", "/", "Accept", html)
	body := resp.text(t)
	for _, want := range []string{"make build", "控制台", "/api/docs"} {
		if resp.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("the page answered %d without %q: %s", resp.StatusCode, want, body)
		}
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("it is kept: %q", got)
	}
	if resp := get(s, "GET", "/assets/app.js"); resp.StatusCode != 404 {
		t.Errorf("an asset answered %d", resp.StatusCode)
	}
}

// The folder of the build is there also before the first one.
func TestTheBinaryHasASite(t *testing.T) {
	s, err := New(Dist())
	if err != nil {
		t.Fatal(err)
	}
	if resp := get(s, "GET", "/"); resp.StatusCode != 200 {
		t.Errorf("the root answered %d", resp.StatusCode)
	}
}
