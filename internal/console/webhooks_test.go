package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/tidwall/gjson"

	"one-api/internal/store"
	"one-api/internal/task"
)

// owed writes a finished event with one delivery to a user's webhook.
func (w *world) owed(userID, webhookID int64, status string) string {
	w.t.Helper()
	now := w.store.Now()
	id := task.NewID("evt_", now)
	for _, q := range []string{
		fmt.Sprintf("INSERT INTO events (id, task_id, type, user_id, payload, body, created_at) VALUES ('%s', '%s', 'task.succeed', %d, '{}', '{}', %d)",
			id, task.NewID("kling_", now), userID, now.UnixMilli()),
		fmt.Sprintf(`INSERT INTO deliveries (event_id, endpoint_id, user_id, url, receiver, status, tries, last_code, last_error, last_response)
			VALUES ('%s', %d, %d, 'https://example.com/hook?key=swordfish', 'endpoint:%d', '%s', 10, 500, 'the receiver answered 500', 'stack trace')`,
			id, webhookID, userID, webhookID, status),
	} {
		if err := w.store.Exec(context.Background(), q); err != nil {
			w.t.Fatal(err)
		}
	}
	return fmt.Sprintf("%s-%d", id, webhookID)
}

func (a answer) path(p string) gjson.Result { return gjson.GetBytes(a.body, p) }

func TestAWebhookIsMadeTestedRotatedAndDeleted(t *testing.T) {
	w := newWorld(t)
	var header http.Header
	var body string
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		header, body = r.Header, string(b)
		rw.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(rw, "inner details")
	}))
	t.Cleanup(receiver.Close)

	made := w.alice.do("POST", "/api/webhooks", map[string]any{"url": receiver.URL, "description": "shop"})
	if made.status != http.StatusCreated || !strings.HasPrefix(made.path("secret").String(), "whsec_") {
		t.Fatalf("made: %d %s", made.status, made.body)
	}
	one := fmt.Sprintf("/api/webhooks/%d", made.path("id").Int())
	if got := w.alice.do("GET", one, nil); got.status != 200 || got.path("secret").Exists() || got.path("url").String() != receiver.URL {
		t.Errorf("read: %d %s", got.status, got.body)
	}
	tested := w.alice.do("POST", one+"/test", nil)
	if tested.status != 200 || !tested.path("delivered").Bool() || tested.path("status").Int() != 202 || strings.Contains(string(tested.body), "inner") {
		t.Errorf("tested: %d %s", tested.status, tested.body)
	}
	verifies := func(secret string) bool {
		t.Helper()
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return wh.Verify([]byte(body), header) == nil
	}
	if !verifies(made.path("secret").String()) || gjson.Get(body, "type").String() != "webhook.test" || header.Get("webhook-id") != tested.path("event_id").String() {
		t.Errorf("the test event is %s with %v", body, header)
	}
	rotated := w.alice.do("POST", one+"/rotate", map[string]any{"version": made.path("version").Int()})
	if rotated.status != 200 || rotated.path("secret").String() == made.path("secret").String() {
		t.Fatalf("rotated: %d %s", rotated.status, rotated.body)
	}
	if again := w.alice.do("POST", one+"/rotate", map[string]any{"version": made.path("version").Int()}); again.status != http.StatusConflict {
		t.Errorf("a second click rotated again: %d %s", again.status, again.body)
	}
	w.alice.do("POST", one+"/test", nil)
	if !verifies(made.path("secret").String()) || !verifies(rotated.path("secret").String()) {
		t.Error("within a day of the rotation not both secrets verify")
	}
	shown := w.alice.do("POST", one+"/secret", nil)
	if shown.path("secrets.#").Int() != 2 || shown.path("secrets.0.secret").String() != rotated.path("secret").String() || !shown.path("secrets.1.until").Exists() {
		t.Errorf("shown: %d %s", shown.status, shown.body)
	}
	if got := w.admin.do("POST", one+"/secret", nil); got.status != http.StatusForbidden {
		t.Errorf("an administrator sees the secret: %d %s", got.status, got.body)
	}
	w.alice.do("POST", one+"/rotate", map[string]any{"version": rotated.path("version").Int(), "at_once": true})
	w.alice.do("POST", one+"/test", nil)
	if verifies(rotated.path("secret").String()) {
		t.Error("a secret that was to end at once still verifies")
	}
	if got := w.alice.do("DELETE", one, nil); got.status != http.StatusNoContent {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	if got := w.alice.do("GET", one, nil); got.status != http.StatusNotFound {
		t.Errorf("after its end: %d %s", got.status, got.body)
	}
}

func TestAWebhookThatNobodyMayReachIsRefusedWithItsField(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{
		"http://10.0.0.1/", "http://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://8.8.8.8:22/",
		"ftp://example.com/", "https://user:pw@example.com/", "nonsense",
	} {
		got := w.alice.do("POST", "/api/webhooks", map[string]any{"url": address})
		if got.status != 400 && got.status != 422 || got.path("errors.0.location").String() != "body.url" {
			t.Errorf("%s: %d %s", address, got.status, got.body)
		}
	}
	if got := w.alice.do("POST", "/api/webhooks", map[string]any{"url": "http://127.0.0.1:9/", "events": []string{"task.begun"}}); got.path("errors.0.location").String() != "body.events" {
		t.Errorf("an unknown event type: %d %s", got.status, got.body)
	}
	if got := w.alice.do("GET", "/api/webhooks", nil); got.path("items.#").Int() != 0 {
		t.Errorf("something was made: %s", got.body)
	}
}

func TestWebhooksOfAnotherUserDoNotExist(t *testing.T) {
	w := newWorld(t)
	made := w.alice.do("POST", "/api/webhooks", map[string]any{"url": "http://127.0.0.1:9/?key=swordfish"})
	id := made.path("id").Int()
	owed := w.owed(w.alice.user.ID, id, "failed")
	nowhere := task.NewID("evt_", time.Now()) + "-1"
	for _, c := range []struct{ method, path, absent string }{
		{"GET", "/api/webhooks/%d", ""}, {"PATCH", "/api/webhooks/%d", `{"version":1,"url":"http://127.0.0.1:9/"}`}, {"DELETE", "/api/webhooks/%d", ""},
		{"POST", "/api/webhooks/%d/secret", ""}, {"POST", "/api/webhooks/%d/rotate", `{"version":1}`}, {"POST", "/api/webhooks/%d/test", ""},
		{"POST", "/api/webhooks/%d/redeliver", `{"since":"2026-01-01T00:00:00Z"}`}, {"GET", "/api/webhooks/deliveries?endpoint=%d", ""},
	} {
		var body any
		if c.absent != "" {
			body = c.absent
		}
		his, none := w.bob.do(c.method, fmt.Sprintf(c.path, id), body), w.bob.do(c.method, fmt.Sprintf(c.path, id+1000), body)
		same := strings.ReplaceAll(none.path("detail").String(), fmt.Sprint(id+1000), fmt.Sprint(id))
		if his.status != 404 || none.status != 404 || his.path("code").String() != none.path("code").String() || his.path("detail").String() != same {
			t.Errorf("%s %s: %d %s, unknown: %d %s", c.method, c.path, his.status, his.body, none.status, none.body)
		}
	}
	for _, c := range []struct{ method, path string }{{"GET", "/api/webhooks/deliveries/%s"}, {"POST", "/api/webhooks/deliveries/%s/redeliver"}} {
		for _, id := range []string{owed, nowhere, "nonsense"} {
			if got := w.bob.do(c.method, fmt.Sprintf(c.path, id), nil); got.status != 404 || got.path("code").String() != "delivery_not_found" {
				t.Errorf("%s %s: %d %s", c.method, id, got.status, got.body)
			}
		}
	}
	for _, path := range []string{"/api/webhooks", "/api/webhooks/deliveries"} {
		if got := w.bob.do("GET", path, nil); got.path("items.#").Int() != 0 {
			t.Errorf("bob's %s: %s", path, got.body)
		}
		if got := w.bob.do("GET", fmt.Sprintf("%s?user_id=%d", path, w.alice.user.ID), nil); got.status == 200 {
			t.Errorf("bob asks for alice's %s: %d %s", path, got.status, got.body)
		}
		got := w.admin.do("GET", path, nil)
		if got.path("items.#").Int() != 1 || strings.Contains(string(got.body), "swordfish") {
			t.Errorf("the administrator's %s: %s", path, got.body)
		}
	}
}

func TestADeliveryIsSentAgainAndItsAnswerIsForAdministrators(t *testing.T) {
	w := newWorld(t)
	made := w.alice.do("POST", "/api/webhooks", map[string]any{"url": "http://127.0.0.1:9/"})
	id := made.path("id").Int()
	first, second := w.owed(w.alice.user.ID, id, "delivered"), w.owed(w.alice.user.ID, id, "failed")
	mine := w.alice.do("GET", "/api/webhooks/deliveries?status=failed", nil)
	if mine.path("items.#").Int() != 1 || mine.path("items.0.id").String() != second || mine.path("items.0.last_status").Int() != 500 || mine.path("items.0.problem").String() != "refused" {
		t.Errorf("alice sees %s", mine.body)
	}
	if strings.Contains(string(mine.body), "stack trace") || strings.Contains(string(mine.body), "answered") {
		t.Errorf("alice sees what her receiver's network answers: %s", mine.body)
	}
	if got := w.admin.do("GET", "/api/webhooks/deliveries/"+second, nil); got.path("response").String() != "stack trace" || got.path("error").String() == "" {
		t.Errorf("the administrator sees %s", got.body)
	}
	again := w.alice.do("POST", "/api/webhooks/deliveries/"+first+"/redeliver", nil)
	if again.status != 200 || again.path("status").String() != "pending" || again.path("event_id").String()+"-"+fmt.Sprint(id) != first {
		t.Errorf("sent again: %d %s", again.status, again.body)
	}
	all := w.alice.do("POST", fmt.Sprintf("/api/webhooks/%d/redeliver", id), map[string]any{"since": time.Now().Add(-time.Hour)})
	if all.status != 200 || all.path("deliveries").Int() != 1 {
		t.Errorf("all sent again: %d %s", all.status, all.body)
	}
	off := w.alice.do("PATCH", fmt.Sprintf("/api/webhooks/%d", id), map[string]any{"version": made.path("version").Int(), "status": "disabled"})
	if off.path("status").String() != "disabled" {
		t.Fatalf("switched off: %s", off.body)
	}
	if got := w.alice.do("POST", "/api/webhooks/deliveries/"+first+"/redeliver", nil); got.status != http.StatusConflict || got.path("code").String() != "webhook_off" {
		t.Errorf("sent again to one that is off: %d %s", got.status, got.body)
	}
	audit, err := w.store.Audit(context.Background(), store.AuditFilter{Action: "webhook.*", Limit: 20})
	if err != nil || len(audit) < 4 {
		t.Errorf("the audit has %v, %v", audit, err)
	}
}

func TestTheSecretOfCallbackURLsIsShownAndRotated(t *testing.T) {
	w := newWorld(t)
	first := w.alice.do("POST", "/api/me/webhook-secret", nil)
	if first.status != 200 || first.path("secrets.#").Int() != 1 || first.path("generation").Int() != 1 {
		t.Fatalf("shown: %d %s", first.status, first.body)
	}
	second := w.alice.do("POST", "/api/me/webhook-secret/rotate", map[string]any{"generation": 1})
	if second.path("secrets.#").Int() != 2 || second.path("secrets.1.secret").String() != first.path("secrets.0.secret").String() {
		t.Errorf("rotated: %d %s", second.status, second.body)
	}
	if got := w.alice.do("POST", "/api/me/webhook-secret/rotate", map[string]any{"generation": 1}); got.status != http.StatusConflict {
		t.Errorf("a second click rotated again: %d %s", got.status, got.body)
	}
	third := w.alice.do("POST", "/api/me/webhook-secret/rotate", map[string]any{"generation": 2, "at_once": true})
	if third.path("secrets.#").Int() != 1 {
		t.Errorf("rotated at once: %d %s", third.status, third.body)
	}
	if other := w.bob.do("POST", "/api/me/webhook-secret", nil); other.path("secrets.0.secret").String() == first.path("secrets.0.secret").String() {
		t.Error("two users have one secret")
	}
}
