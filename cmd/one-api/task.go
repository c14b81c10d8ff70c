package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"one-api/internal/app"
	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/telemetry"
	"one-api/internal/video"
)

type taskCmd struct {
	List   taskListCmd   `cmd:"" help:"List tasks, newest first." example:"one-api task list --status failed --since 24h\none-api task list --user alice --model kling-v1-6-pro --json"`
	Show   taskShowCmd   `cmd:"" help:"Show a task: state, timeline of attempts and callbacks, ledger." example:"one-api task show kling_01abc…"`
	Check  taskCheckCmd  `cmd:"" help:"Ask the upstream about a live task now." example:"one-api task check kling_01abc…"`
	Cancel taskCancelCmd `cmd:"" help:"Cancel a task that has not been sent; its hold is released." example:"one-api task cancel kling_01abc…"`
}

// taskArg names a task.
type taskArg struct {
	ID string `arg:"" help:"Id of the task, kling_…"`
}

// taskView is a task as the management API shows it.
type taskView struct {
	ID          string            `json:"id"`
	Status      string            `json:"status"`
	Type        string            `json:"type"`
	Model       string            `json:"model"`
	Prompt      string            `json:"prompt"`
	Duration    int               `json:"duration"`
	AspectRatio string            `json:"aspect_ratio,omitempty"`
	Mode        string            `json:"mode,omitempty"`
	Quota       money.Quota       `json:"quota"`
	Charged     money.Quota       `json:"charged"`
	ResultURL   string            `json:"result_url,omitempty"`
	FailCode    string            `json:"fail_code,omitempty"`
	FailReason  string            `json:"fail_reason,omitempty"`
	ExternalID  string            `json:"external_task_id,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Test        bool              `json:"test,omitempty"`
	UserID      int64             `json:"user_id"`
	User        string            `json:"user"`
	TokenID     int64             `json:"token_id,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	SubmittedAt *time.Time        `json:"submitted_at,omitempty"`
	FinishedAt  *time.Time        `json:"finished_at,omitempty"`
	Upstream    taskUpstream      `json:"upstream"`
}

// taskUpstream is the upstream's side of a task.
type taskUpstream struct {
	State       string       `json:"state"`
	Provider    string       `json:"provider"`
	ChannelID   int64        `json:"channel_id,omitempty"`
	Channel     string       `json:"channel,omitempty"`
	KeyID       string       `json:"key_id,omitempty"`
	Ref         string       `json:"ref,omitempty"`
	TaskID      string       `json:"task_id,omitempty"`
	Attempt     int          `json:"attempt"`
	Checks      int          `json:"checks"`
	NextCheckAt *time.Time   `json:"next_check_at,omitempty"`
	Billed      []video.Cost `json:"billed,omitempty"`
	RequestID   string       `json:"request_id,omitempty"`
}

func (d *desk) viewTask(k task.Task) taskView {
	v := taskView{
		ID: k.ID, Status: k.Status.Public(), Type: string(k.Type), Model: k.Model, Prompt: k.Prompt, Duration: k.Duration, AspectRatio: k.AspectRatio, Mode: k.Mode,
		Quota: k.Quota, Charged: k.Charged, ResultURL: k.StoreURL, FailCode: string(k.FailCode), FailReason: k.FailReason, ExternalID: k.ExternalID, Test: k.Test,
		UserID: k.UserID, User: d.userName(k.UserID), TokenID: k.TokenID, CreatedAt: k.CreatedAt.UTC(), SubmittedAt: moment(k.SubmittedAt), FinishedAt: moment(k.FinishedAt),
		Upstream: taskUpstream{
			State: string(k.Status), Provider: k.Provider, ChannelID: k.ChannelID, KeyID: k.KeyID, Ref: k.Ref, TaskID: k.UpstreamID, Attempt: k.Attempt,
			Checks: k.Checks, NextCheckAt: moment(k.NextCheckAt), Billed: k.Costs, RequestID: k.RequestID,
		},
	}
	if c, ok := d.Directory().View().Channel(k.ChannelID); ok {
		v.Upstream.Channel = c.Name
	}
	_ = json.Unmarshal([]byte(k.Tags), &v.Tags) // by hand anything may stand there
	return v
}

type taskListCmd struct {
	reading
	page
	span
	User     string `help:"Only of this user: name or id."`
	Token    int64  `placeholder:"ID" help:"Only of this token."`
	Channel  int64  `placeholder:"ID" help:"Only on this channel."`
	Status   string `default:"" enum:",live,pending,submitting,unknown,submitted,processing,succeed,failed" help:"live, pending, submitting, unknown, submitted, processing, succeed or failed."`
	Type     string `help:"Only of this product: text2video, image2video…"`
	Model    string `help:"Only of this model."`
	External string `placeholder:"ID" help:"By the caller's own id."`
	Upstream string `placeholder:"ID" help:"By the upstream's id."`
	Text     string `help:"A part of the prompt."`
	Tag      string `help:"A tag: name, or name=value."`
	Test     *bool  `negatable:"" help:"Only tasks of test mode; --no-test: none of them."`
}

func (c *taskListCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	q := store.TaskQuery{
		TokenID: c.Token, ChannelID: c.Channel, Type: video.Type(c.Type), Model: c.Model, ExternalID: c.External, UpstreamID: c.Upstream, Text: c.Text,
		Before: c.Before, Limit: c.Limit,
	}
	if q.UserID, err = d.userID(ctx, c.User); err != nil {
		return err
	}
	if q.Since, q.Until, err = c.parse(d.Now()); err != nil {
		return err
	}
	switch c.Status {
	case "":
	case "live":
		q.Statuses = task.Live
	default:
		q.Statuses = []task.Status{task.Status(c.Status)}
	}
	q.Test = c.Test
	name, value, hasValue := strings.Cut(c.Tag, "=")
	if q.Tag = name; hasValue {
		q.TagValue = &value
	}
	tasks, next, err := d.findTasks(ctx, q)
	if err != nil {
		return err
	}
	out := listOf(tasks, len(tasks), d.viewTask, nil)
	out.NextCursor = next
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, v := range out.Items {
		cost := v.Quota
		if v.Status == "succeed" {
			cost = v.Charged
		}
		rows = append(rows, []any{v.ID, v.Upstream.State, v.User, v.Model, v.Type, cost.USD(), v.CreatedAt, v.Upstream.Channel, clip(v.FailReason, 60)})
	}
	defer t.more(out.NextCursor)
	return t.table("ID | STATUS | USER | MODEL | TYPE | USD | ACCEPTED | CHANNEL | WHY", rows)
}

// findTasks fills a page, however rare what it looks for is.
func (d *desk) findTasks(ctx context.Context, q store.TaskQuery) ([]task.Task, string, error) {
	var out []task.Task
	for limit := q.Limit; ; {
		q.Limit = limit - len(out)
		part, next, err := d.FindTasks(ctx, q)
		if err != nil {
			return nil, "", err
		}
		if out = append(out, part...); next == "" || len(out) >= limit {
			return out, next, nil
		}
		q.Before = next
	}
}

type taskShowCmd struct {
	reading
	taskArg
}

// taskPage is all there is to know of a task.
type taskPage struct {
	taskView
	Route       string          `json:"route"`
	CallbackURL string          `json:"callback_url,omitempty"`
	UpdatedAt   time.Time       `json:"updated_at"`
	DeadlineAt  *time.Time      `json:"deadline_at,omitempty"`
	PriceRule   string          `json:"price_rule"`
	PriceAt     int64           `json:"price_version"`
	Timeline    []happening     `json:"timeline"`
	Ledger      []entryView     `json:"ledger"`
	Result      json.RawMessage `json:"result,omitempty"`
}

// happening is something that happened to a task.
type happening struct {
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"` // accepted, attempt, callback, settled, webhook
	Text       string    `json:"text"`
	Outcome    string    `json:"outcome,omitempty"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Code       int       `json:"code,omitempty"`
	TookMS     int64     `json:"took_ms,omitempty"`
	Tries      int       `json:"tries,omitempty"`
	ChannelID  int64     `json:"channel_id,omitempty"`
	KeyID      string    `json:"key_id,omitempty"`
	Ref        string    `json:"ref,omitempty"`
	UpstreamID string    `json:"upstream_task_id,omitempty"`
	Message    string    `json:"message,omitempty"`
}

func (c *taskShowCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	k, err := d.Task(ctx, c.ID)
	if err != nil {
		return err
	}
	return t.task(ctx, d, k, c.JSON)
}

func (t *terminal) task(ctx context.Context, d *desk, k task.Task, asJSON bool) error {
	p := taskPage{taskView: d.viewTask(k), Route: k.Route, CallbackURL: k.CallbackURL, UpdatedAt: k.UpdatedAt.UTC(), PriceRule: k.PriceRule, PriceAt: k.PriceVersion, Result: k.Result}
	if !k.Status.Terminal() {
		p.DeadlineAt = moment(k.DeadlineAt)
	}
	entries, _, err := d.Entries(ctx, store.EntryFilter{TaskID: k.ID, Limit: 100})
	if err != nil {
		return err
	}
	slices.Reverse(entries)
	p.Ledger = listOf(entries, len(entries), d.viewEntry, nil).Items
	if p.Timeline, err = d.timeline(ctx, &k, entries); err != nil {
		return err
	}
	if asJSON {
		return t.json(p)
	}
	what := fmt.Sprintf("%s %s", p.Model, p.Type)
	if p.Duration > 0 {
		what += fmt.Sprintf(", %d s", p.Duration)
	}
	if p.AspectRatio != "" {
		what += ", " + p.AspectRatio
	}
	rows := [][]any{
		{"task", p.ID}, {"status", p.Upstream.State}, {"order", what}, {"prompt", clip(p.Prompt, 200)},
		{"user", fmt.Sprintf("%d %s, token %d", p.UserID, p.User, p.TokenID)},
		{"channel", fmt.Sprintf("%d %s, key %s", p.Upstream.ChannelID, p.Upstream.Channel, cell(p.Upstream.KeyID))}, {"upstream's id", p.Upstream.TaskID},
		{"price", fmt.Sprintf("%s USD (rule %s, version %d)", p.Quota.USD(), p.PriceRule, p.PriceAt)}, {"charged", p.Charged.USD() + " USD"},
		{"request id", p.Upstream.RequestID},
	}
	for _, b := range p.Upstream.Billed {
		rows = append(rows, []any{"upstream billed", b.Amount + " " + b.Unit})
	}
	if p.FailCode != "" {
		rows = append(rows, []any{"why", p.FailCode + ": " + p.FailReason})
	}
	if p.ResultURL != "" {
		rows = append(rows, []any{"result", p.ResultURL})
	}
	if p.Test {
		rows = append(rows, []any{"test mode", "play money, simulated upstream"})
	}
	if err := t.table("", rows); err != nil {
		return err
	}
	rows = nil
	for _, h := range p.Timeline {
		rows = append(rows, []any{h.At, h.Kind, strings.TrimSpace(h.Text + " " + h.Message)})
	}
	if err := t.print("\n"); err != nil {
		return err
	}
	if err := t.table("TIME | WHAT | ", rows); err != nil {
		return err
	}
	if err := t.print("\n"); err != nil {
		return err
	}
	return t.entries(p.Ledger)
}

// timeline is what happened to a task, in the order of time.
func (d *desk) timeline(ctx context.Context, k *task.Task, entries []store.Entry) ([]happening, error) {
	var out []happening
	accepted := k.CreatedAt
	if len(entries) > 0 {
		accepted = time.UnixMilli(entries[0].At)
	}
	out = append(out, happening{At: accepted, Kind: "accepted", Text: fmt.Sprintf("%s USD held.", k.Quota.USD())})
	attempts, err := d.Attempts(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		out = append(out, happening{
			At: a.SentAt, Kind: "attempt", Text: fmt.Sprintf("Attempt %d on channel %d, key %s: %s.", a.N, a.ChannelID, a.KeyID, a.Outcome),
			Outcome: a.Outcome, HTTPStatus: a.HTTPStatus, Code: a.Code, TookMS: a.AnsweredAt.Sub(a.SentAt).Milliseconds(), ChannelID: a.ChannelID, KeyID: a.KeyID,
			Ref: a.Ref, UpstreamID: a.UpstreamID, Message: a.Message,
		})
	}
	if k.Status == task.Submitting {
		out = append(out, happening{At: k.UpdatedAt, Kind: "attempt", Text: fmt.Sprintf("Attempt %d is on its way.", k.Attempt)})
	}
	calls, err := d.Callbacks(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, b := range calls {
		out = append(out, happening{At: b.ReceivedAt, Kind: "callback", Text: fmt.Sprintf("The upstream called back for attempt %d and said %q; it was asked.", b.Attempt, b.Status)})
	}
	switch k.Status {
	case task.Succeeded:
		out = append(out, happening{At: k.FinishedAt, Kind: "settled", Text: fmt.Sprintf("Succeeded; %s USD charged.", k.Charged.USD())})
	case task.Failed:
		out = append(out, happening{At: k.FinishedAt, Kind: "settled", Text: fmt.Sprintf("Failed (%s); the hold is released.", k.FailCode), Message: k.FailReason})
	}
	late, err := d.LateChecks(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range late {
		out = append(out, happening{
			At: cmp.Or(l.FoundAt, k.FinishedAt), Kind: "late", Text: l.Text(), Tries: l.Asked, ChannelID: l.ChannelID, KeyID: l.KeyID, Ref: l.Ref, UpstreamID: l.UpstreamID,
		})
	}
	notices, err := d.TaskDeliveries(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range notices {
		at := n.CreatedAt
		if !n.DeliveredAt.IsZero() {
			at = n.DeliveredAt
		}
		out = append(out, happening{
			At: at, Kind: "webhook", Text: fmt.Sprintf("%s to the caller: %s after %d tries.", n.Type, n.Status, n.Tries),
			Outcome: n.Status, HTTPStatus: n.LastCode, Tries: n.Tries, Message: n.LastError,
		})
	}
	slices.SortStableFunc(out, func(a, b happening) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	for i := range out {
		out[i].At = out[i].At.UTC()
	}
	return out, nil
}

// node builds a gateway that does not run, for the steps that are more than
// rows. What it has to say goes to standard error.
func (d *database) node(ctx context.Context, t *terminal) (*app.App, *desk, error) {
	s, err := d.settings()
	if err != nil {
		return nil, nil, err
	}
	keys, err := s.MasterKey()
	if err != nil {
		return nil, nil, configError{err}
	}
	s.RootPassword, s.RootToken = "", ""
	o := appOptions(s, keys, &telemetry.Log{Logger: slog.New(telemetry.NewHandler(t.err, slog.LevelWarn))})
	a, err := app.New(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return a, &desk{a.Store, keys, s}, nil
}

type taskCheckCmd struct {
	reading
	taskArg
}

func (c *taskCheckCmd) Run(ctx context.Context, t *terminal) error {
	a, d, err := c.node(ctx, t)
	if err != nil {
		return err
	}
	defer d.Close()
	k, err := d.Task(ctx, c.ID)
	if err != nil {
		return err
	}
	switch {
	case k.Status.Terminal():
		return fault.New(fault.Conflict, "Task %s has ended (%s). one-api task show tells how.", k.ID, k.Status)
	case k.Test:
		return fault.New(fault.Unprocessable, "Task %s is of test mode: only the gateway that simulates it knows it.", k.ID)
	case k.Status == task.Pending:
		return fault.New(fault.Conflict, "Task %s has not been sent; there is nothing to ask. one-api channel list shows why none is free.", k.ID)
	case k.Status == task.Submitting:
		return fault.New(fault.Conflict, "Task %s is just being sent. Try again in a moment.", k.ID)
	}
	if err := a.Generations.Check(ctx, k); err != nil {
		return err
	}
	if k, err = d.Task(ctx, c.ID); err != nil {
		return err
	}
	return t.task(ctx, d, k, c.JSON)
}

type taskCancelCmd struct {
	reading
	taskArg
	destroying
}

func (c *taskCancelCmd) Run(ctx context.Context, t *terminal) error {
	a, d, err := c.node(ctx, t)
	if err != nil {
		return err
	}
	defer d.Close()
	k, err := d.Task(ctx, c.ID)
	if err != nil {
		return err
	}
	if k.Status == task.Pending {
		if err := t.confirm(c.destroying, "Cancel task %s of %s (%s, %s USD held)?", k.ID, d.userName(k.UserID), k.Model, k.Quota.USD()); err != nil {
			return err
		}
	}
	ended, err := a.Generations.Cancel(ctx, k)
	if err != nil {
		return err
	}
	if err := d.NoteCancel(ctx, store.CLI, ended); err != nil {
		return fmt.Errorf("the task is cancelled, but no audit row could be written: %w", err)
	}
	if c.JSON {
		return t.task(ctx, d, ended, true)
	}
	return t.print("task %s is cancelled; %s USD are released\n", ended.ID, ended.Quota.USD())
}
