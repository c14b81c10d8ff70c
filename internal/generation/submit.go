package generation

import (
	"context"
	"time"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/provider"
	"one-api/internal/task"
	"one-api/internal/video"
)

// submit sends a task that is committed as submitting, and records how that
// ended. Another channel is tried only after a definite refusal which it could
// answer. The returned refusal is the upstream's last word for a task that
// failed.
func (s *Service) submit(ctx context.Context, t task.Task, body []byte) (task.Task, *provider.Error, error) {
	tried := map[int64]bool{}
	for {
		tried[t.ChannelID] = true
		attempt, accepted, refusal := s.send(ctx, t, body)
		var to task.Task
		var err error
		switch {
		case refusal == nil:
			to, err = t.Accepted(accepted.UpstreamID, attempt.AnsweredAt)
		case refusal.Kind == provider.Unsure, refusal.Kind == provider.Duplicate:
			to, err = t.Unsure(attempt.AnsweredAt)
		case refusal.Kind == provider.Rejected:
			return s.refused(ctx, t, attempt, task.Rejected, refusal.Message, refusal)
		default:
			s.accountFault(ctx, t.ChannelID, refusal)
			next, refused, begun, err := s.elsewhere(ctx, t, attempt, refusal, tried)
			if err != nil || !begun {
				return next, refused, err
			}
			t = next
			continue
		}
		if err != nil {
			return t, nil, err
		}
		if err := s.record(ctx, task.Change{From: t, To: to, Attempt: attempt}); err != nil {
			t, err = s.overtaken(ctx, t, accepted.UpstreamID, err)
			return t, nil, err
		}
		faultpoint.Here("generation.submit.recorded")
		to.Epoch++
		return to, nil, nil
	}
}

// send makes one create call.
func (s *Service) send(ctx context.Context, t task.Task, body []byte) (*task.Attempt, provider.Accepted, *provider.Error) {
	a := &task.Attempt{
		TaskID: t.ID, N: t.Attempt, ChannelID: t.ChannelID, KeyID: t.KeyID, Ref: t.Ref, SentAt: s.Store.Now(),
	}
	faultpoint.Here("generation.submit.before-send")
	acc, e := s.call(ctx, t, body)
	faultpoint.Here("generation.submit.answered")
	a.AnsweredAt = s.Store.Now()
	if e == nil {
		a.Outcome, a.HTTPStatus, a.UpstreamID = "accepted", 200, acc.UpstreamID
		s.Log.InfoContext(ctx, "submitted", "task", t.ID, "provider", t.Provider, "channel", t.ChannelID, "attempt", t.Attempt,
			"upstream_task", acc.UpstreamID, "took", a.AnsweredAt.Sub(a.SentAt))
		return a, acc, nil
	}
	a.Outcome, a.HTTPStatus, a.Code, a.Message = string(e.Kind), e.HTTPStatus, e.Code, e.Message
	s.Log.WarnContext(ctx, "the upstream did not accept", "task", t.ID, "provider", t.Provider, "channel", t.ChannelID,
		"attempt", t.Attempt, "kind", e.Kind, "http_status", e.HTTPStatus, "code", e.Code, "err", e)
	return a, acc, e
}

func (s *Service) call(ctx context.Context, t task.Task, body []byte) (provider.Accepted, *provider.Error) {
	p, ok := s.Upstreams.Provider(t.Provider)
	if !ok {
		return provider.Accepted{}, &provider.Error{Kind: provider.NotAllowed, Message: "the provider is not built in"}
	}
	cred, err := s.Credential(&t)
	if err != nil {
		return provider.Accepted{}, &provider.Error{Kind: provider.BadKey, Message: err.Error()}
	}
	c, ok := s.channel(&t)
	if !ok {
		return provider.Accepted{}, &provider.Error{Kind: provider.BadKey, Message: "the channel is gone"}
	}
	done, ok := s.admit(ctx, c, &t)
	if !ok {
		return provider.Accepted{}, &provider.Error{Kind: provider.Unreachable, Message: "the channel's circuit is open"}
	}
	// The lease ends the right to send: a node that was paused must not send
	// what others have meanwhile asked about and perhaps sent again.
	left := t.NextCheckAt.Sub(s.Store.Now())
	if left <= 0 {
		// It says nothing of the channel, so the circuit is told nothing.
		return provider.Accepted{}, &provider.Error{Kind: provider.Unsure, Message: "this node was too slow to send it; nothing was sent"}
	}
	ctx, cancel := context.WithTimeout(ctx, min(s.Timing.CreateTimeout, left))
	defer cancel()
	sub := provider.Submission{
		Request: video.Request{
			Provider: t.Provider, Type: t.Type, Model: t.Model, Route: t.Route, Prompt: t.Prompt, Body: body,
		},
		Ref: t.Ref,
	}
	switch {
	case t.Test:
		sub.CallbackURL = s.TestMode.CallbackURL(t.ID, t.Attempt)
	case s.CallbackURL != nil:
		sub.CallbackURL = s.CallbackURL(t.ID, t.Attempt)
	}
	acc, err := p.Submit(ctx, cred, sub)
	if err != nil {
		e := provider.AsError(err)
		done(e)
		s.Metrics.Upstream(t.Provider, "create", string(e.Kind))
		return acc, e
	}
	done(nil)
	s.Metrics.Upstream(t.Provider, "create", "accepted")
	return acc, nil
}

// refused ends a task that cannot be sent. The reason is for the caller: what
// an upstream says of the operator's account stays in the attempt.
func (s *Service) refused(ctx context.Context, t task.Task, a *task.Attempt, code task.FailCode, reason string, e *provider.Error) (task.Task, *provider.Error, error) {
	to, err := s.fail(ctx, t, a, code, reason)
	if err != nil {
		t, err = s.overtaken(ctx, t, "", err)
		return t, nil, err
	}
	return to, e, nil
}

// fail ends a task without charge.
func (s *Service) fail(ctx context.Context, t task.Task, a *task.Attempt, code task.FailCode, reason string) (task.Task, error) {
	to, entry, err := t.Fail(code, reason, s.Store.Now())
	if err != nil {
		return t, err
	}
	if err := s.record(ctx, task.Change{From: t, To: to, Attempt: a, Settle: &entry, Event: s.event(&to), Late: s.late(&to)}); err != nil {
		return t, err
	}
	to.Epoch++
	s.billed(ctx, &to)
	return to, nil
}

// elsewhere goes on after a definite refusal that says nothing against the
// order: with another channel at once (begun, and the caller is to send it), with
// any channel later, or not at all.
func (s *Service) elsewhere(ctx context.Context, t task.Task, a *task.Attempt, e *provider.Error, tried map[int64]bool) (next task.Task, refused *provider.Error, begun bool, err error) {
	v := s.Directory.View()
	now := s.Store.Now()
	group := s.groupOf(v, t.UserID)
	others, err := s.candidates(v, &t, group, tried)
	if err == nil && len(others) > 0 && now.Before(t.SendBefore) {
		moved, err := s.begin(ctx, t, a, others)
		if err != nil {
			t, err = s.overtaken(ctx, t, "", err)
			return t, nil, false, err
		}
		if moved != nil {
			return *moved, nil, true, nil
		}
	}
	temporary := e.Kind == provider.Throttled || e.Kind == provider.Unreachable
	if err == nil && (temporary || len(others) > 0) && v.Settings.QueueWhenBusy && now.Before(t.SendBefore) {
		until := now.Add(max(restFirst, min(e.RetryAfter, restMost)))
		to, err := t.Wait(until, now)
		if err != nil {
			return t, nil, false, err
		}
		if err := s.record(ctx, task.Change{From: t, To: to, Attempt: a, Group: group}); err != nil {
			t, err = s.overtaken(ctx, t, "", err)
			return t, nil, false, err
		}
		to.Epoch++
		s.Queue.joined(to.Lane(group), t.UserID)
		return to, nil, false, nil
	}
	next, refused, err = s.refused(ctx, t, a, task.NoChannel, "No channel could take the order.", e)
	return next, refused, false, err
}

// begin records the next attempt on the first of the candidates that has a
// place; nil when none has.
func (s *Service) begin(ctx context.Context, t task.Task, a *task.Attempt, candidates []channel.Candidate) (*task.Task, error) {
	for _, c := range candidates {
		to, err := t.Begin(c.Channel.ID, c.Key.ID, s.Timing.Timing, s.Store.Now())
		if err != nil {
			return nil, err
		}
		err = s.record(ctx, task.Change{From: t, To: to, Attempt: a, MaxLive: c.Channel.MaxLive})
		if fault.Is(err, fault.Throttled) {
			continue
		}
		if err != nil {
			return nil, err
		}
		to.Epoch++
		return &to, nil
	}
	return nil, nil
}

// accountFault takes a channel out when its account is at fault.
func (s *Service) accountFault(ctx context.Context, channelID int64, e *provider.Error) {
	if e.Kind != provider.BadKey && e.Kind != provider.NoCredit {
		return
	}
	err := s.Store.SetChannelStatus(ctx, channelID, channel.Enabled, channel.Broken, e.Error())
	if err == nil {
		s.Log.ErrorContext(ctx, "channel taken out of service", "channel", channelID, "kind", e.Kind, "code", e.Code, "reason", e.Message)
	} else if !fault.Is(err, fault.Conflict) { // somebody else was faster
		s.Log.ErrorContext(ctx, "could not take a channel out of service", "channel", channelID, "err", err)
	}
}

// overtaken goes on when the outcome of a create call could not be recorded.
// If somebody else has moved the task meanwhile, the rescuer because this node
// was slow, their word stands; but an acceptance that we hold settles what they
// could only call unknown.
func (s *Service) overtaken(ctx context.Context, t task.Task, upstreamID string, cause error) (task.Task, error) {
	if !fault.Is(cause, fault.Conflict) {
		return t, s.lost(ctx, t, cause)
	}
	current, err := s.Store.Task(ctx, t.ID)
	if err != nil {
		return t, s.lost(ctx, t, err)
	}
	if upstreamID == "" || current.Status != task.Unknown || current.Ref != t.Ref {
		return current, nil
	}
	to, err := current.Accepted(upstreamID, s.Store.Now())
	if err == nil {
		err = s.record(ctx, task.Change{From: current, To: to})
	}
	if err != nil {
		return current, ignoreMovedOn(err) // whoever was faster knows as much
	}
	to.Epoch++
	return to, nil
}

// lost is the answer when the outcome of a create call could not be recorded:
// an order may exist, and the rescuer will find it.
func (s *Service) lost(ctx context.Context, t task.Task, err error) error {
	s.Log.ErrorContext(ctx, "could not record the outcome of a create call; it will be asked for", "task", t.ID, "err", err)
	f := fault.New(fault.Unavailable, "Task %s was accepted, but its state could not be saved. Ask for it later; do not send it again.", t.ID).
		Named("state_not_saved").After(5 * time.Second).Because(err)
	f.OrderMayExist = true
	return f
}
