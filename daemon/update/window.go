package update

import (
	"fmt"
	"time"
)

// Window is a time of day, bank's time zone, in which an update may be tried. It may
// span midnight. The zero Window is any time.
type Window struct {
	From, To time.Duration // since midnight
	set      bool
}

// ParseWindow reads "02:00-04:00"; "" is any time.
func ParseWindow(s string) (Window, error) {
	if s == "" {
		return Window{}, nil
	}
	var h, m, h2, m2 int
	if n, err := fmt.Sscanf(s, "%2d:%2d-%2d:%2d", &h, &m, &h2, &m2); err != nil || n != 4 || s != fmt.Sprintf("%02d:%02d-%02d:%02d", h, m, h2, m2) ||
		h > 23 || h2 > 23 || m > 59 || m2 > 59 || h == h2 && m == m2 {
		return Window{}, &Error{Code: CodeInvalid, Text: fmt.Sprintf("cannot take %.40q for a window", s), Cure: "write it as 02:00-04:00, in the bank's time zone"}
	}
	minutes := func(h, m int) time.Duration { return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute }
	return Window{minutes(h, m), minutes(h2, m2), true}, nil
}

// Open tells whether a moment lies in the window.
func (w Window) Open(at time.Time) bool {
	if !w.set {
		return true
	}
	d := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	if w.From < w.To {
		return d >= w.From && d < w.To
	}
	return d >= w.From || d < w.To
}
