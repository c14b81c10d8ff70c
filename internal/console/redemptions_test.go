package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/store/storetest"
)

func TestACodeIsRedeemedOnce(t *testing.T) {
	w := newWorld(t)
	var made console.Page[console.Redemption]
	w.admin.want(201, &made, "POST", "/api/redemptions", map[string]any{"name": "spring", "count": 3, "quota": 500_000})
	if len(made.Items) != 3 || made.Items[0].Code == "" || made.Items[0].Amount.USD != "1.00" || made.Items[0].Code == made.Items[1].Code {
		t.Fatalf("made %+v", made)
	}
	code := made.Items[0].Code
	var got console.Redeemed
	w.alice.want(200, &got, "POST", "/api/redemptions/redeem", map[string]any{"code": strings.ToUpper(code)})
	if got.Credited.Quota != 500_000 || got.Balance.Available != 500_000 || got.Name != "spring" {
		t.Errorf("redeemed %+v", got)
	}
	p := w.bob.refused(409, "code_used", "POST", "/api/redemptions/redeem", map[string]any{"code": code})
	if p.Errors[0].Location != "body.code" {
		t.Errorf("errors %+v", p.Errors)
	}
	w.admin.want(200, nil, "PATCH", fmt.Sprintf("/api/redemptions/%d", made.Items[1].ID), map[string]any{"status": "disabled"})
	w.bob.refused(404, "code_not_valid", "POST", "/api/redemptions/redeem", map[string]any{"code": made.Items[1].Code})
	w.admin.refused(409, "redemption_not_open", "PATCH", fmt.Sprintf("/api/redemptions/%d", made.Items[0].ID), map[string]any{"status": "disabled"})

	var list console.Page[console.Redemption]
	a := w.admin.want(200, &list, "GET", "/api/redemptions", nil)
	if len(list.Items) != 3 || list.Items[2].Status != "used" || list.Items[2].User != "alice" || list.Items[2].UsedAt == nil || list.Items[1].Status != "disabled" {
		t.Errorf("listed %+v", list.Items)
	}
	for _, m := range made.Items {
		if strings.Contains(string(a.body), m.Code) {
			t.Error("the list holds a code")
		}
	}
	for query, want := range map[string]int{"?status=open": 1, "?status=used": 1, "?name=spring": 3, "?name=autumn": 0, "?prefix=" + list.Items[2].Prefix: 1,
		fmt.Sprintf("?used_by=%d", w.alice.user.ID): 1} {
		w.admin.want(200, &list, "GET", "/api/redemptions"+query, nil)
		if len(list.Items) != want {
			t.Errorf("%s: %d codes, want %d", query, len(list.Items), want)
		}
	}
	var ledger console.Page[console.LedgerEntry]
	w.alice.want(200, &ledger, "GET", "/api/ledger", nil)
	if len(ledger.Items) != 1 || ledger.Items[0].Kind != "redeem" || ledger.Items[0].Available != 500_000 {
		t.Errorf("ledger %+v", ledger.Items)
	}
	storetest.Verified(t, w.store)
}

func TestOnlyAdministratorsMakeCodes(t *testing.T) {
	w := newWorld(t)
	batch := map[string]any{"name": "x", "quota": 1}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/redemptions", nil}, {"POST", "/api/redemptions", batch}, {"GET", "/api/redemptions/1", nil},
		{"PATCH", "/api/redemptions/1", map[string]any{"status": "open"}},
	} {
		w.alice.refused(403, "role_required", c.method, c.path, c.body)
		w.browser().refused(401, "not_signed_in", c.method, c.path, c.body)
	}
	w.browser().refused(401, "not_signed_in", "POST", "/api/redemptions/redeem", map[string]any{"code": "x"})
	w.admin.refused(404, "redemption_not_found", "GET", "/api/redemptions/7", nil)
	w.admin.refused(404, "redemption_not_found", "PATCH", "/api/redemptions/7", map[string]any{"status": "open"})
}

func TestWrongBatchesAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		status int
		at     string
		body   any
	}{
		"too many":           {422, "body.count", map[string]any{"name": "x", "quota": 1, "count": 1001}},
		"none":               {422, "body.count", map[string]any{"name": "x", "quota": 1, "count": 0}},
		"worth nothing":      {422, "body.quota", map[string]any{"name": "x", "quota": 0}},
		"worth less":         {422, "body.quota", map[string]any{"name": "x", "quota": -5}},
		"worth too much":     {422, "body.quota", `{"name":"x","quota":9007199254740992}`},
		"no name":            {422, "body.name", map[string]any{"quota": 1}},
		"a long name":        {422, "body.name", map[string]any{"quota": 1, "name": strings.Repeat("x", 10_000)}},
		"control characters": {400, "body.name", map[string]any{"quota": 1, "name": "a\u0000b"}},
		"over already":       {400, "body.expires_at", map[string]any{"quota": 1, "name": "x", "expires_at": time.Now().Add(-time.Hour)}},
		"no time":            {422, "body.expires_at", map[string]any{"quota": 1, "name": "x", "expires_at": "never"}},
	} {
		code := "invalid_request"
		if c.status == 400 {
			code = map[string]string{"body.name": "invalid_name", "body.expires_at": "expires_in_past"}[c.at]
		}
		p := w.admin.refused(c.status, code, "POST", "/api/redemptions", c.body)
		if len(p.Errors) == 0 || p.Errors[0].Location != c.at {
			t.Errorf("%s: errors %+v, want %s", name, p.Errors, c.at)
		}
	}
	rows, err := w.store.QueryText(context.Background(), "SELECT COUNT(*) FROM redemptions")
	if err != nil || rows[0][0] != "0" {
		t.Errorf("%v codes after refusals, %v", rows, err)
	}
}

func TestGuessingAtCodesIsLimited(t *testing.T) {
	w := newWorld(t)
	limited := false
	for i := range 15 {
		a := w.alice.do("POST", "/api/redemptions/redeem", map[string]any{"code": fmt.Sprintf("rc-%05d", i)})
		limited = limited || a.status == 429 && a.header.Get("Retry-After") != ""
	}
	if !limited {
		t.Error("15 guesses went through")
	}
}
