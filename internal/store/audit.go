package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

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

// CLI is the command line, Gateway what a node does by itself.
var (
	CLI     = Actor{Name: "cli"}
	Gateway = Actor{Name: "gateway"}
)

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

// AuditEntry is one row of the audit.
type AuditEntry struct {
	ID        int64   `bun:"id"`
	CreatedAt int64   `bun:"created_at"` // unix milliseconds
	Actor     string  `bun:"actor"`
	Action    string  `bun:"action"`
	Target    string  `bun:"target"`
	Detail    *string `bun:"detail"` // JSON
	RequestID string  `bun:"request_id"`
	Address   string  `bun:"address"`
}

// AuditFilter picks rows of the audit. Zero fields do not filter. Actor, Action
// and Target are whole words, or beginnings of them when they end in "*".
type AuditFilter struct {
	Actor, Action, Target string
	Since, Until          time.Time // from Since on, before Until
	Before                int64     // ids below this one: the next page
	Limit                 int
}

// Audit lists rows of the audit, newest first.
func (s *Store) Audit(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	q := s.read.NewSelect().TableExpr("audit").ColumnExpr("*").OrderExpr("id DESC").Limit(int64(f.Limit))
	for _, by := range []struct{ column, value string }{{"actor", f.Actor}, {"action", f.Action}, {"target", f.Target}} {
		switch begin, part := strings.CutSuffix(by.value, "*"); {
		case by.value == "":
		case part:
			q.Where("? LIKE ? ESCAPE '!'", bun.Ident(by.column), escapeLike(begin)+"%")
		default:
			q.Where("? = ?", bun.Ident(by.column), by.value)
		}
	}
	if !f.Since.IsZero() {
		q.Where("created_at >= ?", millis(f.Since))
	}
	if !f.Until.IsZero() {
		q.Where("created_at < ?", millis(f.Until))
	}
	if f.Before != 0 {
		q.Where("id < ?", f.Before)
	}
	var out []AuditEntry
	err := q.Scan(ctx, &out)
	return out, failure(err)
}
