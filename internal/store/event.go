package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Delivery is an event on its way to one receiver.
type Delivery struct {
	EventID    string
	EndpointID int64
	UserID     int64
	TaskID     string
	Type       string
	URL        string
	Payload    string
	Tries      int // before this one
	CreatedAt  time.Time
}

// ClaimDeliveries takes up to limit deliveries that are due and moves their
// next try ahead by lease, so that a node that dies leaves them to others.
func (s *Store) ClaimDeliveries(ctx context.Context, limit int, lease time.Duration) ([]Delivery, error) {
	now := s.Now()
	var out []Delivery
	err := s.transact(ctx, func(tx bun.Tx) error {
		out = out[:0]
		rows, err := tx.QueryContext(ctx, `SELECT d.event_id, d.endpoint_id, d.user_id, d.url, d.tries FROM deliveries d
			WHERE d.next_try_at <= ? ORDER BY d.next_try_at LIMIT ?`+s.dialect.skipLocked(), millis(now), limit)
		if err != nil {
			return err
		}
		for rows.Next() {
			var d Delivery
			if err := rows.Scan(&d.EventID, &d.EndpointID, &d.UserID, &d.URL, &d.Tries); err != nil {
				_ = rows.Close()
				return err
			}
			out = append(out, d)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		for i := range out {
			d := &out[i]
			var created int64
			err := tx.QueryRowContext(ctx, "SELECT task_id, type, payload, created_at FROM events WHERE id = ?", d.EventID).
				Scan(&d.TaskID, &d.Type, &d.Payload, &created)
			if errors.Is(err, sql.ErrNoRows) { // removed by hand; there is nothing to send
				if _, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE event_id = ?", d.EventID); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			d.CreatedAt = moment(created)
			if _, err := tx.ExecContext(ctx, "UPDATE deliveries SET next_try_at = ? WHERE event_id = ? AND endpoint_id = ?",
				millis(now.Add(lease)), d.EventID, d.EndpointID); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	out = slices.DeleteFunc(out, func(d Delivery) bool { return d.TaskID == "" })
	return out, err
}

// Postpone leaves a claimed delivery for later without counting a try.
func (s *Store) Postpone(ctx context.Context, d Delivery, wait time.Duration) error {
	_, err := s.write.ExecContext(ctx, "UPDATE deliveries SET next_try_at = ? WHERE event_id = ? AND endpoint_id = ? AND status = 'pending'",
		millis(s.Now().Add(wait)), d.EventID, d.EndpointID)
	return failure(err)
}

// DeliveryResult is how one try ended.
type DeliveryResult struct {
	Delivered bool
	Code      int       // HTTP status, 0 when there was none
	Error     string    // for the operator, "" when delivered
	NextTry   time.Time // zero: no further try
}

// FinishDelivery records a try.
func (s *Store) FinishDelivery(ctx context.Context, d Delivery, r DeliveryResult) error {
	status, next, delivered := "pending", any(millis(r.NextTry)), int64(0)
	switch {
	case r.Delivered:
		status, next, delivered = "delivered", nil, millis(s.Now())
	case r.NextTry.IsZero():
		status, next = "failed", nil
	}
	if e := []rune(r.Error); len(e) > 250 {
		r.Error = string(e[:250])
	}
	return s.transact(ctx, func(tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET status = ?, tries = tries + 1, next_try_at = ?, last_code = ?, last_error = ?, delivered_at = ?
			WHERE event_id = ? AND endpoint_id = ? AND status <> 'delivered'`, status, next, r.Code, r.Error, delivered, d.EventID, d.EndpointID)
		return err
	})
}

// sweepAtOnce bounds one statement of Sweep, so that it never holds the writer
// for long.
const sweepAtOnce = 1000

// Sweep removes idempotency keys made before a time, and what belonged to
// tasks whose rows an operator has deleted.
func (s *Store) Sweep(ctx context.Context, keysBefore time.Time) error {
	if _, err := s.write.ExecContext(ctx, "DELETE FROM idempotency_keys WHERE created_at < ?", millis(keysBefore)); err != nil {
		return failure(err)
	}
	for _, table := range []string{"task_requests", "attempts", "callbacks"} {
		for {
			var ids []string
			err := s.read.NewRaw("SELECT DISTINCT r.task_id FROM ? r LEFT JOIN videos v ON v.task_id = r.task_id WHERE v.task_id IS NULL LIMIT ?",
				bun.Ident(table), sweepAtOnce).Scan(ctx, &ids)
			if err != nil {
				return failure(err)
			}
			if len(ids) > 0 {
				if _, err := s.write.ExecContext(ctx, "DELETE FROM ? WHERE task_id IN (?)", bun.Ident(table), bun.List(ids)); err != nil {
					return failure(err)
				}
			}
			if len(ids) < sweepAtOnce {
				break
			}
		}
	}
	return nil
}
