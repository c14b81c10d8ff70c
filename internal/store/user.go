package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// insertRow inserts one row and returns its generated id.
func (s *Store) insertRow(ctx context.Context, tx bun.Tx, query string, args ...any) (int64, error) {
	if s.dialect == Postgres {
		var id int64
		err := tx.QueryRowContext(ctx, query+" RETURNING id", args...).Scan(&id)
		return id, err
	}
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// Label checks a name that people give things: 1 to 64 characters that print.
func Label(field, name string) error {
	n := utf8.RuneCountInString(name)
	if !utf8.ValidString(name) || n < 1 || n > 64 || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.New(fault.Invalid, "%s must have 1 to 64 printable characters and no blank at either end.", field).At(field)
	}
	return nil
}

// NewUser is a user to be made.
type NewUser struct {
	Name         string
	Role         account.Role
	Group        string // "" is the default group
	PasswordHash string
}

// CreateUser makes a user with empty accounts, in the real and the play
// ledger. Conflict means that the name is taken.
func (s *Store) CreateUser(ctx context.Context, n NewUser) (account.User, error) {
	if err := Label("name", n.Name); err != nil {
		return account.User{}, err
	}
	if n.Role == "" {
		n.Role = account.Plain
	}
	if n.Group == "" {
		n.Group = account.DefaultGroup
	}
	var id int64
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		now := millis(s.Now())
		var groups int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM user_groups WHERE name = ?", n.Group).Scan(&groups); err != nil {
			return err
		}
		if groups == 0 {
			return fault.New(fault.Invalid, "There is no group %q.", n.Group).At("group")
		}
		var err error
		id, err = s.insertRow(ctx, tx, `INSERT INTO users (name, password_hash, role, group_name, created_at, updated_at, changed)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, n.Name, n.PasswordHash, string(n.Role), n.Group, now, now, version)
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "A user named %q exists already.", n.Name).Named("name_taken").At("name")
		}
		if err != nil {
			return err
		}
		for _, test := range []bool{false, true} {
			for _, p := range []ledger.Purpose{ledger.Available, ledger.Held} {
				if _, err := tx.ExecContext(ctx, "INSERT INTO accounts (id, user_id, purpose) VALUES (?, ?, ?)",
					int64(ledger.UserAccount(id, p, test)), id, p.String()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return account.User{}, err
	}
	return s.User(ctx, id)
}

// User finds a user by id.
func (s *Store) User(ctx context.Context, id int64) (account.User, error) {
	var r userRow
	err := s.read.NewRaw("SELECT * FROM users WHERE id = ? AND status <> ?", id, deleted).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return account.User{}, fault.New(fault.NotFound, "User %d does not exist.", id)
	}
	return r.user(), failure(err)
}

// Users counts the users that exist.
func (s *Store) UserCount(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE status <> ?", deleted).Scan(&n)
	return n, failure(err)
}

// SetUserStatus switches a user on or off.
func (s *Store) SetUserStatus(ctx context.Context, id int64, st account.Status) error {
	return s.setStatus(ctx, "users", "User", id, st)
}

// SetTokenStatus switches a token on or off.
func (s *Store) SetTokenStatus(ctx context.Context, id int64, st account.Status) error {
	return s.setStatus(ctx, "tokens", "Token", id, st)
}

func (s *Store) setStatus(ctx context.Context, table, noun string, id int64, st account.Status) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE ? SET status = ?, changed = ?, version = version + 1 WHERE id = ? AND status <> ?",
			bun.Ident(table), int(st), version, id, deleted)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "%s %d does not exist.", noun, id))
		}
		return nil
	})
}

// NewToken is a token to be made.
type NewToken struct {
	UserID    int64
	Name      string
	Text      secret.Text // "" makes a random one
	Test      bool
	Limit     *money.Quota
	ExpiresAt time.Time
	Models    []string
	Networks  []string
	Rate      int
}

// CreateToken makes a token and returns its text, which is kept nowhere else.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (account.Token, secret.Text, error) {
	var none account.Token
	if err := Label("name", n.Name); err != nil {
		return none, "", err
	}
	if n.Text == "" {
		n.Text = account.NewTokenText(n.Test)
	}
	if n.Limit != nil && *n.Limit < 0 {
		return none, "", fault.New(fault.Invalid, "A budget cannot be below zero.").At("limit")
	}
	for _, p := range n.Networks {
		if _, err := ParseNetwork(p); err != nil {
			return none, "", fault.New(fault.Invalid, "%s.", err).At("networks")
		}
	}
	var limit any
	if n.Limit != nil {
		limit = int64(*n.Limit)
	}
	hash := account.HashToken(n.Text.Reveal())
	var id int64
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var users int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE id = ? AND status <> ?", n.UserID, deleted).Scan(&users); err != nil {
			return err
		}
		if users == 0 {
			return fault.New(fault.NotFound, "User %d does not exist.", n.UserID).At("user_id")
		}
		var err error
		id, err = s.insertRow(ctx, tx, `INSERT INTO tokens (user_id, name, hash, prefix, access_key, test, expires_at, models, networks, rate, created_at, changed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, n.UserID, n.Name, hash.Hex(), account.PrefixOf(n.Text), account.NewAccessKey(),
			flag(n.Test), millis(n.ExpiresAt), strings.Join(n.Models, ","), strings.Join(n.Networks, ","), n.Rate, millis(s.Now()), version)
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "This token exists already.")
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO token_budgets (token_id, limit_quota) VALUES (?, ?)", id, limit)
		return err
	})
	if err != nil {
		return none, "", err
	}
	t, ok := s.directory.View().Tokens[hash]
	if !ok {
		return none, "", fmt.Errorf("token %d is not in the directory", id)
	}
	return *t, n.Text, nil
}

// Balance is what a user has.
type Balance struct {
	Available money.Quota
	Held      money.Quota
}

// Balance reads a user's accounts in the real or the play ledger.
func (s *Store) Balance(ctx context.Context, userID int64, test bool) (Balance, error) {
	var b Balance
	for p, q := range map[ledger.Purpose]*money.Quota{ledger.Available: &b.Available, ledger.Held: &b.Held} {
		err := s.read.QueryRowContext(ctx, "SELECT balance FROM accounts WHERE id = ?", int64(ledger.UserAccount(userID, p, test))).Scan((*int64)(q))
		if errors.Is(err, sql.ErrNoRows) {
			return b, fault.New(fault.NotFound, "User %d does not exist.", userID)
		}
		if err != nil {
			return b, failure(err)
		}
	}
	return b, nil
}

// ChangeBalance records an entry made by ledger.Change. Conflict means that
// its reference was used before: the change has happened already.
func (s *Store) ChangeBalance(ctx context.Context, e ledger.Entry) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		for _, p := range e.Postings {
			for a, d := range map[ledger.Account]int64{p.From: -int64(p.Amount), p.To: int64(p.Amount)} {
				if a.Owner() == 0 {
					continue
				}
				res, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE id = ? AND balance + ? >= 0 AND balance + ? <= ?",
					d, int64(a), d, d, int64(money.MaxQuota))
				if err != nil {
					return err
				}
				if n, err := res.RowsAffected(); err != nil || n == 0 {
					return errors.Join(err, fault.New(fault.Unprocessable, "The balance of user %d does not allow a change of %d quota.", e.UserID, d).
						Named("balance_out_of_range").At("amount"))
				}
			}
		}
		id := task.NewID("j_", e.At)
		_, err := tx.ExecContext(ctx, `INSERT INTO journal (id, kind, reference, user_id, token_id, actor, memo, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			id, string(e.Kind), text(e.Reference), e.UserID, e.TokenID, e.Actor, e.Memo, millis(e.At))
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "This change has been made already (reference %s).", e.Reference).Named("already_done")
		}
		if err != nil {
			return err
		}
		for i, p := range e.Postings {
			if _, err := tx.ExecContext(ctx, "INSERT INTO postings (journal_id, n, from_account, to_account, amount) VALUES (?, ?, ?, ?, ?)",
				id, i, int64(p.From), int64(p.To), int64(p.Amount)); err != nil {
				return err
			}
		}
		return nil
	})
}
