package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/model"
	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/store"
)

// Token is a caller's token as the API shows it: never its text.
type Token struct {
	ID         int64       `json:"id"`
	UserID     int64       `json:"user_id"`
	User       string      `json:"user" doc:"Name of the user."`
	Name       string      `json:"name"`
	Prefix     string      `json:"prefix" example:"sk-Ab3d" doc:"First characters of the text, to recognise it by."`
	AccessKey  string      `json:"access_key" doc:"Names the token in JWTs that Kling's own clients sign."`
	Test       bool        `json:"test" doc:"Test mode: play money, a simulated upstream."`
	Status     string      `json:"status" enum:"enabled,disabled"`
	Expired    bool        `json:"expired"`
	ExpiresAt  *time.Time  `json:"expires_at,omitempty" doc:"Absent: never."`
	Budget     TokenBudget `json:"budget"`
	Models     []string    `json:"models" nullable:"false" doc:"Allowed models, base names or patterns; empty: all."`
	Networks   []string    `json:"networks" nullable:"false" doc:"Allowed addresses and prefixes; empty: all."`
	Rate       int         `json:"rate" doc:"Requests a minute; 0: the gateway's default."`
	CreatedAt  time.Time   `json:"created_at"`
	LastUsedAt *time.Time  `json:"last_used_at,omitempty" doc:"To the minute."`
	Version    int64       `json:"version" doc:"Send it back with an edit."`
}

// TokenBudget is what a token may spend over its life.
type TokenBudget struct {
	Limit *money.Quota `json:"limit,omitempty" doc:"Absent: no limit of its own."`
	Held  money.Quota  `json:"held" doc:"Set aside for live tasks."`
	Used  money.Quota  `json:"used"`
	Left  *money.Quota `json:"left,omitempty"`
}

// TokenAnswer is a token with what looks wrong about it.
type TokenAnswer struct {
	Token
	Warnings []string `json:"warnings" nullable:"false" doc:"What was accepted and may be a mistake."`
}

// CreatedToken is a new token with its secrets, shown this once.
type CreatedToken struct {
	TokenAnswer
	Text      string        `json:"token" doc:"Send it as Authorization: Bearer …"`
	SecretKey string        `json:"secret_key" doc:"With access_key, for clients that sign as Kling's do."`
	Snippets  TokenSnippets `json:"snippets"`
}

// TokenSnippets are ready to paste.
type TokenSnippets struct {
	Curl    string `json:"curl" doc:"A first order."`
	Env     string `json:"env" doc:"Variables for a shell or a .env file."`
	BaseURL string `json:"base_url" doc:"In place of Kling's host, in any Kling client."`
}

// Nullable is an optional field of a PATCH where null means something else than
// nothing.
type Nullable[T any] struct {
	Sent  bool
	Value *T // nil: null was sent
}

// UnmarshalJSON is only called for a field that was sent.
func (n *Nullable[T]) UnmarshalJSON(b []byte) error {
	n.Sent = true
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	n.Value = new(T)
	return json.Unmarshal(b, n.Value)
}

// Schema is the value's, or null.
func (n Nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

// TokenID picks a token.
type TokenID struct {
	ID int64 `path:"id" minimum:"1"`
}

type listTokens struct {
	PageIn
	UserID int64  `query:"user_id" minimum:"1" doc:"Of this user; administrators only. Default: all users' for administrators, else one's own."`
	Status string `query:"status" enum:"enabled,disabled"`
	Test   string `query:"test" enum:"true,false"`
	Name   string `query:"name" maxLength:"64" doc:"A part of the name."`
}

type createToken struct {
	Body struct {
		Name      string     `json:"name" minLength:"1" maxLength:"64"`
		UserID    int64      `json:"user_id,omitempty" minimum:"1" doc:"For this user; administrators only. Default: oneself."`
		Test      bool       `json:"test,omitempty" doc:"A token of test mode: orders cost play money and go to a simulated upstream."`
		Budget    *int64     `json:"budget,omitempty" minimum:"0" maximum:"9007199254740991" doc:"Most quota it may spend over its life; absent: no limit of its own."`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
		Models    []string   `json:"models,omitempty" maxItems:"500"`
		Networks  []string   `json:"networks,omitempty" maxItems:"100" example:"[\"203.0.113.0/24\"]"`
		Rate      int        `json:"rate,omitempty" minimum:"0" maximum:"100000"`
	}
}

type updateToken struct {
	TokenID
	Body struct {
		Version   int64               `json:"version" doc:"The version that was edited."`
		Name      *string             `json:"name,omitempty" maxLength:"64"`
		Status    *string             `json:"status,omitempty" enum:"enabled,disabled"`
		Budget    Nullable[int64]     `json:"budget,omitempty" doc:"Quota; null takes the limit away."`
		ExpiresAt Nullable[time.Time] `json:"expires_at,omitempty" doc:"null: never."`
		Models    *[]string           `json:"models,omitempty" maxItems:"500"`
		Networks  *[]string           `json:"networks,omitempty" maxItems:"100"`
		Rate      *int                `json:"rate,omitempty" minimum:"0" maximum:"100000"`
	}
}

func (c *Console) tokens() {
	tags := []string{"tokens"}
	register(c, signed, huma.Operation{OperationID: "list-tokens", Method: http.MethodGet, Path: "/api/tokens", Summary: "List tokens", Tags: tags}, c.listTokens)
	register(c, signed, huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/api/tokens", Summary: "Make a token; its text is shown once", Tags: tags, DefaultStatus: http.StatusCreated}, c.createToken)
	register(c, signed, huma.Operation{OperationID: "get-token", Method: http.MethodGet, Path: "/api/tokens/{id}", Summary: "Read a token", Tags: tags}, c.getToken)
	register(c, signed, huma.Operation{OperationID: "update-token", Method: http.MethodPatch, Path: "/api/tokens/{id}", Summary: "Change a token", Tags: tags}, c.updateToken)
	register(c, signed, huma.Operation{OperationID: "delete-token", Method: http.MethodDelete, Path: "/api/tokens/{id}", Summary: "Delete a token; its live tasks go on", Tags: tags, DefaultStatus: http.StatusNoContent}, c.deleteToken)
}

// whose is the user whose tokens a viewer may touch: 0 is everybody.
func whose(v *Viewer) int64 {
	if v.IsAdmin() {
		return 0
	}
	return v.User.ID
}

var accountStatuses = map[account.Status]string{account.Enabled: "enabled", account.Disabled: "disabled"}

func accountStatus(word string) account.Status {
	if word == "disabled" {
		return account.Disabled
	}
	return account.Enabled
}

func (c *Console) listTokens(ctx context.Context, v *Viewer, in *listTokens) (*PageOut[Token], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	f := store.TokenFilter{Name: in.Name, Before: before, Limit: in.Limit + 1}
	if f.UserID, err = v.onlyOwn(in.UserID); err != nil {
		return nil, err
	}
	if in.Status != "" {
		f.Status = accountStatus(in.Status)
	}
	if in.Test != "" {
		test := in.Test == "true"
		f.Test = &test
	}
	rows, err := c.Store.Tokens(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(rows, in.Limit, func(t store.Token) string { return strconv.FormatInt(t.ID, 10) }, c.showToken), nil
}

// mayManage refuses administrators who reach for root's money.
func (c *Console) mayManage(v *Viewer, userID int64) error {
	u, ok := c.Directory.View().Users[userID]
	if ok && u.Role == account.Root && v.User.Role != account.Root {
		return fault.New(fault.Forbidden, "Tokens of root are managed by root only.").Named("role_required")
	}
	return nil
}

// reach finds a token that the viewer may change.
func (c *Console) reach(ctx context.Context, v *Viewer, id int64) error {
	t, err := c.Store.Token(ctx, whose(v), id)
	if err != nil {
		return err
	}
	return c.mayManage(v, t.UserID)
}

func (c *Console) getToken(ctx context.Context, v *Viewer, in *TokenID) (*One[TokenAnswer], error) {
	t, err := c.Store.Token(ctx, whose(v), in.ID)
	if err != nil {
		return nil, err
	}
	return c.tokenAnswer(t), nil
}

func (c *Console) createToken(ctx context.Context, v *Viewer, in *createToken) (*One[CreatedToken], error) {
	b := &in.Body
	n := store.NewToken{
		By: v.Actor, UserID: v.User.ID, Name: b.Name, Test: b.Test, Limit: (*money.Quota)(b.Budget),
		Models: trimmed(b.Models), Networks: trimmed(b.Networks), Rate: b.Rate,
	}
	if b.UserID != 0 && b.UserID != n.UserID {
		if !v.IsAdmin() {
			return nil, fault.New(fault.NotFound, "User %d does not exist.", b.UserID).Named("user_not_found").At("body.user_id")
		}
		n.UserID = b.UserID
	}
	if err := c.mayManage(v, n.UserID); err != nil {
		return nil, err
	}
	if b.ExpiresAt != nil {
		if err := c.inFuture(*b.ExpiresAt); err != nil {
			return nil, err
		}
		n.ExpiresAt = *b.ExpiresAt
	}
	made, text, err := c.Store.CreateToken(ctx, n)
	if err != nil {
		return nil, inBody(err)
	}
	t, err := c.Store.Token(ctx, n.UserID, made.ID)
	if err != nil {
		return nil, err
	}
	base := c.publicURL(ctx) + "/kling"
	sk := account.SecretKey(c.Keys, t.Hash).Reveal()
	return &One[CreatedToken]{CreatedToken{
		TokenAnswer: c.tokenAnswer(t).Body, Text: text.Reveal(), SecretKey: sk,
		Snippets: TokenSnippets{
			BaseURL: base,
			Env:     fmt.Sprintf("KLING_BASE_URL=%s\nKLING_API_KEY=%s\nKLING_ACCESS_KEY=%s\nKLING_SECRET_KEY=%s\n", base, text.Reveal(), t.AccessKey, sk),
			Curl: fmt.Sprintf("curl -s %s/v1/videos/text2video \\\n  -H 'Authorization: Bearer %s' \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"model\":\"%s\",\"prompt\":\"a kitten plays in the grass\",\"duration\":5,\"aspect_ratio\":\"16:9\"}'",
				base, text.Reveal(), c.sampleModel(&t.Token)),
		},
	}}, nil
}

// publicURL is where callers reach the gateway: as configured, else as this
// request did.
func (c *Console) publicURL(ctx context.Context) string {
	if c.ServerAddress != "" {
		return strings.TrimRight(c.ServerAddress, "/")
	}
	r := request(ctx)
	scheme := "http"
	if encrypted(r, httpkit.TrustedPeer(r, c.Trusted)) {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// sampleModel is a model for a first order: one that the token may use, of
// those on offer if there are any.
func (c *Console) sampleModel(t *account.Token) string {
	var first string
	for _, d := range c.Generations.Upstreams.Drivers() {
		for _, m := range d.Models {
			text := slices.ContainsFunc(m.Capabilities, func(k provider.Capability) bool { return k.Route == "/v1/videos/text2video" })
			if !text || !t.MayUse(m.Name) {
				continue
			}
			if first == "" {
				first = m.Name
			}
			if slices.ContainsFunc(c.Directory.View().Channels, func(ch *channel.Channel) bool { return ch.Status == channel.Enabled && ch.Offers(m.Name) }) {
				return m.Name
			}
		}
	}
	if first == "" {
		return "kling-v1-6-std"
	}
	return first
}

func (c *Console) inFuture(t time.Time) error {
	if !t.After(c.Store.Now()) || t.Year() > 9999 {
		return fault.New(fault.Invalid, "expires_at must lie in the future.").Named("expires_in_past").At("body.expires_at")
	}
	return nil
}

func (c *Console) updateToken(ctx context.Context, v *Viewer, in *updateToken) (*One[TokenAnswer], error) {
	if err := c.reach(ctx, v, in.ID); err != nil {
		return nil, err
	}
	b := &in.Body
	p := store.TokenPatch{Version: b.Version, Name: b.Name, Rate: b.Rate}
	if b.Status != nil {
		st := accountStatus(*b.Status)
		p.Status = &st
	}
	if b.Budget.Sent {
		p.Limit = &store.Limit{To: (*money.Quota)(b.Budget.Value)}
	}
	if b.ExpiresAt.Sent {
		p.ExpiresAt = &time.Time{}
		if at := b.ExpiresAt.Value; at != nil {
			if err := c.inFuture(*at); err != nil {
				return nil, err
			}
			p.ExpiresAt = at
		}
	}
	if b.Models != nil {
		list := trimmed(*b.Models)
		p.Models = &list
	}
	if b.Networks != nil {
		list := trimmed(*b.Networks)
		p.Networks = &list
	}
	t, err := c.Store.UpdateToken(ctx, v.Actor, whose(v), in.ID, p)
	if err != nil {
		return nil, inBody(err)
	}
	return c.tokenAnswer(t), nil
}

func (c *Console) deleteToken(ctx context.Context, v *Viewer, in *TokenID) (*None, error) {
	if err := c.reach(ctx, v, in.ID); err != nil {
		return nil, err
	}
	return nil, c.Store.DeleteToken(ctx, v.Actor, whose(v), in.ID)
}

func (c *Console) tokenAnswer(t store.Token) *One[TokenAnswer] {
	return &One[TokenAnswer]{TokenAnswer{Token: c.showToken(t), Warnings: c.tokenWarnings(&t)}}
}

func (c *Console) showToken(t store.Token) Token {
	out := Token{
		ID: t.ID, UserID: t.UserID, Name: t.Name, Prefix: t.Prefix, AccessKey: t.AccessKey, Test: t.Test, Status: accountStatuses[t.Status],
		Expired: t.Expired(c.Store.Now()), ExpiresAt: moment(t.ExpiresAt), Budget: TokenBudget{Limit: t.Limit, Held: t.Held, Used: t.Used},
		Models: append([]string{}, t.Models...), Networks: []string{}, Rate: t.Rate, CreatedAt: t.CreatedAt, LastUsedAt: moment(t.LastUsedAt), Version: t.Version,
	}
	if u, ok := c.Directory.View().Users[t.UserID]; ok {
		out.User = u.Name
	}
	if t.Limit != nil {
		left := max(0, *t.Limit-t.Held-t.Used)
		out.Budget.Left = &left
	}
	for _, n := range t.Networks {
		out.Networks = append(out.Networks, n.String())
	}
	return out
}

// tokenWarnings says what looks like a mistake but may be meant.
func (c *Console) tokenWarnings(t *store.Token) []string {
	out := []string{}
	for _, m := range unknownModels(t.Models, c.Generations.Upstreams.Drivers()) {
		if !offered(c.Directory.View(), m) {
			out = append(out, fmt.Sprintf("%q is no model that this gateway knows or a channel offers.", m))
		}
	}
	if t.Limit != nil && *t.Limit == 0 {
		out = append(out, "The budget is 0: the token can order nothing.")
	}
	return out
}

// offered reports whether an entry of a model list stands for something that a
// channel lists.
func offered(v *directory.View, entry string) bool {
	return slices.ContainsFunc(v.Channels, func(ch *channel.Channel) bool {
		return ch.Offers(entry) || slices.ContainsFunc(ch.Models, func(m string) bool { return model.Covers(entry, m) })
	})
}
