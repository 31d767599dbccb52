package storetest

import (
	"fmt"
	"slices"
	"strings"
)

// Log is what a recorder has seen up to one moment. It never changes.
type Log struct {
	ops []op
}

// Mark is a label that a test has put into the log. It has been passed in every
// image whose At is greater than its own.
type Mark struct {
	At    int
	Label string
}

// Len returns the number of operations, marks included.
func (l *Log) Len() int { return len(l.ops) }

// Marks returns the marks in their order.
func (l *Log) Marks() []Mark {
	var marks []Mark
	for i := range l.ops {
		if o := &l.ops[i]; o.Kind == opMark {
			marks = append(marks, Mark{At: i, Label: o.Name})
		}
	}
	return marks
}

// Describe returns operations [from, to) as lines of text, for a test's message.
// What lies outside the log is left out.
func (l *Log) Describe(from, to int) string {
	var b strings.Builder
	for i := max(from, 0); i < min(to, len(l.ops)); i++ {
		fmt.Fprintf(&b, "%6d %s\n", i, l.ops[i].String())
	}
	return b.String()
}

// CutPoints bounds.
const (
	cutSyncs  = 2  // syncs before a mark from which on cuts are taken; one sync after it ends them
	cutWindow = 64 // operations on either side of a mark, at most
)

// CutPoints returns the cuts around the marks whose label is accepted: from the
// second sync before a mark up to the first behind it, at most 64 operations
// away. They are sorted, each stands once, and all can be the At of an image.
func CutPoints(l *Log, labels func(string) bool) []int {
	var cuts []int
	for _, m := range l.Marks() {
		if !labels(m.Label) {
			continue
		}
		for at := l.syncBefore(m.At); at <= l.syncAfter(m.At); at++ {
			cuts = append(cuts, at)
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// syncBefore returns the cut just before the second sync that precedes op i.
func (l *Log) syncBefore(i int) int {
	first := max(0, i-cutWindow)
	for seen := 0; i > first && seen < cutSyncs; {
		i--
		if l.ops[i].isSync() {
			seen++
		}
	}
	return i
}

// syncAfter returns the cut just behind the first sync that follows op i.
func (l *Log) syncAfter(i int) int {
	last := min(len(l.ops), i+1+cutWindow)
	for i++; i < last; i++ {
		if l.ops[i].isSync() {
			return i + 1
		}
	}
	return i
}
