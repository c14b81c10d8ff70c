package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

// Purpose of a ticket: one kind is no good as another.
type Purpose string

const (
	TicketSetup         Purpose = "setup"           // makes the first administrator
	TicketReset         Purpose = "reset"           // sets a user's password
	TicketSignIn        Purpose = "sign_in"         // signs a user in; made on the gateway's machine only
	TicketPasskeyAdd    Purpose = "passkey.add"     // state of a ceremony
	TicketPasskeySignIn Purpose = "passkey.sign_in" // state of a ceremony
	TicketOIDC          Purpose = "oidc"            // state of a sign-in or link at the provider
)

// Ticket is a secret that works once and not for long.
type Ticket struct {
	UserID int64 // 0: nobody's
	Data   []byte
}

// NewTicket makes a ticket and returns its text, which is kept nowhere else.
func (s *Store) NewTicket(ctx context.Context, p Purpose, userID int64, data []byte, life time.Duration) (secret.Text, error) {
	var text secret.Text
	err := s.transact(ctx, func(tx bun.Tx) error {
		var err error
		text, err = s.newTicket(ctx, tx, p, userID, data, life)
		return err
	})
	return text, err
}

func (s *Store) newTicket(ctx context.Context, tx bun.Tx, p Purpose, userID int64, data []byte, life time.Duration) (secret.Text, error) {
	text := randomSecret("")
	hash, now := hashSecret(text), s.Now()
	if _, err := tx.ExecContext(ctx, "DELETE FROM tickets WHERE expires_at < ?", millis(now)); err != nil {
		return "", err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO tickets (hash, purpose, user_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
		hash, string(p), userID, s.keys.Seal(secret.Text(data), ticketPlace(hash)), millis(now), millis(now.Add(life)))
	return text, err
}

func ticketPlace(hash string) string { return "tickets/" + hash }

// noTicket is the one answer for tickets that never were, are used or too old.
func noTicket() error {
	return fault.New(fault.Forbidden, "This link or step has been used, has expired or never was. Begin again.").Named("ticket_invalid")
}

// Ticket looks at a ticket without using it. Forbidden (ticket_invalid): it is
// no good.
func (s *Store) Ticket(ctx context.Context, p Purpose, text secret.Text) (Ticket, error) {
	t, err := s.readTicket(ctx, s.read, p, text)
	return t, failure(err)
}

// TakeTicket uses a ticket. Of several that take the same one, one gets it; the
// others are refused as by Ticket.
func (s *Store) TakeTicket(ctx context.Context, p Purpose, text secret.Text) (Ticket, error) {
	var t Ticket
	err := s.transact(ctx, func(tx bun.Tx) error {
		var err error
		t, err = s.takeTicket(ctx, tx, p, text)
		return err
	})
	return t, err
}

func (s *Store) takeTicket(ctx context.Context, tx bun.Tx, p Purpose, text secret.Text) (Ticket, error) {
	t, err := s.readTicket(ctx, tx, p, text)
	if err != nil {
		return t, err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM tickets WHERE hash = ?", hashSecret(text))
	if err != nil {
		return t, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return t, errors.Join(err, noTicket())
	}
	return t, nil
}

func (s *Store) readTicket(ctx context.Context, db bun.IDB, p Purpose, text secret.Text) (Ticket, error) {
	var t Ticket
	var sealed string
	hash := hashSecret(text)
	err := db.NewRaw("SELECT user_id, data FROM tickets WHERE hash = ? AND purpose = ? AND expires_at > ?", hash, string(p), millis(s.Now())).
		Scan(ctx, &t.UserID, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return t, noTicket()
	}
	if err != nil {
		return t, err
	}
	data, err := s.keys.Open(sealed, ticketPlace(hash))
	t.Data = []byte(data.Reveal())
	return t, err
}

// NewResetTicket makes the one ticket that sets a user's password; an older
// one is void.
func (s *Store) NewResetTicket(ctx context.Context, by Actor, userID int64, life time.Duration, may Permit) (secret.Text, error) {
	var text secret.Text
	err := s.transact(ctx, func(tx bun.Tx) error {
		if _, err := userForChange(ctx, tx, userID, may); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tickets WHERE purpose = ? AND user_id = ?", string(TicketReset), userID); err != nil {
			return err
		}
		var err error
		if text, err = s.newTicket(ctx, tx, TicketReset, userID, nil, life); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "user.reset_link", userTarget(userID), nil)
	})
	return text, err
}

// ResetPassword uses a reset ticket: the password is set and all sessions of
// the user end.
func (s *Store) ResetPassword(ctx context.Context, requestID, address string, ticket secret.Text, hash string) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		t, err := s.takeTicket(ctx, tx, TicketReset, ticket)
		if err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ? AND status <> ?", hash, millis(s.Now()), t.UserID, deleted)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noTicket())
		}
		if err := endSessions(ctx, tx, t.UserID, ""); err != nil {
			return err
		}
		return s.audit(ctx, tx, UserActor(t.UserID, requestID, address), "user.reset", userTarget(t.UserID), nil)
	})
}

// TOTP is a user's second factor.
type TOTP struct {
	Secret    secret.Text
	Confirmed bool // asked for at sign-in

	sealed string
}

func totpPlace(userID int64) string { return fmt.Sprintf("users/%d/totp", userID) }

// RecoveryCodes is how many a user gets.
const RecoveryCodes = 10

var recoveryEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newRecoveryCode is 80 random bits in four groups of four.
func newRecoveryCode() secret.Text {
	b := make([]byte, 10)
	_, _ = rand.Read(b)
	c := recoveryEncoding.EncodeToString(b)
	return secret.Text(c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:])
}

// recoveryHash forgives how people type a code.
func (s *Store) recoveryHash(userID int64, code secret.Text) string {
	plain := strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1").Replace(strings.ToLower(code.Reveal()))
	return hex.EncodeToString(secret.MAC(s.keys.Derive("recovery codes"), fmt.Sprint(userID), plain))
}

// BeginTOTP keeps a new secret, not yet asked for, and returns the recovery
// codes that go with it, which are kept nowhere else. Conflict: there is a
// confirmed one.
func (s *Store) BeginTOTP(ctx context.Context, userID int64, text secret.Text) ([]secret.Text, error) {
	var codes []secret.Text
	err := s.transact(ctx, func(tx bun.Tx) error {
		codes = nil
		if _, err := tx.ExecContext(ctx, "DELETE FROM totp WHERE user_id = ? AND confirmed_at = 0", userID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO totp (user_id, secret, created_at) VALUES (?, ?, ?)", userID, s.keys.Seal(text, totpPlace(userID)), millis(s.Now()))
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "A second factor is set up already. Disable it first.").Named("totp_enabled")
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE user_id = ?", userID); err != nil {
			return err
		}
		for range RecoveryCodes {
			c := newRecoveryCode()
			codes = append(codes, c)
			if _, err := tx.ExecContext(ctx, "INSERT INTO recovery_codes (user_id, hash) VALUES (?, ?)", userID, s.recoveryHash(userID, c)); err != nil {
				return err
			}
		}
		return nil
	})
	return codes, err
}

// TOTP finds a user's second factor. NotFound: there is none.
func (s *Store) TOTP(ctx context.Context, userID int64) (TOTP, error) {
	var t TOTP
	var confirmed int64
	err := s.read.NewRaw("SELECT secret, confirmed_at FROM totp WHERE user_id = ?", userID).Scan(ctx, &t.sealed, &confirmed)
	if errors.Is(err, sql.ErrNoRows) {
		return t, fault.New(fault.NotFound, "There is no second factor.").Named("totp_not_found")
	}
	if err != nil {
		return t, failure(err)
	}
	t.Confirmed = confirmed > 0
	t.Secret, err = s.keys.Open(t.sealed, totpPlace(userID))
	return t, err
}

// ConfirmTOTP makes a second factor count from now on. step is the time step
// of the code that proved it.
func (s *Store) ConfirmTOTP(ctx context.Context, by Actor, userID int64, t TOTP, step int64) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE totp SET confirmed_at = ?, last_step = ? WHERE user_id = ? AND secret = ? AND confirmed_at = 0",
			millis(s.Now()), step, userID, t.sealed)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "The second factor was changed in the meantime. Begin again.").Named("version_conflict"))
		}
		return s.audit(ctx, tx, by, "totp.enable", userTarget(userID), nil)
	})
}

// UseTOTPStep remembers an accepted time step. It reports false when this or a
// later one was accepted before: each code works once.
func (s *Store) UseTOTPStep(ctx context.Context, userID, step int64) (bool, error) {
	res, err := s.write.ExecContext(ctx, "UPDATE totp SET last_step = ? WHERE user_id = ? AND confirmed_at > 0 AND last_step < ?", step, userID, step)
	if err != nil {
		return false, failure(err)
	}
	n, err := res.RowsAffected()
	return n == 1, failure(err)
}

// UseRecoveryCode uses one of a user's codes up; false: it is none.
func (s *Store) UseRecoveryCode(ctx context.Context, by Actor, userID int64, code secret.Text) (bool, error) {
	used := false
	err := s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?", userID, s.recoveryHash(userID, code))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if used = n == 1; err != nil || !used {
			return err
		}
		return s.audit(ctx, tx, by, "totp.recovery_code", userTarget(userID), nil)
	})
	return used, err
}

// RemoveTOTP ends a user's second factor and voids the recovery codes.
func (s *Store) RemoveTOTP(ctx context.Context, by Actor, userID int64, may Permit) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		if _, err := userForChange(ctx, tx, userID, may); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM totp WHERE user_id = ?", userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "There is no second factor.").Named("totp_not_found"))
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM recovery_codes WHERE user_id = ?", userID); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "totp.disable", userTarget(userID), nil)
	})
}

// Passkey is a credential that signs a user in.
type Passkey struct {
	ID         int64  `bun:"id"`
	UserID     int64  `bun:"user_id"`
	Name       string `bun:"name"`
	Site       string `bun:"site"`   // domain it was made for
	Record     string `bun:"record"` // see auth.Passkey
	CreatedAt  int64  `bun:"created_at"`
	LastUsedAt int64  `bun:"last_used_at"`
}

// PasskeysPerUser bounds the list that a ceremony carries.
const PasskeysPerUser = 20

const passkeyColumns = "id, user_id, name, site, record, created_at, last_used_at"

func hashCredential(id []byte) string {
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:])
}

// AddPasskey keeps a credential that a ceremony has proved.
func (s *Store) AddPasskey(ctx context.Context, by Actor, p Passkey, credential []byte) (Passkey, error) {
	if err := Label("name", p.Name); err != nil {
		return p, err
	}
	p.CreatedAt = millis(s.Now())
	err := s.transact(ctx, func(tx bun.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM passkeys WHERE user_id = ?", p.UserID).Scan(&n); err != nil {
			return err
		}
		if n >= PasskeysPerUser {
			return fault.New(fault.Conflict, "A user may have %d passkeys. Delete one first.", PasskeysPerUser).Named("too_many_passkeys")
		}
		var err error
		p.ID, err = s.insertRow(ctx, tx, "INSERT INTO passkeys (user_id, name, site, credential_id, record, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			p.UserID, p.Name, p.Site, hashCredential(credential), p.Record, p.CreatedAt)
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "This passkey is registered already.").Named("passkey_exists")
		}
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "passkey.add", userTarget(p.UserID), map[string]any{"id": p.ID, "name": p.Name})
	})
	return p, err
}

// Passkeys lists a user's passkeys, newest first.
func (s *Store) Passkeys(ctx context.Context, userID int64) ([]Passkey, error) {
	var out []Passkey
	err := s.read.NewRaw("SELECT "+passkeyColumns+" FROM passkeys WHERE user_id = ? ORDER BY id DESC", userID).Scan(ctx, &out)
	return out, failure(err)
}

// PasskeyByCredential finds the passkey of a credential id. NotFound: we do not
// know it.
func (s *Store) PasskeyByCredential(ctx context.Context, credential []byte) (Passkey, error) {
	var p Passkey
	err := s.read.NewRaw("SELECT "+passkeyColumns+" FROM passkeys WHERE credential_id = ?", hashCredential(credential)).Scan(ctx, &p)
	if errors.Is(err, sql.ErrNoRows) {
		return p, noPasskey()
	}
	return p, failure(err)
}

func noPasskey() error {
	return fault.New(fault.NotFound, "There is no such passkey.").Named("passkey_not_found")
}

// PasskeyUsed keeps the record as the credential's counter left it.
func (s *Store) PasskeyUsed(ctx context.Context, id int64, record string) error {
	_, err := s.write.ExecContext(ctx, "UPDATE passkeys SET record = ?, last_used_at = ? WHERE id = ?", record, millis(s.Now()), id)
	return failure(err)
}

// RenamePasskey gives one of a user's passkeys another name.
func (s *Store) RenamePasskey(ctx context.Context, by Actor, userID, id int64, name string) error {
	if err := Label("name", name); err != nil {
		return err
	}
	return s.passkeyChange(ctx, by, "passkey.rename", userID, id, name, "UPDATE passkeys SET name = ? WHERE id = ? AND user_id = ?", name, id, userID)
}

// DeletePasskey removes one of a user's passkeys. Conflict: it is their only way
// to sign in.
func (s *Store) DeletePasskey(ctx context.Context, by Actor, userID, id int64) error {
	return s.passkeyChange(ctx, by, "passkey.delete", userID, id, "", "DELETE FROM passkeys WHERE id = ? AND user_id = ?", id, userID)
}

func (s *Store) passkeyChange(ctx context.Context, by Actor, action string, userID, id int64, name, query string, args ...any) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noPasskey())
		}
		detail := map[string]any{"id": id}
		if name != "" {
			detail["name"] = name
		} else if err := keepSignIn(ctx, tx, userID); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, action, userTarget(userID), detail)
	})
}

// OIDCIdentity is an account at the OIDC provider. Issuer and subject identify
// it, nothing else does.
type OIDCIdentity struct {
	ID         int64  `bun:"id"`
	Issuer     string `bun:"issuer"`
	Subject    string `bun:"subject"`
	UserID     int64  `bun:"user_id"`
	Label      string `bun:"label"` // name or address there, to recognise it by
	CreatedAt  int64  `bun:"created_at"`
	LastUsedAt int64  `bun:"last_used_at"`
}

// OIDCUser finds the user of an account at the provider and notes the use.
// NotFound: it belongs to nobody here.
func (s *Store) OIDCUser(ctx context.Context, issuer, subject string) (int64, error) {
	var i OIDCIdentity
	err := s.read.NewRaw("SELECT * FROM oidc_identities WHERE issuer = ? AND subject = ?", issuer, subject).Scan(ctx, &i)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.New(fault.NotFound, "This account belongs to no user here.").Named("identity_not_found")
	}
	if err == nil {
		_, err = s.write.ExecContext(ctx, "UPDATE oidc_identities SET last_used_at = ? WHERE id = ?", millis(s.Now()), i.ID)
	}
	return i.UserID, failure(err)
}

// LinkOIDC lets an account at the provider sign a user in.
func (s *Store) LinkOIDC(ctx context.Context, by Actor, i OIDCIdentity) error {
	return s.transact(ctx, func(tx bun.Tx) error { return s.linkOIDC(ctx, tx, by, i) })
}

func (s *Store) linkOIDC(ctx context.Context, tx bun.Tx, by Actor, i OIDCIdentity) error {
	id, err := s.insertRow(ctx, tx, "INSERT INTO oidc_identities (issuer, subject, user_id, label, created_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?)",
		i.Issuer, i.Subject, i.UserID, i.Label, millis(s.Now()), millis(s.Now()))
	if isDuplicate(err) {
		return fault.New(fault.Conflict, "This account is linked to a user already.").Named("identity_taken")
	}
	if err != nil {
		return err
	}
	return s.audit(ctx, tx, by, "oidc.link", userTarget(i.UserID), map[string]any{"id": id, "issuer": i.Issuer, "subject": i.Subject})
}

// OIDCIdentities lists the accounts that sign a user in.
func (s *Store) OIDCIdentities(ctx context.Context, userID int64) ([]OIDCIdentity, error) {
	var out []OIDCIdentity
	err := s.read.NewRaw("SELECT * FROM oidc_identities WHERE user_id = ? ORDER BY id", userID).Scan(ctx, &out)
	return out, failure(err)
}

// UnlinkOIDC ends that an account at the provider signs a user in. Conflict: it
// is their only way to sign in.
func (s *Store) UnlinkOIDC(ctx context.Context, by Actor, userID, id int64) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM oidc_identities WHERE id = ? AND user_id = ?", id, userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "There is no such linked account.").Named("identity_not_found"))
		}
		if err := keepSignIn(ctx, tx, userID); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "oidc.unlink", userTarget(userID), map[string]any{"id": id})
	})
}

// keepSignIn refuses to leave a user without any way to sign in.
func keepSignIn(ctx context.Context, tx bun.Tx, userID int64) error {
	var ways int
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM users WHERE id = ? AND password_hash <> '') +
		(SELECT COUNT(*) FROM passkeys WHERE user_id = ?) + (SELECT COUNT(*) FROM oidc_identities WHERE user_id = ?)`,
		userID, userID, userID).Scan(&ways); err != nil {
		return err
	}
	if ways == 0 {
		return fault.New(fault.Conflict, "This is the only way to sign in. Set a password or add a passkey first.").Named("last_sign_in")
	}
	return nil
}
