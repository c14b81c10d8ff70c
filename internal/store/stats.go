package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/task"
	"one-api/internal/video"
)

// waitBounds are the upper ends, in seconds, of the classes by which tasks are
// counted by their time to the end; the last class has none.
var waitBounds = [...]float64{5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1800}

// Usage is what came of a number of tasks that have ended.
type Usage struct {
	Tasks         int64
	Charged       money.Quota
	Seconds       int64 // of results ordered
	WaitMS        int64 // from accepting to the end, sum
	Costed        int64 // tasks whose cost in US dollars is known
	CostedCharged money.Quota
	CostMicros    int64 // what upstreams billed for those, millionths of a US dollar
	CNYMicros     int64 // billed in yuan, millionths
	Waits         [len(waitBounds) + 1]int64
}

// Add adds up two counts.
func (u *Usage) Add(v *Usage) {
	u.Tasks += v.Tasks
	u.Charged += v.Charged
	u.Seconds += v.Seconds
	u.WaitMS += v.WaitMS
	u.Costed += v.Costed
	u.CostedCharged += v.CostedCharged
	u.CostMicros += v.CostMicros
	u.CNYMicros += v.CNYMicros
	for i := range u.Waits {
		u.Waits[i] += v.Waits[i]
	}
}

// Wait is the time within which a share of the tasks came to their end, 0 < p
// < 1, as near as the classes tell; 0 without tasks.
func (u *Usage) Wait(p float64) time.Duration {
	rank := p * float64(u.Tasks)
	var seen float64
	for i, n := range u.Waits {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		low := 0.0
		if i > 0 {
			low = waitBounds[i-1]
		}
		high := 2 * low // of the last class
		if i < len(waitBounds) {
			high = waitBounds[i]
		}
		return time.Duration((low + (high-low)*(rank-seen)/float64(n)) * float64(time.Second))
	}
	return 0
}

// usageColumns are Usage's in table usage_hours, in the order of fields.
var usageColumns = func() []string {
	out := []string{"tasks", "charged", "seconds", "wait_ms", "costed", "costed_charged", "cost_micros", "cny_micros"}
	for i := range len(Usage{}.Waits) {
		out = append(out, fmt.Sprintf("w%d", i))
	}
	return out
}()

func (u *Usage) fields() []*int64 {
	out := []*int64{&u.Tasks, (*int64)(&u.Charged), &u.Seconds, &u.WaitMS, &u.Costed, (*int64)(&u.CostedCharged), &u.CostMicros, &u.CNYMicros}
	for i := range u.Waits {
		out = append(out, &u.Waits[i])
	}
	return out
}

// usageKey is what tasks that have ended are counted by.
type usageKey struct {
	hour      int64 // unix seconds of its beginning
	userID    int64
	model     string
	channelID int64
	status    task.Status
	test      int
}

func (k usageKey) compare(l usageKey) int {
	return cmp.Or(cmp.Compare(k.hour, l.hour), cmp.Compare(k.userID, l.userID), strings.Compare(k.model, l.model),
		cmp.Compare(k.channelID, l.channelID), strings.Compare(string(k.status), string(l.status)), cmp.Compare(k.test, l.test))
}

// ended is a task that has ended, as it is counted.
type ended struct {
	entry    string // id of the entry that settled it
	key      usageKey
	charged  money.Quota
	seconds  int64
	created  int64 // unix seconds
	finished int64 // unix milliseconds
	costs    sql.NullString
	tags     sql.NullString
}

// selectEnded reads tasks by the entries that settled them: these are in the
// order of time, whatever became of the tasks, and have an index already.
const selectEnded = `SELECT j.id, v.user_id, v.model, v.channel_id, v.status, v.test, v.charged, v.duration, v.created_at, v.finished_at, v.costs, v.tags
	FROM journal j JOIN videos v ON v.task_id = j.task_id WHERE j.phase = 'settle'`

func scanEnded(rows *sql.Rows) (ended, error) {
	var e ended
	err := rows.Scan(&e.entry, &e.key.userID, &e.key.model, &e.key.channelID, &e.key.status, &e.key.test, (*int64)(&e.charged), &e.seconds,
		&e.created, &e.finished, &e.costs, &e.tags)
	e.key.hour = time.UnixMilli(e.finished).UTC().Truncate(time.Hour).Unix()
	return e, err
}

func (e *ended) bill() price.Bill {
	var costs []video.Cost
	if e.costs.Valid {
		if err := json.Unmarshal([]byte(e.costs.String), &costs); err != nil {
			return price.Bill{Unknown: true}
		}
	}
	b := price.Billed(costs)
	// A success that nobody has billed has a cost that we do not know; what
	// failed is not billed.
	b.Unknown = b.Unknown || len(costs) == 0 && e.key.status == task.Succeeded
	return b
}

func (e *ended) usage() Usage {
	u := Usage{Tasks: 1, Charged: e.charged, Seconds: e.seconds, WaitMS: max(0, e.finished-e.created*1000)}
	b := e.bill()
	u.CNYMicros = b.CNY
	if !b.Unknown {
		u.Costed, u.CostedCharged, u.CostMicros = 1, e.charged, b.USD
	}
	class, _ := slices.BinarySearch(waitBounds[:], float64(u.WaitMS)/1000)
	u.Waits[class] = 1
	return u
}

type usageMap map[usageKey]*Usage

func (m usageMap) add(k usageKey, u *Usage) {
	if have, ok := m[k]; ok {
		have.Add(u)
		return
	}
	m[k] = u
}

const (
	// foldLag is how far folding stays behind. An entry is written with the
	// time at which its step was decided; this is longer than any step takes to
	// be committed. Later ones are found by the check of whole hours.
	foldLag = 5 * time.Minute
	// foldAtOnce is the most entries read for one transaction.
	foldAtOnce = 20_000
	// catchUp is how long one call folds what is older than a table: it must
	// not hold up what ends now.
	catchUp = 30 * time.Second

	markFolded  = "folded"  // id of the journal: everything up to it is in usage_hours
	markTagged  = "tagged"  // the same for usage_tag_hours; behind markFolded after the upgrade that made the table
	markChecked = "checked" // the same, for hours that were compared with the journal
)

// RollUp folds the tasks that have ended and the entries that were written since
// the last time into hours. Any node may call it at any time: each batch of
// entries is folded in one transaction with the mark that says so, and only the
// node that moves the mark has folded it. What an older version has left to be
// folded takes several calls.
func (s *Store) RollUp(ctx context.Context) error {
	always := func() bool { return true }
	if err := repeat(ctx, always, s.fold); err != nil {
		return err
	}
	if err := s.checkHours(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) (bool, error){s.foldLedger, s.foldLedgerAgain, s.foldOldTags} {
		began := s.now()
		if err := repeat(ctx, func() bool { return s.now().Sub(began) < catchUp }, step); err != nil {
			return err
		}
	}
	return nil
}

// repeat takes steps until there are no more, or none may be taken.
func repeat(ctx context.Context, may func() bool, step func(context.Context) (more bool, err error)) error {
	for more := true; more && may(); {
		var err error
		if more, err = step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) fold(ctx context.Context) (more bool, err error) {
	mark, err := s.mark(ctx, markFolded)
	if err != nil {
		return false, err
	}
	tagged, err := s.mark(ctx, markTagged)
	if err != nil {
		return false, err
	}
	marks := []string{markFolded}
	if tagged == mark {
		marks = append(marks, markTagged)
	}
	return s.foldBatch(ctx, marks, mark, journalAt(s.Now().Add(-foldLag)))
}

// foldOldTags folds the tags of what ended before there was a table of them.
func (s *Store) foldOldTags(ctx context.Context) (more bool, err error) {
	tagged, err := s.mark(ctx, markTagged)
	if err != nil {
		return false, err
	}
	folded, err := s.mark(ctx, markFolded)
	if err != nil {
		return false, err
	}
	return s.foldBatch(ctx, []string{markTagged}, tagged, folded)
}

// foldBatch folds a batch of the entries behind a mark up to end into the
// tables of some marks, which all stand there.
func (s *Store) foldBatch(ctx context.Context, marks []string, mark, end string) (more bool, err error) {
	if end <= mark {
		return false, nil
	}
	// The bound of a batch is an entry, settling or not: it is a range of the
	// primary key.
	last := end
	if err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT id FROM journal WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"),
		mark, end, foldAtOnce-1).Scan(&last); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, failure(err)
	}
	sums, tags, err := s.sumEnded(ctx, "j.id > ? AND j.id <= ?", mark, last)
	if err != nil {
		return false, err
	}
	err = s.transact(ctx, func(tx bun.Tx) error {
		for _, m := range marks {
			if err := moveMark(ctx, tx, m, mark, last); err != nil {
				return err
			}
			var err error
			if m == markTagged {
				err = s.addTags(ctx, tx, tags)
			} else {
				err = s.addUsage(ctx, tx, sums)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errMarkMoved) {
		return true, nil // another node has folded this; look again
	}
	return last != end, err
}

func (s *Store) sumEnded(ctx context.Context, where string, args ...any) (usageMap, tagMap, error) {
	sums, tags := usageMap{}, tagMap{}
	err := s.eachEnded(ctx, func(e *ended) error {
		u := e.usage()
		tags.addEnded(e, &u)
		sums.add(e.key, &u)
		return nil
	}, where, args...)
	return sums, tags, err
}

// eachEnded calls f with each task that ended within a range of entries.
func (s *Store) eachEnded(ctx context.Context, f func(*ended) error, where string, args ...any) error {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(selectEnded+" AND "+where), args...)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e, err := scanEnded(rows)
		if err != nil {
			return err
		}
		if err := f(&e); err != nil {
			return err
		}
	}
	return failure(rows.Err())
}

// mark reads how far something has come; it makes the row when there is none.
func (s *Store) mark(ctx context.Context, name string) (string, error) {
	var mark string
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT mark FROM usage_marks WHERE name = ?"), name).Scan(&mark)
	if !errors.Is(err, sql.ErrNoRows) {
		return mark, failure(err)
	}
	head, tail := s.dialect.insertIgnore("usage_marks (name, mark)")
	_, err = s.write.ExecContext(ctx, head+" VALUES (?, '')"+tail, name)
	return "", failure(err)
}

// markIn reads it in a view of the database, "" when there is none.
func markIn(ctx context.Context, tx bun.Tx, name string) (string, error) {
	var mark string
	err := tx.QueryRowContext(ctx, "SELECT mark FROM usage_marks WHERE name = ?", name).Scan(&mark)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return mark, err
}

// errMarkMoved says that another node was faster.
var errMarkMoved = errors.New("the mark has been moved")

func moveMark(ctx context.Context, tx bun.Tx, name, from, to string) error {
	res, err := tx.ExecContext(ctx, "UPDATE usage_marks SET mark = ? WHERE name = ? AND mark = ?", to, name, from)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = errMarkMoved
	}
	return err
}

// addUsage adds sums to their rows.
func (s *Store) addUsage(ctx context.Context, tx bun.Tx, sums usageMap) error {
	query := s.dialect.addUsage("usage_hours", "hour, user_id, model, channel_id, status, test")
	// One order on all nodes.
	for _, k := range slices.SortedFunc(maps.Keys(sums), usageKey.compare) {
		if err := execUsage(ctx, tx, query, sums[k], k.hour, k.userID, k.model, k.channelID, string(k.status), k.test); err != nil {
			return err
		}
	}
	return nil
}

// addUsage is a statement that adds usage to the row with a key, or makes it.
func (d Dialect) addUsage(table, key string) string {
	query := "INSERT INTO " + table + " (" + key + ", " + strings.Join(usageColumns, ", ") + ") VALUES (?)"
	sets := make([]string, len(usageColumns))
	for i, c := range usageColumns {
		if d == MySQL {
			sets[i] = c + " = " + c + " + VALUES(" + c + ")"
		} else {
			sets[i] = c + " = " + table + "." + c + " + excluded." + c
		}
	}
	if d == MySQL {
		return query + " ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
	}
	return query + " ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

func execUsage(ctx context.Context, tx bun.Tx, query string, u *Usage, key ...any) error {
	for _, f := range u.fields() {
		key = append(key, *f)
	}
	_, err := tx.ExecContext(ctx, query, bun.List(key))
	return err
}

// checkHours compares hours that have been over for one more hour with the
// journal, once, and counts those again in which a step was committed later
// than foldLag allows.
func (s *Store) checkHours(ctx context.Context) error {
	folded, err := s.mark(ctx, markFolded)
	if err != nil {
		return err
	}
	for {
		checked, err := s.mark(ctx, markChecked)
		if err != nil {
			return err
		}
		var first int64 // the next entry to be checked, unix milliseconds
		err = s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT created_at FROM journal WHERE id >= ? ORDER BY id LIMIT 1"), checked).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return failure(err)
		}
		hour := moment(first).Truncate(time.Hour)
		if journalAt(hour.Add(2*time.Hour)) > folded {
			return nil
		}
		if err := s.countAgain(ctx, hour, checked, false); err != nil && !errors.Is(err, errMarkMoved) {
			return err
		}
	}
}

// countAgain replaces an hour's rows by what the journal says, when it says
// more; always, when asked to.
func (s *Store) countAgain(ctx context.Context, hour time.Time, checked string, always bool) error {
	from, to := journalAt(hour), journalAt(hour.Add(time.Hour))
	sums, tags, err := s.sumEnded(ctx, "j.id >= ? AND j.id < ?", from, to)
	if err != nil {
		return err
	}
	var want, have int64
	for _, u := range sums {
		want += u.Tasks
	}
	return s.transact(ctx, func(tx bun.Tx) error {
		next := max(checked, to)
		if always {
			next = checked // only locks it: not all hours before this one are checked
		}
		if err := moveMark(ctx, tx, markChecked, checked, next); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT "+s.dialect.sumOf("tasks")+" FROM usage_hours WHERE hour = ?", hour.Unix()).Scan(&have); err != nil {
			return err
		}
		// Fewer means that an operator has deleted old tasks: what was counted
		// stays.
		if want <= have && !always {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM usage_hours WHERE hour = ?", hour.Unix()); err != nil {
			return err
		}
		if err := s.addUsage(ctx, tx, sums); err != nil {
			return err
		}
		return s.replaceTags(ctx, tx, hour, tags)
	})
}

// RebuildUsage counts the folded hours from a time on again from the tasks that
// exist. Tasks that an operator has deleted are no longer counted then.
func (s *Store) RebuildUsage(ctx context.Context, since time.Time) error {
	folded, err := s.mark(ctx, markFolded)
	if err != nil {
		return err
	}
	for hour := since.UTC().Truncate(time.Hour); journalAt(hour.Add(time.Hour)) <= folded; {
		var next int64
		err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT created_at FROM journal WHERE id >= ? ORDER BY id LIMIT 1"), journalAt(hour)).Scan(&next)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return failure(err)
		}
		if h := moment(next).Truncate(time.Hour); h.After(hour) {
			hour = h
			continue
		}
		checked, err := s.mark(ctx, markChecked)
		if err != nil {
			return err
		}
		if err := s.countAgain(ctx, hour, checked, true); errors.Is(err, errMarkMoved) {
			continue
		} else if err != nil {
			return err
		}
		hour = hour.Add(time.Hour)
	}
	return nil
}

// UsageQuery asks for what ended within whole hours. Zero fields do not filter.
type UsageQuery struct {
	Since, Until time.Time // rounded to the hours that they lie in
	UserID       int64
	Model        string
	ChannelID    int64
	Test         bool // the play ledger instead of the real one
}

// hours are the whole hours that a query is about.
func (q *UsageQuery) hours() (since, until time.Time) {
	since, until = q.Since.UTC().Truncate(time.Hour), q.Until.UTC().Truncate(time.Hour)
	if until.Before(q.Until) {
		until = until.Add(time.Hour)
	}
	return since, until
}

// UsageBy is the usage under one value of each thing that it is counted by.
type UsageBy struct {
	Hour      time.Time
	UserID    int64
	Model     string
	ChannelID int64
	Status    task.Status
	Usage
}

// UsageReport is what ended within a time, counted by one thing at a time and
// always by status.
type UsageReport struct {
	Since, Until time.Time
	Hours        []UsageBy // Hour and Status are set
	Models       []UsageBy
	Users        []UsageBy
	Channels     []UsageBy
	// CompleteUntil is before Until only while folding is far behind.
	CompleteUntil time.Time
}

// openLimit bounds how many tasks a report reads that are not folded yet.
const openLimit = 100_000

// Usage reports what ended within a time: folded hours, and what has ended
// since from the journal.
func (s *Store) Usage(ctx context.Context, q UsageQuery) (UsageReport, error) {
	var out UsageReport
	out.Since, out.Until = q.hours()
	var hours, models, users, channels usageMap
	err := s.snapshot(ctx, func(tx bun.Tx) error {
		hours, models, users, channels = usageMap{}, usageMap{}, usageMap{}, usageMap{}
		into := func(k usageKey, u *Usage) {
			for _, m := range []struct {
				sums usageMap
				key  usageKey
			}{
				{hours, usageKey{hour: k.hour, status: k.status}}, {models, usageKey{model: k.model, status: k.status}},
				{users, usageKey{userID: k.userID, status: k.status}}, {channels, usageKey{channelID: k.channelID, status: k.status}},
			} {
				c := *u
				m.sums.add(m.key, &c)
			}
		}
		folded, err := markIn(ctx, tx, markFolded)
		if err != nil {
			return err
		}
		for _, by := range []struct {
			column string
			sums   usageMap
			into   func(*usageKey) any
		}{
			{"hour", hours, func(k *usageKey) any { return &k.hour }},
			{"model", models, func(k *usageKey) any { return &k.model }},
			{"user_id", users, func(k *usageKey) any { return &k.userID }},
			{"channel_id", channels, func(k *usageKey) any { return &k.channelID }},
		} {
			if err := s.sumFolded(ctx, tx, q, out.Since, out.Until, by.column, by.sums, by.into); err != nil {
				return err
			}
		}
		out.CompleteUntil, err = s.eachOpen(ctx, tx, q, folded, "", func(e *ended) {
			u := e.usage()
			into(e.key, &u)
		})
		return err
	})
	if err != nil {
		return out, err
	}
	list := func(m usageMap) []UsageBy {
		rows := make([]UsageBy, 0, len(m))
		for _, k := range slices.SortedFunc(maps.Keys(m), usageKey.compare) {
			r := UsageBy{UserID: k.userID, Model: k.model, ChannelID: k.channelID, Status: k.status, Usage: *m[k]}
			if k.hour != 0 {
				r.Hour = time.Unix(k.hour, 0).UTC()
			}
			rows = append(rows, r)
		}
		return rows
	}
	out.Hours, out.Models, out.Users, out.Channels = list(hours), list(models), list(users), list(channels)
	return out, nil
}

// sumFolded reads usage_hours, counted by one column and by status.
func (s *Store) sumFolded(ctx context.Context, tx bun.Tx, q UsageQuery, since, until time.Time, column string, sums usageMap, field func(*usageKey) any) error {
	sel := tx.NewSelect().TableExpr("usage_hours").ColumnExpr("?, status", bun.Ident(column)).GroupExpr("?, status", bun.Ident(column)).
		Where("hour >= ? AND hour < ? AND test = ?", since.Unix(), until.Unix(), flag(q.Test))
	for _, c := range usageColumns {
		sel.ColumnExpr(s.dialect.sumOf(c))
	}
	if q.UserID != 0 {
		sel.Where("user_id = ?", q.UserID)
	}
	if q.Model != "" {
		sel.Where("model = ?", q.Model)
	}
	if q.ChannelID != 0 {
		sel.Where("channel_id = ?", q.ChannelID)
	}
	rows, err := sel.Rows(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k usageKey
		var u Usage
		into := []any{field(&k), &k.status}
		for _, f := range u.fields() {
			into = append(into, f)
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		sums.add(k, &u)
	}
	return rows.Err()
}

// sumOf adds up a column, in the type that Go reads: databases widen sums.
func (d Dialect) sumOf(column string) string {
	if d == MySQL {
		return "CAST(COALESCE(SUM(" + column + "), 0) AS SIGNED)"
	}
	return "CAST(COALESCE(SUM(" + column + "), 0) AS BIGINT)"
}

// eachOpen calls f with what a query asks for and a mark says is not folded yet,
// at most openLimit of it, and returns the time up to which that was all.
func (s *Store) eachOpen(ctx context.Context, tx bun.Tx, q UsageQuery, mark, and string, f func(*ended)) (time.Time, error) {
	since, until := q.hours()
	if journalAt(until) <= mark {
		return until, nil
	}
	where, args := and+" AND j.id > ? AND j.id < ?", []any{max(mark, journalAt(since)), journalAt(until)}
	if q.UserID != 0 {
		where, args = where+" AND j.user_id = ?", append(args, q.UserID)
	}
	rows, err := tx.QueryContext(ctx, selectEnded+where+" ORDER BY j.id LIMIT ?", append(args, openLimit)...)
	if err != nil {
		return until, err
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for rows.Next() {
		e, err := scanEnded(rows)
		if err != nil {
			return until, err
		}
		if n++; n == openLimit {
			until = time.UnixMilli(e.finished).UTC()
		}
		if (e.key.test != 0) == q.Test && (q.Model == "" || e.key.model == q.Model) && (q.ChannelID == 0 || e.key.channelID == q.ChannelID) {
			f(&e)
		}
	}
	return until, rows.Err()
}

// LiveCount is how many tasks are in a state now.
type LiveCount struct {
	Status task.Status
	Tasks  int64
	Held   money.Quota
	Oldest string // id of the one that has waited longest
}

// Live counts the tasks that live now, by state; times do not matter.
func (s *Store) Live(ctx context.Context, q UsageQuery) ([]LiveCount, error) {
	where, args := "test = ? AND (? = 0 OR user_id + 0 = ?)", []any{flag(q.Test), q.UserID, q.UserID}
	if q.Model != "" {
		where, args = where+" AND model = ?", append(args, q.Model)
	}
	if q.ChannelID != 0 {
		where, args = where+" AND channel_id = ?", append(args, q.ChannelID)
	}
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind("SELECT status, COUNT(*), "+s.dialect.sumOf("quota")+", MIN(task_id) FROM "+s.dialect.indexed("videos", "videos_due")+`
		WHERE next_check_at IS NOT NULL AND `+where+" GROUP BY status ORDER BY status"), args...)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []LiveCount
	for rows.Next() {
		var c LiveCount
		if err := rows.Scan(&c.Status, &c.Tasks, &c.Held, &c.Oldest); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, failure(rows.Err())
}
