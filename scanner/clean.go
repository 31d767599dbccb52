package scanner

import "bytes"

// Bounds of a text that can be a code, contract 4.
const (
	MinText = 4
	MaxText = 1024
)

const (
	stx = 0x02
	etx = 0x03
)

// Verdict says what a frame is.
type Verdict uint8

// Verdicts.
const (
	Empty     Verdict = iota // nothing in it: ignored
	Text                     // can be a code, a ticket or a label
	Malformed                // can't be: wrong length or bytes
)

// Clean strips from a frame, which has lost its suffix already, one STX/ETX
// pair, one AIM identifier (`]`, letter, character) and outer spaces, in this
// order, and judges the rest. What it returns is part of frame.
func Clean(frame []byte) ([]byte, Verdict) {
	text := stripAIM(stripPair(frame))
	text = bytes.Trim(text, " ")
	switch {
	case len(text) == 0:
		return nil, Empty
	case len(text) < MinText || len(text) > MaxText || bytes.ContainsFunc(text, unprintable):
		return text, Malformed
	}
	return text, Text
}

func unprintable(r rune) bool { return r < 0x20 || r > 0x7E }

func stripPair(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == stx && b[n-1] == etx {
		return b[1 : n-1]
	}
	return b
}

func stripAIM(b []byte) []byte {
	if len(b) >= 3 && b[0] == ']' && isLetter(b[1]) && !unprintable(rune(b[2])) {
		return b[3:]
	}
	return b
}

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }
