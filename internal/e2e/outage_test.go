package e2e_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
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
	wg sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	trap  trap
}

// trap loses the answer to the next order's COMMIT.
type trap int

const (
	noTrap    trap = iota
	afterIt        // the connection ends when the server has answered
	beforeIt       // the connection ends, and the COMMIT arrives a moment later
	afterItNo      // as afterIt, and the wire stays cut
)

// aMoment is how long a COMMIT stays on its way in a trap.
const aMoment = 500 * time.Millisecond

// arm sets a trap.
func (w *wire) arm(t trap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trap = t
}

func (w *wire) armed() trap {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trap
}

// newWire leads to an address until close.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, to: to, conns: map[net.Conn]bool{}}
	w.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.carry(c) })
		}
	})
	return w
}

func (w *wire) close() {
	_ = w.l.Close()
	w.set(true)
	w.wg.Wait()
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
	answered := make(chan struct{}, 1)
	muted := &atomic.Bool{}
	w.wg.Go(func() {
		w.requests(c, s, muted, answered)
		_ = s.Close()
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := s.Read(buf)
		if err != nil {
			break
		}
		if muted.Load() {
			answered <- struct{}{}
			break
		}
		if _, err := c.Write(buf[:n]); err != nil {
			break
		}
	}
	w.mu.Lock()
	delete(w.conns, c)
	delete(w.conns, s)
	w.mu.Unlock()
}

// requests carries what a client says, and springs the trap.
func (w *wire) requests(c, s net.Conn, muted *atomic.Bool, answered <-chan struct{}) {
	buf := make([]byte, 64<<10)
	ordering := false
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		text := bytes.ToLower(buf[:n])
		t := w.armed()
		ordering = t != noTrap && (ordering || bytes.Contains(text, []byte("insert into videos")))
		if !ordering || !bytes.Contains(text, []byte("commit")) {
			if _, err := s.Write(buf[:n]); err != nil {
				return
			}
			continue
		}
		w.arm(noTrap)
		muted.Store(true)
		if t == beforeIt {
			_ = c.Close()
			<-time.After(aMoment) // on its way
		}
		if _, err := s.Write(buf[:n]); err != nil {
			return
		}
		<-answered
		if t == afterItNo {
			w.set(true)
		}
		_ = c.Close()
		return
	}
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
	given := s.options
	s.options = func(o *app.Options) {
		if given != nil {
			given(o)
		}
		if line == nil {
			line = newWire(t, databaseAddr(t, d, o.Store.DSN))
		}
		o.Store.DSN = line.through(t, d, o.Store.DSN)
		o.Timing.RecordRetry = 30 * time.Second
	}
	w := newWorld(t, s)
	w.after = append(w.after, line.close)
	return w, line
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

// Crash table, rows 3 and 13: the answer to COMMIT is lost.
func TestALostAnswerToCommitIsLookedUp(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w, line := newWiredWorld(t, d, setup{polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond}})
		line.arm(afterIt)
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != http.StatusOK || a.text("kling_task_id") == "" {
			t.Errorf("the create answered %s, want 200: the order is in the database", a)
		}
		if line.armed() != noTrap {
			t.Error("no COMMIT of an order went over the wire")
		}
		w.until("the task to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == 1 })
		w.user.balance(w.setup.balance-guidePrice, 0)
	})
}

// A COMMIT may be on its way still when the gateway looks for its trace. Not to
// find it proves nothing yet.
func TestACommitThatArrivesLateIsNotDenied(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w, line := newWiredWorld(t, d, setup{polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond}})
		line.arm(beforeIt)
		a := w.user.do("POST", text2video, guideOrder)
		w.until("the COMMIT to arrive", func() bool { return w.number("SELECT COUNT(*) FROM videos") == 1 })
		honest := a.status == http.StatusServiceUnavailable && a.header.Get("X-Should-Retry") == "false"
		if a.status != http.StatusOK && !honest {
			t.Errorf("the create answered %s with X-Should-Retry %q, and the order exists; want 200, or 503 with false", a, a.header.Get("X-Should-Retry"))
		}
		w.until("the task to end", func() bool {
			return w.number("SELECT COUNT(*) FROM videos WHERE status IN ('succeed', 'failed')") == 1
		})
	})
}

// The database stays away for longer than the gateway looks: it cannot know
// whether there is an order, and must say so.
func TestWhoeverMayHaveOrderedIsToldNotToRepeat(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w, line := newWiredWorld(t, d, setup{polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond}})
		line.arm(afterItNo)
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != http.StatusServiceUnavailable {
			t.Errorf("the create answered %s, want 503", a)
		}
		if got := a.header.Get("X-Should-Retry"); got != "false" {
			t.Errorf("X-Should-Retry is %q, want false: an order exists", got)
		}
		if n := w.number("SELECT COUNT(*) FROM videos"); n != 1 {
			t.Fatalf("there are %d orders, want the one whose COMMIT arrived", n)
		}
		if n := w.creates(); n != 0 {
			t.Errorf("Kling got %d calls for an order that nobody was sure of", n)
		}
		line.set(false)
		w.until("the task to end", func() bool {
			return w.number("SELECT COUNT(*) FROM videos WHERE status IN ('succeed', 'failed')") == 1
		})
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
	w.nodes[0].stop()
	w.until("the node to notice", func() bool { return w.log.has("stopping; requests under way may end") })
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
