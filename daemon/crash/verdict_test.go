package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store"
)

// verdict is what a child has to say of a damaged directory.
type verdict struct {
	Bad      []string // what must not be
	Accepted int      // unused codes that opened their door
	Refused  int      // unused codes that did not
	Noticed  string   // what the store has said
}

// TestRotten is the child of TestBitRot. It prints its verdict.
func TestRotten(t *testing.T) {
	dir := os.Getenv(envRot)
	if dir == "" {
		t.Skip("runs as a child of TestBitRot only")
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "before.json"))
	if err != nil {
		t.Fatal(err)
	}
	b := &before{}
	if err := json.Unmarshal(text, b); err != nil {
		t.Fatal(err)
	}
	var v verdict
	synctest.Test(t, func(t *testing.T) { v = b.judge(t, dir) })
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s%s\n", verdictMark, out)
}

const verdictMark = "verdict: "

// judge starts a bank on damaged data, an hour later.
func (b *before) judge(t *testing.T, dir string) (v verdict) {
	t.Helper()
	o := rotOptions()
	o.Check = store.InChild(executable(t), "_check-store")
	st, err := store.Open(context.Background(), dir, o)
	if err != nil {
		t.Fatalf("cannot start: %v", err)
	}
	r := st.Report()
	v.Noticed = strings.Join(noticed(r), ", ")
	b.history(&v, st)
	b.records(&v, st)
	f := newBus(func(string, locker.DoorID) {}, func() time.Duration { return 200 * time.Millisecond })
	s, err := start(siteConfig(false), st, f, b.By)
	if err != nil {
		t.Fatalf("cannot start: %v", err)
	}
	b.scans(&v, s, st)
	if err := s.halt(); err != nil {
		t.Fatalf("cannot go on: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Logf("cannot stop in order: %v", err)
	}
	return v
}

func noticed(r store.Report) (out []string) {
	if len(r.Repaired) > 0 {
		out = append(out, "repaired")
	}
	if r.Rebuilt != "" {
		out = append(out, "rebuilt")
	}
	if r.NewJournal != "" {
		out = append(out, "new journal")
	}
	if len(r.LostSets) > 0 {
		out = append(out, "lost set")
	}
	return out
}

func (v *verdict) bad(format string, args ...any) {
	v.Bad = append(v.Bad, fmt.Sprintf(format, args...))
}

// history: a journal is whole and verifies, or it is a new one.
func (b *before) history(v *verdict, st *store.Store) {
	if st.JournalID() != b.Journal {
		if st.Report().NewJournal == "" {
			v.bad("the journal was replaced and nobody says why")
		}
		return
	}
	res, err := st.Verify(context.Background())
	if err != nil || !res.OK {
		v.bad("the chain does not verify: %s %v", res.Text, err)
	}
	lines, err := st.Events(1, mostEvents)
	if more := len(lines) - len(b.Lines); err != nil || more < 0 || more > 0 && os.Getenv(envAgain) == "" {
		v.bad("%d events are there, want %d: %v", len(lines), len(b.Lines), err)
		return
	}
	for i, l := range b.Lines {
		if string(lines[i]) != l {
			v.bad("event %q was %q", lines[i], l)
			return
		}
	}
}

// records: every record that is served is the one that was stored.
func (b *before) records(v *verdict, st *store.Store) {
	for _, k := range b.Codes {
		e, ok, err := st.Lookup(k.Code.Tag)
		if err != nil || !ok {
			continue // fails closed
		}
		c := &e.Code
		if e.Set != k.Set || c.ID != k.Code.ID || c.Door != k.Code.Door || c.Kind != k.Code.Kind || c.Ref != k.Code.Ref || c.MaxUses() != 1 {
			v.bad("code %s is served as %+v", k.Code.ID, e)
		}
		if k.Set == rotTenant && *c != k.Code {
			v.bad("code %s is served as %+v", k.Code.ID, e)
		}
	}
}

// scans presents all codes that must open nothing, and some that should.
func (b *before) scans(v *verdict, s *site, st *store.Store) {
	if p := s.bus.take(); len(p) > 0 {
		v.bad("%v were pulsed by themselves", p)
	}
	time.Sleep(2 * time.Second)
	b.items(v, s, st)
	fresh := 0
	for i, k := range b.Codes {
		if k.State == isFresh {
			if fresh++; fresh%(rotLoaded/rotScanned) != 0 && k.Set == rotTenant {
				continue
			}
		}
		if k.State == isExpired && i%7 != 0 {
			continue
		}
		b.present(v, s, st, k)
	}
}

func (b *before) present(v *verdict, s *site, st *store.Store, k *kept) {
	s.scan(scanners[len(k.Text)%len(scanners)], k.Text)
	time.Sleep(900 * time.Millisecond)
	p := s.bus.take()
	switch {
	case k.State == isFresh && len(p) == 1 && p[0] == k.Code.Door:
		v.Accepted++
		b.acceptance(v, st, k)
	case k.State == isFresh && len(p) == 0:
		v.Refused++
	case k.State == isUncertain && (len(p) == 0 || len(p) == 1 && p[0] == k.Door):
	case len(p) > 0:
		v.bad("%s code %s of door %s has pulsed %v", k.State, k.Code.ID, k.Code.Door, p)
	}
}

// acceptance: what the journal says of an opening is true.
func (b *before) acceptance(v *verdict, st *store.Store, k *kept) {
	lines, err := st.Events(st.Next()-min(st.Next(), 12), mostEvents)
	if err != nil {
		v.bad("cannot read the journal: %v", err)
		return
	}
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			v.bad("cannot read event %q: %v", l, err)
			return
		}
		if e.Type == locker.EvCodeAccepted && e.Code == k.Code.ID && e.Set == k.Set && e.Door == k.Code.Door && e.Kind == k.Code.Kind && e.Ref == k.Code.Ref {
			return
		}
	}
	v.bad("no event tells that code %s was accepted", k.Code.ID)
}

// items: what lies behind a door is what lay there, or in doubt if the journal
// is a new one.
func (b *before) items(v *verdict, s *site, st *store.Store) {
	all, err := s.bank.Doors(context.Background())
	if err != nil {
		v.bad("cannot read the doors: %v", err)
		return
	}
	for _, d := range all {
		want := b.Items[d.ID.String()]
		switch {
		case d.Item == nil && (want == nil || st.JournalID() != b.Journal):
		case d.Item != nil && want != nil && d.Item.Condition == locker.Uncertain && d.Item.Serial == want.Serial && d.Item.Tenant == want.Tenant:
		case d.Item == nil || want == nil || *d.Item != *want:
			v.bad("behind door %s lies %+v, and lay %+v", d.ID, d.Item, want)
		}
	}
}
