package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"

	"one-api/internal/generation"
)

// FuzzTags: what is taken is an object of texts within its bounds.
func FuzzTags(f *testing.F) {
	f.Add("team=ads,job=17", "k", "v")
	f.Add("=,,a=b=c", "", "")
	f.Add("a=\x00", "b\n", "\u202e")
	f.Fuzz(func(t *testing.T, header, name, value string) {
		r := &http.Request{Header: http.Header{"X-Tags": {header}}}
		text, err := tags(r, map[string]string{name: value})
		if err != nil {
			return
		}
		var out map[string]string
		if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) > generation.MostTags || !utf8.ValidString(text) {
			t.Fatalf("%q and %q=%q made %q, %v", header, name, value, text, err)
		}
	})
}

// FuzzListTime: a time is refused, or within what the database can hold.
func FuzzListTime(f *testing.F) {
	for _, text := range []string{`1700000000000`, `"1700000000000"`, `null`, `-1`, `1e5`, `""`, `{}`, `"١"`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		at, err := listTime(raw, "start_time")
		if err == nil && !at.IsZero() && (at.Year() < 1970 || at.Year() > 5200) {
			t.Fatalf("%q is %v", raw, at)
		}
	})
}
