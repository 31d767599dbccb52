package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/scanner"
)

// rig is a bank on doors of its own making, inside a synctest bubble: time is
// virtual, the store is in memory (the real one has its own tests and those of
// daemon), everything else is the bank as it runs.
type rig struct {
	t     *testing.T
	b     *Bank
	st    *memStore
	clk   *fakeClock
	bus   *fakeBus
	stop  context.CancelFunc
	ended chan error
	seen  uint64 // events told so far
}

var testTimes = Times{
	Pulse: 300 * time.Millisecond, Prove: 3 * time.Second, Tries: 3, AjarWarn: 30 * time.Second,
	AjarAlarm: 2 * time.Minute, ReopenWindow: 2 * time.Minute, VisitIdle: time.Minute,
}

// newRig starts a bank of n doors, all shut.
func newRig(t *testing.T, n int, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, st: newMemStore(), clk: &fakeClock{status: locker.ClockSynced}, bus: newFakeBus(n)}
	r.start(n, change)
	t.Cleanup(r.halt)
	return r
}

func (r *rig) start(n int, change func(*Config)) {
	r.t.Helper()
	cfg := Config{
		Bank: "lon-042", Version: "test", Open: testTimes, Scanners: []string{"front", "back"},
		Buses: []BusSpec{{Name: "a", Driver: "fake", Boards: []int{1}}}, Log: slog.New(slog.DiscardHandler),
	}
	for i := range n {
		id := locker.DoorID{Locker: 1, Door: uint8(i + 1)}
		cfg.Doors = append(cfg.Doors, DoorSpec{ID: id, Size: locker.SizeM, Sensor: true, Use: "any", Bus: "a", Lock: hal.Lock{Address: 1, Channel: i + 1}})
	}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg, r.st, r.clk)
	if err != nil {
		r.t.Fatal(err)
	}
	r.b = b
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.ended = stop, make(chan error, 1)
	b.Attach("a", r.bus)
	r.bus.begin(b)
	for _, s := range cfg.Scanners {
		b.ScannerState(s, nil)
	}
	go func() { r.ended <- b.Run(ctx) }()
	<-b.Ready()
	synctest.Wait()
}

// cut takes the power away: what the old process still writes is lost.
func (r *rig) cut() {
	r.st = r.st.clone()
	r.halt()
	r.bus.takePulses()
}

// halt stops the bank in an orderly way.
func (r *rig) halt() {
	r.bus.end()
	r.stop()
	if err := <-r.ended; err != nil {
		r.t.Log(err)
	}
}

// code puts a code into the local set and returns its text.
func (r *rig) code(n NewCode) string {
	r.t.Helper()
	if n.TTL == 0 {
		n.TTL = 48 * time.Hour
	}
	c, err := r.b.NewCode(context.Background(), n, "test")
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Text
}

func (r *rig) load(door int, serial string) {
	r.t.Helper()
	it := &locker.Item{SKU: "laptop-14", Serial: serial}
	if err := r.b.SetStock(context.Background(), locker.DoorID{Locker: 1, Door: uint8(door)}, it, "test"); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) scan(text string) { r.scanAt("front", text) }

func (r *rig) scanAt(name, text string) {
	r.b.Expect(text)
	r.b.Scanned(scanner.Scan{Scanner: name, Text: text, At: time.Now()})
}

// events returns what was journaled since the last call, one short line each.
func (r *rig) events() []string {
	r.t.Helper()
	synctest.Wait()
	lines, err := r.st.Events(r.seen+1, 1<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			r.t.Fatal(err)
		}
		r.seen = e.Seq
		out = append(out, short(&e))
	}
	return out
}

// short is an event without what differs from run to run.
func short(e *locker.Event) string {
	s, door := e.Type, e.Door.String()
	if e.Type == locker.EvScanRefused {
		door = "" // the one its code names: TestRefusalNamesItsDoor
	}
	for _, p := range []string{door, string(e.Reason), e.Cause, e.Level, e.Outcome, e.Serial, string(e.Cond), e.Error} {
		if p != "" {
			s += " " + p
		}
	}
	if e.Delta != 0 {
		s += fmt.Sprintf(" %+d=%d", e.Delta, *e.Count)
	}
	if e.N != 0 {
		s += fmt.Sprintf(" n=%d", e.N)
	}
	return s
}

func (r *rig) want(want ...string) {
	r.t.Helper()
	if got := r.events(); !slices.Equal(got, want) {
		r.t.Fatalf("events:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// pulses wants that many pulses since the last call.
func (r *rig) pulses(want ...int) {
	r.t.Helper()
	synctest.Wait()
	if got := r.bus.takePulses(); !slices.Equal(got, want) {
		r.t.Fatalf("pulses at %v, want %v", got, want)
	}
}

// fakeBus is a board whose doors behave as told.
type fakeBus struct {
	mu     sync.Mutex
	sink   hal.Sink
	doors  []fakeDoor
	silent bool
	mute   bool // takes pulses, then says nothing more
	dead   bool // no pulse leaves
	focus  time.Time
	log    []int
	quit   chan struct{}
	done   chan struct{}
	wake   chan struct{}
}

type fakeDoor struct {
	open   bool
	jammed int // pulses that do nothing; -1: all
	late   time.Duration
}

func newFakeBus(n int) *fakeBus { return &fakeBus{doors: make([]fakeDoor, n)} }

func (f *fakeBus) begin(s hal.Sink) {
	f.sink, f.quit, f.done, f.wake = s, make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	quit, done := f.quit, f.done
	go func() {
		defer close(done)
		for {
			f.sweep()
			wait := 500 * time.Millisecond
			f.mu.Lock()
			if time.Now().Before(f.focus) {
				wait = 20 * time.Millisecond
			}
			f.mu.Unlock()
			select {
			case <-quit:
				return
			case <-f.wake:
			case <-time.After(wait):
			}
		}
	}()
}

func (f *fakeBus) end() { close(f.quit); <-f.done }

func (f *fakeBus) sweep() {
	f.mu.Lock()
	begun, silent := time.Now(), f.silent
	st := make([]hal.State, len(f.doors))
	for i, d := range f.doors {
		st[i] = hal.Closed
		if d.open {
			st[i] = hal.Open
		}
	}
	f.mu.Unlock()
	if silent {
		f.sink.Board("a", hal.Board{Address: 1, Lost: true, Err: errors.New("no reply")})
		return
	}
	f.sink.Observed("a", hal.Observed{Address: 1, Begun: begun, States: st})
}

func (f *fakeBus) Unlock(u hal.Unlock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := hal.Pulsed{ID: u.ID, Lock: u.Lock, At: time.Now()}
	if f.dead {
		p.At, p.Err = time.Time{}, hal.ErrNotSent
		go f.sink.Pulsed("a", p)
		return
	}
	i := u.Lock.Channel - 1
	f.log = append(f.log, u.Lock.Channel)
	if f.mute {
		f.silent = true
		p.Err = hal.ErrNoReply
	}
	go f.sink.Pulsed("a", p)
	d := &f.doors[i]
	if d.jammed != 0 {
		d.jammed = max(d.jammed-1, -1)
		return
	}
	time.AfterFunc(60*time.Millisecond+d.late, func() { f.set(i+1, true) })
}

func (f *fakeBus) Focus(_ int, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.focus = until
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *fakeBus) Stats() hal.Stats { return hal.Stats{Up: true} }
func (f *fakeBus) Close() error     { return nil }

func (f *fakeBus) set(door int, open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doors[door-1].open = open
}

func (f *fakeBus) edit(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

func (f *fakeBus) takePulses() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.log
	f.log = nil
	return p
}

type fakeClock struct {
	mu     sync.Mutex
	status locker.Clock
	offset time.Duration
}

func (c *fakeClock) Read() clock.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := locker.TimeOf(time.Now().Add(c.offset))
	return clock.Reading{Now: now, System: now, Status: c.status}
}

func (c *fakeClock) Reset(locker.Time) clock.Reading { return c.Read() }

// memStore keeps the commits it is given in maps.
type memStore struct {
	mu     sync.Mutex
	events [][]byte
	codes  map[locker.CodeKey]locker.Code
	marks  map[locker.CodeKey]locker.Mark
	doors  map[locker.DoorID]locker.DoorRecord
	values map[string][]byte
	sets   map[string]locker.SetInfo
	acked  uint64
	fail   error
	epoch  int64  // of every set that has none
	asked  func() // before the next mark is read
	unseen int    // marks beside those that are there
}

func newMemStore() *memStore {
	return &memStore{
		codes: map[locker.CodeKey]locker.Code{}, marks: map[locker.CodeKey]locker.Mark{},
		doors: map[locker.DoorID]locker.DoorRecord{}, values: map[string][]byte{}, sets: map[string]locker.SetInfo{},
	}
}

func (s *memStore) clone() *memStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &memStore{epoch: s.epoch, events: slices.Clone(s.events), codes: maps.Clone(s.codes), marks: maps.Clone(s.marks), doors: maps.Clone(s.doors), values: maps.Clone(s.values), sets: maps.Clone(s.sets)}
}

func (s *memStore) Commit(c *locker.Commit) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	first := uint64(len(s.events)) + 1
	for i := range c.Events {
		c.Events[i].Seq = uint64(len(s.events)) + 1
		line, err := json.Marshal(c.Events[i])
		if err != nil {
			return 0, err
		}
		s.events = append(s.events, line)
	}
	for _, d := range c.Doors {
		var deep locker.DoorRecord
		b, _ := json.Marshal(d)
		if err := json.Unmarshal(b, &deep); err != nil {
			return 0, err
		}
		s.doors[d.Door] = deep
	}
	for _, m := range c.Marks {
		s.marks[m.Code] = m.Mark
	}
	for _, ch := range c.Codes {
		switch {
		case ch.Put != nil:
			s.codes[locker.CodeKey{Set: ch.Set, ID: ch.Put.ID}] = *ch.Put
		case ch.Revoke != "":
			k := locker.CodeKey{Set: ch.Set, ID: ch.Revoke}
			m := s.marks[k]
			m.Revoked = true
			s.marks[k] = m
		default:
			delete(s.codes, locker.CodeKey{Set: ch.Set, ID: ch.Drop})
		}
	}
	maps.Copy(s.values, c.Values)
	return first, nil
}

func (s *memStore) Find(tag locker.Tag) (locker.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, c := range s.codes {
		if c.Tag == tag {
			return locker.Entry{Set: k.Set, Code: c, Mark: s.marks[k]}, true, nil
		}
	}
	return locker.Entry{}, false, nil
}

func (s *memStore) Code(k locker.CodeKey) (locker.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes[k]
	return locker.Entry{Set: k.Set, Code: c, Mark: s.marks[k]}, ok, nil
}

func (s *memStore) Mark(k locker.CodeKey) (locker.Mark, bool, error) {
	if f := s.asked; f != nil {
		s.asked = nil
		f()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.marks[k]
	return m, ok, nil
}

func (s *memStore) Codes(set string) iter.Seq2[locker.Entry, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []locker.Entry
	for k, c := range s.codes {
		if k.Set == set {
			all = append(all, locker.Entry{Set: set, Code: c, Mark: s.marks[k]})
		}
	}
	return func(yield func(locker.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *memStore) Set(name string) locker.SetInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info(name)
}

// info counts what is live, which the real store keeps count of.
func (s *memStore) info(name string) locker.SetInfo {
	i := s.sets[name]
	if i.Epoch == 0 {
		i.Epoch = s.epoch
	}
	i.Count, i.Digest = 0, locker.Digest{}
	for k, c := range s.codes {
		if k.Set == name && !s.marks[k].Revoked {
			i.Count++
			i.Digest.Toggle(c.DigestPart())
		}
	}
	return i
}

func (s *memStore) Sets() map[string]locker.SetInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]locker.SetInfo{}
	for name := range s.sets {
		out[name] = s.info(name)
	}
	return out
}

func (s *memStore) CommitSets(c *locker.Commit, sets map[string]locker.SetInfo) (uint64, error) {
	first, err := s.Commit(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		maps.Copy(s.sets, sets)
	}
	return first, err
}

func (s *memStore) Records(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for k := range s.codes {
		if k.Set == name {
			n++
		}
	}
	return n
}

func (s *memStore) Marks(name string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.unseen
	for k := range s.marks {
		if k.Set == name {
			n++
		}
	}
	return n, nil
}

func (s *memStore) Within(name string, tag locker.Tag) (locker.Entry, bool, error) {
	return s.held(func(k locker.CodeKey, c *locker.Code) bool { return k.Set == name && c.Tag == tag })
}

func (s *memStore) Elsewhere(name string, tags []locker.Tag) (locker.Entry, bool, error) {
	return s.held(func(k locker.CodeKey, c *locker.Code) bool {
		return k.Set != name && slices.Contains(tags, c.Tag) && !s.marks[k].Revoked
	})
}

func (s *memStore) held(by func(locker.CodeKey, *locker.Code) bool) (locker.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, c := range s.codes {
		if by(k, &c) {
			return locker.Entry{Set: k.Set, Code: c, Mark: s.marks[k]}, true, nil
		}
	}
	return locker.Entry{}, false, nil
}

func (s *memStore) Acked(seq uint64, _ time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = seq
}

func (s *memStore) Doors() ([]locker.DoorRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []locker.DoorRecord
	for _, d := range s.doors {
		out = append(out, d)
	}
	return out, nil
}

func (s *memStore) Value(name string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[name]
	return v, ok, nil
}

func (s *memStore) JournalID() string                  { return "j-test" }
func (s *memStore) First() uint64                      { return 1 }
func (s *memStore) Rehearse(*locker.Commit)            {}
func (s *memStore) Hush()                              {}
func (s *memStore) EventBytes() int64                  { return 0 }
func (s *memStore) Wait(context.Context, uint64) error { return nil }

func (s *memStore) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.events)) + 1
}

func (s *memStore) Events(from uint64, most int) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from > uint64(len(s.events)) {
		return nil, nil
	}
	ev := s.events[from-1:]
	return ev[:min(most, len(ev))], nil
}
