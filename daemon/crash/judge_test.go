package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// What one image costs.
const (
	scansRecent = 9   // codes that were busy about the cut
	scansOther  = 5   // codes by chance
	scansUsed   = 32  // used codes scanned once more when nothing may open any more
	allUsed     = 24  // one image in so many has all its used codes scanned
	inChild     = 128 // images at one cut in so many have their state file judged by a child
	pruned      = 16  // one restarted bank in so many prunes its journal all the time, too: that is most of the work
	allMarks    = 3   // one image in so many has every code and mark compared, the others those near the cut
	lookBack    = 40  // events before the cut whose codes count as busy
	mostEvents  = 1 << 16
)

// judge starts the bank on an image and looks whether the promise holds.
type judge struct {
	t     *testing.T
	r     *record
	forks sync.RWMutex // held for writing while a child is started: for a moment it holds all locked files of this process, and virtual time does not wait for it
	exe   string       // for the child; "": never
	state bool         // also compare what is stored with what was committed
}

// image judges one image in a bubble of its own.
func (j *judge) image(dir string, im storetest.Image) (err error) {
	if j.exe != "" && im.At%inChild == 0 {
		j.forks.Lock()
		defer j.forks.Unlock()
	} else {
		j.forks.RLock()
		defer j.forks.RUnlock()
	}
	synctest.Test(j.t, func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("cannot go on: panic: %v\n%s", p, debug.Stack())
			}
		}()
		err = j.judge(dir, im)
	})
	return err
}

// trial is one image under judgement.
type trial struct {
	*judge
	im    storetest.Image
	rng   *rand.Rand
	facts []fact
	last  fact // the latest of them
	by    time.Duration
	st    *store.Store
	story *story
	first uint64 // seq of the first event of this start
	told  uint64 // events in the story
	site  *site
}

// trial begins the judgement of an image.
func (j *judge) trial(im storetest.Image) *trial {
	h := fnv.New64a()
	_, _ = h.Write([]byte(im.Desc)) // never fails
	tr := &trial{judge: j, im: im, rng: rand.New(rand.NewPCG(h.Sum64(), 1)), facts: j.r.before(im), story: newStory()}
	if n := len(tr.facts); n > 0 {
		tr.last = tr.facts[n-1]
		tr.by = time.Until(tr.last.when) + time.Second
	}
	return tr
}

func (j *judge) judge(dir string, im storetest.Image) (err error) {
	tr := j.trial(im)
	o := storeOptions()
	if tr.rng.IntN(pruned) != 0 {
		o.JournalBytes = 0
	}
	o.Now = func() time.Time { return time.Now().Add(tr.by) }
	cfg := siteConfig(false)
	if j.exe != "" && im.At%inChild == 0 {
		o.Check = store.InChild(j.exe, "_check-store")
	}
	if tr.st, err = store.Open(context.Background(), dir, o); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	defer func() {
		if cerr := tr.st.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("cannot stop: %w", cerr)
		}
	}()
	return tr.run(cfg)
}

func (tr *trial) run(cfg bank.Config) error {
	if err := tr.stored(); err != nil {
		return err
	}
	cfg.Clean = tr.st.Report().Clean
	var err error
	if tr.site, err = start(cfg, tr.st, tr.hardware(), tr.by); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	err = tr.scans()
	if err != nil {
		err = fmt.Errorf("%w\nevents after the start:\n%s", err, tr.newEvents())
	}
	return errors.Join(err, tr.site.halt())
}

func (tr *trial) newEvents() string {
	lines, err := tr.st.Events(tr.first, mostEvents)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, l := range lines {
		b.Write(l)
		b.WriteByte('\n')
	}
	return b.String()
}

// stored judges what the store has brought back: all that was visible, not a
// byte of it changed, no half commits.
func (tr *trial) stored() error {
	next := tr.st.Next()
	tr.first, tr.told = next, next-1
	visible := uint64(1)
	for _, f := range tr.facts {
		if f.what != didCommit {
			visible = max(visible, f.next)
		}
	}
	if tr.state && len(tr.facts) > 0 {
		visible = tr.last.next
	}
	rep := tr.st.Report()
	switch {
	case visible > 1 && tr.st.JournalID() != tr.r.journal:
		return fmt.Errorf("the journal is another (%s): %s", tr.st.JournalID(), rep.NewJournal)
	case next < visible:
		return fmt.Errorf("events up to %d were visible, and the journal ends before %d", visible-1, next)
	case int(next-1) > len(tr.r.lines):
		return fmt.Errorf("the journal ends before %d, and only %d events were ever made", next, len(tr.r.lines))
	}
	v, err := tr.st.Verify(context.Background())
	if err != nil || !v.OK {
		return fmt.Errorf("the chain does not verify: %s %w", v.Text, err)
	}
	lines, err := tr.st.Events(1, mostEvents)
	if err != nil {
		return fmt.Errorf("cannot read the journal: %w", err)
	}
	if next > 1 {
		if err := tr.r.checkLines(lines, tr.st.First(), next-1, tr.last.acked); err != nil {
			return err
		}
	}
	for i := range tr.told {
		tr.story.tell(&tr.r.events[i])
	}
	if err := tr.pulsesAreKnown(); err != nil {
		return err
	}
	if tr.state {
		_, err = tr.whole()
	}
	return err
}

// pulsesAreKnown: every door that has sprung open has a grant on the disk.
func (tr *trial) pulsesAreKnown() error {
	opened := map[locker.DoorID]int{}
	for _, f := range tr.facts {
		if f.what == didOpen {
			opened[f.door]++
		}
	}
	for id, n := range opened {
		if has := tr.story.doors[id].grant; has < n {
			return fmt.Errorf("door %s has sprung open %d times, and the journal knows of %d grants", id, n, has)
		}
	}
	return nil
}

// whole compares the stored state with that of the commits that have returned,
// or of those and the one that was under way, and returns how many those are.
func (tr *trial) whole() (commits int, why error) {
	for n := tr.last.commits; n <= min(tr.last.commits+1, len(tr.r.commits)); n++ {
		next := uint64(1)
		if n > 0 {
			next = tr.r.commits[n-1].next
		}
		if next != tr.st.Next() {
			continue
		}
		if why = tr.stateIs(n); why == nil {
			return n, nil
		}
	}
	if why == nil {
		why = fmt.Errorf("the journal ends before %d, in the midst of a commit", tr.st.Next())
	}
	return 0, why
}

func (tr *trial) stateIs(commits int) error {
	recs, err := tr.st.Doors()
	if err != nil {
		return err
	}
	got := map[locker.DoorID]string{}
	for _, d := range recs {
		b, err := json.Marshal(d)
		if err != nil {
			return err
		}
		got[d.Door] = string(b)
	}
	for n := 1; n <= doors; n++ {
		if want, _ := tr.r.doors.at(doorAt(n), commits); got[doorAt(n)] != want {
			return fmt.Errorf("door %s is stored as %s, want %s (commit %d)", doorAt(n), got[doorAt(n)], want, commits)
		}
	}
	all := tr.rng.IntN(allMarks) == 0
	for i := range tr.r.codes {
		if key := (locker.CodeKey{Set: locker.SetLocal, ID: tr.r.codes[i].id}); all || tr.isBusy(key.ID) {
			if err := tr.markIs(key, commits); err != nil {
				return err
			}
		}
	}
	if all {
		return tr.codesAre(commits)
	}
	return nil
}

// isBusy tells whether a code had to do with the cut.
func (tr *trial) isBusy(id string) bool {
	for _, e := range tr.r.events[max(lookBack, tr.told)-lookBack : tr.told] {
		if e.Code == id {
			return true
		}
	}
	return false
}

func (tr *trial) markIs(key locker.CodeKey, commits int) error {
	want, has := tr.r.marks.at(key, commits)
	m, ok, err := tr.st.Mark(key)
	if err == nil && (ok != (has && want != locker.Mark{}) || m != want) {
		err = fmt.Errorf("mark of %s is %+v, want %+v (commit %d)", key, m, want, commits)
	}
	return err
}

func (tr *trial) codesAre(commits int) error {
	n := 0
	for e, err := range tr.st.Codes(locker.SetLocal) {
		if err != nil {
			return err
		}
		n++
		b, err := json.Marshal(&e.Code)
		if err != nil {
			return err
		}
		if want, _ := tr.r.puts.at(e.Key(), commits); string(b) != want {
			return fmt.Errorf("code %s is stored as %s, want %s", e.Key(), b, want)
		}
	}
	want := 0
	for key := range tr.r.puts {
		if _, ok := tr.r.puts.at(key, commits); ok {
			want++
		}
	}
	if n != want {
		return fmt.Errorf("%d codes are stored, want %d", n, want)
	}
	return nil
}

// hardware is the doors as the power left them.
func (tr *trial) hardware() *bus {
	f := newBus(func(string, locker.DoorID) {}, func() time.Duration { return 200 * time.Millisecond })
	for id, open := range tr.positions() {
		f.doors[id].open = open
	}
	return f
}

// positions tells which doors stood open. A pulse that was on its way may have
// opened its door and may have been cut short.
func (tr *trial) positions() map[locker.DoorID]bool {
	open, late := map[locker.DoorID]bool{}, map[locker.DoorID]bool{}
	for _, x := range tr.facts {
		switch x.what {
		case didPulse:
			late[x.door] = !open[x.door]
		case didOpen, didShut:
			open[x.door] = x.what == didOpen
			delete(late, x.door)
		}
	}
	for n := 1; n <= doors; n++ {
		if late[doorAt(n)] {
			open[doorAt(n)] = tr.rng.IntN(2) == 0
		}
	}
	return open
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
