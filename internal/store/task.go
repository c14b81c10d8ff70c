package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/task"
	"one-api/internal/video"
)

// taskColumns lists table videos in the order of taskValues and scanTask.
const taskColumns = `task_id, video_id, user_id, token_id, channel_id, model, provider, type, status, quota, charged, prompt,
	duration, store_url, fail_code, fail_reason, created_at, updated_at, submitted_at, finished_at, deadline_at, send_before,
	next_check_at, checks, absences, first_absent_at, epoch, attempt, resent, key_id, ref, upstream_task_id, external_task_id,
	route, mode, aspect_ratio, price_rule, price_version, callback_url, tags, test, request_id, result, costs`

func taskValues(t *task.Task) []any {
	return []any{
		t.ID, t.VideoID, t.UserID, t.TokenID, t.ChannelID, t.Model, t.Provider, string(t.Type), string(t.Status), int64(t.Quota), int64(t.Charged), t.Prompt,
		t.Duration, text(t.StoreURL), string(t.FailCode), text(t.FailReason), t.CreatedAt.Unix(), millis(t.UpdatedAt), millis(t.SubmittedAt),
		millis(t.FinishedAt), millis(t.DeadlineAt), millis(t.SendBefore), nextCheck(t), t.Checks, t.Absences, millis(t.FirstAbsentAt),
		t.Epoch, t.Attempt, flag(t.Resent), t.KeyID, t.Ref, text(t.UpstreamID), text(t.ExternalID), t.Route, t.Mode, t.AspectRatio,
		t.PriceRule, t.PriceVersion, text(t.CallbackURL), text(t.Tags), flag(t.Test), t.RequestID, text(string(t.Result)), costsText(t),
	}
}

// pendingGap is how long the queue has a waiting task for itself before the
// poller looks after it too.
const pendingGap = time.Minute

// nextCheck is column next_check_at: NULL once nothing is to be done.
func nextCheck(t *task.Task) any {
	switch {
	case t.Status.Terminal():
		return nil
	case t.Status == task.Pending:
		return millis(t.NextCheckAt.Add(pendingGap))
	}
	return millis(t.NextCheckAt)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

type scanner interface{ Scan(...any) error }

func scanTask(row scanner) (task.Task, error) {
	var t task.Task
	var storeURL, failReason, upstream, external, callback, tags, result, costs sql.NullString
	var created, updated, submitted, finished, deadline, sendBefore, firstAbsent int64
	var next sql.NullInt64
	var typ, status, failCode string
	var resent, test int
	err := row.Scan(&t.ID, &t.VideoID, &t.UserID, &t.TokenID, &t.ChannelID, &t.Model, &t.Provider, &typ, &status, (*int64)(&t.Quota), (*int64)(&t.Charged), &t.Prompt,
		&t.Duration, &storeURL, &failCode, &failReason, &created, &updated, &submitted, &finished, &deadline, &sendBefore,
		&next, &t.Checks, &t.Absences, &firstAbsent, &t.Epoch, &t.Attempt, &resent, &t.KeyID, &t.Ref, &upstream, &external,
		&t.Route, &t.Mode, &t.AspectRatio, &t.PriceRule, &t.PriceVersion, &callback, &tags, &test, &t.RequestID, &result, &costs)
	if err != nil {
		return t, err
	}
	t.Type, t.Status, t.FailCode = video.Type(typ), task.Status(status), task.FailCode(failCode)
	t.StoreURL, t.FailReason, t.UpstreamID, t.ExternalID = storeURL.String, failReason.String, upstream.String, external.String
	t.CallbackURL, t.Tags = callback.String, tags.String
	t.Resent, t.Test = resent != 0, test != 0
	t.CreatedAt = time.Unix(created, 0).UTC()
	t.UpdatedAt, t.SubmittedAt, t.FinishedAt = moment(updated), moment(submitted), moment(finished)
	t.DeadlineAt, t.SendBefore, t.FirstAbsentAt = moment(deadline), moment(sendBefore), moment(firstAbsent)
	t.NextCheckAt = moment(next.Int64)
	if result.Valid {
		t.Result = json.RawMessage(result.String)
	}
	if costs.Valid {
		if err := json.Unmarshal([]byte(costs.String), &t.Costs); err != nil {
			return t, fmt.Errorf("costs of task %s: %w", t.ID, err)
		}
	}
	return t, nil
}

// scanTasks reads and closes rows.
func scanTasks(rows *sql.Rows) ([]task.Task, error) {
	defer func() { _ = rows.Close() }()
	var out []task.Task
	for rows.Next() {
		t, err := scanTask(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// insertTexts keeps the texts of multi-row inserts.
var insertTexts sync.Map // insertShape -> string

type insertShape struct {
	head        string
	rows, width int
}

func insertText(head string, rows, width int) string {
	k := insertShape{head, rows, width}
	if v, ok := insertTexts.Load(k); ok {
		return v.(string)
	}
	one := "(?" + strings.Repeat(", ?", width-1) + ")"
	v := head + " VALUES " + one + strings.Repeat(", "+one, rows-1)
	insertTexts.Store(k, v)
	return v
}

func noTask(id string) error {
	return fault.New(fault.NotFound, "Task %s does not exist.", id).Named("task_not_found")
}

// Task finds a task by id.
func (s *Store) Task(ctx context.Context, id string) (task.Task, error) {
	return s.oneTask(ctx, id, "SELECT "+taskColumns+" FROM videos WHERE task_id = ?", id)
}

// UserTask finds a task that belongs to a user, by our id or by the user's own
// external id. Another user's task does not exist.
func (s *Store) UserTask(ctx context.Context, userID int64, id string) (task.Task, error) {
	t, err := s.oneTask(ctx, id, "SELECT "+taskColumns+" FROM videos WHERE task_id = ?", id)
	if err == nil && t.UserID != userID {
		err = noTask(id)
	}
	if fault.Is(err, fault.NotFound) {
		t, err = s.oneTask(ctx, id, "SELECT "+taskColumns+" FROM videos WHERE user_id = ? AND external_task_id = ?", userID, id)
	}
	return t, err
}

func (s *Store) oneTask(ctx context.Context, id, query string, args ...any) (task.Task, error) {
	stmt, err := s.readStmt(ctx, query)
	if err != nil {
		return task.Task{}, failure(err)
	}
	t, err := scanTask(stmt.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return t, noTask(id)
	}
	return t, failure(err)
}

// readStmt prepares a read once.
func (s *Store) readStmt(ctx context.Context, query string) (*sql.Stmt, error) {
	key := "read " + query
	if v, ok := s.prepared.Load(key); ok {
		return v.(*sql.Stmt), nil
	}
	stmt, err := s.rdb.PrepareContext(context.WithoutCancel(ctx), s.dialect.rebind(query))
	if err != nil {
		return nil, err
	}
	if v, loaded := s.prepared.LoadOrStore(key, stmt); loaded {
		_ = stmt.Close()
		return v.(*sql.Stmt), nil
	}
	return stmt, nil
}

// Body is an order as the upstream gets it.
func (s *Store) Body(ctx context.Context, taskID string) ([]byte, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind("SELECT body FROM task_requests WHERE task_id = ? ORDER BY n"), taskID)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var body []byte
	found := false
	for rows.Next() {
		var piece []byte
		if err := rows.Scan(&piece); err != nil {
			return nil, err
		}
		body, found = append(body, piece...), true
	}
	if err := rows.Err(); err != nil {
		return nil, failure(err)
	}
	if !found {
		return nil, noTask(taskID)
	}
	return body, nil
}

// TaskFilter picks tasks for a list. Zero fields do not filter.
type TaskFilter struct {
	UserID   int64
	Type     video.Type
	Route    string
	Statuses []task.Status
	Before   string // ids below this one: the next page
	Since    time.Time
	Until    time.Time
	IDs      []string
	Offset   int // Kling's pageNum; bounded by the caller
	Limit    int
}

// Tasks lists tasks, newest first.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]task.Task, error) {
	q := s.read.NewSelect().TableExpr("videos").ColumnExpr(taskColumns).OrderExpr("task_id DESC").Limit(int64(f.Limit))
	if f.UserID != 0 {
		q.Where("user_id = ?", f.UserID)
	}
	if f.Type != "" {
		q.Where("type = ?", string(f.Type))
	}
	if f.Route != "" {
		q.Where("route = ?", f.Route)
	}
	if len(f.Statuses) > 0 {
		q.Where("status IN (?)", bun.List(f.Statuses))
	}
	if len(f.IDs) > 0 {
		q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("task_id IN (?)", bun.List(f.IDs)).WhereOr("external_task_id IN (?)", bun.List(f.IDs))
		})
	}
	if f.Before != "" {
		q.Where("task_id < ?", f.Before)
	}
	if !f.Since.IsZero() {
		q.Where("created_at >= ?", f.Since.Unix())
	}
	if !f.Until.IsZero() {
		q.Where("created_at <= ?", f.Until.Unix())
	}
	if f.Offset > 0 {
		q.Offset(int64(f.Offset))
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, failure(err)
	}
	out, err := scanTasks(rows)
	return out, failure(err)
}

// pollGapCase is task.PollGap in SQL, with a fifth of jitter either way.
func (d Dialect) pollGapCase() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CASE WHEN status = 'pending' THEN %d", pendingGap.Milliseconds())
	for n := 0; ; n++ {
		gap := task.PollGap(n).Milliseconds()
		if task.PollGap(n+1).Milliseconds() == gap && task.PollGap(n+2).Milliseconds() == gap {
			fmt.Fprintf(&b, " ELSE %d END", gap)
			break
		}
		fmt.Fprintf(&b, " WHEN checks = %d THEN %d", n, gap)
	}
	return "(" + b.String() + ") * (80 + " + d.jitter(41) + ") / 100"
}

// ClaimDue takes up to limit live tasks whose check is due, oldest first, and
// moves their next check ahead by the poll gap. That is the lease: until then
// no other node takes them, and when nothing comes of the check they are due
// again by themselves. Leases only save effort; steps are guarded by epoch.
func (s *Store) ClaimDue(ctx context.Context, limit int) ([]task.Task, error) {
	now := millis(s.Now())
	var out []task.Task
	err := s.transact(ctx, func(tx bun.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT "+taskColumns+` FROM videos WHERE next_check_at <= ?
			ORDER BY next_check_at LIMIT ?`+s.dialect.skipLocked(), now, limit)
		if err != nil {
			return err
		}
		if out, err = scanTasks(rows); err != nil || len(out) == 0 {
			return err
		}
		ids := make([]string, len(out))
		for i := range out {
			ids[i] = out[i].ID
		}
		_, err = tx.ExecContext(ctx, "UPDATE videos SET next_check_at = ? + "+s.dialect.pollGapCase()+", checks = checks + 1 WHERE task_id IN (?)",
			now, bun.List(ids))
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Checks++
	}
	return out, nil
}

// CheckNow makes the next check of a task that the upstream has, or may have,
// due at once.
func (s *Store) CheckNow(ctx context.Context, taskID string) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE videos SET next_check_at = ? WHERE task_id = ? AND next_check_at > ? AND status NOT IN ('pending', 'submitting')",
			millis(s.Now()), taskID, millis(s.Now()))
		return err
	})
}

// NextDue is when the next live task is due; ok is false when there is none.
func (s *Store) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	var ms sql.NullInt64
	err = s.rdb.QueryRowContext(ctx, "SELECT MIN(next_check_at) FROM videos WHERE next_check_at IS NOT NULL").Scan(&ms)
	return moment(ms.Int64), ms.Valid, failure(err)
}

// OnEnd calls f with the id of each task that this node settles, after the
// commit. It must not block.
func (s *Store) OnEnd(f func(taskID string)) { s.onEnd.Store(&f) }

func (s *Store) ended(id string) {
	if f := s.onEnd.Load(); f != nil {
		(*f)(id)
	}
}
