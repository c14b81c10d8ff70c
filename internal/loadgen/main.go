// Command loadgen measures the gateway: it runs the built binary on a database
// against a simulated Kling without delay, sends load from many clients, checks
// every answer, and prints rates, latencies, CPU and memory.
//
//	go run ./internal/loadgen -db sqlite -run orders,reads
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options say what is measured and how much of it.
type options struct {
	binary string
	db     string // sqlite, mysql, postgres
	dsn    string // of the server for mysql and postgres
	dir    string // of the SQLite databases, "" for temporary ones
	run    string // names of scenarios, comma list
	quick  bool

	clients   int
	orders    int
	reads     int
	callbacks int           // tasks that are called back
	webhooks  int           // tasks whose owner is told
	inFlight  int           // tasks that are polled
	rows      int           // tasks, and as many ledger entries, under the lists
	pages     int           // reads of each list
	starts    int           // of the gateway
	idle      time.Duration // before the memory of an idle gateway is read
	settle    time.Duration // until the polls of a task have reached their last pace
	window    time.Duration // in which polls are counted

	out io.Writer
}

// scenario is one thing that is measured, with a gateway and a database of its
// own.
type scenario struct {
	name string
	run  func(context.Context, options) error
}

// reads come with orders: they read what was ordered.
var scenarios = []scenario{
	{"orders", orders},
	{"callbacks", callbacks},
	{"webhooks", webhooks},
	{"polls", polls},
	{"lists", lists},
	{"start", starts},
}

func main() {
	o := defaults()
	flag.StringVar(&o.binary, "binary", o.binary, "the built gateway")
	flag.StringVar(&o.db, "db", o.db, "sqlite, mysql or postgres")
	flag.StringVar(&o.dsn, "dsn", "", "server to make the databases on; default TEST_MYSQL_DSN or TEST_POSTGRES_DSN")
	flag.StringVar(&o.dir, "dir", "", "directory of the SQLite databases; default a temporary one")
	flag.StringVar(&o.run, "run", o.run, "scenarios to run; reads are part of orders")
	flag.BoolVar(&o.quick, "quick", false, "a few of everything: shows that the scenarios work, the figures mean nothing")
	flag.IntVar(&o.clients, "clients", o.clients, "parallel clients")
	flag.IntVar(&o.orders, "orders", o.orders, "orders to send")
	flag.IntVar(&o.reads, "reads", o.reads, "status reads to send, and reads of each database in lists")
	flag.IntVar(&o.callbacks, "callbacks", o.callbacks, "tasks to call back, five times each")
	flag.IntVar(&o.webhooks, "webhooks", o.webhooks, "tasks whose end is told to two receivers")
	flag.IntVar(&o.inFlight, "in-flight", o.inFlight, "tasks in flight for polls")
	flag.IntVar(&o.rows, "rows", o.rows, "tasks and ledger entries for lists")
	flag.IntVar(&o.pages, "pages", o.pages, "reads of each list")
	flag.IntVar(&o.starts, "starts", o.starts, "starts of the gateway")
	flag.DurationVar(&o.settle, "settle", o.settle, "wait after the last order before polls are counted")
	flag.DurationVar(&o.window, "window", o.window, "how long polls are counted")
	flag.Parse()
	if o.quick {
		o = o.smaller()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func defaults() options {
	return options{
		binary: "./one-api", db: "sqlite", run: "orders,reads,callbacks,webhooks,polls,lists,start",
		clients: 64, orders: 20_000, reads: 60_000, callbacks: 20_000, webhooks: 20_000, inFlight: 100_000,
		rows: 1_000_000, pages: 200, starts: 5,
		idle: 5 * time.Second, settle: 100 * time.Second, window: 60 * time.Second,
		out: os.Stdout,
	}
}

// smaller is the same in a few seconds.
func (o options) smaller() options {
	o.quick = true
	o.clients, o.orders, o.reads, o.callbacks, o.webhooks, o.inFlight = 16, 200, 400, 100, 100, 200
	o.rows, o.pages, o.starts = 3000, 3, 1
	o.idle, o.settle, o.window = time.Second/10, 0, 6*time.Second
	return o
}

// run measures what was asked for.
func run(ctx context.Context, o options) error {
	if o.dsn == "" {
		o.dsn = map[string]string{"mysql": os.Getenv("TEST_MYSQL_DSN"), "postgres": os.Getenv("TEST_POSTGRES_DSN")}[o.db]
	}
	asked := strings.Split(o.run, ",")
	for i, name := range asked {
		if name == "reads" {
			asked[i] = "orders"
		} else if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("-run %s: there is no scenario %q", o.run, name)
		}
	}
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "one-api-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o.dir = dir
	}
	for _, s := range scenarios {
		if !slices.Contains(asked, s.name) {
			continue
		}
		o.printf("\n%s on %s, machine at load %s\n", s.name, o.db, machineLoad())
		err := s.run(ctx, o)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (o options) printf(format string, a ...any) { _, _ = fmt.Fprintf(o.out, format, a...) }

// line prints one figure.
func (o options) line(what, format string, a ...any) {
	o.printf("  %-26s "+format+"\n", append([]any{what}, a...)...)
}

// machineLoad is the machine's load average over a minute.
func machineLoad() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

// pause waits, unless the run is called off.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// until looks again and again whether something is so.
func until(ctx context.Context, every, most time.Duration, what string, so func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for end := time.Now().Add(most); ; {
		switch ok, err := so(); {
		case err != nil:
			return err
		case ok:
			return nil
		case time.Now().After(end):
			return errors.New("waited in vain: " + what)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
