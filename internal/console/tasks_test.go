package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"one-api/internal/console"
	"one-api/internal/ledger"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
	"one-api/internal/video"
)

// owner is a user of the world who orders through the store.
func (w *world) owner(c *client) storetest.Fixture {
	w.t.Helper()
	ctx := context.Background()
	tok, _, err := w.store.CreateToken(ctx, store.NewToken{UserID: c.user.ID, Name: "token of " + c.user.Name})
	if err != nil {
		w.t.Fatal(err)
	}
	e := ledger.Change(ledger.KindTopUp, c.user.ID, 10_000_000, "start "+c.user.Name, "user:1", "welcome", w.store.Now())
	if err := w.store.ChangeBalance(ctx, e); err != nil {
		w.t.Fatal(err)
	}
	return storetest.Fixture{Store: w.store, User: c.user, Token: tok}
}

// orderBody is an order as the upstream gets it, with a picture inside.
var orderBody = `{"model_name":"kling-v1-5","mode":"std","duration":"5","prompt":"a <b>cat</b>","image":"` + strings.Repeat("iVBORw0KGgo", 5000) +
	`","tail":"https://signed.example.com/p.png?X-Amz-Signature=topsecret"}`

func order(t *testing.T, f storetest.Fixture, channel int64, change func(*task.Task)) task.Task {
	t.Helper()
	a := f.Order(300_000)
	if channel != 0 {
		a = f.OnChannel(t, 300_000, channel, 0)
	}
	a.Body = []byte(orderBody)
	if change != nil {
		change(&a.Task)
		a.Hold = ledger.Hold(a.Task.Order(), a.Task.CreatedAt)
	}
	done, err := f.Accept(a)
	if err != nil {
		t.Fatal(err)
	}
	return done.Task
}

// sent records that the upstream took a task.
func sent(t *testing.T, f storetest.Fixture, from task.Task) task.Task {
	t.Helper()
	to, err := from.Accepted("up-"+from.ID, f.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := &task.Attempt{TaskID: from.ID, N: 1, ChannelID: from.ChannelID, KeyID: from.KeyID, Ref: from.Ref, Outcome: "accepted", HTTPStatus: 200, UpstreamID: to.UpstreamID, SentAt: f.Now(), AnsweredAt: f.Now()}
	if err := f.Advance(task.Change{From: from, To: to, Attempt: at}); err != nil {
		t.Fatal(err)
	}
	to.Epoch++
	return to
}

// finished ends a task with a result and a bill.
func finished(t *testing.T, f storetest.Fixture, from task.Task, costs ...video.Cost) task.Task {
	t.Helper()
	to, e, err := from.Succeed(task.Outcome{
		Assets: []video.Asset{{ID: "v1", URL: "https://example.com/v1.mp4"}}, Result: []byte(`{"videos":[{"id":"v1"}]}`), Costs: costs,
	}, f.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := task.Change{From: from, To: to, Settle: &e, Event: &task.Event{
		ID: task.NewID("evt_", f.Now()), TaskID: to.ID, UserID: to.UserID, Type: "task.succeed", URL: "https://hooks.example.com/x?token=hooksecret", Payload: []byte("{}"), CreatedAt: f.Now(),
	}}
	if err := f.Advance(c); err != nil {
		t.Fatal(err)
	}
	return to
}

func (w *world) newChannel(url string) int64 {
	w.t.Helper()
	ch, err := w.store.CreateChannel(context.Background(), store.NewChannel{Type: 41, Name: "Singapore", BaseURL: url, Keys: "plainkey-secret"})
	if err != nil {
		w.t.Fatal(err)
	}
	return ch.ID
}

func ids(p console.Page[console.Task]) []string {
	out := []string{}
	for _, t := range p.Items {
		out = append(out, t.ID)
	}
	return out
}

func TestUsersSeeTheirOwnTasksOnly(t *testing.T) {
	w := newWorld(t)
	a, b := w.owner(w.alice), w.owner(w.bob)
	ch := w.newChannel("https://example.com")
	hers := finished(t, a, sent(t, a, order(t, a, ch, func(x *task.Task) { x.ExternalID, x.Tags = "mine-1", `{"team":"ads"}` })), video.Cost{Unit: "video_unit", Amount: "2"})
	his := order(t, b, 0, func(x *task.Task) { x.ExternalID = "mine-1" })

	var p console.Page[console.Task]
	w.alice.want(200, &p, "GET", "/api/tasks", nil)
	if len(p.Items) != 1 || p.Items[0].ID != hers.ID || p.Items[0].Upstream != nil {
		t.Errorf("alice sees %+v", p.Items)
	}
	w.admin.want(200, &p, "GET", "/api/tasks", nil)
	if len(p.Items) != 2 || p.Items[0].ID != his.ID || p.Items[0].User != "bob" || p.Items[0].Upstream == nil {
		t.Errorf("the administrator sees %+v", p.Items)
	}
	for _, path := range []string{"", "/check", "/cancel"} {
		method := map[bool]string{true: "GET", false: "POST"}[path == ""]
		w.alice.refused(404, "task_not_found", method, "/api/tasks/"+his.ID+path, nil)
		w.bob.refused(404, "task_not_found", method, "/api/tasks/"+hers.ID+path, nil)
		w.bob.refused(404, "task_not_found", method, "/api/tasks/kling_nothing"+path, nil)
		w.browser().refused(401, "not_signed_in", method, "/api/tasks/"+hers.ID+path, nil)
	}
	w.alice.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/tasks?user_id=%d", w.bob.user.ID), nil)
	w.alice.want(200, nil, "GET", fmt.Sprintf("/api/tasks?user_id=%d", w.alice.user.ID), nil)
	for _, f := range []string{"channel_id=1", "state=unknown", "upstream_task_id=x"} {
		w.alice.refused(403, "role_required", "GET", "/api/tasks?"+f, nil)
	}
	// The same external id names each user's own task.
	var page console.TaskPage
	w.bob.want(200, &page, "GET", "/api/tasks/mine-1", nil)
	if page.ID != his.ID {
		t.Errorf("bob's mine-1 is %s", page.ID)
	}
}

func TestFiltersOfTheTaskList(t *testing.T) {
	w := newWorld(t)
	a, b := w.owner(w.alice), w.owner(w.bob)
	ch := w.newChannel("https://example.com")
	waits := order(t, a, 0, nil)
	done := finished(t, a, sent(t, a, order(t, a, ch, func(x *task.Task) { x.Tags, x.Prompt = `{"team":"ads"}`, "A red fox" })))
	his := sent(t, b, order(t, b, ch, func(x *task.Task) { x.Type = "image2video" }))
	for query, want := range map[string][]string{
		"":                               {his.ID, done.ID, waits.ID},
		"?status=pending":                {waits.ID},
		"?status=submitted":              {his.ID},
		"?state=submitted":               {his.ID},
		"?status=succeed":                {done.ID},
		"?status=failed":                 {},
		"?type=image2video":              {his.ID},
		"?model=kling-v1-6-pro":          {his.ID, done.ID, waits.ID},
		"?q=RED":                         {done.ID},
		"?q=%25":                         {},
		"?tag=team":                      {done.ID},
		"?tag=team%3Dads":                {done.ID},
		"?tag=team%3Dfilm":               {},
		"?id=" + waits.ID:                {waits.ID},
		"?test=true":                     {},
		"?upstream_task_id=up-" + his.ID: {his.ID},
		"?until=2020-01-01T00:00:00Z":    {},
		"?since=2020-01-01T00:00:00Z":    {his.ID, done.ID, waits.ID},
		fmt.Sprintf("?user_id=%d", w.bob.user.ID):                {his.ID},
		fmt.Sprintf("?token_id=%d", a.Token.ID):                  {done.ID, waits.ID},
		fmt.Sprintf("?channel_id=%d&limit=1", ch):                {his.ID},
		fmt.Sprintf("?user_id=%d&status=pending", w.bob.user.ID): {},
	} {
		var p console.Page[console.Task]
		w.admin.want(200, &p, "GET", "/api/tasks"+query, nil)
		if !slices.Equal(ids(p), want) {
			t.Errorf("%s: %v, want %v", query, ids(p), want)
		}
	}
	for query, c := range map[string]struct {
		status int
		code   string
	}{
		"?status=done":                      {422, "invalid_request"},
		"?limit=0":                          {422, "invalid_request"},
		"?limit=101":                        {422, "invalid_request"},
		"?cursor=%3F":                       {400, "invalid_cursor"},
		"?since=tomorrow":                   {422, "invalid_request"},
		"?channel_id=x":                     {422, "invalid_request"},
		"?q=" + strings.Repeat("x", 10_000): {422, "invalid_request"},
		"?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": {400, "invalid_range"},
	} {
		w.admin.refused(c.status, c.code, "GET", "/api/tasks"+query, nil)
	}
	for _, text := range []string{"%00", "a%0Ab", "%FF", "%C2%80"} {
		for _, field := range []string{"q", "tag", "model", "type", "id", "external_task_id", "upstream_task_id"} {
			w.admin.refused(400, "invalid_parameter", "GET", "/api/tasks?"+field+"="+text, nil)
		}
	}
	// Hostile texts find nothing and break nothing.
	for _, text := range []string{"%27%20OR%201%3D1--", "%5C%22", "%3Cscript%3E", "%F0%9F%90%88"} {
		for _, field := range []string{"q", "tag", "model", "type", "id", "external_task_id", "upstream_task_id"} {
			w.admin.want(200, nil, "GET", "/api/tasks?"+field+"="+text, nil)
		}
	}
}

func TestATaskTellsItsStory(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	ch := w.newChannel("https://example.com")
	x := sent(t, a, order(t, a, ch, func(x *task.Task) {
		x.Model, x.Mode, x.AspectRatio = "kling-v1-5-std", "std", "16:9"
		x.PriceRule, x.CallbackURL = w.rule("kling-v1-5-std").ID, "https://hooks.example.com/x?token=hooksecret"
	}))
	if err := w.store.RecordCallback(store.Callback{TaskID: x.ID, Attempt: 1, Hash: "h", Status: "succeed", Body: `{"upstream":"hint"}`}); err != nil {
		t.Fatal(err)
	}
	finished(t, a, x, video.Cost{Unit: "video_unit", Amount: "2"})

	var own, full console.TaskPage
	mine := w.alice.want(200, &own, "GET", "/api/tasks/"+x.ID, nil)
	all := w.admin.want(200, &full, "GET", "/api/tasks/"+x.ID, nil)

	kinds := func(p console.TaskPage) (out []string) {
		for i, e := range p.Timeline {
			out = append(out, e.Kind)
			if i > 0 && e.At.Before(p.Timeline[i-1].At) {
				t.Errorf("the timeline goes back at %+v", e)
			}
		}
		return out
	}
	for _, p := range []console.TaskPage{own, full} {
		got := kinds(p)
		for _, k := range []string{"accepted", "attempt", "callback", "settled", "webhook"} {
			if !slices.Contains(got, k) {
				t.Errorf("the timeline %v lacks %s", got, k)
			}
		}
		if got[0] != "accepted" {
			t.Errorf("the timeline begins with %s", got[0])
		}
		if p.Price.Quota != 300_000 || p.Price.Charged.Quota != 300_000 || p.Price.RuleNow == nil || len(p.Ledger) != 2 || p.Ledger[0].Kind != "hold" || p.Ledger[1].Kind != "capture" {
			t.Errorf("price %+v, ledger %+v", p.Price, p.Ledger)
		}
		if len(p.Request) > 2000 || !strings.Contains(string(p.Request), "characters)") || !strings.Contains(string(p.Request), `a <b>cat</b>`) {
			t.Errorf("request %.300s", p.Request)
		}
	}
	if c := full.Upstream.Cost; c == nil || c.USD != "0.28" || c.Margin != "0.32" || full.Upstream.ChannelID != ch || full.Upstream.Channel != "Singapore" {
		t.Errorf("upstream %+v, cost %+v", full.Upstream, full.Upstream.Cost)
	}
	for _, secret := range []string{"plainkey-secret", "up-" + x.ID, "Singapore", "channel_id", "key_id", `hint`, "0.28"} {
		if strings.Contains(string(mine.body), secret) {
			t.Errorf("alice reads %q: %s", secret, mine.body)
		}
	}
	for _, secret := range []string{"plainkey-secret", "topsecret", "hooksecret"} {
		if strings.Contains(string(all.body), secret) {
			t.Errorf("the administrator reads %q", secret)
		}
	}
	if !strings.Contains(string(all.body), "hint") {
		t.Error("the administrator does not see the callback's body")
	}
}

func TestTheUpstreamIsAskedByHand(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		_ = json.NewEncoder(rw).Encode(map[string]any{"code": 0, "message": "SUCCEED", "request_id": "r", "data": map[string]any{
			"task_id": id, "task_status": "succeed", "final_unit_deduction": "2", "created_at": 1, "updated_at": 2,
			"task_result": map[string]any{"videos": []any{map[string]any{"id": "v1", "url": "https://example.com/v.mp4", "duration": "5"}}},
		}})
	}))
	defer up.Close()
	ch := w.newChannel(up.URL)
	view, _ := w.store.Directory().View().Channel(ch)
	x := order(t, a, ch, func(x *task.Task) { x.KeyID = view.Keys[0].ID })
	w.alice.refused(409, "being_sent", "POST", "/api/tasks/"+x.ID+"/check", nil)
	x = sent(t, a, x)
	var p console.TaskPage
	w.alice.want(200, &p, "POST", "/api/tasks/"+x.ID+"/check", nil)
	if p.Status != "succeed" || p.Charged != 300_000 || asked.Load() != 1 {
		t.Errorf("after asking %d times: %s, charged %d", asked.Load(), p.Status, p.Charged)
	}
	w.alice.refused(409, "already_ended", "POST", "/api/tasks/"+x.ID+"/check", nil)
	waits := order(t, a, 0, nil)
	w.alice.refused(409, "not_sent", "POST", "/api/tasks/"+waits.ID+"/check", nil)
}

func TestAskingByHandIsLimited(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	x := sent(t, a, order(t, a, w.newChannel("http://127.0.0.1:1"), func(x *task.Task) { x.KeyID = "k" }))
	last := answer{}
	for range 10 {
		last = w.alice.do("POST", "/api/tasks/"+x.ID+"/check", nil)
		if strings.Contains(string(last.body), "127.0.0.1") || strings.Contains(strings.ToLower(string(last.body)), "channel") {
			t.Errorf("alice reads %s", last.body)
		}
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("the tenth try answered %d", last.status)
	}
}

func TestOnlyAPendingTaskIsCancelled(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	x := order(t, a, 0, nil)
	var p console.TaskPage
	w.alice.want(200, &p, "POST", "/api/tasks/"+x.ID+"/cancel", nil)
	if p.Status != "failed" || p.FailCode != "cancelled" || p.Charged != 0 {
		t.Errorf("cancelled as %+v", p.Task)
	}
	w.alice.refused(409, "not_pending", "POST", "/api/tasks/"+x.ID+"/cancel", nil)
	out := sent(t, a, order(t, a, w.newChannel("https://example.com"), nil))
	w.admin.refused(409, "not_pending", "POST", "/api/tasks/"+out.ID+"/cancel", nil)
	b, err := w.store.Balance(context.Background(), w.alice.user.ID, false)
	if err != nil || b != (store.Balance{Available: 9_700_000, Held: 300_000}) {
		t.Errorf("balance %+v, %v", b, err)
	}
	rows, err := w.store.QueryText(context.Background(), "SELECT actor, target FROM audit WHERE action = 'task.cancel'")
	if err != nil || len(rows) != 1 || rows[0][1] != "task:"+x.ID {
		t.Errorf("audit %v, %v", rows, err)
	}
	storetest.Verified(t, w.store)
}
