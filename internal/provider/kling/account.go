package kling

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
)

// The exports of what Kling deducted, since 2026-07: of money, and of units from
// resource packs. They take API keys only.
const (
	balanceBills = "/account/billing/balance"
	packageBills = "/account/billing/package"
)

const (
	listPage  = 200  // a page of a list of tasks; results make it long
	listPages = 1000 // as many as Kling gives in the legacy generation
	billPage  = 500
)

// List walks the lists of both generations, newest first. A pair cannot read
// that of the new one, and nothing there can have been made with it.
func (u *Upstream) List(ctx context.Context, cred provider.Credential, since time.Time, each func(provider.Report) error) error {
	for _, p := range products {
		if legacy(p.Path) {
			if err := u.listLegacy(ctx, cred, p.Path, since, each); err != nil {
				return err
			}
		}
	}
	if !u.CanServe(cred.Key, tasksPath) {
		return nil
	}
	return u.pages(ctx, cred, tasksPath, map[string]any{
		"start_time": since.UnixMilli(), "end_time": u.now().Add(time.Hour).UnixMilli(), "limit": listPage,
	}, "result", func(item gjson.Result) error {
		if r := readTask(item); r.UpstreamID != "" {
			return each(r)
		}
		return nil
	})
}

func (u *Upstream) listLegacy(ctx context.Context, cred provider.Credential, path string, since time.Time, each func(provider.Report) error) error {
	for page := 1; page <= listPages; page++ {
		q := url.Values{"pageNum": {strconv.Itoa(page)}, "pageSize": {strconv.Itoa(listPage)}}
		data, err := u.ask(ctx, cred, outbound.Call{BaseURL: cred.BaseURL, Path: path, Query: q.Encode()})
		if err != nil {
			return err
		}
		if !data.IsArray() {
			return &provider.Error{Kind: provider.Unanswered, HTTPStatus: 200, Message: "the answer has no list of tasks"}
		}
		items := data.Array()
		older := 0
		for _, item := range items {
			r := readTask(item)
			switch {
			case !r.CreatedAt.IsZero() && r.CreatedAt.Before(since):
				older++
			case r.UpstreamID != "":
				if err := each(r); err != nil {
					return err
				}
			}
		}
		if len(items) < listPage || older == len(items) {
			return nil
		}
	}
	return &provider.Error{Kind: provider.Unanswered, HTTPStatus: 200, Message: "the list has more pages than Kling gives"}
}

// pages walks a list with a cursor; key names the items in data.
func (u *Upstream) pages(ctx context.Context, cred provider.Credential, path string, first map[string]any, key string, each func(gjson.Result) error) error {
	ask := first
	seen := map[string]bool{}
	for {
		body, err := json.Marshal(ask)
		if err != nil {
			return err
		}
		data, err := u.ask(ctx, cred, outbound.Call{BaseURL: cred.BaseURL, Path: path, Body: body})
		if err != nil {
			return err
		}
		items := data.Get(key)
		if !data.IsObject() || items.Exists() && items.Type != gjson.Null && !items.IsArray() {
			return &provider.Error{Kind: provider.Unanswered, HTTPStatus: 200, Message: "the answer has no list"}
		}
		for _, item := range items.Array() {
			if err := each(item); err != nil {
				return err
			}
		}
		cursor := data.Get("next_cursor").String()
		if !data.Get("has_more").Bool() {
			return nil
		}
		if cursor == "" || seen[cursor] {
			return &provider.Error{Kind: provider.Unanswered, HTTPStatus: 200, Message: "the list says that there is more and leads nowhere"}
		}
		seen[cursor] = true
		// The limit stands beside the cursor: some lists take it anew.
		ask = map[string]any{"cursor": cursor, "limit": first["limit"]}
	}
}

// CanBill reports whether a key may read the exports: an API key may.
func (u *Upstream) CanBill(key secret.Text) bool { return u.CanServe(key, balanceBills) }

// Deductions walks both exports.
func (u *Upstream) Deductions(ctx context.Context, cred provider.Credential, since, until time.Time, each func(provider.Deduction) error) error {
	for _, path := range []string{balanceBills, packageBills} {
		err := u.pages(ctx, cred, path, map[string]any{
			"start_time": since.UnixMilli(), "end_time": until.UnixMilli(), "limit": billPage,
		}, "result.detail", func(item gjson.Result) error {
			d := provider.Deduction{
				UpstreamID: text(item.Get("task_id")), Product: outbound.Scrub(item.Get("product_function").String()),
				Model: outbound.Scrub(item.Get("model_name").String()), KeyName: outbound.Scrub(item.Get("api_key_name").String()),
				At: moment(item.Get("deduction_time")),
			}
			d.Cost.Amount = text(item.Get("deduction_amount"))
			if _, err := money.ParseDecimal(d.Cost.Amount); err != nil || d.UpstreamID == "" {
				return &provider.Error{Kind: provider.Unanswered, HTTPStatus: 200, Message: outbound.Scrub("a row of the bill that cannot be read: "+item.Raw, u.secretsOf(cred.Key)...)}
			}
			if d.Cost.Unit = billUnit(d.Product, item); path == balanceBills {
				d.Cost.Unit = currency(item)
			}
			return each(d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// billUnit is the unit of a deduction from a pack, which the row does not name:
// what has a length comes out of packs for video and sound. "" is a unit that we
// do not know.
func billUnit(product string, item gjson.Result) string {
	switch length := text(item.Get("duration")); {
	case length != "" && length != "0":
		return "video_unit"
	case strings.Contains(product, "try"):
		return ""
	case strings.Contains(product, "image"):
		return "image_unit"
	}
	return ""
}

// Packs asks for the account's resource packs, those that end first first.
func (u *Upstream) Packs(ctx context.Context, cred provider.Credential) ([]provider.Pack, error) {
	list, err := u.costs(ctx, cred)
	if err != nil {
		return nil, err
	}
	out := []provider.Pack{}
	for _, p := range list.Array() {
		out = append(out, provider.Pack{
			ID: outbound.Scrub(text(p.Get("resource_pack_id"))), Name: outbound.Scrub(p.Get("resource_pack_name").String()),
			Total: text(p.Get("total_quantity")), Remaining: text(p.Get("remaining_quantity")), Status: outbound.Scrub(p.Get("status").String()),
			StartsAt: moment(p.Get("effective_time")), EndsAt: moment(p.Get("invalid_time")),
		})
	}
	slices.SortStableFunc(out, func(a, b provider.Pack) int { return a.EndsAt.Compare(b.EndsAt) })
	return out, nil
}
