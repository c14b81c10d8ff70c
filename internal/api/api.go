// Package api is what customers call: Kling's own API below /kling, the list
// of models, and the open status.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
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
	Log         *slog.Logger
	MaxBody     int64
	Trusted     []netip.Prefix // proxies whose forwarding headers count
	Version     string
	Started     time.Time
	// Ready says why this node should get no requests, nil when it should.
	Ready func(context.Context) error

	waiters waiters
}

// Routes is the table of contents.
func (a *API) Routes(mux *http.ServeMux) {
	plain := func(pattern string, h httpkit.Handler) { mux.Handle(pattern, httpkit.Handle(a.Log, Fail, h)) }
	caller := func(pattern string, h func(auth.Caller, http.ResponseWriter, *http.Request) error) {
		plain(pattern, a.withCaller(h))
	}

	// Kling, legacy generation: the path names the product.
	caller("POST /kling/v1/videos/{product}", a.createLegacy)
	caller("GET /kling/v1/videos/{product}", a.listOrRead)
	caller("GET /kling/v1/videos/{product}/{id}", a.read)
	caller("GET /kling/v1/video/{id}", a.read)
	caller("POST /kling/v1/videos/{id}/cancel", a.cancel)

	// Kling, new generation: the path names product and model.
	caller("POST /kling/{product}/{model}", a.createNew)
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
		perMinute := c.Token.Rate
		if perMinute == 0 {
			perMinute = a.Directory.View().Settings.DefaultRate
		}
		if wait, ok := a.Limit.Allow("token "+c.Token.AccessKey, perMinute, perMinute); !ok {
			return fault.New(fault.Throttled, "This token may send %d requests a minute. Slow down.", perMinute).
				Named("rate_limited").After(wait)
		}
		return h(c, w, r)
	}
}

// Ended wakes the readers that wait for a task.
func (a *API) Ended(taskID string) { a.waiters.wake(taskID) }

// waiters are readers that wait for tasks to end on this node.
type waiters struct {
	mu     sync.Mutex
	byTask map[string]map[chan struct{}]bool
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
