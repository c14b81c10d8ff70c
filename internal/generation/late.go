package generation

import (
	"context"
	"time"

	"one-api/internal/provider"
	"one-api/internal/task"
)

// late plans how a task that failed is still asked for: its create call was
// sent, and what became of it was never settled. nil means that nothing can
// come of it.
func (s *Service) late(t *task.Task) *task.Late {
	if t.Test || t.Attempt == 0 || t.ChannelID == 0 || s.Timing.LateFor <= 0 || t.FailCode != task.Expired && t.FailCode != task.Unproven {
		return nil
	}
	return &task.Late{First: t.FinishedAt.Add(s.Timing.LateGap), Until: t.FinishedAt.Add(s.Timing.LateFor)}
}

// Ask makes one query on a channel and records nothing. The error is a
// *provider.Error.
func (s *Service) Ask(ctx context.Context, providerName string, channelID int64, keyID string, ref provider.TaskRef) (provider.Report, error) {
	p, ok := s.Upstreams.Provider(providerName)
	if !ok {
		return provider.Report{}, &provider.Error{Kind: provider.Unanswered, Message: "the provider is not built in"}
	}
	c, ok := s.Directory.View().Channel(channelID)
	if !ok {
		return provider.Report{}, &provider.Error{Kind: provider.Unanswered, Message: "the channel is gone"}
	}
	cred, ok := credential(c, keyID)
	if !ok {
		return provider.Report{}, &provider.Error{Kind: provider.Unanswered, Message: "the channel has no key"}
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.Timing.Query, time.Second))
	defer cancel()
	return p.Query(ctx, cred, ref)
}
