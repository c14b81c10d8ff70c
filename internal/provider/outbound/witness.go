package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// witness sees whether a create can have reached the upstream, and keeps
// net/http from sending it a second time.
//
// The rule for "nothing was written" is narrow on purpose: no connection was
// handed out for the request (the name did not resolve, nobody listened, TLS
// failed, the context ended while waiting), or net/http gave up a connection
// on which it had not written a byte and could not get another one. With a
// connection in hand, anything may have been written; so it may when the
// transport is not net/http's and tells nothing.
//
// net/http repeats a POST in two cases. On HTTP/1 a reused connection turns out
// dead before its first byte: repeating is right, and the usual end of an idle
// connection. On HTTP/2 the server says that it refused a stream whose headers
// it had: that is the server's promise and not our knowledge, so we stop there.
type witness struct {
	trace   httptrace.ClientTrace
	handed  bool // the transport got the request
	conn    net.Conn
	asked   atomic.Bool // it looked for a connection
	reached atomic.Bool // a connection was handed out
	begun   atomic.Bool // headers were written to it, or to its buffer
}

func (w *witness) watch(ctx context.Context) context.Context {
	w.trace = httptrace.ClientTrace{
		GetConn: func(string) {
			w.asked.Store(true)
			w.reached.Store(false)
		},
		GotConn: func(i httptrace.GotConnInfo) {
			w.conn = i.Conn
			w.begun.Store(false)
			w.reached.Store(true)
		},
		WroteHeaderField: func(string, []string) { w.begun.Store(true) },
	}
	return httptrace.WithClientTrace(ctx, &w.trace)
}

// nothingWritten reports, once the transport has returned an error, whether it
// is certain that no byte of the request was written.
func (w *witness) nothingWritten() bool {
	return !w.handed || w.asked.Load() && !w.reached.Load()
}

var errSentAlready = errors.New("the server refused the stream after its headers; not sent again")

// resend is asked when net/http wants the body once more. net/http does so for
// a POST only when the connection before took no byte of it, or on HTTP/2.
func (w *witness) resend() error {
	if w.begun.Load() && isHTTP2(w.conn) {
		return errSentAlready
	}
	w.reached.Store(false)
	return nil
}

func isHTTP2(c net.Conn) bool {
	t, ok := c.(*tls.Conn)
	return !ok && c == nil || ok && t.ConnectionState().NegotiatedProtocol == "h2"
}

// body is of the type that net/http knows to be in memory: it then writes head
// and body at once.
func body(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }
