package klingsim

import (
	"container/heap"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status is where a task stands. Succeeded is the word of the new generation;
// legacy answers say "succeed".
type Status string

const (
	Submitted  Status = "submitted"
	Processing Status = "processing"
	Succeeded  Status = "succeeded"
	Failed     Status = "failed"
)

// order is what a create call asked for, checked.
type order struct {
	common
	legacy  bool
	product string // create path: "/v1/videos/text2video", "/text-to-video/kling-3.0-turbo"
	model   string // legacy model_name, or the id in the path
	version string // what the concurrency limit counts: both generations of one model share it
	mode    string // std, pro, 4k; 720p, 1080p, 4k in the new generation; "" for models without
	aspect  string // "" follows the picture
	seconds int
	prompt  string // with all shots of a multi-shot order
	audio   bool
	voice   bool
	video   bool  // has a reference video
	units   int64 // thousandths of a unit
}

// task is an order that was accepted. Below the line it is guarded by Sim.mu;
// above, it never changes.
type task struct {
	order
	id        string
	seq       uint64 // of the tasks, from 1
	account   *account
	keyName   string
	base      string // of result links
	raw       string // the create's body, "" when it is large
	rawSize   int
	created   time.Time
	processAt time.Time
	endAt     time.Time
	never     bool   // stays in processing
	failure   string // why it will fail; "" succeeds
	reversed  bool   // its callbacks come last state first
	//
	status  Status
	updated time.Time
	queries int
	outbox  []delivery
	queued  bool // in Sim.ready or in a sender's hands
	sending bool // in a sender's hands
	sent    int  // callbacks answered with 2xx
	lost    int  // callbacks that were dropped, refused or timed out
}

// maxKept is the largest create body that is kept for inspection: pictures in
// Base64 would fill the memory of a long rehearsal.
const maxKept = 1 << 20

// Texts of tasks that fail.
const (
	riskControl   = "Failure to pass the risk control system"
	plainFailure  = "Generation failed, please try again"
	randomFailure = "Service busy, generation failed"
)

// create answers a create call whose body has been checked; data appends the
// accepted task in its generation's shape.
func (s *Sim) create(c *call, o order, refused *refusal, data func(*task, []byte) []byte) answer {
	var t *task
	if refused == nil {
		refused = policy(o.prompt)
	}
	if refused == nil {
		t, refused = s.accept(c, o)
	}
	if refused != nil {
		return refused.answer()
	}
	a := succeed(func(b []byte) []byte { return data(t, b) })
	a.created = t
	return a
}

// accept makes a task of a checked order, or refuses it for the account's
// state: Kling's checks that depend on more than the request.
func (s *Sim) accept(c *call, o order) (*task, *refusal) {
	id, err := newID()
	if err != nil {
		return nil, refuse(http.StatusInternalServerError, 5000, "Internal error")
	}
	t := &task{
		order: o, id: id, account: c.holder.account, keyName: c.holder.keyName,
		base: s.base(c.r), rawSize: len(c.raw), created: c.now, status: Submitted, updated: c.now,
	}
	if len(c.raw) <= maxKept {
		t.raw = c.raw
	} else { // these are parts of a body that shall not stay in memory
		t.prompt, t.callback, t.external = strings.Clone(o.prompt), strings.Clone(o.callback), strings.Clone(o.external)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(c.now)
	a, conf := t.account, t.account.conf.Load()
	if o.external != "" && a.byExternal[o.external] != nil {
		return nil, badValue("external_task_id " + o.external + " already exists")
	}
	if conf.PackUnits > 0 && float64(a.spent+a.reserved+o.units) > conf.PackUnits*1000 {
		if conf.Currency != "" {
			return nil, refuse(http.StatusTooManyRequests, 1101, suspensions[1101])
		}
		return nil, refuse(http.StatusTooManyRequests, 1102, suspensions[1102])
	}
	limit := conf.Concurrency
	if limit == 0 {
		limit = 20
	}
	if limit > 0 && a.live[o.version] >= limit {
		return nil, refuse(http.StatusTooManyRequests, 1303, "parallel task over resource pack limit")
	}

	s.taskSeq++
	t.seq = s.taskSeq
	s.decide(t, c.fate)
	a.live[o.version]++
	a.reserved += o.units
	if o.external != "" {
		a.byExternal[o.external] = t
	}
	s.byID[t.id] = t
	s.tasks = append(s.tasks, t)
	s.post(t)
	heap.Push(&s.due, t)
	if s.due[0] == t {
		s.advance(c.now) // at once, when there is no delay
		if len(s.due) > 0 && s.due[0] == t {
			s.rouse()
		}
	}
	s.forget(c.now)
	s.notify()
	return t, nil
}

// decide fixes a task's fate; a fault may have a say in it.
func (s *Sim) decide(t *task, fault *Fault) {
	factor := 1.0
	if s.opt.Jitter > 0 {
		factor += s.opt.Jitter * (2*s.draw(drawJitter, t.seq) - 1)
	}
	t.processAt = t.created.Add(time.Duration(float64(s.opt.ToProcessing) * factor))
	t.endAt = t.created.Add(time.Duration(float64(max(s.opt.ToEnd, s.opt.ToProcessing)) * factor))
	switch {
	case fault != nil && fault.Kind == NeverEnd:
		t.never = true
	case fault != nil && fault.Kind == FailTask:
		t.failure = fault.Message
	case strings.Contains(t.prompt, "riskcontrol"):
		t.failure = riskControl
	case strings.Contains(t.prompt, "simfail"):
		t.failure = plainFailure
	case strings.Contains(t.prompt, "simstuck"):
		t.never = true
	case s.opt.FailureShare > 0 && s.draw(drawFailure, t.seq) < s.opt.FailureShare:
		t.failure = randomFailure
	}
	t.reversed = s.opt.CallbackReorderShare > 0 && s.draw(drawReorder, t.seq) < s.opt.CallbackReorderShare
}

// newID returns a numeric id above 2^53, as Kling's are, that cannot be guessed.
func newID() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	const least, most = 1e17, 1e19 / 2
	return strconv.FormatUint(least+binary.LittleEndian.Uint64(b[:])%(most-least), 10), nil
}

// base is where the links of results made by this request begin.
func (s *Sim) base(r *http.Request) string {
	if s.opt.PublicURL != "" {
		return s.opt.PublicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// transitions is a heap of the live tasks, the next to change first.
type transitions []*task

func (h transitions) Len() int { return len(h) }
func (h transitions) Less(i, j int) bool {
	a, b := h[i].next(), h[j].next()
	if a.Equal(b) {
		return h[i].seq < h[j].seq
	}
	return a.Before(b)
}
func (h transitions) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *transitions) Push(x any)   { *h = append(*h, x.(*task)) }
func (h *transitions) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

// next is when a live task changes.
func (t *task) next() time.Time {
	if t.status == Submitted {
		return t.processAt
	}
	return t.endAt
}

// advance makes every change that is due. Requests call it as well as the
// clock, so that no answer is behind its time. It needs Sim.mu.
func (s *Sim) advance(now time.Time) {
	for len(s.due) > 0 && !s.due[0].next().After(now) {
		t := s.due[0]
		t.updated = t.next()
		switch {
		case t.status == Submitted && t.never:
			t.status = Processing
			heap.Pop(&s.due)
		case t.status == Submitted:
			t.status = Processing
			heap.Fix(&s.due, 0)
		default:
			heap.Pop(&s.due)
			s.end(t)
		}
		s.post(t)
		s.notify()
	}
}

// end frees a task's slot and bills it; a task that failed costs nothing.
func (s *Sim) end(t *task) {
	a := t.account
	if a.live[t.version]--; a.live[t.version] == 0 {
		delete(a.live, t.version)
	}
	a.reserved -= t.units
	t.status = Failed
	if t.failure == "" {
		t.status = Succeeded
		a.spent += t.units
		a.deductions = append(a.deductions, deduction{task: t, at: t.updated, after: a.spent})
	}
}

// forget drops ended tasks that are older than Kling keeps results, oldest
// first and up to the first that has to stay.
func (s *Sim) forget(now time.Time) {
	limit := now.Add(-s.opt.Retention)
	for len(s.tasks) > 0 {
		t := s.tasks[0]
		if !t.ended() || t.updated.After(limit) {
			return
		}
		s.tasks[0] = nil
		s.tasks = s.tasks[1:]
		delete(s.byID, t.id)
		if t.external != "" {
			delete(t.account.byExternal, t.external)
			delete(s.creates, t.external)
		}
		a := t.account
		for len(a.deductions) > 0 && !a.deductions[0].at.After(limit) {
			a.deductions[0] = deduction{}
			a.deductions = a.deductions[1:]
		}
	}
}

func (t *task) ended() bool { return t.status == Succeeded || t.status == Failed }

// Tick makes every change that is due by Options.Now. It is for tests that move
// the clock by hand; with time.Now nobody needs it.
func (s *Sim) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now())
	s.rouse()
}

// clock is the goroutine that makes changes on time when no request comes by.
func (s *Sim) clock() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.mu.Lock()
		now := s.now()
		s.advance(now)
		wait := time.Hour
		if len(s.due) > 0 {
			// A clock that stands still must not make a busy loop.
			wait = max(s.due[0].next().Sub(now), time.Millisecond)
		}
		s.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

// rouse makes the clock look again.
func (s *Sim) rouse() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// lookup finds an account's task by Kling's id or by external id, nil when the
// account has none.
func (s *Sim) lookup(a *account, id string) *task {
	if t := s.byID[id]; t != nil && t.account == a {
		return t
	}
	return a.byExternal[id]
}

// allowed reports the refusal for a model that the account may not use.
func (c *call) allowed(model string) *refusal {
	conf := c.holder.account.conf.Load()
	if conf.Models != nil && !slices.Contains(conf.Models, model) {
		return refuse(http.StatusForbidden, 1103, "No access to model "+model)
	}
	return nil
}

// suspended reports the refusal of every create of a suspended account. Queries
// go on.
func (c *call) suspended() *refusal {
	if code := c.holder.account.conf.Load().Suspended; code != 0 {
		return refuse(http.StatusTooManyRequests, code, suspensions[code])
	}
	return nil
}
