// Package webhook calls customers back: it signs, guards against addresses
// that nobody outside may reach through us, and knows when to try again.
//
// Signatures and headers are those of Standard Webhooks
// (https://www.standardwebhooks.com).
package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

// SigningSecret is a user's secret of one generation, in the form that
// receivers paste into their libraries: "whsec_…". It is derived, so that
// rotation is the raising of a number.
func SigningSecret(keys *secret.Keyring, userID int64, generation int) secret.Text {
	mac := secret.MAC(keys.Derive("webhook signing"), strconv.FormatInt(userID, 10), strconv.Itoa(generation))
	return secret.Text("whsec_" + base64.StdEncoding.EncodeToString(mac))
}

// Overlap is how long after a rotation the old secret signs beside the new.
const Overlap = 24 * time.Hour

// Message is one delivery.
type Message struct {
	ID      string // the event's; the same on every try
	URL     string
	Payload []byte
	Secrets []secret.Text // one, or two within Overlap of a rotation
}

// Result is how a try ended. Err is nil exactly for a 2xx answer.
type Result struct {
	Code       int           // HTTP status, 0 without an answer
	RetryAfter time.Duration // as the receiver asked, at most a day
	Gone       bool          // 410: the receiver wants no more
	Err        error
}

// Sender delivers messages. Create it with NewSender.
type Sender struct{ client *http.Client }

// Timeout bounds one try.
const Timeout = 15 * time.Second

// maxConnsPerHost bounds what one receiver may hold open of ours.
const maxConnsPerHost = 4

// NewSender returns a sender that connects only to public addresses and to
// those in allow.
func NewSender(allow []netip.Prefix) *Sender {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: guard(allow)}
	return &Sender{client: &http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  Timeout,
			MaxConnsPerHost:        maxConnsPerHost,
			MaxIdleConnsPerHost:    maxConnsPerHost,
			MaxIdleConns:           64,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// guard checks each connection's resolved address, so that a name which
// resolves elsewhere the second time gains nothing.
func guard(allow []netip.Prefix) func(network, address string, c syscall.RawConn) error {
	public := ssrf.New(ssrf.WithPorts(80, 443, 8443)).Safe
	return func(network, address string, c syscall.RawConn) error {
		if ap, err := netip.ParseAddrPort(address); err == nil {
			for _, p := range allow {
				if p.Contains(ap.Addr().Unmap()) {
					return nil
				}
			}
		}
		return public(network, address, c)
	}
}

// Send makes one try.
func (s *Sender) Send(ctx context.Context, m Message, now time.Time) Result {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Payload))
	if err != nil {
		return Result{Err: err}
	}
	var signatures []string
	for _, text := range m.Secrets {
		wh, err := standardwebhooks.NewWebhook(text.Reveal())
		if err != nil {
			return Result{Err: err}
		}
		sig, err := wh.Sign(m.ID, now, m.Payload)
		if err != nil {
			return Result{Err: err}
		}
		signatures = append(signatures, sig)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "one-api-webhook/1")
	req.Header.Set("webhook-id", m.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("webhook-signature", strings.Join(signatures, " "))
	resp, err := s.client.Do(req)
	if err != nil {
		var u *url.Error // its text repeats the whole address
		if errors.As(err, &u) {
			err = u.Err
		}
		return Result{Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // lets the connection be used again
	r := Result{Code: resp.StatusCode, Gone: resp.StatusCode == http.StatusGone}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		r.Err = fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		r.RetryAfter = time.Duration(min(n, 24*3600)) * time.Second
	}
	return r
}

// gaps are the waits before each further try: about 75 hours in all.
var gaps = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Next is the wait after the n-th failed try (from 1), a tenth of jitter either
// way; ok is false when there is no further try.
func Next(n int) (wait time.Duration, ok bool) {
	if n < 1 || n > len(gaps) {
		return 0, false
	}
	g := gaps[n-1]
	return g - g/10 + rand.N(g/5), true
}

// CheckURL refuses an address that cannot be called, with a message for the
// person who gave it. Whether its host may be reached is decided at each
// connection.
func CheckURL(text, field string) error {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "%s "+format, append([]any{field}, args...)...).Named("invalid_parameter").At(field)
	}
	if len(text) > 2048 {
		return bad("is longer than 2048 characters.")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return bad("must be an http or https address.")
	case u.User != nil:
		return bad("must not contain a user name or password.")
	case u.Fragment != "":
		return bad("must not contain a fragment.")
	}
	return nil
}
