// Package api is what customers call: Kling's own API below /kling, the list
// of models, and the open status.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"one-api/internal/auth"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/httpkit"
	"one-api/internal/limit"
	"one-api/internal/store"
	"one-api/internal/task"
)

// Store is what the callers' API reads and keeps by itself.
type Store interface {
	UserTask(ctx context.Context, userID int64, id string) (task.Task, error)
	Tasks(ctx context.Context, f store.TaskFilter) ([]task.Task, error)
	Attempts(ctx context.Context, taskID string) ([]task.Attempt, error)
	KeepAnswer(userID int64, key string, a task.Answer) error
	Now() time.Time
	Ping(ctx context.Context) error
}

// API is the callers' API. Fill the fields before Routes.
type API struct {
	Store       Store
	Generations *generation.Service
	Auth        *auth.Authenticator
	Directory   *directory.Directory
	Limit       *limit.Limiter
	Memory      *limit.Memory // of large orders; nil: without bound
	Log         *slog.Logger
	MaxBody     int64
	Trusted     []netip.Prefix // proxies whose forwarding headers count
	Version     string
	Started     time.Time
	// Ready says why this node should get no requests, nil when it should.
	Ready func(context.Context) error
	// Warning is what the health answer says beside; "" is nothing. nil: nothing
	// ever.
	Warning func() string

	waiters waiters
}

// Patterns of the routes that take orders.
const (
	createLegacy = "POST /kling/v1/videos/{product}"
	createNew    = "POST /kling/{product}/{model}"
)

// Creates reports whether a route's pattern takes orders.
func Creates(pattern string) bool { return pattern == createLegacy || pattern == createNew }

// Routes is the table of contents.
func (a *API) Routes(mux *http.ServeMux) {
	plain := func(pattern string, h httpkit.Handler) { mux.Handle(pattern, httpkit.Handle(a.Log, Fail, h)) }
	caller := func(pattern string, h func(auth.Caller, http.ResponseWriter, *http.Request) error) {
		plain(pattern, a.withCaller(h))
	}

	// Kling, legacy generation: the path names the product.
	caller(createLegacy, a.createLegacy)
	caller("GET /kling/v1/videos/{product}", a.listOrRead)
	caller("GET /kling/v1/videos/{product}/{id}", a.read)
	caller("GET /kling/v1/video/{id}", a.read)
	caller("POST /kling/v1/videos/{id}/cancel", a.cancel)

	// Kling, new generation: the path names product and model.
	caller(createNew, a.createNew)
	caller("GET /kling/tasks", a.queryNew)
	caller("POST /kling/tasks", a.listNew)
	caller("GET /kling/tasks/{id}", a.read)

	caller("GET /v1/models", a.models)
	caller("GET /v1/models/{model}", a.model)

	plain("GET /api/status", a.status)
	plain("GET /healthz", a.alive)
	plain("GET /readyz", a.ready)
}

// withCaller authenticates and limits the rate before h.
func (a *API) withCaller(h func(auth.Caller, http.ResponseWriter, *http.Request) error) httpkit.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := a.Auth.Caller(r, httpkit.ClientAddr(r, a.Trusted))
		if err != nil {
			return err
		}
		if err := a.withinRate(c, w); err != nil {
			return err
		}
		return h(c, w, r)
	}
}

// withinRate counts a request towards the limits of its token and of its user,
// and tells the one that is nearest to refusing in the RateLimit headers.
func (a *API) withinRate(c auth.Caller, w http.ResponseWriter) error {
	byToken := c.Token.Rate
	if byToken == 0 {
		byToken = a.Directory.View().Settings.DefaultRate
	}
	limits := []limit.Bucket{
		{Key: "token " + c.Token.AccessKey, PerMinute: byToken, Burst: byToken},
		{Key: "user " + strconv.FormatInt(c.User.ID, 10), PerMinute: c.User.Rate, Burst: c.User.Rate},
	}
	d := a.Limit.Take(limits...)
	if d.Bucket < 0 {
		return nil
	}
	perMinute := limits[d.Bucket].PerMinute
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(perMinute))
	h.Set("RateLimit-Remaining", strconv.Itoa(d.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int((d.Reset+time.Second-1)/time.Second)))
	if d.OK {
		return nil
	}
	who := "This token"
	if d.Bucket == 1 {
		who = "This user"
	}
	return fault.New(fault.Throttled, "%s may send %d requests a minute. Slow down.", who, perMinute).Named("rate_limited").After(d.Wait)
}

// Drain answers the readers that wait for a task, now and from now on, with
// the task as it is: they must not hold up a node that shuts down.
func (a *API) Drain() { a.waiters.drain() }

// Ended wakes the readers that wait for a task.
func (a *API) Ended(taskID string) { a.waiters.wake(taskID) }

// waiters are readers that wait for tasks to end on this node.
type waiters struct {
	mu     sync.Mutex
	byTask map[string]map[chan struct{}]bool
	closed bool
}

// drain ends all waits.
func (w *waiters) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for id, waiting := range w.byTask {
		for c := range waiting {
			close(c)
		}
		delete(w.byTask, id)
	}
}

func (w *waiters) draining() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// wait returns a channel that is closed when the task ends here, and a
// function that stops waiting.
func (w *waiters) wait(id string) (<-chan struct{}, func()) {
	c := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byTask == nil {
		w.byTask = map[string]map[chan struct{}]bool{}
	}
	if w.byTask[id] == nil {
		w.byTask[id] = map[chan struct{}]bool{}
	}
	w.byTask[id][c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byTask[id], c)
		if len(w.byTask[id]) == 0 {
			delete(w.byTask, id)
		}
	}
}

func (w *waiters) wake(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.byTask[id] {
		close(c)
	}
	delete(w.byTask, id)
}
