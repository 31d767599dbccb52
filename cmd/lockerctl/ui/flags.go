package ui

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewFlags makes the flags of a verb.
func NewFlags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // usage is ours to print
	return fs
}

// Permute parses flags that stand before, between and after operands, and
// returns the operands. After "--" all is operand.
func Permute(fs *flag.FlagSet, args []string) ([]string, error) {
	var operands []string
	for {
		if err := fs.Parse(args); err != nil {
			if err == flag.ErrHelp { //nolint:errorlint // the flag package returns it bare
				return nil, err
			}
			return nil, &UsageError{Text: err.Error()}
		}
		rest := fs.Args()
		taken := len(args) - len(rest)
		if len(rest) == 0 || taken > 0 && args[taken-1] == "--" {
			return append(operands, rest...), nil
		}
		operands = append(operands, rest[0])
		args = rest[1:]
	}
}

// MaxTTL bounds how long a code issued here may live.
const MaxTTL = 366 * 24 * time.Hour

// TTL is a duration flag that also knows days and weeks: 48h, 2d, 1w.
type TTL time.Duration

// String implements flag.Value.
func (t *TTL) String() string { return Span(time.Duration(*t)) }

// Set implements flag.Value.
func (t *TTL) Set(s string) error {
	d, err := parseTTL(s)
	if err != nil || d <= 0 || d > MaxTTL {
		return fmt.Errorf("write it as 90m, 48h, 2d or 1w, at most 366d")
	}
	*t = TTL(d)
	return nil
}

func parseTTL(s string) (time.Duration, error) {
	units := []struct {
		suffix string
		unit   time.Duration
	}{{"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}}
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.suffix); ok {
			v, err := strconv.ParseUint(n, 10, 16)
			return time.Duration(v) * u.unit, err
		}
	}
	return time.ParseDuration(s)
}

// Choice is a text flag with a closed list of values.
type Choice struct {
	Value string
	Of    []string
}

// String implements flag.Value.
func (c *Choice) String() string { return c.Value }

// Set implements flag.Value.
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Of, s) {
		return fmt.Errorf("use one of %s", strings.Join(c.Of, ", "))
	}
	c.Value = s
	return nil
}
