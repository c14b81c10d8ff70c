package auth

import (
	"testing"
	"time"
)

func TestUsageIsTakenOnce(t *testing.T) {
	var u Usage
	at := time.UnixMilli(1_700_000_000_000).UTC()
	u.note(7, at)
	u.note(7, at.Add(time.Second))
	u.note(8, at)
	taken := u.Take()
	if len(taken) != 2 || !taken[7].Equal(at.Add(time.Second)) {
		t.Errorf("took %v", taken)
	}
	if again := u.Take(); len(again) != 0 {
		t.Errorf("took again %v", again)
	}
	u.note(8, at.Add(time.Minute))
	u.GiveBack(taken)
	if back := u.Take(); len(back) != 2 || !back[8].Equal(at.Add(time.Minute)) {
		t.Errorf("after giving back %v", back)
	}
}

func BenchmarkNote(b *testing.B) {
	var u Usage
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			u.note(7, now)
		}
	})
}
