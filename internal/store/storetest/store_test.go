package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/video"
)

// each runs a test on every kind of database.
func each(t *testing.T, f func(t *testing.T, d store.Dialect)) {
	for _, d := range Databases {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			f(t, d)
		})
	}
}

func eachFixture(t *testing.T, balance money.Quota, f func(t *testing.T, fx Fixture)) {
	each(t, func(t *testing.T, d store.Dialect) { f(t, NewFixture(t, Open(t, d), balance, nil)) })
}

func mustBalance(t *testing.T, f Fixture, available, held money.Quota) {
	t.Helper()
	b, err := f.Balance(context.Background(), f.User.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := (store.Balance{Available: available, Held: held}); b != want {
		t.Errorf("balance %+v, want %+v", b, want)
	}
}

func accept(t *testing.T, f Fixture, a task.Acceptance) task.Task {
	t.Helper()
	done, err := f.Accept(a)
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	return done.Task
}

// submitted accepts a task and records that channel 1 took it.
func submitted(t *testing.T, f Fixture, price money.Quota) task.Task {
	t.Helper()
	from := accept(t, f, f.OnChannel(t, price, 1, 0))
	to, err := from.Accepted("up-"+from.ID, f.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := &task.Attempt{TaskID: from.ID, N: 1, ChannelID: 1, KeyID: "k1", Ref: from.Ref, Outcome: "accepted", UpstreamID: to.UpstreamID, SentAt: f.Now(), AnsweredAt: f.Now()}
	if err := f.Advance(task.Change{From: from, To: to, Attempt: at}); err != nil {
		t.Fatalf("advance: %v", err)
	}
	to.Epoch++
	return to
}

func success(t *testing.T, from task.Task, now time.Time) task.Change {
	t.Helper()
	to, entry, err := from.Succeed(task.Outcome{
		Assets: []video.Asset{{ID: "v1", URL: "https://example.com/v1.mp4"}}, Result: []byte(`{"videos":[]}`),
		Costs: []video.Cost{{Unit: "video_unit", Amount: "2"}},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	return task.Change{From: from, To: to, Settle: &entry, Event: &task.Event{
		ID: task.NewID("evt_", now), TaskID: to.ID, UserID: to.UserID, Type: "task.succeed", URL: "https://example.com/hook", Payload: []byte("{}"), CreatedAt: now,
	}}
}

func TestATaskIsReadAsItWasWritten(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		a := f.OnChannel(t, 300_000, 1, 0)
		a.Task.ExternalID, a.Task.CallbackURL, a.Task.Tags = "mine-1", "https://example.com/cb", `{"team":"ads"}`
		a.Task.AspectRatio, a.Task.Mode, a.Task.RequestID = "16:9", "pro", "req1"
		accept(t, f, a)
		got, err := f.UserTask(context.Background(), f.User.ID, "mine-1")
		if err != nil {
			t.Fatal(err)
		}
		want := a.Task
		want.CreatedAt = want.CreatedAt.Truncate(time.Second) // unix seconds, as the guide's SQL expects
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("read back (-want +got):\n%s", d)
		}
		body, err := f.Body(context.Background(), a.Task.ID)
		if err != nil || string(body) != string(a.Body) {
			t.Errorf("body %q, %v", body, err)
		}
		if _, err := f.UserTask(context.Background(), f.User.ID+1, a.Task.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another user's read = %v, want NotFound", err)
		}
	})
}

// A picture in the body is larger than what a server takes in one statement.
func TestALargeBodyIsKeptWhole(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		a := f.Order(1)
		a.Body = make([]byte, 24<<20+7)
		for i := range a.Body {
			a.Body[i] = "ab'\"\\\x00\n9"[i%8]
		}
		accept(t, f, a)
		got, err := f.Body(context.Background(), a.Task.ID)
		if err != nil || !bytes.Equal(got, a.Body) {
			t.Errorf("read %d bytes of %d, %v", len(got), len(a.Body), err)
		}
	})
}

func TestSuccessIsChargedOnce(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		from := submitted(t, f, 300_000)
		mustBalance(t, f, 700_000, 300_000)
		c := success(t, from, f.Now())
		if err := f.Advance(c); err != nil {
			t.Fatal(err)
		}
		mustBalance(t, f, 700_000, 0)
		if err := f.Advance(c); !errors.Is(err, store.ErrMovedOn) {
			t.Errorf("second settle = %v, want ErrMovedOn", err)
		}
		failed, entry, err := from.Fail(task.UpstreamFailed, "no", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: from, To: failed, Settle: &entry}); !errors.Is(err, store.ErrMovedOn) {
			t.Errorf("release after capture = %v, want ErrMovedOn", err)
		}
		got, err := f.Task(context.Background(), from.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != task.Succeeded || got.Charged != 300_000 || got.StoreURL != "https://example.com/v1.mp4" || len(got.Costs) != 1 || !got.NextCheckAt.IsZero() {
			t.Errorf("ended as %+v", got)
		}
		lines, err := f.TaskLines(context.Background(), from.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) != 2 || lines[0].Kind != ledger.KindHold || lines[1].Kind != ledger.KindCapture || lines[1].To != ledger.OperatorAccount(ledger.Revenue, false) {
			t.Errorf("ledger lines %+v", lines)
		}
		mustBalance(t, f, 700_000, 0)
		Verified(t, f.Store)
	})
}

func TestManySettlesOfOneTaskMoveMoneyOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 1_000_000, nil)
		other := f
		other.Store = OpenAt(t, dsn) // a second node
		from := submitted(t, f, 300_000)
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			node := []Fixture{f, other}[i%2]
			c := success(t, from, f.Now())
			wg.Go(func() {
				err := node.Advance(c)
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrMovedOn):
					t.Errorf("settle: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d settles won, want 1", won.Load())
		}
		mustBalance(t, f, 700_000, 0)
		Verified(t, f.Store)
	})
}

func TestFailureReleasesTheHold(t *testing.T) {
	eachFixture(t, 500_000, func(t *testing.T, f Fixture) {
		from := submitted(t, f, 300_000)
		to, entry, err := from.Fail(task.UpstreamFailed, "risk control", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: from, To: to, Settle: &entry}); err != nil {
			t.Fatal(err)
		}
		mustBalance(t, f, 500_000, 0)
		Verified(t, f.Store)
	})
}

// 200 orders in parallel on a balance for 7, on two nodes.
func TestParallelOrdersNeverOverspend(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 7*300_000+299_999, nil)
		other := f
		other.Store = OpenAt(t, dsn)
		var accepted, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 200 {
			node := []Fixture{f, other}[i%2]
			a := node.OnChannel(t, 300_000, 1, 0)
			wg.Go(func() {
				switch _, err := node.Accept(a); {
				case err == nil:
					accepted.Add(1)
				case fault.Is(err, fault.InsufficientQuota):
					refused.Add(1)
				default:
					t.Errorf("accept: %v", err)
				}
			})
		}
		wg.Wait()
		if accepted.Load() != 7 || refused.Load() != 193 {
			t.Errorf("%d accepted and %d refused, want 7 and 193", accepted.Load(), refused.Load())
		}
		mustBalance(t, f, 299_999, 7*300_000)
		Verified(t, f.Store)
	})
}

func TestATokensBudgetHolds(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		limit := money.Quota(900_000)
		f := NewFixture(t, Open(t, d), 100_000_000, &limit)
		var accepted, refused atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			a := f.Order(300_000)
			wg.Go(func() {
				switch _, err := f.Accept(a); {
				case err == nil:
					accepted.Add(1)
				case fault.From(err).Word() == "token_budget_exceeded":
					refused.Add(1)
				default:
					t.Errorf("accept: %v", err)
				}
			})
		}
		wg.Wait()
		if accepted.Load() != 3 || refused.Load() != 47 {
			t.Errorf("%d accepted and %d refused, want 3 and 47", accepted.Load(), refused.Load())
		}
		mustBalance(t, f, 100_000_000-900_000, 900_000)
		Verified(t, f.Store)
	})
}

// Orders from the console may come without a token: the balance alone bounds
// them, and no budget is touched.
func TestAnOrderWithoutATokenIsChargedToTheBalance(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		id := f.Token.ID
		f.Token.ID = 0
		for _, end := range []string{"success", "failure", "full"} {
			if end == "full" { // refused, with what was taken given back
				accept(t, f, f.OnChannel(t, 300_000, 7, 1))
				a := f.OnChannel(t, 300_000, 7, 1)
				a.NoWait = true
				if _, err := f.Accept(a); !fault.Is(err, fault.Throttled) {
					t.Fatalf("beyond the channel's limit: %v", err)
				}
				mustBalance(t, f, 400_000, 300_000)
				break
			}
			from := submitted(t, f, 300_000)
			if from.TokenID != 0 {
				t.Errorf("the task has token %d", from.TokenID)
			}
			c := success(t, from, f.Now())
			if end == "failure" {
				to, entry, err := from.Fail(task.UpstreamFailed, "risk control", f.Now())
				if err != nil {
					t.Fatal(err)
				}
				c = task.Change{From: from, To: to, Settle: &entry}
			}
			if err := f.Advance(c); err != nil {
				t.Fatal(err)
			}
			mustBalance(t, f, 700_000, 0)
		}
		a := f.Order(800_000)
		if _, err := f.Accept(a); !fault.Is(err, fault.InsufficientQuota) {
			t.Errorf("beyond the balance: %v", err)
		}
		tok, err := f.Store.Token(ctx, 0, id)
		if err != nil || tok.Held != 0 || tok.Used != 0 {
			t.Errorf("the user's token was charged: %+v, %v", tok, err)
		}
		list, _, err := f.FindTasks(ctx, store.TaskQuery{UserID: f.User.ID, Limit: 10})
		if err != nil || len(list) != 3 {
			t.Errorf("%d tasks are listed, %v", len(list), err)
		}
		entries, _, err := f.Entries(ctx, store.EntryFilter{UserID: f.User.ID, Kind: ledger.KindCapture, Limit: 10})
		if err != nil || len(entries) != 1 || entries[0].TokenID != 0 {
			t.Errorf("charges %+v, %v", entries, err)
		}
		Verified(t, f.Store)
	})
}

func TestPlayMoneyIsThereWhenItIsNeeded(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		for range 2 {
			if err := f.EnsurePlay(ctx, f.User.ID); err != nil {
				t.Fatal(err)
			}
			if b, err := f.Balance(ctx, f.User.ID, true); err != nil || b.Available != store.PlayBalance {
				t.Errorf("play balance %+v, %v", b, err)
			}
		}
		if err := f.EnsurePlay(ctx, 9999); !fault.Is(err, fault.NotFound) {
			t.Errorf("for nobody: %v", err)
		}
		Verified(t, f.Store)
	})
}

func TestAnIdempotencyKeyCreatesOneTask(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 100_000_000, nil)
		other := f
		other.Store = OpenAt(t, dsn)
		var mu sync.Mutex
		ids := map[string]int{}
		var wg sync.WaitGroup
		for i := range 40 {
			node := []Fixture{f, other}[i%2]
			a := node.Order(300_000)
			a.Idempotency = &task.Idempotency{Key: "order 1", Hash: "aa"}
			wg.Go(func() {
				done, err := node.Accept(a)
				if fault.Is(err, fault.Conflict) { // in the same batch
					return
				}
				if err != nil {
					t.Errorf("accept: %v", err)
					return
				}
				mu.Lock()
				ids[done.Task.ID]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(ids) != 1 {
			t.Errorf("%d tasks for one key: %v", len(ids), ids)
		}
		mustBalance(t, f, 100_000_000-300_000, 300_000)

		a := f.Order(300_000)
		a.Idempotency = &task.Idempotency{Key: "order 1", Hash: "bb"}
		if _, err := f.Accept(a); fault.From(err).Word() != "idempotency_mismatch" {
			t.Errorf("another request under the key = %v, want idempotency_mismatch", err)
		}
		if err := f.KeepAnswer(f.User.ID, "order 1", task.Answer{Status: 200, Body: []byte(`{"ok":1}`)}); err != nil {
			t.Fatal(err)
		}
		a.Idempotency.Hash = "aa"
		done, err := f.Accept(a)
		if err != nil || done.Replayed == nil || done.Replayed.Status != 200 || string(done.Replayed.Body) != `{"ok":1}` {
			t.Errorf("replay = %+v, %v", done.Replayed, err)
		}
		Verified(t, f.Store)
	})
}

func TestAnExternalIDIsUniquePerUser(t *testing.T) {
	eachFixture(t, 100_000_000, func(t *testing.T, f Fixture) {
		a := f.Order(1)
		a.Task.ExternalID = "mine"
		accept(t, f, a)
		b := f.Order(1)
		b.Task.ExternalID = "mine"
		if _, err := f.Accept(b); fault.From(err).Word() != "external_task_id_exists" {
			t.Errorf("second use = %v", err)
		}
		other := NewFixture(t, f.Store, 10, nil)
		c := other.Order(1)
		c.Task.ExternalID = "mine"
		accept(t, other, c)
		Verified(t, f.Store)
	})
}

func TestAChannelsLimitHolds(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 100_000_000, nil)
		other := f
		other.Store = OpenAt(t, dsn)
		var mu sync.Mutex
		byStatus := map[task.Status][]task.Task{}
		var wg sync.WaitGroup
		for i := range 30 {
			node := []Fixture{f, other}[i%2]
			a := node.OnChannel(t, 1000, 7, 5)
			wg.Go(func() {
				done, err := node.Accept(a)
				if err != nil {
					t.Errorf("accept: %v", err)
					return
				}
				mu.Lock()
				byStatus[done.Task.Status] = append(byStatus[done.Task.Status], done.Task)
				mu.Unlock()
			})
		}
		wg.Wait()
		if n, m := len(byStatus[task.Submitting]), len(byStatus[task.Pending]); n != 5 || m != 25 {
			t.Fatalf("%d started and %d wait, want 5 and 25", n, m)
		}
		// A waiting task finds no place until one ends.
		wait := byStatus[task.Pending][0]
		begin := func() error {
			to, err := wait.Begin(7, "k1", task.Timing{}, f.Now())
			if err != nil {
				t.Fatal(err)
			}
			return f.Advance(task.Change{From: wait, To: to, MaxLive: 5})
		}
		if err := begin(); fault.From(err).Word() != "channel_busy" {
			t.Errorf("begin on a full channel = %v", err)
		}
		from := byStatus[task.Submitting][0]
		to, entry, err := from.Fail(task.Rejected, "no", f.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Advance(task.Change{From: from, To: to, Settle: &entry}); err != nil {
			t.Fatal(err)
		}
		if err := begin(); err != nil {
			t.Errorf("begin after one ended = %v", err)
		}
		loads, err := f.Loads(context.Background())
		if err != nil || loads[7] != 5 {
			t.Errorf("loads %v, %v; want 5 on channel 7", loads, err)
		}
		Verified(t, f.Store)
	})
}

func TestDueTasksAreClaimedOnce(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		f := NewFixture(t, OpenAt(t, dsn), 100_000_000, nil)
		other := f
		other.Store = OpenAt(t, dsn)
		const n = 60
		for range n {
			submitted(t, f, 1)
		}
		if err := f.Exec(context.Background(), "UPDATE videos SET next_check_at = 1"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			node := []Fixture{f, other}[i%2]
			wg.Go(func() {
				for range 4 {
					got, err := node.ClaimDue(context.Background(), 10)
					if err != nil {
						t.Errorf("claim: %v", err)
						return
					}
					mu.Lock()
					for _, c := range got {
						seen[c.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for range n { // what the others passed by while a row was locked
			got, err := f.ClaimDue(context.Background(), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range got {
				seen[c.ID]++
			}
		}
		if len(seen) != n {
			t.Errorf("%d tasks claimed, want %d", len(seen), n)
		}
		for id, k := range seen {
			if k != 1 {
				t.Errorf("task %s claimed %d times", id, k)
			}
		}
		at, ok, err := f.NextDue(context.Background())
		if err != nil || !ok || !at.After(f.Now().Add(time.Second)) {
			t.Errorf("next due at %v, %v, %v; want a poll gap ahead", at, ok, err)
		}
	})
}

func TestACallbackMakesACheckDueAndIsKeptOnce(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		from := submitted(t, f, 1000)
		for i := range 30 {
			if err := f.RecordCallback(store.Callback{TaskID: from.ID, Attempt: 1, Hash: fmt.Sprint(i / 2), Status: "succeed", Body: "{}"}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := f.ClaimDue(context.Background(), 10)
		if err != nil || len(got) != 1 || got[0].ID != from.ID {
			t.Errorf("due after a callback: %v, %v", got, err)
		}
		if got[0].Status != task.Submitted {
			t.Errorf("a callback changed the state to %s", got[0].Status)
		}
	})
}

func TestCallbacksOfManyTasksAtOnceAreKeptOnceEach(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := t.Context()
		const tasks, bodies, repeats = 12, 3, 4
		want := map[string]bool{}
		var calls []store.Callback
		for range tasks {
			id := submitted(t, f, 1000).ID
			want[id] = true
			for i := range bodies * repeats {
				calls = append(calls, store.Callback{TaskID: id, Attempt: 1, Hash: fmt.Sprint(i % bodies), Status: "succeed", Body: fmt.Sprint("body ", i%bodies)})
			}
		}
		if err := f.Exec(ctx, fmt.Sprintf("UPDATE videos SET next_check_at = %d", f.Now().Add(time.Hour).UnixMilli())); err != nil {
			t.Fatal(err)
		}
		sending := accept(t, f, f.OnChannel(t, 1000, 1, 0)).ID
		calls = append(calls, store.Callback{TaskID: sending, Attempt: 1, Hash: "x", Status: "succeed", Body: "{}"}, store.Callback{TaskID: "kling_none", Attempt: 1, Hash: "x"})
		wantRace(t, race(len(calls), func(i int) error { return f.RecordCallback(calls[i]) }), map[string]int{"": len(calls)})
		rows, err := f.QueryText(ctx, "SELECT COUNT(*), COUNT(DISTINCT task_id) FROM callbacks WHERE attempt = 1 AND task_id <> 'kling_none'")
		if err != nil || rows[0][0] != fmt.Sprint(tasks*bodies+1) || rows[0][1] != fmt.Sprint(tasks+1) {
			t.Errorf("kept %v, %v; want %d callbacks", rows, err, tasks*bodies+1)
		}
		due, err := f.ClaimDue(ctx, 100)
		if err != nil || len(due) != tasks {
			t.Errorf("%d tasks are due, %v; want %d", len(due), err, tasks)
		}
		for _, x := range due {
			if !want[x.ID] {
				t.Errorf("%s is due", x.ID)
			}
		}
	})
}

// The upstream may call back before it has answered the create call. The due
// time of a task that is being sent is the sender's lease: cut short, others
// would take the sender for dead.
func TestACallbackLeavesTheSendersLeaseAlone(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		sending := accept(t, f, f.OnChannel(t, 1000, 1, 0))
		if err := f.RecordCallback(store.Callback{TaskID: sending.ID, Attempt: 1, Hash: "a", Status: "submitted", Body: "{}"}); err != nil {
			t.Fatal(err)
		}
		if err := f.CheckNow(context.Background(), sending.ID); err != nil {
			t.Fatal(err)
		}
		if due, err := f.ClaimDue(context.Background(), 10); err != nil || len(due) != 0 {
			t.Errorf("a task that is being sent was due: %v, %v", due, err)
		}
	})
}

func TestAnEventIsDeliveredUntilItIsDone(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		from := submitted(t, f, 1000)
		if err := f.Advance(success(t, from, f.Now())); err != nil {
			t.Fatal(err)
		}
		due, _, err := f.ClaimDeliveries(ctx, store.DeliveryClaim{Limit: 10, Lease: time.Minute})
		if err != nil || len(due) != 1 || due[0].TaskID != from.ID || due[0].URL != "https://example.com/hook" {
			t.Fatalf("due %+v, %v", due, err)
		}
		if again, _, err := f.ClaimDeliveries(ctx, store.DeliveryClaim{Limit: 10, Lease: time.Minute}); err != nil || len(again) != 0 {
			t.Errorf("claimed under lease: %v, %v", again, err)
		}
		if err := f.FinishDelivery(due[0], store.DeliveryResult{Code: 500, Error: "no", NextTry: f.Now().Add(-time.Second)}); err != nil {
			t.Fatal(err)
		}
		due, _, err = f.ClaimDeliveries(ctx, store.DeliveryClaim{Limit: 10, Lease: time.Minute})
		if err != nil || len(due) != 1 || due[0].Tries != 1 {
			t.Fatalf("second try %+v, %v", due, err)
		}
		if err := f.FinishDelivery(due[0], store.DeliveryResult{Delivered: true, Code: 204}); err != nil {
			t.Fatal(err)
		}
		if due, _, err = f.ClaimDeliveries(ctx, store.DeliveryClaim{Limit: 10}); err != nil || len(due) != 0 {
			t.Errorf("delivered and due again: %v, %v", due, err)
		}
	})
}

func TestBalanceChangesHappenOnceAndNeverGoBelowZero(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		e := ledger.Change(ledger.KindTopUp, f.User.ID, 500, "payment 1", "test", "", f.Now())
		if err := f.ChangeBalance(ctx, e); err != nil {
			t.Fatal(err)
		}
		if err := f.ChangeBalance(ctx, e); fault.From(err).Word() != "already_done" {
			t.Errorf("repetition = %v, want already_done", err)
		}
		take := ledger.Change(ledger.KindAdjust, f.User.ID, -1501, "fix 1", "test", "", f.Now())
		if err := f.ChangeBalance(ctx, take); fault.From(err).Word() != "balance_out_of_range" {
			t.Errorf("taking too much = %v", err)
		}
		mustBalance(t, f, 1500, 0)
		Verified(t, f.Store)
	})
}

func TestTheLedgerIsAppendOnly(t *testing.T) {
	eachFixture(t, 1000, func(t *testing.T, f Fixture) {
		for _, q := range []string{"UPDATE postings SET amount = 1", "DELETE FROM postings", "UPDATE journal SET memo = 'x'", "DELETE FROM journal"} {
			if err := f.Exec(context.Background(), q); err == nil {
				t.Errorf("%s went through", q)
			}
		}
	})
}

func TestChannelsAreSealedAndSeen(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		s, other := OpenAt(t, dsn), OpenAt(t, dsn)
		c, err := s.CreateChannel(ctx, store.NewChannel{
			Type: channel.TypeKling, Name: "Kling", BaseURL: "https://api.example.com/", Keys: "AK1|SK1\nkey-2\n", Models: []string{"kling-v1-6"},
			WebhookSecrets: "whsec_abc",
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Keys) != 2 || c.Keys[0].Text != "AK1|SK1" || c.BaseURL != "https://api.example.com" || !c.Offers("kling-v1-6-pro") {
			t.Errorf("channel %+v", c)
		}
		if err := other.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		seen, ok := other.Directory().View().Channel(c.ID)
		if !ok || seen.Keys[1].Text != secret.Text("key-2") || len(seen.WebhookSecrets) != 1 {
			t.Errorf("the other node sees %+v", seen)
		}
		raw, err := s.QueryText(ctx, "SELECT webhook_secret FROM channels")
		if err != nil || !secret.Sealed(raw[0][0]) {
			t.Errorf("webhook_secret is stored as %q, %v", raw, err)
		}
		if err := s.SetChannelStatus(ctx, c.ID, channel.Enabled, channel.Broken, "arrears"); err != nil {
			t.Fatal(err)
		}
		if err := s.SetChannelStatus(ctx, c.ID, channel.Enabled, channel.Broken, "arrears"); !fault.Is(err, fault.Conflict) {
			t.Errorf("second take-out = %v, want Conflict", err)
		}
	})
}

func TestATokenIsKeptAsAHashAndSeenByOtherNodes(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		s, other := OpenAt(t, dsn), OpenAt(t, dsn)
		f := NewFixture(t, s, 0, nil)
		if _, text, err := s.CreateToken(ctx, store.NewToken{UserID: f.User.ID, Name: "t2", Models: []string{"kling-v1-6"}, Networks: []string{"10.0.0.0/8"}}); err != nil {
			t.Fatal(err)
		} else if err := other.Refresh(ctx); err != nil {
			t.Fatal(err)
		} else {
			tok, ok := other.Directory().View().Tokens[account.HashToken(text.Reveal())]
			if !ok || !tok.MayUse("kling-v1-6-std") || tok.MayUse("kling-v3-pro") || len(tok.Networks) != 1 {
				t.Errorf("the other node sees %+v", tok)
			}
			if err := s.SetTokenStatus(ctx, tok.ID, account.Disabled); err != nil {
				t.Fatal(err)
			}
			if err := other.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if got := other.Directory().View().Tokens[tok.Hash].Status; got != account.Disabled {
				t.Errorf("status on the other node %v, want disabled", got)
			}
		}
	})
}

func TestAnotherMasterKeyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		OpenAt(t, dsn)
		k, err := secret.NewKeyring(secret.NewMasterKey())
		if err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(context.Background(), store.Options{DSN: dsn, Keys: k}); err == nil {
			s.Close()
			t.Error("a node with another key was let in")
		}
	})
}

// Several nodes start at once on an empty database.
func TestMigrationsRunUnderALock(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := store.Open(context.Background(), store.Options{DSN: dsn, Keys: Keys(t)})
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				s.Close()
			})
		}
		wg.Wait()
	})
}
