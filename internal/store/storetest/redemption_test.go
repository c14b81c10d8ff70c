package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/fault"
	"one-api/internal/money"
	"one-api/internal/secret"
	"one-api/internal/store"
)

func admin() store.Actor { return store.UserActor(1, "req-1", "192.0.2.1") }

func makeCodes(t *testing.T, s *store.Store, n store.NewRedemptions) ([]store.Redemption, []secret.Text) {
	t.Helper()
	rows, texts, err := s.CreateRedemptions(context.Background(), admin(), n)
	if err != nil {
		t.Fatal(err)
	}
	return rows, texts
}

// Fifty parallel tries by five users through two nodes: one of them is paid.
func TestACodeIsCreditedOnceHoweverManyRedeemIt(t *testing.T) {
	each(t, func(t *testing.T, d store.Dialect) {
		dsn := NewDatabase(t, d)
		nodes := []*store.Store{OpenAt(t, dsn), OpenAt(t, dsn)}
		var users []Fixture
		for range 5 {
			users = append(users, NewFixture(t, nodes[0], 0, nil))
		}
		rows, texts := makeCodes(t, nodes[0], store.NewRedemptions{Name: "spring", Count: 1, Quota: 700})
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := map[int64]int{}
		start := make(chan struct{})
		for i := range 50 {
			wg.Go(func() {
				u := users[i%len(users)].User.ID
				<-start
				_, err := nodes[i%2].Redeem(context.Background(), store.UserActor(u, "", ""), u, texts[0])
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won[u]++
				} else if fault.From(err).Word() != "code_used" {
					t.Errorf("refused with %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		var total money.Quota
		wins := 0
		for _, u := range users {
			b, err := nodes[1].Balance(context.Background(), u.User.ID, false)
			if err != nil {
				t.Fatal(err)
			}
			total += b.Available
			wins += won[u.User.ID]
			if b.Available != money.Quota(won[u.User.ID])*700 {
				t.Errorf("user %d was told %d times and has %d", u.User.ID, won[u.User.ID], b.Available)
			}
		}
		if total != 700 || wins != 1 {
			t.Errorf("%d quota credited in %d wins, want 700 once", total, wins)
		}
		r, err := nodes[0].Redemption(context.Background(), rows[0].ID)
		if err != nil || r.Status != store.CodeUsed || won[r.UsedBy] != 1 || r.UsedAt == 0 {
			t.Errorf("the code says %+v, %v", r, err)
		}
		Verified(t, nodes[0])
	})
}

func TestACodeThatCannotBeRedeemedSaysWhyAndCreditsNothing(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		by := store.UserActor(f.User.ID, "", "")
		rows, texts := makeCodes(t, f.Store, store.NewRedemptions{Name: "autumn", Count: 2, Quota: 5})
		if _, err := f.SwitchRedemption(ctx, admin(), rows[0].ID, store.CodeDisabled); err != nil {
			t.Fatal(err)
		}
		refused := func(word string, code secret.Text) {
			t.Helper()
			if _, err := f.Redeem(ctx, by, f.User.ID, code); fault.From(err).Word() != word {
				t.Errorf("redeem = %v, want %s", err, word)
			}
		}
		refused("code_not_valid", texts[0])
		refused("code_not_valid", "rc-00000-00000-00000-00000-00000")
		refused("code_not_valid", "")
		_, short := makeCodes(t, f.Store, store.NewRedemptions{Name: "brief", Count: 1, Quota: 5, ExpiresAt: f.Now().Add(time.Hour)})
		if err := f.Exec(ctx, "UPDATE redemptions SET expires_at = 1 WHERE name = 'brief'"); err != nil {
			t.Fatal(err)
		}
		refused("code_expired", short[0])
		// Typed by hand: upper case, blanks for dashes.
		typed := secret.Text(" " + strings.ToUpper(strings.ReplaceAll(texts[1].Reveal(), "-", " ")))
		if _, err := f.Redeem(ctx, by, f.User.ID, typed); err != nil {
			t.Errorf("typed by hand: %v", err)
		}
		refused("code_used", texts[1])
		if _, err := f.SwitchRedemption(ctx, admin(), rows[1].ID, store.CodeDisabled); fault.From(err).Word() != "redemption_not_open" {
			t.Errorf("disabling a used code = %v", err)
		}
		mustBalance(t, f, 5, 0)
		Verified(t, f.Store)
	})
}

// A credit that the balance cannot take leaves the code open.
func TestARedemptionThatOverflowsLeavesTheCodeOpen(t *testing.T) {
	eachFixture(t, money.MaxQuota, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		rows, texts := makeCodes(t, f.Store, store.NewRedemptions{Name: "much", Count: 1, Quota: 1})
		if _, err := f.Redeem(ctx, admin(), f.User.ID, texts[0]); fault.From(err).Word() != "balance_out_of_range" {
			t.Errorf("redeem = %v", err)
		}
		if r, err := f.Redemption(ctx, rows[0].ID); err != nil || r.Status != store.CodeOpen {
			t.Errorf("the code says %+v, %v", r, err)
		}
		mustBalance(t, f, money.MaxQuota, 0)
	})
}

func TestNoCodeIsKept(t *testing.T) {
	f := NewFixture(t, Open(t, store.SQLite), 0, nil)
	_, texts := makeCodes(t, f.Store, store.NewRedemptions{Name: "spring", Count: 3, Quota: 5})
	for _, table := range []string{"redemptions", "audit"} {
		rows, err := f.QueryText(context.Background(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for _, c := range texts {
				if strings.Contains(strings.Join(r, " "), c.Reveal()) {
					t.Errorf("table %s holds a code", table)
				}
			}
		}
	}
}
