package worker

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"one-api/internal/fault"
	"one-api/internal/generation"
	"one-api/internal/provider"
	"one-api/internal/store"
	"one-api/internal/task"
)

const (
	// recoverTick is how soon a node sees that recovery has begun.
	recoverTick = time.Second
	// recoverRounds is in how many rounds an order must be absent everywhere.
	recoverRounds = 3
	// recoverMargin is how much before the backup's last moment upstreams' lists
	// are read: clocks differ.
	recoverMargin = time.Hour
	walkTime      = 10 * time.Minute
)

// recover finds out what happened since the backup that was restored: it reads
// the upstreams' own lists, takes up what bears the id of a task here, notes what
// bears an id of ours without one, and asks for what may have been sent.
func (w *Worker) recover(ctx context.Context) {
	for rest(ctx, recoverTick, nil) {
		v := w.Directory.View()
		if !v.Recovery.Active {
			continue
		}
		if err := w.recoverRound(ctx, v.Recovery.BackupAt.Add(-recoverMargin)); err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "could not go on with recovery", "err", err)
		}
		if !rest(ctx, w.Generations.AbsenceSpan()/(recoverRounds-1), nil) {
			return
		}
	}
}

func (w *Worker) recoverRound(ctx context.Context, since time.Time) error {
	if err := w.Store.RecoveryGone(ctx); err != nil {
		return err
	}
	complete := true
	for _, d := range w.Generations.Upstreams.Drivers() {
		whole, err := w.walk(ctx, d.Name, since)
		if err != nil {
			return err
		}
		complete = complete && whole
	}
	if !complete {
		return nil // absence on some accounts proves nothing
	}
	open, err := w.Store.RecoveryTasks(ctx)
	if err != nil {
		return err
	}
	for _, t := range open {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if t.Status != task.Pending && t.Status != task.Unknown {
			continue // the poller asks, or finds out that nobody sends it
		}
		if err := w.seek(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// walk reads the lists of a provider's accounts and reports whether all were
// read.
func (w *Worker) walk(ctx context.Context, providerName string, since time.Time) (complete bool, err error) {
	ours := regexp.MustCompile(`^(` + regexp.QuoteMeta(task.IDPrefix(providerName)) + `[0-9a-z]{36})(?:-([0-9]{1,3}))?$`)
	complete = true
	problems, tasks, began := map[int64]string{}, map[int64]int{}, map[int64]time.Time{}
	for _, h := range w.Generations.Holders(providerName) {
		id := h.Channel.ID
		if began[id].IsZero() {
			began[id] = w.Store.Now()
		}
		lister, ok := h.Provider.(provider.Lister)
		if !ok {
			problems[id] = "the upstream does not list its tasks"
			continue
		}
		one, cancel := context.WithTimeout(ctx, walkTime)
		listing := lister.List(one, h.Credential, since, func(r provider.Report) error {
			tasks[id]++
			m := ours.FindStringSubmatch(r.Ref)
			if m == nil {
				return nil
			}
			n := 1
			if m[2] != "" {
				n, _ = strconv.Atoi(m[2])
			}
			return w.foundUpstream(ctx, &h, m[1], n, r)
		})
		cancel()
		if listing != nil {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			problems[id] = listing.Error()
		}
	}
	for id, at := range began {
		complete = complete && problems[id] == ""
		if problems[id] != "" {
			w.Log.WarnContext(ctx, "could not read the tasks of a channel", "channel", id, "err", problems[id])
		}
		if err := w.Store.RecoveryWalked(ctx, id, at, tasks[id], problems[id]); err != nil {
			return false, err
		}
	}
	return complete, nil
}

// foundUpstream takes up, or notes, an upstream task that bears an id of ours.
func (w *Worker) foundUpstream(ctx context.Context, h *generation.Holder, taskID string, attempt int, r provider.Report) error {
	f := task.Found{ChannelID: h.Channel.ID, KeyID: h.Key.ID, Ref: r.Ref, Attempt: attempt, UpstreamID: r.UpstreamID}
	t, err := w.Store.Task(ctx, taskID)
	switch {
	case fault.Is(err, fault.NotFound):
		known, err := w.Store.InLedger(ctx, taskID)
		if err != nil || known {
			return err
		}
		return w.orphan(ctx, f, r, "the task was accepted after the backup")
	case err != nil:
		return err
	case t.UpstreamID == r.UpstreamID:
		return nil
	case !t.Status.Terminal() && t.UpstreamID == "":
		return w.Generations.Adopt(ctx, t, f)
	case t.UpstreamID != "":
		return w.orphan(ctx, f, r, "the task is "+t.UpstreamID+" at its upstream")
	case r.Status == provider.Succeeded:
		t.Ref, t.ChannelID, t.KeyID, t.UpstreamID = f.Ref, f.ChannelID, f.KeyID, f.UpstreamID
		return w.Store.AskLate(ctx, t)
	}
	return nil
}

// seek asks every account for a task of the backup by the external ids that it
// may have been sent with since.
func (w *Worker) seek(ctx context.Context, t task.Task) error {
	next := task.Found{Ref: t.ID, Attempt: t.Attempt + 1}
	if next.Attempt > 1 {
		next.Ref += "-" + strconv.Itoa(next.Attempt)
	}
	asked := []task.Found{next}
	if t.Ref != "" {
		asked = append(asked, task.Found{Ref: t.Ref, Attempt: t.Attempt})
	}
	for _, h := range w.Generations.Holders(t.Provider) {
		if !h.CanHave(t.Route) {
			continue
		}
		for _, f := range asked {
			r, err := w.Generations.Ask(ctx, t.Provider, h.Channel.ID, h.Key.ID, provider.TaskRef{Route: t.Route, Ref: f.Ref})
			if err == nil {
				f.ChannelID, f.KeyID, f.UpstreamID = h.Channel.ID, h.Key.ID, r.UpstreamID
				return w.Generations.Adopt(ctx, t, f)
			}
			if provider.AsError(err).Kind != provider.NotFound {
				return nil // it proves nothing; the next round asks again
			}
		}
	}
	span := w.Generations.AbsenceSpan()
	return w.Store.RecoveryAbsent(ctx, t.ID, recoverRounds, span/(2*recoverRounds), span)
}

func (w *Worker) orphan(ctx context.Context, f task.Found, r provider.Report, note string) error {
	w.Log.WarnContext(ctx, "the upstream has a task with an id of ours that is not known here", "channel", f.ChannelID, "ref", f.Ref,
		"upstream_task", f.UpstreamID, "status", r.Status, "note", note)
	return w.Store.NoteOrphan(ctx, store.Orphan{
		ChannelID: f.ChannelID, UpstreamID: f.UpstreamID, Ref: f.Ref, Status: string(r.Status), Costs: r.Costs, Note: note, CreatedAt: r.CreatedAt,
	})
}
