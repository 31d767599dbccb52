package bank

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/scanner"
)

// sequence is the bank and the plain model side by side. The bank is the one
// that runs, on a board of the test's own; it has no goroutine here: the test has
// its turn, hands it what happens and awaits nothing.
type sequence struct {
	b      *Bank
	m      *plain
	cfg    Config
	st     *seqStore
	clk    *fakeClock
	bus    *seqBus
	open   []bool // the doors themselves
	jams   []int  // pulses that will do nothing
	forces []int
	cut    cutAt
	seen   int
	log    []string // what was done and journaled, for a story that fails
}

// cutAt is when the power goes.
type cutAt int

const (
	cutNever cutAt = iota
	cutBefore
	cutBehind // the pulse has left, and the door is open
)

// seqBus keeps the pulses it is asked for.
type seqBus struct {
	asked []hal.Unlock
	sent  []hal.Unlock
}

func (f *seqBus) Unlock(u hal.Unlock)  { f.asked = append(f.asked, u) }
func (f *seqBus) Focus(int, time.Time) {}
func (f *seqBus) Stats() hal.Stats     { return hal.Stats{Up: true} }
func (f *seqBus) Close() error         { return nil }

var _ hal.Bus = (*seqBus)(nil)

// seqStore is memStore without the price of JSON at each event: doors are kept
// as bytes, so that what the bank changes behind a commit is lost at a restart.
type seqStore struct {
	*memStore
	log  []locker.Event
	recs map[locker.DoorID][]byte
}

func (s *seqStore) Commit(c *locker.Commit) (uint64, error) {
	first := uint64(len(s.log)) + 1
	s.log = append(s.log, c.Events...)
	for i := range c.Doors {
		b, err := c.Doors[i].AppendJSON(nil)
		if err != nil {
			return 0, err
		}
		s.recs[c.Doors[i].Door] = b
	}
	rest := locker.Commit{Marks: c.Marks, Codes: c.Codes, Values: c.Values}
	_, err := s.memStore.Commit(&rest)
	if c.Durable != nil {
		c.Durable()
	}
	return first, err
}

func (s *seqStore) CommitSets(c *locker.Commit, sets map[string]locker.SetInfo) (uint64, error) {
	first, err := s.Commit(c)
	maps.Copy(s.sets, sets)
	return first, err
}

func (s *seqStore) Next() uint64 { return uint64(len(s.log)) + 1 }

func (s *seqStore) Doors() ([]locker.DoorRecord, error) {
	var out []locker.DoorRecord
	for _, b := range s.recs {
		var d locker.DoorRecord
		if err := unmarshal(b, &d); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// newSequence starts a bank of six doors of many sorts, and the model of it.
func newSequence(codes []*plainCode, rules plainRules, mutant func(*Config)) *sequence {
	s := &sequence{
		st:  &seqStore{memStore: newMemStore(), recs: map[locker.DoorID][]byte{}},
		clk: &fakeClock{status: locker.ClockSynced}, bus: &seqBus{},
	}
	s.cfg = Config{
		Bank: "lon-042", Version: "test", Open: testTimes, Scanners: []string{"front", "back"},
		Buses: []BusSpec{{Name: "a", Driver: "fake", Boards: []int{1}}}, Log: slog.New(slog.DiscardHandler),
	}
	s.m = &plain{
		times: testTimes, codes: codes, counts: map[stockKey]int{}, mins: rules.mins, most: rules.most, sizes: rules.sizes, good: true,
	}
	for i, d := range []DoorSpec{
		{Size: locker.SizeM, Use: "any"},
		{Size: locker.SizeM, Use: "any", Accessible: true},
		{Size: locker.SizeL, Use: "any"},
		{Size: locker.SizeM, Use: "returns"},
		{Size: locker.SizeS, Use: "any", Tenant: "acme"},
		{Size: locker.SizeM, Use: "stock"},
	} {
		d.ID, d.Sensor, d.Bus, d.Lock = at(i+1), true, "a", hal.Lock{Address: 1, Channel: i + 1}
		s.cfg.Doors = append(s.cfg.Doors, d)
		s.m.doors = append(s.m.doors, &plainDoor{id: d.ID, size: d.Size, wheels: d.Accessible, use: d.Use, tenant: d.Tenant})
	}
	n := len(s.cfg.Doors)
	s.open, s.jams, s.forces = make([]bool, n), make([]int, n), make([]int, n)
	if mutant != nil {
		mutant(&s.cfg)
	}
	s.boot()
	s.desire(rules)
	for _, set := range []string{"acme", "globex"} {
		s.snapshot(set)
	}
	s.settle()
	s.seen, s.m.out, s.m.pulses, s.bus.sent = len(s.st.log), nil, nil, nil
	return s
}

func (s *sequence) boot() {
	b, err := New(s.cfg, s.st, s.clk)
	if err != nil {
		panic(err)
	}
	s.b, s.bus.asked = b, nil
	b.Attach("a", s.bus)
	s.m.mono, s.m.now = b.now(), s.clk.Read().Now
	b.started()
	s.ticks()
	s.read()
}

func (s *sequence) desire(r plainRules) {
	doc := locker.Desired{}
	for _, k := range slices.SortedFunc(maps.Keys(r.sizes), compareStock) {
		rule := locker.SKURule{SKU: k.sku, Tenant: k.tenant, Size: r.sizes[k]}
		if n, ok := r.mins[k]; ok {
			rule.Min = &n
		}
		doc.SKUs = append(doc.SKUs, rule)
	}
	for _, name := range slices.Sorted(maps.Keys(r.most)) {
		doc.Tenants = append(doc.Tenants, locker.TenantRule{Tenant: name, MaxDoors: r.most[name]})
	}
	t := s.b.begin()
	s.b.applyDesired(t, locker.DesiredState{Version: 1, Doc: doc})
	t.commit()
}

// now brings the model's clocks to the bank's.
func (s *sequence) now() { s.m.mono, s.m.now = s.b.now(), s.clk.Read().Now }

func (s *sequence) ticks() {
	s.now()
	s.b.tick()
	s.m.tick()
}

// read gives both one reading of all doors.
func (s *sequence) read() {
	states := make([]hal.State, len(s.open))
	for i, open := range s.open {
		states[i] = hal.Closed
		if open {
			states[i] = hal.Open
		}
	}
	s.now()
	s.b.observed("a", hal.Observed{Address: 1, Begun: time.Now(), States: states})
	s.m.read(s.open)
	s.ticks()
}

// settle lets pulses leave and readings come until nothing is under way.
func (s *sequence) settle() {
	for calm := 0; calm < 3; calm++ {
		if len(s.bus.asked) > 0 {
			calm = 0
			if s.cut != cutNever {
				s.powerCut()
				continue
			}
			s.send()
		}
		time.Sleep(100 * time.Millisecond)
		s.read()
		if s.b.opening() {
			calm = 0
		}
	}
	s.cut = cutNever
}

// send lets the pulses leave that the bank has asked for.
func (s *sequence) send() {
	asked := s.bus.asked
	s.bus.asked = nil
	for _, u := range asked {
		s.bus.sent = append(s.bus.sent, u)
		i := u.Lock.Channel - 1
		if s.jams[i] == 0 {
			s.open[i] = true
		} else {
			s.jams[i] = max(s.jams[i]-1, -1)
		}
		s.now()
		s.m.sent(s.cfg.Doors[i].ID)
		s.b.pulsed(hal.Pulsed{ID: u.ID, Lock: u.Lock, At: time.Now()})
		s.ticks()
	}
}

// powerCut takes the power away and brings it back; pulses that were asked for
// have left, or not.
func (s *sequence) powerCut() {
	for _, u := range s.bus.asked {
		s.bus.sent = append(s.bus.sent, u)
		if s.cut == cutBehind {
			s.open[u.Lock.Channel-1] = true
		}
	}
	s.cut = cutNever
	s.m.restart()
	s.boot()
}

// wait lets time pass, in steps.
func (s *sequence) wait(d time.Duration) {
	const steps = 6
	for range steps {
		time.Sleep(d / steps)
		s.read()
	}
}

func (s *sequence) scan(name, text string) {
	s.now()
	s.m.scan(name, text)
	s.b.scanned(scanner.Scan{Scanner: name, Text: text, At: time.Now()})
	s.ticks()
}

// differs compares all that can be seen after a step.
func (s *sequence) differs() error {
	var got []string
	for i := s.seen; i < len(s.st.log); i++ {
		if e := &s.st.log[i]; e.Type != locker.EvClockChanged {
			got = append(got, plainLine(e))
		}
	}
	s.seen = len(s.st.log)
	want := s.m.out
	s.m.out = nil
	for _, l := range got {
		s.log = append(s.log, "  "+l)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the model has journaled\n  %s", strings.Join(want, "\n  "))
	}
	var pulses []locker.DoorID
	for _, u := range s.bus.sent {
		pulses = append(pulses, s.cfg.Doors[u.Lock.Channel-1].ID)
	}
	s.bus.sent = nil
	if p := s.m.pulses; !slices.Equal(pulses, p) {
		return fmt.Errorf("pulses at %v, the model's at %v", pulses, p)
	}
	s.m.pulses = nil
	return s.stateDiffers()
}

func (s *sequence) stateDiffers() error {
	for i, d := range s.b.slots {
		p := s.m.doors[i]
		is := fmt.Sprintf("open %v, out %v, %s, kept %v, lapsed %v", d.open(), d.rec.Out, itemText(d.rec.Item), s.b.keptFor(d).ID, d.rec.Lapsed)
		kept := ""
		if c := s.m.keptFor(p); c != nil {
			kept = c.ID
		}
		want := fmt.Sprintf("open %v, out %v, %s, kept %v, lapsed %v", p.isOpen(), p.outs, itemText(p.item), kept, p.lapsed)
		if is != want {
			return fmt.Errorf("door %s: %s\nthe model: %s", d.spec.ID, is, want)
		}
	}
	for k, n := range s.m.counts {
		if s.b.stock[k] != n {
			return fmt.Errorf("%d of %v, the model has %d", s.b.stock[k], k, n)
		}
	}
	for _, c := range s.m.codes {
		mark, _, _ := s.st.Mark(locker.CodeKey{Set: c.set, ID: c.ID})
		if mark.Used != c.used || mark.Going != c.going || mark.Done != c.done {
			return fmt.Errorf("code %s: %+v, the model has used %d, going %v, done %d", c.ID, mark, c.used, c.going, c.done)
		}
	}
	if len(s.b.visits) != len(s.m.visits) {
		return fmt.Errorf("%d visits, the model has %d", len(s.b.visits), len(s.m.visits))
	}
	return nil
}

func itemText(it *locker.Item) string {
	if it == nil {
		return "empty"
	}
	return strings.Join([]string{it.Tenant, it.SKU, it.Serial, string(it.Condition)}, " ")
}
