package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
)

// report is what vitest's JSON reporter writes.
type report struct {
	TestResults []struct {
		Name             string // path of the file
		Status           string // "failed" also when it could not be loaded
		Message          string
		StartTime        float64 // in milliseconds
		EndTime          float64
		AssertionResults []struct {
			FullName        string
			Status          string // "passed", "failed", else it did not run
			FailureMessages []string
		}
	}
}

// vitest counts and prints the tests of a report. One that holds none is of a
// run that was cut off, and counts as a failure.
func (s *summary) vitest(name string, text []byte) {
	var r report
	if err := json.Unmarshal(text, &r); err != nil || len(r.TestResults) == 0 {
		s.failed++
		s.failures = append(s.failures, "vitest, no tests in "+filepath.Base(name))
		return
	}
	for _, f := range r.TestResults {
		file := f.Name
		if i := strings.LastIndex(file, "/console/"); i >= 0 {
			file = file[i+1:]
		}
		passed, failed, skipped := 0, 0, 0
		var output []string
		for _, t := range f.AssertionResults {
			switch t.Status {
			case "passed":
				passed++
			case "failed":
				failed++
				full := strings.TrimSpace(t.FullName)
				s.failures = append(s.failures, file+" "+full)
				output = append(output, full)
				for _, m := range t.FailureMessages {
					output = append(output, strings.Split(m, "\n")...)
				}
			default:
				skipped++
			}
		}
		if failed == 0 && f.Status == "failed" { // it did not load, or failed around its tests
			failed, skipped = 1, 0
			s.failures = append(s.failures, file)
			output = append(output, strings.Split(f.Message, "\n")...)
		}
		if skipped > 0 {
			s.reasons["left out in "+file] += skipped
		}
		s.passed, s.failed, s.skipped = s.passed+passed, s.failed+failed, s.skipped+skipped
		seconds := (f.EndTime - f.StartTime) / 1000
		if failed == 0 {
			s.printf("ok    %-50s %4d passed%s  %.1fs\n", file, passed, some(skipped, "skipped"), seconds)
			continue
		}
		s.printf("FAIL  %-50s %4d passed, %d failed%s  %.1fs\n", file, passed, failed, some(skipped, "skipped"), seconds)
		s.printOutput(output)
	}
}
