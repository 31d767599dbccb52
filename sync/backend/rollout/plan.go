package rollout

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a plan.
const (
	stepsMax    = 20
	deadlineMax = 7 * 24 * time.Hour // a command lives no longer
)

// Plan is what an operator orders.
type Plan struct {
	Version  string   `json:"version"` // without it nobody could tell what was confirmed
	Channel  string   `json:"channel,omitempty"`
	Window   string   `json:"window,omitempty"` // 02:00-04:00, each bank's own time zone
	Steps    []int    `json:"steps"`            // percent of the banks, rising
	Canaries []string `json:"canaries,omitempty"`
	Failures Limit    `json:"failures"` // of the banks of a step; more pause
	Silent   Limit    `json:"silent"`   // of the banks of a step; more pause
	Stop     Limit    `json:"stop"`     // of all banks; more failures end the rollout
	Deadline Span     `json:"deadline"` // for a bank, from its order (if it is away: its turn) to its verdict
	Soak     Span     `json:"soak"`     // between steps
	Parallel int      `json:"parallel"` // banks under way at a time; those that wait for their window do not count
}

// Span is a time in a plan, written as 2h0m0s.
type Span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	*s = Span(d)
	return err
}

// Limit is how many banks may: a number, or a percentage, rounded down.
type Limit struct {
	N       int
	Percent bool
}

// ParseLimit reads "3" or "5%".
func ParseLimit(s string) (Limit, error) {
	digits, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || percent && n > 100 || digits != strconv.Itoa(n) {
		return Limit{}, fmt.Errorf("cannot take %.20q for a limit: write a number of banks, as 3, or a percentage, as 5%%", s)
	}
	return Limit{n, percent}, nil
}

// Of is the limit for that many banks.
func (l Limit) Of(banks int) int {
	if l.Percent {
		return banks * l.N / 100
	}
	return l.N
}

// String is how it is written.
func (l Limit) String() string {
	if l.Percent {
		return strconv.Itoa(l.N) + "%"
	}
	return strconv.Itoa(l.N)
}

// MarshalText implements encoding.TextMarshaler.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Limit) UnmarshalText(b []byte) (err error) {
	*l, err = ParseLimit(string(b))
	return err
}

// Check says what is wrong with a plan.
func (p *Plan) Check() error {
	switch {
	case p.Version == "":
		return fmt.Errorf("cannot begin a rollout without a version: name the one that was released")
	case len(p.Steps) == 0 || len(p.Steps) > stepsMax:
		return fmt.Errorf("cannot begin a rollout with %d steps: give 1 to %d percentages, as 1,5,25,100", len(p.Steps), stepsMax)
	case p.Deadline < Span(time.Second) || p.Deadline > Span(deadlineMax):
		return fmt.Errorf("cannot give a bank %s: the deadline is 1s to %s", time.Duration(p.Deadline), deadlineMax)
	case p.Soak < 0:
		return fmt.Errorf("cannot wait %s between steps", time.Duration(p.Soak))
	case p.Parallel < 1:
		return fmt.Errorf("cannot update %d banks at a time: at least 1", p.Parallel)
	}
	last := 0
	for _, s := range p.Steps {
		if s <= last || s > 100 {
			return fmt.Errorf("cannot take %d for a step behind %d: steps are percentages that rise to at most 100, as 1,5,25,100", s, last)
		}
		last = s
	}
	return nil
}

// order puts banks into the order in which they are updated.
func (p *Plan) order(banks []string) []string {
	rank := func(bank string) int {
		if i := slices.Index(p.Canaries, bank); i >= 0 {
			return i
		}
		return math.MaxInt
	}
	sums := make(map[string][sha256.Size]byte, len(banks))
	for _, b := range banks {
		sums[b] = sha256.Sum256([]byte(p.Version + "\x00" + b))
	}
	out := slices.Clone(banks)
	slices.SortFunc(out, func(a, b string) int {
		x, y := sums[a], sums[b]
		return cmp.Or(cmp.Compare(rank(a), rank(b)), bytes.Compare(x[:], y[:]))
	})
	return slices.Compact(out)
}

// Step is one of a rollout: up to Percent of the banks, of which Banks are new in it.
type Step struct {
	Percent int `json:"percent"`
	Banks   int `json:"banks"`
}

// cut makes steps for n banks. One that would add no bank is left out, the first has at
// least one, and all named canaries that there are.
func (p *Plan) cut(n, canaries int) []Step {
	var steps []Step
	done := 0
	for i, percent := range p.Steps {
		upTo := (n*percent + 99) / 100
		if i == 0 {
			upTo = max(upTo, canaries)
		}
		if upTo > done {
			steps = append(steps, Step{percent, upTo - done})
			done = upTo
		}
	}
	return steps
}

// Same tells whether two texts name one version: v1.3.0 is 1.3.0.
func Same(a, b string) bool { return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v") }
