package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/model"
	"one-api/internal/provider"
	"one-api/internal/provider/all"
	"one-api/internal/provider/kling"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
	"one-api/internal/store"
)

type channelCmd struct {
	Add     channelAddCmd     `cmd:"" help:"Add a Kling account." example:"one-api channel add --base-url https://api-singapore.klingai.com --key 'AccessKey|SecretKey'\nKLING_KEY='AccessKey|SecretKey' one-api channel add --base-url https://api-singapore.klingai.com\none-api channel add --base-url https://api-beijing.klingai.com --key-stdin --models kling-v1-6,kling-v2-1 --max-live 5 < keys.txt"`
	List    channelListCmd    `cmd:"" help:"List the channels." example:"one-api channel list\none-api channel list --json"`
	Show    channelShowCmd    `cmd:"" help:"Show a channel, its keys by id, and what is wrong with it." example:"one-api channel show 1"`
	Set     channelSetCmd     `cmd:"" help:"Change a channel." example:"one-api channel set 1 --models 'kling-*' --priority 10\none-api channel set 1 --add-key-stdin < key.txt\none-api channel set 1 --remove-key 3f1c2a90b7de"`
	Test    channelTestCmd    `cmd:"" help:"Try each key with a call that costs nothing." example:"one-api channel test 1"`
	Enable  channelEnableCmd  `cmd:"" help:"Let a channel take tasks." example:"one-api channel enable 1"`
	Disable channelDisableCmd `cmd:"" help:"Take a channel out; its live tasks are still asked about." example:"one-api channel disable 1"`
	Drain   channelDrainCmd   `cmd:"" help:"Let a channel finish its tasks and take no new ones." example:"one-api channel drain 1"`
	Delete  channelDeleteCmd  `cmd:"" help:"Delete a channel without live tasks." example:"one-api channel delete 1"`
}

// channelArg names a channel.
type channelArg struct {
	ID int64 `arg:"" help:"Id of the channel, see channel list."`
}

var channelStatus = map[channel.Status]string{
	channel.Enabled: "enabled", channel.Disabled: "disabled", channel.Broken: "broken", channel.Draining: "draining",
}

// upstreams are the providers, with a client of their own.
func upstreams() *generation.Upstreams {
	client := outbound.New(outbound.Options{})
	var u generation.Upstreams
	for _, d := range all.Drivers() {
		u.Add(d, d.Open(client))
	}
	return &u
}

// channelView is a channel as the management API shows it, never with its keys.
type channelView struct {
	ID             int64      `json:"id"`
	Type           int        `json:"type"`
	Name           string     `json:"name"`
	BaseURL        string     `json:"base_url"`
	Keys           []keyView  `json:"keys"`
	Models         []string   `json:"models"`
	Groups         []string   `json:"groups"`
	Priority       int        `json:"priority"`
	Weight         int        `json:"weight"`
	MaxLive        int        `json:"max_live"`
	WebhookSecrets int        `json:"webhook_secrets"`
	Status         string     `json:"status"`
	Reason         string     `json:"reason,omitempty"`
	ReasonAt       *time.Time `json:"reason_at,omitempty"`
	Advice         string     `json:"advice,omitempty"`
	LiveTasks      int64      `json:"live_tasks"`
	TestedAt       *time.Time `json:"tested_at,omitempty"`
	TestResult     string     `json:"test_result,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	Version        int64      `json:"version"`
}

type keyView struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"` // api_key, ak_sk, unknown
	Problem string `json:"problem,omitempty"`
}

// viewChannel shows a channel, and says of its keys what kind they are.
func viewChannel(c store.Channel) channelView {
	v := channelView{
		ID: c.ID, Type: c.Type, Name: c.Name, BaseURL: c.BaseURL, Keys: []keyView{}, Models: append([]string{}, c.Models...), Groups: append([]string{}, c.Groups...),
		Priority: c.Priority, Weight: c.Weight, MaxLive: c.MaxLive, WebhookSecrets: len(c.WebhookSecrets), Status: channelStatus[c.Status],
		Reason: c.Reason, ReasonAt: moment(c.ReasonAt), Advice: channelAdvice(&c), LiveTasks: c.Live, TestedAt: moment(c.TestedAt), TestResult: c.TestResult,
		CreatedAt: c.CreatedAt, Version: c.Version,
	}
	if v.Status == "" {
		v.Status, v.Reason = "disabled", fmt.Sprintf("status %d in table channels has no meaning", c.Status)
	}
	if c.KeyProblem != "" && v.Reason == "" {
		v.Reason, v.Advice = c.KeyProblem, fmt.Sprintf("Give the channel its keys again: one-api channel set %d --key-stdin", c.ID)
	}
	checker := keyChecker(c.Type)
	for _, k := range c.Keys {
		shown := keyView{ID: k.ID, Kind: "unknown"}
		if checker != nil {
			if kind, err := checker.KeyKind(k.Text); err != nil {
				shown.Problem = err.Error()
			} else {
				shown.Kind = kind
			}
		}
		v.Keys = append(v.Keys, shown)
	}
	return v
}

func keyChecker(channelType int) provider.KeyChecker {
	p, _ := upstreams().OfType(channelType)
	k, _ := p.(provider.KeyChecker)
	return k
}

// checkKeys refuses keys that no account could have, naming the line and not
// the key.
func checkKeys(channelType int, keys secret.Text) error {
	checker := keyChecker(channelType)
	n := 0
	for line := range strings.Lines(keys.Reveal()) {
		n++
		if line = strings.TrimSpace(line); line == "" || checker == nil {
			continue
		}
		if _, err := checker.KeyKind(secret.Text(line)); err != nil {
			return misused("line %d of the keys: %v", n, err)
		}
	}
	return nil
}

// reasonCode finds the upstream's number in a channel's reason.
var reasonCode = regexp.MustCompile(`\(HTTP \d+, code (\d+)\)`)

// channelAdvice is what to do about a channel's reason.
func channelAdvice(c *store.Channel) string {
	if m := reasonCode.FindStringSubmatch(c.Reason); m != nil && c.Type == channel.TypeKling {
		if code, err := strconv.Atoi(m[1]); err == nil && kling.Advice(code) != "" {
			return kling.Advice(code)
		}
	}
	if c.Status == channel.Broken {
		return fmt.Sprintf("one-api channel test %d shows what each key is answered. When all work, the channel comes back by itself.", c.ID)
	}
	return ""
}

func (t *terminal) channel(c store.Channel, asJSON bool) error {
	v := viewChannel(c)
	if asJSON {
		return t.json(v)
	}
	rows := [][]any{
		{"channel", fmt.Sprintf("%d %s", v.ID, v.Name)}, {"status", v.Status}, {"reason", v.Reason}, {"what to do", v.Advice},
		{"base URL", v.BaseURL}, {"models", v.Models}, {"groups", v.Groups}, {"priority", v.Priority}, {"weight", v.Weight},
		{"max live", v.MaxLive}, {"live tasks", v.LiveTasks}, {"webhook secrets", v.WebhookSecrets},
		{"tested", v.TestedAt}, {"test result", v.TestResult}, {"created", v.CreatedAt},
	}
	for _, k := range v.Keys {
		rows = append(rows, []any{"key", strings.TrimSpace(k.ID + " " + k.Kind + " " + k.Problem)})
	}
	return t.table("", rows)
}

// given are the models and groups of a channel, as lists.
func given(list *string) *[]string {
	if list == nil {
		return nil
	}
	out := append([]string{}, model.List(*list)...)
	return &out
}

type channelAddCmd struct {
	reading
	Name          string      `default:"Kling AI" help:"Name of the channel."`
	BaseURL       string      `required:"" placeholder:"URL" help:"https://api-singapore.klingai.com for accounts of the world, https://api-beijing.klingai.com for China."`
	Key           secret.Text `env:"KLING_KEY" placeholder:"KEY" help:"API key, or AccessKey|SecretKey. Others on this machine may read it here; the environment and --key-stdin hide it."`
	KeyStdin      bool        `help:"Read keys from standard input, one a line."`
	Models        string      `default:"kling-*" placeholder:"LIST" help:"Comma list of models, base names or patterns; default: kling-*."`
	Groups        string      `default:"default" placeholder:"LIST" help:"Comma list of user groups; default: default."`
	Priority      int         `help:"Higher ones are tried first."`
	Weight        int         `default:"1" help:"Share among channels of one priority."`
	MaxLive       int         `help:"Most live tasks per model; 0: no limit."`
	WebhookSecret secret.Text `placeholder:"SECRET" help:"Kling's webhook secret, whsec_…"`
	Disabled      bool        `help:"Add it disabled."`
}

func (c *channelAddCmd) Run(ctx context.Context, t *terminal) error {
	if c.KeyStdin {
		var err error
		if c.Key, err = t.secretFrom("--key-stdin", "the keys, one a line"); err != nil {
			return err
		}
	}
	if c.Key == "" {
		return misused("the channel needs a key: --key, KLING_KEY or --key-stdin")
	}
	if err := checkKeys(channel.TypeKling, c.Key); err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	made, err := d.CreateChannel(ctx, store.NewChannel{
		By: store.CLI, Type: channel.TypeKling, Name: c.Name, BaseURL: c.BaseURL, Keys: c.Key, Models: model.List(c.Models), Groups: model.List(c.Groups),
		Priority: c.Priority, Weight: c.Weight, MaxLive: c.MaxLive, WebhookSecrets: c.WebhookSecret, Disabled: c.Disabled,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		full, err := d.Channel(ctx, made.ID)
		if err != nil {
			return err
		}
		return t.channel(full, true)
	}
	for _, g := range made.Groups {
		if _, ok := d.Directory().View().Groups[g]; !ok {
			t.note("There is no group %q.", g)
		}
	}
	if err := t.print("channel  %d %s\n", made.ID, made.Name); err != nil {
		return err
	}
	t.note("Try it with: one-api channel test %d", made.ID)
	return nil
}

type channelListCmd struct{ reading }

func (c *channelListCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	channels, err := d.Channels(ctx)
	if err != nil {
		return err
	}
	out := listOf(channels, len(channels), viewChannel, nil)
	if c.JSON {
		return t.json(out)
	}
	var rows [][]any
	for _, v := range out.Items {
		rows = append(rows, []any{v.ID, v.Name, v.Status, v.LiveTasks, len(v.Keys), v.BaseURL, v.Models, v.Groups, v.Priority, v.Reason})
	}
	return t.table("ID | NAME | STATUS | LIVE | KEYS | BASE URL | MODELS | GROUPS | PRIORITY | REASON", rows)
}

type channelShowCmd struct {
	reading
	channelArg
}

func (c *channelShowCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	ch, err := d.Channel(ctx, c.ID)
	if err != nil {
		return err
	}
	return t.channel(ch, c.JSON)
}

type channelSetCmd struct {
	reading
	channelArg
	Name          *string      `help:"Name of the channel."`
	BaseURL       *string      `placeholder:"URL" help:"Address of the upstream."`
	Key           secret.Text  `xor:"key" placeholder:"KEY" help:"Replaces all keys."`
	KeyStdin      bool         `xor:"key" help:"Replaces all keys by those of standard input, one a line."`
	AddKeyStdin   bool         `xor:"key" help:"Adds the keys of standard input, one a line."`
	RemoveKey     []string     `placeholder:"ID" help:"Takes away the key with this id, see channel show."`
	Models        *string      `placeholder:"LIST" help:"Comma list of models, base names or patterns."`
	Groups        *string      `placeholder:"LIST" help:"Comma list of user groups."`
	Priority      *int         `help:"Higher ones are tried first."`
	Weight        *int         `help:"Share among channels of one priority."`
	MaxLive       *int         `help:"Most live tasks per model; 0: no limit."`
	WebhookSecret *secret.Text `placeholder:"SECRET" help:"Kling's webhook secret; '' takes it away."`
}

// patch is what was asked for.
func (c *channelSetCmd) patch(t *terminal) (store.ChannelPatch, error) {
	p := store.ChannelPatch{
		Name: c.Name, BaseURL: c.BaseURL, RemoveKeys: c.RemoveKey, Models: given(c.Models), Groups: given(c.Groups),
		Priority: c.Priority, Weight: c.Weight, MaxLive: c.MaxLive, WebhookSecrets: c.WebhookSecret,
	}
	keys := c.Key
	if c.KeyStdin || c.AddKeyStdin {
		var err error
		if keys, err = t.secretFrom("the keys", "the keys, one a line"); err != nil {
			return p, err
		}
	}
	if err := checkKeys(channel.TypeKling, keys); err != nil {
		return p, err
	}
	switch {
	case c.AddKeyStdin:
		p.AddKeys = keys
	case keys != "":
		if len(c.RemoveKey) > 0 {
			return p, misused("give either --key or --key-stdin, which replace all keys, or --remove-key and --add-key-stdin")
		}
		p.Keys = &keys
	}
	if p.Name == nil && p.BaseURL == nil && p.Keys == nil && p.AddKeys == "" && len(p.RemoveKeys) == 0 && p.Models == nil && p.Groups == nil &&
		p.Priority == nil && p.Weight == nil && p.MaxLive == nil && p.WebhookSecrets == nil {
		return p, misused("say what to change, e.g. --models or --priority")
	}
	return p, nil
}

func (c *channelSetCmd) Run(ctx context.Context, t *terminal) error {
	p, err := c.patch(t)
	if err != nil {
		return err
	}
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	was, err := d.Channel(ctx, c.ID)
	if err != nil {
		return err
	}
	p.Version = was.Version
	ch, err := d.UpdateChannel(ctx, store.CLI, c.ID, p)
	if err != nil {
		return err
	}
	return t.channel(ch, c.JSON)
}

// switchChannel changes a channel's status by hand.
func switchChannel(ctx context.Context, t *terminal, r *reading, id int64, to channel.Status) error {
	d, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	ch, err := d.SwitchChannel(ctx, store.CLI, id, to)
	if err != nil {
		return err
	}
	if r.JSON {
		return t.channel(ch, true)
	}
	return t.print("channel %d %s is %s, with %d live tasks\n", ch.ID, ch.Name, channelStatus[ch.Status], ch.Live)
}

type channelEnableCmd struct {
	reading
	channelArg
}

func (c *channelEnableCmd) Run(ctx context.Context, t *terminal) error {
	return switchChannel(ctx, t, &c.reading, c.ID, channel.Enabled)
}

type channelDisableCmd struct {
	reading
	channelArg
}

func (c *channelDisableCmd) Run(ctx context.Context, t *terminal) error {
	return switchChannel(ctx, t, &c.reading, c.ID, channel.Disabled)
}

type channelDrainCmd struct {
	reading
	channelArg
}

func (c *channelDrainCmd) Run(ctx context.Context, t *terminal) error {
	return switchChannel(ctx, t, &c.reading, c.ID, channel.Draining)
}

type channelDeleteCmd struct {
	database
	channelArg
	destroying
}

func (c *channelDeleteCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	ch, err := d.Channel(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := t.confirm(c.destroying, "Delete channel %d %s (%s) with its %d keys? It cannot be undone.", ch.ID, ch.Name, ch.BaseURL, len(ch.Keys)); err != nil {
		return err
	}
	if err := d.DeleteChannel(ctx, store.CLI, c.ID); err != nil {
		return err
	}
	return t.print("channel %d %s is deleted\n", ch.ID, ch.Name)
}

type channelTestCmd struct {
	reading
	channelArg
}

// channelTest is what a test of a channel came to.
type channelTest struct {
	OK     bool      `json:"ok"`
	Result string    `json:"result"`
	Keys   []keyTest `json:"keys"`
}

type keyTest struct {
	keyView
	OK         bool   `json:"ok"`
	Said       string `json:"said"` // what was tried and what came back
	Error      string `json:"error,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	Code       int    `json:"code,omitempty"`
	Advice     string `json:"advice,omitempty"`
	TookMS     int64  `json:"took_ms"`
}

func (c *channelTestCmd) Run(ctx context.Context, t *terminal) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer d.Close()
	ch, err := d.Channel(ctx, c.ID)
	if err != nil {
		return err
	}
	p, _ := upstreams().OfType(ch.Type)
	prober, ok := p.(provider.Prober)
	if !ok {
		return fault.New(fault.Unprocessable, "Channels of type %d have no call that costs nothing.", ch.Type)
	}
	if ch.KeyProblem != "" || len(ch.Keys) == 0 {
		return fault.New(fault.Unprocessable, "Channel %d has no key that can be read. Give it its keys again: one-api channel set %d --key-stdin", ch.ID, ch.ID)
	}
	out := channelTest{OK: true}
	kinds := viewChannel(ch).Keys
	say, done := t.progress("testing")
	for i, k := range ch.Keys {
		say("key %d of %d", i+1, len(ch.Keys))
		r := testKey(ctx, prober, &ch, k)
		r.keyView = kinds[i]
		out.Keys, out.OK = append(out.Keys, r), out.OK && r.OK
	}
	done()
	out.Result = summary(out.Keys)
	if err := d.ChannelTested(ctx, ch.ID, out.Result); err != nil {
		return err
	}
	if out.OK && ch.Status == channel.Broken {
		// As the gateway's own probe does; Conflict: somebody has switched it.
		if err := d.SetChannelStatus(ctx, ch.ID, channel.Broken, channel.Enabled, ""); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	if err := t.channelTest(&out, c.JSON); err != nil {
		return err
	}
	if !out.OK {
		return errors.New("a key does not work")
	}
	return nil
}

func (t *terminal) channelTest(out *channelTest, asJSON bool) error {
	if asJSON {
		return t.json(out)
	}
	for _, k := range out.Keys {
		verdict, text := "ok", k.Said
		if !k.OK {
			verdict, text = "FAILED", strings.TrimSpace(k.Said+": "+k.Error+". "+k.Advice)
		}
		if err := t.print("key %s (%s): %s. %s (%d ms)\n", k.ID, k.Kind, verdict, cell(text), k.TookMS); err != nil {
			return err
		}
	}
	return nil
}

// keyTestTime bounds the test of one key.
const keyTestTime = 15 * time.Second

func testKey(ctx context.Context, p provider.Prober, ch *store.Channel, k channel.Key) keyTest {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, keyTestTime)
	defer cancel()
	said, err := p.Probe(ctx, provider.Credential{BaseURL: ch.BaseURL, Key: k.Text})
	r := keyTest{OK: err == nil, Said: said, TookMS: time.Since(started).Milliseconds()}
	if err != nil {
		e := provider.AsError(err)
		r.Error, r.HTTPStatus, r.Code = e.Error(), e.HTTPStatus, e.Code
		r.Advice = keyAdvice(ch.Type, e)
	}
	return r
}

// keyAdvice is what to do about an upstream's answer.
func keyAdvice(channelType int, e *provider.Error) string {
	if channelType == channel.TypeKling && kling.Advice(e.Code) != "" {
		return kling.Advice(e.Code)
	}
	switch e.Kind {
	case provider.Unreachable:
		return "Check the base URL, and that this machine may connect there."
	case provider.Unanswered, provider.Unsure:
		return "Check the base URL: something answers there, but not as the upstream does. Or the upstream is down."
	case provider.BadKey:
		return "Check the key."
	}
	return ""
}

// summary is a test in one sentence, for the channel's row.
func summary(keys []keyTest) string {
	good, bad := 0, ""
	for _, k := range keys {
		switch {
		case k.OK:
			good++
		case bad == "":
			bad = fmt.Sprintf("key %s: %s", k.ID, k.Error)
		}
	}
	switch {
	case bad != "":
		return fmt.Sprintf("%d of %d keys work; %s", good, len(keys), bad)
	case len(keys) == 1:
		return "ok: " + keys[0].Said
	}
	return fmt.Sprintf("ok: all %d keys work; %s", good, keys[0].Said)
}
