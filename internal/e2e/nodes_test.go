package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// cluster is three built gateways behind nginx, as deploy/three-nodes runs
// them.
type cluster struct {
	t     *testing.T
	env   []string
	state string
	url   string // nginx's
	ports []string
	p     *process // for other commands of the binary
	books *store.Store
	sim   *klingsim.Sim
	acct  klingsim.Account
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // after all are taken, so that none comes twice
		out = append(out, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return out
}

func newCluster(t *testing.T, d store.Dialect, settings ...string) *cluster {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
			t.Skip("nginx is not installed")
		}
	}
	dsn := storetest.NewDatabase(t, d)
	c := &cluster{t: t, books: storetest.OpenAt(t, dsn), state: filepath.Join(t.TempDir(), "state"), acct: klingsim.DemoAccount()}
	c.acct.Concurrency = -1
	c.sim = klingsim.New(klingsim.Options{Accounts: []klingsim.Account{c.acct}, ToProcessing: 50 * time.Millisecond, ToEnd: 200 * time.Millisecond, Jitter: 0.5})
	kling := httptest.NewServer(c.sim)
	t.Cleanup(func() { c.sim.Close(); kling.Close() })
	// The answer takes a while, so that stops meet calls under way.
	if _, err := c.sim.Inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 20 * time.Millisecond, Count: -1}); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	c.url, c.ports = "http://127.0.0.1:"+ports[3], ports[:3]
	c.p = newProcess(t, dsn, append(settings, "KLING_KEY="+c.acct.AccessKey+"|"+c.acct.SecretKey.Reveal(), "SERVER_ADDRESS="+c.url)...)
	c.p.run("channel", "add", "--base-url", kling.URL)
	c.env = append(c.p.env, "ONE_API="+c.p.path, "PORT="+ports[3], "NODE_PORTS="+strings.Join(c.ports, " "), "STATE_DIR="+c.state)
	t.Cleanup(func() {
		if out, err := c.script("stop"); err != nil {
			t.Errorf("three-nodes stop: %v\n%s", err, out)
		}
		if t.Failed() {
			for _, port := range c.ports {
				text, _ := os.ReadFile(filepath.Join(c.state, port+".log"))
				t.Logf("the end of the log of the node on port %s:\n%s", port, text[max(0, len(text)-3000):])
			}
			text, _ := os.ReadFile(filepath.Join(c.state, "nginx-error.log"))
			t.Logf("the end of nginx's log:\n%s", text[max(0, len(text)-3000):])
		}
	})
	if out, err := c.script("start"); err != nil {
		t.Fatalf("three-nodes start: %v\n%s", err, out)
	}
	return c
}

// script runs deploy/three-nodes.
func (c *cluster) script(verb string) (string, error) {
	cmd := exec.Command(filepath.Join("..", "..", "deploy", "three-nodes"), verb)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// pid is the process of the n-th node.
func (c *cluster) pid(n int) int {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.state, c.ports[n]+".pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		c.t.Fatal(err)
	}
	return pid
}

// customers order, read and wait through nginx; whatever goes wrong for them is
// noted.
type customers struct {
	url  string
	http *http.Client
	stop chan struct{}
	wg   sync.WaitGroup
	// repeats makes them repeat a 503 with the same key, as it asks for.
	repeats atomic.Bool

	mu       sync.Mutex
	accepted map[string]bool // tasks
	wrong    []string
	answers  chan struct{}
}

// customers come through nginx, n of them, or straight to a node's port.
func (c *cluster) customers(n int, patient time.Duration, straight ...string) *customers {
	l := &customers{
		url: c.url, http: &http.Client{Timeout: patient, Transport: &http.Transport{MaxIdleConnsPerHost: n}}, stop: make(chan struct{}),
		accepted: map[string]bool{}, answers: make(chan struct{}, 1_000_000),
	}
	for name := range n + len(straight) {
		url := l.url
		if name >= n {
			url = "http://127.0.0.1:" + straight[name-n]
		}
		l.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				l.one(url, fmt.Sprintf("customer %d order %d", name, i))
			}
		})
	}
	return l
}

// one orders, and waits for the end of the task.
func (l *customers) one(url, key string) {
	status, body, err := l.call("POST", url+text2video, `{"model":"kling-v1-5-std","prompt":"a cat","duration":5,"aspect_ratio":"16:9"}`, "Idempotency-Key", key)
	if err == nil && status == http.StatusServiceUnavailable && l.repeats.Load() {
		select {
		case <-l.stop:
		case <-time.After(time.Second):
			l.one(url, key)
		}
		return
	}
	id := gjson.Get(body, "task_id").Str
	if err != nil || status != http.StatusOK || id == "" {
		l.note("order %q: %d %.300s, %v", key, status, body, err)
		return
	}
	l.mu.Lock()
	l.accepted[id] = true
	l.mu.Unlock()
	l.answers <- struct{}{}
	if status, body, err := l.call("GET", url+"/kling/v1/videos/"+id+"?wait=1", ""); err != nil || status != http.StatusOK {
		l.note("read %s: %d %.300s, %v", id, status, body, err)
	}
}

func (l *customers) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

func (l *customers) call(method, address, body string, header ...string) (int, string, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+rootToken)
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// take waits for n more accepted orders.
func (l *customers) take(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-l.answers:
		case <-time.After(patience):
			t.Fatal("the customers got no more answers")
		}
	}
}

// end stops the customers and compares what they were told with the books and
// with the upstream.
func (l *customers) end(c *cluster) {
	c.t.Helper()
	close(l.stop)
	l.wg.Wait()
	settle(c.t, c.books, c.sim)
	for _, w := range l.wrong {
		c.t.Error(w)
	}
	orders := map[string]int{}
	for _, u := range c.sim.Tasks() {
		orders[u.ExternalID]++
	}
	for id := range l.accepted {
		if orders[id] != 1 {
			c.t.Errorf("Kling has %d orders for task %s", orders[id], id)
		}
	}
	audit(c.t, c.books, true, c.sim.Tasks())
	if out := c.p.run("verify"); !strings.Contains(out, "agree") {
		c.t.Errorf("verify printed %q", out)
	}
	storetest.Verified(c.t, c.books)
}

func onServers(t *testing.T, f func(t *testing.T, d store.Dialect)) {
	t.Parallel()
	for _, d := range []store.Dialect{store.MySQL, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			f(t, d)
		})
	}
}

// oneServerAtATime is onServers for what must not starve: a node that gets no
// time may have connections waiting at the moment when it stops listening.
func oneServerAtATime(t *testing.T, f func(t *testing.T, d store.Dialect)) {
	for _, d := range []store.Dialect{store.MySQL, store.Postgres} {
		t.Run(string(d), func(t *testing.T) { f(t, d) })
	}
}

func TestARollingRestartUnderLoadFailsNoRequest(t *testing.T) {
	oneServerAtATime(t, func(t *testing.T, d store.Dialect) {
		c := newCluster(t, d)
		l := c.customers(6, 20*time.Second)
		l.take(t, 30)
		before := c.pid(0)
		if out, err := c.script("restart"); err != nil {
			t.Fatalf("three-nodes restart: %v\n%s", err, out)
		}
		l.take(t, 30)
		// And without a word to nginx: it finds the connection refused.
		for n := range c.ports {
			if err := syscall.Kill(c.pid(n), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			l.take(t, 30)
			if n == 0 && c.pid(0) == before {
				t.Error("the first node was not restarted")
			}
			if out, err := c.script("restart"); err != nil {
				t.Fatalf("three-nodes restart: %v\n%s", err, out)
			}
		}
		l.take(t, 30)
		l.end(c)
		t.Logf("%d orders over four rolling restarts", len(l.accepted))
	})
}

// A node is paused, as a virtual machine is, for longer than any lease of its
// own lasts, with tasks claimed and create calls under way. Others go on; when
// it wakes it must change nothing.
func TestAPausedNodeThatWakesChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the lease of a create call is half a minute")
	}
	onServers(t, func(t *testing.T, d store.Dialect) {
		c := newCluster(t, d, "CREATE_TIMEOUT=1s")
		// Those behind nginx come to stand before the paused node, one by one.
		l := c.customers(6, 2*time.Minute, c.ports[0], c.ports[2])
		l.take(t, 30)
		// A node that stands still in a transaction keeps its locks; others may
		// answer 503 until the server or the pause ends that.
		l.repeats.Store(true)
		pid := c.pid(1)
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		woken := false
		wake := func() {
			if !woken {
				woken = true
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
		}
		defer wake()
		<-time.After(33 * time.Second) // a create call's second, and its lease of 30 s
		during := len(l.answers)
		wake()
		l.take(t, during+50)
		l.end(c)
		t.Logf("%d orders around the pause", len(l.accepted))
	})
}
