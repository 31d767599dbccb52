package config

import (
	"cmp"
	"maps"
	"slices"

	"lockerd/hal"
)

// HAL returns a bus of this configuration as its driver takes it, boards by
// address.
func (c *Config) HAL(b Bus) hal.Config {
	h := hal.Config{
		Name: b.Name, Driver: b.Driver, Port: b.Port, Baud: b.Baud, RS485: b.RS485,
		ReplyTimeout: b.ReplyTimeout, Poll: b.Poll, Coils: b.Coils,
		Pulse: c.Open.Pulse, Profile: maps.Clone(b.Profile),
	}
	if b.Driver == gpioDriver { // each door is a board of its own
		for _, d := range c.on(b) {
			h.Boards = append(h.Boards, hal.BoardConfig{Address: d.Lock.Address, Channels: 1})
		}
		return h
	}
	for _, k := range c.Lockers {
		if k.Bus != b.Name {
			continue
		}
		for _, board := range k.Boards {
			h.Boards = append(h.Boards, hal.BoardConfig{Address: board.Address, Channels: board.Channels})
		}
	}
	slices.SortFunc(h.Boards, func(a, b hal.BoardConfig) int { return cmp.Compare(a.Address, b.Address) })
	return h
}
