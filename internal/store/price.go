package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"one-api/internal/fault"
	"one-api/internal/price"
)

// PriceVersion is the whole catalogue as it was put in force once. The one with
// the highest version is in force.
type PriceVersion struct {
	Version   int64
	Rules     []price.Rule // nil in lists
	Actor     string
	Note      string
	CreatedAt int64 // unix milliseconds
}

// CurrentPrices is the catalogue in force as the database has it; the
// directory's may be a second older.
func (s *Store) CurrentPrices(ctx context.Context) (PriceVersion, error) {
	return s.onePriceVersion(ctx, "ORDER BY version DESC LIMIT 1")
}

// PriceVersion finds a catalogue that is or was in force.
func (s *Store) PriceVersion(ctx context.Context, version int64) (PriceVersion, error) {
	v, err := s.onePriceVersion(ctx, "WHERE version = ?", version)
	if errors.Is(err, sql.ErrNoRows) {
		return v, fault.New(fault.NotFound, "There is no version %d of the prices.", version).Named("price_version_not_found")
	}
	return v, err
}

func (s *Store) onePriceVersion(ctx context.Context, where string, args ...any) (PriceVersion, error) {
	var v PriceVersion
	var rules string
	err := s.rdb.QueryRowContext(ctx, s.dialect.rebind("SELECT version, rules, actor, note, created_at FROM price_versions "+where), args...).
		Scan(&v.Version, &rules, &v.Actor, &v.Note, &v.CreatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return v, err
	}
	if err != nil {
		return v, failure(err)
	}
	if v.Rules, err = price.ParseRules([]byte(rules)); err != nil {
		return v, fmt.Errorf("price version %d: %w", v.Version, err)
	}
	return v, nil
}

// PriceVersions lists catalogues without their rules, newest first: at most
// limit of those before a version, 0 for all.
func (s *Store) PriceVersions(ctx context.Context, before int64, limit int) ([]PriceVersion, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(`SELECT version, actor, note, created_at FROM price_versions
		WHERE (? = 0 OR version < ?) ORDER BY version DESC LIMIT ?`), before, before, limit)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []PriceVersion
	for rows.Next() {
		var v PriceVersion
		if err := rows.Scan(&v.Version, &v.Actor, &v.Note, &v.CreatedAt); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, failure(rows.Err())
}

// maxNote is the longest note on a change, in characters.
const maxNote = 200

// Note checks a text that says why something was done: printable, at most 200
// characters.
func Note(field, text string) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxNote {
		return fault.New(fault.Invalid, "%s must have at most %d characters.", field, maxNote).Named("too_long").At(field)
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return fault.New(fault.Invalid, "%s must be printable text on one line.", field).Named("not_printable").At(field)
		}
	}
	return nil
}

// PutPrices puts a whole catalogue in force on all nodes. base is the version
// that was edited; Conflict means that another is in force by now. Tasks that
// exist keep their price.
func (s *Store) PutPrices(ctx context.Context, by Actor, base int64, rules []price.Rule, note string) (PriceVersion, error) {
	v := PriceVersion{Version: base + 1, Actor: by.Name, Note: note}
	if err := Note("note", note); err != nil {
		return v, err
	}
	c, err := price.New(v.Version, rules)
	if err != nil {
		return v, err
	}
	v.Rules = c.Rules()
	text, err := json.Marshal(v.Rules)
	if err != nil {
		return v, err
	}
	err = s.changing(ctx, versionPrices, func(tx bun.Tx, _ int64) error {
		var current int64
		var old string
		if err := tx.QueryRowContext(ctx, "SELECT version, rules FROM price_versions ORDER BY version DESC LIMIT 1").Scan(&current, &old); err != nil {
			return err
		}
		if current != base {
			return fault.New(fault.Conflict, "The prices were changed by somebody else: version %d is in force, you edited %d. Read them again and repeat your change.",
				current, base).Named("version_conflict").At("version")
		}
		was, err := price.ParseRules([]byte(old))
		if err != nil {
			return err
		}
		v.CreatedAt = millis(s.Now())
		if _, err := tx.ExecContext(ctx, "INSERT INTO price_versions (version, rules, actor, note, created_at) VALUES (?, ?, ?, ?, ?)",
			v.Version, string(text), v.Actor, v.Note, v.CreatedAt); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "prices.update", fmt.Sprintf("prices:%d", v.Version), map[string]any{
			"from": base, "to": v.Version, "note": note, "changes": DiffRules(was, v.Rules),
		})
	})
	return v, err
}

// RuleChange is a rule before and after an edit; one of them is nil when the
// rule was added or removed.
type RuleChange struct {
	ID     string      `json:"id"`
	Before *price.Rule `json:"before,omitempty"`
	After  *price.Rule `json:"after,omitempty"`
}

// DiffRules lists the rules that differ, by id in the order of the new list,
// then those that are gone.
func DiffRules(before, after []price.Rule) []RuleChange {
	old := make(map[string]*price.Rule, len(before))
	for i := range before {
		old[before[i].ID] = &before[i]
	}
	out := []RuleChange{}
	for i := range after {
		r := &after[i]
		was := old[r.ID]
		delete(old, r.ID)
		if was == nil || !sameRule(was, r) {
			out = append(out, RuleChange{ID: r.ID, Before: was, After: r})
		}
	}
	for i := range before {
		if _, gone := old[before[i].ID]; gone {
			out = append(out, RuleChange{ID: before[i].ID, Before: &before[i]})
		}
	}
	return out
}

// sameRule compares what is kept: an absent list and an empty one are the same.
func sameRule(a, b *price.Rule) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}
