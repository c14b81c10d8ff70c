package generation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"one-api/internal/channel"
	"one-api/internal/model"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// Health is what this node has lately seen of its channels' create calls. It
// only delays and diverts; no outcome depends on it. Rests are this node's own;
// circuits are shared through the channels' rows. The zero value is ready.
type Health struct {
	mu       sync.Mutex
	breakers map[int64]*gobreaker.TwoStepCircuitBreaker[any] // by channel; count accidents of closed circuits
	circuits map[int64]recent                                // changes that the directory may not show yet
	rests    map[lane]rest
}

// lane is what an upstream limits: the work of an account for one of its
// models. Channels with the same key are one account.
type lane struct {
	account string
	model   string
}

type rest struct {
	until time.Time
	tries int
}

// recent is a circuit as this node has just changed it.
type recent struct {
	channel.Circuit
	at time.Time
}

const (
	restFirst = time.Second
	restMost  = 30 * time.Second
	// restNotAllowed is how long a model that an account may not use is left
	// alone there.
	restNotAllowed = 10 * time.Minute
	// A circuit stays open for openFirst, then for twice as long each time that
	// the order tried after it has an accident too.
	openFirst = 30 * time.Second
	openMost  = 10 * time.Minute
	// viewLag is after how long the directory surely shows a change.
	viewLag = 5 * time.Second
	// learnedFor is how long a limit that an upstream's refusal taught stands
	// before one more task is tried.
	learnedFor = time.Minute
)

// accountOf names a channel's account by its key.
func accountOf(c *channel.Channel) string {
	if len(c.Keys) == 0 {
		return ""
	}
	return c.Keys[0].ID
}

// Busy reports whether a channel should not be asked for a model now.
func (h *Health) Busy(c *channel.Channel, modelName string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.rests[lane{accountOf(c), model.Base(modelName)}].until) || now.Before(h.circuit(c, now).Until)
}

// resting reports whether a lane is left alone now.
func (h *Health) resting(l lane, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.rests[l].until)
}

// circuit is a channel's circuit as far as this node knows. The caller holds
// the lock.
func (h *Health) circuit(c *channel.Channel, now time.Time) channel.Circuit {
	if r, ok := h.circuits[c.ID]; ok {
		if now.Sub(r.at) < viewLag {
			return r.Circuit
		}
		delete(h.circuits, c.ID)
	}
	return c.Circuit
}

// Circuit tells a channel's circuit for people: "closed", "half-open", "open".
func (h *Health) Circuit(c *channel.Channel, now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch state := h.circuit(c, now); {
	case now.Before(state.Until):
		return "open"
	case state.Opens > 0:
		return "half-open"
	}
	return "closed"
}

// set notes a change of a circuit by this node.
func (h *Health) set(id int64, c channel.Circuit, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.circuits == nil {
		h.circuits = map[int64]recent{}
	}
	h.circuits[id] = recent{c, now}
	delete(h.breakers, id) // the next count begins anew
}

// tripped counts the outcome of a create call on a closed circuit and reports
// whether it opens.
func (h *Health) tripped(id int64, accident bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.breakers[id]
	if !ok {
		b = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
			Interval: 30 * time.Second,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				return c.ConsecutiveFailures >= 5 || c.Requests >= 20 && c.TotalFailures*2 > c.Requests
			},
		})
		if h.breakers == nil {
			h.breakers = map[int64]*gobreaker.TwoStepCircuitBreaker[any]{}
		}
		h.breakers[id] = b
	}
	if done, err := b.Allow(); err == nil {
		if accident {
			done(errAccident)
		} else {
			done(nil)
		}
	}
	return b.State() == gobreaker.StateOpen
}

var errAccident = errors.New("accident")

// note counts rests.
func (h *Health) note(l lane, e *provider.Error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rests == nil {
		h.rests = map[lane]rest{}
	}
	if e == nil {
		delete(h.rests, l)
		return
	}
	switch e.Kind {
	case provider.Throttled:
		r := h.rests[l]
		wait := min(restFirst<<min(r.tries, 5), restMost)
		h.rests[l] = rest{until: now.Add(max(wait, min(e.RetryAfter, restMost))), tries: r.tries + 1}
	case provider.NotAllowed:
		h.rests[l] = rest{until: now.Add(restNotAllowed)}
	}
}

// admit asks a channel's circuit for a create call. The returned function takes
// the call's outcome. After a circuit was open, one order on all nodes is tried.
func (s *Service) admit(ctx context.Context, c *channel.Channel, t *task.Task) (func(*provider.Error), bool) {
	now := s.Store.Now()
	s.Health.mu.Lock()
	circuit := s.Health.circuit(c, now)
	s.Health.mu.Unlock()
	switch {
	case now.Before(circuit.Until):
		return nil, false
	case circuit.Opens > 0:
		until := now.Add(s.Timing.CreateTimeout)
		won, err := s.Store.ProbeCircuit(ctx, c.ID, circuit.Until, until)
		if err != nil || !won {
			return nil, false
		}
		circuit.Until = until
		s.Health.set(c.ID, circuit, now)
	}
	return func(e *provider.Error) { s.outcome(ctx, c, circuit, t, e) }, true
}

// outcome notes how a create call on a channel ended. A refusal shows that the
// upstream answers; only silence and accidents open the circuit.
func (s *Service) outcome(ctx context.Context, c *channel.Channel, was channel.Circuit, t *task.Task, e *provider.Error) {
	now := s.Store.Now()
	s.Health.note(lane{accountOf(c), model.Base(t.Model)}, e, now)
	if e != nil && e.Full {
		if err := s.Store.LearnLimit(ctx, c.ID, model.Base(t.Model), learnedFor); err != nil {
			s.Log.WarnContext(ctx, "could not record a channel's limit", "channel", c.ID, "err", err)
		}
	}
	accident := e != nil && (e.Kind == provider.Unsure || e.Kind == provider.Unreachable)
	tried := was.Opens > 0
	var err error
	switch {
	case tried && !accident:
		s.Health.set(c.ID, channel.Circuit{}, now)
		if err = s.Store.CloseCircuit(ctx, c.ID); err == nil {
			s.Log.InfoContext(ctx, "circuit closed: the channel answers again", "channel", c.ID)
			s.wake()
		}
	case tried, s.Health.tripped(c.ID, accident):
		next := channel.Circuit{Until: now.Add(min(openFirst<<min(was.Opens, 5), openMost)), Opens: was.Opens + 1}
		s.Health.set(c.ID, next, now)
		var first bool
		if first, err = s.Store.OpenCircuit(ctx, c.ID, was.Until, next.Until); first {
			s.Log.WarnContext(ctx, "circuit open: the channel's create calls have no answers", "channel", c.ID, "until", next.Until, "times", next.Opens, "err", e)
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "could not share a channel's circuit", "channel", c.ID, "err", err)
	}
}
