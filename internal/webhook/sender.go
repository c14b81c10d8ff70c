package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"one-api/internal/fault"
	"one-api/internal/secret"
)

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
	Response   string        // beginning of the answer's body, printable; for operators only
	Took       time.Duration
	Err        error
}

// Options say where a sender may go.
type Options struct {
	// Allow are private networks that the operator permits, on any port.
	Allow []netip.Prefix
	// Resolver finds the addresses of names; nil: the system's.
	Resolver *net.Resolver
}

// Sender delivers messages. Create it with NewSender.
type Sender struct {
	client *http.Client
	guard  *guard
}

// Timeout bounds one try.
const Timeout = 15 * time.Second

// MaxPerHost bounds the connections, and so the open files, that one receiver
// can hold.
const MaxPerHost = 64

// Ports are where receivers outside of Options.Allow may listen.
var Ports = []uint16{80, 443, 8443}

const (
	maxResponse = 1 << 10  // what is kept of an answer, bytes
	maxRead     = 64 << 10 // what is read of one, so that its connection can be used again
)

// NewSender returns a sender that connects only to public addresses and to
// those allowed. No proxy of the environment is asked: it would resolve names
// by itself.
func NewSender(o Options) *Sender {
	g := &guard{allow: o.Allow, resolver: o.Resolver, public: ssrf.New(ssrf.WithPorts(Ports...))}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: g.control, Resolver: o.Resolver}
	return &Sender{guard: g, client: &http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  Timeout,
			MaxConnsPerHost:        MaxPerHost,
			MaxIdleConnsPerHost:    MaxPerHost / 2,
			MaxIdleConns:           256,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Protect names addresses of the gateway itself, as host:port: its listeners,
// its database, its Redis. They are refused whatever network is allowed.
func (s *Sender) Protect(addresses ...string) {
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	for _, a := range addresses {
		if host, port, err := net.SplitHostPort(a); err == nil {
			if n, err := strconv.ParseUint(port, 10, 16); err == nil {
				s.guard.own = append(s.guard.own, ownAddress{host, uint16(n)})
			}
		}
	}
}

// guard checks each connection's resolved address, so that a name which
// resolves elsewhere the second time gains nothing.
type guard struct {
	allow    []netip.Prefix
	resolver *net.Resolver
	public   *ssrf.Guardian

	mu  sync.RWMutex
	own []ownAddress
}

type ownAddress struct {
	host string // "" or an unspecified address: every address of this machine
	port uint16
}

// ErrOwnAddress is the refusal to call the gateway's own listeners, its
// database or its Redis.
var ErrOwnAddress = errors.New("prohibited address of the gateway itself")

// control is called between the resolution of a name and the connection.
func (g *guard) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s", ssrf.ErrProhibitedNetwork, network)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ssrf.ErrInvalidHostPort, address)
	}
	return g.judge(to)
}

func (g *guard) judge(to netip.AddrPort) error {
	if g.isOwn(to) {
		return fmt.Errorf("%w: %s", ErrOwnAddress, to)
	}
	for _, p := range g.allow {
		if p.Contains(to.Addr().Unmap()) {
			return nil
		}
	}
	return g.public.SafeAddrPort(to)
}

// isOwn looks names up only for ports on which the gateway or its database
// listens; what cannot be looked up then is taken for its own.
func (g *guard) isOwn(to netip.AddrPort) bool {
	g.mu.RLock()
	own := g.own
	g.mu.RUnlock()
	for _, o := range own {
		if o.port != to.Port() {
			continue
		}
		addrs := []netip.Addr{netip.IPv4Unspecified()}
		if o.host != "" {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			found, err := g.resolver.LookupNetIP(ctx, "ip", o.host)
			cancel()
			if err != nil {
				return true
			}
			addrs = found
		}
		ip := to.Addr().WithZone("").Unmap()
		for _, a := range addrs {
			if a = a.WithZone("").Unmap(); a == ip || onThisMachine(a) && onThisMachine(ip) {
				return true
			}
		}
	}
	return false
}

func onThisMachine(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(list, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().WithZone("").Unmap() == ip
	})
}

// Check refuses an address that could not be called now, with a message for
// the person who gives it. It is a courtesy: each connection is judged anew.
func (s *Sender) Check(ctx context.Context, text, field string) error {
	if err := CheckURL(text, field); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	addrs, err := s.guard.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	var dns *net.DNSError
	if err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
		return nil // the resolver's trouble, not the address's
	}
	port := uint16(443)
	if u.Scheme == "http" {
		port = 80
	}
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return fault.New(fault.Invalid, "%s has no port from 1 to 65535.", field).Named("invalid_parameter").At(field)
		}
		port = uint16(n)
	}
	for _, a := range addrs {
		switch err := s.guard.judge(netip.AddrPortFrom(a.Unmap(), port)); {
		case err == nil:
			return nil
		case errors.Is(err, ssrf.ErrProhibitedPort):
			return fault.New(fault.Unprocessable, "%s has port %d. Webhooks go to ports 80, 443 and 8443.", field, port).Named("webhook_address_refused").At(field)
		}
	}
	// One text for unknown and for private names: neither is anybody's business.
	return fault.New(fault.Unprocessable, "%s does not lead to a public address. If the receiver is in a private network, the operator can allow that network with WEBHOOK_ALLOW_CIDRS.", field).
		Named("webhook_address_refused").At(field)
}

// Send makes one try.
func (s *Sender) Send(ctx context.Context, m Message, now time.Time) (r Result) {
	began := time.Now()
	defer func() { r.Took = time.Since(began) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Payload))
	if err != nil {
		return Result{Err: errors.New("the address cannot be called")} // the error repeats it
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
	r = Result{Code: resp.StatusCode, Gone: resp.StatusCode == http.StatusGone, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now)}
	head, _ := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	r.Response = sanitise(string(head))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRead)) // lets the connection be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		r.Err = fmt.Errorf("the receiver answered %d", resp.StatusCode)
	}
	return r
}

// retryAfter reads either form of the header: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	const most = 24 * time.Hour
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(n, int(most/time.Second)))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), most))
	}
	return 0
}

// sanitise makes a receiver's text fit for a terminal and a database.
func sanitise(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}
