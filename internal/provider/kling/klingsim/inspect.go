package klingsim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Task is a task as a test or an operator sees it: what Kling knows of it, and
// what came of its callbacks.
type Task struct {
	ID          string          `json:"id"`
	ExternalID  string          `json:"external_id,omitempty"`
	Account     string          `json:"account"`
	Product     string          `json:"product"` // path of the create call
	Model       string          `json:"model"`   // legacy model_name, or the id in the path
	Mode        string          `json:"mode"`    // std, pro, 4k; the resolution in the new generation
	Status      Status          `json:"status"`
	Message     string          `json:"message,omitempty"`
	Seconds     int             `json:"seconds"`
	Units       string          `json:"units"`          // billed: "0" unless it succeeded
	Body        json.RawMessage `json:"body,omitempty"` // of the create call; none when larger than 1 MiB
	BodySize    int             `json:"body_size"`
	CallbackURL string          `json:"callback_url,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	Queries     int             `json:"queries"` // times that a query met it

	CallbacksSent    int `json:"callbacks_sent"`    // answered with 2xx
	CallbacksLost    int `json:"callbacks_lost"`    // dropped, refused or timed out
	CallbacksWaiting int `json:"callbacks_waiting"` // not tried yet, or on their way
}

// Tasks is a snapshot, oldest first.
type Tasks []Task

// Tasks takes a snapshot of every task of every account. It copies them all, so
// a benchmark should not do it often.
func (s *Sim) Tasks() Tasks {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now())
	out := make(Tasks, 0, len(s.tasks))
	for _, t := range s.tasks {
		v := t.view()
		x := Task{
			ID: t.id, ExternalID: t.external, Account: t.account.conf.Load().Name,
			Product: t.product, Model: t.model, Mode: t.mode, Status: t.status, Message: t.message(v),
			Seconds: t.seconds, Units: "0", BodySize: t.rawSize, CallbackURL: t.callback,
			CreatedAt: t.created.UTC(), UpdatedAt: t.updated.UTC(), Queries: t.queries,
			CallbacksSent: t.sent, CallbacksLost: t.lost, CallbacksWaiting: len(t.outbox),
		}
		if t.sending {
			x.CallbacksWaiting++
		}
		if t.raw != "" {
			x.Body = json.RawMessage(t.raw)
		}
		if t.status == Succeeded {
			x.Units = decimal(t.units * 1000)
		}
		out = append(out, x)
	}
	return out
}

// Creates is the number of create calls that carried an external id, refused and
// unanswered ones too.
func (s *Sim) Creates(externalID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.creates[externalID]
}

// Request is a kind of call and what became of it.
type Request struct {
	Route  string    `json:"route"`           // "POST /v1/videos/text2video", "GET /v1/videos/text2video/{id}", "other"
	Status int       `json:"status"`          // HTTP; 0 when a fault came before
	Code   int       `json:"code"`            // Kling's
	Fault  FaultKind `json:"fault,omitempty"` // Status and Code are what it hid
}

// Requests counts the calls so far.
func (s *Sim) Requests() map[Request]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

func (s *Sim) count(r Request) {
	s.mu.Lock()
	s.requests[r]++
	s.notify()
	s.mu.Unlock()
}

// Changed returns a channel that is closed at the next change: a call that was
// counted, a task's new state, a callback that went out. Ask for it before
// looking, so that nothing is missed.
func (s *Sim) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// notify closes the channel that Changed has given out. It needs Sim.mu.
func (s *Sim) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Wait returns nil as soon as the tasks are as a test wants them, or the
// context's error. It looks at every change.
func (s *Sim) Wait(ctx context.Context, as func(Tasks) bool) error {
	for {
		changed := s.Changed()
		if as(s.Tasks()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the simulated tasks: %w", context.Cause(ctx))
		}
	}
}
