package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider/kling"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/reconciliation"
	"one-api/internal/store"
)

// compare compares the first channel's bills of the last hour.
func (w *world) compare() reconciliation.Reconciliation {
	w.t.Helper()
	ch, err := w.books.Channel(w.t.Context(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	now := w.books.Now()
	r, err := reconciliation.Compare(w.t.Context(), w.books, kling.New(nil), "kling", &ch.Channel, now.Add(-time.Hour), now.Add(time.Minute))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func TestBillsAreComparedWithCharges(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		var acct klingsim.Account
		w := newWorld(t, setup{
			dialect: d, sim: klingsim.Options{ToEnd: 10 * time.Millisecond},
			account: func(a *klingsim.Account) { acct = *a },
			channel: func(n *store.NewChannel) { n.Keys = acct.APIKeys[0] + "\n" + pair(acct) },
		})
		c := w.user
		var ids []string
		for range 4 {
			ids = append(ids, c.order(guideOrder))
		}
		for _, id := range ids {
			c.succeeded(id)
		}
		// A second channel lends the same account: its task is on the same bill.
		if err := w.books.SetChannelStatus(t.Context(), 1, channel.Enabled, channel.Disabled, ""); err != nil {
			t.Fatal(err)
		}
		w.addChannel(store.NewChannel{Name: "twin", BaseURL: w.kling, Keys: acct.APIKeys[0]})
		c.succeeded(c.order(guideOrder))
		r := w.compare()
		if r.Elsewhere != 1 {
			t.Errorf("%d charges for the twin's tasks, want 1", r.Elsewhere)
		}
		if !r.Agree || r.Tasks != 4 || r.Charges != 4 || len(r.Totals) != 1 || r.Totals[0].Charged != 4*guidePrice || !r.Totals[0].CostKnown || r.Totals[0].Cost <= 0 {
			t.Fatalf("at first: %+v", r)
		}

		// A row that an operator has cleaned up is still known to the ledger.
		w.must("DELETE FROM videos WHERE task_id = '" + ids[0] + "'")
		// One that the upstream bills at another amount than it said.
		w.must("UPDATE videos SET costs = '[{\"unit\":\"video_unit\",\"amount\":\"99\"}]' WHERE task_id = '" + ids[1] + "'")
		// One that was never billed, long ago, and one just now.
		w.must("UPDATE videos SET upstream_task_id = '4711' WHERE task_id = '" + ids[2] + "'")
		// Somebody else's use of the account.
		req, _ := http.NewRequest("POST", w.kling+"/v1/videos/text2video", bodyOf(`{"model_name":"kling-v1-6","prompt":"x"}`))
		req.Header.Set("Authorization", "Bearer "+w.acct.APIKeys[0].Reveal())
		req.Header.Set("Content-Type", "application/json")
		resp, err := w.http.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("the foreign order: %v %v", resp, err)
		}
		_ = resp.Body.Close()
		w.until("the foreign task to end", func() bool {
			ts := w.sim.Tasks()
			return ts[len(ts)-1].Status == klingsim.Succeeded
		})
		foreign := w.sim.Tasks()[len(w.sim.Tasks())-1]
		r = w.compare()
		text, _ := json.Marshal(r)
		if len(r.UpstreamOnly) != 2 || len(r.Amounts) != 1 || r.Amounts[0].TaskID != ids[1] || len(r.Unbilled) != 1 || r.Unbilled[0].TaskID != ids[2] || !r.Unbilled[0].Recent {
			t.Fatalf("with differences: %s", text)
		}
		for _, u := range r.UpstreamOnly {
			if u.UpstreamID != foreign.ID && u.UpstreamID != w.upstream(ids[2]).ID {
				t.Errorf("a bill without a task: %+v", u)
			}
		}
		if r.Agree || r.Differences != 3 {
			t.Errorf("%d differences, want 3: %s", r.Differences, text)
		}
		// Put right again, for the audit at the end.
		w.must("UPDATE videos SET upstream_task_id = '" + w.upstream(ids[2]).ID + "' WHERE task_id = '" + ids[2] + "'")
		w.forget(ids[0], "")
	})
}
