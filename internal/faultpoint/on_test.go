//go:build chaos && unix

package faultpoint

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, values := range map[string][]string{
		"ONE_API_FAULTPOINT":   {"=kill", "a:0", "a:x", "a=sing", ":3"},
		"ONE_API_CLOCK_OFFSET": {"90", "soon"},
		"ONE_API_TIME_SCALE":   {"0", "-1", "NaN", "1e9", "x"},
	} {
		for _, v := range values {
			if err := read(func(n string) string {
				if n == name {
					return v
				}
				return ""
			}); err == nil {
				t.Errorf("%s=%s was taken", name, v)
			}
		}
	}
}

// This test runs itself as the process that dies at its second passage.
func TestAPointKillsAtItsPassage(t *testing.T) {
	if os.Getenv("ONE_API_FAULTPOINT") != "" {
		Here("other")
		Here("here")
		if err := os.WriteFile(os.Getenv("PASSED"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		Here("here")
		t.Fatal("the process lives on")
	}
	passed := t.TempDir() + "/passed"
	cmd := exec.Command(os.Args[0], "-test.run", "TestAPointKillsAtItsPassage")
	cmd.Env = append(os.Environ(), "ONE_API_FAULTPOINT=here:2", "PASSED="+passed)
	err := cmd.Run()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v, want SIGKILL", err)
	}
	if _, err := os.Stat(passed); err != nil {
		t.Error("it died at the first passage, want the second")
	}
}

func TestWaitsAreScaled(t *testing.T) {
	defer func(s float64) { scale = s }(scale)
	scale = 20
	if got := Wait(time.Minute); got != 3*time.Second {
		t.Errorf("a minute takes %s", got)
	}
}
