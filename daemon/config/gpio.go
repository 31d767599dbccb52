package config

import (
	"fmt"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/gpio"
)

// gpioDriver is the driver whose locks are wired to the board's own lines.
const gpioDriver = "gpio"

// Line is one GPIO line and what its level means.
type Line struct {
	Name string // as the chip names it, or chip and number: gpiochip0/17; "": not wired
	Low  bool   // active, or closed, is low
	Pull string // of an input: up, down, off; "": as it is
}

// DoorLines are the lines of a door on a gpio bus.
type DoorLines struct {
	Relay    Line
	Feedback Line
	Power    Line // the charging outlet
}

// BusLines are the lines of the bank that a gpio bus drives beside its doors.
type BusLines struct {
	LED    Line
	Buzzer Line
	Tamper Line
}

// Keys that only a gpio bus, and a door on one, have.
var (
	gpioBusKeys  = []string{"led", "led_active", "buzzer", "buzzer_active", "tamper", "tamper_closed", "tamper_pull"}
	gpioDoorKeys = []string{"relay", "relay_active", "feedback", "feedback_closed", "feedback_pull", "power", "power_active"}
)

// wireDoorKeys are keys of a door on a board, that one on lines has not.
var wireDoorKeys = []string{"lock_channel", "feedback_channel", "feedback_inverted"}

// wireKeys are keys that a bus of boards on a wire has, and lines have not.
var wireKeys = []string{"port", "baud", "reply_timeout", "profile"}

func ownersOf(keys []string, owner string) map[string]string {
	owners := map[string]string{}
	for _, k := range keys {
		owners[k] = owner
	}
	return owners
}

// gpioBus reads what a gpio bus has of its own.
func (s *section) gpioBus(b *busFacts) {
	for _, key := range wireKeys {
		s.known[key] = true
		if s.has(key) {
			s.bad(key, "does not belong to driver gpio", "remove it: lines are named at the doors")
		}
	}
	b.Poll = s.span("poll", b.Poll, minPoll, maxPoll)
	b.Coils = int(s.whole("coils", int64(b.Coils), 1, maxCoils))
	b.Lines = BusLines{
		LED: s.output("led"), Buzzer: s.output("buzzer"), Tamper: s.input("tamper"),
	}
}

// output reads a line that is driven, and its active level.
func (s *section) output(key string) Line {
	return s.lineOf(key, key+"_active")
}

// input reads a contact, its closed level and its pull resistor.
func (s *section) input(key string) Line {
	l := s.lineOf(key, key+"_closed")
	pull := key + "_pull"
	l.Pull = s.choice(pull, "", string(gpio.PullUp), string(gpio.PullDown), string(gpio.NoPull))
	s.alone(pull, key)
	return l
}

func (s *section) lineOf(key, level string) Line {
	l := Line{Name: gpio.HeaderLine(s.text(key, "", checkLine))}
	l.Low = s.choice(level, "high", "high", "low") == "low"
	s.alone(level, key)
	return l
}

// alone refuses a key that says how a line is that is not there.
func (s *section) alone(key, line string) {
	if s.has(key) && !s.has(line) && !s.refused(s.at(line)) {
		s.bad(key, "belongs to a line that is not given", "add "+line+`, as "GPIO17", or remove it`)
	}
}

var lineName = locker.NewForm(`^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,30}$|^gpiochip[0-9]{1,3}/[0-9]{1,4}$`)

func checkLine(v string) (what, cure string) {
	if lineName.MatchString(v) {
		return "", ""
	}
	return "is no name of a line", `use its name as gpioinfo lists it, as "GPIO17", its place on a Raspberry Pi's header, as "P1_11", or chip and number, as "gpiochip0/17"`
}

// lines tells whether a bus is one of lines.
func (b busFacts) lines() bool { return b.Driver == gpioDriver }

// placeLines gives the doors of a locker on a gpio bus their addresses: the
// first door of the bus is 1.
func (l *layout) placeLines(k Locker) {
	for door := 1; door <= k.Doors; door++ {
		l.wired[k.Bus]++
		l.doors[l.id(k, door)] = &Door{
			ID: l.id(k, door), Size: k.Size, Use: UseAny,
			Bus: k.Bus, Lock: hal.Lock{Address: l.wired[k.Bus], Channel: 1},
		}
	}
}

// doorLines reads how a door on a gpio bus is wired. Without feedback it has no
// sensor.
func (l *layout) doorLines(t *section, d *Door) {
	t.require("relay")
	d.Lines = DoorLines{Relay: t.output("relay"), Feedback: t.input("feedback"), Power: t.output("power")}
	d.Sensor = d.Lines.Feedback.Name != ""
	if !d.Sensor && t.has("sensor") && t.flag("sensor", false) {
		t.bad("sensor", "can't be: no feedback line is given", `add feedback, as "GPIO27", or remove it`)
	}
}

// unwired refuses doors on a gpio bus that have no relay, and lines that are
// wired twice.
func (l *layout) unwired() {
	var missing []string
	owner := map[string]string{}
	claim := func(at, key string, line Line) {
		first := owner[line.Name]
		switch {
		case line.Name == "":
		case first != "":
			l.add(at, line.Name, "is the "+first+" already", "correct one of the two")
		default:
			owner[line.Name] = key
		}
	}
	for i, b := range l.buses {
		for _, x := range []struct {
			key  string
			line Line
		}{{"led", b.Lines.LED}, {"buzzer", b.Lines.Buzzer}, {"tamper", b.Lines.Tamper}} {
			claim(fmt.Sprintf("bus[%d].%s", i, x.key), x.key+" of bus "+b.Name, x.line)
		}
	}
	for _, id := range l.sorted() {
		d := l.doors[id]
		if b, _ := l.bus(d.Bus); !b.lines() {
			continue
		}
		at, given := l.given[id]
		if !given {
			missing = append(missing, id.String())
			continue
		}
		claim(at+".relay", "relay of door "+id.String(), d.Lines.Relay)
		claim(at+".feedback", "feedback of door "+id.String(), d.Lines.Feedback)
		claim(at+".power", "power of door "+id.String(), d.Lines.Power)
	}
	if len(missing) > 0 {
		l.add("door", nil, "is missing for "+runs(missing)+", on a gpio bus", `add a [[door]] for each, with id and relay, as relay = "GPIO17"`)
	}
}

// GPIO returns a gpio bus of this configuration as its driver takes it.
func (c *Config) GPIO(b Bus) gpio.Config {
	g := gpio.Config{
		Name: b.Name, Poll: b.Poll, Coils: b.Coils,
		Extras: gpio.Extras{LED: b.Lines.LED.gpio(), Buzzer: b.Lines.Buzzer.gpio(), Tamper: b.Lines.Tamper.gpio()},
	}
	for _, d := range c.on(b) {
		g.Doors = append(g.Doors, gpio.Door{Relay: d.Lines.Relay.gpio(), Feedback: d.Lines.Feedback.gpio(), Power: d.Lines.Power.gpio()})
	}
	return g
}

func (l Line) gpio() gpio.Line { return gpio.Line{Name: l.Name, Low: l.Low, Bias: gpio.Bias(l.Pull)} }

// on returns the doors on a bus by their addresses.
func (c *Config) on(b Bus) []Door {
	var all []Door
	for _, d := range c.Doors {
		if d.Bus == b.Name {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Door) int { return a.Lock.Address - b.Lock.Address })
	return all
}

// wired writes a line.
func (w *writer) wired(key, level, pull string, l Line) {
	put(w, key, l.Name, "")
	if l.Low {
		w.line("%s = %s", level, literal("low"))
	}
	put(w, pull, l.Pull, "")
}
