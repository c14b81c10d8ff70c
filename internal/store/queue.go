package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/task"
)

// The queue holds the tasks that are pending. Its rows come and go with the
// steps in hot.go.

const queueColumns = "task_id, provider, route, model, group_name, test, user_id, turn, not_before, send_before"

func queueValues(t *task.Task, group string, turn int64) []any {
	return []any{t.ID, t.Provider, t.Route, t.Model, group, flag(t.Test), t.UserID, turn, millis(t.NextCheckAt), millis(t.SendBefore)}
}

// inLane is the condition that a row waits in a lane, see laneValues.
const inLane = "model = ? AND route = ? AND group_name = ? AND provider = ? AND test = ?"

func laneValues(l task.Lane) []any { return []any{l.Model, l.Route, l.Group, l.Provider, flag(l.Test)} }

// firstTurn is the lowest turn in a lane, of the tasks that may be sent by a
// time if there are any.
func (s *Store) firstTurn(ctx context.Context, tx queryer, l task.Lane, by int64) (turn int64, found bool, err error) {
	for _, ready := range []string{" AND not_before <= ?", ""} {
		args := laneValues(l)
		if ready != "" {
			args = append(args, by)
		}
		err := tx.QueryRowContext(ctx, s.hotText("SELECT turn FROM task_queue WHERE "+inLane+ready+" ORDER BY turn, task_id LIMIT 1"), args...).Scan(&turn)
		if !errors.Is(err, sql.ErrNoRows) {
			return turn, err == nil, err
		}
	}
	return 0, false, nil
}

// nextTurn is the turn of a user's next task in a lane: after those that they
// have there, and not before the lane's head.
func (s *Store) nextTurn(ctx context.Context, tx queryer, l task.Lane, userID, by int64) (int64, error) {
	first, _, err := s.firstTurn(ctx, tx, l, by)
	if err != nil {
		return 0, err
	}
	var last int64
	err = tx.QueryRowContext(ctx, s.hotText("SELECT turn FROM task_queue WHERE user_id = ? AND "+inLane+" ORDER BY turn DESC LIMIT 1"),
		append([]any{userID}, laneValues(l)...)...).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return first, nil
	}
	return max(first, last+1), err
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Waiting is the tasks that wait in a lane.
type Waiting struct {
	Lane  task.Lane
	Tasks int
	Users map[int64]int // the same by user
	// Ready tells that at least one of them may be sent now.
	Ready bool
}

// Waiting lists the lanes with waiting tasks, the one with the oldest first.
func (s *Store) Waiting(ctx context.Context) ([]Waiting, error) {
	rows, err := s.rdb.QueryContext(ctx, `SELECT provider, route, model, group_name, test, user_id, COUNT(*), MIN(not_before) FROM task_queue
		GROUP BY provider, route, model, group_name, test, user_id ORDER BY MIN(task_id)`)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	now := millis(s.Now())
	var out []Waiting
	at := map[task.Lane]int{}
	for rows.Next() {
		var l task.Lane
		var test, n int
		var user, first int64
		if err := rows.Scan(&l.Provider, &l.Route, &l.Model, &l.Group, &test, &user, &n, &first); err != nil {
			return nil, err
		}
		l.Test = test != 0
		i, ok := at[l]
		if !ok {
			i = len(out)
			at[l], out = i, append(out, Waiting{Lane: l, Users: map[int64]int{}})
		}
		w := &out[i]
		w.Tasks, w.Users[user], w.Ready = w.Tasks+n, w.Users[user]+n, w.Ready || first <= now
	}
	return out, failure(rows.Err())
}

// ClaimWaiting takes up to limit tasks from the head of a lane, to be sent by
// this node. Those that it does not send are there again after lease.
func (s *Store) ClaimWaiting(ctx context.Context, l task.Lane, limit int, lease time.Duration) ([]task.Task, error) {
	return s.claimQueued(ctx, lease, inLane+" AND not_before <= ? ORDER BY turn, task_id LIMIT ?",
		append(laneValues(l), millis(s.Now()), limit)...)
}

// MoveWaiting moves what waits of a user to the lane of the group that they are
// in now; there it goes behind what they have in that lane already.
func (s *Store) MoveWaiting(ctx context.Context, userID int64, from task.Lane, group string) error {
	to := from
	to.Group = group
	return s.transact(ctx, func(tx bun.Tx) error {
		var first int64
		err := tx.Tx.QueryRowContext(ctx, s.dialect.rebind("SELECT turn FROM task_queue WHERE user_id = ? AND "+inLane+" ORDER BY turn LIMIT 1"),
			append([]any{userID}, laneValues(from)...)...).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another node was faster
		}
		if err != nil {
			return err
		}
		next, err := s.nextTurn(ctx, tx.Tx, to, userID, millis(s.Now()))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE task_queue SET group_name = ?, turn = turn + ? WHERE user_id = ? AND "+inLane,
			append([]any{group, next - first, userID}, laneValues(from)...)...)
		return err
	})
}

// ClaimOverdue takes up to limit waiting tasks whose time to be sent has
// passed. Those that this node does not end are there again after lease.
func (s *Store) ClaimOverdue(ctx context.Context, limit int, lease time.Duration) ([]task.Task, error) {
	now := millis(s.Now())
	return s.claimQueued(ctx, lease, "send_before <= ? AND not_before <= ? ORDER BY send_before LIMIT ?", now, now, limit)
}

func (s *Store) claimQueued(ctx context.Context, lease time.Duration, where string, args ...any) ([]task.Task, error) {
	until := millis(s.Now().Add(lease))
	var out []task.Task
	err := s.transact(ctx, func(tx bun.Tx) error {
		var ids []string
		err := tx.NewRaw("SELECT task_id FROM task_queue WHERE "+where+s.dialect.skipLocked(), args...).Scan(ctx, &ids)
		if err != nil || len(ids) == 0 {
			out = nil
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE task_queue SET not_before = ? WHERE task_id IN (?)", until, bun.List(ids)); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT "+taskColumns+" FROM videos WHERE task_id IN (?) AND status = 'pending'", bun.List(ids))
		if err != nil {
			return err
		}
		if out, err = scanTasks(rows); err != nil {
			return err
		}
		slices.SortFunc(out, func(x, y task.Task) int { return cmp.Compare(slices.Index(ids, x.ID), slices.Index(ids, y.ID)) })
		if len(out) == len(ids) {
			return nil
		}
		// Their tasks were removed by hand, or sent by a node of a version that
		// knows no queue: rows that stay would keep the lane from ever being empty.
		_, err = tx.ExecContext(ctx, `DELETE FROM task_queue WHERE task_id IN (?)
			AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.task_id = task_queue.task_id AND v.status = 'pending')`, bun.List(ids))
		return err
	})
	return out, err
}

// QueuePlace is a waiting task's place in its lane, from 1. NotFound means that
// it does not wait.
func (s *Store) QueuePlace(ctx context.Context, taskID string) (int, task.Lane, error) {
	var l task.Lane
	var test, ahead int
	var turn int64
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT provider, route, model, group_name, test, turn FROM task_queue WHERE task_id = ?"), taskID).
		Scan(&l.Provider, &l.Route, &l.Model, &l.Group, &test, &turn)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, l, fault.New(fault.NotFound, "Task %s does not wait.", taskID).Named("not_pending")
	}
	if err != nil {
		return 0, l, failure(err)
	}
	l.Test = test != 0
	args := append(laneValues(l), turn, turn, taskID)
	err = s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT COUNT(*) FROM task_queue WHERE "+inLane+" AND (turn < ? OR turn = ? AND task_id < ?)"), args...).Scan(&ahead)
	return ahead + 1, l, failure(err)
}

// Load is how many live tasks a channel has for an upstream model.
type Load struct {
	ChannelID int64
	Model     string // base name
	Live      int
	// Learned is the limit that the upstream's refusals taught, 0: none.
	Learned int
}

// ModelLoads lists the channels' loads by model.
func (s *Store) ModelLoads(ctx context.Context) ([]Load, error) {
	rows, err := s.rdb.QueryContext(ctx, "SELECT channel_id, model, live, learned FROM channel_loads")
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Load
	for rows.Next() {
		var l Load
		if err := rows.Scan(&l.ChannelID, &l.Model, &l.Live, &l.Learned); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, failure(rows.Err())
}

// LearnLimit records that the upstream refused a task of a model as one too
// many. The limit is what was live besides it, at least one.
func (s *Store) LearnLimit(ctx context.Context, channelID int64, model string, hold time.Duration) error {
	// live counts the refused task until its step is recorded.
	_, err := s.write.ExecContext(ctx, `UPDATE channel_loads SET learned = CASE WHEN live > 2 THEN live - 1 ELSE 1 END, learned_until = ?
		WHERE channel_id = ? AND model = ? AND (learned = 0 OR live - 1 < learned OR learned_until < ?)`,
		millis(s.Now().Add(hold)), channelID, model, millis(s.Now().Add(hold)))
	return failure(err)
}

// RaiseLimits lets one more task through where a learned limit has stood for a
// while, and forgets limits that are far from being reached.
func (s *Store) RaiseLimits(ctx context.Context, hold time.Duration) error {
	now := s.Now()
	_, err := s.write.ExecContext(ctx, `UPDATE channel_loads SET
		learned = CASE WHEN learned > live + 5 THEN 0 ELSE learned + 1 END, learned_until = ?
		WHERE learned > 0 AND learned_until <= ?`, millis(now.Add(hold)), millis(now))
	return failure(err)
}

// OpenCircuit records that no order is to be sent to a channel until a time.
// It does nothing when another node was faster: the circuit must be as it was
// seen.
func (s *Store) OpenCircuit(ctx context.Context, channelID int64, seen, until time.Time) (bool, error) {
	return s.oneRow(ctx, "UPDATE channels SET circuit_until = ?, circuit_opens = circuit_opens + 1 WHERE id = ? AND circuit_until = ?",
		millis(until), channelID, millis(seen))
}

// ProbeCircuit takes the one order that may be tried on a channel whose
// circuit has been open until seen; others wait until the given time.
func (s *Store) ProbeCircuit(ctx context.Context, channelID int64, seen, until time.Time) (bool, error) {
	return s.oneRow(ctx, "UPDATE channels SET circuit_until = ? WHERE id = ? AND circuit_until = ?", millis(until), channelID, millis(seen))
}

// CloseCircuit records that a channel answers again.
func (s *Store) CloseCircuit(ctx context.Context, channelID int64) error {
	_, err := s.write.ExecContext(ctx, "UPDATE channels SET circuit_until = 0, circuit_opens = 0 WHERE id = ?", channelID)
	return failure(err)
}

func (s *Store) oneRow(ctx context.Context, query string, args ...any) (bool, error) {
	res, err := s.write.ExecContext(ctx, query, args...)
	if err != nil {
		return false, failure(err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
