package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/money"
	"one-api/internal/provider/kling/klingsim"
	"one-api/internal/store"
)

// guidesCallback is the hand-made body of the deployment guide, section 8.4.
func guidesCallback(id, upstreamID string) string {
	return fmt.Sprintf(`{"task_id":%q,"task_status":"succeed","task_result":{"videos":[{"id":"video_123",
		"url":"https://example.com/video.mp4","duration":"5"}]},"external_task_id":%q}`, upstreamID, id)
}

// callbackPath is the path that Kling was given for a task, with the proof.
func (w *world) callbackPath(id string) string {
	w.t.Helper()
	u, err := url.Parse(w.upstream(id).CallbackURL)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.RequestURI()
}

func TestForgedCallbacksChargeAndEndNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, sim: klingsim.Options{NoCallbacks: true}})
	c := w.user
	a, b := c.order(guideOrder), c.order(guideOrder)
	w.pass(time.Second)
	ofA, ofB := w.callbackPath(a), w.callbackPath(b)
	proofOfA, proofOfB := ofA[strings.Index(ofA, "?k=")+3:], ofB[strings.Index(ofB, "?k=")+3:]
	upA, upB := w.upstream(a).ID, w.upstream(b).ID
	plain := "/kling/callback/" + a
	n, mac, _ := strings.Cut(proofOfA, ".")

	for _, f := range []struct {
		name, path, body string
		status           int
	}{
		{"the guide's body without a proof", plain, guidesCallback(a, upA), 200},
		{"an empty proof", plain + "?k=", guidesCallback(a, upA), 200},
		{"a wrong proof", plain + "?k=1.AAAA", guidesCallback(a, upA), 404},
		{"a proof cut short", plain + "?k=" + proofOfA[:len(proofOfA)-1], guidesCallback(a, upA), 404},
		{"another task's proof", plain + "?k=" + proofOfB, guidesCallback(a, upA), 404},
		{"the proof for another attempt", plain + "?k=" + n + "0." + mac, guidesCallback(a, upA), 404},
		{"the right proof and another task's id", ofA, guidesCallback(b, upB), 200},
		{"the right proof and an id of nobody", ofA, guidesCallback(a, "123456789012345678"), 200},
		{"the right proof and no id", ofA, `{"task_status":"succeed"}`, 200},
		{"the right proof and a true id", ofA, guidesCallback(a, upA), 200},
		{"the right proof and a failure", ofA, `{"task_id":"` + upA + `","task_status":"failed","task_status_msg":"no"}`, 200},
		{"the right proof in the new generation's words", ofA, `{"id":"` + upA + `","status":"succeeded","outputs":[{"type":"video","id":"1","url":"https://example.com/v.mp4"}],"billing":[{"charge_type":"unit","amount":"99","package_type":"video"}]}`, 200},
		{"the right proof and no JSON", ofA, "status=succeed", 400},
		{"the right proof and an array", ofA, "[]", 400},
		{"too large a body", ofA, `{"task_id":"` + strings.Repeat("1", 300<<10) + `"}`, 413},
		{"a body too large without a proof", plain, `{"task_id":"` + strings.Repeat("1", 300<<10) + `"}`, 413},
	} {
		got := c.do("POST", f.path, f.body, "Authorization:")
		if got.status != f.status {
			t.Errorf("%s: answered %s, want %d", f.name, got, f.status)
		}
		if f.status == 200 && got.get("code").Int() != 0 {
			t.Errorf("%s: answered %s, want code 0 as Kling's receivers do", f.name, got)
		}
	}
	for _, method := range []string{"GET", "POST"} {
		for _, id := range []string{"test", "kling_00000000000000000000000000000000000a", strings.Repeat("x", 300), "..%2f..%2fetc"} {
			began := time.Now()
			got := c.do(method, "/kling/callback/"+id, "{}", "Authorization:")
			if got.status != 404 || got.text("error.code") == "" {
				t.Errorf("%s /kling/callback/%.20s answered %s, want 404", method, id, got)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s /kling/callback/%.20s took %s", method, id, took)
			}
		}
	}
	// The gateway has asked Kling by now, more than once, and believed it alone.
	w.until("a query for the hinted task", func() bool { return w.upstream(a).Queries > 0 })
	for _, id := range []string{a, b} {
		if got := c.read(id); got.text("status") != "submitted" && got.text("status") != "processing" {
			t.Errorf("task %s reads %s after forged callbacks", id, got)
		}
	}
	c.balance(w.setup.balance-2*guidePrice, 2*guidePrice)

	w.pass(3 * time.Minute)
	if got := c.do("POST", ofA, guidesCallback(a, upA), "Authorization:"); got.status != 200 {
		t.Errorf("a callback with its proof answered %s", got)
	}
	told := time.Now()
	c.succeeded(a)
	if late := time.Since(told); late > 3*time.Second {
		t.Errorf("success was known %s after a proven callback", late)
	}
	for range 3 { // after the end: accepted, and nothing
		if got := c.do("POST", ofA, guidesCallback(a, upA), "Authorization:"); got.status != 200 {
			t.Errorf("a callback after the end answered %s, want 200", got)
		}
	}
	if got := c.do("POST", "/kling/callback/"+b, guidesCallback(b, upB), "Authorization:"); got.status != 200 {
		t.Errorf("a hint answered %s", got)
	}
	c.succeeded(b)
	c.balance(w.setup.balance-2*guidePrice, 0)
	if got := c.read(a).text("video_url"); strings.Contains(got, "example.com") {
		t.Errorf("the result is the forged %s", got)
	}
}

func TestHintsWithoutProofAskKlingRarely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{byHand: true, sim: klingsim.Options{NoCallbacks: true}})
	id := w.user.order(guideOrder)
	refused := 0
	for range 100 {
		a := w.user.do("POST", "/kling/callback/"+id, guidesCallback(id, "1"), "Authorization:")
		switch {
		case a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") != "":
			refused++
		case a.status != 200:
			t.Fatalf("a hint answered %s", a)
		}
	}
	if refused == 0 {
		t.Error("100 hints from one address at once were all taken, want some refused with 429")
	}
	if n := w.upstream(id).Queries; n > 12 {
		t.Errorf("100 hints made the gateway ask Kling %d times", n)
	}
	w.pass(3 * time.Minute)
	w.user.succeeded(id)
}

// sign signs a callback as Kling does for an account with a webhook secret.
func sign(t *testing.T, secret, body string, at time.Time) []string {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := wh.Sign("9876543210", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"Authorization:", "webhook-id: 9876543210", "webhook-timestamp: " + strconv.FormatInt(at.Unix(), 10), "webhook-signature: " + signature,
	}
}

func TestASignedAccountsCallbacksNeedItsSignature(t *testing.T) {
	t.Parallel()
	secret := klingsim.NewWebhookSecret()
	w := newWorld(t, setup{
		byHand:  true,
		account: func(a *klingsim.Account) { a.WebhookSecret = secret },
		channel: func(n *store.NewChannel) { n.WebhookSecrets = secret },
	})
	c := w.user
	id := c.order(guideOrder)
	w.pass(time.Second)
	path, body := w.callbackPath(id), guidesCallback(id, w.upstream(id).ID)
	now := time.Now()
	for name, header := range map[string][]string{
		"no signature":      {"Authorization:"},
		"another secret's":  sign(t, klingsim.NewWebhookSecret().Reveal(), body, now),
		"another body's":    sign(t, secret.Reveal(), body+" ", now),
		"an old signature":  sign(t, secret.Reveal(), body, now.Add(-10*time.Minute)),
		"one of the future": sign(t, secret.Reveal(), body, now.Add(10*time.Minute)),
		"rubbish":           {"Authorization:", "webhook-id: 1", "webhook-timestamp: x", "webhook-signature: v1,x"},
	} {
		if a := c.do("POST", path, body, header...); a.status != http.StatusUnauthorized {
			t.Errorf("%s: answered %s, want 401", name, a)
		}
	}
	if a := c.do("POST", path, body, sign(t, secret.Reveal(), body, now)...); a.status != 200 {
		t.Errorf("a signed callback answered %s", a)
	}
	if a := c.read(id); a.text("status") == "succeed" {
		t.Errorf("a signed callback ended a task that Kling still works on: %s", a)
	}
	w.pass(2 * time.Minute)
	told := time.Now()
	c.succeeded(id)
	if late := time.Since(told); late > 3*time.Second {
		t.Errorf("success was known %s after Kling's own signed callback", late)
	}
	w.until("Kling's callbacks", func() bool { return w.upstream(id).CallbacksWaiting == 0 })
	if u := w.upstream(id); u.CallbacksLost > 0 {
		t.Errorf("%d of Kling's signed callbacks were refused", u.CallbacksLost)
	}
}

func TestCallbacksThatComeFiveTimesAtOnceChargeOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		const tasks, times, connections = 50, 5, 8
		w := newWorld(t, setup{dialect: d, nodes: 2, byHand: true, sim: klingsim.Options{NoCallbacks: true}})
		var paths, bodies []string
		for i := range tasks {
			id := w.user.at(w.nodes[i%2]).order(guideOrder)
			paths = append(paths, w.callbackPath(id))
			bodies = append(bodies, guidesCallback(id, w.upstream(id).ID))
		}
		w.pass(3 * time.Minute)
		var turns []int
		for i := range tasks * times {
			turns = append(turns, i%tasks)
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		work := make(chan int)
		var wg sync.WaitGroup
		for n := range connections {
			wg.Go(func() {
				c := w.user.at(w.nodes[n%2])
				for i := range work {
					if a, err := c.try("POST", paths[i], bodies[i], "Authorization:"); err != nil || a.status != 200 {
						t.Errorf("callback: %s, %v", a, err)
					}
				}
			})
		}
		for _, i := range turns {
			work <- i
		}
		close(work)
		wg.Wait()
		w.until("all tasks to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == tasks })
		w.user.balance(w.setup.balance-tasks*guidePrice, 0)
		if n := w.number("SELECT COUNT(*) FROM journal WHERE kind = 'capture'"); n != tasks {
			t.Errorf("%d charges for %d tasks", n, tasks)
		}
		if n := w.number("SELECT SUM(amount) FROM postings WHERE to_account = 3"); money.Quota(n) != tasks*guidePrice {
			t.Errorf("revenue is %d, want %d", n, tasks*guidePrice)
		}
	})
}

// Kling may call back before its own answer to the create arrives: its tasks
// change state while the answer is on its way.
func TestACallbackMayOvertakeTheCreatesAnswer(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, d store.Dialect) {
		w := newWorld(t, setup{dialect: d})
		if _, err := w.sim.Inject(klingsim.Fault{Kind: klingsim.Slow, Delay: time.Second}); err != nil {
			t.Fatal(err)
		}
		a := w.user.do("POST", text2video, guideOrder)
		if a.status != 200 || a.text("task_id") == "" || a.text("kling_task_id") == "" {
			t.Errorf("the create answered %s, want 200 and Kling's id", a)
		}
		if id := a.text("task_id"); id != "" {
			w.user.succeeded(id)
		}
		w.until("the task to end", func() bool { return w.number("SELECT COUNT(*) FROM videos WHERE status = 'succeed'") == 1 })
		w.user.balance(w.setup.balance-guidePrice, 0)
	})
}
