package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// Token is a token as it is edited: what the directory holds, and what it has
// spent.
type Token struct {
	account.Token
	Held       money.Quota
	Used       money.Quota
	CreatedAt  time.Time
	LastUsedAt time.Time // to the minute; zero: never
	Version    int64
}

// NewToken is a token to be made.
type NewToken struct {
	By        Actor // who asks; zero: the gateway itself
	UserID    int64
	Name      string
	Text      secret.Text // "" makes a random one
	Test      bool        // implied by a text that begins with sk-test-
	Limit     *money.Quota
	ExpiresAt time.Time
	Models    []string
	Networks  []string
	Rate      int
}

// TokensPerUser bounds what one user can put into every node's memory.
const TokensPerUser = 500

// PlayBalance is what a user's play account is filled up to when a token of
// test mode is made.
const PlayBalance = 1000 * money.QuotaPerUSD

// CreateToken makes a token and returns its text, which is kept nowhere else.
// A token of test mode comes with play money.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (account.Token, secret.Text, error) {
	var none account.Token
	if n.Text == "" {
		n.Text = account.NewTokenText(n.Test)
	}
	n.Test = account.TestToken(n.Text.Reveal())
	if err := checkToken(n.Name, n.Rate, n.Models, n.Networks, n.Limit); err != nil {
		return none, "", err
	}
	hash := account.HashToken(n.Text.Reveal())
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		if err := s.roomForToken(ctx, tx, n.UserID); err != nil {
			return err
		}
		id, err := s.insertRow(ctx, tx, `INSERT INTO tokens (user_id, name, hash, prefix, access_key, test, expires_at, models, networks, rate, created_at, changed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, n.UserID, n.Name, hash.Hex(), account.PrefixOf(n.Text), account.NewAccessKey(),
			flag(n.Test), millis(n.ExpiresAt), strings.Join(n.Models, ","), strings.Join(n.Networks, ","), n.Rate, millis(s.Now()), version)
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "This token exists already.").Named("token_exists")
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO token_budgets (token_id, limit_quota) VALUES (?, ?)", id, (*int64)(n.Limit)); err != nil {
			return err
		}
		if n.Test {
			if err := s.fillPlay(ctx, tx, n.UserID, id, fmt.Sprintf("play money with token %d", id)); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, orGateway(n.By), "token.create", fmt.Sprintf("token:%d", id), map[string]any{
			"user": n.UserID, "name": n.Name, "test": n.Test, "budget": n.Limit, "models": n.Models, "networks": n.Networks, "rate": n.Rate,
		})
	})
	if err != nil {
		return none, "", err
	}
	t, ok := s.directory.View().Tokens[hash]
	if !ok {
		return none, "", fmt.Errorf("the new token of user %d is not in the directory", n.UserID)
	}
	return *t, n.Text, nil
}

// roomForToken refuses a token for a user who does not exist or has enough.
func (s *Store) roomForToken(ctx context.Context, tx bun.Tx, userID int64) error {
	var users, tokens int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE id = ? AND status <> ?", userID, deleted).Scan(&users); err != nil {
		return err
	}
	if users == 0 {
		return fault.New(fault.NotFound, "User %d does not exist.", userID).Named("user_not_found").At("user_id")
	}
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM tokens WHERE user_id = ? AND status <> ?", userID, deleted).Scan(&tokens); err != nil {
		return err
	}
	if tokens >= TokensPerUser {
		return fault.New(fault.Unprocessable, "User %d has %d tokens. Delete some first.", userID, tokens).Named("too_many_tokens")
	}
	return nil
}

// EnsurePlay fills a user's play account up when less than a tenth is left:
// orders of test mode without a token need play money too.
func (s *Store) EnsurePlay(ctx context.Context, userID int64) error {
	b, err := s.Balance(ctx, userID, true)
	if err != nil || b.Available >= PlayBalance/10 {
		return err
	}
	return s.transact(ctx, func(tx bun.Tx) error {
		return s.fillPlay(ctx, tx, userID, 0, "play money "+task.NewID("", s.Now()))
	})
}

// fillPlay fills a user's play account up. The same reference does so once.
func (s *Store) fillPlay(ctx context.Context, tx bun.Tx, userID, tokenID int64, reference string) error {
	to := ledger.UserAccount(userID, ledger.Available, true)
	var have int64
	if err := tx.QueryRowContext(ctx, "SELECT balance FROM accounts WHERE id = ?", int64(to)).Scan(&have); err != nil {
		return err
	}
	amount := PlayBalance - money.Quota(have)
	if amount <= 0 {
		return nil
	}
	now := s.Now()
	e := ledger.PlayGrant(userID, amount, reference, now)
	if _, err := tx.ExecContext(ctx, "UPDATE accounts SET balance = balance + ? WHERE id = ?", int64(amount), int64(to)); err != nil {
		return err
	}
	id := task.NewID("j_", now)
	if _, err := tx.ExecContext(ctx, "INSERT INTO journal (id, kind, reference, user_id, token_id, actor, memo, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		id, string(e.Kind), e.Reference, userID, tokenID, e.Actor, e.Memo, millis(now)); err != nil {
		return err
	}
	p := e.Postings[0]
	_, err := tx.ExecContext(ctx, "INSERT INTO postings (journal_id, n, from_account, to_account, amount) VALUES (?, 0, ?, ?, ?)",
		id, int64(p.From), int64(p.To), int64(p.Amount))
	return err
}

// orGateway is the actor, or the gateway when none is named.
func orGateway(a Actor) Actor {
	if a.Name == "" {
		a.Name = "gateway"
	}
	return a
}

func checkToken(name string, rate int, models, networks []string, limit *money.Quota) error {
	if err := Label("name", name); err != nil {
		return err
	}
	if rate < 0 || rate > directory.MaxRate {
		return fault.New(fault.Invalid, "rate must be from 0 (the default) to %d requests a minute.", directory.MaxRate).Named("out_of_range").At("rate")
	}
	if limit != nil && (*limit < 0 || *limit > money.MaxQuota) {
		return fault.New(fault.Invalid, "A budget must be from 0 to %d quota.", money.MaxQuota).Named("out_of_range").At("budget")
	}
	if err := CheckModels(models); err != nil {
		return err
	}
	const most = 100
	if len(networks) > most {
		return fault.New(fault.Invalid, "networks may have at most %d entries.", most).Named("too_many_entries").At("networks")
	}
	for _, n := range networks {
		if len(n) > 64 {
			n = n[:64]
		}
		if _, err := ParseNetwork(n); err != nil {
			return fault.New(fault.Invalid, "%s.", err).Named("invalid_network").At("networks")
		}
	}
	return nil
}

// modelEntry is a name, a base name, a prefix ending in "*", or "*".
var modelEntry = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,99}\*?|\*)$`)

// CheckModels refuses a model list with entries that no model's name could
// have.
func CheckModels(list []string) error {
	const most = 500
	if len(list) > most {
		return fault.New(fault.Invalid, "models may have at most %d entries.", most).Named("too_many_entries").At("models")
	}
	for _, m := range list {
		if !modelEntry.MatchString(m) {
			return fault.New(fault.Invalid, "%.60q is no model name like kling-v1-6-pro, base name like kling-v1-6, or pattern like kling-*.", m).Named("invalid_model_name").At("models")
		}
	}
	return nil
}

const selectTokens = `SELECT t.*, b.limit_quota, b.held, b.used FROM tokens t LEFT JOIN token_budgets b ON b.token_id = t.id`

func (r *tokenRow) full() (Token, error) {
	t, err := r.token()
	return Token{
		Token: t, Held: money.Quota(r.Held.Int64), Used: money.Quota(r.Used.Int64),
		CreatedAt: moment(r.CreatedAt), LastUsedAt: moment(r.LastUsedAt), Version: r.Version,
	}, err
}

// Token finds a token of a user, or of anybody for user 0. Another user's token
// does not exist.
func (s *Store) Token(ctx context.Context, userID, id int64) (Token, error) {
	var r tokenRow
	err := s.read.NewRaw(selectTokens+" WHERE t.id = ? AND t.status <> ? AND (? = 0 OR t.user_id = ?)", id, deleted, userID, userID).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, noToken(id)
	}
	if err != nil {
		return Token{}, failure(err)
	}
	return r.full()
}

func noToken(id int64) error {
	return fault.New(fault.NotFound, "Token %d does not exist.", id).Named("token_not_found")
}

// TokenFilter picks tokens for a list. Zero fields do not filter.
type TokenFilter struct {
	UserID int64
	Status account.Status
	Test   *bool
	Name   string // a part of the name
	Before int64  // ids below this one: the next page
	Limit  int
}

// Tokens lists tokens, newest first.
func (s *Store) Tokens(ctx context.Context, f TokenFilter) ([]Token, error) {
	q := s.read.NewSelect().TableExpr("tokens AS t").Join("LEFT JOIN token_budgets AS b ON b.token_id = t.id").
		ColumnExpr("t.*, b.limit_quota, b.held, b.used").Where("t.status <> ?", deleted).OrderExpr("t.id DESC").Limit(int64(f.Limit))
	if f.UserID != 0 {
		q.Where("t.user_id = ?", f.UserID)
	}
	if f.Status != 0 {
		q.Where("t.status = ?", int(f.Status))
	}
	if f.Test != nil {
		q.Where("t.test = ?", flag(*f.Test))
	}
	if f.Name != "" {
		q.Where("LOWER(t.name) LIKE LOWER(?) ESCAPE '!'", containing(f.Name))
	}
	if f.Before != 0 {
		q.Where("t.id < ?", f.Before)
	}
	var rows []tokenRow
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := make([]Token, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].full(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// containing is the LIKE pattern, with '!' as escape, of texts that contain a
// part.
func containing(part string) string { return "%" + escapeLike(part) + "%" }

// Limit is a budget to be set; nil is none.
type Limit struct{ To *money.Quota }

// TokenPatch are the fields to change; nil leaves one as it is. Version is the
// one that the editor saw.
type TokenPatch struct {
	Version   int64
	Name      *string
	Status    *account.Status
	Limit     *Limit
	ExpiresAt *time.Time // zero: never
	Models    *[]string
	Networks  *[]string
	Rate      *int
}

// UpdateToken changes a token of a user, or of anybody for user 0. Conflict
// means that somebody else did first, Unprocessable that the new budget does
// not cover what is held and used.
func (s *Store) UpdateToken(ctx context.Context, by Actor, userID, id int64, p TokenPatch) (Token, error) {
	var r tokenRow
	err := s.read.NewRaw(selectTokens+" WHERE t.id = ? AND t.status <> ? AND (? = 0 OR t.user_id = ?)", id, deleted, userID, userID).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, noToken(id)
	}
	if err != nil {
		return Token{}, failure(err)
	}
	old, err := r.full()
	if err != nil {
		return old, err
	}
	networks := ""
	if r.Networks != nil {
		networks = *r.Networks
	}
	to, before, after := old, map[string]any{}, map[string]any{}
	set(&to.Name, p.Name, "name", before, after)
	set(&to.Status, p.Status, "status", before, after)
	set(&to.ExpiresAt, p.ExpiresAt, "expires_at", before, after)
	set(&to.Models, p.Models, "models", before, after)
	set(&to.Rate, p.Rate, "rate", before, after)
	if p.Networks != nil {
		before["networks"], after["networks"] = model.List(networks), *p.Networks
		networks = strings.Join(*p.Networks, ",")
	}
	if p.Limit != nil {
		before["budget"], after["budget"] = old.Limit, p.Limit.To
		to.Limit = p.Limit.To
	}
	// A row that was written by hand keeps its odd values until they are edited.
	name := "x"
	if p.Name != nil {
		name = to.Name
	}
	var checkModels, checkNetworks []string
	if p.Models != nil {
		checkModels = to.Models
	}
	if p.Networks != nil {
		checkNetworks = *p.Networks
	}
	if err := checkToken(name, to.Rate, checkModels, checkNetworks, to.Limit); err != nil {
		return old, err
	}
	err = s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		res, err := tx.ExecContext(ctx, `UPDATE tokens SET name = ?, status = ?, expires_at = ?, models = ?, networks = ?, rate = ?,
			version = version + 1, changed = ? WHERE id = ? AND version = ? AND status <> ?`, to.Name, int(to.Status), millis(to.ExpiresAt),
			strings.Join(to.Models, ","), networks, to.Rate, version, id, p.Version, deleted)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, changed("Token", id))
		}
		if p.Limit != nil {
			if err := setLimit(ctx, tx, id, p.Limit.To); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "token.update", fmt.Sprintf("token:%d", id), map[string]any{"before": before, "after": after})
	})
	if err != nil {
		return old, err
	}
	return s.Token(ctx, userID, id)
}

// set changes a field that a patch names, and notes it for the audit.
func set[T any](field, to *T, name string, before, after map[string]any) {
	if to != nil {
		before[name], after[name] = *field, *to
		*field = *to
	}
}

// setLimit changes a budget unless more than that is held and used.
func setLimit(ctx context.Context, tx bun.Tx, tokenID int64, limit *money.Quota) error {
	if limit == nil {
		_, err := tx.ExecContext(ctx, "UPDATE token_budgets SET limit_quota = NULL WHERE token_id = ?", tokenID)
		return err
	}
	res, err := tx.ExecContext(ctx, "UPDATE token_budgets SET limit_quota = ? WHERE token_id = ? AND held + used <= ?", int64(*limit), tokenID, int64(*limit))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Unprocessable, "Token %d has held and used more than %d quota already.", tokenID, *limit).
			Named("budget_below_spent").At("budget"))
	}
	return nil
}

// SetTokenStatus switches a token on or off.
func (s *Store) SetTokenStatus(ctx context.Context, id int64, st account.Status) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE tokens SET status = ?, changed = ?, version = version + 1 WHERE id = ? AND status <> ?",
			int(st), version, id, deleted)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noToken(id))
		}
		return nil
	})
}

// DeleteToken takes a token of a user away, or of anybody for user 0. Its row
// stays for the ledger's sake, and its live tasks go on.
func (s *Store) DeleteToken(ctx context.Context, by Actor, userID, id int64) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE tokens SET status = ?, changed = ?, version = version + 1 WHERE id = ? AND status <> ? AND (? = 0 OR user_id = ?)",
			deleted, version, id, deleted, userID, userID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noToken(id))
		}
		return s.audit(ctx, tx, by, "token.delete", fmt.Sprintf("token:%d", id), nil)
	})
}

// usedAtOnce bounds one statement of TokensUsed.
const usedAtOnce = 500

// TokensUsed records when tokens were last used; an older time than the one
// that stands changes nothing. It is no edit: versions stay.
func (s *Store) TokensUsed(ctx context.Context, last map[int64]time.Time) error {
	ids := slices.SortedFunc(maps.Keys(last), cmp.Compare[int64])
	for part := range slices.Chunk(ids, usedAtOnce) {
		var b strings.Builder
		var args []any
		b.WriteString("UPDATE tokens SET last_used_at = CASE")
		for _, id := range part {
			b.WriteString(" WHEN id = ? AND last_used_at < ? THEN ?")
			args = append(args, id, millis(last[id]), millis(last[id]))
		}
		b.WriteString(" ELSE last_used_at END WHERE id IN (?)")
		args = append(args, bun.List(part))
		if _, err := s.write.ExecContext(ctx, b.String(), args...); err != nil {
			return failure(err)
		}
	}
	return nil
}
