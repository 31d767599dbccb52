package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal/sim"
)

// pace is how fast things happen in front of the doors.
type pace struct {
	shut      time.Duration // after which the person shuts an open door
	reopen    time.Duration // how long a used code reopens its door
	ajarWarn  time.Duration
	ajarAlarm time.Duration
	label     time.Duration // after which hands scan the label of what they put in
}

// livePace leaves time to look; tourPace is for CI.
func livePace() pace {
	return pace{shut: 4 * time.Second, reopen: 10 * time.Second, ajarWarn: 10 * time.Second, ajarAlarm: 30 * time.Second, label: 1500 * time.Millisecond}
}

func tourPace() pace {
	return pace{shut: 700 * time.Millisecond, reopen: time.Second, ajarWarn: 10 * time.Second, ajarAlarm: 30 * time.Second, label: 150 * time.Millisecond}
}

// cabinet is one locker, on a bus of its own.
type cabinet struct {
	number int
	bus    string
	family string
	size   string
	doors  int
	boards []wiring
}

// wiring is one board: its channel 1 is the door first, the others follow.
type wiring struct{ address, channels, first int }

// cabinets are the lockers of the demo: two families of lock boards.
func cabinets() []cabinet {
	return []cabinet{
		{number: 1, bus: "a", family: "xor8a", size: "M", doors: 34, boards: []wiring{{1, 24, 1}, {2, 10, 25}}},
		{number: 2, bus: "b", family: "waveshare", size: "S", doors: 12, boards: []wiring{{1, 12, 1}}},
	}
}

// load is an item that lies in the bank at the start.
type load struct {
	door        locker.DoorID
	sku, serial string
}

// tenant owns everything in the demo.
const tenant = "acme"

// jammable is the door that code 2 opens first: the oldest phone of the
// smallest size. The tour and the help jam it.
var jammable = locker.DoorID{Locker: 2, Door: 3} //nolint:gochecknoglobals,nolintlint // a constant but for the language

// goods returns what is loaded, in this order.
func goods() []load {
	return []load{
		{locker.DoorID{Locker: 1, Door: 7}, "tablet", "TAB-0007"},
		{jammable, "phone", "PHN-0001"},
		{locker.DoorID{Locker: 2, Door: 4}, "phone", "PHN-0002"},
		{locker.DoorID{Locker: 2, Door: 5}, "phone", "PHN-0003"},
		{locker.DoorID{Locker: 1, Door: 1}, "charger", "CHG-0001"},
		{locker.DoorID{Locker: 1, Door: 2}, "charger", "CHG-0002"},
		{locker.DoorID{Locker: 1, Door: 3}, "charger", "CHG-0003"},
		{locker.DoorID{Locker: 1, Door: 4}, "charger", "CHG-0004"},
	}
}

// wish is a code to be issued.
type wish struct {
	words string // for the screen
	code  locker.Code
}

// collect is a code for what is behind a door, or for any of a sku.
func collect(door locker.DoorID, sku string) locker.Code {
	return locker.Code{Kind: locker.Collect, Door: door, SKU: sku}
}

// wanted is the document that the backend gives the bank: what a phone needs, and how
// many there should be.
func wanted() locker.Desired {
	least := 3
	return locker.Desired{SKUs: []locker.SKURule{{SKU: "phone", Tenant: tenant, Size: locker.SizeS, Min: &least}}}
}

// Numbers of the codes of the demo.
const (
	codeTablet = iota + 1
	codePhone
	codeCharger
	codeSupplier
	codeReturn
	codeSwap
	codeRepairer
)

// wishes are the codes of the demo: of people who fetch, of a supplier, of people who
// bring something back, and of a repairer.
func wishes() []wish {
	none, twice := locker.DoorID{}, 2
	charger := collect(none, "charger")
	charger.Uses = &twice
	return []wish{
		{"the tablet behind door 1-07", collect(goods()[0].door, "")},
		{"any phone", collect(none, "phone")},
		{"a charger, twice", charger},
		{"supplier: puts in two phones", locker.Code{Kind: locker.Deliver, SKU: "phone", Items: 2}},
		{"hands in a broken phone", locker.Code{Kind: locker.Return, SKU: "phone", Size: locker.SizeS}},
		{"swaps a broken phone", locker.Code{Kind: locker.Swap, SKU: "phone", To: "phone", Size: locker.SizeS}},
		{"repairer: takes the broken", locker.Code{Kind: locker.Clear}},
	}
}

// configText writes the configuration of the demo's bank as TOML.
func configText(dir, url string, p pace) string {
	var b strings.Builder
	fmt.Fprintf(&b, `version  = 1
bank     = %q
data_dir = %q

[mqtt]
url = %q

[trust]
keys_file = %q

[open]
prove         = "1s"
ajar_warn     = %q
ajar_alarm    = %q
reopen_window = %q

[[scanner]]
name   = "front"
driver = "serial"
port   = %q
`, bankName, filepath.Join(dir, "data"), url, trustFile(dir), p.ajarWarn, p.ajarAlarm, p.reopen, scannerLink(dir))
	for _, c := range cabinets() {
		c.write(&b, dir)
	}
	return b.String()
}

func (c *cabinet) write(w *strings.Builder, dir string) {
	fmt.Fprintf(w, "\n[[bus]]\nname   = %q\ndriver = %q\nport   = %q\n", c.bus, c.family, c.link(dir))
	fmt.Fprintf(w, "\n[[locker]]\nnumber = %d\nbus    = %q\nsize   = %q\ndoors  = %d\nboards = [\n", c.number, c.bus, c.size, c.doors)
	for _, b := range c.boards {
		fmt.Fprintf(w, "  { address = %d, channels = %d, first_door = %d },\n", b.address, b.channels, b.first)
	}
	w.WriteString("]\n")
}

// link is the stable name of the cabinet's port.
func (c *cabinet) link(dir string) string { return filepath.Join(dir, "bus-"+c.bus) }

func scannerLink(dir string) string { return filepath.Join(dir, "scanner") }

// line is the cabinet as the simulator builds it.
func (c *cabinet) line(dir string) sim.LineConfig {
	l := sim.LineConfig{Family: c.family, Link: c.link(dir)}
	for _, b := range c.boards {
		l.Boards = append(l.Boards, sim.BoardConfig{Address: b.address, Channels: b.channels})
	}
	return l
}
