// Package httpkit is what all HTTP rooms share: reading a body within limits,
// writing an answer, the one table from fault to status, and the middleware
// around every request.
package httpkit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"one-api/internal/fault"
	"one-api/internal/telemetry"
)

// statuses is the one table from Code to HTTP status.
var statuses = map[fault.Code]int{
	fault.Invalid:           http.StatusBadRequest,
	fault.Unauthenticated:   http.StatusUnauthorized,
	fault.InsufficientQuota: http.StatusPaymentRequired,
	fault.Forbidden:         http.StatusForbidden,
	fault.NotFound:          http.StatusNotFound,
	fault.MethodNotAllowed:  http.StatusMethodNotAllowed,
	fault.Conflict:          http.StatusConflict,
	fault.TooLarge:          http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:  http.StatusUnsupportedMediaType,
	fault.Unprocessable:     http.StatusUnprocessableEntity,
	fault.Throttled:         http.StatusTooManyRequests,
	fault.Unavailable:       http.StatusServiceUnavailable,
	fault.Internal:          http.StatusInternalServerError,
}

// Status is the HTTP status of a refusal.
func Status(c fault.Code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// statusClientClosed is nginx's word for a caller that did not wait for the
// answer; nobody reads it but our own log.
const statusClientClosed = 499

// Handler is a handler that may fail.
type Handler func(http.ResponseWriter, *http.Request) error

// Failer writes a refusal in one API's dialect.
type Failer func(w http.ResponseWriter, r *http.Request, f *fault.Error)

// Handle adapts a handler: its error is logged once, here, and written in the
// dialect of fail.
func Handle(log *slog.Logger, fail Failer, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			Refuse(log, fail, w, r, err)
		}
	})
}

// Refuse logs an error and writes it.
func Refuse(log *slog.Logger, fail Failer, w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	if f.Code == fault.Internal && errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		log.DebugContext(r.Context(), "the caller hung up", "method", r.Method, "path", r.URL.Path)
		w.WriteHeader(statusClientClosed)
		return
	}
	switch f.Code {
	case fault.Internal:
		log.ErrorContext(r.Context(), "internal error", "method", r.Method, "path", r.URL.Path, "err", err)
	case fault.Unavailable:
		log.WarnContext(r.Context(), "unavailable", "method", r.Method, "path", r.URL.Path, "err", err)
	default:
		log.DebugContext(r.Context(), "refused", "method", r.Method, "path", r.URL.Path, "reason", f.Word(), "err", err)
	}
	h := w.Header()
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int((f.RetryAfter+time.Second-1)/time.Second))))
	}
	if f.OrderMayExist {
		h.Set("X-Should-Retry", "false")
	}
	if f.Code == fault.Unauthenticated {
		h.Set("WWW-Authenticate", "Bearer")
	}
	fail(w, r, f)
}

// JSON answers with v.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return WriteJSON(w, status, v)
}

// WriteJSON is JSON with the content type that is set already.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // addresses stay readable; the content type is JSON
	if err := enc.Encode(v); err != nil {
		return err
	}
	write(w, status, b.Bytes())
	return nil
}

// Bytes answers with a JSON text.
func Bytes(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	write(w, status, body)
	return nil
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone; there is nobody to tell
}

// Body reads the whole body, at most limit bytes.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	tooLarge := func() error {
		return fault.New(fault.TooLarge, "The body is larger than %d MB. Send large pictures by URL.", limit>>20).Named("body_too_large")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return b.Bytes(), nil
	case errors.As(err, &over):
		return nil, tooLarge()
	}
	return nil, fault.New(fault.Invalid, "The body ended early.").Named("body_incomplete").Because(err)
}

// JSONBody reads a body that must be declared as JSON, or not at all.
func JSONBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	ct = strings.ToLower(strings.TrimSpace(ct))
	if ct != "" && ct != "application/json" && !strings.HasSuffix(ct, "+json") && ct != "text/json" {
		return nil, fault.New(fault.UnsupportedMedia, "Send the order as application/json, not %.60q.", ct).Named("unsupported_media_type")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, fault.New(fault.UnsupportedMedia, "Content-Encoding is not supported; send the body as it is.").Named("unsupported_encoding")
	}
	return Body(w, r, limit)
}

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newRequestID is 80 random bits in 16 characters.
func newRequestID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return idEncoding.EncodeToString(b[:])
}

// Around is the middleware of every request: an id on the request, its log
// lines and its answer; a panic that becomes a 500; and headers that every
// answer has. What routes should refuse the rest in the API's own dialect, as
// Routed does.
//
// Each of seen is told of every answered request: the pattern that routed it,
// "" when none did, the status, and how long it took.
func Around(log *slog.Logger, routes http.Handler, fail Failer, seen ...func(r *http.Request, route string, status int, took time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !requestIDPattern.MatchString(id) {
			id = newRequestID()
		}
		route := new(string)
		r = r.WithContext(context.WithValue(telemetry.WithRequestID(r.Context(), id), routeKey{}, route))
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		started := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			p := recover()
			if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(p) // a handler's way to cut the connection
			}
			if p != nil {
				log.ErrorContext(r.Context(), "panic", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				if !rec.wrote {
					fail(rec, r, fault.From(errors.New("panic")))
				}
			}
			for _, f := range seen {
				f(r, *route, rec.status, time.Since(started))
			}
			level := slog.LevelInfo
			if r.Method == http.MethodGet && rec.status < 400 {
				level = slog.LevelDebug // status reads come by the thousand
			}
			if log.Enabled(r.Context(), level) {
				log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
					"took", time.Since(started).Round(10*time.Microsecond))
			}
		}()
		routes.ServeHTTP(rec, r)
	})
}

// routeKey finds where Around learns which pattern routed a request.
type routeKey struct{}

// Routed serves what the mux routes, and refuses the rest in the API's own
// dialect instead of the mux's plain text.
func Routed(log *slog.Logger, mux *http.ServeMux, fail Failer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect to the clean form of a path; no client of ours
		// sends another one for a good reason.
		if p := r.URL.EscapedPath(); strings.Contains(p, "//") || path.Clean(p) != p && path.Clean(p)+"/" != p {
			unrouted(log, http.NotFoundHandler(), fail, w, r)
			return
		}
		handler, pattern := mux.Handler(r)
		if pattern == "" {
			unrouted(log, handler, fail, w, r)
			return
		}
		if route, ok := r.Context().Value(routeKey{}).(*string); ok {
			*route = pattern // of a mux inside of another, the inner one's
		}
		mux.ServeHTTP(w, r)
	})
}

// unrouted asks the mux why it has no route, and says it in our words.
func unrouted(log *slog.Logger, why http.Handler, fail Failer, w http.ResponseWriter, r *http.Request) {
	said := &discard{header: http.Header{}}
	why.ServeHTTP(said, r)
	f := fault.New(fault.NotFound, "There is nothing at %.100q.", r.URL.Path).Named("route_not_found")
	if said.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", said.Header().Get("Allow"))
		f = fault.New(fault.MethodNotAllowed, "%.20q is not allowed here; use %s.", r.Method, said.Header().Get("Allow")).Named("method_not_allowed")
	}
	Refuse(log, fail, w, r, f)
}

// discard is an answer that nobody gets.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// recorder notes the status for the log line.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// ClientAddr is the address a request came from. Behind proxies that the
// operator trusts it is the last address in X-Forwarded-For which is not
// theirs, or X-Real-IP.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	peer = peer.Unmap()
	isTrusted := func(a netip.Addr) bool { return within(trusted, a) }
	if !isTrusted(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if a = a.Unmap(); !isTrusted(a) {
			return a
		}
	}
	if a, err := netip.ParseAddr(strings.TrimSpace(r.Header.Get("X-Real-IP"))); err == nil {
		return a.Unmap()
	}
	return peer
}

// TrustedPeer reports whether a request came through a proxy that the operator
// trusts.
func TrustedPeer(r *http.Request, trusted []netip.Prefix) bool {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && within(trusted, p.Addr().Unmap())
}

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
