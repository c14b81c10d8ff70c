package storetest

import (
	"sync"
	"testing"
	"time"

	"one-api/internal/fault"
	"one-api/internal/store"
)

// A node that stands still in the middle of a transaction holds rows that the
// others need. The database ends the transaction; what the node tries when it
// wakes changes nothing.
func TestATransactionThatStandsStillIsEnded(t *testing.T) {
	for _, d := range []store.Dialect{store.MySQL, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dsn := NewDatabase(t, d)
			f := NewFixture(t, OpenAt(t, dsn), 1000, nil)
			if !endsIdleTransactions(t, f.Store) {
				t.Skip("this server has no limit for idle transactions")
			}
			var mu sync.Mutex
			var asleep, wake chan struct{} // nil: the clock goes
			paused, err := store.Open(t.Context(), store.Options{DSN: dsn, Keys: Keys(t), Now: func() time.Time {
				mu.Lock()
				a, w := asleep, wake
				asleep = nil
				mu.Unlock()
				if a != nil {
					close(a)
					<-w
				}
				return time.Now()
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer paused.Close()
			// A task that waits reads the clock when the money has been held.
			order := f.Order(100)
			order.Group = "default"
			sleeps, wakes := make(chan struct{}), make(chan struct{})
			mu.Lock()
			asleep, wake = sleeps, wakes
			mu.Unlock()
			ended := make(chan error, 1)
			go func() {
				_, err := paused.Accept(order)
				ended <- err
			}()
			<-sleeps
			if _, err := f.Accept(f.Order(100)); err != nil { // of the same user
				t.Errorf("while a node stands still, another cannot accept: %v", err)
			}
			close(wakes)
			if err := <-ended; !fault.Is(err, fault.Unavailable) {
				t.Errorf("the order of the node that stood still: %v; want Unavailable", err)
			}
			mustBalance(t, f, 900, 100)
			Verified(t, f.Store)
		})
	}
}

// endsIdleTransactions reports whether the server can; MySQL cannot.
func endsIdleTransactions(t *testing.T, s *store.Store) bool {
	t.Helper()
	if s.Dialect() == store.Postgres {
		return true
	}
	rows, err := s.QueryText(t.Context(), "SHOW VARIABLES WHERE Variable_name = 'idle_transaction_timeout'")
	if err != nil {
		t.Fatal(err)
	}
	return len(rows) > 0
}
