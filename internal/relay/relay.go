// Package relay is what nodes tell each other through Redis: how often
// something happened on all of them, and that something has changed. It makes
// things faster and decides nothing: whatever is lost here, the database still
// tells a second later.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"one-api/internal/secret"
)

const (
	// askTime is the most that a request waits for Redis, unless the options say
	// otherwise.
	askTime = 50 * time.Millisecond
	// slowAnswers in a row are a Redis that hangs.
	slowAnswers = 3
	// probeGap is how often Redis is looked after, and probeTime how long it
	// may take to answer that.
	probeGap  = time.Second
	probeTime = time.Second
	// restFirst is how long nobody asks after Redis was lost; twice as long,
	// up to restMost, when it had been there for less than steady.
	restFirst = time.Second
	restMost  = 30 * time.Second
	steady    = 10 * time.Second
)

// Kind is what an event says.
type Kind string

const (
	Changed Kind = "changed" // what the directory holds; no subject
	Waiting Kind = "waiting" // a task waits for a channel; no subject
	Ended   Kind = "ended"   // a task has ended; the subject is its id
)

// Event is what one node tells the others.
type Event struct {
	Kind    Kind
	Subject string // without blanks; "" where the kind has none
}

// Options say where Redis is. All are required.
type Options struct {
	URL secret.Text // redis://… or rediss://…
	// Installation keeps gateways apart that use one Redis.
	Installation string
	Node         string // names this node: it does not hear itself
	Log          *slog.Logger
	// AskTime is the most that a request waits for Redis; 0 is 50 ms.
	AskTime time.Duration
}

// Relay is one node's connection to Redis. Nobody waits for it for long.
type Relay struct {
	client  *redis.Client
	prefix  string
	node    string
	askTime time.Duration
	log     *slog.Logger
	outbox  chan Event
	lostNow chan struct{} // wakes the watch

	up        atomic.Bool
	slow      atomic.Int32 // answers in a row that came too late
	fallbacks atomic.Int64
	losses    atomic.Int64
}

func parse(url secret.Text) (*redis.Options, error) {
	o, err := redis.ParseURL(url.Reveal())
	if err != nil {
		// The library's own message may quote the address with its password.
		return nil, errors.New("must be like redis://user:password@localhost:6379/0, or rediss:// with TLS")
	}
	return o, nil
}

// Addresses are the host:port that an address of Redis leads to, none for a
// socket.
func Addresses(url secret.Text) []string {
	o, err := parse(url)
	if err != nil || o.Network == "unix" {
		return nil
	}
	return []string{o.Addr}
}

// New makes a relay. It does not connect; Run does.
func New(o Options) (*Relay, error) {
	ro, err := parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("REDIS_CONN_STRING: %w", err)
	}
	ro.ClientName = "one-api"
	ro.ContextTimeoutEnabled = true
	ro.MaxRetries = -1 // a second try would be late anyhow
	ro.DialTimeout, ro.DialerRetries = probeTime, 1
	ro.ReadTimeout, ro.WriteTimeout = probeTime, probeTime
	if o.AskTime <= 0 {
		o.AskTime = askTime
	}
	ro.PoolSize, ro.PoolTimeout = 64, o.AskTime
	ro.DisableIdentity = true
	redis.SetLogger(libraryLog{o.Log})
	return &Relay{
		client: redis.NewClient(ro), prefix: "one-api:" + o.Installation + ":", node: o.Node, askTime: o.AskTime, log: o.Log,
		outbox: make(chan Event, 4096), lostNow: make(chan struct{}, 1),
	}, nil
}

// libraryLog takes what the library says about its connections. It says so for
// each of them; our own line about Redis comes once.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis", "said", fmt.Sprintf(format, v...))
}

// Up reports whether Redis is asked at present.
func (r *Relay) Up() bool { return r.up.Load() }

// Fallbacks counts the questions that this node had to answer by itself.
func (r *Relay) Fallbacks() int64 { return r.fallbacks.Load() }

// Losses counts how often Redis was lost.
func (r *Relay) Losses() int64 { return r.losses.Load() }

// Run keeps in touch with Redis until the context ends, and hands each event
// of another node to hear, which must not block.
func (r *Relay) Run(ctx context.Context, hear func(Event)) {
	done := make(chan struct{}, 2)
	go func() { r.listen(ctx, hear); done <- struct{}{} }()
	go func() { r.publish(ctx); done <- struct{}{} }()
	r.watch(ctx)
	<-done
	<-done
	r.up.Store(false)
	_ = r.client.Close()
}

// watch finds out whether Redis answers, and says so once each time that
// changes.
func (r *Relay) watch(ctx context.Context) {
	rest, since := restFirst, time.Time{}
	for first := true; ctx.Err() == nil; first = false {
		losses := r.losses.Load()
		err := r.probe(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && r.up.Load():
			r.lost(err)
		case err != nil && first:
			r.losses.Add(1)
			r.log.Warn("Redis does not answer; limits count on each node by itself until it does", "err", err)
		case err == nil && !r.up.Load() && losses == r.losses.Load(): // an answer from before a loss proves nothing
			r.slow.Store(0)
			r.up.Store(true)
			since = time.Now()
			r.log.Info("Redis answers; limits count on all nodes together")
		}
		wait := probeGap
		if !r.up.Load() {
			wait = rest
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-r.lostNow:
			rest = min(2*rest, restMost)
			if time.Since(since) >= steady {
				rest = restFirst
			}
			pause(ctx, rest)
		}
		t.Stop()
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// probe does what requests do, so that a Redis that answers but takes no
// writes is not taken for a good one.
func (r *Relay) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	return gcra.Run(ctx, r.client, []string{r.prefix + "probe"}, 1, 1_000_000).Err()
}

// lost stops asking. Of many who find out at once, one says so.
func (r *Relay) lost(err error) {
	if !r.up.CompareAndSwap(true, false) {
		return
	}
	r.losses.Add(1)
	r.log.Warn("Redis is lost; limits count on each node by itself until it is back", "err", err)
	select {
	case r.lostNow <- struct{}{}:
	default:
	}
}

// failed notes a question that was not answered.
func (r *Relay) failed(err error) {
	var netErr net.Error
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) || errors.As(err, &netErr) && netErr.Timeout()
	if late && r.slow.Add(1) < slowAnswers {
		return // one late answer is not yet a Redis that hangs
	}
	r.lost(err)
}

// Tell tells the other nodes. It does not wait; while Redis is away, or too
// much is told at once, they find out by themselves.
func (r *Relay) Tell(e Event) {
	if !r.up.Load() {
		return
	}
	select {
	case r.outbox <- e:
	default:
	}
}

const (
	// publishGap gathers what is told at about one time into one message.
	publishGap = 5 * time.Millisecond
	// eventsAtOnce bounds a message.
	eventsAtOnce = 512
)

// publish sends what Tell was given.
func (r *Relay) publish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-r.outbox:
			pause(ctx, publishGap)
			text := r.encode(e)
			pctx, cancel := context.WithTimeout(ctx, probeTime)
			if err := r.client.Publish(pctx, r.channel(), text).Err(); err != nil && ctx.Err() == nil {
				r.failed(err)
			}
			cancel()
		}
	}
}

func (r *Relay) channel() string { return r.prefix + "events" }

// encode writes an event and those that wait behind it: the node's name in the
// first line, then one event a line, none twice.
func (r *Relay) encode(e Event) string {
	var b strings.Builder
	b.WriteString(r.node)
	told := map[Event]bool{}
	for n := 0; ; n++ {
		if !told[e] {
			told[e] = true
			b.WriteString("\n" + string(e.Kind) + " " + e.Subject)
		}
		if n == eventsAtOnce {
			return b.String()
		}
		select {
		case e = <-r.outbox:
		default:
			return b.String()
		}
	}
}

// listen hears the other nodes. The library connects again by itself; what is
// said meanwhile is missed, which is no harm.
func (r *Relay) listen(ctx context.Context, hear func(Event)) {
	sub := r.client.Subscribe(ctx, r.channel())
	defer func() { _ = sub.Close() }()
	messages := sub.Channel(redis.WithChannelSize(1000))
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			for _, e := range r.decode(m.Payload) {
				hear(e)
			}
		}
	}
}

// decode reads what encode wrote on another node. Kinds that this version does
// not know are a newer node's.
func (r *Relay) decode(text string) []Event {
	from, lines, _ := strings.Cut(text, "\n")
	if from == r.node {
		return nil
	}
	var out []Event
	for line := range strings.SplitSeq(lines, "\n") {
		kind, subject, _ := strings.Cut(line, " ")
		switch e := (Event{Kind: Kind(kind), Subject: subject}); e.Kind {
		case Changed, Waiting, Ended:
			out = append(out, e)
		}
	}
	return out
}
