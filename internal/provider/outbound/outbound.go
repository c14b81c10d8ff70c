// Package outbound is the HTTP client that providers share: it sends one
// request to one upstream host, never follows a redirect, and says truly
// whether any byte of the request can have arrived.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"one-api/internal/faultpoint"
	"one-api/internal/provider"
	"one-api/internal/secret"
)

// Options tune the client that providers share. Every zero field has a default.
type Options struct {
	DialTimeout time.Duration // 10 s; also for the TLS handshake
	// IdleTimeout closes connections that nobody used for so long; 15 s. It is
	// meant to be shorter than the upstream's own: a create that meets a
	// connection which the other end is just closing cannot be told from one
	// that arrived.
	IdleTimeout time.Duration
	IdleConns   int // idle connections kept for one host; 256

	// ProxyFromEnvironment obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Off by
	// default: a variable left in a shell must not see provider keys.
	ProxyFromEnvironment bool

	TLS  *tls.Config                                                       // nil: the system's roots
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: the system's dialer
}

// New returns the client. Its requests are limited by their context alone.
func New(o Options) *http.Client {
	if o.DialTimeout <= 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 15 * time.Second
	}
	if o.IdleConns <= 0 {
		o.IdleConns = 256
	}
	if o.Dial == nil {
		d := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
		o.Dial = d.DialContext
	}
	t := &http.Transport{
		DialContext:            o.Dial,
		TLSClientConfig:        o.TLS,
		TLSHandshakeTimeout:    o.DialTimeout,
		ForceAttemptHTTP2:      true, // a DialContext of one's own turns it off otherwise
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: o.IdleTimeout, PingTimeout: 10 * time.Second},
		MaxIdleConnsPerHost:    o.IdleConns,
		IdleConnTimeout:        o.IdleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if o.ProxyFromEnvironment {
		t.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// MaxAnswer is the most that is read of an answer, after decompression.
const MaxAnswer = 4 << 20

// Client makes calls for one provider. It is safe for concurrent use.
type Client struct {
	transport http.RoundTripper
	timeout   time.Duration
}

// Use takes the transport and the time limit of c, and nothing else: redirects
// are never followed and no cookie is kept, whatever c says.
func Use(c *http.Client) *Client {
	if c == nil {
		c = New(Options{})
	}
	t := c.Transport
	if t == nil {
		t = http.DefaultTransport
	}
	return &Client{transport: t, timeout: c.Timeout}
}

// Call is one request to an upstream account.
type Call struct {
	BaseURL string // "https://host" or "https://host/prefix"; the request goes to this host
	Path    string // escaped, starts with "/", e.g. "/v1/videos/text2video"
	Query   string // encoded, without "?"
	Token   secret.Text
	Body    []byte // JSON; of creates, and of questions that are put by POST
}

// Answer is what came back in full. Redirects are answers like any other.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Create posts a call once. An error is a *provider.Error: Unreachable when no
// byte of the request was written, Unsure otherwise.
func (c *Client) Create(ctx context.Context, call Call) (Answer, error) {
	w := &witness{}
	a, err := c.do(w.watch(ctx), http.MethodPost, call, w)
	if err == nil {
		return a, nil
	}
	if a.Status == 0 && w.nothingWritten() {
		return a, &provider.Error{Kind: provider.Unreachable, Message: "no byte of the request was sent", Cause: err}
	}
	return a, &provider.Error{Kind: provider.Unsure, HTTPStatus: a.Status, Message: "the request may have arrived", Cause: err}
}

// Ask gets a call, or posts one with a body, which may safely be made twice. An
// error is a *provider.Error of kind Unanswered.
func (c *Client) Ask(ctx context.Context, call Call) (Answer, error) {
	method := http.MethodGet
	if call.Body != nil {
		method = http.MethodPost
	}
	a, err := c.do(ctx, method, call, nil)
	if err != nil {
		return a, &provider.Error{Kind: provider.Unanswered, HTTPStatus: a.Status, Message: "no usable answer", Cause: err}
	}
	return a, nil
}

var (
	errNoHTTPS = errors.New("the base URL must look like https://host, without user, query or fragment")
	errTooLong = fmt.Errorf("the answer is larger than %d MiB", MaxAnswer>>20)
)

// do makes one exchange. With an error, the answer has a status when the head
// of an answer arrived.
func (c *Client) do(ctx context.Context, method string, call Call, w *witness) (Answer, error) {
	u, err := address(call)
	if err != nil {
		return Answer{}, err
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	req := (&http.Request{
		Method: method,
		URL:    u,
		Header: http.Header{
			"Authorization": {"Bearer " + call.Token.Reveal()},
			"Content-Type":  {"application/json"},
			"User-Agent":    {"one-api"},
		},
		ProtoMajor: 1,
		ProtoMinor: 1,
	}).WithContext(ctx)
	if method == http.MethodPost {
		// No Idempotency-Key stands among the headers: it would let net/http
		// repeat a POST that may have arrived.
		req.Body = body(call.Body)
		req.ContentLength = int64(len(call.Body))
		req.GetBody = func() (io.ReadCloser, error) {
			if w != nil {
				if err := w.resend(); err != nil {
					return nil, err
				}
			}
			return body(call.Body), nil
		}
	}
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	if w != nil {
		w.handed = true
	}
	// The transport, not http.Client: nothing here can follow a redirect, so the
	// token cannot reach another host.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // read to the end, or given up
	if w != nil {
		faultpoint.Here("outbound.create.answering")
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = read(resp.Body, resp.ContentLength)
	return a, err
}

// address is the call's URL. Its host is the account's, whatever the path says.
func address(call Call) (*url.URL, error) {
	u, err := url.Parse(call.BaseURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, errNoHTTPS // the parser's own words would quote the URL
	}
	if !strings.HasPrefix(call.Path, "/") {
		return nil, fmt.Errorf("path %.60q does not start with a slash", call.Path)
	}
	escaped := strings.TrimSuffix(u.EscapedPath(), "/") + call.Path
	u.Path, u.RawPath, u.RawQuery = escaped, "", call.Query
	if strings.Contains(escaped, "%") {
		if u.Path, err = url.PathUnescape(escaped); err != nil {
			return nil, err
		}
		u.RawPath = escaped
	}
	return u, nil
}

func read(r io.Reader, declared int64) ([]byte, error) {
	if declared > MaxAnswer {
		return nil, errTooLong
	}
	size := 1024
	if declared >= 0 {
		size = int(declared) + 1 // one more shows the end without growing
	}
	b := make([]byte, 0, size)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > MaxAnswer:
			return nil, errTooLong
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// RetryAfter is how long the upstream asks to wait: its Retry-After in seconds
// or as a date, at most an hour; 0 when it does not say.
func (a Answer) RetryAfter(now time.Time) time.Duration {
	text := a.Header.Get("Retry-After")
	if text == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), time.Hour)
}

// Scrub makes an upstream's text fit for logs and people: no secret of ours,
// no control character, at most 500 bytes.
func Scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}
