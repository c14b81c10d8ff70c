package klingsim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/tidwall/gjson"

	"one-api/internal/provider/kling/klingsim"
)

// hook is one callback that arrived.
type hook struct {
	path   string
	header http.Header
	body   gjson.Result
}

func (h hook) status() string { return h.body.Get("task_status").Str + h.body.Get("status").Str }

// receiver is a server that takes callbacks.
type receiver struct {
	url    string
	mu     sync.Mutex
	hooks  []hook
	status int // that it answers with
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, hook{req.Method + " " + req.URL.Path, req.Header, gjson.ParseBytes(raw)})
	w.WriteHeader(r.status)
}

func (r *receiver) got() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]hook(nil), r.hooks...)
}

func (r *receiver) statuses() []string {
	out := []string{}
	for _, h := range r.got() {
		out = append(out, h.status())
	}
	return out
}

// settled is true when every task has ended and no callback is waiting.
func settled(tasks klingsim.Tasks) bool {
	for _, t := range tasks {
		if t.CallbacksWaiting > 0 || t.Status == klingsim.Submitted || t.Status == klingsim.Processing {
			return false
		}
	}
	return true
}

func TestLegacyCallbacks(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, nil)
	id := w.create(text2video, v16(`,"external_task_id":"mine","callback_url":"`+r.url+`/hook/1"`))
	w.wait(settled)
	hooks := r.got()
	if d := cmp.Diff([]string{"submitted", "processing", "succeed"}, r.statuses()); d != "" {
		t.Fatalf("statuses (-want +got):\n%s", d)
	}
	for _, h := range hooks {
		if h.path != "POST /hook/1" || h.header.Get("Content-Type") != "application/json; charset=utf-8" || h.header.Get("Webhook-Signature") != "" {
			t.Errorf("got %s with %v", h.path, h.header)
		}
	}
	w.wantShape(hooks[0].body, id, `{"task_id":"ID","task_status":"submitted","task_status_msg":"",
		"created_at":"<ms>","updated_at":"<ms>","task_info":{"external_task_id":"mine"}}`)
	w.wantShape(hooks[2].body, id, `{"task_id":"ID","task_status":"succeed","task_status_msg":"",
		"created_at":"<ms>","updated_at":"<ms>","final_unit_deduction":"2","task_info":{"external_task_id":"mine"},
		"task_result":{"videos":[{"id":"ID","url":"HOST/files/ID.mp4?sig=SIG","duration":"5.041"}]}}`)
	if got := w.task(id); got.CallbacksSent != 3 || got.CallbacksLost != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestNewCallbacksAreSigned(t *testing.T) {
	r := newReceiver(t)
	secret := klingsim.NewWebhookSecret()
	w := newWorld(t, func(o *klingsim.Options) { o.Accounts[0].WebhookSecret = secret })
	id := w.create(turbo, `{"prompt":"riskcontrol","options":{"external_task_id":"mine","callback_url":"`+r.url+`/hook"}}`)
	w.wait(settled)
	if d := cmp.Diff([]string{"submitted", "processing", "failed"}, r.statuses()); d != "" {
		t.Fatalf("statuses (-want +got):\n%s", d)
	}
	check, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, h := range r.got() {
		if err := check.Verify([]byte(h.body.Raw), h.header); err != nil {
			t.Errorf("%s: %v", h.status(), err)
		}
		ids[h.header.Get("Webhook-Id")] = true
	}
	if len(ids) != 3 {
		t.Errorf("got %d delivery ids for 3 callbacks", len(ids))
	}
	w.wantShape(r.got()[2].body, id, `{"id":"ID","status":"failed","message":"Failure to pass the risk control system",
		"create_time":"<ms>","update_time":"<ms>","external_id":"mine","outputs":[],"billing":[]}`)
}

func TestCallbacksComeOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type arrival struct {
			status string
			after  time.Duration
		}
		start := time.Now()
		var mu sync.Mutex
		var got []arrival
		w := openWorld(t, func(o *klingsim.Options) {
			o.ToProcessing, o.ToEnd = 3*time.Second, 40*time.Second
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				raw, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, arrival{gjson.GetBytes(raw, "task_status").Str, time.Since(start)})
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			})}
		})
		w.create(text2video, v16(`,"callback_url":"http://gateway.test/hook"`))
		time.Sleep(time.Minute) // nobody asks: the clock alone moves the task
		w.sim.Close()
		want := []arrival{{"submitted", 0}, {"processing", 3 * time.Second}, {"succeed", 40 * time.Second}}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(arrival{})); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallbacksThatAreRepeatedReversedDroppedOrOff(t *testing.T) {
	run := func(change func(*klingsim.Options)) (*receiver, klingsim.Task) {
		r := newReceiver(t)
		w := newWorld(t, change)
		id := w.create(text2video, v16(`,"callback_url":"`+r.url+`"`))
		w.wait(settled)
		return r, w.task(id)
	}
	r, _ := run(func(o *klingsim.Options) { o.CallbackRepeat = 2 })
	if d := cmp.Diff([]string{"submitted", "submitted", "processing", "processing", "succeed", "succeed"}, r.statuses()); d != "" {
		t.Errorf("repeated (-want +got):\n%s", d)
	}
	r, _ = run(func(o *klingsim.Options) { o.CallbackReorderShare = 1 })
	if d := cmp.Diff([]string{"succeed", "processing", "submitted"}, r.statuses()); d != "" {
		t.Errorf("reversed (-want +got):\n%s", d)
	}
	r, task := run(func(o *klingsim.Options) { o.CallbackDropShare = 1 })
	if len(r.got()) != 0 || task.CallbacksLost != 3 {
		t.Errorf("dropped: got %v, %+v", r.statuses(), task)
	}
	r, task = run(func(o *klingsim.Options) { o.NoCallbacks = true })
	if len(r.got()) != 0 || task.CallbacksLost != 0 {
		t.Errorf("off: got %v, %+v", r.statuses(), task)
	}
}

func TestCallbacksThatAreRefusedCountAsLost(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusInternalServerError
	w := newWorld(t, nil)
	id := w.create(text2video, v16(`,"callback_url":"`+r.url+`"`))
	w.wait(settled)
	if got := w.task(id); got.CallbacksLost != 3 || got.CallbacksSent != 0 || got.Status != klingsim.Succeeded {
		t.Errorf("got %+v", got)
	}
}

func TestASlowReceiverHoldsNothingUp(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	w := newWorld(t, func(o *klingsim.Options) { o.CallbackConcurrency, o.Accounts[0].Concurrency = 2, -1 })
	for range 50 {
		w.create(text2video, v16(`,"callback_url":"`+slow.URL+`"`))
	}
	for _, task := range w.sim.Tasks() {
		if task.Status != klingsim.Succeeded {
			t.Fatalf("got %+v, want a success", task)
		}
	}
	w.sim.Close()
}

func TestACallbackOnDemand(t *testing.T) {
	r := newReceiver(t)
	w := newWorld(t, func(o *klingsim.Options) { o.ToEnd = time.Hour })
	id := w.create(text2video, v16(`,"callback_url":"`+r.url+`"`))
	if err := w.sim.SendCallback(id); err != nil {
		t.Fatal(err)
	}
	w.wait(func(tasks klingsim.Tasks) bool { return tasks[0].CallbacksSent == 3 })
	if got := strings.Join(r.statuses(), " "); got != "submitted processing processing" {
		t.Errorf("got %s", got)
	}
	if err := w.sim.SendCallback("unknown"); err == nil {
		t.Error("a callback was sent for an unknown task")
	}
}
