package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"one-api/internal/directory"
	"one-api/internal/fault"
)

// Settings reads all settings and the version that an edit of them names.
func (s *Store) Settings(ctx context.Context) (directory.Settings, int64, error) {
	current, err := s.versions(ctx)
	if err != nil {
		return directory.Settings{}, 0, failure(err)
	}
	// Read after the version: a newer value with an older version only makes
	// the next edit a conflict.
	set, err := s.loadSettings(ctx)
	return set, current[versionSettings], failure(err)
}

func (s *Store) loadSettings(ctx context.Context) (directory.Settings, error) {
	set := directory.DefaultSettings()
	var rows []struct{ Name, Value string }
	if err := s.read.NewRaw("SELECT name, value FROM settings").Scan(ctx, &rows); err != nil {
		return set, err
	}
	fields := set.Fields()
	for _, r := range rows {
		if f, ok := fields[r.Name]; ok {
			if err := json.Unmarshal([]byte(r.Value), f); err != nil {
				return set, fmt.Errorf("setting %s: %w", r.Name, err)
			}
		}
	}
	return set, nil
}

// UpdateSettings changes settings by name on all nodes. Conflict means that
// somebody else has changed one since the version was read.
func (s *Store) UpdateSettings(ctx context.Context, by Actor, version int64, values map[string]any) error {
	return s.writeSettings(ctx, by, &version, values)
}

// SetSetting changes one setting on all nodes, whoever changed it before.
func (s *Store) SetSetting(ctx context.Context, name string, value any) error {
	return s.writeSettings(ctx, CLI, nil, map[string]any{name: value})
}

func (s *Store) writeSettings(ctx context.Context, by Actor, version *int64, values map[string]any) error {
	old, err := s.loadSettings(ctx)
	if err != nil {
		return failure(err)
	}
	to := old
	texts := map[string]string{}
	before, after := map[string]any{}, map[string]any{}
	for name, value := range values {
		f, ok := to.Fields()[name]
		if !ok {
			return fault.New(fault.NotFound, "There is no setting %s.", name).Named("setting_not_found").At(name)
		}
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, f); err != nil {
			return fault.New(fault.Invalid, "Setting %s does not take this value.", name).Named("invalid_setting").At(name)
		}
		texts[name], before[name], after[name] = string(b), old.Fields()[name], f
	}
	if name, problem := to.Validate(); name != "" {
		return fault.New(fault.Invalid, "%s %s.", name, problem).Named("invalid_setting").At(name)
	}
	return s.changing(ctx, versionSettings, func(tx bun.Tx, now int64) error {
		if version != nil && now != *version+1 {
			return fault.New(fault.Conflict, "The settings were changed by somebody else. Read them again and repeat your change.").
				Named("version_conflict").At("version")
		}
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if _, err := tx.ExecContext(ctx, "DELETE FROM settings WHERE name = ?", name); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)",
				name, texts[name], millis(s.Now())); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "settings.update", "settings", map[string]any{"before": before, "after": after})
	})
}
