package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/task"
	"one-api/internal/video"
)

// Recovery is what happens between the restoring of a backup and the next order:
// nothing is sent until the upstreams have told what the backup does not know.

func (s *Store) loadRecovery(ctx context.Context) (directory.Recovery, error) {
	var r directory.Recovery
	var active int
	var started, backup int64
	err := s.read.QueryRowContext(ctx, `SELECT active, started_at, backup_at, reason,
		(SELECT COUNT(*) FROM recovery_tasks WHERE answered_at = 0) FROM recovery WHERE id = 1`).Scan(&active, &started, &backup, &r.Reason, &r.Unsettled)
	r.Active, r.StartedAt, r.BackupAt = active != 0, moment(started), moment(backup)
	return r, err
}

// Life names this database and the last moment that a node has noted in it.
func (s *Store) Life(ctx context.Context) (id string, heartbeat time.Time, err error) {
	var ms int64
	err = s.read.QueryRowContext(ctx, "SELECT database_id, heartbeat FROM recovery WHERE id = 1").Scan(&id, &ms)
	return id, moment(ms), failure(err)
}

// Beat notes the present moment in the database.
func (s *Store) Beat(ctx context.Context) (time.Time, error) {
	now := s.Now()
	_, err := s.write.ExecContext(ctx, "UPDATE recovery SET heartbeat = ? WHERE id = 1 AND heartbeat < ?", millis(now), millis(now))
	return now, failure(err)
}

// EnterRecovery stops all sending until LeaveRecovery. Conflict means that it
// is stopped already.
func (s *Store) EnterRecovery(ctx context.Context, by Actor, reason string) error {
	if r := []rune(reason); len(r) > 250 {
		reason = string(r[:250])
	}
	return s.changing(ctx, versionRecovery, func(tx bun.Tx, _ int64) error {
		now := millis(s.Now())
		// The last heartbeat is the last moment that the backup knows of; a
		// database that never had one is known by its ledger.
		res, err := tx.ExecContext(ctx, `UPDATE recovery SET active = 1, started_at = ?, reason = ?,
			backup_at = CASE WHEN heartbeat > 0 THEN heartbeat ELSE COALESCE((SELECT MAX(created_at) FROM journal), ?) END
			WHERE id = 1 AND active = 0`, now, reason, now)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Recovery is on already.").Named("recovery_on"))
		}
		for _, q := range []string{
			"DELETE FROM recovery_tasks", "DELETE FROM recovery_channels",
			"INSERT INTO recovery_tasks (task_id) SELECT task_id FROM videos WHERE next_check_at IS NOT NULL AND test = 0",
		} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE videos SET next_check_at = ? WHERE next_check_at > ? AND status IN ('unknown', 'submitted', 'processing')", now, now); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "recovery.on", "recovery", map[string]any{"reason": reason})
	})
}

// LeaveRecovery lets the gateway send again. It refuses with Conflict while
// something is left to be found out, unless forced; then tasks of which nobody
// knows whether they were sent end without charge.
func (s *Store) LeaveRecovery(ctx context.Context, by Actor, force bool) error {
	r, err := s.Recovery(ctx)
	if err != nil {
		return err
	}
	if !r.Active {
		return fault.New(fault.Conflict, "Recovery is not on.").Named("recovery_off")
	}
	if !force && !r.Done() {
		return fault.New(fault.Conflict, "%d tasks of the backup have no answer yet, and the tasks of %d channels are not read. Wait, or end recovery by force: tasks whose sending is not known then end without charge.",
			r.Open, len(r.Unread())).Named("recovery_not_done")
	}
	return s.changing(ctx, versionRecovery, func(tx bun.Tx, _ int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE recovery SET active = 0 WHERE id = 1 AND active = 1")
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Recovery is not on.").Named("recovery_off"))
		}
		return s.audit(ctx, tx, by, "recovery.off", "recovery", map[string]any{"force": force, "open": r.Open, "orphans": len(r.Orphans)})
	})
}

// RecoveryState is how far recovery has come.
type RecoveryState struct {
	directory.Recovery
	Tasks    int // of the backup, live then
	Open     int // of these, without an answer so far
	Channels []RecoveryChannel
	Orphans  []Orphan // newest first
}

// RecoveryChannel is how far an upstream's own list of tasks has been read.
type RecoveryChannel struct {
	ID       int64
	Name     string
	WalkedAt time.Time // begin of the last complete reading; zero: none
	TriedAt  time.Time
	Tasks    int64
	Problem  string
}

// Orphan is an upstream task with an id of ours and no task here.
type Orphan struct {
	ChannelID  int64
	UpstreamID string
	Ref        string
	Status     string
	Costs      []video.Cost
	Note       string
	CreatedAt  time.Time
	FoundAt    time.Time
}

// Unread are the channels whose tasks have not been read since recovery began.
func (r *RecoveryState) Unread() []RecoveryChannel {
	var out []RecoveryChannel
	for _, c := range r.Channels {
		if c.WalkedAt.Before(r.StartedAt) {
			out = append(out, c)
		}
	}
	return out
}

// Done reports that nothing is left to be found out.
func (r *RecoveryState) Done() bool { return r.Open == 0 && len(r.Unread()) == 0 }

// mostOrphans bounds what is shown.
const mostOrphans = 1000

// Recovery tells how far recovery has come, and what the last one found.
func (s *Store) Recovery(ctx context.Context) (RecoveryState, error) {
	var out RecoveryState
	var err error
	if out.Recovery, err = s.loadRecovery(ctx); err != nil {
		return out, failure(err)
	}
	out.Open = out.Unsettled
	if err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM recovery_tasks").Scan(&out.Tasks); err != nil {
		return out, failure(err)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT c.id, c.name, COALESCE(r.walked_at, 0), COALESCE(r.tried_at, 0), COALESCE(r.tasks, 0), COALESCE(r.problem, '')
		FROM channels c LEFT JOIN recovery_channels r ON r.channel_id = c.id ORDER BY c.id`)
	if err != nil {
		return out, failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c RecoveryChannel
		var walked, tried int64
		if err := rows.Scan(&c.ID, &c.Name, &walked, &tried, &c.Tasks, &c.Problem); err != nil {
			return out, err
		}
		c.WalkedAt, c.TriedAt = moment(walked), moment(tried)
		out.Channels = append(out.Channels, c)
	}
	if err := rows.Err(); err != nil {
		return out, failure(err)
	}
	out.Orphans, err = s.orphans(ctx)
	return out, err
}

func (s *Store) orphans(ctx context.Context) ([]Orphan, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT channel_id, upstream_task_id, ref, status, COALESCE(costs, ''), note, created_at, found_at
		FROM orphans ORDER BY found_at DESC, upstream_task_id LIMIT ?`, mostOrphans)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Orphan
	for rows.Next() {
		var o Orphan
		var costs string
		var created, found int64
		if err := rows.Scan(&o.ChannelID, &o.UpstreamID, &o.Ref, &o.Status, &costs, &o.Note, &created, &found); err != nil {
			return nil, err
		}
		if costs != "" {
			if err := json.Unmarshal([]byte(costs), &o.Costs); err != nil {
				return nil, err
			}
		}
		o.CreatedAt, o.FoundAt = moment(created), moment(found)
		out = append(out, o)
	}
	return out, failure(rows.Err())
}

// NoteOrphan records an upstream task that bears an id of ours and has no task
// here, or what has become of it since.
func (s *Store) NoteOrphan(ctx context.Context, o Orphan) error {
	var costs sql.NullString
	if len(o.Costs) > 0 {
		b, err := json.Marshal(o.Costs)
		if err != nil {
			return err
		}
		costs = text(string(b))
	}
	return s.transact(ctx, func(tx bun.Tx) error {
		head, tail := s.dialect.insertIgnore("orphans (channel_id, upstream_task_id, ref, status, note, created_at, found_at)")
		if _, err := tx.ExecContext(ctx, head+" VALUES (?, ?, ?, ?, ?, ?, ?)"+tail,
			o.ChannelID, o.UpstreamID, o.Ref, o.Status, o.Note, millis(o.CreatedAt), millis(s.Now())); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE orphans SET status = ?, costs = ? WHERE channel_id = ? AND upstream_task_id = ?", o.Status, costs, o.ChannelID, o.UpstreamID)
		return err
	})
}

// RecoveryTasks lists the tasks of the backup without an answer.
func (s *Store) RecoveryTasks(ctx context.Context) ([]task.Task, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+prefixed(taskColumns, "v.")+` FROM recovery_tasks r JOIN videos v ON v.task_id = r.task_id WHERE r.answered_at = 0 ORDER BY v.task_id`)
	if err != nil {
		return nil, failure(err)
	}
	out, err := scanTasks(rows)
	return out, failure(err)
}

// RecoveryAnswered notes that what became of a task of the backup is known.
func (s *Store) RecoveryAnswered(ctx context.Context, taskID string) error {
	return s.changingCount(ctx, "UPDATE recovery_tasks SET answered_at = ? WHERE task_id = ? AND answered_at = 0", millis(s.Now()), taskID)
}

// RecoveryGone notes tasks of the backup whose rows were deleted by hand.
func (s *Store) RecoveryGone(ctx context.Context) error {
	return s.changingCount(ctx, "UPDATE recovery_tasks SET answered_at = ? WHERE answered_at = 0 AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.task_id = recovery_tasks.task_id AND v.next_check_at IS NOT NULL)",
		millis(s.Now()))
}

// changingCount runs a change of how many tasks are without an answer.
func (s *Store) changingCount(ctx context.Context, query string, args ...any) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = raise(ctx, tx, versionRecovery)
		return err
	})
}

// RecoveryAbsent notes a round in which every account denied a task of the
// backup. Enough of them, gap apart and over span, prove that it was not sent.
func (s *Store) RecoveryAbsent(ctx context.Context, taskID string, enough int, gap, span time.Duration) error {
	now := millis(s.Now())
	if _, err := s.write.ExecContext(ctx, `UPDATE recovery_tasks SET absences = absences + 1, last_absent_at = ?,
		first_absent_at = CASE WHEN absences = 0 THEN ? ELSE first_absent_at END WHERE task_id = ? AND last_absent_at <= ?`,
		now, now, taskID, now-gap.Milliseconds()); err != nil {
		return failure(err)
	}
	return s.changingCount(ctx, "UPDATE recovery_tasks SET answered_at = ? WHERE task_id = ? AND answered_at = 0 AND absences >= ? AND first_absent_at <= ?",
		now, taskID, enough, now-span.Milliseconds())
}

// RecoveryWalked notes a reading of a channel's own list of tasks. problem is
// why it is not complete.
func (s *Store) RecoveryWalked(ctx context.Context, channelID int64, began time.Time, tasks int, problem string) error {
	if r := []rune(problem); len(r) > 250 {
		problem = string(r[:250])
	}
	walked := millis(began)
	if problem != "" {
		walked = 0
	}
	return s.transact(ctx, func(tx bun.Tx) error {
		head, tail := s.dialect.insertIgnore("recovery_channels (channel_id)")
		if _, err := tx.ExecContext(ctx, head+" VALUES (?)"+tail, channelID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE recovery_channels SET tried_at = ?, problem = ?, tasks = ?,
			walked_at = CASE WHEN ? > walked_at THEN ? ELSE walked_at END WHERE channel_id = ?`, millis(began), problem, tasks, walked, walked, channelID)
		return err
	})
}

// Unsettled reports whether a task of the backup may have been sent after it.
func (s *Store) Unsettled(ctx context.Context, taskID string) (bool, error) {
	var one int
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT 1 FROM recovery_tasks WHERE task_id = ? AND answered_at = 0"), taskID).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, failure(err)
}

// InLedger reports whether the ledger knows a task, whose row may be gone.
func (s *Store) InLedger(ctx context.Context, taskID string) (bool, error) {
	var n int
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT COUNT(*) FROM journal WHERE task_id = ?"), taskID).Scan(&n)
	return n > 0, failure(err)
}
