package haltest

import (
	"errors"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

func unlockCases() []test {
	return []test{
		{name: "unlock", run: testUnlock},
		{name: "jammed", run: testJammed},
		{name: "ahead of the sweep", run: testAhead, setup: slowLine},
		{name: "expired", run: testExpired},
		{name: "one coil", run: testCoils},
		{name: "two coils", run: testCoils, setup: func(s *Setup) { s.Config.Coils = 2 }},
		{name: "no such lock", run: testNoSuchLock},
		{name: "twice at a time", run: testTwice},
	}
}

// testUnlock wants the right door open, once, proven by a read begun after.
func testUnlock(h *Harness) {
	h.ready()
	l := lock(2, 5)
	p := h.pulse(l)
	if p.Err != nil {
		h.Fatal(p.Err)
	}
	h.proof(l, p.At, hal.Open)
	for _, b := range h.Line.Boards() {
		for ch := 1; ch <= 8; ch++ {
			d := b.Door(ch)
			if d.IsOpen() != (d.Lock() == l) {
				h.Errorf("door %+v: open is %v", d.Lock(), d.IsOpen())
			}
		}
	}
	if n := len(h.Line.Log().Pulses()); n != 1 {
		h.Errorf("%d pulses, want one", n)
	}
	h.Line.Door(l).Shut()
	if again := h.pulse(l); again.Err != nil {
		h.Error(again.Err)
	}
	h.logged(sim.Opened, l, 2)
}

// testJammed wants a door that does not open to be an acknowledged pulse all
// the same: whether it opened is for the status to say.
func testJammed(h *Harness) {
	h.ready()
	l := lock(1, 3)
	h.Line.Door(l).Jam(1)
	p := h.pulse(l)
	if p.Err != nil {
		h.Fatal(p.Err)
	}
	h.proof(l, p.At.Add(pulse), hal.Closed)
	if p := h.pulse(l); p.Err != nil {
		h.Error(p.Err)
	}
	h.proof(l, p.At, hal.Open)
}

// slowLine is one on which bytes take their time and a sweep never ends.
func slowLine(s *Setup) {
	s.boards(8)
	s.Line.ByteTime = sim.Byte9600
	s.Config.Poll = time.Millisecond
	s.Config.Coils = 8 // so that only the line is waited for
}

// testAhead counts the requests that come from an unlock to its own: that on the
// wire, and those whose boards the driver gave up waiting for. It is asked
// several times, as a sweep may be at its end just then.
func testAhead(h *Harness) {
	h.ready()
	const most = 2 // on the wire, and the unlock itself; a sweep has 8
	for ch := 1; ch <= 5; ch++ {
		l := lock(8, ch)
		id := h.unlock(l, never)
		before, missed := h.Line.Log().Heard(), h.Bus.Stats().Timeouts
		behind := h.logged(sim.Pulse, l, 1).Heard - before
		if lost := int(h.Bus.Stats().Timeouts - missed); behind > most+lost {
			h.Errorf("the unlock came as request number %d since it was asked for, want %d at most, and %d that were lost", behind, most, lost)
		}
		h.result(id)
		h.logged(sim.Released, l, 1)
	}
}

// testExpired wants nothing stale to be sent, neither at once nor after its
// time in the queue.
func testExpired(h *Harness) {
	h.ready()
	stale := h.unlock(lock(1, 1), -time.Second)
	if p := h.result(stale); !errors.Is(p.Err, hal.ErrNotSent) || !p.At.IsZero() {
		h.Errorf("an unlock that had expired: %v at %v", p.Err, p.At)
	}
	first := h.unlock(lock(1, 2), never)
	h.logged(sim.Pulse, lock(1, 2), 1)
	queued := h.unlock(lock(1, 3), pulse/3) // one coil at a time: it can't be sent before
	if p := h.result(queued); !errors.Is(p.Err, hal.ErrNotSent) {
		h.Errorf("an unlock that expired in the queue: %v", p.Err)
	}
	if p := h.result(first); p.Err != nil {
		h.Error(p.Err)
	}
	if n := len(h.Line.Log().Pulses()); n != 1 {
		h.Errorf("%d pulses, want one", n)
	}
}

// testCoils unlocks many doors at a time; how many coils are on together is
// judged at the end of every case.
func testCoils(h *Harness) {
	h.ready()
	var ids []uint64
	for _, l := range []hal.Lock{lock(1, 1), lock(2, 1), lock(1, 2), lock(2, 2), lock(1, 8)} {
		ids = append(ids, h.unlock(l, never))
	}
	from := h.Sink.Len()
	for _, id := range ids {
		if p := h.result(id); p.Err != nil {
			h.Error(p.Err)
		}
		h.logged(sim.Opened, h.asked[id], 1)
	}
	if idle, reads := h.betweenUnlocks(from); reads == 0 && idle > 2*poll {
		h.Errorf("no board was read while unlocks waited for their turn, the line at rest for %v", idle)
	}
}

// betweenUnlocks returns how long the line was at rest between one unlock's
// result and the sending of the next, and how many reads there were until the
// last one was sent.
func (h *Harness) betweenUnlocks(from int) (idle time.Duration, reads int) {
	var over time.Time // of the unlock before
	waiting := 0
	for _, e := range h.Sink.Events()[from:] {
		switch {
		case e.Observed != nil:
			waiting++
		case e.Pulsed != nil:
			if !over.IsZero() {
				idle += max(0, e.Pulsed.At.Sub(over))
				reads += waiting
			}
			over, waiting = e.Seen, 0
		}
	}
	return idle, reads
}

func testNoSuchLock(h *Harness) {
	h.ready()
	for _, l := range []hal.Lock{lock(7, 1), lock(1, 9), lock(1, 0), lock(1, -1), lock(0, 1), lock(1, 300)} {
		if p := h.pulse(l); !errors.Is(p.Err, hal.ErrNotSent) {
			h.Errorf("lock %+v: %v, want it not sent", l, p.Err)
		}
	}
}

// testTwice wants one of two unlocks of a lock at a time refused or both
// carried out one after the other, and never more pulses than acknowledged.
func testTwice(h *Harness) {
	h.ready()
	first := h.unlock(lock(1, 1), never)
	second := h.unlock(lock(1, 1), never)
	if p := h.result(first); p.Err != nil {
		h.Error(p.Err)
	}
	if p := h.result(second); p.Err != nil && !errors.Is(p.Err, hal.ErrNotSent) {
		h.Error(p.Err)
	}
}
