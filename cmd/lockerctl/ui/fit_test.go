package ui

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	const red = "\x1b[31m"
	for _, test := range []struct {
		text          string
		width, height int
		want          string
	}{
		{"BANK\nlon-042\n", 7, 2, "BANK\nlon-042"},
		{"BANK\nlon-042\n", 6, 2, "BANK\nlon-0…"},
		{"a " + red + "offline\x1b[0m z\n", 11, 1, "a " + red + "offline\x1b[0m z"},
		{"a " + red + "offline\x1b[0m z\n", 6, 1, "a " + red + "off\x1b[0m…"},
		{"1\n2\n3\n4\n", 80, 4, "1\n2\n3\n4"},
		{"1\n2\n3\n4\n", 80, 3, "1\n2\n… 2 lines more: there"},
		{"1\n2\n", 80, 1, "… 2 lines more: there"},
		{"1\n2\n", 0, 0, "…"},
	} {
		if got := Fit(test.text, test.width, test.height, "there"); got != test.want {
			t.Errorf("%q in %dx%d: %q, want %q", test.text, test.width, test.height, got, test.want)
		}
	}
}

// FuzzFit: whatever the text, no line is too long and there are not too many, so that
// nothing wraps or scrolls.
func FuzzFit(f *testing.F) {
	f.Add("BANK\nlon-042\n", 6, 2)
	f.Add("a \x1b[31moffline\x1b[0m z\n\n\x1b[31", 6, 1)
	f.Add("ü\xff…\n", 0, -1)
	f.Fuzz(func(t *testing.T, text string, width, height int) {
		lines := strings.Split(Fit(text, width, height, "there"), "\n")
		if len(lines) > max(height, 1) {
			t.Errorf("%d lines, %d fit", len(lines), height)
		}
		for _, l := range lines {
			if n := printed(l); n > max(width, 1) {
				t.Errorf("%q takes %d columns of %d", l, n, width)
			}
		}
	})
}
