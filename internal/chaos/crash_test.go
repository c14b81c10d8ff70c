package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// The crash table: a node dies at a named moment, is started again, and what it
// left behind ends as it should. The lines are those of the reliability rules,
// section 6; the moments are named in the code by package faultpoint.
//
//	 1 reading the request                 api.create.reading
//	 2 before the order's commit           store.accept.before-commit
//	 3 in that COMMIT, 26 after it         store.accept.committed
//	 4 it waits for a channel              generation.dispatch.claimed
//	 5 before a byte is sent               generation.submit.before-send
//	 6 half the request is sent            the wire, in this test
//	 7 the answer has begun                outbound.create.answering
//	 8 the answer is read                  generation.submit.answered, store.step.before-commit
//	 9 recorded, the client not answered   generation.submit.recorded, store.step.committed
//	10 a callback before the answer        e2e: TestACallbackMayOvertakeTheCreatesAnswer
//	11 in a callback, before its write     callback.before-record
//	12 asked, not settled                  generation.observe.before-settle, store.settle.before-commit
//	13 in the settle's COMMIT              store.settle.committed
//	14 settled, nothing told               worker.deliver.before-send
//	15 told, the receipt not recorded      worker.deliver.sent
//	16 claimed, not asked                  worker.poll.claimed
//	17 two nodes settle (a paused one)     generation.observe.before-settle=stop
//	18 in the middle of a release          store.settle.halfway
//	19 before a top-up commits             store.balance.before-commit
//	20 after it, the answer lost           store.balance.committed
//	21 in a redemption                     store.redeem.before-commit, store.redeem.committed
//	22 in a migration                      any moment of the first start, in this test
//	23 a channel with live tasks           app: TestADrainedChannelFinishesItsTasks (no crash in it)
//	24 Redis lost                          the campaign
//	25 the database gone while sending     the campaign; e2e: outage_test.go

// scene is a simulated Kling, a database and a node that will die.
type scene struct {
	t     *testing.T
	dsn   string
	books *store.Store
	db    *sql.DB
	sim   *klingsim.Sim
	wire  *proxy
	hooks *receiver
	found *report
	nodes []*node
	http  *http.Client
}

const (
	sceneScale = "20"
	testKey    = "test key test key test key test key test key " // storetest.Keys
)

// newScene makes a scene whose first node passes a point with a purpose.
func newScene(t *testing.T, d store.Dialect, nodes int, point string, sim klingsim.Options) *scene {
	t.Helper()
	_, rehearsal := binaries(t)
	s := &scene{t: t, dsn: storetest.NewDatabase(t, d), found: newReport(""), http: &http.Client{Timeout: 10 * time.Second}}
	s.books = storetest.OpenAt(t, s.dsn)
	var err error
	if s.db, err = openDatabase(s.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	a := account("one", -1)
	if sim.Accounts != nil {
		a.Concurrency = sim.Accounts[0].Concurrency
	}
	sim.Accounts = []klingsim.Account{a}
	if sim.ToEnd == 0 {
		sim.ToProcessing, sim.ToEnd = 50*time.Millisecond, 150*time.Millisecond
	}
	s.sim = klingsim.New(sim)
	kling := httptest.NewServer(s.sim)
	t.Cleanup(func() { s.sim.Close(); kling.Close() })
	if s.wire, err = newProxy(strings.TrimPrefix(kling.URL, "http://")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.wire.close)
	s.hooks, err = newReceiver(1, s.found, func(int64) string { return "whsec_bm90IGxvb2tlZCBhdCBieSB0aGlzIHRlc3Q=" })
	if err != nil {
		t.Fatal(err)
	}
	s.hooks.behave()
	t.Cleanup(s.hooks.close)
	dir := t.TempDir()
	for i := range nodes {
		n, err := newNode(fmt.Sprint("node-", i+1), dir, rehearsal, rehearsal, "SQL_DSN="+s.dsn, "DATA_DIR="+filepath.Join(dir, "data"),
			"ENCRYPTION_KEY="+testKey, "INITIAL_ROOT_TOKEN="+rootToken, "INITIAL_ROOT_PASSWORD="+rootPassword, "CREATE_TIMEOUT=1s",
			"ONE_API_TIME_SCALE="+sceneScale, "WEBHOOK_ALLOW_CIDRS=127.0.0.0/8")
		if err != nil {
			t.Fatal(err)
		}
		s.nodes = append(s.nodes, n)
	}
	if _, err := s.nodes[0].command(t.Context(), a.AccessKey+"|"+a.SecretKey.Reveal()+"\n", "channel", "add", "--base-url", s.wire.url(), "--key-stdin"); err != nil {
		t.Fatal(err)
	}
	if point != "" {
		s.nodes[0].once = []string{"ONE_API_FAULTPOINT=" + point}
	}
	t.Cleanup(func() {
		for _, n := range s.nodes {
			if n.started() {
				n.stop()
			}
			if t.Failed() {
				t.Logf("the end of what %s printed:\n%s", n.name, n.tail())
			}
			_ = n.log.Close()
		}
	})
	for _, n := range s.nodes {
		n.begin(s.http)
		s.until("the node to be ready", func() bool { return n.up.Load() })
	}
	return s
}

func (s *scene) until(what string, is func() bool) {
	s.t.Helper()
	if err := until(s.t.Context(), 60*time.Second, 10*time.Millisecond, what, is); err != nil {
		s.t.Fatal(err)
	}
}

// dies waits for the first node's death.
func (s *scene) dies() {
	s.t.Helper()
	s.until("the node to die", func() bool { s.hurry(); return s.nodes[0].exits.Load() == 1 })
}

func (s *scene) call(n *node, method, path, body, key string) (answer, error) {
	c := campaign{http: s.http}
	return c.call(context.Background(), n, method, path, rootToken, body, key)
}

// order sends one order once.
func (s *scene) order(key, body string) (answer, error) {
	return s.call(s.nodes[0], http.MethodPost, "/kling/v1/videos/text2video", body, key)
}

// repeat repeats an order until it is answered for good.
func (s *scene) repeat(key, body string) string {
	s.t.Helper()
	var a answer
	s.until("the order to be answered", func() bool {
		var err error
		s.hurry()
		a, err = s.order(key, body)
		return err == nil && a.status != 503 && a.status != 409
	})
	id := gjson.Get(a.body, "task_id").Str
	if a.status != 200 || id == "" {
		s.t.Fatalf("the repetition was answered %d %s", a.status, a.body)
	}
	return id
}

// hurry lets nobody wait for the next poll; leases and proofs take their time.
func (s *scene) hurry() {
	now := time.Now().UnixMilli()
	for _, q := range []string{
		"UPDATE videos SET next_check_at = %d WHERE status IN ('pending', 'submitted', 'processing', 'unknown') AND next_check_at > %[1]d + 1000",
		"UPDATE deliveries SET next_try_at = %d WHERE status = 'pending' AND next_try_at > %[1]d + 2000",
	} {
		_, _ = s.db.Exec(fmt.Sprintf(q, now))
	}
}

func (s *scene) number(query string) (n int64) {
	s.t.Helper()
	if err := s.db.QueryRow(query).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// end waits until every task has ended, and wants so many that succeeded and so
// many orders upstream, each by one create that was taken.
func (s *scene) end(tasks, succeeded int) {
	s.t.Helper()
	s.until("every task to end", func() bool {
		s.hurry()
		return s.number("SELECT COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed')") == 0 &&
			s.number("SELECT COUNT(*) FROM deliveries WHERE status = 'pending'") == 0
	})
	for query, want := range map[string]int{
		"SELECT COUNT(*) FROM videos":                                        tasks,
		"SELECT COUNT(*) FROM videos WHERE status = 'succeed'":               succeeded,
		"SELECT COUNT(*) FROM journal WHERE phase = 'hold'":                  tasks,
		"SELECT COUNT(*) FROM journal WHERE phase = 'settle'":                tasks,
		"SELECT COUNT(*) FROM journal WHERE kind = 'capture'":                succeeded,
		"SELECT COALESCE(SUM(amount), 0) FROM postings WHERE to_account = 3": succeeded * guidePrice,
		"SELECT balance FROM accounts WHERE id = 18":                         0, // held by root
	} {
		if n := s.number(query); n != int64(want) {
			s.t.Errorf("%s is %d, want %d", query, n, want)
		}
	}
	up := s.sim.Tasks()
	if len(up) != tasks {
		s.t.Errorf("Kling has %d orders for %d tasks: %+v", len(up), tasks, up)
	}
	storetest.Verified(s.t, s.books)
}

// tell is an order that asks for an event.
func (s *scene) tell() string {
	return strings.TrimSuffix(guideOrder, "}") + `,"callback_url":"` + s.hooks.url + `/hook/0/1"}`
}

// onEach are the databases that a moment in package store is tried on.
var onEach = []store.Dialect{store.SQLite, store.MySQL, store.Postgres}

func TestANodeMayDieAtAnyMomentOfATask(t *testing.T) {
	for _, c := range []struct {
		line  int
		point string
		on    []store.Dialect
		left  int // rows that the dead node leaves behind, -1: it depends
		fails bool
	}{
		{1, "api.create.reading", nil, 0, false},
		{2, "store.accept.before-commit", onEach, 0, false},
		{3, "store.accept.committed", onEach, 1, false},
		{5, "generation.submit.before-send", nil, 1, false},
		{7, "outbound.create.answering", nil, 1, false},
		{8, "generation.submit.answered", nil, 1, false},
		{8, "store.step.before-commit", onEach, 1, false},
		{9, "store.step.committed", onEach, 1, false},
		{9, "generation.submit.recorded", nil, 1, false},
		{11, "callback.before-record", nil, 1, false},
		{12, "generation.observe.before-settle", nil, 1, false},
		{12, "store.settle.before-commit", onEach, 1, false},
		{13, "store.settle.committed", onEach, 1, false},
		{14, "worker.deliver.before-send", nil, 1, false},
		{15, "worker.deliver.sent", nil, 1, false},
		{16, "worker.poll.claimed", nil, 1, false},
		{18, "store.settle.halfway", onEach, 1, true},
	} {
		on := c.on
		if on == nil {
			on = []store.Dialect{store.SQLite}
		}
		for _, d := range on {
			t.Run(fmt.Sprintf("%d %s %s", c.line, c.point, d), func(t *testing.T) {
				t.Parallel()
				if testing.Short() && d != store.SQLite {
					t.Skip("short: one database")
				}
				s := newScene(t, d, 1, c.point, klingsim.Options{})
				body := s.tell()
				if c.fails {
					body = strings.Replace(body, "a cat", "simfail", 1)
				}
				first, err := s.order("the key", body)
				s.dies()
				if n := s.number("SELECT COUNT(*) FROM videos"); n != int64(c.left) {
					t.Errorf("it left %d tasks behind, want %d", n, c.left)
				}
				if s.number("SELECT COUNT(*) FROM videos WHERE status IN ('succeed', 'failed')") != s.number("SELECT COUNT(*) FROM journal WHERE phase = 'settle'") ||
					s.number("SELECT COUNT(*) FROM videos WHERE status IN ('succeed', 'failed')") != s.number("SELECT COUNT(*) FROM events") {
					t.Error("a state, its settle and its event are not one")
				}
				id := s.repeat("the key", body)
				if err == nil && first.status == 200 && gjson.Get(first.body, "task_id").Str != id {
					t.Errorf("the order was answered %s, its repetition names %s", first.body, id)
				}
				s.end(1, map[bool]int{false: 1, true: 0}[c.fails])
				if n := s.sim.Creates(id); n != 1 {
					t.Errorf("%d creates reached Kling, want 1", n)
				}
				s.hooks.mu.Lock()
				defer s.hooks.mu.Unlock()
				ids := s.hooks.ids["/hook/0/1"]
				var times int
				for _, n := range ids {
					times += n
				}
				if len(ids) != 1 || c.line == 15 && times != 2 || c.line == 14 && times != 1 {
					t.Errorf("the receiver saw %v", ids)
				}
			})
		}
	}
}

// Line 4: it waits for a channel when the node dies.
func TestANodeMayDieWithAWaitingTask(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.SQLite, 1, "generation.dispatch.claimed", klingsim.Options{
		ToProcessing: 50 * time.Millisecond, ToEnd: 2 * time.Second, Accounts: []klingsim.Account{{Concurrency: 1}},
	})
	for _, key := range []string{"first", "second"} {
		if a, err := s.order(key, guideOrder); err != nil || a.status != 200 {
			t.Fatalf("%s: %d %s, %v", key, a.status, a.body, err)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM videos WHERE status = 'pending'"); n != 1 {
		t.Fatalf("%d tasks wait, want 1", n)
	}
	s.dies()
	s.end(2, 2)
}

// Line 6: half of the request has left the machine.
func TestANodeMayDieInTheMiddleOfARequest(t *testing.T) {
	t.Parallel()
	s := newScene(t, store.SQLite, 1, "", klingsim.Options{})
	var struck atomic.Bool
	s.wire.setTap(func(chunk []byte) []byte {
		if strings.HasPrefix(string(chunk), "POST ") && struck.CompareAndSwap(false, true) {
			s.nodes[0].kill(0, 0)
			return chunk[:len(chunk)/2]
		}
		return chunk
	})
	if a, err := s.order("the key", guideOrder); err == nil {
		t.Errorf("a node that died answered %d %s", a.status, a.body)
	}
	s.until("the node to be back", func() bool { return s.nodes[0].up.Load() })
	s.repeat("the key", guideOrder)
	s.end(1, 1)
	if !struck.Load() {
		t.Error("nothing was cut")
	}
}

// Line 17: a node stands still between its question and the settle, and another
// one settles.
func TestAPausedNodeSettlesNothingTwice(t *testing.T) {
	for _, d := range []store.Dialect{store.MySQL, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("short: one database")
			}
			s := newScene(t, d, 2, "generation.observe.before-settle=stop", klingsim.Options{NoCallbacks: true})
			if a, err := s.call(s.nodes[1], http.MethodPost, "/kling/v1/videos/text2video", guideOrder, "the key"); err != nil || a.status != 200 {
				t.Fatalf("%d %s, %v", a.status, a.body, err)
			}
			// Either node may come first; in the end both have had their turn, or
			// the first one never asked.
			s.end(1, 1)
			s.nodes[0].signal(syscall.SIGCONT)
			if a, err := s.call(s.nodes[0], http.MethodPost, "/kling/v1/videos/text2video", guideOrder, "the key"); err != nil || a.status != 200 {
				t.Fatalf("after its pause: %d %s, %v", a.status, a.body, err)
			}
			s.end(1, 1)
		})
	}
}

// Lines 19 and 20: a payment's notice is repeated until it is answered.
func TestATopUpIsCreditedOnce(t *testing.T) {
	for _, d := range onEach {
		for point, credited := range map[string]int64{"store.balance.before-commit": 0, "store.balance.committed": 1_000_000} {
			t.Run(fmt.Sprintf("%s %s", point, d), func(t *testing.T) {
				t.Parallel()
				if testing.Short() && d != store.SQLite {
					t.Skip("short: one database")
				}
				s := newScene(t, d, 1, "", klingsim.Options{})
				before := s.number("SELECT balance FROM accounts WHERE id = 17")
				grant := []string{"user", "grant", "root", "--quota", "1000000", "--paid", "--reason", "invoice", "--reference", "invoice-1"}
				mortal := &node{binary: s.nodes[0].binary, dir: s.nodes[0].dir, env: append(slices.Clone(s.nodes[0].env), "ONE_API_FAULTPOINT="+point)}
				if _, err := mortal.command(t.Context(), "", grant...); err == nil {
					t.Fatal("the command did not die")
				}
				if got := s.number("SELECT balance FROM accounts WHERE id = 17") - before; got != credited {
					t.Errorf("it left %d credited, want %d", got, credited)
				}
				for range 2 { // the second is a repetition for good; both may be told that it is done
					_, _ = s.nodes[0].command(t.Context(), "", grant...)
				}
				if got := s.number("SELECT balance FROM accounts WHERE id = 17") - before; got != 1_000_000 {
					t.Errorf("%d are credited after the repetitions, want 1000000", got)
				}
				storetest.Verified(t, s.books)
			})
		}
	}
}

// Line 21: a code is used and credited, or neither.
func TestARedemptionIsAllOrNothing(t *testing.T) {
	for _, d := range onEach {
		for point, credited := range map[string]int64{"store.redeem.before-commit": 0, "store.redeem.committed": 500_000} {
			t.Run(fmt.Sprintf("%s %s", point, d), func(t *testing.T) {
				t.Parallel()
				if testing.Short() && d != store.SQLite {
					t.Skip("short: one database")
				}
				s := newScene(t, d, 1, point, klingsim.Options{})
				_, codes, err := s.books.CreateRedemptions(t.Context(), store.CLI, store.NewRedemptions{Name: "batch", Count: 1, Quota: 500_000})
				if err != nil {
					t.Fatal(err)
				}
				before := s.number("SELECT balance FROM accounts WHERE id = 17")
				redeem := func() answer {
					a, _ := s.asRoot(s.nodes[0], "/api/redemptions/redeem", fmt.Sprintf(`{"code":%q}`, codes[0].Reveal()))
					return a
				}
				if a := redeem(); a.status != 0 {
					t.Errorf("a node that died answered %d %s", a.status, a.body)
				}
				s.dies()
				if got := s.number("SELECT balance FROM accounts WHERE id = 17") - before; got != credited {
					t.Errorf("it left %d credited, want %d", got, credited)
				}
				if used := s.number("SELECT COUNT(*) FROM redemptions WHERE used_by <> 0"); (used == 1) != (credited > 0) {
					t.Errorf("the code is used: %t, credited %d", used == 1, credited)
				}
				s.until("the node to be back", func() bool { return s.nodes[0].up.Load() })
				if a := redeem(); (a.status == 200) != (credited == 0) || a.status != 200 && a.status != 409 {
					t.Errorf("the repetition was answered %d %s", a.status, a.body)
				}
				if got := s.number("SELECT balance FROM accounts WHERE id = 17") - before; got != 500_000 {
					t.Errorf("%d are credited in the end, want 500000", got)
				}
				storetest.Verified(t, s.books)
			})
		}
	}
}

// asRoot posts to the management API with a session of root.
func (s *scene) asRoot(n *node, path, body string) (answer, error) {
	c := campaign{http: s.http}
	req, err := http.NewRequest(http.MethodPost, n.url+"/api/session", strings.NewReader(fmt.Sprintf(`{"name":"root","password":%q}`, rootPassword)))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	_ = resp.Body.Close()
	if req, err = http.NewRequest(http.MethodPost, n.url+path, strings.NewReader(body)); err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, k := range resp.Cookies() {
		req.AddCookie(k)
	}
	return c.do(req)
}

// Line 22: the first start is killed at any moment; the next one goes on.
func TestAMigrationMayBeKilled(t *testing.T) {
	for _, d := range onEach {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			if testing.Short() && d != store.SQLite {
				t.Skip("short: one database")
			}
			binary, rehearsal := binaries(t)
			dir, dsn := t.TempDir(), storetest.NewDatabase(t, d)
			n, err := newNode("node-1", dir, binary, rehearsal, "SQL_DSN="+dsn, "DATA_DIR="+dir, "ENCRYPTION_KEY="+testKey, "INITIAL_ROOT_TOKEN="+rootToken)
			if err != nil {
				t.Fatal(err)
			}
			dice := rand.New(rand.NewPCG(22, uint64(len(d))))
			n.begin(&http.Client{Timeout: time.Second})
			defer func() { n.stop(); _ = n.log.Close() }()
			for range 8 {
				time.Sleep(time.Duration(5+dice.IntN(120)) * time.Millisecond)
				n.kill(0, 0)
			}
			if err := n.waitReady(t.Context(), 60*time.Second); err != nil {
				t.Fatalf("%v\n%s", err, n.tail())
			}
			if out, err := n.command(t.Context(), "", "verify"); err != nil {
				t.Errorf("%v%s", err, out)
			}
			if n.exits.Load() > 0 {
				t.Errorf("a start ended by itself:\n%s", n.tail())
			}
		})
	}
}
