package task_test

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"one-api/internal/fault"
	"one-api/internal/ledger"
	"one-api/internal/money"
	"one-api/internal/task"
	"one-api/internal/video"
)

var (
	start  = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	timing = task.Timing{CreateTimeout: 30 * time.Second, Lease: 20 * time.Second}
)

func newTask() task.Task {
	return task.Task{
		ID: "kling_1", UserID: 7, TokenID: 3, Quota: 300_000, Status: task.Pending, Epoch: 5, NextCheckAt: start,
		CreatedAt: start, UpdatedAt: start, DeadlineAt: start.Add(24 * time.Hour), SendBefore: start.Add(15 * time.Minute),
	}
}

func success() task.Outcome {
	return task.Outcome{Assets: []video.Asset{{ID: "v1", URL: "https://cdn.example/v1.mp4"}}, Result: []byte(`{"videos":[]}`)}
}

// machine runs steps on a task beside a model of what may happen: allowed says
// in which states each step exists.
type machine struct {
	task    task.Task
	now     time.Time
	resent  bool
	settles []ledger.Entry
}

// allowed is the table of states of reliability.md, by the step's name.
var allowed = map[string][]task.Status{
	"begin":    {task.Pending, task.Submitting},
	"resend":   {task.Unknown}, // and only once an attempt
	"wait":     {task.Submitting},
	"accepted": {task.Submitting, task.Unknown},
	"unsure":   {task.Submitting},
	"works":    {task.Submitted},
	"succeed":  {task.Submitted, task.Processing},
	"fail":     task.Live,
}

// leadsTo is where each step ends.
var leadsTo = map[string]task.Status{
	"begin": task.Submitting, "resend": task.Submitting, "wait": task.Pending, "accepted": task.Submitted,
	"unsure": task.Unknown, "works": task.Processing, "succeed": task.Succeeded, "fail": task.Failed,
}

func (m *machine) step(t *rapid.T, name string, f func(task.Task) (task.Task, *ledger.Entry, error)) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "ms")) * time.Millisecond)
	from := m.task
	to, entry, err := f(from)
	legal := slices.Contains(allowed[name], from.Status) && (name != "resend" || !m.resent)
	if legal != (err == nil) {
		t.Fatalf("%s from %s: err = %v, legal %t", name, from.Status, err, legal)
	}
	if err != nil {
		if !fault.Is(err, fault.Conflict) {
			t.Fatalf("%s from %s: %v is no Conflict", name, from.Status, err)
		}
		if diff := cmp.Diff(from, to); diff != "" {
			t.Fatalf("%s from %s was refused and changed the task:\n%s", name, from.Status, diff)
		}
		if entry != nil && len(entry.Postings) > 0 {
			t.Fatalf("%s from %s was refused and moves money", name, from.Status)
		}
		return
	}
	if to.Status != leadsTo[name] {
		t.Fatalf("%s from %s leads to %s", name, from.Status, to.Status)
	}
	if from.Status.Terminal() {
		t.Fatalf("%s left the terminal state %s", name, from.Status)
	}
	if (entry != nil) != to.Status.Terminal() {
		t.Fatalf("%s to %s: settle entry %v", name, to.Status, entry)
	}
	if entry != nil {
		m.settles = append(m.settles, *entry)
	}
	switch name {
	case "begin":
		m.resent = false
		if to.Attempt != from.Attempt+1 {
			t.Fatalf("attempt %d follows %d", to.Attempt, from.Attempt)
		}
	case "resend":
		m.resent = true
		if to.Attempt != from.Attempt || to.Ref != from.Ref || to.ChannelID != from.ChannelID || to.KeyID != from.KeyID {
			t.Fatalf("sent again as attempt %d %q on %d, was %d %q on %d", to.Attempt, to.Ref, to.ChannelID, from.Attempt, from.Ref, from.ChannelID)
		}
	default:
		if to.Attempt != from.Attempt || to.Ref != from.Ref {
			t.Fatalf("%s changed the attempt to %d %q", name, to.Attempt, to.Ref)
		}
	}
	m.task = to
}

// check holds after every step.
func (m *machine) check(t *rapid.T) {
	x := &m.task
	if x.Epoch != 5 {
		t.Fatalf("a step changed the epoch to %d; it is the guard of the step and only store raises it", x.Epoch)
	}
	if x.ID != "kling_1" || x.UserID != 7 || x.TokenID != 3 || x.Quota != 300_000 || !x.CreatedAt.Equal(start) || !x.DeadlineAt.Equal(start.Add(24*time.Hour)) {
		t.Fatalf("a step changed what never changes: %+v", x)
	}
	if x.Status.Terminal() != (len(m.settles) == 1) || len(m.settles) > 1 {
		t.Fatalf("%s with %d settle entries", x.Status, len(m.settles))
	}
	if x.Status.Terminal() != x.NextCheckAt.IsZero() || x.Status.Terminal() == x.FinishedAt.IsZero() {
		t.Fatalf("%s with next check %v and end %v", x.Status, x.NextCheckAt, x.FinishedAt)
	}
	wantRef := ""
	switch {
	case x.Attempt == 1:
		wantRef = x.ID
	case x.Attempt > 1:
		wantRef = fmt.Sprintf("%s-%d", x.ID, x.Attempt)
	}
	if x.Ref != wantRef {
		t.Fatalf("attempt %d is called %q, want %q", x.Attempt, x.Ref, wantRef)
	}
	onChannel := x.Status != task.Pending && x.Status != task.Failed
	if onChannel && (x.ChannelID == 0 || x.KeyID == "") || x.Status == task.Pending && x.ChannelID != 0 {
		t.Fatalf("%s on channel %d with key %q", x.Status, x.ChannelID, x.KeyID)
	}
	known := x.Status == task.Submitted || x.Status == task.Processing || x.Status == task.Succeeded
	if known && x.UpstreamID == "" || (x.Status == task.Submitting || x.Status == task.Unknown) && x.UpstreamID != "" {
		t.Fatalf("%s with upstream id %q", x.Status, x.UpstreamID)
	}
	if charged := x.Charged > 0; charged != (x.Status == task.Succeeded) || x.Charged > x.Quota {
		t.Fatalf("%s charged %d of %d", x.Status, x.Charged, x.Quota)
	}
	if x.Status == task.Submitting && x.NextCheckAt.Sub(x.UpdatedAt) != timing.CreateTimeout+timing.Lease {
		t.Fatalf("others may act on a submitting task after %s", x.NextCheckAt.Sub(x.UpdatedAt))
	}
	if (x.Status == task.Failed) != (x.FailCode != "") {
		t.Fatalf("%s with fail code %q", x.Status, x.FailCode)
	}
	if len(m.settles) == 1 {
		total := map[ledger.Account]money.Quota{}
		for _, e := range append([]ledger.Entry{ledger.Hold(x.Order(), start)}, m.settles...) {
			for _, p := range e.Postings {
				total[p.From] -= p.Amount
				total[p.To] += p.Amount
			}
		}
		if got := total[ledger.UserAccount(7, ledger.Available, false)]; got != -x.Charged || total[ledger.UserAccount(7, ledger.Held, false)] != 0 {
			t.Fatalf("%s: the user's change is %d, charged %d", x.Status, got, x.Charged)
		}
	}
}

func TestEverySequenceOfStepsKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{task: newTask(), now: start}
		plain := func(f func(task.Task) (task.Task, error)) func(task.Task) (task.Task, *ledger.Entry, error) {
			return func(x task.Task) (task.Task, *ledger.Entry, error) {
				to, err := f(x)
				return to, nil, err
			}
		}
		settling := func(to task.Task, e ledger.Entry, err error) (task.Task, *ledger.Entry, error) {
			if err != nil && e.Kind == "" {
				return to, nil, err
			}
			return to, &e, err
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				channel := rapid.Int64Range(1, 3).Draw(t, "channel")
				m.step(t, "begin", plain(func(x task.Task) (task.Task, error) { return x.Begin(channel, "k1", timing, m.now) }))
			},
			"resend": func(t *rapid.T) {
				m.step(t, "resend", plain(func(x task.Task) (task.Task, error) { return x.Resend(timing, m.now) }))
			},
			"wait": func(t *rapid.T) {
				m.step(t, "wait", plain(func(x task.Task) (task.Task, error) { return x.Wait(m.now.Add(time.Second), m.now) }))
			},
			"accepted": func(t *rapid.T) {
				m.step(t, "accepted", plain(func(x task.Task) (task.Task, error) { return x.Accepted("up-1", m.now) }))
			},
			"unsure": func(t *rapid.T) {
				m.step(t, "unsure", plain(func(x task.Task) (task.Task, error) { return x.Unsure(m.now) }))
			},
			"works": func(t *rapid.T) {
				m.step(t, "works", plain(func(x task.Task) (task.Task, error) { return x.Works(m.now) }))
			},
			"absent": func(t *rapid.T) {
				if m.task.Status != task.Unknown && m.task.Status != task.Submitted && m.task.Status != task.Processing {
					t.Skip("nobody asks")
				}
				was := m.task
				m.task = m.task.Absent(m.now)
				if m.task.Absences != was.Absences+1 || m.task.Status != was.Status || m.task.FirstAbsentAt.IsZero() {
					t.Fatalf("an absence made %+v of %+v", m.task, was)
				}
				if was.Absences > 0 && !m.task.FirstAbsentAt.Equal(was.FirstAbsentAt) {
					t.Fatal("a later absence moved the first one")
				}
			},
			"succeed": func(t *rapid.T) {
				m.step(t, "succeed", func(x task.Task) (task.Task, *ledger.Entry, error) { return settling(x.Succeed(success(), m.now)) })
			},
			"fail": func(t *rapid.T) {
				m.step(t, "fail", func(x task.Task) (task.Task, *ledger.Entry, error) {
					return settling(x.Fail(task.Expired, "why", m.now))
				})
			},
			"": m.check,
		})
	})
}

func must(t *testing.T, x task.Task, err error) task.Task {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func submitted(t *testing.T) task.Task {
	t.Helper()
	x, err := newTask().Begin(1, "k1", timing, start)
	must(t, x, err)
	x, err = x.Accepted("up-1", start)
	return must(t, x, err)
}

func TestASuccessWithoutAResultIsNone(t *testing.T) {
	x := submitted(t)
	if _, _, err := x.Succeed(task.Outcome{Result: []byte(`{}`)}, start); err == nil {
		t.Error("a task succeeded without an asset")
	}
}

func TestSucceedRecordsTheFirstAsset(t *testing.T) {
	o := success()
	o.Assets = append(o.Assets, video.Asset{ID: "v2", URL: "https://cdn.example/v2.mp4"})
	o.Costs = []video.Cost{{Unit: "video_unit", Amount: "2.5"}}
	end := start.Add(time.Minute)
	x, e, err := submitted(t).Succeed(o, end)
	if err != nil {
		t.Fatal(err)
	}
	if x.VideoID != "v1" || x.StoreURL != "https://cdn.example/v1.mp4" || string(x.Result) != `{"videos":[]}` || !x.FinishedAt.Equal(end) {
		t.Errorf("recorded %+v", x)
	}
	if diff := cmp.Diff(o.Costs, x.Costs); diff != "" {
		t.Error(diff)
	}
	if e.Kind != ledger.KindCapture || e.TaskID != x.ID || x.Charged != x.Quota {
		t.Errorf("captured %d by %+v", x.Charged, e)
	}
}

func TestFailReleasesAndSaysWhy(t *testing.T) {
	x, e, err := submitted(t).Fail(task.UpstreamFailed, "moderation", start)
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != ledger.KindRelease || x.Charged != 0 || x.FailCode != task.UpstreamFailed || x.FailReason != "moderation" {
		t.Errorf("failed as %+v with %s", x, e.Kind)
	}
}

func TestANewStateForgetsAbsences(t *testing.T) {
	x := submitted(t).Absent(start).Absent(start.Add(time.Minute))
	if x.Absences != 2 || !x.FirstAbsentAt.Equal(start) {
		t.Fatalf("absences %d since %v", x.Absences, x.FirstAbsentAt)
	}
	x, err := x.Works(start.Add(2 * time.Minute))
	if must(t, x, err); x.Absences != 0 || !x.FirstAbsentAt.IsZero() {
		t.Errorf("the upstream knows the task and %d absences stay", x.Absences)
	}
}

func TestPublicWords(t *testing.T) {
	for s, want := range map[task.Status]string{
		task.Pending: "pending", task.Submitting: "submitted", task.Unknown: "submitted", task.Submitted: "submitted",
		task.Processing: "processing", task.Succeeded: "succeed", task.Failed: "failed",
	} {
		if got := s.Public(); got != want {
			t.Errorf("%s is shown as %s, want %s", s, got, want)
		}
		if s.Terminal() == slices.Contains(task.Live, s) {
			t.Errorf("%s is both terminal and live, or neither", s)
		}
	}
}

func TestPollGap(t *testing.T) {
	want := []time.Duration{5, 5, 10, 10, 20, 30, 60, 60}
	for n, w := range want {
		if got := task.PollGap(n); got != w*time.Second {
			t.Errorf("PollGap(%d) = %s, want %s", n, got, w*time.Second)
		}
	}
	if got := task.PollGap(1 << 30); got != time.Minute {
		t.Errorf("PollGap of many = %s", got)
	}
}

func TestIDsSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, 1<<47).Draw(t, "a")
		b := rapid.Int64Range(a+1, 1<<48-1).Draw(t, "b")
		x, y := task.NewID("kling_", time.UnixMilli(a)), task.NewID("kling_", time.UnixMilli(b))
		if at, err := task.TimeOf("kling_", x); err != nil || at.UnixMilli() != a {
			t.Fatalf("%s was made at %s, %v, want %d", x, at, err, a)
		}
		if x >= y {
			t.Fatalf("%s of %d does not come before %s of %d", x, a, y, b)
		}
	})
}

func TestIDsHave128RandomBits(t *testing.T) {
	enc := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	seen := map[string]bool{}
	ones, zeros := make([]byte, 16), bytes.Repeat([]byte{0xff}, 16)
	const n = 2000
	for range n {
		id := task.NewID(task.IDPrefix("kling"), start)
		rest, ok := strings.CutPrefix(id, "kling_")
		if !ok || len(rest) != 36 {
			t.Fatalf("id %q has %d characters behind its prefix, want 36", id, len(rest))
		}
		random, err := enc.DecodeString(rest[10:])
		if err != nil || len(random) != 16 {
			t.Fatalf("id %q: %d random bytes, %v", id, len(random), err)
		}
		for i, b := range random {
			ones[i] |= b
			zeros[i] &= b
		}
		seen[id] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d ids of one millisecond are different", len(seen), n)
	}
	if !bytes.Equal(ones, bytes.Repeat([]byte{0xff}, 16)) || !bytes.Equal(zeros, make([]byte, 16)) {
		t.Errorf("some of the 128 bits never change: set %x, clear %x", ones, zeros)
	}
}
