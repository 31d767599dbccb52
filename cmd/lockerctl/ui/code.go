package ui

import (
	"strconv"
	"strings"

	"lockerd/daemon/locker"
)

// CodeKinds are the kinds of code that can be issued.
func CodeKinds() []string {
	return []string{
		string(locker.Collect), string(locker.Deliver), string(locker.Return), string(locker.Swap),
		string(locker.Clear), string(locker.Service),
	}
}

// UsesText says how often a code is good.
func UsesText(n int) string {
	if n == 0 {
		return "without limit"
	}
	return strconv.Itoa(n)
}

// Grouped writes a text in fours, for reading aloud.
func Grouped(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
