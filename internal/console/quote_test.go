package console_test

import (
	"context"
	"strings"
	"testing"

	"one-api/internal/console"
	"one-api/internal/store"
)

// caller is a client with a caller's token.
func (w *world) caller(n store.NewToken) *client {
	w.t.Helper()
	if n.Name == "" {
		n.Name = "caller"
	}
	_, text, err := w.store.CreateToken(context.Background(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{t: w.t, url: w.url, token: text, http: w.alice.http}
}

func TestAQuoteSaysHowThePriceComesAbout(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string]map[string]any{
		"facts":           {"type": "text2video", "model": "kling-v1-5-std", "duration": 10, "aspect_ratio": "16:9"},
		"facts by mode":   {"type": "text2video", "model": "kling-v1-5", "mode": "std", "duration": 10},
		"order at route":  {"route": "/v1/videos/text2video", "body": map[string]any{"model": "kling-v1-5-std", "prompt": "a cat", "duration": 10, "aspect_ratio": "16:9"}},
		"route as called": {"route": "/kling/v1/videos/text2video", "body": map[string]any{"model_name": "kling-v1-5", "mode": "std", "prompt": "a cat", "duration": "10"}},
		"order of a type": {"type": "text2video", "body": map[string]any{"model": "kling-v1-5-std", "prompt": "a cat", "duration": 10}},
	} {
		var q console.Quote
		w.alice.want(200, &q, "POST", "/api/quote", body)
		if q.Quota != 600_000 || q.USD != "1.20" || q.Version != 1 || q.Rule == "" || len(q.Explanation) < 3 || q.Ratio != "1" || q.Order.Model != "kling-v1-5-std" || q.Order.Duration != 10 {
			t.Errorf("%s: %+v", name, q)
		}
	}
	var q console.Quote
	w.alice.want(200, &q, "POST", "/api/quote", map[string]any{"type": "text2video", "body": map[string]any{
		"model": "kling-3.0-turbo-pro", "prompt": "a cat",
	}})
	if !strings.HasPrefix(q.Route, "/text-to-video/") {
		t.Errorf("a model of the new generation went to %s", q.Route)
	}
}

func TestCallersAskWithTheirOwnToken(t *testing.T) {
	w := newWorld(t)
	w.admin.want(201, nil, "POST", "/api/groups", map[string]string{"name": "vip", "ratio": "0.5"})
	if err := w.store.Exec(context.Background(), "UPDATE users SET group_name = 'vip', changed = (SELECT version + 1 FROM versions WHERE name = 'directory') WHERE name = 'bob'"); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Exec(context.Background(), "UPDATE versions SET version = version + 1 WHERE name = 'directory'"); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	facts := map[string]any{"type": "text2video", "model": "kling-v1-5-std"}
	var q console.Quote
	w.caller(store.NewToken{UserID: w.bob.user.ID}).want(200, &q, "POST", "/api/quote", facts)
	if q.Quota != 150_000 || q.Group != "vip" || q.Ratio != "0.5" {
		t.Errorf("bob's quote %+v", q)
	}
	w.caller(store.NewToken{UserID: w.alice.user.ID, Test: true}).want(200, &q, "POST", "/api/quote", facts)
	if q.Quota != 300_000 {
		t.Errorf("alice's quote %+v", q)
	}
	narrow := w.caller(store.NewToken{UserID: w.alice.user.ID, Models: []string{"kling-v2-6"}})
	narrow.refused(403, "model_not_allowed", "POST", "/api/quote", facts)
	stranger := &client{t: t, url: w.url, token: "sk-wrong", http: w.alice.http}
	stranger.refused(401, "invalid_token", "POST", "/api/quote", facts)
	w.browser().refused(401, "not_signed_in", "POST", "/api/quote", facts)
	// A caller's token signs in nowhere else.
	narrow.refused(401, "not_signed_in", "GET", "/api/tasks", nil)
}

func TestWhatCannotBeOrderedHasNoQuote(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		status int
		code   string
		at     string
		body   any
	}{
		"unknown model":     {404, "model_not_found", "body.model", map[string]any{"type": "text2video", "model": "gpt-4"}},
		"unknown in body":   {404, "model_not_found", "body.body.model", map[string]any{"type": "text2video", "body": map[string]any{"model": "gpt-4", "prompt": "x"}}},
		"no type":           {400, "missing_parameter", "body.type", map[string]any{"model": "kling-v1-5-std"}},
		"no model":          {400, "missing_parameter", "body.model", map[string]any{"type": "text2video"}},
		"no mode":           {400, "missing_parameter", "body.mode", map[string]any{"type": "text2video", "model": "kling-v1-5"}},
		"nothing":           {400, "missing_parameter", "body.type", map[string]any{}},
		"route only":        {400, "missing_parameter", "body.body", map[string]any{"route": "/v1/videos/text2video"}},
		"body only":         {400, "missing_parameter", "body.route", map[string]any{"body": map[string]any{}}},
		"unknown route":     {404, "route_not_found", "", map[string]any{"route": "/v1/nothing", "body": map[string]any{}}},
		"not offered":       {400, "invalid_parameter", "body.type", map[string]any{"type": "omni-video", "model": "kling-v2-6-pro"}},
		"odd length":        {400, "invalid_parameter", "body.duration", map[string]any{"type": "text2video", "model": "kling-v1-5-std", "duration": 7}},
		"odd ratio":         {400, "invalid_parameter", "body.aspect_ratio", map[string]any{"type": "text2video", "model": "kling-v1-5-std", "aspect_ratio": "<b>"}},
		"no sound":          {400, "invalid_parameter", "body.sound", map[string]any{"type": "text2video", "model": "kling-v1-5-std", "sound": true}},
		"wrong type":        {422, "invalid_request", "body.duration", map[string]any{"type": "text2video", "model": "kling-v1-5-std", "duration": "ten"}},
		"a missing prompt":  {400, "missing_parameter", "body.body.prompt", map[string]any{"type": "text2video", "body": map[string]any{"model": "kling-v1-5-std"}}},
		"a body of text":    {400, "invalid_json", "", map[string]any{"type": "text2video", "body": "x"}},
		"unknown parameter": {422, "invalid_request", "body.price", map[string]any{"type": "text2video", "model": "kling-v1-5-std", "price": 1}},
	} {
		p := w.alice.refused(c.status, c.code, "POST", "/api/quote", c.body)
		if c.at != "" && (len(p.Errors) == 0 || p.Errors[0].Location != c.at) {
			t.Errorf("%s: errors %+v, want %s", name, p.Errors, c.at)
		}
	}
	w.admin.want(200, nil, "PUT", "/api/prices", map[string]any{"version": 1, "remove": []string{w.rule("kling-v1-5-std").ID}})
	w.alice.refused(422, "no_price", "POST", "/api/quote", map[string]any{"type": "text2video", "model": "kling-v1-5-std"})
}
