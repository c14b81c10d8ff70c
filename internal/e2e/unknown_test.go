package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"one-api/internal/app"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// inject puts a fault in force for orders whose prompt has a word.
func (w *world) inject(f klingsim.Fault) func() int {
	w.t.Helper()
	hits, err := w.sim.Inject(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return hits
}

// orderOf is an order with a prompt of its own.
func orderOf(prompt string) string {
	return `{"model":"kling-v1-5-std","prompt":"` + prompt + `","aspect_ratio":"16:9"}`
}

// Answers that are lost after Kling has made the task.
var lostAnswers = map[string]klingsim.Fault{
	"lose": {Kind: klingsim.LoseAnswer},
	"cut":  {Kind: klingsim.CutAnswer},
	"garb": {Kind: klingsim.Garble},
	"html": {Kind: klingsim.Garble, Body: "<html>welcome</html>"},
	"noid": {Kind: klingsim.OmitID},
	"s500": {Kind: klingsim.FailAfter, Status: 500},
	"s502": {Kind: klingsim.FailAfter, Status: 502, Body: "<html><h1>502 Bad Gateway</h1></html>"},
	"s503": {Kind: klingsim.FailAfter, Status: 503},
	"s504": {Kind: klingsim.FailAfter, Status: 504},
	"hang": {Kind: klingsim.HangAfter},
}

func TestALostAnswerIsFoundByItsExternalID(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{
			dialect: d, sim: klingsim.Options{NoCallbacks: true, ToEnd: 10 * time.Millisecond},
			options: func(o *app.Options) { o.Timing.CreateTimeout = time.Second },
		})
		c := w.user
		tasks := map[string]string{}
		for name, f := range lostAnswers {
			f.Match.Prompt = name
			w.inject(f)
			a := c.do("POST", text2video, orderOf(name))
			if a.status != http.StatusOK || a.text("status") != "submitted" || a.text("data.task_status") != "submitted" || a.text("task_id") == "" {
				t.Errorf("%s: the create answered %s, want 200 submitted", name, a)
				continue
			}
			if a.get("kling_task_id").Exists() {
				t.Errorf("%s: the create told an id of Kling's that nobody can know: %s", name, a)
			}
			tasks[name] = a.text("task_id")
			// Successes in between keep the channel's circuit closed.
			tasks["good after "+name] = c.order(guideOrder)
		}
		for name, id := range tasks {
			end := c.succeeded(id)
			if u := w.upstream(id); end.text("kling_task_id") != u.ID {
				t.Errorf("%s: the task reads %s, Kling's id is %s", name, end, u.ID)
			}
			if n := w.sim.Creates(id); n != 1 {
				t.Errorf("%s: Kling got %d create calls, want 1", name, n)
			}
		}
		c.balance(w.setup.balance-guidePrice*2*10, 0)
	})
}

func TestATaskLostAndFailedIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{NoCallbacks: true}})
	w.inject(klingsim.Fault{Kind: klingsim.LoseAnswer})
	w.user.failed(w.user.order(orderOf("simfail")), "upstream_failed")
	w.user.balance(w.setup.balance, 0)
}

// neverArrived are create calls that Kling never handles, though the gateway
// cannot know.
var neverArrived = map[string]klingsim.Fault{
	"reset":    {Kind: klingsim.ResetBefore},
	"stall":    {Kind: klingsim.HangBefore},
	"down":     {Kind: klingsim.FailBefore, Status: 503},
	"redirect": {Kind: klingsim.Redirect},
}

func TestAfterProofOfAbsenceTheSameOrderIsSentOnceMore(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, options: func(o *app.Options) { o.Timing.CreateTimeout = time.Second }})
		c := w.user
		tasks := map[string]string{}
		for name, f := range neverArrived {
			f.Match.Prompt = name
			w.inject(f)
			a := c.do("POST", text2video, orderOf(name))
			if a.status != http.StatusOK || a.text("status") != "submitted" {
				t.Errorf("%s: the create answered %s, want 200 submitted", name, a)
			}
			tasks[name] = a.text("task_id")
		}
		for name, id := range tasks {
			c.succeeded(id)
			if n := w.sim.Creates(id); n != 2 {
				t.Errorf("%s: Kling got %d create calls with the task's id, want 2", name, n)
			}
			u := w.upstream(id)
			if queries := absences(w, u.Product); queries < 3 {
				t.Errorf("%s: it was sent again after %d answers that it does not exist, want at least 3", name, queries)
			}
		}
		c.balance(w.setup.balance-4*guidePrice, 0)
	})
}

// absences counts Kling's answers that it does not know a task.
func absences(w *world, product string) int {
	return w.sim.Requests()[klingsim.Request{Route: "GET " + product + "/{id}", Status: 400, Code: 1201}]
}

func TestWithResendingOffAnOrderThatNeverArrivedFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *app.Options) { o.Timing.CreateTimeout = time.Second }})
	w.set("resend_after_absence", false)
	w.inject(klingsim.Fault{Kind: klingsim.ResetBefore})
	id := w.user.order(guideOrder)
	w.user.balance(w.setup.balance-guidePrice, guidePrice)
	w.user.failed(id, "unproven")
	w.user.balance(w.setup.balance, 0)
	if n := w.sim.Creates(id); n != 1 {
		t.Errorf("Kling got %d create calls, want 1", n)
	}
}

// A task that Kling shows late must not be sent twice: silence is no proof.
func TestQueriesThatFailProveNoAbsence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		sim:     klingsim.Options{NoCallbacks: true},
		options: func(o *app.Options) { o.Timing.CreateTimeout, o.Timing.AbsenceSpan = time.Second, time.Millisecond },
	})
	w.inject(klingsim.Fault{Kind: klingsim.LoseAnswer})
	broken := []klingsim.Fault{
		{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 502, Body: "<html>502</html>"},
		{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 404, Code: 404, Body: "not found"},
		{Kind: klingsim.ResetBefore, On: klingsim.OpQuery},
		{Kind: klingsim.Garble, On: klingsim.OpQuery},
	}
	var hits []func() int
	for _, f := range broken {
		hits = append(hits, w.inject(f))
	}
	id := w.user.order(guideOrder)
	for range 40 { // a hint makes the gateway look at once
		w.user.do("POST", "/kling/callback/"+id, guidesCallback(id, "1"), "Authorization:")
	}
	w.user.succeeded(id)
	for i, h := range hits {
		if h() != 1 {
			t.Errorf("the query fault %s (%d) did not strike", broken[i].Kind, broken[i].Status)
		}
	}
	if n := w.sim.Creates(id); n != 1 {
		t.Errorf("Kling got %d create calls, want 1", n)
	}
	w.user.balance(w.setup.balance-guidePrice, 0)
}

// Answers about a task that make no sense end nothing.
func TestOddAnswersAboutATaskEndNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{NoCallbacks: true}})
	tasks := map[string]string{}
	for name, f := range map[string]klingsim.Fault{
		"nourl":    {Kind: klingsim.OmitURL},
		"archived": {Kind: klingsim.StrangeStatus},
		"hidden":   {Kind: klingsim.HideTask},
		"behind":   {Kind: klingsim.ShowProcessing},
		"nolength": {Kind: klingsim.OmitDuration},
	} {
		f.Match.Prompt = name
		w.inject(f)
		tasks[name] = w.user.order(orderOf(name))
	}
	for _, id := range tasks {
		if a := w.user.succeeded(id); a.text("video_url") == "" {
			t.Errorf("a success without a link: %s", a)
		}
	}
	w.user.balance(w.setup.balance-5*guidePrice, 0)
}

// What Kling forgets after it had it expires, without a charge.
func TestATaskThatNobodyEndsExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{options: func(o *app.Options) { o.Timing.Deadline = 3 * time.Second }})
	id := w.user.order(orderOf("simstuck"))
	w.user.failed(id, "expired")
	w.user.balance(w.setup.balance, 0)
}

// The circuit opens on silence; orders then wait and are not lost.
func TestASilentChannelsOrdersWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		sim:     klingsim.Options{ToEnd: 10 * time.Millisecond},
		options: func(o *app.Options) { o.Timing.CreateTimeout = time.Second },
	})
	w.inject(klingsim.Fault{Kind: klingsim.LoseAnswer, Count: 5})
	var ids []string
	for range 5 {
		ids = append(ids, w.user.order(guideOrder))
	}
	before := w.creates()
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != 200 || a.text("status") != "pending" || w.creates() != before {
		t.Errorf("after five lost answers an order was answered %s and Kling was called %d times more; want pending and none", a, w.creates()-before)
	}
	other := w.addChannel(store.NewChannel{Name: "spare", BaseURL: w.kling, Keys: w.acct.APIKeys[0]})
	for _, id := range append(ids, a.text("task_id")) {
		w.user.succeeded(id)
	}
	if n := w.number("SELECT channel_id FROM videos WHERE task_id = '%s'", a.text("task_id")); n != other.ID {
		t.Errorf("the waiting order went to channel %d, want the spare one, %d", n, other.ID)
	}
}
