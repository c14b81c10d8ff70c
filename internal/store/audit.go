package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
)

// Actor is who makes a change that somebody may ask about later.
type Actor struct {
	UserID    int64  // 0: the command line, or the gateway itself
	Name      string // "user:7", "cli", "gateway"
	RequestID string
	Address   string
}

// UserActor is a signed-in user.
func UserActor(id int64, requestID, address string) Actor {
	return Actor{UserID: id, Name: fmt.Sprintf("user:%d", id), RequestID: requestID, Address: address}
}

// CLI is the command line.
var CLI = Actor{Name: "cli"}

// audit records a change in the transaction that makes it. detail is data
// without secrets: usually the changed fields, before and after.
func (s *Store) audit(ctx context.Context, tx bun.Tx, a Actor, action, target string, detail any) error {
	b, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (created_at, actor, action, target, detail, request_id, address)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, millis(s.Now()), a.Name, action, target, string(b), a.RequestID, a.Address)
	return err
}

// changed is the refusal of an edit that was made on an older version.
func changed(noun string, id any) error {
	return fault.New(fault.Conflict, "%s %v was changed by somebody else. Read it again and repeat your change.", noun, id).Named("version_conflict").At("version")
}
