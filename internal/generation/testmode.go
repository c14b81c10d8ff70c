package generation

import (
	"context"
	"time"

	"one-api/internal/account"
	"one-api/internal/channel"
	"one-api/internal/fault"
	"one-api/internal/provider"
	"one-api/internal/task"
)

// TestMode is the simulated upstream of test tasks: only they use it, and they
// use nothing else.
type TestMode struct {
	// Channel has the id channel.TestID, the default group, every model, and one
	// key whose ID names this run of the simulator: what it knows is in memory,
	// so a task with another key's ID is another node's, or forgotten.
	Channel *channel.Channel
	// CallbackURL is where the simulator reports an attempt.
	CallbackURL func(taskID string, attempt int) string
}

// testGrace is how long a test task is left to the node that simulates it
// before another node concludes that it is gone.
const testGrace = time.Minute

// channelsFor lists the channels that may serve a task, and the group that they
// are chosen for. Test tasks and real ones never share a channel.
func (s *Service) channelsFor(all []*channel.Channel, t *task.Task, group string) ([]*channel.Channel, string) {
	if !t.Test {
		return all, group
	}
	if s.TestMode == nil {
		return nil, group
	}
	return []*channel.Channel{s.TestMode.Channel}, account.DefaultGroup
}

// testCredential is the credential of a test task, for the node that simulates
// it.
func (s *Service) testCredential(t *task.Task) (provider.Credential, error) {
	if s.TestMode == nil || t.ChannelID != channel.TestID || t.KeyID != s.TestMode.Channel.Keys[0].ID {
		return provider.Credential{}, fault.New(fault.Unavailable, "Another node simulates task %s.", t.ID).Named("channel_gone")
	}
	cred, _ := credential(s.TestMode.Channel, t.KeyID)
	return cred, nil
}

// simulatedElsewhere reports whether a test task is not in this node's
// simulator. Another node's task is left to it for a while; then the task fails.
func (s *Service) simulatedElsewhere(ctx context.Context, t task.Task) (bool, error) {
	if !t.Test {
		return false, nil
	}
	if _, err := s.testCredential(&t); err == nil {
		return false, nil
	}
	if s.Store.Now().Before(t.UpdatedAt.Add(testGrace)) {
		return true, nil
	}
	_, err := s.fail(ctx, t, nil, task.Expired, "The simulated Kling that ran this test task was restarted. Order it again.")
	return true, ignoreMovedOn(err)
}
