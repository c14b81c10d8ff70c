package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
)

// world is a gateway with an upstream and a database.
type world struct {
	options
	db     *database
	sim    *klingsim.Sim
	ahead  atomic.Int64 // of the simulated Kling's clock, nanoseconds
	g      *gateway
	client *http.Client
	close  func()
}

// toEnd is how long tasks live by the simulated Kling's clock. Its owner moves
// the clock ahead to end them all.
const toEnd = 20 * time.Minute

// newWorld starts one. The simulated Kling has no limits and sends no callbacks
// of its own.
func newWorld(ctx context.Context, o options, accounts []klingsim.Account) (w *world, err error) {
	w = &world{options: o, client: newClient(o.clients)}
	var closers []func()
	w.close = sync.OnceFunc(func() {
		for i := len(closers) - 1; i >= 0; i-- {
			closers[i]()
		}
	})
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.db, err = newDatabase(o); err != nil {
		return w, err
	}
	closers = append(closers, w.db.close)
	w.sim = klingsim.New(klingsim.Options{
		Accounts: accounts, NoCallbacks: true, ToEnd: toEnd,
		Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	})
	closers = append(closers, w.sim.Close)
	address, stop, err := serve(w.sim, nil)
	if err != nil {
		return w, err
	}
	closers = append(closers, stop)
	if w.g, err = startGateway(ctx, o, w.db); err != nil {
		return w, err
	}
	closers = append(closers, w.g.kill)
	if err = w.g.signIn(); err != nil {
		return w, err
	}
	for _, a := range accounts {
		if err = w.g.addChannel(ctx, address, a); err != nil {
			return w, err
		}
	}
	return w, w.g.seesChannels(ctx)
}

// accounts are customers of the simulated Kling with an API key each.
func accounts(n int) []klingsim.Account {
	var all []klingsim.Account
	for i := range n {
		all = append(all, klingsim.Account{
			Name: "bench-" + strconv.Itoa(i+1), APIKeys: []secret.Text{secret.Text("bench-key-" + strconv.Itoa(i+1))},
			WebhookSecret: klingsim.NewWebhookSecret(), Concurrency: -1,
		})
	}
	return all
}

// serve answers on a port of this machine; conn is told of connections.
func serve(h http.Handler, conn func(net.Conn, http.ConnState)) (string, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ConnState: conn}
	go func() { _ = srv.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = srv.Close() }, nil
}

// The two generations' orders.
const (
	legacyRoute = "/kling/v1/videos/text2video"
	newRoute    = "/kling/text-to-video/kling-3.0-turbo"
)

// legacyOrder and newOrder are bodies; callback is the owner's address, "" for
// none.
func legacyOrder(callback string) string {
	return `{"model":"kling-v1-5-std","prompt":"a cat on a meadow","duration":5,"aspect_ratio":"16:9"` + member(callback) + `}`
}

func newOrder(callback string) string {
	return `{"prompt":"a cat on a meadow","options":{"watermark_info":{"enabled":false}` + member(callback) + `}}`
}

func member(callback string) string {
	if callback == "" {
		return ""
	}
	return fmt.Sprintf(`,"callback_url":%q`, callback)
}

// order sends n orders and returns the ids of the tasks.
func (w *world) order(ctx context.Context, n int, request func(int) *http.Request) ([]string, result, error) {
	var mu sync.Mutex
	ids := make([]string, 0, n)
	r, err := load(ctx, w.client, w.clients, n, request, func(body []byte) error {
		var a struct {
			TaskID string `json:"task_id"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return err
		}
		if a.Status != "submitted" {
			return fmt.Errorf("answered %s", body)
		}
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, a.TaskID)
		return nil
	})
	return ids, r, err
}

func (w *world) orderLegacy(callback string) func(int) *http.Request {
	body := legacyOrder(callback)
	return func(int) *http.Request { return w.g.request(http.MethodPost, legacyRoute, body) }
}

// end lets every task of the simulated Kling succeed.
func (w *world) end() {
	w.ahead.Add(int64(toEnd))
	w.sim.Tick()
}

// settled waits until no task is live.
func (w *world) settled(ctx context.Context) error {
	return until(ctx, 20*time.Millisecond, 5*time.Minute, "all tasks have ended", func() (bool, error) {
		n, err := w.db.live(ctx)
		return n == 0, err
	})
}

// chargedOnce checks that n tasks cost their holds and no more, by the balance,
// by the journal, and by the gateway's own recomputation.
func (w *world) chargedOnce(ctx context.Context, n int, before funds) error {
	after, err := w.g.funds()
	if err != nil {
		return err
	}
	if after.Held != 0 || after.Available != before.Available || before.Held == 0 || before.Held%int64(n) != 0 {
		return fmt.Errorf("the balance went from %+v to %+v: not one charge for each of %d tasks", before, after, n)
	}
	captures, err := w.db.number(ctx, "SELECT COUNT(*) FROM journal WHERE kind = 'capture'")
	if err != nil {
		return err
	}
	if captures != int64(n) {
		return fmt.Errorf("the journal has %d charges for %d tasks", captures, n)
	}
	return w.g.command(ctx, "verify")
}
