package console_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/channel"
	"one-api/internal/console"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// newKling starts a simulated Kling with one account.
func newKling(t *testing.T) (*klingsim.Sim, klingsim.Account, string) {
	t.Helper()
	acct := klingsim.DemoAccount()
	sim := klingsim.New(klingsim.Options{Accounts: []klingsim.Account{acct}})
	srv := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		srv.Close()
	})
	return sim, acct, srv.URL
}

func pairOf(a klingsim.Account) string { return a.AccessKey + "|" + a.SecretKey.Reveal() }

func (c *client) makeChannel(body map[string]any) console.ChannelAnswer {
	c.t.Helper()
	var out console.ChannelAnswer
	c.want(201, &out, "POST", "/api/channels", body)
	return out
}

func channelPath(id int64, rest ...string) string {
	return "/api/channels/" + strings.Join(append([]string{fmt.Sprint(id)}, rest...), "/")
}

func TestAChannelsKeysAreNeverShown(t *testing.T) {
	w := newWorld(t)
	made := w.admin.makeChannel(map[string]any{
		"name": "Kling", "base_url": "https://api-singapore.klingai.com/", "keys": "AK-one|SK-one\n\n  api-key-two \nAK-one|SK-one",
		"webhook_secret": "whsec_c2VjcmV0", "models": []string{"kling-v1-6", "kling-v9-*"}, "groups": []string{"default", "nobody"},
	})
	if len(made.Keys) != 2 || made.Keys[0].Kind != "ak_sk" || made.Keys[1].Kind != "api_key" || made.Keys[0].ID == "" || made.WebhookSecrets != 1 {
		t.Errorf("keys %+v, %d webhook secrets", made.Keys, made.WebhookSecrets)
	}
	if made.BaseURL != "https://api-singapore.klingai.com" || made.Status != "enabled" || made.Type != 41 || made.Version != 1 || made.Circuit != "closed" || made.LiveTasks != 0 {
		t.Errorf("made %+v", made)
	}
	if len(made.Warnings) != 2 || !strings.Contains(made.Warnings[0], "kling-v9-*") || !strings.Contains(made.Warnings[1], "nobody") {
		t.Errorf("warnings %q", made.Warnings)
	}
	var edited console.ChannelAnswer
	w.admin.want(200, &edited, "PATCH", channelPath(made.ID), map[string]any{"version": 1, "add_keys": "api-key-three", "remove_keys": []string{made.Keys[0].ID}})
	if len(edited.Keys) != 2 || edited.Keys[0].ID != made.Keys[1].ID {
		t.Errorf("keys after adding and removing %+v", edited.Keys)
	}
	for _, path := range []string{"/api/channels", channelPath(made.ID), "/api/audit", "/api/channels/types"} {
		body := string(w.root.do("GET", path, nil).body)
		for _, hidden := range []string{"SK-one", "AK-one", "api-key-two", "api-key-three", "c2VjcmV0", "sealed:"} {
			if strings.Contains(body, hidden) {
				t.Errorf("%s tells %s: %s", path, hidden, body)
			}
		}
	}
	rows, err := w.store.QueryText(context.Background(), "SELECT key, webhook_secret FROM channels")
	if err != nil || !secret.Sealed(rows[0][0]) || !secret.Sealed(rows[0][1]) {
		t.Errorf("stored as %q, %v", rows, err)
	}
}

func TestAChannelIsEdited(t *testing.T) {
	w := newWorld(t)
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "http://upstream.example.com", "keys": "k1"})
	if len(made.Warnings) != 2 { // plain http, a foreign host
		t.Errorf("warnings %q", made.Warnings)
	}
	var got console.ChannelAnswer
	w.admin.want(200, &got, "PATCH", channelPath(made.ID), map[string]any{
		"version": 1, "name": "b", "base_url": "https://api-beijing.klingai.com", "keys": "AK|SK", "models": []string{"kling-3.0-turbo"},
		"groups": []string{}, "priority": -5, "weight": 7, "max_live": 3, "webhook_secret": "whsec_x",
	})
	want := []any{"b", "https://api-beijing.klingai.com", []string{"kling-3.0-turbo"}, []string{"default"}, -5, 7, 3, 1, int64(2)}
	if d := cmp.Diff(want, []any{got.Name, got.BaseURL, got.Models, got.Groups, got.Priority, got.Weight, got.MaxLive, got.WebhookSecrets, got.Version}); d != "" {
		t.Errorf("edited (-want +got):\n%s", d)
	}
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "kling-3.0-turbo") {
		t.Errorf("a pair cannot call the new generation, warnings are %q", got.Warnings)
	}
	w.admin.refused(409, "version_conflict", "PATCH", channelPath(made.ID), map[string]any{"version": 1, "name": "c"})
	w.admin.want(200, &got, "PATCH", channelPath(made.ID), map[string]any{"version": 2, "webhook_secret": ""})
	if got.WebhookSecrets != 0 || got.Name != "b" {
		t.Errorf("after taking the webhook secret away %+v", got)
	}
}

func TestOnlyAdministratorsSeeChannels(t *testing.T) {
	w := newWorld(t)
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1"})
	for _, c := range []struct{ method, path string }{
		{"GET", "/api/channels"}, {"GET", "/api/channels/types"}, {"POST", "/api/channels"}, {"GET", channelPath(made.ID)}, {"PATCH", channelPath(made.ID)},
		{"DELETE", channelPath(made.ID)}, {"POST", channelPath(made.ID, "test")}, {"POST", channelPath(made.ID, "drain")},
		{"POST", channelPath(made.ID, "enable")}, {"POST", channelPath(made.ID, "disable")}, {"GET", "/api/audit"}, {"GET", "/api/settings"},
	} {
		var body any
		switch {
		case c.method == "POST" && c.path == "/api/channels":
			body = map[string]any{"name": "x", "base_url": "https://api.klingai.com", "keys": "k"}
		case c.method == "PATCH":
			body = map[string]any{"version": 1}
		}
		w.alice.refused(403, "role_required", c.method, c.path, body)
		w.browser().refused(401, "not_signed_in", c.method, c.path, body)
	}
}

func TestBadChannelsAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 10_000)
	good := func(change map[string]any) map[string]any {
		b := map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1"}
		for k, v := range change {
			b[k] = v
		}
		return b
	}
	made := w.admin.makeChannel(good(nil))
	for _, c := range []struct {
		field string
		value any
	}{
		{"name", ""}, {"name", long}, {"name", "a\x00b"}, {"name", 7}, {"name", "a\nb"}, {"base_url", "ftp://x"}, {"base_url", "https://u:p@x"}, {"base_url", "api.klingai.com"},
		{"base_url", "https://x?y=1"}, {"base_url", "https://x/#y"}, {"base_url", long}, {"base_url", "javascript:alert(1)"}, {"keys", ""}, {"keys", "a b"}, {"keys", "\n \n"}, {"keys", "a,b"},
		{"keys", "AK|SK|x"}, {"keys", long}, {"keys", strings.Repeat("k\n", 10) + "Bearer k"}, {"models", []string{"a b"}}, {"models", []string{long}}, {"models", "kling-v1-6"},
		{"groups", []string{"\x00"}}, {"groups", []string{long}}, {"priority", 1 << 40}, {"weight", -1}, {"max_live", -1}, {"max_live", "1"},
		{"webhook_secret", long}, {"status", 1},
	} {
		for method, path := range map[string]string{"POST": "/api/channels", "PATCH": channelPath(made.ID)} {
			body := good(map[string]any{c.field: c.value})
			if method == "PATCH" {
				body = map[string]any{"version": 1, c.field: c.value}
			}
			a := w.admin.do(method, path, body)
			text := string(a.body)
			if a.status < 400 || a.status >= 500 || !strings.Contains(text, `"location":"body.`+c.field) || len(text) > 2000 {
				t.Errorf("%s %s = %.60v answered %d %.400s", method, c.field, c.value, a.status, text)
			}
			if c.field == "keys" && strings.Contains(text, "Bearer k") {
				t.Errorf("the refusal shows the key: %s", text)
			}
		}
	}
	w.admin.refused(400, "unknown_type", "POST", "/api/channels", good(map[string]any{"type": 1}))
	w.admin.refused(400, "key_not_found", "PATCH", channelPath(made.ID), map[string]any{"version": 1, "remove_keys": []string{"zz"}})
	w.admin.refused(400, "no_key", "PATCH", channelPath(made.ID), map[string]any{"version": 1, "remove_keys": []string{made.Keys[0].ID}})
	w.admin.refused(400, "either_or", "PATCH", channelPath(made.ID), map[string]any{"version": 1, "keys": "k", "add_keys": "l"})
	w.admin.refused(404, "channel_not_found", "GET", channelPath(777), nil)
	w.admin.refused(422, "invalid_request", "GET", "/api/channels/-1", nil)
	w.admin.refused(422, "invalid_request", "GET", "/api/channels/x", nil)
	list, err := w.store.Channels(context.Background())
	if err != nil || len(list) != 1 || list[0].Version != 1 || len(list[0].Keys) != 1 {
		t.Errorf("after refused requests %+v, %v", list, err)
	}
}

func TestAChannelIsSwitchedByHand(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1", "enabled": false})
	if made.Status != "disabled" {
		t.Errorf("made as %s", made.Status)
	}
	var got console.ChannelAnswer
	for _, c := range []struct{ verb, want string }{{"enable", "enabled"}, {"enable", "enabled"}, {"drain", "draining"}, {"disable", "disabled"}, {"enable", "enabled"}} {
		w.admin.want(200, &got, "POST", channelPath(made.ID, c.verb), nil)
		if got.Status != c.want {
			t.Errorf("after %s it is %s", c.verb, got.Status)
		}
	}
	if err := w.store.SetChannelStatus(ctx, made.ID, channel.Enabled, channel.Broken, "no_credit (HTTP 429, code 1102): Account balance not enough"); err != nil {
		t.Fatal(err)
	}
	w.admin.want(200, &got, "GET", channelPath(made.ID), nil)
	if got.Status != "broken" || !strings.HasPrefix(got.Advice, "Buy a resource pack") || got.ReasonAt == nil {
		t.Errorf("broken as %+v", got)
	}
	w.admin.refused(409, "channel_broken", "POST", channelPath(made.ID, "drain"), nil)
	w.admin.want(200, &got, "PATCH", channelPath(made.ID), map[string]any{"version": got.Version, "name": "still broken"})
	if got.Status != "broken" || got.Reason == "" {
		t.Errorf("an edit changed the status: %+v", got)
	}
	w.admin.want(200, &got, "POST", channelPath(made.ID, "disable"), nil)
	if got.Status != "disabled" || got.Reason == "" {
		t.Errorf("disabled as %+v", got)
	}
	// What the gateway finds out later does not undo what a person decided.
	if err := w.store.SetChannelStatus(ctx, made.ID, channel.Enabled, channel.Broken, "x"); err == nil {
		t.Error("a disabled channel was broken")
	}
	if err := w.store.SetChannelStatus(ctx, made.ID, channel.Broken, channel.Enabled, ""); err == nil {
		t.Error("a probe enabled a disabled channel")
	}
	got = console.ChannelAnswer{}
	w.admin.want(200, &got, "POST", channelPath(made.ID, "enable"), nil)
	if got.Reason != "" || got.Advice != "" {
		t.Errorf("enabled with reason %q", got.Reason)
	}
}

func TestAChannelInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1"})
	f := storetest.NewFixture(t, w.store, 1_000_000, nil)
	if _, err := w.store.Accept(f.OnChannel(t, 1000, made.ID, 0)); err != nil {
		t.Fatal(err)
	}
	p := w.admin.refused(409, "in_use", "DELETE", channelPath(made.ID), nil)
	if !strings.Contains(p.Detail, "Drain it first") {
		t.Errorf("refused with %q", p.Detail)
	}
	var got console.ChannelAnswer
	w.admin.want(200, &got, "GET", channelPath(made.ID), nil)
	if got.LiveTasks != 1 {
		t.Errorf("%d live tasks, want 1", got.LiveTasks)
	}
	other := w.admin.makeChannel(map[string]any{"name": "b", "base_url": "https://api.klingai.com", "keys": "k2"})
	w.admin.want(204, nil, "DELETE", channelPath(other.ID), nil)
	w.admin.refused(404, "channel_not_found", "DELETE", channelPath(other.ID), nil)
}

func TestATestTriesEachKeyForFree(t *testing.T) {
	w := newWorld(t)
	sim, acct, address := newKling(t)
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": address, "keys": pairOf(acct) + "\n" + acct.APIKeys[0].Reveal() + "\nwrong-key"})
	var got console.ChannelTest
	a := w.admin.want(200, &got, "POST", channelPath(made.ID, "test"), nil)
	if got.OK || len(got.Keys) != 3 || !got.Keys[0].OK || !got.Keys[1].OK || got.Keys[2].OK {
		t.Fatalf("test %s", a.body)
	}
	bad := got.Keys[2]
	if bad.HTTPStatus != 401 || bad.Code == 0 || bad.Advice == "" || !strings.Contains(got.Result, "2 of 3 keys work") || !strings.Contains(got.Result, bad.ID) {
		t.Errorf("the wrong key: %+v; result %q", bad, got.Result)
	}
	if got.Keys[0].Kind != "ak_sk" || !strings.Contains(got.Keys[0].Said, "/account/costs") || strings.Contains(string(a.body), acct.SecretKey.Reveal()) || strings.Contains(string(a.body), "wrong-key") {
		t.Errorf("test answered %s", a.body)
	}
	if got.Channel.TestedAt == nil || got.Channel.TestResult != got.Result || got.Channel.Version != made.Version {
		t.Errorf("recorded %+v", got.Channel)
	}
	for r := range sim.Requests() {
		if strings.HasPrefix(r.Route, "POST") {
			t.Errorf("a test sent %s", r.Route)
		}
	}
	// A broken channel whose keys all work comes back at once.
	var edited console.ChannelAnswer
	w.admin.want(200, &edited, "PATCH", channelPath(made.ID), map[string]any{"version": made.Version, "remove_keys": []string{bad.ID}})
	if err := w.store.SetChannelStatus(context.Background(), made.ID, channel.Enabled, channel.Broken, "bad_key"); err != nil {
		t.Fatal(err)
	}
	w.admin.want(200, &got, "POST", channelPath(made.ID, "test"), nil)
	if !got.OK || got.Channel.Status != "enabled" {
		t.Errorf("after mending: ok %v, status %s, %s", got.OK, got.Channel.Status, got.Result)
	}
	for range 10 {
		a = w.admin.do("POST", channelPath(made.ID, "test"), nil)
	}
	if a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("a storm of tests answered %d", a.status)
	}
}

func TestATestOfAHostThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	srv := httptest.NewServer(nil)
	srv.Close()
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": srv.URL, "keys": "AK|SKsecret"})
	var got console.ChannelTest
	a := w.admin.want(200, &got, "POST", channelPath(made.ID, "test"), nil)
	if got.OK || got.Keys[0].Advice == "" || got.Keys[0].Error == "" || strings.Contains(string(a.body), "SKsecret") {
		t.Errorf("answered %s", a.body)
	}
}

func TestChannelsTellHowTheyDid(t *testing.T) {
	w := newWorld(t)
	made := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1"})
	f := storetest.NewFixture(t, w.store, 1_000_000, nil)
	for i, outcome := range []string{"accepted", "no_credit", "rejected", "accepted", "accepted"} {
		a := f.OnChannel(t, 1000, made.ID, 0)
		done, err := w.store.Accept(a)
		if err != nil {
			t.Fatal(err)
		}
		recordAttempt(t, w.store, f, done.Task.ID, made.ID, outcome, i)
	}
	var got console.ChannelAnswer
	w.admin.want(200, &got, "GET", channelPath(made.ID), nil)
	r := got.Recent
	if r.Calls != 5 || r.Accepted != 3 || r.Rejected != 1 || r.Failed != 1 || r.SuccessRate == nil || *r.SuccessRate != 0.75 {
		t.Errorf("recent calls %+v", r)
	}
	if e := r.LastError; e == nil || e.Code != 1102 || !strings.HasPrefix(e.Advice, "Buy") || e.Kind != "no_credit" {
		t.Errorf("last error %+v", r.LastError)
	}
}

// recordAttempt writes the outcome of a create call as generation does.
func recordAttempt(t *testing.T, s *store.Store, f storetest.Fixture, taskID string, channelID int64, outcome string, n int) {
	t.Helper()
	code := map[string]int{"no_credit": 1102, "rejected": 1301}[outcome]
	at := f.Now().Add(time.Duration(n) * time.Millisecond).UnixMilli()
	err := s.Exec(context.Background(), fmt.Sprintf(`INSERT INTO attempts (task_id, n, channel_id, key_id, ref, outcome, http_status, code, message, sent_at, answered_at)
		VALUES ('%s', 1, %d, 'k', 'r', '%s', 200, %d, 'said so', %d, %d)`, taskID, channelID, outcome, code, at, at))
	if err != nil {
		t.Fatal(err)
	}
}

func TestChannelsAreFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		groups := []string{"default"}
		if i == 4 {
			groups = []string{"vip"}
		}
		w.admin.makeChannel(map[string]any{"name": fmt.Sprintf("Kling %d", i), "base_url": "https://api.klingai.com", "keys": fmt.Sprintf("k%d", i), "groups": groups, "models": []string{fmt.Sprintf("kling-v1-%d", 5+i%2)}})
	}
	w.admin.want(200, nil, "POST", channelPath(2, "drain"), nil)
	for query, want := range map[string]int{"": 5, "status=draining": 1, "status=enabled": 4, "group=vip": 1, "model=kling-v1-6-pro": 2, "name=KLING%203": 1, "type=41": 5, "type=1": 0} {
		var list console.Page[console.Channel]
		w.admin.want(200, &list, "GET", "/api/channels?"+query, nil)
		if len(list.Items) != want {
			t.Errorf("?%s has %d channels, want %d", query, len(list.Items), want)
		}
	}
	var seen []int64
	for cursor := ""; ; {
		var list console.Page[console.Channel]
		w.admin.want(200, &list, "GET", "/api/channels?limit=2&cursor="+cursor, nil)
		for _, c := range list.Items {
			seen = append(seen, c.ID)
		}
		if cursor = list.NextCursor; cursor == "" {
			break
		}
	}
	if !slices.Equal(seen, []int64{1, 2, 3, 4, 5}) {
		t.Errorf("pages list %v", seen)
	}
}

func TestChannelTypesComeWithDefaults(t *testing.T) {
	w := newWorld(t)
	var list console.Page[console.ChannelType]
	w.admin.want(200, &list, "GET", "/api/channels/types", nil)
	k := list.Items[0]
	if k.Type != 41 || len(k.BaseURLs) != 3 || k.BaseURLs[1].For == "" || len(k.KeyKinds) != 2 || !slices.Contains(k.Models, "kling-v1-6-pro") || k.Defaults.BaseURL == "" {
		t.Errorf("types %+v", k)
	}
}

func TestAChannelWrittenByHandIsEdited(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	if err := w.store.Exec(ctx, `INSERT INTO channels (type, name, key, status, base_url, models, created_time)
		VALUES (41, 'Kling AI', 'YOUR_API_KEY_HERE', 1, 'https://api.klingai.com', 'kling-v1-5-std,kling-v1-5-pro', 1700000000)`); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var got console.ChannelAnswer
	w.admin.want(200, &got, "GET", channelPath(1), nil)
	if got.Version != 1 || len(got.Keys) != 1 || got.CreatedAt.Unix() != 1700000000 || len(got.Models) != 2 {
		t.Errorf("read %+v", got)
	}
	w.admin.want(200, &got, "PATCH", channelPath(1), map[string]any{"version": 1, "priority": 4})
	if got.Priority != 4 || got.Version != 2 || len(got.Keys) != 1 {
		t.Errorf("edited %+v", got)
	}
	// A key that was sealed for another row cannot be read, and is replaced.
	if err := w.store.Exec(ctx, "INSERT INTO channels (type, name, key, status, base_url) SELECT 41, '', key, 7, 'nowhere' FROM channels WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	w.admin.want(200, &got, "GET", channelPath(2), nil)
	if got.Status != "disabled" || got.Reason == "" || len(got.Warnings) == 0 {
		t.Errorf("read %+v", got)
	}
	w.admin.refused(422, "no_key", "POST", channelPath(2, "test"), nil)
	w.admin.refused(409, "keys_unreadable", "PATCH", channelPath(2), map[string]any{"version": 1, "add_keys": "k"})
	w.admin.want(200, &got, "PATCH", channelPath(2), map[string]any{"version": 1, "keys": "k"})
	got = console.ChannelAnswer{}
	w.admin.want(200, &got, "POST", channelPath(2, "enable"), nil)
	if got.Status != "enabled" || len(got.Keys) != 1 || got.Reason != "" {
		t.Errorf("mended %+v", got)
	}
}

func TestAListOfChannelsHasTheirPacksAskedFor(t *testing.T) {
	w := newWorld(t)
	_, acct, base := newKling(t)
	good := w.admin.makeChannel(body{"name": "good", "base_url": base, "keys": pairOf(acct)})
	bad := w.admin.makeChannel(body{"name": "bad", "base_url": base, "keys": "AKnobody|SKnobody0123456789"})
	off := w.admin.makeChannel(body{"name": "off", "base_url": base, "keys": pairOf(acct), "enabled": false})

	packs := func() map[int64]*console.Packs {
		var list console.Page[console.Channel]
		w.admin.want(200, &list, "GET", "/api/channels", nil)
		out := map[int64]*console.Packs{}
		for _, ch := range list.Items {
			out[ch.ID] = ch.Packs
		}
		return out
	}
	if got := packs(); got[good.ID] != nil {
		t.Errorf("the first list waited for the upstream: %+v", got[good.ID])
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	got := packs()
	for late := time.After(20 * time.Second); got[good.ID] == nil; got = packs() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the packs were never told")
		}
	}
	if len(got[good.ID].Items) == 0 || got[bad.ID] != nil || got[off.ID] != nil {
		t.Errorf("packs %+v", got)
	}
}
