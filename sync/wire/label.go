package wire

import (
	"errors"
	"fmt"
	"regexp/syntax"
)

// Bounds of a label's pattern. A tenant's key can send 200 of them in one message:
// what one may cost is counted before anything is compiled.
const (
	maxLabel     = 128   // bytes
	maxLabelCost = 2_000 // instructions, about
)

// checkLabel judges a pattern for serial labels: RE2, small when compiled.
func checkLabel(pattern string) error {
	if len(pattern) > maxLabel {
		return fmt.Errorf("must be at most %d bytes", maxLabel)
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	switch {
	case err != nil:
		return errors.New("is no regular expression of RE2")
	case cost(re) > maxLabelCost:
		return errors.New("repeats too much; use smaller counts")
	}
	return nil
}

// cost is about how many instructions an expression has when its repeats are
// written out.
func cost(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, s := range re.Sub {
		n = min(n+cost(s), 1<<20)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, 1<<20)
}
