package strict

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of what is read.
const (
	MaxDepth  = 16        // arrays and objects in one another
	MaxInt    = 1<<53 - 1 // beyond it JSON readers disagree on whole numbers
	maxNumber = 32        // characters of a number
)

// scanner walks over one JSON text.
type scanner struct {
	b     []byte
	i     int
	depth int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek is the next byte that is no space; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// text reads a string after its opening quote was seen.
func (s *scanner) text(a *at) (string, error) {
	s.i++
	from, plain := s.i, true
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			raw := s.b[from:s.i]
			s.i++
			if !utf8.Valid(raw) {
				return "", a.fail("a text is no valid UTF-8")
			}
			if plain {
				return string(raw), nil
			}
			return unescape(raw, a)
		case c < 0x20:
			return "", a.fail("a text has a raw control character")
		case c == '\\':
			plain = false
			s.i += 2
		default:
			s.i++
		}
	}
	return "", a.fail("a text has no end")
}

func unescape(raw []byte, a *at) (string, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case '"', '\\', '/':
			out = append(out, raw[i])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := codePoint(raw[i-1:])
			if n == 0 {
				return "", a.fail("a text has a broken \\u escape")
			}
			out = utf8.AppendRune(out, r)
			i += n - 2
		default:
			return "", a.fail("a text has an unknown escape")
		}
	}
	return string(out), nil
}

// codePoint reads \uXXXX, or the two of a surrogate pair; n is 0 when it is
// neither.
func codePoint(b []byte) (r rune, n int) {
	hi, ok := unit(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(hi) {
		return hi, 6
	}
	lo, ok := unit(b[6:])
	if r = utf16.DecodeRune(hi, lo); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

// number reads a number and tells whether it is a whole one without fraction and
// exponent.
func (s *scanner) number(a *at) (lit string, whole bool, err error) {
	from := s.i
	if s.i < len(s.b) && s.b[s.i] == '-' {
		s.i++
	}
	ok := s.digits(true)
	whole = true
	if ok && s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		whole, ok = false, s.digits(false)
	}
	if ok && s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		whole, ok = false, s.digits(false)
	}
	switch {
	case !ok:
		return "", false, a.fail("is no JSON value")
	case s.i-from > maxNumber:
		return "", false, a.fail("a number has more than 32 characters")
	}
	lit = string(s.b[from:s.i])
	if f, err := strconv.ParseFloat(lit, 64); err != nil || whole && (f > MaxInt || f < -MaxInt) {
		return "", false, a.fail("a number is beyond 2^53-1")
	}
	return lit, whole, nil
}

// digits reads one digit or more; an integer part begins with 0 only if it is 0.
func (s *scanner) digits(integer bool) bool {
	from := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	n := s.i - from
	return n == 1 || n > 1 && (!integer || s.b[from] != '0')
}
