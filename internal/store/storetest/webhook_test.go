package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/store"
	"one-api/internal/task"
)

func endpoint(t *testing.T, f Fixture, address string, events ...string) store.Endpoint {
	t.Helper()
	e, err := f.CreateEndpoint(context.Background(), store.NewEndpoint{By: store.CLI, UserID: f.User.ID, URL: address, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// end ends a task with its event as the directory has its receivers.
func end(t *testing.T, f Fixture) *task.Event {
	t.Helper()
	c := success(t, submitted(t, f, 1000), f.Now())
	c.Event.Body = []byte(`{"type":"task.succeed"}`)
	for _, e := range f.Directory().View().EndpointsOf[f.User.ID] {
		if e.Wants(c.Event.Type) {
			c.Event.Endpoints = append(c.Event.Endpoints, e)
		}
	}
	if err := f.Advance(c); err != nil {
		t.Fatal(err)
	}
	return c.Event
}

func claim(t *testing.T, f Fixture, c store.DeliveryClaim) []store.Delivery {
	t.Helper()
	if c.Limit == 0 {
		c.Limit = 100
	}
	if c.Lease == 0 {
		c.Lease = time.Minute
	}
	due, _, err := f.ClaimDeliveries(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func seen(t *testing.T, f Fixture, q store.DeliveryQuery) []store.DeliverySeen {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	list, err := f.Deliveries(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAnEndIsOwedToEachEndpointThatWantsIt(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		all := endpoint(t, f, "https://one.example/hook?key=1")
		endpoint(t, f, "https://two.example/hook", "task.failed")
		off := endpoint(t, f, "https://three.example/hook")
		if err := f.SwitchOffEndpoint(context.Background(), off.ID, store.EndpointGone); err != nil {
			t.Fatal(err)
		}
		event := end(t, f)
		due := claim(t, f, store.DeliveryClaim{})
		var got []string
		for _, d := range due {
			got = append(got, fmt.Sprintf("%d %s %s", d.EndpointID, d.URL, d.Payload))
			if d.EventID != event.ID || d.TaskID != event.TaskID || d.Type != "task.succeed" {
				t.Errorf("due %+v", d)
			}
		}
		slices.Sort(got)
		want := []string{"0 https://example.com/hook {}", fmt.Sprintf("%d https://one.example/hook?key=1 {\"type\":\"task.succeed\"}", all.ID)}
		if !slices.Equal(got, want) {
			t.Errorf("due %q, want %q", got, want)
		}
	})
}

// One receiver's rows must not fill the claims.
func TestAClaimTakesWhatHasRoomAndPassesByWhoIsBusy(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		slow := endpoint(t, f, "https://slow.example/")
		for range 6 {
			end(t, f)
		}
		name := fmt.Sprintf("endpoint:%d", slow.ID)
		room := func(receiver string) int {
			if receiver == name {
				return 2
			}
			return 100
		}
		count := func(due []store.Delivery) (slow, other int) {
			for _, d := range due {
				if d.Receiver == name {
					slow++
				} else {
					other++
				}
			}
			return slow, other
		}
		if s, o := count(claim(t, f, store.DeliveryClaim{Room: room})); s != 2 || o != 6 {
			t.Errorf("took %d of the slow one and %d others, want 2 and 6", s, o)
		}
		if due := claim(t, f, store.DeliveryClaim{Busy: []string{name}}); len(due) != 0 {
			t.Errorf("a busy receiver's rows were taken: %v", due)
		}
		// What had no room was left due.
		if s, o := count(claim(t, f, store.DeliveryClaim{})); s != 4 || o != 0 {
			t.Errorf("then took %d and %d, want the other 4", s, o)
		}
	})
}

func TestDeliveriesHandedBackAreDueAtOnceUnlessAnotherHasThem(t *testing.T) {
	eachFixture(t, 10_000, func(t *testing.T, f Fixture) {
		for range 3 {
			end(t, f)
		}
		mine := claim(t, f, store.DeliveryClaim{})
		if len(mine) != 3 {
			t.Fatalf("claimed %d, want 3", len(mine))
		}
		// The first one's lease ended, and another node has it.
		other := mine[0].Until.Add(time.Minute)
		if err := f.Exec(t.Context(), fmt.Sprintf("UPDATE deliveries SET next_try_at = %d WHERE event_id = '%s'", other.UnixMilli(), mine[0].EventID)); err != nil {
			t.Fatal(err)
		}
		if err := f.FinishDelivery(mine[1], store.DeliveryResult{Delivered: true, Code: 200}); err != nil {
			t.Fatal(err)
		}
		if err := f.HandBackDeliveries(t.Context(), mine); err != nil {
			t.Fatal(err)
		}
		if got := claim(t, f, store.DeliveryClaim{}); len(got) != 1 || got[0].EventID != mine[2].EventID {
			t.Errorf("due again: %+v; want the third", got)
		}
		if err := f.HandBackDeliveries(t.Context(), nil); err != nil {
			t.Errorf("handing nothing back: %v", err)
		}
	})
}

func TestResultsOfManyTriesAreRecordedTogether(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		e := endpoint(t, f, "https://one.example/")
		for range 5 {
			end(t, f)
		}
		at := f.Now().Truncate(time.Millisecond)
		due := claim(t, f, store.DeliveryClaim{})
		done := make(chan error, len(due))
		for i, d := range due {
			r := store.DeliveryResult{Delivered: i%2 == 0, Code: 204, Response: "fine 好", Took: 12 * time.Millisecond, At: at}
			if i%2 == 1 {
				r = store.DeliveryResult{Code: 500, Error: "the receiver answered 500", Response: strings.Repeat("猫", 1000), At: at, NextTry: at.Add(time.Hour)}
			}
			go func() { done <- f.FinishDelivery(d, r) }()
		}
		for range due {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		for i, d := range due {
			got, err := f.Delivery(ctx, f.User.ID, store.DeliveryKey{EventID: d.EventID, EndpointID: d.EndpointID})
			if err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				if got.Status != "delivered" || got.Tries != 1 || got.LastCode != 204 || !got.NextTryAt.IsZero() || !got.DeliveredAt.Equal(at) || got.LastResponse != "fine 好" || got.LastTook != 12*time.Millisecond {
					t.Errorf("delivered: %+v", got)
				}
			} else if got.Status != "pending" || got.Tries != 1 || got.LastCode != 500 || !got.NextTryAt.Equal(at.Add(time.Hour)) || len(got.LastResponse) > 1024 || !got.DeliveredAt.IsZero() {
				t.Errorf("failed: %+v", got)
			}
		}
		got, err := f.Endpoint(ctx, f.User.ID, e.ID)
		if err != nil || !got.LastTryAt.Equal(at) {
			t.Errorf("the endpoint has %+v, %v", got, err)
		}
		// A result that comes late changes nothing.
		if err := f.FinishDelivery(due[0], store.DeliveryResult{Code: 500, Error: "late"}); err != nil {
			t.Fatal(err)
		}
		if got, _ := f.Delivery(ctx, 0, store.DeliveryKey{EventID: due[0].EventID, EndpointID: due[0].EndpointID}); got.Status != "delivered" || got.Tries != 1 {
			t.Errorf("a late result made it %+v", got)
		}
	})
}

func TestRedeliveryBeginsTheScheduleAnewWithTheSameEvent(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		e := endpoint(t, f, "https://one.example/")
		event := end(t, f)
		for _, d := range claim(t, f, store.DeliveryClaim{}) {
			r := store.DeliveryResult{Delivered: true, Code: 200}
			if d.EndpointID == e.ID {
				r = store.DeliveryResult{Code: 500, Error: "no"} // the last try
			}
			if err := f.FinishDelivery(d, r); err != nil {
				t.Fatal(err)
			}
		}
		other := NewFixture(t, f.Store, 0, nil)
		callback := store.DeliveryKey{EventID: event.ID}
		if err := f.Redeliver(ctx, store.CLI, other.User.ID, callback); fault.From(err).Word() != "delivery_not_found" {
			t.Errorf("somebody else's redelivery = %v", err)
		}
		if due := claim(t, f, store.DeliveryClaim{}); len(due) != 0 {
			t.Fatalf("due before: %v", due)
		}
		if err := f.Redeliver(ctx, store.CLI, f.User.ID, callback); err != nil {
			t.Fatal(err)
		}
		if n, err := f.RedeliverFailed(ctx, store.CLI, e.ID, event.CreatedAt.Add(time.Hour)); err != nil || n != 0 {
			t.Errorf("events from later on: %d, %v", n, err)
		}
		if n, err := f.RedeliverFailed(ctx, store.CLI, e.ID, event.CreatedAt.Add(-time.Hour)); err != nil || n != 1 {
			t.Errorf("failed ones: %d, %v", n, err)
		}
		due := claim(t, f, store.DeliveryClaim{})
		if len(due) != 2 {
			t.Fatalf("due again: %v", due)
		}
		for _, d := range due {
			if d.EventID != event.ID || d.Step != 0 || d.Tries != 1 {
				t.Errorf("due again: %+v", d)
			}
		}
	})
}

func TestDeliveriesAreListedByTheirFilters(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		e := endpoint(t, f, "https://one.example/")
		var events []string
		for range 3 {
			events = append(events, end(t, f).ID)
		}
		d := claim(t, f, store.DeliveryClaim{Limit: 1})[0]
		if err := f.FinishDelivery(d, store.DeliveryResult{Delivered: true, Code: 200}); err != nil {
			t.Fatal(err)
		}
		none := int64(0)
		for name, c := range map[string]struct {
			q    store.DeliveryQuery
			want int
		}{
			"all":       {store.DeliveryQuery{}, 6},
			"mine":      {store.DeliveryQuery{UserID: f.User.ID}, 6},
			"not mine":  {store.DeliveryQuery{UserID: f.User.ID + 1000}, 0},
			"endpoint":  {store.DeliveryQuery{Endpoint: &e.ID}, 3},
			"callback":  {store.DeliveryQuery{Endpoint: &none}, 3},
			"pending":   {store.DeliveryQuery{Status: "pending"}, 5},
			"delivered": {store.DeliveryQuery{Status: "delivered", UserID: f.User.ID}, 1},
			"task":      {store.DeliveryQuery{TaskID: d.TaskID}, 2},
			"type":      {store.DeliveryQuery{Type: "task.failed"}, 0},
			"later":     {store.DeliveryQuery{Since: f.Now().Add(time.Hour)}, 0},
			"earlier":   {store.DeliveryQuery{Until: f.Now().Add(-time.Hour)}, 0},
		} {
			if got := seen(t, f, c.q); len(got) != c.want {
				t.Errorf("%s: %d deliveries, want %d", name, len(got), c.want)
			}
		}
		var paged []store.DeliveryKey
		for q := (store.DeliveryQuery{Limit: 2}); ; {
			page := seen(t, f, q)
			for _, d := range page {
				q.Before = store.DeliveryKey{EventID: d.EventID, EndpointID: d.EndpointID}
				paged = append(paged, q.Before)
			}
			if len(page) < 2 {
				break
			}
		}
		if len(paged) != 6 || paged[0].EndpointID != e.ID || paged[1].EndpointID != 0 || paged[5].EventID != slices.Min(events) {
			t.Errorf("pages are %v", paged)
		}
	})
}

func TestOnlyDeliveredEventsAreSwept(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		arrived, waits := end(t, f), end(t, f)
		for _, d := range claim(t, f, store.DeliveryClaim{}) {
			if d.EventID == arrived.ID {
				if err := f.FinishDelivery(d, store.DeliveryResult{Delivered: true, Code: 200}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.SweepEvents(ctx, f.Now().Add(-time.Hour)); err != nil || len(seen(t, f, store.DeliveryQuery{})) != 2 {
			t.Errorf("swept too early, or %v", err)
		}
		if err := f.SweepEvents(ctx, f.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if left := seen(t, f, store.DeliveryQuery{}); len(left) != 1 || left[0].EventID != waits.ID {
			t.Errorf("left %+v", left)
		}
		if rows, err := f.QueryText(ctx, "SELECT id FROM events"); err != nil || len(rows) != 1 || rows[0][0] != waits.ID {
			t.Errorf("events left %v, %v", rows, err)
		}
	})
}

func TestEndpointsAreEditedByTheirOwnersVersionByVersion(t *testing.T) {
	eachFixture(t, 0, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		other := NewFixture(t, f.Store, 0, nil)
		e := endpoint(t, f, "https://one.example/?secret=swordfish")
		to, off := "https://two.example/", account.Disabled
		if _, err := f.UpdateEndpoint(ctx, store.CLI, other.User.ID, e.ID, store.EndpointPatch{Version: 1, URL: &to}); fault.From(err).Word() != "webhook_not_found" {
			t.Errorf("another user's edit = %v", err)
		}
		got, err := f.UpdateEndpoint(ctx, store.CLI, f.User.ID, e.ID, store.EndpointPatch{Version: 1, URL: &to, Status: &off})
		if err != nil || got.URL != to || got.Status != off || got.Version != 2 {
			t.Errorf("edited %+v, %v", got, err)
		}
		if _, err := f.UpdateEndpoint(ctx, store.CLI, f.User.ID, e.ID, store.EndpointPatch{Version: 1, URL: &to}); fault.From(err).Word() != "version_conflict" {
			t.Errorf("an old edit = %v", err)
		}
		if got, err = f.RotateEndpoint(ctx, store.CLI, f.User.ID, e.ID, 2, false); err != nil || got.Generation != 2 || got.Rotated.IsZero() {
			t.Errorf("rotated %+v, %v", got, err)
		}
		if got, err = f.RotateEndpoint(ctx, store.CLI, f.User.ID, e.ID, 3, true); err != nil || got.Generation != 3 || !got.Rotated.IsZero() {
			t.Errorf("rotated at once %+v, %v", got, err)
		}
		if seen := f.Directory().View().Endpoints[e.ID]; seen == nil || seen.URL != to || seen.Generation != 3 || seen.Status != off {
			t.Errorf("the directory has %+v", seen)
		}
		if err := f.DeleteEndpoint(ctx, store.CLI, other.User.ID, e.ID); fault.From(err).Word() != "webhook_not_found" {
			t.Errorf("another user's deletion = %v", err)
		}
		if err := f.DeleteEndpoint(ctx, store.CLI, f.User.ID, e.ID); err != nil {
			t.Fatal(err)
		}
		if v := f.Directory().View(); v.Endpoints[e.ID] != nil || len(v.EndpointsOf[f.User.ID]) != 0 {
			t.Error("the directory still has it")
		}
		if rows, err := f.QueryText(ctx, "SELECT COUNT(*) FROM audit WHERE detail LIKE '%swordfish%'"); err != nil || rows[0][0] != "0" {
			t.Errorf("the audit repeats what may be a receiver's secret: %v, %v", rows, err)
		}
		for range store.EndpointsPerUser {
			endpoint(t, f, "https://one.example/")
		}
		if _, err := f.CreateEndpoint(ctx, store.NewEndpoint{UserID: f.User.ID, URL: to}); fault.From(err).Word() != "too_many_webhooks" {
			t.Errorf("one too many = %v", err)
		}
	})
}

func TestAnEndpointThatFailsForDaysIsFound(t *testing.T) {
	eachFixture(t, 1_000_000, func(t *testing.T, f Fixture) {
		ctx := context.Background()
		e := endpoint(t, f, "https://one.example/")
		end(t, f)
		try := func(at time.Time, good bool) {
			t.Helper()
			for _, d := range claim(t, f, store.DeliveryClaim{Lease: -time.Second}) {
				if d.EndpointID != e.ID {
					continue
				}
				r := store.DeliveryResult{Delivered: good, Code: 500, Error: "no", At: at, NextTry: f.Now().Add(-time.Second)}
				if err := f.FinishDelivery(d, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		found := func() []int64 {
			t.Helper()
			ids, err := f.FailingEndpoints(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return ids
		}
		start := f.Now()
		try(start, false)
		try(start.Add(store.FailingFor-time.Hour), false)
		if ids := found(); len(ids) != 0 {
			t.Errorf("found too early: %v", ids)
		}
		try(start.Add(store.FailingFor+time.Hour), false)
		if ids := found(); !slices.Equal(ids, []int64{e.ID}) {
			t.Errorf("found %v, want %d", ids, e.ID)
		}
		try(start.Add(store.FailingFor+2*time.Hour), true)
		if ids := found(); len(ids) != 0 {
			t.Errorf("found after a success: %v", ids)
		}
	})
}
