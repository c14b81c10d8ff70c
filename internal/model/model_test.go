package model_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"one-api/internal/model"
)

func TestBase(t *testing.T) {
	for name, want := range map[string]string{
		"kling-v1-6-pro":   "kling-v1-6",
		"kling-v1-6-std":   "kling-v1-6",
		"kling-v3-4k":      "kling-v3",
		"kling-v1-6":       "kling-v1-6",
		"kling-v1-6-turbo": "kling-v1-6-turbo",
		"kling-v1-6-PRO":   "kling-v1-6-PRO",
		"pro":              "pro",
		"-pro":             "-pro",
		"":                 "",
		"a-pro-std":        "a-pro",
	} {
		if got := model.Base(name); got != want {
			t.Errorf("Base(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		entry, name string
		want        bool
	}{
		{"*", "kling-v1-6-pro", true},
		{"kling-v1-6-pro", "kling-v1-6-pro", true},
		{"kling-v1-6-pro", "kling-v1-6-std", false},
		{"kling-v1-6", "kling-v1-6-pro", true},
		{"kling-v1-6", "kling-v1-6", true},
		{"kling-v1-6-pro", "kling-v1-6", false},
		{"kling-v1", "kling-v1-6-pro", false}, // a prefix is no base name
		{"kling-v1", "kling-v1-pro", true},
		{"kling-v1*", "kling-v1-6-pro", true},
		{"kling-v1*", "kling-v2-pro", false},
		{"*-pro", "kling-v1-6-pro", false}, // only the end may be open
		{"", "kling-v1-6-pro", false},
		{"KLING-V1-6", "kling-v1-6-pro", false},
	} {
		if got := model.Covers(c.entry, c.name); got != c.want {
			t.Errorf("Covers(%q, %q) = %t, want %t", c.entry, c.name, got, c.want)
		}
	}
}

func TestListLeavesOutBlanks(t *testing.T) {
	if diff := cmp.Diff([]string{"a", "b c", "d"}, model.List(" a ,,b c,\n, d,")); diff != "" {
		t.Error(diff)
	}
	for _, none := range []string{"", " ", ",", " , ,"} {
		if got := model.List(none); len(got) != 0 {
			t.Errorf("List(%q) = %q", none, got)
		}
	}
}
