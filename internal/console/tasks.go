package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider/kling"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/video"
)

// Task is a task in a list.
type Task struct {
	ID          string            `json:"id"`
	Status      string            `json:"status" enum:"pending,submitted,processing,succeed,failed"`
	Type        string            `json:"type"`
	Model       string            `json:"model"`
	Prompt      string            `json:"prompt" doc:"Shortened in lists."`
	Duration    int               `json:"duration" doc:"Seconds, as ordered."`
	AspectRatio string            `json:"aspect_ratio,omitempty"`
	Mode        string            `json:"mode,omitempty"`
	Quota       money.Quota       `json:"quota" doc:"The price, held while the task lives."`
	Charged     money.Quota       `json:"charged"`
	ResultURL   string            `json:"result_url,omitempty"`
	FailCode    string            `json:"fail_code,omitempty"`
	FailReason  string            `json:"fail_reason,omitempty"`
	ExternalID  string            `json:"external_task_id,omitempty" doc:"The caller's own."`
	Tags        map[string]string `json:"tags,omitempty"`
	Test        bool              `json:"test,omitempty" doc:"Of test mode: no money, no upstream."`
	UserID      int64             `json:"user_id"`
	User        string            `json:"user,omitempty" doc:"The user's name."`
	TokenID     int64             `json:"token_id,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	SubmittedAt *time.Time        `json:"submitted_at,omitempty"`
	FinishedAt  *time.Time        `json:"finished_at,omitempty"`

	Upstream *TaskUpstream `json:"upstream,omitempty" doc:"For administrators."`
}

// TaskUpstream is the upstream's side of a task.
type TaskUpstream struct {
	State       string     `json:"state" enum:"pending,submitting,unknown,submitted,processing,succeed,failed"`
	Provider    string     `json:"provider"`
	ChannelID   int64      `json:"channel_id,omitempty"`
	Channel     string     `json:"channel,omitempty" doc:"The channel's name."`
	KeyID       string     `json:"key_id,omitempty" doc:"Which of the channel's keys."`
	Ref         string     `json:"ref,omitempty" doc:"Our external id there."`
	TaskID      string     `json:"task_id,omitempty"`
	Attempt     int        `json:"attempt"`
	Checks      int        `json:"checks" doc:"Polls since the last change of state."`
	NextCheckAt *time.Time `json:"next_check_at,omitempty"`
	Cost        *TaskCost  `json:"cost,omitempty"`
	RequestID   string     `json:"request_id,omitempty" doc:"Of the create; leads to the log."`
}

// TaskCost is what the upstream billed for a task, against what was charged.
type TaskCost struct {
	Billed []BilledAmount `json:"billed" nullable:"false" doc:"As the upstream says it, each in its unit."`
	USD    string         `json:"usd,omitempty" doc:"Of all amounts; absent when one has no known value in dollars. A video unit is 0.14 USD, an image unit 0.0035."`
	CNY    string         `json:"cny,omitempty" doc:"Billed in yuan; only shown."`
	Margin string         `json:"margin_usd,omitempty" doc:"Charged less cost."`
}

// BilledAmount is one deduction.
type BilledAmount struct {
	Unit   string `json:"unit" example:"video_unit"`
	Amount string `json:"amount" example:"2.4"`
	USD    string `json:"usd,omitempty"`
}

// TaskPage is all there is to know of a task.
type TaskPage struct {
	Task
	Route       string          `json:"route"`
	CallbackURL string          `json:"callback_url,omitempty"`
	UpdatedAt   time.Time       `json:"updated_at"`
	DeadlineAt  *time.Time      `json:"deadline_at,omitempty" doc:"When a live task is given up."`
	Queue       *QueuePlace     `json:"queue,omitempty" doc:"While it is pending."`
	Price       TaskPrice       `json:"price"`
	Timeline    []TimelineEntry `json:"timeline" nullable:"false"`
	Ledger      []LedgerEntry   `json:"ledger" nullable:"false"`
	Request     json.RawMessage `json:"request,omitempty" doc:"The order as the upstream gets it, pictures shortened."`
	Result      json.RawMessage `json:"result,omitempty" doc:"The upstream's own result."`
}

// QueuePlace is where a pending task waits.
type QueuePlace struct {
	Position         int       `json:"position" doc:"From 1."`
	EstimatedSeconds int64     `json:"estimated_seconds,omitempty" doc:"Until it is sent; left out when nobody can tell."`
	SendBefore       time.Time `json:"send_before" doc:"It ends without charge if it has not been sent by then."`
}

// TaskPrice is how a task's price came about.
type TaskPrice struct {
	Amount
	Charged     Amount      `json:"charged"`
	Rule        string      `json:"rule"`
	Version     int64       `json:"version" doc:"Of the prices."`
	RuleNow     *price.Rule `json:"rule_text,omitempty" doc:"The rule as it was then."`
	Explanation []string    `json:"explanation,omitempty"`
}

// TimelineEntry is something that happened to a task.
type TimelineEntry struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" enum:"accepted,attempt,submitted,callback,polls,settled,late,webhook"`
	Text    string    `json:"text"`
	Outcome string    `json:"outcome,omitempty" doc:"Of an attempt: accepted, refused or unsure; of a webhook: pending, delivered or failed."`
	Status  int       `json:"http_status,omitempty"`
	Took    int64     `json:"took_ms,omitempty"`
	Tries   int       `json:"tries,omitempty"`

	// For administrators.
	ChannelID  int64  `json:"channel_id,omitempty"`
	Channel    string `json:"channel,omitempty"`
	KeyID      string `json:"key_id,omitempty"`
	Ref        string `json:"ref,omitempty"`
	UpstreamID string `json:"upstream_task_id,omitempty"`
	Code       int    `json:"code,omitempty" doc:"The upstream's own number."`
	Message    string `json:"message,omitempty"`
	Signed     bool   `json:"signed,omitempty" doc:"The upstream's signature was verified."`
	Body       string `json:"body,omitempty" doc:"Of a callback."`
}

type listTasks struct {
	PageIn
	Status     string    `query:"status" enum:"pending,submitted,processing,succeed,failed" doc:"As callers see it."`
	State      string    `query:"state" enum:"pending,submitting,unknown,submitted,processing,succeed,failed" doc:"As the gateway has it; for administrators."`
	Type       string    `query:"type" maxLength:"32"`
	Model      string    `query:"model" maxLength:"64"`
	ChannelID  int64     `query:"channel_id" minimum:"1" doc:"For administrators."`
	UserID     int64     `query:"user_id" minimum:"1" doc:"For administrators."`
	TokenID    int64     `query:"token_id" minimum:"1"`
	Since      time.Time `query:"since" doc:"Accepted at this time or later."`
	Until      time.Time `query:"until" doc:"Accepted before this time."`
	ID         string    `query:"id" maxLength:"64"`
	ExternalID string    `query:"external_task_id" maxLength:"255" doc:"The caller's own id."`
	UpstreamID string    `query:"upstream_task_id" maxLength:"128" doc:"For administrators."`
	Text       string    `query:"q" maxLength:"200" doc:"A part of the prompt. The newest tasks are searched first; a page may be empty and have a next one."`
	Tag        string    `query:"tag" maxLength:"600" doc:"A tag's name, or name=value." example:"team=ads"`
	Test       string    `query:"test" enum:"true,false" doc:"Only tasks of test mode, or none of them."`
}

// TaskID picks a task, by our id or, for its owner, by their own.
type TaskID struct {
	ID string `path:"id" maxLength:"255"`
}

func (c *Console) tasks() {
	tags := []string{"tasks"}
	register(c, signed, huma.Operation{OperationID: "list-tasks", Method: http.MethodGet, Path: "/api/tasks", Summary: "List tasks, newest first", Tags: tags,
		Description: "Your own; administrators see all. A page may be short and have a next one: what was asked for is rare, and the search goes on there."}, c.listTasks)
	register(c, signed, huma.Operation{OperationID: "get-task", Method: http.MethodGet, Path: "/api/tasks/{id}", Summary: "Read a task with its history", Tags: tags}, c.getTask)
	register(c, signed, huma.Operation{OperationID: "check-task", Method: http.MethodPost, Path: "/api/tasks/{id}/check", Summary: "Ask the upstream about a task now", Tags: tags}, c.checkTask)
	register(c, signed, huma.Operation{OperationID: "cancel-task", Method: http.MethodPost, Path: "/api/tasks/{id}/cancel", Summary: "Cancel a task that has not been sent", Tags: tags}, c.cancelTask)
}

// publicStates are the states behind each word that callers see.
var publicStates = map[string][]task.Status{
	"pending":    {task.Pending},
	"submitted":  {task.Submitting, task.Unknown, task.Submitted},
	"processing": {task.Processing},
	"succeed":    {task.Succeeded},
	"failed":     {task.Failed},
}

// forAdmins refuses a filter that plain users do not have.
func forAdmins(field string) error {
	return fault.New(fault.Forbidden, "The filter %s needs the role admin.", field).Named("role_required").At("query." + field)
}

func noUser(id int64) error {
	return fault.New(fault.NotFound, "User %d does not exist.", id).Named("user_not_found").At("query.user_id")
}

// plain refuses texts of a query that no row can hold. It takes names and
// values by turns.
func plain(fields ...string) error {
	for i := 0; i+1 < len(fields); i += 2 {
		if t := fields[i+1]; !utf8.ValidString(t) || strings.ContainsFunc(t, unicode.IsControl) {
			return fault.New(fault.Invalid, "%s must be text without control characters.", fields[i]).Named("invalid_parameter").At("query." + fields[i])
		}
	}
	return nil
}

// onlyOwn is whose rows a viewer gets: a plain user their own, an administrator
// those of the user asked for, 0 for all.
func (v *Viewer) onlyOwn(asked int64) (int64, error) {
	if v.IsAdmin() || asked == v.User.ID {
		return asked, nil
	}
	if asked != 0 {
		return 0, noUser(asked)
	}
	return v.User.ID, nil
}

func (c *Console) listTasks(ctx context.Context, v *Viewer, in *listTasks) (*PageOut[Task], error) {
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := plain("type", in.Type, "model", in.Model, "id", in.ID, "external_task_id", in.ExternalID, "upstream_task_id", in.UpstreamID,
		"q", in.Text, "tag", in.Tag); err != nil {
		return nil, err
	}
	q := store.TaskQuery{
		TokenID: in.TokenID, ChannelID: in.ChannelID, Type: video.Type(in.Type), Model: in.Model, ID: in.ID, ExternalID: in.ExternalID,
		UpstreamID: in.UpstreamID, Text: in.Text, Since: in.Since, Until: in.Until, Before: before, Limit: in.Limit,
	}
	if q.UserID, err = v.onlyOwn(in.UserID); err != nil {
		return nil, err
	}
	if !v.IsAdmin() {
		for _, f := range []struct {
			field string
			asked bool
		}{{"state", in.State != ""}, {"channel_id", in.ChannelID != 0}, {"upstream_task_id", in.UpstreamID != ""}} {
			if f.asked {
				return nil, forAdmins(f.field)
			}
		}
	}
	switch {
	case in.State != "":
		q.Statuses = []task.Status{task.Status(in.State)}
	case in.Status != "":
		q.Statuses = publicStates[in.Status]
	}
	if in.Test != "" {
		test := in.Test == "true"
		q.Test = &test
	}
	if name, value, ok := strings.Cut(in.Tag, "="); ok {
		q.Tag, q.TagValue = name, &value
	} else {
		q.Tag = name
	}
	if !in.Since.IsZero() && !in.Until.IsZero() && !in.Since.Before(in.Until) {
		return nil, fault.New(fault.Invalid, "until must be later than since.").Named("invalid_range").At("query.until")
	}
	list, next, err := c.Store.FindTasks(ctx, q)
	if err != nil {
		return nil, err
	}
	return pageTo(list, next, func(t task.Task) Task {
		out := c.showTask(v, &t)
		out.Prompt = clip(out.Prompt, 200)
		return out
	}), nil
}

// pageTo is page for rows that know by themselves where the next page begins.
func pageTo[R, T any](rows []R, next string, show func(R) T) *PageOut[T] {
	out := &PageOut[T]{}
	out.Body.Items = make([]T, 0, len(rows))
	for _, r := range rows {
		out.Body.Items = append(out.Body.Items, show(r))
	}
	if next != "" {
		out.Body.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(next))
	}
	return out
}

func (c *Console) showTask(v *Viewer, t *task.Task) Task {
	out := Task{
		ID: t.ID, Status: t.Status.Public(), Type: string(t.Type), Model: t.Model, Prompt: t.Prompt, Duration: t.Duration,
		AspectRatio: t.AspectRatio, Mode: t.Mode, Quota: t.Quota, Charged: t.Charged, ResultURL: t.StoreURL,
		FailCode: string(t.FailCode), FailReason: t.FailReason, ExternalID: t.ExternalID, Tags: tagsOf(t.Tags), Test: t.Test,
		UserID: t.UserID, TokenID: t.TokenID, CreatedAt: t.CreatedAt, SubmittedAt: moment(t.SubmittedAt), FinishedAt: moment(t.FinishedAt),
	}
	view := c.Directory.View()
	if u, ok := view.Users[t.UserID]; ok {
		out.User = u.Name
	}
	if !v.IsAdmin() {
		return out
	}
	out.Upstream = &TaskUpstream{
		State: string(t.Status), Provider: t.Provider, ChannelID: t.ChannelID, KeyID: t.KeyID, Ref: t.Ref, TaskID: t.UpstreamID,
		Attempt: t.Attempt, Checks: t.Checks, NextCheckAt: moment(t.NextCheckAt), Cost: costOf(t), RequestID: t.RequestID,
	}
	if ch, ok := view.Channel(t.ChannelID); ok {
		out.Upstream.Channel = ch.Name
	}
	return out
}

// tagsOf reads column tags; what an operator wrote there by hand may be
// anything.
func tagsOf(text string) map[string]string {
	var out map[string]string
	if text == "" || json.Unmarshal([]byte(text), &out) != nil {
		return nil
	}
	return out
}

// costOf is what the upstream billed for a task, nil when it has said nothing.
func costOf(t *task.Task) *TaskCost {
	if len(t.Costs) == 0 {
		return nil
	}
	out := &TaskCost{Billed: []BilledAmount{}}
	for _, b := range t.Costs {
		a := BilledAmount{Unit: b.Unit, Amount: b.Amount}
		if micros, ok, err := price.Micros(b); err == nil && ok {
			a.USD = microsText(micros)
		}
		out.Billed = append(out.Billed, a)
	}
	bill := price.Billed(t.Costs)
	if bill.CNY > 0 {
		out.CNY = microsText(bill.CNY)
	}
	if !bill.Unknown {
		out.USD, out.Margin = microsText(bill.USD), microsText(microsOf(t.Charged)-bill.USD)
	}
	return out
}

// microsOf is an amount in millionths of a US dollar.
func microsOf(q money.Quota) int64 { return int64(q) * (1_000_000 / int64(money.QuotaPerUSD)) }

// microsText writes millionths as a decimal with at least two digits behind the
// point.
func microsText(micros int64) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	cents := strings.TrimRight(fmt.Sprintf("%06d", micros%1_000_000), "0")
	for len(cents) < 2 {
		cents += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, micros/1_000_000, cents)
}

// findTask is the task of a path, as far as the viewer may see it.
func (c *Console) findTask(ctx context.Context, v *Viewer, id string) (task.Task, error) {
	none := fault.New(fault.NotFound, "Task %.64q does not exist.", id).Named("task_not_found")
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return task.Task{}, none
	}
	t, err := c.Store.UserTask(ctx, v.User.ID, id)
	if fault.Is(err, fault.NotFound) && v.IsAdmin() {
		t, err = c.Store.Task(ctx, id)
	}
	if fault.Is(err, fault.NotFound) {
		err = none
	}
	return t, err
}

func (c *Console) getTask(ctx context.Context, v *Viewer, in *TaskID) (*One[TaskPage], error) {
	t, err := c.findTask(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	return c.taskPage(ctx, v, t)
}

func (c *Console) taskPage(ctx context.Context, v *Viewer, t task.Task) (*One[TaskPage], error) {
	own := t.UserID == v.User.ID
	out := &One[TaskPage]{TaskPage{Task: c.showTask(v, &t), Route: t.Route, CallbackURL: t.CallbackURL, UpdatedAt: t.UpdatedAt, Result: t.Result}}
	p := &out.Body
	if !own {
		p.CallbackURL = bare(p.CallbackURL)
	}
	if !t.Status.Terminal() {
		p.DeadlineAt = moment(t.DeadlineAt)
	}
	p.Queue = c.queuePlace(ctx, &t)
	body, err := c.Store.Body(ctx, t.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	p.Request = shortened(body, !own)
	entries, _, err := c.Store.Entries(ctx, store.EntryFilter{TaskID: t.ID, Limit: 10})
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	p.Ledger = []LedgerEntry{}
	for _, e := range entries {
		p.Ledger = append(p.Ledger, showEntry(v, e))
	}
	if p.Price, err = c.taskPrice(ctx, &t, body); err != nil {
		return nil, err
	}
	p.Timeline, err = c.timeline(ctx, v, &t, entries)
	return out, err
}

// taskPrice explains a task's price by the rules that it was accepted with. The
// group's ratio at that time is not kept; it is what is left between the list
// price and the task's.
func (c *Console) taskPrice(ctx context.Context, t *task.Task, body []byte) (TaskPrice, error) {
	out := TaskPrice{Amount: amount(t.Quota), Charged: amount(t.Charged), Rule: t.PriceRule, Version: t.PriceVersion}
	v, err := c.Store.PriceVersion(ctx, t.PriceVersion)
	if fault.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if i := slices.IndexFunc(v.Rules, func(r price.Rule) bool { return r.ID == t.PriceRule }); i >= 0 {
		out.RuleNow = &v.Rules[i]
	}
	out.Explanation = explain(t, body, v)
	return out, nil
}

// explain shows the steps to a task's price, nil when today's reading of the
// order or of its rules does not lead there.
func explain(t *task.Task, body []byte, v store.PriceVersion) []string {
	o, err := kling.Parse(t.Route, body)
	if err != nil {
		return nil
	}
	cat, err := price.New(v.Version, v.Rules)
	if err != nil {
		return nil
	}
	q, steps, err := cat.Explain(&o.Request, money.One)
	if err != nil || q.RuleID != t.PriceRule {
		return nil
	}
	if q.Quota != t.Quota {
		steps = append(steps, fmt.Sprintf("with the group's ratio at that time: %s USD = %d quota", t.Quota.USD(), t.Quota))
	}
	return steps
}

// timeline is what happened to a task, in the order of time.
func (c *Console) timeline(ctx context.Context, v *Viewer, t *task.Task, entries []store.Entry) ([]TimelineEntry, error) {
	out := []TimelineEntry{}
	add := func(e TimelineEntry) { e.At = e.At.UTC(); out = append(out, e) }
	accepted := t.CreatedAt
	for _, e := range entries {
		if at := time.UnixMilli(e.At); e.Kind == ledger.KindHold {
			accepted = at
		}
	}
	add(TimelineEntry{At: accepted, Kind: "accepted", Text: fmt.Sprintf("Accepted; %s USD held.", t.Quota.USD())})
	attempts, err := c.Store.Attempts(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		add(c.attemptEntry(v, &a))
	}
	if t.Status == task.Submitting {
		add(TimelineEntry{At: t.UpdatedAt, Kind: "attempt", Outcome: "unsure", Text: fmt.Sprintf("Attempt %d is on its way.", t.Attempt)})
	}
	calls, err := c.Store.Callbacks(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, k := range calls {
		e := TimelineEntry{At: k.ReceivedAt, Kind: "callback", Text: "The upstream called back; it was asked at once."}
		if v.IsAdmin() {
			e.Text = fmt.Sprintf("The upstream called back for attempt %d and said %q; it was asked at once.", k.Attempt, k.Status)
			e.Signed, e.Body = k.Signed, clip(k.Body, 16<<10)
		}
		add(e)
	}
	if t.Checks > 0 && t.Status != task.Pending && t.Status != task.Submitting {
		at := t.UpdatedAt
		if !t.FinishedAt.IsZero() {
			at = t.FinishedAt
		}
		add(TimelineEntry{At: at, Kind: "polls", Tries: t.Checks, Text: fmt.Sprintf("Asked for %d times since its state last changed.", t.Checks)})
	}
	switch t.Status {
	case task.Succeeded:
		add(TimelineEntry{At: t.FinishedAt, Kind: "settled", Text: fmt.Sprintf("Succeeded; %s USD charged.", t.Charged.USD())})
	case task.Failed:
		add(TimelineEntry{At: t.FinishedAt, Kind: "settled", Text: fmt.Sprintf("Failed (%s): %s Nothing charged.", t.FailCode, sentence(t.FailReason))})
	}
	if v.IsAdmin() && t.Status == task.Failed {
		late, err := c.Store.LateChecks(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		for _, l := range late {
			add(TimelineEntry{
				At: cmp.Or(l.FoundAt, t.FinishedAt), Kind: "late", Text: l.Text(), Tries: l.Asked,
				ChannelID: l.ChannelID, KeyID: l.KeyID, Ref: l.Ref, UpstreamID: l.UpstreamID,
			})
		}
	}
	notices, err := c.Store.TaskDeliveries(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for _, n := range notices {
		add(webhookEntry(v, t, n))
	}
	slices.SortStableFunc(out, func(a, b TimelineEntry) int { return cmp.Compare(a.At.UnixMilli(), b.At.UnixMilli()) })
	return out, nil
}

func (c *Console) attemptEntry(v *Viewer, a *task.Attempt) TimelineEntry {
	e := TimelineEntry{At: a.SentAt, Kind: "attempt", Outcome: "refused", Took: a.AnsweredAt.Sub(a.SentAt).Milliseconds()}
	if a.Outcome == "accepted" || a.Outcome == "unsure" {
		e.Outcome = a.Outcome
	}
	what := map[string]string{
		"accepted": "the upstream accepted it", "refused": "the upstream did not take it", "unsure": "no answer came; it was asked for by its own id",
	}[e.Outcome]
	e.Text = fmt.Sprintf("Attempt %d: %s.", a.N, what)
	if !v.IsAdmin() {
		return e
	}
	e.Outcome, e.Status, e.Code, e.Message = a.Outcome, a.HTTPStatus, a.Code, a.Message
	e.ChannelID, e.KeyID, e.Ref, e.UpstreamID = a.ChannelID, a.KeyID, a.Ref, a.UpstreamID
	if ch, ok := c.Directory.View().Channel(a.ChannelID); ok {
		e.Channel = ch.Name
	}
	return e
}

func webhookEntry(v *Viewer, t *task.Task, n store.Notified) TimelineEntry {
	to := n.URL
	if t.UserID != v.User.ID {
		to = bare(to)
	}
	e := TimelineEntry{At: n.CreatedAt, Kind: "webhook", Outcome: n.Status, Status: n.LastCode, Tries: n.Tries}
	switch {
	case n.Status == "delivered":
		e.At = n.DeliveredAt
		e.Text = fmt.Sprintf("Webhook %s delivered to %s.", n.Type, to)
	case n.Status == "failed":
		e.Text = fmt.Sprintf("Webhook %s could not be delivered to %s.", n.Type, to)
	case n.Tries == 0:
		e.Text = fmt.Sprintf("Webhook %s for %s is on its way.", n.Type, to)
	case !n.DeliveredAt.IsZero():
		e.Text = fmt.Sprintf("Webhook %s for %s arrived before and is being sent again.", n.Type, to)
	default:
		e.Text = fmt.Sprintf("Webhook %s for %s failed so far; next try at %s.", n.Type, to, n.NextTryAt.Format(time.RFC3339))
	}
	if v.IsAdmin() {
		e.Message = n.LastError
	}
	return e
}

func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "。") {
		return text
	}
	return text + "."
}

// bare is an address without what may be secret in it.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	u.Fragment = ""
	return strings.Replace(u.String(), "%E2%80%A6", "…", 1)
}

// longestShown is the longest text of an order that is shown whole: prompts
// are, pictures are not.
const longestShown = 6000

// shortened is an order's JSON with pictures cut short and, when asked,
// addresses without what may be secret in them.
func shortened(body []byte, strip bool) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(shorten(v, strip)); err != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

func shorten(v any, strip bool) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = shorten(x[k], strip)
		}
	case []any:
		for i := range x {
			x[i] = shorten(x[i], strip)
		}
	case string:
		isURL := strings.HasPrefix(x, "http://") || strings.HasPrefix(x, "https://")
		switch {
		case isURL && strip:
			return bare(x)
		case isURL:
		case len(x) > longestShown, strings.HasPrefix(x, "data:") && len(x) > 100, len(x) > 200 && !strings.Contains(x, " ") && utf8.RuneCountInString(x) == len(x):
			return fmt.Sprintf("%s… (%d characters)", x[:min(40, len(x))], len(x))
		}
	}
	return v
}

// Asking upstreams by hand is bounded for each task and for each user.
const (
	checksPerTask = 6
	checksPerUser = 60
)

func (c *Console) checkTask(ctx context.Context, v *Viewer, in *TaskID) (*One[TaskPage], error) {
	t, err := c.findTask(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	switch t.Status {
	case task.Unknown, task.Submitted, task.Processing:
	case task.Pending:
		return nil, fault.New(fault.Conflict, "Task %s has not been sent yet; there is nothing to ask.", t.ID).Named("not_sent")
	case task.Submitting:
		return nil, fault.New(fault.Conflict, "Task %s is just being sent. Try again in a moment.", t.ID).Named("being_sent")
	default:
		return nil, fault.New(fault.Conflict, "Task %s has ended.", t.ID).Named("already_ended")
	}
	for key, most := range map[string]int{"check " + t.ID: checksPerTask, fmt.Sprintf("check by %d", v.User.ID): checksPerUser} {
		if wait, ok := c.Limit.Allow(key, most, max(1, most/2)); !ok {
			return nil, fault.New(fault.Throttled, "The upstream was asked too often by hand. Wait a moment; the gateway asks by itself.").Named("rate_limited").After(wait)
		}
	}
	if err := c.Generations.Check(ctx, t); err != nil {
		if fault.Is(err, fault.Unavailable) && !v.IsAdmin() { // it names the channel
			err = fault.New(fault.Unavailable, "The upstream cannot be asked at present. Try again later.").Named("upstream_unavailable").After(30 * time.Second).Because(err)
		}
		return nil, err
	}
	if t, err = c.Store.Task(ctx, t.ID); err != nil {
		return nil, err
	}
	return c.taskPage(ctx, v, t)
}

func (c *Console) cancelTask(ctx context.Context, v *Viewer, in *TaskID) (*One[TaskPage], error) {
	t, err := c.findTask(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	ended, err := c.Generations.Cancel(context.WithoutCancel(ctx), t)
	if err != nil {
		return nil, err
	}
	if err := c.Store.NoteCancel(context.WithoutCancel(ctx), v.Actor, ended); err != nil {
		c.Log.ErrorContext(ctx, "a task was cancelled without an audit row", "task", t.ID, "by", v.Actor.Name, "err", err)
	}
	if t, err = c.Store.Task(ctx, t.ID); err != nil {
		return nil, err
	}
	return c.taskPage(ctx, v, t)
}
