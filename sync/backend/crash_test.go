package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

// What becomes of a commit, and of the process with it.
const (
	fateGood   = iota
	fateFull   // nothing is on disk; the process goes on
	fateUnsure // it is on disk, and the store says that it failed
	fateBefore // the process is killed, nothing is on disk
	fateAfter  // the process is killed before anything of it was sent
)

var (
	errDisk = errors.New("input/output error")
	errKill = errors.New("killed")
)

// mortal is a store whose commits, and whose process, end as fate says.
type mortal struct {
	*Memory
	fate func() int
}

func (m *mortal) Update(change func(Tx) error) error {
	fate := m.fate()
	err := m.Memory.Update(func(tx Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if fate == fateFull || fate == fateBefore {
			return errDisk
		}
		return nil
	})
	switch {
	case fate == fateBefore, fate == fateAfter:
		panic(errKill)
	case fate == fateUnsure && err == nil:
		return errDisk
	}
	return err
}

// mortals is a rig whose backend dies between, in and after commits, and a ledger of all
// that it has ever said.
type mortals struct {
	*rig
	rt      *rapid.T
	sick    bool
	said    map[string]string // what a number was given to: it is never given to anything else
	issued  map[string]bool   // set and id of what Issue returned
	revoked map[string]bool   // and of what Revoke has taken
	desired int64             // the last that SetDesired returned
	shelf   []*banktest.Bank
}

const mortalBank = "lon-042"

func newMortals(t *testing.T, rt *rapid.T) *mortals {
	t.Helper()
	w := &mortals{rig: newRig(t), rt: rt, said: map[string]string{}, issued: map[string]bool{}, revoked: map[string]bool{}}
	w.rand = mrand.NewChaCha8([32]byte{})
	w.store = &mortal{NewMemory(), func() int {
		if !w.sick {
			return fateGood
		}
		return max(0, rapid.IntRange(-12, fateAfter).Draw(rt, "fate"))
	}}
	w.seen = w.note
	w.start()
	w.bank(mortalBank, "j-0")
	return w
}

// live does something with the backend, and begins again where that ended it.
func (w *mortals) live(do func() error) bool {
	var err error
	killed := func() (killed bool) {
		defer func() {
			if r := recover(); r != nil {
				if r != any(errKill) {
					panic(r)
				}
				killed = true
			}
		}()
		err = do()
		return false
	}()
	refused := (*RefusedError)(nil)
	switch {
	case killed:
		w.healthy(w.start)
	case errors.As(err, &refused):
	case err != nil:
		w.drain()
	}
	return !killed && err == nil
}

func (w *mortals) healthy(do func()) {
	sick := w.sick
	w.sick = false
	do()
	w.sick = sick
}

// note checks a message that goes down against all those before it.
func (w *mortals) note(p packet) {
	b := w.banks[p.bank]
	m, _, refusal := w.trust.Open(wire.Expect{Bank: p.bank, Journal: b.Journal}, p.topic, p.payload, false)
	if refusal != nil { // of the board before
		return
	}
	switch m := m.(type) {
	case *wire.Ack:
		w.mustHave(b.Journal, m.UpTo)
	case *wire.Codes:
		w.once(fmt.Sprintf("%s set %s at %d/%d", b.Journal, m.Set, m.Epoch, m.To), m.Digest)
		for _, c := range m.Put {
			w.mustLive(m.Set, c.ID)
		}
		for _, op := range m.Ops {
			if op.Put != nil {
				w.mustLive(m.Set, op.Put.ID)
			}
		}
	case *wire.Desired:
		w.once(fmt.Sprintf("document %d", m.Version), m.Doc)
	case *wire.Command:
		w.once(fmt.Sprintf("%s counter %d", b.Journal, m.Counter), fmt.Sprint(m.ID, w.sentDown))
		w.once("command "+m.ID, []any{m.Type, m.Args, m.IAT, m.EXP})
	}
}

func (w *mortals) once(what string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		w.rt.Fatal(err)
	}
	if old, known := w.said[what]; known && old != string(raw) {
		w.rt.Fatalf("%s was %s, and is %s now", what, old, raw)
	}
	w.said[what] = string(raw)
}

func (w *mortals) mustHave(journal string, upto uint64) {
	err := w.store.View(func(r Reader) error {
		for seq := uint64(1); seq <= upto; seq++ {
			if v, err := r.Get(eventKey(mortalBank, journal, seq, 0)); v == nil || err != nil {
				return fmt.Errorf("%d is acknowledged, and %d is not on disk: %w", upto, seq, err)
			}
		}
		return nil
	})
	if err != nil {
		w.rt.Fatal(err)
	}
}

func (w *mortals) mustLive(set, id string) {
	if w.revoked[set+" "+id] {
		w.rt.Fatalf("%s of set %s is revoked, and was sent as live", id, set)
	}
}

func (w *mortals) act() {
	b := w.banks[mortalBank]
	set := rapid.SampledFrom([]string{"*", "acme"}).Draw(w.rt, "set")
	switch rapid.IntRange(0, 13).Draw(w.rt, "act") {
	case 0:
		b.Connect(w.at())
	case 1, 2:
		w.give(set, rapid.SampledFrom([]int{1, 3, 60}).Draw(w.rt, "codes"))
	case 3, 4:
		w.revoke(set)
	case 5, 6:
		emit(w.rig, b, rapid.IntRange(1, 80).Draw(w.rt, "events"))
		b.Send(w.at())
	case 7:
		b.Again(w.at())
	case 8, 12:
		w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour}).Draw(w.rt, "time"))
		w.live(func() error {
			return w.be.update(func(t *txn) (map[string]*bank, error) { return t.tick(), nil })
		})
	case 9, 13:
		w.live(func() error { _, err := w.be.Give(mortalBank, openDoor); return err })
	case 10:
		w.live(func() error {
			v, err := w.be.SetDesired(mortalBank, locker.Desired{CacheMaxAge: locker.Duration(w.now.UnixNano() + int64(len(w.said)))})
			if err != nil {
				return err // what was not stored was not sent: its number is free
			}
			if v <= w.desired {
				w.rt.Fatalf("document %d after %d", v, w.desired)
			}
			w.desired = v
			return nil
		})
	case 11:
		w.replaceBoard()
	}
}

func (w *mortals) give(set string, n int) {
	codes := make([]locker.Code, n)
	for i := range codes {
		codes[i] = locker.Code{Kind: locker.Collect, SKU: "laptop-14", NotAfter: w.at().Add(48 * time.Hour)}
	}
	var list []Issued
	if w.live(func() (err error) { list, err = w.be.Issue(w.t.Context(), mortalBank, set, codes...); return err }) {
		for _, c := range list {
			if w.issued["* "+c.Code.ID] || w.issued["acme "+c.Code.ID] {
				w.rt.Fatalf("%s was issued twice", c.Code.ID)
			}
			w.issued[set+" "+c.Code.ID] = true
		}
	}
}

func (w *mortals) revoke(set string) {
	ids := []string{set + " t-0011223344556677"}
	for id := range w.issued {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id := rapid.SampledFrom(ids).Draw(w.rt, "id")
	var name, code string
	if _, err := fmt.Sscan(id, &name, &code); err != nil {
		w.rt.Fatal(err)
	}
	if w.live(func() error { return w.be.Revoke(w.t.Context(), mortalBank, name, code) }) {
		w.revoked[id] = true
	}
}

func (w *mortals) replaceBoard() {
	if rapid.IntRange(0, 3).Draw(w.rt, "board") > 0 {
		return
	}
	w.shelf = append(w.shelf, w.banks[mortalBank])
	w.bank(mortalBank, fmt.Sprintf("j-%d", len(w.shelf)))
}

// shake moves some messages. The process may be killed between the commit and the first
// of them, or the next.
func (w *mortals) shake() {
	w.drain()
	for range rapid.IntRange(0, 8).Draw(w.rt, "deliveries") {
		if len(w.up) > 0 {
			p := w.up[0]
			w.up = w.up[1:]
			w.live(func() error { return w.be.takeGroup(w.message(p)) })
			w.drain()
		}
		if len(w.down) > 0 {
			p := w.down[0]
			w.down = w.down[1:]
			w.deliverDown(p)
		}
	}
}

// drain sends what is queued, also of a connection that a failure has ended.
func (w *mortals) drain() {
	for {
		select {
		case e, open := <-w.out:
			if !open {
				w.link()
				continue
			}
			if err := w.be.publishOne(w.t.Context(), w.rig, &e); err != nil {
				w.rt.Fatal(err)
			}
		default:
			return
		}
	}
}

// TestCrashes: whenever the process or its disk fails, nothing is acknowledged that is not
// on disk, no number is given twice, what Issue returned is there and what Revoke has
// taken stays revoked, at the next board, too.
func TestCrashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newMortals(t, rt)
		w.sick = true
		for range rapid.IntRange(5, 50).Draw(rt, "acts") {
			w.act()
			w.shake()
		}
		w.sick = false
		w.start()
		w.settle()
		w.connect(mortalBank)
		for range 4 {
			w.pass(15 * time.Minute)
			w.banks[mortalBank].Again(w.at())
			w.settle()
		}
		if why := w.difference(mortalBank); why != "" {
			rt.Fatal(why)
		}
		w.checkCodes()
		w.checkEvents()
	})
}

func (w *mortals) checkCodes() {
	known := map[string]string{}
	for _, set := range []string{"*", "acme"} {
		if err := w.be.Codes(mortalBank, set, func(c *CodeStatus) bool { known[set+" "+c.Code.ID] = c.State; return true }); err != nil {
			w.rt.Fatal(err)
		}
	}
	for id := range w.issued {
		if known[id] != StateLive && known[id] != StateRevoked {
			w.rt.Fatalf("%s was issued and is %q", id, known[id])
		}
	}
	sets := w.banks[mortalBank].Sets
	for id := range w.revoked {
		var set, code string
		if _, err := fmt.Sscan(id, &set, &code); err != nil {
			w.rt.Fatal(err)
		}
		if known[id] != StateRevoked || sets[set] == nil || !sets[set].Revoked[code] {
			w.rt.Fatalf("%s was revoked, is %q here, and not revoked at the bank", id, known[id])
		}
	}
}

func (w *mortals) checkEvents() {
	b := w.banks[mortalBank]
	next := 0
	for _, e := range w.events(mortalBank) {
		if e.Journal == b.Journal {
			if e.Seq != uint64(next+1) || !bytes.Equal(e.Raw, b.Events[next]) || e.Flag != FlagNone {
				w.rt.Fatalf("event %d %q, want %d", e.Seq, e.Flag, next+1)
			}
			next++
		}
	}
	if next != len(b.Events) {
		w.rt.Fatalf("%d events of %d", next, len(b.Events))
	}
}
