package console_test

import (
	"testing"

	"one-api/internal/channel"
	"one-api/internal/console"
	"one-api/internal/store"
)

func TestModelsAreThoseOfTheViewersGroup(t *testing.T) {
	w := newWorld(t)
	w.browser().refused(401, "not_signed_in", "GET", "/api/models", nil)
	models := func(path string) map[string]console.Model {
		var got console.Models
		w.alice.want(200, &got, "GET", path, nil)
		out := map[string]console.Model{}
		for _, m := range got.Items {
			out[m.ID] = m
		}
		return out
	}
	if got := models("/api/models"); len(got) != 0 {
		t.Errorf("without channels there are %v", got)
	}
	add := func(models []string, groups ...string) *channel.Channel {
		c, err := w.store.CreateChannel(t.Context(), store.NewChannel{Type: channel.TypeKling, Name: models[0], BaseURL: "http://127.0.0.1:1", Keys: "a|b", Models: models, Groups: groups})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ours := add([]string{"kling-v1-6"}, "default")
	add([]string{"kling-v1-5-pro"}, "vip")
	got := models("/api/models")
	m := got["kling-v1-6-pro"]
	if _, other := got["kling-v1-5-pro"]; other || !m.Offered || m.Provider != "kling" ||
		len(m.Capabilities) == 0 || m.Capabilities[0].Type != "text2video" {
		t.Errorf("models %+v", got)
	}
	if _, err := w.store.SwitchChannel(t.Context(), store.CLI, ours.ID, channel.Disabled); err != nil {
		t.Fatal(err)
	}
	if m, ok := models("/api/models")["kling-v1-6-pro"]; !ok || m.Offered {
		t.Errorf("of a channel that is off: %+v, %v", m, ok)
	}
	if all := models("/api/models?test=true"); !all["kling-v1-5-pro"].Offered || !all["kling-v1-6-pro"].Offered {
		t.Errorf("test mode offers %d models", len(all))
	}
}
