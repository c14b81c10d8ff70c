package e2e_test

import (
	"database/sql"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// block is one piece of code in the guide. The words after its language say
// when it runs; "text" is for eyes only.
type block struct {
	language string
	words    []string
	code     string
}

func (b block) is(word string) bool { return slices.Contains(b.words, word) }

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```")

func guideBlocks(t *testing.T, name string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(m[1])
		if len(words) == 0 {
			t.Fatalf("%s has a block without a language: %.60q", name, m[2])
		}
		if words[0] != "text" {
			out = append(out, block{words[0], words[1:], m[2]})
		}
	}
	return out
}

func TestBothLanguagesOfTheGuideHaveTheSameCode(t *testing.T) {
	comment := regexp.MustCompile(`(?m)^(#|--) .*\n`)
	var codes [2][]string
	for i, name := range []string{"guide.md", "guide.zh.md"} {
		for _, b := range guideBlocks(t, name) {
			codes[i] = append(codes[i], strings.Join(append([]string{b.language}, b.words...), " ")+"\n"+comment.ReplaceAllString(b.code, ""))
		}
	}
	if d := cmp.Diff(codes[0], codes[1]); d != "" {
		t.Errorf("English (-) and Chinese (+) differ:\n%s", d)
	}
}

// The whole guide, as a person follows it, on SQLite and on MariaDB or MySQL.
func TestTheGuideWorksAsWritten(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl on this machine")
	}
	for _, d := range []store.Dialect{store.SQLite, store.MySQL} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			newReader(t, d).follow()
		})
	}
}

// reader follows the guide in a directory of its own.
type reader struct {
	t       *testing.T
	dialect store.Dialect
	dir     string
	base    string
	env     []string
	db      *sql.DB           // MySQL's prompt
	vars    map[string]string // what stands in the guide → what it is here
}

func newReader(t *testing.T, d store.Dialect) *reader {
	acc := klingsim.DemoAccount()
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acc}, ToEnd: 500 * time.Millisecond})
	upstream := httptest.NewServer(sim)
	t.Cleanup(func() { upstream.Close(); sim.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	r := &reader{t: t, dialect: d, dir: t.TempDir(), base: "http://" + addr}
	r.vars = map[string]string{
		"https://your-domain.com": r.base, "https://api-singapore.klingai.com": upstream.URL, "https://api.klingai.com": upstream.URL,
		"YOUR_API_KEY_HERE": acc.APIKeys[0].Reveal(),
	}
	if d == store.MySQL {
		dsn := storetest.NewDatabase(t, d)
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		name := cfg.DBName
		r.vars["EXISTS oneapi "] = "EXISTS " + name + " "
		address, _, _ := strings.Cut(cfg.FormatDSN(), "/")
		r.vars["root:password@tcp(localhost:3306)/oneapi"] = address + "/" + name
		if r.db, err = sql.Open("mysql", dsn); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.db.Close() })
	}
	if err := os.Symlink(binary(t), filepath.Join(r.dir, "one-api")); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "PORT="+port, "HOST=127.0.0.1")
	return r
}

// here puts this test's addresses and keys in place of the guide's.
func (r *reader) here(code string) string {
	for from, to := range r.vars {
		code = strings.ReplaceAll(code, from, to)
	}
	return code
}

// shell runs a block as a person types it and returns what it printed.
func (r *reader) shell(code string) string {
	r.t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", r.here(code))
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v in:\n%s\nprinted:\n%s", err, r.here(code), out)
	}
	return string(out)
}

// background runs the block that starts the gateway and ends what it started
// when the test does.
func (r *reader) background(code string) {
	r.t.Helper()
	cmd := exec.Command("bash", "-c", r.here(code))
	cmd.Dir, cmd.Env = r.dir, r.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Run(); err != nil {
		r.t.Fatal(err)
	}
	group := cmd.Process.Pid
	r.t.Cleanup(func() {
		_ = syscall.Kill(-group, syscall.SIGTERM)
		for range 400 { // the gateway is not our child; its port tells when it has gone
			resp, err := http.Get(r.base + "/healthz")
			if err != nil {
				return
			}
			_ = resp.Body.Close()
			time.Sleep(25 * time.Millisecond)
		}
		_ = syscall.Kill(-group, syscall.SIGKILL)
		r.t.Error("the gateway did not stop")
	})
	r.wait("the gateway to be ready", func() bool { return r.get("/readyz", "") != "" })
}

// wait polls the outside of a process that cannot signal us.
func (r *reader) wait(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	log, _ := os.ReadFile(filepath.Join(r.dir, "logs", "oneapi.out"))
	r.t.Fatalf("waited in vain for %s; the gateway printed:\n%s", what, log)
}

func (r *reader) get(path, token string) string {
	req, err := http.NewRequest(http.MethodGet, r.base+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// prompt runs the statements of a block at the database's prompt and returns
// the rows of the last.
func (r *reader) prompt(code string) [][]string {
	r.t.Helper()
	var last [][]string
	for statement := range strings.SplitSeq(r.here(code), ";") {
		if strings.TrimSpace(regexp.MustCompile(`(?m)^--.*$`).ReplaceAllString(statement, "")) == "" {
			continue
		}
		rows, err := r.db.Query(statement)
		if err != nil {
			r.t.Fatalf("%v in:\n%s", err, statement)
		}
		last = texts(r.t, rows)
	}
	return last
}

func texts(t *testing.T, rows *sql.Rows) [][]string {
	t.Helper()
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		cells, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cols))
		for i, c := range cells {
			row[i] = c.String
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// follow does what the guide says, and looks whether it got what it promises.
func (r *reader) follow() {
	t := r.t
	blocks := guideBlocks(t, "guide.md")
	later := func(b block) bool { return b.is("after-start") || b.is("after-task") || b.is("start") }
	for _, b := range blocks {
		if !later(b) {
			r.do(b)
		}
	}
	for _, b := range blocks {
		if b.is("start") {
			r.background(b.code)
		}
	}
	token := r.vars["your_token_here"]
	r.wait("the channel to be offered", func() bool { return gjson.Get(r.get("/v1/models", token), "data.#").Int() == 4 })
	for _, b := range blocks {
		if b.is("after-start") {
			r.do(b)
		}
	}
	id := r.vars["kling_abc123..."]
	got := r.get("/kling/v1/videos/"+id+"?wait=30", token)
	if gjson.Get(got, "status").String() != "succeed" || gjson.Get(got, "quota").Int() != 300_000 || gjson.Get(got, "video_url").String() == "https://example.com/video.mp4" {
		t.Errorf("the guide's task ended as %s", got)
	}
	for _, b := range blocks {
		if b.is("after-task") {
			r.do(b)
		}
	}
	if r.db != nil {
		for _, row := range r.prompt("SELECT `key` FROM channels") {
			if !strings.HasPrefix(row[0], "sealed:") {
				t.Errorf("a channel's key is stored as %.10s…", row[0])
			}
		}
	}
}

// do runs one block and checks its promise.
func (r *reader) do(b block) {
	t := r.t
	t.Helper()
	switch {
	case b.language == "sql" && r.dialect != store.MySQL:
		return
	case b.language == "sql":
		rows := r.prompt(b.code)
		if strings.Contains(b.code, "DESCRIBE videos") {
			r.columns(rows)
		}
	case b.is("env"):
		code := r.here(b.code)
		if r.dialect != store.MySQL {
			code = regexp.MustCompile(`(?m)^SQL_DSN=.*\n`).ReplaceAllString(code, "")
		}
		if err := os.WriteFile(filepath.Join(r.dir, ".env"), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		out := r.shell(b.code)
		switch {
		case b.is("capture-token"):
			m := regexp.MustCompile(`sk-\w+`).FindString(out)
			if m == "" {
				t.Fatalf("setup printed no token:\n%s", out)
			}
			r.vars["your_token_here"] = m
		case b.is("capture-task"):
			answer := out[strings.Index(out, "{"):]
			id := gjson.Get(answer, "task_id").String()
			if id == "" || gjson.Get(answer, "kling_task_id").String() == "" || gjson.Get(answer, "status").String() != "submitted" || gjson.Get(answer, "message").String() == "" {
				t.Fatalf("the order was answered with:\n%s", out)
			}
			r.vars["kling_abc123..."] = id
		case strings.Contains(b.code, "callback/test"):
			if strings.TrimSpace(out) != "404" {
				t.Errorf("the callback test printed %q", out)
			}
		case strings.Contains(b.code, "grep -i kling"):
			if !strings.Contains(out, "provider=kling") || !strings.Contains(out, "billing: held") {
				t.Errorf("grep found:\n%s", out)
			}
		}
	}
}

// columns checks the guide's list of columns.
func (r *reader) columns(rows [][]string) {
	var have []string
	for _, row := range rows {
		have = append(have, row[0])
		if row[0] == "task_id" && row[3] != "PRI" {
			r.t.Error("task_id is not the primary key")
		}
	}
	for _, want := range strings.Fields("task_id video_id user_id channel_id model provider type status quota prompt duration store_url fail_reason created_at") {
		if !slices.Contains(have, want) {
			r.t.Errorf("table videos has no column %s", want)
		}
	}
}
