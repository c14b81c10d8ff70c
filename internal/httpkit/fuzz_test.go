package httpkit_test

import (
	"net/http"
	"net/netip"
	"testing"

	"one-api/internal/httpkit"
)

// FuzzClientAddr: only a trusted proxy can say who calls, and never that nobody
// does.
func FuzzClientAddr(f *testing.F) {
	f.Add("10.0.0.1:99", "203.0.113.7, 10.0.0.2", "")
	f.Add("198.51.100.1:1", "127.0.0.1", "127.0.0.1")
	f.Add("[::1]:1", "unknown,,", "x")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, peer, forwarded, real string) {
		from, err := netip.ParseAddrPort(peer)
		if err != nil {
			return // net/http writes it, nobody else
		}
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}, "X-Real-Ip": {real}}}
		got := httpkit.ClientAddr(r, trusted)
		if !got.IsValid() {
			t.Fatalf("from %s with %q: nobody", peer, forwarded)
		}
		if !trusted[0].Contains(from.Addr().Unmap()) && got.WithZone("").Unmap() != from.Addr().WithZone("").Unmap() {
			t.Fatalf("%s says that it is %s, and is believed", peer, got)
		}
	})
}
