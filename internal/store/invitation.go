package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
)

// Invitation lets people register.
type Invitation struct {
	ID        int64       `bun:"id"`
	Prefix    string      `bun:"prefix"` // first characters of the code, to recognise it by
	Note      string      `bun:"note"`
	Uses      int         `bun:"uses"` // how often it may be used
	Used      int         `bun:"used"`
	Group     string      `bun:"group_name"`
	Grant     money.Quota `bun:"grant_quota"` // opening balance of who comes with it
	CreatedBy int64       `bun:"created_by"`
	CreatedAt int64       `bun:"created_at"` // unix milliseconds
	ExpiresAt int64       `bun:"expires_at"` // 0: never
	RevokedAt int64       `bun:"revoked_at"`
}

const invitationColumns = "id, prefix, note, uses, used, group_name, grant_quota, created_by, created_at, expires_at, revoked_at"

// invitationPrefix starts every invitation code.
const invitationPrefix = "inv-"

// MaxInvitationUses bounds one code; MaxInvitationGrant what one use gives.
const (
	MaxInvitationUses  = 10_000
	MaxInvitationGrant = 1_000_000 * money.QuotaPerUSD
)

// CreateInvitation makes an invitation and returns its code, which is kept
// nowhere else. Uses, Group, Grant, Note and ExpiresAt are read.
func (s *Store) CreateInvitation(ctx context.Context, by Actor, i Invitation) (Invitation, secret.Text, error) {
	now := s.Now()
	if i.Group == "" {
		i.Group = account.DefaultGroup
	}
	switch {
	case i.Uses < 1 || i.Uses > MaxInvitationUses:
		return i, "", fault.New(fault.Invalid, "uses must be from 1 to %d.", MaxInvitationUses).Named("out_of_range").At("uses")
	case i.Grant < 0 || i.Grant > MaxInvitationGrant:
		return i, "", fault.New(fault.Invalid, "grant must be from 0 to %d quota.", int64(MaxInvitationGrant)).Named("out_of_range").At("grant")
	case i.ExpiresAt != 0 && i.ExpiresAt <= millis(now):
		return i, "", fault.New(fault.Invalid, "expires_at must be in the future.").Named("expires_in_past").At("expires_at")
	case i.Note != "":
		if err := Label("note", i.Note); err != nil {
			return i, "", err
		}
	}
	text := randomSecret(invitationPrefix)
	i.Prefix, i.CreatedBy, i.CreatedAt = text.Reveal()[:len(invitationPrefix)+4], by.UserID, millis(now)
	err := s.transact(ctx, func(tx bun.Tx) error {
		if err := groupExists(ctx, tx, i.Group); err != nil {
			return err
		}
		var err error
		i.ID, err = s.insertRow(ctx, tx, `INSERT INTO invitations (hash, prefix, note, uses, group_name, grant_quota, created_by, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, hashSecret(text), i.Prefix, i.Note, i.Uses, i.Group, int64(i.Grant), i.CreatedBy, i.CreatedAt, i.ExpiresAt)
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "invitation.create", invitationTarget(i.ID), map[string]any{
			"uses": i.Uses, "group": i.Group, "grant": i.Grant, "expires_at": i.ExpiresAt, "note": i.Note,
		})
	})
	return i, text, err
}

func invitationTarget(id int64) string { return fmt.Sprintf("invitation:%d", id) }

// Invitations lists invitations, newest first: one more than the limit when
// there are more. before is an id, 0 begins with the newest.
func (s *Store) Invitations(ctx context.Context, before int64, limit int) ([]Invitation, error) {
	var out []Invitation
	err := s.read.NewRaw("SELECT "+invitationColumns+" FROM invitations WHERE (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?", before, before, limit+1).Scan(ctx, &out)
	return out, failure(err)
}

// RevokeInvitation makes an invitation useless; a second time changes nothing.
func (s *Store) RevokeInvitation(ctx context.Context, by Actor, id int64) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		var known int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM invitations WHERE id = ?", id).Scan(&known); err != nil {
			return err
		}
		if known == 0 {
			return fault.New(fault.NotFound, "Invitation %d does not exist.", id).Named("invitation_not_found")
		}
		res, err := tx.ExecContext(ctx, "UPDATE invitations SET revoked_at = ? WHERE id = ? AND revoked_at = 0", millis(s.Now()), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.audit(ctx, tx, by, "invitation.revoke", invitationTarget(id), nil)
	})
}

// Registrant is somebody who makes an account for themselves.
type Registrant struct {
	Name         string
	DisplayName  string
	Email        string
	PasswordHash string
	Invitation   secret.Text   // "" is none
	Identity     *OIDCIdentity // signs them in from now on; UserID is filled in
	RequestID    string
	Address      string
}

// errInvitation refuses a code that is unknown, used up, expired or revoked.
func errInvitation() error {
	return fault.New(fault.Forbidden, "This invitation code is not valid: it was used, has expired or never was. Ask for another.").Named("invitation_invalid").At("invitation")
}

// InvitationOpen refuses a code that Register would refuse now.
func (s *Store) InvitationOpen(ctx context.Context, code secret.Text) error {
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM invitations WHERE hash = ? AND used < uses AND revoked_at = 0 AND (expires_at = 0 OR expires_at > ?)",
		hashSecret(code), millis(s.Now())).Scan(&n)
	if err == nil && n == 0 {
		return errInvitation()
	}
	return failure(err)
}

// Register makes a plain user. With an invitation, one of its uses is taken and
// its opening balance given in the same transaction. Whether registration is
// open is the caller's to decide.
func (s *Store) Register(ctx context.Context, r Registrant) (account.User, error) {
	n := NewUser{Name: r.Name, DisplayName: r.DisplayName, Email: r.Email, PasswordHash: r.PasswordHash}
	if err := n.check(); err != nil {
		return account.User{}, err
	}
	var id int64
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var i Invitation
		if r.Invitation != "" {
			var err error
			if i, err = s.takeInvitation(ctx, tx, r.Invitation); err != nil {
				return err
			}
			n.Group = i.Group
		}
		var err error
		if id, err = s.insertUser(ctx, tx, version, n); err != nil {
			return err
		}
		by := UserActor(id, r.RequestID, r.Address)
		if i.Grant > 0 {
			reference := fmt.Sprintf("invitation %d user %d", i.ID, id)
			if err := s.post(ctx, tx, ledger.Change(ledger.KindGrant, id, i.Grant, reference, by.Name, "opening balance of an invitation", s.Now())); err != nil {
				return err
			}
		}
		if r.Identity != nil {
			identity := *r.Identity
			identity.UserID = id
			if err := s.linkOIDC(ctx, tx, by, identity); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "user.register", userTarget(id), map[string]any{"name": n.Name, "group": n.Group, "invitation": i.ID, "granted": i.Grant})
	})
	if err != nil {
		return account.User{}, err
	}
	return s.User(ctx, id)
}

// takeInvitation takes one use of a code.
func (s *Store) takeInvitation(ctx context.Context, tx bun.Tx, code secret.Text) (Invitation, error) {
	var i Invitation
	hash := hashSecret(code)
	res, err := tx.ExecContext(ctx, "UPDATE invitations SET used = used + 1 WHERE hash = ? AND used < uses AND revoked_at = 0 AND (expires_at = 0 OR expires_at > ?)",
		hash, millis(s.Now()))
	if err != nil {
		return i, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return i, errors.Join(err, errInvitation())
	}
	err = tx.NewRaw("SELECT "+invitationColumns+" FROM invitations WHERE hash = ?", hash).Scan(ctx, &i)
	return i, err
}

// Ended says why an invitation cannot be used any more, "" when it can.
func (i *Invitation) Ended(now time.Time) string {
	switch {
	case i.RevokedAt != 0:
		return "revoked"
	case i.Used >= i.Uses:
		return "used"
	case i.ExpiresAt != 0 && i.ExpiresAt <= millis(now):
		return "expired"
	}
	return ""
}
