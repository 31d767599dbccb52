package haltest

import (
	"errors"
	"slices"
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

// testAhead counts the requests that come from an unlock to its own. The median
// is judged: the machine may pause between our count and the driver's.
func testAhead(h *Harness) {
	h.ready()
	const most = 3 // on the wire, the unlock itself, and one that we hear late of; a sweep has 8
	var behind []int
	for ch := 1; ch <= 5; ch++ {
		l := lock(8, ch)
		before := h.Line.Log().Heard()
		id := h.unlock(l, never)
		behind = append(behind, h.logged(sim.Pulse, l, 1).Heard-before)
		h.result(id)
		h.logged(sim.Released, l, 1)
	}
	slices.Sort(behind)
	if behind[2] > most {
		h.Errorf("unlocks came as requests number %v since they were asked for, want %d at most", behind, most)
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
		p := h.result(id)
		if errors.Is(p.Err, hal.ErrNoReply) { // a machine so busy that the simulator missed a frame: once more, as the bank does
			p = h.pulse(h.asked[id])
		}
		if p.Err != nil {
			h.Error(p.Err)
		}
		h.logged(sim.Opened, h.asked[id], 1)
	}
	reads := 0
	for _, e := range h.Sink.Events()[from:] {
		if e.Observed != nil {
			reads++
		}
	}
	if reads == 0 {
		h.Error("no board was read while unlocks waited for their turn")
	}
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
