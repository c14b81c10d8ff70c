package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/store"
	"one-api/internal/task"
)

// found lists the ids of all pages of a query.
func found(t *testing.T, s *store.Store, q store.TaskQuery) []string {
	t.Helper()
	ids := []string{}
	for range 1000 {
		list, next, err := s.FindTasks(context.Background(), q)
		if err != nil {
			t.Fatalf("find %+v: %v", q, err)
		}
		for _, x := range list {
			ids = append(ids, x.ID)
		}
		if next == "" {
			return ids
		}
		q.Before = next
	}
	t.Fatalf("find %+v does not end", q)
	return nil
}

func TestTasksAreFoundByWhatPeopleKnowOfThem(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s := Open(t, d)
		f, g := NewFixture(t, s, 1_000_000, nil), NewFixture(t, s, 1_000_000, nil)
		start := f.Now().Truncate(time.Hour).Add(-10 * time.Hour)
		var all []task.Task
		for i := range 24 {
			owner := []Fixture{f, g}[i%2]
			all = append(all, past(t, owner, start.Add(time.Duration(i)*time.Minute), time.Second, func(x *task.Task) {
				x.Prompt = fmt.Sprintf("A Cat number %d, 100%% 猫", i)
				x.ExternalID = fmt.Sprintf("mine-%d", i)
				x.Tags = fmt.Sprintf(`{"job":"%d","team":"a_b"}`, i)
				if i%6 == 0 {
					x.FailCode = task.UpstreamFailed
				}
				if i%6 == 1 {
					x.Model, x.Type = "kling-v2-6-pro", "image2video"
				}
			}))
		}
		waits := f.Order(5)
		waits.Task.ID = task.NewID("kling_", f.Now().Add(-time.Second))
		waits.Hold = ledger.Hold(waits.Task.Order(), waits.Task.CreatedAt)
		all = append(all, accept(t, f, waits), submitted(t, g, 5))
		var own int64 // a channel that took one of them
		for _, name := range []string{"first", "second"} {
			c, err := s.CreateChannel(context.Background(), store.NewChannel{Type: 41, Name: name, BaseURL: "https://example.com", Keys: "key"})
			if err != nil {
				t.Fatal(err)
			}
			own = c.ID
		}
		if err := s.Exec(context.Background(), fmt.Sprintf("UPDATE videos SET upstream_task_id = 'up-x', channel_id = %d WHERE external_task_id = 'mine-3'", own)); err != nil {
			t.Fatal(err)
		}
		ids := func(pick func(i int, x *task.Task) bool) []string {
			out := []string{}
			for i := len(all) - 1; i >= 0; i-- {
				if pick(i, &all[i]) {
					out = append(out, all[i].ID)
				}
			}
			return out
		}
		value, wrong, live := "3", "33", []task.Status{task.Pending, task.Submitted}
		play := true
		for name, c := range map[string]struct {
			q    store.TaskQuery
			pick func(i int, x *task.Task) bool
		}{
			"all":            {store.TaskQuery{}, func(int, *task.Task) bool { return true }},
			"user":           {store.TaskQuery{UserID: f.User.ID}, func(_ int, x *task.Task) bool { return x.UserID == f.User.ID }},
			"token":          {store.TaskQuery{TokenID: g.Token.ID}, func(_ int, x *task.Task) bool { return x.UserID == g.User.ID }},
			"no such token":  {store.TaskQuery{TokenID: 999}, func(int, *task.Task) bool { return false }},
			"failed":         {store.TaskQuery{Statuses: []task.Status{task.Failed}}, func(_ int, x *task.Task) bool { return x.Status == task.Failed }},
			"failed of user": {store.TaskQuery{Statuses: []task.Status{task.Failed}, UserID: f.User.ID}, func(_ int, x *task.Task) bool { return x.Status == task.Failed && x.UserID == f.User.ID }},
			"live":           {store.TaskQuery{Statuses: live}, func(i int, _ *task.Task) bool { return i >= 24 }},
			"live of user":   {store.TaskQuery{Statuses: live, UserID: g.User.ID}, func(i int, _ *task.Task) bool { return i == 25 }},
			"ended":          {store.TaskQuery{Statuses: []task.Status{task.Failed, task.Succeeded}}, func(i int, _ *task.Task) bool { return i < 24 }},
			"model":          {store.TaskQuery{Model: "kling-v2-6-pro"}, func(_ int, x *task.Task) bool { return x.Model == "kling-v2-6-pro" }},
			"type":           {store.TaskQuery{Type: "image2video"}, func(_ int, x *task.Task) bool { return x.Type == "image2video" }},
			"channel":        {store.TaskQuery{ChannelID: own}, func(i int, _ *task.Task) bool { return i == 3 }},
			"id":             {store.TaskQuery{ID: all[7].ID}, func(i int, _ *task.Task) bool { return i == 7 }},
			"another's id":   {store.TaskQuery{ID: all[7].ID, UserID: f.User.ID}, func(int, *task.Task) bool { return false }},
			"external":       {store.TaskQuery{ExternalID: "mine-5"}, func(i int, _ *task.Task) bool { return i == 5 }},
			"own external":   {store.TaskQuery{ExternalID: "mine-5", UserID: g.User.ID}, func(i int, _ *task.Task) bool { return i == 5 }},
			"upstream":       {store.TaskQuery{UpstreamID: "up-x"}, func(i int, _ *task.Task) bool { return i == 3 }},
			"text":           {store.TaskQuery{Text: "CAT NUMBER 1"}, func(i int, _ *task.Task) bool { return i == 1 || i >= 10 && i < 20 }},
			"text as it is":  {store.TaskQuery{Text: "3, 100% 猫"}, func(i int, _ *task.Task) bool { return i == 3 || i == 13 || i == 23 }},
			"no wild cards":  {store.TaskQuery{Text: "c%t"}, func(int, *task.Task) bool { return false }},
			"tag":            {store.TaskQuery{Tag: "team"}, func(i int, _ *task.Task) bool { return i < 24 }},
			"tag's value":    {store.TaskQuery{Tag: "job", TagValue: &value}, func(i int, _ *task.Task) bool { return i == 3 }},
			"another value":  {store.TaskQuery{Tag: "job", TagValue: &wrong}, func(int, *task.Task) bool { return false }},
			"since":          {store.TaskQuery{Since: start.Add(20 * time.Minute)}, func(i int, _ *task.Task) bool { return i >= 20 }},
			"until":          {store.TaskQuery{Until: start.Add(2 * time.Minute)}, func(i int, _ *task.Task) bool { return i < 2 }},
			"test":           {store.TaskQuery{Test: &play}, func(int, *task.Task) bool { return false }},
			"hostile":        {store.TaskQuery{Model: "' OR 1=1 --", Text: `\"?%_!`}, func(int, *task.Task) bool { return false }},
		} {
			for _, limit := range []int{1, 5, 100} {
				c.q.Limit = limit
				if diff := cmp.Diff(ids(c.pick), found(t, s, c.q)); diff != "" {
					t.Errorf("%s, %d at once (-want +got):\n%s", name, limit, diff)
				}
			}
		}
	})
}

func TestTasksAreFoundByTheirIDs(t *testing.T) {
	eachFixture(t, 10_000_000, func(t *testing.T, f Fixture) {
		other := NewFixture(t, f.Store, 10_000_000, nil)
		own := f.Order(300_000)
		own.Task.ExternalID = "mine"
		first, second, theirs := accept(t, f, own), accept(t, f, f.Order(300_000)), accept(t, other, other.Order(300_000))
		for _, c := range []struct {
			name string
			user int64
			ids  []string
			want []string
		}{
			{"of all", 0, []string{first.ID, theirs.ID, second.ID, "kling_none"}, []string{theirs.ID, second.ID, first.ID}},
			{"of a user", f.User.ID, []string{first.ID, theirs.ID, second.ID, first.ID}, []string{second.ID, first.ID}},
			{"by an id of the user's own", f.User.ID, []string{"mine"}, nil},
			{"none", f.User.ID, nil, nil},
		} {
			list, err := f.TasksByID(context.Background(), c.user, c.ids)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, t := range list {
				got = append(got, t.ID)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
	})
}

func TestEntriesAreListedWithWhatTheyDid(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		s := Open(t, d)
		f, g := NewFixture(t, s, 1_000_000, nil), NewFixture(t, s, 500, nil)
		start := f.Now()
		ended := past(t, f, start, time.Second, nil)
		past(t, f, start.Add(time.Minute), time.Second, failing)
		pages := func(q store.EntryFilter) []store.Entry {
			t.Helper()
			var all []store.Entry
			for q.Limit = 2; ; {
				list, next, err := s.Entries(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, list...)
				if q.Before = next; next == "" {
					return all
				}
			}
		}
		kinds := func(list []store.Entry) []ledger.Kind {
			out := []ledger.Kind{}
			for _, e := range list {
				out = append(out, e.Kind)
			}
			return out
		}
		for name, c := range map[string]struct {
			q    store.EntryFilter
			want []ledger.Kind
		}{
			"user":       {store.EntryFilter{UserID: f.User.ID}, []ledger.Kind{"release", "hold", "capture", "hold", "grant"}},
			"other user": {store.EntryFilter{UserID: g.User.ID}, []ledger.Kind{"grant"}},
			"token":      {store.EntryFilter{TokenID: f.Token.ID}, []ledger.Kind{"release", "hold", "capture", "hold"}},
			"task":       {store.EntryFilter{TaskID: ended.ID}, []ledger.Kind{"capture", "hold"}},
			"kind":       {store.EntryFilter{Kind: ledger.KindGrant}, []ledger.Kind{"grant", "grant"}},
			"dense kind": {store.EntryFilter{Kind: ledger.KindHold}, []ledger.Kind{"hold", "hold"}},
			"since":      {store.EntryFilter{UserID: f.User.ID, Since: start.Add(30 * time.Second)}, []ledger.Kind{"release", "hold"}},
			"until":      {store.EntryFilter{UserID: f.User.ID, Until: start.Add(30 * time.Second)}, []ledger.Kind{"capture", "hold", "grant"}},
		} {
			if diff := cmp.Diff(c.want, kinds(pages(c.q))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		sum := map[ledger.Kind][2]money.Quota{}
		for _, e := range pages(store.EntryFilter{UserID: f.User.ID}) {
			v := sum[e.Kind]
			sum[e.Kind] = [2]money.Quota{v[0] + e.Available, v[1] + e.Held}
		}
		want := map[ledger.Kind][2]money.Quota{"grant": {1_000_000, 0}, "hold": {-2000, 2000}, "capture": {0, -1000}, "release": {1000, -1000}}
		if diff := cmp.Diff(want, sum); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

// Twenty edits of one version through two nodes: one of them takes effect, on
// both.
func TestPricesAreEditedByOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		v, err := nodes[0].CurrentPrices(ctx)
		if err != nil {
			t.Fatal(err)
		}
		two, err := money.ParseDecimal("2")
		if err != nil {
			t.Fatal(err)
		}
		rules := append([]price.Rule{}, v.Rules...)
		for i := range rules {
			if rules[i].Book == price.Sales {
				rules[i].Amount = two
				break
			}
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 20 {
			wg.Go(func() {
				_, err := nodes[i%2].PutPrices(ctx, admin(), v.Version, rules, "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.From(err).Word() != "version_conflict" {
					t.Errorf("refused with %v", err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d edits took effect, want 1", won)
		}
		for i, n := range nodes {
			if err := n.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			if got := n.Directory().View().Catalogue.Version(); got != v.Version+1 {
				t.Errorf("node %d prices by version %d", i, got)
			}
		}
		if now, err := nodes[1].CurrentPrices(ctx); err != nil || len(store.DiffRules(v.Rules, now.Rules)) != 1 {
			t.Errorf("changed %+v, %v", store.DiffRules(v.Rules, now.Rules), err)
		}
		if list, err := nodes[0].PriceVersions(ctx, 0, 10); err != nil || len(list) != 2 || list[0].Version != v.Version+1 {
			t.Errorf("versions %+v, %v", list, err)
		}
	})
}

func TestABalanceChangeByAPersonIsAudited(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		e := ledger.Change(ledger.KindTopUp, f.User.ID, 500, "payment 9", admin().Name, "paid by card", f.Now())
		if err := f.ChangeBalanceBy(ctx, admin(), e); err != nil {
			t.Fatal(err)
		}
		if err := f.ChangeBalanceBy(ctx, admin(), e); fault.From(err).Word() != "already_done" {
			t.Errorf("repetition = %v", err)
		}
		// A repetition is told from a balance that has become too small.
		take := ledger.Change(ledger.KindAdjust, f.User.ID, -500, "fix 9", admin().Name, "", f.Now())
		if err := f.ChangeBalanceBy(ctx, admin(), take); err != nil {
			t.Fatal(err)
		}
		if err := f.ChangeBalanceBy(ctx, admin(), take); fault.From(err).Word() != "already_done" {
			t.Errorf("repetition of a take = %v", err)
		}
		rows, err := f.QueryText(ctx, "SELECT actor, action, target FROM audit WHERE action LIKE 'balance.%' ORDER BY id")
		if err != nil || len(rows) != 2 || rows[0][0] != "user:1" || rows[0][2] != fmt.Sprintf("user:%d", f.User.ID) {
			t.Errorf("audit %v, %v", rows, err)
		}
		Verified(t, f.Store)
	})
}
