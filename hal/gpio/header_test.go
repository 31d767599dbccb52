package gpio

import (
	"regexp"
	"testing"
)

// TestHeaderLine: the corners of the header as pinout.xyz draws it, names that
// are no positions of it, and that every position leads to a line of its own.
func TestHeaderLine(t *testing.T) {
	for name, want := range map[string]string{
		"P1_3": "GPIO2", "P1_8": "GPIO14", "P1_11": "GPIO17", "P1_13": "GPIO27", "P1_27": "GPIO0", "P1_37": "GPIO26", "P1_40": "GPIO21",
		"P1_1": "P1_1", "P1_39": "P1_39", "GPIO17": "GPIO17", "gpiochip0/17": "gpiochip0/17", "": "",
	} {
		if got := HeaderLine(name); got != want {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
	line, seen := regexp.MustCompile(`^GPIO([0-9]|1[0-9]|2[0-7])$`), map[string]string{}
	for position := range header() {
		got := HeaderLine(position)
		if other, twice := seen[got]; twice || !line.MatchString(got) {
			t.Errorf("%s leads to %q, as %q does", position, got, other)
		}
		seen[got] = position
	}
}
