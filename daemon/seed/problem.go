package seed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is everything that is wrong with a seed; there is at least one problem.
type Error struct{ Problems []Problem }

// Problem is one thing wrong, without the value: it may be a secret.
type Problem struct {
	Line int    // 0: not known
	Key  string // enrol.url; empty for the file as a whole
	Text string
	Cure string
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		b.WriteString(p.Key + " ")
	}
	b.WriteString(p.Text)
	if p.Cure != "" {
		b.WriteString(": " + p.Cure)
	}
	return b.String()
}

// Error implements error: the problems in one line.
func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

var tooLong = Problem{Text: fmt.Sprintf("has more than %d bytes", Size), Cure: "name the CA by its fingerprint"}

// unreadable makes a problem of what the TOML reader says, without its message, which
// may quote a secret.
func unreadable(err error) error {
	p := Problem{Text: "cannot be read as TOML", Cure: `texts stand in double quotes, version is a number`}
	if pe, ok := errors.AsType[toml.ParseError](err); ok {
		p.Line = pe.Position.Line
		if slices.Contains(keys, pe.LastKey) {
			p.Key = pe.LastKey
		}
	}
	return &Error{Problems: []Problem{p}}
}

// keys are all there are. TOML's reader would take Bank for bank.
var keys = []string{
	"version", "bank", "site", "expires",
	"network", "network.mode", "network.address", "network.gateway", "network.dns",
	"network.wifi", "network.wifi.ssid", "network.wifi.psk", "network.wifi.country",
	"enrol", "enrol.url", "enrol.token", "enrol.ca",
}

func unknown(found []toml.Key) []Problem {
	var out []Problem
	for _, k := range found {
		if name := strings.Join(k, "."); !slices.Contains(keys, name) {
			out = append(out, Problem{Text: fmt.Sprintf("has the unknown key %q", name), Cure: "keys are " + strings.Join(keys, ", ")})
		}
	}
	return out
}
