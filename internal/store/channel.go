package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// Channel is a channel as it is edited: what the directory holds, and what has
// happened to it.
type Channel struct {
	channel.Channel
	CreatedAt  time.Time // zero: a row written by hand without it
	ReasonAt   time.Time // of Reason; zero: there is none
	TestedAt   time.Time // zero: never
	TestResult string
	Live       int64 // tasks on it that have not ended
	// KeyProblem says why the keys cannot be read; such a channel is out of
	// service until it gets new ones.
	KeyProblem string
}

// NewChannel is a channel to be made. Zero fields take the table's defaults.
type NewChannel struct {
	By             Actor // who asks; zero: the gateway itself
	Type           int
	Name           string
	BaseURL        string
	Keys           secret.Text // one a line
	Models         []string
	Groups         []string
	Priority       int
	Weight         int
	MaxLive        int
	WebhookSecrets secret.Text // one a line
	Disabled       bool        // to be enabled by hand
}

// ChannelPatch are the fields to change; nil leaves one as it is. Version is
// the one that the editor saw. Keys replaces all keys; without it, RemoveKeys
// takes some away by their ids and AddKeys adds others.
type ChannelPatch struct {
	Version        int64
	Name           *string
	BaseURL        *string
	Keys           *secret.Text
	AddKeys        secret.Text
	RemoveKeys     []string
	Models         *[]string
	Groups         *[]string
	Priority       *int
	Weight         *int
	MaxLive        *int
	WebhookSecrets *secret.Text // "" takes them away
}

// CheckBaseURL refuses what cannot be an upstream's address.
func CheckBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.ContainsAny(text, "?#") || len(text) > 255 {
		return fault.New(fault.Invalid, "base_url must look like https://api-singapore.klingai.com, without user, query or fragment.").Named("invalid_base_url").At("base_url")
	}
	return nil
}

// Bounds of a channel's numbers.
const (
	maxKeys     = 50
	maxKeyBytes = 1000
	maxPriority = 1_000_000
	maxWeight   = 10_000
	maxMaxLive  = 1_000_000
)

// checkChannel refuses what a channel cannot be.
func checkChannel(c *channel.Channel) error {
	for _, b := range []struct {
		field           string
		is, least, most int
	}{{"priority", c.Priority, -maxPriority, maxPriority}, {"weight", c.Weight, 0, maxWeight}, {"max_live", c.MaxLive, 0, maxMaxLive}} {
		if b.is < b.least || b.is > b.most {
			return fault.New(fault.Invalid, "%s must be from %d to %d.", b.field, b.least, b.most).Named("out_of_range").At(b.field)
		}
	}
	if len(c.Keys) == 0 {
		return fault.New(fault.Invalid, "A channel needs at least one key.").Named("no_key").At("keys")
	}
	if len(c.Keys) > maxKeys {
		return fault.New(fault.Invalid, "A channel may have at most %d keys.", maxKeys).Named("too_many_keys").At("keys")
	}
	for i, k := range c.Keys {
		if len(k.Text.Reveal()) > maxKeyBytes {
			return fault.New(fault.Invalid, "Key %d is longer than %d characters.", i+1, maxKeyBytes).Named("invalid_key").At("keys")
		}
	}
	return nil
}

// checkGroups refuses names that no group could have, or more than fit.
func checkGroups(groups []string) error {
	for _, g := range groups {
		if err := Label("groups", g); err != nil || strings.Contains(g, ",") {
			return fault.New(fault.Invalid, "groups must be names of groups, without commas.").Named("invalid_groups").At("groups")
		}
	}
	if utf8.RuneCountInString(strings.Join(groups, ",")) > 255 {
		return fault.New(fault.Invalid, "groups must have at most 255 characters together.").Named("too_long").At("groups")
	}
	return nil
}

// joinKeys is the text of column key, without repetitions.
func joinKeys(keys []channel.Key) secret.Text {
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = k.Text.Reveal()
	}
	return secret.Text(strings.Join(lines, "\n"))
}

// splitKeys reads keys, each once.
func (s *Store) splitKeys(text secret.Text) []channel.Key {
	var out []channel.Key
	for _, k := range channel.SplitKeys(s.keys, text) {
		if !slices.ContainsFunc(out, func(o channel.Key) bool { return o.ID == k.ID }) {
			out = append(out, k)
		}
	}
	return out
}

func keyIDs(keys []channel.Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.ID
	}
	return out
}

// CreateChannel makes a channel with its keys sealed.
func (s *Store) CreateChannel(ctx context.Context, n NewChannel) (*channel.Channel, error) {
	if err := Label("name", n.Name); err != nil {
		return nil, err
	}
	n.BaseURL = channel.TrimBaseURL(n.BaseURL)
	if err := CheckBaseURL(n.BaseURL); err != nil {
		return nil, err
	}
	if len(n.Groups) == 0 {
		n.Groups = []string{account.DefaultGroup}
	}
	if err := errors.Join(checkGroups(n.Groups), CheckModels(n.Models)); err != nil {
		return nil, err
	}
	status := channel.Enabled
	if n.Disabled {
		status = channel.Disabled
	}
	keys := s.splitKeys(n.Keys)
	if err := checkChannel(&channel.Channel{Keys: keys, Priority: n.Priority, Weight: n.Weight, MaxLive: n.MaxLive}); err != nil {
		return nil, err
	}
	var id int64
	err := s.transact(ctx, func(tx bun.Tx) error {
		var err error
		id, err = s.insertRow(ctx, tx, `INSERT INTO channels (type, name, ?, status, base_url, models, created_time, group_names, priority, weight, max_live)
			VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?)`, bun.Ident("key"), n.Type, n.Name, int(status), n.BaseURL, strings.Join(n.Models, ","),
			s.Now().Unix(), strings.Join(n.Groups, ","), n.Priority, max(1, n.Weight), n.MaxLive)
		if err != nil {
			return err
		}
		// The place that a sealed text is bound to has the row's id in it.
		if err := s.sealKeys(ctx, tx, id, joinKeys(keys)); err != nil {
			return err
		}
		if err := s.sealWebhookSecrets(ctx, tx, id, n.WebhookSecrets); err != nil {
			return err
		}
		return s.audit(ctx, tx, orGateway(n.By), "channel.create", channelTarget(id), map[string]any{
			"type": n.Type, "name": n.Name, "base_url": n.BaseURL, "keys": keyIDs(keys), "models": n.Models, "groups": n.Groups,
			"priority": n.Priority, "weight": n.Weight, "max_live": n.MaxLive,
		})
	})
	if err != nil {
		return nil, err
	}
	if err := s.announce(ctx); err != nil {
		return nil, err
	}
	c, ok := s.directory.View().Channel(id)
	if !ok {
		return nil, errors.New("the new channel is not in the directory")
	}
	return c, nil
}

func channelTarget(id int64) string { return fmt.Sprintf("channel:%d", id) }

func (s *Store) sealKeys(ctx context.Context, tx bun.Tx, id int64, keys secret.Text) error {
	_, err := tx.ExecContext(ctx, "UPDATE channels SET ? = ? WHERE id = ?", bun.Ident(columnKey), s.keys.Seal(keys, sealedPlace(id, columnKey)), id)
	return err
}

func (s *Store) sealWebhookSecrets(ctx context.Context, tx bun.Tx, id int64, secrets secret.Text) error {
	var sealed any
	if secrets != "" {
		sealed = s.keys.Seal(secrets, sealedPlace(id, columnWebhookSecret))
	}
	_, err := tx.ExecContext(ctx, "UPDATE channels SET webhook_secret = ? WHERE id = ?", sealed, id)
	return err
}

// Channels lists all channels by id, also those whose keys cannot be read;
// there are few.
func (s *Store) Channels(ctx context.Context) ([]Channel, error) {
	rows, _, err := s.channelRows(ctx)
	if err != nil {
		return nil, failure(err)
	}
	loads, err := s.Loads(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Channel, len(rows))
	for i := range rows {
		out[i] = s.fullChannel(&rows[i])
		out[i].Live = loads[rows[i].ID]
	}
	return out, nil
}

// Channel finds a channel.
func (s *Store) Channel(ctx context.Context, id int64) (Channel, error) {
	list, err := s.Channels(ctx)
	if err != nil {
		return Channel{}, err
	}
	if i := slices.IndexFunc(list, func(c Channel) bool { return c.ID == id }); i >= 0 {
		return list[i], nil
	}
	return Channel{}, noChannel(id)
}

func noChannel(id int64) error {
	return fault.New(fault.NotFound, "Channel %d does not exist.", id).Named("channel_not_found")
}

func (s *Store) fullChannel(r *channelRow) Channel {
	c := Channel{Channel: r.channel(), TestedAt: moment(r.TestTime), TestResult: r.TestResult}
	if r.CreatedTime > 0 {
		c.CreatedAt = time.Unix(r.CreatedTime, 0).UTC()
	}
	if r.Reason != "" {
		c.ReasonAt = moment(r.ReasonAt)
	}
	open := func(column, text string) secret.Text {
		if !secret.Sealed(text) {
			return secret.Text(text)
		}
		plain, err := s.keys.Open(text, sealedPlace(r.ID, column))
		if err != nil {
			c.KeyProblem = fmt.Sprintf("column %s is %s", column, err)
		}
		return plain
	}
	c.Keys = s.splitKeys(open(columnKey, r.Key))
	if r.WebhookSecret != nil {
		for _, k := range channel.SplitKeys(s.keys, open(columnWebhookSecret, *r.WebhookSecret)) {
			c.WebhookSecrets = append(c.WebhookSecrets, k.Text)
		}
	}
	return c
}

// UpdateChannel changes a channel, but not its status. Conflict means that
// somebody else did first.
func (s *Store) UpdateChannel(ctx context.Context, by Actor, id int64, p ChannelPatch) (Channel, error) {
	old, err := s.Channel(ctx, id)
	if err != nil {
		return old, err
	}
	to, before, after := old, map[string]any{}, map[string]any{}
	set(&to.Name, p.Name, "name", before, after)
	if p.BaseURL != nil {
		trimmed := channel.TrimBaseURL(*p.BaseURL)
		set(&to.BaseURL, &trimmed, "base_url", before, after)
	}
	set(&to.Models, p.Models, "models", before, after)
	set(&to.Groups, p.Groups, "groups", before, after)
	set(&to.Priority, p.Priority, "priority", before, after)
	set(&to.Weight, p.Weight, "weight", before, after)
	set(&to.MaxLive, p.MaxLive, "max_live", before, after)
	newKeys := p.Keys != nil || p.AddKeys != "" || len(p.RemoveKeys) > 0
	if newKeys {
		if to.Keys, err = s.editKeys(&old, &p); err != nil {
			return old, err
		}
		before["keys"], after["keys"] = keyIDs(old.Keys), keyIDs(to.Keys)
	}
	// What was written by hand and is not touched may stay as odd as it is.
	var bad []error
	if p.Name != nil {
		bad = append(bad, Label("name", to.Name))
	}
	if p.BaseURL != nil {
		bad = append(bad, CheckBaseURL(to.BaseURL))
	}
	if p.Groups != nil {
		if len(to.Groups) == 0 {
			to.Groups = []string{account.DefaultGroup}
		}
		bad = append(bad, checkGroups(to.Groups))
	}
	if p.Models != nil {
		bad = append(bad, CheckModels(to.Models))
	}
	if newKeys || p.Priority != nil || p.Weight != nil || p.MaxLive != nil {
		bad = append(bad, checkChannel(&to.Channel))
	}
	if err := errors.Join(bad...); err != nil {
		return old, err
	}
	if p.WebhookSecrets != nil {
		before["webhook_secrets"], after["webhook_secrets"] = len(old.WebhookSecrets), len(channel.SplitKeys(s.keys, *p.WebhookSecrets))
	}
	err = s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE channels SET name = ?, base_url = ?, models = ?, group_names = ?, priority = ?, weight = ?, max_live = ?,
			version = version + 1 WHERE id = ? AND version = ?`, to.Name, to.BaseURL, strings.Join(to.Models, ","), strings.Join(to.Groups, ","),
			to.Priority, max(1, to.Weight), to.MaxLive, id, p.Version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, changed("Channel", id))
		}
		if newKeys {
			if err := s.sealKeys(ctx, tx, id, joinKeys(to.Keys)); err != nil {
				return err
			}
		}
		if p.WebhookSecrets != nil {
			if err := s.sealWebhookSecrets(ctx, tx, id, *p.WebhookSecrets); err != nil {
				return err
			}
		}
		return s.audit(ctx, tx, by, "channel.update", channelTarget(id), map[string]any{"before": before, "after": after})
	})
	if err != nil {
		return old, err
	}
	if err := s.announce(ctx); err != nil {
		return old, err
	}
	return s.Channel(ctx, id)
}

// editKeys are the keys that a patch leaves.
func (s *Store) editKeys(old *Channel, p *ChannelPatch) ([]channel.Key, error) {
	if p.Keys != nil {
		return s.splitKeys(*p.Keys), nil
	}
	if old.KeyProblem != "" {
		return nil, fault.New(fault.Conflict, "The keys of channel %d cannot be read. Send all of them in keys.", old.ID).Named("keys_unreadable").At("keys")
	}
	for _, id := range p.RemoveKeys {
		if !slices.Contains(keyIDs(old.Keys), id) {
			return nil, fault.New(fault.Invalid, "Channel %d has no key %.40q.", old.ID, id).Named("key_not_found").At("remove_keys")
		}
	}
	var left []channel.Key
	for _, k := range old.Keys {
		if !slices.Contains(p.RemoveKeys, k.ID) {
			left = append(left, k)
		}
	}
	return s.splitKeys(secret.Text(joinKeys(left).Reveal() + "\n" + p.AddKeys.Reveal())), nil
}

// SwitchChannel enables, disables or drains a channel by hand. A broken channel
// takes no tasks already, and is not drained: its reason and its probes would
// be lost.
func (s *Store) SwitchChannel(ctx context.Context, by Actor, id int64, to channel.Status) (Channel, error) {
	old, err := s.Channel(ctx, id)
	if err != nil || old.Status == to {
		return old, err
	}
	if old.Status == channel.Broken && to == channel.Draining {
		return old, fault.New(fault.Conflict, "Channel %d is broken: it takes no new tasks, and its live ones go on. Disable it to keep it out.", id).Named("channel_broken")
	}
	err = s.transact(ctx, func(tx bun.Tx) error {
		reason, reasonAt := "", int64(0)
		if to == channel.Disabled {
			reason, reasonAt = old.Reason, millis(old.ReasonAt) // still worth knowing
		}
		res, err := tx.ExecContext(ctx, "UPDATE channels SET status = ?, reason = ?, reason_at = ?, version = version + 1 WHERE id = ? AND status = ?",
			int(to), reason, reasonAt, id, int(old.Status))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, changed("Channel", id))
		}
		verbs := map[channel.Status]string{channel.Enabled: "channel.enable", channel.Disabled: "channel.disable", channel.Draining: "channel.drain"}
		return s.audit(ctx, tx, by, verbs[to], channelTarget(id), map[string]any{"from": int(old.Status), "reason": old.Reason})
	})
	if err != nil {
		return old, err
	}
	if err := s.announce(ctx); err != nil {
		return old, err
	}
	return s.Channel(ctx, id)
}

// DeleteChannel removes a channel without live tasks: they could not be asked
// for any more.
func (s *Store) DeleteChannel(ctx context.Context, by Actor, id int64) error {
	err := s.transact(ctx, func(tx bun.Tx) error {
		var name string
		err := tx.QueryRowContext(ctx, "SELECT name FROM channels WHERE id = ?", id).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return noChannel(id)
		}
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT live FROM channel_loads WHERE channel_id = ?"+s.dialect.forUpdate(), id)
		if err != nil {
			return err
		}
		live, err := sum(rows)
		if err != nil {
			return err
		}
		if live > 0 {
			return fault.New(fault.Conflict, "Channel %d has %d live tasks. Drain it first and delete it when they have ended.", id, live).Named("in_use")
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM channels WHERE id = ?", id); err != nil {
			return err
		}
		return s.audit(ctx, tx, by, "channel.delete", channelTarget(id), map[string]any{"name": name})
	})
	if err != nil {
		return err
	}
	return s.announce(ctx)
}

// sum adds up rows of one number, and closes them.
func sum(rows *sql.Rows) (int64, error) {
	defer func() { _ = rows.Close() }()
	var total int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, rows.Err()
}

// ChannelTested records what a test of a channel came to. It is no edit: the
// version stays.
func (s *Store) ChannelTested(ctx context.Context, id int64, result string) error {
	if r := []rune(result); len(r) > 250 {
		result = string(r[:249]) + "…"
	}
	if _, err := s.write.ExecContext(ctx, "UPDATE channels SET test_time = ?, test_result = ? WHERE id = ?", millis(s.Now()), result, id); err != nil {
		return failure(err)
	}
	return s.announce(ctx)
}

// RecentAttempts lists the latest create calls of a provider since a time,
// newest first, at most limit. Ids of tasks begin with their time, so the
// primary key leads straight to them.
func (s *Store) RecentAttempts(ctx context.Context, provider string, since time.Time, limit int) ([]task.Attempt, error) {
	prefix := task.IDPrefix(provider)
	return s.attempts(ctx, "task_id > ? AND task_id < ? ORDER BY task_id DESC, n DESC LIMIT ?",
		task.NewID(prefix, since), task.NewID(prefix, s.Now().Add(time.Hour)), limit)
}

// SetChannelStatus changes a channel's status; reason says why it is Broken.
// from guards the change, 0 allows any.
func (s *Store) SetChannelStatus(ctx context.Context, id int64, from, to channel.Status, reason string) error {
	if r := []rune(reason); len(r) > 250 {
		reason = string(r[:250])
	}
	err := s.transact(ctx, func(tx bun.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE channels SET status = ?, reason = ?, reason_at = ?, version = version + 1
			WHERE id = ? AND (? = 0 OR status = ?)`, int(to), reason, millis(s.Now()), id, int(from), int(from))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Channel %d does not exist or its status has changed.", id).Named("channel_changed"))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.announce(ctx)
}

// Loads are the live tasks by channel.
func (s *Store) Loads(ctx context.Context) (map[int64]int64, error) {
	rows, err := s.rdb.QueryContext(ctx, "SELECT channel_id, SUM(live) FROM channel_loads GROUP BY channel_id")
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	out := map[int64]int64{}
	for rows.Next() {
		var id, n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		out[id] = n
	}
	return out, failure(rows.Err())
}

// TaskAtUpstream finds a task by the id that a channel's upstream gave it.
func (s *Store) TaskAtUpstream(ctx context.Context, channelID int64, upstreamID string) (task.Task, error) {
	return s.oneTask(ctx, upstreamID, "SELECT "+taskColumns+" FROM videos WHERE channel_id = ? AND upstream_task_id = ?", channelID, upstreamID)
}

// Callback is what an upstream posted to us for a task.
type Callback struct {
	TaskID  string
	Attempt int
	Hash    string // hex SHA-256 of the body
	Signed  bool
	Status  string
	Body    string
}

// Attempts lists the recorded create calls of a task, oldest first.
func (s *Store) Attempts(ctx context.Context, taskID string) ([]task.Attempt, error) {
	return s.attempts(ctx, "task_id = ? ORDER BY n, sent_at", taskID)
}

func (s *Store) attempts(ctx context.Context, where string, args ...any) ([]task.Attempt, error) {
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(`SELECT task_id, n, channel_id, key_id, ref, outcome, http_status, code,
		COALESCE(message, ''), COALESCE(upstream_task_id, ''), sent_at, answered_at FROM attempts WHERE `+where), args...)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = rows.Close() }()
	var out []task.Attempt
	for rows.Next() {
		var a task.Attempt
		var sent, answered int64
		if err := rows.Scan(&a.TaskID, &a.N, &a.ChannelID, &a.KeyID, &a.Ref, &a.Outcome, &a.HTTPStatus, &a.Code,
			&a.Message, &a.UpstreamID, &sent, &answered); err != nil {
			return nil, err
		}
		a.SentAt, a.AnsweredAt = moment(sent), moment(answered)
		out = append(out, a)
	}
	return out, failure(rows.Err())
}
