package klingsim

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultKind is one way to misbehave.
type FaultKind string

const (
	// Before anything is looked at: nothing is created, and the call is not
	// answered in its own terms.

	FailBefore  FaultKind = "fail-before"  // an error; Status, Code, Message, Body
	ResetBefore FaultKind = "reset-before" // the connection is reset
	HangBefore  FaultKind = "hang-before"  // no answer until the caller goes away
	Redirect    FaultKind = "redirect"     // Status (307) to Location

	// After the call has done its work: a create has made its task.

	Slow       FaultKind = "slow"        // the answer comes after Delay
	FailAfter  FaultKind = "fail-after"  // an error instead of a success; Status, Code, Message, Body
	LoseAnswer FaultKind = "lose-answer" // the connection closes without an answer
	CutAnswer  FaultKind = "cut-answer"  // the connection closes in the middle of the body
	HangAfter  FaultKind = "hang-after"  // no answer until the caller goes away
	Garble     FaultKind = "garble"      // 200 with a body that is no JSON; Body
	OmitID     FaultKind = "omit-id"     // 200 and code 0 without the task's id; creates only

	// For creates: the fate of the task.

	NeverEnd FaultKind = "never-end" // it stays in processing and holds its slot
	FailTask FaultKind = "fail-task" // it fails at the end; Message

	// For queries: what they say of a task, while its state and its callbacks
	// are right. Each task in an answer counts for itself.

	HideTask       FaultKind = "hide-task"       // it is unknown
	ShowProcessing FaultKind = "show-processing" // it is still processing
	OmitURL        FaultKind = "omit-url"        // it succeeded, without a link
	OmitDuration   FaultKind = "omit-duration"   // it succeeded, without a length
	StrangeStatus  FaultKind = "strange-status"  // its status is Message, "archived" when empty
)

// Fault is one misbehaviour and whom it meets.
type Fault struct {
	Kind  FaultKind `json:"kind"`
	On    Op        `json:"on,omitempty"`    // "": creates, or queries for the kinds that are about queries
	Match Match     `json:"match,omitzero"`  // the zero Match meets everyone
	Count int       `json:"count,omitempty"` // how often; 0 is once, negative is without end

	Status   int           `json:"status,omitempty"`   // HTTP; 0 is 503 before, 504 after, 307 for a redirect
	Code     int           `json:"code,omitempty"`     // Kling's; 0 is 5001 with 503, 5002 with 504, else 5000
	Message  string        `json:"message,omitempty"`  // of an envelope, a task's failure, or a status word
	Body     string        `json:"body,omitempty"`     // sent instead of an envelope; as text/html when it starts with '<'
	Location string        `json:"location,omitempty"` // "" is the same path below /elsewhere
	Delay    time.Duration `json:"-"`                  // of Slow; `delay_seconds` below /_sim/faults
}

// Match narrows a fault down. Empty fields match everything; a create is
// matched by what its body says, a query by the tasks that it asks for.
type Match struct {
	Account    string `json:"account,omitempty"`     // name
	Path       string `json:"path,omitempty"`        // prefix of the URL's path
	Prompt     string `json:"prompt,omitempty"`      // part of the prompt
	ExternalID string `json:"external_id,omitempty"` // exact
	TaskID     string `json:"task_id,omitempty"`     // exact; queries and files only
}

// faultScope says which calls a kind is made for.
type faultScope int

const (
	forAll faultScope = iota
	forCreates
	forQueries
	forViews // queries too, a task at a time
)

var faultScopes = map[FaultKind]faultScope{
	FailBefore: forAll, ResetBefore: forAll, HangBefore: forAll, Redirect: forAll,
	Slow: forAll, FailAfter: forAll, LoseAnswer: forAll, CutAnswer: forAll, HangAfter: forAll, Garble: forAll,
	OmitID: forCreates, NeverEnd: forCreates, FailTask: forCreates,
	HideTask: forViews, ShowProcessing: forViews, OmitURL: forViews, OmitDuration: forViews, StrangeStatus: forViews,
}

// prepare fills in what was left out, or says what does not fit together.
func (f *Fault) prepare() error {
	scope, ok := faultScopes[f.Kind]
	switch {
	case !ok:
		return fmt.Errorf("there is no fault %q", f.Kind)
	case f.On == "" && scope == forViews:
		f.On = OpQuery
	case f.On == "":
		f.On = OpCreate
	}
	switch f.On {
	case OpCreate, OpQuery, OpAccount, OpFile:
	default:
		return fmt.Errorf("there is no operation %q", f.On)
	}
	if scope == forCreates && f.On != OpCreate || scope == forViews && f.On != OpQuery {
		return fmt.Errorf("the fault %s does not happen on %s calls", f.Kind, f.On)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("%d is no HTTP status", f.Status)
	}
	if f.Count == 0 {
		f.Count = 1
	}
	if f.Status == 0 {
		switch f.Kind {
		case FailBefore:
			f.Status = http.StatusServiceUnavailable
		case FailAfter:
			f.Status = http.StatusGatewayTimeout
		case Redirect:
			f.Status = http.StatusTemporaryRedirect
		case Garble:
			f.Status = http.StatusOK
		}
	}
	if f.Code == 0 && (f.Kind == FailBefore || f.Kind == FailAfter) {
		switch f.Status {
		case http.StatusServiceUnavailable:
			f.Code = 5001
		case http.StatusGatewayTimeout:
			f.Code = 5002
		default:
			f.Code = 5000
		}
	}
	if f.Message == "" {
		switch f.Kind {
		case FailTask:
			f.Message = plainFailure
		case StrangeStatus:
			f.Message = "archived"
		case FailBefore, FailAfter:
			f.Message = "Service temporarily unavailable"
		}
	}
	return nil
}

// injected is a fault in force.
type injected struct {
	Fault
	left int // negative is without end
	hits int
}

// Inject puts a fault in force, after those that are in force already: of
// several that match, the first strikes. The returned function takes it back and
// tells how often it struck. A fault that makes no sense is an error.
func (s *Sim) Inject(f Fault) (remove func() (hits int), err error) {
	if err := f.prepare(); err != nil {
		return nil, err
	}
	in := &injected{Fault: f, left: f.Count}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, in)
	s.faulty.Store(true)
	return func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(x *injected) bool { return x == in })
		s.look()
		return in.hits
	}, nil
}

// ClearFaults takes all injected faults back. Random ones stay, see
// SetFaultShare.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.look()
}

// SetFaultShare replaces Options.FaultShare and Options.QueryFaultShare, e.g. by
// nil when a campaign shall come to rest. It panics on shares that
// Options.Validate refuses.
func (s *Sim) SetFaultShare(creates, queries map[FaultKind]float64) {
	onCreates, err := newShares(creates, forCreates)
	if err == nil {
		var onQueries shares
		if onQueries, err = newShares(queries, forQueries); err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shares, s.viewShares = onCreates, onQueries
			s.look()
			return
		}
	}
	panic("klingsim: " + err.Error())
}

// look keeps faulty true to the facts. It needs Sim.mu.
func (s *Sim) look() {
	s.faulty.Store(len(s.faults) > 0 || len(s.shares) > 0 || len(s.viewShares) > 0)
}

// shares are random faults: each kind strikes below its mark.
type shares []struct {
	kind FaultKind
	upTo float64
}

// newShares adds the shares up in the order of the names, so that one seed
// means one campaign.
func newShares(byKind map[FaultKind]float64, use faultScope) (shares, error) {
	var out shares
	sum := 0.0
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		share := byKind[kind]
		scope, ok := faultScopes[kind]
		if !ok {
			return nil, fmt.Errorf("there is no fault %q", kind)
		}
		if use == forCreates && scope == forViews || use == forQueries && scope == forCreates {
			return nil, fmt.Errorf("the fault %s does not fit there", kind)
		}
		if !(share >= 0 && share <= 1) {
			return nil, fmt.Errorf("the share of %s must be between 0 and 1, not %v", kind, share)
		}
		if share == 0 {
			continue
		}
		sum += share
		out = append(out, struct {
			kind FaultKind
			upTo float64
		}{kind, sum})
	}
	if sum > 1+1e-9 {
		return nil, fmt.Errorf("the shares of the faults add up to %v, which is more than 1", sum)
	}
	return out, nil
}

// roll makes the random fault for one throw of the dice, nil for none.
func (s *Sim) roll(of shares, op Op, dice uint64, seq uint64) *Fault {
	if len(of) == 0 {
		return nil
	}
	at := s.draw(dice, seq)
	for _, x := range of {
		if at >= x.upTo {
			continue
		}
		f := &Fault{Kind: x.kind, On: op}
		if x.kind == FailBefore || x.kind == FailAfter {
			switch int(s.draw(drawServerError, seq) * 4) {
			case 0:
				f.Status = http.StatusInternalServerError
			case 1: // as a proxy in front of Kling answers
				f.Status = http.StatusBadGateway
				f.Body = "<html><body><h1>502 Bad Gateway</h1></body></html>"
			case 2:
				f.Status = http.StatusServiceUnavailable
			case 3:
				f.Status = http.StatusGatewayTimeout
			}
		}
		if x.kind == Slow {
			f.Delay = 2 * time.Second
		}
		_ = f.prepare() // newShares has refused what does not fit
		return f
	}
	return nil
}

// arrive counts a call and picks the fault that it shall suffer, nil for none.
func (s *Sim) arrive(c *call, op Op) *Fault {
	if op != OpCreate && !s.faulty.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case OpCreate:
		s.createSeq++
		c.seq = s.createSeq
		if id := c.externalID(); id != "" {
			if len(c.raw) > maxKept {
				id = strings.Clone(id)
			}
			s.creates[id]++
		}
	case OpQuery:
		s.querySeq++
		c.seq = s.querySeq
	}
	if !s.faulty.Load() {
		return nil
	}
	for _, in := range s.faults {
		if in.left != 0 && in.On == op && faultScopes[in.Kind] != forViews && s.matches(c, in.Match, op) {
			in.left--
			in.hits++
			f := in.Fault
			return &f
		}
	}
	switch op {
	case OpCreate:
		return s.roll(s.shares, op, drawCreateFault, c.seq)
	case OpQuery:
		f := s.roll(s.viewShares, op, drawQueryFault, c.seq)
		if f != nil && faultScopes[f.Kind] == forViews {
			c.fate = f // strikes in see
			return nil
		}
		return f
	}
	return nil
}

// matches reports whether a call is one of those that a fault is meant for. It
// needs Sim.mu.
func (s *Sim) matches(c *call, m Match, op Op) bool {
	if m.Account != "" && (c.holder.account == nil || c.holder.account.conf.Load().Name != m.Account) {
		return false
	}
	if !strings.HasPrefix(c.r.URL.Path, m.Path) {
		return false
	}
	if m.Prompt == "" && m.ExternalID == "" && m.TaskID == "" {
		return true
	}
	switch op {
	case OpCreate:
		return m.TaskID == "" && (m.ExternalID == "" || c.externalID() == m.ExternalID) &&
			strings.Contains(c.prompt(), m.Prompt)
	case OpQuery, OpFile:
		for _, id := range c.asked() {
			var t *task
			if c.holder.account != nil {
				t = s.lookup(c.holder.account, id)
			} else {
				t = s.byID[id]
			}
			if t == nil { // it may have been asked for before it exists
				if id == m.ExternalID && m.Prompt == "" && m.TaskID == "" {
					return true
				}
				continue
			}
			if t.meets(m) {
				return true
			}
		}
	}
	return false
}

func (t *task) meets(m Match) bool {
	return strings.Contains(t.prompt, m.Prompt) && (m.ExternalID == "" || t.external == m.ExternalID) &&
		(m.TaskID == "" || t.id == m.TaskID)
}

// externalID is the caller's own id in a create's body, wherever the generation
// has it.
func (c *call) externalID() string {
	if v, ok := c.body.get("external_task_id"); ok {
		return v.Str
	}
	if v, ok := c.body.get("options"); ok {
		return v.Get("external_task_id").Str
	}
	return ""
}

func (c *call) prompt() string {
	if v, ok := c.body.get("prompt"); ok {
		return v.Str
	}
	if v, ok := c.body.get("contents"); ok {
		return v.Get(`#(type=="prompt").text`).Str
	}
	return ""
}

// asked are the ids of the tasks that a query or a file request names.
func (c *call) asked() []string {
	if id := c.r.PathValue("id"); id != "" {
		return []string{id}
	}
	if name := c.r.PathValue("name"); name != "" {
		return []string{taskOfFile(name)}
	}
	ids, _, _ := c.askedIDs()
	return ids
}

// see is a task as this query shall show it. It needs Sim.mu.
func (s *Sim) see(c *call, t *task) view {
	t.queries++
	v := t.view()
	if !s.faulty.Load() {
		return v
	}
	if c.fate != nil {
		v.bend(t, c.fate)
		return v
	}
	for _, in := range s.faults {
		if in.left == 0 || faultScopes[in.Kind] != forViews || !t.meets(in.Match) ||
			!strings.HasPrefix(c.r.URL.Path, in.Match.Path) ||
			in.Match.Account != "" && t.account.conf.Load().Name != in.Match.Account {
			continue
		}
		if (in.Kind == OmitURL || in.Kind == OmitDuration) && v.status != Succeeded {
			continue // it waits for the success
		}
		in.left--
		in.hits++
		v.bend(t, &in.Fault)
		break
	}
	return v
}

func (v *view) bend(t *task, f *Fault) {
	switch f.Kind {
	case HideTask:
		v.hidden = true
	case ShowProcessing:
		v.status, v.updated = Processing, t.processAt
	case OmitURL:
		v.noURL = true
	case OmitDuration:
		v.noDuration = true
	case StrangeStatus:
		v.word = f.Message
	}
}

// before reports whether a fault strikes before the call is handled.
func (k FaultKind) before() bool {
	switch k {
	case FailBefore, ResetBefore, HangBefore, Redirect:
		return true
	}
	return false
}

// before answers a call that shall not be handled.
func (s *Sim) before(c *call, f *Fault) {
	switch f.Kind {
	case FailBefore:
		f.failure().write(c.w)
	case ResetBefore:
		s.reset(c)
	case HangBefore:
		s.hang(c)
	case Redirect:
		to := f.Location
		if to == "" {
			to = "/elsewhere" + c.r.URL.Path
		}
		answer{status: f.Status, location: to}.write(c.w)
	}
}

// failure is the error that FailBefore and FailAfter answer with.
func (f *Fault) failure() answer {
	if f.Body != "" {
		return answer{status: f.Status, code: f.Code, body: []byte(f.Body), contentType: f.bodyType()}
	}
	return refuse(f.Status, f.Code, f.Message).answer()
}

func (f *Fault) bodyType() string {
	if strings.HasPrefix(f.Body, "<") {
		return "text/html; charset=utf-8"
	}
	return jsonType
}

// after answers a call that was handled, in the fault's way.
func (s *Sim) after(c *call, f *Fault, a answer) {
	success := a.code == 0
	switch f.Kind {
	case Slow:
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.r.Context().Done():
		case <-s.ctx.Done():
		}
	case LoseAnswer:
		panic(http.ErrAbortHandler) // net/http's way to close without a word
	case CutAnswer:
		a.header(c.w)
		c.w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
		c.w.WriteHeader(a.status)
		_, _ = c.w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(c.w).Flush()
		panic(http.ErrAbortHandler)
	case HangAfter:
		s.hang(c)
	case FailAfter:
		if success {
			a = f.failure()
		}
	case Garble:
		if success {
			body := f.Body
			if body == "" {
				body = `{"code":0,"message":"SUCCEED","data":{`
			}
			a = answer{status: f.Status, body: []byte(body), contentType: f.bodyType()}
		}
	case OmitID:
		if a.created != nil {
			a = succeed(func(b []byte) []byte { return append(b, `{}`...) })
		}
	}
	a.write(c.w)
}

// hang waits until the caller goes away, or the simulator ends, and answers
// nothing.
func (s *Sim) hang(c *call) {
	select {
	case <-c.r.Context().Done():
	case <-s.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// reset drops the connection the hard way, where there is one to drop.
func (s *Sim) reset(c *call) {
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // makes Close send a reset
	}
	_ = conn.Close()
}
