package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"one-api/internal/secret"
)

// webhooks ends many tasks at once whose owner wants to be told twice: by the
// order's callback_url and by a registered endpoint.
func webhooks(ctx context.Context, o options) error {
	acc := accounts(1)
	w, err := newWorld(ctx, o, acc)
	if err != nil {
		return err
	}
	defer w.close()
	byOrder, byEndpoint := &receiver{}, &receiver{}
	for _, r := range []*receiver{byOrder, byEndpoint} {
		var stop func()
		if r.url, stop, err = serve(r, r.connection); err != nil {
			return err
		}
		defer stop()
	}
	own, err := w.g.webhookSecret()
	if err != nil {
		return err
	}
	var endpoint struct {
		Secret secret.Text `json:"secret"`
	}
	if err := w.g.manage(http.MethodPost, "/api/webhooks", fmt.Sprintf(`{"url":%q}`, byEndpoint.url+"/endpoint"), &endpoint); err != nil {
		return err
	}
	if byOrder.key, err = standardwebhooks.NewWebhook(own.Reveal()); err != nil {
		return err
	}
	if byEndpoint.key, err = standardwebhooks.NewWebhook(endpoint.Secret.Reveal()); err != nil {
		return err
	}
	if _, _, err := w.order(ctx, o.webhooks, w.orderLegacy(byOrder.url+"/order")); err != nil {
		return err
	}
	before, err := w.g.funds()
	if err != nil {
		return err
	}
	calls, err := w.callsBack(acc[0])
	if err != nil {
		return err
	}

	// Callbacks settle the tasks; what follows is sent while they do.
	w.end()
	began := time.Now()
	if _, err := load(ctx, w.client, o.clients, len(calls), func(i int) *http.Request { return calls[i].request() }, nil); err != nil {
		return err
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	settled := time.Since(began)
	if err := w.delivered(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	o.line("while tasks settle", "%6.0f/s   %d deliveries in %.1f s, tasks settled within %.1f s", float64(2*o.webhooks)/took.Seconds(), 2*o.webhooks, took.Seconds(), settled.Seconds())
	if err := errors.Join(byOrder.check(o.webhooks), byEndpoint.check(o.webhooks), w.chargedOnce(ctx, o.webhooks, before)); err != nil {
		return err
	}

	// The same events once more, all due at once and nothing else to do.
	if err := w.g.quiet(ctx); err != nil {
		return err
	}
	byOrder.reset()
	byEndpoint.reset()
	cpu := w.g.cpu()
	began = time.Now()
	if _, err := w.db.sql.ExecContext(ctx, fmt.Sprintf("UPDATE deliveries SET status = 'pending', tries = 0, step = 0, next_try_at = %d", began.UnixMilli())); err != nil {
		return err
	}
	due := time.Now()
	if err := w.delivered(ctx); err != nil {
		return err
	}
	took = time.Since(due)
	o.line("from a backlog", "%6.0f/s   %d deliveries in %.1f s, gateway CPU %.3f ms each", float64(2*o.webhooks)/took.Seconds(), 2*o.webhooks, took.Seconds(), ms(w.g.cpu()-cpu)/float64(2*o.webhooks))
	if err := errors.Join(byOrder.check(o.webhooks), byEndpoint.check(o.webhooks)); err != nil {
		return err
	}
	o.line("connections at once", "%d at the callback_url, %d at the endpoint", byOrder.most, byEndpoint.most)
	o.line("signatures", "%d checked, all good", byOrder.verified+byEndpoint.verified)
	return nil
}

// delivered waits until nothing is to be sent.
func (w *world) delivered(ctx context.Context) error {
	return until(ctx, 20*time.Millisecond, 5*time.Minute, "everything is delivered", func() (bool, error) {
		n, err := w.db.number(ctx, "SELECT COUNT(*) FROM deliveries WHERE next_try_at IS NOT NULL")
		return n == 0, err
	})
}

// checkEvery is how many messages there are to one whose signature is checked:
// the receivers share the machine with the gateway.
const checkEvery = 50

// receiver takes webhooks.
type receiver struct {
	url string
	key *standardwebhooks.Webhook

	mu       sync.Mutex
	got      int
	ids      map[string]bool
	verified int
	bad      error
	open     int // connections
	most     int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	r.got++
	if r.ids == nil {
		r.ids = map[string]bool{}
	}
	r.ids[req.Header.Get(standardwebhooks.HeaderWebhookID)] = true
	check := r.got%checkEvery == 1
	r.mu.Unlock()
	if err == nil && check {
		err = r.key.Verify(body, req.Header)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.bad = err
	} else if check {
		r.verified++
	}
	w.WriteHeader(http.StatusOK)
}

func (r *receiver) connection(_ net.Conn, s http.ConnState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s {
	case http.StateNew:
		r.open++
		r.most = max(r.most, r.open)
	case http.StateClosed, http.StateHijacked:
		r.open--
	}
}

func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got, r.ids = 0, nil
}

// check reports events that are missing or badly signed. One that came twice is
// none: delivery is at least once.
func (r *receiver) check(want int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bad != nil {
		return fmt.Errorf("%s: %w", r.url, r.bad)
	}
	if len(r.ids) != want || r.verified == 0 {
		return fmt.Errorf("%s was told of %d events in %d messages, %d signatures checked; want %d events", r.url, len(r.ids), r.got, r.verified, want)
	}
	return nil
}
