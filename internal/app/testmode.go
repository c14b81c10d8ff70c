package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"one-api/internal/account"
	"one-api/internal/callback"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// testMode is the simulated Kling behind tokens sk-test-…: in this process,
// reached through memory, started by the first test task. See
// docs/adr/0006-test-mode.md.
type testMode struct {
	account klingsim.Account
	keyID   string // names this run: what the simulator knows dies with it
	pace    time.Duration
	log     *slog.Logger
	gateway http.Handler // takes the simulator's callbacks; set before the first task
	public  atomic.Pointer[string]

	mu     sync.Mutex
	sim    *klingsim.Sim
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	closed bool
}

const (
	// simHost and callbackHost lead nowhere but through this file: the top-level
	// name invalid is never resolved (RFC 6761).
	simHost      = "klingsim.invalid"
	callbackHost = "gateway.invalid"
	// mediaPath is where results of test tasks are served.
	mediaPath = "/test-media"
	// testPace is how long a test task takes.
	testPace = 5 * time.Second
)

func newTestMode(o Options) *testMode {
	m := &testMode{account: klingsim.DemoAccount(), keyID: "test-" + strings.ToLower(rand.Text()[:12]), pace: o.TestPace, log: o.Log}
	if m.pace == 0 {
		m.pace = testPace
	}
	m.account.Name, m.account.Concurrency = "test mode", -1
	m.serveAt(o.ServerAddress)
	return m
}

// serveAt says under which address the gateway is reached, for links to
// results; the first one that is not empty stays.
func (m *testMode) serveAt(address string) {
	if address = strings.TrimRight(address, "/"); address != "" {
		m.public.CompareAndSwap(nil, &address)
	}
}

// use is what the use case needs of it.
func (m *testMode) use(keys *secret.Keyring) *generation.TestMode {
	return &generation.TestMode{
		Channel: &channel.Channel{
			ID: channel.TestID, Type: channel.TypeKling, Name: "simulated Kling (test mode)", Status: channel.Enabled,
			BaseURL: "http://" + simHost, Keys: []channel.Key{{ID: m.keyID, Text: m.account.APIKeys[0]}},
			Models: []string{"*"}, Groups: []string{account.DefaultGroup}, Weight: 1,
		},
		CallbackURL: callback.URL("http://"+callbackHost, keys),
	}
}

// simulator starts the simulator once. After close there is none.
func (m *testMode) simulator() (*klingsim.Sim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("test mode has stopped")
	}
	if m.sim == nil {
		public := "http://127.0.0.1:3000"
		if p := m.public.Load(); p != nil {
			public = *p
		}
		o := klingsim.Options{
			Accounts: []klingsim.Account{m.account}, ToProcessing: m.pace / 5, ToEnd: m.pace, Retention: 24 * time.Hour,
			PublicURL: public + mediaPath, HTTPClient: &http.Client{Transport: inProcess{m.gateway}}, Logger: m.log,
		}
		if err := o.Validate(); err != nil { // an address that is none
			return nil, err
		}
		m.sim = klingsim.New(o)
		if t, ok := m.sim.Client().Transport.(*http.Transport); ok {
			m.dial = t.DialContext
		}
	}
	return m.sim, nil
}

// dialer is a dialer under which the simulator's host is in memory.
func (m *testMode) dialer(other func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(addr); err != nil || host != simHost {
			return other(ctx, network, addr)
		}
		if _, err := m.simulator(); err != nil {
			return nil, err
		}
		return m.dial(ctx, network, addr)
	}
}

// media serves results of test tasks: GET /test-media/files/<upstream id>.mp4.
// They come from the rows, so that any node has them, also after a restart; the
// simulator's signature in the link is of use to nobody, as the clips are the
// same for all.
func (a *App) media(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	id := strings.TrimSuffix(strings.TrimSuffix(name, ".mp4"), "_watermark")
	t, err := a.Store.TaskAtUpstream(r.Context(), channel.TestID, id)
	if err != nil {
		return err
	}
	if t.Status != task.Succeeded {
		return fault.New(fault.NotFound, "Task %s has no result.", t.ID).Named("task_not_found")
	}
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, name, t.FinishedAt, bytes.NewReader(klingsim.Clip(t.AspectRatio)))
	return nil
}

func (m *testMode) close() {
	m.mu.Lock()
	sim := m.sim
	m.sim, m.closed = nil, true
	m.mu.Unlock()
	if sim != nil {
		sim.Close()
	}
}

// inProcess sends requests to a handler of this process, whatever their host.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RemoteAddr, in.RequestURI = "127.0.0.1:0", r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	p.handler.ServeHTTP(w, in)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer is what a handler of this process answered.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	sent   bool
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.sent {
		a.status, a.sent = status, true
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.sent = true
	return a.body.Write(b)
}
