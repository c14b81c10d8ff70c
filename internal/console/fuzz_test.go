package console

import (
	"encoding/base64"
	"testing"

	"one-api/internal/fault"
)

// FuzzCursor: a cursor is refused, or stands for what was put into it.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{"", "MTI", "!!", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk", "MTI=", "AA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := PageIn{Cursor: text}
		key, err := p.after()
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := (&PageIn{Cursor: base64.RawURLEncoding.EncodeToString([]byte(key))}).after()
		if err != nil || again != key {
			t.Fatalf("%q stands for %q, then for %q, %v", text, key, again, err)
		}
		if _, err := p.afterID(); err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
