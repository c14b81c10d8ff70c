package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"one-api/internal/app"
	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// badRequest is one entry of testdata/bad-requests.json: a request that must be
// refused, and with what.
type badRequest struct {
	Group, Name string
	Method      string
	Path        text
	Token       string            // who sends it, see corpus.tokens; "": somebody who may
	Headers     map[string]header // beside Authorization and Content-Type
	Body        *text
	Chunked     bool // the body has no declared length
	Raw         *text
	Status      int
	Code        string // error.code; "*": any
	Plain       bool   // refused by the HTTP server, before the gateway has a request
}

// text is a string, or one that is made: {"before","repeat","times","after"}
// or {"base64"}.
type text string

func (x *text) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		return json.Unmarshal(b, (*string)(x))
	}
	var made struct {
		Before, Repeat, After, Base64 string
		Times                         int
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&made); err != nil {
		return err
	}
	plain, err := base64.StdEncoding.DecodeString(made.Base64)
	*x = text(made.Before + strings.Repeat(made.Repeat, made.Times) + made.After + string(plain))
	return err
}

// header is one value or several.
type header []string

func (h *header) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(h))
	}
	*h = make(header, 1)
	return json.Unmarshal(b, &(*h)[0])
}

// corpus is the world that the bad requests are sent to.
type corpus struct {
	*world
	tokens map[string]string
	names  *strings.Replacer // of what stands in paths in braces
}

func TestBadRequestsAreRefusedAndLeaveNoTrace(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(filepath.Join("testdata", "bad-requests.json"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []badRequest
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) < 100 {
		t.Fatalf("the corpus has %d entries, want at least 100", len(entries))
	}
	c := newCorpus(t)
	for _, e := range entries {
		t.Run(e.Group+"/"+e.Name, func(t *testing.T) { c.refuses(t, e) })
	}
}

func newCorpus(t *testing.T) *corpus {
	w := newWorld(t, setup{
		sim:     klingsim.Options{NoCallbacks: true},
		account: func(a *klingsim.Account) { a.APIKeys = append(a.APIKeys, "corpus-key") },
		channel: func(n *store.NewChannel) { n.Keys = "corpus-key" },
		options: func(o *app.Options) { o.MaxBody = 1 << 20 },
	})
	me, other := w.user, w.newCaller(w.setup.balance)
	own := me.order(`{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"own-1"}`, "Idempotency-Key: own-key")
	theirs := other.order(`{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"other-1"}`)
	me.succeeded(own)
	other.succeeded(theirs)

	one := money.Quota(1)
	gone := w.newCaller(w.setup.balance)
	w.switchOff("users", gone.user.ID)
	revoked := me.with(store.NewToken{})
	w.switchOff("tokens", revoked.token.ID)
	w.refresh()
	return &corpus{
		world: w,
		tokens: map[string]string{
			"": me.text, "none": "", "revoked": revoked.text, "disabled user": gone.text,
			"expired":   me.with(store.NewToken{ExpiresAt: time.Now().Add(-time.Minute)}).text,
			"poor":      w.newCaller(1).text,
			"spent":     me.with(store.NewToken{Limit: &one}).text,
			"one model": me.with(store.NewToken{Models: []string{"kling-v1-6-pro"}}).text,
			"elsewhere": me.with(store.NewToken{Networks: []string{"203.0.113.0/24"}}).text,
		},
		names: strings.NewReplacer("{own}", own, "{other}", theirs, "{own_upstream}", w.upstream(own).ID,
			"{other_upstream}", w.upstream(theirs).ID, "{token}", me.text),
	}
}

// trace is all that a request could leave behind: money, tasks, calls to Kling.
func (c *corpus) trace() string {
	calls := 0
	for _, n := range c.sim.Requests() {
		calls += n
	}
	return fmt.Sprint(
		c.rows("SELECT id, balance FROM accounts ORDER BY id"),
		c.rows("SELECT token_id, held, used FROM token_budgets ORDER BY token_id"),
		c.rows(`SELECT (SELECT COUNT(*) FROM videos), (SELECT COUNT(*) FROM journal), (SELECT COUNT(*) FROM postings),
			(SELECT COUNT(*) FROM attempts), (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM idempotency_keys), (SELECT COUNT(*) FROM callbacks)`),
		" calls ", calls)
}

func (c *corpus) refuses(t *testing.T, e badRequest) {
	c = &corpus{c.in(t), c.tokens, c.names}
	before := c.trace()
	var a answer
	if e.Raw != nil {
		a = c.shout(c.names.Replace(string(*e.Raw)))
	} else {
		a = c.send(e)
	}
	if a.status != e.Status {
		t.Errorf("answered %s, want %d", a, e.Status)
	}
	// A caller may read the address it called from, and the request's id is random.
	plain := strings.NewReplacer("used from 127.0.0.1", "", a.text("request_id"), "").Replace(a.body)
	if told := internals.FindString(plain); told != "" {
		t.Errorf("the answer tells of the inside: %q in %s", told, a)
	}
	if after := c.trace(); after != before {
		t.Errorf("it left a trace: before %s\nafter %s", before, after)
	}
	if e.Plain {
		return
	}
	if got := a.text("error.code"); got != e.Code && e.Code != "*" || got == "" {
		t.Errorf("error.code is %q, want %q: %s", got, e.Code, a)
	}
	if a.text("error.message") == "" || a.text("error.type") == "" || a.text("message") != a.text("error.message") || a.get("code").Int() < 1000 {
		t.Errorf("the refusal is not whole: %s", a)
	}
	if len(a.body) > 2000 {
		t.Errorf("the answer has %d bytes: it repeats what it was sent", len(a.body))
	}
	id := a.text("request_id")
	if !requestID.MatchString(id) || a.header.Get("X-Request-Id") != id {
		t.Errorf("request_id is %q, in the header %q", id, a.header.Get("X-Request-Id"))
	}
	if ct := a.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		t.Errorf("the content type is %q", ct)
	}
	for _, wrong := range []struct {
		status int
		header string
	}{
		{http.StatusMethodNotAllowed, "Allow"}, {http.StatusUnauthorized, "WWW-Authenticate"}, {http.StatusTooManyRequests, "Retry-After"},
	} {
		if a.status == wrong.status && a.header.Get(wrong.header) == "" {
			t.Errorf("a %d without %s: %s", a.status, wrong.header, a)
		}
	}
	if a.header.Get("X-Injected") != "" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("the answer has headers of the caller's making: %v", a.header)
	}
}

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// send makes a request that is HTTP, at least.
func (c *corpus) send(e badRequest) answer {
	c.t.Helper()
	var body io.Reader = http.NoBody
	if e.Body != nil {
		body = strings.NewReader(string(*e.Body))
		if e.Chunked {
			body = struct{ io.Reader }{body} // of unknown length
		}
	}
	req, err := http.NewRequest(e.Method, c.nodes[0].url+c.names.Replace(string(e.Path)), body)
	if err != nil {
		c.t.Fatal(err)
	}
	token, ok := c.tokens[e.Token]
	if !ok {
		token = e.Token // as it stands
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if e.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range e.Headers {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.read(resp)
}

// shout sends bytes that need not be HTTP.
func (c *corpus) shout(raw string) answer {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.nodes[0].url, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, raw); err != nil {
		c.t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Fatalf("no answer that is HTTP: %v", err)
	}
	return c.read(resp)
}

func (c *corpus) read(resp *http.Response) answer {
	c.t.Helper()
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// internals are words that no caller should read: of the database, of Go, of
// this machine.
var internals = regexp.MustCompile(`(?i)\bsql\b|sqlite|mysql|postgres|\bpgx\b|\bbun\b|gjson|goroutine|panic|runtime error|nil pointer` +
	`|\bjson: |strconv\.|invalid character|cannot unmarshal|unexpected end of JSON|unexpected EOF|\bEOF\b|http: |net/http|dial tcp|connection refused` +
	`|\.go:\d|/internal/|0x[0-9a-f]{6}|stack trace|127\.0\.0\.1|localhost|%!`)
