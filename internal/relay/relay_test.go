package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"pgregory.net/rapid"

	"one-api/internal/limit"
	"one-api/internal/relay"
	"one-api/internal/secret"
)

const patience = 20 * time.Second

// logbook keeps lines.
type logbook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.lines.String(), text)
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	glance := time.NewTicker(5 * time.Millisecond)
	defer glance.Stop()
	for end := time.After(patience); !is(); {
		select {
		case <-glance.C:
		case <-end:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// start runs a relay until the test ends.
func start(t *testing.T, url, installation, node string, hear func(relay.Event)) (*relay.Relay, *logbook) {
	t.Helper()
	return startWith(t, relay.Options{URL: secret.Text(url), Installation: installation, Node: node}, hear)
}

func startWith(t *testing.T, o relay.Options, hear func(relay.Event)) (*relay.Relay, *logbook) {
	t.Helper()
	book := &logbook{}
	o.Log = slog.New(slog.NewTextHandler(book, nil))
	r, err := relay.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if hear == nil {
		hear = func(relay.Event) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { r.Run(ctx, hear); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return r, book
}

// realRedis is a server's address; the test is skipped without one.
func realRedis(t *testing.T) string {
	t.Helper()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		t.Skip("TEST_REDIS_URL is not set")
	}
	return url
}

// unique keeps runs of a test apart in one Redis.
func unique(t *testing.T) string { return fmt.Sprintf("%s %d", t.Name(), time.Now().UnixNano()) }

func TestManyNodesTakeNoMoreThanTheBurst(t *testing.T) {
	url, name := realRedis(t), unique(t)
	const nodes, burst = 3, 40
	var passed atomic.Int64
	var wg sync.WaitGroup
	for n := range nodes {
		// Nobody falls back to a count of their own, however busy the machine is.
		r, _ := startWith(t, relay.Options{URL: secret.Text(url), Installation: name, Node: fmt.Sprint(n), AskTime: time.Minute}, nil)
		until(t, "Redis", r.Up)
		l := limit.NewShared(r)
		for range 10 {
			wg.Go(func() {
				for range 10 {
					if l.Take(limit.Bucket{Key: "k", PerMinute: 1, Burst: burst}).OK {
						passed.Add(1)
					}
				}
			})
		}
	}
	wg.Wait()
	if got := passed.Load(); got != burst {
		t.Errorf("%d passed on %d nodes, want %d", got, nodes, burst)
	}
}

func TestTheWaitIsHowLong(t *testing.T) {
	url, name := realRedis(t), unique(t)
	r, _ := start(t, url, name, "a", nil)
	until(t, "Redis", r.Up)
	b := []limit.Bucket{{Key: "k", PerMinute: 600, Burst: 1}}
	if d, asked := r.Take(b); !asked || !d.OK || d.Remaining != 0 || d.Reset != 100*time.Millisecond {
		t.Fatalf("the first is %+v, %t", d, asked)
	}
	d, asked := r.Take(b)
	if !asked || d.OK || d.Wait <= 0 || d.Wait > 100*time.Millisecond {
		t.Fatalf("the second is %+v, %t", d, asked)
	}
	<-time.After(d.Wait) // as it says
	if d, _ := r.Take(b); !d.OK {
		t.Errorf("waited as told, and refused: %+v", d)
	}
}

func TestOneThatRefusesTakesFromNone(t *testing.T) {
	url, name := realRedis(t), unique(t)
	r, _ := start(t, url, name, "a", nil)
	until(t, "Redis", r.Up)
	wide, narrow := limit.Bucket{Key: "wide", PerMinute: 1, Burst: 5}, limit.Bucket{Key: "narrow", PerMinute: 1, Burst: 1}
	if d, _ := r.Take([]limit.Bucket{wide, narrow}); !d.OK || d.Bucket != 1 || d.Remaining != 0 {
		t.Fatalf("both: %+v", d)
	}
	for range 10 {
		if d, _ := r.Take([]limit.Bucket{wide, narrow}); d.OK || d.Bucket != 1 {
			t.Fatalf("the narrow one should refuse: %+v", d)
		}
	}
	if d, _ := r.Take([]limit.Bucket{wide}); !d.OK || d.Remaining != 3 {
		t.Errorf("the wide one lost what was refused: %+v", d)
	}
}

// model is the generic cell rate algorithm in exact numbers.
type model struct{ full int64 } // microseconds

func (m *model) take(now, interval int64, burst int) (ok bool, left int, wait int64) {
	at := max(m.full, now)
	if early := at + interval - interval*int64(burst) - now; early > 0 {
		return false, 0, early
	}
	m.full = at + interval
	return true, int((interval*int64(burst) - (m.full - now)) / interval), 0
}

func TestTheScriptIsTheModel(t *testing.T) {
	server := miniredis.RunT(t)
	r, _ := start(t, "redis://"+server.Addr(), "model", "a", nil)
	until(t, "Redis", r.Up)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		b := limit.Bucket{Key: fmt.Sprint(run), PerMinute: rapid.IntRange(1, 6000).Draw(t, "a minute"), Burst: rapid.IntRange(1, 50).Draw(t, "burst")}
		interval := max(1, time.Minute.Microseconds()/int64(b.PerMinute))
		now := time.Unix(1_800_000_000, 0)
		m := &model{}
		for range rapid.IntRange(1, 60).Draw(t, "takes") {
			pass := time.Duration(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 2*interval), rapid.Int64Range(0, 120_000_000)).Draw(t, "time")) * time.Microsecond
			now = now.Add(pass)
			server.SetTime(now)
			server.FastForward(pass) // keys run out
			d, asked := r.Take([]limit.Bucket{b})
			if !asked {
				t.Fatalf("not asked")
			}
			ok, left, wait := m.take(now.UnixMicro(), interval, b.Burst)
			if d.OK != ok || d.Remaining != left || d.Wait != time.Duration(wait)*time.Microsecond {
				t.Fatalf("%+v at %s: %+v, the model says %t, %d left, wait %d µs", b, now, d, ok, left, wait)
			}
			if d.OK && d.Reset != time.Duration(m.full-now.UnixMicro())*time.Microsecond {
				t.Fatalf("full in %s, the model says %d µs", d.Reset, m.full-now.UnixMicro())
			}
		}
	})
}

func TestNodesHearEachOtherAndNotThemselves(t *testing.T) {
	url, name := realRedis(t), unique(t)
	heard := map[string]chan relay.Event{"a": make(chan relay.Event, 100), "b": make(chan relay.Event, 100), "stranger": make(chan relay.Event, 100)}
	nodes := map[string]*relay.Relay{}
	for node, c := range heard {
		installation := name
		if node == "stranger" {
			installation = "another " + name
		}
		r, _ := start(t, url, installation, node, func(e relay.Event) { c <- e })
		nodes[node] = r
		until(t, "Redis", r.Up)
	}
	want := relay.Event{Kind: relay.Ended, Subject: "kling_1"}
	until(t, "b to hear a", func() bool { // the subscription may come later than the first word
		nodes["a"].Tell(want)
		select {
		case got := <-heard["b"]:
			return got == want
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	nodes["b"].Tell(relay.Event{Kind: relay.Changed})
	until(t, "a to hear b", func() bool {
		select {
		case got := <-heard["a"]:
			return got == relay.Event{Kind: relay.Changed}
		default:
			return false
		}
	})
	if n := len(heard["stranger"]); n > 0 {
		t.Errorf("another installation heard %d events", n)
	}
}

func TestLimitsHoldWhileRedisIsAway(t *testing.T) {
	server := miniredis.RunT(t)
	r, book := start(t, "redis://"+server.Addr(), "away", "a", nil)
	until(t, "Redis", r.Up)
	l := limit.NewShared(r)
	b := limit.Bucket{Key: "k", PerMinute: 1, Burst: 10}
	take := func(n int) (passed int) {
		for range n {
			if l.Take(b).OK {
				passed++
			}
		}
		return passed
	}
	if got := take(6); got != 6 {
		t.Fatalf("%d of 6 passed", got)
	}
	server.FlushAll()
	if got := take(2); got != 2 {
		t.Fatalf("%d of 2 passed after the flush", got)
	}
	server.Close()
	if got := take(50); got != 2 { // the local limiter was kept warm
		t.Errorf("%d passed while Redis was away, want the 2 that were left", got)
	}
	if r.Up() || r.Fallbacks() == 0 {
		t.Errorf("up %t, %d fallbacks", r.Up(), r.Fallbacks())
	}
	if n := book.count("Redis is lost"); n != 1 {
		t.Errorf("%d lines tell of the loss, want 1", n)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	until(t, "Redis to be back", r.Up)
	if got := take(20); got != 0 { // Redis begins anew; this node does not
		t.Errorf("%d passed a limit that had been used up", got)
	}
	if n := book.count("Redis answers"); n != 2 {
		t.Errorf("%d lines tell that Redis answers, want 2", n)
	}
}

func TestARedisThatHangsCostsLittle(t *testing.T) {
	server := miniredis.RunT(t)
	// Between them and us a line that can stop carrying.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var hangs atomic.Bool
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server.Addr())
			if err != nil {
				_ = c.Close()
				continue
			}
			pump := func(to, from net.Conn) {
				defer func() { _ = to.Close(); _ = from.Close() }()
				buf := make([]byte, 4096)
				for {
					n, err := from.Read(buf)
					if err != nil {
						return
					}
					if hangs.Load() {
						continue
					}
					if _, err := to.Write(buf[:n]); err != nil {
						return
					}
				}
			}
			go pump(up, c)
			go pump(c, up)
		}
	}()
	r, book := start(t, "redis://"+l.Addr().String(), "hangs", "a", nil)
	until(t, "Redis", r.Up)
	lim := limit.NewShared(r)
	b := limit.Bucket{Key: "k", PerMinute: 60, Burst: 1000}
	lim.Take(b)
	hangs.Store(true)
	started := time.Now()
	for range 500 {
		if !lim.Take(b).OK {
			t.Fatal("refused below the limit")
		}
	}
	// Three answers are waited for, 50 ms each; the rest is this machine's.
	if took := time.Since(started); took > time.Second {
		t.Errorf("500 requests took %s while Redis hung", took)
	}
	if n := book.count("Redis is lost"); n != 1 {
		t.Errorf("%d lines tell of the loss, want 1", n)
	}
}

func TestAWrongAddressIsRefusedWithoutItsPassword(t *testing.T) {
	_, err := relay.New(relay.Options{URL: "redis://user:hunter2@localhost:63x9/0", Log: slog.New(slog.DiscardHandler)})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New = %v", err)
	}
}
