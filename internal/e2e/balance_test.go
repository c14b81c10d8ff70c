package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"one-api/internal/store"
)

func TestABalanceForSevenAcceptsSevenOfTwoHundred(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		const all, paid = 200, 7
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true, balance: paid*guidePrice + guidePrice - 1, unsettle: true})
		statuses := together(all, func(i int) string {
			a, err := w.user.at(w.nodes[i%2]).try("POST", text2video, guideOrder)
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(a.status, " ", a.text("error.code"), a.text("status"))
		})
		want := map[string]int{"200 submitted": paid, "402 insufficient_quota": all - paid}
		for s, n := range statuses {
			if want[s] != n {
				t.Errorf("%d answers are %q, want %v", n, s, want)
			}
		}
		w.user.balance(guidePrice-1, paid*guidePrice)
		if n := len(w.sim.Tasks()); n != paid || w.creates() != paid {
			t.Errorf("Kling has %d tasks of %d calls, want %d", n, w.creates(), paid)
		}
		if n := w.number("SELECT COUNT(*) FROM videos"); n != paid {
			t.Errorf("there are %d tasks, want %d", n, paid)
		}
	})
}

func TestATokensBudgetIsKeptOverTwoNodes(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true, unsettle: true})
		limit := 3 * guidePrice
		c := w.user.with(store.NewToken{Limit: &limit})
		statuses := together(40, func(i int) string {
			a, err := c.at(w.nodes[i%2]).try("POST", text2video, guideOrder)
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(a.status, " ", a.text("error.code"))
		})
		if statuses["200 "] != 3 || statuses["402 token_budget_exceeded"] != 37 {
			t.Errorf("a budget for 3 of 40 gave %v", statuses)
		}
		c.balance(w.setup.balance-3*guidePrice, 3*guidePrice)
		// Another token of the same user has no such limit.
		if a := w.user.do("POST", text2video, guideOrder); a.status != http.StatusOK {
			t.Errorf("the user's other token was answered %s", a)
		}
	})
}

func TestAnEmptyBalanceIsToldWithThePrice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	poor := w.newCaller(guidePrice - 1)
	a := poor.do("POST", text2video, guideOrder)
	if a.status != http.StatusPaymentRequired || a.text("error.code") != "insufficient_quota" || a.text("error.type") != "insufficient_quota" || a.get("code").Int() != 1102 {
		t.Errorf("an order beyond the balance answered %s", a)
	}
	poor.balance(guidePrice-1, 0)
	poor.grant(1, "one more")
	poor.succeeded(poor.order(guideOrder))
	poor.balance(0, 0)
	if w.creates() != 1 {
		t.Errorf("Kling got %d calls, want 1", w.creates())
	}
}

// together runs f n times at once and counts what it returned.
func together(n int, f func(i int) string) map[string]int {
	var mu sync.Mutex
	out := map[string]int{}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			s := f(i)
			mu.Lock()
			defer mu.Unlock()
			out[s]++
		})
	}
	close(start)
	wg.Wait()
	return out
}
