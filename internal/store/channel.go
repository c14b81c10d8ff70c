package store

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/uptrace/bun"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/secret"
	"one-api/internal/task"
)

// NewChannel is a channel to be made. Zero fields take the table's defaults.
type NewChannel struct {
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
}

// CheckBaseURL refuses what cannot be an upstream's address.
func CheckBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.New(fault.Invalid, "base_url must look like https://api-singapore.klingai.com, without user, query or fragment.").At("base_url")
	}
	return nil
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
	if len(channel.SplitKeys(s.keys, n.Keys)) == 0 {
		return nil, fault.New(fault.Invalid, "A channel needs at least one key.").At("key")
	}
	if len(n.Groups) == 0 {
		n.Groups = []string{"default"}
	}
	var id int64
	err := s.transact(ctx, func(tx bun.Tx) error {
		var err error
		id, err = s.insertRow(ctx, tx, `INSERT INTO channels (type, name, ?, base_url, models, created_time, group_names, priority, weight, max_live)
			VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?)`, bun.Ident("key"), n.Type, n.Name, n.BaseURL, strings.Join(n.Models, ","),
			s.Now().Unix(), strings.Join(n.Groups, ","), n.Priority, max(1, n.Weight), n.MaxLive)
		if err != nil {
			return err
		}
		// The place that a sealed text is bound to has the row's id in it.
		var webhook any
		if n.WebhookSecrets != "" {
			webhook = s.keys.Seal(n.WebhookSecrets, sealedPlace(id, columnWebhookSecret))
		}
		_, err = tx.ExecContext(ctx, "UPDATE channels SET ? = ?, webhook_secret = ? WHERE id = ?", bun.Ident("key"),
			s.keys.Seal(n.Keys, sealedPlace(id, columnKey)), webhook, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	c, ok := s.directory.View().Channel(id)
	if !ok {
		return nil, errors.New("the new channel is not in the directory")
	}
	return c, nil
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
			return errors.Join(err, fault.New(fault.Conflict, "Channel %d does not exist or its status has changed.", id))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.Refresh(ctx)
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
	rows, err := s.rdb.QueryContext(ctx, s.dialect.rebind(`SELECT task_id, n, channel_id, key_id, ref, outcome, http_status, code,
		COALESCE(message, ''), COALESCE(upstream_task_id, ''), sent_at, answered_at FROM attempts WHERE task_id = ? ORDER BY n, sent_at`), taskID)
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
