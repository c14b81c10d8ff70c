// Package limit bounds how often something may happen, on this node.
package limit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter keeps one bucket a key. Create it with New.
type Limiter struct {
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

// Allow takes one from the key's bucket of perMinute, which holds at most
// burst. When it is empty, wait says for how long.
func (l *Limiter) Allow(key string, perMinute, burst int) (wait time.Duration, ok bool) {
	if perMinute <= 0 {
		return 0, true
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	b, found := l.buckets[key]
	if !found || b.perMin != perMinute {
		b = &bucket{limiter: rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, burst)), perMin: perMinute}
		l.buckets[key] = b
	}
	b.seen = now
	r := b.limiter.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
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
