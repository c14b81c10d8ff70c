package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"one-api/internal/app"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// wire is a way to a server that can be cut.
type wire struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// newWire leads to an address until the test ends.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, to: to, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.set(true)
		wg.Wait()
	})
	return w
}

func (w *wire) carry(c net.Conn) {
	defer func() { _ = c.Close() }()
	s, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer func() { _ = s.Close() }()
	w.mu.Lock()
	if w.cut {
		w.mu.Unlock()
		return
	}
	w.conns[c], w.conns[s] = true, true
	w.mu.Unlock()
	go func() {
		_, _ = io.Copy(s, c)
		_ = s.Close()
	}()
	_, _ = io.Copy(c, s)
	w.mu.Lock()
	delete(w.conns, c)
	delete(w.conns, s)
	w.mu.Unlock()
}

// set cuts the wire, with all that is on it, or mends it.
func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			_ = c.Close()
		}
	}
}

// through is a database's DSN by way of a wire.
func (w *wire) through(t *testing.T, d store.Dialect, dsn string) string {
	t.Helper()
	if d == store.MySQL {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Addr = w.l.Addr().String()
		return cfg.FormatDSN()
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = w.l.Addr().String()
	return u.String()
}

func databaseAddr(t *testing.T, d store.Dialect, dsn string) string {
	t.Helper()
	if d == store.MySQL {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Addr
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if u.Port() == "" {
		return u.Host + ":5432"
	}
	return u.Host
}

// newWiredWorld is a world whose nodes reach their database over a wire.
func newWiredWorld(t *testing.T, d store.Dialect, s setup) (*world, *wire) {
	t.Helper()
	if d == store.SQLite {
		t.Skip("a file has no wire to be cut")
	}
	var line *wire
	s.dialect, s.mayFail = d, true
	inner := s.options
	s.options = func(o *app.Options) {
		if line == nil {
			line = newWire(t, databaseAddr(t, d, o.Store.DSN))
		}
		o.Store.DSN = line.through(t, d, o.Store.DSN)
		o.Timing.RecordRetry = 30 * time.Second
		if inner != nil {
			inner(o)
		}
	}
	return newWorld(t, s), line
}

func TestWithoutItsDatabaseTheGatewayPromisesNothing(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w, line := newWiredWorld(t, d, setup{sim: klingsim.Options{ToEnd: 10 * time.Millisecond}})
		c := w.user
		before := c.order(guideOrder)
		c.succeeded(before)
		calls := w.creates()

		line.set(true)
		for _, call := range []struct{ method, path, body string }{
			{"POST", text2video, guideOrder}, {"POST", text2video, guideOrder}, {"GET", "/kling/v1/videos/" + before, ""},
			{"GET", text2video, ""}, {"GET", "/kling/tasks?task_ids=" + before, ""}, {"POST", "/kling/callback/" + before, "{}"},
		} {
			began := time.Now()
			a := c.do(call.method, call.path, call.body)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.text("error.code") == "" {
				t.Errorf("%s %s without a database answered %s, want 503 with Retry-After", call.method, call.path, a)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s %s without a database took %s", call.method, call.path, took)
			}
			if internals.MatchString(a.body) {
				t.Errorf("%s %s tells of the inside: %s", call.method, call.path, a)
			}
		}
		if a := c.do("GET", "/readyz", ""); a.status != http.StatusServiceUnavailable || internals.MatchString(a.body) {
			t.Errorf("readyz without a database answered %s", a)
		}
		if a := c.do("GET", "/healthz", ""); a.status != http.StatusOK {
			t.Errorf("healthz without a database answered %s: the process lives", a)
		}
		if n := w.creates(); n != calls {
			t.Errorf("Kling got %d calls without a database", n-calls)
		}

		line.set(false)
		w.until("the gateway to be ready again", func() bool { return c.do("GET", "/readyz", "").status == 200 })
		c.succeeded(c.order(guideOrder))
		c.balance(w.setup.balance-2*guidePrice, 0)
		if n := w.number("SELECT COUNT(*) FROM videos"); n != 2 {
			t.Errorf("there are %d tasks, want 2", n)
		}
	})
}

// Crash table, row 25: the database goes away while Kling is being asked.
func TestAnAnswerOutlivesTheDatabasesAbsence(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w, line := newWiredWorld(t, d, setup{polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond}})
		w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 700 * time.Millisecond})
		answered := make(chan answer, 1)
		go func() {
			a, _ := w.user.try("POST", text2video, guideOrder)
			answered <- a
		}()
		w.until("Kling to have the order", func() bool { return len(w.sim.Tasks()) == 1 })
		line.set(true)
		w.until("the answer to find no database", func() bool { return w.log.has("will record the step again") })
		line.set(false)
		a := <-answered
		if a.status != http.StatusOK || a.text("kling_task_id") == "" {
			t.Errorf("the create answered %s, want 200 once the database was back", a)
		}
		w.until("the task to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == 1 })
		w.user.balance(w.setup.balance-guidePrice, 0)
	})
}

func TestAStopLetsCreateCallsEndAndRecordsTheirAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{NoCallbacks: true}, options: func(o *app.Options) { o.Timing.CreateTimeout = 10 * time.Second }})
	w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 1500 * time.Millisecond})
	answered := make(chan answer, 1)
	go func() {
		a, err := w.user.try("POST", text2video, guideOrder)
		if err != nil {
			t.Errorf("the create that was under way: %v", err)
		}
		answered <- a
	}()
	w.until("Kling to have the order", func() bool { return len(w.sim.Tasks()) == 1 })
	// A connection that a load balancer has open already.
	open, err := net.Dial("tcp", strings.TrimPrefix(w.nodes[0].url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	w.nodes[0].stop()
	w.until("the node to notice", func() bool { return w.log.has("stopping; requests under way may end") })
	_, _ = fmt.Fprintf(open, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(open), nil); err != nil {
		t.Errorf("readyz while draining: %v", err)
	} else if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz while draining answered %s", resp.Status)
	}
	a := <-answered
	if a.status != http.StatusOK || a.text("kling_task_id") != w.sim.Tasks()[0].ID {
		t.Errorf("the create that was under way answered %s", a)
	}
	w.nodes[0].end(t)
	if got := w.rows("SELECT status, upstream_task_id FROM videos"); len(got) != 1 || got[0][1] != w.sim.Tasks()[0].ID {
		t.Errorf("after the stop the task is %v", got)
	}
	next := w.user.at(w.startNode())
	next.succeeded(a.text("task_id"))
	next.balance(w.setup.balance-guidePrice, 0)
}

// A load balancer that looks while the node drains must be told to look
// elsewhere, and not find a closed door while a request is still served.
func TestADrainingNodeTellsNewConnectionsThatItIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{NoCallbacks: true}, options: func(o *app.Options) { o.Timing.CreateTimeout = 10 * time.Second }})
	w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 1500 * time.Millisecond})
	answered := make(chan answer, 1)
	go func() {
		a, _ := w.user.try("POST", text2video, guideOrder)
		answered <- a
	}()
	w.until("Kling to have the order", func() bool { return len(w.sim.Tasks()) == 1 })
	w.nodes[0].stop()
	w.until("the node to notice", func() bool { return w.log.has("stopping; requests under way may end") })
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(context.Background(), "GET", w.nodes[0].url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := fresh.Do(req); err != nil {
		t.Errorf("readyz on a new connection while draining: %v", err)
	} else {
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("readyz on a new connection while draining answered %s", resp.Status)
		}
	}
	a := <-answered
	w.nodes[0].end(t)
	w.user.at(w.startNode()).succeeded(a.text("task_id"))
}
