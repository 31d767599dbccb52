package haltest

import (
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

func restCases() []test {
	return []test{
		{name: "close", run: testClose},
		{name: "close beside a silent board", run: testCloseSilent},
		{name: "found held", run: testFoundHeld, only: silences, setup: func(s *Setup) {
			s.Loose = true
			s.Before = func(l *sim.Line) { l.Board(1).Hold(3) }
		}},
		{name: "linkage", run: testLinkage, only: modes, setup: func(s *Setup) {
			s.Loose = true
			s.Before = jamAll
			for i := range s.Line.Boards {
				s.Line.Boards[i].Linkage = true
			}
		}},
		{name: "power cycle", run: testPowerCycle, only: silences, setup: func(s *Setup) {
			s.Loose = true
			s.Before = jamAll
		}},
	}
}

func jamAll(l *sim.Line) {
	for _, b := range l.Boards() {
		for ch := 1; b.Door(ch) != nil; ch++ {
			b.Door(ch).Jam(-1)
		}
	}
}

func (h *Harness) coilsOn() (n int) {
	for _, b := range h.Line.Boards() {
		n += b.CoilsOn()
	}
	return n
}

// testClose closes with a pulse under way and more waiting: the coils are off
// and stay so, and the port is free for the next.
func testClose(h *Harness) {
	h.ready()
	under := h.unlock(lock(1, 1), never)
	h.logged(sim.Pulse, lock(1, 1), 1)
	waits := h.unlock(lock(1, 2), never)
	h.close()
	if n := h.coilsOn(); n != 0 && h.Variant.Silences {
		h.Errorf("%d coils are on after closing", n)
	}
	h.result(under)
	h.result(waits)
	h.logged(sim.Released, lock(1, 1), 1)
	said := h.Sink.Len()
	next := &Recorder{}
	bus := h.reopen(next)
	next.Await(h.TB, "a board on the freed port", 0, func(e Event) bool { return e.Board != nil && !e.Board.Lost })
	if err := bus.Close(); err != nil {
		h.Error(err)
	}
	if n := h.Sink.Len(); n != said {
		h.Errorf("a closed bus said %d things more", n-said)
	}
}

func testCloseSilent(h *Harness) {
	h.ready()
	from := h.Sink.Len()
	h.Line.Board(1).Fail(sim.Fault{Silent: true})
	h.boardIs(1, true, from)
	h.unlock(lock(1, 1), never)
	h.close()
}

// testFoundHeld wants a relay that an earlier run left on to be off before its
// lock burns.
func testFoundHeld(h *Harness) {
	h.eventually("the held coil is off", func() bool { return h.coilsOn() == 0 })
	h.ready()
	h.noBurn()
}

// testLinkage wants boards whose relays follow the door switches to be brought
// to normal before anything burns.
func testLinkage(h *Harness) {
	h.normal()
	h.noBurn()
	h.Line.Door(lock(1, 1)).Force()
	h.proof(lock(1, 1), time.Now(), hal.Open)
	if n := h.coilsOn(); n != 0 {
		h.Errorf("%d coils follow their doors", n)
	}
}

// testPowerCycle wants a board that lost its power while it was silent to be
// brought to rest again when it is back.
func testPowerCycle(h *Harness) {
	h.ready()
	b, from := h.Line.Board(2), h.Sink.Len()
	b.Fail(sim.Fault{Silent: true})
	h.boardIs(2, true, from)
	b.PowerCycle()
	b.Hold(1)
	from = h.Sink.Len()
	b.Heal()
	h.boardIs(2, false, from)
	h.normal()
}

// normal waits until all boards are in mode normal with all coils off.
func (h *Harness) normal() {
	h.Helper()
	h.eventually("all boards are at rest in mode normal", func() bool {
		for _, b := range h.Line.Boards() {
			for _, m := range b.Modes() {
				if m != 0 {
					return false
				}
			}
		}
		return h.coilsOn() == 0
	})
}

func (h *Harness) noBurn() {
	h.Helper()
	for _, e := range h.Line.Log().All(sim.Burn) {
		h.Errorf("the coil of %+v burnt", e.Lock)
	}
}
