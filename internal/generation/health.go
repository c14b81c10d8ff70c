package generation

import (
	"errors"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"one-api/internal/channel"
	"one-api/internal/model"
	"one-api/internal/provider"
)

// Health is what this node has lately seen of its channels' create calls. It
// only delays and diverts; no outcome depends on it, so it is not shared.
// The zero value is ready.
type Health struct {
	mu       sync.Mutex
	breakers map[int64]*gobreaker.TwoStepCircuitBreaker[any]
	rests    map[lane]rest
}

// lane is a channel's work for one upstream model: what an upstream limits.
type lane struct {
	channel int64
	model   string
}

type rest struct {
	until time.Time
	tries int
}

const (
	restFirst = time.Second
	restMost  = 30 * time.Second
	// restNotAllowed is how long a model that an account may not use is left
	// alone there.
	restNotAllowed = 10 * time.Minute
)

func (h *Health) breaker(id int64) *gobreaker.TwoStepCircuitBreaker[any] {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.breakers == nil {
		h.breakers = map[int64]*gobreaker.TwoStepCircuitBreaker[any]{}
	}
	b, ok := h.breakers[id]
	if !ok {
		b = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
			MaxRequests: 1,
			Interval:    30 * time.Second,
			Timeout:     30 * time.Second,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				return c.ConsecutiveFailures >= 5 || c.Requests >= 20 && c.TotalFailures*2 > c.Requests
			},
		})
		h.breakers[id] = b
	}
	return b
}

// Busy reports whether a channel should not be asked for a model now.
func (h *Health) Busy(c *channel.Channel, modelName string, now time.Time) bool {
	h.mu.Lock()
	r := h.rests[lane{c.ID, model.Base(modelName)}]
	h.mu.Unlock()
	return now.Before(r.until) || h.breaker(c.ID).State() == gobreaker.StateOpen
}

// Allow asks the channel's circuit for a create call. The returned function
// takes the call's outcome.
func (h *Health) allow(c int64, modelName string, now func() time.Time) (func(*provider.Error), bool) {
	done, err := h.breaker(c).Allow()
	if err != nil {
		return nil, false
	}
	return func(e *provider.Error) {
		// A refusal shows that the upstream answers; only silence and
		// accidents open the circuit.
		if e != nil && (e.Kind == provider.Unsure || e.Kind == provider.Unreachable) {
			done(errors.New(string(e.Kind)))
		} else {
			done(nil)
		}
		h.note(lane{c, model.Base(modelName)}, e, now())
	}, true
}

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

// Circuit tells a channel's circuit for people: "closed", "half-open", "open".
func (h *Health) Circuit(id int64) string { return h.breaker(id).State().String() }
