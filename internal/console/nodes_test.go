package console_test

import (
	"fmt"
	"testing"
	"time"

	"one-api/internal/console"
	"one-api/internal/store"
)

func TestNodesAreListedForAdministrators(t *testing.T) {
	w := newWorld(t)
	start := w.store.Now()
	for _, n := range []store.Node{
		{ID: "node_a", Version: "1.0", Address: "10.0.0.1:3000", StartedAt: start, ClockOffset: -2 * time.Second},
		{ID: "node_b", Version: "1.0", Address: "10.0.0.2:3000", StartedAt: start.Add(time.Millisecond), Draining: true},
		{ID: "node_c", Version: "1.0", Address: "10.0.0.3:3000", StartedAt: start.Add(2 * time.Millisecond)},
	} {
		if err := w.store.SeeNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.store.Exec(t.Context(), "UPDATE nodes SET seen_at = seen_at - 60000 WHERE id = 'node_c'"); err != nil {
		t.Fatal(err)
	}
	w.alice.refused(403, "role_required", "GET", "/api/nodes", nil)
	var page struct{ Items []console.Node }
	w.admin.want(200, &page, "GET", "/api/nodes", nil)
	var got []string
	for _, n := range page.Items {
		got = append(got, n.ID+" "+n.Status)
	}
	if len(got) != 3 || got[0] != "node_a up" || got[1] != "node_b stopping" || got[2] != "node_c silent" || page.Items[0].ClockOffset != -2 {
		t.Errorf("nodes %v, %+v", got, page.Items)
	}
}

func TestAUsersRateIsSetAndRead(t *testing.T) {
	w := newWorld(t)
	var u console.User
	w.admin.want(201, &u, "POST", "/api/users", map[string]any{"name": "carol", "rate": 30})
	if u.Rate != 30 || w.store.Directory().View().Users[u.ID].Rate != 30 {
		t.Fatalf("made with %+v", u)
	}
	w.admin.want(200, &u, "PATCH", fmt.Sprintf("/api/users/%d", u.ID), map[string]any{"version": u.Version, "rate": 0})
	if u.Rate != 0 || w.store.Directory().View().Users[u.ID].Rate != 0 {
		t.Errorf("after the edit %+v", u)
	}
	w.admin.refused(422, "invalid_request", "PATCH", fmt.Sprintf("/api/users/%d", u.ID), map[string]any{"version": u.Version, "rate": -1})
}
