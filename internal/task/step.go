package task

import (
	"strconv"
	"time"

	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/video"
)

// Timing are the waits that the steps need. A zero field takes Defaults'.
type Timing struct {
	CreateTimeout time.Duration // longest wait for a create call's answer
	Lease         time.Duration // added to CreateTimeout before others may act on a submitting task
}

// Begin starts the next attempt on a channel: pending → submitting, or
// submitting → submitting after a definite refusal. The external id of the
// first attempt is the task's id, of attempt n it is "<task id>-<n>".
func (t Task) Begin(channelID int64, keyID string, tm Timing, now time.Time) (Task, error) {
	if t.Status != Pending && t.Status != Submitting {
		return t, t.illegal("sent")
	}
	t.Status = Submitting
	t.Attempt++
	t.Ref = t.ID
	if t.Attempt > 1 {
		t.Ref += "-" + strconv.Itoa(t.Attempt)
	}
	t.Resent = false
	t.ChannelID, t.KeyID, t.UpstreamID = channelID, keyID, ""
	t.Checks, t.Absences, t.FirstAbsentAt = 0, 0, time.Time{}
	t.NextCheckAt = now.Add(tm.CreateTimeout + tm.Lease)
	t.UpdatedAt = now
	return t, nil
}

// Resend sends the same attempt once more, with the same external id, after
// proof that the upstream does not have it: unknown → submitting.
func (t Task) Resend(tm Timing, now time.Time) (Task, error) {
	if t.Status != Unknown || t.Resent {
		return t, t.illegal("sent again")
	}
	t.Status, t.Resent = Submitting, true
	t.Checks, t.Absences, t.FirstAbsentAt = 0, 0, time.Time{}
	t.NextCheckAt = now.Add(tm.CreateTimeout + tm.Lease)
	t.UpdatedAt = now
	return t, nil
}

// Wait puts a task back in the queue after a definite refusal that time or
// another channel may cure: submitting → pending.
func (t Task) Wait(until, now time.Time) (Task, error) {
	if t.Status != Submitting {
		return t, t.illegal("queued")
	}
	t.Status = Pending
	t.ChannelID, t.KeyID = 0, ""
	t.NextCheckAt, t.UpdatedAt = until, now
	return t, nil
}

// Accepted records the upstream's id: submitting or unknown → submitted.
func (t Task) Accepted(upstreamID string, now time.Time) (Task, error) {
	if t.Status != Submitting && t.Status != Unknown {
		return t, t.illegal("submitted")
	}
	t.Status, t.UpstreamID = Submitted, upstreamID
	t.Checks, t.Absences, t.FirstAbsentAt = 0, 0, time.Time{}
	t.SubmittedAt, t.UpdatedAt = now, now
	t.NextCheckAt = now.Add(PollGap(0))
	return t, nil
}

// Unsure records that nobody knows how the create call ended: submitting →
// unknown. The first question by external id is due at once.
func (t Task) Unsure(now time.Time) (Task, error) {
	if t.Status != Submitting {
		return t, t.illegal("unknown")
	}
	t.Status = Unknown
	t.Checks, t.Absences, t.FirstAbsentAt = 0, 0, time.Time{}
	t.NextCheckAt, t.UpdatedAt = now.Add(2*time.Second), now
	return t, nil
}

// Found is an order at an upstream that bears a task's external id.
type Found struct {
	ChannelID  int64
	KeyID      string
	Ref        string
	Attempt    int
	UpstreamID string
}

// Adopt records an order that was found at an upstream after the row had lost
// track of it: pending, submitting or unknown → submitted, wherever it is.
func (t Task) Adopt(f Found, now time.Time) (Task, error) {
	if t.Status != Pending && t.Status != Submitting && t.Status != Unknown || f.UpstreamID == "" {
		return t, t.illegal("adopted")
	}
	t.Status = Submitted
	t.ChannelID, t.KeyID, t.Ref, t.Attempt, t.UpstreamID = f.ChannelID, f.KeyID, f.Ref, f.Attempt, f.UpstreamID
	t.Resent = false
	t.Checks, t.Absences, t.FirstAbsentAt = 0, 0, time.Time{}
	t.SubmittedAt, t.UpdatedAt, t.NextCheckAt = now, now, now
	return t, nil
}

// Absent counts a definite "no such task".
func (t Task) Absent(now time.Time) Task {
	if t.Absences == 0 {
		t.FirstAbsentAt = now
	}
	t.Absences++
	t.UpdatedAt, t.NextCheckAt = now, now.Add(PollGap(t.Checks))
	return t
}

// Present forgets absences: the upstream knows the task after all.
func (t Task) Present(now time.Time) Task {
	t.Absences, t.FirstAbsentAt = 0, time.Time{}
	t.UpdatedAt, t.NextCheckAt = now, now.Add(PollGap(t.Checks))
	return t
}

// Works records that the upstream works on it: submitted → processing.
func (t Task) Works(now time.Time) (Task, error) {
	if t.Status != Submitted {
		return t, t.illegal("processing")
	}
	t.Status = Processing
	t.Absences, t.FirstAbsentAt = 0, time.Time{}
	t.UpdatedAt = now
	t.NextCheckAt = now.Add(PollGap(t.Checks))
	return t, nil
}

// UpstreamMemo begins the memo of a capture; the upstream's id follows.
const UpstreamMemo = "upstream task "

// Outcome is a success as the upstream's own answer proves it.
type Outcome struct {
	Assets []video.Asset
	Result []byte
	Costs  []video.Cost
}

// Succeed ends a task with its result and captures the hold.
func (t Task) Succeed(o Outcome, now time.Time) (Task, ledger.Entry, error) {
	if t.Status.Terminal() || t.UpstreamID == "" || len(o.Assets) == 0 {
		return t, ledger.Entry{}, t.illegal("succeeded")
	}
	t.Status = Succeeded
	t.VideoID, t.StoreURL = o.Assets[0].ID, o.Assets[0].URL
	t.Result, t.Costs = o.Result, o.Costs
	t.Charged = t.Quota
	t.end(now)
	e := ledger.Capture(t.Order(), t.Charged, now)
	e.Memo = UpstreamMemo + t.UpstreamID // the ledger outlives the row
	return t, e, nil
}

// Fail ends a task without charge and releases the hold.
func (t Task) Fail(code FailCode, reason string, now time.Time) (Task, ledger.Entry, error) {
	if t.Status.Terminal() {
		return t, ledger.Entry{}, t.illegal("failed")
	}
	t.Status, t.FailCode, t.FailReason = Failed, code, reason
	t.Charged = money.Quota(0)
	t.end(now)
	return t, ledger.Release(t.Order(), now), nil
}

func (t *Task) end(now time.Time) {
	t.FinishedAt, t.UpdatedAt, t.NextCheckAt = now, now, time.Time{}
}

// pollGaps are the waits between polls while the state does not change; the
// last one repeats.
var pollGaps = []time.Duration{
	5 * time.Second, 5 * time.Second, 10 * time.Second, 10 * time.Second,
	20 * time.Second, 30 * time.Second, 60 * time.Second,
}

// PollGap is the wait before the next poll after n polls; claims add jitter.
func PollGap(n int) time.Duration { return pollGaps[min(n, len(pollGaps)-1)] }
