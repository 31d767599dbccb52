package haltest

import (
	"time"

	"lockerd/hal"
)

func readCases() []test {
	return []test{
		{name: "ready", run: testReady},
		{name: "sweep", run: testSweep},
		{name: "focus", run: testFocus, setup: func(s *Setup) { s.Config.Poll = time.Second }},
		{name: "report", run: testReport, only: reports, setup: func(s *Setup) { s.Config.Poll = 10 * time.Second }},
		{name: "missing board", run: testMissing, setup: func(s *Setup) {
			s.Config.Boards = append(s.Config.Boards, hal.BoardConfig{Address: 3, Channels: 8})
		}},
		{name: "missing port", run: testMissingPort, setup: func(s *Setup) { s.Before = unplug }},
	}
}

// testReady wants each board reported once, as there.
func testReady(h *Harness) {
	h.ready()
	from := h.observe(1, 0)
	h.observe(2, from)
	n := map[int]int{}
	for _, e := range h.Sink.Events() {
		if e.Board == nil {
			continue
		}
		n[e.Board.Address]++
		if e.Board.Lost || e.Board.Err != nil {
			h.Errorf("%v", e)
		}
	}
	if n[1] != 1 || n[2] != 1 || len(n) != 2 {
		h.Errorf("boards were reported %v times, want each once", n)
	}
	if s := h.Bus.Stats(); !s.Up || s.Requests == 0 || s.Replies == 0 || s.Port != h.Config.Port {
		h.Errorf("the statistics are %+v", s)
	}
}

// testSweep moves a door by hand and wants it, and no other, to be seen.
func testSweep(h *Harness) {
	h.ready()
	for _, l := range []hal.Lock{lock(1, 1), lock(2, 8), lock(1, 4)} {
		door := h.Line.Door(l)
		door.Force()
		h.proof(l, time.Now(), hal.Open)
		door.Shut()
		h.proof(l, time.Now(), hal.Closed)
	}
	for _, e := range h.Sink.Events() {
		if e.Observed != nil && len(e.Observed.States) != 8 {
			h.Errorf("%v: %d states, want 8", e, len(e.Observed.States))
		}
	}
}

// testFocus wants a board in focus to be read far more often than its sweep.
func testFocus(h *Harness) {
	h.ready()
	from, begun := h.Sink.Len(), time.Now()
	h.Bus.Focus(2, begun.Add(2*time.Second))
	const reads = 10
	for range reads {
		from = h.observe(2, from)
	}
	if took := time.Since(begun); took > time.Duration(reads)*h.Config.Poll/3 {
		h.Errorf("%d reads in focus took %v; the sweep's period is %v", reads, took, h.Config.Poll)
	}
}

// testReport wants what a board tells unasked to be seen long before its turn.
func testReport(h *Harness) {
	h.ready()
	begun := time.Now()
	door := h.Line.Door(lock(2, 3))
	for range 3 {
		door.Force()
		h.proof(lock(2, 3), time.Now(), hal.Open)
		door.Shut()
		h.proof(lock(2, 3), time.Now(), hal.Closed)
	}
	if took := time.Since(begun); took > h.Config.Poll/2 {
		h.Errorf("six movements took %v to be seen; the sweep's period is %v", took, h.Config.Poll)
	}
}

// testMissing wants a board that is not there to be reported lost, and the
// others to be served.
func testMissing(h *Harness) {
	h.boardIs(3, true, 0)
	h.boardIs(1, false, 0)
	if p := h.pulse(lock(1, 2)); p.Err != nil {
		h.Error(p.Err)
	}
	for _, e := range h.Sink.Events() {
		if e.Observed != nil && e.Observed.Address == 3 {
			h.Errorf("a board that is not there said %v", e)
		}
	}
}

// testMissingPort opens the bus before there is a port.
func testMissingPort(h *Harness) {
	h.boardIs(1, true, 0)
	h.boardIs(2, true, 0)
	from := h.Sink.Len()
	if err := h.Line.Plug(); err != nil {
		h.Fatal(err)
	}
	h.boardIs(1, false, from)
	h.boardIs(2, false, from)
	if p := h.pulse(lock(2, 2)); p.Err != nil {
		h.Error(p.Err)
	}
}
