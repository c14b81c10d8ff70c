package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/model"
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/video"
)

// Quote is what an order would cost.
type Quote struct {
	Amount
	Rule        string     `json:"rule"`
	Version     int64      `json:"version" doc:"Of the prices."`
	Explanation []string   `json:"explanation" nullable:"false" doc:"How the price comes about, a step a line."`
	Group       string     `json:"group"`
	Ratio       string     `json:"group_ratio"`
	Route       string     `json:"route" doc:"Create path of the order, below /kling."`
	Order       OrderFacts `json:"order"`
}

type askQuote struct {
	Body struct {
		Route string          `json:"route,omitempty" maxLength:"100" example:"/v1/videos/text2video" doc:"Where the order would be sent, below /kling. With body."`
		Body  json.RawMessage `json:"body,omitempty" doc:"The order as a create would take it. With route, or with type."`

		Type        string `json:"type,omitempty" maxLength:"64" example:"text2video"`
		Model       string `json:"model,omitempty" maxLength:"64" example:"kling-v1-6-pro"`
		Mode        string `json:"mode,omitempty" maxLength:"16"`
		Duration    int    `json:"duration,omitempty" minimum:"0" maximum:"3600" doc:"Seconds; the model's default when left out."`
		AspectRatio string `json:"aspect_ratio,omitempty" maxLength:"16"`
		Sound       bool   `json:"sound,omitempty"`
		Voice       bool   `json:"voice,omitempty"`
		VideoInput  bool   `json:"video_input,omitempty"`
	}
}

// maxQuoteBody lets an order with its pictures be priced as it is.
const maxQuoteBody = 32 << 20

// quotesPerMinute bounds how often a user asks for prices.
const quotesPerMinute = 600

func (c *Console) quotes() {
	register(c, open, huma.Operation{
		OperationID: "quote", Method: http.MethodPost, Path: "/api/quote", Summary: "What an order would cost", Tags: []string{"prices"},
		Description:  "For signed-in users, and for callers with the token (sk-…) that they would send the order with. Give either the order as it would be sent (route or type, and body), or its facts (type, model, duration, aspect_ratio…). Nothing is ordered.",
		MaxBodyBytes: maxQuoteBody, BodyReadTimeout: placing,
		// Who asks is found out before the body is read.
		Middlewares: huma.Middlewares{func(hc huma.Context, next func(huma.Context)) {
			id, _ := hc.Context().Value(viewerKey{}).(*identity)
			if _, _, err := c.asker(id); err != nil {
				c.refuse(id.w, id.r, fault.From(err))
				return
			}
			next(hc)
		}},
	}, c.quote)
}

// asker is who may ask for a price: a signed-in user, or a caller with a token,
// whose token is then returned.
func (c *Console) asker(id *identity) (*account.User, *account.Token, error) {
	if id.viewer != nil {
		return id.viewer.User, nil, nil
	}
	if !fault.Is(id.err, fault.Unauthenticated) || id.r.Header.Get("Authorization") == "" {
		return nil, nil, id.err
	}
	who, err := c.Auth.Caller(id.r, httpkit.ClientAddr(id.r, c.Trusted))
	if err != nil {
		return nil, nil, err
	}
	return who.User, who.Token, nil
}

func (c *Console) quote(ctx context.Context, _ *Viewer, in *askQuote) (*One[Quote], error) {
	id, _ := ctx.Value(viewerKey{}).(*identity)
	user, token, err := c.asker(id)
	if err != nil {
		return nil, err
	}
	if wait, ok := c.Limit.Allow("quote "+user.Name, quotesPerMinute, quotesPerMinute); !ok {
		return nil, fault.New(fault.Throttled, "Too many quotes. Wait a moment.").Named("rate_limited").After(wait)
	}
	r, err := c.quotedOrder(in)
	if err != nil {
		return nil, err
	}
	if token != nil {
		if err := generation.Allowed(token, r.Model); err != nil {
			return nil, err
		}
	}
	v := c.Directory.View()
	g, ok := v.Groups[user.Group]
	if !ok {
		return nil, fault.New(fault.Forbidden, "The user's group %q does not exist.", user.Group).Named("group_not_found")
	}
	q, steps, err := v.Catalogue.Explain(&r, g.Ratio)
	if err != nil {
		return nil, err
	}
	return &One[Quote]{Quote{
		Amount: amount(q.Quota), Rule: q.RuleID, Version: q.Version, Explanation: steps, Group: g.Name, Ratio: g.Ratio.String(),
		Route: r.Route, Order: factsOf(&r),
	}}, nil
}

// quotedOrder reads the order that is asked about.
func (c *Console) quotedOrder(in *askQuote) (video.Request, error) {
	b := &in.Body
	if len(b.Body) == 0 {
		if b.Route != "" {
			return video.Request{}, fault.New(fault.Invalid, "With route, send the order as a create would take it in body.").Named("missing_parameter").At("body.body")
		}
		return c.orderOfFacts(&OrderFacts{
			Type: b.Type, Model: b.Model, Mode: b.Mode, Duration: b.Duration, AspectRatio: b.AspectRatio,
			Sound: b.Sound, Voice: b.Voice, VideoInput: b.VideoInput,
		}, "body")
	}
	route := strings.TrimPrefix(b.Route, "/kling")
	if route == "" {
		if b.Type == "" {
			return video.Request{}, fault.New(fault.Invalid, "Say where the order would be sent: route, like /v1/videos/text2video, or type, like text2video.").Named("missing_parameter").At("body.route")
		}
		route = c.routeOf(video.Type(b.Type), b.Body)
	}
	o, err := kling.Parse(route, b.Body)
	if err != nil {
		return video.Request{}, inOrder(err)
	}
	return o.Request, nil
}

// routeOf is where an order of a type goes: where its model is served, or, when
// it names none that we know, the type's first path.
func (c *Console) routeOf(typ video.Type, body []byte) string {
	var named struct {
		Model string `json:"model"`
		Name  string `json:"model_name"`
	}
	_ = json.Unmarshal(body, &named) // Parse says what is wrong with the body
	for _, name := range []string{named.Model, named.Name} {
		if _, o := c.offer(typ, name, ""); o != nil {
			return o.Route
		}
	}
	for _, p := range kling.Products() {
		if p.Type == typ {
			return p.Path
		}
	}
	return "/v1/videos/" + string(typ)
}

// offer finds what a model does for a product. The model is named in full, or
// by its base name with or without a mode.
func (c *Console) offer(typ video.Type, name, mode string) (modelName string, o *provider.Capability) {
	for _, d := range c.Generations.Upstreams.Drivers() {
		for _, m := range d.Models {
			base := model.Base(m.Name)
			if m.Name != name && (base != name || mode != "" && m.Name != base+"-"+mode) {
				continue
			}
			for i := range m.Capabilities {
				if m.Capabilities[i].Type == typ && (mode == "" || m.Capabilities[i].Mode == mode) {
					return m.Name, &m.Capabilities[i]
				}
			}
		}
	}
	return "", nil
}

// orderOfFacts is an order with the given facts, checked against what its model
// can do. at is where the facts stand in the request.
func (c *Console) orderOfFacts(f *OrderFacts, at string) (video.Request, error) {
	none := video.Request{}
	invalid := func(field, format string, args ...any) error {
		return fault.New(fault.Invalid, format, args...).Named("invalid_parameter").At(at + "." + field)
	}
	if f.Type == "" {
		return none, fault.New(fault.Invalid, "type is missing: text2video, image2video, …").Named("missing_parameter").At(at + ".type")
	}
	if f.Model == "" {
		return none, fault.New(fault.Invalid, "model is missing: kling-v1-6-pro, …").Named("missing_parameter").At(at + ".model")
	}
	name, o := c.offer(video.Type(f.Type), f.Model, f.Mode)
	if o == nil {
		return none, c.noOffer(f, at)
	}
	if name != f.Model && f.Mode == "" {
		return none, fault.New(fault.Invalid, "Name the mode of %s, or the model in full, like %s.", f.Model, name).Named("missing_parameter").At(at + ".mode")
	}
	seconds := f.Duration
	if seconds == 0 {
		seconds = o.DefaultDuration
	}
	if !slices.Contains(o.Durations, seconds) {
		return none, invalid("duration", "%s does not make %d s; it makes %s s.", name, seconds, join(o.Durations))
	}
	aspect := f.AspectRatio
	if aspect == "" {
		aspect = o.DefaultAspect
	} else if !slices.Contains(o.AspectRatios, aspect) {
		return none, invalid("aspect_ratio", "%s does not do %.16q for %s.", name, aspect, f.Type)
	}
	if f.Sound && o.Sound == "none" {
		return none, invalid("sound", "%s makes no sound.", name)
	}
	if f.Voice && o.Voices == 0 {
		return none, invalid("voice", "%s takes no voice.", name)
	}
	if f.VideoInput && o.MaxVideos == 0 {
		return none, invalid("video_input", "%s takes no video.", name)
	}
	r := orderOf("", name, o, seconds, aspect, f.Sound || o.Sound == "always")
	for _, d := range c.Generations.Upstreams.Drivers() {
		if slices.ContainsFunc(d.Models, func(m provider.Model) bool { return m.Name == name }) {
			r.Provider = d.Name
		}
	}
	r.Usage.Voice, r.Usage.VideoInput = f.Voice, f.VideoInput
	return r, nil
}

// noOffer says whether the model is unknown or only does other things.
func (c *Console) noOffer(f *OrderFacts, at string) error {
	for _, d := range c.Generations.Upstreams.Drivers() {
		for _, m := range d.Models {
			if m.Name == f.Model || model.Base(m.Name) == f.Model {
				return fault.New(fault.Invalid, "%s does not do %.64q in this mode.", f.Model, f.Type).Named("invalid_parameter").At(at + ".type")
			}
		}
	}
	return fault.New(fault.NotFound, "The model %.64q does not exist.", f.Model).Named("model_not_found").At(at + ".model")
}

func join(list []int) string {
	b, err := json.Marshal(list)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.Trim(string(b), "[]"), ",", ", ")
}
