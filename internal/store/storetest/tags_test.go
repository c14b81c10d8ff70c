package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/store"
	"one-api/internal/task"
)

// mark sets how far something has come, as an interrupted or older node left it.
func mark(t testing.TB, s *store.Store, name string, at time.Time) {
	text := ""
	if !at.IsZero() {
		text = task.NewID("j_", at)[:12]
	}
	if err := s.Exec(context.Background(), fmt.Sprintf("UPDATE usage_marks SET mark = '%s' WHERE name = '%s'", text, name)); err != nil {
		t.Fatal(err)
	}
}

func byTag(t *testing.T, s *store.Store, q store.UsageQuery, name string) store.TagReport {
	t.Helper()
	r, err := s.SpendByTag(context.Background(), q, name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Spend by tag is the same before folding, after it, after counting again, and
// while tags of older hours are not folded yet.
func TestSpendByTagIsExactHoweverOftenItIsFolded(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		f, g := NewFixture(t, nodes[0], 1_000_000, nil), NewFixture(t, nodes[0], 1_000_000, nil)
		hour := f.Now().Truncate(time.Hour).Add(-5 * time.Hour)
		q := store.UsageQuery{Since: hour, Until: f.Now().Add(time.Hour)}
		tags := []string{
			`{"team":"ads"}`, `{"team":"ads ","job":"1"}`, `{"team":"Ads","job":"it's a 猫?"}`, `{"team":"","项目":"猫"}`, ``, `{"team":1}`,
			`{"team":"` + strings.Repeat("é", 512) + `"}`,
		}
		for i := range 42 {
			past(t, []Fixture{f, g}[i%2], hour.Add(time.Duration(i)*7*time.Minute), 90*time.Second, func(x *task.Task) {
				if x.Tags = tags[i%len(tags)]; i%5 == 0 {
					failing(x)
				}
			})
		}
		queries := []store.UsageQuery{q, withUser(q, f), withUser(q, g), {Since: hour.Add(90 * time.Minute), Until: hour.Add(3 * time.Hour)}}
		all := func(s *store.Store) (out []store.TagReport) {
			for _, q := range queries {
				for _, name := range []string{"", "team", "job", "项目", "none"} {
					out = append(out, byTag(t, s, q, name))
				}
			}
			return out
		}
		want := all(nodes[0])
		if n := want[1].Items; len(n) != 5 || n[0].Value == n[1].Value {
			t.Errorf("by team %+v", n)
		}
		same := func(when string) {
			t.Helper()
			for _, s := range nodes {
				if diff := cmp.Diff(want, all(s)); diff != "" {
					t.Errorf("%s (-before +after):\n%s", when, diff)
				}
			}
		}
		fold := func(when string) {
			t.Helper()
			for _, s := range nodes {
				if err := s.RollUp(ctx); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
			}
			same(when)
		}
		fold("after folding")
		if rows, err := f.QueryText(ctx, "SELECT COUNT(*) > 10 FROM usage_tag_hours"); err != nil || rows[0][0] != "1" && rows[0][0] != "true" {
			t.Errorf("folded %v, %v", rows, err)
		}
		if err := nodes[0].RebuildUsage(ctx, hour); err != nil {
			t.Fatal(err)
		}
		same("after counting again")

		// As an older version left it, with all of it or a part still to come.
		for _, to := range []time.Time{{}, hour.Add(100 * time.Minute)} {
			if err := f.Exec(ctx, fmt.Sprintf("DELETE FROM usage_tag_hours WHERE hour >= %d", to.Unix())); err != nil {
				t.Fatal(err)
			}
			if !to.IsZero() { // the hour that was begun is folded up to there
				if err := f.Exec(ctx, fmt.Sprintf("DELETE FROM usage_tag_hours WHERE hour = %d", to.Truncate(time.Hour).Unix())); err != nil {
					t.Fatal(err)
				}
				to = to.Truncate(time.Hour)
			}
			mark(t, f.Store, "tagged", to)
			same("before the old ones are folded")
			fold("after the old ones are folded")
		}

		// A late one is found with its tags.
		past(t, f, hour.Add(20*time.Minute), time.Minute, func(x *task.Task) { x.Tags = `{"team":"late"}` })
		mark(t, f.Store, "checked", time.Time{})
		if err := nodes[1].RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		late := byTag(t, nodes[0], q, "team")
		if !slices.ContainsFunc(late.Items, func(i store.TagSpend) bool { return i.Value == "late" && i.Succeeded.Tasks == 1 }) {
			t.Errorf("without the late one: %+v", late.Items)
		}
	})
}

// A tag with a new value for each task takes a bounded number of rows, and its
// sum stays exact.
func TestValuesOfATagAreBounded(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		hour := f.Now().Truncate(time.Hour).Add(-3 * time.Hour)
		q := store.UsageQuery{Since: hour, Until: hour.Add(time.Hour)}
		spent := func(r store.TagReport) (tasks int64) {
			for _, i := range append(r.Items, r.Rest) {
				tasks += i.Succeeded.Tasks
			}
			return tasks
		}
		write := func(from, to int) {
			for i := from; i < to; i++ {
				past(t, f, hour.Add(time.Minute), time.Second, func(x *task.Task) { x.Tags = fmt.Sprintf(`{"job":"%d","team":"film"}`, i) })
			}
		}
		write(0, store.TagValues/2)
		if err := f.RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		write(store.TagValues/2, store.TagValues+20)
		mark(t, f.Store, "checked", time.Time{})
		if err := f.RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		jobs := byTag(t, f.Store, q, "job")
		if len(jobs.Items) != store.TagValues || jobs.Rest.Succeeded.Tasks != 20 || jobs.Rest.Succeeded.Charged != 20_000 {
			t.Errorf("%d jobs, rest %+v", len(jobs.Items), jobs.Rest.Succeeded)
		}
		names := byTag(t, f.Store, q, "")
		if len(names.Items) != 2 || names.Items[0].Succeeded.Tasks != store.TagValues+20 || spent(names) != 2*(store.TagValues+20) {
			t.Errorf("names %+v", names)
		}
		if teams := byTag(t, f.Store, q, "team"); len(teams.Items) != 1 || spent(teams) != store.TagValues+20 {
			t.Errorf("teams %+v", teams)
		}
	})
}
