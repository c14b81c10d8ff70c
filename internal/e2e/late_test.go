package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"one-api/internal/app"
	"one-api/internal/callback"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// losses are the operator's losses: reference, amount and memo.
func (w *world) losses() [][]string {
	w.t.Helper()
	return w.rows("SELECT j.reference, p.amount, j.memo FROM journal j JOIN postings p ON p.journal_id = j.id WHERE j.kind = 'loss' ORDER BY j.reference")
}

// orderUnseen orders what Kling makes while the gateway learns nothing of it
// until the task has expired.
func (c *caller) orderUnseen() string {
	c.t.Helper()
	c.inject(klingsim.Fault{Kind: klingsim.LoseAnswer})
	seen := c.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 502, Count: -1})
	id := c.order(guideOrder)
	c.failed(id, "expired")
	c.balance(c.setup.balance, 0)
	c.until("Kling to make the task", func() bool { return c.upstream(id).Status == klingsim.Succeeded })
	seen()
	return id
}

func TestAnExpiredTaskThatTheUpstreamMadeIsTheOperatorsLoss(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{
			dialect: d, polling: true, sim: klingsim.Options{ToEnd: 10 * time.Millisecond},
			options: func(o *app.Options) {
				o.Timing.Deadline, o.Timing.LateGap = 3*time.Second, 400*time.Millisecond
			},
		})
		c := w.user
		id := c.orderUnseen()
		w.until("the loss to be booked", func() bool { return len(w.losses()) > 0 })
		units := w.upstream(id).Units
		got := w.losses()
		if len(got) != 1 || got[0][0] != id || !strings.Contains(got[0][2], "the upstream's bill") {
			t.Errorf("losses %q for %s units", got, units)
		}
		if n := w.number("SELECT COUNT(*) FROM late_checks WHERE next_ask_at IS NULL AND lost = %s AND found_status = 'succeed'", got[0][1]); n != 1 {
			t.Errorf("the late check is not closed with its loss: %q", w.rows("SELECT * FROM late_checks"))
		}
		// Neither the task nor its owner notices.
		c.failed(id, "expired")
		c.balance(w.setup.balance, 0)
		if n := w.number("SELECT COUNT(*) FROM journal WHERE task_id = '%s'", id); n != 2 {
			t.Errorf("the task has %d entries in the ledger, want its hold and its release", n)
		}
		if !w.log.has("billing: loss booked") {
			t.Error("the operator's log does not tell of the loss")
		}
		w.forget(id)
	})
}

func TestACallbackAfterTheEndIsAskedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		sim: klingsim.Options{ToEnd: 10 * time.Millisecond, NoCallbacks: true},
		options: func(o *app.Options) {
			o.Timing.Deadline, o.Timing.LateGap = 3*time.Second, time.Hour
		},
	})
	c := w.user
	id := c.orderUnseen()
	address := strings.TrimPrefix(callback.URL(c.node.url, w.keys)(id, 1), c.node.url)
	for n := range 3 {
		body := fmt.Sprintf(`{"task_id":%q,"task_status":"succeed","n":%d}`, w.upstream(id).ID, n)
		if a := c.do("POST", address, body, "Authorization:"); a.status != 200 {
			t.Fatalf("the callback was answered %s", a)
		}
	}
	w.until("the loss to be booked", func() bool { return len(w.losses()) > 0 })
	if got := w.losses(); len(got) != 1 {
		t.Errorf("losses %q, want one", got)
	}
	c.failed(id, "expired")
	c.balance(w.setup.balance, 0)
	w.forget(id)
}

// What Kling failed costs nobody anything, whatever a callback says of it later;
// its answer names a deduction of 0.
func TestALieAboutAFailedTaskIsNoLoss(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{ToEnd: 10 * time.Millisecond, NoCallbacks: true}})
	c := w.user
	id := c.order(`{"model":"kling-v1-5-std","prompt":"simfail","duration":5,"aspect_ratio":"16:9"}`)
	c.failed(id, "upstream_failed")
	address := strings.TrimPrefix(callback.URL(c.node.url, w.keys)(id, 1), c.node.url)
	if a := c.do("POST", address, fmt.Sprintf(`{"task_id":%q,"task_status":"succeed"}`, w.upstream(id).ID), "Authorization:"); a.status != 200 {
		t.Fatalf("the callback was answered %s", a)
	}
	w.until("Kling to be asked once more", func() bool { return w.number("SELECT COUNT(*) FROM late_checks WHERE found_status = 'failed'") == 1 })
	if got := w.losses(); len(got) != 0 {
		t.Errorf("losses %q, want none", got)
	}
}

// must runs a statement as an operator does.
func (w *world) must(query string) {
	w.t.Helper()
	if err := w.books.Exec(w.t.Context(), query); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

func bodyOf(text string) *strings.Reader { return strings.NewReader(text) }
