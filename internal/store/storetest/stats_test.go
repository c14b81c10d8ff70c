package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/video"
)

// past makes a task that was accepted at a moment and ended some time later.
func past(t *testing.T, f Fixture, at time.Time, took time.Duration, change func(*task.Task)) task.Task {
	t.Helper()
	a := f.OnChannel(t, 1000, 1, 0)
	x := &a.Task
	x.ID = task.NewID("kling_", at)
	x.Ref, x.CreatedAt, x.UpdatedAt = x.ID, at, at
	if change != nil {
		change(x)
	}
	a.Hold = ledger.Hold(x.Order(), at)
	from := accept(t, f, a)
	from.UpstreamID = "up-" + from.ID
	end := at.Add(took)
	c := task.Change{From: from}
	var e ledger.Entry
	var err error
	if from.FailCode != "" {
		from.FailCode = ""
		c.To, e, err = from.Fail(task.UpstreamFailed, "no", end)
	} else {
		c.To, e, err = from.Succeed(task.Outcome{
			Assets: []video.Asset{{ID: "v", URL: "https://example.com/v.mp4"}}, Result: []byte(`{}`), Costs: from.Costs,
		}, end)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Settle = &e
	if err := f.Advance(c); err != nil {
		t.Fatal(err)
	}
	return c.To
}

func failing(x *task.Task) { x.FailCode = task.UpstreamFailed }

func costing(unit, amount string) func(*task.Task) {
	return func(x *task.Task) { x.Costs = []video.Cost{{Unit: unit, Amount: amount}} }
}

func total(r store.UsageReport) map[task.Status]store.Usage {
	out := map[task.Status]store.Usage{}
	for _, m := range r.Models {
		u := out[m.Status]
		u.Add(&m.Usage)
		out[m.Status] = u
	}
	return out
}

func usage(t *testing.T, s *store.Store, q store.UsageQuery) store.UsageReport {
	t.Helper()
	r, err := s.Usage(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The same tasks are reported before folding, after folding by two nodes at
// once, and after counting again.
func TestUsageIsExactHoweverOftenItIsFolded(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		f, g := NewFixture(t, nodes[0], 1_000_000, nil), NewFixture(t, nodes[0], 1_000_000, nil)
		now := f.Now()
		hour := now.Truncate(time.Hour).Add(-5 * time.Hour)
		q := store.UsageQuery{Since: hour, Until: now.Add(time.Hour)}
		for i := range 60 {
			owner := []Fixture{f, g}[i%2]
			change := [](func(*task.Task)){nil, failing, costing("video_unit", "2"), costing("CNY", "3.5"), func(x *task.Task) { x.Model = "kling-v2-6-pro" }, func(x *task.Task) { x.ChannelID = 2 }}[i%6]
			past(t, owner, hour.Add(time.Duration(i)*5*time.Minute), 90*time.Second, change)
		}
		want := total(usage(t, nodes[0], q))
		if s := want[task.Succeeded]; s.Tasks != 50 || s.Charged != 50_000 || s.Costed != 10 || s.CostMicros != 10*280_000 || s.CNYMicros != 10*3_500_000 || s.Seconds != 250 {
			t.Errorf("before folding: %+v", s)
		}
		if s := want[task.Failed]; s.Tasks != 10 || s.Charged != 0 || s.Costed != 10 || s.CostMicros != 0 {
			t.Errorf("before folding: %+v", s)
		}
		narrowed := func(when string) {
			t.Helper()
			for _, c := range []struct {
				model   string
				channel int64
				want    int64
			}{{"kling-v2-6-pro", 0, 10}, {"", 2, 10}, {"kling-v2-6-pro", 1, 10}, {"kling-v2-6-pro", 2, 0}, {"other", 0, 0}} {
				n := q
				n.Model, n.ChannelID = c.model, c.channel
				if got := total(usage(t, nodes[0], n))[task.Succeeded].Tasks; got != c.want {
					t.Errorf("%s: %d of model %q on channel %d, want %d", when, got, c.model, c.channel, c.want)
				}
			}
		}
		narrowed("before folding")
		for round := range 3 {
			var wg sync.WaitGroup
			for range 3 {
				for _, n := range nodes {
					wg.Go(func() {
						if err := n.RollUp(ctx); err != nil {
							t.Errorf("roll up: %v", err)
						}
					})
				}
			}
			wg.Wait()
			if diff := cmp.Diff(want, total(usage(t, nodes[round%2], q))); diff != "" {
				t.Errorf("after folding %d times (-before +after):\n%s", round+1, diff)
			}
		}
		folded, err := f.QueryText(ctx, "SELECT COUNT(*) > 0, SUM(tasks) FROM usage_hours")
		if err != nil || len(folded) != 1 || folded[0][1] != "60" && folded[0][1] != "59" {
			t.Errorf("folded %v, %v", folded, err)
		}

		narrowed("after folding")

		// An entry that is committed long after its time is found by the check.
		past(t, f, hour.Add(20*time.Minute), time.Minute, nil)
		if err := nodes[1].Exec(ctx, "UPDATE usage_marks SET mark = '' WHERE name = 'checked'"); err != nil {
			t.Fatal(err)
		}
		if err := nodes[1].RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		late := total(usage(t, nodes[0], q))
		if late[task.Succeeded].Tasks != 51 {
			t.Errorf("%d successes after a late one, want 51", late[task.Succeeded].Tasks)
		}

		// Counting again changes nothing; what is lost comes back.
		if err := nodes[0].Exec(ctx, "UPDATE usage_hours SET tasks = tasks + 7, w3 = 0"); err != nil {
			t.Fatal(err)
		}
		if err := nodes[0].RebuildUsage(ctx, hour); err != nil {
			t.Fatal(err)
		}
		rebuilt := total(usage(t, nodes[0], q))
		for st, u := range rebuilt {
			if w := late[st]; u.Charged != w.Charged {
				t.Errorf("%s charged %d, want %d", st, u.Charged, w.Charged)
			}
		}

		// Each user alone, and the sum of both.
		one, two := total(usage(t, nodes[0], withUser(q, f))), total(usage(t, nodes[0], withUser(q, g)))
		a, b := one[task.Succeeded], two[task.Succeeded]
		a.Add(&b)
		if a.Charged != rebuilt[task.Succeeded].Charged || a.Charged == 0 {
			t.Errorf("users were charged %d together, all were charged %d", a.Charged, rebuilt[task.Succeeded].Charged)
		}
		Verified(t, f.Store)
	})
}

func withUser(q store.UsageQuery, f Fixture) store.UsageQuery {
	q.UserID = f.User.ID
	return q
}

func TestPercentilesComeFromTheClasses(t *testing.T) {
	f := NewFixture(t, Open(t, store.SQLite), 1_000_000, nil)
	at := f.Now().Truncate(time.Hour).Add(-time.Hour)
	for i := range 100 {
		took := 50 * time.Second // between 45 and 60
		if i >= 90 {
			took = 10 * time.Minute
		}
		past(t, f, at, took, nil)
	}
	u := total(usage(t, f.Store, store.UsageQuery{Since: at, Until: f.Now()}))[task.Succeeded]
	if p50, p95 := u.Wait(0.5), u.Wait(0.95); p50 < 45*time.Second || p50 > 60*time.Second || p95 < 450*time.Second || p95 > 600*time.Second {
		t.Errorf("p50 %s, p95 %s", p50, p95)
	}
	var none store.Usage
	if none.Wait(0.5) != 0 {
		t.Error("nothing has a percentile")
	}
}

func TestSpendIsCountedByTag(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		now := f.Now()
		for i := range 6 {
			past(t, f, now.Add(-time.Hour), time.Minute, func(x *task.Task) {
				x.Tags = fmt.Sprintf(`{"job":"%d","team":"%s"}`, i, []string{"ads", "film"}[i%3/2])
			})
		}
		past(t, f, now.Add(-time.Hour), time.Minute, nil)
		q := store.UsageQuery{Since: now.Add(-2 * time.Hour), Until: now}
		byTeam, err := f.SpendByTag(ctx, q, "team")
		if i := byTeam.Items; err != nil || len(i) != 2 || i[0].Value != "ads" || i[0].Succeeded.Charged != 4000 || i[1].Succeeded.Charged != 2000 {
			t.Errorf("by team %+v, %v", byTeam, err)
		}
		names, err := f.SpendByTag(ctx, q, "")
		if err != nil || len(names.Items) != 2 || names.Items[0].Succeeded.Tasks != 6 || names.Rest.Succeeded.Tasks != 0 {
			t.Errorf("names %+v, %v", names, err)
		}
		if other, err := f.SpendByTag(ctx, store.UsageQuery{Since: q.Since, Until: q.Until, UserID: f.User.ID + 1}, "team"); err != nil || len(other.Items) != 0 {
			t.Errorf("another user's %+v, %v", other, err)
		}
	})
}

func TestLiveTasksAreCountedByState(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		first := accept(t, f, f.Order(100))
		accept(t, f, f.Order(100))
		submitted(t, f, 50)
		past(t, f, f.Now(), time.Second, nil)
		want := []store.LiveCount{
			{Status: task.Pending, Tasks: 2, Held: 200, Oldest: first.ID},
			{Status: task.Submitted, Tasks: 1, Held: 50},
		}
		for _, user := range []int64{0, f.User.ID} {
			got, err := f.Live(context.Background(), store.UsageQuery{UserID: user})
			if err != nil || len(got) != 2 {
				t.Fatalf("live %+v, %v", got, err)
			}
			got[1].Oldest = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("live of user %d (-want +got):\n%s", user, diff)
			}
		}
		for _, c := range []struct {
			q    store.UsageQuery
			want int64
		}{{store.UsageQuery{Model: "kling-v1-6-pro"}, 3}, {store.UsageQuery{Model: "other"}, 0}, {store.UsageQuery{ChannelID: 1}, 1}, {store.UsageQuery{ChannelID: 2, Model: "kling-v1-6-pro"}, 0}} {
			got, err := f.Live(context.Background(), c.q)
			var n int64
			for _, l := range got {
				n += l.Tasks
			}
			if err != nil || n != c.want {
				t.Errorf("live of %+v: %d, %v, want %d", c.q, n, err, c.want)
			}
		}
		if got, err := f.Live(context.Background(), store.UsageQuery{UserID: f.User.ID + 1}); err != nil || len(got) != 0 {
			t.Errorf("another user's %+v, %v", got, err)
		}
	})
}

func TestAStatementAddsUp(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		start := f.Now().Truncate(time.Hour).Add(-48 * time.Hour)
		move := func(kind ledger.Kind, amount money.Quota, at time.Time) {
			t.Helper()
			e := ledger.Change(kind, f.User.ID, amount, fmt.Sprintf("%s %d", kind, at.UnixNano()), "test", "", at)
			if err := f.ChangeBalance(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		move(ledger.KindTopUp, 10_000, start.Add(-time.Minute))
		move(ledger.KindTopUp, 5_000, start.Add(time.Minute))
		past(t, f, start.Add(time.Hour), time.Minute, nil)                  // charged 1 000
		past(t, f, start.Add(time.Hour), time.Minute, failing)              // released
		past(t, f, start.Add(24*time.Hour-time.Minute), 2*time.Minute, nil) // held inside, charged after
		move(ledger.KindAdjust, -700, start.Add(2*time.Hour))
		move(ledger.KindGrant, 1, start.Add(30*time.Hour))
		accept(t, f, f.Order(250)) // live now
		st, err := f.Statement(ctx, f.User.ID, false, start, start.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := store.Statement{
			UserID: f.User.ID, Since: start, Until: start.Add(24 * time.Hour),
			Opening: store.Balance{Available: 10_000}, Closing: store.Balance{Available: 12_300, Held: 1000},
			Kinds: []store.KindSum{
				{Kind: ledger.KindAdjust, Entries: 1, Available: -700},
				{Kind: ledger.KindCapture, Entries: 1, Held: -1000},
				{Kind: ledger.KindHold, Entries: 3, Available: -3000, Held: 3000},
				{Kind: ledger.KindRelease, Entries: 1, Available: 1000, Held: -1000},
				{Kind: ledger.KindTopUp, Entries: 1, Available: 5000},
			},
		}
		if diff := cmp.Diff(want, st); diff != "" {
			t.Errorf("statement (-want +got):\n%s", diff)
		}
		// Several in a row: each begins with what the one before ended with.
		row, err := f.Statements(ctx, f.User.ID, false, start.Add(-time.Hour), start, start.Add(24*time.Hour), f.Now().Add(time.Hour))
		if err != nil || len(row) != 3 {
			t.Fatalf("%d statements, %v", len(row), err)
		}
		if diff := cmp.Diff(want, row[1]); diff != "" {
			t.Errorf("the second of three (-want +got):\n%s", diff)
		}
		if row[0].Closing != row[1].Opening || row[1].Closing != row[2].Opening || row[0].Opening != (store.Balance{}) {
			t.Errorf("they do not join: %+v", row)
		}
		mustBalance(t, f, row[2].Closing.Available, row[2].Closing.Held)
		now, err := f.Statement(ctx, f.User.ID, false, start, f.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		mustBalance(t, f, now.Closing.Available, now.Closing.Held)
	})
}
