package oned

import "slices"

const (
	elements39 = 9   // of a character, three of them wide
	minRatio39 = 1.4 // wide to narrow, at least
	maxCode39  = 80  // characters
	asterisk   = 0x094
	alphabet39 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
)

// patterns39 are the characters of the alphabet, ISO 16388 table 1: a bit an
// element, 1 is wide.
var patterns39 = [...]int{
	0x034, 0x121, 0x061, 0x160, 0x031, 0x130, 0x070, 0x025, 0x124, 0x064, // 0-9
	0x109, 0x049, 0x148, 0x019, 0x118, 0x058, 0x00D, 0x10C, 0x04C, 0x01C, // A-J
	0x103, 0x043, 0x142, 0x013, 0x112, 0x052, 0x007, 0x106, 0x046, 0x016, // K-T
	0x181, 0x0C1, 0x1C0, 0x091, 0x190, 0x0D0, 0x085, 0x184, 0x0C4, 0x0A8, // U-Z - . space
	0x0A2, 0x08A, 0x02A, // / + %
}

// code39 reads a code that begins with the first element. It has no check
// character: at least two characters are asked for.
func (s *Scanner) code39(w []float32, quiet float32) (string, int) {
	width := sum(w[:elements39])
	if quiet < width/3 || pattern39(w) != asterisk {
		return "", 0
	}
	out := s.chars[:0]
	for n := elements39 + 1; n+elements39 <= len(w) && len(out) < maxCode39; n += elements39 + 1 {
		now := sum(w[n : n+elements39])
		if w[n-1] > width/4 || now < width*0.75 || now > width*1.33 {
			return "", 0
		}
		width = now
		p := pattern39(w[n:])
		if p == asterisk {
			s.chars = out
			ok := len(out) > 1 && quietAfter(w, n+elements39, width/3)
			if !ok {
				return "", 0
			}
			return string(out), n + elements39
		}
		i := slices.Index(patterns39[:], p)
		if i < 0 {
			return "", 0
		}
		out = append(out, alphabet39[i])
	}
	return "", 0
}

// pattern39 returns the character of nine elements, 0 if three of them do not
// stand out as wide.
func pattern39(w []float32) int {
	var top [4]float32 // the widest, in order
	for _, v := range w[:elements39] {
		for i := range top {
			if v > top[i] {
				copy(top[i+1:], top[i:3])
				top[i] = v
				break
			}
		}
	}
	if top[2] < top[3]*minRatio39 || top[0] > 2.2*top[2] {
		return 0
	}
	p := 0
	for _, v := range w[:elements39] {
		p <<= 1
		if v >= top[2] {
			p |= 1
		}
	}
	return p
}
