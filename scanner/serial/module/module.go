// Package module knows what the common scanner modules can be told over their
// serial line: how each is asked for a setting and set, and what of its bytes is
// an answer and what a scan. It is pure: no I/O, no clock.
//
// Every setting is made in the module's volatile memory, never in its flash,
// which wears: a module that has lost its power has its own settings again, and
// is told anew. What is not proven on a device is said beside it: nothing is.
package module

import (
	"fmt"
	"slices"
	"strings"
)

// Trigger is what makes a module read.
type Trigger string

// Triggers.
const (
	Presence   Trigger = "presence"   // it looks by itself and lights up when something comes before it
	Continuous Trigger = "continuous" // it reads all the time
	Host       Trigger = "host"       // it reads when it is told, again and again
)

// Triggers returns all triggers, the default first.
func Triggers() []string { return []string{string(Presence), string(Continuous), string(Host)} }

// Setting is one thing that a module must have set.
type Setting struct {
	Name  string // in words, for messages
	Query []byte // asks for it; nil: it can't be asked, and is set each time
	// Right tells whether the value that Query was answered with is the wanted one.
	Right func(value []byte) bool
	// Set makes the command that sets it, from the value there is (nil if it can't
	// be asked).
	Set func(value []byte) []byte
	// Optional is a setting that not every model has: a refusal is no fault.
	Optional bool
}

// Answer is what a module says to a command.
type Answer struct {
	OK    bool
	Value []byte // of a query
}

// Heard is what the bytes that came from a module mean.
type Heard struct {
	Text    []byte // of scans, with their suffixes
	Answers []Answer
	Reply   []byte // what the module must be sent at once
	Rest    []byte // what may go on: to be given again with what comes next
}

// Module is one kind of module, told what it shall do.
type Module interface {
	// Wake is sent before the first command, and given time; nil: not needed.
	Wake() []byte
	// Settings are what must be so, in the order of asking.
	Settings() []Setting
	// Trigger makes it read once, for Host; nil for others.
	Trigger() []byte
	// Split parts what has come. Rest stays short whatever comes.
	Split(in []byte) Heard
}

// kind is one entry of the catalogue.
type kind struct {
	suffixes []string // it can end a scan with
	make     func(t Trigger, suffix string) Module
}

// kinds is the catalogue.
func kinds() map[string]kind {
	return map[string]kind{
		"gm65":      {[]string{"\r", "\t"}, newGM65},
		"ssi":       {[]string{"\r"}, newSSI},
		"honeywell": {[]string{"\r", "\n", "\t"}, newHoneywell},
		"newland":   {[]string{"\r", "\n", "\t"}, newNewland},
	}
}

// Names returns the modules there are.
func Names() []string { return []string{"gm65", "ssi", "honeywell", "newland"} }

// Suffixes returns what a module can end its scans with.
func Suffixes(name string) []string { return kinds()[name].suffixes }

// New returns a module by its name.
func New(name string, t Trigger, suffix string) (Module, error) {
	k, ok := kinds()[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("cannot set up module %q: use one of %s", name, strings.Join(Names(), ", "))
	case !slices.Contains(Triggers(), string(t)):
		return nil, fmt.Errorf("cannot set trigger %q: use one of %s", string(t), strings.Join(Triggers(), ", "))
	case !slices.Contains(k.suffixes, suffix):
		return nil, fmt.Errorf("cannot end the scans of module %s with %q: use one of %q", name, suffix, k.suffixes)
	}
	return k.make(t, suffix), nil
}
