package rs485_test

import (
	"testing"
	"time"
)

// Two pulses of one lock have a pause between them, also where the second is
// asked for the moment the first is over; another lock's has not to wait.
func TestPulsesOfALockHaveAPause(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		pass(time.Second)
		r.unlock(1, 1, 1)
		pass(310 * time.Millisecond)
		r.unlock(2, 1, 1)
		r.unlock(3, 1, 2)
		pass(2 * time.Second)
		sent := map[byte][]time.Time{}
		for _, f := range l.frames(0x8A) {
			sent[f.bytes[2]] = append(sent[f.bytes[2]], f.at)
		}
		if len(sent[1]) != 2 || len(sent[2]) != 1 {
			r.t.Errorf("sent %v", sent)
			return
		}
		if pause := sent[1][1].Sub(sent[1][0]) - 300*time.Millisecond; pause < 100*time.Millisecond {
			r.t.Errorf("the pause is %v", pause)
		}
		if wait := sent[2][0].Sub(sent[1][0]); wait > 330*time.Millisecond {
			r.t.Errorf("another lock waited for %v", wait)
		}
	})
}
