package haltest

import (
	"errors"
	"os"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

func faultCases() []test {
	return []test{
		{name: "silent", run: testSilent},
		{name: "mute", run: testMute, only: acks},
		{name: "refused", run: testRefused, only: refuses},
		{name: "late status", run: testLateStatus},
		{name: "late status of the only board", run: testLateStatus, setup: func(s *Setup) { s.boards(1) }},
		{name: "late unlock", run: testLateUnlock, only: acks, setup: answerAtOnce},
		{name: "garble", run: testGarble},
		{name: "flipped unlock", run: testFlippedUnlock, only: guards},
		{name: "echo", run: testEcho, setup: func(s *Setup) { s.Before = func(l *sim.Line) { l.Echo(true) } }},
		{name: "foreign", run: testForeign},
		{name: "noise", run: testNoise},
	}
}

// rate returns how long a board takes to be read n times.
func (h *Harness) rate(address, n int) time.Duration {
	h.Helper()
	from := h.observe(address, h.Sink.Len())
	begun := time.Now()
	for range n {
		from = h.observe(address, from)
	}
	return time.Since(begun)
}

// testSilent cuts a board off: its unlocks find no reply and are not resent, it
// is lost and comes back, and the others are read as often as before.
func testSilent(h *Harness) {
	h.ready()
	const reads, ratio, share = 25, 2, 4
	sound := h.rate(1, reads)
	from := h.Sink.Len()
	h.Line.Board(2).Fail(sim.Fault{Silent: true})
	if p := h.pulse(lock(2, 1)); h.Variant.Acks && !errors.Is(p.Err, hal.ErrNoReply) {
		h.Errorf("a silent board's unlock: %v", p.Err)
	}
	h.boardIs(2, true, from)
	if p := h.pulse(lock(2, 2)); p.Err == nil && h.Variant.Acks {
		h.Error("a lost board's unlock was acknowledged")
	}
	asked := h.Line.Board(2).Requests()
	took := h.rate(1, reads)
	if took > ratio*sound+replyTimeout {
		h.Errorf("%d reads took %v beside a lost board, %v before", reads, took, sound)
	}
	asked = h.Line.Board(2).Requests() - asked
	if waited := time.Duration(asked) * replyTimeout; waited > took/share+replyTimeout {
		h.Errorf("a lost board took %v of %v of the line's time, want a %dth", waited, took, share)
	}
	if p := h.pulse(lock(1, 1)); p.Err != nil {
		h.Error(p.Err)
	}
	from = h.Sink.Len()
	h.Line.Board(2).Heal()
	h.boardIs(2, false, from)
	if p := h.pulse(lock(2, 3)); p.Err != nil {
		h.Error(p.Err)
	}
	for _, ch := range []int{1, 2} {
		if n := h.Line.Log().Count(sim.Pulse, lock(2, ch)); n != 0 {
			h.Errorf("unlock %d was sent again after the board had come back", ch)
		}
	}
}

// testMute loses replies of a board that does what it is told.
func testMute(h *Harness) {
	h.ready()
	h.Line.Board(1).Fail(sim.Fault{Mute: true, UnlocksOnly: true})
	p := h.pulse(lock(1, 4))
	if !errors.Is(p.Err, hal.ErrNoReply) {
		h.Errorf("unlock without reply: %v", p.Err)
	}
	h.proof(lock(1, 4), p.At, hal.Open)
	h.rate(1, 5)
	if n := h.Line.Log().Count(sim.Pulse, lock(1, 4)); n != 1 {
		h.Errorf("%d pulses, want one", n)
	}
}

func testRefused(h *Harness) {
	h.ready()
	h.Line.Board(1).Fail(sim.Fault{Refuse: true})
	if p := h.pulse(lock(1, 4)); !errors.Is(p.Err, hal.ErrRefused) {
		h.Errorf("refused unlock: %v", p.Err)
	}
}

// late is a reply that comes after its deadline and before it is forgotten.
const late = replyTimeout + replyTimeout/3

// testLateStatus moves a door while an answer about it is under way, and loses
// the next one, so that the late one could take its place. That no read tells
// what was before it began is judged at the end of every case.
func testLateStatus(h *Harness) {
	h.ready()
	b := h.Line.Board(1)
	h.Bus.Focus(1, time.Now().Add(never))
	for i := range 6 {
		from, before := h.Sink.Len(), b.Requests()
		b.Fail(sim.Fault{Late: late, Times: 1})
		h.eventually("the board was asked", func() bool { return b.Requests() > before })
		if i%2 == 0 {
			b.Fail(sim.Fault{Mute: true, Times: 1})
			b.Door(1).Force()
		} else {
			b.Door(1).Shut()
		}
		from = h.observe(1, from)
		h.observe(1, from)
	}
}

// answerAtOnce takes away the time that boards take for an unlock.
func answerAtOnce(s *Setup) {
	for i := range s.Line.Boards {
		s.Line.Boards[i].AnswerAfter = -1
	}
}

// patienceOf returns how long the driver waits for the answer to an unlock.
func (h *Harness) patienceOf(l hal.Lock) time.Duration {
	h.Helper()
	h.Line.Board(l.Address).Fail(sim.Fault{Mute: true, UnlocksOnly: true, Times: 1})
	id := h.unlock(l, never)
	e, _ := h.Sink.Await(h.TB, "the result of a mute unlock", 0, func(e Event) bool { return e.Pulsed != nil && e.Pulsed.ID == id })
	return e.Seen.Sub(e.Pulsed.At)
}

// testLateUnlock wants the late answer to one unlock not to stand for the next
// one, of the same lock or another.
func testLateUnlock(h *Harness) {
	h.ready()
	b := h.Line.Board(1)
	tooLate := sim.Fault{Late: h.patienceOf(lock(1, 8)) + replyTimeout/2, UnlocksOnly: true, Times: 1}
	b.Fail(tooLate)
	first := h.pulse(lock(1, 1))
	b.Fail(sim.Fault{Mute: true, UnlocksOnly: true, Times: 1})
	second := h.pulse(lock(1, 1))
	if !errors.Is(first.Err, hal.ErrNoReply) || !errors.Is(second.Err, hal.ErrNoReply) {
		h.Errorf("a late and a lost answer: %v; %v", first.Err, second.Err)
	}
	b.Fail(tooLate)
	third := h.pulse(lock(1, 2))
	fourth := h.pulse(lock(1, 3))
	if !errors.Is(third.Err, hal.ErrNoReply) || fourth.Err != nil {
		h.Errorf("a late and a good answer: %v; %v", third.Err, fourth.Err)
	}
}

// testGarble puts bytes before replies, takes some away behind, and turns some
// over.
func testGarble(h *Harness) {
	h.ready()
	b, l := h.Line.Board(1), lock(1, 1)
	b.Fail(sim.Fault{Lead: []byte{0xFF, 0x8A, 0x01, 0x02, 0x80, 0x01, 0x00}})
	if p := h.pulse(l); p.Err != nil {
		h.Errorf("unlock with bytes before its reply: %v", p.Err)
	}
	h.proof(l, time.Now(), hal.Open)
	for _, f := range []sim.Fault{{Cut: 1, Times: 2}, {Flip: 1, Times: 2}, {Cut: 3, Times: 2}} {
		from := h.Sink.Len()
		b.Fail(f)
		from = h.observe(1, from)
		h.observe(1, from)
	}
	if s := h.Bus.Stats(); s.Garbage == 0 || s.Timeouts == 0 {
		h.Errorf("the statistics know of no garbage: %+v", s)
	}
	h.Line.Door(l).Shut()
	if p := h.pulse(l); p.Err != nil {
		h.Errorf("unlock after garble: %v", p.Err)
	}
}

func testFlippedUnlock(h *Harness) {
	h.ready()
	for ch := 1; ch <= 4; ch++ {
		h.Line.Board(1).Fail(sim.Fault{Flip: 1, UnlocksOnly: true, Times: 1})
		if p := h.pulse(lock(1, ch)); !errors.Is(p.Err, hal.ErrNoReply) {
			h.Errorf("unlock with a flipped bit in its reply: %v", p.Err)
		}
	}
}

// testEcho does everything on a line that repeats the host's bytes.
func testEcho(h *Harness) {
	h.ready()
	l := lock(2, 2)
	p := h.pulse(l)
	if p.Err != nil {
		h.Fatal(p.Err)
	}
	h.proof(l, p.At, hal.Open)
	if h.Variant.Acks {
		h.Line.Board(2).Fail(sim.Fault{Silent: true})
		if p := h.pulse(lock(2, 3)); !errors.Is(p.Err, hal.ErrNoReply) {
			h.Errorf("the echo of an unlock was taken for its reply: %v", p.Err)
		}
	}
	if h.Bus.Stats().Echoes == 0 {
		h.Error("the statistics know of no echo")
	}
}

// testForeign lets a board answer in another's name.
func testForeign(h *Harness) {
	h.ready()
	h.Line.Door(lock(1, 1)).Force() // so that the boards differ
	h.Line.Board(1).Fail(sim.Fault{Shift: 1})
	from := h.Sink.Len()
	p := h.pulse(lock(1, 2))
	if h.Variant.Acks && !errors.Is(p.Err, hal.ErrNoReply) {
		h.Errorf("an unlock that another board acknowledged: %v", p.Err)
	}
	h.boardIs(1, true, from)
	h.rate(2, 5)
	if h.Bus.Stats().Foreign == 0 {
		h.Error("the statistics know of no foreign frame")
	}
	from = h.Sink.Len()
	h.Line.Board(1).Heal()
	h.boardIs(1, false, from)
}

// noiseTime returns how long there is to be noise.
func noiseTime(tb testing.TB) time.Duration {
	tb.Helper()
	text := os.Getenv("LOCKERD_NOISE")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		tb.Fatalf("cannot read LOCKERD_NOISE=%q: write a duration, for example 30s", text)
	}
	return d
}

// testNoise opens doors on a line full of noise. That no door is seen to do
// what it did not is judged at the end of every case.
func testNoise(h *Harness) {
	h.ready()
	seed := uint64(time.Now().UnixNano())
	h.Logf("noise has the seed %d", seed)
	h.Line.Noise(true, seed)
	end, good, all := time.Now().Add(noiseTime(h.TB)), 0, 0
	for ; time.Now().Before(end); all++ {
		l := lock(1+all%2, 1+all/2%8)
		p := h.pulse(l)
		if p.Err == nil {
			good++
		}
		h.logged(sim.Opened, l, 1+all/16)
		h.proof(l, p.At, hal.Open)
		h.Line.Door(l).Shut()
		h.proof(l, time.Now(), hal.Closed)
	}
	h.Line.Noise(false, 0)
	if good*4 < (all-1)*3 {
		h.Errorf("only %d of %d unlocks were acknowledged", good, all)
	}
	if h.Bus.Stats().Garbage == 0 {
		h.Error("the statistics know of no garbage")
	}
}
