package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/task"
)

const (
	// An hour of the ledger is folded whole, when it has been over for
	// ledgerLag. An entry that is written after half of that, by a node that
	// stood still, opens its hour again. What was written past the gateway is
	// found when the hour is looked at once more, after secondLook.
	ledgerLag  = time.Hour
	secondLook = 24 * time.Hour

	markLedger      = "ledger"       // id of the journal: the hours before it are in table ledger_hours
	markLedgerAgain = "ledger_again" // the same, for hours that were looked at twice
	markLedgerLate  = "ledger_late"  // id of the last that opened an hour again; migrations make its row
)

// reopenLedger makes hours be folded again from that of an entry on, when it is
// so old that its hour may be folded. It runs in the transaction that writes
// the entry.
func (s *Store) reopenLedger(at time.Time, exec func(query string, args ...any) error) error {
	now := s.Now()
	if !at.Before(now.Add(-ledgerLag / 2)) {
		return nil
	}
	// A folding that has read the hour already finds this mark moved.
	if err := exec("UPDATE usage_marks SET mark = ? WHERE name = ?", task.NewID(journalPrefix, now), markLedgerLate); err != nil {
		return err
	}
	from := journalAt(at.Truncate(time.Hour))
	for _, name := range []string{markLedger, markLedgerAgain} {
		if err := exec("UPDATE usage_marks SET mark = ? WHERE name = ? AND mark > ?", from, name, from); err != nil {
			return err
		}
	}
	return nil
}

// ledgerKey is what the entries of an hour are added up by.
type ledgerKey struct {
	userID int64
	test   int
	kind   ledger.Kind
}

func (k ledgerKey) compare(l ledgerKey) int {
	return cmp.Or(cmp.Compare(k.userID, l.userID), cmp.Compare(k.test, l.test), strings.Compare(string(k.kind), string(l.kind)))
}

// ledgerSum is what they did.
type ledgerSum struct {
	entries         int64
	available, held money.Quota
}

type ledgerMap map[ledgerKey]ledgerSum

// sumLedger adds up the entries of a time, by user, ledger and kind. Only
// postings on accounts of the entry's user count, as in Statements.
func (s *Store) sumLedger(ctx context.Context, db bun.IDB, from, to string) (ledgerMap, error) {
	account := func(p ledger.Purpose, test bool) string {
		return fmt.Sprintf("j.user_id * 16 + %d", ledger.UserAccount(0, p, test))
	}
	change := func(p ledger.Purpose) string {
		both := account(p, false) + ", " + account(p, true)
		return s.dialect.sumOf("CASE WHEN p.to_account IN (" + both + ") THEN p.amount ELSE 0 END - CASE WHEN p.from_account IN (" + both + ") THEN p.amount ELSE 0 END")
	}
	played := account(ledger.Available, true) + ", " + account(ledger.Held, true)
	all := account(ledger.Available, false) + ", " + account(ledger.Held, false) + ", " + played
	rows, err := db.QueryContext(ctx, `SELECT j.user_id, j.kind,
		CASE WHEN p.to_account IN (`+played+`) OR p.from_account IN (`+played+`) THEN 1 ELSE 0 END,
		COUNT(DISTINCT j.id), `+change(ledger.Available)+`, `+change(ledger.Held)+`
		FROM journal j JOIN postings p ON p.journal_id = j.id
		WHERE j.id >= ? AND j.id < ? AND j.user_id > 0 AND (p.to_account IN (`+all+`) OR p.from_account IN (`+all+`)) GROUP BY 1, 2, 3`, from, to)
	if err != nil {
		return nil, err
	}
	return scanLedger(rows)
}

// ledgerHour reads what was folded of an hour.
func ledgerHour(ctx context.Context, db bun.IDB, hour time.Time) (ledgerMap, error) {
	rows, err := db.QueryContext(ctx, "SELECT user_id, kind, test, entries, available, held FROM ledger_hours WHERE hour = ?", hour.Unix())
	if err != nil {
		return nil, err
	}
	return scanLedger(rows)
}

func scanLedger(rows *sql.Rows) (ledgerMap, error) {
	defer func() { _ = rows.Close() }()
	out := ledgerMap{}
	for rows.Next() {
		var k ledgerKey
		var v ledgerSum
		if err := rows.Scan(&k.userID, &k.kind, &k.test, &v.entries, &v.available, &v.held); err != nil {
			return nil, err
		}
		out[k] = v
	}
	return out, rows.Err()
}

func (s *Store) foldLedger(ctx context.Context) (more bool, err error) {
	return s.foldHour(ctx, markLedger, journalAt(s.Now().Add(-ledgerLag)))
}

func (s *Store) foldLedgerAgain(ctx context.Context) (more bool, err error) {
	folded, err := s.mark(ctx, markLedger)
	if err != nil {
		return false, err
	}
	return s.foldHour(ctx, markLedgerAgain, min(folded, journalAt(s.Now().Add(-secondLook))))
}

// foldHour writes the sums of the next hour behind a mark that has entries and
// is over before end, and moves the mark to its end.
func (s *Store) foldHour(ctx context.Context, name, end string) (more bool, err error) {
	late, err := s.mark(ctx, markLedgerLate)
	if err != nil {
		return false, err
	}
	mark, err := s.mark(ctx, name)
	if err != nil {
		return false, err
	}
	hour, err := nextHour(ctx, s.read, mark, end)
	if err != nil || hour.IsZero() {
		return false, failure(err)
	}
	next := journalAt(hour.Add(time.Hour))
	if next > end {
		return false, nil
	}
	sums, err := s.sumLedger(ctx, s.read, journalAt(hour), next)
	if err != nil {
		return false, failure(err)
	}
	err = s.transact(ctx, func(tx bun.Tx) error {
		if err := moveMark(ctx, tx, markLedgerLate, late, late); err != nil { // locks it
			return err
		}
		if err := moveMark(ctx, tx, name, mark, next); err != nil {
			return err
		}
		have, err := ledgerHour(ctx, tx, hour)
		if err != nil || maps.Equal(have, sums) {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM ledger_hours WHERE hour = ?", hour.Unix()); err != nil {
			return err
		}
		for part := range slices.Chunk(slices.SortedFunc(maps.Keys(sums), ledgerKey.compare), 100) { // one order on all nodes
			values := make([]any, len(part))
			for i, k := range part {
				v := sums[k]
				values[i] = bun.List([]any{k.userID, k.test, hour.Unix(), string(k.kind), v.entries, int64(v.available), int64(v.held)})
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO ledger_hours (user_id, test, hour, kind, entries, available, held) VALUES (?)"+
				strings.Repeat(", (?)", len(part)-1), values...); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errMarkMoved) {
		err = nil // another node has folded this, or has more for it; look again
	}
	return true, err
}

// nextHour is the hour of the first entry within a time, zero when there is
// none.
func nextHour(ctx context.Context, db bun.IDB, from, to string) (time.Time, error) {
	var id string
	err := db.QueryRowContext(ctx, "SELECT id FROM journal WHERE id >= ? AND id < ? ORDER BY id LIMIT 1", max(from, journalAt(time.UnixMilli(0))), to).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	at, err := task.TimeOf(journalPrefix, id)
	return at.Truncate(time.Hour), err
}

// foldedLedger reads what whole hours did to a user, by kind.
func (s *Store) foldedLedger(ctx context.Context, tx bun.Tx, userID int64, test bool, from, to time.Time) ([]KindSum, error) {
	rows, err := tx.QueryContext(ctx, "SELECT kind, "+s.dialect.sumOf("entries")+", "+s.dialect.sumOf("available")+", "+s.dialect.sumOf("held")+`
		FROM ledger_hours WHERE user_id = ? AND test = ? AND hour >= ? AND hour < ? GROUP BY kind`, userID, flag(test), from.Unix(), to.Unix())
	if err != nil {
		return nil, err
	}
	return scanKinds(rows)
}

func scanKinds(rows *sql.Rows) ([]KindSum, error) {
	defer func() { _ = rows.Close() }()
	var list []KindSum
	for rows.Next() {
		var k KindSum
		if err := rows.Scan(&k.Kind, &k.Entries, &k.Available, &k.Held); err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// joinKinds adds up sums of the same kind and sorts them.
func joinKinds(list []KindSum) []KindSum {
	sums := map[ledger.Kind]KindSum{}
	for _, k := range list {
		have := sums[k.Kind]
		sums[k.Kind] = KindSum{k.Kind, have.Entries + k.Entries, have.Available + k.Available, have.Held + k.Held}
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b KindSum) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
}

// ledgerFolded is the end of the hours that are folded, zero when none are.
func ledgerFolded(ctx context.Context, tx bun.Tx) (time.Time, error) {
	mark, err := markIn(ctx, tx, markLedger)
	if err != nil || mark == "" {
		return time.Time{}, err
	}
	return task.TimeOf(journalPrefix, mark)
}

// verifyLedger compares the folded hours with the journal and names those that
// differ. Rows behind the mark are not read by anybody: they are of hours that
// were opened again.
func (s *Store) verifyLedger(ctx context.Context, tx bun.Tx) ([]Mismatch, error) {
	mark, err := markIn(ctx, tx, markLedger)
	if err != nil {
		return nil, err
	}
	var out []Mismatch
	for at := ""; ; {
		hour, err := nextHour(ctx, tx, at, mark)
		if err != nil {
			return nil, err
		}
		// Hours without entries have no rows; one that has is next as well.
		var written sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT MIN(hour) FROM ledger_hours WHERE hour >= ? AND hour < ?", hourOf(at), hourOf(mark)).Scan(&written); err != nil {
			return nil, err
		}
		if w := time.Unix(written.Int64, 0).UTC(); written.Valid && (hour.IsZero() || w.Before(hour)) {
			hour = w
		}
		if hour.IsZero() {
			return out, nil
		}
		at = journalAt(hour.Add(time.Hour))
		want, err := s.sumLedger(ctx, tx, journalAt(hour), at)
		if err != nil {
			return nil, err
		}
		have, err := ledgerHour(ctx, tx, hour)
		if err != nil {
			return nil, err
		}
		keys := maps.Clone(want)
		maps.Copy(keys, have)
		for _, k := range slices.SortedFunc(maps.Keys(keys), ledgerKey.compare) {
			if w, h := want[k], have[k]; w != h {
				out = append(out, Mismatch{
					Kind: "ledger hour", ID: fmt.Sprintf("user %d %s %s%s", k.userID, hour.Format(time.RFC3339), k.kind, map[int]string{1: " (test)"}[k.test]),
					Detail: fmt.Sprintf("the journal has %d entries, %d available, %d held; the hour says %d, %d, %d",
						w.entries, w.available, w.held, h.entries, h.available, h.held),
				})
			}
		}
	}
}

// hourOf is the time of a bound of the journal, as ledger_hours keeps it.
func hourOf(at string) int64 {
	t, err := task.TimeOf(journalPrefix, at)
	if err != nil {
		return 0 // none: before the first
	}
	return t.Unix()
}
