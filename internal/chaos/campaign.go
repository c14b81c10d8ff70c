package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/webhook"
)

const (
	users        = 4
	tokensOfUser = 2
	// queuedModel is offered by one channel with few places: its orders wait.
	queuedModel = "kling-v2-6-pro"
	queuePlaces = 4
	// guideOrder costs guidePrice.
	guideOrder = `{"model":"kling-v1-5-std","prompt":"a cat","duration":5,"aspect_ratio":"16:9"}`
	guidePrice = 300_000

	createTimeout = 2 * time.Second
	rootToken     = "sk-chaos-root-token-of-the-campaign"
	rootPassword  = "a password for the campaign"
	masterKey     = "the campaign's master key, long enough for it"
)

// campaign is one run on one database.
type campaign struct {
	o        options
	dir      string
	disk     *disk
	server   *server
	redis    *redis // nil: not installed
	clock    *clock
	sim      *klingsim.Sim
	kling    *http.Server
	accounts []klingsim.Account
	wire     *proxy
	post     *courier
	hooks    *receiver
	nodes    []*node
	http     *http.Client
	plan     []event
	report   *report
	people   []person
	work     *work
	cookie   string // root's session

	strike sync.WaitGroup // strikes that last
	ending atomic.Bool    // no node may die any more
}

// person is a user of the campaign.
type person struct {
	id      int64
	tokens  []string
	ids     []int64 // of the tokens
	granted int64
}

// clock is Kling's; it can be stopped.
type clock struct {
	mu sync.Mutex
	at time.Time // zero: as it goes
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.at
}

func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Now()
}

func (c *clock) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

func (c *campaign) may(kind string) bool {
	return c.o.faults == nil || slices.Contains(c.o.faults, kind)
}

// diskSizes are megabytes that a database of a campaign fits in.
var diskSizes = map[string]int{"sqlite": 600, "mysql": 900, "postgres": 900}

func newCampaign(ctx context.Context, o options) (c *campaign, err error) {
	c = &campaign{o: o, plan: plan(o), clock: &clock{}}
	title := fmt.Sprintf("chaos on %s, %d nodes, seed %d", o.db, o.nodes, o.seed)
	if o.nodes == 1 {
		title = fmt.Sprintf("chaos on %s, one node, seed %d", o.db, o.seed)
	}
	c.report = newReport(title)
	c.report.plan = fingerprint(c.plan)
	if o.scale > 1 {
		c.report.note("rehearsal build: leases and proofs of absence take a %gth of their time", o.scale)
	}
	if c.dir, err = os.MkdirTemp("", "one-api-chaos-"+o.db+"-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.disk, err = newDisk(ctx, filepath.Join(c.dir, "disk"), diskSizes[o.db]); err != nil {
		return nil, err
	}
	if !c.disk.small && c.may("disk") {
		c.report.note("the disk never fills up: only root can mount a small one")
		c.plan = slices.DeleteFunc(c.plan, func(e event) bool { return e.kind == "disk" })
	}
	if c.server, err = newServer(ctx, o.db, c.dir, c.disk); err != nil {
		return nil, err
	}
	missing := (*missingError)(nil)
	if c.redis, err = newRedis(c.dir); errors.As(err, &missing) {
		c.redis, err = nil, nil
		c.report.note("no Redis: %s", missing.what)
		c.plan = slices.DeleteFunc(c.plan, func(e event) bool { return e.kind == "redis" || e.kind == "flush" })
	} else if err != nil {
		return nil, err
	}
	c.http = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1100, MaxIdleConns: 4000}}
	if err := c.startUpstream(); err != nil {
		return nil, err
	}
	keys, err := secret.NewKeyring(masterKey)
	if err != nil {
		return nil, err
	}
	c.hooks, err = newReceiver(o.seed, c.report, func(userID int64) string { return webhook.SigningSecret(keys, userID, 1).Reveal() })
	if err != nil {
		return nil, err
	}
	settings := []string{
		"SQL_DSN=" + c.server.dsn(), "DATA_DIR=" + filepath.Join(c.dir, "data"), "ENCRYPTION_KEY=" + masterKey, "INITIAL_ROOT_TOKEN=" + rootToken,
		"INITIAL_ROOT_PASSWORD=" + rootPassword, "CREATE_TIMEOUT=" + createTimeout.String(), "WEBHOOK_ALLOW_CIDRS=127.0.0.0/8",
	}
	if c.redis != nil {
		settings = append(settings, "REDIS_CONN_STRING="+c.redis.url())
	}
	binary := o.binary
	if o.scale > 1 {
		binary = o.rehearsal
		settings = append(settings, fmt.Sprintf("ONE_API_TIME_SCALE=%g", o.scale))
	}
	if o.db == "sqlite" { // its file fills the small disk, and so does what is beside it
		settings[1] = "DATA_DIR=" + c.disk.path
	}
	for i := range o.nodes {
		n, err := newNode(fmt.Sprintf("node-%d", i+1), c.dir, binary, o.rehearsal, settings...)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// account is one of Kling's customers.
func account(name string, live int) klingsim.Account {
	a := klingsim.DemoAccount()
	a.Name, a.Concurrency, a.APIKeys = name, live, nil
	return a
}

func (c *campaign) startUpstream() error {
	c.post = newCourier(c.o.seed)
	c.accounts = []klingsim.Account{account("one", -1), account("two", -1), account("three", queuePlaces)}
	o := klingsim.Options{
		Accounts:     c.accounts,
		ToProcessing: 30 * time.Millisecond, ToEnd: 150 * time.Millisecond, Jitter: 0.9, Seed: c.o.seed,
		CallbackRepeat: 2, CallbackDropShare: 0.15, CallbackReorderShare: 0.2, CallbackTimeout: 2 * time.Second,
		HTTPClient: &http.Client{Transport: c.post}, Now: c.clock.now,
	}
	c.sim = klingsim.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.kling = &http.Server{Handler: c.sim, ReadHeaderTimeout: time.Minute}
	go func() { _ = c.kling.Serve(l) }()
	c.wire, err = newProxy(l.Addr().String())
	return err
}

func (c *campaign) close() {
	for _, n := range c.nodes {
		if n.started() {
			n.stop()
		}
		_ = n.log.Close()
	}
	c.strike.Wait()
	if c.post != nil {
		c.post.close()
	}
	if c.sim != nil {
		c.sim.Close()
	}
	if c.wire != nil {
		c.wire.close()
	}
	if c.kling != nil {
		_ = c.kling.Close()
	}
	if c.hooks != nil {
		c.hooks.close()
	}
	if c.redis != nil {
		c.redis.close()
	}
	if c.server != nil {
		c.server.close()
	}
	if c.disk != nil {
		c.disk.close()
	}
	if c.o.keep {
		_, _ = fmt.Fprintln(c.o.out, "logs are in", c.dir)
		return
	}
	_ = os.RemoveAll(c.dir)
}

// lastWords are the ends of the logs, for a campaign that did not work.
func (c *campaign) lastWords() string {
	var b strings.Builder
	for _, n := range c.nodes {
		fmt.Fprintf(&b, "\nthe end of what %s printed:\n%s", n.name, n.tail())
	}
	return b.String()
}

// setUp starts the nodes and makes channels, users and tokens with the command
// line, as an operator does.
func (c *campaign) setUp(ctx context.Context) error {
	first := c.nodes[0]
	for _, n := range c.nodes { // all at once: one migrates, the others wait
		n.begin(c.http)
	}
	for _, n := range c.nodes {
		if err := n.waitReady(ctx, 90*time.Second); err != nil {
			return err
		}
	}
	for i, args := range [][]string{
		{"--models", "kling-v1-5-*,kling-v1-6-*", "--weight", "3"},
		{"--models", "kling-v1-5-*,kling-v1-6-*", "--max-live", "40"},
		{"--models", "kling-v2-6", "--max-live", fmt.Sprint(queuePlaces)},
	} {
		a := c.accounts[i]
		if _, err := first.command(ctx, a.AccessKey+"|"+a.SecretKey.Reveal()+"\n",
			append([]string{"channel", "add", "--base-url", c.wire.url(), "--name", a.Name, "--key-stdin"}, args...)...); err != nil {
			return err
		}
	}
	for i := range users {
		p, err := c.makePerson(ctx, fmt.Sprintf("user-%d", i), 40_000_000_000)
		if err != nil {
			return err
		}
		c.people = append(c.people, p)
		c.hooks.know(i, p.id)
		if i > 0 {
			continue
		}
		// The first user is told of all tasks. Nodes that know the tokens of those
		// who come after know of it too.
		out, err := first.command(ctx, "", "webhook", "add", "--user", "user-0", c.hooks.url+toldOfAll, "--json")
		if err != nil {
			return err
		}
		c.hooks.all = gjson.Get(out, "secret").Str
	}
	c.work = newWork(c)
	return until(ctx, 30*time.Second, 50*time.Millisecond, "the nodes to know the channels and tokens", func() bool {
		for _, n := range c.nodes {
			for _, p := range c.people {
				for _, t := range p.tokens {
					a, err := c.call(ctx, n, http.MethodGet, "/v1/models", t, "", "")
					if err != nil || a.status != 200 || !strings.Contains(a.body, queuedModel) || !strings.Contains(a.body, "kling-v1-6-pro") {
						return false
					}
				}
			}
		}
		return true
	})
}

// makePerson makes a user with tokens and a balance.
func (c *campaign) makePerson(ctx context.Context, name string, quota int64) (person, error) {
	p := person{granted: quota}
	n := c.nodes[0]
	out, err := n.command(ctx, "", "user", "create", name, "--json")
	if err != nil {
		return p, err
	}
	p.id = gjson.Get(out, "id").Int()
	if _, err := n.command(ctx, "", "user", "grant", name, "--quota", fmt.Sprint(quota), "--reason", "chaos", "--reference", "grant "+name); err != nil {
		return p, err
	}
	for i := range tokensOfUser {
		args := []string{"token", "create", "--user", name, "--name", fmt.Sprint("token ", i), "--json"}
		if i == 1 {
			args = append(args, "--budget-quota", fmt.Sprint(quota))
		}
		out, err := n.command(ctx, "", args...)
		if err != nil {
			return p, err
		}
		text := gjson.Get(out, "token").Str
		if p.id == 0 || text == "" {
			return p, fmt.Errorf("the command line printed %s", out)
		}
		p.tokens, p.ids = append(p.tokens, text), append(p.ids, gjson.Get(out, "id").Int())
	}
	return p, nil
}

// answer is what came back over HTTP.
type answer struct {
	status int
	body   string
}

func (c *campaign) call(ctx context.Context, n *node, method, path, token, body, key string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return c.do(req)
}

func (c *campaign) do(req *http.Request) (answer, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := readAll(resp.Body)
	return answer{resp.StatusCode, text}, err
}

// drill does what needs a quiet gateway to be exact.
func (c *campaign) drill(ctx context.Context) error {
	for _, name := range c.o.drills {
		var err error
		switch name {
		case "burst":
			err = c.drillBurst(ctx)
		case "callbacks":
			err = c.drillCallbacks(ctx)
		default:
			err = fmt.Errorf("there is no drill %q", name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// drillBurst sends orders in parallel to a balance that covers some of them:
// so many are accepted, and the others are refused for want of quota.
func (c *campaign) drillBurst(ctx context.Context) error {
	covers := int64(1 + dice(c.o.seed, "burst").IntN(max(1, c.o.burst/4)))
	p, err := c.makePerson(ctx, "small", covers*guidePrice+guidePrice/2)
	if err != nil {
		return err
	}
	c.people = append(c.people, p)
	if err := until(ctx, 10*time.Second, 20*time.Millisecond, "the new token to be known", func() bool {
		for _, n := range c.nodes {
			if a, err := c.call(ctx, n, http.MethodGet, "/v1/models", p.tokens[0], "", ""); err != nil || a.status != 200 {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	c.clock.stop() // no release in between: nothing ends
	var accepted, short, other atomic.Int64
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range c.o.burst {
		all.Go(func() {
			<-gate
			for try := 0; ; try++ {
				a, err := c.call(ctx, c.nodes[(i+try)%len(c.nodes)], http.MethodPost, "/kling/v1/videos/text2video", p.tokens[0], guideOrder, fmt.Sprint("burst ", i))
				switch {
				case err != nil || a.status == 503 || a.status == 429 || a.status == 409:
					if try < 100 {
						time.Sleep(50 * time.Millisecond)
						continue
					}
					other.Add(1)
				case a.status == 200:
					accepted.Add(1)
					c.work.keep(order{n: -1 - i, user: len(c.people) - 1}, gjson.Get(a.body, "task_id").Str)
				case a.status == 402:
					short.Add(1)
				default:
					other.Add(1)
					c.report.violated(vRefused, "an order of the burst was answered %d %s", a.status, a.body)
				}
				return
			}
		})
	}
	close(gate)
	all.Wait()
	c.clock.goOn()
	c.sim.Tick()
	c.report.add("burst: parallel orders", int64(c.o.burst))
	c.report.add("burst: covered by the balance", covers)
	c.report.add("burst: accepted", accepted.Load())
	if n := accepted.Load(); n > covers {
		c.report.violated(vOverspent, "a balance for %d orders paid for %d of %d", covers, n, c.o.burst)
	} else if n < covers {
		c.report.violated(vUnder, "a balance for %d orders paid for %d of %d (%d refused for quota, %d otherwise)", covers, n, c.o.burst, short.Load(), other.Load())
	}
	return nil
}

// drillCallbacks sends the callback of each of many tasks five times over eight
// connections at once, when the upstream has made them all.
func (c *campaign) drillCallbacks(ctx context.Context) error {
	const times, connections = 5, 8
	before, err := c.charges(ctx)
	if err != nil {
		return err
	}
	c.post.hold(true) // ours come alone
	c.clock.stop()
	ids := make([]string, c.o.callbacks)
	next := make(chan int)
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	for w := range 16 {
		group.Go(func() {
			for i := range next {
				a, err := c.call(ctx, c.nodes[(w+i)%len(c.nodes)], http.MethodPost, "/kling/v1/videos/text2video", c.people[0].tokens[0], guideOrder, fmt.Sprint("drill ", i))
				if err == nil && a.status != 200 {
					err = fmt.Errorf("an order was answered %d %s", a.status, a.body)
				}
				if err != nil {
					failed.Store(&err)
					continue
				}
				ids[i] = gjson.Get(a.body, "task_id").Str
				c.work.keep(order{n: -10_000 - i}, ids[i])
			}
		})
	}
	for i := range ids {
		next <- i
	}
	close(next)
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	// Some found their channel full and wait for another one.
	at := map[string]klingsim.Task{}
	if err := until(ctx, c.patience(2*time.Minute), 100*time.Millisecond, "Kling to have the drill's tasks", func() bool {
		for _, t := range c.sim.Tasks() {
			id, _, _ := strings.Cut(t.ExternalID, "-")
			at[id] = t
		}
		return !slices.ContainsFunc(ids, func(id string) bool { return at[id].CallbackURL == "" })
	}); err != nil {
		return err
	}
	turns := make([]int, 0, times*len(ids))
	for range times {
		for i := range ids {
			turns = append(turns, i)
		}
	}
	dice(c.o.seed, "callbacks").Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	c.clock.goOn()
	time.Sleep(500 * time.Millisecond) // the upstream ends them all
	sends := make(chan int)
	for range connections {
		group.Go(func() {
			for i := range sends {
				t := at[ids[i]]
				body := fmt.Sprintf(`{"task_id":%q,"task_status":"succeed","external_task_id":%q}`, t.ID, ids[i])
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.CallbackURL, strings.NewReader(body))
				var a answer
				if err == nil {
					req.Header.Set("Content-Type", "application/json")
					a, err = c.do(req)
				}
				if err != nil || a.status != 200 {
					c.report.violated(vRefused, "a callback was answered %d %s, %v", a.status, a.body, err)
				}
			}
		})
	}
	for _, i := range turns {
		sends <- i
	}
	close(sends)
	group.Wait()
	c.post.hold(false)
	err = until(ctx, c.patience(2*time.Minute), 100*time.Millisecond, "the drill's tasks to be charged", func() bool {
		var n int64
		if n, err = c.charges(ctx); err != nil {
			return true
		}
		return n >= before+int64(len(ids))
	})
	if err != nil {
		return err
	}
	n, err := c.charges(ctx)
	if err != nil {
		return err
	}
	c.report.add("callbacks: tasks, each 5 times by 8", int64(len(ids)))
	c.report.add("callbacks: charges", n-before)
	if n-before != int64(len(ids)) {
		c.report.violated(vSettle, "%d tasks, each called back %d times, made %d charges", len(ids), times, n-before)
	}
	return nil
}

// charges counts the charges of the first user of the campaign.
func (c *campaign) charges(ctx context.Context) (n int64, err error) {
	db, err := c.server.open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	return n, db.QueryRowContext(ctx, "SELECT COUNT(*) FROM journal WHERE kind = 'capture' AND user_id = "+strconv.FormatInt(c.people[0].id, 10)).Scan(&n)
}

// storm lets clients order while the plan strikes.
func (c *campaign) storm(ctx context.Context) error {
	if c.o.tasks == 0 {
		return nil
	}
	if c.may("upstream") {
		c.sim.SetFaultShare(map[klingsim.FaultKind]float64{
			klingsim.LoseAnswer: 0.01, klingsim.CutAnswer: 0.006, klingsim.FailAfter: 0.01, klingsim.FailBefore: 0.006, klingsim.ResetBefore: 0.004,
			klingsim.HangAfter: 0.001, klingsim.Garble: 0.003, klingsim.OmitID: 0.003,
		}, map[klingsim.FaultKind]float64{
			klingsim.FailBefore: 0.01, klingsim.ShowProcessing: 0.02, klingsim.OmitURL: 0.01, klingsim.StrangeStatus: 0.01, klingsim.HideTask: 0.003,
			klingsim.LoseAnswer: 0.01, klingsim.CutAnswer: 0.01,
		})
	}
	c.wire.slow(10 * time.Millisecond) // so that strikes meet calls under way
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var aside sync.WaitGroup
	aside.Go(func() { c.watchBalances(ctx) })
	if c.may("forge") {
		aside.Go(func() { c.forge(ctx) })
	}
	c.work.start(ctx, c.o.clients)
	for _, e := range c.plan {
		c.work.let(e.orders)
		c.work.await(ctx, e.wait, 3*time.Second)
		time.Sleep(e.moment)
		if err := c.happen(ctx, e); err != nil {
			return fmt.Errorf("%s: %w", e.kind, err)
		}
	}
	for c.work.accepted() < c.o.tasks && ctx.Err() == nil {
		c.work.let(50)
		c.work.await(ctx, 50, 3*time.Second)
	}
	c.work.finish()
	c.strike.Wait()
	stop(errors.New("the storm is over"))
	aside.Wait()
	return nil
}

// happen makes one event happen.
func (c *campaign) happen(ctx context.Context, e event) error {
	switch e.kind {
	case "kill", "clock":
		n, err := c.alive(ctx, e.node)
		if err != nil {
			return err
		}
		if !n.kill(e.lasts, e.offset) {
			return errors.New("the node was gone")
		}
		if e.kind == "kill" {
			c.report.add("kills (kill -9)", 1)
			break
		}
		c.report.add("restarts with a wrong clock", 1)
		c.strike.Go(func() { // for a while
			time.Sleep(2 * time.Second)
			n.kill(0, 0)
		})
	case "pause":
		n, err := c.alive(ctx, e.node)
		if err != nil {
			return err
		}
		n.signal(syscall.SIGSTOP)
		c.report.add("pauses (SIGSTOP, SIGCONT)", 1)
		c.strike.Go(func() {
			time.Sleep(e.lasts)
			n.signal(syscall.SIGCONT)
		})
	case "database":
		c.report.add("database kills and restarts", 1)
		c.server.crash(ctx)
	case "redis":
		c.report.add("Redis kills", 1)
		c.strike.Go(func() {
			if err := c.redis.crash(200 * time.Millisecond); err != nil {
				c.report.note("Redis did not start again: %v", err)
			}
		})
	case "flush":
		if c.redis.flush() == nil { // it may be away
			c.report.add("Redis flushes", 1)
		}
	case "disk":
		c.report.add("full disks", 1)
		if err := c.disk.fill(); err != nil {
			return err
		}
		c.work.let(20)
		time.Sleep(e.lasts)
		return c.disk.free()
	case "stall":
		c.report.add("upstream stalls", 1)
		c.wire.stall(e.lasts)
	case "cut":
		c.report.add("upstream resets", 1)
		c.report.add("upstream connections reset", c.wire.cut())
	case "half-close":
		c.report.add("upstream half-closes", 1)
		c.report.add("upstream connections half-closed", c.wire.halfClose())
	}
	return nil
}

// alive is a node to strike: the one that was asked for, or the next that runs.
func (c *campaign) alive(ctx context.Context, first int) (*node, error) {
	var found *node
	err := until(ctx, 60*time.Second, 2*time.Millisecond, "a node that runs", func() bool {
		for i := range c.nodes {
			if n := c.nodes[(first+i)%len(c.nodes)]; n.up.Load() {
				found = n
				return true
			}
		}
		return false
	})
	return found, err
}

// watchBalances looks for balances below zero while everything goes on.
func (c *campaign) watchBalances(ctx context.Context) {
	db, err := c.server.open()
	if err != nil {
		return
	}
	defer func() { _ = db.Close() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var n int64
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM accounts WHERE balance < 0").Scan(&n); err == nil && n > 0 {
			c.report.violated(vNegative, "%d accounts are below zero", n)
		}
	}
}

// forge sends callbacks that nobody at Kling has sent: without the right mac,
// with another task's, and with the right one and a lie.
func (c *campaign) forge(ctx context.Context) {
	d := dice(c.o.seed, "forge")
	// Few lies meet a task that lives and is about to fail, and only these show.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		a, b := c.post.some(d), c.post.some(d)
		if a.url == "" || b.url == "" {
			continue
		}
		address, mac, _ := strings.Cut(a.url, "?k=")
		_, other, _ := strings.Cut(b.url, "?k=")
		lie := fmt.Sprintf(`{"task_id":%q,"task_status":%q,"task_result":{"videos":[{"id":"x","url":"https://example.com/forged.mp4","duration":"5"}]},"final_unit_deduction":"9999"}`,
			gjson.Get(a.body, "task_id").Str, []string{"succeed", "failed"}[d.IntN(2)])
		body, want := lie, 404
		switch d.IntN(4) {
		case 0:
			address += "?k=" + mac[:len(mac)-1]
		case 1:
			if a.url == b.url || mac == other {
				continue
			}
			address += "?k=" + other
		case 2:
			address, want = a.url, 200
		case 3:
			body = `{"task_status":"succeed"}`
			address, want = a.url, 200
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			continue
		}
		req.Header.Set("Content-Type", "application/json")
		got, err := c.do(req)
		if err != nil {
			continue // the node is away
		}
		c.report.add("forged callbacks", 1)
		if got.status != want && got.status != 503 {
			c.report.violated(vRefused, "a forged callback was answered %d %s, want %d", got.status, got.body, want)
		}
	}
}

// settle waits until every task and every delivery has ended. Nobody waits for
// the next poll of a minute: what may be looked at is looked at now. Leases of
// create calls and proofs of absence take their time.
func (c *campaign) settle(ctx context.Context) error {
	c.ending.Store(true)
	c.sim.SetFaultShare(nil, nil)
	c.wire.stall(0)
	c.wire.slow(0)
	c.hooks.behave()
	for _, n := range c.nodes {
		n.signal(syscall.SIGCONT)
	}
	for _, n := range c.nodes {
		if err := n.waitReady(ctx, 90*time.Second); err != nil {
			return err
		}
	}
	db, err := c.server.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	// A delivery whose node died waits for its lease; a rehearsal does not.
	again, tries := 20_000, 0
	if c.o.scale > 1 {
		again, tries = 2_000, -1
	}
	var left int64
	err = until(ctx, c.patience(8*time.Minute), 500*time.Millisecond, "every task and delivery to end", func() bool {
		var tasks, deliveries int64
		if db.QueryRowContext(ctx, "SELECT COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed')").Scan(&tasks) != nil ||
			db.QueryRowContext(ctx, "SELECT COUNT(*) FROM deliveries WHERE status = 'pending'").Scan(&deliveries) != nil {
			return false
		}
		if left = tasks + deliveries; left == 0 {
			return true
		}
		now := time.Now().UnixMilli()
		for _, q := range []string{
			"UPDATE videos SET next_check_at = %d WHERE status IN ('pending', 'submitted', 'processing', 'unknown') AND next_check_at > %[1]d + 1000",
			fmt.Sprintf("UPDATE deliveries SET next_try_at = %%d WHERE status = 'pending' AND next_try_at > %%[1]d + %d AND tries > %d", again, tries),
		} {
			_, _ = db.ExecContext(ctx, fmt.Sprintf(q, now)) // the next glance tries again
		}
		return false
	})
	if err != nil && ctx.Err() == nil {
		c.report.violated(vLive, "%d tasks or deliveries have not ended: %s", left, c.unended(ctx, db))
		return nil
	}
	if err != nil {
		return err
	}
	return c.work.askAgain(ctx)
}

// patience is how long the campaign waits for what must come.
func (c *campaign) patience(d time.Duration) time.Duration {
	if c.o.scale > 1 {
		return d / 4
	}
	return d
}

// unended tells what has not ended.
func (c *campaign) unended(ctx context.Context, db *sql.DB) string {
	rows, err := db.QueryContext(ctx, `SELECT task_id, status, absences, attempt, COALESCE(next_check_at, 0) FROM videos WHERE status NOT IN ('succeed', 'failed') LIMIT 5`)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var id, status string
		var absences, attempt, next int64
		if err := rows.Scan(&id, &status, &absences, &attempt, &next); err != nil {
			return err.Error()
		}
		out = append(out, fmt.Sprintf("%s %s, attempt %d, %d absences, due in %s", id, status, attempt, absences, time.Until(time.UnixMilli(next)).Round(time.Second)))
	}
	return strings.Join(out, "; ") + errorText(rows.Err())
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}
