package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Delivery is an event on its way to one receiver.
type Delivery struct {
	EventID    string
	EndpointID int64 // 0: the order's callback_url
	UserID     int64
	TaskID     string
	Type       string
	URL        string // of an endpoint: as it was when the event was made
	Receiver   string // whose line it waits in, see receiverOf
	Payload    string
	Tries      int       // before this one
	Step       int       // failed tries since it was sent first or by hand
	Until      time.Time // end of the lease
	CreatedAt  time.Time
}

// receiverOf names the line that a delivery waits in. Lines do not hold each
// other up: each endpoint has its own, and so have a user's orders for each
// host.
func receiverOf(userID, endpointID int64, address string) string {
	if endpointID != 0 {
		return fmt.Sprintf("endpoint:%d", endpointID)
	}
	host := "-"
	if u, err := url.Parse(address); err == nil {
		host = strings.ToLower(u.Host)
	}
	const most = 200
	ascii := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, host)
	return fmt.Sprintf("user:%d:%s", userID, ascii[:min(len(ascii), most)])
}

// DeliveryClaim says which deliveries to take.
type DeliveryClaim struct {
	Limit int // most to look at
	Lease time.Duration
	Busy  []string // receivers to pass by
	// Room is how many more of a receiver may be taken; nil: all.
	Room func(receiver string) int
}

// ClaimDeliveries takes deliveries that are due, oldest first, and moves their
// next try ahead by the lease, so that a node that dies leaves them to others.
// What has no room stays due. more is set when there may be others behind
// those looked at.
func (s *Store) ClaimDeliveries(ctx context.Context, c DeliveryClaim) (out []Delivery, more bool, err error) {
	now := s.Now()
	where, args := "d.next_try_at <= ?", []any{millis(now)}
	if len(c.Busy) > 0 {
		where, args = where+" AND d.receiver NOT IN (?)", append(args, bun.List(c.Busy))
	}
	// Most often nothing is due, and looking should cost no write lock.
	var one int
	err = s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d WHERE "+where+" LIMIT 1) AS due", args...).Scan(&one)
	if err != nil || one == 0 {
		return nil, false, failure(err)
	}
	until := now.Add(c.Lease)
	err = s.transact(ctx, func(tx bun.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT d.event_id, d.endpoint_id, d.user_id, d.url, d.receiver, d.tries, d.step FROM deliveries d
			WHERE `+where+" ORDER BY d.next_try_at LIMIT ?"+s.dialect.skipLocked(), append(slices.Clone(args), c.Limit)...)
		if err != nil {
			return err
		}
		var seen []Delivery
		for rows.Next() {
			d := Delivery{Until: until}
			if err := rows.Scan(&d.EventID, &d.EndpointID, &d.UserID, &d.URL, &d.Receiver, &d.Tries, &d.Step); err != nil {
				_ = rows.Close()
				return err
			}
			seen = append(seen, d)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		more, out = len(seen) == c.Limit, nil
		taken := map[string]int{}
		for _, d := range seen {
			if c.Room == nil || taken[d.Receiver] < c.Room(d.Receiver) {
				taken[d.Receiver]++
				out = append(out, d)
			}
		}
		if len(out) == 0 {
			return rows.Err()
		}
		// The rows are locked, on SQLite by the transaction: by key alone, lest a
		// server picks the index of due times and reads all that is due.
		_, err = tx.ExecContext(ctx, "UPDATE deliveries"+s.dialect.byPrimaryKey()+" SET next_try_at = ? WHERE "+s.dialect.deliveryKeys(out), millis(until))
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, more, err
	}
	// They are ours now: a stop must find them in the claimer's hands.
	out, err = s.fillEvents(context.WithoutCancel(ctx), out)
	return out, more, err
}

// HandBackDeliveries makes deliveries due now that this node claimed and did
// not send, so that others need not wait for its lease. One that is not this
// claim's any more is left alone.
func (s *Store) HandBackDeliveries(ctx context.Context, list []Delivery) error {
	now := millis(s.Now())
	for part := range slices.Chunk(list, handBackAtOnce) {
		var leases []int64
		for _, d := range part {
			leases = append(leases, millis(d.Until))
		}
		slices.Sort(leases)
		_, err := s.write.ExecContext(ctx, "UPDATE deliveries"+s.dialect.byPrimaryKey()+" SET next_try_at = ? WHERE "+s.dialect.deliveryKeys(part)+
			" AND status = 'pending' AND next_try_at IN (?)", now, bun.List(slices.Compact(leases)))
		if err != nil {
			return failure(err)
		}
	}
	return nil
}

// handBackAtOnce bounds one statement.
const handBackAtOnce = 500

// byPrimaryKey keeps MySQL from reading a whole table, of whose size it has no
// statistics yet, for some hundred keys.
func (d Dialect) byPrimaryKey() string {
	if d == MySQL {
		return " FORCE INDEX (PRIMARY)"
	}
	return ""
}

// deliveryKeys is the condition that a row is one of these, in the form in which
// each database finds them by the primary key.
func (d Dialect) deliveryKeys(list []Delivery) string {
	var b strings.Builder
	form, between, before, after := "('%s', %d)", ", ", "(event_id, endpoint_id) IN (", ")"
	switch d {
	case SQLite:
		before = "(event_id, endpoint_id) IN (VALUES "
	case MySQL:
		form, between, before = "event_id = _ascii'%s' COLLATE ascii_bin AND endpoint_id = %d", " OR ", "("
	}
	b.WriteString(before)
	for i, e := range list {
		if i > 0 {
			b.WriteString(between)
		}
		fmt.Fprintf(&b, form, e.EventID, e.EndpointID) // ids are ours: letters, digits and an underscore
	}
	return b.String() + after
}

// fillEvents reads what the deliveries carry, and drops those whose event was
// removed by hand: there is nothing to send.
func (s *Store) fillEvents(ctx context.Context, list []Delivery) ([]Delivery, error) {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].EventID
	}
	var events []struct {
		ID        string  `bun:"id"`
		TaskID    string  `bun:"task_id"`
		Type      string  `bun:"type"`
		Payload   string  `bun:"payload"`
		Body      *string `bun:"body"`
		CreatedAt int64   `bun:"created_at"`
	}
	if err := s.read.NewRaw("SELECT id, task_id, type, payload, body, created_at FROM events WHERE id IN (?)", bun.List(ids)).Scan(ctx, &events); err != nil {
		return nil, failure(err)
	}
	byID := make(map[string]int, len(events))
	for i := range events {
		byID[events[i].ID] = i
	}
	var gone []string
	out := list[:0]
	for _, d := range list {
		i, ok := byID[d.EventID]
		if !ok {
			gone = append(gone, d.EventID)
			continue
		}
		e := &events[i]
		d.TaskID, d.Type, d.Payload, d.CreatedAt = e.TaskID, e.Type, e.Payload, moment(e.CreatedAt)
		if d.EndpointID != 0 && e.Body != nil {
			d.Payload = *e.Body
		}
		out = append(out, d)
	}
	if len(gone) > 0 {
		if _, err := s.write.ExecContext(ctx, "DELETE FROM deliveries WHERE event_id IN (?)", bun.List(gone)); err != nil {
			return out, failure(err)
		}
	}
	return out, nil
}

// DeliveryResult is how one try ended.
type DeliveryResult struct {
	Delivered bool
	Code      int    // HTTP status, 0 when there was none
	Error     string // for the operator, "" when delivered
	Response  string // beginning of the answer, for the operator
	Took      time.Duration
	At        time.Time // of the end of the try; zero: now
	NextTry   time.Time // zero: no further try
}

// delivered is a result on its way to its row.
type delivered struct {
	key    Delivery
	result DeliveryResult
}

// longestError and longestResponse bound what is kept of a try, in characters
// and bytes.
const (
	longestError    = 250
	longestResponse = 1 << 10
)

// FinishDelivery records a try together with what else is written at that
// moment. The row of an endpoint learns how its last try went.
func (s *Store) FinishDelivery(d Delivery, r DeliveryResult) error {
	if e := []rune(r.Error); len(e) > longestError {
		r.Error = string(e[:longestError])
	}
	r.Response = strings.ToValidUTF8(r.Response[:min(len(r.Response), longestResponse)], "")
	if r.At.IsZero() {
		r.At = s.Now()
	}
	o := &op{delivered: &delivered{d, r}}
	if err := s.hot.Do(o); err != nil {
		return busy(err)
	}
	return o.err
}

// resultColumns are what a try changes in its row, then the row as it is known,
// with their types on PostgreSQL.
var resultColumns = []struct {
	name, pgType string
	key          bool
}{
	{"status", "text", false}, {"step", "int", false}, {"next_try_at", "bigint", false}, {"last_code", "int", false},
	{"last_error", "text", false}, {"last_response", "text", false}, {"last_ms", "int", false}, {"last_try_at", "bigint", false},
	{"delivered_at", "bigint", false},
	{"event_id", "text", true}, {"endpoint_id", "bigint", true}, {"user_id", "bigint", true}, {"url", "text", true},
}

func (r *delivered) values() []any {
	status, step, next, at := "pending", r.key.Step+1, sql.NullInt64{Int64: millis(r.result.NextTry), Valid: true}, int64(0)
	switch {
	case r.result.Delivered:
		status, step, next, at = "delivered", 0, sql.NullInt64{}, millis(r.result.At)
	case r.result.NextTry.IsZero():
		status, next = "failed", sql.NullInt64{}
	}
	return []any{
		status, step, next, r.result.Code, r.result.Error, text(r.result.Response), r.result.Took.Milliseconds(), millis(r.result.At), at,
		r.key.EventID, r.key.EndpointID, r.key.UserID, r.key.URL,
	}
}

// oneResult is the statement for one try, on SQLite.
const oneResult = `UPDATE deliveries SET tries = tries + 1, status = ?, step = ?, next_try_at = ?, last_code = ?, last_error = ?,
	last_response = ?, last_ms = ?, last_try_at = ?, delivered_at = MAX(delivered_at, ?)
	WHERE event_id = ? AND endpoint_id = ? AND status = 'pending'`

// manyResults is the same for n tries in one statement, on servers. On MySQL it
// is an upsert of rows that exist: MariaDB 10.11 has crashed while it made the
// temporary table of an UPDATE with a JOIN on these columns. The guard is the
// old status, so status is assigned last.
func (d Dialect) manyResults(n int) string {
	key := insertShape{string(d) + " results", n, len(resultColumns)}
	if v, ok := insertTexts.Load(key); ok {
		return v.(string)
	}
	var names, set, one strings.Builder
	for i, c := range resultColumns {
		if i > 0 {
			names.WriteString(", ")
			one.WriteString(", ")
		}
		names.WriteString(c.name)
		one.WriteString("?")
		switch {
		case c.key:
		case d == MySQL && c.name == "delivered_at":
			set.WriteString("delivered_at = IF(status = 'pending', GREATEST(delivered_at, VALUES(delivered_at)), delivered_at), ")
		case d == MySQL && c.name != "status":
			fmt.Fprintf(&set, "%[1]s = IF(status = 'pending', VALUES(%[1]s), %[1]s), ", c.name)
		case d == Postgres && c.name == "delivered_at":
			set.WriteString(", delivered_at = GREATEST(d.delivered_at, x.delivered_at)")
		case d == Postgres:
			fmt.Fprintf(&set, ", %[1]s = x.%[1]s", c.name)
		}
	}
	rest := strings.Repeat(", ("+one.String()+")", n-1)
	var text string
	if d == Postgres {
		var typed strings.Builder
		for i, c := range resultColumns {
			if i > 0 {
				typed.WriteString(", ")
			}
			typed.WriteString("?::" + c.pgType)
		}
		text = "UPDATE deliveries d SET tries = d.tries + 1" + set.String() + " FROM (VALUES (" + typed.String() + ")" + rest + ") AS x (" + names.String() +
			") WHERE d.event_id = x.event_id AND d.endpoint_id = x.endpoint_id AND d.status = 'pending'"
	} else {
		text = "INSERT INTO deliveries (" + names.String() + ") VALUES (" + one.String() + ")" + rest +
			" ON DUPLICATE KEY UPDATE tries = IF(status = 'pending', tries + 1, tries), " + set.String() + "status = IF(status = 'pending', VALUES(status), status)"
	}
	insertTexts.Store(key, text)
	return text
}

// endpointNews is how the tries of a batch went at one endpoint.
type endpointNews struct {
	tried, ok, failed int64 // last try, last good one, first failed one after that
	code              int   // of the last
}

// recordDeliveries writes how tries ended. It comes last in a batch: rows of
// deliveries are locked by key, those of endpoints after them, and who holds
// them waits for nothing else.
func (b *batch) recordDeliveries() error {
	list := b.delivered
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(x, y *delivered) int {
		return cmp.Or(strings.Compare(x.key.EventID, y.key.EventID), cmp.Compare(x.key.EndpointID, y.key.EndpointID))
	})
	for rest := list; len(rest) > 0; {
		if b.s.dialect == SQLite {
			if _, err := b.exec(oneResult, rest[0].values()[:len(resultColumns)-2]...); err != nil {
				return err
			}
			rest = rest[1:]
			continue
		}
		n := statementSize(len(rest))
		var args []any
		for _, r := range rest[:n] {
			args = append(args, r.values()...)
		}
		if _, err := b.exec(b.s.dialect.manyResults(n), args...); err != nil {
			return err
		}
		rest = rest[n:]
	}
	byTime := slices.Clone(list)
	slices.SortStableFunc(byTime, func(x, y *delivered) int { return x.result.At.Compare(y.result.At) })
	news := map[int64]endpointNews{}
	for _, r := range byTime {
		if r.key.EndpointID == 0 || r.result.Code == 0 && r.result.Error == EndpointOff {
			continue
		}
		n, at := news[r.key.EndpointID], millis(r.result.At)
		n.tried, n.code = at, r.result.Code
		if r.result.Delivered {
			n.ok, n.failed = at, 0
		} else if n.failed == 0 {
			n.failed = at
		}
		news[r.key.EndpointID] = n
	}
	for _, id := range sortedKeys(news) {
		n := news[id]
		var err error
		if n.ok > 0 {
			_, err = b.exec("UPDATE webhook_endpoints SET last_try_at = ?, last_code = ?, last_ok_at = ?, failing_since = ? WHERE id = ?", n.tried, n.code, n.ok, n.failed, id)
		} else {
			_, err = b.exec("UPDATE webhook_endpoints SET last_try_at = ?, last_code = ?, failing_since = CASE WHEN failing_since = 0 THEN ? ELSE failing_since END WHERE id = ?",
				n.tried, n.code, n.failed, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// EndpointOff is the error of a delivery whose endpoint was switched off or
// deleted before its next try: it was not sent.
const EndpointOff = "the endpoint is off"

// SweepEvents removes events made before a time, with their deliveries, in
// small steps. An event that some receiver has not got stays.
func (s *Store) SweepEvents(ctx context.Context, before time.Time) error {
	for last, end := "", idAt("evt_", before); ctx.Err() == nil; {
		var ids []string
		err := s.read.NewRaw(`SELECT e.id FROM events e WHERE e.id > ? AND e.id < ? AND e.created_at < ?
			AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND d.status <> 'delivered') ORDER BY e.id LIMIT ?`,
			last, end, millis(before), sweepAtOnce).Scan(ctx, &ids)
		if err != nil || len(ids) == 0 {
			return failure(err)
		}
		err = s.transact(ctx, func(tx bun.Tx) error {
			// Somebody may have asked for one to be sent again in the meantime.
			if _, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE event_id IN (?) AND status = 'delivered'", bun.List(ids)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM events WHERE id IN (?)
				AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id)`, bun.List(ids))
			return err
		})
		if err != nil {
			return err
		}
		last = ids[len(ids)-1]
	}
	return ctx.Err()
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
	for _, table := range []string{"task_requests", "attempts", "callbacks", "late_checks"} {
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
