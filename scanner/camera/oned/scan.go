// Package oned reads Code 128, Code 39 and EAN-13 along single lines of pixels.
//
// A line gives a text only if the whole code with its quiet zones and check
// digits is in it. That is still no read: noise has such lines now and then.
// Callers wait for a second line with the same text. A Scanner keeps its scratch
// memory: one for each goroutine.
package oned

import (
	"math"
	"slices"
)

// Kind is a symbology.
type Kind uint8

// Kinds.
const (
	Code128 Kind = iota
	Code39
	EAN13
)

// Hit is a text found along a line.
type Hit struct {
	Kind Kind
	Text string
	From float32 // where along the line, in pixels
	To   float32
}

// minElements is how many elements the shortest code has: EAN-13 59, Code 39
// of two characters 39, Code 128 of one 25.
const minElements = 25

// Scanner reads lines.
type Scanner struct {
	found  []float32
	widths []float32
	values []int
	chars  []byte
	hits   []Hit
	ends   []End
}

// Ends returns what the last line crossed that may be an end of a PDF417. They
// are valid until the next call of Scan.
func (s *Scanner) Ends() []End { return s.ends }

// Scan reads one line, in both directions. The result is valid until the next
// call.
func (s *Scanner) Scan(line []uint8) []Hit {
	s.hits, s.ends = s.hits[:0], s.ends[:0]
	e := s.edges(line)
	if len(e) < minElements+1 {
		return nil
	}
	w := s.widths[:0]
	for i := 1; i < len(e); i++ {
		w = append(w, max(e[i]-e[i-1], 0.01))
	}
	s.widths = w
	s.scan(w, func(from, to int) (float32, float32) { return e[from], e[to] })
	if len(w)%2 == 0 {
		w = w[:len(w)-1] // begin with a dark element in this direction too
	}
	n := len(w)
	slices.Reverse(w)
	s.scan(w, func(from, to int) (float32, float32) { return e[n-to], e[n-from] })
	return s.hits
}

// scan tries every dark element as the first of a code. What is before the first
// element counts as quiet, as what is after the last: a code may touch the frame.
func (s *Scanner) scan(w []float32, at func(from, to int) (float32, float32)) {
	for i := 0; i+minElements <= len(w); i += 2 {
		quiet := float32(math.MaxFloat32)
		if i > 0 {
			quiet = w[i-1]
		}
		if n := end(w[i:]); n > 0 {
			from, to := at(i, i+n)
			s.ends = append(s.ends, End{from, to})
		}
		text, kind, n := s.read(w[i:], quiet)
		if n == 0 {
			continue
		}
		h := Hit{Kind: kind, Text: text}
		h.From, h.To = at(i, i+n)
		s.hits = append(s.hits, h)
		i += n - n%2
	}
}

// read reads the code that begins with the first element: its text and the
// number of its elements, 0 if there is none.
func (s *Scanner) read(w []float32, quiet float32) (string, Kind, int) {
	if text, n := s.code128(w, quiet); n > 0 {
		return text, Code128, n
	}
	if text, n := s.ean13(w, quiet); n > 0 {
		return text, EAN13, n
	}
	text, n := s.code39(w, quiet)
	return text, Code39, n
}

// quietAfter tells whether the light after n elements is as wide as asked for.
func quietAfter(w []float32, n int, width float32) bool {
	return n >= len(w) || w[n] >= width
}

func sum(w []float32) float32 {
	var t float32
	for _, v := range w {
		t += v
	}
	return t
}

// mismatch returns how far elements are from a pattern, in modules squared.
// Distances between like edges weigh most: ink spread and blur don't change
// them.
func mismatch(w []float32, pattern string, unit float32) float32 {
	var total, before float32
	for i := range len(pattern) {
		d := w[i]/unit - float32(pattern[i]-'0')
		total += d * d / 4
		if i > 0 {
			total += (d + before) * (d + before)
		}
		before = d
	}
	return total
}
