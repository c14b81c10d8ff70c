package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
	"one-api/internal/task"
)

// One node of three dies under load and stays away. What Kling had of its tasks
// ends on the others when the row's lease has run out and one of them has
// looked: both are computed from the row as the dead node left it.
func TestTheTasksOfALostNodeEndOnTheOthers(t *testing.T) {
	for _, d := range []store.Dialect{store.MySQL, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("short: three nodes")
			}
			s := newScene(t, d, 3, "", klingsim.Options{NoCallbacks: true, ToProcessing: 300 * time.Millisecond, ToEnd: time.Second})
			var accepted, next atomic.Int64
			stop := make(chan struct{})
			var clients sync.WaitGroup
			for c := range 9 {
				clients.Go(func() {
					n := s.nodes[c%3]
					for {
						select {
						case <-stop:
							return
						default:
						}
						if a, err := s.call(n, http.MethodPost, "/kling/v1/videos/text2video", guideOrder, fmt.Sprint("order ", next.Add(1))); err == nil && a.status == 200 {
							accepted.Add(1)
						} else if n == s.nodes[0] {
							return // it is gone
						}
						time.Sleep(20 * time.Millisecond)
					}
				})
			}
			s.until("some load", func() bool { return accepted.Load() > 120 })
			s.nodes[0].kill(time.Hour, 0)
			close(stop)
			clients.Wait()

			type left struct {
				status string
				due    int64
			}
			rows := map[string]left{}
			list, err := s.db.Query("SELECT task_id, status, next_check_at FROM videos WHERE status NOT IN ('succeed', 'failed')")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = list.Close() }()
			for list.Next() {
				var id string
				var l left
				if err := list.Scan(&id, &l.status, &l.due); err != nil {
					t.Fatal(err)
				}
				rows[id] = l
			}
			if err := list.Err(); err != nil {
				t.Fatal(err)
			}
			has := map[string]bool{}
			for _, u := range s.sim.Tasks() {
				has[u.ExternalID] = true
			}
			if len(rows) < 20 {
				t.Fatalf("only %d tasks are live, want a load", len(rows))
			}
			s.until("every task to end", func() bool {
				return s.number("SELECT COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed')") == 0
			})
			// A claim is late by a second at most; what was being sent is asked for
			// two seconds after its lease, and then looked at once more. The rest is
			// for a loaded machine.
			const claim, firstQuestion, machine = time.Second, 2 * time.Second, 5 * time.Second
			var slowest time.Duration
			for id, l := range rows {
				if !has[id] {
					continue // Kling never had it; that takes a proof
				}
				bound := claim + machine
				if l.status == string(task.Submitting) || l.status == string(task.Unknown) {
					bound += firstQuestion + claim + task.PollGap(0)*12/10
				} else if l.status == string(task.Submitted) {
					bound += task.PollGap(0) * 12 / 10 // it may have been young: once more
				}
				ended := time.UnixMilli(s.number("SELECT finished_at FROM videos WHERE task_id = '" + id + "'"))
				late := ended.Sub(time.UnixMilli(l.due))
				slowest = max(slowest, late)
				if late > bound {
					t.Errorf("task %s, left %s, ended %s after its lease, want at most %s", id, l.status, late, bound)
				}
			}
			t.Logf("%d tasks were live; the last ended %s after its lease", len(rows), slowest)
			s.end(int(s.number("SELECT COUNT(*) FROM videos")), int(s.number("SELECT COUNT(*) FROM videos")))
		})
	}
}
