package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/task"
)

// longestTask bounds how long before its end a task was accepted, so that ids,
// which begin with that time, lead to the tasks that ended within a window.
const longestTask = 8 * 24 * time.Hour

// SettledTasks are the tasks of a channel that succeeded from since until until,
// test tasks aside.
func (s *Store) SettledTasks(ctx context.Context, channelID int64, provider string, since, until time.Time) ([]task.Task, error) {
	prefix := task.IDPrefix(provider)
	rows, err := s.read.QueryContext(ctx, "SELECT "+taskColumns+` FROM videos
		WHERE task_id >= ? AND task_id < ? AND channel_id = ? AND status = 'succeed' AND test = 0 AND finished_at >= ? AND finished_at <= ? ORDER BY task_id`,
		idAt(prefix, since.Add(-longestTask)), idAt(prefix, until.Add(time.Minute)), channelID, millis(since), millis(until))
	if err != nil {
		return nil, failure(err)
	}
	out, err := scanTasks(rows)
	return out, failure(err)
}

// TasksAtUpstream finds a channel's tasks by the upstream's ids.
func (s *Store) TasksAtUpstream(ctx context.Context, channelID int64, upstreamIDs []string) ([]task.Task, error) {
	var out []task.Task
	for ids := range slices.Chunk(upstreamIDs, 500) {
		rows, err := s.read.QueryContext(ctx, "SELECT "+taskColumns+" FROM videos WHERE channel_id = ? AND upstream_task_id IN (?)", channelID, bun.List(ids))
		if err != nil {
			return nil, failure(err)
		}
		some, err := scanTasks(rows)
		if err != nil {
			return nil, failure(err)
		}
		out = append(out, some...)
	}
	return out, nil
}

// TasksElsewhere are those of the upstream's ids that are tasks of other
// channels of a type: channels may lend the same account.
func (s *Store) TasksElsewhere(ctx context.Context, channelType int, channelID int64, upstreamIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	var others []int64
	if err := s.read.NewRaw("SELECT id FROM channels WHERE type = ? AND id <> ?", channelType, channelID).Scan(ctx, &others); err != nil {
		return nil, failure(err)
	}
	if len(others) == 0 {
		return out, nil
	}
	for ids := range slices.Chunk(upstreamIDs, 500) {
		var found []string
		err := s.read.NewRaw("SELECT upstream_task_id FROM videos WHERE channel_id IN (?) AND upstream_task_id IN (?)", bun.List(others), bun.List(ids)).Scan(ctx, &found)
		if err != nil {
			return nil, failure(err)
		}
		for _, id := range found {
			out[id] = true
		}
	}
	return out, nil
}

// CapturesWithoutRow are the tasks, by the upstream's ids, that were charged
// within a time and whose rows an operator has deleted.
func (s *Store) CapturesWithoutRow(ctx context.Context, since, until time.Time) (map[string]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT j.task_id, j.memo FROM journal j LEFT JOIN videos v ON v.task_id = j.task_id
		WHERE j.id >= ? AND j.id < ? AND j.phase = 'settle' AND j.memo LIKE ? AND v.task_id IS NULL`,
		journalAt(since), journalAt(until), task.UpstreamMemo+"%")
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]string{}
	for rows.Next() {
		var id, memo string
		if err := rows.Scan(&id, &memo); err != nil {
			return nil, err
		}
		out[strings.TrimPrefix(memo, task.UpstreamMemo)] = id
	}
	return out, failure(rows.Err())
}
