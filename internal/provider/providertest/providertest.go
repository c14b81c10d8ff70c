// Package providertest is the suite that every provider passes: it plays the
// upstream, well-behaved and not, and checks that the provider says truly what
// happened and gives its key to nobody else.
package providertest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"one-api/internal/provider"
	"one-api/internal/provider/outbound"
	"one-api/internal/secret"
)

// Harness is a provider under test and the dialect of its upstream.
type Harness struct {
	Open       func(*http.Client) provider.Provider
	Key        secret.Text // of the account
	Secrets    []string    // parts of Key that must not occur in an error, besides Key itself
	Submission provider.Submission

	// Creates.
	Accepted Answer                      // takes the order; the upstream's id is UpstreamID
	Refused  []Refusal                   // every refusal that the upstream documents
	Unusable []Answer                    // 2xx answers that do not say whether the order was taken
	Refuse   func(message string) Answer // some refusal with a message

	// Tasks.
	UpstreamID string
	Words      Words
	Task       func(...Task) Answer // to a query for these tasks; none: it does not know the task
	// Batch answers a QueryBatch; nil: as Task does.
	Batch func(tasks ...Task) Answer
	// Absent is the answer to a query for an unknown task; nil: Task without any.
	Absent *Answer

	// Optional abilities; a zero field skips what it is for.
	Probe         Answer
	Callback      func(Task) []byte
	WebhookSecret secret.Text
}

// Answer is one reply of the upstream.
type Answer struct {
	Status int // 0 is 200
	Header http.Header
	Body   string
}

// Refusal is a create's answer and what it means.
type Refusal struct {
	Name   string
	Answer Answer
	Kind   provider.Kind
}

// Words are the upstream's own for the states of a task.
type Words struct{ Submitted, Processing, Succeeded, Failed string }

// Task is a task as the upstream shows it. URL is the result's, "" for none.
type Task struct{ ID, Ref, Word, URL string }

// Run checks the provider of a harness.
func Run(t *testing.T, h Harness) {
	t.Run("submit", func(t *testing.T) { submits(t, h) })
	t.Run("query", func(t *testing.T) { queries(t, h) })
	t.Run("batch", func(t *testing.T) { batches(t, h) })
	t.Run("probe", func(t *testing.T) { probes(t, h) })
	t.Run("callback", func(t *testing.T) { callbacks(t, h) })
	t.Run("key", func(t *testing.T) { keys(t, h) })
}

// upstream is a scripted host. It counts what arrives.
type upstream struct {
	h        Harness
	server   *httptest.Server
	client   *http.Client
	p        provider.Provider
	requests atomic.Int32
}

func newUpstream(t *testing.T, h Harness, reply http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{h: h, client: outbound.New(outbound.Options{})}
	u.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.requests.Add(1)
		if r.Header.Get("Authorization") == "" {
			t.Errorf("%s %s came without a credential", r.Method, r.URL.Path)
		}
		// Read, so that the connection shows when the other end goes away.
		_, _ = io.Copy(io.Discard, r.Body)
		reply(w, r)
	}))
	u.p = h.Open(u.client)
	t.Cleanup(func() {
		u.client.CloseIdleConnections()
		u.server.Close()
	})
	return u
}

func (u *upstream) cred() provider.Credential {
	return provider.Credential{BaseURL: u.server.URL, Key: u.h.Key}
}

func (u *upstream) ref(byID bool) provider.TaskRef {
	ref := provider.TaskRef{Route: u.h.Submission.Request.Route, Ref: u.h.Submission.Ref}
	if byID {
		ref.UpstreamID = u.h.UpstreamID
	}
	return ref
}

func (a Answer) reply(w http.ResponseWriter, _ *http.Request) {
	for k, v := range a.Header {
		w.Header()[k] = v
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body)
}

// mishap is a way for an answer not to be one.
type mishap struct {
	name  string
	reply http.HandlerFunc
}

// mishaps leave a create's outcome open and a query unanswered. elsewhere is
// where redirects lead.
func mishaps(h Harness, elsewhere string) []mishap {
	const page = "<html><body>try again later</body></html>"
	out := []mishap{
		{"closed without an answer", wire(nil)},
		{"reset", wire(func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })},
		{"half a head", wire(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConten") })},
		{"half an answer", wire(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"+h.Accepted.Body)
		})},
		{"not HTTP", wire(func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n\r\n") })},
		{"an endless answer", Answer{Body: strings.Repeat(" ", outbound.MaxAnswer) + h.Accepted.Body}.reply},
		{"no content", Answer{Status: 204}.reply},
		{"an empty answer", Answer{}.reply},
		{"a web page", Answer{Body: page}.reply},
		{"JSON cut off", Answer{Body: h.Accepted.Body[:len(h.Accepted.Body)-1]}.reply},
		{"JSON without meaning", Answer{Body: `{}`}.reply},
		{"null", Answer{Body: `null`}.reply},
		{"a list", Answer{Body: `[]`}.reply},
		{"deep nesting", Answer{Body: strings.Repeat("[", 1<<20)}.reply},
	}
	for _, status := range []int{500, 501, 502, 503, 504, 520, 524, 599} {
		name := "HTTP " + strconv.Itoa(status)
		out = append(out,
			mishap{name + " with a page", Answer{Status: status, Body: page}.reply},
			// What a proxy says outweighs what stands in its body.
			mishap{name + " with a good body", Answer{Status: status, Body: h.Accepted.Body}.reply})
	}
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		out = append(out, mishap{
			"a redirect, HTTP " + strconv.Itoa(status),
			Answer{Status: status, Header: http.Header{"Location": {elsewhere}}, Body: h.Accepted.Body}.reply,
		})
	}
	return out
}

// wire drops the connection once the request was read, after writing something.
func wire(write func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err) // HTTP/1 on httptest can always be taken over
		}
		if write != nil {
			write(c)
		}
		_ = c.Close()
	}
}

// other is a host that must never be called.
func other(t *testing.T) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was called, with Authorization %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/elsewhere"
}

// check looks at an error of a provider.
func (h Harness) check(t *testing.T, err error, want ...provider.Kind) {
	t.Helper()
	_ = h.refusal(t, err, want...)
}

// refusal is check for a test that has more to say of the error.
func (h Harness) refusal(t *testing.T, err error, want ...provider.Kind) *provider.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %v", want)
	}
	var e *provider.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T, want a *provider.Error: %v", err, err)
	}
	h.clean(t, err.Error())
	h.clean(t, e.RequestID)
	for _, k := range want {
		if e.Kind == k {
			return e
		}
	}
	t.Fatalf("got %v, want kind %v", err, want)
	return nil
}

// clean checks that a text holds no key.
func (h Harness) clean(t *testing.T, text string) {
	t.Helper()
	for _, s := range append([]string{h.Key.Reveal()}, h.Secrets...) {
		if strings.Contains(text, s) {
			t.Errorf("a key stands in the text %q", text)
		}
	}
}

// once checks that no more than one request arrived.
func (u *upstream) once(t *testing.T) {
	t.Helper()
	if n := u.requests.Load(); n != 1 {
		t.Errorf("%d requests arrived, want 1", n)
	}
}

func submits(t *testing.T, h Harness) {
	t.Run("accepted", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		a, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
		if err != nil || a.UpstreamID != h.UpstreamID {
			t.Fatalf("got %+v, %v; want id %s", a, err, h.UpstreamID)
		}
		if a.Status != provider.Submitted && a.Status != provider.Processing {
			t.Errorf("status is %q", a.Status)
		}
		u.once(t)
	})
	t.Run("accepted below a path of the base URL", func(t *testing.T) {
		u := newUpstream(t, h, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/relay/kept/") {
				t.Errorf("the path is %s", r.URL.Path)
			}
			h.Accepted.reply(w, r)
		})
		cred := u.cred()
		cred.BaseURL += "/relay/kept"
		if _, err := u.p.Submit(t.Context(), cred, h.Submission); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("accepted in parallel", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		var wg sync.WaitGroup
		const parallel = 64
		for range parallel {
			wg.Go(func() {
				if _, err := u.p.Submit(t.Context(), u.cred(), h.Submission); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := u.requests.Load(); n != parallel {
			t.Errorf("%d requests for %d orders", n, parallel)
		}
	})
	for _, r := range h.Refused {
		t.Run("refused/"+r.Name, func(t *testing.T) {
			u := newUpstream(t, h, r.Answer.reply)
			_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
			e := h.refusal(t, err, r.Kind)
			if e.Message == "" {
				t.Error("the refusal has no words")
			}
		})
		if r.Kind == provider.Throttled {
			t.Run("refused/"+r.Name+" for three seconds", func(t *testing.T) {
				a := r.Answer
				a.Header = http.Header{"Retry-After": {"3"}}
				u := newUpstream(t, h, a.reply)
				_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
				if e := h.refusal(t, err, provider.Throttled); e.RetryAfter != 3*time.Second {
					t.Errorf("RetryAfter is %s, want 3s", e.RetryAfter)
				}
			})
		}
	}
	for _, m := range mishaps(h, other(t)) {
		t.Run("unsure/"+m.name, func(t *testing.T) {
			u := newUpstream(t, h, m.reply)
			_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
			h.check(t, err, provider.Unsure)
			u.once(t)
		})
	}
	for _, a := range h.Unusable {
		t.Run("unsure/"+a.Body, func(t *testing.T) {
			u := newUpstream(t, h, a.reply)
			_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
			h.check(t, err, provider.Unsure)
			u.once(t)
		})
	}
	t.Run("unsure/time is over", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		u := newUpstream(t, h, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		_, err := u.p.Submit(ctx, u.cred(), h.Submission)
		h.check(t, err, provider.Unsure)
		u.once(t)
	})
	t.Run("unreachable/nobody listens", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		u.server.Close()
		_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
		h.check(t, err, provider.Unreachable)
	})
	t.Run("unreachable/no TLS", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		cred := u.cred()
		cred.BaseURL = "https" + strings.TrimPrefix(cred.BaseURL, "http")
		_, err := u.p.Submit(t.Context(), cred, h.Submission)
		h.check(t, err, provider.Unreachable)
	})
	t.Run("unreachable/time is over before", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := u.p.Submit(ctx, u.cred(), h.Submission)
		h.check(t, err, provider.Unreachable)
	})
	t.Run("the refusal repeats the credential", func(t *testing.T) {
		u := newUpstream(t, h, func(w http.ResponseWriter, r *http.Request) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			h.Refuse("bad token "+token+", key "+h.Key.Reveal()).reply(w, r)
		})
		_, err := u.p.Submit(t.Context(), u.cred(), h.Submission)
		var e *provider.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		h.clean(t, err.Error())
		if !strings.Contains(e.Message, "bad token [redacted]") {
			t.Errorf("the token stands in the text %q", e.Message)
		}
	})
	t.Run("redirects lead nowhere even with a client that follows them", func(t *testing.T) {
		u := newUpstream(t, h, Answer{Status: 307, Header: http.Header{"Location": {other(t)}}}.reply)
		p := h.Open(&http.Client{Transport: u.client.Transport})
		_, err := p.Submit(t.Context(), u.cred(), h.Submission)
		h.check(t, err, provider.Unsure)
		u.once(t)
	})
}

// queryKinds are what a query may come to without an answer. The kinds that
// speak of a create are not among them.
var queryKinds = []provider.Kind{
	provider.Unanswered, provider.BadKey, provider.NoCredit, provider.NotAllowed, provider.Throttled,
}

func queries(t *testing.T, h Harness) {
	const address = "https://cdn.example/result.mp4"
	ids := map[string]bool{"by id": true, "by external id": false}
	known := func(word, url string) Task {
		return Task{ID: h.UpstreamID, Ref: h.Submission.Ref, Word: word, URL: url}
	}
	absent := h.Task()
	if h.Absent != nil {
		absent = *h.Absent
	}
	for by, byID := range ids {
		for _, s := range []struct {
			word, url string
			want      provider.Status
			odd       bool
		}{
			{h.Words.Submitted, "", provider.Submitted, false},
			{h.Words.Processing, "", provider.Processing, false},
			{h.Words.Succeeded, address, provider.Succeeded, false},
			{h.Words.Failed, "", provider.Failed, false},
			{h.Words.Succeeded, "", provider.Processing, true},
			{h.Words.Succeeded, "not an address", provider.Processing, true},
			{"", "", provider.Processing, true},
			{"SUCCEEDED AT LAST", address, provider.Processing, true},
			{"cancelled", "", provider.Processing, true},
		} {
			t.Run(by+"/"+s.word+" "+s.url, func(t *testing.T) {
				u := newUpstream(t, h, h.Task(known(s.word, s.url)).reply)
				r, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
				if err != nil {
					t.Fatal(err)
				}
				if r.UpstreamID != h.UpstreamID || r.Status != s.want || (r.Note != "") != s.odd {
					t.Errorf("got %+v; want id %s, status %s, a note: %t", r, h.UpstreamID, s.want, s.odd)
				}
				if r.Ref != "" && r.Ref != h.Submission.Ref {
					t.Errorf("external id is %q", r.Ref)
				}
				if r.Status == provider.Succeeded && (len(r.Assets) == 0 || r.Assets[0].URL != address || len(r.Result) == 0) {
					t.Errorf("a success without its result: %+v", r)
				}
			})
		}
		t.Run(by+"/unknown to the upstream", func(t *testing.T) {
			u := newUpstream(t, h, absent.reply)
			_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
			h.check(t, err, provider.NotFound)
		})
		t.Run(by+"/another task in the answer", func(t *testing.T) {
			u := newUpstream(t, h, h.Task(Task{ID: h.UpstreamID + "0", Ref: "another-ref", Word: h.Words.Failed}).reply)
			_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
			h.check(t, err, provider.Unanswered)
		})
		for _, m := range mishaps(h, other(t)) {
			t.Run(by+"/unanswered/"+m.name, func(t *testing.T) {
				u := newUpstream(t, h, m.reply)
				_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
				h.check(t, err, provider.Unanswered)
			})
		}
		for _, status := range []int{400, 401, 403, 404, 405, 408, 410, 422, 429} {
			t.Run(by+"/no proof of absence/HTTP "+strconv.Itoa(status), func(t *testing.T) {
				u := newUpstream(t, h, Answer{Status: status, Body: "<html>nothing here</html>"}.reply)
				_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
				h.check(t, err, queryKinds...)
			})
		}
		for _, status := range []int{401, 500, 502, 503} {
			t.Run(by+"/no proof of absence/its words with HTTP "+strconv.Itoa(status), func(t *testing.T) {
				a := absent
				a.Status = status
				u := newUpstream(t, h, a.reply)
				_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
				h.check(t, err, queryKinds...)
			})
		}
		t.Run(by+"/unanswered/time is over", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			u := newUpstream(t, h, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			_, err := u.p.Query(ctx, u.cred(), u.ref(byID))
			h.check(t, err, provider.Unanswered)
		})
		t.Run(by+"/unanswered/time is over before", func(t *testing.T) {
			u := newUpstream(t, h, absent.reply)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := u.p.Query(ctx, u.cred(), u.ref(byID))
			h.check(t, err, provider.Unanswered)
		})
		t.Run(by+"/unanswered/nobody listens", func(t *testing.T) {
			u := newUpstream(t, h, absent.reply)
			u.server.Close()
			_, err := u.p.Query(t.Context(), u.cred(), u.ref(byID))
			h.check(t, err, provider.Unanswered)
		})
	}
	t.Run("without any id", func(t *testing.T) {
		u := newUpstream(t, h, h.Task(known(h.Words.Failed, "")).reply)
		_, err := u.p.Query(t.Context(), u.cred(), provider.TaskRef{Route: h.Submission.Request.Route})
		h.check(t, err, provider.Unanswered)
	})
}

func batches(t *testing.T, h Harness) {
	batch := h.Batch
	if batch == nil {
		batch = h.Task
	}
	u := newUpstream(t, h, batch(
		Task{ID: h.UpstreamID, Ref: h.Submission.Ref, Word: h.Words.Processing},
		Task{ID: "not-asked-for", Ref: "not-asked-for-either", Word: h.Words.Failed},
	).reply)
	q, ok := u.p.(provider.BatchQuerier)
	if !ok || q.BatchKey(u.cred(), u.ref(true)) == "" {
		t.Skip("tasks of this route cannot be asked for together")
	}
	unknown := provider.TaskRef{Route: h.Submission.Request.Route, UpstreamID: "unknown", Ref: "unknown-ref"}
	for by, byID := range map[string]bool{"by id": true, "by external id": false} {
		if q.BatchKey(u.cred(), u.ref(byID)) == "" {
			continue
		}
		two := []provider.TaskRef{u.ref(byID), unknown}
		want := h.UpstreamID
		if !byID {
			two[1].UpstreamID, want = "", h.Submission.Ref
		}
		t.Run(by+"/unknown tasks are missing", func(t *testing.T) {
			got, err := q.QueryBatch(t.Context(), u.cred(), two)
			if err != nil || len(got) != 1 || got[want].Status != provider.Processing {
				t.Errorf("got %+v, %v; want %s alone, processing", got, err, want)
			}
		})
		for _, m := range mishaps(h, other(t)) {
			t.Run(by+"/unanswered/"+m.name, func(t *testing.T) {
				u := newUpstream(t, h, m.reply)
				_, err := u.p.(provider.BatchQuerier).QueryBatch(t.Context(), u.cred(), two)
				h.check(t, err, provider.Unanswered)
			})
		}
	}
	t.Run("kinds of id do not share a call", func(t *testing.T) {
		if a, b := q.BatchKey(u.cred(), u.ref(true)), q.BatchKey(u.cred(), u.ref(false)); a == b {
			t.Errorf("both have the key %q", a)
		}
	})
	t.Run("nothing is asked for nothing", func(t *testing.T) {
		before := u.requests.Load()
		if got, err := q.QueryBatch(t.Context(), u.cred(), nil); err != nil || len(got) != 0 || u.requests.Load() != before {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func probes(t *testing.T, h Harness) {
	if _, ok := h.Open(http.DefaultClient).(provider.Prober); !ok || h.Probe.Body == "" {
		t.Skip("there is no free call")
	}
	probe := func(t *testing.T, reply http.HandlerFunc) (string, error) {
		u := newUpstream(t, h, reply)
		said, err := u.p.(provider.Prober).Probe(t.Context(), u.cred())
		h.clean(t, said)
		return said, err
	}
	t.Run("a good key", func(t *testing.T) {
		if said, err := probe(t, h.Probe.reply); err != nil || said == "" {
			t.Errorf("got %q, %v", said, err)
		}
	})
	t.Run("a key refused", func(t *testing.T) {
		_, err := probe(t, Answer{Status: 401}.reply)
		h.check(t, err, provider.BadKey)
	})
	for _, m := range mishaps(h, other(t)) {
		t.Run("no answer/"+m.name, func(t *testing.T) {
			_, err := probe(t, m.reply)
			h.check(t, err, queryKinds...)
		})
	}
}

func callbacks(t *testing.T, h Harness) {
	c, ok := h.Open(http.DefaultClient).(provider.CallbackReader)
	if !ok || h.Callback == nil {
		t.Skip("there are no callbacks")
	}
	now := time.Now()
	cred := provider.Credential{Key: h.Key}
	signed := cred
	signed.WebhookSecrets = []secret.Text{h.WebhookSecret}
	body := h.Callback(Task{ID: h.UpstreamID, Ref: h.Submission.Ref, Word: h.Words.Succeeded, URL: "https://cdn.example/x.mp4"})

	t.Run("unsigned is a report that proves nothing", func(t *testing.T) {
		r, proven, err := c.ReadCallback(cred, now, http.Header{}, body)
		if err != nil || proven || r.UpstreamID != h.UpstreamID || r.Ref != h.Submission.Ref || r.Status != provider.Succeeded {
			t.Errorf("got %+v, proven %t, %v", r, proven, err)
		}
	})
	t.Run("an unknown word ends nothing", func(t *testing.T) {
		r, _, err := c.ReadCallback(cred, now, http.Header{}, h.Callback(Task{ID: h.UpstreamID, Word: "expired"}))
		if err != nil || r.Status.Terminal() {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	if h.WebhookSecret != "" {
		t.Run("unsigned is an error where callbacks are signed", func(t *testing.T) {
			if _, proven, err := c.ReadCallback(signed, now, http.Header{}, body); err == nil || proven {
				t.Errorf("got proven %t, %v", proven, err)
			}
		})
	}
	for _, garbage := range []string{"", " ", "null", "[]", "{}", "7", `"x"`, "<html>", `{"a":`, strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<17), string(make([]byte, 1000))} {
		t.Run("garbage/"+garbage[:min(len(garbage), 10)], func(t *testing.T) {
			if r, proven, err := c.ReadCallback(cred, now, http.Header{}, []byte(garbage)); err == nil || proven {
				t.Errorf("got %+v, proven %t, %v", r, proven, err)
			}
		})
	}
}

func keys(t *testing.T, h Harness) {
	c, ok := h.Open(http.DefaultClient).(provider.KeyChecker)
	if !ok {
		t.Skip("keys are of one kind")
	}
	if kind, err := c.KeyKind(h.Key); err != nil || kind == "" {
		t.Errorf("the key is of kind %q, %v", kind, err)
	}
	if !c.CanServe(h.Key, h.Submission.Request.Route) {
		t.Error("the key cannot serve the route")
	}
	for _, bad := range []secret.Text{"", " ", "two words", "line\nbreak", "Bearer x", "ключ"} {
		if kind, err := c.KeyKind(bad); err == nil {
			t.Errorf("%q passes as %s", bad.Reveal(), kind)
		}
		if c.CanServe(bad, h.Submission.Request.Route) {
			t.Errorf("%q can serve", bad.Reveal())
		}
	}
	t.Run("a broken key is sent to nobody", func(t *testing.T) {
		u := newUpstream(t, h, h.Accepted.reply)
		cred := u.cred()
		cred.Key = "line\nbreak"
		_, err := u.p.Submit(t.Context(), cred, h.Submission)
		h.check(t, err, provider.BadKey)
		_, err = u.p.Query(t.Context(), cred, u.ref(true))
		h.check(t, err, queryKinds...)
		if n := u.requests.Load(); n != 0 {
			t.Errorf("%d requests arrived", n)
		}
	})
}
