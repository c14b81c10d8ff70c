// Command testsummary reads the output of "go test -json" and prints what a
// person wants of it: a line for each package, the failures in full, why tests
// were skipped, and as the last line "N passed, N failed, N skipped". It exits
// with 1 when something failed or nothing ran.
//
//	go test -json ./... | testsummary [-vitest report]... [-notes file]
//
// The tests of vitest's JSON reports, if any, are counted with the others. The
// notes, if any, are printed before the last line.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("testsummary: ")
	notesFile := flag.String("notes", "", "file with lines to print before the last")
	var reports []string
	flag.Func("vitest", "JSON report of vitest, of which there may be several", func(name string) error {
		reports = append(reports, name)
		return nil
	})
	flag.Parse()
	s := summary{out: os.Stdout, packages: map[string]*result{}}
	if err := s.read(os.Stdin); err != nil {
		log.Fatal(err)
	}
	for _, name := range reports {
		b, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		s.vitest(name, b)
	}
	var notes []byte
	if *notesFile != "" {
		var err error
		if notes, err = os.ReadFile(*notesFile); err != nil {
			log.Fatal(err)
		}
	}
	if !s.finish(string(notes)) {
		os.Exit(1)
	}
}

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output
	Test       string
	Output     string
	Elapsed    float64
}

// result is what is known of a package or a test.
type result struct {
	name   string
	state  string // "", "pass", "fail" or "skip"
	output []string
	parent bool // it has subtests

	tests map[string]*result // of a package
	order []string
}

type summary struct {
	out      io.Writer
	packages map[string]*result
	builds   map[string][]string // output of builds, by import path

	passed, failed, skipped int
	failures                []string
	reasons                 map[string]int // of skips
}

func (s *summary) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

func (s *summary) read(in io.Reader) error {
	s.builds, s.reasons = map[string][]string{}, map[string]int{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.line(line)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.packages)) {
		s.end(s.packages[name], "fail", 0) // the run was cut off
	}
	return nil
}

func (s *summary) line(text string) {
	var e event
	if json.Unmarshal([]byte(text), &e) != nil || e.Action == "" {
		s.printf("%s", text)
		return
	}
	if e.Action == "build-output" {
		s.builds[e.ImportPath] = append(s.builds[e.ImportPath], e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &result{name: e.Package, tests: map[string]*result{}}
		s.packages[e.Package] = p
	}
	r := p
	if e.Test != "" {
		r = p.test(e.Test)
	}
	switch e.Action {
	case "output":
		r.output = append(r.output, e.Output)
	case "pass", "fail", "skip":
		r.state = e.Action
		if r == p {
			s.end(p, e.Action, e.Elapsed)
		}
	}
}

func (p *result) test(name string) *result {
	if t := p.tests[name]; t != nil {
		return t
	}
	t := &result{name: name}
	p.tests[name] = t
	p.order = append(p.order, name)
	for name := above(name); name != ""; name = above(name) {
		if parent := p.tests[name]; parent != nil { // a subtest's own name may hold slashes
			parent.parent = true
		}
	}
	return t
}

// above is the name of the test around a subtest, "" when it is none.
func above(name string) string { return name[:max(0, strings.LastIndexByte(name, '/'))] }

// end counts and prints a package, and forgets it.
func (s *summary) end(p *result, state string, elapsed float64) {
	delete(s.packages, p.name)
	var wrong []*result
	passed, skipped := 0, 0
	for _, name := range p.order {
		t := p.tests[name]
		switch {
		case t.state == "fail" || t.state == "": // "": it never came to its end
			// A parent fails with its subtests and then does not count itself.
			wrong = slices.DeleteFunc(wrong, func(w *result) bool { return strings.HasPrefix(name, w.name+"/") })
			wrong = append(wrong, t)
		case t.parent: // its subtests count
		case t.state == "skip":
			skipped++
			s.reasons[reason(t.output)]++
		default:
			passed++
		}
	}
	s.passed, s.skipped, s.failed = s.passed+passed, s.skipped+skipped, s.failed+len(wrong)

	if state != "fail" {
		if len(p.order) > 0 {
			s.printf("ok    %-50s %4d passed%s  %.1fs\n", p.name, passed, some(skipped, "skipped"), elapsed)
		}
		return
	}
	s.printf("FAIL  %-50s %4d passed, %d failed%s  %.1fs\n", p.name, passed, len(wrong), some(skipped, "skipped"), elapsed)
	for _, path := range slices.Sorted(maps.Keys(s.builds)) {
		if path == p.name || strings.HasPrefix(path, p.name+" [") || strings.HasPrefix(path, p.name+".test") {
			s.printf("%s", strings.Join(s.builds[path], ""))
			delete(s.builds, path)
		}
	}
	for _, t := range wrong {
		s.failures = append(s.failures, p.name+" "+t.name)
		for name := t.name; name != ""; name = above(name) {
			if around := p.tests[name]; around != nil {
				s.printOutput(around.output)
				around.output = nil
			}
		}
	}
	if len(wrong) == 0 { // it did not build, or ended outside a test
		s.failed++
		s.failures = append(s.failures, p.name)
	}
	s.printOutput(p.output)
}

func (s *summary) printOutput(lines []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, "=== ") {
			s.printf("      %s\n", strings.TrimRight(l, "\n"))
		}
	}
}

// reason finds what a test said when it skipped itself: "file.go:1: why".
func reason(output []string) string {
	for _, l := range output {
		if file, why, ok := strings.Cut(strings.TrimSpace(l), ": "); ok && strings.Contains(file, ".go:") {
			return why
		}
	}
	return "no reason given"
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d %s", n, what)
}

// finish prints the end and reports whether all is well.
func (s *summary) finish(notes string) bool {
	for _, path := range slices.Sorted(maps.Keys(s.builds)) {
		s.printf("%s", strings.Join(s.builds[path], ""))
	}
	if len(s.failures) > 0 {
		s.printf("\nfailed:\n")
		for _, f := range s.failures {
			s.printf("  %s\n", f)
		}
	}
	if len(s.reasons) > 0 {
		s.printf("\nskipped:\n")
		reasons := slices.SortedFunc(maps.Keys(s.reasons), func(a, b string) int {
			return cmp.Or(cmp.Compare(s.reasons[b], s.reasons[a]), strings.Compare(a, b))
		})
		for _, r := range reasons {
			s.printf("  %d × %s\n", s.reasons[r], r)
		}
	}
	if notes = strings.TrimSpace(notes); notes != "" {
		s.printf("\n%s\n", notes)
	}
	s.printf("\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	return s.failed == 0 && s.passed > 0
}
