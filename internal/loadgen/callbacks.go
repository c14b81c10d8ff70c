package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/provider/kling/klingsim"
)

// repeats is how often each callback is sent.
const repeats = 5

// callbacks ends many tasks at once and sends each one's callback, signed and
// to the address that the gateway gave, again and again.
func callbacks(ctx context.Context, o options) error {
	acc := accounts(1)
	w, err := newWorld(ctx, o, acc)
	if err != nil {
		return err
	}
	defer w.close()
	if _, _, err := w.order(ctx, o.callbacks, w.orderLegacy("")); err != nil {
		return err
	}
	before, err := w.g.funds()
	if err != nil {
		return err
	}
	calls, err := w.callsBack(acc[0])
	if err != nil {
		return err
	}
	w.end()

	cpu, began := w.g.cpu(), time.Now()
	sent := make(chan error, 1)
	var r result
	var after int64 // tasks live when the last callback was answered
	go func() {
		var err error
		r, err = load(ctx, w.client, o.clients, repeats*len(calls), func(i int) *http.Request { return calls[i/repeats].request() }, nil)
		if err == nil {
			after, err = w.db.live(ctx)
		}
		sent <- err
	}()
	waited := w.settled(ctx)
	took := time.Since(began)
	if err := <-sent; err != nil {
		return err
	}
	if waited != nil {
		return waited
	}
	spent := w.g.cpu() - cpu
	o.line("callbacks answered", "%6.0f/s   p50 %.1f ms   p99 %.1f ms", r.rate(), ms(r.at(50)), ms(r.at(99)))
	o.line("tasks settled", "%6.0f/s   %d tasks in %.1f s, gateway CPU %.3f ms each", float64(o.callbacks)/took.Seconds(), o.callbacks, took.Seconds(), ms(spent)/float64(o.callbacks))
	during := float64(int64(o.callbacks)-after) / r.took.Seconds()
	o.line("settled by then", "%6.0f/s   %d tasks had ended when the last callback was answered", during, int64(o.callbacks)-after)
	began = time.Now()
	if err := w.chargedOnce(ctx, o.callbacks, before); err != nil {
		return err
	}
	o.line("charges", "one for each task; recomputed in %.1f s", time.Since(began).Seconds())
	return nil
}

// call is a callback, ready to be sent.
type call struct {
	url    string
	body   string
	header http.Header
}

func (c *call) request() *http.Request {
	req, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(c.body))
	if err != nil {
		panic(err) // the gateway's own addresses
	}
	req.Header = c.header
	return req
}

// callsBack makes what Kling would send when all tasks of an account succeed.
func (w *world) callsBack(acc klingsim.Account) ([]call, error) {
	key, err := standardwebhooks.NewWebhook(acc.WebhookSecret.Reveal())
	if err != nil {
		return nil, err
	}
	var all []call
	for i, t := range w.sim.Tasks() {
		if t.CallbackURL == "" {
			return nil, fmt.Errorf("the gateway gave no callback address for task %s", t.ExternalID)
		}
		now := time.Now()
		body := fmt.Sprintf(`{"task_id":%q,"task_status":"succeed","task_status_msg":"","created_at":%d,"updated_at":%d,"final_unit_deduction":"2",`+
			`"task_info":{"external_task_id":%q},"task_result":{"videos":[{"id":%q,"url":"http://127.0.0.1/%d.mp4","duration":"5.041"}]}}`,
			t.ID, t.CreatedAt.UnixMilli(), now.UnixMilli(), t.ExternalID, t.ID, i)
		id := "msg_" + strconv.Itoa(i)
		signature, err := key.Sign(id, now, []byte(body))
		if err != nil {
			return nil, err
		}
		all = append(all, call{t.CallbackURL, body, http.Header{
			"Content-Type":                               {"application/json"},
			http.CanonicalHeaderKey("webhook-id"):        {id},
			http.CanonicalHeaderKey("webhook-timestamp"): {strconv.FormatInt(now.Unix(), 10)},
			http.CanonicalHeaderKey("webhook-signature"): {signature},
		}})
	}
	return all, nil
}
