package webhook_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"

	"one-api/internal/fault"
	"one-api/internal/webhook"
)

// resolver answers every question for an A record with what address gives at
// that moment.
func resolver(t *testing.T, address func() netip.Addr) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			q := buf[:n]
			end := 12 // the name, then its type and class
			for end < n && q[end] != 0 {
				end += int(q[end]) + 1
			}
			end += 5
			if end > n {
				continue
			}
			out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
			if binary.BigEndian.Uint16(q[end-4:]) == 1 {
				out[7] = 1
				ip := address().As4()
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				out = append(out, ip[:]...)
			}
			_, _ = conn.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name that was public when it was registered and is private at delivery
// must not be reached.
func TestANameThatRebindsIsRefusedAtDelivery(t *testing.T) {
	inside := newReceiver(t, nil)
	port := inside.URL[strings.LastIndex(inside.URL, ":"):]
	var private atomic.Bool
	s := webhook.NewSender(webhook.Options{
		Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, // stands for the public address, on any port
		Resolver: resolver(t, func() netip.Addr {
			if private.Load() {
				return netip.MustParseAddr("127.0.0.1")
			}
			return netip.MustParseAddr("198.51.100.7")
		}),
	})
	address := "http://hook.example" + port + "/"
	if err := s.Check(t.Context(), address, "url"); err != nil {
		t.Fatalf("at registration: %v", err)
	}
	private.Store(true)
	m := message(t, address)
	if got := s.Send(t.Context(), m, time.Now()); got.Err == nil || got.Code != 0 || !errors.Is(got.Err, ssrf.ErrProhibitedPort) && !errors.Is(got.Err, ssrf.ErrProhibitedIP) {
		t.Errorf("at delivery: %+v", got)
	}
	m.URL = "http://hook.example/" // an allowed port does not help
	if got := s.Send(t.Context(), m, time.Now()); !errors.Is(got.Err, ssrf.ErrProhibitedIP) {
		t.Errorf("at delivery, port 80: %+v", got)
	}
	if inside.calls.Load() != 0 {
		t.Error("the private receiver was reached")
	}
	if err := s.Check(t.Context(), "http://hook.example/", "url"); fault.From(err).Word() != "webhook_address_refused" || !strings.Contains(err.Error(), "WEBHOOK_ALLOW_CIDRS") {
		t.Errorf("registered again: %v", err)
	}
}

// An operator who allows the machine's own network does not allow the gateway
// and its database.
func TestTheGatewaysOwnAddressesAreRefusedInAnAllowedNetwork(t *testing.T) {
	r := newReceiver(t, nil)
	s := webhook.NewSender(webhook.Options{Allow: loopback})
	if got := s.Send(t.Context(), message(t, r.URL), time.Now()); got.Err != nil {
		t.Fatal(got.Err)
	}
	host, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []string{net.JoinHostPort(host, port), "[::]:" + port, ":" + port, "localhost:" + port} {
		s := webhook.NewSender(webhook.Options{Allow: loopback})
		s.Protect(own)
		for _, to := range []string{r.URL, "http://127.8.8.8:" + port, "http://[::1]:" + port} {
			if got := s.Send(t.Context(), message(t, to), time.Now()); !errors.Is(got.Err, webhook.ErrOwnAddress) {
				t.Errorf("%s is ours and %s answered %+v", own, to, got)
			}
		}
	}
}

func TestARedirectToTheMetadataServiceIsNotFollowed(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	if got := send(t, message(t, r.URL)); got.Code != http.StatusFound || got.Err == nil {
		t.Errorf("result %+v", got)
	}
}

func TestWhatIsKeptOfAnAnswerIsShortAndPrints(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("\x1b[31mno\x00\r\nshop 好 \xff" + strings.Repeat("x", 100_000)))
	})
	got := send(t, message(t, r.URL))
	if !strings.HasPrefix(got.Response, "[31mno  shop 好 x") || len(got.Response) > 1024 {
		t.Errorf("kept %q", got.Response)
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ in, least, most time.Duration }{{time.Hour, 59 * time.Minute, time.Hour}, {-time.Hour, 0, 0}, {90 * 24 * time.Hour, 24 * time.Hour, 24 * time.Hour}} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", now.Add(c.in).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		})
		if got := webhook.NewSender(webhook.Options{Allow: loopback}).Send(t.Context(), message(t, r.URL), now); got.RetryAfter < c.least || got.RetryAfter > c.most {
			t.Errorf("a date in %s is %s", c.in, got.RetryAfter)
		}
	}
}

func TestAnEndpointsSecretIsItsOwn(t *testing.T) {
	k := keyring(t)
	if a := webhook.EndpointSecret(k, 7, 1); a == webhook.SigningSecret(k, 7, 1) || a == webhook.EndpointSecret(k, 7, 2) || a == webhook.EndpointSecret(k, 8, 1) {
		t.Error("two things have one secret")
	}
	now := time.Now()
	for name, c := range map[string]struct {
		generation int
		rotated    time.Time
		want       int
	}{
		"never rotated": {1, time.Time{}, 1},
		"just now":      {2, now, 2},
		"a day ago":     {2, now.Add(-webhook.Overlap), 1},
		"at once":       {2, time.Time{}, 1},
	} {
		if got := webhook.InForce(c.generation, c.rotated, now); len(got) != c.want || got[0] != c.generation {
			t.Errorf("%s: %v", name, got)
		}
	}
}
