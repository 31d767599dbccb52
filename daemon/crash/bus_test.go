package crash

import (
	"errors"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
)

// The hardware of the proofs: two boards of eight doors.
const (
	busName       = "a"
	boards        = 2
	doorsPerBoard = 8
	doors         = boards * doorsPerBoard
)

// Times of the hardware and of the people before it.
const (
	springs   = 1500 * time.Microsecond // from the pulse until the door is open
	quickPoll = 20 * time.Millisecond   // while a board is in focus
	slowPoll  = time.Second
	afterMove = 400 * time.Millisecond // a moved door is watched so long
)

// Happenings at the locks that a bus tells of, before the bank can know.
const (
	didPulse = "pulse" // a pulse is handed to the bus
	didJam   = "jam"   // likewise, and the latch holds
	didOpen  = "open"
	didShut  = "shut"
)

func doorAt(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

func lockOf(id locker.DoorID) hal.Lock {
	n := int(id.Door) - 1
	return hal.Lock{Address: 1 + n/doorsPerBoard, Channel: 1 + n%doorsPerBoard}
}

func doorOf(l hal.Lock) locker.DoorID { return doorAt((l.Address-1)*doorsPerBoard + l.Channel) }

// latch is one door as it is, whatever the bank believes.
type latch struct {
	open   bool
	jams   int // pulses that will do nothing
	opened int // how often it has sprung open
}

// bus is a chain of boards in memory. It polls as a driver does, and opens doors
// a moment after the pulse. A door that has opened is shut by somebody after
// the time that shutAfter says; 0: never.
type bus struct {
	told      func(what string, id locker.DoorID)
	shutAfter func() time.Duration

	mu     sync.Mutex
	sink   hal.Sink
	doors  map[locker.DoorID]*latch
	nextIs int               // the next pulses' door jams for so many
	silent map[int]time.Time // board: until then
	muted  int               // boards fall silent after the next pulses
	focus  time.Time
	pulses []locker.DoorID // since the last take
	quit   chan struct{}
	done   chan struct{}
	wake   chan struct{}
}

func newBus(told func(string, locker.DoorID), shutAfter func() time.Duration) *bus {
	f := &bus{told: told, shutAfter: shutAfter, doors: map[locker.DoorID]*latch{}, silent: map[int]time.Time{}}
	for n := 1; n <= doors; n++ {
		f.doors[doorAt(n)] = &latch{}
	}
	return f
}

// begin lets the boards speak to a bank, until end.
func (f *bus) begin(s hal.Sink) {
	f.mu.Lock()
	f.sink, f.quit, f.done, f.wake = s, make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	quit, done, wake := f.quit, f.done, f.wake
	f.mu.Unlock()
	go func() {
		defer close(done)
		for {
			f.sweep()
			timer := time.NewTimer(f.pause())
			select {
			case <-quit:
				timer.Stop()
				return
			case <-wake:
			case <-timer.C:
			}
			timer.Stop()
		}
	}()
}

func (f *bus) end() { close(f.quit); <-f.done }

func (f *bus) pause() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().Before(f.focus) {
		return quickPoll
	}
	return slowPoll
}

func (f *bus) sweep() {
	for a := 1; a <= boards; a++ {
		f.mu.Lock()
		begun, sink := time.Now(), f.sink
		quiet := begun.Before(f.silent[a])
		st := make([]hal.State, doorsPerBoard)
		for ch := range st {
			st[ch] = hal.Closed
			if f.doors[doorOf(hal.Lock{Address: a, Channel: ch + 1})].open {
				st[ch] = hal.Open
			}
		}
		f.mu.Unlock()
		if quiet {
			sink.Board(busName, hal.Board{Address: a, Lost: true, Err: errors.New("no reply")})
			continue
		}
		sink.Observed(busName, hal.Observed{Address: a, Begun: begun, States: st})
	}
}

// Unlock implements hal.Bus. It is the moment at which a pulse is visible.
func (f *bus) Unlock(u hal.Unlock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := doorOf(u.Lock)
	d := f.doors[id]
	if f.nextIs > 0 {
		d.jams, f.nextIs = f.nextIs, 0
	}
	what := didPulse
	if d.jams > 0 {
		what = didJam
	}
	f.told(what, id)
	f.pulses = append(f.pulses, id)
	p := hal.Pulsed{ID: u.ID, Lock: u.Lock, At: time.Now()}
	if f.muted > 0 {
		f.muted--
		f.silent[u.Lock.Address] = p.At.Add(4 * time.Second)
		p.Err = hal.ErrNoReply
	}
	go f.sink.Pulsed(busName, p)
	if d.jams > 0 {
		d.jams--
		return
	}
	time.AfterFunc(springs, func() { f.spring(id) })
}

func (f *bus) spring(id locker.DoorID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.doors[id]
	if d.open {
		return
	}
	f.told(didOpen, id)
	d.open = true
	d.opened++
	f.moved()
	if after := f.shutAfter(); after > 0 {
		time.AfterFunc(after, func() { f.shut(id) })
	}
}

func (f *bus) shut(id locker.DoorID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.doors[id]; d.open {
		f.told(didShut, id)
		d.open = false
		f.moved()
	}
}

// moved has the boards read often for a while. The caller holds mu.
func (f *bus) moved() { f.lookUntil(time.Now().Add(afterMove)) }

func (f *bus) lookUntil(t time.Time) {
	if t.After(f.focus) {
		f.focus = t
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Focus implements hal.Bus.
func (f *bus) Focus(_ int, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookUntil(until)
}

// Stats implements hal.Bus.
func (f *bus) Stats() hal.Stats { return hal.Stats{Up: true} }

// Close implements hal.Bus.
func (f *bus) Close() error { return nil }

// edit changes the hardware.
func (f *bus) edit(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

// take returns the doors pulsed since the last call.
func (f *bus) take() []locker.DoorID {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pulses
	f.pulses = nil
	return p
}

// opened returns how often any door has sprung open.
func (f *bus) opened() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.doors {
		n += d.opened
	}
	return n
}

// openDoors returns the doors that stand open.
func (f *bus) openDoors() (out []locker.DoorID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := 1; n <= doors; n++ {
		if f.doors[doorAt(n)].open {
			out = append(out, doorAt(n))
		}
	}
	return out
}

func (f *bus) isOpen(id locker.DoorID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.doors[id].open
}
