package e2e_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/tidwall/gjson"

	"one-api/internal/app"
	"one-api/internal/store"
	"one-api/internal/webhook"
)

// delivery is one request that a caller's receiver got.
type delivery struct {
	path   string
	header http.Header
	body   string
}

// receiver is a caller's server; answer decides what it says to the n-th
// delivery, from 1.
func receiver(t *testing.T, answer func(n int, w http.ResponseWriter)) (string, <-chan delivery) {
	t.Helper()
	got := make(chan delivery, 100)
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("receive: %v", err)
		}
		n++ // deliveries of one event come one after the other
		answer(n, w)
		got <- delivery{r.URL.Path, r.Header, string(b)}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

func next(t *testing.T, got <-chan delivery) delivery {
	t.Helper()
	select {
	case d := <-got:
		return d
	case <-time.After(patience):
		t.Fatal("no delivery came")
		return delivery{}
	}
}

// deliveries is what the database knows of the attempts to tell a caller.
func (w *world) deliveries() string {
	w.t.Helper()
	var out []string
	for _, r := range w.rows("SELECT status, tries, last_code, CASE WHEN last_error = '' THEN 'fine' ELSE last_error END FROM deliveries") {
		out = append(out, strings.Join(r, " "))
	}
	return strings.Join(out, "; ")
}

const shapeOfNotice = `created_at number
task_id string
task_info.external_task_id string
task_result.videos[].duration string
task_result.videos[].id string
task_result.videos[].url string
task_status string
task_status_msg string
updated_at number`

func TestTheCallersCallbackIsSignedAndRepeatedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	address, got := receiver(t, func(n int, rw http.ResponseWriter) {
		if n == 1 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	id := w.user.order(`{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"mine","callback_url":"` + address + `/hook?shop=7"}`)
	if strings.Contains(string(w.upstream(id).Body), address) {
		t.Error("the caller's own callback_url went to Kling")
	}
	first := next(t, got)
	second := next(t, got)
	wh, err := standardwebhooks.NewWebhook(webhook.SigningSecret(w.keys, w.user.user.ID, 1).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range []delivery{first, second} {
		if err := wh.Verify([]byte(d.body), d.header); err != nil {
			t.Errorf("delivery %d: the signature does not verify: %v", i+1, err)
		}
		if ct := d.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
			t.Errorf("delivery %d has the content type %q", i+1, ct)
		}
		if d.path != "/hook" {
			t.Errorf("delivery %d went to %s", i+1, d.path)
		}
	}
	if a, b := first.header.Get("webhook-id"), second.header.Get("webhook-id"); a == "" || a != b {
		t.Errorf("webhook-id was %q, then %q; want the same on every try", a, b)
	}
	if first.body != second.body {
		t.Errorf("the body was %s, then %s", first.body, second.body)
	}
	if got := shape(first.body); got != shapeOfNotice {
		t.Errorf("shape of the notice (-want +got):\n%s", cmp.Diff(shapeOfNotice, got))
	}
	end := w.user.succeeded(id)
	n := gjson.Parse(first.body)
	if n.Get("task_id").Str != id || n.Get("task_status").Str != "succeed" || n.Get("task_info.external_task_id").Str != "mine" ||
		n.Get("task_result.videos.0.url").Str != end.text("video_url") {
		t.Errorf("the notice is %s", first.body)
	}
	w.until("the delivery to be recorded", func() bool { return w.deliveries() == "delivered 2 200 fine" })
}

func TestAFailureIsToldToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	address, got := receiver(t, func(int, http.ResponseWriter) {})
	id := w.user.order(`{"model":"kling-v1-5-std","prompt":"simfail","callback_url":"` + address + `"}`)
	n := gjson.Parse(next(t, got).body)
	if n.Get("task_id").Str != id || n.Get("task_status").Str != "failed" || n.Get("task_status_msg").Str == "" {
		t.Errorf("the notice of a failure is %s", n)
	}
	w.user.failed(id, "upstream_failed")
	// A refusal at the create was told in its answer; the callback may repeat
	// it and must not contradict.
	w.user.do("POST", text2video, `{"model":"kling-v1-5-std","prompt":"forbidden","callback_url":"`+address+`"}`)
}

func TestACallbackFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	inside, hits := receiver(t, func(int, http.ResponseWriter) {})
	address, got := receiver(t, func(_ int, rw http.ResponseWriter) {
		rw.Header().Set("Location", inside)
		rw.WriteHeader(http.StatusTemporaryRedirect)
	})
	w.user.order(`{"model":"kling-v1-5-std","prompt":"a cat","callback_url":"` + address + `"}`)
	next(t, got)
	w.until("the try to be recorded", func() bool { return strings.HasPrefix(w.deliveries(), "pending 1 307 ") })
	if len(hits) > 0 {
		t.Errorf("the redirect was followed: %+v", <-hits)
	}
	w.until("the task to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == 1 })
}

func TestACallbackReachesNoPrivateAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{}) // nobody allowed it
	address, hits := receiver(t, func(int, http.ResponseWriter) {})
	port := address[strings.LastIndex(address, ":"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "2130706433", "127.1"} {
		a := w.user.do("POST", text2video, `{"model":"kling-v1-5-std","prompt":"a cat","callback_url":"http://`+host+port+`"}`)
		switch {
		case a.status == http.StatusOK:
			w.user.succeeded(a.text("task_id"))
		case a.status != http.StatusBadRequest:
			t.Errorf("a callback to %s answered %s", host, a)
		}
	}
	w.until("every delivery to be tried", func() bool {
		return w.number("SELECT COUNT(*) FROM deliveries WHERE tries = 0") == 0
	})
	if len(hits) > 0 {
		t.Errorf("a private address was reached: %+v", <-hits)
	}
	if n := w.number("SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'"); n != 0 {
		t.Errorf("%d deliveries to private addresses count as delivered", n)
	}
}

// An operator who lets webhooks into the machine's own network does not let
// them to what the gateway itself uses there.
func TestACallbackReachesNothingThatTheGatewayUses(t *testing.T) {
	t.Parallel()
	redis, hits := receiver(t, func(int, http.ResponseWriter) {}) // whatever listens there
	var metrics []net.Listener
	w := newWorld(t, setup{options: func(o *app.Options) {
		allowLoopback(o)
		withRedis(t, "redis://:secret@"+strings.TrimPrefix(redis, "http://")+"/3", &metrics)(o)
	}})
	for len(hits) > 0 {
		<-hits
	}
	own := map[string]string{"listener": w.nodes[0].url, "metrics": "http://" + metrics[0].Addr().String() + "/metrics", "redis": redis}
	for _, address := range own {
		w.user.succeeded(w.user.order(`{"model":"kling-v1-5-std","prompt":"a cat","callback_url":"` + address + `"}`))
	}
	w.until("every delivery to be tried", func() bool {
		return w.number("SELECT COUNT(*) FROM deliveries WHERE tries > 0") == int64(len(own))
	})
	if n := w.number("SELECT COUNT(*) FROM deliveries WHERE last_error LIKE '%%own%%' OR last_error LIKE '%%itself%%'"); n != int64(len(own)) {
		t.Errorf("%d of %d were refused as the gateway's own: %s", n, len(own), w.deliveries())
	}
	if len(hits) > 0 {
		t.Errorf("Redis was sent %+v", <-hits)
	}
}

func TestAReceiverThatIsGoneIsAskedNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	address, got := receiver(t, func(_ int, rw http.ResponseWriter) { rw.WriteHeader(http.StatusGone) })
	w.user.succeeded(w.user.order(`{"model":"kling-v1-5-std","prompt":"a cat","callback_url":"` + address + `"}`))
	next(t, got)
	w.until("the end to be recorded", func() bool { return strings.HasPrefix(w.deliveries(), "failed 1 410 ") })
}

// register makes an endpoint for the usual user, as the management API does.
func (w *world) register(address string, events ...string) store.Endpoint {
	w.t.Helper()
	e, err := w.books.CreateEndpoint(w.t.Context(), store.NewEndpoint{By: store.CLI, UserID: w.user.user.ID, URL: address, Events: events})
	if err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
	return e
}

func TestAnEndpointIsToldOfEveryEndSignedWithItsOwnSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: allowLoopback})
	address, got := receiver(t, func(int, http.ResponseWriter) {})
	failures, other := receiver(t, func(int, http.ResponseWriter) {})
	callback, called := receiver(t, func(int, http.ResponseWriter) {})
	e := w.register(address + "/all")
	w.register(failures, "task.failed")
	id := w.user.order(`{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"mine","callback_url":"` + callback + `"}`)
	read := w.user.succeeded(id)
	first, notice := next(t, got), next(t, called)
	verify := func(d delivery, generation int) error {
		t.Helper()
		wh, err := standardwebhooks.NewWebhook(webhook.EndpointSecret(w.keys, e.ID, generation).Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return wh.Verify([]byte(d.body), d.header)
	}
	if err := verify(first, 1); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	if first.header.Get("webhook-id") != notice.header.Get("webhook-id") {
		t.Error("one event has two ids")
	}
	body := gjson.Parse(first.body)
	if body.Get("type").String() != "task.succeed" || body.Get("data.task_id").String() != id || body.Get("data.external_task_id").String() != "mine" {
		t.Errorf("the event is %s", first.body)
	}
	if _, err := time.Parse(time.RFC3339, body.Get("timestamp").String()); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"status", "video_url", "model", "quota", "data"} {
		if a, b := body.Get("data."+field).Raw, read.get(field).Raw; a != b {
			t.Errorf("%s is %s in the event and %s in the status", field, a, b)
		}
	}
	if got := shape(notice.body); got != shapeOfNotice {
		t.Errorf("the callback_url got %s", got)
	}
	if len(other) > 0 {
		t.Errorf("an endpoint for failures got %s", (<-other).body)
	}

	// Within a day of a rotation both secrets verify.
	if _, err := w.books.RotateEndpoint(t.Context(), store.CLI, 0, e.ID, e.Version, false); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	w.until("the delivery to be recorded", func() bool {
		return w.number("SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'") == 2
	})
	if err := w.books.Redeliver(t.Context(), store.CLI, 0, store.DeliveryKey{EventID: first.header.Get("webhook-id"), EndpointID: e.ID}); err != nil {
		t.Fatal(err)
	}
	again := next(t, got)
	if verify(again, 1) != nil || verify(again, 2) != nil {
		t.Error("during a rotation not both secrets verify")
	}
	if a, b := first.header.Get("webhook-id"), again.header.Get("webhook-id"); a != b || first.body != again.body {
		t.Errorf("sent again as %s: %s, want %s: %s", b, again.body, a, first.body)
	}
}

func TestTasksOfTestModeAreToldAndMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *app.Options) { allowLoopback(o); o.TestPace = 200 * time.Millisecond }})
	address, got := receiver(t, func(int, http.ResponseWriter) {})
	w.register(address)
	id := w.user.with(store.NewToken{Name: "play", Test: true}).order(`{"model":"kling-v1-5-std","prompt":"a cat"}`)
	if d := next(t, got); !gjson.Get(d.body, "test").Bool() {
		t.Errorf("the event of a test task is %s", d.body)
	}
	// The books are compared with the world's Kling, which is another one than
	// test mode's.
	if err := w.books.Exec(t.Context(), "DELETE FROM videos WHERE task_id = '"+id+"'"); err != nil {
		t.Fatal(err)
	}
}
