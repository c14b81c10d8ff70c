package generation

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/ledger"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// Dispatch sends a task that waits, or fails it when its time to be sent has
// passed. A task that finds no place goes on waiting.
func (s *Service) Dispatch(ctx context.Context, t task.Task) error {
	if t.Status != task.Pending || s.Directory.View().Recovery.Active {
		return nil
	}
	if lost, err := s.unsettled(ctx, &t); lost || err != nil {
		return err
	}
	if now := s.Store.Now(); !now.Before(t.SendBefore) {
		code, why := task.NoChannel, "No channel was free in time."
		if t.SendBefore.Before(t.CreatedAt.Add(s.Timing.QueueFor)) {
			code, why = task.DeadlinePassed, "The request's own deadline passed before a channel was free."
		}
		_, err := s.fail(ctx, t, nil, code, why)
		return ignoreMovedOn(err)
	}
	faultpoint.Here("generation.dispatch.claimed")
	v := s.Directory.View()
	next, err := s.candidates(v, &t, s.groupOf(v, t.UserID), nil)
	if len(next) == 0 {
		if err != nil {
			s.Log.DebugContext(ctx, "no channel for a waiting task", "task", t.ID, "err", err)
		}
		return nil // its deadline ends it if none ever comes
	}
	begun, err := s.begin(ctx, t, nil, next)
	if err != nil || begun == nil {
		return ignoreMovedOn(err)
	}
	body, err := s.Store.Body(ctx, t.ID)
	if err != nil {
		return err // the rescuer takes it up; nothing was sent
	}
	_, _, err = s.submit(ctx, *begun, body)
	return err
}

// Rescue takes up a task whose create call nobody answers for any more: the
// node died, or could not record the answer. What is not known is unknown.
func (s *Service) Rescue(ctx context.Context, t task.Task) error {
	if t.Status != task.Submitting {
		return nil
	}
	now := s.Store.Now()
	to, err := t.Unsure(now)
	if err != nil {
		return err
	}
	s.Log.WarnContext(ctx, "rescued a task whose create call was never recorded", "task", t.ID, "channel", t.ChannelID, "attempt", t.Attempt)
	return ignoreMovedOn(s.record(ctx, task.Change{From: t, To: to, Attempt: &task.Attempt{
		TaskID: t.ID, N: t.Attempt, ChannelID: t.ChannelID, KeyID: t.KeyID, Ref: t.Ref, Outcome: string(provider.Unsure),
		Message: "the node that sent it did not record an answer", SentAt: t.UpdatedAt, AnsweredAt: now,
	}}))
}

// Check asks the upstream about a task that it has or may have, and records
// what that proves.
func (s *Service) Check(ctx context.Context, t task.Task) error { return s.ask(ctx, t)() }

// ask asks the upstream about a task. What the answer proves is recorded by the
// function that it returns.
func (s *Service) ask(ctx context.Context, t task.Task) (record func() error) {
	p, ok := s.Upstreams.Provider(t.Provider)
	if !ok {
		return func() error { return s.overdue(ctx, t, nil) }
	}
	if gone, err := s.simulatedElsewhere(ctx, t); gone {
		return func() error { return err }
	}
	cred, err := s.Credential(&t)
	if err != nil {
		return func() error { return s.overdue(ctx, t, err) }
	}
	if s.tired(&t) {
		return func() error { return s.overdue(ctx, t, nil) }
	}
	qctx, cancel := context.WithTimeout(ctx, s.Timing.Query)
	defer cancel()
	r, err := p.Query(qctx, cred, Ref(&t))
	s.queried(&t, err)
	if err != nil {
		return func() error { return s.Missed(ctx, t, provider.AsError(err)) }
	}
	return func() error {
		_, err := s.Observe(ctx, t, r)
		return err
	}
}

// queried notes how a query went, however many tasks it asked for. While an
// account refuses queries as too many, it gets none for a while, longer each
// time.
func (s *Service) queried(t *task.Task, err error) {
	if s.Metrics != nil {
		s.Metrics.Upstream(t.Provider, "query", outcomeOf(err))
	}
	c, ok := s.channel(t)
	if !ok {
		return
	}
	var e *provider.Error
	if err != nil {
		if e = provider.AsError(err); e.Kind != provider.Throttled {
			return
		}
	}
	s.Health.note(lane{accountOf(c), queries}, e, s.Store.Now())
}

func outcomeOf(err error) string {
	if err == nil {
		return "answered"
	}
	return string(provider.AsError(err).Kind)
}

// queries is the lane of an account's queries: their rate has nothing to do
// with models.
const queries = ""

// tired reports whether a task's account has asked for fewer queries.
func (s *Service) tired(t *task.Task) bool {
	c, ok := s.channel(t)
	return ok && s.Health.resting(lane{accountOf(c), queries}, s.Store.Now())
}

// Ref names a task at its upstream: by its id there, or by ours while that is
// not known.
func Ref(t *task.Task) provider.TaskRef {
	return provider.TaskRef{Route: t.Route, UpstreamID: t.UpstreamID, Ref: t.Ref}
}

// Observe records what the upstream itself says of a task in answer to our
// query. It is the only way to success, and so to a charge.
func (s *Service) Observe(ctx context.Context, t task.Task, r provider.Report) (task.Task, error) {
	now := s.Store.Now()
	s.answered(ctx, &t)
	r.Message = printable(r.Message)
	if r.Note != "" {
		s.Log.WarnContext(ctx, "odd answer from the upstream", "task", t.ID, "provider", t.Provider, "channel", t.ChannelID, "note", r.Note)
	}
	to := t
	var err error
	if t.Status == task.Unknown || t.Status == task.Submitting {
		if r.UpstreamID == "" {
			return t, s.overdue(ctx, t, nil)
		}
		if to, err = to.Accepted(r.UpstreamID, now); err != nil {
			return t, err
		}
		s.Log.InfoContext(ctx, "found a task whose create call had no answer", "task", t.ID, "upstream_task", r.UpstreamID)
	}
	var entry *ledger.Entry
	switch r.Status {
	case provider.Succeeded:
		var e ledger.Entry
		if to, e, err = to.Succeed(task.Outcome{Assets: r.Assets, Result: r.Result, Costs: r.Costs}, now); err != nil {
			return t, s.overdue(ctx, t, err)
		}
		entry = &e
	case provider.Failed:
		var e ledger.Entry
		to.Costs, to.Result = r.Costs, r.Result
		if to, e, err = to.Fail(task.UpstreamFailed, r.Message, now); err != nil {
			return t, err
		}
		entry = &e
	case provider.Processing:
		if to.Status == task.Submitted {
			if to, err = to.Works(now); err != nil {
				return t, err
			}
		}
	}
	if !to.Status.Terminal() && !now.Before(t.DeadlineAt) {
		return s.expire(ctx, t)
	}
	if to.Status == t.Status {
		if t.Absences == 0 {
			return t, nil
		}
		to = to.Present(now) // absences count in a row only
	}
	c := task.Change{From: t, To: to, Settle: entry}
	if entry != nil {
		c.Event = s.event(&to)
	}
	if entry != nil {
		faultpoint.Here("generation.observe.before-settle")
	}
	if err := s.record(ctx, c); err != nil {
		if err = ignoreMovedOn(err); err != nil && !fault.Is(err, fault.Unavailable) {
			err = s.overdue(ctx, t, err) // what cannot be recorded must not hold the money for ever
		}
		return t, err
	}
	to.Epoch++
	if entry != nil {
		s.billed(ctx, &to)
	}
	return to, nil
}

// longestMessage bounds what is kept of an upstream's text.
const longestMessage = 2000

// printable makes an upstream's text fit for any database.
func printable(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if r := []rune(text); len(r) > longestMessage {
		text = string(r[:longestMessage])
	}
	return text
}

// Missed records a query that brought no report: a definite absence counts,
// anything else proves nothing.
func (s *Service) Missed(ctx context.Context, t task.Task, e *provider.Error) error {
	if e.Kind == provider.BadKey || e.Kind == provider.NoCredit {
		s.accountFault(ctx, t.ChannelID, e)
	}
	if e.Kind != provider.NotFound {
		s.Log.WarnContext(ctx, "a query had no usable answer", "task", t.ID, "provider", t.Provider, "channel", t.ChannelID, "err", e)
		return s.overdue(ctx, t, nil)
	}
	if t.UpstreamID != "" {
		s.answered(ctx, &t)
	}
	now := s.Store.Now()
	to := t.Absent(now)
	span := s.Timing.VanishSpan
	if t.Status == task.Unknown {
		span = max(s.Timing.AbsenceSpan, 2*s.Timing.CreateTimeout)
	}
	if to.Absences < leastAbsences || now.Sub(to.FirstAbsentAt) < span {
		if err := s.record(ctx, task.Change{From: t, To: to}); err != nil {
			return ignoreMovedOn(err)
		}
		to.Epoch++
		return s.overdue(ctx, to, nil)
	}
	if t.Status == task.Unknown {
		return s.absent(ctx, t)
	}
	_, err := s.fail(ctx, t, nil, task.Expired, "The upstream no longer knows the task.")
	return ignoreMovedOn(err)
}

// absent goes on after proof that the upstream does not have the order: it is
// sent once more on the same channel with the same external id, so that an
// upstream which had it after all refuses the second; or it fails.
func (s *Service) absent(ctx context.Context, t task.Task) error {
	v := s.Directory.View()
	if v.Recovery.Active {
		return nil // it may have been sent elsewhere since the backup
	}
	if lost, err := s.unsettled(ctx, &t); lost || err != nil {
		return err
	}
	if t.Resent || !v.Settings.ResendAfterAbsence || !s.Store.Now().Before(t.DeadlineAt) {
		_, err := s.fail(ctx, t, nil, task.Unproven, "The upstream never received the order.")
		return ignoreMovedOn(err)
	}
	body, err := s.Store.Body(ctx, t.ID)
	if err != nil {
		return err
	}
	to, err := t.Resend(s.Timing.Timing, s.Store.Now())
	if err != nil {
		return err
	}
	if err := s.record(ctx, task.Change{From: t, To: to}); err != nil {
		return ignoreMovedOn(err)
	}
	to.Epoch++
	s.Log.WarnContext(ctx, "sending again after proof of absence", "task", t.ID, "channel", t.ChannelID, "ref", t.Ref)
	_, _, err = s.submit(ctx, to, body)
	return err
}

// overdue ends a task whose deadline has passed without an outcome.
func (s *Service) overdue(ctx context.Context, t task.Task, why error) error {
	if s.Store.Now().Before(t.DeadlineAt) || s.Directory.View().Recovery.Active {
		return why
	}
	_, err := s.expire(ctx, t)
	return err
}

func (s *Service) expire(ctx context.Context, t task.Task) (task.Task, error) {
	to, err := s.fail(ctx, t, nil, task.Expired, "The upstream gave no outcome in time.")
	return to, ignoreMovedOn(err)
}

// Cancel ends a task that has not been sent. Conflict means that it has been.
func (s *Service) Cancel(ctx context.Context, t task.Task) (task.Task, error) {
	if t.Status != task.Pending {
		return t, fault.New(fault.Conflict, "Task %s is %s; only a pending task can be cancelled.", t.ID, t.Status.Public()).Named("not_pending")
	}
	return s.fail(ctx, t, nil, task.Cancelled, "Cancelled before it was sent.")
}

// ignoreMovedOn drops the Conflict of a step that somebody else took first:
// their step is as good as ours.
func ignoreMovedOn(err error) error {
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// recordsAtOnce is how many tasks of one answer are recorded side by side. The
// writer's queue is for orders too.
const recordsAtOnce = 8

// CheckBatch asks about several tasks of one credential in one call. A task
// that the answer leaves out is asked for by itself: only that proves absence.
func (s *Service) CheckBatch(ctx context.Context, b provider.BatchQuerier, cred provider.Credential, tasks []task.Task) error {
	refs := make([]provider.TaskRef, len(tasks))
	for i := range tasks {
		refs[i] = Ref(&tasks[i])
	}
	if s.tired(&tasks[0]) {
		var errs []error
		for _, t := range tasks {
			errs = append(errs, s.overdue(ctx, t, nil))
		}
		return errors.Join(errs...)
	}
	qctx, cancel := context.WithTimeout(ctx, s.Timing.Query)
	reports, err := b.QueryBatch(qctx, cred, refs)
	cancel()
	s.queried(&tasks[0], err)
	// Each record waits for a commit; side by side they share one.
	errs := make([]error, len(tasks))
	places := make(chan struct{}, recordsAtOnce)
	var wg sync.WaitGroup
	for i, t := range tasks {
		record := func() error { return s.Missed(ctx, t, provider.AsError(err)) }
		if e := provider.AsError(err); err != nil && e.Kind == provider.Unanswered && e.HTTPStatus != 0 {
			record = s.ask(ctx, t) // the host answers: it may know single tasks and no lists
		} else if err == nil {
			if r, ok := reports[t.UpstreamID]; ok {
				record = func() error {
					_, err := s.Observe(ctx, t, r)
					return err
				}
			} else {
				record = s.ask(ctx, t) // one at a time, as the upstream may expect of us
			}
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() {
				<-places
				// The caller cannot catch what happens here.
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			errs[i] = record()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
