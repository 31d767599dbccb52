package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is what is wrong with a board. The zero value is a sound board.
type Fault struct {
	Silent      bool          // takes no request: no power, or the wire to it is cut
	Mute        bool          // acts, but its reply is lost
	Late        time.Duration // replies that much later
	Lead        []byte        // bytes before each reply
	Flip        int           // bits flipped in each reply
	Cut         int           // bytes missing at the end of each reply
	Shift       int           // added to the address in its replies
	Refuse      bool          // answers unlocks with a refusal and does not act, if its family can say no
	UnlocksOnly bool          // concerns only requests that move a lock
	Times       int           // requests until it is gone; 0: stays
}

// Fail gives the board a fault in place of any it has.
func (b *Board) Fail(f Fault) {
	f.Lead = slices.Clone(f.Lead)
	b.line.mu.Lock()
	defer b.line.mu.Unlock()
	b.fault = f
}

// Heal makes the board sound.
func (b *Board) Heal() { b.Fail(Fault{}) }

// takeFault returns what is wrong with the handling of one request.
func (b *Board) takeFault(unlocks bool) Fault {
	f := b.fault
	if f.UnlocksOnly && !unlocks {
		return Fault{}
	}
	if f.Times > 0 {
		b.fault.Times--
		if b.fault.Times == 0 {
			b.fault = Fault{}
		}
	}
	return f
}

// spoil returns a reply as the fault leaves it.
func (f *Fault) spoil(d dialect, address int, reply []byte) []byte {
	if f.Shift != 0 {
		reply = d.readdress(reply, address+f.Shift)
	}
	for range f.Flip {
		i := rand.IntN(len(reply) * 8)
		reply[i/8] ^= 1 << (i % 8)
	}
	reply = reply[:max(0, len(reply)-f.Cut)]
	return slices.Concat(f.Lead, reply)
}
