package bank

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// Bounds of TestSequences. Below 30 steps no scanner is refused so often that
// refusals are counted.
const (
	sequencesFew  = 2000
	sequenceSteps = 28
)

// TestSequences plays random sequences of scans, labels, movements of doors, jams,
// power cuts, revocations, snapshots, orders and clock changes on the bank and on the
// plain model, and compares what can be seen after each step: events, pulses,
// doors, items, counts, marks. LOCKERD_SEQUENCES sets how many: CI takes 20000.
func TestSequences(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("LOCKERD_SEQUENCES"), strconv.Itoa(sequencesFew)))
	if err != nil {
		t.Fatal("LOCKERD_SEQUENCES is no number: ", err)
	}
	if testing.Short() {
		n = min(n, sequencesFew/4)
	}
	lanes := runtime.GOMAXPROCS(0)
	was := flag.Lookup("rapid.checks").Value.String()
	if err := flag.Set("rapid.checks", strconv.Itoa((n+lanes-1)/lanes)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", was) }) // it was valid before
	gen := storyGen()
	for lane := range lanes {
		t.Run(strconv.Itoa(lane), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				st := gen.Draw(rt, "story")
				if err := st.play(t, nil); err != nil {
					rt.Fatalf("%v", err)
				}
			})
		})
	}
}

// story is one sequence: codes, rules, and what happens.
type story struct {
	codes []seqCode
	rules int
	stock int // doors that hold something at the start, a bit each
	ops   []seqOp
}

// String shows a story that fails.
func (st story) String() string {
	var b strings.Builder
	for i, c := range st.codes {
		fmt.Fprintf(&b, "\n  c%d %+v", i+1, c)
	}
	for _, o := range st.ops {
		fmt.Fprintf(&b, "\n  %s", o)
	}
	return b.String()
}

// seqCode is a code of a story, in numbers.
type seqCode struct {
	kind, tenant, sku, door, items, uses int
	wheels, short                        bool
}

// seqOp is one thing that happens, in numbers: which door, code, text.
type seqOp struct {
	kind    string
	a, b, c int
}

func (o seqOp) String() string { return fmt.Sprintf("%s %d %d %d", o.kind, o.a, o.b, o.c) }

// opWeights says how often each thing happens, of 64. What a story shrinks to
// comes first.
var opWeights = []struct {
	kind string
	n    int
}{
	{"nothing", 1},
	{"go", 26},
	{"scan", 9},
	{"label", 5},
	{"shut", 4},
	{"wait", 3},
	{"set", 3},
	{"cut", 2},
	{"cut-pulse", 2},
	{"jam", 2},
	{"service", 2},
	{"open", 1},
	{"force", 1},
	{"revoke", 1},
	{"snapshot", 1},
	{"clock", 1},
}

// bits draws a number of n bits, all alike: what rapid draws by itself is small
// more often than not.
func bits(t *rapid.T, n int, label string) int {
	v := 0
	for range n {
		v <<= 1
		if rapid.Bool().Draw(t, label) {
			v |= 1
		}
	}
	return v
}

func storyGen() *rapid.Generator[story] {
	var kinds []string
	for _, w := range opWeights {
		kinds = append(kinds, slices.Repeat([]string{w.kind}, w.n)...)
	}
	six := func(t *rapid.T, label string) int { return bits(t, 4, label) % 6 }
	code := rapid.Custom(func(t *rapid.T) seqCode {
		return seqCode{
			kind: bits(t, 3, "kind"), tenant: bits(t, 2, "tenant"), sku: bits(t, 2, "sku"), door: six(t, "door"),
			items: bits(t, 2, "items"), uses: six(t, "uses"), wheels: bits(t, 3, "wheels") == 7, short: bits(t, 3, "short") == 7,
		}
	})
	op := rapid.Custom(func(t *rapid.T) seqOp {
		return seqOp{kinds[bits(t, 6, "op")], six(t, "a"), six(t, "b"), six(t, "c")}
	})
	return rapid.Custom(func(t *rapid.T) story {
		return story{
			codes: rapid.SliceOfN(code, 4, 6).Draw(t, "codes"), rules: six(t, "rules"), stock: bits(t, 6, "stock"),
			ops: rapid.SliceOfN(op, 18, sequenceSteps).Draw(t, "ops"),
		}
	})
}

// plainRules are what is wanted of a bank beyond its doors.
type plainRules struct {
	sizes map[stockKey]locker.Size
	mins  map[stockKey]int
	most  map[string]int
}

func (st story) wanted() plainRules {
	r := plainRules{
		sizes: map[stockKey]locker.Size{{"acme", "lap"}: locker.SizeM, {"globex", "lap"}: locker.SizeM},
		mins:  map[stockKey]int{{"acme", "lap"}: 1}, most: map[string]int{},
	}
	if st.rules > 3 {
		r.most["acme"] = st.rules - 3
	}
	return r
}

// made are the codes of a story, none of which has ended.
func (st story) made(now locker.Time) []*plainCode {
	var out []*plainCode
	for i, s := range st.codes {
		c := &plainCode{set: []string{"acme", "globex", "acme", "acme"}[s.tenant], here: true, max: []int{1, 1, 1, 1, 2, 0}[s.uses]}
		c.ID = "c" + strconv.Itoa(i+1)
		c.text = access.WithCheck(fmt.Sprintf("%024d", i+1))
		c.Tag, c.Rev = locker.TagOf("lon-042", c.text), 1
		c.Kind = []locker.Kind{
			locker.Deliver, locker.Collect, locker.Swap, locker.Return, locker.Clear, locker.Collect, locker.Deliver, locker.Swap,
		}[s.kind]
		c.NotBefore, c.NotAfter, c.Accessible = now, now.Add(48*time.Hour), s.wheels
		if s.short {
			c.NotAfter = now.Add(10 * time.Minute)
		}
		c.Uses = &c.max
		sku := []string{"lap", "lap", "lap", "tab"}[s.sku]
		switch {
		case s.kind == 5:
			c.Door = at(s.door + 1)
		case c.Kind == locker.Deliver:
			c.SKU, c.Items = sku, s.items
		case c.Kind == locker.Swap:
			c.To, c.Size = sku, locker.SizeS
		case c.Kind == locker.Return:
			c.Size = locker.SizeM
		case c.Kind == locker.Collect:
			c.SKU = sku
		}
		out = append(out, c)
	}
	return out
}

// play plays a story and returns the first difference.
func (st story) play(t *testing.T, mutant func(*Config)) (err error) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		s := newSequence(st.made(locker.TimeOf(time.Now())), st.wanted(), mutant)
		s.load(st.stock)
		for i, o := range st.ops {
			s.log = append(s.log, fmt.Sprintf("%d: %s", i+1, o))
			seqDo[o.kind](s, o)
			s.settle()
			if err = s.differs(); err != nil {
				err = fmt.Errorf("%w\nafter\n%s", err, strings.Join(s.log, "\n"))
				return
			}
		}
		if err = s.replays(); err != nil {
			err = fmt.Errorf("%w\nafter\n%s", err, strings.Join(s.log, "\n"))
		}
	})
	return err
}

var seqLabels = []string{"SN-0001", "SN-0002", "SN-0003", "SN-0004", "no label", "SN-0005"}

// seqDo are the things that happen.
var seqDo = map[string]func(*sequence, seqOp){
	"nothing":   func(*sequence, seqOp) {},
	"go":        (*sequence).doNext,
	"scan":      (*sequence).doScan,
	"cut-pulse": func(s *sequence, o seqOp) { s.cut = cutBefore + cutAt(o.b%2); s.doScanOrShut(o) },
	"label":     func(s *sequence, o seqOp) { s.scan(s.atOf(o.b), seqLabels[o.a]) },
	"shut":      func(s *sequence, o seqOp) { s.shutOne(o.a) },
	"cut": func(s *sequence, o seqOp) {
		if o.a > 2 {
			s.shutOne(o.b) // while the power is away
		}
		s.powerCut()
	},
	"jam": func(s *sequence, o seqOp) { s.jams[o.a] = []int{-1, -1, 1, 2, 3, 0}[o.b] },
	"force": func(s *sequence, o seqOp) {
		if s.forces[o.a]++; s.forces[o.a] < 6 {
			s.open[o.a] = true
		}
	},
	"wait": func(s *sequence, o seqOp) {
		s.wait([]time.Duration{20 * time.Second, time.Minute, 3 * time.Minute, 15 * time.Minute, time.Hour, time.Duration(o.b) * 10 * time.Hour}[o.a])
	},
	"set":      (*sequence).doSet,
	"service":  (*sequence).doService,
	"open":     (*sequence).doOpen,
	"revoke":   (*sequence).doRevoke,
	"snapshot": (*sequence).doSnapshot,
	"clock":    (*sequence).doClock,
}

func (s *sequence) atOf(n int) string {
	if n == 5 {
		return "back"
	}
	return "front"
}

// load puts something behind some doors.
func (s *sequence) load(which int) {
	for i := range s.open {
		if which&(1<<i) != 0 {
			it := &locker.Item{Tenant: "acme", SKU: "lap", Serial: fmt.Sprintf("OLD-%d", i), Condition: locker.Ready}
			s.set(i, it)
		}
	}
	s.settle()
	s.seen, s.m.out = len(s.st.log), nil
}

// doNext does what a person would do next: the label of what is put in, the door
// shut, the next code.
func (s *sequence) doNext(o seqOp) {
	var open []*plainDoor
	for i, d := range s.m.doors {
		if s.open[i] {
			open = append(open, d)
		}
	}
	if len(open) == 0 {
		s.doScan(o)
		return
	}
	d := open[o.c%len(open)]
	if w := d.awaits; w.labelled() && w.serial == "" && w.visit != nil && o.b < 5 {
		s.scan(w.at, fmt.Sprintf("GO-%d%d%d", s.seen, o.a, o.b))
		return
	}
	s.open[slices.Index(s.m.doors, d)] = false
}

func (s *sequence) doScan(o seqOp) { s.scan(s.atOf(o.b), s.m.codes[o.a%len(s.m.codes)].text) }

func (s *sequence) doScanOrShut(o seqOp) {
	if o.c > 2 {
		s.shutOne(o.a)
		return
	}
	s.doScan(o)
}

// shutOne shuts the a-th of the doors that stand open.
func (s *sequence) shutOne(a int) {
	var open []int
	for i, o := range s.open {
		if o {
			open = append(open, i)
		}
	}
	if len(open) > 0 {
		s.open[open[a%len(open)]] = false
	}
}

func (s *sequence) doSet(o seqOp) {
	var it *locker.Item
	if o.b > 0 {
		it = &locker.Item{
			Tenant: []string{"acme", "acme", "globex"}[o.c%3], SKU: []string{"lap", "tab"}[o.c/3],
			Serial: seqLabels[o.b%4], Condition: []locker.Condition{locker.Ready, locker.Ready, locker.Ready, locker.Faulty}[(o.b+o.c)%4],
		}
	}
	s.set(o.a, it)
}

func (s *sequence) set(door int, it *locker.Item) {
	s.now()
	allowed := s.m.set(s.m.doors[door], it)
	if err := s.b.setStock(at(door+1), it, "test"); (err == nil) != allowed {
		s.m.say(fmt.Sprint("set: ", err))
	}
	s.ticks()
}

func (s *sequence) doService(o seqOp) {
	d := s.m.doors[o.a]
	s.now()
	if o.b > 1 {
		s.m.putIn(d)
		s.jams[o.a] = 0
	} else {
		s.m.takeOut(d, locker.CauseControl, s.m.whose(d))
	}
	if err := s.b.setService(d.id, o.b > 1, "test"); err != nil {
		s.m.say(err.Error())
	}
	s.ticks()
}

func (s *sequence) doOpen(o seqOp) {
	s.now()
	allowed := s.m.command(s.m.doors[o.a])
	if err := s.b.orderOpen(at(o.a+1), "test", "jo", nil); (err == nil) != allowed {
		s.m.say(fmt.Sprint("open: ", err))
	}
	s.ticks()
}

// down has the bank take what comes from above, which waits for its turn.
func (s *sequence) down(f func() error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	for {
		select {
		case work := <-s.b.inbox:
			work()
		case err := <-done:
			if err != nil {
				s.m.say(err.Error())
			}
			return
		}
	}
}

func (s *sequence) doRevoke(o seqOp) {
	c := s.m.codes[o.a%len(s.m.codes)]
	info := s.st.Set(c.set)
	digest := info.Digest
	if c.here && !c.revoked {
		digest.Toggle(c.DigestPart())
	}
	s.now()
	s.m.say(locker.EvCodesApplied)
	s.m.applied(func() { c.revoked, c.claims = true, false })
	s.down(func() error {
		v, err := s.b.ApplyDelta(context.Background(), &Delta{
			Set: c.set, Epoch: info.Epoch, From: info.Version, To: info.Version + 1, Digest: &digest, Ops: []locker.CodeChange{{Set: c.set, Revoke: c.ID}},
		})
		if err == nil && v != (Verdict{}) {
			err = fmt.Errorf("revoke: %+v", v)
		}
		return err
	})
	s.ticks()
}

// doSnapshot leaves a code out of its set, or brings it back. A swap under way
// stays: what becomes of a code that is forgotten and put again is not told.
func (s *sequence) doSnapshot(o seqOp) {
	c := s.m.codes[o.a%len(s.m.codes)]
	if !c.going {
		c.here = !c.here
	}
	s.snapshot(c.set)
}

func (s *sequence) snapshot(set string) {
	s.now()
	s.m.say(locker.EvCodesApplied)
	snap := &Snapshot{Set: set, Epoch: 1, To: s.st.Set(set).Version + 1, Load: &seqLoad{s, set}}
	for _, c := range s.m.codes {
		if c.set != set || !c.here {
			continue
		}
		snap.Records++
		if claim, ok := ClaimOf(set, &c.Code); ok {
			snap.Claims = append(snap.Claims, claim)
		}
	}
	s.m.applied(func() {
		for _, c := range s.m.codes {
			if c.set == set {
				c.claims = s.m.lives(c)
			}
		}
	})
	s.down(func() error {
		v, err := s.b.Switch(context.Background(), snap)
		if err == nil && v != (Verdict{}) {
			err = fmt.Errorf("snapshot: %+v", v)
		}
		return err
	})
	s.ticks()
}

// seqLoad is a staged set.
type seqLoad struct {
	s   *sequence
	set string
}

func (l *seqLoad) Finish(info locker.SetInfo, c *locker.Commit) (uint64, error) {
	st := l.s.st
	for k := range st.codes {
		if k.Set == l.set {
			delete(st.codes, k)
		}
	}
	for _, p := range l.s.m.codes {
		if p.set == l.set && p.here {
			st.codes[locker.CodeKey{Set: p.set, ID: p.ID}] = p.Code
		}
	}
	return st.CommitSets(c, map[string]locker.SetInfo{l.set: info})
}

// doClock moves the clock, or makes it one that nobody trusts. Before it goes
// back what has ended is tidied up: it stays ended.
func (s *sequence) doClock(o seqOp) {
	s.now()
	s.b.chores(s.b.now())
	for _, d := range s.m.doors {
		if s.m.keptFor(d) == nil {
			d.kept = nil
		}
	}
	s.clk.offset = []time.Duration{0, 0, 2 * time.Minute, time.Hour, -3 * time.Hour, time.Duration(o.c) * 10 * time.Hour}[o.a]
	s.clk.status = []locker.Clock{locker.ClockSynced, locker.ClockSynced, locker.ClockHeld, locker.ClockUnset}[o.b%4]
	s.m.good = s.clk.status != locker.ClockUnset
	s.ticks()
}

func unmarshal(b []byte, d *locker.DoorRecord) error { return json.Unmarshal(b, d) }
