package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kinds of violations.
const (
	vLost      = "lost"              // accepted, and no such task
	vLive      = "never ended"       // accepted, and not terminal
	vReversed  = "end changed"       // a terminal state changed
	vAnswer    = "answer changed"    // a repetition was told of another task
	vOrders    = "two orders"        // more than one order upstream for a task
	vUnpaid    = "made, not charged" // the upstream made it, nobody was charged
	vUnmade    = "charged, not made" // somebody was charged, the upstream did not make it
	vSettle    = "settled wrongly"   // not one hold, or not one settle at the end
	vBooks     = "books"             // balances and postings differ
	vNegative  = "negative balance"
	vOverspent = "overspent"    // more orders accepted than the balance covers
	vUnder     = "underspent"   // fewer
	vEvent     = "event"        // an ended task without its event, or with two
	vDelivery  = "not told"     // an event that its receiver never got
	vSignature = "signature"    // an event that does not verify
	vStranger  = "stranger"     // upstream tasks or events that nobody ordered
	vRefused   = "wrong answer" // an answer that no caller should get
	vAccident  = "accident"     // what the log must not tell
	vVerify    = "verify"       // the gateway's own audit
)

// report is what a campaign found.
type report struct {
	title   string
	plan    string
	machine string
	took    time.Duration

	mu      sync.Mutex
	order   []string
	figures map[string]int64
	counts  map[string]int
	texts   map[string][]string
	notes   []string
}

// mostTexts bounds the examples of one kind.
const mostTexts = 10

func newReport(title string) *report {
	return &report{title: title, figures: map[string]int64{}, counts: map[string]int{}, texts: map[string][]string{}}
}

// add counts something.
func (r *report) add(figure string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.figures[figure]; !ok {
		r.order = append(r.order, figure)
	}
	r.figures[figure] += n
}

// violated notes a broken promise.
func (r *report) violated(kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[kind]++
	if len(r.texts[kind]) < mostTexts {
		r.texts[kind] = append(r.texts[kind], fmt.Sprintf(format, args...))
	}
}

func (r *report) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) violations() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return n
}

// of is how often a promise was broken.
func (r *report) of(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[kind]
}

func (r *report) figure(name string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.figures[name]
}

func (r *report) print(w io.Writer) {
	n := r.violations()
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\nschedule %s, %s on %s\n", r.title, r.plan, r.took.Round(time.Second), r.machine)
	for _, name := range r.order {
		fmt.Fprintf(&b, "  %-34s %8d\n", name, r.figures[name])
	}
	for _, text := range r.notes {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	fmt.Fprintf(&b, "  %-34s %8d\n", "violations", n)
	kinds := make([]string, 0, len(r.counts))
	for k := range r.counts {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Fprintf(&b, "    %s: %d\n", k, r.counts[k])
		for _, text := range r.texts[k] {
			fmt.Fprintf(&b, "      %s\n", text)
		}
	}
	_, _ = io.WriteString(w, b.String())
}
