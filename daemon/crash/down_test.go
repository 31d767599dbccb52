package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Sizes of the power cuts into what comes down.
const (
	downSteps  = 24 // deltas and commands
	downImages = 400
	downSet    = "acme"
)

// downFact is what the world knew at one moment of the recorded run.
type downFact struct {
	at      int   // position in the log
	version int64 // the set's, told to the backend
	begun   int64 // the highest that a call was made for
	pulses  int   // commands whose pulse was seen
	done    int   // commands whose reply was given
}

// downRun is the recorded run.
type downRun struct {
	t   *testing.T
	rec *storetest.Recorder

	mu    sync.Mutex
	now   downFact
	facts []downFact
}

func (r *downRun) note(label string, f func(*downFact)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.now)
	r.now.at = r.rec.Mark(label)
	r.facts = append(r.facts, r.now)
}

// downCodes is the set at a version: three codes come with each, one of them
// names a door, and the first of the version before goes.
func downCodes(version int64) []locker.Code {
	var out []locker.Code
	for v := int64(1); v <= version; v++ {
		for i := range int64(3) {
			if i == 0 && v < version {
				continue
			}
			c := locker.Code{ID: fmt.Sprintf("c-%d-%d", v, i), Kind: locker.Collect, SKU: sku}
			if i == 2 {
				c.SKU, c.Door = "", doorAt(int(v)%doors+1)
			}
			c.Tag = locker.TagOf(bankName, c.ID)
			out = append(out, c)
		}
	}
	return out
}

func downDigest(version int64) *locker.Digest {
	d := &locker.Digest{}
	for _, c := range downCodes(version) {
		d.Toggle(c.DigestPart())
	}
	return d
}

// downDelta goes from a version to the next.
func downDelta(from int64) *bank.Delta {
	d := &bank.Delta{Set: downSet, Epoch: 1, From: from, To: from + 1, Digest: downDigest(from + 1)}
	for _, c := range downCodes(from + 1)[len(downCodes(from+1))-3:] {
		d.Ops = append(d.Ops, locker.CodeChange{Set: downSet, Put: &c})
	}
	if from > 0 {
		d.Ops = append(d.Ops, locker.CodeChange{Set: downSet, Drop: fmt.Sprintf("c-%d-0", from)})
	}
	return d
}

func downCommand(n int, nonce string, now locker.Time) locker.Command {
	return locker.Command{
		ID: fmt.Sprintf("x-%d", n), Type: locker.CmdOpen, Args: locker.CommandArgs{Door: doorAt(n%doors + 1)},
		IAT: now, EXP: now.Add(20 * time.Second), Counter: int64(n), Nonce: nonce,
	}
}

// storedCommands is what is stored of commands.
type storedCommands struct {
	Counter int64
	Pending []struct{ ID string }
	Replies []locker.Reply
}

func commandsIn(st *store.Store) (c storedCommands, err error) {
	v, ok, err := st.Value(locker.ValueCommand)
	if err != nil || !ok {
		return c, err
	}
	return c, json.Unmarshal(v, &c)
}

// run records deltas and commands in turn.
func (r *downRun) run() (err error) {
	st, err := store.Open(context.Background(), r.rec.Dir(), storeOptions())
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	f := newBus(func(what string, _ locker.DoorID) {
		if what == didPulse {
			r.note(what, func(f *downFact) { f.pulses++ })
		}
	}, func() time.Duration { return 100 * time.Millisecond })
	s, err := start(siteConfig(true), st, f, 0)
	if err != nil {
		return err
	}
	defer func() {
		if herr := s.halt(); err == nil {
			err = herr
		}
	}()
	if err := r.snapshot(s, st); err != nil {
		return err
	}
	born, err := s.bank.Connect(context.Background())
	if err != nil {
		return err
	}
	for n := 1; n <= downSteps; n++ {
		if err := r.step(s, st, n, born.Nonce); err != nil {
			return err
		}
	}
	return nil
}

// snapshot brings the set to version 1.
func (r *downRun) snapshot(s *site, st *store.Store) error {
	r.note("snapshot", func(f *downFact) { f.begun = 1 })
	l, err := st.LoadSnapshot(downSet)
	if err != nil {
		return err
	}
	if err := l.Add(downCodes(1)); err != nil {
		return err
	}
	if _, err := l.Seal(); err != nil {
		return err
	}
	snap := &bank.Snapshot{Set: downSet, Epoch: 1, To: 1, Records: l.Size(), Load: l}
	for _, c := range downCodes(1) {
		if claim, ok := bank.ClaimOf(downSet, &c); ok {
			snap.Claims = append(snap.Claims, claim)
		}
	}
	v, err := s.bank.Switch(context.Background(), snap)
	if err != nil || v != (bank.Verdict{}) {
		return fmt.Errorf("the snapshot: %+v %w", v, err)
	}
	r.note("switched", func(f *downFact) { f.version = 1 })
	return nil
}

func (r *downRun) step(s *site, st *store.Store, n int, nonce string) error {
	from := int64(n)
	r.note("delta", func(f *downFact) { f.begun = from + 1 })
	v, err := s.bank.ApplyDelta(context.Background(), downDelta(from))
	if err != nil || v != (bank.Verdict{}) {
		return fmt.Errorf("delta from %d: %+v %w", from, v, err)
	}
	r.note("applied", func(f *downFact) { f.version = from + 1 })
	if _, err := s.bank.Execute(context.Background(), downCommand(n, nonce, locker.TimeOf(time.Now()))); err != nil {
		return err
	}
	for range 2000 {
		c, err := commandsIn(st)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(c.Replies, func(p locker.Reply) bool { return p.ID == fmt.Sprintf("x-%d", n) }); i >= 0 {
			if c.Replies[i].Status != locker.ReplyDone {
				return fmt.Errorf("command %d: %+v", n, c.Replies[i])
			}
			r.note("done", func(f *downFact) { f.done = n })
			time.Sleep(time.Second) // the door is shut again
			return nil
		}
		time.Sleep(step)
	}
	return fmt.Errorf("command %d is not answered", n)
}

// judge starts a bank on an image: a delta is in it whole or not at all, no pulse
// without a receipt, and what was received is never done again.
func (r *downRun) judge(dir string, im storetest.Image) (err error) {
	synctest.Test(r.t, func(*testing.T) { err = r.trial(dir, im) })
	return err
}

func (r *downRun) trial(dir string, im storetest.Image) (err error) {
	var was downFact
	for _, f := range r.facts {
		if f.at < im.At {
			was = f
		}
	}
	st, err := store.Open(context.Background(), dir, storeOptions())
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	info := st.Set(downSet)
	if info.Version < was.version || info.Version > was.begun {
		return fmt.Errorf("the set has version %d, the backend was told %d and sent %d", info.Version, was.version, was.begun)
	}
	if want := downCodes(info.Version); info.Count != len(want) || info.Digest != *downDigest(info.Version) {
		return fmt.Errorf("version %d of the set is not whole: %+v", info.Version, info)
	}
	if err := named(st, info.Version); err != nil {
		return err
	}
	had, err := commandsIn(st)
	if err != nil {
		return err
	}
	if had.Counter < int64(was.pulses) {
		return fmt.Errorf("%d pulses were seen, the last receipt is of command %d", was.pulses, had.Counter)
	}
	return r.restart(st, &had, was)
}

// named: the doors are claimed by exactly the codes of the version.
func named(st *store.Store, version int64) error {
	want := map[locker.DoorID]int{}
	for _, c := range downCodes(version) {
		if !c.Door.IsZero() {
			want[c.Door]++
		}
	}
	recs, err := st.Doors()
	if err != nil {
		return err
	}
	for _, d := range recs {
		if len(d.Named) != want[d.Door] {
			return fmt.Errorf("%d codes name door %s at version %d, want %d", len(d.Named), d.Door, version, want[d.Door])
		}
		delete(want, d.Door)
	}
	if len(want) > 0 {
		return fmt.Errorf("version %d: no claims at %v", version, want)
	}
	return nil
}

func (r *downRun) restart(st *store.Store, had *storedCommands, was downFact) error {
	pulses := 0
	var mu sync.Mutex
	f := newBus(func(what string, _ locker.DoorID) {
		if mu.Lock(); what == didPulse || what == didJam {
			pulses++
		}
		mu.Unlock()
	}, func() time.Duration { return 0 })
	s, err := start(siteConfig(false), st, f, time.Hour)
	if err != nil {
		return err
	}
	defer func() { _ = s.halt() }() // its errors are the other proofs'
	born, err := s.bank.Connect(context.Background())
	if err != nil {
		return err
	}
	for n := 1; n <= int(had.Counter); n++ {
		c := downCommand(n, born.Nonce, locker.TimeOf(time.Now().Add(time.Hour)))
		if _, err := s.bank.Execute(context.Background(), c); err != nil {
			return err
		}
	}
	time.Sleep(10 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	if pulses > 0 {
		return fmt.Errorf("%d pulses for commands that had been received", pulses)
	}
	has, err := commandsIn(st)
	if err != nil {
		return err
	}
	if len(has.Pending) > 0 {
		return fmt.Errorf("commands wait for ever: %+v", has.Pending)
	}
	for n := 1; n <= int(had.Counter); n++ {
		i := slices.IndexFunc(has.Replies, func(p locker.Reply) bool { return p.ID == fmt.Sprintf("x-%d", n) })
		if i < 0 {
			return fmt.Errorf("command %d has no answer", n)
		}
		if s := has.Replies[i].Status; s != locker.ReplyDone && (n <= was.done || s != locker.ReplyUnknown) {
			return fmt.Errorf("command %d is answered %s", n, s)
		}
	}
	return nil
}

// TestPowerCutsDown cuts the power while deltas and commands come down.
func TestPowerCutsDown(t *testing.T) {
	rng, _ := seeded(t)
	r := &downRun{t: t, rec: storetest.Mount(t)}
	var err error
	synctest.Test(t, func(*testing.T) { err = r.run() })
	if err != nil {
		t.Fatal(err)
	}
	log := r.rec.Log()
	most := downImages / raced
	n := storetest.Each(t, log.Images(rand.New(rand.NewPCG(rng.Uint64(), 2)), min(most, size(t, envImages, most, most))), r.judge)
	t.Logf("%d images of %d operations, %d facts", n, log.Len(), len(r.facts))
}
