package httpkit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/telemetry"
)

// dialect writes refusals in a way that no default of net/http does.
func dialect(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	_ = httpkit.JSON(w, httpkit.Status(f.Code), map[string]string{
		"dialect": "ours", "code": f.Word(), "message": f.Message, "request_id": telemetry.RequestID(r.Context()),
	})
}

type answer struct {
	Dialect, Code, Message string
	RequestID              string `json:"request_id"`
}

// kit is a server with a few routes behind Around.
type kit struct {
	http.Handler
	log bytes.Buffer
	mux *http.ServeMux
}

func newKit() *kit {
	k := &kit{mux: http.NewServeMux()}
	log := slog.New(slog.NewTextHandler(&k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	handle := func(pattern string, h httpkit.Handler) { k.mux.Handle(pattern, httpkit.Handle(log, dialect, h)) }
	handle("GET /ok", func(w http.ResponseWriter, r *http.Request) error {
		return httpkit.JSON(w, http.StatusOK, map[string]string{"url": "https://x.example/?a=1&b=<2>", "id": telemetry.RequestID(r.Context())})
	})
	handle("POST /body", func(w http.ResponseWriter, r *http.Request) error {
		b, err := httpkit.JSONBody(w, r, 1<<20)
		if err != nil {
			return err
		}
		return httpkit.Bytes(w, http.StatusOK, b)
	})
	handle("GET /accident", func(http.ResponseWriter, *http.Request) error {
		return fmt.Errorf("dial tcp 10.0.0.5:3306: %w", io.ErrUnexpectedEOF)
	})
	handle("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("swordfish at 0xdeadbeef") })
	handle("GET /panic-late", func(w http.ResponseWriter, _ *http.Request) error {
		_ = httpkit.Bytes(w, http.StatusOK, []byte(`{"half":1}`))
		panic("swordfish")
	})
	handle("GET /abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
	handle("GET /busy", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Throttled, "Slow down.").After(1500 * time.Millisecond)
	})
	handle("GET /maybe", func(http.ResponseWriter, *http.Request) error {
		f := fault.New(fault.Unavailable, "Ask later.")
		f.OrderMayExist = true
		return f
	})
	handle("GET /who", func(http.ResponseWriter, *http.Request) error { return fault.New(fault.Unauthenticated, "Who?") })
	k.Handler = httpkit.Around(log, httpkit.Routed(log, k.mux, dialect), dialect)
	return k
}

func (k *kit) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w
}

// refusal reads an answer in our dialect.
func refusal(t *testing.T, w *httptest.ResponseRecorder, status int, code string) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.Dialect != "ours" {
		t.Fatalf("the answer is not in our dialect: %d %q", w.Code, w.Body)
	}
	if w.Code != status || a.Code != code {
		t.Errorf("answer %d %s, want %d %s", w.Code, a.Code, status, code)
	}
	return a
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	for code, want := range map[fault.Code]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.InsufficientQuota: 402, fault.Forbidden: 403, fault.NotFound: 404,
		fault.MethodNotAllowed: 405, fault.Conflict: 409, fault.TooLarge: 413, fault.UnsupportedMedia: 415, fault.Unprocessable: 422,
		fault.Throttled: 429, fault.Unavailable: 503, fault.Internal: 500, "of tomorrow": 500,
	} {
		if got := httpkit.Status(code); got != want {
			t.Errorf("Status(%s) = %d, want %d", code, got, want)
		}
	}
}

func TestBodyLimits(t *testing.T) {
	const limit = 1 << 20
	for name, c := range map[string]struct {
		body    io.Reader
		unknown bool // length not declared
		want    int
	}{
		"empty":              {strings.NewReader(""), false, 200},
		"at the limit":       {strings.NewReader(strings.Repeat("x", limit)), false, 200},
		"above, declared":    {strings.NewReader(strings.Repeat("x", limit+1)), false, 413},
		"above, not told":    {strings.NewReader(strings.Repeat("x", limit+1)), true, 413},
		"at limit, not told": {strings.NewReader(strings.Repeat("x", limit)), true, 200},
		"cut off":            {io.MultiReader(strings.NewReader("{"), broken{}), true, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/body", c.body)
			if c.unknown {
				r.ContentLength = -1
			}
			w := newKit().do(r)
			if w.Code != c.want {
				t.Errorf("status %d, want %d: %.200s", w.Code, c.want, w.Body)
			}
		})
	}
}

// broken is a client that goes away.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestADeclaredLengthIsRefusedBeforeReading(t *testing.T) {
	r := httptest.NewRequest("POST", "/body", broken{})
	r.ContentLength = 1 << 40
	refusal(t, newKit().do(r), 413, "body_too_large")
}

func TestContentTypes(t *testing.T) {
	for ct, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200, "text/json": 200,
		"application/vnd.api+json": 200, "": 200,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/jsonp": 415,
	} {
		r := httptest.NewRequest("POST", "/body", strings.NewReader("{}"))
		r.Header.Set("Content-Type", ct)
		if w := newKit().do(r); w.Code != want {
			t.Errorf("%q: status %d, want %d", ct, w.Code, want)
		}
	}
	for encoding, want := range map[string]int{"identity": 200, "gzip": 415, "br": 415} {
		r := httptest.NewRequest("POST", "/body", strings.NewReader("{}"))
		r.Header.Set("Content-Encoding", encoding)
		if w := newKit().do(r); w.Code != want {
			t.Errorf("Content-Encoding %s: status %d, want %d", encoding, w.Code, want)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	ours := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{16}$`)
	for sent, kept := range map[string]bool{
		"req-1_a.B":               true,
		strings.Repeat("a", 64):   true,
		strings.Repeat("a", 65):   false,
		"":                        false,
		"two words":               false,
		"line\nlevel=ERROR":       false,
		`quote"`:                  false,
		"<script>":                false,
		"ключ":                    false,
		"../../etc/passwd?secret": false,
	} {
		k := newKit()
		r := httptest.NewRequest("GET", "/ok", nil)
		r.Header["X-Request-Id"] = []string{sent}
		w := k.do(r)
		got := w.Header().Get("X-Request-Id")
		if kept && got != sent || !kept && !ours.MatchString(got) {
			t.Errorf("%q was answered as %q, want kept %t", sent, got, kept)
		}
		if !strings.Contains(w.Body.String(), `"id":"`+got+`"`) {
			t.Errorf("the handler saw another id than %q: %s", got, w.Body)
		}
	}
	if a, b := newKit().do(httptest.NewRequest("GET", "/ok", nil)), newKit().do(httptest.NewRequest("GET", "/ok", nil)); a.Header().Get("X-Request-Id") == b.Header().Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestUnroutedRequestsAreRefusedInOurDialect(t *testing.T) {
	k := newKit()
	a := refusal(t, k.do(httptest.NewRequest("GET", "/nowhere/<script>", nil)), 404, "route_not_found")
	if a.RequestID == "" {
		t.Error("the refusal has no request id")
	}
	w := k.do(httptest.NewRequest("DELETE", "/body", nil))
	refusal(t, w, 405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); allow != "POST" {
		t.Errorf("Allow = %q, want POST", allow)
	}
	w = k.do(httptest.NewRequest("POST", "/ok", nil))
	refusal(t, w, 405, "method_not_allowed")
	if allow := w.Header().Get("Allow"); !strings.Contains(allow, "GET") {
		t.Errorf("Allow = %q, want GET in it", allow)
	}
	refusal(t, k.do(httptest.NewRequest("GET", "/"+strings.Repeat("a", 9000), nil)), 404, "route_not_found")
}

func TestAnAccidentTellsNothing(t *testing.T) {
	k := newKit()
	w := k.do(httptest.NewRequest("GET", "/accident", nil))
	refusal(t, w, 500, "internal")
	if strings.Contains(w.Body.String(), "10.0.0.5") || strings.Contains(w.Body.String(), "EOF") {
		t.Errorf("the caller reads %s", w.Body)
	}
	if !strings.Contains(k.log.String(), "10.0.0.5") || strings.Count(k.log.String(), "level=ERROR") != 1 {
		t.Errorf("the log has not exactly one line with the cause:\n%s", &k.log)
	}
}

func TestAPanicIsA500WithoutItsText(t *testing.T) {
	k := newKit()
	w := k.do(httptest.NewRequest("GET", "/panic", nil))
	refusal(t, w, 500, "internal")
	if body := w.Body.String(); strings.Contains(body, "swordfish") || strings.Contains(body, "goroutine") || strings.Contains(body, ".go:") {
		t.Errorf("the caller reads %s", body)
	}
	if log := k.log.String(); !strings.Contains(log, "swordfish") || !strings.Contains(log, "httpkit_test.go") || !strings.Contains(log, "status=500") {
		t.Errorf("the log lacks the panic, its place or the status:\n%s", log)
	}
}

func TestAPanicAfterTheAnswerDoesNotAnswerTwice(t *testing.T) {
	k := newKit()
	w := k.do(httptest.NewRequest("GET", "/panic-late", nil))
	if w.Code != 200 || w.Body.String() != `{"half":1}` {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if !strings.Contains(k.log.String(), "swordfish") {
		t.Error("the panic is not in the log")
	}
}

func TestAbortCutsTheConnection(t *testing.T) {
	k := newKit()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // the server compares so
			t.Errorf("the panic became %v", p)
		}
		if strings.Contains(k.log.String(), "panic") {
			t.Errorf("a cut connection is logged as a panic:\n%s", &k.log)
		}
	}()
	k.do(httptest.NewRequest("GET", "/abort", nil))
}

func TestHeadersOfRefusals(t *testing.T) {
	k := newKit()
	if w := k.do(httptest.NewRequest("GET", "/busy", nil)); w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After of 1.5 s is %q, want 2", w.Header().Get("Retry-After"))
	}
	if w := k.do(httptest.NewRequest("GET", "/maybe", nil)); w.Header().Get("X-Should-Retry") != "false" || w.Code != 503 {
		t.Errorf("%d with X-Should-Retry %q, want 503 and false", w.Code, w.Header().Get("X-Should-Retry"))
	}
	w := k.do(httptest.NewRequest("GET", "/who", nil))
	if w.Header().Get("WWW-Authenticate") != "Bearer" || w.Header().Get("X-Should-Retry") != "" || w.Header().Get("Retry-After") != "" {
		t.Errorf("headers of a 401: %v", w.Header())
	}
	for _, path := range []string{"/ok", "/who", "/nowhere", "/panic"} {
		w := k.do(httptest.NewRequest("GET", path, nil))
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("headers of %s: %v", path, w.Header())
		}
	}
}

func TestJSONKeepsAddressesReadable(t *testing.T) {
	if w := newKit().do(httptest.NewRequest("GET", "/ok", nil)); !strings.Contains(w.Body.String(), "https://x.example/?a=1&b=<2>") {
		t.Errorf("body %s", w.Body)
	}
}

func TestJSONThatCannotBeWrittenIsAnError(t *testing.T) {
	w := httptest.NewRecorder()
	if err := httpkit.JSON(w, 200, func() {}); err == nil || w.Body.Len() != 0 {
		t.Errorf("err %v, body %q", err, w.Body)
	}
}

func TestTheRecorderLetsControllersThrough(t *testing.T) {
	k := newKit()
	flushed := errors.New("not called")
	k.mux.HandleFunc("GET /stream", func(w http.ResponseWriter, _ *http.Request) { flushed = http.NewResponseController(w).Flush() })
	k.do(httptest.NewRequest("GET", "/stream", nil))
	if flushed != nil {
		t.Errorf("Flush: %v", flushed)
	}
}

func TestClientAddr(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for name, c := range map[string]struct {
		peer    string
		trusted []netip.Prefix
		xff     []string
		real    string
		want    string
	}{
		"no proxy":                      {"198.51.100.9:1", nil, nil, "", "198.51.100.9"},
		"spoofed without proxies":       {"198.51.100.9:1", nil, []string{"1.2.3.4"}, "1.2.3.4", "198.51.100.9"},
		"spoofed past the proxies":      {"198.51.100.9:1", proxies, []string{"10.0.0.1"}, "10.0.0.1", "198.51.100.9"},
		"behind a proxy":                {"10.0.0.1:1", proxies, []string{"198.51.100.9"}, "", "198.51.100.9"},
		"behind two proxies":            {"10.0.0.1:1", proxies, []string{"198.51.100.9, 10.0.0.2"}, "", "198.51.100.9"},
		"spoofed in front of the proxy": {"10.0.0.1:1", proxies, []string{"1.2.3.4, 198.51.100.9"}, "", "198.51.100.9"},
		"spoofed as a proxy":            {"10.0.0.1:1", proxies, []string{"1.2.3.4, 10.9.9.9, 198.51.100.9"}, "", "198.51.100.9"},
		"in two headers":                {"10.0.0.1:1", proxies, []string{"1.2.3.4", "198.51.100.9"}, "", "198.51.100.9"},
		"v4-mapped peer":                {"[::ffff:10.0.0.1]:1", proxies, []string{"::ffff:198.51.100.9"}, "", "198.51.100.9"},
		"v4-mapped without proxy":       {"[::ffff:198.51.100.9]:1", proxies, []string{"1.2.3.4"}, "", "198.51.100.9"},
		"v6":                            {"[2001:db8::1]:1", proxies, []string{"2600::9"}, "", "2600::9"},
		"X-Real-IP":                     {"10.0.0.1:1", proxies, nil, "198.51.100.9", "198.51.100.9"},
		"list before X-Real-IP":         {"10.0.0.1:1", proxies, []string{"198.51.100.9"}, "1.2.3.4", "198.51.100.9"},
		"nothing told":                  {"10.0.0.1:1", proxies, nil, "", "10.0.0.1"},
		"nonsense told":                 {"10.0.0.1:1", proxies, []string{"1.2.3.4, unknown"}, "nobody", "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			for _, v := range c.xff {
				r.Header.Add("X-Forwarded-For", v)
			}
			if c.real != "" {
				r.Header.Set("X-Real-IP", c.real)
			}
			if got := httpkit.ClientAddr(r, c.trusted); got.String() != c.want {
				t.Errorf("ClientAddr = %s, want %s", got, c.want)
			}
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	if got := httpkit.ClientAddr(r, proxies); got.IsValid() {
		t.Errorf("a peer without an address is %s", got)
	}
}

func TestTrustedPeer(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for peer, want := range map[string]bool{"10.1.2.3:4": true, "[::ffff:10.1.2.3]:4": true, "11.0.0.1:4": false, "[::1]:4": false, "nonsense": false} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		if got := httpkit.TrustedPeer(r, proxies); got != want {
			t.Errorf("%s is trusted: %t, want %t", peer, got, want)
		}
	}
}
