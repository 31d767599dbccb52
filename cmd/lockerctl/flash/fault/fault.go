// Package fault is how lockerctl flash says what it could not do: a sentence, and what
// to do next.
package fault

import "fmt"

// Error is one refusal or failure.
type Error struct {
	Text string // begins with what could not be done
	Cure string
	Err  error // nil, or what lies below; Text says it already
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// New makes an Error of a cure and a formatted text; an error among the arguments is
// kept.
func New(cure, format string, args ...any) *Error {
	e := &Error{Text: fmt.Sprintf(format, args...), Cure: cure}
	for _, a := range args {
		if err, ok := a.(error); ok {
			e.Err = err
		}
	}
	return e
}

// Bytes shows a size as people buy cards by it: in units of 1,000.
func Bytes(n int64) string {
	for _, u := range []struct {
		unit int64
		name string
	}{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= u.unit {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.unit), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
