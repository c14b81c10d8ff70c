package generation_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/generation"
	"one-api/internal/provider"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
	"one-api/internal/task"
)

// pausing is a store whose node stands still while it asks for a circuit's
// probe.
type pausing struct {
	*store.Store
	gone time.Duration
}

func (p *pausing) Now() time.Time { return p.Store.Now().Add(p.gone) }

func (p *pausing) ProbeCircuit(ctx context.Context, id int64, seen, until time.Time) (bool, error) {
	won, err := p.Store.ProbeCircuit(ctx, id, seen, until)
	p.gone += 10 * time.Minute
	return won, err
}

func TestATaskThatWasNotSentDoesNotCloseACircuit(t *testing.T) {
	ctx := t.Context()
	p := &pausing{Store: storetest.Open(t, store.SQLite)}
	f := storetest.NewFixture(t, p.Store, 1000, nil)
	c, err := p.CreateChannel(ctx, store.NewChannel{Type: channel.TypeKling, Name: "one", BaseURL: "http://127.0.0.1:1", Keys: "key", Models: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := p.OpenCircuit(ctx, c.ID, time.Time{}, p.Now().Add(-time.Second)); err != nil || !opened {
		t.Fatalf("opened: %t, %v", opened, err)
	}
	if err := p.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var up generation.Upstreams
	up.Add(provider.Driver{Name: "kling", ChannelType: channel.TypeKling}, struct{ provider.Provider }{})
	s := &generation.Service{
		Store: p, Directory: p.Directory(), Upstreams: up, Timing: generation.DefaultTiming(), Log: slog.New(slog.DiscardHandler),
	}
	order := f.Order(1)
	order.Group = "default"
	done, err := f.Accept(order)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Dispatch(ctx, done.Task); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Task(ctx, done.Task.ID); err != nil || got.Status != task.Unknown {
		t.Errorf("the task is %v, %v; want unknown", got.Status, err)
	}
	if err := p.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if seen, _ := p.Directory().View().Channel(c.ID); seen.Circuit.Opens != 1 {
		t.Errorf("the circuit has %d opens; want 1: nothing was sent", seen.Circuit.Opens)
	}
}
