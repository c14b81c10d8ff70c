package storetest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/task"
)

// byEntries adds statements up from the entries themselves.
func byEntries(t rapid.TB, f Fixture, test bool, at []time.Time) []store.Statement {
	ctx := context.Background()
	have, err := f.Balance(ctx, f.User.ID, test)
	if err != nil {
		t.Fatal(err)
	}
	kinds := func(since, until time.Time) []store.KindSum {
		var list []store.KindSum
		filter := store.EntryFilter{UserID: f.User.ID, Since: since, Until: until, Limit: 100}
		for {
			page, next, err := f.Entries(ctx, filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if e.Test != test {
					continue
				}
				i := slices.IndexFunc(list, func(k store.KindSum) bool { return k.Kind == e.Kind })
				if i < 0 {
					i = len(list)
					list = append(list, store.KindSum{Kind: e.Kind})
				}
				list[i].Entries++
				list[i].Available += e.Available
				list[i].Held += e.Held
			}
			if filter.Before = next; next == "" {
				break
			}
		}
		slices.SortFunc(list, func(a, b store.KindSum) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
		return list
	}
	undo := func(list []store.KindSum) {
		for _, k := range list {
			have.Available -= k.Available
			have.Held -= k.Held
		}
	}
	undo(kinds(at[len(at)-1], time.Time{}))
	out := make([]store.Statement, len(at)-1)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = store.Statement{UserID: f.User.ID, Since: at[i], Until: at[i+1], Closing: have, Kinds: kinds(at[i], at[i+1])}
		undo(out[i].Kinds)
		out[i].Opening = have
	}
	return out
}

// Statements say the same as the entries, whatever part of the hours is folded
// and wherever times begin.
func TestStatementsAreExactHoweverMuchIsFolded(t *testing.T) {
	zones := make([]*time.Location, 0, 5)
	for _, name := range []string{"UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Asia/Shanghai"} {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, l)
	}
	each(t, func(t *testing.T, d store.Dialect) {
		ctx := context.Background()
		s := Open(t, d)
		const span = 8 * time.Hour
		rapid.Check(t, func(r *rapid.T) {
			f := NewFixture(t, s, money.Quota(rapid.Int64Range(0, 100_000).Draw(r, "balance")), nil)
			if _, _, err := f.CreateToken(ctx, store.NewToken{UserID: f.User.ID, Name: "test", Test: true}); err != nil {
				r.Fatal(err)
			}
			start := f.Now().Truncate(time.Hour).Add(-span)
			when := rapid.Custom(func(r *rapid.T) time.Time {
				return start.Add(time.Duration(rapid.IntRange(0, int(span.Minutes())).Draw(r, "minute")) * time.Minute)
			})
			write := func(n int) {
				for range n {
					at := when.Draw(r, "at")
					kind := rapid.SampledFrom([]string{"topup", "grant", "succeeds", "fails", "lives"}).Draw(r, "kind")
					test := rapid.Bool().Draw(r, "test")
					price := rapid.Int64Range(1, 300).Draw(r, "amount")
					switch kind {
					case "topup", "grant":
						e := ledger.Change(ledger.Kind(kind), f.User.ID, money.Quota(price), task.NewID("r_", at), "test", "", at)
						if err := f.ChangeBalance(ctx, e); err != nil {
							r.Fatal(err)
						}
					case "lives":
						a := f.Order(money.Quota(price))
						a.Task.Test = test
						a.Hold = ledger.Hold(a.Task.Order(), at)
						_, _ = f.Accept(a) // the balance may be too small
					default:
						if b, err := f.Balance(ctx, f.User.ID, test); err != nil || b.Available < 1000 {
							continue
						}
						past(t, f, at, time.Duration(price)*time.Minute/10, func(x *task.Task) {
							x.Test = test
							if kind == "fails" {
								failing(x)
							}
						})
					}
				}
			}
			write(rapid.IntRange(0, 8).Draw(r, "entries"))
			if rapid.Bool().Draw(r, "fold") {
				if err := s.RollUp(ctx); err != nil {
					r.Fatal(err)
				}
				if rapid.Bool().Draw(r, "late entries") {
					write(rapid.IntRange(1, 3).Draw(r, "entries"))
				}
			}
			switch rapid.IntRange(0, 3).Draw(r, "mark") {
			case 0:
				mark(t, s, "ledger", time.Time{})
			case 1:
				// Back to some hour behind which nothing is folded.
				rows, err := s.QueryText(ctx, "SELECT mark FROM usage_marks WHERE name = 'ledger'")
				if err != nil {
					r.Fatal(err)
				}
				at := when.Draw(r, "folded to").Truncate(time.Hour)
				if len(rows) == 1 && task.NewID("j_", at)[:12] < rows[0][0] {
					mark(t, s, "ledger", at)
				}
			}
			loc := rapid.SampledFrom(zones).Draw(r, "zone")
			first := start.In(loc)
			at := []time.Time{time.Date(first.Year(), first.Month(), first.Day(), first.Hour(), 0, 0, 0, loc).Add(-time.Hour)}
			for range rapid.IntRange(1, 4).Draw(r, "statements") {
				last := at[len(at)-1]
				next := last.Add(time.Duration(rapid.IntRange(1, 6).Draw(r, "hours")) * time.Hour)
				if rapid.IntRange(0, 3).Draw(r, "any minute") == 0 {
					next = next.Add(-time.Duration(rapid.IntRange(1, 59).Draw(r, "minutes")) * time.Minute)
				}
				at = append(at, next)
			}
			for _, test := range []bool{false, true} {
				got, err := f.Statements(ctx, f.User.ID, test, at...)
				if err != nil {
					r.Fatal(err)
				}
				if diff := cmp.Diff(byEntries(r, f, test, at), got); diff != "" {
					r.Errorf("statements, test %t (-entries +got):\n%s", test, diff)
				}
			}
		})
		Verified(t, s)
		if err := s.RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		Verified(t, s)
	})
}

// A folded hour that the journal does not say is named, and put right when it
// is looked at again.
func TestVerifyComparesFoldedHoursOfTheLedger(t *testing.T) {
	eachFixture(t, 10_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		at := f.Now().Truncate(time.Hour).Add(-30 * time.Hour)
		for i := range 4 {
			past(t, f, at.Add(time.Duration(i)*40*time.Minute), time.Minute, nil)
		}
		if err := f.RollUp(ctx); err != nil {
			t.Fatal(err)
		}
		rows, err := f.QueryText(ctx, "SELECT SUM(entries), SUM(available), SUM(held) FROM ledger_hours WHERE hour < "+fmt.Sprint(at.Add(4*time.Hour).Unix()))
		if err != nil || fmt.Sprint(rows) != "[[8 -4000 0]]" {
			t.Errorf("folded %v, %v", rows, err)
		}
		Verified(t, f.Store)
		for _, harm := range []string{
			"UPDATE ledger_hours SET held = held + 1 WHERE kind = 'hold' AND hour = %d",
			"UPDATE ledger_hours SET entries = entries + 1 WHERE kind = 'capture' AND hour = %d",
			"DELETE FROM ledger_hours WHERE kind = 'hold' AND hour = %d",
			"INSERT INTO ledger_hours (user_id, test, hour, kind, entries, available, held) VALUES (99, 0, %d - 7200, 'grant', 1, 5, 0)",
		} {
			if err := f.Exec(ctx, fmt.Sprintf(harm, at.Unix())); err != nil {
				t.Fatal(err)
			}
			found, err := f.Verify(ctx)
			if err != nil || len(found) != 1 || found[0].Kind != "ledger hour" {
				t.Errorf("after %s: %+v, %v", harm, found, err)
			}
			if strings.HasPrefix(harm, "INSERT") {
				continue // no entry leads there
			}
			mark(t, f.Store, "ledger_again", time.Time{})
			if err := f.RollUp(ctx); err != nil {
				t.Fatal(err)
			}
			Verified(t, f.Store)
		}
	})
}

// A copy holds the hours of its own moment: what was folded in the database
// since is folded again in it.
func TestACopyKeepsItsFoldedHours(t *testing.T) {
	ctx := context.Background()
	dsn := NewDatabase(t, store.SQLite)
	f := NewFixture(t, OpenAt(t, dsn), 10_000, nil)
	at := f.Now().Truncate(time.Hour).Add(-6 * time.Hour)
	until := at.Add(7 * time.Hour)
	past(t, f, at, time.Minute, nil)
	past(t, f, at.Add(3*time.Hour), time.Minute, nil)
	if err := f.RollUp(ctx); err != nil {
		t.Fatal(err)
	}
	want, err := f.Statements(ctx, f.User.ID, false, at.Add(-30*time.Minute), at.Add(150*time.Minute), until)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := store.Backup(ctx, dsn, copied, nil); err != nil {
		t.Fatal(err)
	}
	past(t, f, at.Add(time.Hour), time.Minute, nil)
	if err := f.RollUp(ctx); err != nil {
		t.Fatal(err)
	}
	c := OpenAt(t, "sqlite://"+copied)
	for _, when := range []string{"as copied", "after folding"} {
		got, err := c.Statements(ctx, f.User.ID, false, at.Add(-30*time.Minute), at.Add(150*time.Minute), until)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-then +copy):\n%s", when, diff)
		}
		Verified(t, c)
		if err := c.RollUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
