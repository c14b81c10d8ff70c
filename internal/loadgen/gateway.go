package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
)

// What the first administrator signs in and orders with.
const (
	token    = "sk-loadgenloadgenloadgenloadgen"
	password = "loadgen's own password"
)

// gateway is the process under test.
type gateway struct {
	cmd     *exec.Cmd
	base    string
	dir     string
	env     []string
	done    chan struct{}
	started time.Duration // from the start of the process to the first answer
	cookie  string        // of a session

	mu  sync.Mutex
	out bytes.Buffer
}

// startGateway runs the binary on a database and waits until it answers.
func startGateway(ctx context.Context, o options, db *database, env ...string) (*gateway, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // finds a free port
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	_ = l.Close()
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return nil, err
	}
	g := &gateway{base: "http://127.0.0.1:" + port, dir: o.dir, done: make(chan struct{})}
	g.env = append(os.Environ(), "HOST=127.0.0.1", "PORT="+port, "SQL_DSN="+db.dsn, "DATA_DIR="+o.dir, "LOG_DIR=-", "LOG_LEVEL=warn",
		"SERVER_ADDRESS="+g.base, "WEBHOOK_ALLOW_CIDRS=127.0.0.0/8", "INITIAL_ROOT_TOKEN="+token, "INITIAL_ROOT_PASSWORD="+password)
	g.env = append(g.env, env...)
	g.cmd = exec.CommandContext(ctx, binary, "serve")
	g.cmd.Dir, g.cmd.Env = g.dir, g.env
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
	err = until(ctx, 2*time.Millisecond, 30*time.Second, "the gateway is ready", func() (bool, error) {
		select {
		case <-g.done:
			return false, errors.New("the gateway ended at its start:\n" + g.said())
		default:
		}
		resp, err := http.Get(g.base + "/readyz")
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
	g.started = time.Since(began)
	if err != nil {
		g.kill()
		return nil, err
	}
	return g, nil
}

func (g *gateway) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.String()
}

// command runs the command line on the gateway's database, as an operator would
// beside a running server.
func (g *gateway) command(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, g.cmd.Path, args...)
	c.Dir, c.Env = g.dir, g.env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("one-api %s: %w: %s", args[0], err, out)
	}
	return nil
}

// addChannel adds an account of the simulated Kling, with its API key or its
// key pair.
func (g *gateway) addChannel(ctx context.Context, simURL string, acc klingsim.Account) error {
	key := acc.AccessKey + "|" + acc.SecretKey.Reveal()
	if len(acc.APIKeys) > 0 {
		key = acc.APIKeys[0].Reveal()
	}
	return g.command(ctx, "channel", "add", "--name", acc.Name, "--base-url", simURL, "--key", key, "--webhook-secret", acc.WebhookSecret.Reveal())
}

// seesChannels waits until the gateway offers what its channels do.
func (g *gateway) seesChannels(ctx context.Context) error {
	return until(ctx, 10*time.Millisecond, 10*time.Second, "the gateway sees its channels", func() (bool, error) {
		resp, err := http.DefaultClient.Do(g.request(http.MethodGet, "/v1/models/kling-v1-5-std", ""))
		if err != nil {
			return false, err
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK, nil
	})
}

// request is a caller's.
func (g *gateway) request(method, path, body string) *http.Request {
	req, err := http.NewRequest(method, g.base+path, strings.NewReader(body))
	if err != nil {
		panic(err) // the addresses are ours
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return req
}

// managed is a request to the management API, with the session that signIn
// began.
func (g *gateway) managed(method, path, body string) *http.Request {
	req := g.request(method, path, body)
	req.Header.Del("Authorization")
	req.Header.Set("Cookie", g.cookie)
	return req
}

func (g *gateway) signIn() error {
	resp, err := http.DefaultClient.Do(g.managed(http.MethodPost, "/api/session", fmt.Sprintf(`{"name":"root","password":%q}`, password)))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 1 {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("sign in: %s: %s", resp.Status, body)
	}
	k := resp.Cookies()[0]
	g.cookie = k.Name + "=" + k.Value
	return nil
}

// manage calls the management API and reads the answer.
func (g *gateway) manage(method, path, body string, into any) error {
	resp, err := http.DefaultClient.Do(g.managed(method, path, body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, raw)
	}
	return json.Unmarshal(raw, into)
}

// funds are what the administrator, who orders, has.
type funds struct {
	Available int64 `json:"available"`
	Held      int64 `json:"held"`
}

func (g *gateway) funds() (f funds, err error) {
	return f, g.manage(http.MethodGet, "/api/me", "", &f)
}

// webhookSecret is what signs callbacks to the administrator's orders.
func (g *gateway) webhookSecret() (secret.Text, error) {
	var s struct {
		Secrets []struct {
			Secret secret.Text `json:"secret"`
		} `json:"secrets"`
	}
	if err := g.manage(http.MethodPost, "/api/me/webhook-secret", "", &s); err != nil {
		return "", err
	}
	if len(s.Secrets) != 1 {
		return "", fmt.Errorf("got %d signing secrets, want one", len(s.Secrets))
	}
	return s.Secrets[0].Secret, nil
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

// rss is the process's resident memory in bytes.
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

// watchRSS samples the resident memory until stop, which returns the mean and
// the most in bytes.
func (g *gateway) watchRSS() (stop func() (mean, most int64)) {
	end, ended := make(chan struct{}), make(chan struct{})
	var sum, n, most int64
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			now := g.rss()
			sum, n, most = sum+now, n+1, max(most, now)
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() (int64, int64) {
		close(end)
		<-ended
		return sum / n, most
	}
}

// quiet waits until the gateway has nothing to do.
func (g *gateway) quiet(ctx context.Context) error {
	const look = 500 * time.Millisecond
	last, still := g.cpu(), 0
	return until(ctx, look, 5*time.Minute, "the gateway is idle", func() (bool, error) {
		now := g.cpu()
		if now-last < look/10 {
			still++
		} else {
			still = 0
		}
		last = now
		return still >= 2, nil
	})
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
	m := stopped.FindStringSubmatch(g.said())
	if m == nil {
		return 0, 0, fmt.Errorf("the gateway said nothing of its writes:\n%s", g.said())
	}
	writes, _ = strconv.ParseInt(m[1], 10, 64)
	commits, _ = strconv.ParseInt(m[2], 10, 64)
	return writes, commits, nil
}
