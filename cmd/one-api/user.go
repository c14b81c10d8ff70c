package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"one-api/internal/account"
	"one-api/internal/auth"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
)

type userCmd struct {
	Create        userCreateCmd        `cmd:"" help:"Make a user." example:"one-api user create alice\none-api user create bob --role admin --group vip"`
	List          userListCmd          `cmd:"" help:"List users, newest first." example:"one-api user list\none-api user list --search al --json"`
	Show          userShowCmd          `cmd:"" help:"Show a user with balance and counts." example:"one-api user show alice"`
	Set           userSetCmd           `cmd:"" help:"Change a user." example:"one-api user set alice --group vip\none-api user set alice --status disabled"`
	Grant         userGrantCmd         `cmd:"" help:"Give a user balance." example:"one-api user grant alice --usd 10 --reason welcome\none-api user grant alice --usd 50 --paid --reason invoice --reference invoice-2026-017"`
	Adjust        userAdjustCmd        `cmd:"" help:"Correct a user's balance, up or down." example:"one-api user adjust alice --usd=-2.50 --reason 'charged twice'"`
	ResetPassword userResetPasswordCmd `cmd:"" help:"Let a user set a new password by a one-time link, or set it." example:"one-api user reset-password alice\necho 'a long password' | one-api user reset-password alice --password-stdin"`
	Delete        userDeleteCmd        `cmd:"" help:"Delete a user without live tasks. The ledger stays." example:"one-api user delete alice"`
}

// userArg names a user.
type userArg struct {
	User string `arg:"" help:"Name or id of the user."`
}

var accountStatus = map[account.Status]string{account.Enabled: "enabled", account.Disabled: "disabled"}

func parseAccountStatus(word string) account.Status {
	for s, w := range accountStatus {
		if w == word {
			return s
		}
	}
	return 0
}

// userView is a user as the management API shows it.
type userView struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	DisplayName string    `json:"display_name"`
	Email       string    `json:"email"`
	Role        string    `json:"role"`
	Status      string    `json:"status"`
	Group       string    `json:"group"`
	Rate        int       `json:"rate"` // requests a minute; 0: no limit
	HasPassword bool      `json:"has_password"`
	CreatedAt   time.Time `json:"created_at"`
	Version     int64     `json:"version"`
}

func viewUser(p store.Person) userView {
	return userView{p.ID, p.Name, p.DisplayName, p.Email, string(p.Role), accountStatus[p.Status], p.Group, p.Rate, p.HasPassword, p.CreatedAt, p.Version}
}

type userCreateCmd struct {
	reading
	Name          string `arg:"" help:"Name to sign in with."`
	Group         string `default:"default" help:"Group: channels and price ratio."`
	Role          string `default:"user" enum:"root,admin,user" help:"user, admin or root."`
	DisplayName   string `help:"Name for people."`
	Email         string `help:"Mail address."`
	Rate          int    `help:"Requests a minute, of all tokens together; 0: no limit."`
	PasswordStdin bool   `help:"Read a password from standard input. Without one the user can only use tokens."`
}

func (c *userCreateCmd) Run(ctx context.Context, t *terminal) error {
	n := store.NewUser{By: store.CLI, Name: c.Name, Group: c.Group, Role: account.Role(c.Role), DisplayName: c.DisplayName, Email: c.Email, Rate: c.Rate}
	if c.PasswordStdin {
		var err error
		if n.PasswordHash, err = newPassword(t, c.Name); err != nil {
			return err
		}
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	u, err := d.CreateUser(ctx, n)
	if err != nil {
		return err
	}
	if c.JSON {
		p, err := d.Person(ctx, u.ID)
		if err != nil {
			return err
		}
		return t.json(viewUser(p))
	}
	return t.print("user  %d %s\n", u.ID, u.Name)
}

// newPassword reads a password and hashes it.
func newPassword(t *terminal, user string) (string, error) {
	text, err := t.secretFrom("--password-stdin", "the password")
	if err != nil {
		return "", err
	}
	if err := auth.CheckNewPassword(user, text); err != nil {
		return "", err
	}
	return auth.HashPassword(text), nil
}

type userListCmd struct {
	reading
	page
	Search string `help:"Beginning of the name or of the mail address."`
	Role   string `default:"" enum:",root,admin,user" help:"Only of this role: user, admin or root."`
	Status string `default:"" enum:",enabled,disabled" help:"Only enabled or disabled ones."`
	Group  string `help:"Only of this group."`
}

func (c *userListCmd) Run(ctx context.Context, t *terminal) error {
	before, err := c.beforeID()
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	people, err := d.People(ctx, store.UserFilter{
		Search: c.Search, Role: account.Role(c.Role), Status: parseAccountStatus(c.Status), Group: c.Group, Before: before, Limit: c.Limit,
	})
	if err != nil {
		return err
	}
	out := listOf(people, c.Limit, viewUser, func(p store.Person) string { return strconv.FormatInt(p.ID, 10) })
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, u := range out.Items {
		rows = append(rows, []any{u.ID, u.Name, u.Role, u.Status, u.Group, u.Email, u.CreatedAt})
	}
	defer t.more(out.NextCursor)
	return t.table("ID | NAME | ROLE | STATUS | GROUP | EMAIL | CREATED", rows)
}

type userShowCmd struct {
	reading
	userArg
}

// userDetail is a user with what belongs to them.
type userDetail struct {
	userView
	Available money.Quota `json:"available"` // quota
	Held      money.Quota `json:"held"`
	Tokens    int64       `json:"tokens"`
	LiveTasks int64       `json:"live_tasks"`
	Sessions  int64       `json:"sessions"`
	Passkeys  int64       `json:"passkeys"`
	TOTP      bool        `json:"totp"`
}

func (c *userShowCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	return showUser(ctx, t, d, p, c.JSON)
}

func showUser(ctx context.Context, t *terminal, d *desk, p store.Person, asJSON bool) error {
	b, err := d.Balance(ctx, p.ID, false)
	if err != nil {
		return err
	}
	h, err := d.Holdings(ctx, p.ID)
	if err != nil {
		return err
	}
	u := userDetail{viewUser(p), b.Available, b.Held, h.Tokens, h.LiveTasks, h.Sessions, h.Passkeys, h.TOTP}
	if asJSON {
		return t.json(u)
	}
	return t.table("", [][]any{
		{"user", fmt.Sprintf("%d %s", u.ID, u.Name)}, {"display name", u.DisplayName}, {"email", u.Email}, {"role", u.Role}, {"status", u.Status},
		{"group", u.Group}, {"rate", perMinute(u.Rate)}, {"available", b.Available.USD() + " USD"}, {"held", b.Held.USD() + " USD"}, {"tokens", u.Tokens},
		{"live tasks", u.LiveTasks}, {"password", u.HasPassword}, {"second factor", u.TOTP}, {"passkeys", u.Passkeys}, {"sessions", u.Sessions},
		{"created", u.CreatedAt},
	})
}

// perMinute is a limit for people.
func perMinute(n int) string {
	if n == 0 {
		return "no limit"
	}
	return fmt.Sprintf("%d requests a minute", n)
}

type userSetCmd struct {
	reading
	userArg
	Group       *string `help:"Group: channels and price ratio."`
	Role        *string `enum:"root,admin,user" help:"user, admin or root; their sessions end."`
	Status      *string `enum:"enabled,disabled" help:"enabled or disabled; their sessions end."`
	DisplayName *string `help:"Name for people."`
	Email       *string `help:"Mail address."`
	Rate        *int    `help:"Requests a minute, of all tokens together; 0: no limit."`
}

func (c *userSetCmd) Run(ctx context.Context, t *terminal) error {
	p := store.UserPatch{DisplayName: c.DisplayName, Email: c.Email, Group: c.Group, Rate: c.Rate}
	if c.Role != nil {
		role := account.Role(*c.Role)
		p.Role = &role
	}
	if c.Status != nil {
		status := parseAccountStatus(*c.Status)
		p.Status = &status
	}
	if p == (store.UserPatch{}) {
		return misused("say what to change: --group, --role, --status, --display-name, --email or --rate")
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	was, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	p.Version = was.Version
	now, err := d.UpdateUser(ctx, store.CLI, was.ID, p, nil)
	if err != nil {
		return err
	}
	return showUser(ctx, t, d, now, c.JSON)
}

// balanceChange is a change of a balance by hand.
type balanceChange struct {
	USD       string `name:"usd" xor:"amount" required:"" placeholder:"USD" help:"Amount in US dollars."`
	Quota     string `xor:"amount" required:"" placeholder:"QUOTA" help:"Amount in quota; 500000 are 1 USD."`
	Reason    string `required:"" help:"Why; kept in the ledger."`
	Reference string `help:"Makes a repetition harmless, e.g. an invoice's number; default: the time."`
}

// amount reads what was given, which may be negative.
func (c *balanceChange) amount() (money.Quota, error) {
	if c.USD != "" {
		q, err := money.ParseSignedUSD(c.USD)
		if err != nil {
			return 0, misused("--usd: %q is no amount in USD like 10 or 2.50: %v", c.USD, err)
		}
		return q, nil
	}
	n, err := strconv.ParseInt(c.Quota, 10, 64)
	if err != nil || n > int64(money.MaxQuota) || n < -int64(money.MaxQuota) {
		return 0, misused("--quota: %q is no whole number of quota like 500000", c.Quota)
	}
	return money.Quota(n), nil
}

// balanceView is what a change of a balance leaves.
type balanceView struct {
	UserID    int64       `json:"user_id"`
	User      string      `json:"user"`
	Change    money.Quota `json:"change"`
	Reference string      `json:"reference"`
	Available money.Quota `json:"available"`
	Held      money.Quota `json:"held"`
}

func (c *balanceChange) apply(ctx context.Context, t *terminal, r *reading, kind ledger.Kind, who string, q money.Quota) error {
	if err := store.Note("--reason", c.Reason); err != nil {
		return err
	}
	if err := store.Note("--reference", c.Reference); err != nil {
		return err
	}
	d, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, who)
	if err != nil {
		return err
	}
	if c.Reference == "" {
		c.Reference = "cli " + time.Now().UTC().Format(time.RFC3339Nano)
	}
	if err := d.ChangeBalanceBy(ctx, store.CLI, ledger.Change(kind, p.ID, q, c.Reference, store.CLI.Name, c.Reason, d.Now())); err != nil {
		return err
	}
	b, err := d.Balance(ctx, p.ID, false)
	if err != nil {
		return err
	}
	if r.JSON {
		return t.json(balanceView{p.ID, p.Name, q, c.Reference, b.Available, b.Held})
	}
	return t.print("user %d %s has %s USD available and %s USD held\n", p.ID, p.Name, b.Available.USD(), b.Held.USD())
}

type userGrantCmd struct {
	reading
	userArg
	balanceChange
	Paid bool `help:"The user has paid for it: a top-up in the ledger, not a gift."`
}

func (c *userGrantCmd) Run(ctx context.Context, t *terminal) error {
	q, err := c.amount()
	if err != nil {
		return err
	}
	if q <= 0 {
		return misused("the amount must be above zero; one-api user adjust takes from a balance")
	}
	kind := ledger.KindGrant
	if c.Paid {
		kind = ledger.KindTopUp
	}
	return c.apply(ctx, t, &c.reading, kind, c.User, q)
}

type userAdjustCmd struct {
	reading
	userArg
	balanceChange
}

func (c *userAdjustCmd) Run(ctx context.Context, t *terminal) error {
	q, err := c.amount()
	if err != nil {
		return err
	}
	if q == 0 {
		return misused("the amount must not be zero")
	}
	return c.apply(ctx, t, &c.reading, ledger.KindAdjust, c.User, q)
}

// resetLife is how long a reset link is good for.
const resetLife = 24 * time.Hour

type userResetPasswordCmd struct {
	reading
	userArg
	PasswordStdin bool `help:"Set the password that standard input gives, instead of making a link."`
}

// resetView is a one-time link that sets a password.
type resetView struct {
	Token     string    `json:"token"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (c *userResetPasswordCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	if c.PasswordStdin {
		old, err := d.SignInByID(ctx, p.ID)
		if err != nil {
			return err
		}
		hash, err := newPassword(t, p.Name)
		if err != nil {
			return err
		}
		if err := d.SetPassword(ctx, store.CLI, p.ID, old.PasswordHash, hash, ""); err != nil {
			return err
		}
		if c.JSON {
			return t.json(map[string]any{"user_id": p.ID, "user": p.Name})
		}
		return t.print("user %d %s has a new password; their sessions have ended\n", p.ID, p.Name)
	}
	text, err := d.NewResetTicket(ctx, store.CLI, p.ID, resetLife, nil)
	if err != nil {
		return err
	}
	address := d.settings.ServerAddress
	if address == "" {
		address = "http://127.0.0.1:" + c.Port
	}
	out := resetView{text.Reveal(), address + "/reset?" + url.Values{"token": {text.Reveal()}}.Encode(), d.Now().Add(resetLife)}
	if c.JSON {
		return t.json(out)
	}
	if d.settings.ServerAddress == "" {
		t.note("SERVER_ADDRESS is not set: the link works on this machine only.")
	}
	return t.print("%s\n\nThe link lets %s set a new password, once, until %s UTC. It is shown this once.\n", out.Link, p.Name, cell(out.ExpiresAt))
}

type userDeleteCmd struct {
	database
	userArg
	destroying
}

func (c *userDeleteCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	b, err := d.Balance(ctx, p.ID, false)
	if err != nil {
		return err
	}
	h, err := d.Holdings(ctx, p.ID)
	if err != nil {
		return err
	}
	if err := t.confirm(c.destroying, "Delete user %d %s with %s USD and %d tokens? It cannot be undone.", p.ID, p.Name, b.Available.USD(), h.Tokens); err != nil {
		return err
	}
	if err := d.DeleteUser(ctx, store.CLI, p.ID, nil); err != nil {
		return err
	}
	return t.print("user %d %s is deleted\n", p.ID, p.Name)
}
