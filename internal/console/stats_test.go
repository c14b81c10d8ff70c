package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/task"
	"one-api/internal/video"
)

func TestStatsTellSpendSuccessAndMargin(t *testing.T) {
	w := newWorld(t)
	a, b := w.owner(w.alice), w.owner(w.bob)
	ch := w.newChannel("https://example.com")
	finished(t, a, sent(t, a, order(t, a, ch, func(x *task.Task) { x.Tags = `{"team":"ads"}` })), video.Cost{Unit: "video_unit", Amount: "2"})
	finished(t, b, sent(t, b, order(t, b, ch, func(x *task.Task) { x.Tags = `{"team":"film"}` })), video.Cost{Unit: "CNY", Amount: "3"})
	waits := order(t, a, 0, nil)
	w.alice.want(200, nil, "POST", "/api/tasks/"+order(t, a, 0, nil).ID+"/cancel", nil)

	var s console.Stats
	w.admin.want(200, &s, "GET", "/api/stats?tz=Asia/Shanghai&interval=day", nil)
	if s.Total.Tasks != 3 || s.Total.Succeeded != 2 || s.Total.Failed != 1 || s.Total.Spend.Quota != 600_000 || *s.Total.SuccessRate < 0.66 || *s.Total.SuccessRate > 0.67 {
		t.Errorf("total %+v", s.Total)
	}
	// Known costs: one success for 0.28 USD and the cancelled one for nothing.
	if c := s.Total.Cost; c == nil || c.USD != "0.28" || c.Margin != "0.32" || c.CNY != "3.00" || c.Known != 2 || c.Unknown != 1 {
		t.Errorf("cost %+v", s.Total.Cost)
	}
	if len(s.Series) == 0 || len(s.Models) != 1 || len(s.Users) != 2 || len(s.Channels) != 2 || s.Channels[0].Name != "Singapore" {
		t.Errorf("series %+v, models %+v, users %+v, channels %+v", s.Series, s.Models, s.Users, s.Channels)
	}
	if at := s.Series[0].At; at.Format("15:04 -0700") != "00:00 +0800" {
		t.Errorf("a day begins at %s", at)
	}
	if s.Waiting == nil || s.Waiting.TaskID != waits.ID || len(s.Live) != 1 || s.Live[0].Status != "pending" || s.Live[0].Held != 300_000 {
		t.Errorf("live %+v, waiting %+v", s.Live, s.Waiting)
	}

	if len(s.Health) != 1 || s.Health[0].ID != ch || s.Health[0].Status != "enabled" || s.Health[0].Circuit != "closed" || s.Health[0].Recent.Accepted != 2 {
		t.Errorf("health %+v", s.Health)
	}
	for query, want := range map[string]int64{
		"model=kling-v1-6-pro": 3, "model=kling-v1-5-std": 0, fmt.Sprintf("channel_id=%d", ch): 2, "channel_id=99": 0, fmt.Sprintf("channel_id=%d&model=kling-v1-6-pro", ch): 2,
	} {
		var f console.Stats
		w.admin.want(200, &f, "GET", "/api/stats?"+query, nil)
		if f.Total.Tasks != want || len(f.Health) != 1 {
			t.Errorf("%s: %d tasks, want %d; health %+v", query, f.Total.Tasks, want, f.Health)
		}
	}
	p := w.alice.refused(403, "role_required", "GET", "/api/stats?channel_id=1", nil)
	if len(p.Errors) != 1 || p.Errors[0].Location != "query.channel_id" {
		t.Errorf("refused with %+v", p.Errors)
	}
	own := w.alice.want(200, &s, "GET", "/api/stats", nil)
	for _, word := range []string{"cost", "margin", "channels", "users", "health", "0.28", "Singapore"} {
		if strings.Contains(string(own.body), `"`+word) {
			t.Errorf("alice reads of %s: %s", word, own.body)
		}
	}
	s = console.Stats{}
	w.bob.want(200, &s, "GET", "/api/stats", nil)
	if s.Total.Tasks != 1 || len(s.Live) != 0 || s.Waiting != nil {
		t.Errorf("bob's %+v", s)
	}
	w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/stats?user_id=%d", w.alice.user.ID), nil)
	w.bob.refused(404, "user_not_found", "GET", fmt.Sprintf("/api/stats/tags?user_id=%d", w.alice.user.ID), nil)
	w.browser().refused(401, "not_signed_in", "GET", "/api/stats", nil)

	var tags console.TagStats
	w.admin.want(200, &tags, "GET", "/api/stats/tags?tag=team", nil)
	if len(tags.Items) != 2 || tags.Items[0].Spend.Quota != 300_000 || tags.Items[0].Cost == nil {
		t.Errorf("by team %+v", tags.Items)
	}
	tags = console.TagStats{}
	w.alice.want(200, &tags, "GET", "/api/stats/tags", nil)
	if len(tags.Items) != 1 || tags.Items[0].Tag != "team" || tags.Items[0].Tasks != 1 || tags.Items[0].Cost != nil {
		t.Errorf("alice's tags %+v", tags.Items)
	}
}

func TestWrongRangesOfStatsAreRefused(t *testing.T) {
	w := newWorld(t)
	long := time.Now().AddDate(-2, 0, 0).UTC().Format(time.RFC3339)
	for query, code := range map[string]string{
		"?tz=Mars/Olympus": "invalid_time_zone",
		"?since=" + long:   "range_too_large",
		"?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z":               "invalid_range",
		"?interval=hour&since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z": "range_too_large",
	} {
		w.alice.refused(400, code, "GET", "/api/stats"+query, nil)
	}
	w.alice.refused(422, "invalid_request", "GET", "/api/stats?interval=year", nil)
	w.alice.refused(400, "range_too_large", "GET", "/api/stats/tags?since="+long, nil)
}
