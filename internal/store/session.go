package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/secret"
)

// Session is a sign-in.
type Session struct {
	Hash       string `bun:"hash"`
	UserID     int64  `bun:"user_id"`
	CreatedAt  int64  `bun:"created_at"` // unix milliseconds
	ExpiresAt  int64  `bun:"expires_at"`
	LastSeenAt int64  `bun:"last_seen_at"`
	Address    string `bun:"address"`
	Agent      string `bun:"agent"`
}

// SessionLife is how long a sign-in lasts; SessionIdle how long without use.
const (
	SessionLife = 30 * 24 * time.Hour
	SessionIdle = 7 * 24 * time.Hour
)

// randomSecret is 256 random bits as text.
func randomSecret(prefix string) secret.Text {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return secret.Text(prefix + base64.RawURLEncoding.EncodeToString(b))
}

func hashSecret(t secret.Text) string {
	sum := sha256.Sum256([]byte(t.Reveal()))
	return hex.EncodeToString(sum[:])
}

// CreateSession signs a user in and returns the cookie's value, kept nowhere
// else.
func (s *Store) CreateSession(ctx context.Context, userID int64, address, agent string) (secret.Text, error) {
	text := randomSecret("")
	now := s.Now()
	agent = strings.ToValidUTF8(agent, "�")
	if r := []rune(agent); len(r) > 200 {
		agent = string(r[:200])
	}
	err := s.transact(ctx, func(tx bun.Tx) error {
		// What has ended goes when its user comes back.
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND (expires_at < ? OR last_seen_at < ?)",
			userID, millis(now), millis(now.Add(-SessionIdle))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO sessions (hash, user_id, created_at, expires_at, last_seen_at, address, agent) VALUES (?, ?, ?, ?, ?, ?, ?)",
			hashSecret(text), userID, millis(now), millis(now.Add(SessionLife)), millis(now), address, agent)
		return err
	})
	return text, err
}

// SessionUser finds the user of a live session. NotFound: there is none.
func (s *Store) SessionUser(ctx context.Context, text secret.Text) (int64, string, error) {
	var r Session
	hash := hashSecret(text)
	err := s.read.NewRaw("SELECT * FROM sessions WHERE hash = ?", hash).Scan(ctx, &r)
	now := s.Now()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, "", fault.New(fault.NotFound, "You are not signed in.")
	case err != nil:
		return 0, "", failure(err)
	case now.After(moment(r.ExpiresAt)), now.Sub(moment(r.LastSeenAt)) > SessionIdle:
		return 0, "", fault.New(fault.NotFound, "Your session has ended. Sign in again.")
	}
	if now.Sub(moment(r.LastSeenAt)) > time.Minute { // not a write a request
		if _, err := s.write.ExecContext(ctx, "UPDATE sessions SET last_seen_at = ? WHERE hash = ?", millis(now), hash); err != nil {
			return 0, "", failure(err)
		}
	}
	return r.UserID, hash, nil
}

// Sessions lists a user's live sessions, latest first.
func (s *Store) Sessions(ctx context.Context, userID int64) ([]Session, error) {
	var out []Session
	now := s.Now()
	err := s.read.NewRaw("SELECT * FROM sessions WHERE user_id = ? AND expires_at > ? AND last_seen_at > ? ORDER BY last_seen_at DESC, hash",
		userID, millis(now), millis(now.Add(-SessionIdle))).Scan(ctx, &out)
	return out, failure(err)
}

// sessionID is how many hex digits of the hash name a session to its user: too
// few to be the hash, enough to be unique among their sessions.
const sessionID = 16

// ID names the session without telling anything that signs in.
func (s Session) ID() string { return s.Hash[:min(sessionID, len(s.Hash))] }

// EndSession ends the session with a hash.
func (s *Store) EndSession(ctx context.Context, hash string) error {
	_, err := s.write.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", hash)
	return failure(err)
}

// DeleteSession ends one of a user's sessions by its ID.
func (s *Store) DeleteSession(ctx context.Context, userID int64, id string) error {
	res, err := s.write.ExecContext(ctx, "DELETE FROM sessions WHERE SUBSTR(hash, 1, ?) = ? AND user_id = ?", sessionID, id, userID)
	if err != nil {
		return failure(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(failure(err), fault.New(fault.NotFound, "There is no such session.").Named("session_not_found"))
	}
	return nil
}

// endSessions ends all sessions of a user but one, in the transaction of the
// change that asks for it: of password, role or status.
func endSessions(ctx context.Context, tx bun.Tx, userID int64, but string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE user_id = ? AND hash <> ?", userID, but)
	return err
}

// SignIn is what a sign-in with a password needs to know.
type SignIn struct {
	User         account.User
	PasswordHash string
}

// SignInByName finds a user by sign-in name. NotFound: there is none.
func (s *Store) SignInByName(ctx context.Context, name string) (SignIn, error) {
	return s.signIn(ctx, "name = ?", name)
}

// SignInByID is SignInByName for a user that is known already.
func (s *Store) SignInByID(ctx context.Context, id int64) (SignIn, error) {
	return s.signIn(ctx, "id = ?", id)
}

func (s *Store) signIn(ctx context.Context, where string, arg any) (SignIn, error) {
	var r userRow
	err := s.read.NewRaw("SELECT * FROM users WHERE "+where+" AND status <> ?", arg, deleted).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return SignIn{}, fault.New(fault.NotFound, "There is no such user.").Named("user_not_found")
	}
	return SignIn{User: r.user(), PasswordHash: r.PasswordHash}, failure(err)
}

// personalPrefix starts every personal access token.
const personalPrefix = "pat-"

// PersonalToken is a token for the management API.
type PersonalToken struct {
	ID         int64  `bun:"id"`
	UserID     int64  `bun:"user_id"`
	Name       string `bun:"name"`
	Prefix     string `bun:"prefix"`
	ExpiresAt  int64  `bun:"expires_at"` // unix milliseconds, 0: never
	CreatedAt  int64  `bun:"created_at"`
	LastUsedAt int64  `bun:"last_used_at"`
}

// PersonalTokensPerUser bounds the list.
const PersonalTokensPerUser = 100

// CreatePersonalToken makes a personal access token and returns its text, once.
func (s *Store) CreatePersonalToken(ctx context.Context, by Actor, userID int64, name string, expires time.Time) (PersonalToken, secret.Text, error) {
	var out PersonalToken
	if err := Label("name", name); err != nil {
		return out, "", err
	}
	text := randomSecret(personalPrefix)
	prefix := text.Reveal()[:len(personalPrefix)+4]
	now := s.Now()
	err := s.transact(ctx, func(tx bun.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM personal_tokens WHERE user_id = ?", userID).Scan(&n); err != nil {
			return err
		}
		if n >= PersonalTokensPerUser {
			return fault.New(fault.Conflict, "A user may have %d personal access tokens. Delete one first.", PersonalTokensPerUser).Named("too_many_tokens")
		}
		id, err := s.insertRow(ctx, tx, "INSERT INTO personal_tokens (user_id, name, hash, prefix, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			userID, name, hashSecret(text), prefix, millis(expires), millis(now))
		if err != nil {
			return err
		}
		out = PersonalToken{ID: id, UserID: userID, Name: name, Prefix: prefix, ExpiresAt: millis(expires), CreatedAt: millis(now)}
		return s.audit(ctx, tx, by, "personal_token.create", userTarget(userID), map[string]any{"id": id, "name": name})
	})
	return out, text, err
}

// PersonalTokenUser finds the user of a live personal access token.
func (s *Store) PersonalTokenUser(ctx context.Context, text secret.Text) (int64, error) {
	var r PersonalToken
	err := s.read.NewRaw("SELECT id, user_id, name, prefix, expires_at, created_at, last_used_at FROM personal_tokens WHERE hash = ?", hashSecret(text)).Scan(ctx, &r)
	now := s.Now()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, fault.New(fault.NotFound, "The personal access token is not valid.")
	case err != nil:
		return 0, failure(err)
	case r.ExpiresAt != 0 && now.After(moment(r.ExpiresAt)):
		return 0, fault.New(fault.NotFound, "The personal access token has expired.")
	}
	if now.Sub(moment(r.LastUsedAt)) > time.Minute {
		if _, err := s.write.ExecContext(ctx, "UPDATE personal_tokens SET last_used_at = ? WHERE id = ?", millis(now), r.ID); err != nil {
			return 0, failure(err)
		}
	}
	return r.UserID, nil
}

// PersonalTokens lists a user's personal access tokens, newest first.
func (s *Store) PersonalTokens(ctx context.Context, userID int64) ([]PersonalToken, error) {
	var out []PersonalToken
	err := s.read.NewRaw("SELECT id, user_id, name, prefix, expires_at, created_at, last_used_at FROM personal_tokens WHERE user_id = ? ORDER BY id DESC", userID).Scan(ctx, &out)
	return out, failure(err)
}

// DeletePersonalToken revokes one of a user's personal access tokens.
func (s *Store) DeletePersonalToken(ctx context.Context, by Actor, userID, id int64) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM personal_tokens WHERE id = ? AND user_id = ?", id, userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "There is no such personal access token.").Named("personal_token_not_found"))
		}
		return s.audit(ctx, tx, by, "personal_token.delete", userTarget(userID), map[string]any{"id": id})
	})
}
