package main

import (
	"bytes"
	"context"
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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/cli"
	"one-api/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// program is the command, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "one-api-cli-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "one-api")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// place is a directory with a gateway of its own.
type place struct {
	t   *testing.T
	dir string
	env []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	return &place{t, dir, []string{"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH"), "HOME=" + dir, "COLUMNS=100", "LOG_DIR=-", "HOST=127.0.0.1"}}
}

// outcome is what a command printed and how it ended.
type outcome struct {
	out, err string
	code     int
}

// run runs one-api without a terminal.
func (p *place) run(args ...string) outcome {
	p.t.Helper()
	return p.feed("", args...)
}

// feed is run with something on standard input.
func (p *place) feed(in string, args ...string) outcome {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = p.dir, p.env, strings.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if strings.Contains(errs.String(), "panic:") {
		p.t.Fatalf("one-api %s panicked:\n%s", strings.Join(args, " "), errs.String())
	}
	return outcome{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// do is run for what must succeed; it returns what was printed.
func (p *place) do(args ...string) string {
	p.t.Helper()
	r := p.run(args...)
	if r.code != 0 {
		p.t.Fatalf("one-api %s ended with %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// json is do for a command with --json.
func (p *place) json(args ...string) map[string]any {
	p.t.Helper()
	out := p.do(append(args, "--json")...)
	d := json.NewDecoder(strings.NewReader(out))
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		p.t.Fatalf("one-api %s --json: %v in\n%s", strings.Join(args, " "), err, out)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("one-api %s --json prints more than one document:\n%s", strings.Join(args, " "), out)
	}
	return doc
}

// start runs a command in the background until the test ends, and returns the
// first line that it prints.
func (p *place) start(args ...string) string {
	p.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = p.dir, p.env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	first := make(chan string, 1)
	go func() {
		var b [1]byte
		var line []byte
		for {
			if _, err := out.Read(b[:]); err != nil || b[0] == '\n' {
				break
			}
			line = append(line, b[0])
		}
		first <- string(line)
		_, _ = io.Copy(io.Discard, out)
	}()
	return <-first
}

const accessKey, secretKey = "rehearsal-access-key", "rehearsal-secret-key-of-32-letters"

// sim starts a simulated Kling and returns its address.
func (p *place) sim(flags ...string) string {
	p.t.Helper()
	line := p.start(append([]string{"klingsim", "--addr", "127.0.0.1:0", "--access-key", accessKey, "--secret-key", secretKey}, flags...)...)
	_, url, ok := strings.Cut(line, " at ")
	if !ok {
		p.t.Fatalf("klingsim printed %q", line)
	}
	return url
}

// serve starts the gateway and returns its address.
func (p *place) serve() string {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		p.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	p.env = append(p.env, "PORT="+port)
	p.start()
	base := "http://127.0.0.1:" + port
	p.until("the gateway to be ready", func() bool {
		resp, err := http.Get(base + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return base
}

// until polls the outside of a process that cannot signal us.
func (p *place) until(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	p.t.Fatalf("waited in vain for %s", what)
}

// call calls the gateway and returns the status and the answer.
func (p *place) call(method, url, token, body string) (int, map[string]any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var doc map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, doc
}

func TestHelpIsAsRecorded(t *testing.T) {
	t.Parallel()
	got := newPlace(t).do("--help")
	const golden = "testdata/help.txt"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("go test ./cmd/one-api -update records the new help; it differs (-recorded +now):\n%s", d)
	}
}

// eachCommand walks all commands.
func eachCommand(t *testing.T, visit func(*cli.Command)) {
	t.Helper()
	var c commands
	parser, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range parser.Children {
		child.Visit(visit)
	}
}

func TestEveryCommandTeaches(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	eachCommand(t, func(n *cli.Command) {
		path := strings.Fields(n.Path())[1:]
		name := strings.Join(path, " ")
		if n.Help == "" || !strings.HasSuffix(n.Help, ".") && !strings.HasSuffix(n.Help, ").") {
			t.Errorf("%s has no line of help: %q", name, n.Help)
		}
		help := p.do(append(path, "--help")...)
		if !strings.Contains(help, "Example") || !strings.Contains(help, "    one-api ") {
			t.Errorf("the help of %s has no example:\n%s", name, help)
		}
		for _, f := range n.Flags {
			if !kebab.MatchString(f.Name) {
				t.Errorf("%s --%s is not in kebab case", name, f.Name)
			}
			if !f.Hidden && f.Help == "" {
				t.Errorf("%s --%s has no help", name, f.Name)
			}
		}
		if name != "serve" && name != "config" && name != "demo" && name != "klingsim" {
			for _, other := range []string{"--port", "--redis", "--max-body", "--encryption-key", "--oidc", "--log-level"} {
				if strings.Contains(help, other) {
					t.Errorf("the help of %s shows the server's %s", name, other)
				}
			}
		}
	})
}

func TestEveryCommandRuns(t *testing.T) {
	t.Parallel()
	eachCommand(t, func(n *cli.Command) {
		if run := runs(t.Context(), n.Target, nil, nil); (run == nil) != (len(n.Children) > 0) {
			t.Errorf("%s: its Run has a form that is not in runs", n.Path())
		}
	})
}

// words splits a line as a shell does, up to its first redirection or pipe.
func words(line string) []string {
	out, err := exec.Command("bash", "-c", `line="$1"; set -f; eval "printf '%s\\0' ${line%%[|<>] *}"`, "bash", redirection.ReplaceAllString(line, "")).Output()
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

var redirection = regexp.MustCompile(` (\||<|>>?) .*$`)

func TestEveryExampleParses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"prices.json", "order.json"} {
		if err := os.WriteFile(name, []byte("[]"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var examples []string
	eachCommand(t, func(n *cli.Command) { examples = append(examples, strings.Split(n.Example, "\n")...) })
	for _, e := range examples {
		at := strings.Index(e, "one-api")
		if i := strings.Index(e, "| one-api"); i >= 0 {
			at = i + 2
		}
		args := words(e[at:])
		if len(args) == 0 || args[0] != "one-api" {
			t.Errorf("cannot read the example %q", e)
			continue
		}
		var c commands
		parser, err := newParser(&c)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("KLING_KEY", "")
		if _, err := parser.Parse(args[1:], io.Discard); err != nil {
			t.Errorf("the example %q does not parse: %v", e, err)
		}
	}
}

var tokenText = regexp.MustCompile(`sk-[A-Za-z0-9-]{30,}`)

// The first steps of --help, typed into a shell as they stand there; only the
// upstream, its key and the port are this test's.
func TestAStrangerFollowsTheHelp(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl on this machine")
	}
	p := newPlace(t)
	url := p.sim("--delay", "1s")
	here := map[string]string{"https://api-singapore.klingai.com": url, "AccessKey|SecretKey": accessKey + "|" + secretKey}
	var printed []string
	for line := range strings.Lines(p.do("--help")) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "       ")
		if !ok {
			continue
		}
		for from, to := range here {
			line = strings.ReplaceAll(line, from, to)
		}
		if line == "one-api" {
			here["http://127.0.0.1:3000"] = p.serve()
			continue
		}
		if !strings.HasPrefix(line, "one-api ") && !strings.HasPrefix(line, "curl ") {
			continue
		}
		cmd := exec.Command("bash", "-c", line)
		cmd.Dir, cmd.Env, cmd.Stderr = p.dir, p.env, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v in: %s\n%s", err, line, out)
		}
		printed = append(printed, string(out))
		if strings.Contains(line, "token create") {
			here["sk-TOKEN"] = tokenText.FindString(string(out))
		}
		if strings.Contains(line, "text2video") {
			var order struct {
				ID string `json:"task_id"`
			}
			if err := json.Unmarshal(out, &order); err != nil || order.ID == "" {
				t.Fatalf("the order was answered with %s", out)
			}
			here["TASK_ID"] = order.ID
		}
	}
	if len(printed) != 9 {
		t.Fatalf("the help has %d steps: %q", len(printed), printed)
	}
	if answer := printed[7]; !strings.Contains(answer, `"status":"succeed"`) || !strings.Contains(answer, `"video_url":"http`) {
		t.Errorf("the video is not there: %s", answer)
	}
	if book := printed[8]; !strings.Contains(book, "capture") || !strings.Contains(book, here["TASK_ID"]) {
		t.Errorf("the ledger does not show the charge:\n%s", book)
	}
}

func TestCommandsWorkBesideARunningGateway(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	url := p.sim("--delay", "2s", "--no-callbacks")
	base := p.serve()
	p.do("setup")
	p.do("channel", "add", "--base-url", url, "--key", accessKey+"|"+secretKey)
	p.do("user", "create", "alice")
	p.do("user", "grant", "alice", "--usd", "100", "--reason", "welcome")
	token, _ := p.json("token", "create", "--user", "alice", "--name", "laptop")["token"].(string)

	// What the shell changed, the gateway knows within two seconds.
	seen := func(want int) bool {
		status, _ := p.call(http.MethodGet, base+"/v1/models", token, "")
		return status == want
	}
	within := func(what string, done func() bool) {
		t.Helper()
		started := time.Now()
		p.until(what, done)
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%s took %s", what, took)
		}
	}
	within("the token to be known", func() bool { return seen(http.StatusOK) })
	const order = `{"model":"kling-v1-6-std","prompt":"a kitten","duration":5}`
	var sent map[string]any
	within("the channel to be used", func() bool {
		var status int
		status, sent = p.call(http.MethodPost, base+"/kling/v1/videos/text2video", token, order)
		return status == http.StatusOK
	})
	id, _ := sent["task_id"].(string)

	shown := p.json("task", "check", id)
	if shown["id"] != id || len(shown["ledger"].([]any)) != 1 || shown["timeline"] == nil {
		t.Errorf("task check shows %v", shown)
	}
	p.do("channel", "set", "1", "--max-live", "1")
	var held string
	within("the channel to be full", func() bool {
		_, waiting := p.call(http.MethodPost, base+"/kling/v1/videos/text2video", token, order)
		held, _ = waiting["task_id"].(string)
		return waiting["status"] == "pending"
	})
	p.do("channel", "drain", "1")
	if r := p.run("task", "check", held); r.code != 4 || !strings.Contains(r.err, "not been sent") {
		t.Errorf("checking a waiting task: %+v", r)
	}
	if r := p.run("task", "cancel", held); r.code != 1 || !strings.Contains(r.err, "--yes") {
		t.Errorf("cancelling unasked: %+v", r)
	}
	p.do("task", "cancel", held, "--yes")
	if got := p.json("task", "show", held); got["status"] != "failed" || got["fail_code"] != "cancelled" {
		t.Errorf("the cancelled task is %v", got)
	}
	if _, done := p.call(http.MethodGet, base+"/kling/v1/videos/"+id+"?wait=30", token, ""); done["status"] != "succeed" {
		t.Errorf("the task on the drained channel ended as %v", done)
	}
	if r := p.run("task", "check", id); r.code != 4 || !strings.Contains(r.err, "has ended") {
		t.Errorf("checking an ended task: %+v", r)
	}
	if r := p.run("task", "cancel", id, "-y"); r.code != 4 {
		t.Errorf("cancelling an ended task: %+v", r)
	}

	tokens := p.json("token", "list", "--user", "alice")["items"].([]any)
	tokenID := fmt.Sprint(tokens[0].(map[string]any)["id"])
	p.do("token", "revoke", tokenID, "--yes")
	within("the token to be gone", func() bool { return seen(http.StatusUnauthorized) })

	p.do("backup", "copy.db")
	old := *p
	old.env = append(slices.Clone(p.env), "SQL_DSN=sqlite://"+filepath.Join(p.dir, "copy.db"))
	if got := old.do("verify"); got != "The books agree.\n" {
		t.Errorf("verify of the copy: %s", got)
	}
	if got := old.json("task", "show", id); got["status"] != "succeed" {
		t.Errorf("the copy has the task as %v", got["status"])
	}
	if got := p.do("verify"); got != "The books agree.\n" {
		t.Errorf("verify: %s", got)
	}
}

// stock is a place with one of everything, made once.
var stock struct {
	sync.Mutex
	dir string
}

// stocked is a copy of the stock, without a server.
func stocked(t *testing.T) *place {
	t.Helper()
	stock.Lock()
	defer stock.Unlock()
	p := newPlace(t)
	if stock.dir == "" {
		p.fill()
		dir := filepath.Join(filepath.Dir(program), "stock")
		if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
			t.Fatal(err)
		}
		stock.dir = dir
	} else if err := os.CopyFS(p.dir, os.DirFS(stock.dir)); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) fill() {
	p.t.Helper()
	p.do("setup")
	p.do("channel", "add", "--base-url", "https://kling.invalid", "--key", accessKey+"|"+secretKey)
	p.do("group", "create", "vip", "--ratio", "0.8")
	p.do("user", "create", "alice", "--group", "vip")
	p.do("user", "grant", "alice", "--usd", "10", "--reason", "welcome")
	p.do("token", "create", "--user", "alice", "--name", "laptop", "--budget-usd", "5")
}

// destructions are the commands that take something away, what their question
// names, and how to see that it is still there.
var destructions = []struct {
	args  []string
	names []string
	there []string // a command that shows the thing
	has   string
}{
	{[]string{"token", "revoke", "2"}, []string{"token 2 laptop", "alice"}, []string{"token", "list"}, "laptop"},
	{[]string{"user", "delete", "alice"}, []string{"user 2 alice", "10.00 USD"}, []string{"user", "list"}, "alice"},
	{[]string{"group", "delete", "vip"}, []string{"group vip"}, []string{"group", "list"}, "vip"},
	{[]string{"channel", "delete", "1"}, []string{"channel 1 Kling AI", "https://kling.invalid"}, []string{"channel", "list"}, "kling.invalid"},
	{[]string{"price", "reset"}, []string{"built-in prices"}, []string{"price", "show", "price.kling-v1-6-pro"}, `"9"`},
	{[]string{"price", "restore", "1"}, []string{"version 1"}, []string{"price", "show", "price.kling-v1-6-pro"}, `"9"`},
	{[]string{"price", "set", "--file", "fewer.json"}, []string{"price.kling-v1-6-pro"}, []string{"price", "list"}, "price.kling-v1-6-pro  "},
	{[]string{"backup", "there.db"}, []string{"there.db exists"}, []string{"version"}, "one-api"},
	{[]string{"ledger", "export", "there.csv"}, []string{"there.csv exists"}, []string{"version"}, "one-api"},
}

func TestDestructionAsksFirst(t *testing.T) {
	t.Parallel()
	for _, d := range destructions {
		t.Run(strings.Join(d.args, " "), func(t *testing.T) {
			t.Parallel()
			p := stocked(t)
			p.prepare()
			if d.args[0] == "group" {
				p.do("user", "set", "alice", "--group", "default")
			}
			there := func() bool { return strings.Contains(p.do(d.there...), d.has) }
			r := p.feed("y\n", d.args...) // a pipe is nobody
			if r.code != 1 || !strings.Contains(r.err, "--yes") || !there() {
				t.Errorf("without a terminal: %+v", r)
			}
			for _, n := range d.names {
				if !strings.Contains(r.err, n) {
					t.Errorf("the question does not name %q: %s", n, r.err)
				}
			}
			for _, answer := range []string{"n\n", "\n", "yo\n"} {
				if r := p.answer(answer, d.args...); r.code != 1 || !strings.Contains(r.err, "[y/N]") || !strings.Contains(r.err, "nothing was changed") || !there() {
					t.Errorf("after the answer %q: %+v", answer, r)
				}
			}
			if r := p.answer("y\n", d.args...); r.code != 0 {
				t.Errorf("after y: %+v", r)
			}
			if d.has != "one-api" && there() {
				t.Error("it is still there")
			}
		})
	}
	t.Run("and --yes does not ask", func(t *testing.T) {
		t.Parallel()
		p := stocked(t)
		p.prepare()
		for _, d := range destructions {
			switch d.args[0] {
			case "user", "group", "channel", "token", "backup", "ledger":
				p.do(append(d.args, "--yes")...)
			}
		}
		if got := p.do("user", "list"); strings.Contains(got, "alice") {
			t.Errorf("alice is still there:\n%s", got)
		}
	})
}

// prepare makes what some destructions need.
func (p *place) prepare() {
	p.t.Helper()
	p.do("price", "set", "price.kling-v1-6-pro", "--amount", "9")
	for name, text := range map[string]string{"fewer.json": `{"remove":["price.kling-v1-6-pro"]}`, "there.db": "x", "there.csv": "x"} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{0, "", []string{"version"}},
		{0, "", []string{"user", "show", "2"}},
		{2, `no command "usr"`, []string{"usr"}},
		{2, `did you mean one of "list"`, []string{"user", "lst"}},
		{2, "one-api user create --help", []string{"user", "create"}},
		{2, "unknown flag --colour", []string{"user", "list", "--colour"}},
		{2, "--limit must be from 1 to 1000", []string{"user", "list", "--limit", "0"}},
		{2, "no cursor", []string{"user", "list", "--before", "x"}},
		{2, "--usd", []string{"user", "grant", "alice", "--usd", "ten", "--reason", "x"}},
		{2, "above zero", []string{"user", "grant", "alice", "--usd=-1", "--reason", "x"}},
		{2, "one-api user grant --help", []string{"user", "grant", "alice", "--reason", "x"}},
		{2, "can't be used together", []string{"user", "grant", "alice", "--usd", "1", "--quota", "5", "--reason", "x"}},
		{2, "say what to change", []string{"user", "set", "alice"}},
		{2, "say what to change", []string{"token", "set", "2"}},
		{2, "say what to change", []string{"channel", "set", "1"}},
		{2, "group", []string{"user", "create", "bob", "--group", "nobody"}},
		{2, "printable", []string{"user", "create", "a\x07b"}},
		{2, "--since", []string{"task", "list", "--since", "yesterday"}},
		{2, "in the future", []string{"token", "create", "--user", "alice", "--name", "x", "--expires", "2020-01-01"}},
		{2, "needs a key", []string{"channel", "add", "--base-url", "https://kling.invalid"}},
		{2, "base_url", []string{"channel", "add", "--base-url", "kling", "--key", "a|b"}},
		{2, "PORT", []string{"user", "list", "--port", "many"}},
		{2, "--file", []string{"price", "set"}},
		{2, "above zero", []string{"price", "set", "price.kling-v1-6-pro", "--amount", "0"}},
		{2, "--duration", []string{"price", "quote", "--model", "kling-v1-6-pro", "--duration", "7"}},
		{3, "one-api user list", []string{"user", "show", "nobody"}},
		{3, "Group", []string{"group", "set", "nobody", "--ratio", "1"}},
		{3, "Token 99", []string{"token", "revoke", "99"}},
		{3, "Channel 99", []string{"channel", "test", "99"}},
		{3, "nothing", []string{"task", "show", "nothing"}},
		{3, "version 99", []string{"price", "restore", "99"}},
		{3, "one-api price list", []string{"price", "show", "nothing"}},
		{3, "kling-v9", []string{"price", "quote", "--model", "kling-v9"}},
		{4, "token create", []string{"setup"}},
		{4, "exists already", []string{"user", "create", "alice"}},
		{4, "exists already", []string{"group", "create", "vip"}},
		{4, "1 users", []string{"group", "delete", "vip", "-y"}},
		{4, "default group", []string{"group", "delete", "default", "-y"}},
		{4, "last enabled root", []string{"user", "delete", "root", "-y"}},
		{4, "last enabled root", []string{"user", "set", "root", "--role", "user"}},
		{1, "does not allow", []string{"user", "adjust", "alice", "--usd=-11", "--reason", "x"}},
		{1, "does not work", []string{"channel", "test", "1"}},
		{1, "nothing would change", []string{"price", "reset"}},
	} {
		r := p.run(c.args...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("one-api %q ended with %d, want %d and %q: %s", c.args, r.code, c.code, c.says, r.err)
		}
		if c.code != 0 && (strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "one-api: ")) {
			t.Errorf("one-api %q complains in more than a line: %q", c.args, r.err)
		}
		if strings.Contains(r.out+r.err, secretKey) {
			t.Errorf("one-api %q shows the key", c.args)
		}
	}
}

// docs/cli.md names every command with its line of help.
func TestThePageAboutCommandsNamesEach(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	eachCommand(t, func(n *cli.Command) {
		path := strings.Join(strings.Fields(n.Path())[1:], " ")
		if len(n.Children) == 0 && !strings.Contains(string(text), fmt.Sprintf("| `%s` | %s |", path, n.Help)) {
			t.Errorf("docs/cli.md has no line: | `%s` | %s |", path, n.Help)
		}
	})
}

func TestExitCodeOfARefusalIsItsClass(t *testing.T) {
	t.Parallel()
	for code, want := range map[fault.Code]int{
		fault.Invalid: 2, fault.NotFound: 3, fault.Conflict: 4, fault.Unprocessable: 1, fault.Unavailable: 1, fault.Forbidden: 1,
	} {
		if got := exitCode(fmt.Errorf("wrapped: %w", fault.New(code, "x"))); got != want {
			t.Errorf("%s ends with %d, want %d", code, got, want)
		}
	}
}

func TestARepeatedGrantIsMadeOnce(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	grant := []string{"user", "grant", "alice", "--quota", "500000", "--paid", "--reason", "invoice", "--reference", "invoice 17"}
	p.do(grant...)
	if r := p.run(grant...); r.code != 4 || !strings.Contains(r.err, "invoice 17") {
		t.Errorf("the second: %+v", r)
	}
	if got := p.json("user", "show", "alice")["available"]; got != 5_500_000. {
		t.Errorf("alice has %v", got)
	}
	statement := p.json("ledger", "statement", "alice")
	if c := statement["closing"].(map[string]any); c["available"] != 5_500_000. {
		t.Errorf("the statement closes with %v", c)
	}
	p.do("user", "adjust", "alice", "--usd=-0.50", "--reason", "charged twice")
	if got := p.json("user", "show", "alice")["available"]; got != 5_250_000. {
		t.Errorf("after the correction alice has %v", got)
	}
}

func TestWebhooksAreAddedRotatedAndDeleted(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	made := p.json("webhook", "add", "--user", "alice", "http://8.8.8.8/hook", "--events", "task.failed")
	secret, _ := made["secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("made %v", made)
	}
	items, _ := p.json("webhook", "list", "--user", "alice")["items"].([]any)
	if len(items) != 1 || strings.Contains(fmt.Sprint(items), "whsec_") {
		t.Errorf("listed %v", items)
	}
	if got := p.json("webhook", "rotate", "1")["secret"]; got == secret || got == nil {
		t.Errorf("rotated to %v", got)
	}
	if items, ok := p.json("webhook", "deliveries", "--webhook", "1")["items"].([]any); !ok || len(items) != 0 {
		t.Errorf("deliveries %v", items)
	}
	if got := p.do("webhook", "redeliver", "--webhook", "1", "--since", "24h"); !strings.Contains(got, "0 deliveries") {
		t.Errorf("sent again: %s", got)
	}
	p.do("webhook", "rm", "1", "--yes")
	if items, _ := p.json("webhook", "list")["items"].([]any); len(items) != 0 {
		t.Errorf("left %v", items)
	}
}

func TestReadingCommandsPrintOneDocument(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	for _, c := range []struct {
		args   []string
		fields string // of the document, or of the first item
	}{
		{[]string{"config"}, "name value source"},
		{[]string{"version"}, "version"},
		{[]string{"user", "list"}, "id name display_name email role status group has_password created_at version"},
		{[]string{"user", "show", "alice"}, "id name role status group available held tokens live_tasks sessions passkeys totp"},
		{[]string{"group", "list"}, "name title ratio users version"},
		{[]string{"token", "list"}, "id user_id user name prefix access_key test status expired budget models networks rate created_at version"},
		{[]string{"channel", "list"}, "id type name base_url keys models groups priority weight max_live status live_tasks created_at version"},
		{[]string{"channel", "show", "1"}, "id keys status"},
		{[]string{"price", "list"}, "version actor note created_at rules"},
		{[]string{"price", "show", "price.kling-v1-6-pro"}, "id book match amount per"},
		{[]string{"price", "versions"}, "version actor note created_at"},
		{[]string{"price", "preview", "price.kling-v1-6-pro", "--amount", "1"}, "version changes orders"},
		{[]string{"price", "quote", "--model", "kling-v1-6-pro", "--user", "alice"}, "quota usd rule version explanation group group_ratio route"},
		{[]string{"task", "list"}, ""},
		{[]string{"ledger", "list"}, "id at kind user_id user actor available held postings"},
		{[]string{"ledger", "statement", "alice"}, "user_id user since until opening closing kinds"},
		{[]string{"migrate", "--status"}, "version name state applied_at"},
		{[]string{"verify"}, "ok mismatches"},
		{[]string{"user", "set", "alice", "--email", "alice@example.com"}, "id email"},
		{[]string{"user", "reset-password", "alice"}, "token link expires_at"},
		{[]string{"token", "set", "2", "--rate", "7"}, "id rate"},
		{[]string{"channel", "set", "1", "--priority", "3"}, "id priority"},
		{[]string{"channel", "disable", "1"}, "id status"},
	} {
		doc := p.json(c.args...)
		if items, ok := doc["items"].([]any); ok {
			if c.fields == "" {
				continue
			}
			if len(items) == 0 {
				t.Errorf("%s lists nothing", c.args)
				continue
			}
			doc = items[0].(map[string]any)
		}
		for _, f := range strings.Fields(c.fields) {
			if _, ok := doc[f]; !ok {
				t.Errorf("one-api %s --json has no %s: %v", strings.Join(c.args, " "), f, doc)
			}
		}
		if text := fmt.Sprint(doc); strings.Contains(text, secretKey) {
			t.Errorf("one-api %s --json shows the key", strings.Join(c.args, " "))
		}
	}
	// The group's ratio counts: 1.2 USD × 1.2 for 16:9 × 0.8.
	if got := p.json("price", "quote", "--model", "kling-v1-6-pro", "--user", "alice")["usd"]; got != "1.152" {
		t.Errorf("alice pays %v", got)
	}
}

func TestListsGoOnWhereThePageEnded(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	for _, what := range []string{"user", "ledger", "token"} {
		var seen []any
		before := []string{}
		for range 10 {
			doc := p.json(append([]string{what, "list", "--limit", "1"}, before...)...)
			for _, i := range doc["items"].([]any) {
				seen = append(seen, i.(map[string]any)["id"])
			}
			next, ok := doc["next_cursor"].(string)
			if !ok {
				break
			}
			before = []string{"--before", next}
		}
		if len(seen) != 2 || seen[0] == seen[1] {
			t.Errorf("%s list showed %v", what, seen)
		}
	}
}

func TestAKeyComesByFlagEnvironmentOrStandardInput(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	add := []string{"channel", "add", "--base-url", "https://kling.invalid"}
	p.do(append(add, "--key", "a-key|and-its-secret-of-32-characters")...)
	if r := p.feed("one-key|and-its-secret-of-32-characters\ntwo-key|and-its-secret-of-32-characters\n", append(add, "--key-stdin")...); r.code != 0 {
		t.Errorf("--key-stdin: %+v", r)
	}
	p.env = append(p.env, "KLING_KEY=env-key|and-its-secret-of-32-characters")
	p.do(add...)
	var keys []int
	for _, c := range p.json("channel", "list")["items"].([]any) {
		keys = append(keys, len(c.(map[string]any)["keys"].([]any)))
	}
	if d := cmp.Diff([]int{1, 2, 1}, keys); d != "" {
		t.Errorf("keys by channel: %s", d)
	}
	// KLING_KEY is for new channels: an edit of another field keeps the keys.
	was := p.json("channel", "show", "1")["keys"]
	now := p.json("channel", "set", "1", "--weight", "2")["keys"]
	if d := cmp.Diff(was, now); d != "" {
		t.Errorf("the edit changed the keys: %s", d)
	}
	if r := p.feed("three-key|and-its-secret-of-32-characters", "channel", "set", "1", "--add-key-stdin"); r.code != 0 {
		t.Errorf("--add-key-stdin: %+v", r)
	}
	id := was.([]any)[0].(map[string]any)["id"].(string)
	if left := p.json("channel", "set", "1", "--remove-key", id)["keys"].([]any); len(left) != 1 || left[0].(map[string]any)["id"] == id {
		t.Errorf("after --remove-key: %v", left)
	}
}

func TestAPasswordIsSetFromStandardInput(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	if r := p.feed("short\n", "user", "reset-password", "alice", "--password-stdin"); r.code != 2 || !strings.Contains(r.err, "10 to 256") {
		t.Errorf("a short one: %+v", r)
	}
	if r := p.feed("a long enough password\n", "user", "reset-password", "alice", "--password-stdin"); r.code != 0 || strings.Contains(r.out+r.err, "enough") {
		t.Errorf("a good one: %+v", r)
	}
	if got := p.json("user", "show", "alice")["has_password"]; got != true {
		t.Errorf("has_password is %v", got)
	}
	link := p.do("user", "reset-password", "alice")
	if !regexp.MustCompile(`^http://127\.0\.0\.1:3000/reset\?token=\S{40,}\n`).MatchString(link) {
		t.Errorf("the link is %q", link)
	}
}

func TestPricesFromAFile(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	if err := os.WriteFile(filepath.Join(p.dir, "prices.json"), []byte(p.do("price", "list", "--json")), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := p.run("price", "set", "--file", "prices.json"); r.code != 1 || !strings.Contains(r.err, "nothing would change") {
		t.Errorf("the same list: %+v", r)
	}
	for name, text := range map[string]string{
		"typo.json":  `{"set":[{"id":"x","bok":"price"}]}`,
		"both.json":  `{"rules":[],"remove":["x"]}`,
		"empty.json": `{}`,
		"words.json": `prices`,
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := p.run("price", "set", "--file", name); r.code != 2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	set := `{"set":[{"id":"price.new","book":"price","match":{"models":["kling-new"]},"amount":"0.25","per":"second"}]}`
	if err := os.WriteFile(filepath.Join(p.dir, "set.json"), []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	p.do("price", "set", "--file", "set.json", "--note", "a new model")
	if got := p.json("price", "show", "price.new")["amount"]; got != "0.25" {
		t.Errorf("the new rule's amount is %v", got)
	}
	if got := p.json("price", "versions")["items"].([]any)[0].(map[string]any); got["note"] != "a new model" || got["actor"] != "cli" {
		t.Errorf("the version is %v", got)
	}
	order := `{"model_name":"kling-v1-6","mode":"std","image":"https://example.com/a.png","prompt":"x","duration":"10"}`
	if r := p.feed(order, "price", "quote", "--route", "/v1/videos/image2video", "--body", "-"); r.code != 0 || !strings.Contains(r.out, "10 s") {
		t.Errorf("the quote of a whole order: %+v", r)
	}
}

func TestTheExportIsSafeInASpreadsheet(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	p.do("user", "grant", "alice", "--usd", "1", "--reason", "=HYPERLINK(evil)", "--reference", "+1")
	p.do("ledger", "export", "out.csv", "--user", "alice")
	got, err := os.ReadFile(filepath.Join(p.dir, "out.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), ",'+1,cli,'=HYPERLINK(evil),500000,1.00,") || strings.Count(string(got), "\n") != 3 {
		t.Errorf("the export is\n%s", got)
	}
	if out := p.do("ledger", "export", "-", "--user", "alice"); out != string(got) {
		t.Errorf("standard output gets something else:\n%s", out)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestABackupIsPrivateAndNamesTheKey(t *testing.T) {
	t.Parallel()
	p := stocked(t)
	r := p.run("backup", "copy.db")
	if r.code != 0 || !strings.Contains(r.err, "data/encryption.key") {
		t.Errorf("backup: %+v", r)
	}
	info, err := os.Stat(filepath.Join(p.dir, "copy.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	if r := p.run("backup", "data/one-api.db", "-y"); r.code != 1 || !strings.Contains(r.err, "must not be the database itself") {
		t.Errorf("backup onto itself: %+v", r)
	}
	if r := p.run("backup", "no/such/dir/copy.db"); r.code != 1 {
		t.Errorf("backup into nowhere: %+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if r := newPlace(t).run("backup", "copy.db"); r.code != 1 || !strings.Contains(r.err, "no database") {
		t.Errorf("backup of nothing: %+v", r)
	}
}

func TestOtherDatabasesAreBackedUpByTheirOwnTools(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"root:geheim@tcp(db.example.com:3306)/oneapi?charset=utf8mb4": "mysqldump --single-transaction -h db.example.com -P 3306 -u root -p oneapi > one-api.sql",
		"root:geheim@unix(/run/mysqld.sock)/one api":                  "mysqldump --single-transaction -S /run/mysqld.sock -u root -p 'one api' > one-api.sql",
		"postgres://me:geheim@db.example.com:5432/oneapi?sslmode=off": "pg_dump --format=custom --file=one-api.dump postgres://me@db.example.com:5432/oneapi",
	} {
		p := newPlace(t)
		p.env = append(p.env, "SQL_DSN="+dsn)
		if r := p.run("backup", "copy"); r.code != 1 || !strings.HasSuffix(r.err, want+"\n") || strings.Contains(r.err, "geheim") {
			t.Errorf("%s: %+v", dsn, r)
		}
	}
}

func TestMigrateShowsAndDoesWhatIsPending(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if got := p.do("migrate", "--status"); strings.Contains(got, "applied") || !strings.Contains(got, "0001_core.sql") {
		t.Errorf("before: %s", got)
	}
	if left, _ := os.ReadDir(p.dir); len(left) > 0 {
		t.Errorf("--status made %v", left)
	}
	if got := p.do("migrate"); strings.Contains(got, "pending") || !strings.Contains(got, "applied now") || strings.HasSuffix(got, "\n0 migrations applied now\n") {
		t.Errorf("migrate: %s", got)
	}
	if got := p.do("migrate"); !strings.HasSuffix(got, "\n0 migrations applied now\n") {
		t.Errorf("again: %s", got)
	}
}

func TestShellsCompleteCommandsFlagsAndWords(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := p.do("completion", shell); !strings.Contains(got, "'"+program+"'") || !strings.Contains(got, "one-api") {
			t.Errorf("%s gets:\n%s", shell, got)
		}
	}
	for line, want := range map[string]string{
		"one-api ":                              "channel",
		"one-api chan":                          "channel",
		"one-api channel ":                      "add",
		"one-api channel add --ba":              "--base-url",
		"one-api user list --status ":           "disabled",
		"one-api completion ":                   "zsh",
		"one-api user delete alice --y":         "--yes",
		"one-api token create --user alice --b": "--budget-usd",
	} {
		asked := *p
		asked.env = append(slices.Clone(p.env), "COMP_LINE="+line)
		if got := strings.Fields(asked.do()); !slices.Contains(got, want) {
			t.Errorf("%q completes to %q, not %s", line, got, want)
		}
	}
	asked := *p
	asked.env = append(slices.Clone(p.env), "COMP_LINE=one-api user list --max-")
	if got := asked.do(); strings.Contains(got, "--max-body-mb") {
		t.Errorf("it completes a server's flag: %s", got)
	}
	cmd := exec.Command("bash", "-c", `eval "$(one-api completion bash)" && complete -p one-api`)
	cmd.Dir, cmd.Env = p.dir, p.env
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), program) {
		t.Errorf("bash: %v %s", err, out)
	}
}

func TestProgressIsForPeopleOnly(t *testing.T) {
	t.Parallel()
	for watched, want := range map[bool]string{true: "\r\x1b[Kcopying 3 of 7 MB, 0s\r\x1b[K", false: ""} {
		var seen bytes.Buffer
		term := &terminal{err: &seen, watched: watched}
		say, done := term.progress("copying")
		say("%d of %d MB", 3, 7)
		done()
		say("too late")
		if got := seen.String(); got != want {
			t.Errorf("watched %t: %q, want %q", watched, got, want)
		}
	}
}

func TestTablesShowOnlyWhatPrints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := (&terminal{out: &out}).table("NAME | WHEN", [][]any{{"a\x1b[31mb\n", time.Time{}}, {"", true}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "NAME      WHEN\na [31mb   -\n-         yes\n"; got != want {
		t.Errorf("the table is %q, want %q", got, want)
	}
}
