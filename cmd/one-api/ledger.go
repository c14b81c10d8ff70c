package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/store"
)

type ledgerCmd struct {
	List      ledgerListCmd      `cmd:"" help:"List entries, newest first." example:"one-api ledger list --user alice --since 7d\none-api ledger list --kind grant --json"`
	Export    ledgerExportCmd    `cmd:"" help:"Write entries as CSV, for a spreadsheet." example:"one-api ledger export --since 2026-01-01 --until 2026-02-01 january.csv\none-api ledger export --user alice - | head"`
	Statement ledgerStatementCmd `cmd:"" help:"A user's account over a time: opening, what happened, closing." example:"one-api ledger statement alice --since 2026-01-01 --until 2026-02-01"`
}

// entryView is an entry of the ledger; amounts are quota.
type entryView struct {
	ID        string        `json:"id"`
	At        time.Time     `json:"at"`
	Kind      string        `json:"kind"`
	UserID    int64         `json:"user_id"`
	User      string        `json:"user"`
	TokenID   int64         `json:"token_id,omitempty"`
	TaskID    string        `json:"task_id,omitempty"`
	Reference string        `json:"reference,omitempty"`
	Actor     string        `json:"actor"`
	Memo      string        `json:"memo,omitempty"`
	Available money.Quota   `json:"available"` // change of what the user can spend
	Held      money.Quota   `json:"held"`      // change of what is held for live tasks
	Test      bool          `json:"test,omitempty"`
	Postings  []postingView `json:"postings"`
}

type postingView struct {
	From   string      `json:"from"`
	To     string      `json:"to"`
	Amount money.Quota `json:"amount"`
}

func (d *desk) viewEntry(e store.Entry) entryView {
	v := entryView{
		ID: e.ID, At: time.UnixMilli(e.At).UTC(), Kind: string(e.Kind), UserID: e.UserID, User: d.userName(e.UserID), TokenID: e.TokenID, TaskID: e.TaskID,
		Reference: e.Reference, Actor: e.Actor, Memo: e.Memo, Available: e.Available, Held: e.Held, Test: e.Test, Postings: []postingView{},
	}
	for _, p := range e.Postings {
		v.Postings = append(v.Postings, postingView{p.From.String(), p.To.String(), p.Amount})
	}
	return v
}

func (t *terminal) entries(entries []entryView) error {
	var rows [][]any
	for _, e := range entries {
		about := e.TaskID
		if about == "" {
			about = strings.TrimSpace(e.Reference + " " + e.Memo)
		}
		kind := e.Kind
		if e.Test {
			kind += " (test)"
		}
		rows = append(rows, []any{e.At, kind, e.User, e.Available.USD(), e.Held.USD(), e.Actor, clip(about, 80)})
	}
	return t.table("TIME | KIND | USER | AVAILABLE USD | HELD USD | BY | ABOUT", rows)
}

// ledgerFilter are the flags that pick entries.
type ledgerFilter struct {
	span
	User  string `help:"Only of this user: name or id."`
	Token int64  `placeholder:"ID" help:"Only of this token."`
	Task  string `placeholder:"ID" help:"Only of this task."`
	Kind  string `default:"" enum:",hold,capture,release,topup,grant,redeem,adjust,loss" help:"hold, capture, release, topup, grant, redeem, adjust or loss."`
}

func (f *ledgerFilter) filter(ctx context.Context, d *desk) (store.EntryFilter, error) {
	out := store.EntryFilter{TokenID: f.Token, TaskID: f.Task, Kind: ledger.Kind(f.Kind)}
	var err error
	if out.UserID, err = d.userID(ctx, f.User); err != nil {
		return out, err
	}
	out.Since, out.Until, err = f.parse(d.Now())
	return out, err
}

type ledgerListCmd struct {
	reading
	page
	ledgerFilter
}

func (c *ledgerListCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	f, err := c.filter(ctx, d)
	if err != nil {
		return err
	}
	out := list[entryView]{Items: []entryView{}}
	f.Before = c.Before
	for {
		f.Limit = c.Limit - len(out.Items)
		entries, next, err := d.Entries(ctx, f)
		if err != nil {
			return err
		}
		out.Items = append(out.Items, listOf(entries, len(entries), d.viewEntry, nil).Items...)
		if f.Before = next; next == "" || len(out.Items) >= c.Limit {
			break
		}
	}
	out.NextCursor = f.Before
	if c.JSON {
		return t.json(out)
	}
	defer t.more(out.NextCursor)
	return t.entries(out.Items)
}

type ledgerExportCmd struct {
	database
	ledgerFilter
	File string `arg:"" help:"File to write; - is standard output."`
	destroying
}

// columns of the export; amounts in both notations.
var columns = []string{
	"id", "time", "kind", "user_id", "user", "token_id", "task_id", "reference", "actor", "memo",
	"available_quota", "available_usd", "held_quota", "held_usd", "test",
}

func (e *entryView) record() []string {
	token := ""
	if e.TokenID != 0 {
		token = strconv.FormatInt(e.TokenID, 10)
	}
	return []string{
		e.ID, e.At.Format(time.RFC3339), e.Kind, strconv.FormatInt(e.UserID, 10), plain(e.User), token, e.TaskID, plain(e.Reference), e.Actor, plain(e.Memo),
		strconv.FormatInt(int64(e.Available), 10), e.Available.USD(), strconv.FormatInt(int64(e.Held), 10), e.Held.USD(), strconv.FormatBool(e.Test),
	}
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

func (c *ledgerExportCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	f, err := c.filter(ctx, d)
	if err != nil {
		return err
	}
	if c.File == "-" {
		_, err := export(ctx, t, d, f, t.out)
		return err
	}
	if _, err := os.Stat(c.File); err == nil {
		if err := t.confirm(c.destroying, "%s exists. Replace it?", c.File); err != nil {
			return err
		}
	}
	// Beside the file and renamed when it is whole: what was there stays until
	// then.
	out, err := os.CreateTemp(filepath.Dir(c.File), filepath.Base(c.File)+".*.part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	n, err := export(ctx, t, d, f, out)
	if err == nil {
		err = out.Sync()
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(out.Name(), c.File)
	}
	if err != nil {
		return fmt.Errorf("export to %s: %w", c.File, err)
	}
	return t.print("%d entries in %s\n", n, c.File)
}

// exportPage is how many entries are read at once.
const exportPage = 1000

func export(ctx context.Context, t *terminal, d *desk, f store.EntryFilter, to io.Writer) (int, error) {
	say, done := t.progress("exporting")
	defer done()
	w := csv.NewWriter(to)
	if err := w.Write(columns); err != nil {
		return 0, err
	}
	n := 0
	for f.Limit = exportPage; ; {
		entries, next, err := d.Entries(ctx, f)
		if err != nil {
			return n, err
		}
		for _, e := range entries {
			v := d.viewEntry(e)
			if err := w.Write(v.record()); err != nil {
				return n, err
			}
			n++
		}
		w.Flush()
		if err := w.Error(); err != nil || next == "" {
			return n, err
		}
		say("%d entries", n)
		f.Before = next
	}
}

type ledgerStatementCmd struct {
	reading
	userArg
	span
	Test bool `help:"Of the play ledger of test mode."`
}

// statementView is a user's account over a time; amounts are quota.
type statementView struct {
	UserID  int64       `json:"user_id"`
	User    string      `json:"user"`
	Since   time.Time   `json:"since"`
	Until   time.Time   `json:"until"`
	Opening balanceOf   `json:"opening"`
	Closing balanceOf   `json:"closing"`
	Kinds   []kindTotal `json:"kinds"`
}

type balanceOf struct {
	Available money.Quota `json:"available"`
	Held      money.Quota `json:"held"`
}

type kindTotal struct {
	Kind      string      `json:"kind"`
	Entries   int64       `json:"entries"`
	Available money.Quota `json:"available"`
	Held      money.Quota `json:"held"`
}

func (c *ledgerStatementCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	since, until, err := c.parse(d.Now())
	if err != nil {
		return err
	}
	if since.IsZero() {
		since = p.CreatedAt
	}
	if until.IsZero() {
		until = d.Now().Add(time.Millisecond)
	}
	if !since.Before(until) {
		return fault.New(fault.Invalid, "--until must be later than --since.")
	}
	s, err := d.Statement(ctx, p.ID, c.Test, since, until)
	if err != nil {
		return err
	}
	out := statementView{
		UserID: p.ID, User: p.Name, Since: since, Until: until, Opening: balanceOf(s.Opening), Closing: balanceOf(s.Closing), Kinds: []kindTotal{},
	}
	for _, k := range s.Kinds {
		out.Kinds = append(out.Kinds, kindTotal{string(k.Kind), k.Entries, k.Available, k.Held})
	}
	if c.JSON {
		return t.json(out)
	}
	rows := [][]any{{"opening", "", out.Opening.Available.USD(), out.Opening.Held.USD()}}
	for _, k := range out.Kinds {
		rows = append(rows, []any{k.Kind, k.Entries, k.Available.USD(), k.Held.USD()})
	}
	rows = append(rows, []any{"closing", "", out.Closing.Available.USD(), out.Closing.Held.USD()})
	t.note("%d %s from %s to %s UTC", out.UserID, out.User, cell(since), cell(until))
	return t.table("WHAT | ENTRIES | AVAILABLE USD | HELD USD", rows)
}
