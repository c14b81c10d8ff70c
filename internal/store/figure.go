package store

import (
	"context"
	"database/sql"
	"time"
)

// LiveTasks counts the tasks that have not ended, by status, on all nodes.
func (s *Store) LiveTasks(ctx context.Context) (map[string]int64, error) {
	var rows []struct {
		Status string
		N      int64
	}
	if err := s.read.NewRaw("SELECT status, COUNT(*) AS n FROM videos WHERE next_check_at > 0 GROUP BY status").Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Status] = r.N
	}
	return out, nil
}

// OldestUndelivered is when the oldest event was made that still waits for its
// receiver; ok is false when none does.
func (s *Store) OldestUndelivered(ctx context.Context) (at time.Time, ok bool, err error) {
	var ms sql.NullInt64
	err = s.rdb.QueryRowContext(ctx, "SELECT MIN(e.created_at) FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.next_try_at > 0").Scan(&ms)
	return moment(ms.Int64), ms.Valid, failure(err)
}

// WritesWaiting counts the writes of the hot path that wait for a transaction.
func (s *Store) WritesWaiting() int { return s.hot.Waiting() }

// PoolStats are the connections to the database: "write" and "read", or on a
// server, where both are one pool, "all".
func (s *Store) PoolStats() map[string]sql.DBStats {
	if s.rdb == s.wdb {
		return map[string]sql.DBStats{"all": s.wdb.Stats()}
	}
	return map[string]sql.DBStats{"write": s.wdb.Stats(), "read": s.rdb.Stats()}
}
