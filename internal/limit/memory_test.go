package limit

import (
	"testing"

	"one-api/internal/fault"
)

func TestLargeOrdersShareABoundedMemory(t *testing.T) {
	const most = 32 << 20
	var m Memory
	var release []func()
	take := func(user, length int64) error {
		f, err := m.Reserve(user, length, most)
		if err == nil {
			release = append(release, f)
		}
		return err
	}
	for _, length := range []int64{most, -1} { // one user has a quarter
		if err := take(1, length); err != nil {
			t.Fatal(err)
		}
	}
	if err := take(1, smallOrder+1); !fault.Is(err, fault.Unavailable) || fault.From(err).RetryAfter <= 0 {
		t.Errorf("beyond a user's share: %v", err)
	}
	for user := range int64(3) {
		for range 2 {
			if err := take(2+user, most); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := take(9, most); !fault.Is(err, fault.Unavailable) {
		t.Errorf("beyond the whole: %v", err)
	}
	if err := take(9, smallOrder); err != nil {
		t.Errorf("a small order waits for large ones: %v", err)
	}
	for _, f := range release {
		f()
	}
	if m.total != 0 || len(m.users) != 0 {
		t.Errorf("afterwards %d bytes of %v are taken", m.total, m.users)
	}
}
