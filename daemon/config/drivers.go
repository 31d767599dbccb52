package config

import (
	"slices"
	"time"
)

// family is what a configuration has to know of a family of lock boards. What
// goes over the wire is the business of hal/rs485.
type family struct {
	name        string
	first, last int           // addresses a board can be set to
	reserved    []int         // addresses in between that mean something else
	channels    int           // most that one board has
	baud        int           // of a board as delivered
	ownPulse    time.Duration // the board times the pulse, about this long; 0: it is told how long
	longPulse   string        // profile key without which nothing longer than ownPulse is possible
	onlyPulse   time.Duration // the board knows no other, so that it must be allowed by longPulse or asked for; 0: it does
	pulseStep   time.Duration // a pulse is rounded up to a multiple; 0: not rounded
	noPort      bool
	wide        *wide // nil: all its boards are alike
	profile     []profileKey
}

// wide is what boards of a family can that a profile key tells from the others.
type wide struct {
	key, value     string
	last, channels int
	ownPulse       time.Duration
}

// as returns the family as its boards are by the profile of a bus.
func (f family) as(profile map[string]string) family {
	if w := f.wide; w != nil && profile[w.key] == w.value {
		f.last, f.channels, f.ownPulse = w.last, w.channels, w.ownPulse
	}
	return f
}

// addresses returns how many boards a line can tell apart.
func (f family) addresses() int { return f.last - f.first + 1 - len(f.reserved) }

// profileKey is one key of [bus.profile].
type profileKey struct {
	name string
	kind profileKind
	of   []string // the values it can have, as text; spans have none
}

// profileKind is how the value of a profile key is written.
type profileKind int

const (
	kindNumber profileKind = iota // a bare whole number
	kindWord                      // a text
	kindOnOff                     // "on" or "off"; true and false are taken too
	kindSpan                      // a duration
)

// maxBoards is the most boards on one bus: twice the load of a plain RS-485
// driver.
const maxBoards = 64

// simDefaultFamily is what a simulated bus speaks unless told otherwise.
const simDefaultFamily = "xor8a"

// families is the catalogue of lock boards this version drives.
func families() []family {
	closedBit := profileKey{"closed_bit", kindNumber, []string{"0", "1"}}
	return []family{
		{
			name: "xor8a", first: 1, last: 31, channels: 50, baud: 9600,
			ownPulse: 300 * time.Millisecond, longPulse: "long_pulse",
			profile: []profileKey{
				closedBit,
				{"byte_order", kindWord, []string{"high-first", "low-first"}},
				{"long_pulse", kindNumber, []string{"0", "1"}}, // the boards know the open frame with whole seconds
			},
		},
		{
			name: "cu16", first: 0, last: 14, channels: 16, baud: 19200, // F: all boards, PROTOCOLS 3
			ownPulse: 500 * time.Millisecond,
			profile:  []profileKey{closedBit, {"unlock_reply", kindWord, []string{"none", "state"}}},
		},
		{
			name: "cu48", first: 0, last: 15, reserved: []int{0x0A}, channels: 48, baud: 19200, // 0A: all boards, PROTOCOLS 4
			ownPulse: 300 * time.Millisecond,
			profile:  []profileKey{closedBit, {"lock_byte", kindNumber, []string{"1", "2"}}},
		},
		{
			name: "dc", first: 1, last: 15, channels: 12, baud: 9600, ownPulse: 300 * time.Millisecond,
			wide:    &wide{key: "ways", value: "24", last: 99, channels: 24, ownPulse: 150 * time.Millisecond},
			profile: []profileKey{closedBit, {"ways", kindNumber, []string{"12", "24"}}},
		},
		{
			name: "eletechsup", first: 1, last: 247, channels: 8, baud: 9600,
			onlyPulse: time.Second, longPulse: "long_pulse",
			profile: []profileKey{
				closedBit,
				{"first_channel", kindNumber, []string{"0", "1"}},
				{"first_input", kindWord, []string{"0x81", "81"}},
				{"long_pulse", kindNumber, []string{"0", "1"}}, // every lock of the bus takes a second
			},
		},
		{
			name: "waveshare", first: 1, last: 255, channels: 32, baud: 9600, pulseStep: 100 * time.Millisecond,
			profile: []profileKey{closedBit},
		},
		{
			name: "winnsen", first: 0, last: 255, channels: 16, baud: 9600, ownPulse: 300 * time.Millisecond,
			profile: []profileKey{closedBit, {"reply", kindWord, []string{"85", "a5"}}},
		},
		{
			name: "wkly", first: 0, last: 31, channels: 24, baud: 9600, ownPulse: 300 * time.Millisecond,
			profile: []profileKey{closedBit},
		},
	}
}

// simKeys are the profile keys of driver sim on top of those of the family that
// it plays.
func simKeys() []profileKey {
	return []profileKey{
		{"family", kindWord, familyNames()},
		{"shut_after", kindSpan, nil}, // a person shuts a sprung door after this time
		{"person", kindOnOff, []string{"on", "off"}},
		{"baud_pacing", kindOnOff, []string{"on", "off"}},
	}
}

// builtinScanners are the drivers of scanners.
var builtinScanners = []string{"serial", "hid", "camera"}

// baudRates are the rates that UARTs and USB adapters have in common.
var baudRates = []int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600}

func familyNames() []string {
	var names []string
	for _, f := range families() {
		names = append(names, f.name)
	}
	return names
}

func builtinBuses() []string { return append(familyNames(), gpioDriver, "sim") }

// familyOf returns the facts of a driver; played is the family that driver sim
// plays, "" its default.
func familyOf(driver, played string) (family, bool) {
	name := driver
	if driver == "sim" {
		name = played
		if name == "" {
			name = simDefaultFamily
		}
	}
	all := families()
	i := slices.IndexFunc(all, func(f family) bool { return f.name == name })
	if i < 0 {
		return family{}, false
	}
	f := all[i]
	if driver == "sim" {
		f.noPort = true
		f.profile = append(simKeys(), f.profile...)
	}
	return f, true
}

// profileOwners tells for every profile key that exists which drivers have it.
func profileOwners() map[string]string {
	owners := map[string]string{}
	for _, f := range families() {
		for _, k := range f.profile {
			if owners[k.name] != "" {
				owners[k.name] += ", "
			}
			owners[k.name] += f.name
		}
	}
	for _, k := range simKeys() {
		owners[k.name] = "sim"
	}
	for k, drivers := range owners {
		owners[k] = "driver " + drivers
	}
	return owners
}
