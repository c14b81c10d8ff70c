package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/money"
)

// Group is a group of users as it is edited.
type Group struct {
	Name    string        `bun:"name"`
	Title   string        `bun:"title"`
	Ratio   money.Decimal `bun:"-"`
	Users   int64         `bun:"users"`
	Version int64         `bun:"version"`

	RatioText string `bun:"ratio"`
}

func (g *Group) parse() error {
	var err error
	g.Ratio, err = money.ParseDecimal(g.RatioText)
	return err
}

const selectGroups = `SELECT g.name, g.title, g.ratio, g.version,
	(SELECT COUNT(*) FROM users u WHERE u.group_name = g.name AND u.status <> 3) AS users FROM user_groups g`

// Groups lists all groups by name; there are few.
func (s *Store) Groups(ctx context.Context) ([]Group, error) {
	var out []Group
	if err := s.read.NewRaw(selectGroups+" ORDER BY g.name").Scan(ctx, &out); err != nil {
		return nil, failure(err)
	}
	for i := range out {
		if err := out[i].parse(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Group finds a group.
func (s *Store) Group(ctx context.Context, name string) (Group, error) {
	var g Group
	err := s.read.NewRaw(selectGroups+" WHERE g.name = ?", name).Scan(ctx, &g)
	if errors.Is(err, sql.ErrNoRows) {
		return g, noGroup(name)
	}
	if err == nil {
		err = g.parse()
	}
	return g, failure(err)
}

func noGroup(name string) error {
	return fault.New(fault.NotFound, "Group %q does not exist.", name).Named("group_not_found")
}

// checkRatio refuses what would make orders free or absurd.
func checkRatio(r money.Decimal) error {
	if r.IsZero() || r.Cmp(mostRatio) > 0 {
		return fault.New(fault.Invalid, "ratio must be above 0 and at most 1000, like 0.8 or 1.").Named("invalid_ratio").At("ratio")
	}
	return nil
}

var mostRatio = func() money.Decimal {
	d, err := money.ParseDecimal("1000")
	if err != nil {
		panic(err)
	}
	return d
}()

// CreateGroup makes a group.
func (s *Store) CreateGroup(ctx context.Context, by Actor, g Group) (Group, error) {
	if err := Label("name", g.Name); err != nil {
		return g, err
	}
	if err := checkRatio(g.Ratio); err != nil {
		return g, err
	}
	err := s.changing(ctx, versionDirectory, func(tx bun.Tx, _ int64) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO user_groups (name, title, ratio, created_at) VALUES (?, ?, ?, ?)",
			g.Name, g.Title, g.Ratio.String(), millis(s.Now()))
		if isDuplicate(err) {
			return fault.New(fault.Conflict, "A group named %q exists already.", g.Name).Named("name_taken").At("name")
		}
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "group.create", "group:"+g.Name, map[string]any{"ratio": g.Ratio, "title": g.Title})
	})
	if err != nil {
		return g, err
	}
	return s.Group(ctx, g.Name)
}

// GroupPatch are the fields to change; nil leaves one as it is. Version is the
// one that the editor saw.
type GroupPatch struct {
	Version int64
	Title   *string
	Ratio   *money.Decimal
}

// UpdateGroup changes a group. Conflict means that somebody else did first.
func (s *Store) UpdateGroup(ctx context.Context, by Actor, name string, p GroupPatch) (Group, error) {
	old, err := s.Group(ctx, name)
	if err != nil {
		return old, err
	}
	to := old
	if p.Title != nil {
		to.Title = *p.Title
	}
	if p.Ratio != nil {
		if err := checkRatio(*p.Ratio); err != nil {
			return old, err
		}
		to.Ratio = *p.Ratio
	}
	err = s.changing(ctx, versionDirectory, func(tx bun.Tx, _ int64) error {
		res, err := tx.ExecContext(ctx, "UPDATE user_groups SET title = ?, ratio = ?, version = version + 1 WHERE name = ? AND version = ?",
			to.Title, to.Ratio.String(), name, p.Version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, changed("Group", name))
		}
		return s.audit(ctx, tx, by, "group.update", "group:"+name, map[string]any{
			"before": map[string]any{"title": old.Title, "ratio": old.Ratio}, "after": map[string]any{"title": to.Title, "ratio": to.Ratio},
		})
	})
	if err != nil {
		return old, err
	}
	return s.Group(ctx, name)
}

// DeleteGroup removes a group without users.
func (s *Store) DeleteGroup(ctx context.Context, by Actor, name string) error {
	if name == account.DefaultGroup {
		return fault.New(fault.Conflict, "The default group cannot be deleted.").Named("in_use")
	}
	return s.changing(ctx, versionDirectory, func(tx bun.Tx, _ int64) error {
		var users int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM users WHERE group_name = ? AND status <> ?", name, deleted).Scan(&users); err != nil {
			return err
		}
		if users > 0 {
			return fault.New(fault.Conflict, "Group %q has %d users. Move them to another group first.", name, users).Named("in_use")
		}
		res, err := tx.ExecContext(ctx, "DELETE FROM user_groups WHERE name = ?", name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, noGroup(name))
		}
		return s.audit(ctx, tx, by, "group.delete", "group:"+name, nil)
	})
}
