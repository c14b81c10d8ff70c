package console_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

func TestSettingsHoldOnAllNodes(t *testing.T) {
	w := newWorld(t)
	var got console.Settings
	w.admin.want(200, &got, "GET", "/api/settings", nil)
	if !got.QueueWhenBusy || !got.ResendAfterAbsence || got.Registration != "closed" || got.LogLevel != "" {
		t.Errorf("at first %+v", got)
	}
	first := got.Version
	w.root.want(200, &got, "PATCH", "/api/settings", map[string]any{"version": first, "queue_when_busy": false, "default_rate": 120, "log_level": "debug", "registration": "invite", "notice": "Maintenance at 3.\n维护"})
	if got.QueueWhenBusy || got.DefaultRate != 120 || got.LogLevel != "debug" || got.Registration != "invite" || !strings.HasPrefix(got.Notice, "Maintenance") || !got.ResendAfterAbsence {
		t.Errorf("changed to %+v", got)
	}
	if s := w.store.Directory().View().Settings; s.QueueWhenBusy || s.DefaultRate != 120 {
		t.Errorf("the directory has %+v", s)
	}
	w.root.refused(409, "version_conflict", "PATCH", "/api/settings", map[string]any{"version": first, "queue_when_busy": true})
	w.root.refused(409, "version_conflict", "PATCH", "/api/settings", map[string]any{"version": 0, "queue_when_busy": true})
	w.admin.refused(403, "role_required", "PATCH", "/api/settings", map[string]any{"version": got.Version, "queue_when_busy": true})
	w.alice.refused(403, "role_required", "GET", "/api/settings", nil)
	for _, bad := range []string{
		`{"version":2,"default_rate":-1}`, `{"version":2,"default_rate":100001}`, `{"version":2,"log_level":"loud"}`, `{"version":2,"registration":"all"}`,
		`{"version":2,"notice":"` + strings.Repeat("x", 10_000) + `"}`, `{"version":2,"notice":"a\u0000"}`, `{"version":2,"queue_when_busy":"yes"}`, `{"version":2,"key_id":"x"}`, `{"queue_when_busy":true}`,
	} {
		if a := w.root.do("PATCH", "/api/settings", bad); a.status < 400 || a.status >= 500 || !strings.Contains(string(a.body), `"location":"body`) {
			t.Errorf("%.60s answered %d %.200s", bad, a.status, a.body)
		}
	}
	var after console.Settings
	w.admin.want(200, &after, "GET", "/api/settings", nil)
	if after != got {
		t.Errorf("refused edits changed %+v to %+v", got, after)
	}
}

func TestTheAuditIsFilteredAndPaged(t *testing.T) {
	w := newWorld(t)
	before := time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)
	ch := w.admin.makeChannel(map[string]any{"name": "a", "base_url": "https://api.klingai.com", "keys": "k1"})
	w.admin.want(200, nil, "POST", channelPath(ch.ID, "drain"), nil)
	w.root.want(200, nil, "PATCH", channelPath(ch.ID), map[string]any{"version": 2, "name": "b"})
	w.alice.makeToken(map[string]any{"name": "t"})
	count := func(query string) int {
		var list console.Page[console.AuditEntry]
		w.admin.want(200, &list, "GET", "/api/audit?limit=100&"+query, nil)
		for i := range list.Items[:max(0, len(list.Items)-1)] {
			if list.Items[i].ID <= list.Items[i+1].ID {
				t.Errorf("?%s is not newest first", query)
			}
		}
		return len(list.Items)
	}
	for query, want := range map[string]int{
		"action=channel.*": 3, "action=channel.drain": 1, "action=channel": 0, "target=channel:1": 3, "action=token.create": 1,
		"actor=user:1&action=channel.*": 1, "actor=user:2&action=channel.*": 2, "action=channel.*&since=" + before: 3, "action=channel.*&until=" + before: 0, "action=%25*": 0,
	} {
		if got := count(query); got != want {
			t.Errorf("?%s has %d entries, want %d", query, got, want)
		}
	}
	var list console.Page[console.AuditEntry]
	w.admin.want(200, &list, "GET", "/api/audit?action=channel.*&limit=2", nil)
	e := list.Items[0]
	if e.Action != "channel.update" || e.ActorName != "root" || e.Target != "channel:1" || e.Address == "" || e.RequestID == "" || e.Detail == nil || list.NextCursor == "" {
		t.Errorf("latest entry %+v", e)
	}
	w.admin.want(200, &list, "GET", "/api/audit?action=channel.*&limit=2&cursor="+list.NextCursor, nil)
	if len(list.Items) != 1 || list.Items[0].Action != "channel.create" {
		t.Errorf("second page %+v", list.Items)
	}
	w.admin.refused(422, "invalid_request", "GET", "/api/audit?since=yesterday", nil)
	w.alice.refused(403, "role_required", "GET", "/api/audit", nil)
}

func TestTheAuditIsAskedInAllDatabases(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := storetest.Open(t, d)
			f := storetest.NewFixture(t, s, 0, nil)
			by := store.UserActor(f.User.ID, "r", "::1")
			for range 3 {
				if _, _, err := s.CreateToken(context.Background(), store.NewToken{By: by, UserID: f.User.ID, Name: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			list, err := s.Audit(context.Background(), store.AuditFilter{Actor: by.Name, Action: "token.*", Target: "token:*", Since: time.Unix(1, 0), Until: s.Now().Add(time.Hour), Limit: 2})
			if err != nil || len(list) != 2 || list[0].ID < list[1].ID {
				t.Errorf("audit %+v, %v", list, err)
			}
		})
	}
}
