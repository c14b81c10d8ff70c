package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"one-api/internal/app"
	"one-api/internal/channel"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// redisServer is a private Redis, to be killed.
type redisServer struct {
	t    *testing.T
	path string
	port string
	cmd  *exec.Cmd
}

func newRedis(t *testing.T) *redisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	r := &redisServer{t: t, path: path, port: freePorts(t, 1)[0]}
	r.start()
	t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
	})
	return r
}

func (r *redisServer) url() string { return "redis://127.0.0.1:" + r.port }

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.path, "--bind", "127.0.0.1", "--port", r.port, "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	glance := time.NewTicker(10 * time.Millisecond)
	defer glance.Stop()
	for end := time.After(patience); ; {
		if c, err := net.Dial("tcp", "127.0.0.1:"+r.port); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-glance.C:
		case <-end:
			r.t.Fatal("Redis did not start")
		}
	}
}

func (r *redisServer) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

func (r *redisServer) flush() {
	r.t.Helper()
	o, err := redis.ParseURL(r.url())
	if err != nil {
		r.t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer func() { _ = c.Close() }()
	if err := c.FlushAll(r.t.Context()).Err(); err != nil {
		r.t.Fatal(err)
	}
}

// metrics are the figures of a node, as Prometheus would read them.
func metrics(t *testing.T, at net.Listener) string {
	t.Helper()
	resp, err := http.Get("http://" + at.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %d, %v", resp.StatusCode, err)
	}
	return string(b)
}

// figure is the sum of a metric's lines whose labels match.
func figure(t *testing.T, text, name, labels string) float64 {
	t.Helper()
	var sum float64
	for _, m := range regexp.MustCompile(`(?m)^oneapi_`+name+`(?:\{[^}]*`+labels+`[^}]*\})? ([0-9.e+-]+)$`).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// withRedis starts nodes that share a Redis, each with a listener for metrics.
func withRedis(t *testing.T, url string, into *[]net.Listener) func(*app.Options) {
	return func(o *app.Options) {
		o.Redis = secret.Text(url)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o.Metrics = l
		*into = append(*into, l)
	}
}

// redisUp waits until every node has found Redis.
func (w *world) redisUp(at []net.Listener) {
	w.t.Helper()
	w.until("the nodes to find Redis", func() bool {
		for _, l := range at {
			if figure(w.t, metrics(w.t, l), "redis_up", "") != 1 {
				return false
			}
		}
		return true
	})
}

func TestWhatIsChangedOnOneNodeIsSeenByAllSoon(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct {
		redis bool
		every time.Duration
	}{
		"without Redis":   {false, 0},
		"with Redis":      {true, 0},
		"with Redis only": {true, time.Hour}, // no node looks by itself
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var at []net.Listener
			share := func(*app.Options) {}
			if how.redis {
				share = withRedis(t, newRedis(t).url(), &at)
			}
			w := newWorld(t, setup{dialect: store.MySQL, nodes: 3, options: func(o *app.Options) {
				share(o)
				o.RefreshEvery = how.every
			}})
			w.redisUp(at)
			here, others := w.nodes[0].Store, w.nodes[1:]
			seen := func(what string, is func(*node) bool) {
				t.Helper()
				started := time.Now()
				if !w.within(2*time.Second, func() bool {
					for _, n := range others {
						if !is(n) {
							return false
						}
					}
					return true
				}) {
					t.Errorf("%s is not seen by the other nodes after two seconds", what)
				}
				t.Logf("%s: %s", what, time.Since(started).Round(time.Millisecond))
			}
			if how.every == time.Hour {
				// Whoever subscribes a moment late misses the first word.
				w.until("the nodes to hear each other", func() bool {
					if err := here.SetSetting(t.Context(), "notice", fmt.Sprint(time.Now())); err != nil {
						t.Fatal(err)
					}
					return w.within(200*time.Millisecond, func() bool {
						want := w.nodes[0].Store.Directory().View().Settings.Notice
						return others[0].Store.Directory().View().Settings.Notice == want && others[1].Store.Directory().View().Settings.Notice == want
					})
				})
			}

			prices := here.Directory().View().Catalogue
			if _, err := here.PutPrices(t.Context(), store.CLI, prices.Version(), prices.Rules(), "the same again"); err != nil {
				t.Fatal(err)
			}
			version := here.Directory().View().Catalogue.Version()
			seen("a new price version", func(n *node) bool { return n.Store.Directory().View().Catalogue.Version() == version })

			if _, err := here.SwitchChannel(t.Context(), store.CLI, 1, channel.Disabled); err != nil {
				t.Fatal(err)
			}
			seen("a disabled channel", func(n *node) bool {
				a, err := w.user.at(n).try("POST", text2video, guideOrder)
				return err == nil && a.status == http.StatusServiceUnavailable
			})

			if err := here.DeleteToken(t.Context(), store.CLI, 0, w.user.token.ID); err != nil {
				t.Fatal(err)
			}
			seen("a revoked token", func(n *node) bool {
				a, err := w.user.at(n).try("GET", "/v1/models", "")
				return err == nil && a.status == http.StatusUnauthorized
			})
		})
	}
}

func TestLimitsHoldOnAllNodesTogether(t *testing.T) {
	t.Parallel()
	const perMinute = 12
	for name, shared := range map[string]bool{"with Redis": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var at []net.Listener
			s := setup{dialect: store.MySQL, nodes: 3}
			if shared {
				s.options = withRedis(t, newRedis(t).url(), &at)
			}
			w := newWorld(t, s)
			w.redisUp(at)
			limited := w.newCaller(0)
			limited.newToken(store.NewToken{Rate: perMinute})
			person, err := w.books.Person(t.Context(), w.user.user.ID)
			if err != nil {
				t.Fatal(err)
			}
			rate := perMinute
			if _, err := w.books.UpdateUser(t.Context(), store.CLI, person.ID, store.UserPatch{Version: person.Version, Rate: &rate}, nil); err != nil {
				t.Fatal(err)
			}
			w.refresh()
			for who, callers := range map[string][]*caller{
				"a token": {limited},
				"a user":  {w.user, w.user.with(store.NewToken{})}, // whichever token
			} {
				passed, refusal := 0, answer{}
				for i := range 4 * perMinute {
					a := callers[i%len(callers)].at(w.nodes[i%3]).do("GET", "/v1/models", "")
					switch a.status {
					case http.StatusOK:
						passed++
						if a.header.Get("RateLimit-Limit") != strconv.Itoa(perMinute) || a.header.Get("RateLimit-Remaining") == "" || a.header.Get("RateLimit-Reset") == "" {
							t.Fatalf("%s: headers %v", who, a.header)
						}
					case http.StatusTooManyRequests:
						refusal = a
					default:
						t.Fatalf("%s: %s", who, a)
					}
				}
				most := perMinute
				if !shared {
					most *= 3
				}
				if passed < most || passed > most+2 { // some refill meanwhile
					t.Errorf("%s: %d requests passed on three nodes, want %d", who, passed, most)
				}
				if refusal.text("error.code") != "rate_limited" || refusal.header.Get("Retry-After") == "" || refusal.header.Get("RateLimit-Remaining") != "0" {
					t.Errorf("%s is refused with %s, %v", who, refusal, refusal.header)
				}
				if want := strings.TrimPrefix(who, "a "); !strings.Contains(refusal.body, "This "+want) {
					t.Errorf("the refusal of %s does not say so: %s", who, refusal.body)
				}
			}
		})
	}
}

func TestRedisFlushedAndKilledUnderLoadChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	var at []net.Listener
	w := newWorld(t, setup{dialect: store.Postgres, nodes: 3, options: withRedis(t, r.url(), &at)})
	w.redisUp(at)
	limited := w.newCaller(0)
	limited.newToken(store.NewToken{Rate: 6})

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var accepted atomic.Int64
	for n := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				a, err := w.user.at(w.nodes[(n+i)%3]).try("POST", text2video, guideOrder)
				if err != nil || a.status != http.StatusOK {
					t.Errorf("an order: %s, %v", a, err)
					return
				}
				accepted.Add(1)
			}
		})
	}
	// Enough requests that the limiter is asked; the loaded user's token has a
	// rate that it does not reach.
	more := func(n int64) {
		t.Helper()
		from := accepted.Load()
		w.until("more orders", func() bool { return t.Failed() || accepted.Load() >= from+n })
	}
	burst := func() (passed int) {
		for range 30 {
			if limited.at(w.nodes[0]).do("GET", "/v1/models", "").status == http.StatusOK {
				passed++
			}
		}
		return passed
	}
	w.set("default_rate", 100_000)
	more(20)
	if got := burst(); got < 6 || got > 7 {
		t.Errorf("%d of 30 passed a limit of 6", got)
	}
	r.flush()
	more(20)
	if got := burst(); got > 1 {
		t.Errorf("%d more passed after the flush", got)
	}
	// A busy machine may have made Redis seem slow before.
	w.redisUp(at)
	before := w.log.count("Redis is lost")
	r.kill()
	more(50)
	if got := burst(); got > 2 {
		t.Errorf("%d more passed while Redis was away", got)
	}
	var fallbacks float64
	for _, l := range at {
		text := metrics(t, l)
		fallbacks += figure(t, text, "redis_fallbacks_total", "")
		if up, losses := figure(t, text, "redis_up", ""), figure(t, text, "redis_losses_total", ""); up != 0 || losses < 1 {
			t.Errorf("redis_up %v, redis_losses_total %v", up, losses)
		}
	}
	if fallbacks < 10 {
		t.Errorf("redis_fallbacks_total is %v on all nodes together", fallbacks)
	}
	if n := w.log.count("Redis is lost") - before; n != 3 {
		t.Errorf("%d lines tell of the loss, want one a node", n)
	}
	r.start()
	w.redisUp(at)
	more(20)
	close(stop)
	wg.Wait()
	text := ""
	orders := float64(accepted.Load())
	w.until("the last waiting order to be sent and counted", func() bool {
		text = ""
		for _, l := range at {
			text += metrics(t, l)
		}
		return figure(t, text, "upstream_calls_total", `call="create",outcome="accepted"`) >= orders
	})
	if got := figure(t, text, "http_requests_total", `route="POST /kling/v1/videos/\{product\}",status="200"`); got != orders {
		t.Errorf("http_requests_total counts %v orders, %v were accepted", got, orders)
	}
	if got := figure(t, text, "create_duration_seconds_count", `outcome="accepted"`); got != orders {
		t.Errorf("create_duration_seconds counts %v orders, %v were accepted", got, orders)
	}
	if got := figure(t, text, "upstream_calls_total", `call="create",outcome="accepted"`); got != orders {
		t.Errorf("upstream_calls_total counts %v creates, %v were accepted", got, orders)
	}
	if strings.Contains(text, w.user.text) || strings.Contains(text, w.user.user.Name) {
		t.Error("the metrics name a user or a token")
	}
	w.until("the end of all tasks", func() bool {
		return w.number("SELECT COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed')") == 0
	})
}

func TestAStopWithoutADatabaseIsNotHeldUp(t *testing.T) {
	onServers(t, func(t *testing.T, d store.Dialect) {
		const within = 3 * time.Second
		w, line := newWiredWorld(t, d, setup{polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond}, options: func(o *app.Options) { o.StopWithin = within }})
		w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 700 * time.Millisecond})
		answered := make(chan answer, 1)
		go func() {
			a, _ := w.user.try("POST", text2video, guideOrder)
			answered <- a
		}()
		w.until("Kling to have the order", func() bool { return len(w.sim.Tasks()) == 1 })
		line.set(true)
		w.until("the answer to find no database", func() bool { return w.log.has("will record the step again") })
		began := time.Now()
		w.nodes[0].end(t)
		if took := time.Since(began); took > within+5*time.Second {
			t.Errorf("the stop took %s", took)
		}
		if a := <-answered; a.status != http.StatusServiceUnavailable || a.header.Get("X-Should-Retry") != "false" {
			t.Errorf("the create answered %s, want 503 and that it should not be repeated", a)
		}
		line.set(false)
		w.startNode()
		w.until("the task to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == 1 })
		w.user.balance(w.setup.balance-guidePrice, 0)
	})
}

func TestAnOddClockIsToldAndAWrongOneTakesTheNodeOut(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	w := newWorld(t, setup{dialect: store.MySQL, options: func(o *app.Options) {
		o.Store.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	}})
	for _, c := range []struct {
		ahead   time.Duration
		status  int
		warning bool
	}{
		{0, 200, false}, {3 * time.Second, 200, false}, {10 * time.Second, 200, true}, {-10 * time.Second, 200, true},
		{2 * time.Minute, 503, false}, {-2 * time.Minute, 503, false}, {0, 200, false},
	} {
		ahead.Store(int64(c.ahead))
		var a answer
		if !w.within(10*time.Second, func() bool {
			a = w.user.do("GET", "/readyz", "")
			return a.status == c.status && strings.Contains(a.text("warning"), "clock") == c.warning
		}) {
			t.Errorf("a clock %s ahead: readyz answers %s", c.ahead, a)
		}
		if c.status == 503 && !strings.Contains(a.text("reason"), "clock") {
			t.Errorf("a clock %s ahead: the reason is %s", c.ahead, a)
		}
	}
}

func TestNodesTellThatTheyAreThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{dialect: store.Postgres, nodes: 3})
	there := func(n int) func() bool {
		return func() bool {
			list, err := w.books.Nodes(t.Context())
			return err == nil && len(list) == n
		}
	}
	w.until("three nodes", there(3))
	list, err := w.books.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if n.Version != "e2e" || !strings.HasPrefix(n.Address, "127.0.0.1:") || n.Draining || n.DirectoryAge > 10*time.Second {
			t.Errorf("a node tells %+v", n)
		}
	}
	w.nodes[2].end(t)
	w.until("two nodes", there(2))
}
