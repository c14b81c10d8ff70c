package storetest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"one-api/internal/ledger"
	"one-api/internal/store"
	"one-api/internal/store/storetest"
)

func TestMigrationsAreListedWithoutBeingMade(t *testing.T) {
	t.Parallel()
	for _, d := range storetest.Databases {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dsn := storetest.NewDatabase(t, d)
			count := func() (applied, all int) {
				t.Helper()
				list, err := store.Migrations(context.Background(), dsn)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range list {
					if m.Applied != !m.AppliedAt.IsZero() || m.Name == "" || m.Version == 0 {
						t.Errorf("%+v", m)
					}
					if m.Applied {
						applied++
					}
				}
				return applied, len(list)
			}
			for range 2 { // looking changes nothing
				if applied, all := count(); applied != 0 || all == 0 {
					t.Errorf("a new database has %d of %d", applied, all)
				}
			}
			storetest.OpenAt(t, dsn)
			if applied, all := count(); applied != all {
				t.Errorf("an open one has %d of %d", applied, all)
			}
		})
	}
}

// A copy that is made while others write is one moment's state: its books
// agree, and what was written before it began is in it.
func TestABackupIsOneMomentOfABusyDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	dsn, copied := "sqlite://"+filepath.Join(dir, "odd name.db"), filepath.Join(dir, "copy.db")
	s := storetest.OpenAt(t, dsn)
	u, err := s.CreateUser(ctx, store.NewUser{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	grant := func(n int) error {
		return s.ChangeBalance(ctx, ledger.Change(ledger.KindGrant, u.ID, 1, fmt.Sprint("grant ", n), "test", "", s.Now()))
	}
	const before = 50
	for n := range before {
		if err := grant(n); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for n := before; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := grant(n); err != nil {
				t.Error(err)
				return
			}
		}
	})
	size, err := store.Backup(ctx, dsn, copied, nil)
	close(stop)
	wg.Wait()
	if err != nil || size == 0 {
		t.Fatal(size, err)
	}
	c := storetest.OpenAt(t, "sqlite://"+copied)
	if found, err := c.Verify(ctx); err != nil || len(found) > 0 {
		t.Errorf("the copy's books: %v %v", found, err)
	}
	b, err := c.Balance(ctx, u.ID, false)
	if err != nil || b.Available < before {
		t.Errorf("the copy has %d of %d grants, %v", b.Available, before, err)
	}
}
