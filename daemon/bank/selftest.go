package bank

import (
	"fmt"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// suspicious is how many doors of one board may all stand open at once before
// it is the board's word that is doubted.
const suspicious = 3

// feedbackTest tells of boards whose switches can't be right.
func (b *Bank) feedbackTest() []SelfTestLine {
	type count struct{ doors, open int }
	seen := map[string]*count{}
	var order []string
	for _, d := range b.slots {
		if !d.spec.Sensor || d.silent() {
			continue
		}
		what := fmt.Sprintf("feedback bus %s board %d", d.spec.Bus, d.spec.Lock.Address)
		c := seen[what]
		if c == nil {
			c = &count{}
			seen[what] = c
			order = append(order, what)
		}
		c.doors++
		if d.m.Position() == door.Open {
			c.open++
		}
	}
	var out []SelfTestLine
	for _, what := range order {
		c := seen[what]
		l := SelfTestLine{What: what, OK: c.open < c.doors || c.doors < suspicious, Text: fmt.Sprintf("%d of %d doors say closed", c.doors-c.open, c.doors)}
		if !l.OK {
			l.Cure = "if the doors are shut, the polarity is wrong: stop lockerd and run lockerctl commission --force; if the switches have lost their common wire, mend that"
		}
		out = append(out, l)
	}
	return out
}

// clockTest tells how far bank time can be trusted. An unset clock is no fault
// of this bank: one that has started without a network has it.
func (b *Bank) clockTest() SelfTestLine {
	l := SelfTestLine{What: "clock", OK: true, Text: string(b.clock.Read().Status)}
	if l.Text == string(locker.ClockUnset) {
		l.Text += ": codes that are not valid yet are refused until time is known"
	}
	return l
}
