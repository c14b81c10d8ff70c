package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
	"one-api/internal/webhook"
)

// customer is a receiver that counts what it has open.
type customer struct {
	*httptest.Server
	got        atomic.Int64
	open, most atomic.Int64
	mu         sync.Mutex
	ids        map[string]int
}

func newCustomer(t testing.TB, answer http.HandlerFunc) *customer {
	t.Helper()
	c := &customer{ids: map[string]int{}}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if answer != nil {
			answer(w, r)
		}
		c.mu.Lock()
		c.ids[r.Header.Get("webhook-id")]++
		c.mu.Unlock()
		c.got.Add(1)
	}))
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			n := c.open.Add(1)
			for m := c.most.Load(); n > m && !c.most.CompareAndSwap(m, n); m = c.most.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			c.open.Add(-1)
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// newDeliverer is a worker that delivers to this machine, and a user.
func newDeliverer(t testing.TB, s *store.Store) (*Worker, account.User) {
	t.Helper()
	f := storetest.NewFixture(t, s, 0, nil)
	w := &Worker{
		Store: s, Directory: s.Directory(), Keys: storetest.Keys(t), Log: slog.New(slog.DiscardHandler),
		Sender: webhook.NewSender(webhook.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}
	w.init()
	return w, f.User
}

func newEndpoint(t testing.TB, s *store.Store, userID int64, address string) store.Endpoint {
	t.Helper()
	e, err := s.CreateEndpoint(context.Background(), store.NewEndpoint{UserID: userID, URL: address})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// owe writes n events that are due for an endpoint.
func owe(t testing.TB, s *store.Store, e store.Endpoint, n int) {
	t.Helper()
	now := s.Now()
	body := `{"type":"task.succeed","data":{"text":"` + strings.Repeat("x", 800) + `"}}`
	for n > 0 {
		part := min(n, 500)
		n -= part
		var events, deliveries []string
		for range part {
			id := task.NewID("evt_", now)
			events = append(events, fmt.Sprintf("('%s', '%s', 'task.succeed', %d, '', '%s', %d)", id, task.NewID("kling_", now), e.UserID, body, now.UnixMilli()))
			deliveries = append(deliveries, fmt.Sprintf("('%s', %d, %d, '%s', 'endpoint:%d', 'pending', %d)", id, e.ID, e.UserID, e.URL, e.ID, now.UnixMilli()-1))
		}
		for _, q := range []string{
			"INSERT INTO events (id, task_id, type, user_id, payload, body, created_at) VALUES " + strings.Join(events, ", "),
			"INSERT INTO deliveries (event_id, endpoint_id, user_id, url, receiver, status, next_try_at) VALUES " + strings.Join(deliveries, ", "),
		} {
			if err := s.Exec(context.Background(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// running delivers until the test or the returned function ends it.
func running(t testing.TB, w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.deliver(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for %s", what)
		}
		<-tick.C
	}
}

func number(t testing.TB, s *store.Store, query string) int {
	t.Helper()
	rows, err := s.QueryText(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(rows[0][0], &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// BenchmarkDeliver sends what is due to one quick receiver and records it,
// signed and durable. It reports deliveries a second and the most files that
// the receiver had open.
func BenchmarkDeliver(b *testing.B) {
	for _, d := range storetest.Databases {
		if d == store.MySQL && os.Getenv("TEST_MYSQL_DSN") == "" || d == store.Postgres && os.Getenv("TEST_POSTGRES_DSN") == "" {
			continue
		}
		for _, waiting := range []int{0, 10_000} {
			b.Run(fmt.Sprintf("%s/%d-wait-for-a-dead-one", d, waiting), func(b *testing.B) {
				s := storetest.Open(b, d)
				w, user := newDeliverer(b, s)
				c := newCustomer(b, nil)
				leave := make(chan struct{})
				dead := newCustomer(b, func(http.ResponseWriter, *http.Request) { <-leave })
				defer close(leave)
				if waiting > 0 {
					owe(b, s, newEndpoint(b, s, user.ID, dead.URL), waiting)
				}
				owe(b, s, newEndpoint(b, s, user.ID, c.URL), b.N)
				b.ResetTimer()
				running(b, w)
				eventually(b, "all to arrive", func() bool { return c.got.Load() >= int64(b.N) })
				for number(b, s, "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'") < b.N {
					time.Sleep(time.Millisecond)
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
				b.ReportMetric(float64(c.most.Load()), "files")
			})
		}
	}
}

func TestADeadReceiverWithALongLineHoldsUpNobody(t *testing.T) {
	s := storetest.Open(t, store.SQLite)
	w, user := newDeliverer(t, s)
	leave := make(chan struct{})
	dead := newCustomer(t, func(http.ResponseWriter, *http.Request) { <-leave })
	quick := newCustomer(t, nil)
	owe(t, s, newEndpoint(t, s, user.ID, dead.URL), 10_000)
	owe(t, s, newEndpoint(t, s, user.ID, quick.URL), 300)
	stop := running(t, w)
	eventually(t, "the quick receiver to get its 300", func() bool { return quick.got.Load() == 300 })
	eventually(t, "them to be recorded", func() bool {
		return number(t, s, "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'") == 300
	})
	if n := dead.most.Load(); n > lineLeast {
		t.Errorf("the dead receiver holds %d connections, want at most %d", n, lineLeast)
	}
	if n := quick.most.Load(); n > webhook.MaxPerHost {
		t.Errorf("the quick receiver had %d connections, want at most %d", n, webhook.MaxPerHost)
	}
	// What waits for the dead one was left where it was: only a line's worth is
	// under lease.
	if n := number(t, s, fmt.Sprintf("SELECT COUNT(*) FROM deliveries WHERE status = 'pending' AND next_try_at > %d", s.Now().UnixMilli())); n > holdMost {
		t.Errorf("%d deliveries of the dead receiver were taken", n)
	}
	close(leave)
	stop()
}

func TestAnEndpointThatSaysGoneIsSwitchedOffAndAskedNoMore(t *testing.T) {
	s := storetest.Open(t, store.SQLite)
	w, user := newDeliverer(t, s)
	gone := newCustomer(t, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) })
	e := newEndpoint(t, s, user.ID, gone.URL)
	owe(t, s, e, 1)
	running(t, w)
	eventually(t, "it to be off", func() bool {
		got, err := s.Endpoint(context.Background(), 0, e.ID)
		return err == nil && got.Status == account.Disabled && got.Reason == store.EndpointGone
	})
	if n := number(t, s, "SELECT COUNT(*) FROM audit WHERE action = 'webhook.switch_off'"); n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
	asked := gone.got.Load()
	owe(t, s, e, 5)
	eventually(t, "what waits to be given up", func() bool {
		return number(t, s, "SELECT COUNT(*) FROM deliveries WHERE status = 'failed'") == 6
	})
	if gone.got.Load() != asked {
		t.Errorf("it was asked %d times more", gone.got.Load()-asked)
	}
}

// A node that dies between sending and recording leaves a lease; the next one
// sends the same event again.
func TestASendThatWasNotRecordedIsRepeatedWithTheSameID(t *testing.T) {
	s := storetest.Open(t, store.SQLite)
	w, user := newDeliverer(t, s)
	c := newCustomer(t, nil)
	owe(t, s, newEndpoint(t, s, user.ID, c.URL), 1)
	due, _, err := s.ClaimDeliveries(context.Background(), store.DeliveryClaim{Limit: 10, Lease: 500 * time.Millisecond})
	if err != nil || len(due) != 1 {
		t.Fatalf("due %v, %v", due, err)
	}
	w.Sender.Send(context.Background(), webhook.Message{ID: due[0].EventID, URL: c.URL, Payload: []byte(due[0].Payload)}, s.Now())
	running(t, w) // the first node is gone
	eventually(t, "it to be recorded", func() bool {
		return number(t, s, "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'") == 1
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) != 1 || c.ids[due[0].EventID] != 2 {
		t.Errorf("the receiver got %v, want the same id twice", c.ids)
	}
}

// What a node holds when it stops is the other nodes' at once, and what it has
// sent is recorded.
func TestAStopHandsDeliveriesBack(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, store.SQLite)
	w, u := newDeliverer(t, s)
	reached, answer := make(chan struct{}, 100), make(chan struct{})
	c := newCustomer(t, func(http.ResponseWriter, *http.Request) { reached <- struct{}{}; <-answer })
	letGo := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(letGo)
	owe(t, s, newEndpoint(t, s, u.ID, c.URL), 50)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.deliver(ctx) }()
	for range lineLeast {
		<-reached
	}
	stop()
	eventually(t, "those that were not sent to be due", func() bool {
		return number(t, s, fmt.Sprintf("SELECT COUNT(*) FROM deliveries WHERE status = 'pending' AND next_try_at <= %d", s.Now().UnixMilli())) == 50-lineLeast
	})
	letGo()
	<-done
	if n := number(t, s, "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'"); n != lineLeast {
		t.Errorf("%d deliveries are recorded, want the %d that were sent", n, lineLeast)
	}
}
