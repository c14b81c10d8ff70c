package kling

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
)

// Probe asks for the account's resource packs, which is free, and where that is
// refused for a reason that says nothing of the key (it may be asked once a
// second only) for a list of one task. Either shows that the key works, not
// that the account has credit: the balances lag by hours.
func (u *Upstream) Probe(ctx context.Context, cred provider.Credential) (string, error) {
	list, err := u.costs(ctx, cred)
	if err == nil {
		return "GET " + costsPath + " answered: " + packs(list, u.now()), nil
	}
	if e := provider.AsError(err); e.Kind != provider.Throttled && (e.Kind != provider.Unanswered || e.HTTPStatus == 0 || e.HTTPStatus >= 500) {
		return "GET " + costsPath + " was tried", err
	}
	const tasks = "/v1/videos/text2video"
	if _, err = u.ask(ctx, cred, outbound.Call{BaseURL: cred.BaseURL, Path: tasks, Query: "pageNum=1&pageSize=1"}); err != nil {
		return "GET " + costsPath + " and GET " + tasks + " were tried", err
	}
	return "GET " + tasks + " answered", nil
}

const costsPath = "/account/costs"

// costs lists the account's resource packs as Kling tells them.
func (u *Upstream) costs(ctx context.Context, cred provider.Credential) (gjson.Result, error) {
	now := u.now()
	q := url.Values{
		"start_time": {strconv.FormatInt(now.AddDate(0, 0, -90).UnixMilli(), 10)},
		"end_time":   {strconv.FormatInt(now.UnixMilli(), 10)},
	}
	data, err := u.ask(ctx, cred, outbound.Call{BaseURL: cred.BaseURL, Path: costsPath, Query: q.Encode()})
	if err != nil {
		return data, err
	}
	// Wrapped twice: data has a code and a msg of its own.
	if n := data.Get("code"); n.Exists() && n.Raw != "0" {
		return data, &provider.Error{Kind: provider.Unanswered, Code: int(n.Int()), HTTPStatus: 200, Message: outbound.Scrub(data.Get("msg").String(), u.secretsOf(cred.Key)...)}
	}
	return data.Get("resource_pack_subscribe_infos"), nil
}

// ask makes a legacy call that gives some data.
func (u *Upstream) ask(ctx context.Context, cred provider.Credential, c outbound.Call) (gjson.Result, error) {
	a, err := u.call(ctx, cred, c.Path, c, u.http.Ask)
	if err != nil {
		return gjson.Result{}, err
	}
	env := open(a.Body)
	if a.Status/100 != 2 || !env.coded || env.code != 0 {
		return gjson.Result{}, u.refusal(cred, a, env, queryKind(a.Status, env, false))
	}
	return env.data, nil
}

// packs tells what each resource pack in force has left. Packs of different
// products have different units, so nothing is summed.
func packs(list gjson.Result, now time.Time) string {
	if !list.IsArray() || len(list.Array()) == 0 {
		return "the key works; the account has no resource packs"
	}
	const most = 5
	var in []string
	for _, p := range list.Array() {
		until := p.Get("invalid_time").Int()
		if p.Get("status").String() != "online" || until != 0 && until < now.UnixMilli() {
			continue
		}
		text := fmt.Sprintf("%s has %s of %s units left", outbound.Scrub(p.Get("resource_pack_name").String()),
			p.Get("remaining_quantity").Raw, p.Get("total_quantity").Raw)
		if until != 0 {
			text += " until " + time.UnixMilli(until).UTC().Format(time.DateOnly)
		}
		in = append(in, text)
	}
	if len(in) == 0 {
		return fmt.Sprintf("the key works; none of the %d resource packs is in force", len(list.Array()))
	}
	if len(in) > most {
		in = append(in[:most], fmt.Sprintf("%d more", len(in)-most))
	}
	return "the key works; " + strings.Join(in, ", ")
}
