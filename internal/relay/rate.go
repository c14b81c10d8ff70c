package relay

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"one-api/internal/limit"
)

//go:embed gcra.lua
var gcraText string

var gcra = redis.NewScript(gcraText)

// Take takes one from each bucket for all nodes, in one round trip. While Redis
// is away it says so at once; a Redis that hangs costs askTime, a few times.
func (r *Relay) Take(buckets []limit.Bucket) (limit.Decision, bool) {
	if !r.up.Load() {
		r.fallbacks.Add(1)
		return limit.Decision{}, false
	}
	keys := make([]string, len(buckets))
	args := make([]any, 0, 2*len(buckets))
	for i, b := range buckets {
		keys[i] = r.key(b)
		args = append(args, interval(b), b.Burst)
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.askTime)
	defer cancel()
	said, err := gcra.Run(ctx, r.client, keys, args...).Int64Slice()
	if err == nil && len(said) != 5 {
		err = fmt.Errorf("the script answered %d numbers", len(said))
	}
	if err != nil {
		r.fallbacks.Add(1)
		r.failed(err)
		return limit.Decision{}, false
	}
	r.slow.Store(0)
	return limit.Decision{
		OK: said[0] == 1, Bucket: int(said[1]) - 1, Remaining: int(said[2]),
		Reset: time.Duration(said[3]) * time.Microsecond, Wait: time.Duration(said[4]) * time.Microsecond,
	}, true
}

// interval is the time in which one comes back, in microseconds.
func interval(b limit.Bucket) int64 {
	return max(1, time.Minute.Microseconds()/int64(b.PerMinute))
}

// key names a bucket. What it is about stays out of Redis, and a new rate
// begins with a full bucket.
func (r *Relay) key(b limit.Bucket) string {
	sum := sha256.Sum256([]byte(b.Key))
	return r.prefix + "rate:" + strconv.Itoa(b.PerMinute) + ":" + base64.RawURLEncoding.EncodeToString(sum[:16])
}
