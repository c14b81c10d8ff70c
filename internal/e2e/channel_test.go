package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/secret"
	"one-api/internal/store"
)

// second is another account of the same simulated Kling.
func second(change func(*klingsim.Account)) klingsim.Account {
	a := klingsim.DemoAccount()
	a.Name, a.Concurrency = "second", -1
	if change != nil {
		change(&a)
	}
	return a
}

// first makes a channel that is tried before the usual one.
func (w *world) first(name, baseURL string, key secret.Text) *channel.Channel {
	w.t.Helper()
	return w.addChannel(store.NewChannel{Name: name, BaseURL: baseURL, Keys: key, Priority: 10})
}

// state is a channel's status and reason as the operator reads them.
func (w *world) state(c *channel.Channel) (status, reason string) {
	w.t.Helper()
	r := w.rows("SELECT status, reason FROM channels WHERE id = %d", c.ID)
	return r[0][0], r[0][1]
}

const brokenStatus = "3"

func TestAnAccountAtFaultIsTakenOutAndTheNextOneServes(t *testing.T) {
	t.Parallel()
	for _, code := range []int{1100, 1101, 1102} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			bad := second(func(a *klingsim.Account) { a.Suspended = code })
			w := newWorld(t, setup{sim: klingsim.Options{Accounts: []klingsim.Account{bad}}, mayFail: true})
			ch := w.first("at fault", w.kling, pair(bad))
			a := w.user.do("POST", text2video, guideOrder)
			if a.status != http.StatusOK || a.text("kling_task_id") == "" {
				t.Fatalf("the order answered %s, want it to be served by the other channel", a)
			}
			id := a.text("task_id")
			if status, reason := w.state(ch); status != brokenStatus || !strings.Contains(reason, fmt.Sprint(code)) {
				t.Errorf("the channel has status %s and reason %q, want %s and one that names %d", status, reason, brokenStatus, code)
			}
			if got := w.rows("SELECT n, outcome, code FROM attempts WHERE task_id = '%s' ORDER BY n", id); len(got) != 2 || got[0][2] != fmt.Sprint(code) || got[1][1] != "accepted" {
				t.Errorf("the attempts are %v", got)
			}
			if u := w.upstream(id + "-2"); u.Account != accountName {
				t.Errorf("the second attempt went to account %s", u.Account)
			}
			w.user.succeeded(id)
			before := w.creates()
			w.user.succeeded(w.user.order(guideOrder))
			if n := w.creates() - before; n != 1 {
				t.Errorf("the next order made %d calls, want 1: a broken channel is not asked", n)
			}
			w.user.balance(w.setup.balance-2*guidePrice, 0)
		})
	}
}

func TestAKeyThatIsRefusedBreaksItsChannel(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]secret.Text{"API key": "no-such-key", "pair": "no-such|pair"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{mayFail: true})
			ch := w.first("wrong key", w.kling, key)
			w.user.succeeded(w.user.order(guideOrder))
			status, reason := w.state(ch)
			if status != brokenStatus || reason == "" || strings.Contains(reason, key.Reveal()) {
				t.Errorf("the channel has status %s and reason %q, want %s and a reason without the key", status, reason, brokenStatus)
			}
		})
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

func TestAHostThatRefusesConnectionsIsPassedBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	ch := w.first("away", closedPort(t), w.acct.APIKeys[0])
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusOK || a.text("kling_task_id") == "" {
		t.Fatalf("the order answered %s", a)
	}
	w.user.succeeded(a.text("task_id"))
	if status, _ := w.state(ch); status == brokenStatus {
		t.Error("a host that is away for a moment must not break its channel")
	}
}

func TestWhenEveryAccountIsAtFaultTheOrderIsRefusedAndFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{account: func(a *klingsim.Account) { a.Suspended = 1102 }, mayFail: true})
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusServiceUnavailable || a.text("error.code") != "no_channel" || a.header.Get("Retry-After") == "" {
		t.Errorf("the order answered %s, want 503 no_channel with Retry-After", a)
	}
	for _, word := range []string{"balance", "1102", "arrears"} { // the operator's matter
		if strings.Contains(strings.ToLower(a.text("message")), word) {
			t.Errorf("the caller reads of the operator's account: %s", a)
		}
	}
	w.user.balance(w.setup.balance, 0)
	if id := a.text("task_id"); id != "" {
		if end := w.user.read(id); end.text("status") != "failed" || end.text("fail_code") != "no_channel" {
			t.Errorf("the task reads %s", end)
		} else if r := strings.ToLower(end.text("fail_reason")); strings.Contains(r, "balance") {
			t.Errorf("the caller reads the operator's account state in fail_reason: %s", end)
		}
	}
	before := w.number("SELECT COUNT(*) FROM videos")
	if a := w.user.do("POST", text2video, guideOrder); a.status != http.StatusServiceUnavailable || a.text("error.code") != "no_channel" {
		t.Errorf("the next order answered %s", a)
	}
	if n := w.number("SELECT COUNT(*) FROM videos"); n != before {
		t.Errorf("an order without any channel left %d tasks", n-before)
	}
}

func TestAHostThatIsAwayMakesOrdersWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{noChan: true})
	w.addChannel(store.NewChannel{Name: "away", BaseURL: closedPort(t), Keys: w.acct.APIKeys[0]})
	a := w.user.do("POST", text2video, guideOrder)
	switch {
	case a.status == http.StatusOK && a.text("status") == "pending":
		w.user.balance(w.setup.balance-guidePrice, guidePrice)
	case a.status == http.StatusServiceUnavailable:
		w.user.balance(w.setup.balance, 0)
		return
	default:
		t.Fatalf("the order answered %s, want pending or 503", a)
	}
	w.addChannel(store.NewChannel{Name: "here", BaseURL: w.kling, Keys: w.acct.APIKeys[0], Priority: 1})
	w.user.succeeded(a.text("task_id"))
	w.user.balance(w.setup.balance-guidePrice, 0)
}

func TestAFullAccountsOrdersWaitForASlot(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, byHand: true, account: func(a *klingsim.Account) { a.Concurrency = 1 }})
		one := w.user.order(guideOrder)
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != http.StatusOK || a.text("status") != "pending" || a.text("data.task_status") != "submitted" || a.get("kling_task_id").Exists() {
			t.Fatalf("an order for a full account (1303) answered %s, want pending", a)
		}
		two := a.text("task_id")
		w.user.balance(w.setup.balance-2*guidePrice, 2*guidePrice)
		w.pass(3 * time.Minute)
		w.user.succeeded(one)
		w.until("the waiting order to be sent", func() bool { return len(w.sim.Tasks()) == 2 })
		w.pass(3 * time.Minute)
		w.user.succeeded(two)
		w.user.balance(w.setup.balance-2*guidePrice, 0)
	})
}

func TestAnOrderThatIsThrottledIsSentLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, Status: 429, Code: 1302, Message: "Too many requests"})
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusOK || a.text("status") != "pending" {
		t.Fatalf("a throttled order answered %s, want pending", a)
	}
	w.user.succeeded(a.text("task_id"))
	w.user.balance(w.setup.balance-guidePrice, 0)
}

func TestAThrottledOrderTakesAnotherChannelAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{sim: klingsim.Options{Accounts: []klingsim.Account{second(nil)}}})
	w.first("busy", w.kling, w.acct.APIKeys[0])
	w.inject(klingsim.Fault{Kind: klingsim.FailBefore, Status: 429, Code: 1302})
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusOK || a.text("kling_task_id") == "" {
		t.Errorf("the order answered %s, want another channel to take it", a)
	}
	w.user.succeeded(a.text("task_id"))
}

func TestAChannelAtItsLimitSendsWhenATaskEnds(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
		one := w.user.order(guideOrder)
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != http.StatusOK || a.text("status") != "pending" || w.creates() != 1 {
			t.Fatalf("an order beyond the limit answered %s after %d calls, want pending after 1", a, w.creates())
		}
		two := a.text("task_id")
		if got := w.user.read(two); got.text("status") != "pending" || got.text("data.task_status") != "submitted" {
			t.Errorf("the waiting task reads %s", got)
		}
		// The limit counts per upstream model.
		other := w.user.order(`{"model":"kling-v1-6-std","prompt":"a cat"}`)
		w.pass(3 * time.Minute)
		w.user.succeeded(one)
		w.user.succeeded(other)
		w.until("the waiting order to be sent", func() bool { return len(w.sim.Tasks()) == 3 })
		w.pass(3 * time.Minute)
		w.user.succeeded(two)
		if n := w.number("SELECT SUM(live) FROM channel_loads"); n != 0 {
			t.Errorf("the channel still counts %d live tasks", n)
		}
	})
}

// waitedLong makes a waiting order look as after minutes: polls of it have
// become rare.
func (w *world) waitedLong(id string) {
	w.t.Helper()
	if err := w.books.Exec(w.t.Context(), "UPDATE videos SET checks = 20, next_check_at = 1 WHERE task_id = '"+id+"'"); err != nil {
		w.t.Fatal(err)
	}
	w.until("the next look at the order", func() bool {
		return w.number("SELECT checks FROM videos WHERE task_id = '%s'", id) > 20
	})
}

// soon is how long an order may go on waiting for nothing.
const soon = 10 * time.Second

func TestAnOrderThatHasWaitedLongIsSentSoonAfterASlotIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
	one, two := w.user.order(guideOrder), w.user.order(guideOrder)
	w.waitedLong(two)
	w.pass(3 * time.Minute)
	w.user.succeeded(one)
	if !w.within(soon, func() bool { return len(w.sim.Tasks()) == 2 }) {
		t.Errorf("%s after the slot was free the order waits still", soon)
	}
	w.until("the waiting order to be sent", func() bool { return len(w.sim.Tasks()) == 2 })
	w.pass(3 * time.Minute)
	w.user.succeeded(two)
}

func TestTheDeadlineOfAnOrderThatHasWaitedLongIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
	one := w.user.order(guideOrder)
	two := w.user.order(guideOrder, "X-Deadline-Seconds: 3")
	w.waitedLong(two)
	if !w.within(soon, func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'failed'") == 1 }) {
		t.Errorf("%s later the order with a deadline of 3 s waits still", soon)
	}
	w.user.failed(two, "deadline_passed")
	w.pass(3 * time.Minute)
	w.user.succeeded(one)
}

func TestTheCallersOwnDeadlineEndsAnOrderThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
	one := w.user.order(guideOrder)
	a := w.user.do("POST", text2video, guideOrder, "X-Deadline-Seconds: 2")
	if a.status != http.StatusOK || a.text("status") != "pending" {
		t.Fatalf("the order answered %s, want pending", a)
	}
	w.user.failed(a.text("task_id"), "deadline_passed")
	w.user.balance(w.setup.balance-guidePrice, guidePrice)
	w.pass(3 * time.Minute)
	w.user.succeeded(one)
	if w.creates() != 1 {
		t.Errorf("Kling got %d calls, want 1", w.creates())
	}
}

func TestWithoutAQueueABusyChannelIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
	w.set("queue_when_busy", false)
	one := w.user.order(guideOrder)
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the order answered %s, want 429 with Retry-After", a)
	}
	w.user.balance(w.setup.balance-guidePrice, guidePrice)
	w.pass(3 * time.Minute)
	w.user.succeeded(one)
	if n := w.number("SELECT COUNT(*) FROM videos WHERE status NOT IN ('succeed', 'failed')"); n != 0 {
		t.Errorf("%d orders wait although waiting is off", n)
	}
}

func TestWithoutAQueueTheNextChannelServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, channel: func(n *store.NewChannel) { n.MaxLive, n.Priority = 1, 10 }})
	w.addChannel(store.NewChannel{Name: "second", BaseURL: w.kling, Keys: w.acct.APIKeys[0], MaxLive: 1})
	w.set("queue_when_busy", false)
	ids := []string{w.user.order(guideOrder), w.user.order(guideOrder)}
	if a := w.user.do("POST", text2video, guideOrder); a.status != http.StatusTooManyRequests {
		t.Errorf("with both channels full the order answered %s, want 429", a)
	}
	w.user.balance(w.setup.balance-2*guidePrice, 2*guidePrice)
	w.pass(3 * time.Minute)
	for _, id := range ids {
		w.user.succeeded(id)
	}
}

func TestADrainedChannelEndsItsTasksAndTakesNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true})
	id := w.user.order(guideOrder)
	if err := w.books.Exec(t.Context(), "UPDATE channels SET status = 4"); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	if a := w.user.do("POST", text2video, guideOrder); a.status != http.StatusServiceUnavailable {
		t.Errorf("a drained channel answered a new order with %s", a)
	}
	w.pass(3 * time.Minute)
	w.user.succeeded(id)
}

// An account without the right to a model is no worse for other models.
func TestAModelThatTheAccountMayNotUseIsAskedElsewhere(t *testing.T) {
	t.Parallel()
	limited := second(func(a *klingsim.Account) { a.Models = []string{"kling-v1-6"} })
	w := newWorld(t, setup{sim: klingsim.Options{Accounts: []klingsim.Account{limited}}})
	ch := w.first("limited", w.kling, pair(limited))
	a := w.user.do("POST", text2video, guideOrder)
	if a.status != http.StatusOK || a.text("kling_task_id") == "" {
		t.Fatalf("the order answered %s, want the other channel to take it", a)
	}
	w.user.succeeded(a.text("task_id"))
	if status, _ := w.state(ch); status == brokenStatus {
		t.Error("a model that an account may not use must not break its channel")
	}
	id := w.user.order(`{"model":"kling-v1-6-std","prompt":"a cat"}`)
	w.user.succeeded(id)
	if u := w.upstream(id); u.Account != limited.Name {
		t.Errorf("the model that it may use went to %s", u.Account)
	}
	before := w.creates()
	w.user.succeeded(w.user.order(guideOrder))
	if n := w.creates() - before; n != 1 {
		t.Errorf("the next order made %d calls, want 1: the refusal is remembered", n)
	}
}
