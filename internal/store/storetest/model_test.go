package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/video"
)

// modelled is a task with what is known of it: the row as of the last step that
// was recorded, and an older one, from which every step must fail.
type modelled struct {
	now, stale task.Task
	moved      bool // stale is older than now
}

// move is one thing that somebody tries in a round.
type move struct {
	accept *task.Acceptance
	of     int // index of the task that it steps
	change task.Change
	stale  bool
	err    error
}

// stepNames are the steps that a round draws from.
var stepNames = []string{"begin", "accepted", "unsure", "works", "succeed", "fail", "wait", "resend"}

// step makes a step of a task; ok is false when there is none from its state.
func step(name string, x task.Task, n int, now time.Time) (c task.Change, ok bool) {
	tm := task.Timing{CreateTimeout: time.Minute, Lease: time.Minute}
	to, err := x, error(nil)
	var entry ledger.Entry
	switch name {
	case "begin":
		to, err = x.Begin(1, "k1", tm, now)
	case "accepted":
		to, err = x.Accepted(fmt.Sprintf("up-%s-%d", x.ID, n), now)
	case "unsure":
		to, err = x.Unsure(now)
	case "works":
		to, err = x.Works(now)
	case "wait":
		to, err = x.Wait(now.Add(time.Second), now)
	case "resend":
		to, err = x.Resend(tm, now)
	case "succeed":
		to, entry, err = x.Succeed(task.Outcome{Assets: []video.Asset{{ID: "v", URL: "https://cdn.example/v.mp4"}}, Result: []byte(`{}`)}, now)
	case "fail":
		to, entry, err = x.Fail(task.UpstreamFailed, "no", now)
	}
	if err != nil {
		return c, false
	}
	c = task.Change{From: x, To: to}
	if to.Status.Terminal() {
		c.Settle = &entry
		c.Event = &task.Event{
			ID: task.NewID("evt_", now), TaskID: x.ID, UserID: x.UserID, Type: "task." + string(to.Status), URL: "https://example.com/hook",
			Payload: []byte(`{}`), CreatedAt: now,
		}
	}
	return c, true
}

// Whatever is tried at once, from fresh rows and from stale ones, the books
// follow a model of four numbers: what was granted, charged, held and spent.
func TestTheBooksFollowAModel(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s := Open(t, d)
		rapid.Check(t, func(r *rapid.T) {
			start := money.Quota(rapid.Int64Range(0, 3000).Draw(r, "balance"))
			var limit *money.Quota
			if rapid.Bool().Draw(r, "has a budget") {
				l := money.Quota(rapid.Int64Range(0, 3000).Draw(r, "budget"))
				limit = &l
			}
			f := NewFixture(t, s, start, limit)
			var tasks []*modelled
			var held, charged money.Quota
			most := start
			if limit != nil {
				most = min(most, *limit)
			}
			events := 0
			for range rapid.IntRange(1, 5).Draw(r, "rounds") {
				before := held + charged
				var moves []*move
				for range rapid.IntRange(1, 10).Draw(r, "moves") {
					if len(tasks) == 0 || rapid.IntRange(0, 2).Draw(r, "accept") == 0 {
						a := f.Order(money.Quota(rapid.Int64Range(1, 900).Draw(r, "price")))
						moves = append(moves, &move{accept: &a})
						continue
					}
					i := rapid.IntRange(0, len(tasks)-1).Draw(r, "task")
					stale := tasks[i].moved && rapid.IntRange(0, 3).Draw(r, "stale") == 0
					x := tasks[i].now
					if stale {
						x = tasks[i].stale
					}
					c, ok := step(rapid.SampledFrom(stepNames).Draw(r, "step"), x, len(moves), f.Now())
					if ok {
						moves = append(moves, &move{of: i, change: c, stale: stale})
					}
				}
				var all sync.WaitGroup
				for _, m := range moves {
					all.Go(func() {
						if m.accept != nil {
							_, m.err = s.Accept(*m.accept)
						} else {
							m.err = s.Advance(m.change)
						}
					})
				}
				all.Wait()

				won := map[int]int{}
				var taken, least money.Quota
				lent := false // an order held the user's money until its token's budget refused it
				for _, m := range moves {
					switch {
					case m.accept != nil && m.err == nil:
						taken += m.accept.Task.Quota
						tasks = append(tasks, &modelled{now: m.accept.Task})
					case m.accept != nil && !fault.Is(m.err, fault.InsufficientQuota):
						r.Fatalf("an order was refused: %v", m.err)
					case m.accept != nil && fault.From(m.err).Word() == "token_budget_exceeded":
						lent = true
					case m.accept != nil:
						if p := m.accept.Task.Quota; least == 0 || p < least {
							least = p
						}
					case m.stale && m.err == nil:
						r.Fatalf("a step from a row of epoch %d was recorded", m.change.From.Epoch)
					case m.err != nil && !fault.Is(m.err, fault.Conflict):
						r.Fatalf("a step was refused: %v", m.err)
					case m.err == nil:
						if won[m.of]++; won[m.of] > 1 {
							r.Fatalf("two steps from one row of task %s were recorded", m.change.From.ID)
						}
						x := tasks[m.of]
						x.stale, x.moved = x.now, true
						x.now = m.change.To
						x.now.Epoch++
						if x.now.Status.Terminal() {
							events++
							held -= x.now.Quota
							charged += x.now.Charged
						}
					}
				}
				for _, m := range moves {
					if m.accept == nil && !m.stale && won[m.of] == 0 {
						r.Fatalf("nobody's step of task %s was recorded: %v", m.change.From.ID, m.err)
					}
				}
				held += taken
				if held+charged > most {
					r.Fatalf("%d are held or charged, %d may be", held+charged, most)
				}
				if least > 0 && !lent && before+taken+least <= most {
					r.Fatalf("an order for %d was refused, with %d of %d held or charged", least, before+taken, most)
				}
				b, err := f.Balance(context.Background(), f.User.ID, false)
				if err != nil {
					r.Fatal(err)
				}
				if want := (store.Balance{Available: start - held - charged, Held: held}); b != want {
					r.Fatalf("balance %+v, want %+v", b, want)
				}
			}
			for _, x := range tasks {
				row, err := s.Task(context.Background(), x.now.ID)
				if err != nil {
					r.Fatal(err)
				}
				if row.Status != x.now.Status || row.Epoch != x.now.Epoch || row.Charged != x.now.Charged || row.Charged > row.Quota {
					r.Fatalf("task %s is %s of epoch %d, charged %d; want %s, %d, %d", row.ID, row.Status, row.Epoch, row.Charged, x.now.Status, x.now.Epoch, x.now.Charged)
				}
			}
			rows, err := s.QueryText(context.Background(), fmt.Sprintf("SELECT COUNT(*) FROM events WHERE user_id = %d", f.User.ID))
			if err != nil || rows[0][0] != fmt.Sprint(events) {
				r.Fatalf("%v events for %d ends, %v", rows, events, err)
			}
		})
		Verified(t, s)
	})
}
