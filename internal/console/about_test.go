package console_test

import (
	"sync"
	"testing"

	"one-api/internal/console"
	"one-api/internal/store"
)

func TestWhatTheGatewayIs(t *testing.T) {
	w := newWorldOn(t, store.SQLite, func(c *console.Console) { c.ServerAddress = "https://gw.example.com" })
	var a console.About
	w.alice.want(200, &a, "GET", "/api/about", nil)
	if a.Version != "test" || a.QuotaPerUnit != 500_000 || a.Details != nil {
		t.Errorf("a user sees %+v", a)
	}
	w.admin.want(200, &a, "GET", "/api/about", nil)
	d := a.Details
	if d == nil || d.Database.Kind != "sqlite" || d.Database.Version == "" || d.Database.SizeBytes == 0 || d.Redis != "none" || !d.Reachable || d.MaxBodyMB != 32 {
		t.Errorf("an administrator sees %+v", d)
	}
	w.browser().refused(401, "not_signed_in", "GET", "/api/about", nil)
}

func TestOnlyAddressesThatAnUpstreamMayReachArePublic(t *testing.T) {
	for address, want := range map[string]bool{
		"https://gw.example.com": true, "http://203.0.113.7:3000": true, "": false, "http://localhost:3000": false, "http://127.0.0.1": false,
		"http://192.168.1.4:3000": false, "http://[::1]:3000": false, "http://gateway:3000": false, "https://gw.internal": false,
	} {
		w := newWorldOn(t, store.SQLite, func(c *console.Console) { c.ServerAddress = address })
		var a console.About
		w.admin.want(200, &a, "GET", "/api/about", nil)
		if a.Details.Reachable != want {
			t.Errorf("%q is public: %v", address, a.Details.Reachable)
		}
	}
}

func TestTheBooksAreVerifiedOnRequest(t *testing.T) {
	w := newWorld(t)
	a := w.owner(w.alice)
	order(t, a, 1, nil)
	w.alice.refused(403, "role_required", "POST", "/api/verify", nil)
	var v console.Verification
	w.admin.want(200, &v, "POST", "/api/verify", nil)
	if !v.OK || len(v.Mismatches) != 0 || v.CheckedAt.IsZero() {
		t.Errorf("verified %+v", v)
	}
	if err := w.store.Exec(t.Context(), "UPDATE accounts SET balance = balance + 1 WHERE id = (SELECT id FROM (SELECT MIN(id) AS id FROM accounts) m)"); err != nil {
		t.Fatal(err)
	}
	w.admin.want(200, &v, "POST", "/api/verify", nil)
	if v.OK || len(v.Mismatches) == 0 || v.Mismatches[0].Kind != "account" || v.Mismatches[0].Detail == "" {
		t.Errorf("verified %+v", v)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if a := w.admin.do("POST", "/api/verify", nil); a.status != 200 && a.status != 409 {
				t.Errorf("one of several answered %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
}
