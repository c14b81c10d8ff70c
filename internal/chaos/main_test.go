package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// atOnce is how many tests run beside each other when nobody says -parallel:
// most of their time they wait.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built are the gateway as it is shipped, and its rehearsal build.
var built struct {
	once              sync.Once
	dir               string
	binary, rehearsal string
	err               error
}

func binaries(t *testing.T) (binary, rehearsal string) {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "one-api-chaos-test-"); built.err != nil {
			return
		}
		built.binary, built.rehearsal = filepath.Join(built.dir, "one-api"), filepath.Join(built.dir, "rehearsal")
		ctx := context.Background()
		built.err = errors.Join(build(ctx, built.binary), build(ctx, built.rehearsal, "-tags", "chaos"))
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.binary, built.rehearsal
}

// The short campaign: every kind of strike on every database, and no violation.
func TestACampaignFindsNothing(t *testing.T) {
	for _, db := range []string{"sqlite", "mysql", "postgres"} {
		t.Run(db, func(t *testing.T) {
			t.Parallel()
			o := options{db: db, kills: 14, tasks: 500, clients: 12, seed: 20261124, burst: 300, callbacks: 100, drills: []string{"burst", "callbacks"}, scale: 10, out: io.Discard}
			if testing.Short() {
				if db != "sqlite" {
					t.Skip("short: one database")
				}
				o.kills, o.tasks = 4, 150
			}
			o.binary, o.rehearsal = binaries(t)
			r, err := run(t.Context(), o)
			if missing := (*missingError)(nil); errors.As(err, &missing) {
				t.Skipf("no private %s: %v", db, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			r.print(&b)
			t.Log(b.String())
			if n := r.violations(); n > 0 {
				t.Errorf("%d violations", n)
			}
			if n := r.figure("kills (kill -9)"); n != int64(o.kills) {
				t.Errorf("%d kills, want %d", n, o.kills)
			}
			if n := r.figure("tasks accepted, as clients know"); n < int64(o.tasks) {
				t.Errorf("%d tasks, want at least %d", n, o.tasks)
			}
		})
	}
}

func TestTheSeedDecidesTheSchedule(t *testing.T) {
	o := options{db: "mysql", nodes: 3, kills: 50, tasks: 2000, seed: 5, scale: 1}
	a, b := plan(o), plan(o)
	if !reflect.DeepEqual(a, b) || fingerprint(a) != fingerprint(b) {
		t.Error("one seed made two schedules")
	}
	kills := 0
	for _, e := range a {
		if e.kind == "kill" {
			kills++
		}
	}
	if kills != o.kills {
		t.Errorf("%d kills are planned, want %d", kills, o.kills)
	}
	for n := range 200 {
		if x, y := makeOrder(5, n, "http://r"), makeOrder(5, n, "http://r"); x != y {
			t.Fatalf("order %d is %+v, then %+v", n, x, y)
		}
	}
	o.seed = 6
	if fingerprint(plan(o)) == fingerprint(a) {
		t.Error("two seeds made one schedule")
	}
	o.faults = []string{"flush"}
	for _, e := range plan(o) {
		if e.kind != "flush" {
			t.Errorf("%s is planned, only flush was asked for", e.kind)
		}
	}
}

// The mistakes are texts in the code: when that changes, they must follow.
func TestTheMistakesFitTheCode(t *testing.T) {
	base, err := root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range mutations {
		m := &mutations[i]
		if _, err := m.texts(base); err != nil {
			t.Error(err)
		}
		if len(m.reports) == 0 || m.options == nil {
			t.Errorf("%s: nothing is expected of it", m.name)
		}
	}
}

// One mistake, from build to verdict; -broken tries all of them.
func TestAMistakeIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("short: builds a gateway of its own")
	}
	t.Parallel()
	for i := range mutations {
		m := &mutations[i]
		if m.name != "hold without condition" {
			continue
		}
		r, err := m.try(t.Context(), options{seed: 1, clients: 12, out: io.Discard}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if !m.noticed(r) {
			var b strings.Builder
			r.print(&b)
			t.Errorf("%s was not noticed:\n%s", m.name, b.String())
		}
		return
	}
	t.Error(fmt.Sprint("there is no such mistake among ", len(mutations)))
}
