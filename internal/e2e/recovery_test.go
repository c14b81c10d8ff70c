package e2e_test

import (
	"path/filepath"
	"testing"
	"time"

	"one-api/internal/app"
	"one-api/internal/fault"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// restore puts a backup in the place of the world's database, as an operator
// does with the gateway stopped.
func (w *world) restore(backup string) {
	w.t.Helper()
	o := store.Options{DSN: w.dsn, Keys: w.keys}
	if _, err := store.Restore(w.t.Context(), o, backup); !fault.Is(err, fault.Conflict) {
		w.t.Fatalf("a database in use was restored over: %v", err)
	}
	for _, n := range w.nodes {
		n.end(w.t)
	}
	w.nodes = nil
	w.books.Close()
	if _, err := store.Restore(w.t.Context(), o, backup); err != nil {
		w.t.Fatal(err)
	}
	books, err := store.Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.books = books
	w.last = append(w.last, books.Close)
}

// recovered waits until nothing is left to be found out.
func (w *world) recovered() store.RecoveryState {
	w.t.Helper()
	var r store.RecoveryState
	w.until("recovery to find everything out", func() bool {
		var err error
		if r, err = w.books.Recovery(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		return r.Done()
	})
	return r
}

// Line 27 of the crash table: a backup is restored, and the gateway finds out
// what happened since before it sends anything.
func TestAfterABackupIsRestoredNothingIsSentTwiceOrChargedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{
		byHand: true, sim: klingsim.Options{NoCallbacks: true, ToProcessing: time.Minute, ToEnd: 2 * time.Minute},
		channel: func(n *store.NewChannel) { n.MaxLive = 1 },
		options: func(o *app.Options) { o.Timing.CreateTimeout = time.Second },
	})
	c := w.user
	known := c.order(orderOf("known"))     // submitted in the backup
	waiting := c.order(orderOf("waiting")) // pending in the backup, sent after it
	never := c.order(orderOf("never"))     // pending in the backup, never sent
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := store.Backup(t.Context(), w.dsn, backup, nil); err != nil {
		t.Fatal(err)
	}
	w.pass(3 * time.Minute) // the first ends, the second is sent
	c.succeeded(known)
	w.until("the waiting order to be sent", func() bool { return w.sim.Creates(waiting) == 1 })
	lost := c.order(orderOf("lost")) // accepted after the backup, and sent
	if a := c.do("POST", "/kling/v1/videos/"+never+"/cancel", ""); a.status != 200 {
		t.Fatalf("cancel: %s", a)
	}
	w.pass(3 * time.Minute)
	c.succeeded(waiting)
	w.until("the lost order to be sent", func() bool { return w.sim.Creates(lost) == 1 })
	w.pass(3 * time.Minute)
	c.succeeded(lost)
	w.restore(backup)

	w.startNode()
	c.node, w.user = w.nodes[0], c
	if a := c.do("POST", text2video, guideOrder); a.status != 503 || a.text("error.code") != "recovering" || a.header.Get("Retry-After") == "" {
		t.Errorf("an order in recovery was answered %s", a)
	}
	if a := c.read(lost); a.status != 404 {
		t.Errorf("the lost task reads %s", a)
	}
	if err := w.books.LeaveRecovery(t.Context(), store.CLI, false); !fault.Is(err, fault.Conflict) {
		t.Errorf("recovery could be left at once: %v", err)
	}
	// In recovery the books are brought up to date.
	c.succeeded(known)
	c.succeeded(waiting)
	r := w.recovered()
	if len(r.Orphans) != 1 || r.Orphans[0].Ref != lost || r.Orphans[0].Status != "succeed" || len(r.Orphans[0].Costs) == 0 || r.Tasks != 3 {
		t.Errorf("recovery found %+v", r)
	}
	if a := c.read(never); a.text("status") != "pending" {
		t.Errorf("a task that was not sent is %s", a)
	}
	for _, id := range []string{known, waiting, lost} {
		if n := w.sim.Creates(id); n != 1 {
			t.Errorf("Kling got %d creates of %s, want 1", n, id)
		}
	}
	if n := w.sim.Creates(never); n != 0 {
		t.Errorf("the waiting order was sent %d times in recovery", n)
	}
	c.balance(w.setup.balance-3*guidePrice, guidePrice)

	// What was proved not to have been sent may be sent now.
	if err := w.books.LeaveRecovery(t.Context(), store.CLI, false); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	w.until("the waiting order to be sent", func() bool { return w.sim.Creates(never) == 1 })
	w.pass(3 * time.Minute)
	c.succeeded(never)
	c.balance(w.setup.balance-3*guidePrice, 0)
	w.forget(lost)
}

// Ended by force, recovery sends nothing of which nobody knows.
func TestRecoveryEndedByForceSendsNothingUnproved(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, byHand: true, mayFail: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
		c := w.user
		live := c.order(guideOrder)
		waiting := c.order(guideOrder)
		seen := w.inject(klingsim.Fault{Kind: klingsim.FailBefore, On: klingsim.OpQuery, Status: 502, Count: -1})
		if err := w.books.EnterRecovery(t.Context(), store.CLI, "a test"); err != nil {
			t.Fatal(err)
		}
		w.refresh()
		if err := w.books.EnterRecovery(t.Context(), store.CLI, "a test"); !fault.Is(err, fault.Conflict) {
			t.Errorf("recovery was begun twice: %v", err)
		}
		if a := c.do("POST", text2video, guideOrder); a.status != 503 || a.text("error.code") != "recovering" {
			t.Errorf("an order in recovery was answered %s", a)
		}
		w.until("the channel to be tried in vain", func() bool {
			r, err := w.books.Recovery(t.Context())
			return err == nil && r.Open == 2 && len(r.Channels) == 1 && r.Channels[0].Problem != ""
		})
		if err := w.books.LeaveRecovery(t.Context(), store.CLI, true); err != nil {
			t.Fatal(err)
		}
		w.refresh()
		seen()
		w.pass(3 * time.Minute)
		c.succeeded(live)
		c.failed(waiting, "unproven")
		if n := w.sim.Creates(waiting); n != 0 {
			t.Errorf("the order was sent %d times", n)
		}
		c.balance(w.setup.balance-guidePrice, 0)
	})
}

// A node remembers outside of the database how far that had come.
func TestAnOlderDatabaseIsNoticedAtTheStart(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "high-water.json")
	w := newWorld(t, setup{
		sim:     klingsim.Options{ToEnd: 10 * time.Millisecond},
		options: func(o *app.Options) { o.MarkFile = mark },
	})
	c := w.user
	c.succeeded(c.order(guideOrder))
	restart := func() {
		t.Helper()
		for _, n := range w.nodes {
			n.end(t)
		}
		w.nodes = nil
		w.startNode()
		c.node = w.nodes[0]
	}
	restart()
	if r, err := w.books.Recovery(t.Context()); err != nil || r.Active {
		t.Fatalf("a plain restart began recovery: %+v, %v", r, err)
	}
	for _, n := range w.nodes {
		n.end(t)
	}
	w.must("UPDATE recovery SET heartbeat = heartbeat - 60000") // as a backup of a minute ago says
	restart()
	r := w.recovered()
	if !r.Active || r.Reason == "" || len(r.Orphans) != 0 {
		t.Errorf("an older database: %+v", r)
	}
	if a := c.do("POST", text2video, guideOrder); a.status != 503 {
		t.Errorf("an order was answered %s", a)
	}
}
