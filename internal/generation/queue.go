package generation

import (
	"context"
	"sync"
	"time"

	"one-api/internal/channel"
	"one-api/internal/directory"
	"one-api/internal/fault"
	"one-api/internal/model"
	"one-api/internal/task"
)

// Queue is what this node knows of the tasks that wait, as the dispatcher last
// saw them. It decides who waits behind whom and what people are told; the rows
// decide who is sent. The zero value is an empty queue.
type Queue struct {
	mu    sync.Mutex
	tasks map[task.Lane]map[int64]int // by user
	limit map[place]int               // learned from upstreams
	took  map[string]time.Duration    // by base model: from sending to the end, smoothed
}

// place is where tasks of an upstream model run.
type place struct {
	channel int64
	model   string
}

// Load is what runs on a channel of an upstream model.
type Load struct {
	ChannelID int64
	Model     string
	Live      int
	Learned   int // limit that the upstream's refusals taught, 0: none
}

const (
	// longestQueue bounds the tasks that one more would wait for in a lane.
	longestQueue = 10_000
	// tookAtFirst stands in until a task of a model has ended.
	tookAtFirst = 2 * time.Minute
	// tookMost bounds what one task teaches: one that was found late says
	// nothing of the others.
	tookMost = 15 * time.Minute
	// MostRoom is how many waiting tasks of a lane are sent at once, however
	// much room there is.
	MostRoom = 64
)

// See replaces what is known of the queue.
func (q *Queue) See(waiting map[task.Lane]map[int64]int, loads []Load) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = waiting
	q.limit = map[place]int{}
	for _, l := range loads {
		if l.Learned > 0 {
			q.limit[place{l.ChannelID, l.Model}] = l.Learned
		}
	}
}

func (q *Queue) waiting(l task.Lane) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks[l]) > 0
}

// ahead is how many tasks would be sent before a user's next one, were nothing
// added: users of a lane take turns.
func (q *Queue) ahead(l task.Lane, userID int64) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := q.tasks[l][userID]
	n := 0
	for _, theirs := range q.tasks[l] {
		n += min(theirs, own+1)
	}
	return n
}

// Waits reports whether tasks are known to wait.
func (q *Queue) Waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks) > 0
}

// joined counts a task that has begun to wait on this node.
func (q *Queue) joined(l task.Lane, userID int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.tasks == nil {
		q.tasks = map[task.Lane]map[int64]int{}
	}
	if q.tasks[l] == nil {
		q.tasks[l] = map[int64]int{}
	}
	q.tasks[l][userID]++
}

// ended learns how long a task took.
func (q *Queue) ended(t *task.Task) {
	d := min(t.FinishedAt.Sub(t.SubmittedAt), tookMost)
	if t.Status != task.Succeeded || t.SubmittedAt.IsZero() || d <= 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.took == nil {
		q.took = map[string]time.Duration{}
	}
	base := model.Base(t.Model)
	if old, ok := q.took[base]; ok {
		d = old + (d-old)/16
	}
	q.took[base] = d
}

// cap is the most live tasks of a model on a channel, 0: none known.
func (q *Queue) cap(c *channel.Channel, base string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	learned := q.limit[place{c.ID, base}]
	if c.MaxLive == 0 || learned > 0 && learned < c.MaxLive {
		return learned
	}
	return c.MaxLive
}

// wait estimates how long the n-th task of a lane waits, 0 when nobody can
// tell: places are freed at the pace at which tasks end on them.
func (s *Service) wait(v *directory.View, l task.Lane, n int) time.Duration {
	base := model.Base(l.Model)
	places := 0
	for _, c := range s.serving(v, l) {
		limit := s.Queue.cap(c, base)
		if limit == 0 {
			return 0
		}
		places += limit
	}
	if places == 0 {
		return 0
	}
	s.Queue.mu.Lock()
	took, ok := s.Queue.took[base]
	s.Queue.mu.Unlock()
	if !ok {
		took = tookAtFirst
	}
	return took * time.Duration(n) / time.Duration(places)
}

// serving lists the channels that could serve a lane if they were free.
func (s *Service) serving(v *directory.View, l task.Lane) []*channel.Channel {
	t := task.Task{Provider: l.Provider, Route: l.Route, Model: l.Model, Test: l.Test}
	need, channels, err := s.need(v, &t, l.Group)
	if err != nil {
		return nil
	}
	var out []*channel.Channel
	for _, c := range channel.Order(channels, need, nil, nil) {
		out = append(out, c.Channel)
	}
	return out
}

// queueFor refuses an order that would wait in a lane for longer than it may,
// before anything is held for it.
func (s *Service) queueFor(v *directory.View, t *task.Task, l task.Lane) error {
	ahead := s.Queue.ahead(l, t.UserID)
	if ahead == 0 {
		return nil
	}
	may, wait := t.SendBefore.Sub(t.CreatedAt), s.wait(v, l, ahead+1)
	if ahead < longestQueue && wait <= may {
		return nil
	}
	return fault.New(fault.Throttled, "%d tasks for %s would be sent before it, in about %s; it may wait %s at most. Try again later.",
		ahead, t.Model, wait.Round(time.Second), may.Round(time.Second)).
		Named("queue_full").After(min(max(wait-may, 5*time.Second), 10*time.Minute))
}

// Room is how many waiting tasks of a lane could be sent now, and counts them
// as sent in loads, so that lanes which share a channel share its room.
func (s *Service) Room(l task.Lane, waiting int, loads []Load) int {
	v := s.Directory.View()
	base := model.Base(l.Model)
	now := s.Store.Now()
	room := 0
	for _, c := range s.serving(v, l) {
		if s.Health.Busy(c, l.Model, now) || room >= waiting {
			continue
		}
		limit := s.Queue.cap(c, base)
		if limit == 0 {
			return min(waiting, MostRoom)
		}
		free := limit
		for i := range loads {
			if loads[i].ChannelID == c.ID && loads[i].Model == base {
				if free = limit - loads[i].Live; free > 0 {
					loads[i].Live += min(free, waiting-room)
				}
			}
		}
		room += max(0, free)
	}
	return min(room, waiting, MostRoom)
}

// Place is where a waiting task stands.
type Place struct {
	Position int           // in its queue, from 1
	Wait     time.Duration // estimate until it is sent, 0: unknown
}

// Place tells where a pending task stands. NotFound means that it waits no
// more.
func (s *Service) Place(ctx context.Context, taskID string) (Place, error) {
	n, l, err := s.Store.QueuePlace(ctx, taskID)
	if err != nil {
		return Place{}, err
	}
	return Place{Position: n, Wait: s.wait(s.Directory.View(), l, n)}, nil
}

// Regrouped is the group of a waiting user if it is not the lane's any more.
func (s *Service) Regrouped(l task.Lane, userID int64) (group string, ok bool) {
	u, found := s.Directory.View().Users[userID]
	if !found || u.Group == l.Group {
		return "", false
	}
	return u.Group, true
}

// wake tells the dispatcher that something has changed.
func (s *Service) wake() {
	if s.Wake != nil {
		s.Wake()
	}
}
