package main

import (
	"errors"
	"fmt"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal/sim"
)

// pullAfter is when the person helps a door that does not spring open.
const pullAfter = time.Second

// scannerSuffix ends every scan.
const scannerSuffix = "\r"

// hardware is the iron and the glass: one line for each cabinet, and a scanner.
type hardware struct {
	lines   map[int]*sim.Line // by the cabinet's number
	doors   map[locker.DoorID]*sim.Door
	scanner *sim.Scanner
	shut    time.Duration
}

// newHardware builds everything and plugs it in, under stable names in dir.
func newHardware(dir string, shut time.Duration) (*hardware, error) {
	h := &hardware{lines: map[int]*sim.Line{}, doors: map[locker.DoorID]*sim.Door{}, shut: shut}
	for _, c := range cabinets() {
		if err := h.add(&c, dir); err != nil {
			_ = h.Close() // the first error says why
			return nil, err
		}
	}
	var err error
	if h.scanner, err = sim.NewScanner(scannerLink(dir), scannerSuffix); err != nil {
		_ = h.Close()
		return nil, err
	}
	h.hold(false)
	return h, nil
}

func (h *hardware) add(c *cabinet, dir string) error {
	l, err := sim.NewLine(c.line(dir))
	if err != nil {
		return err
	}
	h.lines[c.number] = l
	for _, b := range c.boards {
		for ch := 1; ch <= b.channels; ch++ {
			id := locker.DoorID{Locker: uint8(c.number), Door: uint8(b.first + ch - 1)}
			h.doors[id] = l.Board(b.address).Door(ch)
		}
	}
	return nil
}

// door finds a door by what a person has typed.
func (h *hardware) door(text string) (locker.DoorID, *sim.Door, error) {
	id, err := locker.ParseDoorID(text)
	if err != nil {
		return id, nil, fmt.Errorf("cannot find a door %.10q: write it as 1-07, locker and two digits", text)
	}
	d, ok := h.doors[id]
	if !ok {
		return id, nil, fmt.Errorf("cannot find door %s: this bank has 1-01 to 1-34 and 2-01 to 2-12", id)
	}
	return id, d, nil
}

// hold lets the people leave doors open from now on, or shut them again.
func (h *hardware) hold(on bool) {
	p := sim.Person{Pull: pullAfter, Shut: h.shut}
	if on {
		p.Shut = 0
	}
	for _, l := range h.lines {
		l.Attend(p)
	}
	if on {
		return
	}
	for _, d := range h.doors {
		if d.IsOpen() {
			d.Shut()
		}
	}
}

// Close takes everything away.
func (h *hardware) Close() error {
	var errs []error
	for _, l := range h.lines {
		errs = append(errs, l.Close())
	}
	if h.scanner != nil {
		errs = append(errs, h.scanner.Close())
	}
	return errors.Join(errs...)
}
