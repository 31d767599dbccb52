package main

// maxLine bounds what may stand on the input line, in characters: no code is
// longer (contract 4).
const maxLine = 1024

// Keys.
const (
	keyCtrlC     = 0x03
	keyCtrlD     = 0x04
	keyBackspace = 0x08
	keyTab       = 0x09
	keyCtrlL     = 0x0C
	keyCtrlU     = 0x15
	keyEscape    = 0x1B
	keyDelete    = 0x7F
)

// editor is the input line.
type editor struct {
	text   []byte
	last   string // the line before; the up key brings it back
	escape []byte // an escape sequence under way
	wasCR  bool   // "\r\n" is one end of line, as scanners that type send it
}

// act is what a key asks for beside changing the line.
type act uint8

const (
	actNone act = iota
	actEnter
	actQuit
	actRedraw
)

// key takes one byte. With actEnter, line is what was typed.
func (e *editor) key(b byte) (a act, line string) {
	cr := e.wasCR
	e.wasCR = b == '\r'
	switch {
	case len(e.escape) > 0:
		e.sequence(b)
	case b == keyEscape:
		e.escape = append(e.escape, b)
	case b == '\n' && cr:
	case b == '\r', b == '\n':
		return actEnter, e.take()
	case b == keyCtrlC, b == keyCtrlD && len(e.text) == 0:
		return actQuit, ""
	case b == keyCtrlL:
		return actRedraw, ""
	case b == keyCtrlU:
		e.text = e.text[:0]
	case b == keyBackspace, b == keyDelete:
		e.text = e.text[:max(0, len(e.text)-1)]
	case b == keyTab:
	case b >= ' ' && b < keyDelete && len(e.text) < maxLine:
		e.text = append(e.text, b)
	}
	return actNone, ""
}

func (e *editor) take() string {
	line := string(e.text)
	e.text = e.text[:0]
	if line != "" {
		e.last = line
	}
	return line
}

// maxEscape bounds an escape sequence, in bytes; what is longer is none.
const maxEscape = 16

// sequence takes the bytes of an escape sequence (ECMA-48, 5.4): ESC [ or ESC
// O, parameters, and a final byte. Only the up key means something here.
func (e *editor) sequence(b byte) {
	if b == keyEscape {
		e.escape = e.escape[:1] // the one before was the key itself
		return
	}
	e.escape = append(e.escape, b)
	begun := len(e.escape) == 2
	if begun && (b == '[' || b == 'O') {
		return
	}
	if b >= 0x40 && b <= 0x7E || begun || len(e.escape) >= maxEscape {
		if seq := string(e.escape); seq == "\x1b[A" || seq == "\x1bOA" {
			e.text = append(e.text[:0], e.last...)
		}
		e.escape = e.escape[:0]
	}
}

// tail returns the end of the line that fits.
func (e *editor) tail(w int) string { return string(e.text[max(0, len(e.text)-max(0, w)):]) }
