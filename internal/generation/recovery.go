package generation

import (
	"context"
	"time"

	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// recovering refuses orders while the gateway finds out what happened since the
// backup that it was restored from.
func (s *Service) recovering() error {
	if !s.Directory.View().Recovery.Active {
		return nil
	}
	return fault.New(fault.Unavailable, "The gateway was restored from a backup and takes no orders until it has caught up. Nothing was charged; try again later.").
		Named("recovering").After(time.Minute)
}

// answered notes that the upstream has told what it knows of a task of the
// backup.
func (s *Service) answered(ctx context.Context, t *task.Task) {
	if t.Test || !s.Directory.View().Recovery.Active {
		return
	}
	if err := s.Store.RecoveryAnswered(ctx, t.ID); err != nil {
		s.Log.WarnContext(ctx, "could not note that a task of the backup was asked for; it will be asked for again", "task", t.ID, "err", err)
	}
}

// unsettled ends a task of the backup of which nobody knows whether it was sent
// after it: recovery was ended before that was found out. It reports whether the
// task was one.
func (s *Service) unsettled(ctx context.Context, t *task.Task) (bool, error) {
	if t.Test || s.Directory.View().Recovery.Unsettled == 0 {
		return false, nil
	}
	lost, err := s.Store.Unsettled(ctx, t.ID)
	if err != nil || !lost {
		return false, err
	}
	_, err = s.fail(ctx, *t, nil, task.Unproven, "The gateway was restored from a backup, and nobody knows whether the order had been sent.")
	return true, ignoreMovedOn(err)
}

// Adopt takes up an order that an upstream has under a task's external id.
func (s *Service) Adopt(ctx context.Context, t task.Task, f task.Found) error {
	to, err := t.Adopt(f, s.Store.Now())
	if err == nil {
		err = s.record(ctx, task.Change{From: t, To: to})
	}
	if err != nil {
		return ignoreMovedOn(err)
	}
	s.Log.InfoContext(ctx, "adopted an order that was sent after the backup", "task", t.ID, "channel", f.ChannelID, "ref", f.Ref, "upstream_task", f.UpstreamID)
	s.answered(ctx, &t)
	return nil
}

// AbsenceSpan is the least time over which absence of an order whose sending is
// not known is proved.
func (s *Service) AbsenceSpan() time.Duration {
	return max(s.Timing.AbsenceSpan, 2*s.Timing.CreateTimeout)
}

// Holder is a place where an order of a route may be.
type Holder struct {
	Channel    *channel.Channel
	Key        channel.Key
	Provider   provider.Provider
	Credential provider.Credential
}

// Holders lists all accounts of a provider, whatever their state.
func (s *Service) Holders(providerName string) []Holder {
	d, ok := s.Upstreams.Driver(providerName)
	if !ok {
		return nil
	}
	p, _ := s.Upstreams.Provider(providerName)
	var out []Holder
	for _, c := range s.Directory.View().Channels {
		if c.Type != d.ChannelType {
			continue
		}
		for _, k := range c.Keys {
			out = append(out, Holder{c, k, p, provider.Credential{BaseURL: c.BaseURL, Key: k.Text}})
		}
	}
	return out
}

// CanHave reports whether an order of a route can be in the account.
func (h *Holder) CanHave(route string) bool {
	k, ok := h.Provider.(provider.KeyChecker)
	return !ok || k.CanServe(h.Key.Text, route)
}
