package locker

import (
	"regexp"
	"sync"
)

// Form is what a name must look like: a regular expression that is compiled when it
// is first asked. The forms of all packages, compiled at the start, took two fifths
// of what a start takes beyond the libraries' own.
type Form struct{ compiled func() *regexp.Regexp }

// NewForm returns the form of an expression; one that can't be compiled panics when
// it is asked.
func NewForm(expr string) Form {
	return Form{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

// MatchString tells whether s has the form.
func (f Form) MatchString(s string) bool { return f.compiled().MatchString(s) }
