package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/money"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

// place orders from the console.
func (r *running) place(body map[string]any, header ...string) (int, console.PlacedTask, console.Problem) {
	r.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", r.url+"/api/tasks", bytes.NewReader(b))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.pat.Reveal())
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var t console.PlacedTask
	var p console.Problem
	if resp.StatusCode < 300 {
		err = json.Unmarshal(text, &t)
	} else {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		r.t.Fatalf("answered %d %s", resp.StatusCode, text)
	}
	return resp.StatusCode, t, p
}

func TestAnOrderFromTheConsole(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	upstream(t, r, 100*time.Millisecond)
	cat := map[string]any{"route": "/v1/videos/text2video", "body": order("a cat")}
	status, placed, p := r.place(cat, "Idempotency-Key", "once")
	if status != 201 || placed.TokenID != 0 || placed.Test || placed.Price.Quota != 360_000 || placed.Status != "submitted" || placed.UserID != r.user.ID {
		t.Fatalf("answered %d %+v %+v", status, placed, p)
	}
	status, again, p := r.place(cat, "Idempotency-Key", "once")
	if status != 201 || again.ID != placed.ID || !again.Replayed {
		t.Errorf("a repetition answered %d %+v %+v", status, again, p)
	}
	if status, _, p := r.place(map[string]any{"type": "text2video", "body": order("a dog")}, "Idempotency-Key", "once"); status != 422 || p.Code != "idempotency_mismatch" {
		t.Errorf("the key with another order answered %d %+v", status, p)
	}
	var tok orderState
	r.call(200, &tok, "GET", "/kling/v1/videos/"+placed.ID+"?wait=30", r.realToken(), nil)
	if tok.Status != "succeed" {
		t.Errorf("ended as %+v", tok)
	}
	if real, _ := r.balances(); real.Available != 640_000 || real.Held != 0 {
		t.Errorf("balance %+v", real)
	}
	storetest.Verified(t, r.Store)
}

func TestAnOrderFromTheConsoleInTestMode(t *testing.T) {
	r := run(t, sqlite(t), nil)
	r.newUser("alice")
	status, placed, p := r.place(map[string]any{"type": "text2video", "body": order("a cat"), "test": true})
	if status != 201 || !placed.Test {
		t.Fatalf("answered %d %+v %+v", status, placed, p)
	}
	var ended orderState
	r.call(200, &ended, "GET", "/kling/v1/videos/"+placed.ID+"?wait=30", r.realToken(), nil)
	if ended.Status != "succeed" || !ended.Test {
		t.Errorf("ended as %+v", ended)
	}
	req, err := http.NewRequest("GET", r.url+"/api/tasks/"+placed.ID+"/media", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.pat.Reveal())
	req.Header.Set("Range", "bytes=0-99")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	film, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 206 || resp.Header.Get("Content-Type") != "video/mp4" || len(film) != 100 {
		t.Errorf("the film answered %s, %v, %d bytes", resp.Status, resp.Header, len(film))
	}
	real, play := r.balances()
	if real.Available != 1_000_000 || play.Available != store.PlayBalance-360_000 {
		t.Errorf("real %+v, play %+v", real, play)
	}
	storetest.Verified(t, r.Store)
}

// With a token, its own limits hold; without one, those of the user.
func TestWhoMayOrderWhatFromTheConsole(t *testing.T) {
	r := run(t, sqlite(t), func(o *Options) { o.MaxBody = 1 << 20 })
	r.newUser("alice")
	upstream(t, r, 100*time.Millisecond)
	ctx := t.Context()
	other, err := r.Store.CreateUser(ctx, store.NewUser{Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	token := func(n store.NewToken) int64 {
		if n.UserID == 0 {
			n.UserID = r.user.ID
		}
		n.Name = "t"
		tok, _, err := r.Store.CreateToken(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return tok.ID
	}
	budget := money.Quota(400_000)
	limited := token(store.NewToken{Limit: &budget, Models: []string{"kling-v1-6"}})
	play := token(store.NewToken{Test: true})
	wrong := func(change map[string]any) map[string]any {
		b := order("a cat")
		for k, v := range change {
			b[k] = v
		}
		return b
	}
	for _, c := range []struct {
		name   string
		body   map[string]any
		header []string
		status int
		code   string
		at     string
	}{
		{"its budget and models", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": limited}, nil, 201, "", ""},
		{"beyond its budget", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": limited}, nil, 402, "token_budget_exceeded", ""},
		{"another model", map[string]any{"type": "text2video", "body": wrong(map[string]any{"model": "kling-v1-5-std"}), "token_id": limited}, nil, 403, "model_not_allowed", "body.body.model"},
		{"a token of test mode", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": play}, nil, 201, "", ""},
		{"test mode with a real token", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": limited, "test": true}, nil, 400, "token_not_test", "body.token_id"},
		{"an expired token", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": token(store.NewToken{ExpiresAt: time.Now().Add(-time.Hour)})}, nil, 403, "token_expired", "body.token_id"},
		{"another user's token", map[string]any{"type": "text2video", "body": order("a cat"), "token_id": token(store.NewToken{UserID: other.ID})}, nil, 404, "token_not_found", "body.token_id"},
		{"no order", map[string]any{"type": "text2video"}, nil, 400, "missing_parameter", "body.body"},
		{"nowhere", map[string]any{"body": order("a cat")}, nil, 400, "missing_parameter", "body.route"},
		{"a route that is none", map[string]any{"route": "/v1/videos/nothing", "body": order("a cat")}, nil, 400, "invalid_parameter", "body.route"},
		{"a wrong field", map[string]any{"type": "text2video", "body": wrong(map[string]any{"duration": 7})}, nil, 400, "", "body.body.duration"},
		{"a wrong id of one's own", map[string]any{"type": "text2video", "body": wrong(map[string]any{"external_task_id": "a/b"})}, nil, 400, "invalid_parameter", "body.body.external_task_id"},
		{"a private callback", map[string]any{"type": "text2video", "body": wrong(map[string]any{"callback_url": "ftp://x"})}, nil, 400, "", "body.body.callback_url"},
		{"a key that is none", map[string]any{"type": "text2video", "body": order("a cat")}, []string{"Idempotency-Key", "é"}, 400, "invalid_idempotency_key", "header.Idempotency-Key"},
		{"more than the balance", map[string]any{"type": "text2video", "body": wrong(map[string]any{"duration": 10})}, nil, 402, "insufficient_quota", ""},
		{"an order that Kling refuses", map[string]any{"type": "text2video", "body": order("forbidden")}, nil, 400, "upstream_rejected", ""},
		{"too large an order", map[string]any{"type": "text2video", "body": wrong(map[string]any{"image": strings.Repeat("A", 3<<20)})}, nil, 413, "body_too_large", ""},
	} {
		status, placed, p := r.place(c.body, c.header...)
		at := ""
		if len(p.Errors) > 0 {
			at = p.Errors[0].Location
		}
		if status != c.status || c.code != "" && p.Code != c.code || at != c.at {
			t.Errorf("%s: answered %d %+v %+v, want %d %s at %s", c.name, status, placed.Task, p, c.status, c.code, c.at)
		}
		if c.code == "upstream_rejected" && p.TaskID == "" {
			t.Errorf("%s: which task is not told: %+v", c.name, p)
		}
	}
	rate := 1
	person, err := r.Store.Person(ctx, r.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Store.UpdateUser(ctx, store.CLI, r.user.ID, store.UserPatch{Version: person.Version, Rate: &rate}, nil); err != nil {
		t.Fatal(err)
	}
	r.place(map[string]any{"type": "text2video", "body": order("forbidden")})
	if status, _, p := r.place(map[string]any{"type": "text2video", "body": order("forbidden")}); status != 429 || p.Code != "rate_limited" {
		t.Errorf("beyond the user's rate: %d %+v", status, p)
	}
	storetest.Verified(t, r.Store)
}
