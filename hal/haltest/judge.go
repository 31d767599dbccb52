package haltest

import (
	"cmp"
	"errors"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

// overlapSlack is how long two pulses may meet in the simulator, which hears of
// an unlock when the scheduler pleases, without being two at a time. What the
// driver did is judged by its own times as well, without slack.
const overlapSlack = pulse * 2 / 3

// finish closes the bus and holds the whole case against the simulator's log.
func (h *Harness) finish() {
	h.Helper()
	h.close()
	for _, b := range h.Sink.brokenRules() {
		h.Error(b)
	}
	h.judgeTruth()
	h.judgeResults()
	if !h.loose {
		h.judgePulses()
		for _, e := range h.Line.Log().All(sim.Burn) {
			h.Errorf("the coil of %+v burnt", e.Lock)
		}
		if n := h.Line.Log().Overlap(overlapSlack); n > max(h.Config.Coils, 1) {
			h.Errorf("%d coils were on at one time, want %d at most", n, h.Config.Coils)
		}
		h.judgeCoils()
	}
	if h.Failed() {
		h.tell()
	}
}

// tell prints the end of both stories.
func (h *Harness) tell() {
	h.Helper()
	const most = 25
	events, entries := h.Sink.Events(), h.Line.Log().Entries()
	for _, e := range events[max(0, len(events)-most):] {
		h.Log("driver:", e)
	}
	for _, e := range entries[max(0, len(entries)-most):] {
		h.Log("bank:  ", e.At.Format("05.000"), e.What, e.Lock)
	}
	h.Logf("%+v", h.Bus.Stats())
}

// judgeTruth finds reads that say of a door what it was not at any time between
// the read's beginning and its report.
func (h *Harness) judgeTruth() {
	h.Helper()
	moves := map[hal.Lock][]sim.Entry{}
	for _, e := range h.Line.Log().Entries() {
		if e.What == sim.Opened || e.What == sim.Shut {
			moves[e.Lock] = append(moves[e.Lock], e)
		}
	}
	for _, e := range h.Sink.Events() {
		if e.Observed == nil {
			continue
		}
		for i, got := range e.Observed.States {
			l := lock(e.Observed.Address, i+1)
			if !could(moves[l], e.Observed.Begun, e.Seen, got) {
				h.Errorf("%v: channel %d was never %v then", e, i+1, got)
			}
		}
	}
}

// could tells whether a door with these movements was in a state at some time
// between two.
func could(moves []sim.Entry, from, to time.Time, s hal.State) bool {
	now := hal.Closed
	for _, m := range moves {
		if m.At.After(to) {
			break
		}
		if m.At.After(from) && now == s {
			return true
		}
		now = hal.Closed
		if m.What == sim.Opened {
			now = hal.Open
		}
	}
	return now == s
}

// judgeResults finds unlocks that were answered twice, not at all or wrongly.
func (h *Harness) judgeResults() {
	h.Helper()
	answered := map[uint64]int{}
	for _, e := range h.Sink.Events() {
		p := e.Pulsed
		if p == nil {
			continue
		}
		answered[p.ID]++
		if want, ok := h.asked[p.ID]; !ok || want != p.Lock {
			h.Errorf("%v: asked was %+v", e, want)
		}
		if sent := !errors.Is(p.Err, hal.ErrNotSent); sent == p.At.IsZero() {
			h.Errorf("%v: At is %v", e, p.At)
		}
	}
	for id, l := range h.asked {
		if answered[id] != 1 {
			h.Errorf("unlock %d of %+v was answered %d times, want once", id, l, answered[id])
		}
	}
}

// judgePulses finds pulses that nobody asked for, that came twice, or that came
// before their unlock was sent.
func (h *Harness) judgePulses() {
	h.Helper()
	pulses := map[hal.Lock][]sim.Entry{}
	for _, e := range h.Line.Log().Pulses() {
		pulses[e.Lock] = append(pulses[e.Lock], e)
	}
	sent, acked := map[hal.Lock]int{}, map[hal.Lock]int{}
	for _, e := range h.Sink.Events() {
		p := e.Pulsed
		if p == nil || errors.Is(p.Err, hal.ErrNotSent) {
			continue
		}
		sent[p.Lock]++
		if p.Err == nil && h.Variant.Acks {
			acked[p.Lock]++
		}
	}
	for l, got := range pulses {
		if len(got) > sent[l] {
			h.Errorf("lock %+v was pulsed %d times for %d unlocks that were sent", l, len(got), sent[l])
		}
	}
	for l, n := range acked {
		if len(pulses[l]) < n {
			h.Errorf("lock %+v was pulsed %d times, but %d were acknowledged", l, len(pulses[l]), n)
		}
	}
	h.judgeOrder(pulses)
}

// judgeCoils finds unlocks sent while as many pulses were under way as may be.
func (h *Harness) judgeCoils() {
	var sent []time.Time
	for _, e := range h.Sink.Events() {
		if e.Pulsed != nil && !e.Pulsed.At.IsZero() {
			sent = append(sent, e.Pulsed.At)
		}
	}
	length := cmp.Or(h.Variant.Pulse, pulse)
	for _, at := range sent {
		running := 0
		for _, other := range sent {
			if d := at.Sub(other); d >= 0 && d < length {
				running++
			}
		}
		if running > max(h.Config.Coils, 1) {
			h.Errorf("an unlock was sent as number %d within a pulse, want %d at most", running, h.Config.Coils)
		}
	}
}

// judgeOrder wants every lock's first pulse after the sending of its first
// unlock.
func (h *Harness) judgeOrder(pulses map[hal.Lock][]sim.Entry) {
	h.Helper()
	seen := map[hal.Lock]bool{}
	for _, e := range h.Sink.Events() {
		p := e.Pulsed
		if p == nil || p.At.IsZero() || seen[p.Lock] {
			continue
		}
		seen[p.Lock] = true
		if got := pulses[p.Lock]; len(got) > 0 && got[0].At.Before(p.At) {
			h.Errorf("lock %+v moved at %v, before its unlock was sent at %v", p.Lock, got[0].At, p.At)
		}
	}
}
