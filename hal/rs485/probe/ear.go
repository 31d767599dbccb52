package probe

import (
	"bytes"

	"lockerd/hal/rs485"
)

// maxKept bounds what an ear keeps of an unfinished frame: several times the
// longest of any family.
const maxKept = 512

// ear listens for the replies to one request, and goes on after the first. It
// is pure.
type ear struct {
	req    *rs485.Request
	echo   bool // the line is known to hear itself
	echoed bool

	buf     []byte
	replies int
	foreign int // whole frames that answer something else
	junk    int // bytes of no frame
	answer  rs485.Answer
	raw     []byte // of the first reply
}

// feed takes bytes as they come.
func (e *ear) feed(p []byte) {
	e.buf = append(e.buf, p...)
	for len(e.buf) > 0 {
		if e.stripEcho() {
			continue
		}
		if e.maybeEcho() {
			return
		}
		n, verdict, a := e.req.Parse(e.buf)
		switch verdict {
		case rs485.Reply:
			e.reply(n, a)
		case rs485.Foreign:
			e.foreign++
			e.buf = e.buf[n:]
		case rs485.Garbage:
			e.junk += n
			e.buf = e.buf[n:]
		case rs485.More:
			if !e.ahead() {
				return
			}
		}
	}
}

func (e *ear) reply(n int, a rs485.Answer) {
	if e.replies == 0 {
		e.answer, e.raw = a, bytes.Clone(e.buf[:n])
	}
	e.replies++
	e.buf = e.buf[n:]
}

// stripping tells whether a copy of the request is its echo: the reply of a
// twin looks the same, so there the line must be known to echo.
func (e *ear) stripping() bool { return !e.echoed && (e.echo || !e.req.Twin) }

func (e *ear) stripEcho() bool {
	if !e.stripping() || !bytes.HasPrefix(e.buf, e.req.Bytes) {
		return false
	}
	e.echoed = true
	e.buf = e.buf[len(e.req.Bytes):]
	return true
}

func (e *ear) maybeEcho() bool {
	return e.stripping() && len(e.buf) < len(e.req.Bytes) && bytes.HasPrefix(e.req.Bytes, e.buf)
}

// ahead looks for a reply behind what seems to be the start of another frame.
func (e *ear) ahead() bool {
	for off := 1; off < len(e.buf); off++ {
		if n, verdict, a := e.req.Parse(e.buf[off:]); verdict == rs485.Reply {
			e.junk += off
			e.buf = e.buf[off:]
			e.reply(n, a)
			return true
		}
	}
	if over := len(e.buf) - maxKept; over > 0 {
		e.junk += over
		e.buf = e.buf[over:]
	}
	return false
}

// end counts what was left unfinished.
func (e *ear) end() {
	e.junk += len(e.buf)
	e.buf = nil
}
