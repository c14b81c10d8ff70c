// Command chaos proves the gateway's promises from outside. It runs the built
// binary on a private database server against a simulated Kling, lets clients
// order while nodes are killed, paused and moved in time, while the database,
// Redis, the disk and the upstream fail, and afterwards compares what clients,
// receivers and the upstream saw with what the books say.
//
//	go run ./internal/chaos -db sqlite -kills 500 -tasks 20000 -seed 7
//
// The seed decides what happens, in which order, and what clients send; the
// same seed repeats the schedule. With -broken it builds gateways with a
// mistake in them and fails unless the campaign notices each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options say what a campaign does.
type options struct {
	db        string // sqlite, mysql, postgres
	nodes     int    // 0: one on sqlite, three elsewhere
	kills     int
	tasks     int
	clients   int
	seed      uint64
	faults    []string // kinds of strikes; nil: all
	drills    []string // "burst", "callbacks"
	burst     int      // orders of the drill "burst"
	callbacks int      // tasks of the drill "callbacks"
	scale     float64  // leases and proofs of absence are so much shorter; 1: as in service
	binary    string   // the gateway as it is shipped
	rehearsal string   // the same with tag chaos
	keep      bool     // leave the directory behind
	out       io.Writer
}

func main() {
	var o options
	var dbs, faults, drills string
	var broken bool
	flag.StringVar(&dbs, "db", "all", "sqlite, mysql, postgres, several with commas, or all")
	flag.IntVar(&o.nodes, "nodes", 0, "nodes of the gateway; 0: one on sqlite, three elsewhere")
	flag.IntVar(&o.kills, "kills", 500, "how often a node is killed")
	flag.IntVar(&o.tasks, "tasks", 20000, "least number of tasks to be accepted")
	flag.IntVar(&o.clients, "clients", 24, "parallel clients")
	flag.Uint64Var(&o.seed, "seed", 1, "decides the schedule")
	flag.StringVar(&faults, "faults", "all", "what may happen: "+strings.Join(strikes, ","))
	flag.StringVar(&drills, "drills", "burst,callbacks", "what to do before: burst, callbacks, both, or none")
	flag.IntVar(&o.burst, "burst", 1000, "parallel orders of the drill burst")
	flag.IntVar(&o.callbacks, "callback-tasks", 1000, "tasks of the drill callbacks")
	flag.Float64Var(&o.scale, "scale", 1, "how much shorter leases and proofs of absence are; more than 1 needs a rehearsal build of every node")
	flag.StringVar(&o.binary, "binary", "", "the built gateway; default: built from this directory")
	flag.StringVar(&o.rehearsal, "rehearsal", "", "the same built with -tags chaos; default: built from this directory")
	flag.BoolVar(&o.keep, "keep", false, "leave logs and databases behind")
	flag.BoolVar(&broken, "broken", false, "build gateways with a mistake in them and see whether it is noticed")
	flag.Parse()
	o.out = os.Stdout
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, o, dbs, faults, drills, broken); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, o options, dbs, faults, drills string, broken bool) error {
	if faults != "all" {
		o.faults = list(faults)
		for _, f := range o.faults {
			if !slices.Contains(strikes, f) {
				return fmt.Errorf("there is no fault %q; there are %s", f, strings.Join(strikes, ", "))
			}
		}
	}
	if drills != "none" {
		o.drills = list(drills)
	}
	if dbs == "all" {
		dbs = "sqlite,mysql,postgres"
	}
	dir, err := os.MkdirTemp("", "one-api-chaos-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if broken {
		return checkBroken(ctx, o, dir)
	}
	if o.binary == "" {
		o.binary = filepath.Join(dir, "one-api")
		if err := build(ctx, o.binary); err != nil {
			return err
		}
	}
	if o.rehearsal == "" {
		o.rehearsal = filepath.Join(dir, "one-api-rehearsal")
		if err := build(ctx, o.rehearsal, "-tags", "chaos"); err != nil {
			return err
		}
	}
	failed := 0
	for _, db := range list(dbs) {
		o.db = db
		r, err := run(ctx, o)
		if missing := (*missingError)(nil); errors.As(err, &missing) {
			_, _ = fmt.Fprintf(o.out, "chaos on %s: left out, %v\n", db, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", db, err)
		}
		r.print(o.out)
		failed += r.violations()
	}
	if failed > 0 {
		return fmt.Errorf("%d violations", failed)
	}
	return nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// build builds the command.
func build(ctx context.Context, to string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", to}, args...), "one-api/cmd/one-api")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the gateway: %w\n%s", err, out)
	}
	return nil
}

// missingError says that a campaign cannot run on this machine.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what }

// run runs one campaign from an empty database to its audit. An error means
// that the campaign itself did not work; what the gateway did wrong is in the
// report.
func run(ctx context.Context, o options) (*report, error) {
	if o.nodes == 0 {
		o.nodes = 3
		if o.db == "sqlite" {
			o.nodes = 1
		}
	}
	if o.db == "sqlite" && o.nodes != 1 {
		return nil, errors.New("SQLite has one node")
	}
	if o.scale < 1 {
		o.scale = 1
	}
	c, err := newCampaign(ctx, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	began := time.Now()
	for _, stage := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"set up", c.setUp}, {"drill", c.drill}, {"storm", c.storm}, {"come to rest", c.settle}, {"audit", c.audit},
	} {
		if err := stage.do(ctx); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, fmt.Errorf("%s: %w%s", stage.name, err, c.lastWords())
		}
	}
	c.report.took = time.Since(began)
	c.report.machine = fmt.Sprintf("%d cores", runtime.NumCPU())
	return c.report, nil
}
