package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/secret"
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
		return fault.New(fault.Invalid, "%s must have 1 to 64 printable characters and no blank at either end.", field).Named("invalid_name").At(field)
	}
	return nil
}

// CheckEmail refuses what is no mail address. Empty is none.
func CheckEmail(address string) error {
	if address == "" {
		return nil
	}
	if a, err := mail.ParseAddress(address); err != nil || a.Address != address || len(address) > 254 || !printable(address) {
		return fault.New(fault.Invalid, "email must be an address like alice@example.com, or empty.").Named("invalid_email").At("email")
	}
	return nil
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Person is a user as it is managed.
type Person struct {
	account.User
	DisplayName string
	Email       string
	HasPassword bool
	CreatedAt   time.Time
	Version     int64
}

func (r *userRow) person() Person {
	return Person{
		User: r.user(), DisplayName: r.DisplayName, Email: r.Email, HasPassword: r.PasswordHash != "",
		CreatedAt: moment(r.CreatedAt), Version: r.Version,
	}
}

// NewUser is a user to be made.
type NewUser struct {
	By           Actor // zero: the gateway itself
	Name         string
	DisplayName  string
	Email        string
	Role         account.Role
	Group        string // "" is the default group
	PasswordHash string // "" cannot sign in with a password
	Rate         int    // requests a minute, 0 is no limit
}

// CreateUser makes a user with empty accounts, in the real and the play
// ledger. Conflict means that the name is taken.
func (s *Store) CreateUser(ctx context.Context, n NewUser) (account.User, error) {
	if err := n.check(); err != nil {
		return account.User{}, err
	}
	var id int64
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var err error
		if id, err = s.insertUser(ctx, tx, version, n); err != nil {
			return err
		}
		return s.audit(ctx, tx, n.By, "user.create", userTarget(id), map[string]any{"name": n.Name, "role": n.Role, "group": n.Group, "rate": n.Rate})
	})
	if err != nil {
		return account.User{}, err
	}
	return s.User(ctx, id)
}

// check fills the defaults and refuses what cannot be a user.
func (n *NewUser) check() error {
	if n.Role == "" {
		n.Role = account.Plain
	}
	if n.Group == "" {
		n.Group = account.DefaultGroup
	}
	n.By = orGateway(n.By)
	if err := Label("name", n.Name); err != nil {
		return err
	}
	if n.DisplayName != "" {
		if err := Label("display_name", n.DisplayName); err != nil {
			return err
		}
	}
	if err := checkRate(n.Rate); err != nil {
		return err
	}
	return CheckEmail(n.Email)
}

// checkRate refuses a user's limit that makes no sense.
func checkRate(perMinute int) error {
	if perMinute < 0 || perMinute > directory.MaxRate {
		return fault.New(fault.Invalid, "rate must be from 0 (no limit) to %d requests a minute.", directory.MaxRate).Named("out_of_range").At("rate")
	}
	return nil
}

func userTarget(id int64) string { return fmt.Sprintf("user:%d", id) }

// insertUser writes a checked user and its accounts.
func (s *Store) insertUser(ctx context.Context, tx bun.Tx, version int64, n NewUser) (int64, error) {
	if err := groupExists(ctx, tx, n.Group); err != nil {
		return 0, err
	}
	now := millis(s.Now())
	id, err := s.insertRow(ctx, tx, `INSERT INTO users (name, display_name, email, password_hash, role, group_name, rate, created_at, updated_at, changed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, n.Name, n.DisplayName, n.Email, n.PasswordHash, string(n.Role), n.Group, n.Rate, now, now, version)
	if isDuplicate(err) {
		return 0, fault.New(fault.Conflict, "A user named %q exists already.", n.Name).Named("name_taken").At("name")
	}
	if err != nil {
		return 0, err
	}
	for _, test := range []bool{false, true} {
		for _, p := range []ledger.Purpose{ledger.Available, ledger.Held} {
			if _, err := tx.ExecContext(ctx, "INSERT INTO accounts (id, user_id, purpose) VALUES (?, ?, ?)",
				int64(ledger.UserAccount(id, p, test)), id, p.String()); err != nil {
				return 0, err
			}
		}
	}
	return id, nil
}

func groupExists(ctx context.Context, tx bun.Tx, name string) error {
	var groups int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM user_groups WHERE name = ?", name).Scan(&groups); err != nil {
		return err
	}
	if groups == 0 {
		return fault.New(fault.Invalid, "There is no group %q.", name).Named("group_not_found").At("group")
	}
	return nil
}

// OpeningBalance is what the first administrator can spend: enough to never
// think of it. It is an entry in the ledger like any other grant.
const OpeningBalance = 1_000_000_000 * money.QuotaPerUSD

// CreateFirstUser makes the first administrator with its opening balance. A
// set-up ticket, when given, is used up with it. Conflict (already_set_up)
// means that somebody exists: of several that try at once, one succeeds.
func (s *Store) CreateFirstUser(ctx context.Context, by Actor, name, passwordHash string, ticket secret.Text) (account.User, error) {
	n := NewUser{By: by, Name: name, Role: account.Root, PasswordHash: passwordHash}
	if err := n.check(); err != nil {
		return account.User{}, err
	}
	var id int64
	// The row of the version is locked first, so that one set-up waits for the
	// other and then sees its user.
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		var users int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE status <> ?", deleted).Scan(&users); err != nil {
			return err
		}
		if users > 0 {
			return fault.New(fault.Conflict, "This gateway is set up already. Sign in instead.").Named("already_set_up")
		}
		if ticket != "" {
			if _, err := s.takeTicket(ctx, tx, TicketSetup, ticket); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tickets WHERE purpose = ?", TicketSetup); err != nil {
			return err
		}
		var err error
		if id, err = s.insertUser(ctx, tx, version, n); err != nil {
			return err
		}
		if err := s.post(ctx, tx, ledger.Change(ledger.KindGrant, id, OpeningBalance, "opening balance", "gateway",
			"opening balance of the first administrator", s.Now())); err != nil {
			return err
		}
		return s.audit(ctx, tx, n.By, "user.create", userTarget(id), map[string]any{"name": n.Name, "role": n.Role, "group": n.Group, "granted": OpeningBalance})
	})
	if err != nil {
		return account.User{}, err
	}
	return s.User(ctx, id)
}

// User finds a user by id.
func (s *Store) User(ctx context.Context, id int64) (account.User, error) {
	p, err := s.Person(ctx, id)
	return p.User, err
}

// Person finds a user by id with what management shows.
func (s *Store) Person(ctx context.Context, id int64) (Person, error) {
	var r userRow
	err := s.read.NewRaw("SELECT * FROM users WHERE id = ? AND status <> ?", id, deleted).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, noUser(id)
	}
	return r.person(), failure(err)
}

func noUser(id int64) error {
	return fault.New(fault.NotFound, "User %d does not exist.", id).Named("user_not_found")
}

// UserCount counts the users that exist.
func (s *Store) UserCount(ctx context.Context) (int, error) {
	var n int
	err := s.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE status <> ?", deleted).Scan(&n)
	return n, failure(err)
}

// UserFilter picks users; zero fields pick all.
type UserFilter struct {
	Search string // beginning of the name or the mail address, whatever its case
	Role   account.Role
	Status account.Status
	Group  string
	Before int64 // id; 0 begins with the newest
	Limit  int
}

// People lists users, newest first: one more than the limit when there are
// more.
func (s *Store) People(ctx context.Context, f UserFilter) ([]Person, error) {
	where, args := []string{"status <> ?"}, []any{deleted}
	and := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.Search != "" {
		begin := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(f.Search)) + "%"
		and("(LOWER(name) LIKE ? ESCAPE '!' OR LOWER(email) LIKE ? ESCAPE '!')", begin, begin)
	}
	if f.Role != "" {
		and("role = ?", string(f.Role))
	}
	if f.Status != 0 {
		and("status = ?", int(f.Status))
	}
	if f.Group != "" {
		and("group_name = ?", f.Group)
	}
	if f.Before != 0 {
		and("id < ?", f.Before)
	}
	var rows []userRow
	if err := s.read.NewRaw("SELECT * FROM users WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, f.Limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	out := make([]Person, len(rows))
	for i := range rows {
		out[i] = rows[i].person()
	}
	return out, nil
}

// Holdings are what a user has besides a balance.
type Holdings struct {
	Tokens    int64
	LiveTasks int64
	Sessions  int64
	Passkeys  int64
	TOTP      bool
}

// The plus keeps the databases from walking all of a user's tasks: of those
// that have a next check there are few.
const liveTasks = "SELECT COUNT(*) FROM videos WHERE next_check_at > 0 AND +user_id = ?"

// Holdings counts what belongs to a user.
func (s *Store) Holdings(ctx context.Context, userID int64) (Holdings, error) {
	var h Holdings
	var totp int64
	for _, c := range []struct {
		into  *int64
		query string
		args  []any
	}{
		{&h.Tokens, "SELECT COUNT(*) FROM tokens WHERE user_id = ? AND status <> ?", []any{userID, deleted}},
		{&h.LiveTasks, liveTasks, []any{userID}},
		{&h.Sessions, "SELECT COUNT(*) FROM sessions WHERE user_id = ? AND expires_at > ?", []any{userID, millis(s.Now())}},
		{&h.Passkeys, "SELECT COUNT(*) FROM passkeys WHERE user_id = ?", []any{userID}},
		{&totp, "SELECT COUNT(*) FROM totp WHERE user_id = ? AND confirmed_at > 0", []any{userID}},
	} {
		if err := s.read.QueryRowContext(ctx, c.query, c.args...).Scan(c.into); err != nil {
			return h, failure(err)
		}
	}
	h.TOTP = totp > 0
	return h, nil
}

// Permit decides whether a change of a user may be made, in the transaction
// that makes it; nil permits every change.
type Permit func(account.User) error

// userForChange reads a user inside of a change of the directory; such changes
// wait for each other.
func userForChange(ctx context.Context, tx bun.Tx, id int64, may Permit) (userRow, error) {
	var r userRow
	err := tx.NewRaw("SELECT * FROM users WHERE id = ? AND status <> ?", id, deleted).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return r, noUser(id)
	}
	if err == nil && may != nil {
		err = may(r.user())
	}
	return r, err
}

// keepRoot refuses to lose the last enabled root.
func keepRoot(ctx context.Context, tx bun.Tx, old userRow) error {
	if old.Role != string(account.Root) || old.Status != int(account.Enabled) {
		return nil
	}
	var others int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE role = ? AND status = ? AND id <> ?",
		string(account.Root), int(account.Enabled), old.ID).Scan(&others); err != nil {
		return err
	}
	if others == 0 {
		return fault.New(fault.Conflict, "%s is the last enabled root. Give another user the role root first.", old.Name).Named("last_root")
	}
	return nil
}

// UserPatch are the fields to change; nil leaves one as it is. Version is the
// one that the editor saw.
type UserPatch struct {
	Version     int64
	DisplayName *string
	Email       *string
	Group       *string
	Role        *account.Role
	Status      *account.Status
	Rate        *int
}

// UpdateUser changes a user. A change of role or status ends their sessions.
// Conflict means that somebody else changed them first, or that they are the
// last root.
func (s *Store) UpdateUser(ctx context.Context, by Actor, id int64, p UserPatch, may Permit) (Person, error) {
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		old, err := userForChange(ctx, tx, id, may)
		if err != nil {
			return err
		}
		if old.Version != p.Version {
			return changed("User", id)
		}
		to, err := p.apply(old)
		if err != nil {
			return err
		}
		if to.GroupName != old.GroupName {
			if err := groupExists(ctx, tx, to.GroupName); err != nil {
				return err
			}
		}
		if to.Role != old.Role || to.Status != old.Status {
			if to.Role != string(account.Root) || to.Status != int(account.Enabled) {
				if err := keepRoot(ctx, tx, old); err != nil {
					return err
				}
			}
			if err := endSessions(ctx, tx, id, ""); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE users SET display_name = ?, email = ?, group_name = ?, role = ?, status = ?, rate = ?,
			updated_at = ?, changed = ?, version = version + 1 WHERE id = ?`, to.DisplayName, to.Email, to.GroupName, to.Role, to.Status, to.Rate,
			millis(s.Now()), version, id); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "user.update", userTarget(id), map[string]any{"before": old.edited(), "after": to.edited()})
	})
	if err != nil {
		return Person{}, err
	}
	return s.Person(ctx, id)
}

// apply makes the edited row.
func (p *UserPatch) apply(r userRow) (userRow, error) {
	if p.DisplayName != nil {
		if *p.DisplayName != "" {
			if err := Label("display_name", *p.DisplayName); err != nil {
				return r, err
			}
		}
		r.DisplayName = *p.DisplayName
	}
	if p.Email != nil {
		if err := CheckEmail(*p.Email); err != nil {
			return r, err
		}
		r.Email = *p.Email
	}
	if p.Group != nil {
		r.GroupName = *p.Group
	}
	if p.Role != nil {
		r.Role = string(*p.Role)
	}
	if p.Status != nil {
		r.Status = int(*p.Status)
	}
	if p.Rate != nil {
		if err := checkRate(*p.Rate); err != nil {
			return r, err
		}
		r.Rate = *p.Rate
	}
	return r, nil
}

// edited are the fields that an audit row of an edit compares.
func (r *userRow) edited() map[string]any {
	return map[string]any{"display_name": r.DisplayName, "email": r.Email, "group": r.GroupName, "role": r.Role, "status": r.Status, "rate": r.Rate}
}

// DeleteUser removes a user who has no live tasks. Their tokens, sessions and
// other ways to sign in end and the name is free; the row and the ledger stay.
func (s *Store) DeleteUser(ctx context.Context, by Actor, id int64, may Permit) error {
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, version int64) error {
		old, err := userForChange(ctx, tx, id, may)
		if err != nil {
			return err
		}
		if err := keepRoot(ctx, tx, old); err != nil {
			return err
		}
		if err := notInUse(ctx, tx, old); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE users SET name = ?, display_name = '', email = '', password_hash = '', status = ?,
			updated_at = ?, changed = ?, version = version + 1 WHERE id = ?`, freedName(old), deleted, millis(s.Now()), version, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE tokens SET status = ?, changed = ?, version = version + 1 WHERE user_id = ? AND status <> ?",
			deleted, version, id, deleted); err != nil {
			return err
		}
		for _, table := range []string{"sessions", "personal_tokens", "tickets", "totp", "recovery_codes", "passkeys", "oidc_identities"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM ? WHERE user_id = ?", bun.Ident(table), id); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "user.delete", userTarget(id), map[string]any{"name": old.Name, "role": old.Role})
	})
}

// notInUse refuses to delete a user whose tasks are not over.
func notInUse(ctx context.Context, tx bun.Tx, r userRow) error {
	var tasks, held int64
	if err := tx.QueryRowContext(ctx, liveTasks, r.ID).Scan(&tasks); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(SUM(balance), 0) FROM accounts WHERE id IN (?, ?)",
		int64(ledger.UserAccount(r.ID, ledger.Held, false)), int64(ledger.UserAccount(r.ID, ledger.Held, true))).Scan(&held); err != nil {
		return err
	}
	if tasks > 0 || held > 0 {
		return fault.New(fault.Conflict, "%s has %d live tasks and %d quota held for them. Disable the user now and delete them when the tasks have ended.",
			r.Name, tasks, held).Named("in_use")
	}
	return nil
}

// freedName is the name of a deleted user: the old one may be given again. The
// random part keeps anybody from taking it beforehand.
func freedName(r userRow) string {
	b := make([]byte, 4)
	_, _ = rand.Read(b)
	suffix := fmt.Sprintf("~%d~%s", r.ID, hex.EncodeToString(b))
	name := []rune(r.Name)
	return string(name[:min(len(name), 64-len(suffix))]) + suffix
}

// SetPassword gives a user a new password and ends their sessions but one. old
// is the hash that it replaces; Conflict means that it is not that any more.
func (s *Store) SetPassword(ctx context.Context, by Actor, userID int64, old, hash, keepSession string) error {
	return s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ? AND status <> ? AND password_hash = ?",
			hash, millis(s.Now()), userID, deleted, old)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "The password was changed in the meantime.").Named("version_conflict"))
		}
		if err := endSessions(ctx, tx, userID, keepSession); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "user.password", userTarget(userID), nil)
	})
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
			return b, fault.New(fault.NotFound, "User %d does not exist.", userID).Named("user_not_found")
		}
		if err != nil {
			return b, failure(err)
		}
	}
	return b, nil
}

// Balances are the balances of many users, in one query. Users who do not exist
// are left out.
func (s *Store) Balances(ctx context.Context, userIDs []int64) (map[int64]Balance, error) {
	out := map[int64]Balance{}
	if len(userIDs) == 0 {
		return out, nil
	}
	accounts := make([]int64, 0, 2*len(userIDs))
	owner := map[int64]int64{}
	for _, id := range userIDs {
		for _, p := range []ledger.Purpose{ledger.Available, ledger.Held} {
			a := int64(ledger.UserAccount(id, p, false))
			accounts = append(accounts, a)
			owner[a] = id
		}
	}
	var rows []struct{ ID, Balance int64 }
	if err := s.read.NewRaw("SELECT id, balance FROM accounts WHERE id IN (?)", bun.List(accounts)).Scan(ctx, &rows); err != nil {
		return nil, failure(err)
	}
	for _, r := range rows {
		id := owner[r.ID]
		b := out[id]
		if r.ID == int64(ledger.UserAccount(id, ledger.Available, false)) {
			b.Available = money.Quota(r.Balance)
		} else {
			b.Held = money.Quota(r.Balance)
		}
		out[id] = b
	}
	return out, nil
}

// SetUserStatus switches a user on or off, whoever edited them before.
func (s *Store) SetUserStatus(ctx context.Context, id int64, to account.Status) error {
	p, err := s.Person(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.UpdateUser(ctx, CLI, id, UserPatch{Version: p.Version, Status: &to}, nil)
	return err
}
