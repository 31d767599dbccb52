package sim

import (
	"math/rand/v2"
	"sync"
	"time"
)

// noiseStep is the pause between two helpings of noise: less than the time of
// a reply, and seldom enough to leave the processor alone.
const noiseStep = 5 * time.Millisecond

// maxBurst bounds the noise that is made up for after a pause, in bytes.
const maxBurst = 32

// noise makes random bytes at the rate of a line.
type noise struct {
	mu       sync.Mutex
	byteTime time.Duration
	rng      *rand.Rand // nil: quiet
	next     time.Time  // when the next byte is due
	woken    chan struct{}
}

func newNoise(byteTime time.Duration) *noise {
	if byteTime == 0 {
		byteTime = Byte9600
	}
	return &noise{byteTime: byteTime, woken: make(chan struct{}, 1)}
}

func (n *noise) set(on bool, seed uint64) {
	n.mu.Lock()
	n.rng = nil
	if on {
		n.rng, n.next = rand.New(rand.NewPCG(seed, seed)), time.Now()
	}
	n.mu.Unlock()
	select {
	case n.woken <- struct{}{}:
	default:
	}
}

// due returns the bytes whose time has come, or else when to ask again: zero
// if the line is quiet. What could not be said in time is left out.
func (n *noise) due() (out []byte, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rng == nil {
		return nil, 0
	}
	now := time.Now()
	if now.Sub(n.next) > maxBurst*n.byteTime {
		n.next = now
	}
	for ; !n.next.After(now); n.next = n.next.Add(n.byteTime) {
		out = append(out, byte(n.rng.Uint32()))
	}
	return out, noiseStep
}
