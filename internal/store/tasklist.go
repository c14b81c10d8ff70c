package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/task"
	"one-api/internal/video"
)

// TaskQuery picks tasks for people who look for one. Zero fields do not filter.
type TaskQuery struct {
	UserID     int64
	TokenID    int64
	ChannelID  int64
	Type       video.Type
	Model      string
	Statuses   []task.Status
	Test       *bool // the play ledger, or the real one
	ID         string
	ExternalID string // the caller's own id
	UpstreamID string
	Text       string // a part of the prompt
	Tag        string // a tag's name
	TagValue   *string
	Since      time.Time
	Until      time.Time // before this
	Before     string    // ids below this one: the next page
	Limit      int

	indexed string // one more condition that an index serves
}

// Bounds of one page whose filters no index serves: how many tasks it looks at
// in one query, and how many queries it makes while it has found nothing.
const (
	taskWindow  = 2000
	taskWindows = 5
)

// TasksByID finds those of some tasks that exist and, when userID is not 0,
// belong to that user, newest first. Their callers' own ids do not count.
func (s *Store) TasksByID(ctx context.Context, userID int64, ids []string) ([]task.Task, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := s.read.NewSelect().TableExpr("videos").ColumnExpr(taskColumns).Where("task_id IN (?)", bun.List(ids)).OrderExpr("task_id DESC")
	if userID != 0 {
		q.Where("user_id = ?", userID)
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, failure(err)
	}
	out, err := scanTasks(rows)
	return out, failure(err)
}

// FindTasks lists a page of tasks, newest first. next is where the next page
// begins, "" on the last one. A page may be short, even empty, and have a next
// one: what was asked for is rare, and the search goes on there.
func (s *Store) FindTasks(ctx context.Context, q TaskQuery) (out []task.Task, next string, err error) {
	if q.TokenID != 0 && q.UserID == 0 { // a token has one owner, whose tasks have an index
		err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT user_id FROM tokens WHERE id = ?"), q.TokenID).Scan(&q.UserID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", failure(err)
		}
	}
	for range taskWindows {
		if out, next, err = s.findTasks(ctx, &q); err != nil || len(out) > 0 || next == "" {
			return out, next, failure(err)
		}
		q.Before = next
	}
	return out, next, nil
}

// findTasks makes one page by the index that leads to the fewest rows.
//
// Nothing pays for lists on the hot path: live tasks are found through the
// index of due checks, failed ones through an index of nothing else, a user's
// through the index that callers' own lists use; the rest is looked through
// from the newest on, a window at a time.
func (s *Store) findTasks(ctx context.Context, q *TaskQuery) ([]task.Task, string, error) {
	switch {
	case q.ID != "":
		return s.scanTasksOf(ctx, q, "videos AS v", false)
	case q.ExternalID != "" && q.UserID == 0: // unique per user
		return s.scanTasksOf(ctx, q, "users AS u JOIN videos AS v ON v.user_id = u.id", false)
	case q.ExternalID != "":
		return s.scanTasksOf(ctx, q, "videos AS v", false)
	case q.UpstreamID != "": // unique per channel
		return s.scanTasksOf(ctx, q, "channels AS c JOIN videos AS v ON v.channel_id = c.id", false)
	case q.live():
		// While many live, the newest tasks do.
		out, next, err := s.scanTasksOf(ctx, q, "videos AS v", true)
		if err != nil || len(out) == q.Limit || next == "" {
			return out, next, err
		}
		return s.scanLive(ctx, q)
	case len(q.Statuses) == 1 && q.Statuses[0] == task.Failed && !q.sparse() && q.UserID == 0:
		failed := *q
		if s.dialect == MySQL { // its index is of a column of its own, for want of partial ones
			failed.indexed = "v.is_failed = 1"
		}
		return s.scanTasksOf(ctx, &failed, s.dialect.indexed("videos AS v", "videos_failed"), false)
	}
	return s.scanTasksOf(ctx, q, "videos AS v", len(q.Statuses) > 0 || q.sparse())
}

// indexed is a table read through an index, where the database takes hints.
func (d Dialect) indexed(table, index string) string {
	switch d {
	case SQLite:
		return table + " INDEXED BY " + index
	case MySQL:
		return table + " FORCE INDEX (" + index + ")"
	}
	return table
}

// scanTasksOf reads a page from a table expression, all of it or a window of
// it.
func (s *Store) scanTasksOf(ctx context.Context, q *TaskQuery, from string, windowed bool) ([]task.Task, string, error) {
	var floor string
	if windowed {
		var err error
		if floor, err = windowFloor(ctx, q.bounds(s.read.NewSelect().TableExpr(from)), "v.task_id", taskWindow); err != nil {
			return nil, "", err
		}
	}
	sel := q.filters(q.bounds(s.read.NewSelect().TableExpr(from).ColumnExpr(prefixed(taskColumns, "v.")))).
		OrderExpr("v.task_id DESC").Limit(int64(q.Limit) + 1)
	if floor != "" {
		sel.Where("v.task_id >= ?", floor)
	}
	rows, err := sel.Rows(ctx)
	if err != nil {
		return nil, "", err
	}
	out, err := scanTasks(rows)
	if err != nil {
		return nil, "", err
	}
	if len(out) > q.Limit {
		out = out[:q.Limit]
		floor = out[q.Limit-1].ID
	}
	return out, floor, nil
}

// scanLive reads a page of live tasks through the index of due checks. Ids
// first: they are sorted, and rows are wide.
func (s *Store) scanLive(ctx context.Context, q *TaskQuery) ([]task.Task, string, error) {
	user := q.UserID
	due := *q
	due.UserID = 0 // by the index of due checks, not the user's
	sel := due.filters(due.bounds(s.read.NewSelect().TableExpr(s.dialect.indexed("videos AS v", "videos_due")).ColumnExpr("v.task_id"))).
		Where("v.next_check_at IS NOT NULL").OrderExpr("v.task_id DESC").Limit(int64(q.Limit) + 1)
	if user != 0 {
		sel.Where("v.user_id + 0 = ?", user)
	}
	var ids []string
	if err := sel.Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return nil, "", err
	}
	next := ""
	if len(ids) > q.Limit {
		ids = ids[:q.Limit]
		next = ids[q.Limit-1]
	}
	rows, err := s.read.NewSelect().TableExpr("videos").ColumnExpr(taskColumns).Where("task_id IN (?)", bun.List(ids)).OrderExpr("task_id DESC").Rows(ctx)
	if err != nil {
		return nil, "", err
	}
	out, err := scanTasks(rows)
	return out, next, err
}

// live reports that only live tasks are wanted: few, and in an index.
func (q *TaskQuery) live() bool {
	return len(q.Statuses) > 0 && !slices.ContainsFunc(q.Statuses, task.Status.Terminal)
}

// sparse reports filters that no index serves.
func (q *TaskQuery) sparse() bool {
	return q.TokenID != 0 || q.ChannelID != 0 || q.Type != "" || q.Model != "" || q.Test != nil || q.Text != "" || q.Tag != ""
}

// bounds are the conditions that an index serves.
func (q *TaskQuery) bounds(sel *bun.SelectQuery) *bun.SelectQuery {
	if q.indexed != "" {
		sel.Where(q.indexed)
	}
	if q.UserID != 0 {
		sel.Where("v.user_id = ?", q.UserID)
	}
	if q.Before != "" {
		sel.Where("v.task_id < ?", q.Before)
	}
	// Ids begin with the provider's name and their time. With one provider the
	// time of a task is a range of ids.
	if !q.Since.IsZero() {
		sel.Where("v.created_at >= ?", q.Since.Unix()).Where("v.task_id >= ?", idAt(onlyPrefix, q.Since.Truncate(time.Second)))
	}
	if !q.Until.IsZero() {
		sel.Where("v.created_at < ?", q.Until.Unix()).Where("v.task_id < ?", idAt(onlyPrefix, q.Until.Truncate(time.Second)))
	}
	return sel
}

// onlyPrefix begins the ids of all tasks there are. A second provider makes
// ranges of times a union of one range each.
var onlyPrefix = task.IDPrefix("kling")

// filters are the other conditions.
func (q *TaskQuery) filters(sel *bun.SelectQuery) *bun.SelectQuery {
	for _, f := range []struct {
		column string
		value  any
		asked  bool
	}{
		{"v.task_id", q.ID, q.ID != ""},
		{"v.external_task_id", q.ExternalID, q.ExternalID != ""},
		{"v.upstream_task_id", q.UpstreamID, q.UpstreamID != ""},
		{"v.token_id", q.TokenID, q.TokenID != 0},
		{"v.channel_id", q.ChannelID, q.ChannelID != 0},
		{"v.type", string(q.Type), q.Type != ""},
		{"v.model", q.Model, q.Model != ""},
	} {
		if f.asked {
			sel.Where("? = ?", bun.Safe(f.column), f.value)
		}
	}
	switch {
	case len(q.Statuses) == 1 && q.Statuses[0] == task.Failed:
		sel.Where("v.status = 'failed'") // as the partial index has it
	case len(q.Statuses) > 0:
		sel.Where("v.status IN (?)", bun.List(q.Statuses))
	}
	if q.Test != nil {
		sel.Where("v.test = ?", flag(*q.Test))
	}
	if q.Text != "" {
		sel.Where("LOWER(v.prompt) LIKE ? ESCAPE '!'", "%"+escapeLike(strings.ToLower(q.Text))+"%")
	}
	if q.Tag != "" {
		sel.Where("v.tags LIKE ? ESCAPE '!'", "%"+escapeLike(tagText(q.Tag, q.TagValue))+"%")
	}
	return sel
}

func escapeLike(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

// tagText is a tag as it stands in column tags; without a value, its name. A
// quote inside of a text is escaped there, so nothing else looks the same.
func tagText(name string, value *string) string {
	key, err := json.Marshal(name)
	if err != nil {
		return name
	}
	text := string(key) + ":"
	if value != nil {
		v, err := json.Marshal(*value)
		if err != nil {
			return text
		}
		text += string(v)
	}
	return text
}

// prefixed puts a table's name in front of each column of a list.
func prefixed(columns, table string) string {
	list := strings.Split(columns, ",")
	for i := range list {
		list[i] = table + strings.TrimSpace(list[i])
	}
	return strings.Join(list, ", ")
}

// CallbackSeen is a callback as it was recorded.
type CallbackSeen struct {
	Attempt    int
	Signed     bool
	Status     string
	Body       string
	ReceivedAt time.Time
}

// Callbacks lists what the upstream has called back for a task, oldest first.
func (s *Store) Callbacks(ctx context.Context, taskID string) ([]CallbackSeen, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(
		"SELECT attempt, signed, status, body, received_at FROM callbacks WHERE task_id = ? ORDER BY received_at"), taskID)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []CallbackSeen
	for rows.Next() {
		var c CallbackSeen
		var signed int
		var at int64
		if err := rows.Scan(&c.Attempt, &signed, &c.Status, &c.Body, &at); err != nil {
			return nil, err
		}
		c.Signed, c.ReceivedAt = signed != 0, moment(at)
		out = append(out, c)
	}
	return out, failure(rows.Err())
}

// Notified is an event of a task on its way to one receiver.
type Notified struct {
	EventID     string
	EndpointID  int64 // 0: the order's callback_url
	Type        string
	URL         string
	Status      string // pending, delivered, failed
	Tries       int
	LastCode    int    // HTTP status of the last try
	LastError   string // for the operator
	CreatedAt   time.Time
	NextTryAt   time.Time
	DeliveredAt time.Time
}

// TaskDeliveries lists what the owner of a task is told of its end.
func (s *Store) TaskDeliveries(ctx context.Context, taskID string) ([]Notified, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(`SELECT e.id, d.endpoint_id, e.type, d.url, d.status, d.tries, d.last_code, d.last_error,
		e.created_at, COALESCE(d.next_try_at, 0), d.delivered_at
		FROM events e JOIN deliveries d ON d.event_id = e.id WHERE e.task_id = ? ORDER BY e.created_at, d.endpoint_id`), taskID)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Notified
	for rows.Next() {
		var n Notified
		var created, next, delivered int64
		if err := rows.Scan(&n.EventID, &n.EndpointID, &n.Type, &n.URL, &n.Status, &n.Tries, &n.LastCode, &n.LastError, &created, &next, &delivered); err != nil {
			return nil, err
		}
		n.CreatedAt, n.NextTryAt, n.DeliveredAt = moment(created), moment(next), moment(delivered)
		out = append(out, n)
	}
	return out, failure(rows.Err())
}

// NoteCancel records that a person cancelled a task.
func (s *Store) NoteCancel(ctx context.Context, by Actor, t task.Task) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		return s.audit(ctx, tx, by, "task.cancel", "task:"+t.ID, map[string]any{"user": t.UserID, "released": t.Quota})
	})
}
