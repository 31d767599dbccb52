package gpio

import (
	"time"

	"periph.io/x/conn/v3/gpio"
)

// Times of a contact.
const (
	// Debounce is how long a contact must be still before what it says counts.
	Debounce = 50 * time.Millisecond
	// unrestMax is how long it may bounce before it is reported as it is.
	unrestMax = 500 * time.Millisecond
)

// contact is a debounced input. It has one owner.
type contact struct {
	line Line
	in   Input

	raw     gpio.Level
	still   time.Time // when raw was first read so
	unrest  time.Time // since when it has not been still; zero: it is
	started bool
}

// open requests the line. changed is called at each edge.
func (c *contact) open(lines Lines, changed func()) error {
	in, err := lines.Input(c.line.Name, c.line.Bias, changed)
	if err != nil {
		return err
	}
	*c = contact{line: c.line, in: in}
	return nil
}

// close gives the line back.
func (c *contact) close() error {
	if c.in == nil {
		return nil
	}
	err := c.in.Halt()
	c.in = nil
	return err
}

// look reads the contact. It tells whether what it says counts, read at now.
// edges says that it has moved since the last look.
func (c *contact) look(now time.Time, edges bool) (closed, counts bool, err error) {
	l, err := c.in.Read()
	if err != nil {
		return false, false, err
	}
	if !c.started || edges || l != c.raw {
		if c.unrest.IsZero() {
			c.unrest = now
		}
		c.started, c.raw, c.still = true, l, now
	}
	if c.unrest.IsZero() || now.Sub(c.still) >= Debounce || now.Sub(c.unrest) >= unrestMax {
		c.unrest = time.Time{}
		return c.line.level(true) == l, true, nil
	}
	return false, false, nil
}

// due returns when it must be looked at again to count; zero: it counts.
func (c *contact) due() time.Time {
	if c.unrest.IsZero() {
		return time.Time{}
	}
	at := c.still.Add(Debounce)
	if end := c.unrest.Add(unrestMax); end.Before(at) {
		return end
	}
	return at
}
