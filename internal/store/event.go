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
		_, err = tx.ExecContext(ctx, "UPDATE deliveries SET next_try_at = ? WHERE next_try_at <= ? AND "+s.dialect.deliveryKeys(out), millis(until), millis(now))
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, more, err
	}
	out, err = s.fillEvents(ctx, out)
	return out, more, err
}

// deliveryKeys is the condition that a row is one of these.
func (d Dialect) deliveryKeys(list []Delivery) string {
	var ids, keys strings.Builder
	for i, e := range list {
		if i > 0 {
			ids.WriteString(", ")
			keys.WriteString(", ")
		}
		// Ids are ours: letters, digits and an underscore.
		fmt.Fprintf(&ids, "'%s'", e.EventID)
		fmt.Fprintf(&keys, "('%s', %d)", e.EventID, e.EndpointID)
	}
	in := "(" + keys.String() + ")"
	if d == SQLite {
		in = "(VALUES " + keys.String() + ")"
	}
	return "event_id IN (" + ids.String() + ") AND (event_id, endpoint_id) IN " + in
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

// resultColumns are what a try changes in its row, and their types on
// PostgreSQL.
var resultColumns = []struct{ name, pgType string }{
	{"status", "text"}, {"step", "int"}, {"next_try_at", "bigint"}, {"last_code", "int"}, {"last_error", "text"},
	{"last_response", "text"}, {"last_ms", "int"}, {"last_try_at", "bigint"}, {"delivered_at", "bigint"},
	{"guard_event", "text"}, {"guard_endpoint", "bigint"},
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
		r.key.EventID, r.key.EndpointID,
	}
}

// oneResult is the statement for one try, on SQLite.
const oneResult = `UPDATE deliveries SET tries = tries + 1, status = ?, step = ?, next_try_at = ?, last_code = ?, last_error = ?,
	last_response = ?, last_ms = ?, last_try_at = ?, delivered_at = MAX(delivered_at, ?)
	WHERE event_id = ? AND endpoint_id = ? AND status = 'pending'`

// manyResults is the same for n tries in one statement, on servers.
func (d Dialect) manyResults(n int) string {
	key := insertShape{string(d) + " results", n, len(resultColumns)}
	if v, ok := insertTexts.Load(key); ok {
		return v.(string)
	}
	var b, set, names strings.Builder
	for i, c := range resultColumns {
		if i > 0 {
			names.WriteString(", ")
		}
		names.WriteString(c.name)
		if !strings.HasPrefix(c.name, "guard_") {
			value := "x." + c.name
			if c.name == "delivered_at" {
				value = "GREATEST(d.delivered_at, x.delivered_at)"
			}
			set.WriteString(", " + d.target("d", c.name) + " = " + value)
		}
	}
	const guard = "d.event_id = x.guard_event AND d.endpoint_id = x.guard_endpoint"
	if d == Postgres {
		b.WriteString("UPDATE deliveries d SET tries = d.tries + 1" + set.String() + " FROM (VALUES ")
		for i := range n {
			b.WriteString([]string{", (", "("}[flag(i == 0)])
			for j, c := range resultColumns {
				b.WriteString([]string{", ?", "?"}[flag(j == 0)])
				if i == 0 {
					b.WriteString("::" + c.pgType)
				}
			}
			b.WriteString(")")
		}
		b.WriteString(") AS x (" + names.String() + ") WHERE " + guard + " AND d.status = 'pending'")
	} else {
		b.WriteString("UPDATE deliveries d JOIN (")
		for i := range n {
			b.WriteString([]string{" UNION ALL SELECT ", "SELECT "}[flag(i == 0)])
			for j, c := range resultColumns {
				b.WriteString([]string{", ", ""}[flag(j == 0)])
				// The key's own character set, see stepMany.
				b.WriteString([]string{"?", "_ascii ? COLLATE ascii_bin"}[flag(c.name == "guard_event")])
				if i == 0 {
					b.WriteString(" AS " + c.name)
				}
			}
		}
		b.WriteString(") x ON " + guard + " SET d.tries = d.tries + 1" + set.String() + " WHERE d.status = 'pending'")
	}
	insertTexts.Store(key, b.String())
	return b.String()
}

// target is a column on the left side of a SET.
func (d Dialect) target(table, column string) string {
	if d == Postgres {
		return column
	}
	return table + "." + column
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
			if _, err := b.exec(oneResult, rest[0].values()...); err != nil {
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
