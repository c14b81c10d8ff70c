package outbound_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
)

const key = "key-that-nobody-else-may-see"

func call(base string) outbound.Call {
	return outbound.Call{BaseURL: base, Path: "/v1/videos/text2video", Token: key, Body: []byte(`{"prompt":"a cat"}`)}
}

// client makes calls with a fresh transport that the test tidies up.
func client(t testing.TB, o outbound.Options) *outbound.Client {
	c := outbound.New(o)
	t.Cleanup(c.CloseIdleConnections)
	return outbound.Use(c)
}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func wantKind(t *testing.T, err error, want provider.Kind) {
	t.Helper()
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *provider.Error of kind %s", err, err, want)
	}
	if e.Kind != want {
		t.Fatalf("got %v, want kind %s", err, want)
	}
	if strings.Contains(err.Error(), key) {
		t.Fatalf("the error text holds the key: %v", err)
	}
}

func TestCreateSendsTheCallAndReadsTheAnswer(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/prefix/v1/videos/text2video" || string(b) != `{"prompt":"a cat"}` {
			t.Errorf("got %s %s with %s", r.Method, r.URL, b)
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+key {
			t.Errorf("Authorization is %q", got)
		}
		if r.ContentLength != int64(len(b)) || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("length %d, headers %v", r.ContentLength, r.Header)
		}
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	a, err := client(t, outbound.Options{}).Create(t.Context(), call(base+"/prefix"))
	if err != nil || a.Status != http.StatusTeapot || string(a.Body) != "short and stout" {
		t.Fatalf("got %d %s, %v", a.Status, a.Body, err)
	}
	if got := a.RetryAfter(time.Now()); got != 7*time.Second {
		t.Errorf("Retry-After is read as %s, want 7s", got)
	}
}

func TestAskKeepsEscapedPathsAndQueries(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI)
	})
	a, err := client(t, outbound.Options{}).Ask(t.Context(), outbound.Call{BaseURL: base, Path: "/v1/a%2Fb", Query: "x=1%2C2", Token: key})
	if want := "GET /v1/a%2Fb?x=1%2C2"; err != nil || string(a.Body) != want {
		t.Fatalf("got %s, %v; want %s", a.Body, err, want)
	}
}

func TestGzipIsUnpacked(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, strings.Repeat("kling ", 1000))
		_ = z.Close()
	})
	a, err := client(t, outbound.Options{}).Ask(t.Context(), call(base))
	if err != nil || string(a.Body) != strings.Repeat("kling ", 1000) {
		t.Fatalf("got %d bytes, %v", len(a.Body), err)
	}
}

func TestAnswersAreReadUpToTheLimit(t *testing.T) {
	for _, declared := range []bool{true, false} {
		for _, size := range []int{0, 1, 1023, 1024, 1025, outbound.MaxAnswer, outbound.MaxAnswer + 1} {
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if declared {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				} else {
					w.(http.Flusher).Flush()
				}
				_, _ = w.Write(bytes.Repeat([]byte{'x'}, size))
			})
			a, err := client(t, outbound.Options{}).Create(t.Context(), call(base))
			if size > outbound.MaxAnswer {
				wantKind(t, err, provider.Unsure)
			} else if err != nil || len(a.Body) != size {
				t.Errorf("%d bytes, declared %t: got %d, %v", size, declared, len(a.Body), err)
			}
		}
	}
}

func TestRedirectsAreAnswersAndNobodyElseSeesTheKey(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { elsewhere.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other, status)
		})
		// Even a client that follows redirects is not asked.
		for _, c := range []*outbound.Client{client(t, outbound.Options{}), outbound.Use(http.DefaultClient)} {
			a, err := c.Create(t.Context(), call(base))
			if err != nil || a.Status != status {
				t.Errorf("got %d, %v; want %d", a.Status, err, status)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was called %d times", n)
	}
}

func TestNothingIsSentToABadBaseURL(t *testing.T) {
	for _, base := range []string{
		"", "api.example.com", "ftp://example.com", "https://", "https://user:" + key + "@example.com",
		"https://example.com?x=1", "https://example.com#x", "https://exa mple.com", "://",
	} {
		_, err := client(t, outbound.Options{}).Create(t.Context(), call(base))
		wantKind(t, err, provider.Unreachable)
		_, err = client(t, outbound.Options{}).Ask(t.Context(), call(base))
		wantKind(t, err, provider.Unanswered)
	}
	c := call("https://example.com")
	c.Path = ".evil.example"
	_, err := client(t, outbound.Options{}).Create(t.Context(), c)
	wantKind(t, err, provider.Unreachable)
}

func TestUnreachableWhenNoConnectionCameAbout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = nil
	t.Cleanup(untrusted.Close)
	lookup := outbound.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "example.invalid", IsNotFound: true}
	}}

	for _, tt := range []struct {
		name string
		opt  outbound.Options
		base string
	}{
		{"nobody listens", outbound.Options{}, nobody},
		{"the name does not resolve", lookup, "https://example.invalid"},
		{"the other end speaks no TLS", outbound.Options{}, "https://" + strings.TrimPrefix(plain, "http://")},
		{"the certificate is not trusted", outbound.Options{}, untrusted.URL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client(t, tt.opt).Create(t.Context(), call(tt.base))
			wantKind(t, err, provider.Unreachable)
		})
	}

	t.Run("the context ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client(t, outbound.Options{}).Create(ctx, call(plain))
		wantKind(t, err, provider.Unreachable)
	})
	t.Run("the context ended while dialling", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := client(t, outbound.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		_, err := c.Create(ctx, call("https://example.invalid"))
		wantKind(t, err, provider.Unreachable)
	})
}

// hijack takes over the connection after the request has been read.
func hijack(t testing.TB, then func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		then(c)
		_ = c.Close()
	}
}

func TestUnsureOnceAnythingMayHaveBeenWritten(t *testing.T) {
	for name, then := range map[string]func(net.Conn){
		"closed without an answer": func(net.Conn) {},
		"reset":                    func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) },
		"half a head":              func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") },
		"no HTTP":                  func(c net.Conn) { _, _ = io.WriteString(c, "hello\r\n\r\n") },
		"half a body": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0,")
		},
		"half a chunk": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"c")
		},
		"a refusal cut short": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"code\":1201")
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen atomic.Int32
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				seen.Add(1)
				hijack(t, then)(w, r)
			})
			c := client(t, outbound.Options{})
			_, err := c.Create(t.Context(), call(base))
			wantKind(t, err, provider.Unsure)
			if n := seen.Load(); n != 1 {
				t.Errorf("the create was sent %d times", n)
			}
			_, err = c.Ask(t.Context(), call(base))
			wantKind(t, err, provider.Unanswered)
		})
	}
	t.Run("the context ended while waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		_, err := client(t, outbound.Options{}).Create(ctx, call(base))
		wantKind(t, err, provider.Unsure)
	})
	t.Run("the client's own time limit", func(t *testing.T) {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		hc := outbound.New(outbound.Options{})
		hc.Timeout = 50 * time.Millisecond
		t.Cleanup(hc.CloseIdleConnections)
		_, err := outbound.Use(hc).Create(t.Context(), call(base))
		wantKind(t, err, provider.Unsure)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the cause is lost: %v", err)
		}
	})
	t.Run("a transport that tells nothing", func(t *testing.T) {
		hc := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("some tunnel failed")
		})}
		_, err := outbound.Use(hc).Create(t.Context(), call("https://example.com"))
		wantKind(t, err, provider.Unsure)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// fragile is a connection whose writes fail from the second request on, after
// the first so many bytes of it.
type fragile struct {
	net.Conn
	requests atomic.Int32
	bytes    int
}

func (f *fragile) Write(b []byte) (int, error) {
	if f.requests.Add(1) == 1 {
		return f.Conn.Write(b) // head and body of the first one
	}
	n, err := f.Conn.Write(b[:min(f.bytes, len(b))])
	if err == nil {
		err = errors.New("broken pipe")
	}
	return n, err
}

// TestDeadIdleConnection has a connection die between two creates, seen only
// when the second one is written.
func TestDeadIdleConnection(t *testing.T) {
	var seen atomic.Int32
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen.Add(1)
	})
	run := func(t *testing.T, bytes int, redial bool) error {
		seen.Store(0)
		dials := 0
		c := client(t, outbound.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials > 1 && !redial {
				return nil, errors.New("connection refused")
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if dials == 1 && err == nil {
				conn = &fragile{Conn: conn, bytes: bytes}
			}
			return conn, err
		}})
		if _, err := c.Create(t.Context(), call(base)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Create(t.Context(), call(base))
		return err
	}
	t.Run("without a byte written goes over another one", func(t *testing.T) {
		if err := run(t, 0, true); err != nil || seen.Load() != 2 {
			t.Fatalf("got %v, and %d creates arrived, want 2", err, seen.Load())
		}
	})
	t.Run("without a byte written and without another one is unreachable", func(t *testing.T) {
		wantKind(t, run(t, 0, false), provider.Unreachable)
		if seen.Load() != 1 {
			t.Fatalf("%d creates arrived, want 1", seen.Load())
		}
	})
	t.Run("with some bytes written is unsure", func(t *testing.T) {
		wantKind(t, run(t, 20, true), provider.Unsure)
		if seen.Load() != 1 {
			t.Fatalf("%d creates arrived, want 1", seen.Load())
		}
	})
}

// TestClosingServerNeverGetsACreateTwice has a server that closes connections
// behind its keep-alive promise, as load balancers do.
func TestClosingServerNeverGetsACreateTwice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	seen := map[string]int{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				seen[string(b)]++
				mu.Unlock()
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
			}()
		}
	}()
	c := client(t, outbound.Options{})
	for i := range 500 {
		one := call("http://" + l.Addr().String())
		one.Body = fmt.Appendf(nil, `{"n":%d}`, i)
		_, err := c.Create(t.Context(), one)
		mu.Lock()
		n := seen[string(one.Body)]
		mu.Unlock()
		if n > 1 || err == nil && n != 1 {
			t.Fatalf("create %d arrived %d times, error %v", i, n, err)
		}
		var e *provider.Error
		if errors.As(err, &e) && e.Kind == provider.Unreachable && n != 0 {
			t.Fatalf("create %d arrived and was called unreachable", i)
		}
	}
}

func TestHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	c := client(t, outbound.Options{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	for range 2 {
		a, err := c.Create(t.Context(), call(s.URL))
		if err != nil || string(a.Body) != "HTTP/2.0" {
			t.Fatalf("got %q, %v; want HTTP/2.0", a.Body, err)
		}
	}
}

// TestHTTP2RefusedStreamIsNotSentAgain speaks just enough HTTP/2 to refuse a
// stream whose headers it has read, or to go away without it.
func TestHTTP2RefusedStreamIsNotSentAgain(t *testing.T) {
	frame := func(kind, flags byte, stream uint32, payload []byte) []byte {
		b := make([]byte, 9, 9+len(payload))
		b[0], b[1], b[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
		b[3], b[4] = kind, flags
		binary.BigEndian.PutUint32(b[5:], stream)
		return append(b, payload...)
	}
	const headers, rstStream, settings, goAway = 1, 3, 4, 7
	for name, refusal := range map[string]func(stream uint32) []byte{
		"refused stream": func(stream uint32) []byte {
			return frame(rstStream, 0, stream, []byte{0, 0, 0, 7})
		},
		"going away": func(uint32) []byte {
			return frame(goAway, 0, 0, make([]byte, 8)) // last stream 0, no error
		},
	} {
		t.Run(name, func(t *testing.T) {
			borrowed := httptest.NewTLSServer(nil) // for its certificate
			defer borrowed.Close()
			conf := borrowed.TLS.Clone()
			conf.NextProtos = []string{"h2"}
			l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			var seen atomic.Int32
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer func() { _ = c.Close() }()
						r := bufio.NewReader(c)
						if _, err := io.CopyN(io.Discard, r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
							return
						}
						_, _ = c.Write(frame(settings, 0, 0, nil))
						head := make([]byte, 9)
						for {
							if _, err := io.ReadFull(r, head); err != nil {
								return
							}
							size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
							if _, err := io.CopyN(io.Discard, r, size); err != nil {
								return
							}
							if head[3] == headers {
								seen.Add(1)
								_, _ = c.Write(refusal(binary.BigEndian.Uint32(head[5:])))
							}
						}
					}()
				}
			}()
			trust := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			c := client(t, outbound.Options{TLS: trust})
			_, err = c.Create(t.Context(), call("https://"+l.Addr().String()))
			wantKind(t, err, provider.Unsure)
			if n := seen.Load(); n != 1 {
				t.Errorf("the create was sent %d times", n)
			}
		})
	}
}

func TestConnectionsAreKeptForManyParallelCalls(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	c := client(t, outbound.Options{})
	const parallel = 64
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for range 20 {
				if _, err := c.Create(t.Context(), call(s.URL)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	// A dial that loses the race against a connection coming free is kept too.
	if n := conns.Load(); n > 2*parallel {
		t.Errorf("%d connections for %d parallel calls", n, parallel)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0, "99999999": time.Hour, "1e3": 0,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		now.Add(-time.Minute).Format(http.TimeFormat):     0,
	} {
		a := outbound.Answer{Header: http.Header{"Retry-After": {text}}}
		if got := a.RetryAfter(now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestScrub(t *testing.T) {
	for _, tt := range [][2]string{
		{"token sk-1 is bad", "token [redacted] is bad"},
		{"two\r\nlines\x00\x1b[31m", "two  lines  [31m"},
		{"\xff ok", "\uFFFD ok"},
		{strings.Repeat("é", 400), strings.Repeat("é", 250) + "…"},
	} {
		if got := outbound.Scrub(tt[0], "sk-1", ""); got != tt[1] {
			t.Errorf("got %q, want %q", got, tt[1])
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	answer := []byte(`{"code":0,"message":"SUCCEED","request_id":"r","data":{"task_id":"1","task_status":"submitted"}}`)
	base := serve(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	})
	c := client(b, outbound.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Create(b.Context(), call(base)); err != nil {
			b.Fatal(err)
		}
	}
}
