package ui

import "testing"

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
