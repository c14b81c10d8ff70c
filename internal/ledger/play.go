package ledger

import (
	"time"

	"one-api/internal/money"
)

// PlayGrant gives a user quota of the play ledger, which test mode spends. It
// is worth nothing.
func PlayGrant(userID int64, amount money.Quota, reference string, at time.Time) Entry {
	return Entry{
		Kind: KindGrant, Reference: reference, UserID: userID, Actor: "gateway", Memo: "play money for test mode", At: at,
		Postings: []Posting{{From: OperatorAccount(Grant, true), To: UserAccount(userID, Available, true), Amount: amount}},
	}
}
