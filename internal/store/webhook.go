package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/model"
)

// Endpoint is a webhook endpoint as it is edited: what the directory holds, and
// how its last try went.
type Endpoint struct {
	account.Endpoint
	Description  string
	Reason       string // why the gateway switched it off: EndpointGone, EndpointFailing
	ReasonAt     time.Time
	LastTryAt    time.Time
	LastCode     int // HTTP status of the last try, 0 without an answer
	LastOKAt     time.Time
	FailingSince time.Time // first failed try since the last good one; zero: none
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Version      int64
}

// Why the gateway switches an endpoint off.
const (
	EndpointGone    = "gone"    // it answered 410
	EndpointFailing = "failing" // every try failed for FailingFor
)

// FailingFor is how long all tries of an endpoint may fail before it is
// switched off.
const FailingFor = 5 * 24 * time.Hour

// EndpointsPerUser bounds how many deliveries one task can cause.
const EndpointsPerUser = 20

type endpointRow struct {
	ID           int64  `bun:"id"`
	UserID       int64  `bun:"user_id"`
	URL          string `bun:"url"`
	Description  string `bun:"description"`
	Events       string `bun:"events"`
	Status       int    `bun:"status"`
	Reason       string `bun:"reason"`
	ReasonAt     int64  `bun:"reason_at"`
	Generation   int    `bun:"generation"`
	RotatedAt    int64  `bun:"rotated_at"`
	LastTryAt    int64  `bun:"last_try_at"`
	LastCode     int    `bun:"last_code"`
	LastOKAt     int64  `bun:"last_ok_at"`
	FailingSince int64  `bun:"failing_since"`
	CreatedAt    int64  `bun:"created_at"`
	UpdatedAt    int64  `bun:"updated_at"`
	Version      int64  `bun:"version"`
	Changed      int64  `bun:"changed"`
}

func (r *endpointRow) full() Endpoint {
	return Endpoint{
		Endpoint: account.Endpoint{
			ID: r.ID, UserID: r.UserID, URL: r.URL, Events: model.List(r.Events), Status: account.Status(r.Status),
			Generation: r.Generation, Rotated: moment(r.RotatedAt),
		},
		Description: r.Description, Reason: r.Reason, ReasonAt: moment(r.ReasonAt), LastTryAt: moment(r.LastTryAt), LastCode: r.LastCode,
		LastOKAt: moment(r.LastOKAt), FailingSince: moment(r.FailingSince), CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt),
		Version: r.Version,
	}
}

// loadEndpoints is loadCallers for webhook endpoints.
func (s *Store) loadEndpoints(ctx context.Context, v *directory.View, since int64, some bool) error {
	var rows []endpointRow
	if err := s.read.NewRaw("SELECT * FROM webhook_endpoints WHERE changed > ? ORDER BY id", since).Scan(ctx, &rows); err != nil {
		return err
	}
	if len(rows) == 0 && some {
		return nil
	}
	if some {
		v.Endpoints, v.EndpointsOf = maps.Clone(v.Endpoints), maps.Clone(v.EndpointsOf)
	} else {
		v.Endpoints, v.EndpointsOf = map[int64]*account.Endpoint{}, map[int64][]*account.Endpoint{}
	}
	for i := range rows {
		r := &rows[i]
		of := slices.DeleteFunc(slices.Clone(v.EndpointsOf[r.UserID]), func(e *account.Endpoint) bool { return e.ID == r.ID })
		delete(v.Endpoints, r.ID)
		if r.Status != deleted {
			e := r.full().Endpoint
			v.Endpoints[e.ID] = &e
			of = append(of, &e)
			slices.SortFunc(of, func(x, y *account.Endpoint) int { return int(x.ID - y.ID) })
		}
		if v.EndpointsOf[r.UserID] = of; len(of) == 0 {
			delete(v.EndpointsOf, r.UserID)
		}
	}
	return nil
}

// NewEndpoint is an endpoint to be made. Its address is checked by the caller.
type NewEndpoint struct {
	By          Actor
	UserID      int64
	URL         string
	Description string
	Events      []string // empty: all
}

func checkEndpoint(description string, events []string) error {
	if len([]rune(description)) > 200 || !printable(description) {
		return fault.New(fault.Invalid, "description may have at most 200 printable characters.").Named("too_long").At("description")
	}
	for _, e := range events {
		if !slices.Contains(account.EventTypes, e) {
			return fault.New(fault.Invalid, "%.60q is no event type. There are: %s.", e, strings.Join(account.EventTypes, ", ")).Named("unknown_event_type").At("events")
		}
	}
	return nil
}

func endpointTarget(id int64) string { return fmt.Sprintf("webhook:%d", id) }

func noEndpoint(id int64) error {
	return fault.New(fault.NotFound, "Webhook endpoint %d does not exist.", id).Named("webhook_not_found")
}

// CreateEndpoint makes an endpoint. It is told of tasks that end from then on.
func (s *Store) CreateEndpoint(ctx context.Context, n NewEndpoint) (Endpoint, error) {
	if err := checkEndpoint(n.Description, n.Events); err != nil {
		return Endpoint{}, err
	}
	var id int64
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var users, have int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE id = ? AND status <> ?", n.UserID, deleted).Scan(&users); err != nil {
			return err
		}
		if users == 0 {
			return noUser(n.UserID)
		}
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM webhook_endpoints WHERE user_id = ? AND status <> ?", n.UserID, deleted).Scan(&have); err != nil {
			return err
		}
		if have >= EndpointsPerUser {
			return fault.New(fault.Unprocessable, "User %d has %d webhook endpoints. Delete one first.", n.UserID, have).Named("too_many_webhooks")
		}
		now := millis(s.Now())
		var err error
		if id, err = s.insertRow(ctx, tx, "INSERT INTO webhook_endpoints (user_id, url, description, events, created_at, updated_at, changed) VALUES (?, ?, ?, ?, ?, ?, ?)",
			n.UserID, n.URL, n.Description, strings.Join(n.Events, ","), now, now, version); err != nil {
			return err
		}
		return s.audit(ctx, tx, n.By, "webhook.create", endpointTarget(id), map[string]any{"user": n.UserID, "url": bareURL(n.URL), "events": n.Events})
	})
	if err != nil {
		return Endpoint{}, err
	}
	return s.Endpoint(ctx, 0, id)
}

// bareURL is an address without its query, which may hold a receiver's secret.
func bareURL(address string) string {
	bare, _, _ := strings.Cut(address, "?")
	return bare
}

// Endpoint finds an endpoint of a user, or of anybody for user 0. Another
// user's endpoint does not exist.
func (s *Store) Endpoint(ctx context.Context, userID, id int64) (Endpoint, error) {
	var r endpointRow
	err := s.read.NewRaw("SELECT * FROM webhook_endpoints WHERE id = ? AND status <> ? AND (? = 0 OR user_id = ?)", id, deleted, userID, userID).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Endpoint{}, noEndpoint(id)
	}
	return r.full(), failure(err)
}

// EndpointFilter picks endpoints for a list. Zero fields do not filter.
type EndpointFilter struct {
	UserID int64
	Status account.Status
	Before int64 // ids below this one: the next page
	Limit  int
}

// Endpoints lists endpoints, newest first.
func (s *Store) Endpoints(ctx context.Context, f EndpointFilter) ([]Endpoint, error) {
	q := s.read.NewSelect().TableExpr("webhook_endpoints AS w").ColumnExpr("w.*").Where("w.status <> ?", deleted).OrderExpr("w.id DESC").Limit(int64(f.Limit))
	if f.UserID != 0 {
		q.Where("w.user_id = ?", f.UserID)
	}
	if f.Status != 0 {
		q.Where("w.status = ?", int(f.Status))
	}
	if f.Before != 0 {
		q.Where("w.id < ?", f.Before)
	}
	var rows []endpointRow
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := make([]Endpoint, len(rows))
	for i := range rows {
		out[i] = rows[i].full()
	}
	return out, nil
}

// EndpointPatch are the fields to change; nil leaves one as it is. Version is
// the one that the editor saw.
type EndpointPatch struct {
	Version     int64
	URL         *string
	Description *string
	Events      *[]string
	Status      *account.Status
}

// changeEndpoint runs an edit of an endpoint of a user, or of anybody for user
// 0, and reads it again.
func (s *Store) changeEndpoint(ctx context.Context, userID, id int64, f func(tx bun.Tx, r *endpointRow, version int64) error) (Endpoint, error) {
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var r endpointRow
		err := tx.NewRaw("SELECT * FROM webhook_endpoints WHERE id = ? AND status <> ? AND (? = 0 OR user_id = ?)"+s.dialect.forUpdate(), id, deleted, userID, userID).Scan(ctx, &r)
		if errors.Is(err, sql.ErrNoRows) {
			return noEndpoint(id)
		}
		if err != nil {
			return err
		}
		return f(tx, &r, version)
	})
	if err != nil {
		return Endpoint{}, err
	}
	return s.Endpoint(ctx, userID, id)
}

// UpdateEndpoint changes an endpoint. Tries that are still to come go to the
// new address. Switched on, it starts with a clean record. Conflict means that
// somebody else changed it first.
func (s *Store) UpdateEndpoint(ctx context.Context, by Actor, userID, id int64, p EndpointPatch) (Endpoint, error) {
	return s.changeEndpoint(ctx, userID, id, func(tx bun.Tx, r *endpointRow, version int64) error {
		if r.Version != p.Version {
			return changed("Webhook endpoint", id)
		}
		before, after := map[string]any{}, map[string]any{}
		if p.URL != nil {
			before["url"], after["url"] = bareURL(r.URL), bareURL(*p.URL)
			r.URL = *p.URL
		}
		set(&r.Description, p.Description, "description", before, after)
		var events []string
		if p.Events != nil {
			events = *p.Events
			joined := strings.Join(events, ",")
			set(&r.Events, &joined, "events", before, after)
		}
		if err := checkEndpoint(r.Description, events); err != nil {
			return err
		}
		if p.Status != nil {
			before["status"], after["status"] = r.Status, *p.Status
			if r.Status = int(*p.Status); *p.Status == account.Enabled {
				r.Reason, r.ReasonAt, r.FailingSince = "", 0, 0
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhook_endpoints SET url = ?, description = ?, events = ?, status = ?, reason = ?, reason_at = ?,
			failing_since = ?, updated_at = ?, version = version + 1, changed = ? WHERE id = ?`, r.URL, r.Description, r.Events, r.Status, r.Reason, r.ReasonAt,
			r.FailingSince, millis(s.Now()), version, id); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "webhook.update", endpointTarget(id), map[string]any{"before": before, "after": after})
	})
}

// RotateEndpoint gives an endpoint a new signing secret. The old one signs
// beside it for a while, unless it is to end at once.
func (s *Store) RotateEndpoint(ctx context.Context, by Actor, userID, id, seen int64, atOnce bool) (Endpoint, error) {
	return s.changeEndpoint(ctx, userID, id, func(tx bun.Tx, r *endpointRow, version int64) error {
		if r.Version != seen {
			return changed("Webhook endpoint", id)
		}
		now, rotated := millis(s.Now()), int64(0)
		if !atOnce {
			rotated = now
		}
		if _, err := tx.ExecContext(ctx, `UPDATE webhook_endpoints SET generation = generation + 1, rotated_at = ?, updated_at = ?, version = version + 1,
			changed = ? WHERE id = ?`, rotated, now, version, id); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "webhook.rotate", endpointTarget(id), map[string]any{"generation": r.Generation + 1, "at_once": atOnce})
	})
}

// DeleteEndpoint takes an endpoint away. What waits for it is not sent.
func (s *Store) DeleteEndpoint(ctx context.Context, by Actor, userID, id int64) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE webhook_endpoints SET status = ?, changed = ?, version = version + 1 WHERE id = ? AND status <> ? AND (? = 0 OR user_id = ?)",
			deleted, version, id, deleted, userID, userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noEndpoint(id))
		}
		return s.audit(ctx, tx, by, "webhook.delete", endpointTarget(id), nil)
	})
}

// SwitchOffEndpoint is the gateway's own decision to send no more. An endpoint
// that is off already stays as it is.
func (s *Store) SwitchOffEndpoint(ctx context.Context, id int64, reason string) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		now := millis(s.Now())
		res, err := tx.ExecContext(ctx, `UPDATE webhook_endpoints SET status = ?, reason = ?, reason_at = ?, updated_at = ?, version = version + 1, changed = ?
			WHERE id = ? AND status = ?`, int(account.Disabled), reason, now, now, version, id, int(account.Enabled))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.audit(ctx, tx, orGateway(Actor{}), "webhook.switch_off", endpointTarget(id), map[string]any{"reason": reason})
	})
}

// FailingEndpoints are the endpoints of which all tries over FailingFor have
// failed.
func (s *Store) FailingEndpoints(ctx context.Context) ([]int64, error) {
	var ids []int64
	err := s.read.NewRaw("SELECT id FROM webhook_endpoints WHERE status = ? AND failing_since > 0 AND last_try_at - failing_since >= ? ORDER BY id",
		int(account.Enabled), FailingFor.Milliseconds()).Scan(ctx, &ids)
	return ids, failure(err)
}

// NoteSecretShown records that a signing secret was read; target is
// "webhook:<id>" or "user:<id>".
func (s *Store) NoteSecretShown(ctx context.Context, by Actor, target string) error {
	return s.transact(ctx, func(tx bun.Tx) error { return s.audit(ctx, tx, by, "webhook.show_secret", target, nil) })
}

// RotateUserSecret gives a user a new signing secret for the callback_url of
// orders. Generation is the one that the user saw: Conflict means that it has
// been rotated since.
func (s *Store) RotateUserSecret(ctx context.Context, by Actor, userID int64, generation int, atOnce bool) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		rotated := int64(0)
		if !atOnce {
			rotated = millis(s.Now())
		}
		res, err := tx.ExecContext(ctx, `UPDATE users SET webhook_generation = webhook_generation + 1, webhook_rotated_at = ?, changed = ?
			WHERE id = ? AND webhook_generation = ? AND status <> ?`, rotated, version, userID, generation, deleted)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "The signing secret was rotated by somebody else. Read it again.").Named("version_conflict").At("generation"))
		}
		return s.audit(ctx, tx, by, "webhook.rotate", userTarget(userID), map[string]any{"generation": generation + 1, "at_once": atOnce})
	})
}

// DeliverySeen is a delivery as lists show it.
type DeliverySeen struct {
	EventID      string
	EndpointID   int64 // 0: the order's callback_url
	UserID       int64
	TaskID       string
	Type         string
	URL          string
	Status       string // pending, delivered, failed
	Tries        int
	LastCode     int
	LastError    string        // for the operator
	LastResponse string        // for the operator
	LastTook     time.Duration // of the last try
	LastTryAt    time.Time
	NextTryAt    time.Time
	DeliveredAt  time.Time
	CreatedAt    time.Time
}

// DeliveryQuery picks deliveries for a list. Zero fields do not filter.
type DeliveryQuery struct {
	UserID       int64
	Endpoint     *int64 // 0: the orders' callback_url
	TaskID       string
	EventID      string
	Status       string
	Type         string
	Since, Until time.Time // of the event
	Before       DeliveryKey
	Limit        int
}

// DeliveryKey names a delivery, and in lists where the next page begins.
type DeliveryKey struct {
	EventID    string
	EndpointID int64
}

// Deliveries lists what was sent and is to be sent, newest event first.
func (s *Store) Deliveries(ctx context.Context, q DeliveryQuery) ([]DeliverySeen, error) {
	sel := s.read.NewSelect().TableExpr("deliveries AS d").Join("JOIN events AS e ON e.id = d.event_id").
		ColumnExpr("d.*, e.task_id, e.type, e.created_at").OrderExpr("d.event_id DESC, d.endpoint_id DESC").Limit(int64(q.Limit))
	if q.UserID != 0 {
		sel.Where("d.user_id = ?", q.UserID)
	}
	if q.Endpoint != nil {
		sel.Where("d.endpoint_id = ?", *q.Endpoint)
		if *q.Endpoint != 0 {
			sel.Where("d.endpoint_id <> 0") // as the partial index has it
		}
	}
	if q.TaskID != "" {
		sel.Where("e.task_id = ?", q.TaskID)
	}
	if q.EventID != "" {
		sel.Where("d.event_id = ?", q.EventID)
	}
	if q.Status != "" {
		sel.Where("d.status = ?", q.Status)
		if q.Status != "delivered" {
			sel.Where(s.dialect.openDeliveries())
		}
	}
	if q.Type != "" {
		sel.Where("e.type = ?", q.Type)
	}
	// Ids begin with their time.
	if !q.Since.IsZero() {
		sel.Where("d.event_id >= ?", idAt("evt_", q.Since))
	}
	if !q.Until.IsZero() {
		sel.Where("d.event_id < ?", idAt("evt_", q.Until))
	}
	if b := q.Before; b.EventID != "" {
		sel.Where("d.event_id <= ?", b.EventID).Where("(d.event_id < ? OR d.endpoint_id < ?)", b.EventID, b.EndpointID)
	}
	var rows []struct {
		EventID      string  `bun:"event_id"`
		EndpointID   int64   `bun:"endpoint_id"`
		UserID       int64   `bun:"user_id"`
		URL          string  `bun:"url"`
		Receiver     string  `bun:"receiver"`
		Status       string  `bun:"status"`
		Tries        int     `bun:"tries"`
		Step         int     `bun:"step"`
		NextTryAt    *int64  `bun:"next_try_at"`
		LastCode     int     `bun:"last_code"`
		LastError    string  `bun:"last_error"`
		LastResponse *string `bun:"last_response"`
		LastMS       int64   `bun:"last_ms"`
		LastTryAt    int64   `bun:"last_try_at"`
		DeliveredAt  int64   `bun:"delivered_at"`
		TaskID       string  `bun:"task_id"`
		Type         string  `bun:"type"`
		CreatedAt    int64   `bun:"created_at"`
	}
	if err := sel.Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := make([]DeliverySeen, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = DeliverySeen{
			EventID: r.EventID, EndpointID: r.EndpointID, UserID: r.UserID, TaskID: r.TaskID, Type: r.Type, URL: r.URL, Status: r.Status,
			Tries: r.Tries, LastCode: r.LastCode, LastError: r.LastError, LastTook: time.Duration(r.LastMS) * time.Millisecond,
			LastTryAt: moment(r.LastTryAt), DeliveredAt: moment(r.DeliveredAt), CreatedAt: moment(r.CreatedAt),
		}
		if r.NextTryAt != nil {
			out[i].NextTryAt = moment(*r.NextTryAt)
		}
		if r.LastResponse != nil {
			out[i].LastResponse = *r.LastResponse
		}
	}
	return out, nil
}

// openDeliveries is the condition of the index of what has not arrived.
func (d Dialect) openDeliveries() string {
	if d == MySQL { // has no partial indexes; one on status, event_id serves
		return "1 = 1"
	}
	return "d.status <> 'delivered'"
}

// Delivery finds one delivery of a user, or of anybody for user 0.
func (s *Store) Delivery(ctx context.Context, userID int64, k DeliveryKey) (DeliverySeen, error) {
	list, err := s.Deliveries(ctx, DeliveryQuery{UserID: userID, Endpoint: &k.EndpointID, EventID: k.EventID, Limit: 1})
	if err != nil {
		return DeliverySeen{}, err
	}
	if len(list) == 0 {
		return DeliverySeen{}, noDelivery()
	}
	return list[0], nil
}

func noDelivery() error {
	return fault.New(fault.NotFound, "This delivery does not exist.").Named("delivery_not_found")
}

// Redeliver makes a delivery of a user, or of anybody for user 0, due now, with
// its whole schedule before it; also after it has arrived. The receiver sees
// the same event id.
func (s *Store) Redeliver(ctx context.Context, by Actor, userID int64, k DeliveryKey) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE deliveries SET status = 'pending', step = 0, next_try_at = ?
			WHERE event_id = ? AND endpoint_id = ? AND (? = 0 OR user_id = ?)`, millis(s.Now()), k.EventID, k.EndpointID, userID, userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noDelivery())
		}
		return s.audit(ctx, tx, by, "webhook.redeliver", "event:"+k.EventID, map[string]any{"endpoint": k.EndpointID})
	})
}

// redeliverAtOnce bounds one transaction of RedeliverFailed.
const redeliverAtOnce = 500

// RedeliverMost is the most that one RedeliverFailed sends again.
const RedeliverMost = 10_000

// RedeliverFailed is Redeliver for what an endpoint has finally not taken, of
// events from a time on, oldest first. It returns how many.
func (s *Store) RedeliverFailed(ctx context.Context, by Actor, endpointID int64, since time.Time) (int, error) {
	done := 0
	for last := idAt("evt_", since); done < RedeliverMost; {
		var ids []string
		err := s.read.NewRaw(`SELECT d.event_id FROM deliveries d WHERE d.endpoint_id = ? AND d.endpoint_id <> 0 AND d.event_id > ?
			AND d.status = 'failed' AND `+s.dialect.openDeliveries()+` ORDER BY d.event_id LIMIT ?`, endpointID, last, redeliverAtOnce).Scan(ctx, &ids)
		if err != nil {
			return done, failure(err)
		}
		if len(ids) == 0 {
			break
		}
		err = s.transact(ctx, func(tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE deliveries SET status = 'pending', step = 0, next_try_at = ?
				WHERE event_id IN (?) AND endpoint_id = ? AND status = 'failed'`, millis(s.Now()), bun.List(ids), endpointID)
			return err
		})
		if err != nil {
			return done, err
		}
		done, last = done+len(ids), ids[len(ids)-1]
	}
	if done == 0 {
		return 0, nil
	}
	return done, s.transact(ctx, func(tx bun.Tx) error {
		return s.audit(ctx, tx, by, "webhook.redeliver", endpointTarget(endpointID), map[string]any{"since": since, "events": done})
	})
}
