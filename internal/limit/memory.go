package limit

import (
	"sync"
	"time"

	"one-api/internal/fault"
)

const (
	// mostMemory bounds the bytes of all large orders in memory at once, and
	// shares is among how many users it is divided at least. Pictures come in
	// the body, and stay until the order has been sent.
	mostMemory = 256 << 20
	shares     = 4
	// smallOrder is free: nobody waits for those who send pictures.
	smallOrder = 64 << 10
)

// Memory counts the large orders under way. The zero value is ready.
type Memory struct {
	mu    sync.Mutex
	total int64
	users map[int64]int64
}

// Reserve makes room for an order of a user until the returned function is
// called. length is what the request says of itself, negative for nothing, and
// most what an order may have at most. Unavailable means that there is no room
// now. A nil Memory has no bound.
func (m *Memory) Reserve(user, length, most int64) (func(), error) {
	if length < 0 || length > most {
		length = most
	}
	if m == nil || length <= smallOrder {
		return func() {}, nil
	}
	whole := max(mostMemory, shares*most)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.total+length > whole || m.users[user]+length > whole/shares {
		return nil, fault.New(fault.Unavailable, "Too many large orders are on their way. Try again shortly.").
			Named("overloaded").After(2 * time.Second)
	}
	if m.users == nil {
		m.users = map[int64]int64{}
	}
	m.total += length
	m.users[user] += length
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.total -= length
		if m.users[user] -= length; m.users[user] == 0 {
			delete(m.users, user)
		}
	}, nil
}
