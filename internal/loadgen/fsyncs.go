package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// countFsyncs begins to count what forces the database's log to disk. With a
// database server that is the server's own count, of all its databases; with
// SQLite it is the gateway's system calls, as perf or strace sees them.
func (w *world) countFsyncs(ctx context.Context) (stop func() (int64, error), how string) {
	switch w.options.db {
	case "mysql":
		return w.serverCount(ctx, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_OS_LOG_FSYNCS'",
			"SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Innodb_os_log_fsyncs'"), "Innodb_os_log_fsyncs of the server"
	case "postgres":
		return w.serverCount(ctx, "SELECT wal_sync FROM pg_stat_wal",
			"SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"), "the server's count of WAL syncs"
	}
	pid := strconv.Itoa(w.g.cmd.Process.Pid)
	if _, err := exec.LookPath("perf"); err == nil {
		return w.trace(ctx, "perf", "stat", "-x", ",", "-e", "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync", "-p", pid), "perf stat"
	}
	if _, err := exec.LookPath("strace"); err == nil {
		return w.trace(ctx, "strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-p", pid), "strace -c"
	}
	return func() (int64, error) { return 0, errors.New("neither perf nor strace is installed") }, ""
}

// serverCount reads the first of the queries that the server understands, now
// and at stop.
func (w *world) serverCount(ctx context.Context, queries ...string) func() (int64, error) {
	read := func() (n int64, err error) {
		for _, q := range queries {
			if n, err = w.db.number(ctx, q); err == nil {
				break
			}
		}
		return n, err
	}
	before, err := read()
	return func() (int64, error) {
		if err == nil {
			err = pause(ctx, countLag)
		}
		if err != nil {
			return 0, err
		}
		after, err := read()
		return after - before, err
	}
}

// countLag is how long a tracer takes to attach to a process, or PostgreSQL to
// publish its counts, with some to spare; neither says when it has.
const countLag = 2 * time.Second

// trace runs a tracer beside the gateway until stop, and adds up its counts.
func (w *world) trace(ctx context.Context, name string, args ...string) func() (int64, error) {
	c := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Start()
	if err == nil {
		err = pause(ctx, countLag)
	}
	return func() (int64, error) {
		if c.Process == nil {
			return 0, err
		}
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait() // an interrupted tracer ends with an error and a count
		n, found := countOf(out.String())
		if !found {
			return 0, fmt.Errorf("%s counted nothing: %.200s", name, out.String())
		}
		return n, nil
	}
}

// countOf reads perf's "50,,syscalls:sys_enter_fsync,…" and strace's
// " 88.62    0.001885          37        50           fsync".
func countOf(out string) (sum int64, found bool) {
	for line := range strings.Lines(out) {
		var n string
		switch fields := strings.Fields(line); {
		case strings.Contains(line, ",syscalls:"):
			n, _, _ = strings.Cut(line, ",")
		case len(fields) >= 5 && strings.HasSuffix(fields[len(fields)-1], "sync"):
			n = fields[3]
		default:
			continue
		}
		if v, err := strconv.ParseInt(n, 10, 64); err == nil {
			sum, found = sum+v, true
		}
	}
	return sum, found
}
