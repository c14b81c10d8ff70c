// Package limit bounds how often something may happen: on this node, and on
// all nodes together while they share a Redis.
package limit

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bucket is one limit: it holds at most Burst and refills at PerMinute.
type Bucket struct {
	Key       string
	PerMinute int // 0 or less: no limit
	Burst     int // less than 1 is 1
}

// Decision is what came of taking one from each of some buckets.
type Decision struct {
	OK bool
	// Bucket is the index of the one that refused, or, when all gave, of the one
	// that is nearest to refusing; -1 when none of them limits.
	Bucket    int
	Remaining int           // what that bucket still holds
	Reset     time.Duration // until it is full again
	Wait      time.Duration // until it would give, when it refused
}

// Shared counts for all nodes. It takes one from each bucket, or from none when
// one refuses; asked is false when it cannot tell, and must then be so soon.
type Shared interface {
	Take(buckets []Bucket) (d Decision, asked bool)
}

// Limiter keeps one bucket a key. Create it with New.
type Limiter struct {
	shared  Shared
	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
	now     func() time.Time
}

type bucket struct {
	limiter *rate.Limiter
	perMin  int
	seen    time.Time
}

// idle is how long an unused bucket is kept; by then it is full again.
const idle = 2 * time.Minute

// New returns an empty limiter. A nil now is time.Now.
func New(now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{buckets: map[string]*bucket{}, now: now}
}

// NewShared returns a limiter that counts with others. It counts here all the
// while, so that a limit holds on each node when the others cannot be asked,
// and when what they counted is lost.
func NewShared(s Shared) *Limiter {
	l := New(nil)
	l.shared = s
	return l
}

// Allow takes one from the key's bucket of perMinute, which holds at most
// burst. When it is empty, wait says for how long.
func (l *Limiter) Allow(key string, perMinute, burst int) (wait time.Duration, ok bool) {
	d := l.Take(Bucket{Key: key, PerMinute: perMinute, Burst: burst})
	return d.Wait, d.OK
}

// Take takes one from each of the buckets, or from none of them when one is
// empty.
func (l *Limiter) Take(buckets ...Bucket) Decision {
	limiting := make([]Bucket, 0, len(buckets))
	index := make([]int, 0, len(buckets))
	for i, b := range buckets {
		if b.PerMinute > 0 {
			b.Burst = max(1, b.Burst)
			limiting, index = append(limiting, b), append(index, i)
		}
	}
	if len(limiting) == 0 {
		return Decision{OK: true, Bucket: -1}
	}
	d := l.take(limiting)
	d.Bucket = index[d.Bucket]
	return d
}

func (l *Limiter) take(buckets []Bucket) Decision {
	if l.shared == nil {
		return l.here(buckets, true)
	}
	// What this node alone has seen is too much for all of them too.
	if d := l.here(buckets, false); !d.OK {
		return d
	}
	d, asked := l.shared.Take(buckets)
	switch {
	case !asked:
		return l.here(buckets, true)
	case d.OK:
		l.here(buckets, true) // counted, whatever it says
	}
	return d
}

// here decides by what this node has seen, and counts when all buckets give.
func (l *Limiter) here(buckets []Bucket, count bool) Decision {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	best := Decision{OK: true, Remaining: math.MaxInt}
	limiters := make([]*rate.Limiter, len(buckets))
	for i, in := range buckets {
		b, found := l.buckets[in.Key]
		if !found || b.perMin != in.PerMinute {
			b = &bucket{limiter: rate.NewLimiter(rate.Limit(float64(in.PerMinute)/60), in.Burst), perMin: in.PerMinute}
			l.buckets[in.Key] = b
		}
		b.seen = now
		limiters[i] = b.limiter
		holds := b.limiter.TokensAt(now)
		d := Decision{OK: holds >= 1, Bucket: i}
		if d.OK {
			holds--
		} else {
			d.Wait = refill(1-holds, in.PerMinute)
		}
		d.Remaining = int(holds)
		d.Reset = refill(float64(in.Burst)-holds, in.PerMinute)
		best = tighter(best, d)
	}
	if best.OK && count {
		for _, b := range limiters {
			b.AllowN(now, 1)
		}
	}
	return best
}

// tighter is the decision that counts of two about different buckets.
func tighter(a, b Decision) Decision {
	switch {
	case a.OK != b.OK:
		if a.OK {
			return b
		}
		return a
	case !a.OK && b.Wait > a.Wait, a.OK && b.Remaining < a.Remaining:
		return b
	}
	return a
}

// refill is how long n take to come back.
func refill(n float64, perMinute int) time.Duration {
	return time.Duration(math.Ceil(n * float64(time.Minute) / float64(perMinute)))
}

// sweep forgets buckets that nobody has used for a while.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < idle {
		return
	}
	l.swept = now
	for k, b := range l.buckets {
		if now.Sub(b.seen) > idle {
			delete(l.buckets, k)
		}
	}
}
