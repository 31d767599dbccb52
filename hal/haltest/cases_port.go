package haltest

import (
	"errors"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

func portCases() []test {
	return []test{
		{name: "unplug", run: testUnplug},
		{name: "stall", run: testStall},
		{name: "close while stalled", run: testCloseStalled},
		{name: "close while unplugged", run: testCloseUnplugged},
	}
}

func unplug(l *sim.Line) { l.Unplug() }

// testUnplug pulls the port out and puts it back under its name, twice.
func testUnplug(h *Harness) {
	h.ready()
	for round := 1; round <= 2; round++ {
		from := h.Sink.Len()
		h.Line.Unplug()
		h.boardIs(1, true, from)
		h.boardIs(2, true, from)
		if h.Bus.Stats().Up {
			h.Error("the port counts as up while there is none")
		}
		if p := h.result(h.unlock(lock(1, 1), 300*time.Millisecond)); !errors.Is(p.Err, hal.ErrNotSent) {
			h.Errorf("unlock without a port: %v", p.Err)
		}
		from = h.Sink.Len()
		if err := h.Line.Plug(); err != nil {
			h.Fatal(err)
		}
		h.boardIs(1, false, from)
		h.boardIs(2, false, from)
		if p := h.pulse(lock(1, 1+round)); p.Err != nil {
			h.Error(p.Err)
		}
		h.logged(sim.Opened, lock(1, 1+round), 1)
	}
	if n := h.Bus.Stats().Reopened; n < 2 {
		h.Errorf("the statistics know of %d reopenings, want 2", n)
	}
}

// testStall holds the host's writes up for a while. Whether an unlock in that
// time went out is open, that it went out once at most is judged at the end of
// every case.
func testStall(h *Harness) {
	h.ready()
	from := h.Sink.Len()
	if err := h.Line.Stall(true); err != nil {
		h.Fatal(err)
	}
	if p := h.result(h.unlock(lock(1, 1), replyTimeout)); p.Err == nil && h.Variant.Acks {
		h.Error("an unlock was acknowledged on a stalled line")
	}
	h.boardIs(1, true, from)
	h.boardIs(2, true, from)
	from = h.Sink.Len()
	if err := h.Line.Stall(false); err != nil {
		h.Fatal(err)
	}
	h.boardIs(1, false, from)
	if p := h.pulse(lock(1, 2)); p.Err != nil {
		h.Error(p.Err)
	}
	h.logged(sim.Opened, lock(1, 2), 1)
}

// testCloseStalled wants Close to come back within its time on a line that
// takes nothing.
func testCloseStalled(h *Harness) {
	h.ready()
	if err := h.Line.Stall(true); err != nil {
		h.Fatal(err)
	}
	id := h.unlock(lock(1, 1), never)
	h.close()
	h.result(id)
}

func testCloseUnplugged(h *Harness) {
	h.ready()
	h.Line.Unplug()
	id := h.unlock(lock(1, 1), never)
	h.close()
	h.result(id)
}
