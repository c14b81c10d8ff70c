package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// node is one process of the gateway, started again whenever it ends, as an
// init system does.
type node struct {
	name      string
	url       string
	dir       string
	env       []string
	binary    string
	rehearsal string
	log       *os.File

	up    atomic.Bool // ready, as far as we know
	exits atomic.Int64

	mu      sync.Mutex
	once    []string // settings of the first start only
	cmd     *exec.Cmd
	killed  bool          // cmd ends by our hand
	rest    time.Duration // before the next start
	offset  time.Duration // of the next start's clock
	running bool          // begin was called
	stopped bool          // is not to be started again
	quit    chan struct{} // closed when it is to stop
	done    chan struct{} // closed when it is gone for good
	last    error         // how the last process ended, when not by our hand
}

// freeAddress finds a port that a process keeps over its restarts: below those
// that the system gives to outgoing connections, which would take it meanwhile.
func freeAddress() (string, error) {
	for try := 0; ; try++ {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		l, err := net.Listen("tcp", addr)
		if err == nil {
			return addr, l.Close()
		}
		if try == 100 {
			return "", err
		}
	}
}

// newNode prepares a node; settings are added to its environment.
func newNode(name, dir, binary, rehearsal string, settings ...string) (*node, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n := &node{name: name, url: "http://" + addr, dir: dir, binary: binary, rehearsal: rehearsal, quit: make(chan struct{}), done: make(chan struct{})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if n.log, err = os.Create(filepath.Join(dir, name+".log")); err != nil {
		return nil, err
	}
	n.env = append(os.Environ(), append([]string{
		"HOST=127.0.0.1", "PORT=" + port, "SERVER_ADDRESS=" + n.url, "LOG_DIR=-", "LOG_LEVEL=warn", "SQL_MAX_OPEN_CONNS=16",
	}, settings...)...)
	return n, nil
}

// command runs another command of the binary beside the node.
func (n *node) command(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = n.dir, n.env, strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("one-api %s: %w: %s%s", strings.Join(args, " "), err, errs.String(), out.String())
	}
	return out.String(), nil
}

// begin starts the node.
func (n *node) begin(client *http.Client) {
	n.mu.Lock()
	n.running = true
	n.mu.Unlock()
	go n.keep(client)
}

// started tells whether begin was called.
func (n *node) started() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running
}

// keep runs the process until stop, again after each end.
func (n *node) keep(client *http.Client) {
	defer close(n.done)
	for {
		n.mu.Lock()
		if n.stopped {
			n.mu.Unlock()
			return
		}
		rest, offset := n.rest, n.offset
		n.rest, n.offset, n.killed = 0, 0, false
		n.mu.Unlock()
		select {
		case <-time.After(rest):
		case <-n.quit:
		}
		n.mu.Lock()
		if n.stopped {
			n.mu.Unlock()
			return
		}
		cmd := exec.Command(n.binary, "serve")
		cmd.Env = append(n.env[:len(n.env):len(n.env)], n.once...)
		n.once = nil
		if offset != 0 {
			cmd = exec.Command(n.rehearsal, "serve")
			cmd.Env = append(n.env[:len(n.env):len(n.env)], "ONE_API_CLOCK_OFFSET="+offset.String())
		}
		cmd.Dir, cmd.Stdout, cmd.Stderr = n.dir, n.log, n.log
		err := cmd.Start()
		if err != nil {
			n.last = err
			n.mu.Unlock()
			time.Sleep(time.Second)
			continue
		}
		n.cmd = cmd
		n.mu.Unlock()
		gone := make(chan error, 1)
		go func() { gone <- cmd.Wait() }()
		n.watch(client, gone)
	}
}

// watch follows one process to its end.
func (n *node) watch(client *http.Client, gone chan error) {
	glance := time.NewTicker(5 * time.Millisecond)
	defer glance.Stop()
	for ready := false; ; {
		select {
		case err := <-gone:
			n.up.Store(false)
			n.mu.Lock()
			n.cmd = nil
			if !n.killed && !n.stopped {
				n.exits.Add(1)
				n.last = err
				n.rest = 100 * time.Millisecond
			}
			n.mu.Unlock()
			return
		case <-glance.C:
			if ready {
				continue
			}
			resp, err := client.Get(n.url + "/readyz")
			if err != nil {
				continue
			}
			_ = resp.Body.Close()
			if ready = resp.StatusCode == http.StatusOK; ready {
				n.up.Store(true)
				glance.Reset(time.Hour)
			}
		}
	}
}

// signal reaches the process, if there is one.
func (n *node) signal(s syscall.Signal) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd != nil && n.cmd.Process.Signal(s) == nil
}

// kill ends the process as a power cut does. It is started again after rest,
// with its clock shifted by offset.
func (n *node) kill(rest, offset time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return false
	}
	n.killed, n.rest, n.offset = true, rest, offset
	n.up.Store(false)
	return n.cmd.Process.Kill() == nil
}

// stop ends the node in order and for good; after a while it is killed.
func (n *node) stop() (inOrder bool) {
	n.mu.Lock()
	if !n.stopped {
		n.stopped = true
		close(n.quit)
	}
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(syscall.SIGCONT)
		_ = n.cmd.Process.Signal(syscall.SIGTERM)
	}
	n.mu.Unlock()
	select {
	case <-n.done:
		inOrder = true
	case <-time.After(45 * time.Second):
		n.mu.Lock()
		if n.cmd != nil {
			_ = n.cmd.Process.Kill()
		}
		n.mu.Unlock()
		<-n.done
	}
	return inOrder
}

// waitReady waits until the node answers as ready.
func (n *node) waitReady(ctx context.Context, most time.Duration) error {
	return until(ctx, most, 5*time.Millisecond, n.name+" to be ready", func() bool { return n.up.Load() })
}

// until waits for something to become true.
func until(ctx context.Context, most, glance time.Duration, what string, is func() bool) error {
	end := time.NewTimer(most)
	defer end.Stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
			return fmt.Errorf("waited %s for %s", most, what)
		}
	}
	return nil
}

// tail is the end of what the node printed.
func (n *node) tail() string {
	text, _ := os.ReadFile(n.log.Name())
	return string(text[max(0, len(text)-3000):])
}

// accidents are lines that must not occur, whatever happens to a node.
var accidents = []string{"msg=panic", `msg="internal error"`, `msg="the database refused a write"`, "panic: ", "fatal error: ", "DATA RACE"}

// lines reads what the node printed.
func (n *node) lines(f func(line string)) error {
	file, err := os.Open(n.log.Name())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	s := bufio.NewScanner(file)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		f(s.Text())
	}
	return s.Err()
}
