package klingsim

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client returns a client whose every connection ends at this simulator in
// memory, whatever the host, without a network: for tests in a testing/synctest
// bubble. URLs begin with http://.
func (s *Sim) Client() *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipes == nil {
		s.pipe = &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		s.pipes = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
		if s.closed {
			_ = s.pipe.Close() // never fails
		} else {
			s.done.Go(func() { _ = s.pipes.Serve(s.pipe) }) // it ends with Close
		}
	}
	return &http.Client{Transport: &http.Transport{DialContext: s.pipe.dial}}
}

// pipeListener is a net.Listener in memory.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "klingsim" }
