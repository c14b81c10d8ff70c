package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/console"
	"one-api/internal/store"
)

// live is a stream as a browser reads it.
type live struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (c *client) follow(query string) *live {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	c.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", c.url+"/api/tasks/events"+query, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || resp.Header.Get("X-Accel-Buffering") != "no" {
		c.t.Fatalf("the stream answered %d %v", resp.StatusCode, resp.Header)
	}
	return &live{c.t, bufio.NewScanner(resp.Body), cancel}
}

// next is the next event; "" is the end of the stream. Signs of life are left
// out, unless they are asked for.
func (l *live) next(beats ...bool) (event, data string) {
	l.t.Helper()
	for l.lines.Scan() {
		line := l.lines.Text()
		switch {
		case strings.HasPrefix(line, "event: "):
			event = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data = strings.TrimPrefix(line, "data: ")
		case strings.HasPrefix(line, ":") && len(beats) > 0:
			return "beat", ""
		case line == "" && event != "":
			return event, data
		}
	}
	return "", ""
}

func (l *live) task(id, status string) console.Task {
	l.t.Helper()
	event, data := l.next()
	var got console.Task
	if event != "task" || json.Unmarshal([]byte(data), &got) != nil || got.ID != id || got.Status != status {
		l.t.Fatalf("told %s %s, want task %s as %s", event, data, id, status)
	}
	return got
}

func (l *live) ends(event, data string) {
	l.t.Helper()
	if e, d := l.next(); e != event || d != data {
		l.t.Errorf("told %s %s, want %s %s", e, d, event, data)
	}
	if e, d := l.next(); e != "" {
		l.t.Errorf("after the end: %s %s", e, d)
	}
}

// quick looks often, so that tests need not wait.
func quick(p console.Pace) (func(*console.Console), func() *console.Console) {
	var made *console.Console
	if p.Look == 0 {
		p.Look = 5 * time.Millisecond
	}
	return func(c *console.Console) { made = c; c.Events = p }, func() *console.Console { return made }
}

func TestTasksAreFollowedLive(t *testing.T) {
	change, _ := quick(console.Pace{})
	w := newWorldOn(t, store.SQLite, change)
	a, b := w.owner(w.alice), w.owner(w.bob)
	mine, ended, theirs := order(t, a, 1, nil), order(t, a, 1, nil), order(t, b, 1, nil)
	ended = finished(t, a, sent(t, a, ended))

	l := w.alice.follow("?ids=" + mine.ID + "," + theirs.ID + "," + ended.ID + ",nothing")
	l.task(mine.ID, "submitted")
	l.task(ended.ID, "succeed")
	now := sent(t, a, mine)
	if got := l.task(mine.ID, "submitted"); got.SubmittedAt == nil || got.Upstream != nil {
		t.Errorf("told %+v", got)
	}
	finished(t, a, now)
	if got := l.task(mine.ID, "succeed"); got.ResultURL == "" || got.Charged != 300_000 {
		t.Errorf("told %+v", got)
	}
	l.ends("done", "{}")

	if l := w.admin.follow("?ids=" + theirs.ID); l.task(theirs.ID, "submitted").Upstream == nil {
		t.Error("an administrator is not told of the upstream")
	}
	w.alice.follow("?ids="+theirs.ID).ends("done", "{}")
	w.alice.follow("?ids=%01,").ends("done", "{}")
	w.browser().refused(401, "not_signed_in", "GET", "/api/tasks/events", nil)
	ids := strings.TrimSuffix(strings.Repeat("x,", 101), ",")
	w.alice.refused(422, "invalid_request", "GET", "/api/tasks/events?ids="+ids, nil)
}

func TestTheNewestTasksAreFollowedWithoutTheirIDs(t *testing.T) {
	change, _ := quick(console.Pace{})
	w := newWorldOn(t, store.SQLite, change)
	a, b := w.owner(w.alice), w.owner(w.bob)
	old := order(t, a, 1, nil)
	order(t, b, 1, nil)
	l := w.alice.follow("")
	l.task(old.ID, "submitted")
	fresh := order(t, a, 1, nil)
	l.task(fresh.ID, "submitted")
	sent(t, a, old)
	l.task(old.ID, "submitted")
}

func TestAStreamEnds(t *testing.T) {
	t.Run("after its time", func(t *testing.T) {
		change, _ := quick(console.Pace{Most: 20 * time.Millisecond})
		w := newWorldOn(t, store.SQLite, change)
		live := order(t, w.owner(w.alice), 1, nil)
		l := w.alice.follow("?ids=" + live.ID)
		l.task(live.ID, "submitted")
		l.ends("end", `{"reason":"timeout"}`)
	})
	t.Run("when the node stops", func(t *testing.T) {
		change, made := quick(console.Pace{})
		w := newWorldOn(t, store.SQLite, change)
		l := w.alice.follow("")
		made().Drain()
		made().Drain()
		l.ends("end", `{"reason":"stopping"}`)
		w.alice.follow("").ends("end", `{"reason":"stopping"}`)
	})
	t.Run("when the session does", func(t *testing.T) {
		change, _ := quick(console.Pace{Beat: 10 * time.Millisecond})
		w := newWorldOn(t, store.SQLite, change)
		b := w.signedIn("alice")
		l := b.follow("")
		if event, _ := l.next(true); event != "beat" {
			t.Errorf("no sign of life but %s", event)
		}
		b.want(204, nil, "DELETE", "/api/session", nil)
		l.ends("end", `{"reason":"signed_out"}`)
	})
	t.Run("when the user is disabled", func(t *testing.T) {
		change, _ := quick(console.Pace{Beat: 10 * time.Millisecond})
		w := newWorldOn(t, store.SQLite, change)
		l := w.alice.follow("")
		if err := w.store.SetUserStatus(t.Context(), w.alice.user.ID, account.Disabled); err != nil {
			t.Fatal(err)
		}
		l.ends("end", `{"reason":"signed_out"}`)
	})
}

// The end of a task is told at once, long before the next look.
func TestAnEndThatThisNodeSettlesWakesTheStream(t *testing.T) {
	change, made := quick(console.Pace{Look: time.Hour})
	w := newWorldOn(t, store.SQLite, change)
	w.store.OnEnd(func(id string) { made().Ended(id) })
	a := w.owner(w.alice)
	first := sent(t, a, order(t, a, 1, nil))
	l := w.alice.follow("?ids=" + first.ID)
	l.task(first.ID, "submitted")
	finished(t, a, first)
	l.task(first.ID, "succeed")
	l.ends("done", "{}")
}

// The server bounds how long requests are read and answered; streams outlive
// both bounds.
func TestNoTimeLimitOfTheServerCutsAStream(t *testing.T) {
	change, _ := quick(console.Pace{Beat: 20 * time.Millisecond, Most: 500 * time.Millisecond})
	w := newWorldOn(t, store.SQLite, change)
	srv := httptest.NewUnstartedServer(w.handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	srv.Start()
	defer srv.Close()
	hurried := *w.alice
	hurried.url = srv.URL
	hurried.follow("").ends("end", `{"reason":"timeout"}`)
}

func TestAUserHasEightStreams(t *testing.T) {
	change, _ := quick(console.Pace{})
	w := newWorldOn(t, store.SQLite, change)
	var all []*live
	for range 8 {
		all = append(all, w.alice.follow(""))
	}
	w.alice.refused(429, "too_many_streams", "GET", "/api/tasks/events", nil)
	w.bob.follow("")
	all[0].cancel()
	for { // its place is free once the server has noticed
		if a := w.alice.do("GET", "/api/tasks/events?ids=none", nil); a.status == 200 {
			return
		}
	}
}
