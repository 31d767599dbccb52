package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

func newFlags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // usage is ours to print
	return fs
}

// permute parses flags that stand before, between and after operands, and
// returns the operands. After "--" all is operand.
func permute(fs *flag.FlagSet, args []string) ([]string, error) {
	var operands []string
	for {
		if err := fs.Parse(args); err != nil {
			if err == flag.ErrHelp { //nolint:errorlint // the flag package returns it bare
				return nil, err
			}
			return nil, &usageError{text: err.Error()}
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

// maxTTL bounds how long a code issued here may live.
const maxTTL = 366 * 24 * time.Hour

// ttl is a duration flag that also knows days and weeks: 48h, 2d, 1w.
type ttl time.Duration

// String implements flag.Value.
func (t *ttl) String() string { return span(time.Duration(*t)) }

// Set implements flag.Value.
func (t *ttl) Set(s string) error {
	d, err := parseTTL(s)
	if err != nil || d <= 0 || d > maxTTL {
		return fmt.Errorf("write it as 90m, 48h, 2d or 1w, at most 366d")
	}
	*t = ttl(d)
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

// choice is a text flag with a closed list of values.
type choice struct {
	value string
	of    []string
}

// String implements flag.Value.
func (c *choice) String() string { return c.value }

// Set implements flag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return fmt.Errorf("use one of %s", strings.Join(c.of, ", "))
	}
	c.value = s
	return nil
}
