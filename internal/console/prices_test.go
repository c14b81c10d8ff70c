package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"one-api/internal/console"
	"one-api/internal/price"
	"one-api/internal/store"
)

func (w *world) prices() console.Prices {
	w.t.Helper()
	var p console.Prices
	w.admin.want(200, &p, "GET", "/api/prices", nil)
	return p
}

// rule is a rule in force that sells a model for text2video.
func (w *world) rule(model string) price.Rule {
	w.t.Helper()
	p := w.prices()
	for _, s := range p.Samples {
		if s.Order.Model == model && s.Order.Type == "text2video" && s.Price != nil {
			i := slices.IndexFunc(p.Rules, func(r price.Rule) bool { return r.ID == s.Price.Rule })
			return p.Rules[i]
		}
	}
	w.t.Fatalf("no price for %s", model)
	return price.Rule{}
}

// asMap is a rule as a client would edit it.
func asMap(t *testing.T, r price.Rule, changes map[string]any) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	for k, v := range changes {
		out[k] = v
	}
	return out
}

func TestPricesTellPriceCostAndMargin(t *testing.T) {
	w := newWorld(t)
	p := w.prices()
	if p.Version != 1 || len(p.Rules) == 0 || len(p.Warnings) != 0 {
		t.Errorf("version %d, %d rules, warnings %v", p.Version, len(p.Rules), p.Warnings)
	}
	for _, s := range p.Samples {
		if s.Price == nil || s.Price.Quota <= 0 || s.Margin != nil && s.Margin.Quota != s.Price.Quota-s.Cost.Quota {
			t.Errorf("sample %+v", s)
		}
	}
	i := slices.IndexFunc(p.Samples, func(s console.PricedOrder) bool {
		return s.Order.Model == "kling-v1-5-std" && s.Order.Type == "text2video"
	})
	// 50 × 1.2 cents; Kling bills 2 units.
	if s := p.Samples[i]; s.Price.Quota != 300_000 || s.Cost.Quota != 140_000 || s.Margin.USD != "0.32" {
		t.Errorf("kling-v1-5-std: price %v cost %v margin %v", s.Price, s.Cost, s.Margin)
	}
	w.admin.want(201, nil, "POST", "/api/groups", map[string]string{"name": "vip", "ratio": "0.5"})
	w.admin.want(200, &p, "GET", "/api/prices?group=vip", nil)
	if p.Samples[i].Price.Quota != 150_000 || p.Ratio != "0.5" {
		t.Errorf("for vip %+v", p.Samples[i].Price)
	}
	w.admin.refused(404, "group_not_found", "GET", "/api/prices?group=nobody", nil)
}

func TestThePublicSeesNoCost(t *testing.T) {
	w := newWorld(t)
	var p console.PublicPrices
	a := w.browser().want(200, &p, "GET", "/api/prices/public", nil)
	if len(p.Samples) == 0 || p.Samples[0].Price.Quota <= 0 {
		t.Errorf("public prices %+v", p)
	}
	for _, word := range []string{"cost", "margin", "rule", "source"} {
		if strings.Contains(string(a.body), word) {
			t.Errorf("the public reads of %s", word)
		}
	}
}

func TestOnlyAdministratorsManagePrices(t *testing.T) {
	w := newWorld(t)
	for _, call := range [][2]string{
		{"GET", "/api/prices"}, {"PUT", "/api/prices"}, {"POST", "/api/prices/preview"}, {"GET", "/api/prices/versions"},
		{"GET", "/api/prices/versions/1"}, {"POST", "/api/prices/versions/1/restore"},
	} {
		var body any
		switch {
		case strings.HasSuffix(call[1], "preview"):
			body = map[string]any{}
		case call[0] != "GET":
			body = map[string]any{"version": 1}
		}
		w.alice.refused(403, "role_required", call[0], call[1], body)
		w.browser().refused(401, "not_signed_in", call[0], call[1], body)
	}
}

func TestOnePriceIsEditedAndRestored(t *testing.T) {
	w := newWorld(t)
	was := w.rule("kling-v1-5-std")
	edit := map[string]any{"version": 1, "note": "spring", "set": []any{asMap(t, was, map[string]any{"amount": "0.75"})}}
	var p console.Prices
	w.admin.want(200, &p, "PUT", "/api/prices", edit)
	if p.Version != 2 || p.Note != "spring" || p.Actor != fmt.Sprintf("user:%d", w.admin.user.ID) {
		t.Errorf("in force %+v", p.PriceVersion)
	}
	if w.rule("kling-v1-5-std").Amount.String() != "0.75" || w.store.Directory().View().Catalogue.Version() != 2 {
		t.Error("the edit is not in force")
	}
	w.admin.refused(409, "version_conflict", "PUT", "/api/prices", edit)
	var page console.Page[console.PriceVersion]
	w.admin.want(200, &page, "GET", "/api/prices/versions?limit=1", nil)
	if len(page.Items) != 1 || page.Items[0].Version != 2 || page.NextCursor == "" {
		t.Errorf("versions %+v", page)
	}
	next := page.NextCursor
	page = console.Page[console.PriceVersion]{}
	w.admin.want(200, &page, "GET", "/api/prices/versions?limit=1&cursor="+next, nil)
	if len(page.Items) != 1 || page.Items[0].Version != 1 || page.NextCursor != "" {
		t.Errorf("versions, next page %+v", page)
	}
	w.admin.want(200, &p, "GET", "/api/prices/versions/1", nil)
	if !slices.ContainsFunc(p.Rules, func(r price.Rule) bool { return r.ID == was.ID && r.Amount == was.Amount }) {
		t.Error("version 1 has changed")
	}
	w.admin.refused(404, "price_version_not_found", "GET", "/api/prices/versions/99", nil)
	w.admin.refused(409, "version_conflict", "POST", "/api/prices/versions/1/restore", map[string]any{"version": 1})
	w.root.want(200, &p, "POST", "/api/prices/versions/1/restore", map[string]any{"version": 2})
	if p.Version != 3 || p.Note != "version 1 restored" || w.rule("kling-v1-5-std").Amount != was.Amount {
		t.Errorf("restored as %+v", p.PriceVersion)
	}
	rows, err := w.store.QueryText(context.Background(), "SELECT actor, detail FROM audit WHERE action = 'prices.update' ORDER BY id")
	if err != nil || len(rows) != 2 || !strings.Contains(rows[0][1], `"amount":"0.75"`) || !strings.Contains(rows[0][1], was.Amount.String()) {
		t.Errorf("audit %v, %v", rows, err)
	}
}

func TestTheWholeCatalogueIsReplaced(t *testing.T) {
	w := newWorld(t)
	rules := w.prices().Rules
	var p console.Prices
	w.admin.want(200, &p, "PUT", "/api/prices", map[string]any{"version": 1, "rules": rules[1:]})
	if len(p.Rules) != len(rules)-1 {
		t.Errorf("%d rules, want %d", len(p.Rules), len(rules)-1)
	}
	last := p.Rules[len(p.Rules)-1].ID
	w.admin.want(200, &p, "PUT", "/api/prices", map[string]any{"version": 2, "remove": []string{last}})
	if len(p.Rules) != len(rules)-2 {
		t.Errorf("%d rules after removing one", len(p.Rules))
	}
}

func TestWrongPricesAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	r := w.rule("kling-v1-5-std")
	set := func(changes map[string]any) map[string]any {
		return map[string]any{"version": 1, "set": []any{asMap(t, w.rule("kling-v1-6-std"), nil), asMap(t, r, changes)}}
	}
	for name, c := range map[string]struct {
		status int
		code   string
		at     string
		body   any
	}{
		"free by accident":   {400, "invalid_price_rule", "body.set[1].amount", set(map[string]any{"amount": "0"})},
		"below zero":         {422, "invalid_request", "body.set[1].amount", set(map[string]any{"amount": "-1"})},
		"a float":            {422, "invalid_request", "body.set[1].amount", set(map[string]any{"amount": 0.6})},
		"not a number":       {422, "invalid_request", "", set(map[string]any{"amount": "NaN"})},
		"too many digits":    {422, "invalid_request", "", set(map[string]any{"amount": strings.Repeat("9", 40)})},
		"free with a price":  {400, "invalid_price_rule", "body.set[1].amount", set(map[string]any{"free": true})},
		"a factor of zero":   {400, "invalid_price_rule", "body.set[1].factors[0].values", set(map[string]any{"factors": []any{map[string]any{"by": "type", "values": map[string]any{"*": "0"}}}})},
		"no such unit":       {400, "invalid_price_rule", "body.set[1].per", set(map[string]any{"per": "fortnight"})},
		"a misspelt field":   {422, "invalid_request", "body.set[1].ammount", set(map[string]any{"ammount": "1"})},
		"markup in an id":    {400, "invalid_price_rule", "body.set[1].id", set(map[string]any{"id": "<script>"})},
		"control characters": {400, "invalid_price_rule", "body.set[1]", set(map[string]any{"source": "a\u0000b"})},
		"10 000 characters":  {400, "invalid_price_rule", "body.set[1]", set(map[string]any{"source": strings.Repeat("x", 10_000)})},
		"the same orders":    {409, "duplicate_price_rule", "body.match", set(map[string]any{"id": "another-one"})},
		"twice":              {409, "duplicate_price_rule", "body.set[1].id", map[string]any{"version": 1, "set": []any{asMap(t, r, nil), asMap(t, r, nil)}}},
		"nothing":            {400, "either_or", "body.rules", map[string]any{"version": 1}},
		"both":               {400, "either_or", "body.rules", map[string]any{"version": 1, "rules": []any{asMap(t, r, nil)}, "remove": []string{r.ID}}},
		"an unknown removal": {400, "price_rule_not_found", "body.remove[0]", map[string]any{"version": 1, "remove": []string{"nobody"}}},
		"a note of lines":    {400, "not_printable", "body.note", map[string]any{"version": 1, "note": "a\nb", "remove": []string{r.ID}}},
		"no version":         {422, "invalid_request", "body.version", map[string]any{"remove": []string{r.ID}}},
	} {
		p := w.admin.refused(c.status, c.code, "PUT", "/api/prices", c.body)
		if c.at != "" && (len(p.Errors) == 0 || p.Errors[0].Location != c.at) {
			t.Errorf("%s: errors %+v, want %s", name, p.Errors, c.at)
		}
	}
	w.admin.refused(413, "body_too_large", "PUT", "/api/prices", `{"version":1,"note":"`+strings.Repeat("x", 3<<20)+`"}`)
	if p := w.prices(); p.Version != 1 {
		t.Errorf("version %d after refusals only", p.Version)
	}
}

func TestSellingBelowCostIsAWarningInTheAnswer(t *testing.T) {
	w := newWorld(t)
	r := w.rule("kling-v1-5-std")
	var p console.Prices
	w.admin.want(200, &p, "PUT", "/api/prices", map[string]any{"version": 1, "set": []any{asMap(t, r, map[string]any{"amount": "0.01"})}})
	if len(p.Warnings) == 0 || p.Warnings[0].Code != "below_cost" || p.Warnings[0].Model != "kling-v1-5-std" {
		t.Errorf("warnings %+v", p.Warnings)
	}
	w.admin.want(200, &p, "PUT", "/api/prices", map[string]any{"version": 2, "remove": []string{r.ID}})
	if !slices.ContainsFunc(p.Warnings, func(x console.PriceWarning) bool { return x.Code == "no_price" && x.Model == "kling-v1-5-std" }) {
		t.Errorf("warnings %+v", p.Warnings)
	}
	w.admin.want(200, nil, "PUT", "/api/prices", map[string]any{"version": 3, "set": []any{asMap(t, r, map[string]any{"amount": "0", "free": true})}})
}

func TestAPreviewChangesNothing(t *testing.T) {
	w := newWorld(t)
	r := w.rule("kling-v1-5-std")
	var p console.PricePreview
	w.admin.want(200, &p, "POST", "/api/prices/preview", map[string]any{
		"set":    []any{asMap(t, r, map[string]any{"amount": "1"})},
		"orders": []any{map[string]any{"type": "text2video", "model": "kling-v1-5-std", "duration": 10, "aspect_ratio": "1:1"}},
	})
	last := p.Orders[len(p.Orders)-1]
	if last.Now.Price.Quota != 500_000 || last.Then.Price.Quota != 1_000_000 || last.Difference.Quota != 500_000 || last.Then.Margin.Quota != 1_000_000-280_000 {
		t.Errorf("previewed %+v", last)
	}
	if len(p.Changes) != 1 || p.Changes[0].ID != r.ID || p.Version != 1 || w.prices().Version != 1 {
		t.Errorf("changes %+v, version %d", p.Changes, p.Version)
	}
	bad := w.admin.refused(404, "model_not_found", "POST", "/api/prices/preview", map[string]any{
		"remove": []string{r.ID}, "orders": []any{map[string]any{"type": "text2video", "model": "gpt-4"}},
	})
	if bad.Errors[0].Location != "body.orders[0].model" {
		t.Errorf("errors %+v", bad.Errors)
	}
}

// A price change counts for the next order of every node.
func TestAnotherNodePricesByTheNewVersion(t *testing.T) {
	w := newWorld(t)
	v, err := w.store.CurrentPrices(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.PutPrices(context.Background(), store.CLI, v.Version, v.Rules[1:], ""); err != nil {
		t.Fatal(err)
	}
	if w.prices().Version != 2 {
		t.Error("the console shows the old prices")
	}
}
