package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
)

// work is what clients do and what they were told.
type work struct {
	c       *campaign
	tickets chan struct{} // one for each order that may begin
	answers chan struct{} // one for each that was answered for good
	next    atomic.Int64
	clients sync.WaitGroup
	stop    chan struct{}

	mu        sync.Mutex
	told      map[string]order  // task id → order, of those that were accepted
	byKey     map[string]string // idempotency key → task id
	ended     map[string]string // task id → the terminal word that somebody read
	later     []order           // whose first request may be at work still
	cancelled map[string]bool   // tasks whose cancelling was confirmed
	refused   int64
}

func newWork(c *campaign) *work {
	return &work{
		c: c, tickets: make(chan struct{}, 1<<20), answers: make(chan struct{}, 1<<20), stop: make(chan struct{}),
		told: map[string]order{}, byKey: map[string]string{}, ended: map[string]string{}, cancelled: map[string]bool{},
	}
}

// let lets more orders begin.
func (w *work) let(n int) {
	for range n {
		w.tickets <- struct{}{}
	}
}

// await waits for answers, not for ever: whoever could answer may be gone.
func (w *work) await(ctx context.Context, n int, most time.Duration) {
	end := time.NewTimer(most)
	defer end.Stop()
	for range n {
		select {
		case <-w.answers:
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (w *work) start(ctx context.Context, clients int) {
	for i := range clients {
		w.clients.Go(func() {
			for {
				select {
				case <-w.stop:
					return
				case <-w.tickets:
				}
				o := makeOrder(w.c.o.seed, int(w.next.Add(1)), w.c.hooks.url)
				w.place(ctx, o, i, 90*time.Second)
				w.answers <- struct{}{}
			}
		})
	}
}

// finish ends the clients when what they have begun is answered.
func (w *work) finish() {
	close(w.stop)
	w.clients.Wait()
}

// accepted counts the orders that were accepted.
func (w *work) accepted() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// keep notes an accepted order.
func (w *work) keep(o order, id string) {
	r := w.c.report
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == "" {
		r.violated(vRefused, "order %d was accepted without a task_id", o.n)
		return
	}
	if before := w.byKey[o.key]; o.key != "" && before != "" && before != id {
		r.violated(vAnswer, "order %d was told of task %s, then of %s", o.n, before, id)
	}
	if other, ok := w.told[id]; ok && other.n != o.n {
		r.violated(vAnswer, "orders %d and %d were both told of task %s", other.n, o.n, id)
	}
	w.told[id] = o
	if o.key != "" {
		w.byKey[o.key] = id
	}
}

// place sends an order and repeats it, at one node after the other, until it is
// answered for good.
func (w *work) place(ctx context.Context, o order, first int, patience time.Duration) {
	c := w.c
	person := c.people[o.user]
	token := person.tokens[o.token]
	end := time.Now().Add(patience)
	running := 0
	for try := 0; ctx.Err() == nil; try++ {
		n := c.nodes[(first+o.n+try)%len(c.nodes)]
		if !n.up.Load() && len(c.nodes) > 1 && try%len(c.nodes) != 0 {
			continue // as a load balancer does
		}
		a, err := c.call(ctx, n, http.MethodPost, "/kling/v1/videos/text2video", token, o.body, o.key)
		switch {
		case err != nil, a.status == 503, a.status == 429:
			if time.Now().After(end) {
				c.report.violated(vRefused, "order %d is not answered for good in %s: %d %s, %v", o.n, patience, a.status, a.body, err)
				return
			}
			c.report.add("orders repeated by their clients", 1)
			time.Sleep(time.Duration(10+o.n%40) * time.Millisecond) // as a client backs off
			continue
		case a.status == 409 && gjson.Get(a.body, "error.code").Str == "idempotency_in_progress":
			if running++; running < 3 {
				time.Sleep(100 * time.Millisecond)
				continue
			}
			w.mu.Lock()
			w.later = append(w.later, o) // its node may have died
			w.mu.Unlock()
			return
		case a.status == 200:
			id := gjson.Get(a.body, "task_id").Str
			w.keep(o, id)
			if o.again && try < 50 {
				o.again = false
				continue
			}
			if o.cancel && gjson.Get(a.body, "status").Str == "pending" {
				w.cancel(ctx, n, id)
			}
			if o.look {
				w.read(ctx, n, token, id)
			}
			return
		case a.status == 400 && gjson.Get(a.body, "error.code").Str == "upstream_rejected" && strings.Contains(o.body, "forbidden"):
			w.mu.Lock()
			w.refused++
			w.mu.Unlock()
			return
		default:
			c.report.violated(vRefused, "order %d was answered %d %s", o.n, a.status, a.body)
			return
		}
	}
}

// read looks at a task as its owner; an end that was seen once must stay.
func (w *work) read(ctx context.Context, n *node, token, id string) {
	a, err := w.c.call(ctx, n, http.MethodGet, "/kling/v1/videos/"+id, token, "", "")
	if err != nil || a.status == 503 || a.status == 429 {
		return
	}
	status := gjson.Get(a.body, "status").Str
	if a.status != 200 {
		w.c.report.violated(vRefused, "task %s reads %d %s", id, a.status, a.body)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.ended[id]
	switch {
	case before != "" && before != status:
		w.c.report.violated(vReversed, "task %s read %s, then %s", id, before, status)
	case status == "succeed" || status == "failed":
		w.ended[id] = status
	}
}

// cancel takes back an order that waits, as root in the console.
func (w *work) cancel(ctx context.Context, n *node, id string) {
	c := w.c
	w.mu.Lock()
	cookie := c.cookie
	w.mu.Unlock()
	if cookie == "" {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/api/session", strings.NewReader(fmt.Sprintf(`{"name":"root","password":%q}`, rootPassword)))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.http.Do(req)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		for _, k := range resp.Cookies() {
			if k.Name == "session" {
				cookie = k.Value
			}
		}
		w.mu.Lock()
		c.cookie = cookie
		w.mu.Unlock()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/api/tasks/"+id+"/cancel", http.NoBody)
	if err != nil {
		return
	}
	req.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	a, err := c.do(req)
	switch {
	case err != nil || a.status == 503 || a.status == 409 || a.status == 401 || a.status == 429: // away, or sent meanwhile, or not signed in
	case a.status == 200:
		w.mu.Lock()
		w.cancelled[id] = true
		w.mu.Unlock()
	default:
		c.report.violated(vRefused, "cancelling task %s was answered %d %s", id, a.status, a.body)
	}
}

// askAgain repeats, after the end of every task, the orders whose answer is
// missing, and reads again what was read before.
func (w *work) askAgain(ctx context.Context) error {
	w.mu.Lock()
	later := w.later
	w.later = nil
	reads := map[string]order{}
	for id := range w.ended {
		reads[id] = w.told[id]
	}
	w.mu.Unlock()
	w.c.report.add("orders cut off by a death", int64(len(later)))
	for _, o := range later {
		o.again, o.cancel = false, false
		w.place(ctx, o, 0, 30*time.Second)
	}
	w.mu.Lock()
	for _, o := range w.later {
		w.c.report.violated(vAnswer, "order %d is said to be running after the end of every task", o.n)
	}
	w.mu.Unlock()
	for id, o := range reads {
		if o.n > 0 {
			w.read(ctx, w.c.nodes[0], w.c.people[o.user].tokens[o.token], id)
		}
	}
	return ctx.Err()
}
