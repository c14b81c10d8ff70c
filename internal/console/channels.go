package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/model"
	"one-api/internal/provider"
	"one-api/internal/provider/kling"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/task"
)

// Channel is an upstream account as the API shows it: never with its keys.
type Channel struct {
	ID             int64        `json:"id"`
	Type           int          `json:"type" doc:"Kind of upstream; 41 is Kling. See GET /api/channels/types."`
	Provider       string       `json:"provider" example:"kling"`
	Name           string       `json:"name"`
	BaseURL        string       `json:"base_url"`
	Keys           []ChannelKey `json:"keys" nullable:"false"`
	Models         []string     `json:"models" nullable:"false" doc:"Names, base names (all modes), or patterns ending in *."`
	Groups         []string     `json:"groups" nullable:"false" doc:"Groups of users who may use it."`
	Priority       int          `json:"priority" doc:"Higher ones are tried first."`
	Weight         int          `json:"weight" doc:"Share among channels of one priority."`
	MaxLive        int          `json:"max_live" doc:"Most live tasks per upstream model; 0: no limit."`
	WebhookSecrets int          `json:"webhook_secrets" doc:"How many secrets verify the upstream's own callback signatures."`

	Status    string      `json:"status" enum:"enabled,disabled,broken,draining"`
	Reason    string      `json:"reason,omitempty" doc:"Why it is broken."`
	ReasonAt  *time.Time  `json:"reason_at,omitempty"`
	Advice    string      `json:"advice,omitempty" doc:"What to do about the reason."`
	LiveTasks int64       `json:"live_tasks" doc:"Tasks on it that have not ended."`
	Circuit   string      `json:"circuit" enum:"closed,half-open,open" doc:"Open after accidents in a row: no order is sent; half-open: one is tried, after half a minute at first."`
	Recent    RecentCalls `json:"recent" doc:"Its create calls among the gateway's latest 2000, of the last 24 hours."`

	Packs *Packs `json:"packs,omitempty" doc:"Resource packs of its account, as the upstream told last; in lists, which have them asked for every ten minutes at most."`

	TestedAt   *time.Time `json:"tested_at,omitempty"`
	TestResult string     `json:"test_result,omitempty"`
	CreatedAt  *time.Time `json:"created_at,omitempty" doc:"Absent for a row that was written by hand without it."`
	Version    int64      `json:"version" doc:"Send it back with an edit."`
}

// ChannelKey is one of a channel's keys, named but not shown.
type ChannelKey struct {
	ID      string `json:"id" doc:"Names the key in tasks and in remove_keys."`
	Kind    string `json:"kind" enum:"api_key,ak_sk,unknown"`
	Problem string `json:"problem,omitempty"`
}

// RecentCalls is how a channel did lately.
type RecentCalls struct {
	Calls       int        `json:"calls"`
	Accepted    int        `json:"accepted"`
	Rejected    int        `json:"rejected" doc:"Refused for the order's own sake; counts neither for nor against the channel."`
	Failed      int        `json:"failed"`
	SuccessRate *float64   `json:"success_rate,omitempty" doc:"Accepted of accepted and failed, 0 to 1; absent without calls."`
	LastError   *CallError `json:"last_error,omitempty"`
}

// CallError is what an upstream answered, and what to do about it.
type CallError struct {
	At         time.Time `json:"at"`
	Kind       string    `json:"kind" example:"no_credit"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Code       int       `json:"code,omitempty" doc:"The upstream's own number."`
	Message    string    `json:"message"`
	Advice     string    `json:"advice,omitempty"`
	TaskID     string    `json:"task_id,omitempty"`
}

// ChannelAnswer is a channel with what looks wrong about it.
type ChannelAnswer struct {
	Channel
	Warnings []string `json:"warnings" nullable:"false" doc:"What was accepted and may be a mistake."`
}

// ChannelType is a kind of upstream that this gateway can use.
type ChannelType struct {
	Type     int             `json:"type" example:"41"`
	Provider string          `json:"provider" example:"kling"`
	Title    string          `json:"title" example:"Kling AI"`
	BaseURLs []ChannelHost   `json:"base_urls"`
	KeyKinds []KeyKind       `json:"key_kinds"`
	Models   []string        `json:"models" doc:"Names that callers use."`
	Defaults ChannelDefaults `json:"defaults"`
}

// ChannelHost is one of the upstream's own hosts.
type ChannelHost struct {
	URL string `json:"url"`
	For string `json:"for" example:"accounts of the China site"`
}

// KeyKind is a form that keys come in.
type KeyKind struct {
	Kind string `json:"kind" example:"ak_sk"`
	Form string `json:"form" example:"AccessKey|SecretKey"`
	Note string `json:"note"`
}

// ChannelDefaults are what a form begins with.
type ChannelDefaults struct {
	BaseURL string   `json:"base_url"`
	Models  []string `json:"models"`
	Groups  []string `json:"groups"`
	Weight  int      `json:"weight"`
}

// ChannelID picks a channel.
type ChannelID struct {
	ID int64 `path:"id" minimum:"1"`
}

type listChannels struct {
	PageIn
	Status string `query:"status" enum:"enabled,disabled,broken,draining"`
	Type   int    `query:"type"`
	Group  string `query:"group" maxLength:"64"`
	Model  string `query:"model" maxLength:"100" doc:"Channels that offer this model."`
	Name   string `query:"name" maxLength:"64" doc:"A part of the name."`
}

type createChannel struct {
	Body struct {
		Type          int      `json:"type,omitempty" default:"41"`
		Name          string   `json:"name" minLength:"1" maxLength:"64"`
		BaseURL       string   `json:"base_url" minLength:"1" maxLength:"255" example:"https://api-singapore.klingai.com"`
		Keys          string   `json:"keys" minLength:"1" maxLength:"50000" doc:"One key a line: an API key, or AccessKey|SecretKey. Never shown again."`
		Models        []string `json:"models,omitempty" maxItems:"500" doc:"Default: every model of the type."`
		Groups        []string `json:"groups,omitempty" maxItems:"100" doc:"Default: the default group."`
		Priority      int      `json:"priority,omitempty"`
		Weight        int      `json:"weight,omitempty" default:"1"`
		MaxLive       int      `json:"max_live,omitempty"`
		WebhookSecret string   `json:"webhook_secret,omitempty" maxLength:"2000" doc:"The upstream's signing secrets, one a line. Never shown again."`
		Enabled       *bool    `json:"enabled,omitempty" doc:"Default: true."`
	}
}

type updateChannel struct {
	ChannelID
	Body struct {
		Version       int64     `json:"version" doc:"The version that was edited."`
		Name          *string   `json:"name,omitempty" maxLength:"64"`
		BaseURL       *string   `json:"base_url,omitempty" maxLength:"255"`
		Keys          *string   `json:"keys,omitempty" maxLength:"50000" doc:"Replaces all keys, one a line."`
		AddKeys       string    `json:"add_keys,omitempty" maxLength:"50000" doc:"Keys to add, one a line."`
		RemoveKeys    []string  `json:"remove_keys,omitempty" maxItems:"50" doc:"Ids of keys to take away."`
		Models        *[]string `json:"models,omitempty" maxItems:"500"`
		Groups        *[]string `json:"groups,omitempty" maxItems:"100"`
		Priority      *int      `json:"priority,omitempty"`
		Weight        *int      `json:"weight,omitempty"`
		MaxLive       *int      `json:"max_live,omitempty"`
		WebhookSecret *string   `json:"webhook_secret,omitempty" maxLength:"2000" doc:"Replaces the signing secrets; empty takes them away."`
	}
}

func (c *Console) channels() {
	tags := []string{"channels"}
	register(c, admin, huma.Operation{OperationID: "list-channel-types", Method: http.MethodGet, Path: "/api/channels/types", Summary: "List the kinds of channels, with defaults", Tags: tags}, c.listChannelTypes)
	register(c, admin, huma.Operation{OperationID: "list-channels", Method: http.MethodGet, Path: "/api/channels", Summary: "List channels", Tags: tags}, c.listChannels)
	register(c, admin, huma.Operation{OperationID: "create-channel", Method: http.MethodPost, Path: "/api/channels", Summary: "Make a channel", Tags: tags, DefaultStatus: http.StatusCreated}, c.createChannel)
	register(c, admin, huma.Operation{OperationID: "get-channel", Method: http.MethodGet, Path: "/api/channels/{id}", Summary: "Read a channel", Tags: tags}, c.getChannel)
	register(c, admin, huma.Operation{OperationID: "update-channel", Method: http.MethodPatch, Path: "/api/channels/{id}", Summary: "Change a channel", Tags: tags}, c.updateChannel)
	register(c, admin, huma.Operation{OperationID: "delete-channel", Method: http.MethodDelete, Path: "/api/channels/{id}", Summary: "Delete a channel without live tasks", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteChannel)
	register(c, admin, huma.Operation{OperationID: "test-channel", Method: http.MethodPost, Path: "/api/channels/{id}/test", Summary: "Try each key with a call that costs nothing", Tags: tags}, c.testChannel)
	for verb, to := range map[string]channel.Status{"enable": channel.Enabled, "disable": channel.Disabled, "drain": channel.Draining} {
		summary := map[string]string{
			"enable": "Let a channel take tasks", "disable": "Take a channel out by hand; its live tasks are still asked about", "drain": "Let a channel finish its tasks and take no new ones",
		}[verb]
		register(c, admin, huma.Operation{OperationID: verb + "-channel", Method: http.MethodPost, Path: "/api/channels/{id}/" + verb, Summary: summary, Tags: tags},
			func(ctx context.Context, v *Viewer, in *ChannelID) (*One[ChannelAnswer], error) {
				ch, err := c.Store.SwitchChannel(ctx, v.Actor, in.ID, to)
				if err != nil {
					return nil, err
				}
				return c.channelAnswer(ctx, ch)
			})
	}
}

// hostsFor says whose accounts a host serves.
var hostsFor = map[string]string{
	"https://api-singapore.klingai.com": "accounts of the global site",
	"https://api-beijing.klingai.com":   "accounts of the China site",
	"https://api.klingai.com":           "the old host, for accounts made before it was split",
}

// keyKinds are the forms of keys by channels.type.
var keyKinds = map[int][]KeyKind{
	channel.TypeKling: {
		{Kind: "api_key", Form: "one text", Note: "Serves all models."},
		{Kind: "ak_sk", Form: "AccessKey|SecretKey", Note: "Serves models of the legacy generation; the new one (kling-3.0-turbo) takes API keys only."},
	},
}

func (c *Console) listChannelTypes(_ context.Context, _ *Viewer, _ *struct{}) (*PageOut[ChannelType], error) {
	var list []ChannelType
	for _, d := range c.Generations.Upstreams.Drivers() {
		t := ChannelType{
			Type: d.ChannelType, Provider: d.Name, Title: d.Title, BaseURLs: []ChannelHost{}, KeyKinds: keyKinds[d.ChannelType], Models: []string{},
			Defaults: ChannelDefaults{Models: []string{d.Name + "-*"}, Groups: []string{"default"}, Weight: 1},
		}
		for _, u := range d.BaseURLs {
			t.BaseURLs = append(t.BaseURLs, ChannelHost{URL: u, For: hostsFor[u]})
		}
		if len(d.BaseURLs) > 0 {
			t.Defaults.BaseURL = d.BaseURLs[0]
		}
		for _, m := range d.Models {
			t.Models = append(t.Models, m.Name)
		}
		list = append(list, t)
	}
	return page(list, len(list), func(t ChannelType) string { return t.Provider }, func(t ChannelType) ChannelType { return t }), nil
}

var channelStatuses = map[channel.Status]string{
	channel.Enabled: "enabled", channel.Disabled: "disabled", channel.Broken: "broken", channel.Draining: "draining",
}

// channelStatus is the word for a status; a number that somebody wrote by hand
// and that means nothing keeps the channel out like disabled does.
func channelStatus(s channel.Status) string {
	if w, ok := channelStatuses[s]; ok {
		return w
	}
	return "disabled"
}

func (c *Console) listChannels(ctx context.Context, _ *Viewer, in *listChannels) (*PageOut[Channel], error) {
	after, err := in.afterID()
	if err != nil {
		return nil, err
	}
	all, err := c.Store.Channels(ctx)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(all, func(ch store.Channel) bool {
		return ch.ID <= after || in.Status != "" && channelStatus(ch.Status) != in.Status || in.Type != 0 && ch.Type != in.Type ||
			in.Group != "" && !ch.Serves(in.Group) || in.Model != "" && !ch.Offers(in.Model) ||
			in.Name != "" && !strings.Contains(strings.ToLower(ch.Name), strings.ToLower(in.Name))
	})
	recent, err := c.recentCalls(ctx)
	if err != nil {
		return nil, err
	}
	out := page(rows, in.Limit, func(ch store.Channel) string { return strconv.FormatInt(ch.ID, 10) }, func(ch store.Channel) Channel {
		shown := c.showChannel(&ch, recent)
		if p, ok := c.packs.get(ch.ID); ok {
			shown.Packs = &p
		}
		return shown
	})
	c.askPacks(rows[:len(out.Body.Items)])
	return out, nil
}

func (c *Console) getChannel(ctx context.Context, _ *Viewer, in *ChannelID) (*One[ChannelAnswer], error) {
	ch, err := c.Store.Channel(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return c.channelAnswer(ctx, ch)
}

func (c *Console) createChannel(ctx context.Context, v *Viewer, in *createChannel) (*One[ChannelAnswer], error) {
	b := &in.Body
	d, ok := c.driver(b.Type)
	if !ok {
		return nil, fault.New(fault.Invalid, "There is no channel type %d. GET /api/channels/types lists them.", b.Type).Named("unknown_type").At("body.type")
	}
	if err := c.checkKeys(b.Type, b.Keys, "body.keys"); err != nil {
		return nil, err
	}
	if len(b.Models) == 0 {
		b.Models = []string{d.Name + "-*"}
	}
	made, err := c.Store.CreateChannel(ctx, store.NewChannel{
		By: v.Actor, Type: b.Type, Name: b.Name, BaseURL: b.BaseURL, Keys: secret.Text(b.Keys), Models: trimmed(b.Models), Groups: trimmed(b.Groups),
		Priority: b.Priority, Weight: b.Weight, MaxLive: b.MaxLive, WebhookSecrets: secret.Text(strings.TrimSpace(b.WebhookSecret)),
		Disabled: b.Enabled != nil && !*b.Enabled,
	})
	if err != nil {
		return nil, inBody(err)
	}
	ch, err := c.Store.Channel(ctx, made.ID)
	if err != nil {
		return nil, err
	}
	return c.channelAnswer(ctx, ch)
}

func (c *Console) updateChannel(ctx context.Context, v *Viewer, in *updateChannel) (*One[ChannelAnswer], error) {
	b := &in.Body
	old, err := c.Store.Channel(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p := store.ChannelPatch{
		Version: b.Version, Name: b.Name, BaseURL: b.BaseURL, AddKeys: secret.Text(b.AddKeys), RemoveKeys: b.RemoveKeys,
		Priority: b.Priority, Weight: b.Weight, MaxLive: b.MaxLive,
	}
	if b.Keys != nil && (b.AddKeys != "" || len(b.RemoveKeys) > 0) {
		return nil, fault.New(fault.Invalid, "Send either keys, which replaces all of them, or add_keys and remove_keys.").Named("either_or").At("body.keys")
	}
	if b.Keys != nil {
		if err := c.checkKeys(old.Type, *b.Keys, "body.keys"); err != nil {
			return nil, err
		}
		p.Keys = (*secret.Text)(b.Keys)
	}
	if err := c.checkKeys(old.Type, b.AddKeys, "body.add_keys"); err != nil {
		return nil, err
	}
	if b.Models != nil {
		list := trimmed(*b.Models)
		p.Models = &list
	}
	if b.Groups != nil {
		list := trimmed(*b.Groups)
		p.Groups = &list
	}
	if b.WebhookSecret != nil {
		text := secret.Text(strings.TrimSpace(*b.WebhookSecret))
		p.WebhookSecrets = &text
	}
	ch, err := c.Store.UpdateChannel(ctx, v.Actor, in.ID, p)
	if err != nil {
		return nil, inBody(err)
	}
	return c.channelAnswer(ctx, ch)
}

func (c *Console) deleteChannel(ctx context.Context, v *Viewer, in *ChannelID) (*None, error) {
	return nil, c.Store.DeleteChannel(ctx, v.Actor, in.ID)
}

// inBody says that the field which a refusal names is one of the body.
func inBody(err error) error {
	f := fault.From(err)
	if f == nil || f.Field == "" || strings.Contains(f.Field, ".") {
		return err
	}
	at := *f
	at.Field = "body." + f.Field
	return &at
}

// trimmed is a list without blanks around its entries and without empty ones.
func trimmed(list []string) []string { return model.List(strings.Join(list, ",")) }

func (c *Console) driver(channelType int) (provider.Driver, bool) {
	list := c.Generations.Upstreams.Drivers()
	i := slices.IndexFunc(list, func(d provider.Driver) bool { return d.ChannelType == channelType })
	if i < 0 {
		return provider.Driver{}, false
	}
	return list[i], true
}

func (c *Console) keyChecker(channelType int) (provider.KeyChecker, bool) {
	p, _ := c.Generations.Upstreams.OfType(channelType)
	k, ok := p.(provider.KeyChecker)
	return k, ok
}

// checkKeys refuses keys that no account could have, naming the line and not
// the key.
func (c *Console) checkKeys(channelType int, text, field string) error {
	checker, ok := c.keyChecker(channelType)
	if !ok {
		return nil
	}
	line := 0
	for l := range strings.Lines(text) {
		line++
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		if _, err := checker.KeyKind(secret.Text(l)); err != nil {
			return fault.New(fault.Invalid, "Line %d of the keys: %s.", line, err).Named("invalid_key").At(field)
		}
	}
	return nil
}

func (c *Console) channelAnswer(ctx context.Context, ch store.Channel) (*One[ChannelAnswer], error) {
	recent, err := c.recentCalls(ctx)
	if err != nil {
		return nil, err
	}
	return &One[ChannelAnswer]{ChannelAnswer{Channel: c.showChannel(&ch, recent), Warnings: c.channelWarnings(&ch)}}, nil
}

func (c *Console) showChannel(ch *store.Channel, recent map[int64]*RecentCalls) Channel {
	d, _ := c.driver(ch.Type)
	out := Channel{
		ID: ch.ID, Type: ch.Type, Provider: d.Name, Name: ch.Name, BaseURL: ch.BaseURL, Keys: []ChannelKey{},
		Models: append([]string{}, ch.Models...), Groups: append([]string{}, ch.Groups...), Priority: ch.Priority, Weight: ch.Weight,
		MaxLive: ch.MaxLive, WebhookSecrets: len(ch.WebhookSecrets), Status: channelStatus(ch.Status), Reason: ch.Reason,
		ReasonAt: moment(ch.ReasonAt), Advice: adviceFor(ch), LiveTasks: ch.Live, Circuit: c.Generations.Health.Circuit(&ch.Channel, c.Store.Now()),
		TestedAt: moment(ch.TestedAt), TestResult: ch.TestResult, CreatedAt: moment(ch.CreatedAt), Version: ch.Version,
	}
	for _, k := range ch.Keys {
		shown := ChannelKey{ID: k.ID, Kind: "unknown"}
		if checker, ok := c.keyChecker(ch.Type); ok {
			kind, err := checker.KeyKind(k.Text)
			if err != nil {
				shown.Problem = err.Error()
			} else {
				shown.Kind = kind
			}
		}
		out.Keys = append(out.Keys, shown)
	}
	if ch.KeyProblem != "" && out.Reason == "" {
		out.Reason, out.Advice = ch.KeyProblem, "Send all keys of the channel again in keys."
	}
	if out.Status == "disabled" && ch.Status != channel.Disabled {
		out.Reason, out.Advice = fmt.Sprintf("status %d in table channels has no meaning", ch.Status), "Enable or disable the channel."
	}
	if r := recent[ch.ID]; r != nil {
		out.Recent = *r
	}
	return out
}

// moment is a time as answers have it, nil for never.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// reasonCode finds the upstream's number in a reason that generation wrote.
var reasonCode = regexp.MustCompile(`\(HTTP \d+, code (\d+)\)`)

// adviceFor is what to do about a channel's reason.
func adviceFor(ch *store.Channel) string {
	if m := reasonCode.FindStringSubmatch(ch.Reason); m != nil && ch.Type == channel.TypeKling {
		if code, err := strconv.Atoi(m[1]); err == nil && kling.Advice(code) != "" {
			return kling.Advice(code)
		}
	}
	if ch.Status == channel.Broken {
		return "Test the channel: it shows what each key is answered. When all work, the channel comes back by itself."
	}
	return ""
}

// Bounds of what recentCalls reads.
const (
	recentSpan  = 24 * time.Hour
	recentCalls = 2000
)

// recentCalls sums up the latest create calls by channel.
func (c *Console) recentCalls(ctx context.Context) (map[int64]*RecentCalls, error) {
	out := map[int64]*RecentCalls{}
	for _, d := range c.Generations.Upstreams.Drivers() {
		list, err := c.Store.RecentAttempts(ctx, d.Name, c.Store.Now().Add(-recentSpan), recentCalls)
		if err != nil {
			return nil, err
		}
		for i := range list {
			a := &list[i]
			r := out[a.ChannelID]
			if r == nil {
				r = &RecentCalls{}
				out[a.ChannelID] = r
			}
			r.add(a, d.ChannelType)
		}
	}
	return out, nil
}

func (r *RecentCalls) add(a *task.Attempt, channelType int) {
	r.Calls++
	switch provider.Kind(a.Outcome) {
	case "accepted":
		r.Accepted++
	case provider.Rejected:
		r.Rejected++
	default:
		r.Failed++
		if r.LastError == nil { // newest first
			r.LastError = &CallError{
				At: a.AnsweredAt, Kind: a.Outcome, HTTPStatus: a.HTTPStatus, Code: a.Code, Message: a.Message, TaskID: a.TaskID,
				Advice: advice(channelType, provider.Kind(a.Outcome), a.Code),
			}
		}
	}
	if n := r.Accepted + r.Failed; n > 0 {
		rate := float64(r.Accepted) / float64(n)
		r.SuccessRate = &rate
	}
}

// advice is what to do about an upstream's answer: by its code, else by what
// kind of failure it was.
func advice(channelType int, kind provider.Kind, code int) string {
	if channelType == channel.TypeKling {
		if text := kling.Advice(code); text != "" {
			return text
		}
	}
	switch kind {
	case provider.Unreachable:
		return "Check base_url, and that this machine may connect there."
	case provider.Unanswered, provider.Unsure:
		return "Check base_url: something answers there, but not as the upstream does. Or the upstream is down."
	case provider.BadKey:
		return "Check the key."
	case provider.NotAllowed:
		return "Check base_url and models: the host turned the call away."
	}
	return ""
}

// channelWarnings says what looks like a mistake but may be meant.
func (c *Console) channelWarnings(ch *store.Channel) []string {
	out := []string{}
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	d, ok := c.driver(ch.Type)
	if !ok {
		warn("This gateway has no provider for type %d: the channel gets no tasks.", ch.Type)
		return out
	}
	u, err := url.Parse(ch.BaseURL)
	switch {
	case err != nil || store.CheckBaseURL(ch.BaseURL) != nil:
		warn("base_url is no address of an upstream: every call will fail.")
	case u.Scheme == "http":
		warn("base_url is plain http: keys and prompts can be read on the way.")
	}
	ours := slices.ContainsFunc(d.BaseURLs, func(b string) bool { k, err := url.Parse(b); return err == nil && u != nil && k.Host == u.Host })
	if err == nil && !ours {
		warn("base_url is not one of %s's own hosts (%s): the keys are sent to it all the same.", d.Title, strings.Join(d.BaseURLs, ", "))
	}
	for _, m := range unknownModels(ch.Models, []provider.Driver{d}) {
		warn("%q is no model that this gateway knows; it can only be ordered once it is.", m)
	}
	if len(ch.Models) == 0 {
		warn("models is empty: the channel gets no tasks.")
	}
	for _, g := range ch.Groups {
		if _, ok := c.Directory.View().Groups[g]; !ok {
			warn("There is no group %q.", g)
		}
	}
	if names := c.unservable(ch, d); len(names) > 0 {
		warn("No key of this channel can call %s: it takes an API key.", strings.Join(names, ", "))
	}
	return out
}

// unknownModels are the entries of a list that stand for no model of some
// drivers.
func unknownModels(entries []string, drivers []provider.Driver) []string {
	var out []string
	for _, e := range entries {
		known := slices.ContainsFunc(drivers, func(d provider.Driver) bool {
			return slices.ContainsFunc(d.Models, func(m provider.Model) bool { return model.Covers(e, m.Name) })
		})
		if !known {
			out = append(out, e)
		}
	}
	return out
}

// unservable are the base names of models that a channel lists and none of its
// keys can call.
func (c *Console) unservable(ch *store.Channel, d provider.Driver) []string {
	checker, ok := c.keyChecker(ch.Type)
	if !ok || len(ch.Keys) == 0 {
		return nil
	}
	var out []string
	for _, m := range d.Models {
		if base := model.Base(m.Name); ch.Offers(m.Name) && !slices.Contains(out, base) {
			for _, capability := range m.Capabilities {
				if !slices.ContainsFunc(ch.Keys, func(k channel.Key) bool { return checker.CanServe(k.Text, capability.Route) }) {
					out = append(out, base)
					break
				}
			}
		}
	}
	return out
}

// ChannelTest is what a test of a channel came to.
type ChannelTest struct {
	OK      bool          `json:"ok" doc:"Every key works."`
	Result  string        `json:"result" doc:"In one sentence."`
	Keys    []KeyTest     `json:"keys" nullable:"false"`
	TookMS  int64         `json:"took_ms"`
	Channel ChannelAnswer `json:"channel" doc:"The channel after the test: a broken one whose keys all work is back in service."`
}

// KeyTest is what one key was answered.
type KeyTest struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	OK         bool   `json:"ok"`
	Said       string `json:"said" doc:"What was tried and what came back."`
	Error      string `json:"error,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	Code       int    `json:"code,omitempty"`
	Advice     string `json:"advice,omitempty"`
	TookMS     int64  `json:"took_ms"`
}

const (
	testsPerMinute = 6 // per channel
	// keyTestTime bounds one key, testTime all of them.
	keyTestTime = 15 * time.Second
	testTime    = time.Minute
)

func (c *Console) testChannel(ctx context.Context, _ *Viewer, in *ChannelID) (*One[ChannelTest], error) {
	ch, err := c.Store.Channel(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p, _ := c.Generations.Upstreams.OfType(ch.Type)
	prober, ok := p.(provider.Prober)
	if !ok {
		return nil, fault.New(fault.Unprocessable, "Channels of type %d have no call that costs nothing.", ch.Type).Named("no_free_call")
	}
	if ch.KeyProblem != "" || len(ch.Keys) == 0 {
		return nil, fault.New(fault.Unprocessable, "Channel %d has no key that can be read. Send its keys again.", ch.ID).Named("no_key")
	}
	if wait, ok := c.Limit.Allow(fmt.Sprintf("channel test %d", ch.ID), testsPerMinute, testsPerMinute); !ok {
		return nil, fault.New(fault.Throttled, "This channel was tested a moment ago. The upstream limits such calls.").Named("rate_limited").After(wait)
	}
	out := ChannelTest{OK: true, Keys: []KeyTest{}}
	started := time.Now()
	all, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	shown := c.showChannel(&ch, nil)
	for i, k := range ch.Keys {
		t := testKey(all, prober, &ch, k)
		t.Kind = shown.Keys[i].Kind
		out.Keys = append(out.Keys, t)
		out.OK = out.OK && t.OK
	}
	out.TookMS = time.Since(started).Milliseconds()
	out.Result = testResult(out.Keys)
	if err := c.Store.ChannelTested(ctx, ch.ID, out.Result); err != nil {
		return nil, err
	}
	c.Log.InfoContext(ctx, "channel tested", "channel", ch.ID, "ok", out.OK, "result", out.Result)
	if out.OK && ch.Status == channel.Broken {
		// As the prober does; Conflict: somebody has switched it meanwhile.
		if err := c.Store.SetChannelStatus(ctx, ch.ID, channel.Broken, channel.Enabled, ""); err != nil && !fault.Is(err, fault.Conflict) {
			return nil, err
		}
		c.Log.InfoContext(ctx, "channel back in service", "channel", ch.ID, "probe", out.Result)
	}
	if ch, err = c.Store.Channel(ctx, in.ID); err != nil {
		return nil, err
	}
	answer, err := c.channelAnswer(ctx, ch)
	if err != nil {
		return nil, err
	}
	out.Channel = answer.Body
	return &One[ChannelTest]{out}, nil
}

func testKey(ctx context.Context, p provider.Prober, ch *store.Channel, k channel.Key) KeyTest {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, keyTestTime)
	defer cancel()
	said, err := p.Probe(ctx, provider.Credential{BaseURL: ch.BaseURL, Key: k.Text})
	t := KeyTest{ID: k.ID, OK: err == nil, Said: said, TookMS: time.Since(started).Milliseconds()}
	if err != nil {
		e := provider.AsError(err)
		t.Error, t.HTTPStatus, t.Code = e.Error(), e.HTTPStatus, e.Code
		t.Advice = advice(ch.Type, e.Kind, e.Code)
	}
	return t
}

// testResult sums a test up for the channel's row.
func testResult(keys []KeyTest) string {
	good := 0
	var bad *KeyTest
	for i := range keys {
		if keys[i].OK {
			good++
		} else if bad == nil {
			bad = &keys[i]
		}
	}
	switch {
	case bad != nil:
		return fmt.Sprintf("%d of %d keys work; key %s: %s", good, len(keys), bad.ID, bad.Error)
	case len(keys) == 1:
		return "ok: " + keys[0].Said
	}
	return fmt.Sprintf("ok: all %d keys work; %s", good, keys[0].Said)
}
