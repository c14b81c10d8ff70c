package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/model"
	"one-api/internal/store"
	"one-api/internal/webhook"
)

type webhookCmd struct {
	List       webhookListCmd       `cmd:"" help:"List webhooks, newest first." example:"one-api webhook list\none-api webhook list --user alice --json"`
	Add        webhookAddCmd        `cmd:"" help:"Have an address told of the end of a user's tasks." example:"one-api webhook add --user alice https://example.com/hooks/video"`
	Rm         webhookRmCmd         `cmd:"" help:"Delete a webhook; what waits for it is not sent." example:"one-api webhook rm 3"`
	Rotate     webhookRotateCmd     `cmd:"" help:"Give a webhook a new signing secret; the old one signs too for 24 h." example:"one-api webhook rotate 3\none-api webhook rotate 3 --at-once"`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"List what was sent and is to be sent, newest event first." example:"one-api webhook deliveries --status failed\none-api webhook deliveries --webhook 3 --json"`
	Redeliver  webhookRedeliverCmd  `cmd:"" help:"Send a delivery again, or all that a webhook has finally not taken." example:"one-api webhook redeliver evt_…-3\none-api webhook redeliver --webhook 3 --since 24h"`
}

// webhookView is a webhook as the management API shows it.
type webhookView struct {
	ID           int64      `json:"id"`
	UserID       int64      `json:"user_id"`
	User         string     `json:"user"`
	URL          string     `json:"url"`
	Description  string     `json:"description"`
	Events       []string   `json:"events"`
	Status       string     `json:"status"`
	Reason       string     `json:"reason,omitempty"`
	ReasonAt     *time.Time `json:"reason_at,omitempty"`
	LastTryAt    *time.Time `json:"last_try_at,omitempty"`
	LastStatus   int        `json:"last_status,omitempty"`
	LastOKAt     *time.Time `json:"last_ok_at,omitempty"`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	RotatedAt    *time.Time `json:"rotated_at,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Version      int64      `json:"version"`
	Secret       string     `json:"secret,omitempty"` // only when it is new
}

func (d *desk) viewWebhook(e store.Endpoint) webhookView {
	return webhookView{
		ID: e.ID, UserID: e.UserID, User: d.userName(e.UserID), URL: e.URL, Description: e.Description, Events: append([]string{}, e.Events...),
		Status: accountStatus[e.Status], Reason: e.Reason, ReasonAt: moment(e.ReasonAt), LastTryAt: moment(e.LastTryAt), LastStatus: e.LastCode,
		LastOKAt: moment(e.LastOKAt), FailingSince: moment(e.FailingSince), RotatedAt: moment(e.Rotated), CreatedAt: e.CreatedAt,
		UpdatedAt: e.UpdatedAt, Version: e.Version,
	}
}

// newSecret shows a webhook with its newest secret.
func (t *terminal) newSecret(d *desk, e store.Endpoint, asJSON bool) error {
	v := d.viewWebhook(e)
	v.Secret = webhook.EndpointSecret(d.keys, e.ID, e.Generation).Reveal()
	if asJSON {
		return t.json(v)
	}
	return t.print("webhook  %d of %s\naddress  %s\nsecret   %s\n", v.ID, v.User, v.URL, v.Secret)
}

type webhookListCmd struct {
	reading
	page
	User   string `help:"Only of this user: name or id."`
	Status string `default:"" enum:",enabled,disabled" help:"Only enabled or disabled ones."`
}

func (c *webhookListCmd) Run(ctx context.Context, t *terminal) error {
	before, err := c.beforeID()
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	f := store.EndpointFilter{Status: parseAccountStatus(c.Status), Before: before, Limit: c.Limit + 1}
	if f.UserID, err = d.userID(ctx, c.User); err != nil {
		return err
	}
	list, err := d.Endpoints(ctx, f)
	if err != nil {
		return err
	}
	out := listOf(list, c.Limit, d.viewWebhook, func(e store.Endpoint) string { return strconv.FormatInt(e.ID, 10) })
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, w := range out.Items {
		status := w.Status
		if w.Reason != "" {
			status += " (" + w.Reason + ")"
		}
		rows = append(rows, []any{w.ID, w.User, w.URL, status, w.Events, w.LastTryAt, w.LastStatus, w.FailingSince})
	}
	defer t.more(out.NextCursor)
	return t.table("ID | USER | ADDRESS | STATUS | EVENTS | LAST TRY | ANSWER | FAILING SINCE", rows)
}

type webhookAddCmd struct {
	reading
	URL         string `arg:"" name:"url" help:"Address that is told: https://…"`
	User        string `required:"" help:"Name or id of the user."`
	Description string `help:"What it is for."`
	Events      string `placeholder:"LIST" help:"Comma list of task.succeed and task.failed; empty: all."`
}

func (c *webhookAddCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	p, err := d.person(ctx, c.User)
	if err != nil {
		return err
	}
	if err := webhook.NewSender(webhook.Options{Allow: d.settings.WebhookAllow}).Check(ctx, c.URL, "url"); err != nil {
		return err
	}
	e, err := d.CreateEndpoint(ctx, store.NewEndpoint{By: store.CLI, UserID: p.ID, URL: c.URL, Description: c.Description, Events: model.List(c.Events)})
	if err != nil {
		return err
	}
	return t.newSecret(d, e, c.JSON)
}

type webhookRmCmd struct {
	database
	ID int64 `arg:"" help:"Id of the webhook, see webhook list."`
	destroying
}

func (c *webhookRmCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	e, err := d.Endpoint(ctx, 0, c.ID)
	if err != nil {
		return err
	}
	if err := t.confirm(c.destroying, "Delete webhook %d of %s, %s? What waits for it is not sent.", e.ID, d.userName(e.UserID), e.URL); err != nil {
		return err
	}
	if err := d.DeleteEndpoint(ctx, store.CLI, 0, c.ID); err != nil {
		return err
	}
	return t.print("webhook %d is deleted\n", e.ID)
}

type webhookRotateCmd struct {
	reading
	ID     int64 `arg:"" help:"Id of the webhook, see webhook list."`
	AtOnce bool  `help:"The old secret ends now, because it has leaked."`
}

func (c *webhookRotateCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	e, err := d.Endpoint(ctx, 0, c.ID)
	if err != nil {
		return err
	}
	if e, err = d.RotateEndpoint(ctx, store.CLI, 0, c.ID, e.Version, c.AtOnce); err != nil {
		return err
	}
	return t.newSecret(d, e, c.JSON)
}

// deliveryView is a delivery as the management API shows it.
type deliveryView struct {
	ID          string     `json:"id"`
	EventID     string     `json:"event_id"`
	WebhookID   int64      `json:"webhook_id,omitempty"`
	UserID      int64      `json:"user_id"`
	User        string     `json:"user"`
	TaskID      string     `json:"task_id"`
	Type        string     `json:"type"`
	URL         string     `json:"url"`
	Status      string     `json:"status"`
	Tries       int        `json:"tries"`
	LastStatus  int        `json:"last_status,omitempty"`
	LastTook    int64      `json:"last_took_ms,omitempty"`
	LastTryAt   *time.Time `json:"last_try_at,omitempty"`
	NextTryAt   *time.Time `json:"next_try_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	Error       string     `json:"error,omitempty"`
	Response    string     `json:"response,omitempty"`
}

func deliveryName(d store.DeliverySeen) string { return fmt.Sprintf("%s-%d", d.EventID, d.EndpointID) }

func (d *desk) viewDelivery(e store.DeliverySeen) deliveryView {
	return deliveryView{
		ID: deliveryName(e), EventID: e.EventID, WebhookID: e.EndpointID, UserID: e.UserID, User: d.userName(e.UserID), TaskID: e.TaskID, Type: e.Type,
		URL: e.URL, Status: e.Status, Tries: e.Tries, LastStatus: e.LastCode, LastTook: e.LastTook.Milliseconds(), LastTryAt: moment(e.LastTryAt),
		NextTryAt: moment(e.NextTryAt), DeliveredAt: moment(e.DeliveredAt), CreatedAt: e.CreatedAt, Error: e.LastError, Response: e.LastResponse,
	}
}

var deliveryForm = regexp.MustCompile(`^(evt_[0-9a-z]{36})-([0-9]{1,18})$`)

func parseDelivery(what, text string) (store.DeliveryKey, error) {
	m := deliveryForm.FindStringSubmatch(text)
	if m == nil {
		return store.DeliveryKey{}, misused("%s: %q is no delivery like evt_…-3, see webhook deliveries", what, text)
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	return store.DeliveryKey{EventID: m[1], EndpointID: n}, err
}

type webhookDeliveriesCmd struct {
	reading
	page
	span
	User    string `help:"Only of this user: name or id."`
	Webhook *int64 `help:"Only to this webhook; 0: to the orders' callback_url."`
	Task    string `help:"Only of this task."`
	Status  string `default:"" enum:",pending,delivered,failed" help:"Only in this state."`
	Type    string `default:"" enum:",task.succeed,task.failed" help:"Only of this type."`
}

func (c *webhookDeliveriesCmd) Run(ctx context.Context, t *terminal) error {
	q := store.DeliveryQuery{Endpoint: c.Webhook, TaskID: c.Task, Status: c.Status, Type: c.Type, Limit: c.Limit + 1}
	var err error
	if c.Before != "" {
		if q.Before, err = parseDelivery("--before", c.Before); err != nil {
			return err
		}
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	if q.Since, q.Until, err = c.parse(d.Now()); err != nil {
		return err
	}
	if q.UserID, err = d.userID(ctx, c.User); err != nil {
		return err
	}
	list, err := d.Deliveries(ctx, q)
	if err != nil {
		return err
	}
	out := listOf(list, c.Limit, d.viewDelivery, deliveryName)
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, e := range out.Items {
		rows = append(rows, []any{e.ID, e.User, e.TaskID, e.Type, e.Status, e.Tries, e.LastStatus, e.LastTryAt, e.NextTryAt, e.Error})
	}
	defer t.more(out.NextCursor)
	return t.table("ID | USER | TASK | TYPE | STATUS | TRIES | ANSWER | LAST TRY | NEXT TRY | ERROR", rows)
}

type webhookRedeliverCmd struct {
	database
	ID      string `arg:"" optional:"" help:"Id of a delivery, see webhook deliveries."`
	Webhook int64  `help:"All that this webhook has finally not taken."`
	Since   string `placeholder:"TIME" help:"With --webhook: events from this time on: 2026-01-31, or 24h or 7d ago."`
}

func (c *webhookRedeliverCmd) Run(ctx context.Context, t *terminal) error {
	if (c.ID == "") == (c.Webhook == 0) || (c.Webhook == 0) != (c.Since == "") {
		return misused("name one delivery, or --webhook together with --since")
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	id := c.Webhook
	var k store.DeliveryKey
	if c.ID != "" {
		if k, err = parseDelivery("ID", c.ID); err != nil {
			return err
		}
		if _, err := d.Delivery(ctx, 0, k); err != nil {
			return err
		}
		id = k.EndpointID
	}
	if id != 0 {
		e, err := d.Endpoint(ctx, 0, id)
		if err != nil {
			return err
		}
		if e.Status != account.Enabled {
			return fault.New(fault.Conflict, "Webhook %d is off. Its owner can switch it on with PATCH /api/webhooks/%d.", id, id).Named("webhook_off")
		}
	}
	if c.ID != "" {
		if err := d.Redeliver(ctx, store.CLI, 0, k); err != nil {
			return err
		}
		return t.print("%s will be sent again\n", c.ID)
	}
	since, err := parseTime("--since", c.Since, d.Now(), -1)
	if err != nil {
		return err
	}
	n, err := d.RedeliverFailed(ctx, store.CLI, id, since)
	if err != nil {
		return err
	}
	return t.print("%d deliveries will be sent again\n", n)
}
