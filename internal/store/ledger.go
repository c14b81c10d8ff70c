package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/task"
)

// Line is one posting of the ledger as people read it.
type Line struct {
	JournalID string
	Kind      ledger.Kind
	TaskID    string
	Reference string
	UserID    int64
	From, To  ledger.Account
	Amount    money.Quota
	Actor     string
	Memo      string
	At        int64 // unix milliseconds
}

// TaskLines lists the ledger lines of a task in the order in which they were
// written.
func (s *Store) TaskLines(ctx context.Context, taskID string) ([]Line, error) {
	return s.lines(ctx, "j.task_id = ?", taskID)
}

func (s *Store) lines(ctx context.Context, where string, args ...any) ([]Line, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT j.id, j.kind, COALESCE(j.task_id, ''), COALESCE(j.reference, ''), j.user_id,
		p.from_account, p.to_account, p.amount, j.actor, j.memo, j.created_at
		FROM journal j JOIN postings p ON p.journal_id = j.id WHERE `+where+` ORDER BY j.id, p.n`, args...)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []Line
	for rows.Next() {
		var l Line
		if err := rows.Scan(&l.JournalID, &l.Kind, &l.TaskID, &l.Reference, &l.UserID, &l.From, &l.To, &l.Amount, &l.Actor, &l.Memo, &l.At); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, failure(rows.Err())
}

// ChangeBalance records an entry made by ledger.Change, on behalf of the
// entry's actor; see ChangeBalanceBy.
func (s *Store) ChangeBalance(ctx context.Context, e ledger.Entry) error {
	return s.ChangeBalanceBy(ctx, Actor{Name: e.Actor}, e)
}

// ChangeBalanceBy records an entry made by ledger.Change with its audit row.
// Conflict means that its reference was used before: the change has happened
// already. Unprocessable means that the balance would leave its range.
func (s *Store) ChangeBalanceBy(ctx context.Context, by Actor, e ledger.Entry) error {
	err := s.transact(ctx, func(tx bun.Tx) error {
		if err := s.post(ctx, tx, e); err != nil {
			return err
		}
		err := s.audit(ctx, tx, by, "balance."+string(e.Kind), fmt.Sprintf("user:%d", e.UserID), map[string]any{
			"amount": changeOf(e), "reference": e.Reference, "reason": e.Memo,
		})
		faultpoint.Here("store.balance.before-commit")
		return err
	})
	faultpoint.Here("store.balance.committed")
	return err
}

// post writes an entry without a task and moves the balances that it names, in
// the transaction of what it belongs to. The journal comes first: a repetition
// is told from a balance that has become too small since.
func (s *Store) post(ctx context.Context, tx bun.Tx, e ledger.Entry) error {
	id := task.NewID("j_", e.At)
	_, err := tx.ExecContext(ctx, `INSERT INTO journal (id, kind, reference, user_id, token_id, actor, memo, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		id, string(e.Kind), text(e.Reference), e.UserID, e.TokenID, e.Actor, e.Memo, millis(e.At))
	if isDuplicate(err) {
		return fault.New(fault.Conflict, "This change has been made already (reference %s).", e.Reference).Named("already_done").At("reference")
	}
	if err != nil {
		return err
	}
	if err := s.reopenLedger(e.At, func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}); err != nil {
		return err
	}
	for i, p := range e.Postings {
		if _, err := tx.ExecContext(ctx, "INSERT INTO postings (journal_id, n, from_account, to_account, amount) VALUES (?, ?, ?, ?, ?)",
			id, i, int64(p.From), int64(p.To), int64(p.Amount)); err != nil {
			return err
		}
		for _, m := range []struct {
			account ledger.Account
			delta   int64
		}{{p.From, -int64(p.Amount)}, {p.To, int64(p.Amount)}} {
			if m.account.Owner() == 0 {
				continue // the operator's accounts are sums of postings
			}
			res, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE id = ? AND balance + ? >= 0 AND balance + ? <= ?",
				m.delta, int64(m.account), m.delta, m.delta, int64(money.MaxQuota))
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, fault.New(fault.Unprocessable, "The balance of user %d does not allow a change of %d quota.", e.UserID, m.delta).
					Named("balance_out_of_range").At("amount"))
			}
		}
	}
	return nil
}

// changeOf is what an entry does to its user's spendable balance.
func changeOf(e ledger.Entry) money.Quota {
	var q money.Quota
	for _, p := range e.Postings {
		if p.To.Owner() != 0 {
			q += p.Amount
		} else {
			q -= p.Amount
		}
	}
	return q
}

// Entry is an entry of the journal with what it did to its user.
type Entry struct {
	ID        string
	Kind      ledger.Kind
	TaskID    string
	Reference string
	UserID    int64
	TokenID   int64
	Actor     string
	Memo      string
	At        int64       // unix milliseconds
	Available money.Quota // change of the user's spendable balance
	Held      money.Quota // change of what is held for live tasks
	Test      bool        // in the play ledger
	Postings  []ledger.Posting
}

// EntryFilter picks entries of the journal. Zero fields do not filter.
type EntryFilter struct {
	UserID  int64
	TokenID int64
	TaskID  string
	Kind    ledger.Kind
	Since   time.Time
	Until   time.Time
	Before  string // ids below this one: the next page
	Limit   int
}

// manual are the kinds of entries without a task: few among many, with an
// index of their own.
var manual = []ledger.Kind{ledger.KindTopUp, ledger.KindGrant, ledger.KindRedeem, ledger.KindAdjust, ledger.KindLoss}

// ledgerWindow is how many entries one page looks at when no index leads to
// what it wants, so that a page costs the same however long the ledger is.
const ledgerWindow = 2000

// Entries lists a page of the journal, newest first. next is where the next
// page begins, "" on the last one. A page may be short, even empty, and have a
// next one: what was asked for is rare, and the search goes on there.
func (s *Store) Entries(ctx context.Context, f EntryFilter) (out []Entry, next string, err error) {
	// A token has one owner, whose entries have an index.
	if f.TokenID != 0 && f.UserID == 0 {
		err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT user_id FROM tokens WHERE id = ?"), f.TokenID).Scan(&f.UserID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", failure(err)
		}
	}
	bounds := s.read.NewSelect().TableExpr("journal AS j")
	if f.UserID != 0 {
		bounds.Where("j.user_id = ?", f.UserID)
	}
	if f.Before != "" {
		bounds.Where("j.id < ?", f.Before)
	}
	if !f.Since.IsZero() {
		bounds.Where("j.id >= ?", journalAt(f.Since))
	}
	if !f.Until.IsZero() {
		bounds.Where("j.id < ?", journalAt(f.Until))
	}
	byHand := slices.Contains(manual, f.Kind)
	var floor string
	if (f.TokenID != 0 || f.Kind != "" && !byHand) && f.TaskID == "" {
		if floor, err = windowFloor(ctx, bounds.Clone(), "j.id", ledgerWindow); err != nil {
			return nil, "", failure(err)
		}
	}
	q := bounds.ColumnExpr(`j.id, j.kind, COALESCE(j.task_id, '') AS task_id, COALESCE(j.reference, '') AS reference, j.user_id, j.token_id, j.actor, j.memo, j.created_at AS at`).
		OrderExpr("j.id DESC").Limit(int64(f.Limit) + 1)
	if floor != "" {
		q.Where("j.id >= ?", floor)
	}
	if f.TokenID != 0 {
		q.Where("j.token_id = ?", f.TokenID)
	}
	if f.TaskID != "" {
		q.Where("j.task_id = ?", f.TaskID)
	}
	switch {
	case f.Kind == "":
	case s.dialect == SQLite && !byHand:
		// By the window, not by the index of references, which it takes for
		// good and which would have to be sorted.
		q.Where("+j.kind = ?", string(f.Kind))
	default:
		q.Where("j.kind = ?", string(f.Kind))
	}
	if byHand {
		q.Where("j.task_id IS NULL")
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, "", failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.ID, &e.Kind, &e.TaskID, &e.Reference, &e.UserID, &e.TokenID, &e.Actor, &e.Memo, &e.At); err != nil {
			return nil, "", err
		}
		if e.Kind == ledger.KindCapture && strings.HasPrefix(e.Memo, task.UpstreamMemo) {
			e.Memo = "" // for comparing bills; owners do not see the upstream's ids here
		}
		out = append(out, e)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, "", failure(err)
	}
	if next = floor; len(out) > f.Limit {
		out = out[:f.Limit]
		next = out[f.Limit-1].ID
	}
	return out, next, s.fillPostings(ctx, out)
}

// windowFloor is the key of the n-th row of a query, counted from the newest,
// "" when there are not so many.
func windowFloor(ctx context.Context, q *bun.SelectQuery, key string, n int64) (string, error) {
	var floor string
	err := q.ColumnExpr(key).OrderExpr(key+" DESC").Offset(n-1).Limit(1).Scan(ctx, &floor)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return floor, err
}

func (s *Store) fillPostings(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]string, len(entries))
	at := make(map[string]*Entry, len(entries))
	for i := range entries {
		ids[i] = entries[i].ID
		at[ids[i]] = &entries[i]
	}
	rows, err := s.read.QueryContext(ctx, "SELECT journal_id, from_account, to_account, amount FROM postings WHERE journal_id IN (?) ORDER BY journal_id, n", bun.List(ids))
	if err != nil {
		return failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var p ledger.Posting
		if err := rows.Scan(&id, &p.From, &p.To, &p.Amount); err != nil {
			return err
		}
		e := at[id]
		e.Postings = append(e.Postings, p)
		for _, m := range []struct {
			account ledger.Account
			delta   money.Quota
		}{{p.From, -p.Amount}, {p.To, p.Amount}} {
			if m.account.Owner() != e.UserID || e.UserID == 0 {
				continue
			}
			e.Test = e.Test || m.account.Play()
			switch m.account.Purpose() {
			case ledger.Available:
				e.Available += m.delta
			case ledger.Held:
				e.Held += m.delta
			}
		}
	}
	return failure(rows.Err())
}

// journalAt is the lowest id that an entry of a moment can have: ids begin
// with their time.
func journalAt(t time.Time) string { return idAt(journalPrefix, t) }

const (
	journalPrefix = "j_"
	journalEnd    = "j_zzzzzzzzzz" // behind every id
)

// idAt is the part of an id that its time makes.
func idAt(prefix string, t time.Time) string {
	const timeDigits = 10
	return task.NewID(prefix, t)[:len(prefix)+timeDigits]
}

// KindSum is what the entries of one kind did to a user within a time.
type KindSum struct {
	Kind      ledger.Kind
	Entries   int64
	Available money.Quota
	Held      money.Quota
}

// Statement is a user's account over a time: Opening and the sums of the kinds
// make Closing.
type Statement struct {
	UserID           int64
	Since, Until     time.Time
	Opening, Closing Balance
	Kinds            []KindSum // by kind
}

// Statement adds up what happened to a user's balance in the real or the play
// ledger from since until before until.
func (s *Store) Statement(ctx context.Context, userID int64, test bool, since, until time.Time) (Statement, error) {
	list, err := s.Statements(ctx, userID, test, since, until)
	if err != nil {
		return Statement{}, err
	}
	return list[0], nil
}

// Statements are the statements of the times between some moments, in their
// order. They count back from the balance as it is now, in one view of the
// database: whole hours that are folded from table ledger_hours, all others and
// parts of hours from the journal.
func (s *Store) Statements(ctx context.Context, userID int64, test bool, at ...time.Time) ([]Statement, error) {
	available, held := int64(ledger.UserAccount(userID, ledger.Available, test)), int64(ledger.UserAccount(userID, ledger.Held, test))
	sums := `SELECT j.kind, COUNT(DISTINCT j.id),
		` + s.dialect.sumOf("CASE WHEN p.to_account = ? THEN p.amount ELSE 0 END - CASE WHEN p.from_account = ? THEN p.amount ELSE 0 END") + `,
		` + s.dialect.sumOf("CASE WHEN p.to_account = ? THEN p.amount ELSE 0 END - CASE WHEN p.from_account = ? THEN p.amount ELSE 0 END") + `
		FROM journal j JOIN postings p ON p.journal_id = j.id
		WHERE j.user_id = ? AND j.id >= ? AND j.id < ? AND (p.to_account IN (?, ?) OR p.from_account IN (?, ?)) GROUP BY j.kind ORDER BY j.kind`
	var out []Statement
	err := s.snapshot(ctx, func(tx bun.Tx) error {
		read := func(from, to string) ([]KindSum, error) {
			rows, err := tx.QueryContext(ctx, sums, available, available, held, held, userID, from, to, available, held, available, held)
			if err != nil {
				return nil, err
			}
			return scanKinds(rows)
		}
		folded, err := ledgerFolded(ctx, tx)
		if err != nil {
			return err
		}
		// sum is read of a time, by way of the hours; a zero end is the end of all.
		sum := func(from, to time.Time) ([]KindSum, error) {
			first, last, end := from.Add(time.Hour-1).Truncate(time.Hour), folded, journalEnd
			if !to.IsZero() {
				end = journalAt(to)
				if to.Before(folded) {
					last = to.Truncate(time.Hour)
				}
			}
			if !first.Before(last) {
				return read(journalAt(from), end)
			}
			list, err := s.foldedLedger(ctx, tx, userID, test, first, last)
			for _, edge := range [][2]string{{journalAt(from), journalAt(first)}, {journalAt(last), end}} {
				if err != nil {
					return nil, err
				}
				if edge[0] >= edge[1] {
					continue
				}
				var more []KindSum
				more, err = read(edge[0], edge[1])
				list = append(list, more...)
			}
			return joinKinds(list), err
		}
		var have Balance
		for a, q := range map[int64]*money.Quota{available: &have.Available, held: &have.Held} {
			err := tx.QueryRowContext(ctx, "SELECT balance FROM accounts WHERE id = ?", a).Scan((*int64)(q))
			if errors.Is(err, sql.ErrNoRows) {
				return fault.New(fault.NotFound, "User %d does not exist.", userID).Named("user_not_found")
			}
			if err != nil {
				return err
			}
		}
		before := func(have Balance, kinds []KindSum) Balance {
			for _, k := range kinds {
				have.Available -= k.Available
				have.Held -= k.Held
			}
			return have
		}
		later, err := sum(at[len(at)-1], time.Time{})
		if err != nil {
			return err
		}
		have = before(have, later)
		out = make([]Statement, len(at)-1)
		for i := len(out) - 1; i >= 0; i-- {
			st := Statement{UserID: userID, Since: at[i], Until: at[i+1], Closing: have}
			if st.Kinds, err = sum(at[i], at[i+1]); err != nil {
				return err
			}
			have = before(have, st.Kinds)
			st.Opening = have
			out[i] = st
		}
		return nil
	})
	return out, err
}

// snapshot runs reads that must agree with each other.
func (s *Store) snapshot(ctx context.Context, f func(tx bun.Tx) error) error {
	o := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if s.dialect == SQLite {
		o = nil // a read transaction is one view there
	}
	return failure(s.read.RunInTx(ctx, o, func(_ context.Context, tx bun.Tx) error { return f(tx) }))
}

// Mismatch is something that the books say and the rows do not, or the
// reverse.
type Mismatch struct {
	Kind   string // "account", "charge", "channel load", …
	ID     string
	Detail string
}

// Verify recomputes balances, holds, budgets, ends of tasks and the folded hours
// of the ledger from the journal, in one read transaction, and names each
// difference.
func (s *Store) Verify(ctx context.Context) ([]Mismatch, error) {
	var out []Mismatch
	// One snapshot for all checks: tasks settle while they run.
	snapshot := &sql.TxOptions{ReadOnly: true}
	if s.dialect != SQLite {
		snapshot.Isolation = sql.LevelRepeatableRead
	}
	err := s.read.RunInTx(ctx, snapshot, func(ctx context.Context, tx bun.Tx) error {
		for _, c := range checks {
			rows, err := tx.QueryContext(ctx, c.query)
			if err != nil {
				return fmt.Errorf("check %s: %w", c.kind, err)
			}
			for rows.Next() {
				var id string
				var want, got int64
				if err := rows.Scan(&id, &want, &got); err != nil {
					_ = rows.Close()
					return err
				}
				out = append(out, Mismatch{Kind: c.kind, ID: id, Detail: fmt.Sprintf(c.detail, want, got)})
			}
			if err := rows.Close(); err != nil {
				return err
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		found, err := s.verifyLedger(ctx, tx)
		out = append(out, found...)
		return err
	})
	return out, failure(err)
}

// checks return an id, what the journal says, and what the row says. COALESCE
// hides a column from SQLite's planner, which would read all captures for each
// task.
var checks = []struct{ kind, detail, query string }{
	{"account", "the postings sum to %d, the balance is %d", `
		SELECT CAST(a.id AS CHAR(20)), COALESCE(t.total, 0), a.balance FROM accounts a
		LEFT JOIN (SELECT account, SUM(amount) AS total FROM (
			SELECT to_account AS account, amount FROM postings UNION ALL SELECT from_account, -amount FROM postings) x GROUP BY account) t
		ON t.account = a.id WHERE a.balance <> COALESCE(t.total, 0)`},
	{"task without hold", "the journal holds %d entries of phase hold, the task costs %d", `
		SELECT v.task_id, 0, v.quota FROM videos v LEFT JOIN journal j ON j.task_id = v.task_id AND j.phase = 'hold' WHERE j.id IS NULL`},
	{"ended task without settle", "the journal has %d entries of phase settle, the task costs %d", `
		SELECT v.task_id, 0, v.quota FROM videos v LEFT JOIN journal j ON j.task_id = v.task_id AND j.phase = 'settle'
		WHERE j.id IS NULL AND v.status IN ('succeed', 'failed')`},
	{"settled task still live", "the journal settled it (%d), the task is live (%d)", `
		SELECT v.task_id, 1, 0 FROM videos v JOIN journal j ON j.task_id = v.task_id AND j.phase = 'settle'
		WHERE v.status NOT IN ('succeed', 'failed')`},
	{"charge", "the journal captured %d, the task says %d", `
		SELECT v.task_id, COALESCE(SUM(p.amount), 0), v.charged FROM videos v
		LEFT JOIN journal j ON j.task_id = v.task_id AND COALESCE(j.kind, '') = 'capture'
		LEFT JOIN postings p ON p.journal_id = j.id AND p.to_account < 16
		GROUP BY v.task_id, v.charged HAVING COALESCE(SUM(p.amount), 0) <> v.charged`},
	{"hold without task", "the journal holds %d for a task that is gone (%d)", `
		SELECT j.task_id, COALESCE(SUM(p.amount), 0), 0 FROM journal j
		JOIN postings p ON p.journal_id = j.id
		LEFT JOIN journal e ON e.task_id = j.task_id AND e.phase = 'settle'
		LEFT JOIN videos v ON v.task_id = j.task_id
		WHERE j.phase = 'hold' AND e.id IS NULL AND v.task_id IS NULL GROUP BY j.task_id`},
	{"token budget", "live tasks hold %d, the budget says %d", `
		SELECT CAST(b.token_id AS CHAR(20)), COALESCE(t.total, 0), b.held FROM token_budgets b
		LEFT JOIN (SELECT token_id, SUM(quota) AS total FROM videos WHERE status NOT IN ('succeed', 'failed') GROUP BY token_id) t
		ON t.token_id = b.token_id WHERE b.held <> COALESCE(t.total, 0)`},
	{"pending task outside the queue", "the queue has %d rows of it, the task waits (%d)", `
		SELECT v.task_id, 0, 1 FROM videos v LEFT JOIN task_queue q ON q.task_id = v.task_id
		WHERE v.next_check_at IS NOT NULL AND v.status = 'pending' AND q.task_id IS NULL`},
	{"queued task that does not wait", "the queue has %d rows of it, the task has left (%d)", `
		SELECT q.task_id, 1, 0 FROM task_queue q JOIN videos v ON v.task_id = q.task_id WHERE v.status <> 'pending'`},
	{"channel load", "%d of its tasks are live, the load says %d", `
		SELECT CAST(l.channel_id AS CHAR(20)), COALESCE(t.live, 0), l.live FROM (
			SELECT channel_id, SUM(live) AS live FROM channel_loads GROUP BY channel_id) l
		LEFT JOIN (SELECT channel_id, COUNT(*) AS live FROM videos
			WHERE next_check_at IS NOT NULL AND status <> 'pending' GROUP BY channel_id) t
		ON t.channel_id = l.channel_id WHERE l.live <> COALESCE(t.live, 0)`},
}
