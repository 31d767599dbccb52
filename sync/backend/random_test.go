package backend

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

// world is a rig under a network that loses, duplicates and reorders, with both ends
// failing at will.
type world struct {
	*rig
	rt       *rapid.T
	names    []string
	backup   *Memory
	restored bool
	boards   int
	ids      map[string][]string
	shelf    map[string][]*banktest.Bank // boards that were replaced
	back     map[string]bool             // journals of those that were put back
}

// shake delivers some packets, not all of them, not once, not in order.
func (w *world) shake() {
	w.drain()
	for range rapid.IntRange(0, 8).Draw(w.rt, "deliveries") {
		w.one(&w.up, w.deliverUp)
		w.one(&w.down, w.deliverDown)
	}
}

func (w *world) one(queue *[]packet, deliver func(packet)) {
	if len(*queue) == 0 {
		return
	}
	i := 0
	if rapid.IntRange(0, 3).Draw(w.rt, "order") == 0 {
		i = rapid.IntRange(0, min(len(*queue)-1, 5)).Draw(w.rt, "at")
	}
	p := (*queue)[i]
	fate := rapid.IntRange(0, 9).Draw(w.rt, "fate")
	if fate != 0 { // 0: duplicated
		*queue = slices.Delete(*queue, i, i+1)
	}
	if fate != 1 { // 1: lost
		deliver(p)
	}
}

func (w *world) pick() (string, *banktest.Bank) {
	n := rapid.SampledFrom(w.names).Draw(w.rt, "bank")
	return n, w.banks[n]
}

func (w *world) act() {
	name, b := w.pick()
	switch rapid.IntRange(0, 13).Draw(w.rt, "act") {
	case 0:
		b.Connect(w.at())
	case 1:
		b.Online = false
		w.say(name, wire.TopicState, b.Will(), true)
	case 2, 3:
		n := rapid.SampledFrom([]int{1, 3, 60}).Draw(w.rt, "codes")
		for _, c := range w.issue(name, rapid.SampledFrom([]string{"*", "acme"}).Draw(w.rt, "set"), n) {
			w.ids[name] = append(w.ids[name], c.Code.ID)
		}
	case 4:
		w.revoke(name)
	case 5, 6:
		emit(w.rig, b, rapid.IntRange(1, 80).Draw(w.rt, "events"))
		b.Send(w.at())
	case 7:
		b.Again(w.at())
	case 8:
		w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(w.rt, "time"))
		if err := w.be.update(func(t *txn) (map[string]*bank, error) { return t.tick(), nil }); err != nil {
			w.rt.Fatal(err)
		}
	case 9:
		_, _ = w.be.Give(name, openDoor)
	case 10:
		if _, err := w.be.SetDesired(name, locker.Desired{CacheMaxAge: locker.Duration(w.now.UnixNano())}); err != nil {
			w.rt.Fatal(err)
		}
	case 11:
		w.restart()
	case 12:
		w.replaceBoard(name)
	case 13:
		b.Ask("acme")
	}
}

func (w *world) revoke(name string) {
	ids := append([]string{"t-0011223344556677"}, w.ids[name]...)
	id := rapid.SampledFrom(ids).Draw(w.rt, "id")
	if err := w.be.Revoke(context.Background(), name, rapid.SampledFrom([]string{"*", "acme"}).Draw(w.rt, "set"), id); err != nil {
		w.rt.Fatal(err)
	}
}

// restart loses all that was on the way; sometimes the store is an old one.
func (w *world) restart() {
	memory, _ := w.store.(*Memory)
	switch {
	case w.backup != nil && rapid.IntRange(0, 3).Draw(w.rt, "restore") == 0:
		w.store, w.backup, w.restored = w.backup, nil, true
	case w.backup == nil:
		w.backup = memory.Clone()
	}
	w.start()
	if rapid.IntRange(0, 2).Draw(w.rt, "nothing retained") == 0 {
		w.up = nil
	}
}

func (w *world) replaceBoard(name string) {
	if len(w.shelf[name]) == 0 && rapid.IntRange(0, 4).Draw(w.rt, "board") > 0 {
		return
	}
	old := w.banks[name]
	if shelf := w.shelf[name]; len(shelf) > 0 && rapid.Bool().Draw(w.rt, "old") {
		w.banks[name] = shelf[0]
		w.shelf[name], w.back[shelf[0].Journal] = append(shelf[1:], old), true
		return
	}
	w.shelf[name] = append(w.shelf[name], old)
	w.boards++ // no two have one journal
	w.bank(name, fmt.Sprintf("j-%d-%s-%d", rapid.IntRange(0, 9).Draw(w.rt, "journal"), name, w.boards))
	delete(w.retained, name+"/state")
}

// TestConverges: whatever happened, once the network is quiet the bank holds what the
// backend means it to, and every event is stored, once and in order.
func TestConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{rig: newRig(t), rt: rt, names: []string{"ber-001", "lon-042"}, ids: map[string][]string{}, shelf: map[string][]*banktest.Bank{}, back: map[string]bool{}}
		w.rand, w.store = mrand.NewChaCha8([32]byte{}), NewMemory()
		w.start()
		for _, n := range w.names {
			w.bank(n, "j-"+n)
		}
		for range rapid.IntRange(5, 60).Draw(rt, "acts") {
			w.act()
			w.shake()
		}
		w.quiet()
		if why := w.difference(w.names...); why != "" {
			for _, n := range w.names {
				st, _ := w.be.Bank(n)
				rt.Logf("%s: findings %v, refusals %+v, due %v", n, st.Findings, w.banks[n].Refusals, w.be.core.due)
			}
			rt.Fatal(why)
		}
		w.checkEvents()
		w.checkOpenings()
	})
}

// quiet lets the network be good for an hour. Who is on the line is not born anew: the
// backend asks for births that it has missed.
func (w *world) quiet() {
	w.settle()
	for _, n := range w.names {
		if !w.retainedBirth(n) {
			w.connect(n)
		}
	}
	for range 4 {
		for range 5 {
			w.pass(3 * time.Minute)
			w.look()
		}
		for _, n := range w.names {
			w.banks[n].Again(w.at())
		}
		w.settle()
	}
}

// retainedBirth tells whether a bank is on, and what the broker holds is its birth.
func (w *world) retainedBirth(name string) bool {
	b := w.banks[name]
	s, err := wire.DecodeState(w.retained[name+"/state"].payload)
	return err == nil && b.Online && s.Status == wire.Online && s.Journal.ID == b.Journal && s.Boot == b.Boot && s.Conn == b.Conn
}

// look asks for what is retained if the backend would.
func (w *world) look() {
	if !w.be.birthless() {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(w.retained)) {
		w.up = append(w.up, w.retained[k])
	}
	w.settle()
}

func (w *world) checkEvents() {
	for _, name := range w.names {
		b := w.banks[name]
		var list []Event
		for _, e := range w.events(name) {
			if e.Journal == b.Journal {
				list = append(list, e)
			}
		}
		if w.back[b.Journal] { // its last words before it was replaced may have come ahead
			slices.SortFunc(list, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
		}
		for i, e := range list {
			if e.Seq != uint64(i+1) || string(e.Raw) != string(b.Events[i]) || e.Flag != FlagNone {
				w.rt.Fatalf("%s: event %d %q, want %d", name, e.Seq, e.Flag, i+1)
			}
		}
	}
}

// checkOpenings: no command was carried out twice.
func (w *world) checkOpenings() {
	for _, name := range slices.Sorted(maps.Keys(w.banks)) {
		seen := map[string]bool{}
		for _, c := range w.banks[name].Done {
			id := c.ID
			if base := id[:min(len(id), 18)]; seen[base] {
				w.rt.Fatalf("%s carried out %s twice", name, id)
			} else {
				seen[base] = true
			}
		}
	}
}
