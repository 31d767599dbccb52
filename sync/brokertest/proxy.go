package brokertest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a bad link: a TCP proxy in front of a broker. Its faults can be
// switched while connections run.
type Proxy struct {
	tb testing.TB
	l  net.Listener

	mu     sync.Mutex
	target string
	faults faults
	moved  chan struct{} // closed and replaced when faults change
	links  map[*link]struct{}
	total  int // connections accepted
	done   sync.WaitGroup
	closed bool
}

type faults struct {
	delay  time.Duration // each way
	rate   int           // bytes a second each way; 0: unbounded
	hole   bool          // nothing is forwarded, nothing is closed
	refuse bool          // new connections are closed at once
	cut    int           // bytes upward after which a connection is cut; 0: never
}

// NewProxy listens in front of target, for as long as the test runs.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by the test's end
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{tb: tb, l: l, target: target, moved: make(chan struct{}), links: map[*link]struct{}{}}
	p.done.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is where it listens.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Delay adds d to each round trip.
func (p *Proxy) Delay(d time.Duration) { p.set(func(f *faults) { f.delay = d / 2 }) }

// Bandwidth bounds each direction of each connection; 0: no bound.
func (p *Proxy) Bandwidth(bytesPerSecond int) { p.set(func(f *faults) { f.rate = bytesPerSecond }) }

// BlackHole stops or resumes forwarding while all connections stay open.
func (p *Proxy) BlackHole(on bool) { p.set(func(f *faults) { f.hole = on }) }

// Refuse closes new connections at once, or stops doing so.
func (p *Proxy) Refuse(on bool) { p.set(func(f *faults) { f.refuse = on }) }

// CutAfter closes each connection after n bytes from the client; 0: never.
func (p *Proxy) CutAfter(n int) { p.set(func(f *faults) { f.cut = n }) }

// Connections returns how many were accepted.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Reset ends all connections with a TCP reset on both sides.
func (p *Proxy) Reset() {
	for _, l := range p.all() {
		l.reset()
	}
}

// HalfOpen closes all connections to the broker and leaves the clients in the
// belief that they have one.
func (p *Proxy) HalfOpen() {
	for _, l := range p.all() {
		l.halfOpen()
	}
}

func (p *Proxy) all() (out []*link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		out = append(out, l)
	}
	return out
}

func (p *Proxy) set(change func(*faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.faults)
	close(p.moved)
	p.moved = make(chan struct{})
}

func (p *Proxy) now() (faults, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults, p.moved
}

func (p *Proxy) accept() {
	for {
		nc, err := p.l.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(nc) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	f, _ := p.now()
	if f.refuse {
		_ = client.Close() // that is the fault
		return
	}
	broker, err := net.DialTimeout("tcp", p.target, 5*time.Second) //nolint:noctx // bounded
	if err != nil {
		_ = client.Close() // as if it were not there
		return
	}
	l := &link{p: p, client: client, broker: broker, over: make(chan struct{})}
	p.mu.Lock()
	p.total++
	p.links[l] = struct{}{}
	closed := p.closed
	p.mu.Unlock()
	if closed {
		l.end()
	}
	l.run()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.l.Close() // ends accept
	for _, l := range p.all() {
		l.end()
	}
	p.done.Wait()
}
