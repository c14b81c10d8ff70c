package klingsim

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Op is what a call does, as far as faults distinguish it.
type Op string

const (
	OpCreate  Op = "create"  // POST that makes a task
	OpQuery   Op = "query"   // one task, several, or a list
	OpAccount Op = "account" // costs and billing
	OpFile    Op = "file"    // a result
)

// endpoint is one method of one path.
type endpoint struct {
	op     Op
	keys   keyKinds
	handle func(*call) answer
}

// call is one request on its way through the simulator.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	now    time.Time
	holder holder
	raw    string // the body
	body   object // the body's members; nil when it is no JSON object
	ok     bool   // the body is a JSON object
	seq    uint64 // of creates and queries, each from 1
	fate   *Fault // what the task to be made, or the tasks to be shown, shall suffer
}

// routes is the table of contents: what Kling's document-api lists for video,
// for both generations, and for accounts.
func (s *Sim) routes() {
	for _, p := range legacyProducts {
		s.route(p.path, map[string]endpoint{
			http.MethodPost: {OpCreate, anyKey, func(c *call) answer { return s.createLegacy(c, p) }},
			http.MethodGet:  {OpQuery, anyKey, func(c *call) answer { return s.listLegacy(c, p) }},
		})
		s.route(p.path+"/{id}", map[string]endpoint{
			http.MethodGet: {OpQuery, anyKey, func(c *call) answer { return s.oneLegacy(c, p) }},
		})
	}
	for _, p := range newProducts {
		s.route(p.path+"/{model}", map[string]endpoint{
			http.MethodPost: {OpCreate, apiKeyOnly, func(c *call) answer { return s.createNew(c, p) }},
		})
	}
	s.route("/tasks", map[string]endpoint{
		http.MethodGet:  {OpQuery, apiKeyOnly, s.someNew},
		http.MethodPost: {OpQuery, apiKeyOnly, s.listNew},
	})
	s.route("/account/costs", map[string]endpoint{http.MethodGet: {OpAccount, anyKey, s.costs}})
	s.route("/account/billing/balance", map[string]endpoint{http.MethodPost: {OpAccount, apiKeyOnly, s.balanceBilling}})
	s.route("/account/billing/package", map[string]endpoint{http.MethodPost: {OpAccount, apiKeyOnly, s.packageBilling}})
	s.route("/files/{name}", map[string]endpoint{
		http.MethodGet:  {OpFile, noKey, s.file},
		http.MethodHead: {OpFile, noKey, s.file},
	})
	if s.opt.Admin {
		s.adminRoutes()
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a := refuse(http.StatusNotFound, 1203, "The requested resource does not exist").answer()
		s.count(Request{Route: "other", Status: a.status, Code: a.code})
		a.write(w)
	})
}

func (s *Sim) route(pattern string, methods map[string]endpoint) {
	names := map[string]string{}
	for m := range methods {
		names[m] = m + " " + pattern
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		e, ok := methods[r.Method]
		if !ok {
			a := refuse(http.StatusNotFound, 1202, "The requested method is invalid").answer()
			s.count(Request{Route: "other", Status: a.status, Code: a.code})
			a.write(w)
			return
		}
		s.serve(&call{w: w, r: r}, names[r.Method], e)
	})
}

// serve takes one call from its bytes to the answer's: read, count, suffer a
// fault that comes before, authenticate, handle, suffer a fault that comes
// after.
func (s *Sim) serve(c *call, route string, e endpoint) {
	var refused *refusal
	if c.r.Method == http.MethodPost {
		refused = c.read()
	}
	c.now = s.now()
	var unauthorized *refusal
	if e.keys != noKey {
		// Known before the faults, which may be meant for one account.
		c.holder, unauthorized = s.authenticate(c.r, e.keys)
	}
	fault := s.arrive(c, e.op)
	if fault != nil && fault.Kind.before() {
		s.count(Request{Route: route, Fault: fault.Kind})
		s.before(c, fault)
		return
	}
	if fault != nil && faultScopes[fault.Kind] == forCreates {
		c.fate = fault
	}
	var a answer
	switch {
	case unauthorized != nil:
		a = unauthorized.answer()
	case refused != nil:
		a = refused.answer()
	default:
		a = e.handle(c)
	}
	counted := Request{Route: route, Status: a.status, Code: a.code}
	if fault == nil {
		s.count(counted)
		a.write(c.w)
		return
	}
	counted.Fault = fault.Kind
	s.count(counted)
	s.after(c, fault, a)
}

// maxBody leaves room for a 50 MB picture in Base64.
const maxBody = 80 << 20

// maxBrackets bounds how deep a body can be nested.
const maxBrackets = 10_000

// read takes the body in. Kling's limit is not documented; its pictures' is.
func (c *call) read() *refusal {
	body := http.MaxBytesReader(c.w, c.r.Body, maxBody)
	var raw []byte
	var err error
	if n := c.r.ContentLength; n >= 0 && n <= maxBody {
		raw = make([]byte, n)
		_, err = io.ReadFull(body, raw)
	} else {
		raw, err = io.ReadAll(body)
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return badValue("Request body is too large")
	} else if err != nil {
		return refuse(http.StatusBadRequest, 1200, "Request body could not be read")
	}
	c.raw = string(raw)
	// gjson follows nesting by recursion.
	if strings.Count(c.raw, "[")+strings.Count(c.raw, "{") > maxBrackets {
		return refuse(http.StatusBadRequest, 1200, "Request body is nested too deeply")
	}
	if !gjson.Valid(c.raw) || !utf8.ValidString(c.raw) {
		return refuse(http.StatusBadRequest, 1200, "Request body is not valid JSON")
	}
	root := gjson.Parse(c.raw)
	if !root.IsObject() {
		return refuse(http.StatusBadRequest, 1200, "Request body is not a JSON object")
	}
	c.body, c.ok = members(root), true
	return nil
}
