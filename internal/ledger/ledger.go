// Package ledger says which postings each event of a task or a user makes. It
// computes plain entries; store writes them in the transaction of the change
// that they belong to.
//
// A posting moves an amount from one account to another, so that every entry
// sums to zero by construction. Entries are append-only. A task has at most
// one entry in phase Hold and one in phase Settle; capture and release share
// the latter, which is why a task can never be charged twice, refunded twice,
// or charged and refunded.
package ledger

import (
	"fmt"
	"time"

	"one-api/internal/money"
)

// Purpose is what an account is for.
type Purpose int64

const (
	Available Purpose = 1 // a user's spendable quota
	Held      Purpose = 2 // a user's quota set aside for live tasks
	Revenue   Purpose = 3 // the operator's captured charges
	CashIn    Purpose = 4 // source of top-ups paid for
	Grant     Purpose = 5 // source of quota given away and redeemed
	Adjust    Purpose = 6 // other side of corrections by an administrator
	Loss      Purpose = 7 // what upstreams billed and no user pays

	play Purpose = 8 // added: the play ledger of test mode
)

// Account is the number of an account, made from its owner and purpose so that
// nobody has to look it up: owner × 16 + purpose. The operator is owner 0; the
// operator's accounts keep no stored balance, it is the sum of their postings.
type Account int64

// UserAccount is a user's account for a purpose, in the real or the play
// ledger.
func UserAccount(userID int64, p Purpose, test bool) Account {
	if test {
		p += play
	}
	return Account(userID*16 + int64(p))
}

// OperatorAccount is the operator's account for a purpose.
func OperatorAccount(p Purpose, test bool) Account { return UserAccount(0, p, test) }

// Owner is the user who owns the account, 0 for the operator.
func (a Account) Owner() int64 { return int64(a) / 16 }

// Purpose is what the account is for.
func (a Account) Purpose() Purpose { return Purpose(int64(a)%16) &^ play }

// Play reports whether the account belongs to the play ledger.
func (a Account) Play() bool { return Purpose(int64(a)%16)&play != 0 }

var purposes = map[Purpose]string{
	Available: "available", Held: "held", Revenue: "revenue", CashIn: "cash_in",
	Grant: "grant", Adjust: "adjust", Loss: "loss",
}

func (p Purpose) String() string { return purposes[p] }

// String names the account as people read it: "user 7 available".
func (a Account) String() string {
	s := a.Purpose().String()
	if a.Owner() != 0 {
		s = fmt.Sprintf("user %d %s", a.Owner(), s)
	} else {
		s = "operator " + s
	}
	if a.Play() {
		s += " (test)"
	}
	return s
}

// Posting moves an amount above zero.
type Posting struct {
	From, To Account
	Amount   money.Quota
}

// Phase is a task's step in the ledger.
type Phase string

const (
	PhaseHold   Phase = "hold"
	PhaseSettle Phase = "settle"
)

// Kind is why an entry was made.
type Kind string

const (
	KindHold    Kind = "hold"    // a task was accepted
	KindCapture Kind = "capture" // it succeeded and is charged
	KindRelease Kind = "release" // it ended otherwise and costs nothing
	KindTopUp   Kind = "topup"   // somebody paid
	KindGrant   Kind = "grant"   // the operator gives
	KindRedeem  Kind = "redeem"  // a redemption code
	KindAdjust  Kind = "adjust"  // an administrator corrects
	KindLoss    Kind = "loss"    // an upstream billed what nobody ordered or nobody pays
)

// Entry is one event in the ledger with its postings.
type Entry struct {
	Kind Kind
	// TaskID and Phase name a task's entry; Reference names any other. Each is
	// unique, so that writing the same entry twice is impossible.
	TaskID    string
	Phase     Phase
	Reference string

	UserID  int64
	TokenID int64  // 0 when no token took part
	Actor   string // who caused it: "user:7", "gateway", …
	Memo    string // for people
	At      time.Time

	Postings []Posting
}

// Order is what the ledger needs to know of a task.
type Order struct {
	TaskID  string
	UserID  int64
	TokenID int64
	Price   money.Quota // fixed at submit, above zero unless the rule is free
	Test    bool        // the play ledger
}

// Hold sets the price aside when a task is accepted.
func Hold(o Order, at time.Time) Entry {
	return o.entry(KindHold, PhaseHold, at, Posting{
		From: UserAccount(o.UserID, Available, o.Test), To: UserAccount(o.UserID, Held, o.Test), Amount: o.Price,
	})
}

// Capture charges a task that succeeded. The charge is at most the price;
// what is left of the hold goes back.
func Capture(o Order, charge money.Quota, at time.Time) Entry {
	charge = max(0, min(charge, o.Price))
	held := UserAccount(o.UserID, Held, o.Test)
	return o.entry(KindCapture, PhaseSettle, at,
		Posting{From: held, To: OperatorAccount(Revenue, o.Test), Amount: charge},
		Posting{From: held, To: UserAccount(o.UserID, Available, o.Test), Amount: o.Price - charge})
}

// Release gives the hold back when a task ended without success.
func Release(o Order, at time.Time) Entry {
	return o.entry(KindRelease, PhaseSettle, at, Posting{
		From: UserAccount(o.UserID, Held, o.Test), To: UserAccount(o.UserID, Available, o.Test), Amount: o.Price,
	})
}

func (o Order) entry(k Kind, p Phase, at time.Time, postings ...Posting) Entry {
	e := Entry{
		Kind: k, TaskID: o.TaskID, Phase: p, UserID: o.UserID, TokenID: o.TokenID,
		Actor: "gateway", At: at,
	}
	for _, p := range postings {
		if p.Amount > 0 { // a free order has entries without postings
			e.Postings = append(e.Postings, p)
		}
	}
	return e
}

// LossOf books on the operator what an upstream made or billed for an attempt
// that no user pays. The attempt's external id makes a repetition impossible.
func LossOf(ref string, amount money.Quota, memo string, at time.Time) Entry {
	e := Entry{Kind: KindLoss, Reference: ref, Actor: "gateway", Memo: memo, At: at}
	if amount > 0 {
		e.Postings = []Posting{{From: OperatorAccount(Revenue, false), To: OperatorAccount(Loss, false), Amount: amount}}
	}
	return e
}

// Change moves quota into or out of a user's balance by hand: amount above zero
// gives, below zero takes. The reference makes a repetition impossible.
func Change(kind Kind, userID int64, amount money.Quota, reference, actor, memo string, at time.Time) Entry {
	other := map[Kind]Purpose{KindTopUp: CashIn, KindGrant: Grant, KindRedeem: Grant, KindAdjust: Adjust}[kind]
	e := Entry{Kind: kind, Reference: reference, UserID: userID, Actor: actor, Memo: memo, At: at}
	p := Posting{From: OperatorAccount(other, false), To: UserAccount(userID, Available, false), Amount: amount}
	if amount < 0 {
		p = Posting{From: p.To, To: p.From, Amount: -amount}
	}
	e.Postings = []Posting{p}
	return e
}
