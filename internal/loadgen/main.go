// Command loadgen measures the gateway: it runs the built binary on a database
// against a simulated Kling without delay, sends load from many clients, and
// prints rates, latencies, CPU and commits per order.
//
//	go run ./internal/loadgen -db sqlite
package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"one-api/internal/provider/kling/klingsim"
)

type options struct {
	binary  string
	db      string // sqlite, mysql, postgres
	dsn     string // of the server for mysql and postgres
	clients int
	orders  int
	reads   int
	dir     string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "./one-api", "the built gateway")
	flag.StringVar(&o.db, "db", "sqlite", "sqlite, mysql or postgres")
	flag.StringVar(&o.dsn, "dsn", os.Getenv("TEST_MYSQL_DSN"), "server to make the database on; default TEST_MYSQL_DSN or TEST_POSTGRES_DSN")
	flag.IntVar(&o.clients, "clients", 64, "parallel clients")
	flag.IntVar(&o.orders, "orders", 20000, "orders to send")
	flag.IntVar(&o.reads, "reads", 60000, "status reads to send")
	flag.StringVar(&o.dir, "dir", "", "directory of the SQLite database; default a temporary one")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

const token = "sk-loadgenloadgenloadgenloadgen"

func run(ctx context.Context, o options) error {
	dir := o.dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "one-api-bench-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	dsn, drop, err := database(o, dir)
	if err != nil {
		return err
	}
	defer drop()

	acc := klingsim.DemoAccount()
	acc.Concurrency = -1
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acc}, NoCallbacks: true, ToEnd: time.Hour, ToProcessing: time.Hour})
	defer sim.Close()
	simURL, stopSim, err := serve(sim)
	if err != nil {
		return err
	}
	defer stopSim()

	g, err := start(ctx, o.binary, dsn, dir)
	if err != nil {
		return err
	}
	defer g.kill()
	if err := g.addChannel(ctx, simURL, acc); err != nil {
		return err
	}
	fmt.Printf("database %s, %d clients, start to first answer %s\n", o.db, o.clients, g.started.Round(time.Millisecond))

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.clients, MaxIdleConns: o.clients}}
	const order = `{"model":"kling-v1-5-std","prompt":"a cat on a meadow","duration":5,"aspect_ratio":"16:9"}`
	warm := min(o.orders/10, 1000)
	if _, err := load(client, o.clients, warm, func(int) *http.Request { return g.request(http.MethodPost, "/kling/v1/videos/text2video", order) }, nil); err != nil {
		return err
	}
	var mu sync.Mutex
	var ids []string
	before := g.cpu()
	r, err := load(client, o.clients, o.orders, func(int) *http.Request {
		return g.request(http.MethodPost, "/kling/v1/videos/text2video", order)
	}, func(body []byte) error {
		var a struct {
			TaskID string `json:"task_id"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(body, &a); err != nil {
			return err
		}
		if a.Status != "submitted" {
			return fmt.Errorf("answered %s", body)
		}
		mu.Lock()
		ids = append(ids, a.TaskID)
		mu.Unlock()
		return nil
	})
	if err != nil {
		return err
	}
	r.print("submits", g.cpu()-before)

	before = g.cpu()
	r, err = load(client, o.clients, o.reads, func(n int) *http.Request {
		return g.request(http.MethodGet, "/kling/v1/videos/"+ids[n*7919%len(ids)], "")
	}, nil)
	if err != nil {
		return err
	}
	r.print("status reads", g.cpu()-before)
	fmt.Printf("%-14s %d MB\n", "gateway RSS", g.rss()>>20)
	writes, commits, err := g.stop()
	if err != nil {
		return err
	}
	sent := float64(o.orders + warm)
	fmt.Printf("%-14s %.3f commits and %.2f writes an order, %.1f writes a commit\n", "group commit", float64(commits)/sent, float64(writes)/sent, float64(writes)/float64(commits))
	if n := len(sim.Tasks()); n != o.orders+warm {
		return fmt.Errorf("the upstream has %d tasks for %d orders", n, o.orders+warm)
	}
	return nil
}

// database makes an empty database.
func database(o options, dir string) (dsn string, drop func(), err error) {
	name := fmt.Sprintf("oneapi_bench_%d", os.Getpid())
	switch o.db {
	case "sqlite":
		return "sqlite://" + filepath.Join(dir, "bench.db"), func() {}, nil
	case "mysql":
		cfg, err := mysql.ParseDSN(o.dsn)
		if err != nil {
			return "", nil, err
		}
		db, err := sql.Open("mysql", o.dsn)
		if err != nil {
			return "", nil, err
		}
		if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
			return "", nil, err
		}
		cfg.DBName = name
		return cfg.FormatDSN(), func() { _, _ = db.Exec("DROP DATABASE " + name); _ = db.Close() }, nil
	}
	return "", nil, fmt.Errorf("-db %s: use sqlite or mysql", o.db)
}

func serve(h http.Handler) (string, func(), error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = srv.Close() }, nil
}

// gateway is the process under test.
type gateway struct {
	cmd     *exec.Cmd
	base    string
	dsn     string
	dir     string
	env     []string
	out     bytes.Buffer
	mu      sync.Mutex
	done    chan struct{}
	started time.Duration
}

func start(ctx context.Context, binary, dsn, dir string) (*gateway, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // finds a free port
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	_ = l.Close()
	abs, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	g := &gateway{base: "http://127.0.0.1:" + port, dsn: dsn, dir: dir, done: make(chan struct{})}
	g.env = append(os.Environ(), "HOST=127.0.0.1", "PORT="+port, "SQL_DSN="+dsn, "DATA_DIR="+dir, "LOG_DIR=-", "LOG_LEVEL=warn", "INITIAL_ROOT_TOKEN="+token)
	g.cmd = exec.CommandContext(ctx, abs, "serve")
	g.cmd.Dir, g.cmd.Env = dir, g.env
	pipe, err := g.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.cmd.Stderr = os.Stderr
	began := time.Now()
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(g.done)
		s := bufio.NewScanner(pipe)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			g.mu.Lock()
			g.out.WriteString(s.Text() + "\n")
			g.mu.Unlock()
		}
	}()
	for range 2000 {
		resp, err := http.Get(g.base + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				g.started = time.Since(began)
				return g, nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	g.kill()
	return nil, errors.New("the gateway did not become ready")
}

// addChannel uses the command line, as an operator would beside a running
// server, and waits until the gateway offers the channel.
func (g *gateway) addChannel(ctx context.Context, simURL string, acc klingsim.Account) error {
	add := exec.CommandContext(ctx, g.cmd.Path, "channel", "add", "--base-url", simURL, "--key", acc.AccessKey+"|"+acc.SecretKey.Reveal())
	add.Dir, add.Env = g.dir, g.env
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("add the channel: %w: %s", err, out)
	}
	for range 500 {
		resp, err := http.DefaultClient.Do(g.request(http.MethodGet, "/v1/models/kling-v1-5-std", ""))
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the gateway does not see the channel")
}

func (g *gateway) request(method, path, body string) *http.Request {
	req, err := http.NewRequest(method, g.base+path, strings.NewReader(body))
	if err != nil {
		panic(err) // the addresses are ours
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return req
}

// cpu is the process's user and system time.
func (g *gateway) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100 // the kernel's USER_HZ
}

func (g *gateway) rss() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", g.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}

func (g *gateway) kill() {
	_ = g.cmd.Process.Kill()
	<-g.done
	_ = g.cmd.Wait()
}

var stopped = regexp.MustCompile(`writes=(\d+) commits=(\d+)`)

// stop ends the gateway in order and reads what it says of its writes.
func (g *gateway) stop() (writes, commits int64, err error) {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	<-g.done
	if err := g.cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("the gateway ended badly: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m := stopped.FindStringSubmatch(g.out.String())
	if m == nil {
		return 0, 0, fmt.Errorf("the gateway said nothing of its writes:\n%s", g.out.String())
	}
	writes, _ = strconv.ParseInt(m[1], 10, 64)
	commits, _ = strconv.ParseInt(m[2], 10, 64)
	return writes, commits, nil
}

// result is what a load measured.
type result struct {
	took      time.Duration
	latencies []time.Duration
}

// load sends n requests from parallel clients; every answer must be 200.
func load(client *http.Client, clients, n int, request func(int) *http.Request, read func([]byte) error) (result, error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	latencies := make([][]time.Duration, clients)
	began := time.Now()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || failed.Load() != nil {
					return
				}
				t := time.Now()
				err := one(client, request(i), read)
				latencies[c] = append(latencies[c], time.Since(t))
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	r := result{took: time.Since(began)}
	if err := failed.Load(); err != nil {
		return r, *err
	}
	for _, l := range latencies {
		r.latencies = append(r.latencies, l...)
	}
	slices.Sort(r.latencies)
	return r, nil
}

func one(client *http.Client, req *http.Request, read func([]byte) error) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s answered %d: %s", req.Method, req.URL.Path, resp.StatusCode, body)
	case read != nil:
		return read(body)
	}
	return nil
}

func (r result) print(what string, cpu time.Duration) {
	n := len(r.latencies)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf("%-14s %6.0f/s   p50 %6.1f ms   p99 %6.1f ms   gateway CPU %.3f ms each\n", what, float64(n)/r.took.Seconds(),
		ms(r.latencies[n/2]), ms(r.latencies[n*99/100]), ms(cpu)/float64(n))
}
