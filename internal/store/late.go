package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/task"
)

// LateCheck is an attempt of a task that ended without charge while the
// upstream may have it.
type LateCheck struct {
	Ref        string // our external id at the upstream
	TaskID     string
	Provider   string
	Route      string
	ChannelID  int64
	KeyID      string
	UpstreamID string
	Price      money.Quota // of the task

	NextAskAt   time.Time // zero: nothing more is asked
	Until       time.Time
	Asked       int
	FoundAt     time.Time
	FoundStatus string      // the upstream's last word
	Lost        money.Quota // what was booked
}

// Text tells people what came of it.
func (c *LateCheck) Text() string {
	switch {
	case c.Lost > 0:
		return fmt.Sprintf("The upstream has it after all (%s): %s USD booked as the operator's loss, the owner pays nothing.", c.FoundStatus, c.Lost.USD())
	case c.FoundStatus != "" && c.NextAskAt.IsZero():
		return fmt.Sprintf("The upstream has it after all (%s); nothing was lost.", c.FoundStatus)
	case c.FoundStatus != "":
		return fmt.Sprintf("The upstream has it after all (%s); it is asked for until %s.", c.FoundStatus, c.Until.Format(time.RFC3339))
	case c.NextAskAt.IsZero():
		return fmt.Sprintf("Asked for %d times after its end; the upstream does not have it.", c.Asked)
	}
	return fmt.Sprintf("Asked for %d times after its end, until %s.", c.Asked, c.Until.Format(time.RFC3339))
}

const lateColumns = `ref, task_id, provider, route, channel_id, key_id, upstream_task_id, price,
	next_ask_at, until_at, asked, found_at, found_status, lost`

func scanLate(row scanner) (LateCheck, error) {
	var c LateCheck
	var upstream sql.NullString
	var next sql.NullInt64
	var until, found int64
	err := row.Scan(&c.Ref, &c.TaskID, &c.Provider, &c.Route, &c.ChannelID, &c.KeyID, &upstream, (*int64)(&c.Price),
		&next, &until, &c.Asked, &found, &c.FoundStatus, (*int64)(&c.Lost))
	c.UpstreamID, c.NextAskAt, c.Until, c.FoundAt = upstream.String, moment(next.Int64), moment(until), moment(found)
	return c, err
}

func scanLates(rows *sql.Rows) ([]LateCheck, error) {
	defer func() { _ = rows.Close() }()
	var out []LateCheck
	for rows.Next() {
		c, err := scanLate(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func lateValues(t *task.Task, l *task.Late) []any {
	return []any{t.Ref, t.ID, t.Provider, t.Route, t.ChannelID, t.KeyID, text(t.UpstreamID), int64(t.Quota), millis(l.First), millis(l.Until)}
}

const lateInsert = "late_checks (ref, task_id, provider, route, channel_id, key_id, upstream_task_id, price, next_ask_at, until_at)"

// AskLate has the upstream asked once more about an attempt of a task that
// ended without charge: somebody says that it has it. Repetitions change
// nothing once that was asked.
func (s *Store) AskLate(ctx context.Context, t task.Task) error {
	now := s.Now()
	return s.transact(ctx, func(tx bun.Tx) error {
		head, tail := s.dialect.insertIgnore(lateInsert)
		v := lateValues(&t, &task.Late{First: now, Until: now})
		if _, err := tx.ExecContext(ctx, head+" VALUES (?)"+tail, bun.List(v)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE late_checks SET next_ask_at = ? WHERE ref = ? AND next_ask_at > ?", millis(now), t.Ref, millis(now))
		return err
	})
}

// ClaimLate takes attempts whose time to be asked for has come, and moves the
// next one ahead by gap, with a fifth of jitter either way. After its last time
// an attempt is not asked for again.
func (s *Store) ClaimLate(ctx context.Context, limit int, gap time.Duration) ([]LateCheck, error) {
	now := millis(s.Now())
	var out []LateCheck
	// Most often nothing is due, and looking should cost no write lock.
	var one int
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT COUNT(*) FROM (SELECT 1 FROM late_checks WHERE next_ask_at <= ? LIMIT 1) AS due"), now).Scan(&one)
	if err != nil || one == 0 {
		return nil, failure(err)
	}
	err = s.transact(ctx, func(tx bun.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT "+lateColumns+" FROM late_checks WHERE next_ask_at <= ? ORDER BY next_ask_at LIMIT ?"+s.dialect.skipLocked(), now, limit)
		if err != nil {
			return err
		}
		if out, err = scanLates(rows); err != nil || len(out) == 0 {
			return err
		}
		refs := make([]string, len(out))
		for i := range out {
			refs[i] = out[i].Ref
		}
		_, err = tx.ExecContext(ctx, `UPDATE late_checks SET asked = asked + 1,
			next_ask_at = CASE WHEN until_at <= ? THEN NULL ELSE ? + ? * (80 + `+s.dialect.jitter(41)+`) / 100 END WHERE ref IN (?)`,
			now, now, gap.Milliseconds(), bun.List(refs))
		return err
	})
	return out, err
}

// LateSeen records what the upstream said of an attempt that it has not ended.
func (s *Store) LateSeen(ctx context.Context, ref, status string) error {
	_, err := s.write.ExecContext(ctx, `UPDATE late_checks SET found_at = CASE WHEN found_at = 0 THEN ? ELSE found_at END, found_status = ?
		WHERE ref = ?`, millis(s.Now()), status, ref)
	return failure(err)
}

// LateFailed records that the upstream failed an attempt: nothing was lost, and
// nothing more is asked.
func (s *Store) LateFailed(ctx context.Context, ref, status string) error {
	if err := s.LateSeen(ctx, ref, status); err != nil {
		return err
	}
	_, err := s.write.ExecContext(ctx, "UPDATE late_checks SET next_ask_at = NULL WHERE ref = ?", ref)
	return failure(err)
}

// BookLoss books what an upstream made, or billed, for an attempt whose task
// had ended without charge. booked is false when it was booked before.
func (s *Store) BookLoss(ctx context.Context, c LateCheck, upstreamID, status string, amount money.Quota, memo string) (booked bool, err error) {
	now := s.Now()
	err = s.transact(ctx, func(tx bun.Tx) error {
		booked = false
		res, err := tx.ExecContext(ctx, `UPDATE late_checks SET next_ask_at = NULL, found_status = ?, upstream_task_id = ?, lost = ?,
			found_at = CASE WHEN found_at = 0 THEN ? ELSE found_at END WHERE ref = ? AND lost = 0`, status, text(upstreamID), int64(amount), millis(now), c.Ref)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := s.post(ctx, tx, ledger.LossOf(c.Ref, amount, memo, now)); err != nil {
			return err
		}
		booked = true
		return s.audit(ctx, tx, Gateway, "task.loss", "task:"+c.TaskID, map[string]any{
			"ref": c.Ref, "channel_id": c.ChannelID, "upstream_task_id": upstreamID, "status": status, "amount": amount, "reason": memo,
		})
	})
	if fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return booked, err
}

// LateChecks lists the attempts of a task that were asked for after its end.
func (s *Store) LateChecks(ctx context.Context, taskID string) ([]LateCheck, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind("SELECT "+lateColumns+" FROM late_checks WHERE task_id = ? ORDER BY ref"), taskID)
	if err != nil {
		return nil, failure(err)
	}
	out, err := scanLates(rows)
	return out, failure(err)
}

// LossBooked reports whether the operator's loss for an attempt is booked.
func (s *Store) LossBooked(ctx context.Context, ref string) (bool, error) {
	var one int
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT 1 FROM journal WHERE kind = ? AND reference = ?"), string(ledger.KindLoss), ref).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, failure(err)
}
