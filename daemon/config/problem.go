package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration, or worth a warning.
type Problem struct {
	File  string
	Key   string // where: bus[0].baud; "" for the file as a whole
	Line  int    // 0: not known, or nothing is there
	Value string // as written, shortened; "" where there is none
	What  string // what is wrong with it
	Cure  string // what to write instead
}

// String returns the problem in one line: where, what, cure.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	b.WriteString(p.Key)
	if p.Value != "" {
		fmt.Fprintf(&b, " = %s", p.Value)
	}
	if b.Len() > 0 && p.Key != "" {
		b.WriteString(": ")
	}
	b.WriteString(p.What)
	if p.Cure != "" {
		b.WriteString("; " + p.Cure)
	}
	return b.String()
}

// Problems is everything that is wrong with one configuration, in the order of
// the file. As an error it is never empty.
type Problems []Problem //nolint:errname // a list that happens to be an error

// Error implements error: one line that says what could not be done, and one
// line for each problem.
func (ps Problems) Error() string {
	if len(ps) == 0 {
		return "no problems"
	}
	noun := "problems"
	if len(ps) == 1 {
		noun = "problem"
	}
	lines := []string{fmt.Sprintf("cannot use configuration %q: %d %s", ps[0].File, len(ps), noun)}
	for _, p := range ps {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// sort brings the problems into the order of the file; those without a line
// come last.
func (ps Problems) sort() {
	place := func(p Problem) int {
		if p.Line == 0 {
			return int(^uint(0) >> 1)
		}
		return p.Line
	}
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(place(a), place(b)) })
}
