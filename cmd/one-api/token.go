package main

import (
	"context"
	"strconv"
	"time"

	"one-api/internal/account"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token; its text is shown once." example:"one-api token create --user alice --name laptop\none-api token create --user alice --name ci --budget-usd 20 --models kling-v1-6 --expires 90d --networks 203.0.113.0/24\none-api token create --user alice --name try --test"`
	List   tokenListCmd   `cmd:"" help:"List tokens, newest first." example:"one-api token list\none-api token list --user alice --json"`
	Set    tokenSetCmd    `cmd:"" help:"Change a token." example:"one-api token set 7 --budget-usd 50 --expires never\none-api token set 7 --status disabled"`
	Revoke tokenRevokeCmd `cmd:"" help:"Take a token away for good. Its live tasks go on." example:"one-api token revoke 7"`
}

// tokenView is a token as the management API shows it.
type tokenView struct {
	ID         int64       `json:"id"`
	UserID     int64       `json:"user_id"`
	User       string      `json:"user"`
	Name       string      `json:"name"`
	Prefix     string      `json:"prefix"`
	AccessKey  string      `json:"access_key"`
	Test       bool        `json:"test"`
	Status     string      `json:"status"`
	Expired    bool        `json:"expired"`
	ExpiresAt  *time.Time  `json:"expires_at,omitempty"`
	Budget     tokenBudget `json:"budget"`
	Models     []string    `json:"models"`
	Networks   []string    `json:"networks"`
	Rate       int         `json:"rate"`
	CreatedAt  time.Time   `json:"created_at"`
	LastUsedAt *time.Time  `json:"last_used_at,omitempty"`
	Version    int64       `json:"version"`
}

type tokenBudget struct {
	Limit *money.Quota `json:"limit,omitempty"`
	Held  money.Quota  `json:"held"`
	Used  money.Quota  `json:"used"`
	Left  *money.Quota `json:"left,omitempty"`
}

func (d *desk) viewToken(k store.Token) tokenView {
	v := tokenView{
		ID: k.ID, UserID: k.UserID, User: d.userName(k.UserID), Name: k.Name, Prefix: k.Prefix, AccessKey: k.AccessKey, Test: k.Test,
		Status: accountStatus[k.Status], Expired: k.Expired(d.Now()), ExpiresAt: moment(k.ExpiresAt),
		Budget: tokenBudget{Limit: k.Limit, Held: k.Held, Used: k.Used}, Models: append([]string{}, k.Models...), Networks: []string{}, Rate: k.Rate,
		CreatedAt: k.CreatedAt, LastUsedAt: moment(k.LastUsedAt), Version: k.Version,
	}
	for _, n := range k.Networks {
		v.Networks = append(v.Networks, n.String())
	}
	if k.Limit != nil {
		left := max(0, *k.Limit-k.Held-k.Used)
		v.Budget.Left = &left
	}
	return v
}

// budgetFlags limit what a token may spend.
type budgetFlags struct {
	BudgetUSD   string `name:"budget-usd" xor:"budget" placeholder:"USD" help:"Most that it may spend over its life, in US dollars."`
	BudgetQuota string `xor:"budget" placeholder:"QUOTA" help:"The same in quota; 500000 are 1 USD."`
}

// budget is what was given, nil for nothing.
func (f *budgetFlags) budget() (*money.Quota, error) {
	switch {
	case f.BudgetUSD != "":
		q, err := usd("--budget-usd", f.BudgetUSD)
		return &q, err
	case f.BudgetQuota != "":
		n, err := strconv.ParseInt(f.BudgetQuota, 10, 64)
		if err != nil || n < 0 || n > int64(money.MaxQuota) {
			return nil, misused("--budget-quota: %q is no whole number of quota like 500000", f.BudgetQuota)
		}
		q := money.Quota(n)
		return &q, nil
	}
	return nil, nil
}

type tokenCreateCmd struct {
	reading
	User string `required:"" help:"Name or id of the user."`
	Name string `required:"" help:"Name of the token."`
	budgetFlags
	Models   string `placeholder:"LIST" help:"Comma list of models it may use, e.g. kling-v1-6-pro,kling-v2*; empty: all."`
	Networks string `placeholder:"LIST" help:"Comma list of addresses it may be used from; empty: all."`
	Expires  string `placeholder:"TIME" help:"When it ends: 2026-12-31, or 90d from now; empty: never."`
	Rate     int    `help:"Requests a minute; 0: the gateway's default."`
	Test     bool   `help:"Test mode: orders cost play money and go to a simulated Kling."`
}

// createdToken is a new token with its secrets.
type createdToken struct {
	tokenView
	Text      string `json:"token"`
	SecretKey string `json:"secret_key"`
}

func (c *tokenCreateCmd) Run(ctx context.Context, t *terminal) error {
	n := store.NewToken{
		By: store.CLI, Name: c.Name, Test: c.Test, Models: model.List(c.Models), Networks: model.List(c.Networks), Rate: c.Rate,
	}
	var err error
	if n.Limit, err = c.budget(); err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	if n.ExpiresAt, err = d.inFuture(c.Expires); err != nil {
		return err
	}
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	n.UserID = p.ID
	made, text, err := d.CreateToken(ctx, n)
	if err != nil {
		return err
	}
	return t.newToken(ctx, d, made, text, c.JSON)
}

// inFuture reads --expires.
func (d *desk) inFuture(text string) (time.Time, error) {
	at, err := parseTime("--expires", text, d.Now(), +1)
	if err == nil && !at.IsZero() && !at.After(d.Now()) {
		err = misused("--expires must lie in the future")
	}
	return at, err
}

// newToken shows a token with its secrets, once.
func (t *terminal) newToken(ctx context.Context, d *desk, made account.Token, text secret.Text, asJSON bool) error {
	sk := account.SecretKey(d.keys, made.Hash).Reveal()
	if asJSON {
		full, err := d.Token(ctx, 0, made.ID)
		if err != nil {
			return err
		}
		return t.json(createdToken{d.viewToken(full), text.Reveal(), sk})
	}
	if err := t.print("token      %d %s\n           %s\nAccessKey  %s\nSecretKey  %s\n", made.ID, made.Name, text.Reveal(), made.AccessKey, sk); err != nil {
		return err
	}
	t.note("\nThis is shown once. Send the token as \"Authorization: Bearer …\"; AccessKey and SecretKey are for Kling's own clients.")
	return nil
}

type tokenListCmd struct {
	reading
	page
	User   string `help:"Only of this user: name or id."`
	Status string `default:"" enum:",enabled,disabled" help:"Only enabled or disabled ones."`
	Name   string `help:"A part of the name."`
	Test   bool   `help:"Only tokens of test mode."`
}

func (c *tokenListCmd) Run(ctx context.Context, t *terminal) error {
	before, err := c.beforeID()
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	f := store.TokenFilter{Status: parseAccountStatus(c.Status), Name: c.Name, Before: before, Limit: c.Limit + 1}
	if f.UserID, err = d.userID(ctx, c.User); err != nil {
		return err
	}
	if c.Test {
		f.Test = &c.Test
	}
	tokens, err := d.Tokens(ctx, f)
	if err != nil {
		return err
	}
	out := listOf(tokens, c.Limit, d.viewToken, func(k store.Token) string { return strconv.FormatInt(k.ID, 10) })
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, k := range out.Items {
		status := k.Status
		if k.Expired {
			status = "expired"
		}
		budget := "-"
		if k.Budget.Limit != nil {
			budget = k.Budget.Limit.USD()
		}
		rows = append(rows, []any{k.ID, k.User, k.Name, k.Prefix + "…", status, k.Test, budget, k.Budget.Used.USD(), k.Models, k.LastUsedAt})
	}
	defer t.more(out.NextCursor)
	return t.table("ID | USER | NAME | TOKEN | STATUS | TEST | BUDGET USD | USED USD | MODELS | LAST USED", rows)
}

type tokenSetCmd struct {
	reading
	ID       int64   `arg:"" help:"Id of the token, see token list."`
	Name     *string `help:"Name of the token."`
	Status   *string `enum:"enabled,disabled" help:"enabled or disabled."`
	NoBudget bool    `xor:"budget" help:"Take the limit away."`
	budgetFlags
	Models   *string `placeholder:"LIST" help:"Comma list of models it may use; '': all."`
	Networks *string `placeholder:"LIST" help:"Comma list of addresses it may be used from; '': all."`
	Expires  string  `placeholder:"TIME" help:"When it ends: 2026-12-31, 90d from now, or never."`
	Rate     *int    `help:"Requests a minute; 0: the gateway's default."`
}

func (c *tokenSetCmd) Run(ctx context.Context, t *terminal) error {
	p := store.TokenPatch{Name: c.Name, Rate: c.Rate}
	if c.Status != nil {
		status := parseAccountStatus(*c.Status)
		p.Status = &status
	}
	limit, err := c.budget()
	if err != nil {
		return err
	}
	if limit != nil || c.NoBudget {
		p.Limit = &store.Limit{To: limit}
	}
	if c.Models != nil {
		models := append([]string{}, model.List(*c.Models)...)
		p.Models = &models
	}
	if c.Networks != nil {
		networks := append([]string{}, model.List(*c.Networks)...)
		p.Networks = &networks
	}
	if p == (store.TokenPatch{}) && c.Expires == "" {
		return misused("say what to change: --name, --status, --budget-usd, --no-budget, --models, --networks, --expires or --rate")
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	switch c.Expires {
	case "":
	case "never":
		p.ExpiresAt = &time.Time{}
	default:
		at, err := d.inFuture(c.Expires)
		if err != nil {
			return err
		}
		p.ExpiresAt = &at
	}
	was, err := d.Token(ctx, 0, c.ID)
	if err != nil {
		return err
	}
	p.Version = was.Version
	k, err := d.UpdateToken(ctx, store.CLI, 0, c.ID, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(d.viewToken(k))
	}
	return t.print("token %d %s of %s is changed\n", k.ID, k.Name, d.userName(k.UserID))
}

type tokenRevokeCmd struct {
	database
	ID int64 `arg:"" help:"Id of the token, see token list."`
	destroying
}

func (c *tokenRevokeCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	k, err := d.Token(ctx, 0, c.ID)
	if err != nil {
		return err
	}
	if err := t.confirm(c.destroying, "Revoke token %d %s (%s…) of %s? It cannot be undone.", k.ID, k.Name, k.Prefix, d.userName(k.UserID)); err != nil {
		return err
	}
	if err := d.DeleteToken(ctx, store.CLI, 0, c.ID); err != nil {
		return err
	}
	return t.print("token %d %s is revoked\n", k.ID, k.Name)
}
