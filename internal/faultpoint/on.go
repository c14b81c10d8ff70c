//go:build chaos && unix

package faultpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Built tells a rehearsal build.
const Built = true

var (
	point, act = "", "kill"
	left       atomic.Int64
	offset     time.Duration
	scale      = 1.0
)

func init() {
	if err := read(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "one-api:", err)
		os.Exit(2)
	}
}

func read(env func(string) string) error {
	var err error
	if v := env("ONE_API_FAULTPOINT"); v != "" {
		name, does, found := strings.Cut(v, "=")
		if found {
			act = does
		}
		name, n, found := strings.Cut(name, ":")
		count := 1
		if found {
			count, err = strconv.Atoi(n)
		}
		if err != nil || name == "" || count < 1 || act != "kill" && act != "stop" {
			return fmt.Errorf("ONE_API_FAULTPOINT is %q: it must be name[:n][=kill|=stop]", v)
		}
		point = name
		left.Store(int64(count))
	}
	if v := env("ONE_API_CLOCK_OFFSET"); v != "" {
		if offset, err = time.ParseDuration(v); err != nil {
			return fmt.Errorf("ONE_API_CLOCK_OFFSET is %q: it must be a time like 90s or -40s", v)
		}
	}
	if v := env("ONE_API_TIME_SCALE"); v != "" {
		if scale, err = strconv.ParseFloat(v, 64); err != nil || !(scale >= 1 && scale <= 1000) {
			return fmt.Errorf("ONE_API_TIME_SCALE is %q: it must be a number from 1 to 1000", v)
		}
	}
	return nil
}

// Here is a moment at which a rehearsal may strike.
func Here(name string) {
	if name != point || left.Add(-1) != 0 {
		return
	}
	signal := syscall.SIGKILL
	if act == "stop" {
		signal = syscall.SIGSTOP
	}
	_ = syscall.Kill(os.Getpid(), signal)
	if signal == syscall.SIGKILL {
		select {} // nothing may happen between the signal and the end
	}
	// A stopped process goes on only when it is told to; the signal may take a
	// moment to arrive, and nothing may happen before it does.
	time.Sleep(50 * time.Millisecond)
}

// Now is the node's clock.
func Now() time.Time { return time.Now().Add(offset) }

// Wait is how long a wait of the use case takes here.
func Wait(d time.Duration) time.Duration { return time.Duration(float64(d) / scale) }
