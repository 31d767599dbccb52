// Package bank is the owner of all doors and visits of a locker bank. One
// goroutine, Run, takes scans, hardware reports, orders from the control socket
// and the passing of time one after another, decides from the bank's own store,
// and drives the doors. While it waits, a scan is taken on its scanner's
// goroutine in its place: see turn.go.
//
// What it promises (contract 5.4):
//
//   - Commit, then pulse. A relay moves only for an intent that is on disk.
//   - A door is opened only when a feedback reading begun after the pulse says
//     so; a missing reply is no outcome and nothing is resent blindly.
//   - One code, one use: an opening whose outcome is not known may be finished
//     by the same code at the same door, by nobody else and nowhere else.
//   - After a failed commit nothing moves: Run returns the error, the process
//     ends, the supervisor starts it again and the start recovers.
//
// Calls from outside reach the goroutine through one bounded inbox; what they
// wait for is the disk, never the network and never a door. Scans and hardware
// reports block their caller while the inbox is full (1,024 entries).
package bank

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

// Bounds of the bank.
const (
	inboxSize    = 1024                    // scans, reports and orders waiting for the goroutine
	unlockExpiry = 5 * time.Second         // an unlock not on the wire by then never goes there
	readyLimit   = 5 * time.Second         // boards that have said nothing by then count as silent
	drainLimit   = 3500 * time.Millisecond // at a stop, openings under way are given so long to be proven
	chores       = 30 * time.Second        // how often the clock and expired codes are looked at
	floorEvery   = time.Hour               // the clock floor is saved at least so often
)

// Store is what the bank needs of its store. Commit, Find and the other
// look-ups are called by whoever has the bank's turn, the rest from anywhere.
type Store interface {
	Commit(c *locker.Commit) (first uint64, err error)
	// CommitSets is Commit with a change of how far sets of codes are.
	CommitSets(c *locker.Commit, sets map[string]locker.SetInfo) (first uint64, err error)
	// Rehearse does of a Commit all that leaves no trace.
	Rehearse(c *locker.Commit)
	// Hush tells that a commit is about to come for which somebody stands waiting.
	Hush()
	// Find returns the code of a tag with the stricter of the marks that its
	// record and the marks' own bucket hold.
	Find(tag locker.Tag) (locker.Entry, bool, error)
	Code(key locker.CodeKey) (locker.Entry, bool, error)
	Mark(key locker.CodeKey) (locker.Mark, bool, error)
	Codes(set string) iter.Seq2[locker.Entry, error]
	// Within returns the record that a tag has in one set, Elsewhere a live one that
	// one of the tags has in another.
	Within(set string, tag locker.Tag) (locker.Entry, bool, error)
	Elsewhere(set string, tags []locker.Tag) (locker.Entry, bool, error)
	Records(set string) int
	// Marks returns how many ids of a set are used or revoked.
	Marks(set string) (int, error)
	Acked(seq uint64, at time.Time)
	Set(name string) locker.SetInfo
	Sets() map[string]locker.SetInfo
	Doors() ([]locker.DoorRecord, error)
	Value(name string) ([]byte, bool, error)
	JournalID() string
	First() uint64
	Next() uint64
	EventBytes() int64
	Events(from uint64, most int) ([][]byte, error)
	Wait(ctx context.Context, next uint64) error
}

// Clock is bank time, contract 8.
type Clock interface {
	Read() clock.Reading
	Reset(to locker.Time) clock.Reading
}

// DoorSpec is one door as the configuration has it.
type DoorSpec struct {
	ID         locker.DoorID
	Size       locker.Size
	Accessible bool
	Sensor     bool
	Tenant     string
	Use        string
	Bus        string
	Lock       hal.Lock
	Wired      int // channel that its lock hangs on, for people; 0: that of Lock
}

// BusSpec is one bus as the configuration has it.
type BusSpec struct {
	Name   string
	Driver string
	Boards []int // addresses
}

// Times are the times of contract 2 [open].
type Times struct {
	Pulse        time.Duration
	Prove        time.Duration
	Tries        int
	AjarWarn     time.Duration
	AjarAlarm    time.Duration
	ReopenWindow time.Duration
	VisitIdle    time.Duration
}

// Config is what a bank is.
type Config struct {
	Bank     string
	Version  string
	Timezone string // for people only
	Doors    []DoorSpec
	Buses    []BusSpec
	Scanners []string
	Open     Times
	MaxAge   time.Duration // cache_max_age; 0: never stale
	Clean    bool          // the last stop was orderly
	Faults   []string      // what the store found at its opening, in words
	Source   string        // where the time comes from, in words
	Verify   func(context.Context) (VerifyResult, error)
	SelfTest func(context.Context) []SelfTestLine // what only the process knows: disk, files
	Log      *slog.Logger
	// Tickets opens a ticket's text: signature, key, bank (contract 5.5); nil: every
	// ticket is refused.
	Tickets func(text string) (Ticket, locker.Reason)

	mutation
}

// Bank is one bank. Make it with New, give it its buses with Attach, run it.
type Bank struct {
	cfg   Config
	store Store
	clock Clock
	log   *slog.Logger
	epoch time.Time // monotonic zero

	inbox   chan func()
	turn    chan struct{} // holds one token: see turn.go
	waiting atomic.Int64  // messages posted and not yet done
	stopped chan struct{} // closed when Run has returned
	ready   chan struct{} // closed when doors can be opened

	buses    map[string]*busState
	slots    []*slot // by id
	byID     map[locker.DoorID]*slot
	byLock   map[busLock]*slot
	touching map[locker.CodeKey][]*slot // doors that a code has to do with
	scanners map[string]*ScannerStatus
	visits   map[string]*visit
	pulses   map[uint64]*slot // pulses on their way, by id

	boot      int64
	visitSeq  int64
	pulseSeq  uint64
	stock     map[stockKey]int
	doorsWere configured // at the last start: see configured.go
	mins      map[stockKey]int
	limits    limiter
	clockWas  locker.Clock
	floorSent time.Duration
	nextChore time.Duration
	// namingsEnd is when the first claim of a code that names a door ends; 0: none.
	namingsEnd locker.Time
	err        error // the commit that failed: the bank is over

	// What comes from above, and what goes up beside events: files down*.go.
	uplink     Uplink
	linked     bool
	conn       int64  // connections to the broker, over all starts
	nonce      string // of the present connection's birth
	acked      uint64 // the backend has all events up to it
	ackedAt    locker.Time
	ackedSaved uint64        // as it is on disk
	ackedSent  time.Duration // when it was saved
	ackedStart uint64
	fresh      map[locker.CodeKey]bool // codes marked while a switch of a set is prepared; nil: none is
	marked     map[string]int          // ids of sets that are used or revoked, where that was counted; of who applies deltas
	commands   commandState
	restart    chan struct{}
	restartDue bool
	leaving    *leaving
	updates    Updates // nil: none
	bundles    Bundles // nil: none

	ticketsFrom locker.Time // a ticket that was valid before may have been used in a life that a restore has ended, or in what damage has lost
	left        bool        // restart is closed: nothing is taken any more
	desired     locker.DesiredState
	own         Times         // of the configuration, under those of the desired document
	watch       sync.Mutex    // guards changed
	changed     chan struct{} // closed at the next change; nil: nobody watches
}

type busLock struct {
	bus  string
	lock hal.Lock
}

type busState struct {
	spec   BusSpec
	bus    hal.Bus
	boards map[int]*BoardStatus
}

// New reads the stored state of the bank. Nothing moves before Run.
func New(cfg Config, st Store, clk Clock) (*Bank, error) {
	b := &Bank{
		cfg: cfg, store: st, clock: clk, log: cfg.Log, epoch: time.Now(),
		inbox: make(chan func(), inboxSize), turn: make(chan struct{}, 1), stopped: make(chan struct{}), ready: make(chan struct{}),
		buses: map[string]*busState{}, byID: map[locker.DoorID]*slot{}, byLock: map[busLock]*slot{},
		touching: map[locker.CodeKey][]*slot{}, marked: map[string]int{},
		scanners: map[string]*ScannerStatus{}, visits: map[string]*visit{}, pulses: map[uint64]*slot{},
		stock: map[stockKey]int{}, mins: map[stockKey]int{}, limits: limiter{},
		uplink: noUplink{}, restart: make(chan struct{}), own: cfg.Open,
	}
	for _, s := range cfg.Buses {
		bs := &busState{spec: s, boards: map[int]*BoardStatus{}}
		for _, a := range s.Boards {
			bs.boards[a] = &BoardStatus{Address: a, State: stateStarting}
		}
		b.buses[s.Name] = bs
	}
	for _, n := range cfg.Scanners {
		b.scanners[n] = &ScannerStatus{Name: n, State: stateStarting}
	}
	if err := b.load(); err != nil {
		return nil, fmt.Errorf("cannot read the stored state of the bank: %w", err)
	}
	return b, nil
}

// Attach gives the bank the bus of that name. All buses must be attached
// before Run; they may report before.
func (b *Bank) Attach(name string, bus hal.Bus) { b.buses[name].bus = bus }

// Ready is closed when every board has had its doors read or been found silent,
// and every scanner has been heard of: doors can be opened.
func (b *Bank) Ready() <-chan struct{} { return b.ready }

// Boot returns the number of this start, counted from 1.
func (b *Bank) Boot() int64 { return b.boot }

// Run owns the bank until ctx ends, then waits shortly for openings under way.
// It returns nil after an orderly stop, and the error after a failed commit.
func (b *Bank) Run(ctx context.Context) error {
	defer close(b.stopped)
	b.started()
	timer := time.NewTimer(0)
	defer timer.Stop()
	done, limit := ctx.Done(), time.Duration(-1)
	for b.err == nil {
		b.giveTurn()
		select {
		case f := <-b.inbox:
			b.takeTurn()
			f()
			b.waiting.Add(-1)
		case <-timer.C:
			b.takeTurn()
		case <-done:
			b.takeTurn()
			done, limit = nil, b.now()+drainLimit
		}
		b.tick()
		if b.left || limit >= 0 && (!b.opening() || b.now() >= limit) {
			b.tell(b.limits.rest()) // what was only counted is not forgotten
			b.lastAck()
			return b.err
		}
		timer.Reset(b.untilNext(limit))
	}
	return b.err
}

// now is monotonic time since the bank was made.
func (b *Bank) now() time.Duration { return time.Since(b.epoch) }

func (b *Bank) mono(t time.Time) time.Duration { return t.Sub(b.epoch) }

// post hands f to the goroutine; it waits while the inbox is full and gives up
// only when the bank has stopped.
func (b *Bank) post(f func()) {
	b.waiting.Add(1)
	select {
	case b.inbox <- f:
		runtime.Gosched() // a scanner's next read would keep its processor, and the bank waiting for another to wake
	case <-b.stopped:
	}
}

// call runs f on the goroutine and waits for it.
func (b *Bank) call(ctx context.Context, f func()) error {
	done := make(chan struct{})
	b.waiting.Add(1)
	select {
	case b.inbox <- func() { f(); close(done) }:
	case <-b.stopped:
		return errStopped
	case <-ctx.Done():
		b.waiting.Add(-1)
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-b.stopped:
	}
	select {
	case <-done: // it was the bank's last
		return nil
	default:
		return errStopped
	}
}

var errStopped = &Error{Code: "unavailable", Text: "the bank is stopping", Cure: "wait for lockerd to start again and repeat the command"}

// opening tells whether the outcome of a pulse is awaited.
func (b *Bank) opening() bool {
	for _, d := range b.slots {
		if d.underWay() {
			return true
		}
	}
	return false
}

// fail ends the bank: after a failed commit nothing may move any more.
func (b *Bank) fail(err error) {
	if b.err == nil {
		b.err = fmt.Errorf("cannot commit: %w", err)
		b.log.Error("storage fault: nothing moves any more", slog.Any("error", err))
	}
}

// lost is what an order is answered whose step could not be committed.
func (b *Bank) lost() error {
	if b.err != nil {
		return errStopped
	}
	return nil
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
