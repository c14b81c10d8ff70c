package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy is the wire between the gateway and the simulated Kling.
type proxy struct {
	listener net.Listener
	target   string
	// tap sees what goes to the upstream and says what is forwarded; nil: all.
	tap atomic.Pointer[func(chunk []byte) []byte]

	mu     sync.Mutex
	links  map[*link]struct{}
	still  time.Time // nothing passes before
	late   time.Duration
	closed bool
	done   sync.WaitGroup
}

// link is one connection through the proxy.
type link struct{ down, up *net.TCPConn }

func newProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target, links: map[*link]struct{}{}}
	p.done.Go(p.accept)
	return p, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

func (p *proxy) serve(down *net.TCPConn) {
	c, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = down.Close()
		return
	}
	k := &link{down: down, up: c.(*net.TCPConn)}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		k.close()
		return
	}
	p.links[k] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(k.up, k.down, true) })
	both.Go(func() { p.copy(k.down, k.up, false) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, k)
	p.mu.Unlock()
	k.close()
}

func (k *link) close() {
	_ = k.down.Close()
	_ = k.up.Close()
}

// copy passes one direction on until it ends.
func (p *proxy) copy(to, from *net.TCPConn, tapped bool) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		delay := p.late
		p.mu.Unlock()
		if n > 0 {
			if delay > 0 {
				time.Sleep(delay)
			}
			p.wait()
			chunk := buf[:n]
			if tap := p.tap.Load(); tap != nil && tapped {
				chunk = (*tap)(chunk)
			}
			if _, werr := to.Write(chunk); werr != nil {
				_ = from.CloseRead() // whoever sends more gets to know
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite()
			return
		}
	}
}

// wait holds a chunk while the wire is still.
func (p *proxy) wait() {
	for {
		p.mu.Lock()
		d, closed := time.Until(p.still), p.closed
		p.mu.Unlock()
		if d <= 0 || closed {
			return
		}
		time.Sleep(min(d, 50*time.Millisecond))
	}
}

// stall lets nothing pass for a time; nothing is lost.
func (p *proxy) stall(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.still = time.Now().Add(d)
}

// setTap lets f see what goes to the upstream and say what is forwarded.
func (p *proxy) setTap(f func(chunk []byte) []byte) { p.tap.Store(&f) }

// slow makes everything take so much longer, each way.
func (p *proxy) slow(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = d
}

// each does something to every connection.
func (p *proxy) each(f func(*link)) (n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.links {
		f(k)
		n++
	}
	return n
}

// cut resets every connection.
func (p *proxy) cut() int64 {
	return p.each(func(k *link) {
		_ = k.down.SetLinger(0)
		_ = k.up.SetLinger(0)
		k.close()
	})
}

// halfClose ends the upstream's direction of every connection: requests arrive,
// answers do not.
func (p *proxy) halfClose() int64 {
	return p.each(func(k *link) { _ = k.down.CloseWrite() })
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.each(func(k *link) { k.close() })
	p.done.Wait()
}
