package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/generation"
	"one-api/internal/money"
	"one-api/internal/provider"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
)

// upstream is a provider whose calls the test answers.
type upstream struct {
	provider.Provider
	submit func(context.Context, provider.Submission) (provider.Accepted, error)

	mu      sync.Mutex
	queries int // of single tasks
	batches int
}

func (u *upstream) Submit(ctx context.Context, _ provider.Credential, s provider.Submission) (provider.Accepted, error) {
	return u.submit(ctx, s)
}

func (u *upstream) Query(context.Context, provider.Credential, provider.TaskRef) (provider.Report, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queries++
	return provider.Report{Status: provider.Processing}, nil
}

func (u *upstream) BatchKey(provider.Credential, provider.TaskRef) string { return "list" }
func (u *upstream) BatchSize(string) (least, most int)                    { return 2, 100 }

func (u *upstream) QueryBatch(context.Context, provider.Credential, []provider.TaskRef) (map[string]provider.Report, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.batches++
	return nil, &provider.Error{Kind: provider.Unanswered, HTTPStatus: 404}
}

// newWorker is a node with an upstream and a user.
func newWorker(t *testing.T, u *upstream) (*Worker, storetest.Fixture) {
	t.Helper()
	s := storetest.Open(t, store.SQLite)
	var up generation.Upstreams
	up.Add(provider.Driver{Name: "kling", ChannelType: channel.TypeKling}, u)
	log := slog.New(slog.DiscardHandler)
	w := &Worker{Store: s, Directory: s.Directory(), Log: log, Generations: &generation.Service{
		Store: s, Directory: s.Directory(), Upstreams: up, Timing: generation.DefaultTiming(), Log: log,
	}}
	w.init()
	return w, storetest.NewFixture(t, s, 100_000, nil)
}

func addChannel(t *testing.T, s *store.Store, n store.NewChannel) *channel.Channel {
	t.Helper()
	n.Type, n.BaseURL, n.Keys = channel.TypeKling, "http://127.0.0.1:1", "key"
	c, err := s.CreateChannel(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// waits commits n waiting tasks of a model.
func waits(t *testing.T, f storetest.Fixture, model string, n int) {
	t.Helper()
	for range n {
		a := f.Order(1)
		a.Task.Model, a.Group = model, "default"
		if _, err := f.Accept(a); err != nil {
			t.Fatal(err)
		}
	}
}

// dispatching runs the dispatcher until the test ends.
func dispatching(t *testing.T, w *Worker) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.dispatch(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// movedAway puts a user into group "vip".
func movedAway(t *testing.T, f storetest.Fixture) {
	t.Helper()
	vip := "vip"
	ratio, err := money.ParseDecimal("1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Person(t.Context(), f.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateGroup(t.Context(), store.Actor{}, store.Group{Name: vip, Ratio: ratio}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.UpdateUser(t.Context(), store.Actor{}, f.User.ID, store.UserPatch{Version: p.Version, Group: &vip}, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The lane's channel has one place, and the tasks at its head are of a user
// whom it does not serve any more.
func TestTasksWhoseOwnerLeftTheGroupBlockNobody(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 64)
	u := &upstream{submit: func(_ context.Context, s provider.Submission) (provider.Accepted, error) {
		sent <- s.Request.Model
		return provider.Accepted{UpstreamID: s.Ref}, nil
	}}
	w, f := newWorker(t, u)
	addChannel(t, w.Store, store.NewChannel{Name: "one", Models: []string{"*"}, MaxLive: 1})
	other := storetest.NewFixture(t, w.Store, 100_000, nil)
	waits(t, f, "kling-v1-6-pro", 20)
	waits(t, other, "kling-v1-6-pro", 1)
	movedAway(t, f)
	dispatching(t, w)
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Error("the other user's task was not sent although the channel is free")
	}
}

func TestWaitingTasksFollowTheirOwnerToAnotherGroup(t *testing.T) {
	t.Parallel()
	sent := make(chan struct{}, 64)
	u := &upstream{submit: func(_ context.Context, s provider.Submission) (provider.Accepted, error) {
		sent <- struct{}{}
		return provider.Accepted{UpstreamID: s.Ref}, nil
	}}
	w, f := newWorker(t, u)
	full := addChannel(t, w.Store, store.NewChannel{Name: "full", Models: []string{"*"}, MaxLive: 1, Groups: []string{"default"}})
	if _, err := f.Accept(f.OnChannel(t, 1, full.ID, 1)); err != nil {
		t.Fatal(err)
	}
	waits(t, f, "kling-v1-6-pro", 3)
	movedAway(t, f)
	addChannel(t, w.Store, store.NewChannel{Name: "free", Models: []string{"*"}, Groups: []string{"vip"}})
	dispatching(t, w)
	for range 3 {
		select {
		case <-sent:
		case <-time.After(10 * time.Second):
			t.Fatal("a task was not sent although its owner's new group has a free channel")
		}
	}
}

func TestAnUpstreamThatHangsHoldsUpNoOtherModel(t *testing.T) {
	t.Parallel()
	hang, sent := make(chan struct{}), make(chan struct{}, 1)
	u := &upstream{submit: func(_ context.Context, s provider.Submission) (provider.Accepted, error) {
		if strings.HasPrefix(s.Request.Model, "kling-v1-6") {
			<-hang
		} else {
			sent <- struct{}{}
		}
		return provider.Accepted{UpstreamID: s.Ref}, nil
	}}
	w, f := newWorker(t, u)
	addChannel(t, w.Store, store.NewChannel{Name: "slow", Models: []string{"kling-v1-6"}})
	addChannel(t, w.Store, store.NewChannel{Name: "good", Models: []string{"kling-v2-1"}})
	waits(t, f, "kling-v1-6-pro", 300)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.dispatch(ctx) }()
	defer func() { stop(); close(hang); <-done }()
	waits(t, f, "kling-v2-1-pro", 1)
	w.Wake()
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Error("a task whose channel is free was not sent while another model's create calls hang")
	}
}

// The host answers, and knows no lists.
func TestTasksWhoseListIsNotAnsweredAreAskedForOneByOne(t *testing.T) {
	t.Parallel()
	u := &upstream{}
	w, f := newWorker(t, u)
	c := addChannel(t, w.Store, store.NewChannel{Name: "one", Models: []string{"*"}})
	l := &lanes{worker: w, ctx: t.Context(), byChannel: map[int64]chan task.Task{}, waiting: map[string]int64{}}
	lane := make(chan task.Task, laneQueue)
	l.byChannel[c.ID] = lane // served by the test alone
	tasks := out(t, f, c, 4)
	for _, x := range tasks {
		l.put(x)
	}
	for len(lane) > 0 {
		w.act(t.Context(), <-lane, l, lane)
	}
	if u.batches != 1 || u.queries != len(tasks) {
		t.Errorf("%d batches and %d single queries; want 1 that failed, then each of the %d tasks", u.batches, u.queries, len(tasks))
	}
}

// out commits n tasks that the upstream has, and whose next check is far ahead.
func out(t *testing.T, f storetest.Fixture, c *channel.Channel, n int) []task.Task {
	t.Helper()
	var tasks []task.Task
	for i := range n {
		a := f.OnChannel(t, 1, c.ID, 0)
		a.Task.KeyID = c.Keys[0].ID
		if _, err := f.Accept(a); err != nil {
			t.Fatal(err)
		}
		to, err := a.Task.Accepted(fmt.Sprintf("up%d", i), f.Now())
		to.NextCheckAt = f.Now().Add(time.Hour)
		if err == nil {
			err = f.Advance(task.Change{From: a.Task, To: to})
		}
		if err != nil {
			t.Fatal(err)
		}
		to.Epoch++
		tasks = append(tasks, to)
	}
	return tasks
}
