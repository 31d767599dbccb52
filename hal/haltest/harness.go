package haltest

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

const (
	replyTimeout = 250 * time.Millisecond
	poll         = 100 * time.Millisecond
	pulse        = 300 * time.Millisecond // what boards that time it themselves do
	never        = time.Hour
)

// Setup is what a case may change before its bus is opened.
type Setup struct {
	Line   sim.LineConfig
	Config hal.Config
	Before func(*sim.Line) // with the line there, the bus not yet
	Loose  bool            // coils move that no unlock asked for: pulses are not judged
}

// Harness is a started bus, the bank it is on, and what it says.
type Harness struct {
	testing.TB

	Variant Variant
	Line    *sim.Line
	Bus     hal.Bus
	Sink    *Recorder
	Config  hal.Config

	open   Open
	loose  bool
	lastID atomic.Uint64
	asked  map[uint64]hal.Lock // by the test's own goroutine only
	closed bool
}

func start(tb testing.TB, v Variant, open Open, change func(*Setup)) *Harness {
	tb.Helper()
	s := &Setup{
		Line: sim.LineConfig{Family: v.Family, LockByte: v.LockByte},
		Config: hal.Config{
			Name: "a", Driver: v.Family, ReplyTimeout: replyTimeout, Poll: poll, Coils: 1, Pulse: pulse,
			Profile: maps.Clone(v.Profile),
		},
	}
	s.boards(2)
	if change != nil {
		change(s)
	}
	for i := range s.Line.Boards {
		if v.Board != nil {
			v.Board(&s.Line.Boards[i])
		}
	}
	line, err := sim.NewLine(s.Line)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := line.Close(); err != nil {
			tb.Error(err)
		}
	})
	if s.Before != nil {
		s.Before(line)
	}
	s.Config.Port = line.Path()
	h := &Harness{
		TB: tb, Variant: v, Line: line, Sink: &Recorder{bus: s.Config.Name}, Config: s.Config,
		open: open, loose: s.Loose, asked: map[uint64]hal.Lock{},
	}
	h.Bus = h.reopen(h.Sink)
	tb.Cleanup(func() { h.finish() })
	return h
}

// boards makes it n boards of 8 channels, addresses from 1.
func (s *Setup) boards(n int) {
	s.Line.Boards, s.Config.Boards = nil, nil
	for a := 1; a <= n; a++ {
		s.Line.Boards = append(s.Line.Boards, sim.BoardConfig{Address: a, Channels: 8})
		s.Config.Boards = append(s.Config.Boards, hal.BoardConfig{Address: a, Channels: 8})
	}
}

func (h *Harness) reopen(sink hal.Sink) hal.Bus {
	h.Helper()
	bus, err := h.open(h.Config, sink)
	if err != nil {
		h.Fatal(err)
	}
	return bus
}

// close closes the bus once and measures it.
func (h *Harness) close() {
	h.Helper()
	if h.closed {
		return
	}
	h.closed = true
	begun := time.Now()
	if err := h.Bus.Close(); err != nil {
		h.Error(err)
	}
	if took := time.Since(begun); took > 2200*time.Millisecond {
		h.Errorf("closing took %v, want 2s at most", took)
	}
}

// unlock asks for a pulse that is worth something for the given time.
func (h *Harness) unlock(lock hal.Lock, worth time.Duration) uint64 {
	id := h.lastID.Add(1)
	h.asked[id] = lock
	h.Bus.Unlock(hal.Unlock{ID: id, Lock: lock, Pulse: pulse, Expires: time.Now().Add(worth)})
	return id
}

// result waits for what became of an unlock.
func (h *Harness) result(id uint64) hal.Pulsed {
	h.Helper()
	e, _ := h.Sink.Await(h.TB, "the result of an unlock", 0, func(e Event) bool { return e.Pulsed != nil && e.Pulsed.ID == id })
	return *e.Pulsed
}

// pulse unlocks and waits for the result.
func (h *Harness) pulse(lock hal.Lock) hal.Pulsed {
	h.Helper()
	return h.result(h.unlock(lock, never))
}

// boardIs waits until a board is lost or there, from the given place on.
func (h *Harness) boardIs(address int, lost bool, from int) {
	h.Helper()
	what := "a board that answers"
	if lost {
		what = "a lost board"
	}
	h.Sink.Await(h.TB, what, from, func(e Event) bool {
		return e.Board != nil && e.Board.Address == address && e.Board.Lost == lost
	})
}

// ready waits until every board has been seen and is at rest.
func (h *Harness) ready() {
	h.Helper()
	for _, b := range h.Config.Boards {
		h.boardIs(b.Address, false, 0)
		h.observe(b.Address, 0)
	}
	h.normal()
}

// observe waits for the next status of a board from the given place on, and
// returns the place after it.
func (h *Harness) observe(address, from int) int {
	h.Helper()
	_, i := h.Sink.Await(h.TB, "a status read", from, func(e Event) bool {
		return e.Observed != nil && e.Observed.Address == address
	})
	return i
}

// proof waits for a status read begun after a time that says a lock's state.
func (h *Harness) proof(lock hal.Lock, after time.Time, want hal.State) {
	h.Helper()
	h.Sink.Await(h.TB, "a read that says "+want.String(), 0, func(e Event) bool {
		o := e.Observed
		return o != nil && o.Address == lock.Address && o.Begun.After(after) && o.States[lock.Channel-1] == want
	})
}

// logged waits for the n-th entry of its sort in the simulator's log.
func (h *Harness) logged(what sim.What, lock hal.Lock, n int) sim.Entry {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := h.Line.Log().Wait(ctx, what, lock, n)
	if err != nil {
		h.Fatal(err)
	}
	return e
}

// eventually waits until a condition on the simulator holds that its log does
// not tell of.
func (h *Harness) eventually(what string, ok func() bool) {
	h.Helper()
	limit := time.Now().Add(patience)
	for tick := time.NewTicker(2 * time.Millisecond); ; <-tick.C {
		if ok() {
			tick.Stop()
			return
		}
		if time.Now().After(limit) {
			h.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

func lock(address, channel int) hal.Lock { return hal.Lock{Address: address, Channel: channel} }
