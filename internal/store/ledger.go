package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"one-api/internal/ledger"
	"one-api/internal/money"
)

// Line is one posting of the ledger as people read it.
type Line struct {
	JournalID string
	Kind      ledger.Kind
	TaskID    string
	Reference string
	UserID    int64
	From, To  ledger.Account
	Amount    money.Quota
	Actor     string
	Memo      string
	At        int64 // unix milliseconds
}

// TaskLines lists the ledger lines of a task in the order in which they were
// written.
func (s *Store) TaskLines(ctx context.Context, taskID string) ([]Line, error) {
	return s.lines(ctx, "j.task_id = ?", taskID)
}

func (s *Store) lines(ctx context.Context, where string, args ...any) ([]Line, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT j.id, j.kind, COALESCE(j.task_id, ''), COALESCE(j.reference, ''), j.user_id,
		p.from_account, p.to_account, p.amount, j.actor, j.memo, j.created_at
		FROM journal j JOIN postings p ON p.journal_id = j.id WHERE `+where+` ORDER BY j.id, p.n`, args...)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Line
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.JournalID, &l.Kind, &l.TaskID, &l.Reference, &l.UserID, &l.From, &l.To, &l.Amount, &l.Actor, &l.Memo, &l.At); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, failure(rows.Err())
}

// Mismatch is something that the books say and the rows do not, or the
// reverse.
type Mismatch struct {
	Kind   string // "account", "held", "task", "budget", "load"
	ID     string
	Detail string
}

// Verify recomputes balances, holds, budgets and ends of tasks from the
// journal, in one read transaction, and names each difference.
func (s *Store) Verify(ctx context.Context) ([]Mismatch, error) {
	var out []Mismatch
	// One snapshot for all checks: tasks settle while they run.
	snapshot := &sql.TxOptions{ReadOnly: true}
	if s.dialect != SQLite {
		snapshot.Isolation = sql.LevelRepeatableRead
	}
	err := s.read.RunInTx(ctx, snapshot, func(ctx context.Context, tx bun.Tx) error {
		for _, c := range checks {
			rows, err := tx.QueryContext(ctx, c.query)
			if err != nil {
				return fmt.Errorf("check %s: %w", c.kind, err)
			}
			for rows.Next() {
				var id string
				var want, got int64
				if err := rows.Scan(&id, &want, &got); err != nil {
					_ = rows.Close()
					return err
				}
				out = append(out, Mismatch{Kind: c.kind, ID: id, Detail: fmt.Sprintf(c.detail, want, got)})
			}
			if err := rows.Close(); err != nil {
				return err
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return out, failure(err)
}

// checks return an id, what the journal says, and what the row says.
var checks = []struct{ kind, detail, query string }{
	{"account", "the postings sum to %d, the balance is %d", `
		SELECT CAST(a.id AS CHAR(20)), COALESCE(t.total, 0), a.balance FROM accounts a
		LEFT JOIN (SELECT account, SUM(amount) AS total FROM (
			SELECT to_account AS account, amount FROM postings UNION ALL SELECT from_account, -amount FROM postings) x GROUP BY account) t
		ON t.account = a.id WHERE a.balance <> COALESCE(t.total, 0)`},
	{"task without hold", "the journal holds %d entries of phase hold, the task costs %d", `
		SELECT v.task_id, 0, v.quota FROM videos v LEFT JOIN journal j ON j.task_id = v.task_id AND j.phase = 'hold' WHERE j.id IS NULL`},
	{"ended task without settle", "the journal has %d entries of phase settle, the task costs %d", `
		SELECT v.task_id, 0, v.quota FROM videos v LEFT JOIN journal j ON j.task_id = v.task_id AND j.phase = 'settle'
		WHERE j.id IS NULL AND v.status IN ('succeed', 'failed')`},
	{"settled task still live", "the journal settled it (%d), the task is live (%d)", `
		SELECT v.task_id, 1, 0 FROM videos v JOIN journal j ON j.task_id = v.task_id AND j.phase = 'settle'
		WHERE v.status NOT IN ('succeed', 'failed')`},
	{"charge", "the journal captured %d, the task says %d", `
		SELECT v.task_id, COALESCE(SUM(p.amount), 0), v.charged FROM videos v
		LEFT JOIN journal j ON j.task_id = v.task_id AND j.kind = 'capture'
		LEFT JOIN postings p ON p.journal_id = j.id AND p.to_account < 16
		GROUP BY v.task_id, v.charged HAVING COALESCE(SUM(p.amount), 0) <> v.charged`},
	{"hold without task", "the journal holds %d for a task that is gone (%d)", `
		SELECT j.task_id, COALESCE(SUM(p.amount), 0), 0 FROM journal j
		JOIN postings p ON p.journal_id = j.id
		LEFT JOIN journal e ON e.task_id = j.task_id AND e.phase = 'settle'
		LEFT JOIN videos v ON v.task_id = j.task_id
		WHERE j.phase = 'hold' AND e.id IS NULL AND v.task_id IS NULL GROUP BY j.task_id`},
	{"token budget", "live tasks hold %d, the budget says %d", `
		SELECT CAST(b.token_id AS CHAR(20)), COALESCE(t.total, 0), b.held FROM token_budgets b
		LEFT JOIN (SELECT token_id, SUM(quota) AS total FROM videos WHERE status NOT IN ('succeed', 'failed') GROUP BY token_id) t
		ON t.token_id = b.token_id WHERE b.held <> COALESCE(t.total, 0)`},
}
