package ledger_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"one-api/internal/ledger"
	"one-api/internal/money"
)

var at = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// book adds up entries as the tables would.
type book map[ledger.Account]money.Quota

func (b book) write(e ledger.Entry) {
	for _, p := range e.Postings {
		b[p.From] -= p.Amount
		b[p.To] += p.Amount
	}
}

func (b book) sum() (s money.Quota) {
	for _, q := range b {
		s += q
	}
	return s
}

func drawOrder(t *rapid.T) ledger.Order {
	return ledger.Order{
		TaskID: "kling_1", UserID: rapid.Int64Range(1, 1<<40).Draw(t, "user"), TokenID: rapid.Int64Range(0, 9).Draw(t, "token"),
		Price: money.Quota(rapid.Int64Range(0, int64(money.MaxQuota)).Draw(t, "price")), Test: rapid.Bool().Draw(t, "test"),
	}
}

func drawCharge(t *rapid.T) money.Quota {
	return money.Quota(rapid.Int64Range(-int64(money.MaxQuota), int64(money.MaxQuota)).Draw(t, "charge"))
}

func TestEveryEntrySumsToZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOrder(t)
		amount := money.Quota(rapid.Int64Range(1, int64(money.MaxQuota)).Draw(t, "amount"))
		if rapid.Bool().Draw(t, "take") {
			amount = -amount
		}
		kind := rapid.SampledFrom([]ledger.Kind{ledger.KindTopUp, ledger.KindGrant, ledger.KindRedeem, ledger.KindAdjust}).Draw(t, "kind")
		for name, e := range map[string]ledger.Entry{
			"hold":    ledger.Hold(o, at),
			"capture": ledger.Capture(o, drawCharge(t), at),
			"release": ledger.Release(o, at),
			"change":  ledger.Change(kind, o.UserID, amount, "ref", "user:1", "", at),
		} {
			b := book{}
			b.write(e)
			if s := b.sum(); s != 0 {
				t.Fatalf("%s sums to %d", name, s)
			}
			for _, p := range e.Postings {
				if p.Amount <= 0 || p.From == p.To {
					t.Fatalf("%s has the posting %+v, which the table refuses", name, p)
				}
			}
		}
	})
}

func TestHoldAndSettleLeaveTheUserWithZeroOrTheCharge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOrder(t)
		b := book{}
		b.write(ledger.Hold(o, at))
		available, held := ledger.UserAccount(o.UserID, ledger.Available, o.Test), ledger.UserAccount(o.UserID, ledger.Held, o.Test)
		if b[available] != -o.Price || b[held] != o.Price {
			t.Fatalf("the hold moved %d and %d, want %d", b[available], b[held], o.Price)
		}
		want := money.Quota(0)
		if rapid.Bool().Draw(t, "success") {
			charge := drawCharge(t)
			want = max(0, min(charge, o.Price))
			b.write(ledger.Capture(o, charge, at))
		} else {
			b.write(ledger.Release(o, at))
		}
		if b[held] != 0 {
			t.Fatalf("%d stays held", b[held])
		}
		if b[available] != -want || b[ledger.OperatorAccount(ledger.Revenue, o.Test)] != want {
			t.Fatalf("the user paid %d, the operator got %d, want %d", -b[available], b[ledger.OperatorAccount(ledger.Revenue, o.Test)], want)
		}
		if -b[available] > o.Price {
			t.Fatalf("charged %d above the price %d", -b[available], o.Price)
		}
		for a := range b {
			if a.Play() != o.Test {
				t.Fatalf("%s belongs to the other ledger", a)
			}
		}
	})
}

func TestCaptureAndReleaseShareAPhase(t *testing.T) {
	o := ledger.Order{TaskID: "kling_1", UserID: 7, TokenID: 3, Price: 100}
	hold, capture, release := ledger.Hold(o, at), ledger.Capture(o, 100, at), ledger.Release(o, at)
	if capture.Phase != release.Phase || capture.Phase != ledger.PhaseSettle {
		t.Errorf("phases are %q and %q: both could be written", capture.Phase, release.Phase)
	}
	if hold.Phase != ledger.PhaseHold {
		t.Errorf("the hold is in phase %q", hold.Phase)
	}
	for _, e := range []ledger.Entry{hold, capture, release} {
		if e.TaskID != "kling_1" || e.UserID != 7 || e.TokenID != 3 || !e.At.Equal(at) || e.Reference != "" {
			t.Errorf("%s lost its task: %+v", e.Kind, e)
		}
	}
}

func TestAFreeOrderHasEntriesWithoutPostings(t *testing.T) {
	o := ledger.Order{TaskID: "kling_1", UserID: 7}
	for _, e := range []ledger.Entry{ledger.Hold(o, at), ledger.Capture(o, 5, at), ledger.Release(o, at)} {
		if len(e.Postings) != 0 || e.TaskID == "" || e.Phase == "" {
			t.Errorf("%s of a free order is %+v", e.Kind, e)
		}
	}
}

func TestChangeNamesItsSourceAndReference(t *testing.T) {
	user := ledger.UserAccount(7, ledger.Available, false)
	for kind, other := range map[ledger.Kind]ledger.Purpose{
		ledger.KindTopUp: ledger.CashIn, ledger.KindGrant: ledger.Grant, ledger.KindRedeem: ledger.Grant, ledger.KindAdjust: ledger.Adjust,
	} {
		give := ledger.Change(kind, 7, 50, "pay-1", "user:1", "thanks", at)
		source := ledger.OperatorAccount(other, false)
		if want := (ledger.Posting{From: source, To: user, Amount: 50}); len(give.Postings) != 1 || give.Postings[0] != want {
			t.Errorf("%s gives by %+v, want %+v", kind, give.Postings, want)
		}
		take := ledger.Change(kind, 7, -50, "pay-1", "user:1", "", at)
		if want := (ledger.Posting{From: user, To: source, Amount: 50}); len(take.Postings) != 1 || take.Postings[0] != want {
			t.Errorf("%s takes by %+v, want %+v", kind, take.Postings, want)
		}
		if give.Reference != "pay-1" || give.TaskID != "" || give.Phase != "" || give.Actor != "user:1" || give.Memo != "thanks" {
			t.Errorf("%s is %+v", kind, give)
		}
	}
}

func TestAnAccountTellsItsOwnerPurposeAndLedger(t *testing.T) {
	seen := map[ledger.Account]string{}
	for _, user := range []int64{0, 1, 2, 1 << 40} {
		for p := ledger.Available; p <= ledger.Loss; p++ {
			for _, test := range []bool{false, true} {
				a := ledger.UserAccount(user, p, test)
				if a.Owner() != user || a.Purpose() != p || a.Play() != test {
					t.Errorf("%d of user %d %s (test %t) reads back as %d %s %t", a, user, p, test, a.Owner(), a.Purpose(), a.Play())
				}
				if other, taken := seen[a]; taken {
					t.Errorf("account %d is %s and %s", a, other, a)
				}
				seen[a] = a.String()
				if p.String() == "" {
					t.Errorf("purpose %d has no name", p)
				}
			}
		}
	}
	for a, want := range map[ledger.Account]string{
		ledger.UserAccount(7, ledger.Available, false):    "user 7 available",
		ledger.UserAccount(7, ledger.Held, true):          "user 7 held (test)",
		ledger.OperatorAccount(ledger.Revenue, false):     "operator revenue",
		ledger.OperatorAccount(ledger.Loss, true):         "operator loss (test)",
		ledger.UserAccount(1<<30, ledger.Available, true): "user 1073741824 available (test)",
	} {
		if a.String() != want {
			t.Errorf("account %d is called %q, want %q", int64(a), a, want)
		}
	}
}
