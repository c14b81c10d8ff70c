package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/provider/all"
	"one-api/internal/provider/kling"
	"one-api/internal/store"
	"one-api/internal/video"
)

type priceCmd struct {
	List     priceListCmd     `cmd:"" help:"List the rules in force." example:"one-api price list\none-api price list --model kling-v1-6-pro\none-api price list --json > prices.json"`
	Show     priceShowCmd     `cmd:"" help:"Show a rule." example:"one-api price show price.kling-v1-6-pro"`
	Set      priceSetCmd      `cmd:"" help:"Change prices: the amount of one rule, or rules from a JSON file." example:"one-api price set price.kling-v1-6-pro --amount 1.10 --note 'spring sale'\none-api price list --json > prices.json\none-api price set --file prices.json --note 'new list'"`
	Preview  pricePreviewCmd  `cmd:"" help:"Show what a change of prices would do to sample orders." example:"one-api price preview price.kling-v1-6-pro --amount 1.10\none-api price preview --file prices.json"`
	Versions priceVersionsCmd `cmd:"" help:"List the versions of the prices, newest first." example:"one-api price versions"`
	Restore  priceRestoreCmd  `cmd:"" help:"Put an old version in force again." example:"one-api price restore 3"`
	Reset    priceResetCmd    `cmd:"" help:"Put the built-in prices in force again." example:"one-api price reset"`
	Quote    priceQuoteCmd    `cmd:"" help:"What an order would cost, and why." example:"one-api price quote --model kling-v1-6-pro --duration 10 --aspect-ratio 16:9\none-api price quote --model kling-v1-6-pro --user alice\none-api price quote --route /v1/videos/image2video --body order.json"`
}

// priceList is a catalogue with its version.
type priceList struct {
	Version   int64        `json:"version"`
	Actor     string       `json:"actor"`
	Note      string       `json:"note"`
	CreatedAt time.Time    `json:"created_at"`
	Rules     []price.Rule `json:"rules"`
}

func viewPrices(v store.PriceVersion) priceList {
	return priceList{v.Version, v.Actor, v.Note, time.UnixMilli(v.CreatedAt).UTC(), v.Rules}
}

type priceListCmd struct {
	reading
	Book    string `default:"" enum:",price,cost" help:"price: what users pay; cost: what the upstream bills."`
	Model   string `help:"Only rules that may be for this model."`
	Version int64  `help:"An older version."`
}

func (c *priceListCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	v, err := d.CurrentPrices(ctx)
	if c.Version != 0 {
		v, err = d.PriceVersion(ctx, c.Version)
	}
	if err != nil {
		return err
	}
	out := viewPrices(v)
	out.Rules = slices.DeleteFunc(slices.Clone(out.Rules), func(r price.Rule) bool {
		return c.Book != "" && string(r.Book) != c.Book ||
			c.Model != "" && len(r.Match.Models) > 0 && !slices.ContainsFunc(r.Match.Models, func(m string) bool { return model.Covers(m, c.Model) || model.Covers(c.Model, m) })
	})
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, r := range out.Rules {
		rows = append(rows, []any{r.ID, r.Book, ruleAmount(&r), r.Per, matchText(&r.Match), factorText(r.Factors)})
	}
	if err := t.table("RULE | BOOK | USD | PER | FOR | TIMES", rows); err != nil {
		return err
	}
	t.note("version %d, put in force by %s at %s UTC: %s", out.Version, out.Actor, cell(out.CreatedAt), cell(out.Note))
	return nil
}

func ruleAmount(r *price.Rule) string {
	if r.Free {
		return "free"
	}
	return r.Amount.String()
}

// matchText is what a rule is for, in words.
func matchText(m *price.Match) string {
	var parts []string
	add := func(name string, values ...string) {
		if len(values) > 0 {
			parts = append(parts, strings.TrimSpace(name+" "+strings.Join(values, "|")))
		}
	}
	add("", m.Models...)
	for _, typ := range m.Types {
		add("", string(typ))
	}
	add("mode", m.Modes...)
	add("", m.Resolutions...)
	add("", m.AspectRatios...)
	for _, f := range []struct {
		name string
		is   *bool
	}{{"sound", m.Sound}, {"voice", m.Voice}, {"video input", m.VideoInput}} {
		if f.is != nil {
			add(f.name, map[bool]string{true: "on", false: "off"}[*f.is])
		}
	}
	if m.MinSeconds > 0 || m.MaxSeconds > 0 {
		add("", fmt.Sprintf("%d to %d s", m.MinSeconds, m.MaxSeconds))
	}
	return clip(strings.Join(parts, ", "), 80)
}

func factorText(factors []price.Factor) string {
	var parts []string
	for _, f := range factors {
		var values []string
		for _, v := range slices.Sorted(maps.Keys(f.Values)) {
			values = append(values, v+"="+f.Values[v].String())
		}
		parts = append(parts, fmt.Sprintf("%s(%s)", f.By, strings.Join(values, " ")))
	}
	return clip(strings.Join(parts, " "), 100)
}

type priceShowCmd struct {
	reading
	Rule string `arg:"" help:"Id of the rule, see price list."`
}

func (c *priceShowCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	v, err := d.CurrentPrices(ctx)
	if err != nil {
		return err
	}
	i, err := ruleAt(v.Rules, c.Rule)
	if err != nil {
		return err
	}
	return t.json(v.Rules[i]) // a rule is nested: JSON reads best for people too
}

func ruleAt(rules []price.Rule, id string) (int, error) {
	i := slices.IndexFunc(rules, func(r price.Rule) bool { return r.ID == id })
	if i < 0 {
		return i, fault.New(fault.NotFound, "There is no price rule %.100q. one-api price list shows them.", id).Named("price_rule_not_found")
	}
	return i, nil
}

// priceEdit is a change of prices.
type priceEdit struct {
	Rule   string `arg:"" optional:"" help:"Id of the rule to change, see price list."`
	Amount string `placeholder:"USD" help:"The rule's new amount in US dollars for one of its units."`
	File   string `type:"existingfile" placeholder:"FILE" help:"JSON: a list of rules, or what price list --json prints, is the whole catalogue; {\"set\":[rule…],\"remove\":[id…]} changes single rules."`
}

// edited are the rules that the edit makes of others.
func (e *priceEdit) edited(rules []price.Rule) ([]price.Rule, error) {
	switch {
	case (e.File == "") == (e.Rule == "") || (e.Rule == "") != (e.Amount == ""):
		return nil, misused("give either a rule and its --amount, or a --file")
	case e.File != "":
		return editedByFile(rules, e.File)
	}
	i, err := ruleAt(rules, e.Rule)
	if err != nil {
		return nil, err
	}
	amount, err := money.ParseDecimal(e.Amount)
	if err != nil {
		return nil, misused("--amount: %q is no amount in USD like 0.60: %v", e.Amount, err)
	}
	out := slices.Clone(rules)
	out[i].Amount, out[i].Free = amount, false
	return out, nil
}

// maxPriceFile bounds a file of prices.
const maxPriceFile = 4 << 20

func editedByFile(rules []price.Rule, path string) ([]price.Rule, error) {
	text, err := readFile(path, maxPriceFile)
	if err != nil {
		return nil, err
	}
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("[")) {
		whole, err := price.ParseRules(text)
		if err != nil {
			return nil, misused("%s: %v", path, err)
		}
		return whole, nil
	}
	var edit struct {
		priceList
		Set    []price.Rule `json:"set"`
		Remove []string     `json:"remove"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&edit); err != nil {
		return nil, misused("%s: %v", path, err)
	}
	if (edit.Rules != nil) == (len(edit.Set)+len(edit.Remove) > 0) {
		return nil, misused("%s must hold either rules, the whole catalogue, or set and remove", path)
	}
	if edit.Rules != nil {
		return edit.Rules, nil
	}
	out := slices.Clone(rules)
	for _, id := range edit.Remove {
		i, err := ruleAt(out, id)
		if err != nil {
			return nil, err
		}
		out = slices.Delete(out, i, i+1)
	}
	for _, r := range edit.Set {
		if i, err := ruleAt(out, r.ID); err == nil {
			out[i] = r
		} else {
			out = append(out, r)
		}
	}
	return out, nil
}

// readFile reads a small file, standard input for "-".
func readFile(path string, most int64) ([]byte, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(text)) > most {
		err = misused("%s is larger than %d bytes", path, most)
	}
	return text, err
}

type priceSetCmd struct {
	reading
	priceEdit
	Note string `help:"Why, for those who read the history."`
	destroying
}

func (c *priceSetCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	now, err := d.CurrentPrices(ctx)
	if err != nil {
		return err
	}
	rules, err := c.edited(now.Rules)
	if err != nil {
		return err
	}
	changes := store.DiffRules(now.Rules, rules)
	if len(changes) == 0 {
		return errors.New("nothing would change")
	}
	if gone := removed(changes); len(gone) > 0 {
		if err := t.confirm(c.destroying, "This removes %d of the price rules (%s). Orders without a rule are refused. Go on?", len(gone), clip(strings.Join(gone, ", "), 200)); err != nil {
			return err
		}
	}
	return putPrices(ctx, t, d, now, rules, c.Note, c.JSON)
}

func removed(changes []store.RuleChange) []string {
	var out []string
	for _, c := range changes {
		if c.After == nil {
			out = append(out, c.ID)
		}
	}
	return out
}

func putPrices(ctx context.Context, t *terminal, d *desk, now store.PriceVersion, rules []price.Rule, note string, asJSON bool) error {
	done, err := d.PutPrices(ctx, store.CLI, now.Version, rules, note)
	if err != nil {
		return err
	}
	changes := store.DiffRules(now.Rules, done.Rules)
	if asJSON {
		return t.json(map[string]any{"version": done.Version, "changes": changes})
	}
	if err := t.changes(changes); err != nil {
		return err
	}
	return t.print("version %d of the prices is in force\n", done.Version)
}

func (t *terminal) changes(changes []store.RuleChange) error {
	var rows [][]any
	for _, c := range changes {
		was, is := "-", "-"
		if c.Before != nil {
			was = ruleAmount(c.Before)
		}
		if c.After != nil {
			is = ruleAmount(c.After)
		}
		rows = append(rows, []any{c.ID, was, is})
	}
	return t.table("RULE | USD BEFORE | USD AFTER", rows)
}

type pricePreviewCmd struct {
	reading
	priceEdit
	Group string `help:"Price with this group's ratio."`
}

// previewed is a sample order as it is priced now and as it would be; amounts
// are quota, absent where there is no price.
type previewed struct {
	Model       string       `json:"model"`
	Type        string       `json:"type"`
	Mode        string       `json:"mode,omitempty"`
	Duration    int          `json:"duration,omitempty"`
	AspectRatio string       `json:"aspect_ratio,omitempty"`
	Sound       bool         `json:"sound,omitempty"`
	Now         *money.Quota `json:"now,omitempty"`
	Then        *money.Quota `json:"then,omitempty"`
	Cost        *money.Quota `json:"cost,omitempty"` // what the upstream would bill then
}

func (c *pricePreviewCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	ratio, err := d.ratio(c.Group)
	if err != nil {
		return err
	}
	now, err := d.CurrentPrices(ctx)
	if err != nil {
		return err
	}
	rules, err := c.edited(now.Rules)
	if err != nil {
		return err
	}
	before, err := price.New(now.Version, now.Rules)
	if err != nil {
		return err
	}
	after, err := price.New(now.Version+1, rules)
	if err != nil {
		return err
	}
	orders := preview(before, after, ratio)
	changes := store.DiffRules(now.Rules, after.Rules())
	if c.JSON {
		return t.json(map[string]any{"version": now.Version, "changes": changes, "orders": orders})
	}
	if err := t.changes(changes); err != nil {
		return err
	}
	var rows [][]any
	for _, o := range orders {
		if text := quotaText(o.Now); text != quotaText(o.Then) {
			rows = append(rows, []any{o.Model, o.Type, o.Duration, o.AspectRatio, o.Sound, text, quotaText(o.Then), costText(o.Cost), loss(o)})
		}
	}
	if len(rows) == 0 {
		return t.print("\nNo sample order changes its price.\n")
	}
	if err := t.print("\n"); err != nil {
		return err
	}
	return t.table("MODEL | TYPE | SECONDS | RATIO | SOUND | USD NOW | USD THEN | COST USD | NOTE", rows)
}

func quotaText(q *money.Quota) string {
	if q == nil {
		return "refused"
	}
	return q.USD()
}

func costText(q *money.Quota) string {
	if q == nil {
		return "?"
	}
	return q.USD()
}

// loss warns of what would be sold for less than it costs.
func loss(o previewed) string {
	if o.Then != nil && o.Cost != nil && *o.Then < *o.Cost {
		return "below cost"
	}
	return ""
}

// preview prices one order for each model and product, as the provider defaults
// it, and another with sound where the order may ask for it.
func preview(before, after *price.Catalogue, ratio money.Decimal) []previewed {
	out := []previewed{}
	figure := func(q price.Quote, err error) *money.Quota {
		if err != nil {
			return nil
		}
		return &q.Quota
	}
	for _, d := range all.Drivers() {
		for _, m := range d.Models {
			for i := range m.Capabilities {
				o := &m.Capabilities[i]
				for _, sound := range []bool{false, true} {
					if sound && o.Sound == "none" || !sound && o.Sound == "always" {
						continue
					}
					r := sample(d.Name, m.Name, o)
					r.Usage.Sound = sound
					out = append(out, previewed{
						Model: m.Name, Type: string(o.Type), Mode: o.Mode, Duration: r.Usage.Seconds, AspectRatio: r.Usage.AspectRatio, Sound: sound,
						Now: figure(before.Price(&r, ratio)), Then: figure(after.Price(&r, ratio)), Cost: figure(after.Cost(&r)),
					})
				}
			}
		}
	}
	return out
}

// sample is an order as its provider defaults it.
func sample(providerName, modelName string, o *provider.Capability) video.Request {
	return video.Request{Provider: providerName, Type: o.Type, Model: modelName, Route: o.Route, Usage: video.Usage{
		Seconds: o.DefaultDuration, AspectRatio: o.DefaultAspect, Mode: o.Mode, Resolution: o.Resolution, Sound: o.Sound == "always", Count: 1,
	}}
}

// ratio is a group's, 1 without a group.
func (d *desk) ratio(group string) (money.Decimal, error) {
	if group == "" {
		return money.One, nil
	}
	g, ok := d.Directory().View().Groups[group]
	if !ok {
		return money.One, fault.New(fault.NotFound, "There is no group %q. one-api group list shows them.", group).Named("group_not_found")
	}
	return g.Ratio, nil
}

type priceVersionsCmd struct {
	reading
	page
}

// versionView is a version in a list.
type versionView struct {
	Version   int64     `json:"version"`
	Actor     string    `json:"actor"`
	Note      string    `json:"note"`
	CreatedAt time.Time `json:"created_at"`
}

func (c *priceVersionsCmd) Run(ctx context.Context, t *terminal) error {
	before, err := c.beforeID()
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	versions, err := d.PriceVersions(ctx, before, c.Limit+1)
	if err != nil {
		return err
	}
	out := listOf(versions, c.Limit, func(v store.PriceVersion) versionView {
		return versionView{v.Version, v.Actor, v.Note, time.UnixMilli(v.CreatedAt).UTC()}
	}, func(v store.PriceVersion) string { return strconv.FormatInt(v.Version, 10) })
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, v := range out.Items {
		rows = append(rows, []any{v.Version, v.CreatedAt, v.Actor, v.Note})
	}
	defer t.more(out.NextCursor)
	return t.table("VERSION | SINCE | BY | NOTE", rows)
}

type priceRestoreCmd struct {
	reading
	Version int64  `arg:"" help:"The version to go back to, see price versions."`
	Note    string `help:"Why, for those who read the history."`
	destroying
}

func (c *priceRestoreCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	old, err := d.PriceVersion(ctx, c.Version)
	if err != nil {
		return err
	}
	if c.Note == "" {
		c.Note = fmt.Sprintf("version %d restored", old.Version)
	}
	return replacePrices(ctx, t, d, c.destroying, old.Rules, fmt.Sprintf("version %d", old.Version), c.Note, c.JSON)
}

func replacePrices(ctx context.Context, t *terminal, d *desk, yes destroying, rules []price.Rule, by, note string, asJSON bool) error {
	now, err := d.CurrentPrices(ctx)
	if err != nil {
		return err
	}
	changes := store.DiffRules(now.Rules, rules)
	if len(changes) == 0 {
		return errors.New("nothing would change")
	}
	if err := t.confirm(yes, "Replace version %d of the prices by %s? It changes %d of the rules.", now.Version, by, len(changes)); err != nil {
		return err
	}
	return putPrices(ctx, t, d, now, rules, note, asJSON)
}

type priceResetCmd struct {
	reading
	Note string `default:"built-in prices" help:"Why, for those who read the history."`
	destroying
}

func (c *priceResetCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	return replacePrices(ctx, t, d, c.destroying, price.Builtin(), "the built-in prices", c.Note, c.JSON)
}

type priceQuoteCmd struct {
	reading
	Model       string `xor:"order" help:"Name of the model; with --mode its base name will do."`
	Route       string `xor:"order" placeholder:"PATH" help:"Where the order would be sent, below /kling; with --body."`
	Body        string `placeholder:"FILE" help:"The order as JSON, - for standard input; with --route."`
	Type        string `default:"text2video" help:"Product: text2video, image2video, omni-video…"`
	Mode        string `help:"std, pro or 4k."`
	Duration    int    `placeholder:"SECONDS" help:"Default: the model's."`
	AspectRatio string `placeholder:"RATIO" help:"16:9, 1:1… Default: the model's."`
	Sound       bool   `help:"The provider makes sound."`
	Voice       bool   `help:"A chosen voice is used."`
	VideoInput  bool   `help:"A video is among the inputs."`
	User        string `xor:"who" help:"Price for this user: name or id."`
	Group       string `xor:"who" help:"Price for this group of users; default: default."`
}

// quoteView is what an order would cost.
type quoteView struct {
	Quota       money.Quota  `json:"quota"`
	USD         string       `json:"usd"`
	Rule        string       `json:"rule"`
	Version     int64        `json:"version"`
	Explanation []string     `json:"explanation"`
	Cost        *money.Quota `json:"cost,omitempty"` // what the upstream is expected to bill
	Group       string       `json:"group"`
	Ratio       string       `json:"group_ratio"`
	Route       string       `json:"route"`
	Model       string       `json:"model"`
	Type        string       `json:"type"`
}

func (c *priceQuoteCmd) Run(ctx context.Context, t *terminal) error {
	r, err := c.order()
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	group := c.Group
	if c.User != "" {
		p, err := d.person(ctx, c.User)
		if err != nil {
			return err
		}
		group = p.Group
	}
	if group == "" {
		group = account.DefaultGroup
	}
	ratio, err := d.ratio(group)
	if err != nil {
		return err
	}
	cat := d.Directory().View().Catalogue
	q, steps, err := cat.Explain(&r, ratio)
	if err != nil {
		return err
	}
	out := quoteView{q.Quota, q.Quota.USD(), q.RuleID, q.Version, steps, nil, group, ratio.String(), r.Route, r.Model, string(r.Type)}
	if cost, err := cat.Cost(&r); err == nil {
		out.Cost = &cost.Quota
	}
	if c.JSON {
		return t.json(out)
	}
	if err := t.print("%s\n", strings.Join(steps, "\n")); err != nil {
		return err
	}
	if out.Cost == nil {
		return nil
	}
	return t.print("The upstream is expected to bill %s USD.\n", out.Cost.USD())
}

// maxOrder bounds an order with its pictures.
const maxOrder = 64 << 20

// order is the order that is asked about.
func (c *priceQuoteCmd) order() (video.Request, error) {
	if (c.Route != "") != (c.Body != "") || c.Route == "" && c.Model == "" {
		return video.Request{}, misused("give either --model, or --route and --body")
	}
	if c.Route != "" {
		body, err := readFile(c.Body, maxOrder)
		if err != nil {
			return video.Request{}, err
		}
		o, err := kling.Parse(strings.TrimPrefix(c.Route, "/kling"), body)
		return o.Request, err
	}
	for _, d := range all.Drivers() {
		for _, m := range d.Models {
			if m.Name != c.Model && model.Base(m.Name) != c.Model {
				continue
			}
			for i := range m.Capabilities {
				if o := &m.Capabilities[i]; string(o.Type) == c.Type && (c.Mode == "" || o.Mode == c.Mode) {
					return c.orderOf(d.Name, m.Name, o)
				}
			}
		}
	}
	what := c.Type
	if c.Mode != "" {
		what += " in mode " + c.Mode
	}
	return video.Request{}, fault.New(fault.NotFound, "No model %s does %s. GET /v1/models lists what models do.", c.Model, what).Named("model_not_found")
}

// orderOf is the order on its model, checked against what the model can do.
func (c *priceQuoteCmd) orderOf(providerName, name string, o *provider.Capability) (video.Request, error) {
	r := sample(providerName, name, o)
	if c.Duration != 0 {
		if !slices.Contains(o.Durations, c.Duration) {
			return r, misused("--duration: %s makes %s s", name, strings.Trim(strings.ReplaceAll(fmt.Sprint(o.Durations), " ", ", "), "[]"))
		}
		r.Usage.Seconds = c.Duration
	}
	if c.AspectRatio != "" {
		if !slices.Contains(o.AspectRatios, c.AspectRatio) {
			return r, misused("--aspect-ratio: %s takes %s for %s", name, cell(o.AspectRatios), o.Type)
		}
		r.Usage.AspectRatio = c.AspectRatio
	}
	switch {
	case c.Sound && o.Sound == "none":
		return r, misused("--sound: %s makes no sound", name)
	case c.Voice && o.Voices == 0:
		return r, misused("--voice: %s takes no voice", name)
	case c.VideoInput && o.MaxVideos == 0:
		return r, misused("--video-input: %s takes no video", name)
	}
	r.Usage.Sound = r.Usage.Sound || c.Sound
	r.Usage.Voice, r.Usage.VideoInput = c.Voice, c.VideoInput
	return r, nil
}
