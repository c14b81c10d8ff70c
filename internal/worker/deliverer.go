package worker

import (
	"context"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"one-api/internal/account"
	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/secret"
	"one-api/internal/store"
	"one-api/internal/webhook"
)

// A receiver that is slow or dead must hold up no other. So each has a line of
// its own in memory, claims pass by receivers whose line is long enough, and
// what may be under way is bounded three times: for a line, for a host, and
// for the node, where the slow ones together leave room for the others.
//
// A line begins with 4 tries at once and returns to 4 after any try that fails
// or takes long. Each quick success allows one more, up to 32: over the
// internet an answer takes some 50 ms, and 4 at once would be 80 a second.
const (
	lineLeast    = 4
	lineMost     = 32
	slowTry      = time.Second
	deliverMost  = 512                           // tries under way on this node
	deliverSlow  = deliverMost * 3 / 4           // of those, tries to slow receivers
	hostSlow     = webhook.MaxPerHost * 3 / 4    // the same for one host
	holdAhead    = 5 * time.Second               // work that a line holds in memory
	holdMost     = 512                           // deliveries of a line in memory
	deliverHeld  = 4096                          // of all lines
	deliverClaim = 256                           // rows of a claim
	deliverLease = webhook.Timeout + time.Minute // what cannot be sent in time comes again when it ends
	deliverGap   = time.Second                   // longest wait between claims
	deliverPause = 20 * time.Millisecond         // shortest: what ends meanwhile is claimed together
	idleLines    = 2048                          // lines remembered for their pace
)

// line is the deliveries for one receiver on this node.
type line struct {
	queue    []store.Delivery
	underWay int
	limit    int
	pace     time.Duration // of its tries, averaged
	slow     bool          // the last try failed or took long
	passed   bool          // a claim has passed it by
}

// room is how many deliveries the line should hold.
func (l *line) room() int {
	n := int(int64(l.limit) * int64(holdAhead) / int64(max(l.pace, time.Millisecond)))
	return max(2*l.limit, min(n, holdMost))
}

// busy reports that there is no need to claim for the line yet.
func (l *line) busy() bool { return len(l.queue) > l.room()/2 }

// deliverer is the deliveries that a node holds.
type deliverer struct {
	worker *Worker
	ctx    context.Context
	wg     sync.WaitGroup
	wake   chan struct{} // a line that was passed by has room again

	mu       sync.Mutex
	lines    map[string]*line
	hosts    map[string]int // tries under way
	underWay int
	slow     int  // of these, to slow receivers
	held     int  // in lines, under way, or waiting for their record
	starved  bool // a line waits for a host or for the node
}

// deliver sends events to their receivers.
func (w *Worker) deliver(ctx context.Context) {
	d := &deliverer{worker: w, ctx: ctx, wake: make(chan struct{}, 1), lines: map[string]*line{}, hosts: map[string]int{}}
	defer d.wg.Wait()
	defer d.handBack()
	for failing := false; ; {
		took, more, err := d.claim(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not claim deliveries", "err", err)
		}
		failing = err != nil
		if more && took > 0 && ctx.Err() == nil {
			continue
		}
		if !rest(ctx, deliverPause, nil) || !d.rest(ctx) {
			return
		}
	}
}

// rest waits until there may be something to claim; it reports false at the
// end.
func (d *deliverer) rest(ctx context.Context) bool {
	t := time.NewTimer(deliverGap)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-d.wake:
	case <-d.worker.wakeSend:
	}
	return true
}

// claim takes what is due for receivers that have room.
func (d *deliverer) claim(ctx context.Context) (took int, more bool, err error) {
	d.mu.Lock()
	c := store.DeliveryClaim{Limit: min(deliverClaim, deliverHeld-d.held), Lease: deliverLease, Room: d.room}
	for name, l := range d.lines {
		if l.busy() {
			c.Busy, l.passed = append(c.Busy, name), true
		}
	}
	d.mu.Unlock()
	if c.Limit <= 0 {
		return 0, false, nil
	}
	due, more, err := d.worker.Store.ClaimDeliveries(ctx, c)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range due {
		l, ok := d.lines[e.Receiver]
		if !ok {
			l = &line{limit: lineLeast, pace: slowTry}
			d.lines[e.Receiver] = l
		}
		l.queue = append(l.queue, e)
		d.held++
		d.start(l)
	}
	return len(due), more, err
}

// handBack gives the others what stands in the lines at a stop.
func (d *deliverer) handBack() {
	d.mu.Lock()
	var left []store.Delivery
	for _, l := range d.lines {
		left = append(left, l.queue...)
		l.queue = nil
	}
	d.held -= len(left)
	d.mu.Unlock()
	// Their leases run out, should this fail.
	if err := d.worker.Store.HandBackDeliveries(context.WithoutCancel(d.ctx), left); err != nil {
		d.worker.Log.Warn("could not hand claimed deliveries back; their leases will", "deliveries", len(left), "err", err)
	}
}

func (d *deliverer) room(receiver string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := d.lines[receiver]; ok {
		return l.room() - len(l.queue)
	}
	return (&line{limit: lineLeast, pace: slowTry}).room()
}

// start sends what a line may send now. d.mu is held.
func (d *deliverer) start(l *line) {
	for len(l.queue) > 0 && l.underWay < l.limit && d.ctx.Err() == nil {
		e := l.queue[0]
		host := hostOf(e.URL)
		if d.underWay >= deliverMost || d.hosts[host] >= webhook.MaxPerHost || l.slow && (d.slow >= deliverSlow || d.hosts[host] >= hostSlow) {
			d.starved = true
			return
		}
		slow := l.slow
		l.queue = l.queue[1:]
		l.underWay++
		d.underWay++
		d.hosts[host]++
		d.slow += count(slow)
		d.wg.Go(func() {
			// Until its record is committed: a receiver may be quicker than the
			// database, whose queue is for orders too.
			defer d.drop()
			defer func() {
				// One odd answer must not take the node down with everybody's tasks.
				if p := recover(); p != nil {
					d.worker.Log.ErrorContext(d.ctx, "panic", "event", e.EventID, "panic", p, "stack", string(debug.Stack()))
				}
			}()
			d.one(context.WithoutCancel(d.ctx), e, func(took time.Duration, good bool) {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.underWay--
				d.slow -= count(slow)
				if d.hosts[host]--; d.hosts[host] == 0 {
					delete(d.hosts, host)
				}
				d.ended(e.Receiver, l, took, good)
			})
		})
	}
}

// drop says that a delivery is recorded and forgotten here.
func (d *deliverer) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held--; d.held == deliverHeld/2 {
		signal(d.wake)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ended notes how a try went and lets the next ones go. d.mu is held.
func (d *deliverer) ended(name string, l *line, took time.Duration, good bool) {
	l.underWay--
	if took > 0 {
		l.pace = (7*l.pace + took) / 8
		if l.slow = !good || took > slowTry; l.slow {
			l.limit = lineLeast
		} else {
			l.limit = min(lineMost, l.limit+1)
		}
	}
	d.start(l)
	if d.starved {
		d.starved = false
		for _, other := range d.lines {
			d.start(other)
		}
	}
	if l.passed && !l.busy() {
		l.passed = false
		signal(d.wake)
	}
	if len(l.queue) == 0 && l.underWay == 0 && (l.slow || len(d.lines) > idleLines) {
		delete(d.lines, name)
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Host)
}

// one makes a try and records it. sent is called once, as soon as the receiver
// is free for the next: the record waits for a commit.
func (d *deliverer) one(ctx context.Context, e store.Delivery, sent func(took time.Duration, good bool)) {
	var once sync.Once
	leave := func(took time.Duration, good bool) { once.Do(func() { sent(took, good) }) }
	defer leave(0, false)
	w := d.worker
	now := w.Store.Now()
	if now.Add(webhook.Timeout).After(e.Until) {
		return // it stood in line too long; its lease brings it back
	}
	m := webhook.Message{ID: e.EventID, URL: e.URL, Payload: []byte(e.Payload)}
	if e.EndpointID != 0 {
		to, err := w.endpoint(ctx, e.EndpointID)
		if err != nil {
			if !fault.Is(err, fault.NotFound) {
				return
			}
			leave(0, false)
			w.finish(ctx, e, store.DeliveryResult{Error: store.EndpointOff})
			return
		}
		m.URL, m.Secrets = to.URL, w.endpointSecrets(to, now)
	} else {
		m.Secrets = w.userSecrets(e.UserID, now)
	}
	faultpoint.Here("worker.deliver.before-send")
	r := w.Sender.Send(ctx, m, now)
	faultpoint.Here("worker.deliver.sent")
	leave(max(r.Took, 1), r.Err == nil)
	out := store.DeliveryResult{Delivered: r.Err == nil, Code: r.Code, Response: r.Response, Took: r.Took, At: w.Store.Now()}
	if r.Err != nil {
		out.Error = r.Err.Error()
		if wait, again := webhook.Next(e.Step + 1); again && !r.Gone {
			out.NextTry = out.At.Add(max(wait, r.RetryAfter))
		}
	}
	switch {
	case out.Delivered:
		w.Metrics.Delivery("delivered")
	case out.NextTry.IsZero():
		w.Metrics.Delivery("given_up")
	default:
		w.Metrics.Delivery("failed")
	}
	w.Log.InfoContext(ctx, "webhook", "event", e.EventID, "endpoint", e.EndpointID, "task", e.TaskID, "try", e.Tries+1, "code", r.Code, "took", r.Took, "err", r.Err)
	w.finish(ctx, e, out)
	if r.Gone && e.EndpointID != 0 {
		if err := w.Store.SwitchOffEndpoint(ctx, e.EndpointID, store.EndpointGone); err != nil {
			w.Log.ErrorContext(ctx, "could not switch off an endpoint that is gone", "endpoint", e.EndpointID, "err", err)
		}
	}
}

func (w *Worker) finish(ctx context.Context, e store.Delivery, r store.DeliveryResult) {
	if err := w.Store.FinishDelivery(e, r); err != nil {
		w.Log.ErrorContext(ctx, "could not record a delivery; it will be sent again", "event", e.EventID, "err", err)
	}
}

// endpoint is an endpoint that is on. Memory may be a second behind: what it
// does not know as on is asked of the database.
func (w *Worker) endpoint(ctx context.Context, id int64) (*account.Endpoint, error) {
	if to, ok := w.Directory.View().Endpoints[id]; ok && to.Status == account.Enabled {
		return to, nil
	}
	to, err := w.Store.Endpoint(ctx, 0, id)
	if err == nil && to.Status != account.Enabled {
		err = fault.New(fault.NotFound, "Webhook endpoint %d is off.", id)
	}
	return &to.Endpoint, err
}

func (w *Worker) endpointSecrets(e *account.Endpoint, now time.Time) []secret.Text {
	var out []secret.Text
	for _, g := range webhook.InForce(e.Generation, e.Rotated, now) {
		out = append(out, webhook.EndpointSecret(w.Keys, e.ID, g))
	}
	return out
}

// userSecrets sign what a user's orders asked for by callback_url.
func (w *Worker) userSecrets(userID int64, now time.Time) []secret.Text {
	generation, rotated := 1, time.Time{}
	if u, ok := w.Directory.View().Users[userID]; ok {
		generation, rotated = u.Webhooks, u.Rotated
	}
	var out []secret.Text
	for _, g := range webhook.InForce(generation, rotated, now) {
		out = append(out, webhook.SigningSecret(w.Keys, userID, g))
	}
	return out
}
