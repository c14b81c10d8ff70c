// Package groupcommit turns many small writes into few transactions: one
// writer drains what is waiting and commits it together, so that a durable
// commit is paid once a batch instead of once a request.
//
// While one batch commits, the next one gathers; under load batches grow by
// themselves, and a lone write is not delayed. Each member learns its own
// outcome, and none is answered before the commit that holds it returned.
package groupcommit

import (
	"errors"
	"sync"
)

// ErrClosed is the answer to a write after Close.
var ErrClosed = errors.New("the writer is closed")

// ErrFull is the answer to a write when too many are waiting already. Nothing
// was done.
var ErrFull = errors.New("too many writes are waiting")

// Writer commits members of type T in batches. Create it with New.
type Writer[T any] struct {
	commit func(batch []T)
	batch  int
	queue  int

	mu      sync.Mutex
	waiting []member[T]
	closed  bool
	wake    chan struct{} // holds one signal: something waits, or the writer is closed
	done    chan struct{} // closed when the loop has ended
}

type member[T any] struct {
	op   T
	done chan struct{}
}

// New starts a writer. commit gets one to batch members and stores each one's
// outcome in the member itself before it returns. At most queue members wait;
// more are refused with ErrFull.
func New[T any](batch, queue int, commit func(batch []T)) *Writer[T] {
	w := &Writer[T]{
		commit: commit, batch: batch, queue: queue,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go w.loop()
	return w
}

// Do hands op to the writer and waits until the batch that holds it has been
// committed or has failed. It deliberately takes no context: once queued, a
// write happens whether or not its caller still listens, and the caller must
// learn how it ended.
func (w *Writer[T]) Do(op T) error {
	m := member[T]{op: op, done: make(chan struct{})}
	w.mu.Lock()
	switch {
	case w.closed:
		w.mu.Unlock()
		return ErrClosed
	case len(w.waiting) >= w.queue:
		w.mu.Unlock()
		return ErrFull
	}
	w.waiting = append(w.waiting, m)
	first := len(w.waiting) == 1
	w.mu.Unlock()
	if first {
		w.signal()
	}
	<-m.done
	return nil
}

// Waiting is the number of members not yet taken into a batch.
func (w *Writer[T]) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// Close refuses further writes, commits those waiting and returns when the
// last is done.
func (w *Writer[T]) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}

func (w *Writer[T]) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Writer[T]) loop() {
	defer close(w.done)
	var members []member[T]
	ops := make([]T, 0, w.batch)
	for range w.wake {
		for {
			var closed bool
			members, closed = w.take(members[:0])
			if len(members) == 0 {
				if closed {
					return
				}
				break
			}
			ops = ops[:0]
			for _, m := range members {
				ops = append(ops, m.op)
			}
			w.commit(ops)
			for _, m := range members {
				close(m.done)
			}
			clear(members)
			clear(ops)
		}
	}
}

// take moves up to one batch of waiting members into buf.
func (w *Writer[T]) take(buf []member[T]) ([]member[T], bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.waiting), w.batch)
	buf = append(buf, w.waiting[:n]...)
	rest := copy(w.waiting, w.waiting[n:])
	clear(w.waiting[rest:])
	w.waiting = w.waiting[:rest]
	return buf, w.closed
}
