package console_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/directory"
	"one-api/internal/limit"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// body is a JSON object.
type body map[string]any

// unhurried is a console whose limits never bind: each try comes a minute
// after the one before.
func unhurried(c *console.Console) {
	now := time.Now()
	c.Limit = limit.New(func() time.Time { now = now.Add(time.Minute); return now })
}

func patient(t *testing.T) *world { return newWorldOn(t, store.SQLite, unhurried) }

// signedIn is a browser in which a user of the world has signed in.
func (w *world) signedIn(name string) *client {
	b := w.browser()
	b.want(200, nil, "POST", "/api/session", body{"name": name, "password": password})
	return b
}

func (w *world) registration(r directory.Registration) {
	w.t.Helper()
	if err := w.store.SetSetting(context.Background(), "registration", r); err != nil {
		w.t.Fatal(err)
	}
}

func TestUsersAreManaged(t *testing.T) {
	w := patient(t)
	var u console.User
	w.admin.want(201, &u, "POST", "/api/users", body{"name": "carol", "password": "a long password", "email": "carol@example.com", "display_name": "Carol 卡罗"})
	if u.Role != "user" || u.Status != "enabled" || u.Group != "default" || !u.HasPassword || u.Version != 1 {
		t.Errorf("made %+v", u)
	}
	path := fmt.Sprintf("/api/users/%d", u.ID)
	w.admin.refused(409, "name_taken", "POST", "/api/users", body{"name": "carol"})

	w.admin.want(201, nil, "POST", "/api/groups", body{"name": "vip"})
	w.admin.want(200, &u, "PATCH", path, body{"version": 1, "group": "vip", "email": ""})
	if u.Group != "vip" || u.Email != "" || u.DisplayName != "Carol 卡罗" || u.Version != 2 {
		t.Errorf("changed to %+v", u)
	}
	w.admin.refused(409, "version_conflict", "PATCH", path, body{"version": 1, "group": "default"})
	w.admin.refused(400, "group_not_found", "PATCH", path, body{"version": 2, "group": "nobody"})

	var d console.UserDetail
	w.admin.want(200, &d, "GET", path, nil)
	if d.Name != "carol" || d.Available != 0 || d.Tokens != 0 || d.TOTP {
		t.Errorf("detail %+v", d)
	}
	b := w.browser()
	b.want(200, nil, "POST", "/api/session", body{"name": "carol", "password": "a long password"})
	w.admin.want(200, &u, "PATCH", path, body{"version": 2, "status": "disabled"})
	b.refused(401, "not_signed_in", "GET", "/api/me", nil)
	b.refused(401, "wrong_credentials", "POST", "/api/session", body{"name": "carol", "password": "a long password"})

	w.admin.want(204, nil, "DELETE", path, nil)
	w.admin.refused(404, "user_not_found", "GET", path, nil)
	w.admin.refused(404, "user_not_found", "DELETE", path, nil)
	w.admin.want(201, nil, "POST", "/api/users", body{"name": "carol"})
}

func TestUsersAreListedByPagesAndFilters(t *testing.T) {
	w := newWorld(t)
	var p console.Page[console.ListedUser]
	w.admin.want(200, &p, "GET", "/api/users?limit=3", nil)
	if len(p.Items) != 3 || p.Items[0].Name != "bob" || p.NextCursor == "" {
		t.Fatalf("first page %+v", p)
	}
	before := p.Items[0].Available
	w.admin.want(200, nil, "POST", fmt.Sprintf("/api/users/%d/balance", p.Items[0].ID), body{"kind": "grant", "amount": 250, "reason": "listed"})
	w.admin.want(200, &p, "GET", "/api/users?limit=3", nil)
	if got := p.Items[0].Available - before; got != 250 {
		t.Errorf("the list shows %d more than before, want 250", got)
	}
	cursor := p.NextCursor
	p = console.Page[console.ListedUser]{}
	w.admin.want(200, &p, "GET", "/api/users?limit=3&cursor="+cursor, nil)
	if len(p.Items) != 1 || p.Items[0].Name != "root" || p.NextCursor != "" {
		t.Errorf("second page %+v", p)
	}
	for query, want := range map[string]string{
		"search=AL": "alice", "role=admin": "admin", "status=disabled": "", "group=default&search=b": "bob", "search=%25": "", "search=%27%3B--": "",
	} {
		w.admin.want(200, &p, "GET", "/api/users?"+query, nil)
		got := ""
		for _, u := range p.Items {
			got += u.Name
		}
		if got != want {
			t.Errorf("%s found %q, want %q", query, got, want)
		}
	}
	w.admin.refused(422, "invalid_request", "GET", "/api/users?role=god", nil)
	w.admin.refused(400, "invalid_cursor", "GET", "/api/users?cursor=!!", nil)
}

func TestOnlyRootTouchesAdministrators(t *testing.T) {
	w := newWorld(t)
	rootPath, adminPath, alicePath := userPath(w.root), userPath(w.admin), userPath(w.alice)
	w.admin.refused(403, "role_required", "POST", "/api/users", body{"name": "eve", "role": "admin"})
	w.admin.refused(403, "role_required", "POST", "/api/users", body{"name": "eve", "role": "root"})
	for _, path := range []string{rootPath, adminPath} {
		w.admin.refused(403, "role_required", "PATCH", path, body{"version": 1, "status": "disabled"})
		w.admin.refused(403, "role_required", "PATCH", path, body{"version": 1, "email": "evil@example.com"})
		w.admin.refused(403, "role_required", "DELETE", path, nil)
		w.admin.refused(403, "role_required", "POST", path+"/reset", nil)
		w.admin.refused(403, "role_required", "DELETE", path+"/totp", nil)
	}
	w.admin.refused(403, "role_required", "PATCH", alicePath, body{"version": 1, "role": "admin"})
	w.admin.want(200, nil, "PATCH", alicePath, body{"version": 1, "role": "user", "display_name": "A"})

	var u console.User
	w.root.want(200, &u, "PATCH", alicePath, body{"version": 2, "role": "admin"})
	if u.Role != "admin" {
		t.Errorf("made %+v", u)
	}
	w.alice.want(200, nil, "GET", "/api/users", nil) // at once, by the same token
	w.root.want(201, nil, "POST", "/api/users", body{"name": "second", "role": "root"})
}

func TestTheLastRootCannotGo(t *testing.T) {
	w := newWorld(t)
	path := userPath(w.root)
	for _, change := range []body{{"version": 1, "role": "admin"}, {"version": 1, "status": "disabled"}} {
		p := w.root.refused(409, "last_root", "PATCH", path, change)
		if !strings.Contains(p.Detail, "another user") {
			t.Errorf("refused without advice: %q", p.Detail)
		}
	}
	w.root.refused(409, "last_root", "DELETE", path, nil)
	w.root.want(201, nil, "POST", "/api/users", body{"name": "second", "role": "root"})
	w.root.want(200, nil, "PATCH", path, body{"version": 1, "role": "user"})
	w.root.refused(403, "role_required", "GET", "/api/users", nil)
}

func TestAUserInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	f := storetest.NewFixture(t, w.store, 1_000_000, nil)
	if _, err := f.Accept(f.Order(300_000)); err != nil {
		t.Fatal(err)
	}
	p := w.admin.refused(409, "in_use", "DELETE", fmt.Sprintf("/api/users/%d", f.User.ID), nil)
	if !strings.Contains(p.Detail, "Disable the user") {
		t.Errorf("refused without advice: %q", p.Detail)
	}
}

func userPath(c *client) string { return fmt.Sprintf("/api/users/%d", c.user.ID) }

func TestPlainUsersManageNobody(t *testing.T) {
	w := newWorld(t)
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/users", nil},
		{"POST", "/api/users", body{"name": "eve"}},
		{"GET", userPath(w.bob), nil},
		{"GET", "/api/users/9999", nil},
		{"GET", userPath(w.alice), nil},
		{"PATCH", userPath(w.bob), body{"version": 1}},
		{"PATCH", "/api/users/9999", body{"version": 1}},
		{"DELETE", userPath(w.bob), nil},
		{"POST", userPath(w.bob) + "/reset", nil},
		{"POST", "/api/users/9999/reset", nil},
		{"DELETE", userPath(w.bob) + "/totp", nil},
		{"GET", "/api/invitations", nil},
		{"POST", "/api/invitations", body{}},
		{"DELETE", "/api/invitations/1", nil},
	} {
		// The same answer whether the other exists or not.
		w.alice.refused(403, "role_required", call.method, call.path, call.body)
		w.browser().refused(401, "not_signed_in", call.method, call.path, call.body)
	}
}

func TestOthersThingsDoNotExist(t *testing.T) {
	w := patient(t)
	alice, bob := w.signedIn("alice"), w.signedIn("bob")
	var sessions console.Page[console.Session]
	alice.want(200, &sessions, "GET", "/api/me/sessions", nil)
	var token console.PersonalToken
	alice.want(201, &token, "POST", "/api/me/personal-tokens", body{"name": "script"})
	k, err := w.store.AddPasskey(context.Background(), store.CLI, store.Passkey{UserID: w.alice.user.ID, Name: "laptop", Site: "x", Record: "{}"}, []byte("c"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.LinkOIDC(context.Background(), store.CLI, store.OIDCIdentity{UserID: w.alice.user.ID, Issuer: "https://i", Subject: "s"}); err != nil {
		t.Fatal(err)
	}
	var linked console.Page[console.LinkedAccount]
	alice.want(200, &linked, "GET", "/api/me/oidc", nil)
	for _, c := range []struct {
		method, path, missing, code string
		body                        any
	}{
		{"DELETE", "/api/me/sessions/" + sessions.Items[0].ID, "/api/me/sessions/0123456789abcdef", "session_not_found", nil},
		{"DELETE", fmt.Sprintf("/api/me/personal-tokens/%d", token.ID), "/api/me/personal-tokens/999", "personal_token_not_found", nil},
		{"DELETE", fmt.Sprintf("/api/me/passkeys/%d", k.ID), "/api/me/passkeys/999", "passkey_not_found", nil},
		{"PATCH", fmt.Sprintf("/api/me/passkeys/%d", k.ID), "/api/me/passkeys/999", "passkey_not_found", body{"name": "mine"}},
		{"DELETE", fmt.Sprintf("/api/me/oidc/%d", linked.Items[0].ID), "/api/me/oidc/999", "identity_not_found", nil},
	} {
		theirs := bob.refused(404, c.code, c.method, c.path, c.body)
		nobodys := bob.refused(404, c.code, c.method, c.missing, c.body)
		if theirs.Detail != nobodys.Detail {
			t.Errorf("%s tells %q of another's and %q of nobody's", c.path, theirs.Detail, nobodys.Detail)
		}
	}
	alice.want(200, nil, "GET", "/api/me", nil)
	for path, n := range map[string]int{"/api/me/sessions": 1, "/api/me/personal-tokens": 2, "/api/me/passkeys": 1, "/api/me/oidc": 1} {
		var p console.Page[map[string]any]
		alice.want(200, &p, "GET", path, nil)
		if len(p.Items) != n {
			t.Errorf("%s has %d items after the other's tries, want %d", path, len(p.Items), n)
		}
	}
}

func TestMyOwnFields(t *testing.T) {
	w := newWorld(t)
	var me console.Me
	w.alice.want(200, &me, "PATCH", "/api/me", body{"version": 1, "display_name": "Alice", "email": "alice@example.com"})
	if me.DisplayName != "Alice" || me.Email != "alice@example.com" || me.Version != 2 || me.Role != "user" {
		t.Errorf("changed to %+v", me)
	}
	w.alice.refused(409, "version_conflict", "PATCH", "/api/me", body{"version": 1, "display_name": "B"})
	w.alice.refused(422, "invalid_request", "PATCH", "/api/me", body{"version": 2, "role": "root"})
	w.alice.refused(422, "invalid_request", "PATCH", "/api/me", body{"version": 2, "group": "vip"})
	for _, bad := range []string{"nobody", "a@b@c", "Alice <alice@example.com>", "a@example.com\nBcc: x", "<script>@example.com"} {
		w.alice.refused(400, "invalid_email", "PATCH", "/api/me", body{"version": 2, "email": bad})
	}
	// A personal access token makes no new ways to sign in.
	w.alice.refused(403, "session_required", "POST", "/api/me/personal-tokens", body{"name": "more"})
	w.alice.refused(403, "session_required", "POST", "/api/me/passkeys/begin", nil)
	w.alice.refused(403, "session_required", "POST", "/api/me/totp", body{"password": password})
	w.alice.refused(403, "session_required", "POST", "/api/me/oidc", nil)
}

func TestAPasswordChangeEndsTheOtherSessions(t *testing.T) {
	w := patient(t)
	here, there := w.signedIn("alice"), w.signedIn("alice")
	const next = "another horse battery"
	here.refused(403, "password_required", "POST", "/api/me/password", body{"password": next})
	here.refused(403, "wrong_password", "POST", "/api/me/password", body{"old_password": "guess", "password": next})
	for _, c := range []struct{ text, code string }{{"short", "password_length"}, {strings.Repeat("界", 257), ""}, {"", "password_length"}} {
		a := here.do("POST", "/api/me/password", body{"old_password": password, "password": c.text})
		if a.status != 400 && a.status != 422 || !strings.Contains(string(a.body), c.code) {
			t.Errorf("password %.20q answered %d %s", c.text, a.status, a.body)
		}
	}
	here.want(204, nil, "POST", "/api/me/password", body{"old_password": password, "password": next})
	here.want(200, nil, "GET", "/api/me", nil)
	there.refused(401, "not_signed_in", "GET", "/api/me", nil)
	there.refused(401, "wrong_credentials", "POST", "/api/session", body{"name": "alice", "password": password})
	there.want(200, nil, "POST", "/api/session", body{"name": "alice", "password": next})
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	w := patient(t)
	here, there := w.signedIn("alice"), w.signedIn("alice")
	var p console.Page[console.Session]
	a := here.want(200, &p, "GET", "/api/me/sessions", nil)
	if len(p.Items) != 2 {
		t.Fatalf("sessions %s", a.body)
	}
	for _, row := range mustRows(t, w, "SELECT hash FROM sessions") {
		if strings.Contains(string(a.body), row[0]) {
			t.Error("the list tells a session's hash")
		}
	}
	for _, s := range p.Items {
		if !s.Current {
			here.want(204, nil, "DELETE", "/api/me/sessions/"+s.ID, nil)
		}
	}
	there.refused(401, "not_signed_in", "GET", "/api/me", nil)
	here.want(200, nil, "GET", "/api/me", nil)
}

func mustRows(t *testing.T, w *world, query string) [][]string {
	t.Helper()
	rows, err := w.store.QueryText(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEachSignInHasANewSession(t *testing.T) {
	w := patient(t)
	b := w.signedIn("alice")
	before := mustRows(t, w, "SELECT hash FROM sessions")
	b.want(200, nil, "POST", "/api/session", body{"name": "alice", "password": password})
	after := mustRows(t, w, "SELECT hash FROM sessions")
	if len(before) != 1 || len(after) != 1 || before[0][0] == after[0][0] {
		t.Errorf("sessions before %v, after %v", before, after)
	}
	// A cookie that somebody planted is not taken over.
	planted := w.browser()
	a := planted.do("POST", "/api/session", body{"name": "alice", "password": password}, "Cookie", "session=planted")
	if a.status != 200 || strings.Contains(a.header.Get("Set-Cookie"), "planted") || !strings.Contains(a.header.Get("Set-Cookie"), "HttpOnly; SameSite=Lax") {
		t.Errorf("signed in with %q", a.header.Get("Set-Cookie"))
	}
}

func TestPersonalTokensAreShownOnce(t *testing.T) {
	w := patient(t)
	b := w.signedIn("alice")
	var made console.PersonalToken
	b.want(201, &made, "POST", "/api/me/personal-tokens", body{"name": "script", "expires_at": time.Now().Add(time.Hour)})
	script := &client{t: t, url: w.url, token: secret.Text(made.Text), http: http.DefaultClient}
	script.want(200, nil, "GET", "/api/me", nil)
	if a := b.want(200, nil, "GET", "/api/me/personal-tokens", nil); strings.Contains(string(a.body), made.Text) || !strings.Contains(string(a.body), made.Prefix) {
		t.Errorf("listed %s", a.body)
	}
	b.refused(400, "expires_in_past", "POST", "/api/me/personal-tokens", body{"name": "old", "expires_at": time.Now().Add(-time.Hour)})
	b.want(204, nil, "DELETE", fmt.Sprintf("/api/me/personal-tokens/%d", made.ID), nil)
	script.refused(401, "not_signed_in", "GET", "/api/me", nil)
}

func TestAResetLinkWorksOnce(t *testing.T) {
	w := patient(t)
	signed := w.signedIn("alice")
	var first, l console.ResetLink
	w.admin.want(201, &first, "POST", userPath(w.alice)+"/reset", nil)
	w.admin.want(201, &l, "POST", userPath(w.alice)+"/reset", nil)
	if !strings.HasSuffix(l.Link, "/reset?token="+l.Token) || time.Until(l.ExpiresAt) < 23*time.Hour {
		t.Errorf("link %+v", l)
	}
	const next = "another horse battery"
	b := w.browser()
	b.refused(403, "ticket_invalid", "POST", "/api/reset", body{"token": first.Token, "password": next})
	b.refused(403, "ticket_invalid", "POST", "/api/reset", body{"token": "guess", "password": next})
	b.refused(400, "password_length", "POST", "/api/reset", body{"token": l.Token, "password": "short"})
	signed.want(200, nil, "GET", "/api/me", nil)
	b.want(204, nil, "POST", "/api/reset", body{"token": l.Token, "password": next})
	signed.refused(401, "not_signed_in", "GET", "/api/me", nil)
	b.refused(403, "ticket_invalid", "POST", "/api/reset", body{"token": l.Token, "password": next})
	b.want(200, nil, "POST", "/api/session", body{"name": "alice", "password": next})
	w.root.want(201, nil, "POST", userPath(w.root)+"/reset", nil)
	w.admin.refused(404, "user_not_found", "POST", "/api/users/9999/reset", nil)
	if rows := mustRows(t, w, "SELECT actor, action, target, detail FROM audit WHERE action IN ('user.reset_link', 'user.reset')"); len(rows) != 4 || strings.Contains(fmt.Sprint(rows), l.Token) {
		t.Errorf("audit %v", rows)
	}
}

func TestRegistrationIsClosedUntilItIsOpened(t *testing.T) {
	w := patient(t)
	b := w.browser()
	me := body{"name": "carol", "password": "a long password"}
	b.refused(403, "registration_closed", "POST", "/api/register", me)
	var inv console.Invitation
	w.admin.want(201, &inv, "POST", "/api/invitations", body{"grant": 1_500_000, "note": "friends"})
	b.refused(403, "registration_closed", "POST", "/api/register", body{"name": "carol", "password": "a long password", "invitation": inv.Code})

	w.registration(directory.RegistrationInvite)
	b.refused(403, "invitation_required", "POST", "/api/register", me)
	b.refused(403, "invitation_invalid", "POST", "/api/register", body{"name": "carol", "password": "a long password", "invitation": "inv-guess"})
	b.refused(400, "password_is_name", "POST", "/api/register", body{"name": "carol-carol", "password": "Carol-Carol", "invitation": inv.Code})
	b.refused(409, "name_taken", "POST", "/api/register", body{"name": "alice", "password": "a long password", "invitation": inv.Code})
	var got console.Me
	b.want(201, &got, "POST", "/api/register", body{"name": "carol", "password": "a long password", "invitation": inv.Code})
	if got.Role != "user" || got.Available != 1_500_000 {
		t.Errorf("registered as %+v", got)
	}
	b.want(200, &got, "GET", "/api/me", nil)
	w.browser().refused(403, "invitation_invalid", "POST", "/api/register", body{"name": "dave", "password": "a long password", "invitation": inv.Code})

	w.registration(directory.RegistrationOpen)
	w.browser().want(201, &got, "POST", "/api/register", body{"name": "dave", "password": "a long password"})
	if got.Available != 0 || got.Group != "default" {
		t.Errorf("registered as %+v", got)
	}
	var m console.SignInMethods
	w.browser().want(200, &m, "GET", "/api/session/methods", nil)
	if m.Registration != "open" || m.OIDC != "" || !m.Password {
		t.Errorf("methods %+v", m)
	}
	storetest.Verified(t, w.store)
}

func TestInvitationsAreManaged(t *testing.T) {
	w := newWorld(t)
	w.registration(directory.RegistrationInvite)
	w.admin.want(201, nil, "POST", "/api/groups", body{"name": "vip"})
	var inv console.Invitation
	w.admin.want(201, &inv, "POST", "/api/invitations", body{"uses": 3, "group": "vip", "expires_at": time.Now().Add(time.Hour)})
	if inv.Uses != 3 || inv.Group != "vip" || inv.State != "open" || !strings.HasPrefix(inv.Code, inv.Prefix) || !strings.HasSuffix(inv.Link, inv.Code) {
		t.Errorf("made %+v", inv)
	}
	var me console.Me
	w.browser().want(201, &me, "POST", "/api/register", body{"name": "carol", "password": "a long password", "invitation": inv.Code})
	if me.Group != "vip" {
		t.Errorf("registered into %q", me.Group)
	}
	w.admin.want(204, nil, "DELETE", fmt.Sprintf("/api/invitations/%d", inv.ID), nil)
	w.browser().refused(403, "invitation_invalid", "POST", "/api/register", body{"name": "dave", "password": "a long password", "invitation": inv.Code})
	var p console.Page[console.Invitation]
	a := w.admin.want(200, &p, "GET", "/api/invitations", nil)
	if len(p.Items) != 1 || p.Items[0].State != "revoked" || p.Items[0].Used != 1 || strings.Contains(string(a.body), inv.Code) {
		t.Errorf("listed %s", a.body)
	}
	w.admin.refused(404, "invitation_not_found", "DELETE", "/api/invitations/99", nil)
	for name, bad := range map[string]any{
		"no use": body{"uses": 0}, "many": body{"uses": 100_001}, "negative": body{"grant": -1}, "overflow": `{"grant":9223372036854775808}`,
		"huge": body{"grant": int64(1) << 60}, "fraction": `{"grant":1.5}`, "text": body{"grant": "1"}, "past": body{"expires_at": "2001-01-01T00:00:00Z"},
		"no time": body{"expires_at": "tomorrow"}, "control": body{"note": "a\u0007b"}, "long": body{"note": strings.Repeat("x", 10_000)}, "group": body{"group": "nobody"}, "unknown": body{"admin": true},
	} {
		if a := w.admin.do("POST", "/api/invitations", bad); a.status != 400 && a.status != 422 {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
	}
	if rows := mustRows(t, w, "SELECT id FROM invitations"); len(rows) != 1 {
		t.Errorf("%d invitations after bad input", len(rows))
	}
}

func TestBadInputChangesNobody(t *testing.T) {
	w := patient(t)
	before := fmt.Sprint(mustRows(t, w, "SELECT * FROM users ORDER BY id"))
	for name, in := range map[string]any{
		"empty": "", "no object": "[]", "cut": `{"name":"x"`, "no name": body{}, "wrong type": body{"name": 7}, "null": `{"name":null}`,
		"empty name": body{"name": ""}, "blank": body{"name": " eve"}, "control": body{"name": "eve\u0000"}, "bidi": body{"name": "eve\u202eevil"},
		"long": body{"name": strings.Repeat("x", 10_000)}, "65": body{"name": strings.Repeat("界", 65)}, "role": body{"name": "eve", "role": "god"},
		"short": body{"name": "eve", "password": "123456789"}, "is name": body{"name": "evelyn-evelyn", "password": "EVELYN-evelyn"},
		"long password": body{"name": "eve", "password": strings.Repeat("x", 10_000)}, "email": body{"name": "eve", "email": "<b>"},
		"group": body{"name": "eve", "group": "nobody"}, "extra": body{"name": "eve", "status": "enabled"}, "huge": `{"name":"` + strings.Repeat("x", 100_000) + `"}`,
	} {
		a := w.root.do("POST", "/api/users", in)
		if a.status < 400 || a.status >= 500 || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
	}
	for _, in := range []any{body{}, body{"version": "1"}, body{"version": 1, "role": "god"}, body{"version": 1, "status": "deleted"}, body{"version": 1, "group": ""}, body{"version": 1, "display_name": "a\nb"}, body{"version": 1, "name": "eve"}} {
		a := w.root.do("PATCH", userPath(w.alice), in)
		if a.status != 400 && a.status != 422 {
			t.Errorf("%v: answered %d %s", in, a.status, a.body)
		}
	}
	for _, id := range []string{"0", "-1", "x", "99999999999999999999", "1%20OR%201=1"} {
		if a := w.root.do("GET", "/api/users/"+id, nil); a.status != 422 {
			t.Errorf("user %s: answered %d %s", id, a.status, a.body)
		}
	}
	if after := fmt.Sprint(mustRows(t, w, "SELECT * FROM users ORDER BY id")); after != before {
		t.Errorf("users before %s\nafter %s", before, after)
	}
	for at, in := range map[string]body{
		"body.name": {"name": "eve "}, "body.password": {"name": "eve", "password": "short"}, "body.email": {"name": "eve", "email": "x"},
		"body.group": {"name": "eve", "group": "nobody"}, "body.display_name": {"name": "eve", "display_name": " x"},
	} {
		p := console.Problem{}
		a := w.root.do("POST", "/api/users", in)
		if err := json.Unmarshal(a.body, &p); err != nil || len(p.Errors) != 1 || p.Errors[0].Location != at {
			t.Errorf("%v: answered %s, want an error at %s", in, a.body, at)
		}
	}
	// HTML is text like any other: kept as it is, answered as JSON.
	var u console.User
	a := w.root.want(201, &u, "POST", "/api/users", body{"name": "<script>alert(1)</script>"})
	if u.Name != "<script>alert(1)</script>" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("made %+v with %v", u, a.header)
	}
}

func TestNoAnswerTellsAHash(t *testing.T) {
	w := patient(t)
	alice := w.signedIn("alice")
	hashes := []string{"$argon2id", "password_hash"}
	for _, row := range mustRows(t, w, "SELECT hash FROM sessions UNION SELECT hash FROM personal_tokens") {
		hashes = append(hashes, row[0])
	}
	for _, path := range []string{"/api/users", userPath(w.alice), "/api/me", "/api/me/sessions", "/api/me/personal-tokens", "/api/invitations"} {
		for _, c := range []*client{w.root, alice} {
			a := c.do("GET", path, nil)
			for _, h := range hashes {
				if strings.Contains(string(a.body), h) {
					t.Errorf("%s tells %s", path, h)
				}
			}
		}
	}
}

func TestTheFirstAdministratorComesByTheLink(t *testing.T) {
	w := newEmptyWorld(t, store.SQLite, unhurried)
	ctx := context.Background()
	b := w.browser()
	var s console.Setup
	b.want(200, &s, "GET", "/api/setup", nil)
	if !s.Needed {
		t.Error("no set-up needed on an empty database")
	}
	b.want(200, nil, "GET", "/api/openapi.json", nil)
	b.refused(503, "setup_required", "GET", "/api/users", nil)
	b.refused(503, "setup_required", "POST", "/api/session", body{"name": "root", "password": "password12"})
	b.refused(503, "setup_required", "GET", "/api/nothing", nil)

	link, err := console.NewSetupLink(ctx, w.store, "https://gw.example.com/")
	if err != nil || !strings.HasPrefix(link, "https://gw.example.com/setup?token=") {
		t.Fatalf("link %q, %v", link, err)
	}
	_, token, _ := strings.Cut(link, "token=")
	b.refused(403, "ticket_invalid", "POST", "/api/setup", body{"token": "guess", "name": "boss", "password": "a long password"})
	b.refused(400, "password_length", "POST", "/api/setup", body{"token": token, "name": "boss", "password": "12345678"})
	b.refused(400, "invalid_name", "POST", "/api/setup", body{"token": token, "name": " boss", "password": "a long password"})
	var me console.Me
	b.want(201, &me, "POST", "/api/setup", body{"token": token, "name": "boss", "password": "a long password"})
	if me.Role != "root" || me.Name != "boss" || me.Available != store.OpeningBalance {
		t.Errorf("made %+v", me)
	}
	b.want(200, nil, "GET", "/api/users", nil)
	b.want(200, &s, "GET", "/api/setup", nil)
	if s.Needed {
		t.Error("set-up still needed")
	}
	w.browser().refused(409, "already_set_up", "POST", "/api/setup", body{"token": token, "name": "eve", "password": "a long password"})
	if link, err := console.NewSetupLink(ctx, w.store, "https://gw.example.com"); link != "" || err != nil {
		t.Errorf("a link after set-up: %q, %v", link, err)
	}
	storetest.Verified(t, w.store)
}

func TestTheSecondFactor(t *testing.T) {
	w := patient(t)
	b := w.signedIn("alice")
	b.refused(403, "wrong_password", "POST", "/api/me/totp", body{"password": "guess"})
	b.refused(404, "totp_not_found", "POST", "/api/me/totp/confirm", body{"code": "123456"})
	var s console.TOTPSetup
	b.want(201, &s, "POST", "/api/me/totp", body{"password": password})
	if !strings.HasPrefix(s.URL, "otpauth://totp/one-api:alice?") || !strings.Contains(s.URL, s.Secret) || len(s.RecoveryCodes) != store.RecoveryCodes {
		t.Errorf("set up %+v", s)
	}
	// Not confirmed, not asked for.
	w.signedIn("alice")
	current := totpCode(t, s.Secret, w.store.Now())
	b.refused(400, "wrong_code", "POST", "/api/me/totp/confirm", body{"code": other(current)})
	b.want(204, nil, "POST", "/api/me/totp/confirm", body{"code": current})
	b.refused(409, "totp_enabled", "POST", "/api/me/totp/confirm", body{"code": current})
	b.refused(409, "totp_enabled", "POST", "/api/me/totp", body{"password": password})

	in := w.browser()
	in.refused(401, "wrong_credentials", "POST", "/api/session", body{"name": "alice", "password": "guess", "totp": current})
	in.refused(401, "totp_required", "POST", "/api/session", body{"name": "alice", "password": password})
	in.refused(401, "wrong_code", "POST", "/api/session", body{"name": "alice", "password": password, "totp": current}) // used to confirm
	next := totpCode(t, s.Secret, w.store.Now().Add(30*time.Second))
	var me console.Me
	in.want(200, &me, "POST", "/api/session", body{"name": "alice", "password": password, "totp": next})
	if !me.TOTP {
		t.Errorf("signed in as %+v", me)
	}
	in.refused(401, "wrong_code", "POST", "/api/session", body{"name": "alice", "password": password, "totp": next})
	in.want(200, nil, "POST", "/api/session", body{"name": "alice", "password": password, "recovery_code": s.RecoveryCodes[0]})
	in.refused(401, "wrong_code", "POST", "/api/session", body{"name": "alice", "password": password, "recovery_code": s.RecoveryCodes[0]})

	in.refused(403, "password_required", "POST", "/api/me/totp/disable", body{})
	in.refused(403, "wrong_password", "POST", "/api/me/totp/disable", body{"password": "guess"})
	in.want(204, nil, "POST", "/api/me/totp/disable", body{"password": password})
	w.signedIn("alice")
	dump := fmt.Sprint(mustRows(t, w, "SELECT * FROM audit"), mustRows(t, w, "SELECT * FROM totp"))
	if strings.Contains(dump, s.Secret) || strings.Contains(dump, s.RecoveryCodes[0]) {
		t.Error("the database tells the secret")
	}
}

func TestAnAdministratorRemovesALostSecondFactor(t *testing.T) {
	w := patient(t)
	b := w.signedIn("alice")
	var s console.TOTPSetup
	b.want(201, &s, "POST", "/api/me/totp", body{"password": password})
	b.want(204, nil, "POST", "/api/me/totp/confirm", body{"code": totpCode(t, s.Secret, w.store.Now())})
	w.browser().refused(401, "totp_required", "POST", "/api/session", body{"name": "alice", "password": password})
	w.admin.want(204, nil, "DELETE", userPath(w.alice)+"/totp", nil)
	w.signedIn("alice")
	w.admin.refused(404, "totp_not_found", "DELETE", userPath(w.alice)+"/totp", nil)
}

func TestGuessesOfCodesAreFew(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("alice")
	var s console.TOTPSetup
	b.want(201, &s, "POST", "/api/me/totp", body{"password": password})
	now := w.store.Now()
	b.want(204, nil, "POST", "/api/me/totp/confirm", body{"code": totpCode(t, s.Secret, now)})
	refusedAt := 0
	for i := range 8 {
		a := w.browser().do("POST", "/api/session", body{"name": "alice", "password": password, "totp": other(totpCode(t, s.Secret, now))})
		if a.status == 429 {
			refusedAt = i
			break
		}
	}
	if refusedAt == 0 || refusedAt > 5 {
		t.Errorf("guesses were stopped at the try %d", refusedAt)
	}
}

// other is a code that is wrong.
func other(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return string(code[0]+1) + code[1:]
}

// totpCode is what an authenticator app shows, counted by hand (RFC 6238).
func totpCode(t *testing.T, text string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1_000_000)
}

func TestADisabledUserKeepsNothingOpen(t *testing.T) {
	w := patient(t)
	b := w.signedIn("alice")
	w.admin.want(200, nil, "PATCH", userPath(w.alice), body{"version": 1, "status": "disabled"})
	b.refused(401, "not_signed_in", "GET", "/api/me", nil)
	w.alice.refused(401, "user_disabled", "GET", "/api/me", nil) // by personal access token
	w.admin.want(200, nil, "PATCH", userPath(w.alice), body{"version": 2, "status": "enabled"})
	w.alice.want(200, nil, "GET", "/api/me", nil)
	b.refused(401, "not_signed_in", "GET", "/api/me", nil)
}
