package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// newPTY is a pair of a terminal's ends: the person's and the program's.
func newPTY(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this machine has no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		if failed == nil {
			n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || failed != nil {
		t.Fatal(errors.Join(err, failed))
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this machine has no pseudo-terminals: ", err)
	}
	return person, program
}

// answer runs one-api at a terminal where a person types an answer. What it
// prints there is err.
func (p *place) answer(text string, args ...string) outcome {
	p.t.Helper()
	person, end := newPTY(p.t)
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = end, &out, end
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = end.Close()
	if _, err := person.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
	seen, err := io.ReadAll(person)
	if err != nil && !errors.Is(err, syscall.EIO) { // what a terminal says when the program has gone
		p.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return outcome{out.String(), string(seen), cmd.ProcessState.ExitCode()}
}
