// Package generation is the use case: an order is priced, accepted, sent,
// watched and ended. It decides; providers translate, and the store records
// what was decided.
package generation

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/secret"
	"one-api/internal/task"
	"one-api/internal/telemetry"
	"one-api/internal/video"
)

// Store is what the use case needs of the database.
type Store interface {
	Accept(task.Acceptance) (task.Committed, error)
	// Repeated finds what an idempotency key was used for: NotFound when for
	// nothing, otherwise what Accept would say.
	Repeated(ctx context.Context, userID int64, i task.Idempotency) (task.Committed, error)
	Advance(task.Change) error // Conflict when the task has moved on
	Task(ctx context.Context, id string) (task.Task, error)
	Body(ctx context.Context, taskID string) ([]byte, error)
	SetChannelStatus(ctx context.Context, id int64, from, to channel.Status, reason string) error
	OpenCircuit(ctx context.Context, channelID int64, seen, until time.Time) (bool, error)
	ProbeCircuit(ctx context.Context, channelID int64, seen, until time.Time) (bool, error)
	CloseCircuit(ctx context.Context, channelID int64) error
	LearnLimit(ctx context.Context, channelID int64, model string, hold time.Duration) error
	QueuePlace(ctx context.Context, taskID string) (int, task.Lane, error)
	RecoveryAnswered(ctx context.Context, taskID string) error
	Unsettled(ctx context.Context, taskID string) (bool, error)
	Now() time.Time
}

// Timing are the waits of the use case. Zero fields take DefaultTiming's.
type Timing struct {
	task.Timing
	Query       time.Duration // longest wait for an answer to a query
	QueueFor    time.Duration // how long an order may wait for a channel
	Deadline    time.Duration // from accepting to Expired
	AbsenceSpan time.Duration // least time over which absence is proved
	VanishSpan  time.Duration // the same for a task that the upstream once knew
	RecordRetry time.Duration // how long a step is retried while the database is away
	// A task that ended without proof that the upstream does not have it is
	// asked for every LateGap, for LateFor: see package worker.
	LateGap, LateFor time.Duration
}

// DefaultTiming are the waits of reliability.md.
func DefaultTiming() Timing {
	return Timing{
		Timing:      task.Timing{CreateTimeout: 30 * time.Second, Lease: 30 * time.Second},
		Query:       10 * time.Second,
		QueueFor:    15 * time.Minute,
		Deadline:    24 * time.Hour,
		AbsenceSpan: time.Minute,
		VanishSpan:  30 * time.Minute,
		RecordRetry: time.Minute,
		LateGap:     30 * time.Minute,
		LateFor:     24 * time.Hour,
	}
}

// leastAbsences is how many definite "no such task" answers prove absence.
const leastAbsences = 3

// Service is the use case. Fill all fields but Health and Queue before use.
type Service struct {
	Store     Store
	Directory *directory.Directory
	Upstreams Upstreams
	Timing    Timing
	Log       *slog.Logger
	Health    Health
	Queue     Queue
	TestMode  *TestMode // nil: this gateway has none
	// CallbackURL is where the upstream reports an attempt; "" asks for none.
	CallbackURL func(taskID string, attempt int) string
	// Notice is what the owner's callback_url receives when a task ends.
	Notice func(task.Task) json.RawMessage
	// Announce is what the owner's webhook endpoints receive of an event type.
	Announce func(t task.Task, eventType string) json.RawMessage
	Metrics  *telemetry.Metrics // nil: none
	// Wake tells the dispatcher that a task waits; nil: it finds out by itself.
	Wake func()

	drainBy atomic.Int64 // see Drain
}

// Upstreams are the providers that this gateway knows.
type Upstreams struct {
	drivers   map[string]provider.Driver
	providers map[string]provider.Provider
}

// Add makes a provider known.
func (u *Upstreams) Add(d provider.Driver, p provider.Provider) {
	if u.drivers == nil {
		u.drivers, u.providers = map[string]provider.Driver{}, map[string]provider.Provider{}
	}
	u.drivers[d.Name], u.providers[d.Name] = d, p
}

// Driver finds a provider by name.
func (u *Upstreams) Driver(name string) (provider.Driver, bool) {
	d, ok := u.drivers[name]
	return d, ok
}

// Provider finds a provider's client by name.
func (u *Upstreams) Provider(name string) (provider.Provider, bool) {
	p, ok := u.providers[name]
	return p, ok
}

// Drivers lists the drivers by channels.type.
func (u *Upstreams) Drivers() []provider.Driver {
	out := slices.Collect(maps.Values(u.drivers))
	slices.SortFunc(out, func(a, b provider.Driver) int { return a.ChannelType - b.ChannelType })
	return out
}

// OfType finds a provider by channels.type.
func (u *Upstreams) OfType(channelType int) (provider.Provider, bool) {
	for name, d := range u.drivers {
		if d.ChannelType == channelType {
			return u.providers[name], true
		}
	}
	return nil, false
}

// Order is what a caller wants done.
type Order struct {
	User        *account.User
	Token       *account.Token
	Request     video.Request
	ExternalID  string // the caller's own id
	CallbackURL string // the caller's
	Tags        string // JSON object of strings, "" when none
	Idempotency *task.Idempotency
	RequestID   string
	// SendWithin is the caller's own deadline for sending; 0: none.
	SendWithin time.Duration
}

// Quote prices an order for a user.
func (s *Service) Quote(u *account.User, r *video.Request) (price.Quote, error) {
	v := s.Directory.View()
	g, ok := v.Groups[u.Group]
	if !ok {
		return price.Quote{}, fault.New(fault.Forbidden, "The user's group %q does not exist.", u.Group).Named("group_not_found")
	}
	return v.Catalogue.Price(r, g.Ratio)
}

// Allowed refuses an order whose model the token may not use.
func Allowed(t *account.Token, modelName string) error {
	if !t.MayUse(modelName) {
		return fault.New(fault.Forbidden, "This token may not use the model %s.", modelName).Named("model_not_allowed").At("model")
	}
	return nil
}

// credential is what a call on a task's channel needs.
func credential(c *channel.Channel, keyID string) (provider.Credential, bool) {
	k, ok := c.KeyByID(keyID)
	return provider.Credential{BaseURL: c.BaseURL, Key: k.Text, WebhookSecrets: c.WebhookSecrets}, ok
}

// channel finds the channel of a task's current attempt.
func (s *Service) channel(t *task.Task) (*channel.Channel, bool) {
	if t.ChannelID == channel.TestID && s.TestMode != nil {
		return s.TestMode.Channel, true
	}
	return s.Directory.View().Channel(t.ChannelID)
}

// Credential finds the credential of a task's current attempt.
func (s *Service) Credential(t *task.Task) (provider.Credential, error) {
	if t.Test {
		return s.testCredential(t)
	}
	c, ok := s.Directory.View().Channel(t.ChannelID)
	if !ok {
		return provider.Credential{}, fault.New(fault.Unavailable, "Channel %d is not available.", t.ChannelID).Named("channel_gone")
	}
	cred, ok := credential(c, t.KeyID)
	if !ok {
		return cred, fault.New(fault.Unavailable, "Channel %d has no key.", t.ChannelID).Named("channel_without_key")
	}
	return cred, nil
}

// event is the outbox row of an ended task, nil when nobody wants one. Who does
// is known from memory: settling reads nothing for it.
func (s *Service) event(t *task.Task) *task.Event {
	e := &task.Event{ID: task.NewID("evt_", t.FinishedAt), TaskID: t.ID, UserID: t.UserID, Type: "task." + string(t.Status), CreatedAt: t.FinishedAt}
	if t.CallbackURL != "" && s.Notice != nil {
		e.URL, e.Payload = t.CallbackURL, s.Notice(*t)
	}
	if s.Announce != nil {
		for _, to := range s.Directory.View().EndpointsOf[t.UserID] {
			if to.Wants(e.Type) {
				e.Endpoints = append(e.Endpoints, to)
			}
		}
	}
	if len(e.Endpoints) > 0 {
		e.Body = s.Announce(*t, e.Type)
	}
	if e.URL == "" && len(e.Endpoints) == 0 {
		return nil
	}
	return e
}

// record commits a step. While the database is away it keeps trying: the
// answer of an upstream must not be lost for want of a second.
func (s *Service) record(ctx context.Context, c task.Change) error {
	begun := time.Now()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := s.Store.Advance(c)
		if err == nil || !fault.Is(err, fault.Unavailable) || time.Now().After(s.recordUntil(begun)) {
			return err
		}
		s.Log.WarnContext(ctx, "the database is away; will record the step again", "task", c.From.ID, "to", c.To.Status, "err", err)
		time.Sleep(wait)
	}
}

// Drain bounds the retries of steps, those under way and those to come: a node
// that shuts down leaves by then, and what it could not record is asked for.
func (s *Service) Drain(by time.Time) { s.drainBy.Store(by.UnixNano()) }

// recordUntil is when a step that was first tried at begun is given up.
func (s *Service) recordUntil(begun time.Time) time.Time {
	end := begun.Add(s.Timing.RecordRetry)
	if by := s.drainBy.Load(); by != 0 && time.Unix(0, by).Before(end) {
		return time.Unix(0, by)
	}
	return end
}

// billed logs a settled task; operators grep for "billing".
func (s *Service) billed(ctx context.Context, t *task.Task) {
	s.Log.InfoContext(ctx, "billing: settled", "task", t.ID, "status", t.Status, "user", t.UserID, "token", t.TokenID,
		"channel", t.ChannelID, "provider", t.Provider, "model", t.Model, "held", int64(t.Quota), "charged", int64(t.Charged),
		"fail_code", t.FailCode, "test", t.Test)
	s.Queue.ended(t)
}

// canServe tells which keys can call a route; nil when all can.
func canServe(p provider.Provider, route string) func(secret.Text) bool {
	k, ok := p.(provider.KeyChecker)
	if !ok {
		return nil
	}
	return func(key secret.Text) bool { return k.CanServe(key, route) }
}
