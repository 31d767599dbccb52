package rs485_test

import (
	"slices"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485/winnsen"
)

// unguarded is a virtual Winnsen station of 16 locks that are shut but for those
// in open, and whose replies may be spoilt.
type unguarded struct {
	open  uint16
	spoil []uint16 // turned over in the next replies
	asked int
}

func (u *unguarded) answer(req []byte) []chunk {
	bits := u.open
	u.asked++
	if len(u.spoil) > 0 {
		bits ^= u.spoil[0]
		u.spoil = u.spoil[1:]
	}
	return []chunk{{5 * time.Millisecond, []byte{0x90, 7, 0x82, req[3], byte(bits), byte(bits >> 8), 3}}}
}

func unguardedBus(t *testing.T, u *unguarded, f func(r *rig)) {
	t.Helper()
	codec, err := winnsen.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := hal.Config{Name: "a", Port: "mem", Poll: 500 * time.Millisecond, Boards: []hal.BoardConfig{{Address: 1, Channels: 16}}}
	bubble(t, cfg, codec, newLine(u.answer), f)
}

// openIn returns the channels that an observation says are open.
func openIn(o hal.Observed) (out []int) {
	for i, s := range o.States {
		if s == hal.Open {
			out = append(out, i+1)
		}
	}
	return out
}

// Where no checksum guards replies, what one or two of them say is not passed
// on, however equal they are.
func TestSpoiltReadsAreNotBelieved(t *testing.T) {
	u := &unguarded{}
	unguardedBus(t, u, func(r *rig) {
		pass(2 * time.Second)
		for _, spoil := range [][]uint16{{1}, {1, 1}, {1, 2, 4}, {1, 0, 1}} {
			r.change(func() { u.spoil = slices.Clone(spoil) })
			pass(3 * time.Second)
		}
		for _, o := range r.sink.seen(1) {
			if got := openIn(o); len(got) > 0 {
				r.t.Errorf("channels %v were said to be open", got)
			}
		}
		if n := len(r.sink.seen(1)); n < 20 {
			r.t.Errorf("%d observations in 28 periods", n)
		}
	})
}

// What three reads say is believed, and they do not wait for the next rounds.
func TestThreeReadsAreBelievedSoon(t *testing.T) {
	u := &unguarded{}
	unguardedBus(t, u, func(r *rig) {
		pass(2100 * time.Millisecond) // between two rounds
		r.change(func() { u.open = 1 << 4 })
		changed, n := time.Now(), len(r.sink.seen(1))
		pass(500 * time.Millisecond)
		seen := r.sink.seen(1)[n:]
		if len(seen) == 0 || !slices.Equal(openIn(seen[0]), []int{5}) {
			r.t.Errorf("observed %+v", seen)
			return
		}
		if took := seen[0].Begun.Sub(changed); took > 450*time.Millisecond {
			r.t.Errorf("it took %v, a period is 500 ms", took)
		}
		r.change(func() { u.asked = 0 })
		pass(5 * time.Second)
		if u.asked > 12 {
			r.t.Errorf("asked %d times in 10 periods though all is settled", u.asked)
		}
	})
}
