package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"one-api/internal/fault"
)

func TestFromFindsTheRefusalInAChain(t *testing.T) {
	want := fault.New(fault.Conflict, "Task %s exists.", "t1").Named("exists").At("id").After(3 * time.Second)
	got := fault.From(fmt.Errorf("accept: %w", fmt.Errorf("insert: %w", want)))
	if got != want {
		t.Errorf("From = %v, want the refusal inside", got)
	}
	if got.Code != fault.Conflict || got.Word() != "exists" || got.Field != "id" || got.RetryAfter != 3*time.Second || got.Message != "Task t1 exists." {
		t.Errorf("the refusal lost something: %+v", got)
	}
}

func TestFromHidesAccidents(t *testing.T) {
	accident := fmt.Errorf("dial tcp 10.0.0.5:3306: %w", io.ErrUnexpectedEOF)
	f := fault.From(accident)
	if f.Code != fault.Internal || strings.Contains(f.Message, "10.0.0.5") || strings.Contains(f.Message, "EOF") {
		t.Errorf("an accident is shown as %s %q", f.Code, f.Message)
	}
	if !errors.Is(f, io.ErrUnexpectedEOF) || !strings.Contains(f.Error(), "10.0.0.5") {
		t.Errorf("the log would not learn the cause from %q", f.Error())
	}
	if fault.From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
}

func TestBecauseIsLoggedAndNotShown(t *testing.T) {
	f := fault.New(fault.Unavailable, "Try again.").Because(io.ErrClosedPipe)
	if f.Message != "Try again." {
		t.Errorf("the caller would read %q", f.Message)
	}
	if !strings.Contains(f.Error(), io.ErrClosedPipe.Error()) || !errors.Is(f, io.ErrClosedPipe) {
		t.Errorf("the log would read %q", f.Error())
	}
}

func TestWordFallsBackToTheCode(t *testing.T) {
	if got := fault.New(fault.TooLarge, "x").Word(); got != "too_large" {
		t.Errorf("Word = %q", got)
	}
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("find: %w", fault.New(fault.NotFound, "No."))
	for name, c := range map[string]struct {
		err  error
		code fault.Code
		want bool
	}{
		"same code":     {err, fault.NotFound, true},
		"other code":    {err, fault.Conflict, false},
		"accident":      {io.EOF, fault.Internal, false},
		"nil":           {nil, fault.NotFound, false},
		"outermost one": {fault.New(fault.Conflict, "x").Because(err), fault.NotFound, false},
	} {
		if got := fault.Is(c.err, c.code); got != c.want {
			t.Errorf("%s: Is = %t, want %t", name, got, c.want)
		}
	}
}
