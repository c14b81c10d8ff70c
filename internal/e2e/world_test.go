package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/account"
	"one-api/internal/app"
	"one-api/internal/channel"
	"one-api/internal/generation"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/telemetry"
)

// patience bounds every wait of a test.
const patience = 75 * time.Second

// The guide's own order and what it costs: 50 cents for 5 s, times 1.2 for
// 16:9, at 500 000 quota a dollar.
const (
	guideOrder = `{"model":"kling-v1-5-std","prompt":"一只可爱的小猫在草地上玩耍","duration":5,"aspect_ratio":"16:9"}`
	guidePrice = money.Quota(300_000)
	text2video = "/kling/v1/videos/text2video"
)

// setup says how a world differs from the usual one: a node on SQLite with a
// public address, one Kling account and one channel for it, and a user.
type setup struct {
	dialect  store.Dialect // "": SQLite
	dsn      string        // "": a new database; the node's way to it, see proxied
	nodes    int           // 0: one
	sim      klingsim.Options
	byHand   bool // the simulated clock stands still until world.pass
	account  func(*klingsim.Account)
	channel  func(*store.NewChannel)
	noChan   bool
	polling  bool // no public address: nobody calls back
	options  func(*app.Options)
	balance  money.Quota // of the usual user; 0: a thousand dollars
	mayFail  bool        // error lines in the log are part of the story
	unsettle bool        // tasks may be live at the end
}

// world is a simulated Kling, a database, the nodes between them, and people
// who call.
type world struct {
	t     *testing.T
	setup setup
	clock *clock
	sim   *klingsim.Sim
	kling string // its address
	acct  klingsim.Account
	dsn   string       // the database's own address
	books *store.Store // the operator's own way to look into it
	keys  *secret.Keyring
	http  *http.Client
	nodes []*node
	log   *logbook
	user  *caller

	gone  map[string]bool // tasks whose rows were deleted by hand
	after []func()        // run when the nodes have stopped
	last  []func()        // run when the books have been looked through
}

// node is one gateway.
type node struct {
	*app.App
	url    string
	stop   context.CancelFunc
	served chan error
	once   sync.Once
}

// end stops the node in order.
func (n *node) end(t testing.TB) {
	t.Helper()
	n.once.Do(func() {
		n.stop()
		select {
		case err := <-n.served:
			if err != nil {
				t.Errorf("the node ended with: %v", err)
			}
		case <-time.After(patience):
			t.Error("the node did not stop")
		}
	})
}

// clock is the time of a simulated Kling.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// accountName names the usual account of the simulated Kling.
const accountName = "main"

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if s.dialect == "" {
		s.dialect = store.SQLite
	}
	if s.nodes == 0 {
		s.nodes = 1
	}
	if s.balance == 0 {
		s.balance = 1000 * money.QuotaPerUSD
	}
	w := &world{t: t, setup: s, keys: storetest.Keys(t), log: &logbook{}}
	w.dsn = storetest.NewDatabase(t, s.dialect)
	w.books = storetest.OpenAt(t, w.dsn)
	w.startKling()
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	w.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() { w.finish(transport) })
	for range s.nodes {
		w.startNode()
	}
	if !s.noChan {
		n := store.NewChannel{Type: channel.TypeKling, Name: "Kling AI", BaseURL: w.kling, Keys: pair(w.acct), Models: []string{"kling-*"}}
		if s.channel != nil {
			s.channel(&n)
		}
		w.addChannel(n)
	}
	w.user = w.newCaller(s.balance)
	return w
}

// pair is an account's AccessKey and SecretKey as a channel's key.
func pair(a klingsim.Account) secret.Text {
	return secret.Text(a.AccessKey + "|" + a.SecretKey.Reveal())
}

func (w *world) startKling() {
	o := w.setup.sim
	if w.setup.byHand {
		w.clock = &clock{at: time.Now()}
		o.Now = w.clock.now
		if o.ToEnd == 0 {
			o.ToProcessing, o.ToEnd = time.Minute, 2*time.Minute
		}
	}
	w.acct = klingsim.DemoAccount()
	w.acct.Name, w.acct.Concurrency = accountName, -1
	if w.setup.account != nil {
		w.setup.account(&w.acct)
	}
	o.Accounts = append([]klingsim.Account{w.acct}, o.Accounts...)
	w.sim = klingsim.New(o)
	srv := httptest.NewServer(w.sim)
	w.kling = srv.URL
	w.t.Cleanup(func() {
		w.sim.Close()
		srv.Close()
	})
}

// startNode starts a node of the world's database.
func (w *world) startNode() *node {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	n := &node{url: "http://" + l.Addr().String(), served: make(chan error, 1)}
	dsn := w.setup.dsn
	if dsn == "" {
		dsn = w.dsn
	}
	o := app.Options{
		Store: store.Options{DSN: dsn, MaxOpenConns: 8, MaxIdleConns: 4}, Keys: w.keys,
		Log:           slog.New(telemetry.NewHandler(w.log, slog.LevelDebug)),
		ServerAddress: n.url, Timing: shortTiming(), RefreshEvery: 200 * time.Millisecond, Version: "e2e",
	}
	if w.setup.polling {
		o.ServerAddress = ""
	}
	if w.setup.options != nil {
		w.setup.options(&o)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	if n.App, err = app.New(ctx, o); err != nil {
		stop()
		w.t.Fatalf("start a node: %v", err)
	}
	go func() { n.served <- n.Serve(ctx, l) }()
	w.nodes = append(w.nodes, n)
	return n
}

// shortTiming are the usual waits, with those shortened that tests wait for.
func shortTiming() generation.Timing {
	t := generation.DefaultTiming()
	t.CreateTimeout, t.Lease, t.AbsenceSpan, t.Query = 2*time.Second, time.Second, time.Second, 2*time.Second
	return t
}

// allowLoopback lets callers' webhooks reach this machine.
func allowLoopback(o *app.Options) {
	o.WebhookAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// pass lets time pass for a Kling whose clock is moved by hand.
func (w *world) pass(d time.Duration) {
	w.clock.mu.Lock()
	w.clock.at = w.clock.at.Add(d)
	w.clock.mu.Unlock()
	w.sim.Tick()
}

// addChannel makes a channel; every node sees it when it returns.
func (w *world) addChannel(n store.NewChannel) *channel.Channel {
	w.t.Helper()
	if n.Type == 0 {
		n.Type = channel.TypeKling
	}
	if n.Models == nil {
		n.Models = []string{"kling-*"}
	}
	c, err := w.books.CreateChannel(w.t.Context(), n)
	if err != nil {
		w.t.Fatalf("make a channel: %v", err)
	}
	w.refresh()
	return c
}

// refresh makes every node read what the operator has changed.
func (w *world) refresh() {
	w.t.Helper()
	for _, n := range w.nodes {
		if err := n.Store.Refresh(w.t.Context()); err != nil {
			w.t.Fatalf("refresh a node: %v", err)
		}
	}
}

// set changes a setting.
func (w *world) set(name string, value any) {
	w.t.Helper()
	if err := w.books.SetSetting(w.t.Context(), name, value); err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
}

// switchOff disables a user or a token. Nobody tells the nodes; they find out
// by themselves, soon.
func (w *world) switchOff(table string, id int64) {
	w.t.Helper()
	for _, q := range []string{
		// The row first: a node that reads in between must not take the new
		// version for read.
		fmt.Sprintf("UPDATE %s SET status = %d, changed = (SELECT version + 1 FROM versions WHERE name = 'directory') WHERE id = %d", table, account.Disabled, id),
		"UPDATE versions SET version = version + 1 WHERE name = 'directory'",
	} {
		if err := w.books.Exec(w.t.Context(), q); err != nil {
			w.t.Fatal(err)
		}
	}
}

// rows reads the database as an operator does.
func (w *world) rows(query string, args ...any) [][]string {
	w.t.Helper()
	out, err := w.books.QueryText(context.Background(), fmt.Sprintf(query, args...))
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return out
}

// number reads one number from the database.
func (w *world) number(query string, args ...any) int64 {
	w.t.Helper()
	r := w.rows(query, args...)
	n, err := strconv.ParseInt(r[0][0], 10, 64)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// until waits for something to become true. It looks whenever the simulated
// Kling changes, and now and then, since a database tells nobody.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	if !w.within(patience, is) {
		w.t.Fatalf("waited %s for %s", patience, what)
	}
}

func (w *world) within(d time.Duration, is func() bool) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	glance := time.NewTicker(50 * time.Millisecond)
	defer glance.Stop()
	for {
		changed := w.sim.Changed()
		if is() {
			return true
		}
		select {
		case <-changed:
		case <-glance.C:
		case <-end.C:
			return is()
		}
	}
}

// caller is somebody with a token.
type caller struct {
	*world
	user  account.User
	token account.Token
	text  string
	node  *node
}

// newCaller makes a user with a balance and a token.
func (w *world) newCaller(balance money.Quota) *caller {
	w.t.Helper()
	f := storetest.NewFixture(w.t, w.books, balance, nil)
	c := &caller{world: w, user: f.User}
	c.newToken(store.NewToken{})
	if len(w.nodes) > 0 {
		c.node = w.nodes[0]
	}
	return c
}

// newToken gives the caller another token to use.
func (c *caller) newToken(n store.NewToken) {
	c.t.Helper()
	n.UserID, n.Name = c.user.ID, "token"
	tok, text, err := c.books.CreateToken(c.t.Context(), n)
	if err != nil {
		c.t.Fatalf("make a token: %v", err)
	}
	c.refresh()
	c.token, c.text = tok, text.Reveal()
	c.log.hide(c.text)
}

// with is the same user with another token.
func (c *caller) with(n store.NewToken) *caller {
	c.t.Helper()
	other := *c
	other.newToken(n)
	return &other
}

// in is the same world as a subtest sees it.
func (w *world) in(t *testing.T) *world {
	inner := *w
	inner.t = t
	return &inner
}

// in is the same caller in a subtest.
func (c *caller) in(t *testing.T) *caller {
	other := *c
	other.world = c.world.in(t)
	return &other
}

// at is the same caller in front of another node.
func (c *caller) at(n *node) *caller {
	other := *c
	other.node = n
	return &other
}

// answer is what came back over HTTP.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) get(path string) gjson.Result { return gjson.Get(a.body, path) }
func (a answer) text(path string) string      { return gjson.Get(a.body, path).String() }
func (a answer) String() string               { return fmt.Sprintf("%d %s", a.status, a.body) }

// try makes a request; header lines look like "Name: value" and replace the
// usual ones, with no value they take them off.
func (c *caller) try(method, path, body string, header ...string) (answer, error) {
	req, err := http.NewRequest(method, c.node.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.text)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); value == "" {
			req.Header.Del(name)
		} else {
			req.Header.Set(name, value)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func (c *caller) do(method, path, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// order sends a create and wants it accepted; it returns the task's id.
func (c *caller) order(body string, header ...string) string {
	c.t.Helper()
	return c.orderAt(text2video, body, header...)
}

func (c *caller) orderAt(path, body string, header ...string) string {
	c.t.Helper()
	a := c.do("POST", path, body, header...)
	if a.status != http.StatusOK || a.text("task_id") == "" {
		c.t.Fatalf("POST %s %.200s answered %s", path, body, a)
	}
	return a.text("task_id")
}

// read asks for a task.
func (c *caller) read(id string) answer {
	c.t.Helper()
	return c.do("GET", "/kling/v1/videos/"+id, "")
}

// ended waits for a task's end, as a caller who asks the gateway to wait.
func (c *caller) ended(id string) answer {
	c.t.Helper()
	for end := time.Now().Add(patience); ; {
		a := c.do("GET", "/kling/v1/videos/"+id+"?wait=20", "")
		switch {
		case a.status != http.StatusOK:
			c.t.Fatalf("read %s: %s", id, a)
		case a.text("status") == "succeed", a.text("status") == "failed":
			return a
		case time.Now().After(end):
			c.t.Fatalf("task %s did not end: %s", id, a)
		}
	}
}

// succeeded waits for a task's success.
func (c *caller) succeeded(id string) answer {
	c.t.Helper()
	a := c.ended(id)
	if a.text("status") != "succeed" {
		c.t.Fatalf("task %s should succeed: %s", id, a)
	}
	return a
}

// failed waits for a task's failure with a code.
func (c *caller) failed(id, code string) answer {
	c.t.Helper()
	a := c.ended(id)
	if a.text("status") != "failed" || a.text("fail_code") != code {
		c.t.Fatalf("task %s should fail with %s: %s", id, code, a)
	}
	return a
}

// balance checks what the user has.
func (c *caller) balance(available, held money.Quota) {
	c.t.Helper()
	b, err := c.books.Balance(context.Background(), c.user.ID, false)
	if err != nil {
		c.t.Fatal(err)
	}
	if want := (store.Balance{Available: available, Held: held}); b != want {
		c.t.Errorf("user %d has %+v, want %+v", c.user.ID, b, want)
	}
}

// grant gives the user quota.
func (c *caller) grant(q money.Quota, reference string) {
	c.t.Helper()
	e := ledger.Change(ledger.KindGrant, c.user.ID, q, reference, "test", "", c.books.Now())
	if err := c.books.ChangeBalance(c.t.Context(), e); err != nil {
		c.t.Fatal(err)
	}
}

// upstream finds what Kling made of a task, by the external id it was sent
// with.
func (w *world) upstream(id string) klingsim.Task {
	w.t.Helper()
	for _, t := range w.sim.Tasks() {
		if t.ExternalID == id {
			return t
		}
	}
	w.t.Fatalf("Kling has no task with the external id %s", id)
	return klingsim.Task{}
}

// creates counts the create calls that reached Kling, whatever it said.
func (w *world) creates() int {
	n := 0
	for r, count := range w.sim.Requests() {
		if strings.HasPrefix(r.Route, "POST ") {
			n += count
		}
	}
	return n
}

// finish stops the nodes and compares the books with what Kling did.
func (w *world) finish(transport *http.Transport) {
	transport.CloseIdleConnections()
	for _, n := range w.nodes {
		n.end(w.t)
	}
	for _, f := range w.after {
		f()
	}
	storetest.Verified(w.t, w.books)
	audit(w.t, w.books, !w.setup.unsettle, slices.DeleteFunc(w.sim.Tasks(), func(u klingsim.Task) bool { return w.gone[u.ExternalID] }))
	w.log.check(w.t, w.setup.mayFail)
	for _, f := range w.last {
		f()
	}
}

// forget leaves tasks out of the audit whose rows were deleted by hand.
func (w *world) forget(ids ...string) {
	w.gone = map[string]bool{}
	for _, id := range ids {
		w.gone[id] = true
	}
}

// audit compares the books with what Kling did: one order upstream for a task
// at most, a charge for each of Kling's successes and for nothing else.
func audit(t testing.TB, books *store.Store, settled bool, upstream klingsim.Tasks) {
	t.Helper()
	rows, err := books.QueryText(context.Background(), "SELECT task_id, status, quota, charged, COALESCE(upstream_task_id, ''), fail_code FROM videos")
	if err != nil {
		t.Errorf("audit: %v", err)
		return
	}
	known := map[string]klingsim.Task{} // by the task's id
	for _, u := range upstream {
		id, _, _ := strings.Cut(u.ExternalID, "-")
		if other, twice := known[id]; twice {
			t.Errorf("Kling has two orders for task %s: %s (%s) and %s (%s)", id, other.ID, other.Status, u.ID, u.Status)
		}
		known[id] = u
	}
	for _, r := range rows {
		id, status, quota, charged, upstreamID, code := r[0], r[1], r[2], r[3], r[4], r[5]
		u, there := known[id]
		delete(known, id)
		switch {
		case status == "succeed" && (!there || u.Status != klingsim.Succeeded || u.ID != upstreamID):
			t.Errorf("task %s succeeded as %s; Kling says %q of %s", id, upstreamID, u.Status, u.ID)
		case status == "succeed" && charged != quota:
			t.Errorf("task %s costs %s and was charged %s", id, quota, charged)
		case status != "succeed" && charged != "0":
			t.Errorf("task %s is %s and was charged %s", id, status, charged)
		case status == "failed" && there && u.Status == klingsim.Succeeded:
			t.Errorf("task %s failed (%s); Kling made it", id, code)
		case settled && status != "succeed" && status != "failed":
			t.Errorf("task %s is still %s", id, status)
		}
	}
	for id, u := range known {
		t.Errorf("Kling has an order %s for %q, which the gateway does not know", u.ID, id)
	}
}

// logbook keeps the lines that nodes log. With -v it shows them when a test
// fails, and with E2E_LOG=1 always.
type logbook struct {
	mu      sync.Mutex
	lines   bytes.Buffer
	secrets []string
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Write(p)
}

// has reports whether a line tells something.
func (l *logbook) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.lines.Bytes(), []byte(text))
}

// count tells how many lines tell something.
func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.lines.Bytes(), []byte(text))
}

// hide names a text that must not occur.
func (l *logbook) hide(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets = append(l.secrets, text)
}

// accidents are lines that no test should cause, whatever a caller or an
// upstream does.
var accidents = []string{"msg=panic", `msg="internal error"`, `msg="the database refused a write"`}

func (l *logbook) check(t testing.TB, mayFail bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.lines.String()
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of the log was made by somebody else: %q", line)
		}
		for _, a := range accidents {
			if strings.Contains(line, a) {
				t.Errorf("the log tells of an accident: %s", line)
			}
		}
		if !mayFail && strings.Contains(line, "level=ERROR") {
			t.Errorf("the log has an error: %s", line)
		}
	}
	for _, s := range l.secrets {
		if strings.Contains(text, s) {
			t.Errorf("the log tells the token %.7s…", s)
		}
	}
	if (t.Failed() || os.Getenv("E2E_LOG") != "") && testing.Verbose() {
		t.Logf("log of the nodes:\n%s", text)
	}
}
