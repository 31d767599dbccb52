package crash

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
)

// envRot has the test binary judge one damaged data directory: its path.
const envRot = "LOCKERD_CRASH_ROT"

// envAgain says that a child has died on that directory before: it may have told
// of more.
const envAgain = "LOCKERD_CRASH_AGAIN"

// Sizes of the data that rots.
const (
	rotTenant  = "acme"
	rotLoaded  = 3000 // codes of the tenant's set
	rotLocal   = 40   // codes issued at the bank
	rotUsed    = 30   // used ones of each set
	rotScanned = 24   // unused ones scanned at each damaged bank
)

// States of a code at the moment at which its data began to rot.
const (
	isFresh     = "fresh"
	isUsed      = "used"
	isRevoked   = "revoked"
	isExpired   = "expired"
	isUncertain = "uncertain" // may open its door once more
)

// kept is one code as it was before.
type kept struct {
	Text  string
	Set   string
	State string
	Door  locker.DoorID // where it was opened, or is uncertain
	Code  locker.Code
}

// before is all that the judge of a damaged directory must know.
type before struct {
	By      time.Duration
	Journal string
	Lines   []string
	Items   map[string]*locker.Item
	Codes   []*kept
}

func rotOptions() store.Options {
	return store.Options{JournalBytes: 64 << 10, SegmentBytes: 16 << 10, ApplyDelay: time.Second}
}

// sound fills dir with the data of a bank that has been running for a while and
// has lost its power, and returns what there is in it.
func sound(t *testing.T, dir string) *before {
	t.Helper()
	var b *before
	synctest.Test(t, func(t *testing.T) {
		work := t.TempDir()
		st, err := store.Open(t.Context(), work, rotOptions())
		if err != nil {
			t.Fatal(err)
		}
		f := newBus(func(string, locker.DoorID) {}, func() time.Duration { return 200 * time.Millisecond })
		b = &before{Journal: st.JournalID(), Items: map[string]*locker.Item{}}
		b.load(t, st)
		s, err := start(siteConfig(true), st, f, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.live(t, s, st)
		b.note(t, s, st)
		if err := os.CopyFS(dir, os.DirFS(work)); err != nil {
			t.Fatal(err)
		}
		if err := s.halt(); err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return b
}

// load brings a tenant's set, as a snapshot from above does.
func (b *before) load(t *testing.T, st *store.Store) {
	t.Helper()
	l, err := st.LoadSnapshot(rotTenant)
	if err != nil {
		t.Fatal(err)
	}
	now := locker.TimeOf(time.Now())
	for i := range rotLoaded {
		k := &kept{Text: fmt.Sprintf("acme-text-%06d", i), Set: rotTenant, State: isFresh}
		k.Code = locker.Code{
			ID: fmt.Sprintf("c-%06d", i), Tag: locker.TagOf(bankName, k.Text), Rev: int64(i), Kind: locker.Collect,
			Ref: fmt.Sprintf("REQ%07d", i), Door: doorAt(1 + i%doors), NotBefore: now, NotAfter: now.Add(48 * time.Hour), Name: "A. Lovelace",
		}
		if i%rotScanned == 1 {
			k.State, k.Code.NotAfter = isExpired, now.Add(30*time.Minute)
		}
		b.Codes = append(b.Codes, k)
		if err := l.Add([]locker.Code{k.Code}); err != nil {
			t.Fatal(err)
		}
	}
	c := &locker.Commit{Events: []locker.Event{{At: now, Clock: locker.ClockSynced, Boot: 1, Type: locker.EvCodesApplied, Set: rotTenant}}}
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: 1, Confirmed: now}, c); err != nil {
		t.Fatal(err)
	}
}

// live uses codes, revokes some, and leaves one opening uncertain and one
// without an outcome.
func (b *before) live(t *testing.T, s *site, st *store.Store) {
	t.Helper()
	use := func(k *kept) {
		s.scan("front", k.Text)
		time.Sleep(900 * time.Millisecond)
		if p := s.bus.take(); len(p) != 1 {
			t.Fatalf("code %s has pulsed %v", k.Code.ID, p)
		} else {
			k.State, k.Door = isUsed, p[0]
		}
	}
	b.fill(t, s)
	local := b.issue(t, s)
	for i := range rotUsed {
		use(b.Codes[2*i*rotScanned])
	}
	st.Acked(st.Next()-20, time.Now())
	for _, k := range local[:rotUsed/2] {
		use(k)
	}
	for _, k := range local[rotUsed/2 : rotUsed/2+8] {
		k.State = isRevoked
		if err := s.bank.RevokeCode(t.Context(), k.Code.ID, "test"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second) // all this is brought into bbolt
	for _, k := range local[rotUsed/2+8 : rotUsed/2+11] {
		use(k)
	}
	b.fill(t, s)
	for i, k := range local[rotUsed/2+11 : rotUsed/2+13] {
		s.bus.edit(func() { s.bus.muted, s.bus.doors[k.Code.Door].jams = 1-i, 9 })
		s.scan("side", k.Text)
		time.Sleep(2500 * time.Millisecond / time.Duration(1+5*i)) // the second one's outcome is still awaited
		k.State, k.Door = isUncertain, k.Code.Door
	}
}

func (b *before) fill(t *testing.T, s *site) {
	t.Helper()
	for n := 1; n <= doors; n++ {
		it := &locker.Item{Tenant: rotTenant, SKU: sku, Serial: fmt.Sprintf("SN-%04d", n)}
		if err := s.bank.SetStock(t.Context(), doorAt(n), it, "test"); err != nil {
			t.Fatal(err)
		}
	}
}

// issue issues the codes of the set local.
func (b *before) issue(t *testing.T, s *site) []*kept {
	t.Helper()
	var out []*kept
	for i := range rotLocal {
		c, err := s.bank.NewCode(t.Context(), bank.NewCode{Kind: locker.Collect, Door: doorAt(1 + i%doors), TTL: 48 * time.Hour, Ref: fmt.Sprintf("L%d", i)}, "test")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &kept{Text: c.Text, Set: locker.SetLocal, State: isFresh, Code: locker.Code{ID: c.ID, Tag: c.Tag}})
	}
	b.Codes = append(b.Codes, out...)
	b.complete(t, s, out)
	return out
}

// complete adds what the bank's answer did not say of the codes.
func (b *before) complete(t *testing.T, s *site, local []*kept) {
	t.Helper()
	all, err := s.bank.Codes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range local {
		for _, c := range all {
			if c.ID == k.Code.ID {
				k.Code.Door, k.Code.Ref, k.Code.Kind = c.Door, c.Ref, c.Kind
			}
		}
	}
}

// note writes down what is there.
func (b *before) note(t *testing.T, s *site, st *store.Store) {
	t.Helper()
	all, err := s.bank.Doors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		b.Items[d.ID.String()] = d.Item
	}
	lines, err := st.Events(1, mostEvents)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		b.Lines = append(b.Lines, string(l))
	}
	b.By = time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) + time.Hour
}
