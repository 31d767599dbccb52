package bank

import (
	"errors"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
)

// The pace of the month's buses. Between the steps of the population nothing
// moves, so they idle there; around each step they read as real ones do.
const (
	paceFocus  = 50 * time.Millisecond
	paceActive = 500 * time.Millisecond
	paceIdle   = 10 * time.Minute
	activeFor  = 3 * time.Second
	wire       = 3 * time.Millisecond // half of what a read takes on the line
	acked      = 15 * time.Millisecond
	noReply    = 300 * time.Millisecond
	spring     = 60 * time.Millisecond
	lostAfter  = 2 // reads without reply
)

// world is the iron of the month: doors, boards and lines. It outlives the
// processes of lockerd.
type world struct {
	mu     sync.Mutex
	doors  []*ironDoor
	boards []*ironBoard
	dark   bool // the process has no power: nothing it says reaches a relay
	pulses []monthPulse
	next   func() uint64 // of the journal in use
}

type ironDoor struct {
	spec  DoorSpec
	board *ironBoard
	open  bool
	jam   int           // pulses that do nothing; -1: all
	late  time.Duration // springs open that much later

	// What this process was told of it.
	known, readOpen bool
	readAt          time.Time
	pulsedAt        time.Time
	shutSince       bool      // read shut since the latest pulse
	openSince       bool      // read open since then
	openAt          time.Time // first
}

type ironBoard struct {
	bus     string
	address int
	silent  bool
	mute    bool // falls silent with the next pulse
	drop    int  // the nth pulse from now on does not leave; -1: none does
	fails   int
	lost    bool // as told
	toldAt  time.Time
	backAt  time.Time // answering since
}

// monthPulse is one request to pulse, with what was known at that moment.
type monthPulse struct {
	door      locker.DoorID
	at        time.Time
	committed uint64 // the last seq that was on disk
	sent      bool
	open      bool // read open before
	lost      bool // its board was told lost before
	shutSince bool // read shut since the pulse before this one
	openSince bool
}

func newWorld(doors []DoorSpec) *world {
	w := &world{}
	for _, s := range doors {
		w.doors = append(w.doors, &ironDoor{spec: s, board: w.boardOf(s.Bus, s.Lock.Address)})
	}
	return w
}

func (w *world) boardOf(bus string, address int) *ironBoard {
	for _, b := range w.boards {
		if b.bus == bus && b.address == address {
			return b
		}
	}
	b := &ironBoard{bus: bus, address: address}
	w.boards = append(w.boards, b)
	return b
}

func (w *world) door(id locker.DoorID) *ironDoor {
	for _, d := range w.doors {
		if d.spec.ID == id {
			return d
		}
	}
	return nil
}

func (w *world) edit(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) isOpen(d *ironDoor) (open bool) {
	w.edit(func() { open = d.open })
	return open
}

func (w *world) takePulses() (out []monthPulse) {
	w.edit(func() { out, w.pulses = w.pulses, nil })
	return out
}

// power gives a new process a world of which it has been told nothing.
func (w *world) power(next func() uint64) {
	w.edit(func() {
		w.dark, w.next = false, next
		for _, b := range w.boards {
			b.fails, b.lost, b.backAt = 0, false, time.Time{}
		}
		for _, d := range w.doors {
			d.known, d.readOpen, d.shutSince, d.openSince = false, false, false, false
		}
	})
}

// line is one bus of the world in the hands of one process.
type line struct {
	w      *world
	name   string
	sink   hal.Sink
	mu     sync.Mutex
	focus  time.Time
	active time.Time
	wake   chan struct{}
	quit   chan struct{}
	tasks  sync.WaitGroup
}

var _ hal.Bus = (*line)(nil)

func newLine(w *world, name string, sink hal.Sink) *line {
	return &line{w: w, name: name, sink: sink, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (l *line) begin() {
	l.tasks.Go(func() {
		for {
			l.sweep()
			select {
			case <-l.quit:
				return
			case <-l.wake:
			case <-time.After(l.pace()):
			}
		}
	})
}

func (l *line) end() {
	close(l.quit)
	l.tasks.Wait()
}

func (l *line) pace() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch now := time.Now(); {
	case now.Before(l.focus):
		return paceFocus
	case now.Before(l.active):
		return paceActive
	}
	return paceIdle
}

// touch has the line read as it does by day.
func (l *line) touch() {
	l.mu.Lock()
	l.active = time.Now().Add(activeFor)
	l.mu.Unlock()
	l.nudge()
}

func (l *line) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *line) sweep() {
	for _, b := range l.w.boards {
		if b.bus == l.name {
			l.read(b)
		}
	}
}

// read is one exchange: the states are as in its middle.
func (l *line) read(b *ironBoard) {
	begun := time.Now()
	time.Sleep(wire)
	states, silent := l.w.states(b)
	time.Sleep(wire)
	if l.w.told(b, begun, states, silent) {
		return
	}
	if silent {
		l.sink.Board(l.name, hal.Board{Address: b.address, Lost: true, Err: errors.New("no reply")})
		return
	}
	l.sink.Observed(l.name, hal.Observed{Address: b.address, Begun: begun, States: states})
}

func (w *world) states(b *ironBoard) (states []hal.State, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.doors {
		if d.board != b {
			continue
		}
		s := hal.Closed
		if d.open || !d.spec.Sensor {
			s = hal.Open // a contact that is not wired is never made
		}
		states = append(states, s)
	}
	return states, b.silent
}

// told notes what a process is about to hear; true: nothing, for now.
func (w *world) told(b *ironBoard, begun time.Time, states []hal.State, silent bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.dark {
		return true
	}
	if silent {
		b.fails++
		if b.fails < lostAfter {
			return true
		}
		if !b.lost {
			b.lost, b.toldAt = true, now
		}
		return false
	}
	if b.backAt.IsZero() || b.lost || b.fails > 0 {
		b.backAt = now
	}
	b.fails, b.lost = 0, false
	i := 0
	for _, d := range w.doors {
		if d.board == b {
			d.told(now, begun, states[i])
			i++
		}
	}
	return false
}

func (d *ironDoor) told(now, begun time.Time, s hal.State) {
	open := s == hal.Open && d.spec.Sensor
	if !d.known || open != d.readOpen {
		d.readAt = now
	}
	d.known, d.readOpen = true, open
	if begun.Before(d.pulsedAt) {
		return
	}
	d.shutSince = d.shutSince || !open
	if open && !d.openSince {
		d.openSince, d.openAt = true, now
	}
}

// Unlock implements hal.Bus.
func (l *line) Unlock(u hal.Unlock) {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dark {
		return
	}
	now := time.Now()
	d := w.lock(l.name, u.Lock)
	b := d.board
	dropped := b.drop == 1 || b.drop < 0
	if b.drop > 0 {
		b.drop--
	}
	p := monthPulse{
		door: d.spec.ID, at: now, committed: w.next() - 1, sent: !dropped,
		open: d.known && d.readOpen && d.readAt.Before(now), lost: b.lost && b.toldAt.Before(now),
		shutSince: d.shutSince, openSince: d.openSince,
	}
	w.pulses = append(w.pulses, p)
	if dropped {
		l.report(hal.Pulsed{ID: u.ID, Lock: u.Lock, Err: hal.ErrNotSent}, time.Millisecond)
		return
	}
	d.pulsedAt, d.shutSince, d.openSince = now, false, false
	if b.silent {
		l.report(hal.Pulsed{ID: u.ID, Lock: u.Lock, At: now, Err: hal.ErrNoReply}, noReply)
		return
	}
	w.pull(d)
	if b.mute {
		b.mute, b.silent = false, true
		l.report(hal.Pulsed{ID: u.ID, Lock: u.Lock, At: now, Err: hal.ErrNoReply}, noReply)
		return
	}
	l.report(hal.Pulsed{ID: u.ID, Lock: u.Lock, At: now}, acked)
}

func (w *world) lock(bus string, lock hal.Lock) *ironDoor {
	for _, d := range w.doors {
		if d.spec.Bus == bus && d.spec.Lock == lock {
			return d
		}
	}
	return nil
}

// pull is what an energised coil does.
func (w *world) pull(d *ironDoor) {
	if d.jam != 0 {
		d.jam = max(d.jam-1, -1)
		return
	}
	wait := spring + d.late
	d.late = 0
	time.AfterFunc(wait, func() { w.edit(func() { d.open = true }) })
}

func (l *line) report(p hal.Pulsed, after time.Duration) {
	l.tasks.Go(func() {
		time.Sleep(after)
		l.sink.Pulsed(l.name, p)
	})
}

// Focus implements hal.Bus.
func (l *line) Focus(_ int, until time.Time) {
	l.mu.Lock()
	l.focus = until
	l.mu.Unlock()
	l.nudge()
}

// Stats implements hal.Bus.
func (l *line) Stats() hal.Stats { return hal.Stats{Up: true} }

// Close implements hal.Bus.
func (l *line) Close() error { return nil }
