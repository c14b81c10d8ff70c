package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
	"one-api/internal/webhook"
)

// Webhook is an address that is told of the end of every task of its user.
type Webhook struct {
	ID           int64      `json:"id"`
	UserID       int64      `json:"user_id"`
	User         string     `json:"user" doc:"Name of the user."`
	URL          string     `json:"url" doc:"To others than the owner without its query."`
	Description  string     `json:"description"`
	Events       []string   `json:"events" nullable:"false" doc:"Event types; empty: all."`
	Status       string     `json:"status" enum:"enabled,disabled"`
	Reason       string     `json:"reason,omitempty" enum:"gone,failing" doc:"Why the gateway switched it off. gone: it answered 410. failing: every try of five days failed."`
	ReasonAt     *time.Time `json:"reason_at,omitempty"`
	LastTryAt    *time.Time `json:"last_try_at,omitempty"`
	LastStatus   int        `json:"last_status,omitempty" doc:"HTTP status of the last try; absent: no answer."`
	LastOKAt     *time.Time `json:"last_ok_at,omitempty" doc:"Of the last try that it took."`
	FailingSince *time.Time `json:"failing_since,omitempty" doc:"First failed try since the last good one."`
	RotatedAt    *time.Time `json:"rotated_at,omitempty" doc:"The old secret signs as well for 24 h after this."`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Version      int64      `json:"version" doc:"Send it back with an edit."`
}

// WebhookWithSecret is a webhook in an answer to its owner that shows the
// signing secret.
type WebhookWithSecret struct {
	Webhook
	Secret string `json:"secret,omitempty" doc:"whsec_…, for the receiver's Standard Webhooks library. Absent when somebody else's."`
}

// SigningSecrets are the secrets that sign now.
type SigningSecrets struct {
	Generation int             `json:"generation" doc:"Of the newest. Send it back to rotate."`
	Secrets    []SigningSecret `json:"secrets" nullable:"false" doc:"The newest first."`
}

// SigningSecret is one of them.
type SigningSecret struct {
	Secret string     `json:"secret" doc:"whsec_…"`
	Until  *time.Time `json:"until,omitempty" doc:"When an old one ends."`
}

// WebhookDelivery is one event on its way to one receiver.
type WebhookDelivery struct {
	ID          string     `json:"id"`
	EventID     string     `json:"event_id" doc:"The header webhook-id; the same on every try."`
	WebhookID   int64      `json:"webhook_id,omitempty" doc:"Absent: the order's callback_url."`
	UserID      int64      `json:"user_id"`
	User        string     `json:"user" doc:"Name of the user."`
	TaskID      string     `json:"task_id"`
	Type        string     `json:"type" example:"task.succeed"`
	URL         string     `json:"url" doc:"As it was when the event was made; to others than the owner without its query."`
	Status      string     `json:"status" enum:"pending,delivered,failed" doc:"pending: a try is to come. failed: none is."`
	Tries       int        `json:"tries"`
	LastStatus  int        `json:"last_status,omitempty" doc:"HTTP status of the last try."`
	Problem     string     `json:"problem,omitempty" enum:"no_answer,refused,endpoint_off" doc:"Of the last try: no answer came, the answer was not 2xx, or it was not sent because the webhook was off."`
	LastTook    int64      `json:"last_took_ms,omitempty" doc:"Milliseconds that the last try took."`
	LastTryAt   *time.Time `json:"last_try_at,omitempty"`
	NextTryAt   *time.Time `json:"next_try_at,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	CreatedAt   time.Time  `json:"created_at" doc:"Of the event."`
	Error       string     `json:"error,omitempty" doc:"Of the last try; administrators only."`
	Response    string     `json:"response,omitempty" doc:"Beginning of what was answered; administrators only."`
}

// WebhookTest is how a test event fared.
type WebhookTest struct {
	EventID   string `json:"event_id"`
	Delivered bool   `json:"delivered" doc:"The receiver answered 2xx."`
	Status    int    `json:"status,omitempty" doc:"HTTP status; absent: no answer."`
	Took      int64  `json:"took_ms"`
	Error     string `json:"error,omitempty" doc:"Administrators only."`
	Response  string `json:"response,omitempty" doc:"Beginning of what was answered; administrators only."`
}

// Redelivered counts what will be sent again.
type Redelivered struct {
	Deliveries int  `json:"deliveries"`
	More       bool `json:"more" doc:"There are more than one call takes. Repeat it."`
}

// WebhookID picks a webhook.
type WebhookID struct {
	ID int64 `path:"id" minimum:"1"`
}

// DeliveryID picks a delivery.
type DeliveryID struct {
	ID string `path:"id" maxLength:"100"`
}

type listWebhooks struct {
	PageIn
	UserID int64  `query:"user_id" minimum:"1" doc:"Of this user; administrators only. Default: all users' for administrators, else one's own."`
	Status string `query:"status" enum:"enabled,disabled"`
}

type createWebhook struct {
	Body struct {
		URL         string   `json:"url" maxLength:"2048" example:"https://example.com/hooks/video" doc:"https, or http. Public, on port 443, 80 or 8443, unless the operator allows more."`
		Description string   `json:"description,omitempty" maxLength:"200"`
		Events      []string `json:"events,omitempty" maxItems:"10" uniqueItems:"true" doc:"task.succeed, task.failed; absent or empty: all."`
	}
}

type updateWebhook struct {
	WebhookID
	Body struct {
		Version     int64     `json:"version" doc:"The version that was edited."`
		URL         *string   `json:"url,omitempty" maxLength:"2048"`
		Description *string   `json:"description,omitempty" maxLength:"200"`
		Events      *[]string `json:"events,omitempty" maxItems:"10" uniqueItems:"true"`
		Status      *string   `json:"status,omitempty" enum:"enabled,disabled"`
	}
}

type rotateWebhook struct {
	WebhookID
	Body struct {
		Version int64 `json:"version" doc:"The version that was read."`
		AtOnce  bool  `json:"at_once,omitempty" doc:"The old secret ends now instead of in 24 h, because it has leaked."`
	}
}

type rotateMySecret struct {
	Body struct {
		Generation int  `json:"generation" doc:"The one that was read."`
		AtOnce     bool `json:"at_once,omitempty" doc:"The old secret ends now instead of in 24 h, because it has leaked."`
	}
}

type redeliverFailed struct {
	WebhookID
	Body struct {
		Since time.Time `json:"since" doc:"Events from this moment on."`
	}
}

type listDeliveries struct {
	PageIn
	UserID   int64     `query:"user_id" minimum:"1" doc:"Of this user; administrators only. Default: all users' for administrators, else one's own."`
	Endpoint string    `query:"endpoint" pattern:"^(callback|[1-9][0-9]{0,17})$" doc:"Id of a webhook, or callback: the orders' callback_url."`
	TaskID   string    `query:"task_id" maxLength:"64"`
	Status   string    `query:"status" enum:"pending,delivered,failed"`
	Type     string    `query:"type" enum:"task.succeed,task.failed"`
	Since    time.Time `query:"since" doc:"Events from this moment on."`
	Until    time.Time `query:"until" doc:"Events before this moment."`
}

func (c *Console) webhooks() {
	tags := []string{"webhooks"}
	const one = "/api/webhooks/{id}"
	register(c, signed, huma.Operation{OperationID: "list-webhooks", Method: http.MethodGet, Path: "/api/webhooks", Summary: "List webhooks", Tags: tags}, c.listWebhooks)
	register(c, signed, huma.Operation{OperationID: "create-webhook", Method: http.MethodPost, Path: "/api/webhooks", Summary: "Have an address told of the end of all my tasks", Tags: tags, DefaultStatus: http.StatusCreated}, c.createWebhook)
	register(c, signed, huma.Operation{OperationID: "get-webhook", Method: http.MethodGet, Path: one, Summary: "Read a webhook", Tags: tags}, c.getWebhook)
	register(c, signed, huma.Operation{OperationID: "update-webhook", Method: http.MethodPatch, Path: one, Summary: "Change a webhook, or switch it on or off", Tags: tags}, c.updateWebhook)
	register(c, signed, huma.Operation{OperationID: "delete-webhook", Method: http.MethodDelete, Path: one, Summary: "Delete a webhook; what waits for it is not sent", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteWebhook)
	register(c, signed, huma.Operation{OperationID: "show-webhook-secret", Method: http.MethodPost, Path: one + "/secret", Summary: "Show a webhook's signing secrets to its owner", Tags: tags}, c.webhookSecret)
	register(c, signed, huma.Operation{OperationID: "rotate-webhook", Method: http.MethodPost, Path: one + "/rotate", Summary: "Give a webhook a new signing secret; the old one signs too for 24 h", Tags: tags}, c.rotateWebhook)
	register(c, signed, huma.Operation{OperationID: "test-webhook", Method: http.MethodPost, Path: one + "/test", Summary: "Send a signed webhook.test event now", Tags: tags}, c.testWebhook)
	register(c, signed, huma.Operation{OperationID: "redeliver-failed", Method: http.MethodPost, Path: one + "/redeliver", Summary: "Send again what a webhook has finally not taken", Tags: tags}, c.redeliverFailed)
	register(c, signed, huma.Operation{OperationID: "list-deliveries", Method: http.MethodGet, Path: "/api/webhooks/deliveries", Summary: "List what was sent and is to be sent, newest event first", Tags: tags}, c.listDeliveries)
	register(c, signed, huma.Operation{OperationID: "get-delivery", Method: http.MethodGet, Path: "/api/webhooks/deliveries/{id}", Summary: "Read a delivery", Tags: tags}, c.getDelivery)
	register(c, signed, huma.Operation{OperationID: "redeliver", Method: http.MethodPost, Path: "/api/webhooks/deliveries/{id}/redeliver", Summary: "Send an event again, also one that has arrived; its id stays", Tags: tags}, c.redeliver)
	register(c, signed, huma.Operation{OperationID: "show-my-webhook-secret", Method: http.MethodPost, Path: "/api/me/webhook-secret", Summary: "Show the secrets that sign what goes to the callback_url of my orders", Tags: []string{"me"}}, c.mySecret)
	register(c, signed, huma.Operation{OperationID: "rotate-my-webhook-secret", Method: http.MethodPost, Path: "/api/me/webhook-secret/rotate", Summary: "Have the callback_url of my orders signed with a new secret; the old one signs too for 24 h", Tags: []string{"me"}}, c.rotateMySecret)
}

// Sending by hand is bounded for each user, a minute.
const (
	webhookTests    = 10
	webhookResends  = 60
	webhookResweeps = 6
)

func (c *Console) listWebhooks(ctx context.Context, v *Viewer, in *listWebhooks) (*PageOut[Webhook], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	f := store.EndpointFilter{Before: before, Limit: in.Limit + 1}
	if f.UserID, err = v.onlyOwn(in.UserID); err != nil {
		return nil, err
	}
	if in.Status != "" {
		f.Status = accountStatus(in.Status)
	}
	rows, err := c.Store.Endpoints(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(rows, in.Limit, func(e store.Endpoint) string { return strconv.FormatInt(e.ID, 10) },
		func(e store.Endpoint) Webhook { return c.showWebhook(v, &e) }), nil
}

func (c *Console) userName(id int64) string {
	if u, ok := c.Directory.View().Users[id]; ok {
		return u.Name
	}
	return ""
}

func (c *Console) showWebhook(v *Viewer, e *store.Endpoint) Webhook {
	out := Webhook{
		ID: e.ID, UserID: e.UserID, User: c.userName(e.UserID), URL: e.URL, Description: e.Description, Events: append([]string{}, e.Events...),
		Status: accountStatuses[e.Status], Reason: e.Reason, ReasonAt: moment(e.ReasonAt), LastTryAt: moment(e.LastTryAt), LastStatus: e.LastCode,
		LastOKAt: moment(e.LastOKAt), FailingSince: moment(e.FailingSince), RotatedAt: moment(e.Rotated), CreatedAt: e.CreatedAt,
		UpdatedAt: e.UpdatedAt, Version: e.Version,
	}
	if e.UserID != v.User.ID {
		out.URL = bare(out.URL)
	}
	return out
}

// withSecret shows the newest secret too, to the owner.
func (c *Console) withSecret(v *Viewer, e *store.Endpoint) *One[WebhookWithSecret] {
	out := &One[WebhookWithSecret]{WebhookWithSecret{Webhook: c.showWebhook(v, e)}}
	if e.UserID == v.User.ID {
		out.Body.Secret = webhook.EndpointSecret(c.Keys, e.ID, e.Generation).Reveal()
	}
	return out
}

// reachWebhook finds a webhook that the viewer may change. Somebody else's does
// not exist for a plain user.
func (c *Console) reachWebhook(ctx context.Context, v *Viewer, id int64) (store.Endpoint, error) {
	e, err := c.Store.Endpoint(ctx, whose(v), id)
	if err != nil {
		return e, err
	}
	return e, c.mayReach(v, e.UserID, "Webhooks")
}

// mayReach refuses administrators who reach for what is root's.
func (c *Console) mayReach(v *Viewer, userID int64, what string) error {
	u, ok := c.Directory.View().Users[userID]
	if ok && u.Role == account.Root && v.User.Role != account.Root {
		return fault.New(fault.Forbidden, "%s of root are managed by root only.", what).Named("role_required")
	}
	return nil
}

func (c *Console) checkAddress(ctx context.Context, v *Viewer, address string) error {
	if err := c.limited(fmt.Sprintf("webhook addresses of %d", v.User.ID), webhookResends, webhookResends); err != nil {
		return err
	}
	return inBody(c.Sender.Check(ctx, address, "url"))
}

func (c *Console) createWebhook(ctx context.Context, v *Viewer, in *createWebhook) (*One[WebhookWithSecret], error) {
	b := &in.Body
	if err := c.checkAddress(ctx, v, b.URL); err != nil {
		return nil, err
	}
	e, err := c.Store.CreateEndpoint(ctx, store.NewEndpoint{By: v.Actor, UserID: v.User.ID, URL: b.URL, Description: b.Description, Events: b.Events})
	if err != nil {
		return nil, inBody(err)
	}
	return c.withSecret(v, &e), nil
}

func (c *Console) getWebhook(ctx context.Context, v *Viewer, in *WebhookID) (*One[Webhook], error) {
	e, err := c.Store.Endpoint(ctx, whose(v), in.ID)
	if err != nil {
		return nil, err
	}
	return &One[Webhook]{c.showWebhook(v, &e)}, nil
}

func (c *Console) updateWebhook(ctx context.Context, v *Viewer, in *updateWebhook) (*One[Webhook], error) {
	if _, err := c.reachWebhook(ctx, v, in.ID); err != nil {
		return nil, err
	}
	b := &in.Body
	p := store.EndpointPatch{Version: b.Version, URL: b.URL, Description: b.Description, Events: b.Events}
	if b.URL != nil {
		if err := c.checkAddress(ctx, v, *b.URL); err != nil {
			return nil, err
		}
	}
	if b.Status != nil {
		st := accountStatus(*b.Status)
		p.Status = &st
	}
	e, err := c.Store.UpdateEndpoint(ctx, v.Actor, whose(v), in.ID, p)
	if err != nil {
		return nil, inBody(err)
	}
	return &One[Webhook]{c.showWebhook(v, &e)}, nil
}

func (c *Console) deleteWebhook(ctx context.Context, v *Viewer, in *WebhookID) (*None, error) {
	if _, err := c.reachWebhook(ctx, v, in.ID); err != nil {
		return nil, err
	}
	return nil, c.Store.DeleteEndpoint(ctx, v.Actor, whose(v), in.ID)
}

func (c *Console) secretsInForce(generation int, rotated time.Time, derive func(generation int) secret.Text) *One[SigningSecrets] {
	out := &One[SigningSecrets]{SigningSecrets{Generation: generation, Secrets: []SigningSecret{}}}
	for _, g := range webhook.InForce(generation, rotated, c.Store.Now()) {
		s := SigningSecret{Secret: derive(g).Reveal()}
		if g != generation {
			s.Until = moment(rotated.Add(webhook.Overlap))
		}
		out.Body.Secrets = append(out.Body.Secrets, s)
	}
	return out
}

func (c *Console) webhookSecret(ctx context.Context, v *Viewer, in *WebhookID) (*One[SigningSecrets], error) {
	e, err := c.Store.Endpoint(ctx, whose(v), in.ID)
	if err != nil {
		return nil, err
	}
	if e.UserID != v.User.ID {
		return nil, fault.New(fault.Forbidden, "Only the owner of webhook %d sees its secret.", in.ID).Named("not_the_owner")
	}
	if err := c.Store.NoteSecretShown(ctx, v.Actor, fmt.Sprintf("webhook:%d", e.ID)); err != nil {
		return nil, err
	}
	return c.secretsInForce(e.Generation, e.Rotated, func(g int) secret.Text { return webhook.EndpointSecret(c.Keys, e.ID, g) }), nil
}

func (c *Console) rotateWebhook(ctx context.Context, v *Viewer, in *rotateWebhook) (*One[WebhookWithSecret], error) {
	if _, err := c.reachWebhook(ctx, v, in.ID); err != nil {
		return nil, err
	}
	e, err := c.Store.RotateEndpoint(ctx, v.Actor, whose(v), in.ID, in.Body.Version, in.Body.AtOnce)
	if err != nil {
		return nil, inBody(err)
	}
	return c.withSecret(v, &e), nil
}

func (c *Console) mySecret(ctx context.Context, v *Viewer, _ *struct{}) (*One[SigningSecrets], error) {
	if err := c.Store.NoteSecretShown(ctx, v.Actor, fmt.Sprintf("user:%d", v.User.ID)); err != nil {
		return nil, err
	}
	return c.showMySecret(ctx, v)
}

func (c *Console) showMySecret(ctx context.Context, v *Viewer) (*One[SigningSecrets], error) {
	u, err := c.Store.User(ctx, v.User.ID)
	if err != nil {
		return nil, err
	}
	return c.secretsInForce(u.Webhooks, u.Rotated, func(g int) secret.Text { return webhook.SigningSecret(c.Keys, u.ID, g) }), nil
}

func (c *Console) rotateMySecret(ctx context.Context, v *Viewer, in *rotateMySecret) (*One[SigningSecrets], error) {
	if err := c.Store.RotateUserSecret(ctx, v.Actor, v.User.ID, in.Body.Generation, in.Body.AtOnce); err != nil {
		return nil, inBody(err)
	}
	return c.showMySecret(ctx, v)
}

// testEvent is the body of webhook.test.
type testEvent struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Test      bool      `json:"test"`
	Data      any       `json:"data"`
}

func (c *Console) testWebhook(ctx context.Context, v *Viewer, in *WebhookID) (*One[WebhookTest], error) {
	e, err := c.reachWebhook(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	if err := c.limited(fmt.Sprintf("webhook tests of %d", v.User.ID), webhookTests, webhookTests); err != nil {
		return nil, err
	}
	now := c.Store.Now()
	body, err := json.Marshal(testEvent{Type: "webhook.test", Timestamp: now.UTC(), Test: true, Data: map[string]any{"webhook_id": e.ID}})
	if err != nil {
		return nil, err
	}
	m := webhook.Message{ID: task.NewID("evt_", now), URL: e.URL, Payload: body}
	for _, g := range webhook.InForce(e.Generation, e.Rotated, now) {
		m.Secrets = append(m.Secrets, webhook.EndpointSecret(c.Keys, e.ID, g))
	}
	r := c.Sender.Send(ctx, m, now)
	out := &One[WebhookTest]{WebhookTest{EventID: m.ID, Delivered: r.Err == nil, Status: r.Code, Took: r.Took.Milliseconds()}}
	if v.IsAdmin() {
		out.Body.Response = r.Response
		if r.Err != nil {
			out.Body.Error = r.Err.Error()
		}
	}
	return out, nil
}

func (c *Console) redeliverFailed(ctx context.Context, v *Viewer, in *redeliverFailed) (*One[Redelivered], error) {
	e, err := c.reachWebhook(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	if e.Status != account.Enabled {
		return nil, webhookOff(e.ID)
	}
	if err := c.limited(fmt.Sprintf("webhook sweeps of %d", v.User.ID), webhookResweeps, webhookResweeps); err != nil {
		return nil, err
	}
	n, err := c.Store.RedeliverFailed(ctx, v.Actor, e.ID, in.Body.Since)
	if err != nil {
		return nil, err
	}
	return &One[Redelivered]{Redelivered{Deliveries: n, More: n >= store.RedeliverMost}}, nil
}

func webhookOff(id int64) error {
	return fault.New(fault.Conflict, "Webhook %d is off. Switch it on first.", id).Named("webhook_off")
}

func deliveryID(d *store.DeliverySeen) string { return fmt.Sprintf("%s-%d", d.EventID, d.EndpointID) }

var deliveryForm = regexp.MustCompile(`^(evt_[0-9a-z]{36})-(0|[1-9][0-9]{0,17})$`)

// deliveryKey reads what deliveryID wrote.
func deliveryKey(id string) (store.DeliveryKey, bool) {
	m := deliveryForm.FindStringSubmatch(id)
	if m == nil {
		return store.DeliveryKey{}, false
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	return store.DeliveryKey{EventID: m[1], EndpointID: n}, err == nil
}

func noDelivery() error {
	return fault.New(fault.NotFound, "This delivery does not exist.").Named("delivery_not_found")
}

func (c *Console) listDeliveries(ctx context.Context, v *Viewer, in *listDeliveries) (*PageOut[WebhookDelivery], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	q := store.DeliveryQuery{TaskID: in.TaskID, Status: in.Status, Type: in.Type, Since: in.Since, Until: in.Until, Limit: in.Limit + 1}
	if after != "" {
		var ok bool
		if q.Before, ok = deliveryKey(after); !ok {
			return nil, badCursor()
		}
	}
	if q.UserID, err = v.onlyOwn(in.UserID); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(in.TaskID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fault.New(fault.Invalid, "task_id is no task's id.").Named("invalid_parameter").At("query.task_id")
	}
	if in.Endpoint != "" {
		id := int64(0)
		if in.Endpoint != "callback" {
			if id, err = strconv.ParseInt(in.Endpoint, 10, 64); err != nil {
				return nil, fault.New(fault.Invalid, "endpoint is no id of a webhook.").Named("invalid_parameter").At("query.endpoint")
			}
			if _, err := c.Store.Endpoint(ctx, whose(v), id); err != nil {
				return nil, err
			}
		}
		q.Endpoint = &id
	}
	rows, err := c.Store.Deliveries(ctx, q)
	if err != nil {
		return nil, err
	}
	return page(rows, in.Limit, func(d store.DeliverySeen) string { return deliveryID(&d) },
		func(d store.DeliverySeen) WebhookDelivery { return c.showDelivery(v, &d) }), nil
}

func (c *Console) showDelivery(v *Viewer, d *store.DeliverySeen) WebhookDelivery {
	out := WebhookDelivery{
		ID: deliveryID(d), EventID: d.EventID, WebhookID: d.EndpointID, UserID: d.UserID, User: c.userName(d.UserID), TaskID: d.TaskID, Type: d.Type,
		URL: d.URL, Status: d.Status, Tries: d.Tries, LastStatus: d.LastCode, LastTook: d.LastTook.Milliseconds(), LastTryAt: moment(d.LastTryAt),
		NextTryAt: moment(d.NextTryAt), DeliveredAt: moment(d.DeliveredAt), CreatedAt: d.CreatedAt, Problem: deliveryProblem(d.LastCode, d.LastError),
	}
	if d.UserID != v.User.ID {
		out.URL = bare(out.URL)
	}
	if v.IsAdmin() {
		out.Error, out.Response = d.LastError, d.LastResponse
	}
	return out
}

// deliveryProblem says to its user why a try did not succeed, without what a
// prober of networks could learn from it.
func deliveryProblem(code int, text string) string {
	switch {
	case text == "":
		return ""
	case text == store.EndpointOff:
		return "endpoint_off"
	case code == 0:
		return "no_answer"
	}
	return "refused"
}

func (c *Console) findDelivery(ctx context.Context, v *Viewer, id string) (store.DeliverySeen, store.DeliveryKey, error) {
	k, ok := deliveryKey(id)
	if !ok {
		return store.DeliverySeen{}, k, noDelivery()
	}
	d, err := c.Store.Delivery(ctx, whose(v), k)
	return d, k, err
}

func (c *Console) getDelivery(ctx context.Context, v *Viewer, in *DeliveryID) (*One[WebhookDelivery], error) {
	d, _, err := c.findDelivery(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	return &One[WebhookDelivery]{c.showDelivery(v, &d)}, nil
}

func (c *Console) redeliver(ctx context.Context, v *Viewer, in *DeliveryID) (*One[WebhookDelivery], error) {
	d, k, err := c.findDelivery(ctx, v, in.ID)
	if err != nil {
		return nil, err
	}
	if d.EndpointID != 0 {
		switch e, err := c.Store.Endpoint(ctx, 0, d.EndpointID); {
		case fault.Is(err, fault.NotFound):
			return nil, fault.New(fault.Conflict, "Webhook %d was deleted; there is nowhere to send it.", d.EndpointID).Named("webhook_deleted")
		case err != nil:
			return nil, err
		case e.Status != account.Enabled:
			return nil, webhookOff(e.ID)
		}
	}
	if err := c.limited(fmt.Sprintf("webhook redeliveries of %d", v.User.ID), webhookResends, webhookResends); err != nil {
		return nil, err
	}
	if err := c.Store.Redeliver(ctx, v.Actor, whose(v), k); err != nil {
		return nil, err
	}
	if d, err = c.Store.Delivery(ctx, whose(v), k); err != nil {
		return nil, err
	}
	return &One[WebhookDelivery]{c.showDelivery(v, &d)}, nil
}
