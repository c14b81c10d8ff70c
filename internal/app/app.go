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
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/telemetry"
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
	underWay atomic.Int64
}

// maxClockOffset is how far a node's clock may be from the database's before
// it takes itself out of service.
const maxClockOffset = time.Minute

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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Store.Keys, o.Store.Log = o.Keys, o.Log
	st, err := store.Open(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	a := &App{Store: st, log: o.Log, options: o}
	if err := a.firstStart(ctx); err != nil {
		st.Close()
		return nil, fmt.Errorf("set up the first administrator: %w", err)
	}
	a.build()
	return a, nil
}

func (a *App) build() {
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
		TestMode: a.testMode.use(o.Keys),
	}
	a.sender = webhook.NewSender(webhook.Options{Allow: o.WebhookAllow})
	a.sender.Protect(store.Addresses(o.Store.DSN)...)
	usage := &auth.Usage{}
	a.Worker = &worker.Worker{
		Store: st, Generations: a.Generations, Directory: dir, Keys: o.Keys, Sender: a.sender, Log: o.Log,
		Usage: usage,
	}
	a.Generations.Wake = a.Worker.Wake
	callers := &api.API{
		Store: st, Generations: a.Generations, Directory: dir, Log: o.Log, Limit: limit.New(nil),
		Auth:    &auth.Authenticator{Directory: dir, Keys: o.Keys, Now: st.Now, Usage: usage},
		MaxBody: o.MaxBody, Trusted: o.TrustedProxies, Version: o.Version, Started: time.Now(), Ready: a.ready,
	}
	upstreamCalls := &callback.Receiver{
		Store: st, Generations: a.Generations, Keys: o.Keys, Limit: limit.New(nil), Log: o.Log,
		Trusted: o.TrustedProxies, Nudge: a.Worker.Nudge, Fail: api.Fail,
	}
	st.OnEnd(func(taskID string) {
		callers.Ended(taskID)
		a.Worker.Ended()
	})
	management := &console.Console{
		Store: st, Generations: a.Generations, Directory: dir, Auth: callers.Auth, Keys: o.Keys, Limit: limit.New(nil), Log: o.Log,
		Sender: a.sender, Level: o.Level, Trusted: o.TrustedProxies, ServerAddress: o.ServerAddress, OIDC: o.OIDC, Version: o.Version, Started: callers.Started,
	}
	a.followLevel()
	mux := http.NewServeMux()
	mux.Handle("GET "+mediaPath+"/files/{name}", httpkit.Handle(o.Log, api.Fail, a.media))
	callers.Routes(mux)
	management.Routes(mux)
	upstreamCalls.Routes(mux)
	a.Handler = httpkit.Around(o.Log, mux, api.Fail)
	a.testMode.gateway = a.Handler
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

// counted counts the requests under way, health checks aside.
func (a *App) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			a.underWay.Add(1)
			defer a.underWay.Add(-1)
		}
		next.ServeHTTP(w, r)
	})
}

// drain waits until no request is under way, at most for a time.
func (a *App) drain(most time.Duration) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(most); a.underWay.Load() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// drainTime is how long requests and create calls may take to end after a
// stop was asked for.
const drainTime = 35 * time.Second

// Serve runs the node on a listener until the context ends, then lets what is
// under way finish and closes the database.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	defer a.Store.Close()
	defer a.testMode.close()
	a.testMode.serveAt(localAddress(l.Addr()))
	a.sender.Protect(l.Addr().String())
	// Background work outlives the context until requests have ended: they may
	// wait for it.
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	wg.Go(func() { a.Store.Watch(work, a.options.RefreshEvery) })
	wg.Go(func() { a.Worker.Run(work) })

	srv := &http.Server{
		Handler:           a.counted(a.Handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      3 * time.Minute, // the longest create call and ?wait= fit
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		a.draining.Store(true)
		a.log.Info("stopping; requests under way may end")
		srv.SetKeepAlivesEnabled(false)
		a.drain(noticeTime)
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		err = srv.Shutdown(stop)
		cancel()
		err = errors.Join(err, <-failed)
	}
	stopWork()
	wg.Wait()
	writes, commits := a.Store.Writes()
	a.log.Warn("stopped", "writes", writes, "commits", commits)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("some requests did not end in time and were cut off")
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
