package rs485

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockerd/hal"
)

// Bounds of a configuration.
const (
	PulseCeiling = time.Second // contract 2: longer burns a solenoid
	CoilsMax     = 16          // far beyond any supply
	BoardsMax    = 64          // twice the load of a plain RS-485 driver
)

// Problem is one thing that is wrong with a bus: the key, its value and the
// cure.
type Problem struct {
	Key   string
	Value string
	Cure  string
}

// String returns the problem in one line.
func (p Problem) String() string {
	return fmt.Sprintf("cannot use %s = %s: %s", p.Key, p.Value, p.Cure)
}

// Check tells everything that is wrong with a bus, without touching it.
// A Baud, ReplyTimeout, Poll, Coils or Pulse of zero means the default.
func Check(cfg hal.Config, l Limits) []Problem {
	var out []Problem
	add := func(key, value, cure string, args ...any) {
		out = append(out, Problem{Key: key, Value: value, Cure: fmt.Sprintf(cure, args...)})
	}
	if cfg.Port == "" {
		add("port", `""`, "name the serial port, best by its stable name under /dev/serial/by-id")
	}
	if cfg.Baud < 0 {
		add("baud", strconv.Itoa(cfg.Baud), "leave it out for the family's own %d", l.Baud)
	}
	if cfg.Coils < 0 || cfg.Coils > CoilsMax {
		add("coils", strconv.Itoa(cfg.Coils), "give 1 to %d", CoilsMax)
	}
	if cfg.ReplyTimeout < 0 || cfg.ReplyTimeout > replyCeiling {
		add("reply_timeout", cfg.ReplyTimeout.String(), "give at most %v", replyCeiling)
	}
	if cfg.Poll < 0 {
		add("poll", cfg.Poll.String(), "give a period such as 500ms")
	}
	if cfg.Pulse < l.PulseMin || cfg.Pulse > l.PulseMax {
		add("pulse", cfg.Pulse.String(), "%s", l.PulseCure)
	}
	out = append(out, checkBoards(cfg.Boards, l)...)
	return append(out, checkProfile(l, cfg.Profile)...)
}

// Takes refuses a lock that no board of the family has, and a pulse that the
// family cannot make.
func (l Limits) Takes(lock hal.Lock, pulse time.Duration) error {
	switch {
	case lock.Channel < 1 || lock.Channel > l.Channels:
		return fmt.Errorf("cannot open channel %d: %s boards have 1 to %d", lock.Channel, l.Family, l.Channels)
	case pulse > l.PulseMax || pulse < l.PulseMin:
		return fmt.Errorf("cannot pulse for %v: %s", pulse, l.PulseCure)
	}
	return nil
}

func checkBoards(boards []hal.BoardConfig, l Limits) []Problem {
	var out []Problem
	if len(boards) == 0 || len(boards) > BoardsMax {
		out = append(out, Problem{"boards", strconv.Itoa(len(boards)), fmt.Sprintf("give 1 to %d boards", BoardsMax)})
	}
	seen := map[int]bool{}
	for _, b := range boards {
		at := strconv.Itoa(b.Address)
		switch {
		case b.Address < l.AddressMin || b.Address > l.AddressMax:
			out = append(out, Problem{"address", at, fmt.Sprintf("%s boards have addresses %d to %d", l.Family, l.AddressMin, l.AddressMax)})
		case slices.Contains(l.Reserved, b.Address):
			out = append(out, Problem{"address", at, "it means all boards at once: give the board another"})
		case seen[b.Address]:
			out = append(out, Problem{"address", at, "two boards on one bus have it: give each its own"})
		}
		seen[b.Address] = true
		if b.Channels < 1 || b.Channels > l.Channels {
			out = append(out, Problem{"channels", strconv.Itoa(b.Channels), fmt.Sprintf("%s boards have 1 to %d", l.Family, l.Channels)})
		}
	}
	return out
}

func checkProfile(l Limits, given map[string]string) []Problem {
	var out []Problem
	for _, k := range slices.Sorted(maps.Keys(given)) {
		allowed, ok := l.Profile[k]
		switch {
		case !ok && len(l.Profile) == 0:
			out = append(out, Problem{"profile." + k, given[k], l.Family + " has no profile keys: take it out"})
		case !ok:
			keys := slices.Sorted(maps.Keys(l.Profile))
			out = append(out, Problem{"profile." + k, given[k], l.Family + " knows only " + strings.Join(keys, ", ")})
		case !slices.Contains(allowed, given[k]):
			out = append(out, Problem{"profile." + k, given[k], "give " + strings.Join(allowed, " or ")})
		}
	}
	return out
}

// Profile fills in a family's profile: every key of l with the value that was
// given, or with its first allowed one. A key or value the family does not
// know is refused.
func Profile(l Limits, given map[string]string) (map[string]string, error) {
	if err := join(checkProfile(l, given)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(l.Profile))
	for k, allowed := range l.Profile {
		out[k] = allowed[0]
		if v, ok := given[k]; ok {
			out[k] = v
		}
	}
	return out, nil
}

func join(ps []Problem) error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = errors.New(p.String())
	}
	return errors.Join(errs...)
}
