package console

import (
	"context"
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
)

// LedgerEntry is an entry of the ledger with what it did to its user.
type LedgerEntry struct {
	ID        string      `json:"id"`
	At        time.Time   `json:"at"`
	Kind      string      `json:"kind" enum:"hold,capture,release,topup,grant,redeem,adjust,loss"`
	UserID    int64       `json:"user_id"`
	User      string      `json:"user,omitempty" doc:"The user's name; for administrators."`
	TokenID   int64       `json:"token_id,omitempty"`
	TaskID    string      `json:"task_id,omitempty"`
	Available money.Quota `json:"available" doc:"Change of the spendable balance."`
	Held      money.Quota `json:"held" doc:"Change of what is held for live tasks."`
	Reference string      `json:"reference,omitempty"`
	Memo      string      `json:"memo,omitempty" doc:"Why, when a person did it."`
	Actor     string      `json:"actor,omitempty" doc:"Who did it; operator when an administrator did."`
	Test      bool        `json:"test,omitempty" doc:"In the play ledger of test mode."`
	Postings  []Posting   `json:"postings" nullable:"false"`
}

// Posting moves an amount from one account to another.
type Posting struct {
	From   string      `json:"from" example:"user 7 available"`
	To     string      `json:"to" example:"user 7 held"`
	Amount money.Quota `json:"amount"`
}

func showEntry(v *Viewer, e store.Entry) LedgerEntry {
	out := LedgerEntry{
		ID: e.ID, At: time.UnixMilli(e.At).UTC(), Kind: string(e.Kind), UserID: e.UserID, TokenID: e.TokenID, TaskID: e.TaskID,
		Available: e.Available, Held: e.Held, Reference: e.Reference, Memo: e.Memo, Actor: e.Actor, Test: e.Test, Postings: []Posting{},
	}
	if !v.IsAdmin() && e.Actor != "gateway" && e.Actor != v.Actor.Name {
		out.Actor = "operator"
	}
	for _, p := range e.Postings {
		out.Postings = append(out.Postings, Posting{p.From.String(), p.To.String(), p.Amount})
	}
	return out
}

// LedgerFilter picks entries.
type LedgerFilter struct {
	UserID  int64     `query:"user_id" minimum:"1" doc:"For administrators."`
	TokenID int64     `query:"token_id" minimum:"1"`
	TaskID  string    `query:"task_id" maxLength:"64"`
	Kind    string    `query:"kind" enum:"hold,capture,release,topup,grant,redeem,adjust,loss"`
	Since   time.Time `query:"since"`
	Until   time.Time `query:"until" doc:"Before this time."`
}

type listLedger struct {
	PageIn
	LedgerFilter
}

type exportLedger struct{ LedgerFilter }

// Statement is a user's account over a month: the opening balance and the sums
// of all kinds make the closing one.
type Statement struct {
	UserID  int64          `json:"user_id"`
	Month   string         `json:"month" example:"2026-11"`
	Since   time.Time      `json:"since"`
	Until   time.Time      `json:"until"`
	Test    bool           `json:"test,omitempty"`
	Opening Funds          `json:"opening"`
	Kinds   []StatementSum `json:"kinds" nullable:"false"`
	Closing Funds          `json:"closing"`
}

// Funds are what a user has.
type Funds struct {
	Available money.Quota `json:"available"`
	Held      money.Quota `json:"held"`
}

// StatementSum is what the entries of one kind did.
type StatementSum struct {
	Kind      string      `json:"kind"`
	Entries   int64       `json:"entries"`
	Available money.Quota `json:"available"`
	Held      money.Quota `json:"held"`
}

type getStatement struct {
	UserID   int64  `query:"user_id" minimum:"1" doc:"For administrators; yourself when left out."`
	Month    string `query:"month" required:"true" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" example:"2026-11"`
	TimeZone string `query:"tz" default:"UTC" maxLength:"64" example:"Asia/Shanghai" doc:"IANA name of the zone whose month it is."`
	Test     bool   `query:"test" doc:"The play ledger of test mode."`
}

type getMonths struct {
	UserID   int64  `query:"user_id" minimum:"1" doc:"For administrators; yourself when left out."`
	Months   int    `query:"months" minimum:"1" maximum:"24" default:"12" doc:"How many, the present one among them."`
	TimeZone string `query:"tz" default:"UTC" maxLength:"64" example:"Asia/Shanghai" doc:"IANA name of the zone whose months they are."`
	Test     bool   `query:"test" doc:"The play ledger of test mode."`
}

// BalanceChange is a change of a balance by hand, as it was recorded.
type BalanceChange struct {
	UserID  int64  `json:"user_id"`
	Change  Amount `json:"change"`
	Balance Funds  `json:"balance" doc:"After the change."`
}

type changeBalance struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Kind      string `json:"kind" enum:"topup,grant,adjust" doc:"topup: the user paid; grant: a present; adjust: a correction, which may take."`
		Amount    *int64 `json:"amount,omitempty" minimum:"-9007199254740991" maximum:"9007199254740991" doc:"Quota; below zero takes. Give either this or usd."`
		USD       string `json:"usd,omitempty" maxLength:"24" example:"12.50" doc:"US dollars; a leading minus takes."`
		Reason    string `json:"reason" minLength:"1" maxLength:"200" doc:"Stands in the ledger and in the audit."`
		Reference string `json:"reference,omitempty" maxLength:"100" example:"payment 4711" doc:"Makes repeating harmless: a reference counts once for each kind."`
	}
}

func (c *Console) ledger() {
	tags := []string{"ledger"}
	register(c, signed, huma.Operation{OperationID: "list-ledger", Method: http.MethodGet, Path: "/api/ledger", Summary: "List ledger entries, newest first", Tags: tags,
		Description: "Your own; administrators see all. A page may be short and have a next one: what was asked for is rare, and the search goes on there."}, c.listLedger)
	register(c, signed, huma.Operation{OperationID: "export-ledger", Method: http.MethodGet, Path: "/api/ledger.csv", Summary: "Export ledger entries as CSV", Tags: tags,
		Description: "Newest first, without a limit. The last line begins with end and counts the rows; without it the export is incomplete. Texts that a spreadsheet would run as a formula begin with an apostrophe.",
		Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, c.exportLedger)
	register(c, signed, huma.Operation{OperationID: "get-statement", Method: http.MethodGet, Path: "/api/ledger/statement", Summary: "A user's account over a month", Tags: tags}, c.getStatement)
	register(c, signed, huma.Operation{OperationID: "list-statements", Method: http.MethodGet, Path: "/api/ledger/months", Summary: "A user's account over the last months", Tags: tags,
		Description: "As get-statement for each month, newest first."}, c.listStatements)
	register(c, admin, huma.Operation{OperationID: "change-balance", Method: http.MethodPost, Path: "/api/users/{id}/balance", Summary: "Change a user's balance", Tags: []string{"users"}}, c.changeBalance)
}

// entryFilter is what a filter means for a viewer.
func (v *Viewer) entryFilter(f *LedgerFilter) (store.EntryFilter, error) {
	out := store.EntryFilter{TokenID: f.TokenID, TaskID: f.TaskID, Kind: ledger.Kind(f.Kind), Since: f.Since, Until: f.Until}
	var err error
	if out.UserID, err = v.onlyOwn(f.UserID); err != nil {
		return out, err
	}
	if err := plain("task_id", f.TaskID); err != nil {
		return out, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return out, fault.New(fault.Invalid, "until must be later than since.").Named("invalid_range").At("query.until")
	}
	return out, nil
}

func (c *Console) listLedger(ctx context.Context, v *Viewer, in *listLedger) (*PageOut[LedgerEntry], error) {
	f, err := v.entryFilter(&in.LedgerFilter)
	if err != nil {
		return nil, err
	}
	if f.Before, err = in.after(); err != nil {
		return nil, err
	}
	f.Limit = in.Limit
	list, next, err := c.Store.Entries(ctx, f)
	if err != nil {
		return nil, err
	}
	return pageTo(list, next, func(e store.Entry) LedgerEntry { return c.namedEntry(v, e) }), nil
}

func (c *Console) namedEntry(v *Viewer, e store.Entry) LedgerEntry {
	out := showEntry(v, e)
	if u, ok := c.Directory.View().Users[e.UserID]; ok && v.IsAdmin() {
		out.User = u.Name
	}
	return out
}

const (
	exportAtOnce = 1000
	// exportPatience is how long one part of an export may take to be read.
	exportPatience = time.Minute
)

func (c *Console) exportLedger(ctx context.Context, v *Viewer, in *exportLedger) (*huma.StreamResponse, error) {
	f, err := v.entryFilter(&in.LedgerFilter)
	if err != nil {
		return nil, err
	}
	f.Limit = exportAtOnce
	// The first part before the first byte: what can be refused still is.
	list, next, err := c.Store.Entries(ctx, f)
	if err != nil {
		return nil, err
	}
	id, _ := ctx.Value(viewerKey{}).(*identity)
	deadline := http.NewResponseController(id.w)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "text/csv; charset=utf-8")
		hc.SetHeader("Content-Disposition", `attachment; filename="ledger.csv"`)
		w := csv.NewWriter(hc.BodyWriter())
		_ = w.Write([]string{"id", "time", "kind", "user_id", "user", "token_id", "task_id", "available_quota", "held_quota", "available_usd", "reference", "memo", "actor", "test"})
		for rows := 0; ; {
			// The reader may take its time over the whole, not over a part.
			_ = deadline.SetWriteDeadline(time.Now().Add(exportPatience))
			for _, e := range list {
				if err := w.Write(csvRow(c.namedEntry(v, e))); err != nil {
					return // the reader is gone
				}
			}
			w.Flush()
			rows += len(list)
			if next == "" {
				_ = w.Write([]string{"end", strconv.Itoa(rows)})
				w.Flush()
				return
			}
			f.Before = next
			if list, next, err = c.Store.Entries(ctx, f); err != nil {
				c.Log.ErrorContext(ctx, "an export of the ledger broke off", "rows", rows, "err", err)
				_ = w.Write([]string{"incomplete", strconv.Itoa(rows)})
				w.Flush()
				return
			}
		}
	}}, nil
}

func csvRow(e LedgerEntry) []string {
	return []string{
		e.ID, e.At.Format(time.RFC3339Nano), e.Kind, strconv.FormatInt(e.UserID, 10), csvText(e.User), strconv.FormatInt(e.TokenID, 10), csvText(e.TaskID),
		strconv.FormatInt(int64(e.Available), 10), strconv.FormatInt(int64(e.Held), 10), e.Available.USD(),
		csvText(e.Reference), csvText(e.Memo), csvText(e.Actor), strconv.FormatBool(e.Test),
	}
}

// csvText keeps spreadsheets from running a text as a formula.
func csvText(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) || strings.HasPrefix(text, "＝") || strings.HasPrefix(text, "＋") || strings.HasPrefix(text, "－") || strings.HasPrefix(text, "＠") {
		return "'" + text
	}
	return text
}

// zone finds a time zone by its IANA name.
func zone(name string) (*time.Location, error) {
	l, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fault.New(fault.Invalid, "%.64q is no time zone; use a name like Asia/Shanghai.", name).Named("invalid_time_zone").At("query.tz")
	}
	return l, nil
}

func (c *Console) getStatement(ctx context.Context, v *Viewer, in *getStatement) (*One[Statement], error) {
	user, err := v.oneUser(in.UserID)
	if err != nil {
		return nil, err
	}
	loc, err := zone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	since, err := time.ParseInLocation("2006-01", in.Month, loc)
	if err != nil || since.Year() < 2000 {
		return nil, fault.New(fault.Invalid, "month must look like 2026-11.").Named("invalid_parameter").At("query.month")
	}
	st, err := c.Store.Statement(ctx, user, in.Test, since, since.AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	return &One[Statement]{showStatement(st, in.Month, in.Test)}, nil
}

// oneUser is whose account is meant: the viewer's when nobody is named.
func (v *Viewer) oneUser(asked int64) (int64, error) {
	if asked == 0 {
		return v.User.ID, nil
	}
	return v.onlyOwn(asked)
}

func showStatement(st store.Statement, month string, test bool) Statement {
	out := Statement{
		UserID: st.UserID, Month: month, Since: st.Since, Until: st.Until, Test: test,
		Opening: Funds(st.Opening), Closing: Funds(st.Closing), Kinds: []StatementSum{},
	}
	for _, k := range st.Kinds {
		out.Kinds = append(out.Kinds, StatementSum{string(k.Kind), k.Entries, k.Available, k.Held})
	}
	return out
}

func (c *Console) listStatements(ctx context.Context, v *Viewer, in *getMonths) (*PageOut[Statement], error) {
	user, err := v.oneUser(in.UserID)
	if err != nil {
		return nil, err
	}
	loc, err := zone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	y, m, _ := c.Store.Now().In(loc).Date()
	at := make([]time.Time, in.Months+1)
	for i := range at {
		at[i] = time.Date(y, m+1-time.Month(in.Months-i), 1, 0, 0, 0, 0, loc)
	}
	list, err := c.Store.Statements(ctx, user, in.Test, at...)
	if err != nil {
		return nil, err
	}
	slices.Reverse(list)
	return page(list, len(list), func(st store.Statement) string { return "" }, func(st store.Statement) Statement {
		return showStatement(st, st.Since.Format("2006-01"), in.Test)
	}), nil
}

func (c *Console) changeBalance(ctx context.Context, v *Viewer, in *changeBalance) (*One[BalanceChange], error) {
	b := &in.Body
	if (b.Amount == nil) == (b.USD == "") {
		return nil, fault.New(fault.Invalid, "Give either amount, in quota, or usd.").Named("either_or").At("body.amount")
	}
	var q money.Quota
	field := "body.amount"
	if b.Amount != nil {
		q = money.Quota(*b.Amount)
	} else {
		field = "body.usd"
		var err error
		if q, err = money.ParseSignedUSD(b.USD); err != nil {
			return nil, fault.New(fault.Invalid, "usd must be an amount like 12.50 or -3: %s.", err).Named("invalid_amount").At(field)
		}
	}
	switch {
	case q == 0:
		return nil, fault.New(fault.Invalid, "A change of nothing is no change.").Named("amount_zero").At(field)
	case q < 0 && b.Kind != string(ledger.KindAdjust):
		return nil, fault.New(fault.Invalid, "Only kind adjust takes quota away.").Named("amount_negative").At(field)
	case q > money.MaxQuota || q < -money.MaxQuota:
		return nil, fault.New(fault.Invalid, "The amount must lie between -%d and %d quota.", money.MaxQuota, money.MaxQuota).Named("out_of_range").At(field)
	}
	if strings.TrimSpace(b.Reason) == "" {
		return nil, fault.New(fault.Invalid, "Give a reason.").Named("missing_parameter").At("body.reason")
	}
	if err := store.Note("reason", b.Reason); err != nil {
		return nil, inBody(err)
	}
	if err := store.Note("reference", b.Reference); err != nil {
		return nil, inBody(err)
	}
	if _, err := c.Store.User(ctx, in.ID); err != nil {
		return nil, err
	}
	e := ledger.Change(ledger.Kind(b.Kind), in.ID, q, b.Reference, v.Actor.Name, b.Reason, c.Store.Now())
	if err := c.Store.ChangeBalanceBy(ctx, v.Actor, e); err != nil {
		f := fault.From(err)
		if f.Field == "amount" {
			at := *f
			at.Field = field
			return nil, &at
		}
		return nil, inBody(err)
	}
	have, err := c.Store.Balance(ctx, in.ID, false)
	if err != nil {
		return nil, err
	}
	c.Log.InfoContext(ctx, "billing: balance changed", "user", in.ID, "kind", b.Kind, "amount", int64(q), "by", v.Actor.Name, "reference", b.Reference)
	return &One[BalanceChange]{BalanceChange{UserID: in.ID, Change: amount(q), Balance: Funds(have)}}, nil
}
