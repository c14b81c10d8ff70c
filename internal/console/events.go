package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"one-api/internal/fault"
	"one-api/internal/store"
	"one-api/internal/task"
)

// Live updates are server-sent events: each stream looks at its tasks once a
// second, all in one query, and at once when this node ends one of them.

// Pace is how streams of live updates pass their time. Zero fields take their
// defaults.
type Pace struct {
	Look time.Duration // between two looks at the tasks: 1 s
	Beat time.Duration // between two signs of life, and looks at who reads: 15 s
	Most time.Duration // length of a stream, which browsers then open anew: 10 min
}

func (p Pace) orDefaults() Pace {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&p.Look, time.Second)
	set(&p.Beat, 15*time.Second)
	set(&p.Most, 10*time.Minute)
	return p
}

const (
	streamsPerUser = 8
	streamsPerNode = 512
	// newestFollowed is how many tasks a stream without ids looks at.
	newestFollowed = 50
	mostFollowed   = 100
	// justNow is how far back a stream without ids begins, for what happened
	// since its reader fetched the list.
	justNow = 30 * time.Second
	// eventPatience is how long a reader may take for one write.
	eventPatience = 20 * time.Second
)

type taskEvents struct {
	IDs []string `query:"ids" maxItems:"100" doc:"Tasks to follow, at most 100, separated by commas; those that you may not see are left out. Without it: what changes among the 50 newest."`
}

func (c *Console) events() {
	register(c, signed, huma.Operation{
		OperationID: "task-events", Method: http.MethodGet, Path: "/api/tasks/events", Summary: "Follow tasks live", Tags: []string{"tasks"},
		Description: "Server-sent events. event: task has a task as list-tasks shows it, first as it is and then whenever it has changed; event: done says that all tasks asked for have ended; event: end, with a reason (timeout, stopping, signed_out), that the stream ends for another cause and may be opened again. At most 8 streams a user.",
		Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, c.taskEvents)
}

// streams are the streams of this node. The zero value is ready.
type streams struct {
	places  places
	mu      sync.Mutex
	byTask  map[string]map[chan struct{}]bool
	closed  chan struct{}
	stopped bool
}

// stopping is closed when streams must end.
func (s *streams) stopping() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end()
}

func (s *streams) end() chan struct{} {
	if s.closed == nil {
		s.closed = make(chan struct{})
	}
	return s.closed
}

// open counts a stream of a user that follows tasks. The channel gets a value
// when one of them ends here.
func (s *streams) open(userID int64, ids []string) (<-chan struct{}, func(), error) {
	free := s.places.take(userID, streamsPerUser, streamsPerNode)
	if free == nil {
		return nil, nil, fault.New(fault.Throttled, "Too many streams of live updates are open. Close some, or ask for the list now and then.").
			Named("too_many_streams").After(10 * time.Second)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTask == nil {
		s.byTask = map[string]map[chan struct{}]bool{}
	}
	wake := make(chan struct{}, 1)
	for _, id := range ids {
		if s.byTask[id] == nil {
			s.byTask[id] = map[chan struct{}]bool{}
		}
		s.byTask[id][wake] = true
	}
	return wake, func() {
		free()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range ids {
			delete(s.byTask[id], wake)
			if len(s.byTask[id]) == 0 {
				delete(s.byTask, id)
			}
		}
	}, nil
}

// Ended tells the streams that follow a task of its end. It does not block.
func (c *Console) Ended(taskID string) {
	s := &c.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	for wake := range s.byTask[taskID] {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// Drain ends the streams, now and from now on: they must not hold up a node
// that shuts down.
func (c *Console) Drain() {
	s := &c.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.end())
	}
}

func (c *Console) taskEvents(ctx context.Context, v *Viewer, in *taskEvents) (*huma.StreamResponse, error) {
	ids := slices.DeleteFunc(slices.Clone(in.IDs), func(id string) bool {
		return id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
	})
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 && len(in.IDs) > 0 {
		ids = []string{"none"} // nothing that could be a task is not everything
	}
	wake, done, err := c.streams.open(v.User.ID, ids)
	if err != nil {
		return nil, err
	}
	f := &follower{Console: c, viewer: v, ids: ids, seen: map[string][]byte{}, from: c.Store.Now().Add(-justNow)}
	// The first look before the first byte: what can be refused still is.
	list, err := f.look(ctx)
	if err != nil {
		done()
		return nil, err
	}
	id, _ := ctx.Value(viewerKey{}).(*identity)
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer done()
		f.out = newStream(id.w)
		f.run(ctx, id.r, list, wake, c.streams.stopping())
	}}, nil
}

// stream writes events to one reader.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func newStream(w http.ResponseWriter) *stream {
	s := &stream{w: w, rc: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until there are many
	// The server's own time limits are for requests; a stream outlives them.
	_ = s.rc.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	return s
}

// write sends a piece at once; false means that the reader is gone.
func (s *stream) write(text string) bool {
	_ = s.rc.SetWriteDeadline(time.Now().Add(eventPatience))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	return s.rc.Flush() == nil
}

// follower is one stream of tasks.
type follower struct {
	*Console
	viewer *Viewer
	out    *stream
	ids    []string          // empty: the newest
	seen   map[string][]byte // as they were last told
	from   time.Time         // without ids: what changed before is not told
	ended  bool              // all of ids have
}

// look reads the tasks that are followed, oldest first.
func (f *follower) look(ctx context.Context) ([]task.Task, error) {
	var list []task.Task
	var err error
	owner := f.viewer.User.ID
	if f.viewer.IsAdmin() {
		owner = 0
	}
	if len(f.ids) > 0 {
		list, err = f.Store.TasksByID(ctx, owner, f.ids)
	} else {
		list, _, err = f.Store.FindTasks(ctx, store.TaskQuery{UserID: owner, Limit: newestFollowed})
	}
	slices.Reverse(list)
	return list, err
}

// tell sends what has changed, and leaves what has ended out of later looks.
func (f *follower) tell(list []task.Task) bool {
	byID := len(f.ids) > 0
	var live []string
	for i := range list {
		t := &list[i]
		if byID && !t.Status.Terminal() {
			live = append(live, t.ID)
		}
		row := f.showTask(f.viewer, t)
		row.Prompt = clip(row.Prompt, 200)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(row); err != nil {
			continue
		}
		before, known := f.seen[t.ID]
		if bytes.Equal(before, b.Bytes()) {
			continue
		}
		f.seen[t.ID] = b.Bytes()
		if !byID && !known && t.Status.Terminal() && t.UpdatedAt.Before(f.from) {
			continue // it was like this when the reader came
		}
		if !f.out.write(fmt.Sprintf("event: task\nid: %s\ndata: %s\n\n", t.ID, bytes.TrimSpace(b.Bytes()))) {
			return false
		}
	}
	if byID {
		f.ids, f.ended = live, len(live) == 0
		return true
	}
	for id := range f.seen { // of no use once they are not among the newest
		if !slices.ContainsFunc(list, func(t task.Task) bool { return t.ID == id }) {
			delete(f.seen, id)
		}
	}
	return true
}

func (f *follower) run(ctx context.Context, r *http.Request, list []task.Task, wake, stopping <-chan struct{}) {
	pace := f.Events.orDefaults()
	look, beat, most := time.NewTicker(pace.Look), time.NewTicker(pace.Beat), time.NewTimer(pace.Most)
	defer look.Stop()
	defer beat.Stop()
	defer most.Stop()
	end := func(reason string) { f.out.write("event: end\ndata: {\"reason\":\"" + reason + "\"}\n\n") }
	if !f.out.write("retry: 2000\n\n") {
		return
	}
	for looked := true; ; {
		if looked && !f.tell(list) {
			return
		}
		if f.ended {
			f.out.write("event: done\ndata: {}\n\n")
			return
		}
		looked = false
		select {
		case <-ctx.Done():
			return
		case <-stopping:
			end("stopping")
			return
		case <-most.C:
			end("timeout")
			return
		case <-beat.C:
			if !f.beat(r, end) {
				return
			}
			continue
		case <-look.C:
		case <-wake:
		}
		var err error
		if list, err = f.look(ctx); err != nil && ctx.Err() == nil {
			// The database may be back in a moment; the reader need not know.
			f.Log.WarnContext(ctx, "a stream of live updates could not look at its tasks", "err", err)
		}
		looked = err == nil
	}
}

// beat shows that the stream lives, and ends it when its reader may not read
// any more.
func (f *follower) beat(r *http.Request, end func(string)) bool {
	v, err := f.whois(r)
	if fault.Is(err, fault.Unauthenticated) {
		end("signed_out")
		return false
	}
	if err == nil {
		f.viewer = v // their role may be another now
	}
	return f.out.write(": beat\n\n")
}
