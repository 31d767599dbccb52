package sim

import (
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"lockerd/hal"
)

// Keys of [bus.profile] that are the simulator's; the others are the family's.
const (
	KeyFamily = "family"      // xor8a (default), or another that it can play
	KeyPerson = "person"      // on (default), off
	KeyShut   = "shut_after"  // how long the person leaves a door open
	KeyPacing = "baud_pacing" // off (default), on: bytes take their time on the wire
)

// defaultShut is how long a person of a demonstration leaves a door open.
const defaultShut = 3 * time.Second

// Options are what a bus's configuration does not say.
type Options struct {
	Dir string // for the port's stable name; "": a directory of its own
}

// Bank is the hardware of one bus with driver "sim".
type Bank struct {
	Line *Line
	cfg  hal.Config
}

// Start builds the hardware a bus is configured for and plugs it in.
func Start(cfg hal.Config, opt Options) (*Bank, error) {
	s, err := readProfile(cfg)
	if err != nil {
		return nil, fmt.Errorf("cannot simulate bus %q: %w", cfg.Name, err)
	}
	if opt.Dir != "" {
		s.line.Link = filepath.Join(opt.Dir, "sim-"+cfg.Name)
	}
	l, err := NewLine(s.line)
	if err != nil {
		return nil, fmt.Errorf("cannot simulate bus %q: %w", cfg.Name, err)
	}
	l.Attend(s.person)
	return &Bank{Line: l, cfg: s.driver(cfg, l.Path())}, nil
}

// Config returns the configuration with which the family's own driver is to be
// opened on the simulated port: Driver is the family, Port the stable name,
// and of the profile only the family's keys are left.
func (b *Bank) Config() hal.Config {
	c := b.cfg
	c.Profile = maps.Clone(c.Profile)
	return c
}

// Close takes the hardware away.
func (b *Bank) Close() error { return b.Line.Close() }
