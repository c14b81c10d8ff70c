package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/groupcommit"
	"one-api/internal/ledger"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/task"
)

// The hot path: accepting a task and recording each of its steps. Members of a
// batch share one transaction; each member's guard is checked by itself, so a
// refused member does not fail the others.
//
// Order of locks, the same on every node: channel loads (by channel and model),
// task rows (by id), accounts (by number), token budgets (by id), rows nobody
// else can see yet, then deliveries (by key) and endpoints (by id).

// op is one member: an acceptance or a change, and how it ended.
type op struct {
	accept    *task.Acceptance
	change    *task.Change
	answer    *keptAnswer
	callback  *Callback
	delivered *delivered

	done task.Committed // of an acceptance
	err  error
}

// Accept commits a task with its hold, token budget, idempotency row and, when
// it starts on a channel, that channel's load. It refuses with
// InsufficientQuota, with Conflict for an external id or a running key, and
// with Unprocessable for a key used for another request. A replayed key gives
// the first task and creates nothing.
func (s *Store) Accept(a task.Acceptance) (task.Committed, error) {
	o := &op{accept: &a}
	if err := s.hot.Do(o); err != nil {
		return task.Committed{}, busy(err)
	}
	return o.done, o.err
}

// Advance records one step of a task with its money and its event: all or
// nothing. Conflict means that the task had moved on since it was read.
func (s *Store) Advance(c task.Change) error {
	o := &op{change: &c}
	if err := s.hot.Do(o); err != nil {
		return busy(err)
	}
	return o.err
}

// keptAnswer is an answer on its way to its idempotency row.
type keptAnswer struct {
	userID int64
	key    string
	task.Answer
}

// KeepAnswer records what the first caller of an idempotency key was told.
func (s *Store) KeepAnswer(userID int64, key string, a task.Answer) error {
	o := &op{answer: &keptAnswer{userID, key, a}}
	if err := s.hot.Do(o); err != nil {
		return busy(err)
	}
	return o.err
}

// RecordCallback keeps a callback once and makes the task's check due now. It
// changes no state: only our own query does.
func (s *Store) RecordCallback(c Callback) error {
	o := &op{callback: &c}
	if err := s.hot.Do(o); err != nil {
		return busy(err)
	}
	return o.err
}

func busy(err error) error {
	if errors.Is(err, groupcommit.ErrFull) {
		return fault.New(fault.Unavailable, "The gateway is overloaded. Try again shortly.").
			Named("overloaded").After(time.Second).Because(err)
	}
	return fault.New(fault.Unavailable, "The gateway is shutting down. Try again shortly.").
		Named("shutting_down").After(time.Second).Because(err)
}

// ErrMovedOn is the cause inside the Conflict of a step whose task had moved
// on.
var ErrMovedOn = errors.New("the task has moved on")

func movedOn(id string) error {
	return fault.New(fault.Conflict, "Task %s has changed in the meantime.", id).Named("task_moved_on").Because(ErrMovedOn)
}

// commit is the group-commit writer's callback.
func (s *Store) commit(batch []*op) {
	s.commits.Add(1)
	s.writes.Add(int64(len(batch)))
	s.metrics.Batch(len(batch))
	oneByOne := false
	for try := 0; ; try++ {
		b := newBatch(s, batch)
		b.oneByOne = oneByOne
		err := b.run()
		s.prepare(b.unprepared)
		switch {
		case err == nil:
			b.publish()
			return
		case errors.Is(err, errSomeLost):
			oneByOne = true
			continue
		case isTransient(err) && try < 5:
			pause(try)
			continue
		case isDuplicate(err) && try < 2:
			continue // another node used the key first; the checks see it now
		case isStatementError(err) && len(batch) > 1:
			// One member's row is at fault; it must not fail the others.
			for i := range batch {
				s.commit(batch[i : i+1])
			}
			return
		}
		open := errors.Is(err, errCommit)
		if open && s.landed(batch) {
			b.publish()
			return
		}
		for _, o := range batch {
			o.err = failure(err)
			if open && o.accept != nil {
				// The transaction may yet exist, and with it the order.
				f := *fault.From(o.err)
				f.OrderMayExist = true
				o.err = &f
			}
		}
		if !isStatementError(err) {
			s.log.Error("could not write to the database", "err", err, "writes", len(batch))
		} else {
			s.log.Error("the database refused a write", "err", err)
		}
		return
	}
}

// errCommit marks a COMMIT whose answer was lost: the transaction may exist.
var errCommit = errors.New("the answer to COMMIT was lost")

// landed finds out whether a transaction whose COMMIT went unanswered exists,
// by the unique traces of its members. One found trace proves the whole batch.
func (s *Store) landed(batch []*op) bool {
	for try := range 6 {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		found, err := s.trace(ctx, batch)
		cancel()
		// Not found at once proves little: the server may still be committing.
		if err == nil && (found || try >= 3) {
			return found
		}
		time.Sleep(min(200*time.Millisecond<<try, time.Second)) // callers wait
	}
	return false
}

func (s *Store) trace(ctx context.Context, batch []*op) (bool, error) {
	for _, o := range batch {
		var n int
		var err error
		switch {
		case o.accept != nil:
			err = s.wdb.QueryRowContext(ctx, s.dialect.rebind("SELECT COUNT(*) FROM videos WHERE task_id = ?"), o.accept.Task.ID).Scan(&n)
		case o.change != nil:
			err = s.wdb.QueryRowContext(ctx, s.dialect.rebind("SELECT COUNT(*) FROM videos WHERE task_id = ? AND epoch = ? AND status = ? AND updated_at = ?"),
				o.change.From.ID, o.change.From.Epoch+1, o.change.To.Status, millis(o.change.To.UpdatedAt)).Scan(&n)
		}
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// member is an op while its batch is being written.
type member struct {
	*op
	id     string // of a change's task
	err    error
	busy   bool // accepted, but the channel was at its limit
	replay *task.Committed
}

func (m *member) refused() bool { return m.err != nil || m.replay != nil }

type batch struct {
	s         *Store
	ctx       context.Context
	tx        *sql.Tx
	accepts   []*member
	changes   []*member
	notes     []*op        // answers and callbacks: no guard, no outcome
	delivered []*delivered // results of webhooks, likewise

	turns      map[turn]int64 // the last given in this batch
	oneByOne   bool           // write steps one by one: a common statement had a loser
	unprepared []string
}

func newBatch(s *Store, ops []*op) *batch {
	b := &batch{s: s}
	for _, o := range ops {
		m := &member{op: o}
		switch {
		case o.accept != nil:
			b.accepts = append(b.accepts, m)
		case o.change != nil:
			m.id = o.change.From.ID
			b.changes = append(b.changes, m)
		case o.delivered != nil:
			b.delivered = append(b.delivered, o.delivered)
		default:
			b.notes = append(b.notes, o)
		}
	}
	slices.SortStableFunc(b.changes, func(x, y *member) int { return cmp.Compare(x.id, y.id) })
	return b
}

// publish gives each op its outcome, after the commit.
func (b *batch) publish() {
	for _, m := range b.changes {
		m.op.err = m.err
		if m.err == nil {
			b.s.metrics.Transition(string(m.change.From.Status), string(m.change.To.Status))
		}
		if m.err == nil && m.change.Settle != nil {
			b.s.ended(m.id)
		}
	}
	for _, m := range b.accepts {
		m.op.err = m.err
		switch {
		case m.replay != nil:
			m.done = *m.replay
		case m.err == nil:
			m.done.Task = m.task()
			b.s.metrics.Transition("", string(m.done.Task.Status))
		}
	}
}

// task is the row as it is inserted: without its attempt when the channel was
// at its limit.
func (m *member) task() task.Task {
	t := m.accept.Task
	if m.busy {
		t.Status = task.Pending
		t.ChannelID, t.KeyID, t.Ref, t.Attempt = 0, "", "", 0
		t.NextCheckAt = t.UpdatedAt // may be sent at once
	}
	return t
}

func (b *batch) run() (err error) {
	ctx := context.Background()
	if b.s.dialect != SQLite {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
	}
	b.ctx = ctx
	if b.tx, err = b.s.wdb.BeginTx(ctx, nil); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = b.tx.Rollback()
		}
	}()
	for _, step := range []func() error{
		b.checkRepeats, b.lockLoads, b.takeUpLoads, b.writeNotes, b.moveTasks, b.halfway, b.moveMoney, b.spendBudgets, b.shiftLoads, b.insertRows, b.recordDeliveries,
	} {
		if err = step(); err != nil {
			return err
		}
	}
	b.rehearse("before-commit")
	if err = b.tx.Commit(); err != nil && !isStatementError(err) {
		return errors.Join(errCommit, err)
	}
	if err == nil {
		b.rehearse("committed")
	}
	return err
}

// rehearse passes the named moments of what the batch writes.
func (b *batch) rehearse(moment string) {
	if !faultpoint.Built {
		return
	}
	if len(b.accepts) > 0 {
		faultpoint.Here("store.accept." + moment)
	}
	for _, m := range b.changes {
		if m.change.Settle != nil {
			faultpoint.Here("store.settle." + moment)
		} else {
			faultpoint.Here("store.step." + moment)
		}
	}
}

// halfway is the moment at which states have moved and money has not.
func (b *batch) halfway() error {
	b.rehearse("halfway")
	return nil
}

// exec runs one statement and returns the rows that it matched.
func (b *batch) exec(query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if stmt, ok := b.s.prepared.Load(query); ok {
		res, err = b.tx.StmtContext(b.ctx, stmt.(*sql.Stmt)).ExecContext(b.ctx, args...)
	} else {
		if b.s.dialect == SQLite {
			b.unprepared = append(b.unprepared, query)
		}
		res, err = b.tx.ExecContext(b.ctx, b.s.hotText(query), args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// prepare keeps compiled statements on SQLite, where compiling costs as much
// as running. The only write connection must be free for it, so a statement is
// compiled after the batch that first used it. pgx caches by itself, and on
// MySQL arguments are written into the text and sent in one round trip.
func (s *Store) prepare(queries []string) {
	for _, q := range queries {
		if _, ok := s.prepared.Load(q); ok {
			continue
		}
		stmt, err := s.wdb.PrepareContext(context.Background(), q)
		if err != nil {
			s.log.Warn("could not prepare a statement", "err", err)
			return
		}
		s.prepared.Store(q, stmt)
	}
}

// hotText is the statement in the database's own placeholders.
func (s *Store) hotText(query string) string {
	if s.dialect != Postgres {
		return query
	}
	if v, ok := s.rebound.Load(query); ok {
		return v.(string)
	}
	v := s.dialect.rebind(query)
	s.rebound.Store(query, v)
	return v
}

// checkRepeats finds acceptances whose idempotency key or external id is taken,
// by an earlier task or by an earlier member of the batch.
func (b *batch) checkRepeats() error {
	type key struct {
		user int64
		text string
	}
	keys, externals := map[key]bool{}, map[key]bool{}
	for _, m := range b.accepts {
		a := m.accept
		if a.Idempotency != nil {
			k := key{a.Task.UserID, a.Idempotency.Key}
			if keys[k] {
				m.err = inProgress()
				continue
			}
			keys[k] = true
			if err := b.replay(m); err != nil {
				return err
			}
			if m.refused() {
				continue
			}
		}
		if a.Task.ExternalID != "" {
			k := key{a.Task.UserID, a.Task.ExternalID}
			taken := externals[k]
			externals[k] = true
			if !taken {
				var n int
				row := b.tx.QueryRowContext(b.ctx, b.s.dialect.rebind(
					"SELECT COUNT(*) FROM videos WHERE user_id = ? AND external_task_id = ?"), a.Task.UserID, a.Task.ExternalID)
				if err := row.Scan(&n); err != nil {
					return err
				}
				taken = n > 0
			}
			if taken {
				m.err = fault.New(fault.Conflict, "external_task_id %q already exists. Use a new one for each order.", a.Task.ExternalID).
					Named("external_task_id_exists").At("external_task_id")
			}
		}
	}
	return nil
}

func inProgress() error {
	return fault.New(fault.Conflict, "A request with this Idempotency-Key is still running. Repeat it in a moment.").
		Named("idempotency_in_progress").After(time.Second)
}

func (b *batch) replay(m *member) error {
	done, err := b.s.replay(b.ctx, b.tx, m.accept.Task.UserID, *m.accept.Idempotency)
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Unprocessable):
		m.err = err
		return nil
	case fault.Is(err, fault.NotFound):
		return nil
	}
	m.replay = &done
	return err
}

// Repeated finds what an order's idempotency key was used for, as Accept does.
// NotFound means that it was not used.
func (s *Store) Repeated(ctx context.Context, userID int64, i task.Idempotency) (task.Committed, error) {
	done, err := s.replay(ctx, s.rdb, userID, i)
	return done, failure(err)
}

func (s *Store) replay(ctx context.Context, q queryer, userID int64, i task.Idempotency) (task.Committed, error) {
	var none task.Committed
	var hash, taskID string
	var status int
	var body sql.NullString
	row := q.QueryRowContext(ctx, s.hotText("SELECT hash, task_id, status, body FROM idempotency_keys WHERE user_id = ? AND idem_key = ?"), userID, i.Key)
	switch err := row.Scan(&hash, &taskID, &status, &body); {
	case errors.Is(err, sql.ErrNoRows):
		return none, fault.New(fault.NotFound, "This Idempotency-Key was not used.").Named("idempotency_key_not_found")
	case err != nil:
		return none, err
	}
	if hash != i.Hash {
		return none, fault.New(fault.Unprocessable, "This Idempotency-Key was used for another request. Use a new key for a new order.").
			Named("idempotency_mismatch")
	}
	rows, err := q.QueryContext(ctx, s.hotText("SELECT "+taskColumns+" FROM videos WHERE task_id = ?"), taskID)
	if err != nil {
		return none, err
	}
	tasks, err := scanTasks(rows)
	if err != nil {
		return none, err
	}
	done := task.Committed{Replayed: &task.Answer{Status: status, Body: []byte(body.String)}}
	if len(tasks) > 0 { // a finished task may have been cleaned up by hand
		done.Task = tasks[0]
	} else if status == 0 {
		return none, inProgress()
	}
	return done, nil
}

// begins reports a step that takes up a place on a channel it did not have: an
// attempt, or an order that was found there.
func begins(c *task.Change) bool {
	return c.To.Status != task.Pending && !c.To.Status.Terminal() && c.To.ChannelID != 0 && !holdsPlace(c.From, c.To.ChannelID)
}

// holdsPlace reports whether a live task already counts towards a channel.
func holdsPlace(t task.Task, channelID int64) bool {
	return t.ChannelID == channelID && t.Status != task.Pending
}

// leaves reports a step that gives up a place.
func leaves(c *task.Change) bool {
	return c.From.ChannelID != 0 && c.From.Status != task.Pending &&
		(c.To.Status.Terminal() || c.To.Status == task.Pending || c.To.ChannelID != c.From.ChannelID)
}

type place struct {
	channel int64
	model   string
}

const (
	takePlaces = "UPDATE channel_loads SET live = live + ? WHERE channel_id = ? AND model = ? AND (? = 0 OR live + ? <= ?) AND (learned = 0 OR live + ? <= learned)"
	givePlaces = "UPDATE channel_loads SET live = live - ? WHERE channel_id = ? AND model = ?"
)

// take takes up n places if the limit allows all of them.
func (b *batch) take(p place, n int64, limit int) (bool, error) {
	got, err := b.exec(takePlaces, n, p.channel, p.model, limit, n, limit, n)
	if err != nil || got > 0 {
		return got > 0, err
	}
	// On MySQL an ignored insert leaves a shared lock on the row that exists, on
	// which two full nodes would wait for each other.
	var have int
	if err := b.tx.QueryRowContext(b.ctx, b.s.hotText("SELECT COUNT(*) FROM channel_loads WHERE channel_id = ? AND model = ?"), p.channel, p.model).Scan(&have); err != nil || have > 0 {
		return false, err // the row exists: the limit is reached
	}
	head, tail := b.s.dialect.insertIgnore("channel_loads (channel_id, model, live)")
	made, err := b.exec(head+" VALUES (?, ?, 0)"+tail, p.channel, p.model)
	if err != nil || made == 0 {
		return false, err // the row exists: the limit is reached
	}
	got, err = b.exec(takePlaces, n, p.channel, p.model, limit, n, limit, n)
	return got > 0, err
}

// occupy counts a task that is at the upstream.
func (b *batch) occupy(p place) error {
	n, err := b.exec(givePlaces, -1, p.channel, p.model)
	if err != nil || n > 0 {
		return err
	}
	_, err = b.exec("INSERT INTO channel_loads (channel_id, model, live) VALUES (?, ?, 1)", p.channel, p.model)
	return err
}

func busyChannel(id string) error {
	return fault.New(fault.Throttled, "The channel for task %s is at its limit of live tasks.", id).Named("channel_busy")
}

// takeUpLoads is for steps that begin an attempt on a channel.
func (b *batch) takeUpLoads() error {
	for _, m := range b.changes {
		if !begins(m.change) {
			continue
		}
		p := place{m.change.To.ChannelID, model.Base(m.change.To.Model)}
		if m.change.To.Status != task.Submitting {
			// The upstream has it already, whatever the limit.
			if err := b.occupy(p); err != nil {
				return err
			}
			continue
		}
		ok, err := b.take(p, 1, m.change.MaxLive)
		if err != nil {
			return err
		}
		if !ok {
			m.err = busyChannel(m.id)
		}
	}
	return nil
}

// Columns that a step writes, beside epoch. A step into a terminal state also
// clears next_check_at.
var (
	moveColumns = []string{
		"status", "channel_id", "key_id", "ref", "attempt", "resent", "upstream_task_id", "next_check_at", "checks",
		"absences", "first_absent_at", "submitted_at", "updated_at",
	}
	endColumns = []string{
		"status", "upstream_task_id", "fail_code", "fail_reason", "charged", "video_id", "store_url", "result", "costs",
		"submitted_at", "finished_at", "updated_at", "next_check_at",
	}
)

// stepValues are the values of the step's columns, then its guard: id, epoch
// and state as they were read.
func stepValues(c *task.Change) []any {
	f, t := &c.From, &c.To
	if t.Status.Terminal() {
		return []any{
			string(t.Status), text(t.UpstreamID), string(t.FailCode), text(t.FailReason), int64(t.Charged), t.VideoID, text(t.StoreURL),
			text(string(t.Result)), costsText(t), millis(t.SubmittedAt), millis(t.FinishedAt), millis(t.UpdatedAt), sql.NullInt64{},
			f.ID, f.Epoch, string(f.Status),
		}
	}
	return []any{
		string(t.Status), t.ChannelID, t.KeyID, t.Ref, t.Attempt, flag(t.Resent), text(t.UpstreamID), nextCheck(t), t.Checks,
		t.Absences, millis(t.FirstAbsentAt), millis(t.SubmittedAt), millis(t.UpdatedAt),
		f.ID, f.Epoch, string(f.Status),
	}
}

// moveTasks makes the guarded steps. A member whose guard fails has lost to
// somebody else and moves no money.
func (b *batch) moveTasks() error {
	var moves, ends []*member
	for _, m := range b.changes {
		switch {
		case m.err != nil:
		case m.change.To.Status.Terminal():
			ends = append(ends, m)
		default:
			moves = append(moves, m)
		}
	}
	if err := b.step(moves, moveColumns); err != nil {
		return err
	}
	return b.step(ends, endColumns)
}

// errSomeLost says that not every member of a common statement passed its
// guard: the batch is repeated with a statement a member.
var errSomeLost = errors.New("a step of the batch has lost")

// step writes steps of one kind: on a server in one statement, as each costs a
// round trip; on SQLite, and when somebody lost, one by one.
func (b *batch) step(members []*member, columns []string) error {
	if len(members) > 1 && b.s.dialect != SQLite && !b.oneByOne && distinct(members) {
		for len(members) > 0 {
			size := statementSize(len(members))
			values, before := make([][]any, size), make([][]any, size)
			for i, m := range members[:size] {
				values[i] = stepValues(m.change)
				if !m.change.To.Status.Terminal() {
					before[i] = stepValues(&task.Change{From: m.change.From, To: m.change.From})
				}
			}
			query, args := b.s.dialect.stepMany(columns, values, before)
			n, err := b.exec(query, args...)
			if err == nil && n != int64(size) {
				err = errSomeLost
			}
			if err != nil {
				return err
			}
			members = members[size:]
		}
		return nil
	}
	for _, m := range members {
		n, err := b.exec(stepOne(columns), stepValues(m.change)...)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		m.err = movedOn(m.id)
		if begins(m.change) {
			if _, err := b.exec(givePlaces, 1, m.change.To.ChannelID, model.Base(m.change.To.Model)); err != nil {
				return err
			}
		}
	}
	return nil
}

// distinct reports that no two members are about one task; members are sorted
// by it.
func distinct(members []*member) bool {
	for i := range len(members) - 1 {
		if members[i].id == members[i+1].id {
			return false
		}
	}
	return true
}

// stepOne is the guarded statement of one step.
func stepOne(columns []string) string {
	return "UPDATE videos SET epoch = epoch + 1, " + strings.Join(columns, " = ?, ") + " = ? WHERE task_id = ? AND epoch = ? AND status = ?"
}

func costsText(t *task.Task) sql.NullString {
	if len(t.Costs) == 0 {
		return sql.NullString{}
	}
	b, err := json.Marshal(t.Costs)
	return sql.NullString{String: string(b), Valid: err == nil}
}

const (
	addBalance  = "UPDATE accounts SET balance = balance + ? WHERE id = ?"
	takeBalance = "UPDATE accounts SET balance = balance - ? WHERE id = ? AND balance >= ?"
)

// moveMoney settles, then holds. Per account it is one statement for the whole
// batch; only when the balance does not cover all of a user's new tasks are
// they held one by one, in the order in which they came.
func (b *batch) moveMoney() error {
	delta := map[ledger.Account]money.Quota{}
	for _, m := range b.changes {
		if m.err != nil || m.change.Settle == nil {
			continue
		}
		for _, p := range m.change.Settle.Postings {
			delta[p.From] -= p.Amount
			delta[p.To] += p.Amount
		}
	}
	holds := map[ledger.Account][]*member{}
	for _, m := range b.accepts {
		if !m.refused() {
			a := ledger.UserAccount(m.accept.Task.UserID, ledger.Available, m.accept.Task.Test)
			holds[a] = append(holds[a], m)
			delta[a] += 0 // so that it is visited
		}
	}
	for _, a := range sortedKeys(delta) {
		if a.Owner() == 0 {
			continue // the operator's accounts are sums of postings
		}
		if d := delta[a]; d != 0 {
			if _, err := b.exec(addBalance, int64(d), int64(a)); err != nil {
				return err
			}
		}
		if len(holds[a]) == 0 {
			continue
		}
		held, err := b.hold(a, holds[a])
		if err != nil {
			return err
		}
		// The same user's held account has the next number but one purpose; it
		// is locked right after its available account on every node.
		h := ledger.UserAccount(a.Owner(), ledger.Held, a.Play())
		if held+delta[h] != 0 {
			if _, err := b.exec(addBalance, int64(held+delta[h]), int64(h)); err != nil {
				return err
			}
		}
		delta[h] = 0
	}
	return nil
}

// hold takes the prices of members from one account and returns their sum.
func (b *batch) hold(a ledger.Account, members []*member) (money.Quota, error) {
	var sum money.Quota
	fits := true
	for _, m := range members {
		var err error
		if sum, err = sum.Add(m.accept.Task.Quota); err != nil {
			fits = false
			break
		}
	}
	if fits {
		n, err := b.exec(takeBalance, int64(sum), int64(a), int64(sum))
		if err != nil || n > 0 {
			return sum, err
		}
	}
	sum = 0
	for _, m := range members {
		p := int64(m.accept.Task.Quota)
		n, err := b.exec(takeBalance, p, int64(a), p)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			m.err = fault.New(fault.InsufficientQuota, "The balance does not cover the price of %d quota (%s USD). Top up and try again.",
				p, m.accept.Task.Quota.USD()).Named("insufficient_quota")
			continue
		}
		sum += m.accept.Task.Quota
	}
	return sum, nil
}

const (
	settleBudget = "UPDATE token_budgets SET held = held + ?, used = used + ? WHERE token_id = ?"
	takeBudget   = "UPDATE token_budgets SET held = held + ? WHERE token_id = ? AND (limit_quota IS NULL OR held + used + ? <= limit_quota)"
)

// spendBudgets does for tokens what moveMoney does for users. A task that its
// token cannot pay gives the user's hold back at once.
func (b *batch) spendBudgets() error {
	type spent struct{ held, used money.Quota }
	settle := map[int64]spent{}
	for _, m := range b.changes {
		if m.err == nil && m.change.Settle != nil && m.change.From.TokenID != 0 {
			s := settle[m.change.From.TokenID]
			s.held -= m.change.From.Quota
			s.used += m.change.To.Charged
			settle[m.change.From.TokenID] = s
		}
	}
	holds := map[int64][]*member{}
	for _, m := range b.accepts {
		if !m.refused() && m.accept.Task.TokenID != 0 {
			id := m.accept.Task.TokenID
			holds[id] = append(holds[id], m)
			if _, ok := settle[id]; !ok {
				settle[id] = spent{} // so that it is visited
			}
		}
	}
	for _, id := range sortedKeys(settle) {
		if s := settle[id]; s != (spent{}) {
			if _, err := b.exec(settleBudget, int64(s.held), int64(s.used), id); err != nil {
				return err
			}
		}
		if err := b.holdBudget(id, holds[id]); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) holdBudget(id int64, members []*member) error {
	if len(members) == 0 {
		return nil
	}
	var sum money.Quota
	for _, m := range members {
		sum += m.accept.Task.Quota // bounded by the user's balance, which has been taken
	}
	n, err := b.exec(takeBudget, int64(sum), id, int64(sum))
	if err != nil || n > 0 {
		return err
	}
	for _, m := range members {
		t := &m.accept.Task
		p := int64(t.Quota)
		n, err := b.exec(takeBudget, p, id, p)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		m.err = fault.New(fault.InsufficientQuota, "The token's budget does not cover the price of %d quota (%s USD).", p, t.Quota.USD()).
			Named("token_budget_exceeded")
		if err := b.giveBack(t); err != nil {
			return err
		}
	}
	return nil
}

// giveBack undoes the hold of a task that is refused after its money was
// taken. The transaction holds the locks of these rows already.
func (b *batch) giveBack(t *task.Task) error {
	if _, err := b.exec(addBalance, int64(t.Quota), int64(ledger.UserAccount(t.UserID, ledger.Available, t.Test))); err != nil {
		return err
	}
	_, err := b.exec(addBalance, -int64(t.Quota), int64(ledger.UserAccount(t.UserID, ledger.Held, t.Test)))
	return err
}

// channelsBusy refuses an order that may not wait.
func channelsBusy(name string) error {
	return fault.New(fault.Throttled, "All channels for %s are busy. Try again shortly.", name).Named("channels_busy").After(5 * time.Second)
}

// shiftLoads counts new tasks on their channels and gives back the places of
// tasks that ended. A new task whose channel is at its limit waits as pending,
// or is refused when it may not wait.
func (b *batch) shiftLoads() error {
	free := map[place]int64{}
	for _, m := range b.changes {
		if m.err == nil && leaves(m.change) {
			free[place{m.change.From.ChannelID, model.Base(m.change.From.Model)}]++
		}
	}
	wanted := map[place][]*member{}
	for _, m := range b.accepts {
		if !m.refused() && m.accept.Task.Status == task.Submitting {
			p := place{m.accept.Task.ChannelID, model.Base(m.accept.Task.Model)}
			wanted[p] = append(wanted[p], m)
			free[p] += 0
		}
	}
	places := make([]place, 0, len(free))
	for p := range free {
		places = append(places, p)
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.channel, y.channel), strings.Compare(x.model, y.model))
	})
	for _, p := range places {
		if n := free[p]; n > 0 {
			if _, err := b.exec(givePlaces, n, p.channel, p.model); err != nil {
				return err
			}
		}
		members := wanted[p]
		if len(members) == 0 {
			continue
		}
		ok, err := b.take(p, int64(len(members)), members[0].accept.MaxLive)
		if err != nil {
			return err
		}
		full := false
		for _, m := range members {
			if ok {
				continue
			}
			one := false
			if !full {
				if one, err = b.take(p, 1, m.accept.MaxLive); err != nil {
					return err
				}
			}
			if one {
				continue
			}
			full = true
			if !m.accept.NoWait {
				m.busy = true
				continue
			}
			t := &m.accept.Task
			m.err = channelsBusy(t.Model)
			if err := b.giveBack(t); err != nil {
				return err
			}
			if _, err := b.exec(settleBudget, -int64(t.Quota), 0, t.TokenID); err != nil {
				return err
			}
		}
	}
	return nil
}

// insertRows writes what nobody else can see yet: tasks, bodies, journal,
// attempts, idempotency rows and events; and it keeps the queue.
func (b *batch) insertRows() error {
	var videos, bodies, journal, postings, keys, attempts, events, deliveries, queue, late rows
	var sent []string // tasks that have left the queue
	oldest := b.s.Now()
	entry := func(e *ledger.Entry) {
		if e.At.Before(oldest) {
			oldest = e.At
		}
		id := task.NewID("j_", e.At)
		journal.add(id, e.Kind, text(e.TaskID), text(string(e.Phase)), text(e.Reference), e.UserID, e.TokenID, e.Actor, e.Memo, millis(e.At))
		for i, p := range e.Postings {
			postings.add(id, i, int64(p.From), int64(p.To), int64(p.Amount))
		}
	}
	for _, m := range b.accepts {
		if m.refused() {
			continue
		}
		t := m.task()
		videos.add(taskValues(&t)...)
		for n, piece := range pieces(m.accept.Body) {
			bodies.add(t.ID, n, piece)
		}
		if t.Status == task.Pending {
			n, err := b.takeTurn(&t, m.accept.Group)
			if err != nil {
				return err
			}
			queue.add(queueValues(&t, m.accept.Group, n)...)
		}
		entry(&m.accept.Hold)
		if i := m.accept.Idempotency; i != nil {
			keys.add(t.UserID, i.Key, i.Hash, t.ID, 0, nil, millis(t.CreatedAt))
		}
	}
	for _, m := range b.changes {
		if m.err != nil {
			continue
		}
		c := m.change
		switch waited, waits := c.From.Status == task.Pending, c.To.Status == task.Pending; {
		case waited && !waits:
			sent = append(sent, m.id)
		case waits && !waited:
			// It had its turn and was refused for now: it goes to the head.
			first, _, err := b.s.firstTurn(b.ctx, b.tx, c.To.Lane(c.Group), math.MaxInt64)
			if err != nil {
				return err
			}
			queue.add(queueValues(&c.To, c.Group, first)...)
		}
		if c.Settle != nil {
			entry(c.Settle)
		}
		if c.Late != nil {
			late.add(lateValues(&c.To, c.Late)...)
		}
		if a := c.Attempt; a != nil {
			attempts.add(a.TaskID, a.N, a.ChannelID, a.KeyID, a.Ref, a.Outcome, a.HTTPStatus, a.Code, text(a.Message),
				text(a.UpstreamID), millis(a.SentAt), millis(a.AnsweredAt))
		}
		if e := c.Event; e != nil {
			events.add(e.ID, e.TaskID, e.Type, e.UserID, string(e.Payload), text(string(e.Body)), millis(e.CreatedAt))
			if e.URL != "" {
				deliveries.add(e.ID, 0, e.UserID, e.URL, receiverOf(e.UserID, 0, e.URL), "pending", millis(e.CreatedAt))
			}
			for _, to := range e.Endpoints {
				deliveries.add(e.ID, to.ID, e.UserID, to.URL, receiverOf(e.UserID, to.ID, to.URL), "pending", millis(e.CreatedAt))
			}
		}
	}
	if err := b.s.reopenLedger(oldest, func(query string, args ...any) error {
		_, err := b.exec(query, args...)
		return err
	}); err != nil {
		return err
	}
	for _, id := range sent {
		if _, err := b.exec("DELETE FROM task_queue WHERE task_id = ?", id); err != nil {
			return err
		}
	}
	for _, in := range []struct {
		into string
		rows rows
	}{
		{"videos (" + taskColumns + ")", videos},
		{"task_queue (" + queueColumns + ")", queue},
		{"task_requests (task_id, n, body)", bodies},
		{"journal (id, kind, task_id, phase, reference, user_id, token_id, actor, memo, created_at)", journal},
		{"postings (journal_id, n, from_account, to_account, amount)", postings},
		{"idempotency_keys (user_id, idem_key, hash, task_id, status, body, created_at)", keys},
		{"attempts (task_id, n, channel_id, key_id, ref, outcome, http_status, code, message, upstream_task_id, sent_at, answered_at)", attempts},
		{lateInsert, late},
		{"events (id, task_id, type, user_id, payload, body, created_at)", events},
		{"deliveries (event_id, endpoint_id, user_id, url, receiver, status, next_try_at)", deliveries},
	} {
		if err := b.insert("INSERT INTO "+in.into, in.rows, ""); err != nil {
			return err
		}
	}
	return nil
}

// turn is a user's turns in a lane.
type turn struct {
	lane task.Lane
	user int64
}

// takeTurn is the turn of a new task that waits.
func (b *batch) takeTurn(t *task.Task, group string) (n int64, err error) {
	of := turn{t.Lane(group), t.UserID}
	if last, ok := b.turns[of]; ok {
		n = last + 1
	} else if n, err = b.s.nextTurn(b.ctx, b.tx, of.lane, of.user, millis(b.s.Now())); err != nil {
		return 0, err
	}
	if b.turns == nil {
		b.turns = map[turn]int64{}
	}
	b.turns[of] = n
	return n, nil
}

// mostCallbacks bounds what one attempt may leave in the table.
const mostCallbacks = 20

// writeNotes keeps answers and callbacks.
func (b *batch) writeNotes() error {
	var calls []*Callback
	for _, o := range b.notes {
		a := o.answer
		if a == nil {
			calls = append(calls, o.callback)
			continue
		}
		if _, err := b.exec("UPDATE idempotency_keys SET status = ?, body = ? WHERE user_id = ? AND idem_key = ? AND status = 0",
			a.Status, string(a.Body), a.userID, a.key); err != nil {
			return err
		}
	}
	slices.SortStableFunc(calls, func(x, y *Callback) int {
		return cmp.Or(strings.Compare(x.TaskID, y.TaskID), cmp.Compare(x.Attempt, y.Attempt), strings.Compare(x.Hash, y.Hash))
	})
	for len(calls) > 0 {
		n := statementSize(len(calls))
		if err := b.writeCallbacks(calls[:n]); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// writeCallbacks keeps some callbacks and makes their tasks' checks due.
func (b *batch) writeCallbacks(calls []*Callback) error {
	type attempt struct {
		task string
		n    int
	}
	ids := make([]any, len(calls))
	for i, c := range calls {
		ids[i] = c.TaskID
	}
	list := "task_id IN (?" + strings.Repeat(", ?", len(ids)-1) + ")"
	kept := map[attempt]int{}
	rs, err := b.tx.QueryContext(b.ctx, b.s.hotText("SELECT task_id, attempt, COUNT(*) FROM callbacks WHERE "+list+" GROUP BY task_id, attempt"), ids...)
	if err != nil {
		return err
	}
	defer func() { _ = rs.Close() }()
	for rs.Next() {
		var a attempt
		var n int
		if err := rs.Scan(&a.task, &a.n, &n); err != nil {
			return err
		}
		kept[a] = n
	}
	if err := rs.Err(); err != nil {
		return err
	}
	now := millis(b.s.Now())
	var fresh rows
	for i, c := range calls {
		a := attempt{c.TaskID, c.Attempt}
		if i > 0 && *calls[i-1] == *c || kept[a] >= mostCallbacks {
			continue
		}
		kept[a]++
		fresh.add(c.TaskID, c.Attempt, c.Hash, flag(c.Signed), c.Status, c.Body, now)
	}
	head, tail := b.s.dialect.insertIgnore("callbacks (task_id, attempt, hash, signed, status, body, received_at)")
	if err := b.insert(head, fresh, tail); err != nil {
		return err
	}
	// A task that is being sent is left alone: its due time is the sender's
	// lease, and the answer to the create call is on its way.
	_, err = b.exec("UPDATE videos"+b.s.dialect.byPrimaryKey()+" SET next_check_at = ? WHERE next_check_at > ? AND status NOT IN ('pending', 'submitting') AND "+list,
		append([]any{now, now}, ids...)...)
	return err
}

// bodyPiece bounds a row of task_requests: MariaDB takes statements of 16 MB by
// default, and pictures come in the body.
const bodyPiece = 1 << 20

// pieces cuts a body for table task_requests; an empty body is one piece.
func pieces(body []byte) [][]byte {
	if len(body) <= bodyPiece {
		return [][]byte{body}
	}
	return slices.Collect(slices.Chunk(body, bodyPiece))
}

// rows are argument lists for one multi-row insert.
type rows [][]any

func (r *rows) add(values ...any) { *r = append(*r, values) }

// insert writes rows in as few statements as the database likes; head is what
// stands before their values, tail what stands behind.
func (b *batch) insert(head string, r rows, tail string) error {
	for len(r) > 0 {
		n := b.s.dialect.insertSize(r)
		args := make([]any, 0, n*len(r[0]))
		for _, row := range r[:n] {
			args = append(args, row...)
		}
		if _, err := b.exec(insertText(head, n, len(r[0]))+tail, args...); err != nil {
			return err
		}
		r = r[n:]
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lockLoads locks every load row that the batch will touch, in one order on
// all nodes, before any other row: steps take places before accounts, new tasks
// after them, and two nodes would otherwise wait for each other.
func (b *batch) lockLoads() error {
	if b.s.dialect == SQLite {
		return nil
	}
	set := map[place]bool{}
	for _, m := range b.changes {
		if begins(m.change) {
			set[place{m.change.To.ChannelID, model.Base(m.change.To.Model)}] = true
		}
		if leaves(m.change) {
			set[place{m.change.From.ChannelID, model.Base(m.change.From.Model)}] = true
		}
	}
	for _, m := range b.accepts {
		if !m.refused() && m.accept.Task.Status == task.Submitting {
			set[place{m.accept.Task.ChannelID, model.Base(m.accept.Task.Model)}] = true
		}
	}
	places := make([]place, 0, len(set))
	for p := range set {
		places = append(places, p)
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.channel, y.channel), strings.Compare(x.model, y.model))
	})
	for _, p := range places {
		var n int64
		err := b.tx.QueryRowContext(b.ctx, b.s.hotText("SELECT live FROM channel_loads WHERE channel_id = ? AND model = ? FOR UPDATE"), p.channel, p.model).Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}
