package groupcommit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"one-api/internal/groupcommit"
)

type op struct {
	n   int
	out int
}

func TestEachMemberLearnsItsOwnOutcome(t *testing.T) {
	w := groupcommit.New(8, 1000, func(batch []*op) {
		for _, o := range batch {
			o.out = o.n * 2
		}
	})
	defer w.Close()
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			o := &op{n: i}
			if err := w.Do(o); err != nil {
				t.Errorf("Do(%d) = %v", i, err)
			}
			if o.out != i*2 {
				t.Errorf("member %d got %d, want %d", i, o.out, i*2)
			}
		})
	}
	wg.Wait()
}

func TestWritesGatherWhileABatchCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		w := groupcommit.New(4, 100, func(batch []*op) {
			sizes = append(sizes, len(batch))
			time.Sleep(time.Second) // the commit; synctest's clock
		})
		var wg sync.WaitGroup
		wg.Go(func() { _ = w.Do(&op{}) })
		synctest.Wait()
		for range 6 {
			wg.Go(func() { _ = w.Do(&op{}) })
		}
		wg.Wait()
		w.Close()
		want := []int{1, 4, 2}
		if len(sizes) != len(want) || sizes[0] != 1 || sizes[1] != 4 || sizes[2] != 2 {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := groupcommit.New(1, 2, func([]*op) { <-release })
		var wg sync.WaitGroup
		for range 3 { // one commits, two wait
			wg.Go(func() { _ = w.Do(&op{}) })
			synctest.Wait()
		}
		if err := w.Do(&op{}); err != groupcommit.ErrFull {
			t.Errorf("Do on a full queue = %v, want ErrFull", err)
		}
		close(release)
		wg.Wait()
		w.Close()
	})
}

func TestCloseCommitsWhatWaitsAndRefusesTheRest(t *testing.T) {
	var committed atomic.Int64
	w := groupcommit.New(16, 10_000, func(batch []*op) { committed.Add(int64(len(batch))) })
	var accepted atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if w.Do(&op{}) == nil {
				accepted.Add(1)
			}
		})
	}
	w.Close()
	wg.Wait()
	if committed.Load() != accepted.Load() {
		t.Errorf("committed %d, accepted %d", committed.Load(), accepted.Load())
	}
	if err := w.Do(&op{}); err != groupcommit.ErrClosed {
		t.Errorf("Do after Close = %v, want ErrClosed", err)
	}
}

func BenchmarkDo(b *testing.B) {
	w := groupcommit.New(256, 1<<20, func([]*op) {})
	defer w.Close()
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		o := &op{}
		for pb.Next() {
			_ = w.Do(o)
		}
	})
}
