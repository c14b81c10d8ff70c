package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"unicode/utf8"
)

// FuzzRequestHash: the spelling of a body that is JSON does not matter, and
// writing it in one way changes nothing the second time.
func FuzzRequestHash(f *testing.F) {
	for _, body := range []string{`{"b":1,"a":[1.0,1e3,"x"]}`, ` {"a" : null}`, `{"a":1,"a":2}`, `"`, ``, `{"n":123456789012345678901234567890}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		once, err := canonical(body)
		if err != nil {
			return
		}
		twice, err := canonical(once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%q is written as %q, then as %q, %v", body, once, twice, err)
		}
		if requestHash("POST", "/x", body) != requestHash("POST", "/x", once) {
			t.Fatalf("%q and %q are two requests", body, once)
		}
		if requestHash("POST", "/x", body) == requestHash("POST", "/y", body) {
			t.Fatal("two paths are one request")
		}
	})
}

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
		if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) > mostTags || !utf8.ValidString(text) {
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
