package sim

import "time"

const (
	// maxGap is the silence after which the beginning of a request is given up.
	// Boards wait for some byte times only; a pty's bytes come when the
	// scheduler pleases.
	maxGap = 100 * time.Millisecond
	// maxRequest bounds what is kept of a request, in bytes.
	maxRequest = 256
)

// ear collects the bytes that come from the host.
type ear struct {
	buf  []byte
	last time.Time
}

// hear takes bytes as they come and serves every request that has become
// whole.
func (l *Line) hear(p *port, e *ear, b []byte, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.echo {
		p.send(append([]byte(nil), b...))
	}
	if at.Sub(e.last) > maxGap {
		l.garbage += len(e.buf)
		e.buf = e.buf[:0]
	}
	e.last = at
	e.buf = append(e.buf, b...)
	for len(e.buf) > 0 {
		n := l.speak.cut(e.buf)
		if n == 0 && len(e.buf) < maxRequest {
			return
		}
		if n <= 0 {
			l.garbage++
			e.buf = e.buf[1:]
			continue
		}
		l.serve(p, append([]byte(nil), e.buf[:n]...))
		e.buf = e.buf[n:]
	}
}

// serve hands a request to the boards it is for.
func (l *Line) serve(p *port, request []byte) {
	l.log.hear()
	address, all := l.speak.address(request)
	for _, b := range l.boards {
		if all || b.address == address {
			b.take(p, request)
		}
	}
}

// take lets the board act on a request and answer it, as well as its fault
// lets it.
func (b *Board) take(p *port, request []byte) {
	l := b.line
	unlocks := l.speak.unlocks(request)
	b.requests++
	f := b.takeFault(unlocks)
	if f.Silent {
		return
	}
	a := answer{}
	if no := l.speak.refuse(request); f.Refuse && unlocks && no != nil {
		a = say(no)
	} else {
		a = l.speak.serve(b, request)
	}
	if f.Mute || a.reply == nil {
		return
	}
	wait := a.after + time.Duration(len(request))*l.cfg.ByteTime
	l.inTime(wait, func() {
		reply := f.spoil(l.speak, b.address, a.reply()) // what a late reply says is old by then
		l.inTime(f.Late, func() { p.send(reply) })
	})
}

// inTime runs fn after d, at once if that is now. It is called with the model
// locked.
func (l *Line) inTime(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	l.later(d, fn)
}
