package worker

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"one-api/internal/fault"
	"one-api/internal/faultpoint"
	"one-api/internal/provider"
	"one-api/internal/task"
)

const (
	// claimAtOnce is the most tasks taken in one claim.
	claimAtOnce = 200
	// claimGap is the longest wait between claims; a due task is late by at
	// most this much.
	claimGap = time.Second
	// claimPause is the least wait after a claim that found few: each claim is a
	// transaction, and tasks that fall due together share calls.
	claimPause = 200 * time.Millisecond
	// laneWorkers is how many calls run at once for one channel.
	laneWorkers = 16
	// dispatchWorkers send the tasks that waited for a channel; each may hang
	// as long as a create call may.
	dispatchWorkers = 64
	// laneQueue is how many tasks may wait for a channel's workers. What does
	// not fit was leased by the claim and comes again, when the lane is half
	// empty if it is among the first laneLeft; so a slow channel never holds up
	// another.
	laneQueue = 2000
	laneLeft  = 4 * laneQueue
	// nudgeWorkers read the tasks that callbacks ask for.
	nudgeWorkers = 8
)

// poll claims due tasks and hands them to their channel's lane.
func (w *Worker) poll(ctx context.Context) {
	lanes := &lanes{worker: w, ctx: ctx, byChannel: map[int64]chan task.Task{}, waiting: map[string]int64{}}
	defer lanes.close()
	var nudging sync.WaitGroup
	for range nudgeWorkers {
		nudging.Go(func() { w.nudged(ctx, lanes) })
	}
	defer nudging.Wait()
	for failing := false; ; {
		tasks, err := w.Store.ClaimDue(ctx, claimAtOnce)
		if err != nil && ctx.Err() == nil && !failing {
			w.Log.ErrorContext(ctx, "could not claim due tasks", "err", err)
		}
		failing = err != nil
		for _, t := range tasks {
			lanes.put(t)
		}
		if len(tasks) == claimAtOnce && ctx.Err() == nil {
			continue
		}
		if !rest(ctx, w.untilDue(ctx), nil) {
			return
		}
	}
}

// untilDue is how long to wait before the next claim.
func (w *Worker) untilDue(ctx context.Context) time.Duration {
	at, ok, err := w.Store.NextDue(ctx)
	if err != nil || !ok {
		return claimGap
	}
	return min(claimGap, max(claimPause, at.Sub(w.Store.Now())))
}

// nudged serves Nudge.
func (w *Worker) nudged(ctx context.Context, l *lanes) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-w.nudges:
			if l.waits(id) {
				continue // upstreams repeat their callbacks
			}
			t, err := w.Store.Task(ctx, id)
			if err != nil || t.Status.Terminal() {
				continue
			}
			l.put(t)
		}
	}
}

// lanes keep channels apart.
type lanes struct {
	worker *Worker
	ctx    context.Context

	mu        sync.Mutex
	byChannel map[int64]chan task.Task
	waiting   map[string]int64   // epochs of the tasks in the lanes that the upstream is working on
	left      map[int64][]string // by channel: tasks that found no room
	closed    bool
	wg        sync.WaitGroup
}

// put hands a task to its channel's lane; tasks without a channel share lane
// 0. It never blocks.
func (l *lanes) put(t task.Task) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		l.handBack([]string{t.ID})
		return
	}
	defer l.mu.Unlock()
	lane, ok := l.byChannel[t.ChannelID]
	if !ok {
		lane = make(chan task.Task, laneQueue)
		l.byChannel[t.ChannelID] = lane
		workers := laneWorkers
		if t.ChannelID == 0 {
			workers = dispatchWorkers
		}
		for range workers {
			l.wg.Go(func() { l.serve(lane) })
		}
	}
	works := t.Status == task.Submitted || t.Status == task.Processing
	if epoch, ok := l.waiting[t.ID]; ok && works && epoch >= t.Epoch {
		return // its turn is still to come
	}
	select {
	case lane <- t:
		if works {
			l.waiting[t.ID] = t.Epoch
		}
	default:
		// What waits in the queue is the dispatcher's; it may have to rest.
		if t.Status != task.Pending && len(l.left[t.ChannelID]) < laneLeft {
			if l.left == nil {
				l.left = map[int64][]string{}
			}
			l.left[t.ChannelID] = append(l.left[t.ChannelID], t.ID)
		}
	}
}

// refill makes the tasks due that found no room in a lane which has some now.
func (l *lanes) refill(channelID int64, lane chan task.Task) {
	if len(lane) > cap(lane)/2 {
		return
	}
	l.mu.Lock()
	left := l.left[channelID]
	delete(l.left, channelID)
	l.mu.Unlock()
	l.handBack(left)
}

// waits reports whether a task is in a lane and will be asked about.
func (l *lanes) waits(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.waiting[id]
	return ok
}

// took says that a task has left its lane; who wants it asked about from now on
// may put it in again.
func (l *lanes) took(t *task.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch, ok := l.waiting[t.ID]; ok && epoch == t.Epoch {
		delete(l.waiting, t.ID)
	}
}

// close lets the calls under way end and hands back what still waits, so that
// other nodes take it at once.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	var left []string
	for _, lane := range l.byChannel {
		close(lane)
		for t := range lane { // the lane's workers may be faster with some
			left = append(left, t.ID)
		}
	}
	l.mu.Unlock()
	l.handBack(left)
	l.wg.Wait()
}

// handBackAtOnce bounds one statement.
const handBackAtOnce = 1000

func (l *lanes) handBack(ids []string) {
	for chunk := range slices.Chunk(ids, handBackAtOnce) {
		// Their leases run out, should this fail.
		if err := l.worker.Store.HandBack(context.WithoutCancel(l.ctx), chunk); err != nil {
			l.worker.Log.Warn("could not hand claimed tasks back; their leases will", "tasks", len(chunk), "err", err)
			return
		}
	}
}

func (l *lanes) serve(lane chan task.Task) {
	for t := range lane {
		if l.ctx.Err() != nil {
			l.handBack([]string{t.ID})
			continue
		}
		l.took(&t)
		l.refill(t.ChannelID, lane)
		l.worker.act(context.WithoutCancel(l.ctx), t, l, lane)
	}
}

// act does what a task's state asks for.
func (w *Worker) act(ctx context.Context, t task.Task, l *lanes, lane chan task.Task) {
	defer func() {
		// One odd answer must not take the node down with everybody's tasks.
		if p := recover(); p != nil {
			w.Log.ErrorContext(ctx, "panic", "task", t.ID, "status", t.Status, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	var err error
	switch t.Status {
	case task.Pending:
		err = w.Generations.Dispatch(ctx, t)
	case task.Submitting:
		// A lease that has not run out means that a node is at work on it.
		if w.Store.Now().Before(t.NextCheckAt) {
			return
		}
		err = w.Generations.Rescue(ctx, t)
	case task.Unknown, task.Submitted, task.Processing:
		faultpoint.Here("worker.poll.claimed")
		err = w.check(ctx, t, l, lane)
	}
	if err != nil && !fault.Is(err, fault.Conflict) {
		w.Log.ErrorContext(ctx, "could not advance a task", "task", t.ID, "status", t.Status, "err", err)
	}
}

// check asks about one task, together with others waiting in the lane when the
// upstream can answer for several at once.
func (w *Worker) check(ctx context.Context, t task.Task, l *lanes, lane chan task.Task) error {
	p, ok := w.Generations.Upstreams.Provider(t.Provider)
	if !ok {
		return nil
	}
	b, ok := p.(provider.BatchQuerier)
	if !ok || t.Status == task.Unknown {
		return w.Generations.Check(ctx, t)
	}
	cred, err := w.Generations.Credential(&t)
	if err != nil {
		return w.Generations.Check(ctx, t)
	}
	key := b.BatchKey(cred, w.ref(&t))
	if key == "" {
		return w.Generations.Check(ctx, t)
	}
	batch := []task.Task{t}
	var others []task.Task
	least, most := b.BatchSize(key)
	for len(batch) < most && len(others) < most {
		select {
		case o, ok := <-lane:
			if !ok {
				lane = nil
				continue
			}
			l.took(&o)
			if o.KeyID == t.KeyID && (o.Status == task.Submitted || o.Status == task.Processing) && b.BatchKey(cred, w.ref(&o)) == key {
				batch = append(batch, o)
			} else {
				others = append(others, o)
			}
			continue
		default:
		}
		break
	}
	for _, o := range others {
		l.put(o)
	}
	if len(batch) >= least {
		return w.Generations.CheckBatch(ctx, b, cred, batch)
	}
	for _, o := range batch[1:] {
		l.put(o) // for the next worker
	}
	return w.Generations.Check(ctx, t)
}

func (w *Worker) ref(t *task.Task) provider.TaskRef {
	return provider.TaskRef{Route: t.Route, UpstreamID: t.UpstreamID, Ref: t.Ref}
}
