package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing/synctest"
	"time"

	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
)

// month is one seed: a world, the process that runs it or doesn't, the model,
// and an agenda of what the population does.
type month struct {
	rng    *rand.Rand
	began  time.Time
	world  *world
	model  *model
	on     media
	src    *monthSource
	agenda []task
	log    []string
	steps  int
	seen   map[string]int // how often each kind of thing happened
	serial int

	// The process of lockerd; up tells whether there is one.
	up    bool
	st    *cutStore
	clk   *clock.Clock
	bank  *Bank
	lines []*line
	stop  context.CancelFunc
	ended chan error
	calls sync.WaitGroup
}

type task struct {
	at   time.Duration
	name string
	do   func()
}

// monthScanners are several, so that visits run side by side.
func monthScanners() []string { return []string{"front", "back", "side"} }

func newMonth(seed uint64, on media) *month {
	m := &month{
		rng: rand.New(rand.NewPCG(seed, 0x6c6f636b6572)), began: time.Now(), on: on,
		world: newWorld(monthDoors()), src: &monthSource{synced: true, began: time.Now()}, seen: map[string]int{},
	}
	m.model = newModel(m.world, monthDoors(), monthScanners())
	return m
}

func (m *month) err() error { return m.model.err }

func (m *month) now() time.Duration { return time.Since(m.began) }

// after puts something on the agenda. No two things fall on one moment: what
// comes first is the seed's to say, not the scheduler's.
func (m *month) after(d time.Duration, name string, do func()) {
	at := m.now() + d + time.Duration(m.rng.IntN(1_000_000))
	m.agenda = append(m.agenda, task{at, name, do})
}

func (m *month) next() task {
	i := 0
	for k := range m.agenda {
		if m.agenda[k].at < m.agenda[i].at {
			i = k
		}
	}
	t := m.agenda[i]
	m.agenda = slices.Delete(m.agenda, i, i+1)
	return t
}

func (m *month) run() {
	m.boot()
	m.after(time.Minute, "arrive", m.arrive)
	for m.err() == nil {
		t := m.next()
		if t.at > monthLength {
			break
		}
		time.Sleep(t.at - m.now())
		if m.up {
			m.model.expire(m.clk.Now())
		}
		if t.name != "look" && t.name != "arrive" {
			m.note("%s", t.name)
		}
		t.do()
		m.settle()
	}
	if m.err() == nil {
		m.replays()
	}
	if m.up {
		m.halt()
	}
	m.calls.Wait()
}

// note writes a step into the log that a failure prints.
func (m *month) note(format string, a ...any) {
	m.log = append(m.log, fmt.Sprintf("%s seq %d: ", m.now().Truncate(time.Millisecond), m.model.seq)+fmt.Sprintf(format, a...))
	if len(m.log) > monthSteps {
		m.log = m.log[1:]
	}
}

// settle waits until nothing moves in this moment and checks everything.
func (m *month) settle() {
	m.steps++
	synctest.Wait()
	if !m.up {
		return
	}
	m.absorb()
	if m.st.lost() {
		m.fallDark()
		return
	}
	m.model.rest(time.Now(), m.clk.Now())
	if m.steps%16 == 0 && m.err() == nil {
		codes, err := m.bank.Codes(context.Background())
		if err == nil {
			m.model.uses(codes)
		}
	}
	for _, l := range m.lines {
		l.touch()
	}
	m.look()
}

// absorb lets the model take what was committed and pulsed since, in the order
// in which it happened.
func (m *month) absorb() {
	if m.err() != nil {
		return
	}
	lines, err := m.st.Events(m.model.seq+1, 1<<20)
	if err != nil {
		m.model.fail("the journal can't be read: %v", err)
		return
	}
	events := make([]locker.Event, len(lines))
	for i, l := range lines {
		if err := json.Unmarshal(l, &events[i]); err != nil {
			m.model.fail("seq %d can't be read: %v", m.model.seq+1, err)
		}
	}
	pulses := m.world.takePulses()
	for i := range pulses {
		for len(events) > 0 && events[0].Seq <= pulses[i].committed {
			m.take(&events[0])
			events = events[1:]
		}
		m.note("  pulse at %s, sent %v", pulses[i].door, pulses[i].sent)
		m.seen["pulse"]++
		m.model.pulse(&pulses[i])
	}
	for i := range events {
		m.take(&events[i])
	}
}

func (m *month) take(e *locker.Event) {
	m.note("  %s %s", short(e), m.model.nameOf(e))
	m.seen[e.Type]++
	m.model.step(e, e.At)
}

func (m *model) nameOf(e *locker.Event) string {
	if c := m.codes[keyOf(e)]; c != nil {
		return c.name
	}
	return ""
}

// boot starts a process on what the last one has left.
func (m *month) boot() {
	st, clean, err := m.on.open()
	if err != nil {
		m.model.fail("the store doesn't open: %v", err)
		return
	}
	m.st = &cutStore{Store: st, dark: func() { m.world.edit(func() { m.world.dark = true }) }}
	floor, _, err := st.Value(locker.ValueFloor)
	if err != nil {
		m.model.fail("the floor can't be read: %v", err)
	}
	ms, _ := strconv.ParseInt(string(floor), 10, 64) // absent at the first start
	m.clk = clock.New(m.src, locker.Time(ms))
	m.model.booted(clean)
	m.model.clock = "" // what it was is told by the first change
	m.world.power(m.st.Next)
	cfg := Config{
		Bank: "lon-042", Version: "test", Open: testTimes, Scanners: monthScanners(), Clean: clean, Log: slog.New(slog.DiscardHandler),
		Buses: []BusSpec{{Name: "a", Driver: "fake", Boards: []int{1, 2}}, {Name: "b", Driver: "fake", Boards: []int{3}}}, Doors: monthDoors(),
	}
	if m.bank, err = New(cfg, m.st, m.clk); err != nil {
		m.model.fail("the bank doesn't start: %v", err)
		return
	}
	m.lines = nil
	for _, n := range []string{"a", "b"} {
		l := newLine(m.world, n, m.bank)
		l.touch()
		m.bank.Attach(n, l)
		m.lines = append(m.lines, l)
		l.begin()
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop, m.ended, m.up = stop, make(chan error, 1), true
	go func(b *Bank, ended chan error) { ended <- b.Run(ctx) }(m.bank, m.ended)
	for _, n := range monthScanners() {
		m.bank.ScannerState(n, nil)
	}
	<-m.bank.Ready()
	time.Sleep(settled + time.Second/3)
	if doors, err := m.bank.Doors(context.Background()); err == nil {
		m.model.backward(doors, m.clk.Now())
	}
}

// off ends the process's goroutines.
func (m *month) off() error {
	m.stop()
	err := <-m.ended
	for _, l := range m.lines {
		l.end()
	}
	m.calls.Wait()
	synctest.Wait()
	m.absorb()
	m.up = false
	return err
}

// halt is an orderly stop.
func (m *month) halt() {
	if err := m.off(); err != nil && !m.st.lost() {
		m.model.fail("the bank ended with %v", err)
	}
	if err := m.on.shut(); err != nil {
		m.model.fail("the store doesn't close: %v", err)
	}
}

// fallDark is the end of a process whose power is gone.
func (m *month) fallDark() {
	m.note("the power is gone")
	m.seen["cut"]++
	_ = m.off() // it says that it could not commit
	if err := m.on.image(); err != nil {
		m.model.fail("the store can't be kept: %v", err)
	}
	m.after(m.upTo(20*time.Minute), "the power comes", m.boot)
}

func (m *month) upTo(d time.Duration) time.Duration { return time.Duration(m.rng.Int64N(int64(d))) }

// between returns a duration in a range.
func (m *month) between(a, b time.Duration) time.Duration { return a + m.upTo(b-a) }

// monthSource is the system clock of the month.
type monthSource struct {
	mu     sync.Mutex
	began  time.Time
	offset time.Duration
	synced bool
	dead   bool // it began at 1970
}

func (s *monthSource) Read() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return time.Unix(0, 0).Add(time.Since(s.began)), false
	}
	return time.Now().Add(s.offset), s.synced
}

func (s *monthSource) String() string { return "system" }

func (s *monthSource) set(offset time.Duration, synced, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset, s.synced, s.dead = offset, synced, dead
}
