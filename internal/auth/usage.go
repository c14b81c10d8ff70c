package auth

import (
	"sync"
	"sync/atomic"
	"time"
)

// Usage remembers when tokens were last used, until somebody takes and records
// it: requests write memory only. The zero value is ready.
type Usage struct{ last sync.Map } // token id → *atomic.Int64, unix milliseconds; 0: taken

func (u *Usage) note(tokenID int64, now time.Time) {
	v, ok := u.last.Load(tokenID)
	if !ok {
		v, _ = u.last.LoadOrStore(tokenID, new(atomic.Int64))
	}
	v.(*atomic.Int64).Store(now.UnixMilli())
}

// Take returns the last use of each token since the last Take.
func (u *Usage) Take() map[int64]time.Time {
	out := map[int64]time.Time{}
	u.last.Range(func(id, v any) bool {
		if ms := v.(*atomic.Int64).Swap(0); ms != 0 {
			out[id.(int64)] = time.UnixMilli(ms).UTC()
		}
		return true
	})
	return out
}

// GiveBack returns what was taken and could not be recorded; later uses win.
func (u *Usage) GiveBack(taken map[int64]time.Time) {
	for id, at := range taken {
		if v, ok := u.last.Load(id); ok {
			v.(*atomic.Int64).CompareAndSwap(0, at.UnixMilli())
		}
	}
}
