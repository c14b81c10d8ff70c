package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/directory"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// Names of rows in table versions. A change of what the row stands for raises
// it in the same transaction, which also puts such changes in an order: rows
// carry the number in column changed, and a node reads those above the last
// number it saw.
const (
	versionDirectory = "directory" // users, groups, tokens, webhook endpoints
	versionPrices    = "prices"
	versionSettings  = "settings"
	versionRecovery  = "recovery"
)

// deleted is the status of users and tokens that are gone; rows stay for the
// ledger's sake.
const deleted = 3

// viewState is what the last view was built from.
type viewState struct {
	directory, prices, settings int64
	recovery                    int64
	channels                    string // fingerprint of the rows
	loaded                      bool
}

// Refresh reads what has changed since the last view and replaces it. The
// caller decides how often; channels are read whole each time, because an
// operator may write them by hand.
func (s *Store) Refresh(ctx context.Context) error {
	s.viewMu.Lock()
	defer s.viewMu.Unlock()
	st := s.viewState
	old := s.directory.View()
	v := *old
	v.LoadedAt = s.Now()

	current, err := s.versions(ctx)
	if err != nil {
		return failure(err)
	}
	changed := !st.loaded
	if n := current[versionDirectory]; n != st.directory || !st.loaded {
		if err := s.loadCallers(ctx, &v, st.directory, st.loaded); err != nil {
			return failure(err)
		}
		st.directory, changed = n, true
	}
	if n := current[versionPrices]; n != st.prices || !st.loaded {
		if v.Catalogue, err = s.loadCatalogue(ctx); err != nil {
			return failure(err)
		}
		st.prices, changed = n, true
	}
	if n := current[versionSettings]; n != st.settings || !st.loaded {
		if v.Settings, err = s.loadSettings(ctx); err != nil {
			return failure(err)
		}
		st.settings, changed = n, true
	}
	if n := current[versionRecovery]; n != st.recovery || !st.loaded {
		if v.Recovery, err = s.loadRecovery(ctx); err != nil {
			return failure(err)
		}
		st.recovery, changed = n, true
	}
	rows, print, err := s.channelRows(ctx)
	if err != nil {
		return failure(err)
	}
	if print != st.channels || !st.loaded {
		v.Channels, v.ChannelIDs = s.openChannels(ctx, rows)
		st.channels, changed = print, true
	}
	st.loaded = true
	s.viewState = st
	s.refreshed.Store(s.now().UnixNano())
	if changed {
		s.directory.Replace(&v)
	}
	return nil
}

// Watch refreshes the directory and the clock until the context ends.
func (s *Store) Watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.syncClock(ctx)
		if err == nil {
			err = s.Refresh(ctx)
		}
		switch {
		case err == nil:
			failing = false
		case ctx.Err() == nil && !failing:
			s.log.Error("could not refresh the directory; serving from the last view", "err", err)
			failing = true // one line, not one a second
		}
	}
}

func (s *Store) versions(ctx context.Context) (map[string]int64, error) {
	rows, err := s.rdb.QueryContext(ctx, "SELECT name, version FROM versions")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, rows.Err()
}

// raise makes nodes read again and returns the new number.
func raise(ctx context.Context, tx bun.Tx, name string) (int64, error) {
	if _, err := tx.ExecContext(ctx, "UPDATE versions SET version = version + 1 WHERE name = ?", name); err != nil {
		return 0, err
	}
	var n int64
	err := tx.QueryRowContext(ctx, "SELECT version FROM versions WHERE name = ?", name).Scan(&n)
	return n, err
}

// loadCallers reads users, groups and tokens: all of them at first, then those
// that changed.
func (s *Store) loadCallers(ctx context.Context, v *directory.View, since int64, some bool) error {
	if !some {
		since = -1
		v.Users, v.Tokens, v.AccessKeys = map[int64]*account.User{}, map[account.Hash]*account.Token{}, map[string]*account.Token{}
	} else {
		v.Users, v.Tokens, v.AccessKeys = maps.Clone(v.Users), maps.Clone(v.Tokens), maps.Clone(v.AccessKeys)
	}
	v.Groups = map[string]*account.Group{}
	var groups []struct{ Name, Ratio string }
	if err := s.read.NewRaw("SELECT name, ratio FROM user_groups").Scan(ctx, &groups); err != nil {
		return err
	}
	for _, g := range groups {
		ratio, err := money.ParseDecimal(g.Ratio)
		if err != nil {
			return fmt.Errorf("ratio of group %s: %w", g.Name, err)
		}
		v.Groups[g.Name] = &account.Group{Name: g.Name, Ratio: ratio}
	}
	var users []userRow
	if err := s.read.NewRaw("SELECT * FROM users WHERE changed > ?", since).Scan(ctx, &users); err != nil {
		return err
	}
	for _, r := range users {
		if r.Status == deleted {
			delete(v.Users, r.ID)
			continue
		}
		u := r.user()
		v.Users[u.ID] = &u
	}
	var tokens []tokenRow
	if err := s.read.NewRaw(`SELECT t.*, b.limit_quota, b.held, b.used FROM tokens t
		LEFT JOIN token_budgets b ON b.token_id = t.id WHERE t.changed > ?`, since).Scan(ctx, &tokens); err != nil {
		return err
	}
	for _, r := range tokens {
		t, err := r.token()
		if err != nil {
			return err
		}
		if r.Status == deleted {
			delete(v.Tokens, t.Hash)
			delete(v.AccessKeys, t.AccessKey)
			continue
		}
		v.Tokens[t.Hash], v.AccessKeys[t.AccessKey] = &t, &t
	}
	return s.loadEndpoints(ctx, v, since, some)
}

type userRow struct {
	ID                int64  `bun:"id"`
	Name              string `bun:"name"`
	DisplayName       string `bun:"display_name"`
	Email             string `bun:"email"`
	PasswordHash      string `bun:"password_hash"`
	Role              string `bun:"role"`
	Status            int    `bun:"status"`
	GroupName         string `bun:"group_name"`
	WebhookGeneration int    `bun:"webhook_generation"`
	WebhookRotatedAt  int64  `bun:"webhook_rotated_at"`
	CreatedAt         int64  `bun:"created_at"`
	UpdatedAt         int64  `bun:"updated_at"`
	Version           int64  `bun:"version"`
	Changed           int64  `bun:"changed"`
	Rate              int    `bun:"rate"`
}

func (r *userRow) user() account.User {
	return account.User{
		ID: r.ID, Name: r.Name, Role: account.Role(r.Role), Status: account.Status(r.Status), Group: r.GroupName,
		Webhooks: r.WebhookGeneration, Rotated: moment(r.WebhookRotatedAt), Rate: r.Rate,
	}
}

type tokenRow struct {
	ID         int64         `bun:"id"`
	UserID     int64         `bun:"user_id"`
	Name       string        `bun:"name"`
	Hash       string        `bun:"hash"`
	Prefix     string        `bun:"prefix"`
	AccessKey  string        `bun:"access_key"`
	Status     int           `bun:"status"`
	Test       int           `bun:"test"`
	ExpiresAt  int64         `bun:"expires_at"`
	Models     *string       `bun:"models"`
	Networks   *string       `bun:"networks"`
	Rate       int           `bun:"rate"`
	CreatedAt  int64         `bun:"created_at"`
	LastUsedAt int64         `bun:"last_used_at"`
	Version    int64         `bun:"version"`
	Changed    int64         `bun:"changed"`
	LimitQuota sql.NullInt64 `bun:"limit_quota"`
	Held       sql.NullInt64 `bun:"held"`
	Used       sql.NullInt64 `bun:"used"`
}

func (r *tokenRow) token() (account.Token, error) {
	h, ok := account.ParseHash(r.Hash)
	if !ok {
		return account.Token{}, fmt.Errorf("token %d: the hash is not 64 hex digits", r.ID)
	}
	t := account.Token{
		ID: r.ID, UserID: r.UserID, Name: r.Name, Hash: h, Prefix: r.Prefix, AccessKey: r.AccessKey,
		Status: account.Status(r.Status), Test: r.Test != 0, ExpiresAt: moment(r.ExpiresAt), Rate: r.Rate,
	}
	if r.LimitQuota.Valid {
		q := money.Quota(r.LimitQuota.Int64)
		t.Limit = &q
	}
	if r.Models != nil {
		t.Models = model.List(*r.Models)
	}
	if r.Networks != nil {
		for _, text := range model.List(*r.Networks) {
			p, err := ParseNetwork(text)
			if err != nil {
				return t, fmt.Errorf("token %d: %w", r.ID, err)
			}
			t.Networks = append(t.Networks, p)
		}
	}
	return t, nil
}

// ParseNetwork reads an address or a prefix.
func ParseNetwork(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address like 203.0.113.7 or a prefix like 203.0.113.0/24", text)
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

type channelRow struct {
	ID            int64   `bun:"id"`
	Type          int     `bun:"type"`
	Name          string  `bun:"name"`
	Key           string  `bun:"key"`
	Status        int     `bun:"status"`
	BaseURL       string  `bun:"base_url"`
	Models        *string `bun:"models"`
	CreatedTime   int64   `bun:"created_time"`
	GroupNames    string  `bun:"group_names"`
	Priority      int     `bun:"priority"`
	Weight        int     `bun:"weight"`
	MaxLive       int     `bun:"max_live"`
	WebhookSecret *string `bun:"webhook_secret"`
	Reason        string  `bun:"reason"`
	ReasonAt      int64   `bun:"reason_at"`
	TestTime      int64   `bun:"test_time"`
	TestResult    string  `bun:"test_result"`
	Version       int64   `bun:"version"`
	CircuitUntil  int64   `bun:"circuit_until"`
	CircuitOpens  int     `bun:"circuit_opens"`
}

func (s *Store) channelRows(ctx context.Context) ([]channelRow, string, error) {
	var rows []channelRow
	if err := s.read.NewRaw("SELECT * FROM channels ORDER BY id").Scan(ctx, &rows); err != nil {
		return nil, "", err
	}
	print, err := json.Marshal(rows)
	return rows, string(print), err
}

// openChannels unseals the keys of channels, and seals those that an operator
// wrote in plain. A channel whose key does not open is left out and reported:
// it must not stop the others.
func (s *Store) openChannels(ctx context.Context, rows []channelRow) ([]*channel.Channel, map[int64]*channel.Channel) {
	list := make([]*channel.Channel, 0, len(rows))
	byID := make(map[int64]*channel.Channel, len(rows))
	for i := range rows {
		r := &rows[i]
		key, err := s.openOrSeal(ctx, r.ID, columnKey, r.Key)
		if err == nil && r.WebhookSecret != nil && *r.WebhookSecret != "" {
			var ws secret.Text
			ws, err = s.openOrSeal(ctx, r.ID, columnWebhookSecret, *r.WebhookSecret)
			*r.WebhookSecret = ws.Reveal()
		}
		if err != nil {
			s.log.Error("a channel's key cannot be read; the channel is left out", "channel", r.ID, "err", err)
			continue
		}
		c := r.channel()
		c.Keys = channel.SplitKeys(s.keys, key)
		if r.WebhookSecret != nil {
			for _, k := range channel.SplitKeys(s.keys, secret.Text(*r.WebhookSecret)) {
				c.WebhookSecrets = append(c.WebhookSecrets, k.Text)
			}
		}
		list, byID[c.ID] = append(list, &c), &c
	}
	return list, byID
}

// Columns of table channels that hold sealed text.
const (
	columnKey           = "key"
	columnWebhookSecret = "webhook_secret"
)

// sealedPlace binds a sealed text to its row and column.
func sealedPlace(channelID int64, column string) string {
	return fmt.Sprintf("channels/%d/%s", channelID, column)
}

func (s *Store) openOrSeal(ctx context.Context, id int64, column, value string) (secret.Text, error) {
	if secret.Sealed(value) {
		return s.keys.Open(value, sealedPlace(id, column))
	}
	sealed := s.keys.Seal(secret.Text(value), sealedPlace(id, column))
	// The old value in the WHERE: another node may have sealed it, or the
	// operator changed it again.
	if _, err := s.write.ExecContext(ctx, "UPDATE channels SET ? = ? WHERE id = ? AND ? = ?",
		bun.Ident(column), sealed, id, bun.Ident(column), value); err != nil {
		return "", err
	}
	s.log.Info("sealed a plain key that was written by hand", "channel", id, "column", column)
	return secret.Text(value), nil
}

func (r *channelRow) channel() channel.Channel {
	c := channel.Channel{
		ID: r.ID, Type: r.Type, Name: r.Name, Status: channel.Status(r.Status), Reason: r.Reason,
		BaseURL: channel.TrimBaseURL(r.BaseURL), Groups: model.List(r.GroupNames),
		Priority: r.Priority, Weight: r.Weight, MaxLive: r.MaxLive, Version: r.Version,
		Circuit: channel.Circuit{Until: moment(r.CircuitUntil), Opens: r.CircuitOpens},
	}
	if r.Models != nil {
		c.Models = model.List(*r.Models)
	}
	if len(c.Groups) == 0 {
		c.Groups = []string{account.DefaultGroup}
	}
	return c
}

func (s *Store) loadCatalogue(ctx context.Context) (*price.Catalogue, error) {
	var version int64
	var rules string
	err := s.rdb.QueryRowContext(ctx, "SELECT version, rules FROM price_versions ORDER BY version DESC LIMIT 1").Scan(&version, &rules)
	if err != nil {
		return nil, fmt.Errorf("read the prices: %w", err)
	}
	parsed, err := price.ParseRules([]byte(rules))
	if err != nil {
		return nil, fmt.Errorf("price version %d: %w", version, err)
	}
	return price.New(version, parsed)
}

// checkKey makes sure that all nodes, now and later, use the same master key.
func (s *Store) checkKey(ctx context.Context) error {
	head, tail := s.dialect.insertIgnore("settings (name, value, updated_at)")
	id, err := json.Marshal(s.keys.ID())
	if err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, head+" VALUES ('key_id', ?, ?)"+tail, string(id), millis(s.Now())); err != nil {
		return err
	}
	var have string
	if err := s.read.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = 'key_id'").Scan(&have); err != nil {
		return err
	}
	if have != string(id) {
		return errors.New("this database was sealed with another ENCRYPTION_KEY; give this node the key of the others (on a single node: the file encryption.key in its old data directory)")
	}
	return nil
}

// seed writes the rows that must exist, once.
func (s *Store) seed(ctx context.Context) error {
	now := millis(s.Now())
	builtin, err := price.BuiltinJSON()
	if err != nil {
		return err
	}
	for _, in := range []struct {
		into   string
		values []any
	}{
		{"versions (name, version)", []any{versionDirectory, 1}},
		{"versions (name, version)", []any{versionPrices, 1}},
		{"versions (name, version)", []any{versionSettings, 1}},
		{"versions (name, version)", []any{versionRecovery, 1}},
		{"recovery (id, database_id)", []any{1, task.NewID("db_", s.Now())}},
		{"user_groups (name, title, ratio, created_at)", []any{account.DefaultGroup, "Default", "1", now}},
		{"price_versions (version, rules, actor, note, created_at)", []any{1, string(builtin), "gateway", "list prices at installation", now}},
	} {
		head, tail := s.dialect.insertIgnore(in.into)
		if _, err := s.write.ExecContext(ctx, head+" VALUES (?)"+tail, bun.List(in.values)); err != nil {
			return err
		}
	}
	return nil
}

// changing runs a change of what the directory holds, raises its version in
// the same transaction and refreshes this node's view before it returns.
func (s *Store) changing(ctx context.Context, name string, f func(tx bun.Tx, version int64) error) error {
	err := s.transact(ctx, func(tx bun.Tx) error {
		n, err := raise(ctx, tx, name)
		if err != nil {
			return err
		}
		return f(tx, n)
	})
	if err != nil {
		return err
	}
	return s.announce(ctx)
}

// OnChange calls f after each change of what the directory holds that this node
// commits. It must not block.
func (s *Store) OnChange(f func()) { s.onChange.Store(&f) }

// announce makes a committed change of the directory known.
func (s *Store) announce(ctx context.Context) error {
	if f := s.onChange.Load(); f != nil {
		(*f)()
	}
	return s.Refresh(ctx)
}
