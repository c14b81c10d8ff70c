package console

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/httpkit"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// Redemption is a code that is worth quota, once.
type Redemption struct {
	ID        int64      `json:"id"`
	Code      string     `json:"code,omitempty" doc:"Only in the answer that makes it."`
	Prefix    string     `json:"prefix" doc:"First characters of the code, to recognise it by."`
	Name      string     `json:"name" doc:"Of the batch."`
	Amount    Amount     `json:"worth"`
	Status    string     `json:"status" enum:"open,disabled,used,expired"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	UsedBy    int64      `json:"used_by,omitempty" doc:"Id of the user who redeemed it."`
	User      string     `json:"used_by_name,omitempty"`
	UsedAt    *time.Time `json:"used_at,omitempty"`
}

var redemptionStatuses = map[store.RedemptionStatus]string{store.CodeOpen: "open", store.CodeDisabled: "disabled", store.CodeUsed: "used"}

func (c *Console) showRedemption(r store.Redemption) Redemption {
	out := Redemption{
		ID: r.ID, Prefix: r.Prefix, Name: r.Name, Amount: amount(r.Quota), Status: redemptionStatuses[r.Status], ExpiresAt: when(r.ExpiresAt),
		CreatedBy: r.CreatedBy, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), UsedBy: r.UsedBy, UsedAt: when(r.UsedAt),
	}
	if r.Status == store.CodeOpen && r.ExpiresAt != 0 && r.ExpiresAt <= c.Store.Now().UnixMilli() {
		out.Status = "expired"
	}
	if u, ok := c.Directory.View().Users[r.UsedBy]; ok {
		out.User = u.Name
	}
	return out
}

type createRedemptions struct {
	Body struct {
		Name      string     `json:"name" minLength:"1" maxLength:"64" doc:"Of the batch."`
		Count     int        `json:"count,omitempty" default:"1" minimum:"1" maximum:"1000"`
		Quota     int64      `json:"quota" minimum:"1" maximum:"9007199254740991" doc:"Worth of each code; 500000 are 1 USD."`
		ExpiresAt *time.Time `json:"expires_at,omitempty"`
	}
}

type listRedemptions struct {
	PageIn
	Status string `query:"status" enum:"open,disabled,used"`
	Name   string `query:"name" maxLength:"64" doc:"Of the batch."`
	Prefix string `query:"prefix" maxLength:"32"`
	UsedBy int64  `query:"used_by" minimum:"1"`
}

// RedemptionID picks a code.
type RedemptionID struct {
	ID int64 `path:"id" minimum:"1"`
}

type switchRedemption struct {
	RedemptionID
	Body struct {
		Status string `json:"status" enum:"open,disabled"`
	}
}

type redeem struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"100"`
	}
}

// Redeemed is what a code brought.
type Redeemed struct {
	Credited Amount `json:"credited"`
	Name     string `json:"name" doc:"Of the batch."`
	Balance  Funds  `json:"balance"`
}

func (c *Console) redemptions() {
	tags := []string{"redemptions"}
	register(c, admin, huma.Operation{OperationID: "list-redemptions", Method: http.MethodGet, Path: "/api/redemptions", Summary: "List redemption codes", Tags: tags}, c.listRedemptions)
	register(c, admin, huma.Operation{OperationID: "create-redemptions", Method: http.MethodPost, Path: "/api/redemptions", Summary: "Make redemption codes", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "The answer is the only place where the codes stand."}, c.createRedemptions)
	register(c, admin, huma.Operation{OperationID: "get-redemption", Method: http.MethodGet, Path: "/api/redemptions/{id}", Summary: "Read a redemption code", Tags: tags}, c.getRedemption)
	register(c, admin, huma.Operation{OperationID: "update-redemption", Method: http.MethodPatch, Path: "/api/redemptions/{id}", Summary: "Disable a redemption code, or open it again", Tags: tags}, c.switchRedemption)
	register(c, signed, huma.Operation{OperationID: "redeem", Method: http.MethodPost, Path: "/api/redemptions/redeem", Summary: "Redeem a code", Tags: tags}, c.redeem)
}

func (c *Console) listRedemptions(ctx context.Context, _ *Viewer, in *listRedemptions) (*PageOut[Redemption], error) {
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	if err := plain("name", in.Name, "prefix", in.Prefix); err != nil {
		return nil, err
	}
	f := store.RedemptionFilter{Name: in.Name, Prefix: in.Prefix, UsedBy: in.UsedBy, Before: before, Limit: in.Limit}
	for s, word := range redemptionStatuses {
		if word == in.Status {
			f.Status = s
		}
	}
	list, err := c.Store.Redemptions(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, func(r store.Redemption) string { return strconv.FormatInt(r.ID, 10) }, c.showRedemption), nil
}

func (c *Console) createRedemptions(ctx context.Context, v *Viewer, in *createRedemptions) (*PageOut[Redemption], error) {
	n := store.NewRedemptions{Name: in.Body.Name, Count: in.Body.Count, Quota: money.Quota(in.Body.Quota)}
	if in.Body.ExpiresAt != nil {
		n.ExpiresAt = *in.Body.ExpiresAt
	}
	rows, codes, err := c.Store.CreateRedemptions(ctx, v.Actor, n)
	if err != nil {
		return nil, inBody(err)
	}
	out := &PageOut[Redemption]{}
	for i, r := range rows {
		one := c.showRedemption(r)
		one.Code = codes[i].Reveal()
		out.Body.Items = append(out.Body.Items, one)
	}
	return out, nil
}

func (c *Console) getRedemption(ctx context.Context, _ *Viewer, in *RedemptionID) (*One[Redemption], error) {
	r, err := c.Store.Redemption(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &One[Redemption]{c.showRedemption(r)}, nil
}

func (c *Console) switchRedemption(ctx context.Context, v *Viewer, in *switchRedemption) (*One[Redemption], error) {
	to := store.CodeOpen
	if in.Body.Status == "disabled" {
		to = store.CodeDisabled
	}
	r, err := c.Store.SwitchRedemption(ctx, v.Actor, in.ID, to)
	if err != nil {
		return nil, err
	}
	return &One[Redemption]{c.showRedemption(r)}, nil
}

// Guesses at codes are bounded for each user and each address.
const (
	redeemsPerUser    = 10 // a minute
	redeemsPerAddress = 30
)

func (c *Console) redeem(ctx context.Context, v *Viewer, in *redeem) (*One[Redeemed], error) {
	from := httpkit.ClientAddr(request(ctx), c.Trusted).String()
	for _, l := range []struct {
		key  string
		most int
	}{{fmt.Sprintf("redeem by %d", v.User.ID), redeemsPerUser}, {"redeem from " + from, redeemsPerAddress}} {
		if wait, ok := c.Limit.Allow(l.key, l.most, l.most); !ok {
			return nil, fault.New(fault.Throttled, "Too many redemption codes. Wait a moment.").Named("rate_limited").After(wait)
		}
	}
	r, err := c.Store.Redeem(ctx, v.Actor, v.User.ID, secret.Text(in.Body.Code))
	if err != nil {
		return nil, inBody(err)
	}
	have, err := c.Store.Balance(ctx, v.User.ID, false)
	if err != nil {
		return nil, err
	}
	c.Log.InfoContext(ctx, "billing: code redeemed", "user", v.User.ID, "redemption", r.ID, "amount", int64(r.Quota))
	return &One[Redeemed]{Redeemed{Credited: amount(r.Quota), Name: r.Name, Balance: Funds(have)}}, nil
}
