package bank

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/scanner"
)

// States of boards and scanners in Status.
const (
	stateStarting = "starting"
	stateOK       = "ok"
	stateLost     = "lost"
)

var (
	_ hal.Sink     = (*Bank)(nil)
	_ scanner.Sink = (*Bank)(nil)
)

// Scanned implements scanner.Sink.
func (b *Bank) Scanned(s scanner.Scan) {
	if f := func() { b.scanned(s) }; !b.atOnce(f) {
		b.post(f)
	}
}

// ScannerState implements scanner.Sink.
func (b *Bank) ScannerState(name string, err error) {
	b.post(func() { b.scannerState(name, err) })
}

// Pulsed implements hal.Sink.
func (b *Bank) Pulsed(_ string, p hal.Pulsed) { b.post(func() { b.pulsed(p) }) }

// Observed implements hal.Sink.
func (b *Bank) Observed(bus string, o hal.Observed) { b.post(func() { b.observed(bus, o) }) }

// Board implements hal.Sink.
func (b *Bank) Board(bus string, c hal.Board) {
	b.post(func() {
		if c.Lost || !b.unread(bus, c.Address) {
			b.boardState(bus, c)
		}
	})
}

// Tamper tells that the tamper switch on a bus has opened, or closed again.
func (b *Bank) Tamper(bus string, open bool) {
	b.post(func() {
		e := locker.Event{Type: locker.EvBankTamper, Bus: bus, Cause: "closed"}
		if open {
			e.Cause, e.Level = "opened", "alarm"
		}
		t := b.begin()
		t.add(e)
		t.commit()
	})
}

func (b *Bank) pulsed(p hal.Pulsed) {
	d, ok := b.pulses[p.ID]
	if !ok {
		return // of an opening that is over
	}
	delete(b.pulses, p.ID)
	r, at := door.Sent, b.now()
	if errors.Is(p.Err, hal.ErrNotSent) {
		r = door.NotSent
	} else {
		at = b.mono(p.At)
		if d.visit != nil && d.visit.stages.Pulse == nil {
			d.visit.stage(&d.visit.stages.Pulse, at)
		}
	}
	if p.Err != nil {
		b.log.Warn("unlock not acknowledged", slog.String("door", d.spec.ID.String()), slog.Any("error", p.Err))
	}
	b.effects(d, d.m.Reported(b.now(), at, r))
}

func (b *Bank) observed(bus string, o hal.Observed) {
	now, begun := b.now(), b.mono(o.Begun)
	for i, s := range o.States {
		d, ok := b.byLock[busLock{bus, hal.Lock{Address: o.Address, Channel: i + 1}}]
		if !ok {
			continue // a channel without a door
		}
		b.effects(d, d.m.Read(now, begun, position(s)))
	}
	b.boardState(bus, hal.Board{Address: o.Address})
}

func position(s hal.State) door.Position {
	switch s {
	case hal.Closed:
		return door.Closed
	case hal.Open:
		return door.Open
	case hal.Unknown:
	}
	return door.Unknown
}

// boardState notes that a board is there or silent; its doors are unknown while
// it is silent.
func (b *Bank) boardState(bus string, c hal.Board) {
	bs := b.buses[bus]
	st, ok := bs.boards[c.Address]
	if !ok {
		return
	}
	was := st.State
	st.State, st.Error = stateOK, ""
	if c.Lost {
		st.State, st.Error = stateLost, text(c.Err)
	}
	if st.State == was {
		return
	}
	b.signal()
	if c.Lost {
		b.forget(bus, c.Address)
	}
	if kind := edge(was, st.State, locker.EvBoardLost, locker.EvBoardBack); kind != "" {
		t := b.begin()
		t.add(locker.Event{Type: kind, Bus: bus, Address: &c.Address, Error: st.Error})
		t.commit()
	}
	b.maybeReady(false)
}

// unread tells whether a board has doors whose states come with its first read:
// that it answers makes nothing ready before.
func (b *Bank) unread(bus string, address int) bool {
	st, ok := b.buses[bus].boards[address]
	return ok && st.State == stateStarting && slices.ContainsFunc(b.slots, func(d *slot) bool {
		return d.board == st && d.spec.Sensor
	})
}

// forget makes the doors of a silent board unknown.
func (b *Bank) forget(bus string, address int) {
	for _, d := range b.slots {
		if d.spec.Bus == bus && d.spec.Lock.Address == address {
			b.effects(d, d.m.Read(b.now(), b.now(), door.Unknown))
		}
	}
}

func (b *Bank) scannerState(name string, err error) {
	st, ok := b.scanners[name]
	if !ok {
		return
	}
	was := st.State
	st.State, st.Error = stateOK, ""
	if err != nil {
		st.State, st.Error = stateLost, err.Error()
	}
	if kind := edge(was, st.State, locker.EvScannerLost, locker.EvScannerBack); kind != "" {
		t := b.begin()
		t.add(locker.Event{Type: kind, Scanner: name, Error: st.Error})
		t.commit()
	}
	b.maybeReady(false)
}

// ScannerFault tells that a scanner reads but is not as it should be (err says
// why), or is (nil). It is shown beside its state, no more.
func (b *Bank) ScannerFault(name string, err error) {
	b.post(func() {
		st, ok := b.scanners[name]
		if !ok || st.State == stateLost {
			return
		}
		st.Error = ""
		if err != nil {
			st.Error = err.Error()
		}
		b.signal()
	})
}

// edge names the event of a change of state: nothing is said of a part that is
// there from the start.
func edge(was, is, lost, back string) string {
	switch {
	case is == stateLost && was != stateLost:
		return lost
	case is == stateOK && was == stateLost:
		return back
	}
	return ""
}

// maybeReady closes ready when every board and scanner is known, as there or as
// lost; or at readyLimit, whatever is missing then.
func (b *Bank) maybeReady(late bool) {
	if b.isReady() || !late && b.starting() {
		return
	}
	close(b.ready)
}

func (b *Bank) starting() bool {
	for _, bs := range b.buses {
		for _, st := range bs.boards {
			if st.State == stateStarting {
				return true
			}
		}
	}
	for _, st := range b.scanners {
		if st.State == stateStarting {
			return true
		}
	}
	return false
}

// unlock sends one pulse for an opening that is on disk.
func (b *Bank) unlock(d *slot) {
	b.pulseSeq++
	b.pulses[b.pulseSeq] = d
	bus, now := b.buses[d.spec.Bus].bus, time.Now()
	bus.Unlock(hal.Unlock{ID: b.pulseSeq, Lock: d.spec.Lock, Pulse: b.cfg.Open.Pulse, Expires: now.Add(unlockExpiry)})
	bus.Focus(d.spec.Lock.Address, now.Add(b.cfg.Open.Prove))
}

// relax ends the close watch on a board when no door of it awaits its proof.
func (b *Bank) relax(d *slot) {
	for _, o := range b.slots {
		if o.spec.Bus == d.spec.Bus && o.spec.Lock.Address == d.spec.Lock.Address && o.underWay() {
			return
		}
	}
	b.buses[d.spec.Bus].bus.Focus(d.spec.Lock.Address, time.Time{})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
