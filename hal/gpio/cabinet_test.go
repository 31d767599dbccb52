package gpio

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"lockerd/hal"
	"lockerd/hal/haltest"
)

// springTime is how long a relay must be on for its door to spring open.
const springTime = 5 * time.Millisecond

// cabinet is doors wired to lines in memory. It moves by time alone.
type cabinet struct {
	t     *testing.T
	mu    sync.Mutex
	lines map[string]*fakeLine
	doors []*fakeDoor
}

// fakeLine is one line of the chip and what is wired to it.
type fakeLine struct {
	c       *cabinet
	name    string
	level   gpio.Level
	held    bool
	output  bool
	changed func()
	missing bool  // a request fails
	fails   error // of reading and setting
	sets    []set
}

// set is one level that an output was given, the request's first.
type set struct {
	at    time.Time
	level gpio.Level
}

// fakeDoor is a sprung door with a lock.
type fakeDoor struct {
	wiring Door
	jammed bool
	open   bool
	bounce time.Duration // how long its switch bounces
	moves  []move
}

type move struct {
	at   time.Time
	open bool
}

func newCabinet(t *testing.T, doors ...Door) *cabinet {
	t.Helper()
	c := &cabinet{t: t, lines: map[string]*fakeLine{}}
	for _, w := range doors {
		d := &fakeDoor{wiring: w}
		c.doors = append(c.doors, d)
		c.line(w.Feedback.Name).level = w.Feedback.level(true)
	}
	return c
}

// wired returns n doors, every second one with an active-low relay and a switch
// that is closed when low.
func wired(n int) []Door {
	var doors []Door
	for i := range n {
		low := i%2 == 1
		doors = append(doors, Door{
			Relay:    Line{Name: fmt.Sprintf("relay%d", i+1), Low: low},
			Feedback: Line{Name: fmt.Sprintf("feedback%d", i+1), Low: low},
		})
	}
	return doors
}

func (c *cabinet) line(name string) *fakeLine {
	l, ok := c.lines[name]
	if !ok {
		l = &fakeLine{c: c, name: name}
		c.lines[name] = l
	}
	return l
}

// with changes a line or door under the cabinet's lock.
func (c *cabinet) with(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *cabinet) request(name string, output bool) (*fakeLine, error) {
	l := c.line(name)
	switch {
	case l.missing:
		return nil, errors.New("no such line")
	case l.held:
		return nil, errors.New("busy")
	case output && l.fails != nil:
		return nil, l.fails
	}
	l.held, l.output = true, output
	return l, nil
}

// Output implements Lines.
func (c *cabinet) Output(name string, at gpio.Level) (Output, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.request(name, true)
	if err != nil {
		return nil, err
	}
	l.become(at)
	return l, nil
}

// Input implements Lines.
func (c *cabinet) Input(name string, _ Bias, changed func()) (Input, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := c.request(name, false)
	if err != nil {
		return nil, err
	}
	l.changed = changed
	return fakeInput{l}, nil
}

type fakeInput struct{ *fakeLine }

// Read implements Input.
func (l fakeInput) Read() (gpio.Level, error) {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return l.level, l.fails
}

// Out implements Output.
func (l *fakeLine) Out(level gpio.Level) error {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	switch {
	case !l.held || !l.output:
		l.c.t.Errorf("line %s was set and is not ours", l.name)
	case l.fails != nil:
		return l.fails
	}
	l.become(level)
	return nil
}

// Halt implements Output and Input.
func (l *fakeLine) Halt() error {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	l.held, l.changed = false, nil
	return nil
}

// become gives an output a level, and moves what hangs on it.
func (l *fakeLine) become(level gpio.Level) {
	before := len(l.sets) == 0 || l.level != level
	l.level = level
	l.sets = append(l.sets, set{time.Now(), level})
	for _, d := range l.c.doors {
		if d.wiring.Relay.Name == l.name && before && level == d.wiring.Relay.level(true) {
			time.AfterFunc(springTime, func() { l.c.spring(d) })
		}
	}
}

// spring opens a door whose relay is still on.
func (c *cabinet) spring(d *fakeDoor) {
	c.mu.Lock()
	on := c.line(d.wiring.Relay.Name).level == d.wiring.Relay.level(true)
	c.mu.Unlock()
	if on && !d.jammed {
		c.move(d, true)
	}
}

// move opens or shuts a door, its switch bouncing.
func (c *cabinet) move(d *fakeDoor, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.open = open
	d.moves = append(d.moves, move{time.Now(), open})
	c.swing(d, d.bounce, open)
}

// swing sets the switch, and the other way round 3 ms later until it has bounced
// enough.
func (c *cabinet) swing(d *fakeDoor, left time.Duration, open bool) {
	l := c.line(d.wiring.Feedback.Name)
	l.level = d.wiring.Feedback.level(!open)
	if l.changed != nil {
		l.changed()
	}
	if left <= 0 {
		if open != d.open {
			c.swing(d, 0, d.open)
		}
		return
	}
	time.AfterFunc(3*time.Millisecond, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.swing(d, left-3*time.Millisecond, !open)
	})
}

// pulses returns how often and how long a relay was on.
func (c *cabinet) pulses(l Line) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []time.Duration
	var since time.Time
	for _, s := range c.line(l.Name).sets {
		switch on := s.level == l.level(true); {
		case on && since.IsZero():
			since = s.at
		case !on && !since.IsZero():
			all = append(all, s.at.Sub(since))
			since = time.Time{}
		}
	}
	if !since.IsZero() {
		all = append(all, time.Since(since))
	}
	return all
}

// rig is a bus on a cabinet.
type rig struct {
	*testing.T

	c    *cabinet
	cfg  Config
	bus  hal.Bus
	sink *haltest.Recorder
	ids  uint64
}

func start(t *testing.T, c *cabinet, cfg Config, opt Options) *rig {
	t.Helper()
	for _, d := range c.doors {
		cfg.Doors = append(cfg.Doors, d.wiring)
	}
	cfg.Name = "g"
	opt.Lines = c
	r := &rig{T: t, c: c, cfg: cfg, sink: &haltest.Recorder{}}
	var err error
	if r.bus, err = Open(cfg, r.sink, opt); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) unlock(address int, pulse, worth time.Duration) uint64 {
	r.ids++
	r.bus.Unlock(hal.Unlock{ID: r.ids, Lock: hal.Lock{Address: address, Channel: 1}, Pulse: pulse, Expires: time.Now().Add(worth)})
	return r.ids
}

// result returns what became of an unlock; nil: nothing yet.
func (r *rig) result(id uint64) *hal.Pulsed {
	for _, e := range r.sink.Events() {
		if e.Pulsed != nil && e.Pulsed.ID == id {
			return e.Pulsed
		}
	}
	return nil
}

// last returns what a door was last observed as.
func (r *rig) last(address int) hal.State {
	s := hal.Unknown
	for _, e := range r.sink.Events() {
		if e.Observed != nil && e.Observed.Address == address {
			s = e.Observed.States[0]
		}
	}
	return s
}

// boards returns what was told of a door: + there, - lost.
func (r *rig) boards(address int) (s string) {
	for _, e := range r.sink.Events() {
		if e.Board != nil && e.Board.Address == address {
			s += map[bool]string{true: "-", false: "+"}[e.Board.Lost]
		}
	}
	return s
}

func (r *rig) close() {
	r.Helper()
	if err := r.bus.Close(); err != nil {
		r.Error(err)
	}
	r.judge()
}

// judge holds what must be so whatever a test did: outputs are off and given
// back, no relay was on for longer than it may, and nothing was observed that was
// not so while it was read.
func (r *rig) judge() {
	r.Helper()
	r.c.with(func() {
		for name, l := range r.c.lines {
			if l.held {
				r.Errorf("line %s was not given back", name)
			}
		}
	})
	for i, d := range r.c.doors {
		relay := d.wiring.Relay
		for _, p := range r.c.pulses(relay) {
			if p > PulseMax {
				r.Errorf("relay %d was on for %s", i+1, p)
			}
		}
		if l := r.c.line(relay.Name); len(l.sets) > 0 && (l.level != relay.level(false) || l.sets[0].level != relay.level(false)) {
			r.Errorf("relay %d was requested as %s and left as %s, off is %s", i+1, l.sets[0].level, l.level, relay.level(false))
		}
	}
	for _, e := range r.sink.Events() {
		if o := e.Observed; o != nil && !r.c.doors[o.Address-1].was(o.States[0], o.Begun) {
			r.Errorf("door %d was reported %s of a reading begun at %s", o.Address, o.States[0], o.Begun)
		}
	}
}

// was tells whether a door was in a state at a time.
func (d *fakeDoor) was(s hal.State, at time.Time) bool {
	open := false
	for _, m := range d.moves {
		if m.at.Before(at) {
			open = m.open
		} else if m.at.Equal(at) {
			return true // either
		}
	}
	return open == (s == hal.Open)
}
