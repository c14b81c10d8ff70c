package generation

import "testing"

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
		if RequestHash("POST", "/x", body) != RequestHash("POST", "/x", once) {
			t.Fatalf("%q and %q are two requests", body, once)
		}
		if RequestHash("POST", "/x", body) == RequestHash("POST", "/y", body) {
			t.Fatal("two paths are one request")
		}
	})
}
