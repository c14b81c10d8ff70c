package worker

import (
	"fmt"
	"testing"

	"one-api/internal/store"
	"one-api/internal/task"
)

func TestATaskWaitsOnceInItsLane(t *testing.T) {
	lane := make(chan task.Task, 8) // nobody serves it
	l := &lanes{byChannel: map[int64]chan task.Task{1: lane}, waiting: map[string]int64{}}
	put := func(status task.Status, epoch int64) {
		l.put(task.Task{ID: "kling_a", ChannelID: 1, Status: status, Epoch: epoch})
	}
	want := func(n int, when string) {
		t.Helper()
		if len(lane) != n {
			t.Fatalf("%d tasks wait %s, want %d", len(lane), when, n)
		}
	}
	put(task.Submitted, 3)
	put(task.Submitted, 3)
	put(task.Submitted, 2)
	want(1, "after repeated callbacks")
	if !l.waits("kling_a") {
		t.Error("the task waits, and lanes do not know it")
	}
	put(task.Processing, 4)
	want(2, "after a newer state")
	for range 2 {
		o := <-lane
		l.took(&o)
	}
	if l.waits("kling_a") {
		t.Error("the task has left its lane, and lanes do not know it")
	}
	put(task.Processing, 4)
	want(1, "after a callback that came when the task was being asked about")

	// A lease or a claim decides about these, not the state alone.
	put(task.Submitting, 5)
	put(task.Submitting, 5)
	want(3, "after two claims of a task that is being sent")
}

func TestATaskThatFindsNoRoomMayComeAgain(t *testing.T) {
	lane := make(chan task.Task, 1)
	l := &lanes{byChannel: map[int64]chan task.Task{1: lane}, waiting: map[string]int64{}}
	for _, id := range []string{"kling_a", "kling_b"} {
		l.put(task.Task{ID: id, ChannelID: 1, Status: task.Submitted})
	}
	if !l.waits("kling_a") || l.waits("kling_b") {
		t.Error("what was dropped counts as waiting")
	}
}

// A claim has moved their checks ahead by a poll's gap; many tasks that end at
// once would otherwise be late by it.
func TestTasksThatFoundNoRoomAreDueWhenThereIsSome(t *testing.T) {
	t.Parallel()
	w, f := newWorker(t, &upstream{})
	c := addChannel(t, w.Store, store.NewChannel{Name: "one", Models: []string{"*"}})
	l := &lanes{worker: w, ctx: t.Context(), byChannel: map[int64]chan task.Task{}, waiting: map[string]int64{}}
	lane := make(chan task.Task, 2)
	l.byChannel[c.ID] = lane // nobody serves it yet
	for _, x := range out(t, f, c, 5) {
		l.put(x)
	}
	due := func() int {
		return number(t, w.Store, fmt.Sprintf("SELECT COUNT(*) FROM videos WHERE next_check_at <= %d", f.Now().UnixMilli()))
	}
	if n := due(); n != 0 {
		t.Fatalf("%d tasks are due while the lane is full", n)
	}
	close(lane)
	l.serve(lane)
	if n := due(); n != 3 {
		t.Errorf("%d tasks are due when the lane has room, want the 3 that found none", n)
	}
}
