package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"one-api/internal/config"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// database is the settings of commands that work on the gateway's database,
// beside a running server or without one.
type database struct {
	config.Config `embed:""`
}

// reading is what commands have in common that show something.
type reading struct {
	database
	JSON bool `name:"json" help:"Print one JSON document."`
}

// desk is where a management command works.
type desk struct {
	*store.Store
	keys     *secret.Keyring
	settings config.Settings
}

// settings are the database's own, checked.
func (d *database) settings() (config.Settings, error) {
	s, err := d.Parse()
	if err != nil {
		return s, configError{err}
	}
	return s, nil
}

// open opens the database as a node does; the caller closes it.
func (d *database) open(ctx context.Context) (*desk, error) {
	s, err := d.settings()
	if err != nil {
		return nil, err
	}
	keys, err := s.MasterKey()
	if err != nil {
		return nil, configError{err}
	}
	st, err := store.Open(ctx, store.Options{
		DSN: s.DSN, MaxOpenConns: 4, MaxIdleConns: 2, ConnMaxLifetime: s.ConnMaxLifetime, Keys: keys, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return &desk{st, keys, s}, nil
}

// person finds a user by id or by name.
func (d *desk) person(ctx context.Context, who string) (store.Person, error) {
	if id, err := strconv.ParseInt(who, 10, 64); err == nil && id > 0 {
		p, err := d.Person(ctx, id)
		if !fault.Is(err, fault.NotFound) {
			return p, err
		}
	}
	found, err := d.SignInByName(ctx, who)
	if fault.Is(err, fault.NotFound) {
		return store.Person{}, fault.New(fault.NotFound, "There is no user %q. one-api user list shows them.", who).Named("user_not_found")
	}
	if err != nil {
		return store.Person{}, err
	}
	return d.Person(ctx, found.User.ID)
}

// userID is the id of a user named by id or name, 0 for "".
func (d *desk) userID(ctx context.Context, who string) (int64, error) {
	if who == "" {
		return 0, nil
	}
	p, err := d.person(ctx, who)
	return p.ID, err
}

// userName is how a user is called, or their id when they are gone.
func (d *desk) userName(id int64) string {
	if u, ok := d.Directory().View().Users[id]; ok {
		return u.Name
	}
	return fmt.Sprintf("#%d", id)
}

// list is the document of every list.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"` // for --before
}

// listOf shows rows, and where the next page begins when there is one more than
// the limit.
func listOf[R, T any](rows []R, limit int, show func(R) T, key func(R) string) list[T] {
	out := list[T]{Items: []T{}}
	if len(rows) > limit {
		rows = rows[:limit]
		out.NextCursor = key(rows[limit-1])
	}
	for _, r := range rows {
		out.Items = append(out.Items, show(r))
	}
	return out
}

// more tells how to see the next page.
func (t *terminal) more(next string) {
	if next != "" {
		t.note("There is more: add --before %s, or a larger --limit.", next)
	}
}

// page are the flags of a list.
type page struct {
	Limit  int    `default:"50" help:"Most rows, 1 to 1000."`
	Before string `placeholder:"CURSOR" help:"Go on where the last page ended."`
}

func (p *page) Validate() error {
	if p.Limit < 1 || p.Limit > 1000 {
		return fmt.Errorf("--limit must be from 1 to 1000")
	}
	return nil
}

// beforeID is --before for rows with numeric ids.
func (p *page) beforeID() (int64, error) {
	if p.Before == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.Before, 10, 64)
	if err != nil || n < 1 {
		return 0, misused("--before: %q is no cursor that a list has shown", p.Before)
	}
	return n, nil
}

// span are the flags of what lies in time.
type span struct {
	Since string `placeholder:"TIME" help:"From this time on: 2026-01-31, 2026-01-31T08:00:00Z, or 24h or 7d ago."`
	Until string `placeholder:"TIME" help:"Before this time."`
}

func (s *span) parse(now time.Time) (since, until time.Time, err error) {
	if since, err = parseTime("--since", s.Since, now, -1); err != nil {
		return since, until, err
	}
	if until, err = parseTime("--until", s.Until, now, -1); err != nil {
		return since, until, err
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, misused("--until must be later than --since")
	}
	return since, until, nil
}

// parseTime reads a moment: a date, a time, or a distance from now, before it
// or behind it as sign says. Empty is the zero time.
func parseTime(flag, text string, now time.Time, sign int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04:05", time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return now.AddDate(0, 0, sign*n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(time.Duration(sign) * d), nil
	}
	return time.Time{}, misused("%s: %q is no time like 2026-01-31, 2026-01-31T08:00:00Z, 24h or 7d", flag, text)
}

// usd reads an amount in dollars.
func usd(flag, text string) (money.Quota, error) {
	q, err := money.ParseUSD(text)
	if err != nil {
		return 0, misused("%s: %q is no amount in USD like 10 or 2.50: %v", flag, text, err)
	}
	return q, nil
}

// moment is a time as JSON has it, nil for never.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
