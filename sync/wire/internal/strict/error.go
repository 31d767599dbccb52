package strict

import (
	"slices"
	"strconv"
	"strings"
)

// Error says what is wrong with a JSON text, and where. It quotes no value.
type Error struct {
	Path string // as ops[3].put.tag; "" is the whole
	Why  string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Why
	}
	return e.Path + ": " + e.Why
}

// at is a place in the text: a member or an element of what is above it.
type at struct {
	up    *at
	name  string
	index int // with an empty name
}

func (a *at) path() string {
	var parts []string
	for ; a != nil; a = a.up {
		if a.name != "" {
			parts = append(parts, "."+a.name)
		} else {
			parts = append(parts, "["+strconv.Itoa(a.index)+"]")
		}
	}
	var b strings.Builder
	for _, p := range slices.Backward(parts) {
		b.WriteString(p)
	}
	return strings.TrimPrefix(b.String(), ".")
}

func (a *at) fail(why string) error { return &Error{Path: a.path(), Why: why} }
