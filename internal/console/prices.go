package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/store"
	"one-api/internal/video"
)

// Amount is an amount of money in both notations.
type Amount struct {
	Quota money.Quota `json:"quota" doc:"500000 are 1 USD."`
	USD   string      `json:"usd" example:"0.60"`
}

func amount(q money.Quota) Amount { return Amount{q, q.USD()} }

// Figure is an amount and the rule that it comes from.
type Figure struct {
	Amount
	Rule string `json:"rule"`
}

// OrderFacts are the facts of an order that its price is made of.
type OrderFacts struct {
	Type        string `json:"type" minLength:"1" maxLength:"64" example:"text2video"`
	Model       string `json:"model" minLength:"1" maxLength:"64" example:"kling-v1-6-pro" doc:"Name of a model; with mode, its base name will do."`
	Mode        string `json:"mode,omitempty" maxLength:"16" example:"pro"`
	Duration    int    `json:"duration,omitempty" minimum:"0" maximum:"3600" doc:"Seconds; the model's default when left out."`
	AspectRatio string `json:"aspect_ratio,omitempty" maxLength:"16" example:"16:9"`
	Sound       bool   `json:"sound,omitempty"`
	Voice       bool   `json:"voice,omitempty" doc:"A chosen voice is used."`
	VideoInput  bool   `json:"video_input,omitempty" doc:"A video is among the inputs."`
}

func factsOf(r *video.Request) OrderFacts {
	u := r.Usage
	return OrderFacts{
		Type: string(r.Type), Model: r.Model, Mode: u.Mode, Duration: u.Seconds, AspectRatio: u.AspectRatio,
		Sound: u.Sound, Voice: u.Voice, VideoInput: u.VideoInput,
	}
}

// PricedOrder is a sample order with what it costs whom.
type PricedOrder struct {
	Order   OrderFacts `json:"order"`
	Price   *Figure    `json:"price,omitempty" doc:"What a user pays; absent when orders like this are refused."`
	Cost    *Figure    `json:"cost,omitempty" doc:"What the upstream is expected to bill; absent when not known."`
	Margin  *Amount    `json:"margin,omitempty" doc:"Price less cost."`
	Problem string     `json:"problem,omitempty" doc:"Why there is no price."`
}

// PriceWarning is something about the prices that the operator should know.
type PriceWarning struct {
	Code    string `json:"code" enum:"below_cost,no_price" doc:"below_cost: orders are sold for less than the upstream bills; no_price: orders are refused."`
	Model   string `json:"model"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

// PriceVersion is a catalogue that was put in force.
type PriceVersion struct {
	Version   int64     `json:"version"`
	Actor     string    `json:"actor" example:"user:1"`
	Note      string    `json:"note"`
	CreatedAt time.Time `json:"created_at"`
}

func showPriceVersion(v store.PriceVersion) PriceVersion {
	return PriceVersion{Version: v.Version, Actor: v.Actor, Note: v.Note, CreatedAt: time.UnixMilli(v.CreatedAt).UTC()}
}

// Prices is a whole catalogue.
type Prices struct {
	PriceVersion
	Group    string         `json:"group,omitempty" doc:"Whose ratio the samples are priced with."`
	Ratio    string         `json:"ratio" doc:"The group's ratio; it applies last."`
	Rules    []price.Rule   `json:"rules" nullable:"false"`
	Samples  []PricedOrder  `json:"samples" nullable:"false" doc:"One order for each model and product, as Kling defaults it, with and without sound."`
	Warnings []PriceWarning `json:"warnings" nullable:"false"`
}

// PublicPrice is what an order costs at list price.
type PublicPrice struct {
	Order OrderFacts `json:"order"`
	Price Amount     `json:"price"`
}

// PublicPrices is what anybody may know of the prices.
type PublicPrices struct {
	Version int64         `json:"version"`
	Samples []PublicPrice `json:"samples" nullable:"false"`
}

// PriceEdit is a change of prices: a whole new list, or rules to set and ids to
// remove.
type PriceEdit struct {
	Rules  []price.Rule `json:"rules,omitempty" maxItems:"2000" doc:"The whole new catalogue, both books. Leave it out to edit single rules."`
	Set    []price.Rule `json:"set,omitempty" maxItems:"2000" doc:"Rules to add or, by id, to replace."`
	Remove []string     `json:"remove,omitempty" maxItems:"2000" doc:"Ids of rules to remove."`
}

type putPrices struct {
	Body struct {
		Version int64  `json:"version" doc:"The version that was edited."`
		Note    string `json:"note,omitempty" maxLength:"200" doc:"Why, for those who read the history."`
		PriceEdit
	}
}

type previewPrices struct {
	Body struct {
		PriceEdit
		Group  string       `json:"group,omitempty" maxLength:"64" doc:"Price with this group's ratio."`
		Orders []OrderFacts `json:"orders,omitempty" maxItems:"200" doc:"Orders to price besides the usual samples."`
	}
}

// PreviewedOrder is an order as it is priced now and as it would be.
type PreviewedOrder struct {
	Order      OrderFacts  `json:"order"`
	Now        PricedOrder `json:"now"`
	Then       PricedOrder `json:"then"`
	Difference *Amount     `json:"difference,omitempty" doc:"Of the price; absent when one of them has none."`
}

// PricePreview is what an edit of prices would do.
type PricePreview struct {
	Version  int64              `json:"version" doc:"The version in force, that the edit was compared with."`
	Changes  []store.RuleChange `json:"changes" nullable:"false"`
	Orders   []PreviewedOrder   `json:"orders" nullable:"false"`
	Warnings []PriceWarning     `json:"warnings" nullable:"false" doc:"Of the prices as edited."`
}

type priceGroup struct {
	Group string `query:"group" maxLength:"64" doc:"Price the samples with this group's ratio."`
}

// PriceVersionNumber picks a version of the prices.
type PriceVersionNumber struct {
	Version int64 `path:"version" minimum:"1"`
}

type restorePrices struct {
	PriceVersionNumber
	Body struct {
		Version int64  `json:"version" doc:"The version in force, as you saw it."`
		Note    string `json:"note,omitempty" maxLength:"200"`
	}
}

// maxPriceBody bounds a whole catalogue as JSON.
const maxPriceBody = 2 << 20

func (c *Console) prices() {
	tags := []string{"prices"}
	register(c, admin, huma.Operation{OperationID: "get-prices", Method: http.MethodGet, Path: "/api/prices", Summary: "Read the prices in force", Tags: tags}, c.getPrices)
	register(c, admin, huma.Operation{OperationID: "put-prices", Method: http.MethodPut, Path: "/api/prices", Summary: "Change prices", Tags: tags, MaxBodyBytes: maxPriceBody,
		Description: "All nodes price by the new version within two seconds. Tasks that exist keep their price."}, c.putPrices)
	register(c, admin, huma.Operation{OperationID: "preview-prices", Method: http.MethodPost, Path: "/api/prices/preview", Summary: "Try a change of prices on sample orders", Tags: tags, MaxBodyBytes: maxPriceBody}, c.previewPrices)
	register(c, admin, huma.Operation{OperationID: "list-price-versions", Method: http.MethodGet, Path: "/api/prices/versions", Summary: "List the versions of the prices", Tags: tags}, c.listPriceVersions)
	register(c, admin, huma.Operation{OperationID: "get-price-version", Method: http.MethodGet, Path: "/api/prices/versions/{version}", Summary: "Read a version of the prices", Tags: tags}, c.getPriceVersion)
	register(c, admin, huma.Operation{OperationID: "restore-price-version", Method: http.MethodPost, Path: "/api/prices/versions/{version}/restore", Summary: "Put an old version in force again", Tags: tags}, c.restorePrices)
	register(c, open, huma.Operation{OperationID: "get-public-prices", Method: http.MethodGet, Path: "/api/prices/public", Summary: "What orders cost", Tags: tags}, c.publicPrices)
}

func (c *Console) getPrices(ctx context.Context, _ *Viewer, in *priceGroup) (*One[Prices], error) {
	v, err := c.Store.CurrentPrices(ctx)
	if err != nil {
		return nil, err
	}
	return c.showPrices(v, in.Group)
}

func (c *Console) showPrices(v store.PriceVersion, group string) (*One[Prices], error) {
	ratio, err := c.ratio(group, "query.group")
	if err != nil {
		return nil, err
	}
	cat, err := price.New(v.Version, v.Rules)
	if err != nil {
		return nil, err
	}
	out := &One[Prices]{Prices{PriceVersion: showPriceVersion(v), Group: group, Ratio: ratio.String(), Rules: cat.Rules(), Samples: []PricedOrder{}}}
	for _, r := range c.samples() {
		out.Body.Samples = append(out.Body.Samples, priced(cat, &r, ratio))
	}
	out.Body.Warnings = c.priceWarnings(cat)
	return out, nil
}

// ratio is a group's, 1 without a group.
func (c *Console) ratio(group, field string) (money.Decimal, error) {
	if group == "" {
		return money.One, nil
	}
	g, ok := c.Directory.View().Groups[group]
	if !ok {
		return money.One, fault.New(fault.NotFound, "Group %q does not exist.", group).Named("group_not_found").At(field)
	}
	return g.Ratio, nil
}

// priced prices an order by a catalogue.
func priced(cat *price.Catalogue, r *video.Request, ratio money.Decimal) PricedOrder {
	out := PricedOrder{Order: factsOf(r)}
	q, err := cat.Price(r, ratio)
	if err != nil {
		out.Problem = fault.From(err).Message
	} else {
		out.Price = &Figure{amount(q.Quota), q.RuleID}
	}
	if cost, err := cat.Cost(r); err == nil {
		out.Cost = &Figure{amount(cost.Quota), cost.RuleID}
		if out.Price != nil {
			m := amount(out.Price.Quota - cost.Quota)
			out.Margin = &m
		}
	}
	return out
}

// samples are one order for each model and product of the providers, as the
// provider defaults it; two where the order may ask for sound.
func (c *Console) samples() []video.Request {
	var out []video.Request
	for _, d := range c.Generations.Upstreams.Drivers() {
		for _, m := range d.Models {
			for i := range m.Capabilities {
				o := &m.Capabilities[i]
				for _, sound := range sounds(o) {
					out = append(out, orderOf(d.Name, m.Name, o, o.DefaultDuration, o.DefaultAspect, sound))
				}
			}
		}
	}
	return out
}

// sounds are what an order may say about sound.
func sounds(o *provider.Capability) []bool {
	switch o.Sound {
	case "always":
		return []bool{true}
	case "optional":
		return []bool{false, true}
	}
	return []bool{false}
}

func orderOf(providerName, model string, o *provider.Capability, seconds int, aspect string, sound bool) video.Request {
	return video.Request{Provider: providerName, Type: o.Type, Model: model, Route: o.Route, Usage: video.Usage{
		Seconds: seconds, AspectRatio: aspect, Mode: o.Mode, Resolution: o.Resolution, Sound: sound, Count: 1,
	}}
}

// priceWarnings tries every order that the models offer, at list price, and
// tells the worst of each model and product.
func (c *Console) priceWarnings(cat *price.Catalogue) []PriceWarning {
	out := []PriceWarning{}
	for _, d := range c.Generations.Upstreams.Drivers() {
		for _, m := range d.Models {
			for i := range m.Capabilities {
				if w := warnOf(cat, d.Name, m.Name, &m.Capabilities[i]); w != nil {
					out = append(out, *w)
				}
			}
		}
	}
	return out
}

func warnOf(cat *price.Catalogue, providerName, model string, o *provider.Capability) *PriceWarning {
	var worst money.Quota
	var out *PriceWarning
	for _, aspect := range append(slices.Clone(o.AspectRatios), "") {
		for _, seconds := range o.Durations {
			for _, sound := range sounds(o) {
				r := orderOf(providerName, model, o, seconds, aspect, sound)
				q, err := cat.Price(&r, money.One)
				if err != nil {
					return &PriceWarning{Code: "no_price", Model: model, Type: string(o.Type), Message: fault.From(err).Message}
				}
				cost, err := cat.Cost(&r)
				if err == nil && q.Quota-cost.Quota < worst {
					worst = q.Quota - cost.Quota
					out = &PriceWarning{Code: "below_cost", Model: model, Type: string(o.Type), Message: fmt.Sprintf(
						"%d s of %s for %s USD cost %s USD (rules %s and %s).", seconds, model, q.Quota.USD(), cost.Quota.USD(), q.RuleID, cost.RuleID)}
				}
			}
		}
	}
	return out
}

func (c *Console) publicPrices(_ context.Context, _ *Viewer, _ *struct{}) (*One[PublicPrices], error) {
	cat := c.Directory.View().Catalogue
	out := &One[PublicPrices]{PublicPrices{Version: cat.Version(), Samples: []PublicPrice{}}}
	for _, r := range c.samples() {
		if q, err := cat.Price(&r, money.One); err == nil {
			out.Body.Samples = append(out.Body.Samples, PublicPrice{factsOf(&r), amount(q.Quota)})
		}
	}
	return out, nil
}

// edited is the catalogue that an edit makes of one.
func edited(rules []price.Rule, e *PriceEdit) ([]price.Rule, error) {
	whole := e.Rules != nil
	if whole == (len(e.Set)+len(e.Remove) > 0) {
		return nil, fault.New(fault.Invalid, "Send either rules, the whole catalogue, or single rules in set and ids in remove.").Named("either_or").At("body.rules")
	}
	if whole {
		return e.Rules, checkRules(e.Rules, "body.rules")
	}
	if err := checkRules(e.Set, "body.set"); err != nil {
		return nil, err
	}
	out := slices.Clone(rules)
	for i, id := range e.Remove {
		n := len(out)
		if out = slices.DeleteFunc(out, func(r price.Rule) bool { return r.ID == id }); len(out) == n {
			return nil, fault.New(fault.Invalid, "There is no price rule %.100q to remove.", id).Named("price_rule_not_found").At(fmt.Sprintf("body.remove[%d]", i))
		}
	}
	for _, r := range e.Set {
		if i := slices.IndexFunc(out, func(o price.Rule) bool { return o.ID == r.ID }); i >= 0 {
			out[i] = r
		} else {
			out = append(out, r)
		}
	}
	return out, nil
}

// Bounds of one rule, beyond those that its meaning sets.
const (
	maxRule     = 16 << 10 // bytes as JSON
	maxRuleText = 500      // characters of a text in it
)

// checkRules says what is wrong with which rule. What only shows in the whole
// catalogue is found by price.New.
func checkRules(rules []price.Rule, field string) error {
	seen := map[string]bool{}
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := r.Validate(); err != nil {
			f := *fault.From(err)
			f.Message, f.Field = "Rule "+strconv.Quote(clip(r.ID, 100))+": "+f.Message, at+"."+f.Field
			return &f
		}
		if seen[r.ID] {
			return fault.New(fault.Conflict, "Two price rules have the id %s.", r.ID).Named("duplicate_price_rule").At(at + ".id")
		}
		seen[r.ID] = true
		b, err := json.Marshal(r)
		if err != nil || len(b) > maxRule {
			return fault.New(fault.Invalid, "Rule %s is larger than %d bytes.", r.ID, maxRule).Named("invalid_price_rule").At(at)
		}
		if text, ok := unprintable(&r); ok {
			return fault.New(fault.Invalid, "Rule %s holds a text that is longer than %d characters or does not print: %.40q.", r.ID, maxRuleText, text).Named("invalid_price_rule").At(at)
		}
	}
	return nil
}

// unprintable finds a text in a rule that has no business there.
func unprintable(r *price.Rule) (string, bool) {
	texts := []string{r.Source, r.Match.Provider}
	for _, t := range r.Match.Types {
		texts = append(texts, string(t))
	}
	texts = slices.Concat(texts, r.Match.Models, r.Match.Modes, r.Match.Resolutions, r.Match.AspectRatios)
	for _, f := range r.Factors {
		for v := range f.Values {
			texts = append(texts, v)
		}
	}
	i := slices.IndexFunc(texts, func(t string) bool {
		return len(t) > 4*maxRuleText || len([]rune(t)) > maxRuleText || strings.ContainsFunc(t, func(r rune) bool { return !unicode.IsPrint(r) })
	})
	if i < 0 {
		return "", false
	}
	return texts[i], true
}

// clip shortens a text for a message.
func clip(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

func (c *Console) putPrices(ctx context.Context, v *Viewer, in *putPrices) (*One[Prices], error) {
	now, err := c.Store.CurrentPrices(ctx)
	if err != nil {
		return nil, err
	}
	rules, err := edited(now.Rules, &in.Body.PriceEdit)
	if err != nil {
		return nil, err
	}
	return c.putInForce(ctx, v, in.Body.Version, rules, in.Body.Note)
}

func (c *Console) putInForce(ctx context.Context, v *Viewer, base int64, rules []price.Rule, note string) (*One[Prices], error) {
	done, err := c.Store.PutPrices(ctx, v.Actor, base, rules, note)
	if err != nil {
		return nil, inBody(err)
	}
	return c.showPrices(done, "")
}

func (c *Console) previewPrices(ctx context.Context, _ *Viewer, in *previewPrices) (*One[PricePreview], error) {
	now, err := c.Store.CurrentPrices(ctx)
	if err != nil {
		return nil, err
	}
	ratio, err := c.ratio(in.Body.Group, "body.group")
	if err != nil {
		return nil, err
	}
	rules, err := edited(now.Rules, &in.Body.PriceEdit)
	if err != nil {
		return nil, err
	}
	before, err := price.New(now.Version, now.Rules)
	if err != nil {
		return nil, err
	}
	after, err := price.New(now.Version+1, rules)
	if err != nil {
		return nil, inBody(err)
	}
	orders := c.samples()
	for i, f := range in.Body.Orders {
		r, err := c.orderOfFacts(&f, fmt.Sprintf("body.orders[%d]", i))
		if err != nil {
			return nil, err
		}
		orders = append(orders, r)
	}
	out := &One[PricePreview]{PricePreview{
		Version: now.Version, Changes: store.DiffRules(now.Rules, after.Rules()), Orders: []PreviewedOrder{}, Warnings: c.priceWarnings(after),
	}}
	for i := range orders {
		o := PreviewedOrder{Order: factsOf(&orders[i]), Now: priced(before, &orders[i], ratio), Then: priced(after, &orders[i], ratio)}
		if o.Now.Price != nil && o.Then.Price != nil {
			d := amount(o.Then.Price.Quota - o.Now.Price.Quota)
			o.Difference = &d
		}
		out.Body.Orders = append(out.Body.Orders, o)
	}
	return out, nil
}

func (c *Console) listPriceVersions(ctx context.Context, _ *Viewer, in *PageIn) (*PageOut[PriceVersion], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	list, err := c.Store.PriceVersions(ctx, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, func(v store.PriceVersion) string { return strconv.FormatInt(v.Version, 10) }, showPriceVersion), nil
}

func (c *Console) getPriceVersion(ctx context.Context, _ *Viewer, in *PriceVersionNumber) (*One[Prices], error) {
	v, err := c.Store.PriceVersion(ctx, in.Version)
	if err != nil {
		return nil, err
	}
	return c.showPrices(v, "")
}

func (c *Console) restorePrices(ctx context.Context, v *Viewer, in *restorePrices) (*One[Prices], error) {
	old, err := c.Store.PriceVersion(ctx, in.Version)
	if err != nil {
		return nil, err
	}
	note := in.Body.Note
	if note == "" {
		note = fmt.Sprintf("version %d restored", old.Version)
	}
	return c.putInForce(ctx, v, in.Body.Version, old.Rules, note)
}
