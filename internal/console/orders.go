package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/provider/kling"
	"one-api/internal/task"
	"one-api/internal/telemetry"
	"one-api/internal/video"
	"one-api/internal/webhook"
)

// PlacedTask is a task that was just ordered.
type PlacedTask struct {
	Task
	Price    Amount      `json:"price"`
	Queue    *QueuePlace `json:"queue,omitempty" doc:"While it is pending."`
	Replayed bool        `json:"replayed,omitempty" doc:"The Idempotency-Key had been used: this is the first task as it is now."`
}

type placeTask struct {
	Key  string `header:"Idempotency-Key" doc:"The same key and body order once, for 48 hours."`
	Body struct {
		Route   string          `json:"route,omitempty" maxLength:"100" example:"/v1/videos/text2video" doc:"Where the order would be sent, below /kling. This, or type."`
		Type    string          `json:"type,omitempty" maxLength:"64" example:"text2video"`
		Body    json.RawMessage `json:"body" doc:"The order as a create takes it."`
		TokenID int64           `json:"token_id,omitempty" minimum:"1" doc:"One of your own tokens, whose budget, models, expiry and rate apply; its list of addresses is for its callers. Without it the order is charged to your balance alone."`
		Test    bool            `json:"test,omitempty" doc:"Test mode: play money and a simulated upstream. A token of test mode implies it."`
	}
}

// placing is how long an order from the console may take to arrive and to be
// answered.
const placing = 2 * time.Minute

// maxBody is what an order may have.
func (c *Console) maxBody() int64 {
	if c.MaxBody > 0 {
		return c.MaxBody
	}
	return 32 << 20
}

func (c *Console) orders() {
	register(c, signed, huma.Operation{
		OperationID: "create-task", Method: http.MethodPost, Path: "/api/tasks", Summary: "Order a task for myself", Tags: []string{"tasks"}, DefaultStatus: http.StatusCreated,
		Description: "As a create of the callers' API: the order is checked, priced, held and sent. A refusal by the upstream is answered as a problem with task_id; nothing is charged then.",
		// The order is most of the body; it is checked by its own rules and should
		// not be in memory once more for that.
		MaxBodyBytes: c.maxBody() + 64<<10, SkipValidateBody: true, BodyReadTimeout: placing,
		Middlewares: huma.Middlewares{c.withinMemory},
	}, c.placeTask)
}

// withinMemory makes room for a large order before it is read.
func (c *Console) withinMemory(hc huma.Context, next func(huma.Context)) {
	id, _ := hc.Context().Value(viewerKey{}).(*identity)
	release, err := c.Memory.Reserve(id.viewer.User.ID, id.r.ContentLength, c.maxBody())
	if err != nil {
		httpkit.Refuse(c.Log, c.refuse, id.w, id.r, err)
		return
	}
	defer release()
	next(hc)
}

// inOrder places a refusal of an order in the body of the request that holds
// it.
func inOrder(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Field == "" {
		return err
	}
	at := *f
	at.Field = "body.body." + f.Field
	return &at
}

func (c *Console) placeTask(ctx context.Context, v *Viewer, in *placeTask) (*One[PlacedTask], error) {
	b := &in.Body
	key, err := generation.IdempotencyKey(request(ctx).Header.Values("Idempotency-Key"))
	if err != nil {
		return nil, fault.From(err).At("header.Idempotency-Key")
	}
	token, err := c.orderToken(ctx, v, b.TokenID, b.Test)
	if err != nil {
		return nil, err
	}
	if err := c.withinRate(v.User, token); err != nil {
		return nil, err
	}
	if int64(len(b.Body)) > c.maxBody() {
		return nil, fault.New(fault.TooLarge, "The order is larger than %d MB. Send large pictures by URL.", c.maxBody()>>20).Named("body_too_large").At("body.body")
	}
	order, err := c.readOrder(b.Route, b.Type, b.Body)
	if err != nil {
		return nil, err
	}
	o := generation.Order{
		User: v.User, Token: token, Request: order.Request, ExternalID: order.ExternalTaskID, CallbackURL: order.CallbackURL,
		RequestID: telemetry.RequestID(ctx),
	}
	if o.Tags, err = generation.Tags(order.Metadata); err != nil {
		return nil, inOrder(err)
	}
	if key != "" {
		about := "/api/tasks" + order.Request.Route + "?token=" + strconv.FormatInt(token.ID, 10) + "&test=" + strconv.FormatBool(token.Test)
		o.Idempotency = &task.Idempotency{Key: key, Hash: generation.RequestHash(http.MethodPost, about, b.Body)}
	}
	if token.Test && token.ID == 0 {
		if err := c.Store.EnsurePlay(ctx, v.User.ID); err != nil {
			return nil, err
		}
	}
	done, err := c.Generations.Create(ctx, o)
	if err != nil {
		return nil, inOrder(err)
	}
	t := &done.Task
	if t.Status == task.Failed && (done.Replayed == nil || t.FailCode == task.Rejected) {
		f, status := done.Refused()
		p := problemOf(ctx, f)
		p.TaskID = t.ID
		if status != 0 {
			p.Status, p.Title = status, http.StatusText(status)
		}
		return nil, p
	}
	out := &One[PlacedTask]{PlacedTask{
		Task: c.showTask(v, t), Price: amount(t.Quota), Replayed: done.Replayed != nil,
	}}
	out.Body.Queue = c.queuePlace(ctx, t)
	return out, nil
}

// readOrder reads an order as a create of the callers' API does.
func (c *Console) readOrder(route, typ string, body json.RawMessage) (kling.Order, error) {
	none := kling.Order{}
	if len(body) == 0 {
		return none, fault.New(fault.Invalid, "Send the order as a create would take it in body.").Named("missing_parameter").At("body.body")
	}
	if route = strings.TrimPrefix(route, "/kling"); route == "" {
		if typ == "" {
			return none, fault.New(fault.Invalid, "Say where the order would be sent: route, like /v1/videos/text2video, or type, like text2video.").Named("missing_parameter").At("body.route")
		}
		route = c.routeOf(video.Type(typ), body)
	}
	if !kling.Serves(route) {
		return none, fault.New(fault.Invalid, "There is no product at %.100q.", route).Named("invalid_parameter").At("body.route")
	}
	o, err := kling.Parse(route, body)
	if err == nil && o.CallbackURL != "" {
		err = webhook.CheckURL(o.CallbackURL, "callback_url")
	}
	if err == nil {
		err = generation.CheckExternalID(o.ExternalTaskID)
	}
	return o, inOrder(err)
}

// orderToken is the token that an order is placed with: one of the viewer's
// own, or none, which has the id 0 and no limits.
func (c *Console) orderToken(ctx context.Context, v *Viewer, id int64, test bool) (*account.Token, error) {
	if id == 0 {
		return &account.Token{UserID: v.User.ID, Test: test}, nil
	}
	refuse := func(code fault.Code, reason, format string, args ...any) error {
		return fault.New(code, format, args...).Named(reason).At("body.token_id")
	}
	t, err := c.Store.Token(ctx, v.User.ID, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, refuse(fault.NotFound, "token_not_found", "You have no token %d.", id)
	case err != nil:
		return nil, err
	case t.Status != account.Enabled:
		return nil, refuse(fault.Forbidden, "token_disabled", "Token %d is disabled.", id)
	case t.Expired(c.Store.Now()):
		return nil, refuse(fault.Forbidden, "token_expired", "Token %d expired at %s.", id, t.ExpiresAt.Format(time.RFC3339))
	case test && !t.Test:
		return nil, refuse(fault.Invalid, "token_not_test", "Token %d is not of test mode.", id)
	}
	return &t.Token, nil
}

// withinRate counts an order towards the limits of requests that callers have.
func (c *Console) withinRate(u *account.User, t *account.Token) error {
	key, perMinute := "token "+t.AccessKey, t.Rate
	if t.ID == 0 {
		key = "console of " + strconv.FormatInt(u.ID, 10)
	}
	if perMinute == 0 {
		perMinute = c.Directory.View().Settings.DefaultRate
	}
	limits := []limit.Bucket{
		{Key: key, PerMinute: perMinute, Burst: perMinute},
		{Key: "user " + strconv.FormatInt(u.ID, 10), PerMinute: u.Rate, Burst: u.Rate},
	}
	if d := c.Limit.Take(limits...); !d.OK {
		return fault.New(fault.Throttled, "At most %d requests a minute are allowed. Wait a moment.", limits[d.Bucket].PerMinute).Named("rate_limited").After(d.Wait)
	}
	return nil
}

// queuePlace is where a task waits, nil when it does not or nobody can tell.
func (c *Console) queuePlace(ctx context.Context, t *task.Task) *QueuePlace {
	if t.Status != task.Pending {
		return nil
	}
	place, err := c.Generations.Place(ctx, t.ID)
	if err != nil {
		return nil
	}
	return &QueuePlace{Position: place.Position, EstimatedSeconds: int64((place.Wait + time.Second - 1) / time.Second), SendBefore: t.SendBefore}
}
