package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"one-api/internal/channel"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

func TestARepeatedKeyGetsTheFirstAnswer(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true})
		c := w.user
		key := "Idempotency-Key: order 66"
		first := c.do("POST", text2video, guideOrder, key)
		if first.status != 200 || first.header.Get("Idempotent-Replayed") != "" {
			t.Fatalf("the first answer is %s", first)
		}
		id := first.text("task_id")
		again := func(when string, c *caller, body string) {
			t.Helper()
			a := c.do("POST", text2video, body, key)
			if a.status != first.status || a.body != first.body || a.header.Get("Idempotent-Replayed") != "true" || a.header.Get("X-Quota-Price") != "300000" {
				t.Errorf("%s: answered %s with Idempotent-Replayed %q, want the first answer %s", when, a, a.header.Get("Idempotent-Replayed"), first)
			}
		}
		again("at once", c, guideOrder)
		again("on another node", c.at(w.nodes[1]), guideOrder)
		again("with another spelling", c, `{ "aspect_ratio": "16:9", "duration": 5, "model": "kling-v1-5-std",
			"prompt": "\u4e00\u53ea\u53ef\u7231\u7684\u5c0f\u732b\u5728\u8349\u5730\u4e0a\u73a9\u800d" }`)
		again("with another token of the user", c.with(store.NewToken{}), guideOrder)

		for name, a := range map[string]answer{
			"another body":    c.do("POST", text2video, orderOf("a dog"), key),
			"another path":    c.do("POST", "/kling/v1/videos/omni-video", `{"prompt":"a cat"}`, key),
			"on another node": c.at(w.nodes[1]).do("POST", text2video, orderOf("a dog"), key),
		} {
			if a.status != http.StatusUnprocessableEntity || a.text("error.code") != "idempotency_mismatch" {
				t.Errorf("the key with %s answered %s, want 422 idempotency_mismatch", name, a)
			}
		}
		other := w.newCaller(guidePrice)
		if a := other.do("POST", text2video, guideOrder, key); a.status != 200 || a.text("task_id") == id {
			t.Errorf("another user's same key answered %s, want a task of their own", a)
		}
		w.pass(3 * time.Minute)
		c.succeeded(id)
		other.ended(other.do("GET", text2video, "").text("data.0.task_id"))
		again("after the end", c, guideOrder)
		c.balance(w.setup.balance-guidePrice, 0)
		if n := w.creates(); n != 2 {
			t.Errorf("Kling got %d calls, want 2", n)
		}
	})
}

// A repeat is not a new order: what would refuse one does not refuse it.
func TestARepeatIsAnsweredWhateverIsFullOrAway(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, byHand: true, unsettle: true, channel: func(n *store.NewChannel) { n.MaxLive = 1 }})
		sent := w.user.do("POST", text2video, guideOrder, "Idempotency-Key: sent")
		waits := w.user.do("POST", text2video, guideOrder, "Idempotency-Key: waits")
		if sent.status != http.StatusOK || waits.status != http.StatusOK {
			t.Fatalf("the first answers are %s and %s", sent, waits)
		}
		refused := func(code string) {
			t.Helper()
			if a := w.user.do("POST", text2video, guideOrder, "Idempotency-Key: another"); a.text("error.code") != code {
				t.Fatalf("a new order was answered %s, want %s", a, code)
			}
			for key, first := range map[string]answer{"sent": sent, "waits": waits} {
				if a := w.user.do("POST", text2video, guideOrder, "Idempotency-Key: "+key); a.status != http.StatusOK || a.body != first.body {
					t.Errorf("%s: the repeat was answered %s, want the first answer %s", code, a, first)
				}
			}
			if a := w.user.do("POST", text2video, orderOf("a dog"), "Idempotency-Key: sent"); a.text("error.code") != "idempotency_mismatch" {
				t.Errorf("%s: the key with another body was answered %s", code, a)
			}
		}
		for range 40 {
			if w.user.do("POST", text2video, guideOrder).status != http.StatusOK {
				break
			}
		}
		refused("queue_full")
		w.set("queue_when_busy", false)
		refused("channels_busy")
		w.set("queue_when_busy", true)
		if err := w.books.SetChannelStatus(t.Context(), w.number("SELECT MIN(id) FROM channels"), channel.Enabled, channel.Disabled, ""); err != nil {
			t.Fatal(err)
		}
		w.refresh()
		refused("no_channel")
		if n := w.creates(); n != 1 {
			t.Errorf("Kling got %d calls, want 1", n)
		}
	})
}

func TestThirtyRepeatsAtOnceMakeOneTask(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true})
		var mu sync.Mutex
		ids := map[string]int{}
		statuses := together(30, func(i int) string {
			c := w.user.at(w.nodes[i%2])
			for range 1000 { // 409 says: repeat it in a moment
				a, err := c.try("POST", text2video, guideOrder, "Idempotency-Key: once")
				switch {
				case err != nil:
					return err.Error()
				case a.status == http.StatusConflict && a.text("error.code") == "idempotency_in_progress":
					if a.header.Get("Retry-After") == "" {
						return "409 without Retry-After"
					}
					continue
				}
				mu.Lock()
				ids[a.text("task_id")]++
				mu.Unlock()
				return fmt.Sprint(a.status)
			}
			return "409 for ever"
		})
		if statuses["200"] != 30 || len(ids) != 1 || len(w.sim.Tasks()) != 1 {
			t.Errorf("30 repeats were answered %v with the ids %v; Kling has %d tasks", statuses, ids, len(w.sim.Tasks()))
		}
		w.user.balance(w.setup.balance-guidePrice, guidePrice)
		w.pass(3 * time.Minute)
		for id := range ids {
			w.user.succeeded(id)
		}
	})
}

func TestARepeatedKeyRepeatsTheUpstreamsRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	key := "Idempotency-Key: bad-order"
	first := w.user.do("POST", text2video, orderOf("forbidden"), key)
	again := w.user.do("POST", text2video, orderOf("forbidden"), key)
	if first.status != 400 || again.status != 400 || again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the refusal was answered\n%s\nand its repetition\n%s", first, again)
	}
	if w.creates() != 1 {
		t.Errorf("Kling got %d calls, want 1", w.creates())
	}
}

// A node may die after the task and before it kept its answer. A repetition
// then gets the task as it is: Kling took the order, whatever came of it.
func TestAKeyWithoutAnAnswerGetsTheTaskAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true})
	send := func(prompt string) answer {
		return w.user.do("POST", text2video, orderOf(prompt), "Idempotency-Key: "+prompt)
	}
	first := map[string]answer{}
	for _, p := range []string{"a cat", "simfail", "forbidden"} {
		first[p] = send(p)
	}
	lose := func() {
		t.Helper()
		if err := w.books.Exec(t.Context(), "UPDATE idempotency_keys SET status = 0, body = NULL"); err != nil {
			t.Fatal(err)
		}
	}
	lose()
	if a := send("a cat"); a.status != 200 || a.text("task_id") != first["a cat"].text("task_id") || a.text("status") != "submitted" && a.text("status") != "processing" {
		t.Errorf("a live task's repetition answered %s", a)
	}
	w.pass(3 * time.Minute)
	w.user.succeeded(first["a cat"].text("task_id"))
	w.user.failed(first["simfail"].text("task_id"), "upstream_failed")
	lose()
	for p, status := range map[string]string{"a cat": "succeed", "simfail": "failed"} {
		a := send(p)
		if a.status != 200 || a.text("task_id") != first[p].text("task_id") || a.text("status") != status || a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the repetition of %q, which Kling took, answered %s; want 200 and the task, %s", p, a, status)
		}
	}
	if a := send("forbidden"); a.status != 400 || a.get("code").Int() != 1301 || a.text("task_id") != first["forbidden"].text("task_id") {
		t.Errorf("the repetition of a refused order answered %s, want what the first was told: %s", a, first["forbidden"])
	}
	if n := w.creates(); n != 3 {
		t.Errorf("Kling got %d calls, want 3", n)
	}
}

func TestARefusalBeforeTheTaskKeepsNoKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	c := w.newCaller(guidePrice - 1)
	key := "Idempotency-Key: again"
	if a := c.do("POST", text2video, guideOrder, key); a.status != http.StatusPaymentRequired {
		t.Fatalf("answered %s, want 402", a)
	}
	if a := c.do("POST", text2video, `{"model":"kling-v1-5-std"}`, key); a.status != http.StatusBadRequest {
		t.Fatalf("answered %s, want 400", a)
	}
	c.grant(1, "topped up")
	a := c.do("POST", text2video, guideOrder, key)
	if a.status != http.StatusOK || a.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("after the top-up the key answered %s, want a new task", a)
	}
	c.succeeded(a.text("task_id"))
}

// A repetition while the first request waits for Kling is told to come back,
// and gets the task.
func TestARepeatWhileTheFirstRunsIsToldToWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{nodes: 2, sim: klingsim.Options{NoCallbacks: true}})
	w.inject(klingsim.Fault{Kind: klingsim.Slow, Delay: 800 * time.Millisecond})
	first := make(chan answer, 1)
	go func() {
		a, _ := w.user.try("POST", text2video, guideOrder, "Idempotency-Key: slow")
		first <- a
	}()
	w.until("Kling to have the order", func() bool { return len(w.sim.Tasks()) == 1 })
	for _, n := range w.nodes {
		if a := w.user.at(n).do("POST", text2video, guideOrder, "Idempotency-Key: slow"); a.status != http.StatusConflict ||
			a.text("error.code") != "idempotency_in_progress" || a.header.Get("Retry-After") == "" {
			t.Errorf("a repetition in the meantime answered %s, want 409 idempotency_in_progress", a)
		}
	}
	a := <-first
	if a.status != 200 {
		t.Fatalf("the first answered %s", a)
	}
	if again := w.user.do("POST", text2video, guideOrder, "Idempotency-Key: slow"); again.body != a.body {
		t.Errorf("the repetition answered %s, want %s", again, a)
	}
	w.user.succeeded(a.text("task_id"))
}

func TestExternalIDsAreUniqueForAUser(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true})
		c, other := w.user, w.newCaller(guidePrice)
		order := `{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"shop-4711"}`
		statuses := together(20, func(i int) string {
			a, err := c.at(w.nodes[i%2]).try("POST", text2video, order)
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(a.status, " ", a.text("error.code"))
		})
		if statuses["200 "] != 1 || statuses["409 external_task_id_exists"] != 19 {
			t.Errorf("20 orders with one external id answered %v", statuses)
		}
		mine := c.do("GET", "/kling/v1/videos/shop-4711", "")
		if mine.status != 200 || mine.text("external_task_id") != "shop-4711" || mine.text("data.task_info.external_task_id") != "shop-4711" {
			t.Errorf("read by external id: %s", mine)
		}
		if strings.Contains(string(w.upstream(mine.text("task_id")).Body), "shop-4711") {
			t.Error("the caller's own id went to Kling")
		}
		theirs := other.order(order)
		if got := other.do("GET", "/kling/v1/videos/shop-4711", "").text("task_id"); got != theirs {
			t.Errorf("another user reads %s by the same external id, want %s", got, theirs)
		}
		w.pass(3 * time.Minute)
		c.succeeded(mine.text("task_id"))
		other.succeeded(theirs)
	})
}

func TestAnotherUsersTaskDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{channel: func(n *store.NewChannel) { n.Keys = "an-api-key" }, account: func(a *klingsim.Account) { a.APIKeys = append(a.APIKeys, "an-api-key") }})
	a, b := w.user, w.newCaller(w.setup.balance)
	type made struct{ id, external, route string }
	tasks := map[*caller][]made{}
	for _, c := range []*caller{a, b} {
		ext := "ext-of-" + fmt.Sprint(c.user.ID)
		id := c.order(`{"model":"kling-v1-5-std","prompt":"a cat","external_task_id":"` + ext + `"}`)
		tasks[c] = append(tasks[c], made{id, ext, text2video})
		ext += "-new"
		id = c.orderAt("/kling/text-to-video/kling-3.0-turbo", `{"prompt":"a cat","options":{"external_task_id":"`+ext+`"}}`)
		tasks[c] = append(tasks[c], made{id, ext, "/kling/tasks"})
		for _, m := range tasks[c] {
			c.succeeded(m.id)
		}
	}
	for me, them := range map[*caller]*caller{a: b, b: a} {
		for _, m := range tasks[them] {
			upstreamID := w.upstream(m.id).ID
			for _, id := range []string{m.id, m.external, upstreamID} {
				for _, path := range []string{
					"/kling/v1/videos/" + id, m.route + "/" + id, "/kling/v1/video/" + id, "/kling/v1/videos/" + id + "?wait=1",
					"/kling/tasks/" + id, "/kling/v1/videos/text2video/" + id, "/kling/v1/videos/image2video/" + id,
				} {
					got := me.do("GET", path, "")
					if got.status != http.StatusNotFound || got.text("error.code") != "task_not_found" {
						t.Errorf("GET %s of another user's task answered %s", path, got)
					}
					// No word may differ from that of a task that does not exist.
					nobody := me.do("GET", strings.ReplaceAll(path, id, strings.Repeat("0", len(id))), "")
					if theirs, none := strings.ReplaceAll(got.text("message"), id, ""), strings.ReplaceAll(nobody.text("message"), strings.Repeat("0", len(id)), ""); theirs != none {
						t.Errorf("GET %s says %q, for a task of nobody %q", path, got.text("message"), nobody.text("message"))
					}
				}
				for _, path := range []string{"/kling/tasks?task_ids=" + id, "/kling/tasks?external_task_ids=" + id} {
					if got := me.do("GET", path, ""); got.status != 200 || got.get("data.#").Int() != 0 {
						t.Errorf("GET %s of another user's task answered %s", path, got)
					}
				}
			}
			if got := me.do("POST", "/kling/tasks", `{"cursor":"`+m.id+`"}`); strings.Contains(got.body, m.id) || strings.Contains(got.body, m.external) {
				t.Errorf("a list from another user's cursor shows it: %s", got)
			}
		}
		var list struct{ Data []json.RawMessage }
		if err := json.Unmarshal([]byte(me.do("GET", text2video+"?pageSize=500", "").body), &list); err != nil || len(list.Data) != 1 {
			t.Errorf("the list has %d tasks, %v; want the caller's own", len(list.Data), err)
		}
	}
}
