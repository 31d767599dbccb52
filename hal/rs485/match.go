package rs485

import (
	"bytes"
	"time"

	"lockerd/hal"
)

// maxPending bounds the bytes an exchange keeps while it looks for its reply:
// several times the longest frame of any family.
const maxPending = 512

// echoMode is what is known of a line: whether it hears its own requests.
type echoMode uint8

const (
	echoUnknown echoMode = iota
	echoNo
	echoYes
)

// tally counts what was found that was no reply.
type tally struct{ garbage, foreign, echoes uint64 }

// matcher looks for the reply to one request in what the line brings. It is
// pure: bytes in, answer out.
type matcher struct {
	tally

	req    *Request
	echo   echoMode
	heard  bool       // a copy of the request went by
	told   []hal.Lock // what boards reported unasked
	trace  *trace     // nil: nobody wants to know
	buf    []byte
	parted []byte // unknown line: all since the copy, in case it was none
}

func newMatcher(req *Request, echo echoMode, t *trace) *matcher {
	return &matcher{req: req, echo: echo, trace: t}
}

// feed takes bytes and tells whether the reply is complete.
func (m *matcher) feed(p []byte) (Answer, bool) {
	m.buf = append(m.buf, p...)
	if m.parted != nil {
		m.parted = append(m.parted, p...)
		m.parted = m.parted[:min(len(m.parted), maxPending)]
	}
	for len(m.buf) > 0 {
		if m.takeEcho(0) {
			continue
		}
		if m.stripping() && len(m.buf) < len(m.req.Bytes) && bytes.HasPrefix(m.req.Bytes, m.buf) {
			break
		}
		n, v, a := m.req.Parse(m.buf)
		switch v {
		case Reply:
			m.reply(n, a)
			return a, true
		case Foreign, Garbage:
			m.skip(n, v, a)
		case More:
			a, found, again := m.ahead()
			if found || !again {
				return a, found
			}
		}
	}
	return Answer{}, false
}

// ahead looks behind an unfinished frame, lest noise that looks like the start
// of one hide the reply. It says again if bytes were judged.
func (m *matcher) ahead() (a Answer, found, again bool) {
	for off := 1; off < len(m.buf); off++ {
		if m.takeEcho(off) {
			return Answer{}, false, true
		}
		if n, v, a := m.req.Parse(m.buf[off:]); v == Reply {
			m.waste(off)
			m.reply(n, a)
			return a, true, false
		}
	}
	if over := len(m.buf) - maxPending; over > 0 {
		m.skip(over, Garbage, Answer{})
	}
	return Answer{}, false, false
}

// end is called at the deadline. On a line not known yet, what looked like an
// echo may have been the first part of a reply; a reply that is nothing but a
// copy of its request proves nothing there.
func (m *matcher) end() (Answer, bool) {
	if m.echo != echoUnknown || m.parted == nil {
		return Answer{}, false
	}
	n, v, a := m.req.Parse(m.parted)
	if v != Reply || n <= len(m.req.Bytes) {
		return Answer{}, false
	}
	m.heard = false
	m.echoes--
	if m.trace != nil {
		m.trace.add(time.Now(), hal.FrameReply, m.parted[:n], a)
	}
	return a, true
}

// stripping tells whether the next copy of the request is an echo.
func (m *matcher) stripping() bool { return m.echo != echoNo && !m.heard }

func (m *matcher) takeEcho(off int) bool {
	if !m.stripping() || !bytes.HasPrefix(m.buf[off:], m.req.Bytes) {
		return false
	}
	m.heard = true
	m.echoes++
	m.waste(off)
	m.note(hal.FrameEcho, len(m.req.Bytes), Answer{})
	if m.echo == echoUnknown {
		m.parted = bytes.Clone(m.buf)
	}
	m.drop(len(m.req.Bytes))
	return true
}

func (m *matcher) skip(n int, v Verdict, a Answer) {
	if bytes.HasPrefix(m.buf, m.req.Bytes) {
		m.heard = true
	}
	switch {
	case v != Foreign:
		m.waste(n)
		return
	case a.Reported.Channel != 0:
		m.told = append(m.told, a.Reported)
		m.note(hal.FrameReport, n, a)
	default:
		m.foreign++
		m.note(hal.FrameForeign, n, a)
	}
	m.drop(n)
}

// reply takes the reply away.
func (m *matcher) reply(n int, a Answer) {
	m.note(hal.FrameReply, n, a)
	m.drop(n)
}

// waste throws away what is no frame.
func (m *matcher) waste(n int) {
	if n == 0 {
		return
	}
	m.garbage += uint64(n)
	m.note(hal.FrameGarbage, n, Answer{})
	m.drop(n)
}

// note has the first n bytes remembered.
func (m *matcher) note(kind string, n int, a Answer) {
	if m.trace != nil {
		m.trace.add(time.Now(), kind, m.buf[:n], a)
	}
}

func (m *matcher) drop(n int) { m.buf = m.buf[n:] }

// leftover counts bytes that answer nothing: those that came before a request
// was sent, or after its reply. It keeps what may become a frame, if asked to,
// and returns it.
func (m *matcher) leftover(p []byte, keep bool) []byte {
	for m.buf = p; len(m.buf) > 0; {
		n, v, a := m.req.Parse(m.buf)
		switch v {
		case Reply, Foreign:
			m.skip(n, Foreign, a)
		case Garbage:
			m.skip(n, Garbage, a)
		case More:
			if keep && len(m.buf) < maxPending {
				return m.buf
			}
			m.skip(1, Garbage, a)
		}
	}
	return nil
}
