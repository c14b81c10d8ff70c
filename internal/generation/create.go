package generation

import (
	"context"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/price"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// Created is what came of an order.
type Created struct {
	Task  task.Task
	Price price.Quote
	// Replayed is set when the idempotency key had been used: Task is the first
	// task as it is now.
	Replayed *task.Answer
	// Refusal is the upstream's, when Task was refused at once.
	Refusal *provider.Error
}

// Create accepts an order and, when a channel is free, sends it. The order is
// the gateway's once it is committed: the caller's hanging up changes nothing.
//
// It refuses with Unprocessable for a model without a price, Forbidden for one
// that the token may not use, Unavailable when no channel offers it, Throttled
// when all are busy and waiting is off, InsufficientQuota, and Conflict.
func (s *Service) Create(ctx context.Context, o Order) (Created, error) {
	p, err := s.plan(o)
	if err != nil {
		return s.repeated(ctx, o, err)
	}
	ctx = context.WithoutCancel(ctx)
	done, err := s.accept(task.Acceptance{
		Task: p.task, Body: o.Request.Body, Hold: ledger.Hold(p.task.Order(), p.task.CreatedAt), NoWait: !p.mayWait,
		Group: o.User.Group, Idempotency: o.Idempotency,
	}, p.candidates)
	if err != nil {
		return Created{}, err
	}
	if done.Replayed != nil {
		return s.replayed(done, p.quote)
	}
	t := done.Task
	s.Log.InfoContext(ctx, "billing: held", "task", t.ID, "user", t.UserID, "token", t.TokenID, "provider", t.Provider,
		"model", t.Model, "type", t.Type, "held", int64(t.Quota), "rule", t.PriceRule, "test", t.Test)
	if t.Status == task.Pending {
		s.Queue.joined(t.Lane(o.User.Group), t.UserID)
		s.wake()
		return Created{Task: t, Price: p.quote}, nil
	}
	t, refusal, err := s.submit(ctx, t, o.Request.Body)
	return Created{Task: t, Price: p.quote, Refusal: refusal}, err
}

// plan is what is to be committed for an order.
type plan struct {
	task       task.Task
	quote      price.Quote
	candidates []channel.Candidate // none: it waits
	mayWait    bool
}

// plan prices an order and finds a channel or a place in the queue for it, or
// refuses it. Nothing is read from the database and nothing is written.
func (s *Service) plan(o Order) (plan, error) {
	if err := s.recovering(); err != nil {
		return plan{}, err
	}
	if err := Allowed(o.Token, o.Request.Model); err != nil {
		return plan{}, err
	}
	quote, err := s.Quote(o.User, &o.Request)
	if err != nil {
		return plan{}, err
	}
	view := s.Directory.View()
	p := plan{task: newTask(o, quote, s.Timing, s.Store.Now()), quote: quote, mayWait: view.Settings.QueueWhenBusy}
	if p.candidates, err = s.candidates(view, &p.task, o.User.Group, nil); err != nil {
		return plan{}, err
	}
	lane := p.task.Lane(o.User.Group)
	if p.mayWait && s.Queue.waiting(lane) {
		p.candidates = nil // those that wait come first
	}
	switch {
	case len(p.candidates) > 0:
		return p, nil
	case !p.mayWait:
		return plan{}, fault.New(fault.Throttled, "All channels for %s are busy. Try again shortly.", p.task.Model).
			Named("channels_busy").After(5 * time.Second)
	}
	return p, s.queueFor(view, &p.task, lane)
}

// repeated answers an order that was refused before anything was written: a
// repetition of an accepted one gets the first answer all the same.
func (s *Service) repeated(ctx context.Context, o Order, refusal error) (Created, error) {
	if o.Idempotency == nil {
		return Created{}, refusal
	}
	done, err := s.Store.Repeated(ctx, o.User.ID, *o.Idempotency)
	switch {
	case fault.Is(err, fault.NotFound):
		return Created{}, refusal
	case err != nil:
		return Created{}, err
	}
	return s.replayed(done, price.Quote{Quota: done.Task.Quota})
}

// accept commits an order as sent on the best of the candidates, or as waiting
// when there are none. An order that may not wait takes the first candidate
// that has a place.
func (s *Service) accept(a task.Acceptance, candidates []channel.Candidate) (task.Committed, error) {
	waiting := a.Task
	for {
		if len(candidates) > 0 {
			c := candidates[0]
			var err error
			if a.Task, err = waiting.Begin(c.Channel.ID, c.Key.ID, s.Timing.Timing, waiting.CreatedAt); err != nil {
				return task.Committed{}, err
			}
			a.MaxLive, candidates = c.Channel.MaxLive, candidates[1:]
		}
		done, err := s.Store.Accept(a)
		if len(candidates) == 0 || !fault.Is(err, fault.Throttled) {
			return done, err
		}
	}
}

// replayed answers a repetition. While the first request may still be at work,
// its outcome is not known and the caller is asked to come back.
func (s *Service) replayed(done task.Committed, q price.Quote) (Created, error) {
	t := done.Task
	atWork := t.Status == task.Submitting && s.Store.Now().Before(t.UpdatedAt.Add(s.Timing.CreateTimeout+s.Timing.Lease))
	if done.Replayed.Status == 0 && atWork {
		return Created{}, fault.New(fault.Conflict, "A request with this Idempotency-Key is still running. Repeat it in a moment.").
			Named("idempotency_in_progress").After(time.Second)
	}
	return Created{Task: t, Price: q, Replayed: done.Replayed}, nil
}

func newTask(o Order, q price.Quote, tm Timing, now time.Time) task.Task {
	r := o.Request
	sendBefore := now.Add(tm.QueueFor)
	if o.SendWithin > 0 && o.SendWithin < tm.QueueFor {
		sendBefore = now.Add(o.SendWithin)
	}
	return task.Task{
		ID: task.NewID(task.IDPrefix(r.Provider), now), UserID: o.User.ID, TokenID: o.Token.ID, Test: o.Token.Test,
		Provider: r.Provider, Type: r.Type, Model: r.Model, Route: r.Route, Prompt: r.Prompt,
		Duration: r.Usage.Seconds, AspectRatio: r.Usage.AspectRatio, Mode: r.Usage.Mode,
		ExternalID: o.ExternalID, CallbackURL: o.CallbackURL, Tags: o.Tags,
		Quota: q.Quota, PriceRule: q.RuleID, PriceVersion: q.Version,
		Status: task.Pending, NextCheckAt: now, RequestID: o.RequestID,
		CreatedAt: now, UpdatedAt: now, DeadlineAt: now.Add(tm.Deadline), SendBefore: sendBefore,
	}
}

// candidates lists the channels that could take a task now, best first. None
// and no error means that those which could are busy; Unavailable means that
// there are none.
func (s *Service) candidates(v *directory.View, t *task.Task, group string, tried map[int64]bool) ([]channel.Candidate, error) {
	need, channels, err := s.need(v, t, group)
	if err != nil {
		return nil, err
	}
	now := s.Store.Now()
	free := channel.Order(channels, need, func(c *channel.Channel) bool {
		return tried[c.ID] || s.Health.Busy(c, t.Model, now)
	}, nil)
	if len(free) > 0 || len(channel.Order(channels, need, nil, nil)) > 0 {
		return free, nil
	}
	if offeredElsewhere(channels, need) {
		return nil, fault.New(fault.Forbidden, "The group %q has no channel that offers %s. Ask the operator for access.", group, t.Model).
			Named("group_without_channel").At("model")
	}
	return nil, fault.New(fault.Unavailable, "No channel offers %s at present.", t.Model).Named("no_channel").After(30 * time.Second)
}

// need is what a task asks of a channel, and the channels that may be asked.
func (s *Service) need(v *directory.View, t *task.Task, group string) (channel.Need, []*channel.Channel, error) {
	d, ok := s.Upstreams.Driver(t.Provider)
	if !ok {
		return channel.Need{}, nil, fault.New(fault.Unavailable, "Provider %s is not built into this gateway.", t.Provider)
	}
	p, _ := s.Upstreams.Provider(t.Provider)
	channels, group := s.channelsFor(v.Channels, t, group)
	if t.Test && len(channels) == 0 {
		return channel.Need{}, nil, fault.New(fault.Unavailable, "This gateway has no test mode.").Named("no_test_mode")
	}
	return channel.Need{Type: d.ChannelType, Model: t.Model, Group: group, CanServe: canServe(p, t.Route)}, channels, nil
}

// offeredElsewhere reports whether other groups have channels for a model and
// this one has none, in whatever state: waiting would not help.
func offeredElsewhere(channels []*channel.Channel, n channel.Need) bool {
	found := false
	for _, c := range channels {
		if c.Type != n.Type || !c.Offers(n.Model) {
			continue
		}
		if c.Serves(n.Group) {
			return false
		}
		found = true
	}
	return found
}

// groupOf is the group of a task's owner as it is now.
func (s *Service) groupOf(v *directory.View, userID int64) string {
	if u, ok := v.Users[userID]; ok {
		return u.Group
	}
	return account.DefaultGroup
}
