package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/console"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

func (c *client) makeToken(body map[string]any) console.CreatedToken {
	c.t.Helper()
	var out console.CreatedToken
	c.want(201, &out, "POST", "/api/tokens", body)
	return out
}

func TestATokenIsShownOnce(t *testing.T) {
	w := newWorld(t)
	made := w.alice.makeToken(map[string]any{"name": "laptop", "budget": 500000, "models": []string{"kling-v1-6", "nothing-1"}, "networks": []string{"203.0.113.0/24", "::1"}, "rate": 30})
	if !strings.HasPrefix(made.Text, "sk-") || strings.HasPrefix(made.Text, "sk-test-") || made.Test {
		t.Errorf("token %q, test %v", made.Text, made.Test)
	}
	tok := w.store.Directory().View().Tokens[account.HashToken(made.Text)]
	if tok == nil || tok.AccessKey != made.AccessKey || account.SecretKey(storetest.Keys(t), tok.Hash).Reveal() != made.SecretKey {
		t.Fatal("the answer does not fit the token in the directory")
	}
	if len(made.Warnings) != 1 || !strings.Contains(made.Warnings[0], "nothing-1") {
		t.Errorf("warnings %q", made.Warnings)
	}
	if base := w.url + "/kling"; made.Snippets.BaseURL != base || !strings.Contains(made.Snippets.Curl, base+"/v1/videos/text2video") ||
		!strings.Contains(made.Snippets.Curl, made.Text) || !strings.Contains(made.Snippets.Env, made.SecretKey) || !strings.Contains(made.Snippets.Curl, "kling-v1-6-std") {
		t.Errorf("snippets %+v", made.Snippets)
	}
	var got console.TokenAnswer
	a := w.alice.want(200, &got, "GET", fmt.Sprintf("/api/tokens/%d", made.ID), nil)
	if got.Name != "laptop" || got.User != "alice" || *got.Budget.Limit != 500000 || *got.Budget.Left != 500000 || got.Rate != 30 || len(got.Networks) != 2 {
		t.Errorf("read back %s", a.body)
	}
	for _, path := range []string{"/api/tokens", fmt.Sprintf("/api/tokens/%d", made.ID), "/api/tokens?user_id=" + fmt.Sprint(w.alice.user.ID)} {
		for _, c := range []*client{w.alice, w.root} {
			if body := string(c.do("GET", path, nil).body); strings.Contains(body, made.Text) || strings.Contains(body, made.SecretKey) || strings.Contains(body, tok.Hash.Hex()) {
				t.Errorf("%s tells a secret: %s", path, body)
			}
		}
	}
	if body := string(w.admin.do("GET", "/api/audit", nil).body); strings.Contains(body, made.Text) || !strings.Contains(body, "token.create") {
		t.Errorf("audit %s", body)
	}
}

func TestATokenIsEdited(t *testing.T) {
	w := newWorld(t)
	made := w.alice.makeToken(map[string]any{"name": "a", "budget": 10})
	path := fmt.Sprintf("/api/tokens/%d", made.ID)
	var got console.TokenAnswer
	w.alice.want(200, &got, "PATCH", path, map[string]any{"version": made.Version, "name": "b", "status": "disabled", "budget": nil, "models": []string{"kling-*"}, "rate": 0})
	if got.Name != "b" || got.Status != "disabled" || got.Budget.Limit != nil || got.Version != made.Version+1 {
		t.Errorf("edited %+v", got)
	}
	if tok := w.store.Directory().View().Tokens[account.HashToken(made.Text)]; tok.Status != account.Disabled || tok.Limit != nil {
		t.Errorf("the directory has %+v", tok)
	}
	w.alice.refused(409, "version_conflict", "PATCH", path, map[string]any{"version": made.Version, "name": "c"})
	expiry := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.alice.want(200, &got, "PATCH", path, map[string]any{"version": got.Version, "expires_at": expiry})
	if got.ExpiresAt == nil || !got.ExpiresAt.Equal(expiry) {
		t.Errorf("expires at %v, want %v", got.ExpiresAt, expiry)
	}
	version := got.Version
	got = console.TokenAnswer{}
	w.alice.want(200, &got, "PATCH", path, map[string]any{"version": version, "expires_at": nil})
	if got.ExpiresAt != nil || got.Name != "b" {
		t.Errorf("after taking the expiry away: %+v", got)
	}
	w.alice.want(204, nil, "DELETE", path, nil)
	w.alice.refused(404, "token_not_found", "GET", path, nil)
	w.alice.refused(404, "token_not_found", "DELETE", path, nil)
	if _, ok := w.store.Directory().View().Tokens[account.HashToken(made.Text)]; ok {
		t.Error("a deleted token is still in the directory")
	}
}

func TestABudgetCoversWhatIsSpent(t *testing.T) {
	w := newWorld(t)
	f := storetest.NewFixture(t, w.store, 1_000_000, nil)
	if _, err := w.store.Accept(f.Order(300_000)); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/api/tokens/%d", f.Token.ID)
	w.admin.refused(422, "budget_below_spent", "PATCH", path, map[string]any{"version": 1, "budget": 299_999})
	var got console.TokenAnswer
	w.admin.want(200, &got, "PATCH", path, map[string]any{"version": 1, "budget": 300_000})
	if got.Budget.Held != 300_000 || *got.Budget.Left != 0 {
		t.Errorf("budget %+v", got.Budget)
	}
	w.admin.refused(409, "version_conflict", "PATCH", path, map[string]any{"version": 1, "budget": 400_000})
}

func TestOthersTokensDoNotExist(t *testing.T) {
	w := newWorld(t)
	alices := w.alice.makeToken(map[string]any{"name": "mine"})
	path := fmt.Sprintf("/api/tokens/%d", alices.ID)
	w.bob.refused(404, "token_not_found", "GET", path, nil)
	w.bob.refused(404, "token_not_found", "PATCH", path, map[string]any{"version": 1, "name": "stolen"})
	w.bob.refused(404, "token_not_found", "DELETE", path, nil)
	w.bob.refused(404, "user_not_found", "POST", "/api/tokens", map[string]any{"name": "x", "user_id": w.alice.user.ID})
	w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/tokens?user_id=%d", w.alice.user.ID), nil)
	w.browser().refused(401, "not_signed_in", "GET", "/api/tokens", nil)
	var list console.Page[console.Token]
	w.bob.want(200, &list, "GET", "/api/tokens", nil)
	if len(list.Items) != 0 {
		t.Errorf("bob sees %+v", list.Items)
	}
	for _, m := range []string{"GET", "PATCH", "DELETE"} {
		w.alice.refused(404, "token_not_found", m, "/api/tokens/99999", map[string]any{"version": 1})
	}
}

func TestAdministratorsManageTokensButNotRoots(t *testing.T) {
	w := newWorld(t)
	var made console.CreatedToken
	w.admin.want(201, &made, "POST", "/api/tokens", map[string]any{"name": "for alice", "user_id": w.alice.user.ID})
	if made.UserID != w.alice.user.ID {
		t.Errorf("made for user %d", made.UserID)
	}
	w.admin.refused(404, "user_not_found", "POST", "/api/tokens", map[string]any{"name": "x", "user_id": 9999})
	w.admin.refused(403, "role_required", "POST", "/api/tokens", map[string]any{"name": "x", "user_id": w.root.user.ID})
	roots := w.root.makeToken(map[string]any{"name": "roots"})
	w.admin.refused(403, "role_required", "PATCH", fmt.Sprintf("/api/tokens/%d", roots.ID), map[string]any{"version": 1, "status": "disabled"})
	w.admin.refused(403, "role_required", "DELETE", fmt.Sprintf("/api/tokens/%d", roots.ID), nil)
	w.admin.want(204, nil, "DELETE", fmt.Sprintf("/api/tokens/%d", made.ID), nil)
}

func TestTokensAreFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.alice.makeToken(map[string]any{"name": fmt.Sprintf("job %d", i), "test": i%2 == 1})
	}
	w.bob.makeToken(map[string]any{"name": "Job of Bob"})
	count := func(c *client, query string) int {
		var list console.Page[console.Token]
		c.want(200, &list, "GET", "/api/tokens?"+query, nil)
		return len(list.Items)
	}
	for query, want := range map[string]int{
		"": 6, "test=true": 2, "test=false": 4, "name=JOB": 6, "name=of": 1, "name=%25": 0, "status=disabled": 0, "status=enabled": 6,
		fmt.Sprintf("user_id=%d", w.bob.user.ID): 1,
	} {
		if got := count(w.admin, query); got != want {
			t.Errorf("?%s has %d tokens, want %d", query, got, want)
		}
	}
	var first, second console.Page[console.Token]
	w.alice.want(200, &first, "GET", "/api/tokens?limit=3", nil)
	w.alice.want(200, &second, "GET", "/api/tokens?limit=3&cursor="+first.NextCursor, nil)
	if len(first.Items) != 3 || len(second.Items) != 2 || second.NextCursor != "" || first.Items[2].ID <= second.Items[0].ID {
		t.Errorf("pages of %d and %d", len(first.Items), len(second.Items))
	}
	w.alice.refused(400, "invalid_cursor", "GET", "/api/tokens?cursor=%21", nil)
	w.alice.refused(422, "invalid_request", "GET", "/api/tokens?test=maybe", nil)
}

func TestBadTokensAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		body  string
		field string
	}{
		{`{}`, "body"},
		{`{"name":""}`, "body.name"},
		{`{"name":7}`, "body.name"},
		{`{"name":"` + strings.Repeat("x", 10_000) + `"}`, "body.name"},
		{`{"name":"a\u0000b"}`, "body.name"},
		{`{"name":" a"}`, "body.name"},
		{`{"name":"a\u202eb"}`, "body.name"},
		{`{"name":"a","budget":-1}`, "body.budget"},
		{`{"name":"a","budget":9007199254740992}`, "body.budget"},
		{`{"name":"a","budget":99999999999999999999999}`, "body.budget"},
		{`{"name":"a","budget":1.5}`, "body.budget"},
		{`{"name":"a","budget":"1"}`, "body.budget"},
		{`{"name":"a","rate":-1}`, "body.rate"},
		{`{"name":"a","rate":100001}`, "body.rate"},
		{`{"name":"a","expires_at":"2001-01-01T00:00:00Z"}`, "body.expires_at"},
		{`{"name":"a","expires_at":"tomorrow"}`, "body.expires_at"},
		{`{"name":"a","models":["<script>"]}`, "body.models"},
		{`{"name":"a","models":"kling-v1-6"}`, "body.models"},
		{`{"name":"a","networks":["everywhere"]}`, "body.networks"},
		{`{"name":"a","networks":["` + strings.Repeat("1", 9000) + `"]}`, "body.networks"},
		{`{"name":"a","user_id":-4}`, "body.user_id"},
		{`{"name":"a","admin":true}`, "body.admin"},
	} {
		a := w.alice.do("POST", "/api/tokens", c.body)
		if a.status < 400 || a.status >= 500 || !strings.Contains(string(a.body), `"location":"`+c.field) {
			t.Errorf("%.80s answered %d %.300s, want a refusal at %s", c.body, a.status, a.body, c.field)
		}
	}
	if list, err := w.store.Tokens(context.Background(), store.TokenFilter{Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("%d tokens were made, %v", len(list), err)
	}
	made := w.alice.makeToken(map[string]any{"name": "<b>猫 & dog</b>"})
	path := fmt.Sprintf("/api/tokens/%d", made.ID)
	for _, body := range []string{`{"version":1,"budget":-1}`, `{"version":1,"budget":"x"}`, `{"version":1,"expires_at":"2001-01-01T00:00:00Z"}`, `{"version":1,"name":""}`, `{"version":1,"status":"gone"}`, `{"name":"no version"}`} {
		if a := w.alice.do("PATCH", path, body); a.status < 400 || a.status >= 500 {
			t.Errorf("PATCH %s answered %d %s", body, a.status, a.body)
		}
	}
	var got console.TokenAnswer
	a := w.alice.want(200, &got, "GET", path, nil)
	if got.Name != "<b>猫 & dog</b>" || got.Version != 1 || strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("after refused edits: %+v as %s", got, a.header.Get("Content-Type"))
	}
}

func TestTheLastUseOfATokenIsShown(t *testing.T) {
	w := newWorld(t)
	made := w.alice.makeToken(map[string]any{"name": "used"})
	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	if err := w.store.TokensUsed(context.Background(), map[int64]time.Time{made.ID: at, 12345: at}); err != nil {
		t.Fatal(err)
	}
	if err := w.store.TokensUsed(context.Background(), map[int64]time.Time{made.ID: at.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	var got console.TokenAnswer
	w.alice.want(200, &got, "GET", fmt.Sprintf("/api/tokens/%d", made.ID), nil)
	if got.LastUsedAt == nil || !got.LastUsedAt.Equal(at) || got.Version != made.Version {
		t.Errorf("last used at %v, want %v; version %d", got.LastUsedAt, at, got.Version)
	}
}
