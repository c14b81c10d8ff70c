package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"
)

// Results fetches results from the addresses that upstreams give. An address is
// an upstream's word and no more: connections to private networks, to this
// machine and to clouds' metadata are refused when they are made, whatever a
// name resolves to. Create it with NewResults.
type Results struct {
	public, own *http.Transport
}

// NewResults returns the fetcher. dial reaches the hosts of channels, which the
// operator has named; nil is the system's dialer.
func NewResults(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *Results {
	transport := func(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Transport {
		return &http.Transport{
			DialContext: dial, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			DisableCompression: true, // ranges count stored bytes
		}
	}
	guard := ssrf.New(ssrf.WithPorts(80, 443, 8443))
	public := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: guard.Safe}
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &Results{public: transport(public.DialContext), own: transport(dial)}
}

// mostHops bounds the redirects of one fetch.
const mostHops = 4

var errHops = errors.New("too many redirects")

// Get fetches an address. The host of base, a channel's base URL, is reached
// wherever it is; "" is none. Each redirect is judged anew.
func (f *Results) Get(ctx context.Context, address, base string, header http.Header) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address of the result cannot be read") // the error repeats it
	}
	for range mostHops {
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			return nil, errors.New("the address of the result is not one of http or https")
		}
		req := (&http.Request{Method: http.MethodGet, URL: u, Header: header.Clone(), ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
		if req.Header == nil {
			req.Header = http.Header{}
		}
		req.Header.Set("User-Agent", "one-api")
		via := f.public
		if sameHost(u, base) {
			via = f.own
		}
		resp, err := via.RoundTrip(req)
		if err != nil {
			return nil, fmt.Errorf("fetch a result from %s: %w", u.Host, err)
		}
		to := resp.Header.Get("Location")
		if resp.StatusCode < 301 || resp.StatusCode > 308 || resp.StatusCode == http.StatusNotModified || to == "" {
			return resp, nil
		}
		_ = resp.Body.Close()
		if u, err = u.Parse(to); err != nil {
			return nil, errors.New("the result was moved to an address that cannot be read")
		}
	}
	return nil, errHops
}

// sameHost reports whether an address has the host and port of a channel's base
// URL.
func sameHost(u *url.URL, base string) bool {
	b, err := url.Parse(base)
	return err == nil && b.Host != "" && strings.EqualFold(hostPort(u), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Refused reports whether a fetch failed because its address is none that may
// be fetched.
func Refused(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) || errors.Is(err, ssrf.ErrProhibitedNetwork) || errors.Is(err, ssrf.ErrInvalidHostPort)
}
