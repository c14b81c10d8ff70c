package storetest

import (
	"fmt"
	"testing"
	"time"

	"one-api/internal/store"
)

func TestNodesAreSeenAndForgotten(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s := OpenAt(t, NewDatabase(t, d))
		ctx := t.Context()
		now := s.Now()
		a := store.Node{ID: "node_a", Version: "1", Address: "10.0.0.1:3000", StartedAt: now.Add(-time.Minute), ClockOffset: -1500 * time.Millisecond, DirectoryAge: time.Second}
		b := store.Node{ID: "node_b", Version: "2", Address: "10.0.0.2:3000", StartedAt: now}
		for range 2 { // a second time is the same node
			for _, n := range []store.Node{a, b} {
				if err := s.SeeNode(ctx, n); err != nil {
					t.Fatal(err)
				}
			}
			b.Draining = true
		}
		got, err := s.Nodes(ctx)
		if err != nil || len(got) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		for i, want := range []store.Node{a, b} {
			if got[i].SeenAt.Before(now) {
				t.Errorf("%s was seen at %s", got[i].ID, got[i].SeenAt)
			}
			if want.SeenAt = got[i].SeenAt; got[i] != want {
				t.Errorf("got %+v, want %+v", got[i], want)
			}
		}
		if err := s.Exec(ctx, "UPDATE nodes SET seen_at = 1 WHERE id = 'node_a'"); err != nil {
			t.Fatal(err)
		}
		if err := s.ForgetNode(ctx, "node_b"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Nodes(ctx); err != nil || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAnInstallationKeepsItsName(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		first, err := OpenAt(t, dsn).Installation(t.Context())
		if err != nil || first == "" {
			t.Fatalf("%q, %v", first, err)
		}
		if again, err := OpenAt(t, dsn).Installation(t.Context()); err != nil || again != first {
			t.Errorf("%q on another node, %q on the first, %v", again, first, err)
		}
	})
}

func TestWhatIsHandedBackIsDueAtOnceUnlessItIsBeingSent(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		s := OpenAt(t, NewDatabase(t, d))
		f := NewFixture(t, s, 10_000, nil)
		ctx, hour := t.Context(), time.Hour
		asked, sending := submitted(t, f, 100), accept(t, f, f.OnChannel(t, 100, 7, 0))
		order := f.Order(100)
		order.Group = "default"
		waiting := accept(t, f, order)
		if err := s.Exec(ctx, fmt.Sprintf("UPDATE videos SET next_check_at = %d", s.Now().Add(hour).UnixMilli())); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ClaimWaiting(ctx, waiting.Lane("default"), 1, hour); err != nil || len(got) != 1 {
			t.Fatalf("claimed %v, %v", got, err)
		}
		ids := []string{asked.ID, sending.ID, waiting.ID}
		if err := s.HandBack(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
		due, err := s.ClaimDue(ctx, 10)
		if err != nil || len(due) != 1 || due[0].ID != asked.ID {
			t.Errorf("due are %v, %v; want the one that was to be asked about", due, err)
		}
		if got, err := s.ClaimWaiting(ctx, waiting.Lane("default"), 1, hour); err != nil || len(got) != 1 {
			t.Errorf("in the queue are %v, %v; want the one that waits", got, err)
		}
	})
}

func TestTheStoreSaysWhatItIs(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		a, err := Open(t, d).About(t.Context())
		if err != nil || a.Database != d || a.Version == "" || (d == store.SQLite) != (a.Size > 0) {
			t.Errorf("%+v, %v", a, err)
		}
	})
}
