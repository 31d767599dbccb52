package oned

import "unicode/utf8"

// Values of Code 128 that are no characters.
const (
	fnc3   = 96
	fnc2   = 97
	shift  = 98
	codeC  = 99
	codeB  = 100
	codeA  = 101
	fnc1   = 102
	gs     = 0x1D // what FNC1 stands for inside a GS1 code
	digits = 100
)

// text128 turns symbol values, the start and the check symbol included, into
// text.
func text128(values []int, out []byte) (string, bool) {
	n := len(values) - 1
	if n < 2 || check128(values[:n]) != values[n] {
		return "", false
	}
	set := values[0] - startA // 0: A, 1: B, 2: C
	once := set               // the set of the next symbol only
	var high extended
	for i, v := range values[1:n] {
		now := once
		once = set
		switch {
		case v == fnc1:
			if i > 0 {
				out = append(out, gs)
			}
		case now == 2 && v < digits:
			out = append(out, byte('0'+v/10), byte('0'+v%10))
		case now == 2:
			set = codeSet(v)
			once = set
		case v < fnc3:
			out = high.add(out, char128(v, now))
		case v == shift:
			once = 1 - now
		case v == codeC || v == codeB && now == 0 || v == codeA && now == 1:
			set = codeSet(v)
			once = set
		case v == codeB || v == codeA: // FNC4 of the set itself
			high.mark()
		}
	}
	return string(out), len(out) > 0
}

// extended follows FNC4: once raises the next character into Latin-1, twice all
// until it comes twice again. ISO 15417, 4.3.4.2.
type extended struct{ next, all bool }

func (e *extended) mark() {
	if e.next {
		e.all = !e.all
	}
	e.next = !e.next
}

// add appends a character in UTF-8.
func (e *extended) add(out []byte, c byte) []byte {
	raised := e.next != e.all
	e.next = false
	if raised {
		return utf8.AppendRune(out, rune(c)|0x80)
	}
	return append(out, c)
}

func codeSet(v int) int {
	switch v {
	case codeC:
		return 2
	case codeB:
		return 1
	}
	return 0
}

func char128(v, set int) byte {
	if set == 0 && v >= 64 {
		return byte(v - 64)
	}
	return byte(v + ' ')
}

func check128(values []int) int {
	total := values[0]
	for i, v := range values[1:] {
		total += (i + 1) * v
	}
	return total % 103
}
