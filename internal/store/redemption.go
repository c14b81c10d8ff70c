package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
)

// RedemptionStatus is where a redemption code stands.
type RedemptionStatus int

const (
	CodeOpen     RedemptionStatus = 1
	CodeDisabled RedemptionStatus = 2
	CodeUsed     RedemptionStatus = 3
)

// Redemption is a code that is worth quota, once. Its text is known only when
// it is made.
type Redemption struct {
	ID        int64            `bun:"id"`
	Prefix    string           `bun:"prefix"` // first characters of the code, to recognise it by
	Name      string           `bun:"name"`   // of the batch
	Quota     money.Quota      `bun:"quota"`
	Status    RedemptionStatus `bun:"status"`
	ExpiresAt int64            `bun:"expires_at"` // unix milliseconds, 0: never
	CreatedBy string           `bun:"created_by"`
	CreatedAt int64            `bun:"created_at"`
	UsedBy    int64            `bun:"used_by"` // user, 0: nobody
	UsedAt    int64            `bun:"used_at"`
}

const redemptionColumns = "id, prefix, name, quota, status, expires_at, created_by, created_at, used_by, used_at"

// codePrefix starts every redemption code.
const codePrefix = "rc-"

var redemptionEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newCode is 125 random bits as people can type them: rc- and five groups of
// five, without letters that look like digits.
func newCode() secret.Text {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	t := redemptionEncoding.EncodeToString(b)
	groups := make([]string, 5)
	for i := range groups {
		groups[i] = t[5*i : 5*i+5]
	}
	return secret.Text(codePrefix + strings.Join(groups, "-"))
}

// plainCode is a code as it is hashed, however somebody has typed it: case,
// blanks and dashes do not count, and i, l, o mean the digits they look like.
func plainCode(t secret.Text) secret.Text {
	s := strings.ToLower(t.Reveal())
	s = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\r', '\n':
			return -1
		case 'i', 'l':
			return '1'
		case 'o':
			return '0'
		}
		return r
	}, s)
	return secret.Text(strings.TrimPrefix(s, strings.TrimSuffix(codePrefix, "-")))
}

// MostCodes bounds one batch.
const MostCodes = 1000

// NewRedemptions is a batch of codes to be made.
type NewRedemptions struct {
	Name      string
	Count     int
	Quota     money.Quota // of each
	ExpiresAt time.Time   // zero: never
}

// CreateRedemptions makes codes and returns their texts, which are kept
// nowhere else, in the order of the rows.
func (s *Store) CreateRedemptions(ctx context.Context, by Actor, n NewRedemptions) ([]Redemption, []secret.Text, error) {
	if err := Label("name", n.Name); err != nil {
		return nil, nil, err
	}
	if n.Count < 1 || n.Count > MostCodes {
		return nil, nil, fault.New(fault.Invalid, "count must be from 1 to %d.", MostCodes).Named("out_of_range").At("count")
	}
	if n.Quota <= 0 || n.Quota > money.MaxQuota {
		return nil, nil, fault.New(fault.Invalid, "quota must be from 1 to %d.", money.MaxQuota).Named("out_of_range").At("quota")
	}
	now := s.Now()
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		return nil, nil, fault.New(fault.Invalid, "expires_at lies in the past.").Named("expires_in_past").At("expires_at")
	}
	rows := make([]Redemption, n.Count)
	texts := make([]secret.Text, n.Count)
	for i := range rows {
		texts[i] = newCode()
		rows[i] = Redemption{
			Prefix: texts[i].Reveal()[:len(codePrefix)+5], Name: n.Name, Quota: n.Quota, Status: CodeOpen,
			ExpiresAt: millis(n.ExpiresAt), CreatedBy: by.Name, CreatedAt: millis(now),
		}
	}
	err := s.transact(ctx, func(tx bun.Tx) error {
		for i := range rows {
			r := &rows[i]
			var err error
			r.ID, err = s.insertRow(ctx, tx, `INSERT INTO redemptions (hash, prefix, name, quota, status, expires_at, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				hashSecret(plainCode(texts[i])), r.Prefix, r.Name, int64(r.Quota), int(r.Status), r.ExpiresAt, r.CreatedBy, r.CreatedAt)
			if err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "redemption.create", fmt.Sprintf("redemption:%d", rows[0].ID), map[string]any{
			"name": n.Name, "count": n.Count, "quota": n.Quota, "expires_at": millis(n.ExpiresAt), "last_id": rows[n.Count-1].ID,
		})
	})
	return rows, texts, err
}

// RedemptionFilter picks codes for a list. Zero fields do not filter.
type RedemptionFilter struct {
	Status RedemptionStatus
	Name   string
	Prefix string
	UsedBy int64
	Before int64 // ids below this one: the next page
	Limit  int
}

// Redemptions lists codes, newest first, with one more than Limit when there
// is a next page.
func (s *Store) Redemptions(ctx context.Context, f RedemptionFilter) ([]Redemption, error) {
	q := s.read.NewSelect().TableExpr("redemptions").ColumnExpr(redemptionColumns).OrderExpr("id DESC").Limit(int64(f.Limit) + 1)
	if f.Status != 0 {
		q.Where("status = ?", int(f.Status))
	}
	if f.Name != "" {
		q.Where("name = ?", f.Name)
	}
	if f.Prefix != "" {
		q.Where("prefix = ?", f.Prefix)
	}
	if f.UsedBy != 0 {
		q.Where("used_by = ?", f.UsedBy)
	}
	if f.Before != 0 {
		q.Where("id < ?", f.Before)
	}
	var out []Redemption
	return out, failure(q.Scan(ctx, &out))
}

// Redemption finds a code by id.
func (s *Store) Redemption(ctx context.Context, id int64) (Redemption, error) {
	list, err := s.Redemptions(ctx, RedemptionFilter{Before: id + 1, Limit: 1})
	if err == nil && (len(list) == 0 || list[0].ID != id) {
		return Redemption{}, fault.New(fault.NotFound, "Redemption code %d does not exist.", id).Named("redemption_not_found")
	}
	if err != nil {
		return Redemption{}, err
	}
	return list[0], nil
}

// SwitchRedemption disables an open code, or opens a disabled one again.
// Conflict means that it has been used, or is so already.
func (s *Store) SwitchRedemption(ctx context.Context, by Actor, id int64, to RedemptionStatus) (Redemption, error) {
	from := map[RedemptionStatus]RedemptionStatus{CodeDisabled: CodeOpen, CodeOpen: CodeDisabled}[to]
	err := s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE redemptions SET status = ? WHERE id = ? AND status = ?", int(to), id, int(from))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Redemption code %d has been used, or is in this state already.", id).Named("redemption_not_open"))
		}
		return s.audit(ctx, tx, by, "redemption.update", fmt.Sprintf("redemption:%d", id), map[string]any{"before": int(from), "after": int(to)})
	})
	r, found := s.Redemption(ctx, id)
	if found != nil {
		return r, found
	}
	return r, err
}

// Redeem credits a user with the worth of a code. The code is used up by the
// same transaction, guarded by its state, and the ledger's reference is the
// code's number: two who redeem it at once are told apart by the database.
func (s *Store) Redeem(ctx context.Context, by Actor, userID int64, code secret.Text) (Redemption, error) {
	hash := hashSecret(plainCode(code))
	var r Redemption
	err := s.transact(ctx, func(tx bun.Tx) error {
		now := s.Now()
		res, err := tx.ExecContext(ctx, `UPDATE redemptions SET status = ?, used_by = ?, used_at = ?
			WHERE hash = ? AND status = ? AND (expires_at = 0 OR expires_at > ?)`,
			int(CodeUsed), userID, millis(now), hash, int(CodeOpen), millis(now))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		r = Redemption{}
		err = tx.NewRaw("SELECT "+redemptionColumns+" FROM redemptions WHERE hash = ?", hash).Scan(ctx, &r)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		switch {
		case r.ID == 0 || r.Status == CodeDisabled:
			return fault.New(fault.NotFound, "This redemption code is not valid.").Named("code_not_valid").At("code")
		case n == 0 && r.Status == CodeUsed:
			return fault.New(fault.Conflict, "This redemption code has been used.").Named("code_used").At("code")
		case n == 0:
			return fault.New(fault.Conflict, "This redemption code expired at %s.", moment(r.ExpiresAt).Format(time.RFC3339)).Named("code_expired").At("code")
		}
		e := ledger.Change(ledger.KindRedeem, userID, r.Quota, fmt.Sprintf("redemption %d", r.ID), by.Name, r.Name, now)
		if err := s.post(ctx, tx, e); err != nil {
			return err
		}
		err = s.audit(ctx, tx, by, "redemption.redeem", fmt.Sprintf("redemption:%d", r.ID), map[string]any{"user": userID, "quota": r.Quota})
		faultpoint.Here("store.redeem.before-commit")
		return err
	})
	faultpoint.Here("store.redeem.committed")
	return r, err
}
