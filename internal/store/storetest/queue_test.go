package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"one-api/internal/fault"
	"one-api/internal/store"
	"one-api/internal/task"
)

// wait commits n waiting tasks of a user and returns their ids in order.
func wait(t *testing.T, f Fixture, n int) []string {
	t.Helper()
	var ids []string
	for range n {
		a := f.Order(1)
		a.Group = "default"
		ids = append(ids, accept(t, f, a).ID)
		f.tick(t)
	}
	return ids
}

// tick lets a millisecond pass: ids sort by it.
func (f Fixture) tick(t *testing.T) {
	t.Helper()
	for now := f.Now(); !f.Now().After(now); {
		if t.Context().Err() != nil {
			t.Fatal("the clock stands still")
		}
	}
}

func ids(tasks []task.Task) []string {
	var out []string
	for _, x := range tasks {
		out = append(out, x.ID)
	}
	return out
}

func TestTasksWaitInTheOrderOfTheirAcceptance(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		queued := wait(t, f, 5)
		other := f.Order(1)
		other.Task.Model, other.Group = "kling-v2-6-std", "vip"
		otherTask := accept(t, f, other)

		waiting, err := f.Waiting(ctx)
		if err != nil || len(waiting) != 2 || waiting[0].Tasks != 5 || waiting[1].Tasks != 1 || !waiting[0].Ready ||
			waiting[1].Lane != otherTask.Lane("vip") {
			t.Fatalf("waiting: %+v, %v", waiting, err)
		}
		lane := waiting[0].Lane
		for i, id := range queued {
			n, l, err := f.QueuePlace(ctx, id)
			if err != nil || n != i+1 || l != lane {
				t.Errorf("place of task %d: %d in %+v, %v", i, n, l, err)
			}
		}
		head, err := f.ClaimWaiting(ctx, lane, 2, time.Minute)
		if err != nil || !slices.Equal(ids(head), queued[:2]) {
			t.Errorf("claimed %v, %v; want the first two", ids(head), err)
		}
		if again, err := f.ClaimWaiting(ctx, lane, 10, 0); err != nil || !slices.Equal(ids(again), queued[2:]) {
			t.Errorf("claimed %v, %v; want those that nobody has", ids(again), err)
		}
		// A lease that ends gives the task back to its place.
		if again, err := f.ClaimWaiting(ctx, lane, 1, time.Minute); err != nil || !slices.Equal(ids(again), queued[2:3]) {
			t.Errorf("claimed %v, %v; want the third again", ids(again), err)
		}

		// Sent: it leaves the queue, and comes back to its place when it must wait.
		sent, err := head[1].Begin(7, "k1", task.Timing{CreateTimeout: time.Minute}, f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: head[1], To: sent, Group: "default"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.QueuePlace(ctx, sent.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the place of a task that was sent: %v", err)
		}
		sent.Epoch++
		back, err := sent.Wait(f.Now().Add(time.Hour), f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: sent, To: back, Group: "default"}); err != nil {
			t.Fatal(err)
		}
		if n, _, err := f.QueuePlace(ctx, sent.ID); err != nil || n != 2 {
			t.Errorf("place after waiting again: %d, %v; want 2", n, err)
		}
		if got, err := f.ClaimWaiting(ctx, lane, 10, 0); err != nil || slices.Contains(ids(got), sent.ID) {
			t.Errorf("a resting task was claimed: %v, %v", ids(got), err)
		}

		// A step that loses leaves the queue alone.
		stale := head[0]
		ended, entry, err := head[0].Fail(task.Cancelled, "no more", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: head[0], To: ended, Settle: &entry}); err != nil {
			t.Fatal(err)
		}
		lost, err := stale.Begin(7, "k1", task.Timing{CreateTimeout: time.Minute}, f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: stale, To: lost}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a stale step: %v", err)
		}
		if n, _, err := f.QueuePlace(ctx, queued[2]); err != nil || n != 2 {
			t.Errorf("place of the third: %d, %v; want 2", n, err)
		}
		Verified(t, f.Store)
	})
}

// line is the tasks of a lane in the order in which they are sent.
func line(t *testing.T, f Fixture, l task.Lane) []string {
	t.Helper()
	got, err := f.ClaimWaiting(t.Context(), l, 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids(got) {
		if n, at, err := f.QueuePlace(t.Context(), id); err != nil || n != i+1 || at != l {
			t.Errorf("the place of number %d in the line: %d in %+v, %v", i+1, n, at, err)
		}
	}
	return ids(got)
}

func TestUsersOfALaneTakeTurns(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, many Fixture) {
		ctx := t.Context()
		few := NewFixture(t, many.Store, 1000, nil)
		m := wait(t, many, 6)
		x, err := many.Task(ctx, m[0])
		if err != nil {
			t.Fatal(err)
		}
		lane := x.Lane("default")
		a := wait(t, few, 2)
		want := []string{m[0], a[0], m[1], a[1], m[2], m[3], m[4], m[5]}
		if got := line(t, many, lane); !slices.Equal(got, want) {
			t.Fatalf("the line is %v, want %v", got, want)
		}
		if got, err := many.Waiting(ctx); err != nil || len(got) != 1 || got[0].Tasks != 8 || got[0].Users[many.User.ID] != 6 || got[0].Users[few.User.ID] != 2 {
			t.Errorf("waiting: %+v, %v", got, err)
		}
		// Two are sent: who comes now stands behind the heads of both, not first.
		for _, id := range want[:2] {
			x, err := many.Task(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			sent, err := x.Begin(7, "k1", task.Timing{CreateTimeout: time.Minute}, many.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := many.Advance(task.Change{From: x, To: sent, Group: "default"}); err != nil {
				t.Fatal(err)
			}
		}
		third := NewFixture(t, many.Store, 1000, nil)
		b := wait(t, third, 2)
		want = []string{m[1], a[1], b[0], m[2], b[1], m[3], m[4], m[5]}
		if got := line(t, many, lane); !slices.Equal(got, want) {
			t.Errorf("the line is %v, want %v", got, want)
		}
		// Another group's lane: whoever moves there comes by turns, too.
		vip := lane
		vip.Group = "vip"
		o := few.Order(1)
		o.Group = "vip"
		v := accept(t, few, o)
		if err := many.MoveWaiting(ctx, many.User.ID, lane, "vip"); err != nil {
			t.Fatal(err)
		}
		if got, want := line(t, many, vip), []string{m[1], v.ID, m[2], m[3], m[4], m[5]}; !slices.Equal(got, want) {
			t.Errorf("the line of the new group is %v, want %v", got, want)
		}
		if got, want := line(t, many, lane), []string{a[1], b[0], b[1]}; !slices.Equal(got, want) {
			t.Errorf("the line of the old group is %v, want %v", got, want)
		}
		if err := many.MoveWaiting(ctx, many.User.ID, lane, "vip"); err != nil {
			t.Errorf("moving nothing: %v", err)
		}
		Verified(t, many.Store)
	})
}

func TestWaitingTasksAreClaimedOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 1_000_000, nil)
		nodes := []*store.Store{f.Store, OpenAt(t, dsn)}
		const n = 40
		first := f.Order(1)
		first.Group = "default"
		lane := first.Task.Lane("default")
		accept(t, f, first)
		for range n - 1 {
			a := f.Order(1)
			a.Group = "default"
			accept(t, f, a)
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 20 {
					got, err := nodes[i%2].ClaimWaiting(context.Background(), lane, 7, time.Minute)
					if err != nil {
						t.Errorf("claim: %v", err)
						return
					}
					mu.Lock()
					for _, x := range got {
						seen[x.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != n {
			t.Errorf("%d tasks claimed, want %d", len(seen), n)
		}
		for id, k := range seen {
			if k != 1 {
				t.Errorf("task %s claimed %d times", id, k)
			}
		}
	})
}

func TestOverdueTasksAndThoseRemovedByHandLeaveTheQueue(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		late := f.Order(1)
		late.Task.SendBefore, late.Group = f.Now(), "default"
		lateTask := accept(t, f, late)
		queued := wait(t, f, 2)
		got, err := f.ClaimOverdue(ctx, 10, time.Minute)
		if err != nil || !slices.Equal(ids(got), []string{lateTask.ID}) {
			t.Errorf("overdue: %v, %v; want the late one", ids(got), err)
		}
		if err := f.Exec(ctx, "DELETE FROM videos WHERE task_id = '"+queued[0]+"'"); err != nil {
			t.Fatal(err)
		}
		if got, err := f.ClaimWaiting(ctx, lateTask.Lane("default"), 10, 0); err != nil || !slices.Equal(ids(got), queued[1:]) {
			t.Errorf("claimed %v, %v; want the one that exists", ids(got), err)
		}
		if _, _, err := f.QueuePlace(ctx, queued[0]); !fault.Is(err, fault.NotFound) {
			t.Errorf("the place of a task that was removed: %v", err)
		}
	})
}

// TestRowsOfTasksThatNoLongerWaitLeaveTheQueue: during a rolling upgrade a node
// of an older version sends waiting tasks without knowing of the queue.
func TestRowsOfTasksThatNoLongerWaitLeaveTheQueue(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		queued := wait(t, f, 2)
		if err := f.Exec(ctx, "UPDATE videos SET status = 'submitted', epoch = epoch + 1 WHERE task_id = '"+queued[0]+"'"); err != nil {
			t.Fatal(err)
		}
		x, err := f.Task(ctx, queued[1])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.ClaimWaiting(ctx, x.Lane("default"), 10, 0); err != nil || !slices.Equal(ids(got), queued[1:]) {
			t.Errorf("claimed %v, %v; want the one that waits", ids(got), err)
		}
		if got, err := f.Waiting(ctx); err != nil || len(got) != 1 || got[0].Tasks != 1 {
			t.Errorf("waiting: %v, %v; want one task", got, err)
		}
	})
}

func TestALimitIsLearnedAndRaised(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		const model = "kling-v1-6"
		learned := func() int {
			t.Helper()
			loads, err := f.ModelLoads(ctx)
			if err != nil || len(loads) != 1 || loads[0].Model != model || loads[0].ChannelID != 7 {
				t.Fatalf("loads: %+v, %v", loads, err)
			}
			return loads[0].Learned
		}
		for range 3 {
			accept(t, f, f.OnChannel(t, 1, 7, 0))
		}
		// The third was one too many.
		if err := f.LearnLimit(ctx, 7, model, time.Minute); err != nil || learned() != 2 {
			t.Fatalf("learned %d, %v; want 2", learned(), err)
		}
		if a := accept(t, f, f.OnChannel(t, 1, 7, 0)); a.Status != task.Pending {
			t.Errorf("beyond the learned limit a task is %s, want pending", a.Status)
		}
		if err := f.RaiseLimits(ctx, time.Minute); err != nil || learned() != 2 {
			t.Errorf("a limit just learned is %d, %v", learned(), err)
		}
		if err := f.Exec(ctx, "UPDATE channel_loads SET learned_until = 1"); err != nil {
			t.Fatal(err)
		}
		if err := f.RaiseLimits(ctx, time.Minute); err != nil || learned() != 3 {
			t.Errorf("a limit that stood is %d, %v; want 3", learned(), err)
		}
		if err := f.Exec(ctx, "UPDATE channel_loads SET learned_until = 1, learned = 20"); err != nil {
			t.Fatal(err)
		}
		if err := f.RaiseLimits(ctx, time.Minute); err != nil || learned() != 0 {
			t.Errorf("a limit far from being reached is %d, %v; want none", learned(), err)
		}
	})
}

func TestACircuitIsOpenedAndProbedByOneNode(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		one, two := OpenAt(t, dsn), OpenAt(t, dsn)
		ctx := context.Background()
		made, err := one.CreateChannel(ctx, store.NewChannel{Type: 41, Name: "c", BaseURL: "https://x.example", Keys: "sk-key", Models: []string{"*"}})
		if err != nil {
			t.Fatal(err)
		}
		ch, until := made.ID, one.Now().Add(time.Minute)
		won := race(6, func(i int) error {
			ok, err := []*store.Store{one, two}[i%2].OpenCircuit(ctx, ch, time.Time{}, until.Add(time.Duration(i)*time.Millisecond))
			if err == nil && !ok {
				err = fault.New(fault.Conflict, "").Named("lost")
			}
			return err
		})
		wantRace(t, won, map[string]int{"": 1, "lost": 5})
		for _, s := range []*store.Store{one, two} {
			if err := s.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
		}
		c, _ := two.Directory().View().Channel(ch)
		if c.Circuit.Opens != 1 || c.Circuit.Until.Before(until) {
			t.Fatalf("the other node sees %+v", c.Circuit)
		}
		probe := race(6, func(i int) error {
			ok, err := []*store.Store{one, two}[i%2].ProbeCircuit(ctx, ch, c.Circuit.Until, until.Add(time.Hour+time.Duration(i)*time.Millisecond))
			if err == nil && !ok {
				err = fault.New(fault.Conflict, "").Named("lost")
			}
			return err
		})
		wantRace(t, probe, map[string]int{"": 1, "lost": 5})
		if err := two.CloseCircuit(ctx, ch); err != nil {
			t.Fatal(err)
		}
		if err := one.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if c, _ := one.Directory().View().Channel(ch); c.Circuit.Opens != 0 || !c.Circuit.Until.IsZero() {
			t.Errorf("after it was closed the other node sees %+v", c.Circuit)
		}
	})
}
