package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestQuick runs every scenario with little load. They check their own answers,
// charges, signatures and counts; a scenario that measures nothing prints no
// figure.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the gateway")
	}
	t.Parallel()
	var out strings.Builder
	o := defaults().smaller()
	o.binary, o.dir, o.out = filepath.Join(t.TempDir(), "one-api"), t.TempDir(), &out
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", o.binary, "one-api/cmd/one-api").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, said)
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v after\n%s", err, out.String())
	}
	for _, figure := range []string{
		`submits +\d+/s`, `status reads +\d+/s`, `group commit +0\.\d+ commits and 2\.\d+ writes an order`,
		`callbacks answered +\d+/s`, `tasks settled +\d+/s   100 tasks`, `charges +one for each task`,
		`while tasks settle +\d+/s   200 deliveries`, `from a backlog +\d+/s   200 deliveries`, `signatures +[1-9]\d* checked`,
		`polls +[1-9]\d*/s`, `gateway RSS +mean [1-9]\d* MB`,
		`filled +3000 tasks`, `caller's first page +p50`, `ratio +\d+\.\d+ of the medians`,
		`binary +\d+\.\d MB`, `start, empty database +median [1-9]\d* ms`,
	} {
		if !regexp.MustCompile(figure).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", figure, out.String())
		}
	}
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*options){
		"no scenario": func(o *options) { o.run = "orders,singing" },
		"-db oracle":  func(o *options) { o.db, o.run = "oracle", "start" },
	} {
		o := defaults().smaller()
		o.binary, o.dir, o.out = "/bin/true", t.TempDir(), &strings.Builder{}
		change(&o)
		if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestCountOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out   string
		want  int64
		found bool
	}{
		"perf":    {"50,,syscalls:sys_enter_fdatasync,18871714,100.00,,\n7,,syscalls:sys_enter_fsync,18871714,100.00,,\n", 57, true},
		"early":   {"<not counted>,,syscalls:sys_enter_fsync,0,100.00,,\n", 0, false},
		"strace":  {"% time     seconds  usecs/call     calls    errors syscall\n------ ----------- -----\n 88.62    0.001885          37        50           fdatasync\n100.00    0.002127          21       50           total\n", 50, true},
		"nothing": {"strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n", 0, false},
	} {
		if n, found := countOf(c.out); n != c.want || found != c.found {
			t.Errorf("%s: got %d, %v", name, n, found)
		}
	}
}
