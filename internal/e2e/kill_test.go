package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/app"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// process is the gateway as an operator runs it: the built command with
// settings in its environment.
type process struct {
	t    *testing.T
	path string
	dir  string
	env  []string
	url  string
	log  *os.File
	cmd  *exec.Cmd
	gone chan error // the end of cmd
}

const rootToken = "sk-e2e-root-token-of-the-killed-gateway"

func newProcess(t *testing.T, dsn string, settings ...string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, the same after each restart
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, path: binary(t), dir: t.TempDir(), url: "http://" + addr}
	p.env = append(os.Environ(), append([]string{
		"HOST=127.0.0.1", "PORT=" + port, "SERVER_ADDRESS=" + p.url, "SQL_DSN=" + dsn, "DATA_DIR=" + p.dir, "LOG_DIR=-",
		"SQL_MAX_OPEN_CONNS=8", "ENCRYPTION_KEY=" + strings.Repeat("test key ", 5), "INITIAL_ROOT_TOKEN=" + rootToken,
	}, settings...)...)
	if p.log, err = os.Create(filepath.Join(p.dir, "printed.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		if t.Failed() {
			t.Logf("the end of what the gateway printed:\n%s", p.printed())
		}
		_ = p.log.Close()
	})
	return p
}

// printed is the end of the process's output.
func (p *process) printed() string {
	text, _ := os.ReadFile(p.log.Name())
	return string(text[max(0, len(text)-8000):])
}

// run runs another command of the binary to its end.
func (p *process) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command(p.path, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("one-api %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts the gateway and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.path, "serve")
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.dir, p.env, p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	gone := make(chan error, 1)
	p.gone = gone
	go func(cmd *exec.Cmd) { gone <- cmd.Wait() }(p.cmd)
	glance := time.NewTicker(10 * time.Millisecond)
	defer glance.Stop()
	end := time.After(patience)
	for {
		if resp, err := http.Get(p.url + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-gone:
			p.cmd = nil
			p.t.Fatalf("the gateway ended at its start: %v\n%s", err, p.printed())
		case <-end:
			p.t.Fatalf("the gateway did not become ready\n%s", p.printed())
		case <-glance.C:
		}
	}
}

// kill ends it as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	if err := <-p.gone; err != nil {
		p.t.Logf("killed: %v", err)
	}
	p.cmd = nil
}

// term stops it in order and wants it to say so.
func (p *process) term() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.gone:
		p.cmd = nil
		if err != nil {
			p.t.Errorf("after SIGTERM the gateway ended with: %v", err)
		}
	case <-time.After(patience):
		p.t.Error("the gateway did not stop after SIGTERM")
	}
}

// load are clients who order, and repeat with the same key until they are
// told something.
type load struct {
	url     string
	http    *http.Client
	stop    chan struct{}
	answers chan struct{} // one for each order that was accepted

	mu       sync.Mutex
	accepted map[string]string // key → task
	later    map[string]string // key → body: a node that died may be at work on it
	wrong    []string
}

// prompt is what the n-th order of a client says: most succeed, some fail, some
// are refused, and of some the answer gets lost.
func prompt(n int) string {
	switch {
	case n%15 == 7:
		return "lost"
	case n%10 == 3:
		return "simfail"
	case n%12 == 5:
		return "forbidden"
	}
	return "a cat"
}

func (l *load) client(name int) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		default:
		}
		l.order(fmt.Sprintf("client %d order %d", name, n), orderOf(prompt(n)))
	}
}

// order repeats one order until it is answered for good. A client that saw a
// 2xx once asks again now and then: the answer must not change.
func (l *load) order(key, body string) {
	end := time.Now().Add(patience / 3)
	for again := 0; ; {
		status, answer, err := l.post(key, body)
		switch {
		case time.Now().After(end):
			l.mu.Lock()
			l.wrong = append(l.wrong, fmt.Sprintf("key %q is not answered for good: %d %s, %v", key, status, answer, err))
			l.mu.Unlock()
			return
		case err != nil, status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
			<-time.After(10 * time.Millisecond) // as a client backs off
			continue
		case status == http.StatusConflict:
			l.mu.Lock()
			l.later[key] = body
			l.mu.Unlock()
			return
		case status == http.StatusOK:
			id := gjson.Get(answer, "task_id").Str
			l.mu.Lock()
			if before := l.accepted[key]; id == "" || before != "" && before != id {
				l.wrong = append(l.wrong, fmt.Sprintf("key %q was answered with task %q, then %q", key, before, id))
			}
			l.accepted[key] = id
			l.mu.Unlock()
			l.answers <- struct{}{}
		case status != http.StatusBadRequest || gjson.Get(answer, "error.code").Str != "upstream_rejected":
			l.mu.Lock()
			l.wrong = append(l.wrong, fmt.Sprintf("key %q was answered %d %s", key, status, answer))
			l.mu.Unlock()
		}
		if again++; again == 2 || len(key)%2 == 0 {
			return
		}
	}
}

func (l *load) post(key, body string) (int, string, error) {
	req, err := http.NewRequest("POST", l.url+text2video, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+rootToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := l.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// The crash table of reliability.md, as dice throw it: nodes die at any moment
// while clients order and repeat.
func TestKilledAtAnyMomentNothingIsLostOrOrderedTwice(t *testing.T) {
	kills := 6
	if testing.Short() {
		kills = 2
	}
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		dsn := storetest.NewDatabase(t, d)
		books := storetest.OpenAt(t, dsn)
		acct := klingsim.DemoAccount()
		acct.Concurrency = -1
		sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acct}, ToProcessing: 50 * time.Millisecond, ToEnd: 200 * time.Millisecond, Jitter: 0.5})
		kling := httptest.NewServer(sim)
		t.Cleanup(func() { sim.Close(); kling.Close() })
		for _, f := range []klingsim.Fault{
			{Kind: klingsim.LoseAnswer, Match: klingsim.Match{Prompt: "lost"}, Count: -1},
			// The answer takes a while, so that kills meet calls under way.
			{Kind: klingsim.Slow, Delay: 15 * time.Millisecond, Count: -1},
		} {
			if _, err := sim.Inject(f); err != nil {
				t.Fatal(err)
			}
		}

		p := newProcess(t, dsn, "CREATE_TIMEOUT=2s", "KLING_KEY="+acct.AccessKey+"|"+acct.SecretKey.Reveal())
		p.run("channel", "add", "--base-url", kling.URL)
		l := &load{
			url: p.url, http: &http.Client{Timeout: 10 * time.Second}, stop: make(chan struct{}),
			answers: make(chan struct{}, 100_000), accepted: map[string]string{}, later: map[string]string{},
		}
		dice := rand.New(rand.NewPCG(20261123, uint64(len(d))))
		var clients sync.WaitGroup
		for n := range 6 {
			clients.Go(func() { l.client(n) })
		}
		take := func(n int) {
			t.Helper()
			for range n {
				select {
				case <-l.answers:
				case <-time.After(patience):
					t.Fatalf("the clients got no more answers\n%s", p.printed())
				}
			}
		}
		for range kills {
			p.start()
			take(1 + dice.IntN(30))
			<-time.After(time.Duration(dice.IntN(30)) * time.Millisecond) // a moment as good as any
			p.kill()
		}
		p.start()
		take(20)
		close(l.stop)
		clients.Wait()

		settle(t, books, sim)
		later := l.later
		l.later = map[string]string{}
		for key, body := range later {
			if l.order(key, body); len(l.wrong) > 0 {
				break
			}
		}
		if len(l.later) > 0 {
			t.Errorf("after the end of every task these keys are said to be running: %v", l.later)
		}
		for _, w := range l.wrong {
			t.Error(w)
		}
		for key, id := range l.accepted {
			rows, err := books.QueryText(t.Context(), "SELECT status FROM videos WHERE task_id = '"+id+"'")
			if err != nil || len(rows) != 1 || rows[0][0] != "succeed" && rows[0][0] != "failed" {
				t.Errorf("task %s, accepted for %q, is %v, %v", id, key, rows, err)
			}
		}
		audit(t, books, true, sim.Tasks())
		charged, err := books.QueryText(t.Context(), "SELECT COUNT(*) FROM videos WHERE charged > 0")
		if err != nil {
			t.Fatal(err)
		}
		made := 0
		for _, u := range sim.Tasks() {
			if u.Status == klingsim.Succeeded {
				made++
			}
		}
		if charged[0][0] != fmt.Sprint(made) {
			t.Errorf("%s tasks are charged, Kling made %d", charged[0][0], made)
		}
		b, err := books.Balance(t.Context(), 1, false)
		if err != nil {
			t.Fatal(err)
		}
		if spent := app.OpeningBalance - b.Available; int64(spent) != int64(made)*int64(guidePrice) || b.Held != 0 {
			t.Errorf("%d is spent and %d held, want %d and 0", spent, b.Held, int64(made)*int64(guidePrice))
		}
		if out := p.run("verify"); !strings.Contains(out, "agree") {
			t.Errorf("verify printed %q", out)
		}
		p.term()
		storetest.Verified(t, books)
		if text, err := os.ReadFile(p.log.Name()); err != nil || bytes.Contains(text, []byte(rootToken)) || bytes.Contains(text, []byte(acct.SecretKey.Reveal())) {
			t.Errorf("the log tells a secret, or cannot be read: %v", err)
		}
		t.Logf("%d orders over %d kills, %d of them cut off by one", len(l.accepted), kills, len(later))
	})
}

// settle waits until no task is live. Orphans are due after leases and proofs
// of minutes; the test lets that time pass for rows whose node is dead: a
// create call of two seconds that is five seconds old.
func settle(t *testing.T, books *store.Store, sim *klingsim.Sim) {
	t.Helper()
	glance := time.NewTicker(250 * time.Millisecond)
	defer glance.Stop()
	end := time.After(patience)
	for {
		live, err := books.QueryText(t.Context(), "SELECT status, COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed') GROUP BY status")
		if err != nil {
			t.Fatal(err)
		}
		if len(live) == 0 {
			return
		}
		now := books.Now().UnixMilli()
		var errs []error
		for _, q := range []string{
			"UPDATE videos SET next_check_at = %d WHERE status IN ('pending', 'submitted', 'processing') AND next_check_at > %[1]d",
			"UPDATE videos SET next_check_at = %d WHERE status = 'submitting' AND next_check_at > %[1]d AND updated_at < %[1]d - 5000",
			"UPDATE videos SET next_check_at = %d, first_absent_at = first_absent_at - 60000 WHERE status = 'unknown' AND next_check_at > %[1]d AND absences > 0",
		} {
			errs = append(errs, books.Exec(t.Context(), fmt.Sprintf(q, now)))
		}
		select {
		case <-glance.C:
		case <-end:
			t.Fatalf("there are live tasks still: %v; Kling has %d (%v)", live, len(sim.Tasks()), errors.Join(errs...))
		}
	}
}
