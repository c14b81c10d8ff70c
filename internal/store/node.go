package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/task"
)

// Node is one running gateway as it last told of itself.
type Node struct {
	ID           string // of this run
	Version      string
	Address      string // where it listens, host:port
	StartedAt    time.Time
	SeenAt       time.Time
	ClockOffset  time.Duration // by which the database's clock is ahead of it
	DirectoryAge time.Duration // since it last looked for changes
	Draining     bool          // shutting down
}

// NewNodeID names a run of a node.
func NewNodeID(now time.Time) string { return task.NewID("node_", now) }

// nodeKept is how long a node that says nothing is remembered.
const nodeKept = time.Hour

// SeeNode records that a node is there, and forgets those that have long not
// been. SeenAt is set here.
func (s *Store) SeeNode(ctx context.Context, n Node) error {
	now := s.Now()
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE nodes SET seen_at = ?, clock_offset = ?, directory_age = ?, draining = ? WHERE id = ?",
			millis(now), n.ClockOffset.Milliseconds(), n.DirectoryAge.Milliseconds(), flag(n.Draining), n.ID)
		if err != nil {
			return err
		}
		if seen, err := res.RowsAffected(); err != nil || seen > 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM nodes WHERE seen_at < ?", millis(now.Add(-nodeKept))); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO nodes (id, version, address, started_at, seen_at, clock_offset, directory_age, draining)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, n.ID, n.Version, n.Address, millis(n.StartedAt), millis(now),
			n.ClockOffset.Milliseconds(), n.DirectoryAge.Milliseconds(), flag(n.Draining))
		return err
	})
}

// ForgetNode removes a node that has stopped.
func (s *Store) ForgetNode(ctx context.Context, id string) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM nodes WHERE id = ?", id)
		return err
	})
}

// Nodes lists the nodes seen within the last hour, the oldest first.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	var rows []struct {
		ID, Version, Address                         string
		StartedAt, SeenAt, ClockOffset, DirectoryAge int64
		Draining                                     int
	}
	if err := s.read.NewRaw("SELECT * FROM nodes WHERE seen_at >= ? ORDER BY started_at, id", millis(s.Now().Add(-nodeKept))).Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := make([]Node, len(rows))
	for i, r := range rows {
		out[i] = Node{
			ID: r.ID, Version: r.Version, Address: r.Address, StartedAt: moment(r.StartedAt), SeenAt: moment(r.SeenAt),
			ClockOffset: time.Duration(r.ClockOffset) * time.Millisecond, DirectoryAge: time.Duration(r.DirectoryAge) * time.Millisecond,
			Draining: r.Draining != 0,
		}
	}
	return out, nil
}

// Installation names this database among others. It is made once.
func (s *Store) Installation(ctx context.Context) (string, error) {
	head, tail := s.dialect.insertIgnore("settings (name, value, updated_at)")
	id, err := json.Marshal(task.NewID("gw_", s.Now()))
	if err != nil {
		return "", err
	}
	if _, err := s.write.ExecContext(ctx, head+" VALUES ('installation', ?, ?)"+tail, string(id), millis(s.Now())); err != nil {
		return "", failure(err)
	}
	var text, name string
	if err := s.read.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = 'installation'").Scan(&text); err != nil {
		return "", failure(err)
	}
	err = json.Unmarshal([]byte(text), &name)
	return name, err
}

// HandBack makes tasks due now that this node claimed and did not begin, so
// that others need not wait for its lease. A task that is being sent is left
// alone: its due time is its sender's.
func (s *Store) HandBack(ctx context.Context, tasks []string) error {
	if len(tasks) == 0 {
		return nil
	}
	now := millis(s.Now())
	return s.transact(ctx, func(tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE videos SET next_check_at = ? WHERE task_id IN (?) AND next_check_at > ? AND status NOT IN ('pending', 'submitting')",
			now, bun.List(tasks), now)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE task_queue SET not_before = ? WHERE task_id IN (?) AND not_before > ?", now, bun.List(tasks), now)
		return err
	})
}
