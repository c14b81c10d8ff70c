package limit_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"one-api/internal/limit"
)

// taken counts how many of n tries at one moment pass.
func taken(l *limit.Limiter, key string, n, perMinute, burst int) int {
	passed := 0
	for range n {
		if _, ok := l.Allow(key, perMinute, burst); ok {
			passed++
		}
	}
	return passed
}

func TestABucketHoldsItsBurstAndRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		if got := taken(l, "k", 20, 60, 5); got != 5 {
			t.Errorf("%d passed at once, want the burst of 5", got)
		}
		time.Sleep(3 * time.Second) // three refill at 60 a minute
		if got := taken(l, "k", 20, 60, 5); got != 3 {
			t.Errorf("%d passed after 3 s, want 3", got)
		}
		time.Sleep(time.Minute)
		if got := taken(l, "k", 20, 60, 5); got != 5 {
			t.Errorf("%d passed after a minute, want no more than the burst of 5", got)
		}
	})
}

func TestWaitIsHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		taken(l, "k", 1, 6, 1)
		wait, ok := l.Allow("k", 6, 1)
		if ok || wait != 10*time.Second {
			t.Fatalf("Allow = %s, %t, want 10 s and no", wait, ok)
		}
		time.Sleep(wait - time.Millisecond)
		if _, ok := l.Allow("k", 6, 1); ok {
			t.Error("passed too early")
		}
		time.Sleep(time.Millisecond)
		if _, ok := l.Allow("k", 6, 1); !ok {
			t.Error("waited as told, and refused")
		}
	})
}

func TestARefusalTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		taken(l, "k", 1, 60, 1)
		if got := taken(l, "k", 1000, 60, 1); got != 0 {
			t.Fatalf("%d passed an empty bucket", got)
		}
		time.Sleep(time.Second)
		if _, ok := l.Allow("k", 60, 1); !ok {
			t.Error("refused tries used up what refilled")
		}
	})
}

func TestKeysAreSeparate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		taken(l, "a", 10, 60, 3)
		if got := taken(l, "b", 10, 60, 3); got != 3 {
			t.Errorf("%d of b passed after a was empty, want 3", got)
		}
	})
}

func TestNoLimitIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		for _, perMinute := range []int{0, -1} {
			if got := taken(l, "k", 1000, perMinute, 0); got != 1000 {
				t.Errorf("%d of 1000 passed with %d a minute", got, perMinute)
			}
		}
	})
}

func TestANewRateCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		taken(l, "k", 10, 60, 1)
		if got := taken(l, "k", 10, 600, 4); got != 4 {
			t.Errorf("%d passed after the operator raised the rate, want 4", got)
		}
		if got := taken(l, "k", 10, 60, 0); got != 1 {
			t.Errorf("%d passed with burst 0, want 1", got)
		}
	})
}

func TestBucketsThatNobodyUsesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		heap := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		empty := heap()
		for i := range 50_000 {
			l.Allow(fmt.Sprintf("address %d", i), 60, 60)
		}
		full := heap() - empty
		taken(l, "in use", 3, 1, 3)
		time.Sleep(90 * time.Second)
		taken(l, "in use", 1, 1, 3) // of the 1.5 that refilled
		time.Sleep(90 * time.Second)
		if got := taken(l, "in use", 5, 1, 3); got != 2 { // this one sweeps
			t.Errorf("%d passed, want 2: a bucket in use was forgotten", got)
		}
		if left := int64(heap()) - int64(empty); left > int64(full)/2 {
			t.Errorf("%d of %d bytes stay after the buckets were idle", left, full)
		}
		runtime.KeepAlive(l)
	})
}

func TestManyAtOnceTakeNoMoreThanTheBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(nil)
		var passed atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { passed.Add(int64(taken(l, "k", 10, 60, 20))) })
		}
		wg.Wait()
		if got := passed.Load(); got != 20 {
			t.Errorf("%d passed, want 20", got)
		}
	})
}
