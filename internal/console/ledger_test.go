package console_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
	"one-api/internal/video"
)

func TestABalanceIsChangedWithAReason(t *testing.T) {
	w := newWorld(t)
	path := fmt.Sprintf("/api/users/%d/balance", w.alice.user.ID)
	var c console.BalanceChange
	w.admin.want(200, &c, "POST", path, map[string]any{"kind": "topup", "usd": "12.50", "reason": "paid by card", "reference": "payment 1"})
	if c.Change.Quota != 6_250_000 || c.Balance.Available != 6_250_000 {
		t.Errorf("changed as %+v", c)
	}
	w.admin.refused(409, "already_done", "POST", path, map[string]any{"kind": "topup", "usd": "12.50", "reason": "paid by card", "reference": "payment 1"})
	w.root.want(200, &c, "POST", path, map[string]any{"kind": "adjust", "amount": -250_000, "reason": "a mistake"})
	if c.Balance.Available != 6_000_000 {
		t.Errorf("changed as %+v", c)
	}
	for name, x := range map[string]struct {
		status int
		code   string
		at     string
		body   any
	}{
		"too much":           {422, "balance_out_of_range", "body.amount", map[string]any{"kind": "adjust", "amount": -6_000_001, "reason": "x"}},
		"too much in usd":    {422, "balance_out_of_range", "body.usd", map[string]any{"kind": "adjust", "usd": "-100", "reason": "x"}},
		"overflowing":        {422, "balance_out_of_range", "body.amount", map[string]any{"kind": "grant", "amount": 9007199254740991, "reason": "x"}},
		"beyond JSON":        {422, "invalid_request", "body.amount", `{"kind":"grant","amount":9007199254740992,"reason":"x"}`},
		"beyond int64":       {422, "invalid_request", "body.amount", `{"kind":"grant","amount":1e30,"reason":"x"}`},
		"a fraction":         {422, "invalid_request", "body.amount", `{"kind":"grant","amount":1.5,"reason":"x"}`},
		"a text":             {422, "invalid_request", "body.amount", `{"kind":"grant","amount":"1","reason":"x"}`},
		"no whole quota":     {400, "invalid_amount", "body.usd", map[string]any{"kind": "grant", "usd": "0.000001", "reason": "x"}},
		"not a number":       {400, "invalid_amount", "body.usd", map[string]any{"kind": "grant", "usd": "NaN", "reason": "x"}},
		"an exponent":        {400, "invalid_amount", "body.usd", map[string]any{"kind": "grant", "usd": "1e3", "reason": "x"}},
		"nothing":            {400, "either_or", "body.amount", map[string]any{"kind": "grant", "reason": "x"}},
		"both":               {400, "either_or", "body.amount", map[string]any{"kind": "grant", "amount": 1, "usd": "1", "reason": "x"}},
		"zero":               {400, "amount_zero", "body.amount", map[string]any{"kind": "grant", "amount": 0, "reason": "x"}},
		"a negative present": {400, "amount_negative", "body.amount", map[string]any{"kind": "grant", "amount": -1, "reason": "x"}},
		"no reason":          {422, "invalid_request", "body.reason", map[string]any{"kind": "grant", "amount": 1}},
		"a blank reason":     {400, "missing_parameter", "body.reason", map[string]any{"kind": "grant", "amount": 1, "reason": "  "}},
		"control characters": {400, "not_printable", "body.reason", map[string]any{"kind": "grant", "amount": 1, "reason": "a\u0007b"}},
		"10 000 characters":  {422, "invalid_request", "body.reason", map[string]any{"kind": "grant", "amount": 1, "reason": strings.Repeat("x", 10_000)}},
		"lines in reference": {400, "not_printable", "body.reference", map[string]any{"kind": "grant", "amount": 1, "reason": "x", "reference": "a\nb"}},
		"a kind of ours":     {422, "invalid_request", "body.kind", map[string]any{"kind": "capture", "amount": 1, "reason": "x"}},
	} {
		p := w.admin.refused(x.status, x.code, "POST", path, x.body)
		if len(p.Errors) == 0 || p.Errors[0].Location != x.at {
			t.Errorf("%s: errors %+v, want %s", name, p.Errors, x.at)
		}
	}
	grant := map[string]any{"kind": "grant", "amount": 1, "reason": "x"}
	w.admin.refused(404, "user_not_found", "POST", "/api/users/999/balance", grant)
	w.alice.refused(403, "role_required", "POST", path, grant)
	w.browser().refused(401, "not_signed_in", "POST", path, grant)
	b, err := w.store.Balance(context.Background(), w.alice.user.ID, false)
	if err != nil || b.Available != 6_000_000 {
		t.Errorf("balance %+v after refusals, %v", b, err)
	}
	rows, err := w.store.QueryText(context.Background(), "SELECT actor, target, request_id FROM audit WHERE action LIKE 'balance.%'")
	if err != nil || len(rows) != 2 || rows[0][0] != fmt.Sprintf("user:%d", w.admin.user.ID) || rows[0][2] == "" {
		t.Errorf("audit %v, %v", rows, err)
	}
	storetest.Verified(t, w.store)
}

// A payment notice that comes ten times at once credits once.
func TestAReferenceCountsOnce(t *testing.T) {
	w := newWorld(t)
	path := fmt.Sprintf("/api/users/%d/balance", w.alice.user.ID)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			a := w.admin.do("POST", path, map[string]any{"kind": "topup", "amount": 100, "reason": "paid", "reference": "payment 7"})
			if a.status != 200 && a.status != 409 {
				t.Errorf("answered %d: %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if b, err := w.store.Balance(context.Background(), w.alice.user.ID, false); err != nil || b.Available != 100 {
		t.Errorf("balance %+v, %v", b, err)
	}
}

// nextMilli returns in another millisecond than it was called in.
func nextMilli() {
	for began := time.Now().UnixMilli(); time.Now().UnixMilli() == began; {
		runtime.Gosched()
	}
}

func TestTheLedgerIsReadByItsOwner(t *testing.T) {
	w := newWorld(t)
	a, b := w.owner(w.alice), w.owner(w.bob)
	ch := w.newChannel("https://example.com")
	nextMilli() // entries of one millisecond have no order
	live := sent(t, a, order(t, a, ch, nil))
	nextMilli()
	x := finished(t, a, live, video.Cost{Unit: "video_unit", Amount: "2"})
	nextMilli()
	order(t, b, 0, nil)
	var p console.Page[console.LedgerEntry]
	w.alice.want(200, &p, "GET", "/api/ledger?limit=2", nil)
	if len(p.Items) != 2 || p.Items[0].Kind != "capture" || p.Items[0].Held != -300_000 || p.Items[1].Available != -300_000 || p.NextCursor == "" || p.Items[0].User != "" {
		t.Errorf("alice's ledger %+v", p)
	}
	next := p.NextCursor
	p = console.Page[console.LedgerEntry]{}
	w.alice.want(200, &p, "GET", "/api/ledger?limit=2&cursor="+next, nil)
	if len(p.Items) != 1 || p.Items[0].Kind != "topup" || p.Items[0].Memo != "welcome" || p.Items[0].Actor != "operator" || p.NextCursor != "" {
		t.Errorf("alice's ledger, next page %+v", p)
	}
	w.admin.want(200, &p, "GET", "/api/ledger", nil)
	if len(p.Items) != 5 || p.Items[0].User != "bob" {
		t.Errorf("the whole ledger %+v", p.Items)
	}
	for query, want := range map[string]int{
		"?kind=topup": 2, "?kind=hold": 2, "?task_id=" + x.ID: 2, fmt.Sprintf("?user_id=%d", w.bob.user.ID): 2,
		fmt.Sprintf("?token_id=%d", a.Token.ID): 2, "?since=2020-01-01T00:00:00Z": 5, "?until=2020-01-01T00:00:00Z": 0,
	} {
		w.admin.want(200, &p, "GET", "/api/ledger"+query, nil)
		if len(p.Items) != want {
			t.Errorf("%s: %d entries, want %d", query, len(p.Items), want)
		}
	}
	// Another's task and token have no entries.
	for _, query := range []string{"?task_id=" + x.ID, fmt.Sprintf("?token_id=%d", a.Token.ID)} {
		w.bob.want(200, &p, "GET", "/api/ledger"+query, nil)
		if len(p.Items) != 0 {
			t.Errorf("bob reads %+v", p.Items)
		}
	}
	for _, path := range []string{"/api/ledger", "/api/ledger.csv"} {
		w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("%s?user_id=%d", path, w.alice.user.ID), nil)
		w.bob.refused(422, "invalid_request", "GET", path+"?kind=gift", nil)
		w.bob.refused(400, "invalid_parameter", "GET", path+"?task_id=%00", nil)
		w.browser().refused(401, "not_signed_in", "GET", path, nil)
	}
}

func TestAnExportIsNoProgram(t *testing.T) {
	w := newWorld(t)
	w.owner(w.bob)
	path := fmt.Sprintf("/api/users/%d/balance", w.alice.user.ID)
	for i, reason := range []string{"=1+1", "@SUM(A1)", "+1", "-1", "paid, \"quoted\"", "＝1"} {
		w.admin.want(200, nil, "POST", path, map[string]any{"kind": "grant", "amount": 1000 + i, "reason": reason, "reference": fmt.Sprintf("=ref%d", i)})
	}
	a := w.alice.want(200, nil, "GET", "/api/ledger.csv", nil)
	if got := a.header.Get("Content-Type"); got != "text/csv; charset=utf-8" || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("exported as %s", got)
	}
	r := csv.NewReader(strings.NewReader(string(a.body)))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 8 || rows[7][0] != "end" || rows[7][1] != "6" {
		t.Fatalf("%d rows, %v: %s", len(rows), err, a.body)
	}
	// Entries of one millisecond are in no order of their own.
	exported := rows[1:7]
	slices.SortFunc(exported, func(a, b []string) int { return strings.Compare(b[10], a[10]) })
	for i, want := range []string{"'＝1", "paid, \"quoted\"", "'-1", "'+1", "'@SUM(A1)", "'=1+1"} {
		if row := exported[i]; row[11] != want || !strings.HasPrefix(row[10], "'=ref") || strings.HasPrefix(row[7], "'") {
			t.Errorf("row %d %q", i, row)
		}
	}
}

// More rows than one part holds, exactly once each.
func TestAnExportIsWhole(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	for range 1100 {
		order(t, a, 0, func(x *task.Task) { x.Quota = 1 })
	}
	got := w.admin.want(200, nil, "GET", "/api/ledger.csv", nil)
	lines := strings.Split(strings.TrimSpace(string(got.body)), "\n")
	seen := map[string]bool{}
	for _, l := range lines[1 : len(lines)-1] {
		seen[l[:strings.IndexByte(l, ',')]] = true
	}
	if len(seen) != 1101 || lines[len(lines)-1] != "end,1101" {
		t.Errorf("%d different entries, last line %q", len(seen), lines[len(lines)-1])
	}
}

func TestAMonthsStatement(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	order(t, a, 0, nil)
	month := w.store.Now().Format("2006-01")
	var st console.Statement
	w.alice.want(200, &st, "GET", "/api/ledger/statement?month="+month, nil)
	sum := st.Opening
	for _, k := range st.Kinds {
		sum.Available += k.Available
		sum.Held += k.Held
	}
	if sum != st.Closing || st.Closing != (console.Funds{Available: 9_700_000, Held: 300_000}) || st.Opening != (console.Funds{}) {
		t.Errorf("statement %+v", st)
	}
	w.admin.want(200, &st, "GET", fmt.Sprintf("/api/ledger/statement?user_id=%d&month=2020-02&tz=Asia/Shanghai", w.alice.user.ID), nil)
	if st.Closing != (console.Funds{}) || st.Since.UTC().Format("2006-01-02T15") != "2020-01-31T16" {
		t.Errorf("statement of another month %+v", st)
	}
	var months struct{ Items []console.Statement }
	w.alice.want(200, &months, "GET", "/api/ledger/months?months=3", nil)
	if len(months.Items) != 3 || months.Items[0].Month != month || months.Items[1].Closing != months.Items[0].Opening || len(months.Items[1].Kinds) != 0 {
		t.Errorf("months %+v", months.Items)
	}
	w.admin.want(200, &months, "GET", fmt.Sprintf("/api/ledger/months?user_id=%d&tz=Asia/Shanghai", w.alice.user.ID), nil)
	if len(months.Items) != 12 || months.Items[0].UserID != w.alice.user.ID {
		t.Errorf("%d months, %+v", len(months.Items), months.Items[0])
	}
	w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/ledger/months?user_id=%d", w.alice.user.ID), nil)
	w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/ledger/statement?user_id=%d&month=%s", w.alice.user.ID, month), nil)
	w.admin.refused(404, "user_not_found", "GET", "/api/ledger/statement?user_id=999&month="+month, nil)
	w.alice.refused(422, "invalid_request", "GET", "/api/ledger/statement?month=2026-13", nil)
	w.alice.refused(422, "invalid_request", "GET", "/api/ledger/statement", nil)
	for _, tz := range []string{"Mars/Olympus", "../../etc/passwd", "Local"} {
		w.alice.refused(400, "invalid_time_zone", "GET", "/api/ledger/statement?tz="+tz+"&month="+month, nil)
	}
}
