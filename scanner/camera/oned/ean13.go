package oned

const (
	digitModules = 7
	digitLimit   = 0.9 // mismatch of one digit
	elements13   = 3 + 6*4 + 5 + 6*4 + 3
	modules13    = 95
)

// digitPatterns are the digits of number set A, ISO 15420 table 1; set B is
// the same from right to left, set C the same in the other colours.
var digitPatterns = [10]string{"3211", "2221", "2122", "1411", "1132", "1231", "1114", "1312", "1213", "3112"}

// setPatterns are the digits of set B.
var setPatterns = [10]string{"1123", "1222", "2212", "1141", "2311", "1321", "4111", "2131", "3121", "2113"}

// firstDigits tells the first digit by which of the left six are of set B, the
// first of them as the highest bit: ISO 15420 table 3.
var firstDigits = [10]int{0b000000, 0b001011, 0b001101, 0b001110, 0b010011, 0b011001, 0b011100, 0b010101, 0b010110, 0b011010}

// ean13 reads a code that begins with the first element.
func (s *Scanner) ean13(w []float32, quiet float32) (string, int) {
	if len(w) < elements13 || !quietAfter(w, elements13, 3*w[0]/2) || quiet < 3*w[0]/2 || !guard(w, 3) {
		return "", 0
	}
	unit := sum(w[:elements13]) / modules13
	if quiet < 3*unit || !quietAfter(w, elements13, 3*unit) || !guard(w[27:], 5) || !guard(w[56:], 3) {
		return "", 0
	}
	out, sets := append(s.chars[:0], '0'), 0
	for i := range 12 {
		n := 3 + 4*i
		if i >= 6 {
			n += 5
		}
		d, setB := digit(w[n:n+4], unit)
		if d < 0 || setB && i >= 6 {
			return "", 0
		}
		out = append(out, byte('0'+d))
		if setB {
			sets |= 1 << (5 - i)
		}
	}
	s.chars = out
	for d, p := range firstDigits {
		out[0] = byte('0' + d)
		if p == sets && check13(out) {
			return string(out), elements13
		}
	}
	return "", 0
}

// guard tells whether n elements are about equally wide.
func guard(w []float32, n int) bool {
	low, high := w[0], w[0]
	for _, v := range w[1:n] {
		low, high = min(low, v), max(high, v)
	}
	return high < 2.2*low+0.5
}

// digit returns the digit that four elements are and whether it is of set B, or
// -1. mean is the module of the whole code: perspective changes it by little.
func digit(w []float32, mean float32) (int, bool) {
	unit := sum(w) / digitModules
	if unit < mean*0.7 || unit > mean*1.4 {
		return -1, false
	}
	best, setB, least := -1, false, float32(digitLimit)
	for d := range 10 {
		if bad := mismatch(w, digitPatterns[d], unit); bad < least {
			best, setB, least = d, false, bad
		}
		if bad := mismatch(w, setPatterns[d], unit); bad < least {
			best, setB, least = d, true, bad
		}
	}
	return best, setB
}

// check13 tells whether the last digit is the check digit of the others.
func check13(text []byte) bool {
	total := 0
	for i, c := range text {
		total += int(c-'0') * (1 + 2*(i%2))
	}
	return total%10 == 0
}
