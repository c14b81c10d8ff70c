// Package app builds the parts of a node, starts them in order and stops them
// in reverse.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"one-api/internal/api"
	"one-api/internal/auth"
	"one-api/internal/callback"
	"one-api/internal/console"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider/all"
	"one-api/internal/provider/outbound"
	"one-api/internal/relay"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
	"one-api/internal/web"
	"one-api/internal/webhook"
	"one-api/internal/worker"
)

// Options say how a node runs. Store.DSN and Keys are required.
type Options struct {
	Store store.Options
	Keys  *secret.Keyring
	Log   *slog.Logger
	Level *slog.LevelVar // of Log, changed live; nil: fixed
	// ServerAddress is the public base address for callbacks; "" means that
	// upstreams are only asked, never call.
	ServerAddress string
	// WebhookAllow are private networks where callers' webhooks may go.
	WebhookAllow []netip.Prefix
	// TrustedProxies are peers whose forwarding headers count.
	TrustedProxies []netip.Prefix
	MaxBody        int64 // bytes; 0: 32 MB
	Timing         generation.Timing
	RefreshEvery   time.Duration // of the directory; 0: a second
	Version        string
	// RootPassword and RootToken make the first administrator at the first
	// start; later they are ignored.
	RootPassword secret.Text
	RootToken    secret.Text
	OIDC         *auth.OIDC    // the provider to sign in with; nil: none
	TestPace     time.Duration // how long a task of test mode takes; 0: 5 s
	Redis        secret.Text   // redis://…; "": none, and nothing but speed is lost
	Metrics      net.Listener  // for /metrics; nil: none
	StopWithin   time.Duration // the most that requests and create calls may take to end after a stop; 0: 35 s
	// MarkFile remembers, outside of the database, how far it had come, so that
	// a node notices a backup in its place. "" remembers nothing.
	MarkFile string
}

// App is one node.
type App struct {
	Store       *store.Store
	Generations *generation.Service
	Worker      *worker.Worker
	Handler     http.Handler

	log      *slog.Logger
	options  Options
	testMode *testMode
	sender   *webhook.Sender
	draining atomic.Bool
	node     store.Node   // this run, as others see it
	relay    *relay.Relay // nil: no Redis
	metrics  *telemetry.Metrics
	callers  *api.API
	console  *console.Console
	conns    atomic.Int64  // open connections
	relook   chan struct{} // another node has changed the directory
	underWay atomic.Int64
}

// maxClockOffset is how far a node's clock may be from the database's before
// it takes itself out of service, and oddClockOffset before it says so.
const (
	maxClockOffset = time.Minute
	oddClockOffset = 5 * time.Second
)

// New opens the database and builds the node. Nothing runs yet.
func New(ctx context.Context, o Options) (*App, error) {
	if o.MaxBody == 0 {
		o.MaxBody = 32 << 20
	}
	if o.Timing == (generation.Timing{}) {
		o.Timing = generation.DefaultTiming()
	}
	if o.RefreshEvery == 0 {
		o.RefreshEvery = time.Second
	}
	if o.StopWithin == 0 {
		o.StopWithin = 35 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	metrics := telemetry.NewMetrics(o.Version)
	o.Store.Keys, o.Store.Log, o.Store.Metrics = o.Keys, o.Log, metrics
	st, err := store.Open(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	a := &App{Store: st, log: o.Log, options: o, metrics: metrics, relook: make(chan struct{}, 1)}
	a.node = store.Node{ID: store.NewNodeID(st.Now()), Version: o.Version, StartedAt: st.Now()}
	if err := a.connect(ctx); err != nil {
		st.Close()
		return nil, err
	}
	if err := a.checkMark(ctx); err != nil {
		st.Close()
		return nil, fmt.Errorf("compare the database with %s: %w", o.MarkFile, err)
	}
	if err := a.firstStart(ctx); err != nil {
		st.Close()
		return nil, fmt.Errorf("set up the first administrator: %w", err)
	}
	if err := a.build(); err != nil {
		st.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) build() error {
	o, st := a.options, a.Store
	dir := st.Directory()
	a.testMode = newTestMode(o)
	client := outbound.New(outbound.Options{Dial: a.testMode.dialer((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext)})
	var upstreams generation.Upstreams
	for _, d := range all.Drivers() {
		upstreams.Add(d, d.Open(client))
	}
	a.Generations = &generation.Service{
		Store: st, Directory: dir, Upstreams: upstreams, Timing: o.Timing, Log: o.Log,
		CallbackURL: callback.URL(o.ServerAddress, o.Keys), Notice: api.Notice, Announce: api.Announce,
		TestMode: a.testMode.use(o.Keys), Metrics: a.metrics,
	}
	a.sender = webhook.NewSender(webhook.Options{Allow: o.WebhookAllow})
	a.sender.Protect(store.Addresses(o.Store.DSN)...)
	a.sender.Protect(relay.Addresses(o.Redis)...)
	if o.Metrics != nil {
		a.sender.Protect(o.Metrics.Addr().String())
	}
	usage := &auth.Usage{}
	a.Worker = &worker.Worker{
		Store: st, Generations: a.Generations, Directory: dir, Keys: o.Keys, Sender: a.sender, Log: o.Log,
		Usage: usage, Metrics: a.metrics,
	}
	a.Generations.Wake = func() {
		a.Worker.Wake()
		a.tell(relay.Event{Kind: relay.Waiting})
	}
	memory := &limit.Memory{}
	callers := &api.API{
		Store: st, Generations: a.Generations, Directory: dir, Log: o.Log, Limit: a.limiter(),
		Auth:    &auth.Authenticator{Directory: dir, Keys: o.Keys, Now: st.Now, Usage: usage},
		MaxBody: o.MaxBody, Memory: memory, Trusted: o.TrustedProxies, Version: o.Version, Started: time.Now(), Ready: a.ready,
		Warning: a.warning,
	}
	a.callers = callers
	upstreamCalls := &callback.Receiver{
		Store: st, Generations: a.Generations, Keys: o.Keys, Limit: a.limiter(), Log: o.Log,
		Trusted: o.TrustedProxies, Nudge: a.Worker.Nudge, Late: a.Worker.WakeLate, Fail: api.Fail,
	}
	st.OnEnd(func(taskID string) {
		callers.Ended(taskID)
		a.console.Ended(taskID)
		a.Worker.Ended()
		a.tell(relay.Event{Kind: relay.Ended, Subject: taskID})
	})
	st.OnChange(func() { a.tell(relay.Event{Kind: relay.Changed}) })
	a.console = &console.Console{
		Store: st, Generations: a.Generations, Directory: dir, Auth: callers.Auth, Keys: o.Keys, Limit: a.limiter(), Log: o.Log,
		Sender: a.sender, Level: o.Level, Trusted: o.TrustedProxies, ServerAddress: o.ServerAddress, OIDC: o.OIDC, Version: o.Version, Started: callers.Started,
		MaxBody: o.MaxBody, Memory: memory, Results: outbound.NewResults(nil),
	}
	if a.relay != nil {
		a.console.Redis = a.relay.Up
	}
	a.followLevel()
	mux := http.NewServeMux()
	mux.Handle("GET "+mediaPath+"/files/{name}", httpkit.Handle(o.Log, api.Fail, a.media))
	callers.Routes(mux)
	a.console.Routes(mux)
	upstreamCalls.Routes(mux)
	site, err := web.New(web.Dist())
	if err != nil {
		return fmt.Errorf("read the console in this binary: %w", err)
	}
	a.Handler = httpkit.Around(o.Log, site.Before(httpkit.Routed(o.Log, mux, api.Fail)), api.Fail, a.count)
	a.watchFigures()
	a.testMode.gateway = a.Handler
	a.console.TestResults = inProcess{a.Handler}
	return nil
}

// followLevel keeps the log at the level of the settings, on every node, and at
// the node's own while they name none.
func (a *App) followLevel() {
	level := a.options.Level
	if level == nil {
		return
	}
	own := level.Level()
	a.Store.Directory().Listen(func(v *directory.View) {
		want := own
		if v.Settings.LogLevel != "" {
			if l, err := telemetry.ParseLevel(v.Settings.LogLevel); err == nil {
				want = l
			}
		}
		if level.Level() != want {
			level.Set(want)
			a.log.Warn("log level changed", "level", want)
		}
	})
}

// ready says why the node should get no requests.
func (a *App) ready(ctx context.Context) error {
	if a.draining.Load() {
		return fault.New(fault.Unavailable, "This node is shutting down.")
	}
	if off := a.Store.ClockOffset(); off.Abs() > maxClockOffset {
		return fault.New(fault.Unavailable, "This node's clock is %s from the database's.", off.Round(time.Second))
	}
	return a.Store.Ping(ctx)
}

// warning is what an operator should see to before it takes the node out.
func (a *App) warning() string {
	if off := a.Store.ClockOffset(); off.Abs() > oddClockOffset {
		return fmt.Sprintf("This node's clock is %s from the database's. Synchronise it: at %s the node takes itself out of service.", off.Abs().Round(time.Second), maxClockOffset)
	}
	return ""
}

// localAddress is where this machine reaches a listener.
func localAddress(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// noticeTime is how long a stopping node with requests under way goes on
// listening, not ready, so that load balancers see it before their connections
// are refused.
const noticeTime = 2 * time.Second

// lingerTime is how long a stopping node keeps idle connections open after it
// has stopped to listen. A proxy that lets them go sooner, as deploy/nginx.conf
// does after 2 s, never sends a request into one that is being closed.
const lingerTime = 3 * time.Second

// counted counts the requests under way, health checks aside. While the node
// stops, each answer also ends its connection.
func (a *App) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			a.underWay.Add(1)
			defer a.underWay.Add(-1)
		}
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// countConns counts the open connections.
func (a *App) countConns(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		a.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		a.conns.Add(-1)
	}
}

// drain waits until a count is zero, at most for a time.
func drain(count *atomic.Int64, most time.Duration) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); count.Load() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// closeTime is how much longer than requests the last writes may take.
const closeTime = 5 * time.Second

// Serve runs the node on a listener until the context ends, then lets what is
// under way finish and closes the database.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	a.testMode.serveAt(localAddress(l.Addr()))
	a.sender.Protect(l.Addr().String())
	a.node.Address = l.Addr().String()
	// What goes along with requests outlives the context until they have ended;
	// claims do not.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	claims, stopClaims := context.WithCancel(work)
	defer stopClaims()
	var wg sync.WaitGroup
	wg.Go(func() { a.Store.Watch(work, a.options.RefreshEvery) })
	wg.Go(func() { a.Worker.Run(work, claims) })
	wg.Go(func() { a.heartbeat(work) })
	wg.Go(func() { a.keepMark(work) })
	a.runRelay(work, &wg)
	a.serveMetrics(work, &wg)

	srv := &http.Server{
		Handler:           a.counted(a.Handler),
		ConnState:         a.countConns,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      3 * time.Minute, // the longest create call and ?wait= fit
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	go debug.FreeOSMemory() // an idle node collects only what the start has left behind after minutes
	var err error
	limit := time.Now().Add(a.options.StopWithin)
	select {
	case err = <-failed:
	case <-ctx.Done():
		limit = time.Now().Add(a.options.StopWithin)
		a.log.Info("stopping; requests under way may end")
		a.draining.Store(true)
		// While the database is away, steps are not tried again for longer than
		// leaves time to answer.
		a.Generations.Drain(time.Now().Add(a.options.StopWithin * 2 / 3))
		stopClaims()
		a.callers.Drain()
		a.console.Drain()
		drain(&a.underWay, noticeTime)
		_ = l.Close() // new connections are refused from here on
		if closed := <-failed; closed != nil {
			a.log.Debug("no longer listening", "why", closed)
		}
		drain(&a.conns, lingerTime)
		stop, cancel := context.WithDeadline(context.WithoutCancel(ctx), limit)
		err = srv.Shutdown(stop)
		cancel()
	}
	stopClaims()
	stopWork()
	a.testMode.close()
	writes, commits := a.Store.Writes()
	if !a.close(&wg, limit.Add(closeTime)) {
		err = errors.Join(err, errors.New("some work did not end in time and was left to the other nodes"))
	}
	a.log.Warn("stopped", "writes", writes, "commits", commits)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(errors.New("some requests did not end in time and were cut off"), err)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// close waits for the work behind requests and closes the database; it reports
// false when that takes longer than the limit. What is lost then is what a
// crash would lose: nothing.
func (a *App) close(wg *sync.WaitGroup, limit time.Time) bool {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		a.Store.Close()
		close(done)
	}()
	t := time.NewTimer(time.Until(limit))
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}
