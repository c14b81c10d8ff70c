package callback_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"one-api/internal/callback"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// books is a store with a few tasks that counts how often it is asked.
type books struct {
	tasks    map[string]task.Task
	away     bool
	reads    int
	recorded []store.Callback
	late     []string
}

func (b *books) Task(_ context.Context, id string) (task.Task, error) {
	b.reads++
	if b.away {
		return task.Task{}, fault.New(fault.Unavailable, "The database is not reachable.")
	}
	t, ok := b.tasks[id]
	if !ok {
		return t, fault.New(fault.NotFound, "Task %s does not exist.", id)
	}
	return t, nil
}

func (b *books) RecordCallback(c store.Callback) error {
	if b.away {
		return fault.New(fault.Unavailable, "The database is not reachable.")
	}
	b.recorded = append(b.recorded, c)
	return nil
}

func (b *books) Attempts(_ context.Context, id string) ([]task.Attempt, error) {
	return []task.Attempt{{TaskID: id, N: 1, Ref: id, ChannelID: 1, Outcome: "throttled"}}, nil
}

func (b *books) AskLate(_ context.Context, t task.Task) error {
	b.late = append(b.late, t.Ref)
	return nil
}

func (b *books) Now() time.Time { return now }

// upstream reads "says:<upstream id>:<status>" and knows one signature.
type upstream struct{ provider.Provider }

func (upstream) ReadCallback(_ provider.Credential, _ time.Time, h http.Header, body []byte) (provider.Report, bool, error) {
	switch h.Get("X-Signature") {
	case "":
		return provider.Report{UpstreamID: "up-1", Status: provider.Succeeded}, false, nil
	case "good":
		return provider.Report{UpstreamID: "up-1", Status: provider.Succeeded}, true, nil
	}
	return provider.Report{}, false, errors.New("the signature is wrong")
}

// world is a receiver with a live, an ended and another live task.
type world struct {
	http.Handler
	books  *books
	keys   *secret.Keyring
	nudges []string
	log    bytes.Buffer
}

const (
	live  = "kling_01jv0000000000000000000000000000000a"
	other = "kling_01jv0000000000000000000000000000000b"
	ended = "kling_01jv0000000000000000000000000000000c"
	gone  = "kling_01jv0000000000000000000000000000000d"
	lost  = "kling_01jv0000000000000000000000000000000e"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := secret.NewKeyring(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{keys: keys, books: &books{tasks: map[string]task.Task{
		live:  {ID: live, Provider: "kling", Status: task.Submitted, UpstreamID: "up-1", Attempt: 2, ChannelID: 1},
		other: {ID: other, Provider: "kling", Status: task.Processing, UpstreamID: "up-2", Attempt: 1, ChannelID: 1},
		lost:  {ID: lost, Provider: "kling", Status: task.Failed, FailCode: task.Expired, Attempt: 2, Ref: lost + "-2", ChannelID: 1},
		ended: {ID: ended, Provider: "kling", Status: task.Succeeded, UpstreamID: "up-3", Attempt: 1, ChannelID: 1},
	}}}
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	service := &generation.Service{Directory: &directory.Directory{}, Log: log}
	service.Upstreams.Add(provider.Driver{Name: "kling"}, upstream{})
	fail := func(rw http.ResponseWriter, _ *http.Request, f *fault.Error) {
		_ = httpkit.JSON(rw, httpkit.Status(f.Code), map[string]string{"reason": f.Word(), "message": f.Message})
	}
	r := &callback.Receiver{
		Store: w.books, Generations: service, Keys: keys, Limit: limit.New(func() time.Time { return now }), Log: log,
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Nudge:   func(id string) { w.nudges = append(w.nudges, id) }, Fail: fail,
	}
	mux := http.NewServeMux()
	r.Routes(mux)
	w.Handler = mux
	return w
}

// address is where the upstream reports an attempt.
func (w *world) address(t *testing.T, id string, attempt int) string {
	t.Helper()
	u, err := url.Parse(callback.URL("https://gate.example/", w.keys)(id, attempt))
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

func (w *world) post(path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

const body = `{"task_id":"up-1","task_status":"succeed"}`

func TestURL(t *testing.T) {
	w := newWorld(t)
	if callback.URL("", w.keys) != nil {
		t.Error("without a public address there is a callback address")
	}
	for _, base := range []string{"https://gate.example", "https://gate.example///"} {
		got := callback.URL(base, w.keys)(live, 2)
		if !strings.HasPrefix(got, "https://gate.example/kling/callback/"+live+"?k=2.") {
			t.Errorf("the address is %s", got)
		}
	}
}

func TestAProvenCallbackIsRecordedAndChecked(t *testing.T) {
	w := newWorld(t)
	got := w.post(w.address(t, live, 2), body)
	if got.Code != http.StatusOK {
		t.Fatalf("answer %d %s", got.Code, got.Body)
	}
	if len(w.nudges) != 1 || w.nudges[0] != live {
		t.Errorf("asked about %v", w.nudges)
	}
	if len(w.books.recorded) != 1 {
		t.Fatalf("recorded %d", len(w.books.recorded))
	}
	c := w.books.recorded[0]
	if c.TaskID != live || c.Attempt != 2 || c.Signed || c.Status != "succeed" || c.Body != body || len(c.Hash) != 64 {
		t.Errorf("recorded %+v", c)
	}
	again := w.post(w.address(t, live, 2), body)
	if again.Code != http.StatusOK || len(w.books.recorded) != 2 || w.books.recorded[1].Hash != c.Hash {
		t.Errorf("a repetition: %d, its hash differs or is missing", again.Code)
	}
}

func TestACallbackOfAnEarlierAttemptCounts(t *testing.T) {
	w := newWorld(t)
	if got := w.post(w.address(t, live, 1), body); got.Code != http.StatusOK || len(w.books.recorded) != 1 || w.books.recorded[0].Attempt != 1 {
		t.Errorf("answer %d, recorded %+v", got.Code, w.books.recorded)
	}
}

// TestAProofIsGoodForItsTaskAndAttemptOnly: everything else gets one answer,
// byte for byte, and asks the database nothing.
func TestAProofIsGoodForItsTaskAndAttemptOnly(t *testing.T) {
	w := newWorld(t)
	_, k, _ := strings.Cut(w.address(t, live, 2), "?k=")
	_, mac, _ := strings.Cut(k, ".")
	foreign, err := secret.NewKeyring(strings.Repeat("f", 32))
	if err != nil {
		t.Fatal(err)
	}
	_, forged, _ := strings.Cut(callback.URL("https://gate.example", foreign)(live, 2), "?k=")
	unknown := w.post(w.address(t, gone, 1), body)
	if unknown.Code != http.StatusNotFound || w.books.reads != 1 {
		t.Fatalf("a task that does not exist: %d after %d reads", unknown.Code, w.books.reads)
	}
	for name, path := range map[string]string{
		"another task":      "/kling/callback/" + other + "?k=" + k,
		"another attempt":   "/kling/callback/" + live + "?k=3." + mac,
		"attempt 02":        "/kling/callback/" + live + "?k=02." + mac,
		"attempt +2":        "/kling/callback/" + live + "?k=%2B2." + mac,
		"no attempt":        "/kling/callback/" + live + "?k=" + mac,
		"no mac":            "/kling/callback/" + live + "?k=2.",
		"cut mac":           "/kling/callback/" + live + "?k=2." + mac[:20],
		"longer mac":        "/kling/callback/" + live + "?k=2." + mac + "A",
		"another gateway's": "/kling/callback/" + live + "?k=" + forged,
		"nonsense":          "/kling/callback/" + live + "?k=x",
		"no task id":        "/kling/callback/test?k=" + k,
		"no task id, bare":  "/kling/callback/test",
		"upper case id":     "/kling/callback/" + strings.ToUpper(live),
		"quote in id":       "/kling/callback/kling_'%20or%20'1'='1000000000",
	} {
		t.Run(name, func(t *testing.T) {
			w.books.reads = 0
			got := w.post(path, body)
			if got.Code != http.StatusNotFound || got.Body.String() != unknown.Body.String() {
				t.Errorf("answer %d %s, want the one of an unknown task: %s", got.Code, got.Body, unknown.Body)
			}
			if w.books.reads != 0 {
				t.Errorf("the database was asked %d times", w.books.reads)
			}
		})
	}
	if len(w.books.recorded) != 0 || len(w.nudges) != 0 {
		t.Errorf("recorded %v, asked about %v", w.books.recorded, w.nudges)
	}
}

func TestGETIsUnknown(t *testing.T) {
	w := newWorld(t)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, httptest.NewRequest("GET", w.address(t, live, 2), nil))
	if out.Code != http.StatusNotFound || w.books.reads != 0 {
		t.Errorf("answer %d after %d reads", out.Code, w.books.reads)
	}
}

func TestABodyThatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"too large":       {`{"a":"` + strings.Repeat("x", 256<<10) + `"}`, http.StatusRequestEntityTooLarge},
		"empty":           {"", http.StatusBadRequest},
		"blank":           {" \n", http.StatusBadRequest},
		"not JSON":        {"task_id=up-1", http.StatusBadRequest},
		"cut off":         {`{"task_id":`, http.StatusBadRequest},
		"an array":        {`[{}]`, http.StatusBadRequest},
		"a string":        {`"succeed"`, http.StatusBadRequest},
		"two objects":     {`{}{}`, http.StatusBadRequest},
		"an empty object": {`{}`, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for how, path := range map[string]string{"proven": w.address(t, live, 2), "hint": "/kling/callback/" + live} {
				if got := w.post(path, c.body); got.Code != c.want {
					t.Errorf("%s: answer %d, want %d", how, got.Code, c.want)
				}
			}
			if c.want != http.StatusOK && (len(w.books.recorded)+len(w.nudges)+w.books.reads) > 0 {
				t.Errorf("it left a trace: %d records, %d questions, %d reads", len(w.books.recorded), len(w.nudges), w.books.reads)
			}
		})
	}
}

func TestAnEndedTaskTakesNothingMore(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{w.address(t, ended, 1), "/kling/callback/" + ended} {
		if got := w.post(path, body); got.Code != http.StatusOK {
			t.Errorf("answer %d %s", got.Code, got.Body)
		}
	}
	if len(w.books.recorded) != 0 || len(w.nudges) != 0 {
		t.Errorf("recorded %v, asked about %v", w.books.recorded, w.nudges)
	}
}

func TestSignatures(t *testing.T) {
	w := newWorld(t)
	if got := w.post(w.address(t, live, 2), body, "X-Signature", "good"); got.Code != http.StatusOK || !w.books.recorded[0].Signed {
		t.Errorf("a good signature: %d, %+v", got.Code, w.books.recorded)
	}
	if got := w.post(w.address(t, live, 2), body, "X-Signature", "bad"); got.Code != http.StatusUnauthorized || len(w.books.recorded) != 1 {
		t.Errorf("a wrong signature: %d, %d recorded", got.Code, len(w.books.recorded))
	}
}

func TestTheDatabaseAwayIs503(t *testing.T) {
	w := newWorld(t)
	w.books.away = true
	for _, path := range []string{w.address(t, live, 2), "/kling/callback/" + live} {
		if got := w.post(path, body); got.Code != http.StatusServiceUnavailable {
			t.Errorf("answer %d, want 503 so that the upstream repeats it", got.Code)
		}
	}
}

func TestAHintAsksAndRecordsNothing(t *testing.T) {
	w := newWorld(t)
	if got := w.post("/kling/callback/"+live, body); got.Code != http.StatusOK {
		t.Fatalf("answer %d %s", got.Code, got.Body)
	}
	if len(w.books.recorded) != 0 || len(w.nudges) != 1 || w.nudges[0] != live {
		t.Errorf("recorded %v, asked about %v", w.books.recorded, w.nudges)
	}
	proven := w.post(w.address(t, gone, 1), body)
	if got := w.post("/kling/callback/"+gone, body); got.Code != http.StatusNotFound || got.Body.String() != proven.Body.String() {
		t.Errorf("an unknown task: %d %s, with a proof %s", got.Code, got.Body, proven.Body)
	}
}

func TestHintsAreLimited(t *testing.T) {
	w := newWorld(t)
	refused := 0
	for range 100 {
		got := w.post("/kling/callback/"+live, body)
		switch got.Code {
		case http.StatusOK:
		case http.StatusTooManyRequests:
			refused++
			if got.Header().Get("Retry-After") == "" {
				t.Fatal("a 429 without Retry-After")
			}
		default:
			t.Fatalf("answer %d", got.Code)
		}
	}
	if refused != 40 {
		t.Errorf("%d of 100 hints of one address in a moment were refused, want 40", refused)
	}
	if len(w.nudges) > 2 {
		t.Errorf("the upstream would be asked %d times", len(w.nudges))
	}
	if got := w.post(w.address(t, live, 2), body); got.Code != http.StatusOK {
		t.Errorf("a proven callback of the same address: %d", got.Code)
	}
	r := httptest.NewRequest("POST", "/kling/callback/"+other, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.77:1234"
	out := httptest.NewRecorder()
	if w.ServeHTTP(out, r); out.Code != http.StatusOK {
		t.Errorf("another address: %d", out.Code)
	}
}

func TestTheProofStaysOutOfTheLog(t *testing.T) {
	w := newWorld(t)
	path := w.address(t, live, 2)
	_, mac, _ := strings.Cut(path, "?k=2.")
	w.post(path, body)
	w.post(path, body, "X-Signature", "bad")
	w.books.away = true
	w.post(path, body)
	if w.log.Len() == 0 || strings.Contains(w.log.String(), mac) {
		t.Errorf("the log is empty or holds the proof:\n%s", &w.log)
	}
}

func TestWhatIsKeptOfABodyIsBoundedText(t *testing.T) {
	w := newWorld(t)
	w.post(w.address(t, live, 2), `{"a":"`+strings.Repeat("视", 20_000)+`"}`)
	if len(w.books.recorded) != 1 {
		t.Fatal("nothing was recorded")
	}
	if got := w.books.recorded[0].Body; len(got) > 8<<10 || strings.ContainsRune(got, '�') || !strings.HasPrefix(got, `{"a":"视`) {
		t.Errorf("kept %d bytes: %.30q", len(got), got)
	}
}

// What the upstream reports of a task that ended without charge is asked for,
// by the external id of the attempt that it is about; a hint is not.
func TestACallbackForATaskThatFailedHasItAskedForLate(t *testing.T) {
	w := newWorld(t)
	for _, attempt := range []int{1, 2, 7} {
		if r := w.post(w.address(t, lost, attempt), `{"task_id":"up-9"}`); r.Code != 200 {
			t.Errorf("attempt %d: the callback was answered %d", attempt, r.Code)
		}
	}
	w.post(w.address(t, ended, 1), `{"task_id":"up-3"}`)
	w.post("/kling/callback/"+lost, `{"task_id":"up-9"}`)
	if want := []string{lost, lost + "-2"}; !slices.Equal(w.books.late, want) || len(w.books.recorded) != 0 || len(w.nudges) != 0 {
		t.Errorf("asked late for %q, want %q; recorded %v, nudged %v", w.books.late, want, w.books.recorded, w.nudges)
	}
}
