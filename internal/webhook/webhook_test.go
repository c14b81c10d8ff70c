package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/fault"
	"one-api/internal/secret"
	"one-api/internal/webhook"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func keyring(t *testing.T) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// receiver is a customer's server; got holds the last request.
type receiver struct {
	*httptest.Server
	calls  atomic.Int64
	header http.Header
	method string
	body   []byte
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.calls.Add(1)
		r.header, r.method = req.Header.Clone(), req.Method
		r.body, _ = io.ReadAll(req.Body)
		if answer != nil {
			answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func message(t *testing.T, url string) webhook.Message {
	return webhook.Message{
		ID: "evt_1", URL: url, Payload: []byte(`{"task_id":"kling_1","text":"视频"}`),
		Secrets: []secret.Text{webhook.SigningSecret(keyring(t), 7, 1)},
	}
}

func send(t *testing.T, m webhook.Message) webhook.Result {
	t.Helper()
	return webhook.NewSender(webhook.Options{Allow: loopback}).Send(t.Context(), m, time.Now())
}

func TestADeliveryIsSignedAsStandardWebhooksSay(t *testing.T) {
	r := newReceiver(t, nil)
	m := message(t, r.URL+"/hook?tenant=4")
	if got := send(t, m); got.Err != nil || got.Code != 200 {
		t.Fatalf("result %+v", got)
	}
	if r.method != http.MethodPost || string(r.body) != string(m.Payload) {
		t.Errorf("got %s with %q", r.method, r.body)
	}
	if r.header.Get("webhook-id") != "evt_1" || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", r.header)
	}
	wh, err := standardwebhooks.NewWebhook(m.Secrets[0].Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify(r.body, r.header); err != nil {
		t.Errorf("the receiver's library refuses it: %v", err)
	}
	if err := wh.Verify(append([]byte(" "), r.body...), r.header); err == nil {
		t.Error("a changed body verifies")
	}
}

func TestBothSecretsVerifyDuringARotation(t *testing.T) {
	r := newReceiver(t, nil)
	k := keyring(t)
	m := message(t, r.URL)
	m.Secrets = []secret.Text{webhook.SigningSecret(k, 7, 2), webhook.SigningSecret(k, 7, 1)}
	if got := send(t, m); got.Err != nil {
		t.Fatal(got.Err)
	}
	for generation, want := range map[int]bool{1: true, 2: true, 3: false} {
		wh, err := standardwebhooks.NewWebhook(webhook.SigningSecret(k, 7, generation).Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(r.body, r.header); (err == nil) != want {
			t.Errorf("secret of generation %d: %v, verifies %t", generation, err, want)
		}
	}
}

func TestSigningSecretsDiffer(t *testing.T) {
	k := keyring(t)
	one := webhook.SigningSecret(k, 1, 11)
	if !strings.HasPrefix(one.Reveal(), "whsec_") || one != webhook.SigningSecret(k, 1, 11) {
		t.Errorf("a secret is %q", one.Reveal())
	}
	if one == webhook.SigningSecret(k, 11, 1) || one == webhook.SigningSecret(k, 1, 12) || one == webhook.SigningSecret(k, 2, 11) {
		t.Error("two users or generations have one secret")
	}
}

func TestASecretThatIsNoneIsAnErrorAndNothingIsSent(t *testing.T) {
	r := newReceiver(t, nil)
	m := message(t, r.URL)
	m.Secrets = []secret.Text{"whsec_***"}
	if got := send(t, m); got.Err == nil || r.calls.Load() != 0 {
		t.Errorf("result %+v after %d calls", got, r.calls.Load())
	}
}

// TestAddressesThatNobodyOutsideMayReachAreRefusedAtDial uses port 80, so that
// the address alone is at fault.
func TestAddressesThatNobodyOutsideMayReachAreRefusedAtDial(t *testing.T) {
	sender := webhook.NewSender(webhook.Options{})
	for _, host := range []string{
		"127.0.0.1", "127.8.8.8", "localhost", "[::1]", "0.0.0.0", "[::]",
		"10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1",
		"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]",
		"[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]",
		"[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
		"192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]",
		"224.0.0.1", "[ff02::1]", "240.0.0.1", "255.255.255.255",
	} {
		t.Run(host, func(t *testing.T) {
			got := sender.Send(t.Context(), message(t, "http://"+host+":80/"), time.Now())
			if !errors.Is(got.Err, ssrf.ErrProhibitedIP) {
				t.Errorf("err = %v, want a prohibited address", got.Err)
			}
			if got.Code != 0 {
				t.Errorf("somebody answered %d", got.Code)
			}
		})
	}
}

func TestPortsThatNoWebhookHasAreRefusedAtDial(t *testing.T) {
	for _, port := range []string{"22", "3306", "5432", "6379", "3000"} {
		got := webhook.NewSender(webhook.Options{}).Send(t.Context(), message(t, "http://192.0.43.7:"+port+"/"), time.Now())
		if !errors.Is(got.Err, ssrf.ErrProhibitedPort) {
			t.Errorf("port %s: err = %v, want a prohibited port", port, got.Err)
		}
	}
}

func TestOnlyTheAllowedNetworkPasses(t *testing.T) {
	r := newReceiver(t, nil)
	m := message(t, r.URL)
	for name, c := range map[string]struct {
		allow []netip.Prefix
		want  bool
	}{
		"none":            {nil, false},
		"another network": {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, false},
		"this network":    {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true},
		"this address":    {[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}, true},
	} {
		before := r.calls.Load()
		got := webhook.NewSender(webhook.Options{Allow: c.allow}).Send(t.Context(), m, time.Now())
		if reached := r.calls.Load() > before; reached != c.want || (got.Err == nil) != c.want {
			t.Errorf("%s: reached %t, err %v, want %t", name, reached, got.Err, c.want)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	target := newReceiver(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, target.URL, status) })
		if got := send(t, message(t, r.URL)); got.Code != status || got.Err == nil {
			t.Errorf("%d: result %+v, want a failure", status, got)
		}
	}
	if n := target.calls.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

func TestOnlyA2xxIsDelivered(t *testing.T) {
	for status, delivered := range map[int]bool{200: true, 201: true, 204: true, 299: true, 304: false, 400: false, 404: false, 410: false, 429: false, 500: false, 503: false} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		got := send(t, message(t, r.URL))
		if got.Code != status || (got.Err == nil) != delivered || got.Gone != (status == http.StatusGone) {
			t.Errorf("%d: result %+v", status, got)
		}
	}
}

func TestRetryAfterIsHonouredUpToADay(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":                    0,
		"120":                 2 * time.Minute,
		"86400":               24 * time.Hour,
		"86401":               24 * time.Hour,
		"9999999":             24 * time.Hour,
		"9300000000":          24 * time.Hour, // beyond what a Duration holds
		"9223372036854775807": 24 * time.Hour,
		"0":                   0,
		"-5":                  0,
		"soon":                0,
	} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		if got := send(t, message(t, r.URL)); got.RetryAfter != want {
			t.Errorf("Retry-After: %s is %s, want %s", text, got.RetryAfter, want)
		}
	}
}

func TestAReceiverThatAnswersTooMuchIsCutOff(t *testing.T) {
	stopped := make(chan struct{})
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		defer close(stopped)
		chunk := []byte(strings.Repeat("x", 32<<10))
		for req.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if got := send(t, message(t, r.URL)); got.Err != nil || got.Code != 200 {
		t.Errorf("result %+v", got)
	}
	<-stopped // the connection was closed
}

func TestATryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	arrived, leave := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-leave })
	go func() { <-arrived; cancel() }()
	got := webhook.NewSender(webhook.Options{Allow: loopback}).Send(ctx, message(t, r.URL), time.Now())
	close(leave)
	if !errors.Is(got.Err, context.Canceled) || got.Code != 0 {
		t.Errorf("result %+v, want canceled", got)
	}
}

func TestAnErrorDoesNotRepeatTheAddress(t *testing.T) {
	got := webhook.NewSender(webhook.Options{}).Send(t.Context(), message(t, "http://127.0.0.1:80/hook?token=swordfish"), time.Now())
	if got.Err == nil || strings.Contains(got.Err.Error(), "swordfish") {
		t.Errorf("err = %v", got.Err)
	}
}

func TestNextTriesForThreeDays(t *testing.T) {
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	var total time.Duration
	for i, w := range want {
		total += w
		different := map[time.Duration]bool{}
		for range 50 {
			got, ok := webhook.Next(i + 1)
			if !ok || got < w-w/10 || got > w+w/10 {
				t.Fatalf("Next(%d) = %s, %t, want %s within a tenth", i+1, got, ok, w)
			}
			different[got] = true
		}
		if len(different) < 2 {
			t.Errorf("Next(%d) has no jitter", i+1)
		}
	}
	if total < 75*time.Hour || total > 76*time.Hour {
		t.Errorf("tries go on for %s, want 75 h", total)
	}
	for _, n := range []int{-1, 0, len(want) + 1, 1 << 30} {
		if _, ok := webhook.Next(n); ok {
			t.Errorf("there is a try after number %d", n)
		}
	}
}

func TestCheckURL(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("a", 2048)
	for text, ok := range map[string]bool{
		"https://example.com/hook":          true,
		"http://example.com":                true,
		"https://example.com:8443/a?b=c":    true,
		"https://例子.example/钩子":             true,
		"HTTPS://example.com/":              true,
		"https://[2001:db8::1]/hook":        true,
		long[:2048]:                         true,
		long[:2049]:                         false,
		"":                                  false,
		"example.com/hook":                  false,
		"//example.com/hook":                false,
		"/hook":                             false,
		"ftp://example.com/":                false,
		"javascript:alert(1)":               false,
		"file:///etc/passwd":                false,
		"gopher://example.com/":             false,
		"https://":                          false,
		"https:///hook":                     false,
		"https://user:pw@example.com/":      false,
		"https://user@example.com/":         false,
		"https://example.com/#part":         false,
		"https://exa mple.com/":             false,
		"https://example.com/\nHost: other": false,
		"https://example.com:port/":         false,
		"https://%zz/":                      false,
	} {
		err := webhook.CheckURL(text, "callback_url")
		if (err == nil) != ok {
			t.Errorf("CheckURL(%.60q) = %v, want ok %t", text, err, ok)
		}
		if err == nil {
			continue
		}
		f := fault.From(err)
		if f.Code != fault.Invalid || f.Field != "callback_url" || !strings.Contains(f.Message, "callback_url") || strings.Contains(f.Message, "%!") {
			t.Errorf("CheckURL(%.60q) says %s at %q: %s", text, f.Code, f.Field, f.Message)
		}
	}
}

func TestOneReceiverHoldsFewConnections(t *testing.T) {
	const tries = 3 * webhook.MaxPerHost / 2
	var open, most atomic.Int64
	full, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r := newReceiver(t, nil)
	r.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		n := open.Add(1)
		defer open.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == webhook.MaxPerHost {
			once.Do(func() { close(full) })
		}
		<-leave
	})
	sender := webhook.NewSender(webhook.Options{Allow: loopback})
	results := make(chan error, tries)
	for i := range tries {
		m := message(t, r.URL)
		m.ID = "evt_" + strconv.Itoa(i)
		go func() { results <- sender.Send(t.Context(), m, time.Now()).Err }()
	}
	<-full
	close(leave)
	for range tries {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if got := most.Load(); got > webhook.MaxPerHost {
		t.Errorf("%d connections were open at once, want at most %d", got, webhook.MaxPerHost)
	}
}
