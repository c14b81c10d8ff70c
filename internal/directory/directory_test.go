package directory_test

import (
	"strings"
	"testing"

	"one-api/internal/directory"
)

func TestListenersSeeEveryView(t *testing.T) {
	var d directory.Directory
	var seen []int
	d.Listen(func(v *directory.View) { seen = append(seen, v.Settings.DefaultRate) })
	for _, rate := range []int{3, 5} {
		s := directory.DefaultSettings()
		s.DefaultRate = rate
		d.Replace(&directory.View{Settings: s})
	}
	if len(seen) != 3 || seen[0] != 0 || seen[2] != 5 {
		t.Errorf("saw %v, want 0 3 5", seen)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	s := directory.DefaultSettings()
	if name, problem := s.Validate(); name != "" {
		t.Errorf("the defaults are refused: %s %s", name, problem)
	}
	for want, change := range map[string]func(*directory.Settings){
		"default_rate": func(s *directory.Settings) { s.DefaultRate = directory.MaxRate + 1 },
		"log_level":    func(s *directory.Settings) { s.LogLevel = "LOUD" },
		"registration": func(s *directory.Settings) { s.Registration = "" },
		"notice":       func(s *directory.Settings) { s.Notice = strings.Repeat("猫", directory.MaxNotice+1) },
	} {
		s := directory.DefaultSettings()
		change(&s)
		if name, problem := s.Validate(); name != want || problem == "" {
			t.Errorf("%s is said to be at fault for %s: %s", name, want, problem)
		}
	}
}
