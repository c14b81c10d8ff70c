package e2e_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// oneAtATime is a world whose only channel takes one task, by hand.
func oneAtATime(t *testing.T, d store.Dialect) *world {
	return newWorld(t, setup{dialect: d, byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
}

func TestAWaitingOrderTellsItsPlaceAndCanBeCancelled(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := oneAtATime(t, d)
		one := w.user.order(guideOrder)
		var waiting []string
		for i := range 3 {
			a := w.user.do("POST", text2video, guideOrder)
			if a.text("status") != "pending" || a.get("queue.position").Int() != int64(i+1) || a.get("queue.estimated_seconds").Int() <= 0 {
				t.Fatalf("waiting order %d was answered %s", i+1, a)
			}
			waiting = append(waiting, a.text("task_id"))
		}
		if a := w.user.read(waiting[2]); a.get("queue.position").Int() != 3 {
			t.Errorf("the last one reads %s", a)
		}
		if a := w.user.read(one); a.get("queue").Exists() {
			t.Errorf("a task that was sent has a place: %s", a)
		}
		path := text2video[:len(text2video)-len("text2video")] + waiting[0] + "/cancel"
		if a := w.user.do("POST", path, ""); a.status != http.StatusOK || a.text("status") != "failed" || a.text("fail_code") != "cancelled" {
			t.Errorf("cancelling answered %s", a)
		}
		if a := w.user.do("POST", path, ""); a.status != http.StatusConflict {
			t.Errorf("cancelling again answered %s, want 409", a)
		}
		w.user.balance(w.setup.balance-3*guidePrice, 3*guidePrice)
		if a := w.user.read(waiting[2]); a.get("queue.position").Int() != 2 {
			t.Errorf("after one left, the last one reads %s", a)
		}
		// First come, first served.
		w.pass(3 * time.Minute)
		w.user.succeeded(one)
		w.until("the next order to be sent", func() bool { return len(w.sim.Tasks()) == 2 })
		if a := w.user.read(waiting[2]); a.get("queue.position").Int() != 1 {
			t.Errorf("the last one is not the last one: %s", a)
		}
		for i, id := range waiting[1:] {
			w.runs(i+2, id)
		}
		w.user.balance(w.setup.balance-3*guidePrice, 0)
	})
}

func TestAnOrderThatCannotBeSentInTimeIsRefusedBeforeAHold(t *testing.T) {
	t.Parallel()
	w := oneAtATime(t, store.SQLite)
	ids := []string{w.user.order(guideOrder)}
	var a answer
	for range 30 {
		if a = w.user.do("POST", text2video, guideOrder); a.status != http.StatusOK {
			break
		}
		ids = append(ids, a.text("task_id"))
	}
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || a.text("error.code") != "queue_full" || err != nil || wait <= 0 {
		t.Fatalf("after %d orders for one place the next was answered %s, want 429 queue_full with Retry-After", len(ids), a)
	}
	n := len(ids)
	held := guidePrice * money.Quota(n)
	w.user.balance(w.setup.balance-held, held)
	// One that may wait for less is refused earlier, one for another model not at all.
	if a := w.user.do("POST", text2video, guideOrder, "X-Deadline-Seconds: 60"); a.status != http.StatusTooManyRequests {
		t.Errorf("an order with a short deadline was answered %s", a)
	}
	w.user.order(`{"model":"kling-v1-6-std","prompt":"a cat"}`)
	for i, id := range ids {
		w.runs(i+2, id)
	}
}

func TestOneUsersLongQueueKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, unsettle: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
	ids := []string{w.user.order(guideOrder)}
	for {
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != http.StatusOK {
			break
		}
		ids = append(ids, a.text("task_id"))
	}
	other := w.newCaller(2 * guidePrice)
	first := other.do("POST", text2video, guideOrder)
	if first.status != http.StatusOK || first.get("queue.position").Int() != 2 {
		t.Fatalf("behind %d tasks of another user an order was answered %s, want place 2", len(ids), first)
	}
	if a := other.do("POST", text2video, guideOrder); a.status != http.StatusOK || a.get("queue.position").Int() != 4 {
		t.Errorf("the second was answered %s, want place 4", a)
	}
	w.runs(1, ids[0])
	w.runs(2, ids[1])
	w.until("the other user's order to be sent", func() bool { return len(w.sim.Tasks()) == 3 })
	if a := other.read(first.text("task_id")); a.text("status") == "pending" {
		t.Errorf("the third task at Kling is not the other user's: %s", a)
	}
}

// runs waits until the upstream has n tasks and lets the last one end.
func (w *world) runs(n int, id string) {
	w.t.Helper()
	w.until("the next order to be sent", func() bool { return len(w.sim.Tasks()) >= n })
	w.pass(3 * time.Minute)
	w.user.succeeded(id)
}

// An account that refuses queries as too many is asked less often; its tasks
// end all the same.
func TestAnAccountThatRefusesQueriesIsAskedLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true})
	id := w.user.order(guideOrder)
	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 429, Code: 1302, Count: -1})
	w.pass(3 * time.Minute)
	const looks = 15
	w.until("many looks at the task", func() bool {
		w.dueNow()
		return w.number("SELECT checks FROM videos WHERE task_id = '%s'", id) >= looks
	})
	refused := 0
	for r, n := range w.sim.Requests() {
		if r.Fault == klingsim.FailBefore {
			refused += n
		}
	}
	if refused == 0 || refused > looks/2 {
		t.Errorf("while it refused, Kling got %d queries in %d looks: %v", refused, looks, w.sim.Requests())
	}
	w.sim.ClearFaults()
	w.user.succeeded(id)
}

// dueNow makes the checks of all tasks due.
func (w *world) dueNow() {
	w.t.Helper()
	if err := w.books.Exec(w.t.Context(), "UPDATE videos SET next_check_at = 1 WHERE next_check_at IS NOT NULL"); err != nil {
		w.t.Fatal(err)
	}
}
