package crash

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Facts that are no happenings at the locks.
const (
	didCommit = "commit" // a commit has returned to the bank
	didAnswer = "answer" // an answer was given at the control side
	didAck    = "ack"    // the backend has acknowledged events
	didClose  = "close"  // a clean stop begins
)

// fact is something that has happened at one moment of the recorded run. All
// that the world could see by then must be on the disk.
type fact struct {
	at      int // position in the log: it has happened in images whose At is greater
	what    string
	door    locker.DoorID
	code    string    // of a pulse
	when    time.Time // virtual
	commits int       // that had returned
	next    uint64    // of the journal
	acked   uint64
}

// taken is one commit as the bank gave it, before the store saw it.
type taken struct {
	next    uint64 // of the journal after it
	doors   map[locker.DoorID]string
	marks   map[locker.CodeKey]locker.Mark
	puts    map[locker.CodeKey]string
	revoked []locker.CodeKey
}

// issued is a code with its text, which only the test keeps.
type issued struct {
	id, text string
	kind     locker.Kind
	door     locker.DoorID
	sku      string
}

// witness writes down what the bank commits and what the world sees of it.
type witness struct {
	rec *storetest.Recorder
	by  time.Duration // that virtual time is ahead of the bubble's

	mu      sync.Mutex
	facts   []fact
	commits []taken
	lines   [][]byte // events by seq-1, as the journal must keep them
	events  []locker.Event
	codes   []issued
	grants  map[locker.DoorID]string // who may open a door, by the latest commit
	next    uint64
	acked   uint64
	journal string
}

func newWitness(rec *storetest.Recorder) *witness {
	return &witness{rec: rec, grants: map[locker.DoorID]string{}, next: 1}
}

// see puts a fact into the log.
func (w *witness) see(what string, door locker.DoorID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seeLocked(what, door)
}

func (w *witness) seeLocked(what string, door locker.DoorID) {
	f := fact{what: what, door: door, when: time.Now().Add(w.by), commits: len(w.commits), next: w.next, acked: w.acked}
	if what == didPulse || what == didJam {
		f.code = w.grants[door]
	}
	f.at = w.rec.Mark(what + " " + door.String() + " " + f.code + " next=" + strconv.FormatUint(f.next, 10))
	w.facts = append(w.facts, f)
}

// issue notes a code that was just issued; the answer is visible.
func (w *witness) issue(c issued) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.codes = append(w.codes, c)
	w.seeLocked(didAnswer, c.door)
}

// acknowledge plays the backend.
func (w *witness) acknowledge(st *store.Store, upto uint64) {
	w.mu.Lock()
	w.acked = max(w.acked, upto)
	w.seeLocked(didAck, locker.DoorID{})
	w.mu.Unlock()
	st.Acked(upto, time.Now())
}

// watched is a store whose commits are witnessed.
type watched struct {
	*store.Store
	w *witness
}

// Commit implements bank.Store.
func (s watched) Commit(c *locker.Commit) (uint64, error) {
	t, err := take(c)
	if err != nil {
		return 0, err
	}
	first, err := s.Store.Commit(c)
	if err != nil {
		return 0, err
	}
	s.w.commit(t, first, c)
	return first, nil
}

// take copies what a commit says.
func take(c *locker.Commit) (taken, error) {
	t := taken{doors: map[locker.DoorID]string{}, marks: map[locker.CodeKey]locker.Mark{}, puts: map[locker.CodeKey]string{}}
	for _, d := range c.Doors {
		b, err := json.Marshal(d)
		if err != nil {
			return t, err
		}
		t.doors[d.Door] = string(b)
	}
	for _, m := range c.Marks {
		t.marks[m.Code] = m.Mark
	}
	for _, ch := range c.Codes {
		switch {
		case ch.Put != nil:
			b, err := json.Marshal(ch.Put)
			if err != nil {
				return t, err
			}
			t.puts[locker.CodeKey{Set: ch.Set, ID: ch.Put.ID}] = string(b)
		case ch.Revoke != "":
			t.revoked = append(t.revoked, locker.CodeKey{Set: ch.Set, ID: ch.Revoke})
		}
	}
	return t, nil
}

// commit notes a commit that has returned, with its events as the journal made
// them: numbered and hashed.
func (w *witness) commit(t taken, first uint64, c *locker.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = first + uint64(len(c.Events))
	t.next = w.next
	for _, e := range c.Events {
		line, err := json.Marshal(e)
		if err != nil {
			panic(err) // it was marshalled a moment ago
		}
		w.lines = append(w.lines, line)
		w.events = append(w.events, e)
		switch e.Type {
		case locker.EvCodeAccepted:
			w.grants[e.Door] = e.Code
		case locker.EvDoorCommanded:
			w.grants[e.Door] = ""
		}
	}
	w.commits = append(w.commits, t)
	w.seeLocked(didCommit, locker.DoorID{})
}

// history is what a key of the state held after which commit, oldest first.
type history[K comparable, V any] map[K][]version[V]

type version[V any] struct {
	commit int // counted from 1
	value  V
}

func (h history[K, V]) add(k K, commit int, v V) { h[k] = append(h[k], version[V]{commit, v}) }

// at returns what k held when so many commits were made.
func (h history[K, V]) at(k K, commits int) (v V, ok bool) {
	vs := h[k]
	i := sort.Search(len(vs), func(i int) bool { return vs[i].commit > commits })
	if i == 0 {
		return v, false
	}
	return vs[i-1].value, true
}

// record is the finished recording: what was visible when, and what every
// commit made of the state.
type record struct {
	*witness
	log     *storetest.Log
	perCode map[string]issued
	doors   history[locker.DoorID, string]
	marks   history[locker.CodeKey, locker.Mark]
	puts    history[locker.CodeKey, string]
}

func (w *witness) finish() *record {
	r := &record{
		witness: w, log: w.rec.Log(), perCode: map[string]issued{},
		doors: history[locker.DoorID, string]{}, marks: history[locker.CodeKey, locker.Mark]{}, puts: history[locker.CodeKey, string]{},
	}
	for i, t := range w.commits {
		for k, v := range t.doors {
			r.doors.add(k, i+1, v)
		}
		for k, v := range t.puts {
			r.puts.add(k, i+1, v)
		}
		for k, v := range t.marks {
			old, _ := r.marks.at(k, i+1)
			v.Revoked = v.Revoked || old.Revoked
			r.marks.add(k, i+1, v)
		}
		for _, k := range t.revoked {
			v, _ := r.marks.at(k, i+1)
			v.Revoked = true
			r.marks.add(k, i+1, v)
		}
	}
	for _, c := range w.codes {
		r.perCode[c.id] = c
	}
	return r
}

// before returns the facts that have happened in an image.
func (r *record) before(im storetest.Image) []fact {
	return r.facts[:sort.Search(len(r.facts), func(i int) bool { return r.facts[i].at >= im.At })]
}

// checkLines compares what an image's journal kept with what was recorded, up
// to seq upto. Only what the contract lets go may be missing, under a gap.
func (r *record) checkLines(lines [][]byte, first, upto, acked uint64) error {
	if first > acked+1 {
		return fmt.Errorf("the journal begins at event %d, and only %d are acknowledged", first, acked)
	}
	at := uint64(0)
	for _, l := range lines {
		seq, err := seqOf(l)
		if err != nil {
			return err
		}
		if seq > upto {
			return fmt.Errorf("event %d was never recorded: %s", seq, l)
		}
		if at != 0 && seq == at+1 && string(l) == string(r.lines[seq-1]) {
			at = seq
			continue
		}
		if at, err = r.checkOdd(l, seq, at); err != nil {
			return err
		}
	}
	if at != upto {
		return fmt.Errorf("the journal ends at event %d, want %d", at, upto)
	}
	return nil
}

// checkOdd takes the first line, and gaps.
func (r *record) checkOdd(l []byte, seq, at uint64) (uint64, error) {
	if string(l) == string(r.lines[seq-1]) && at == 0 {
		return seq, nil
	}
	var e locker.Event
	if err := json.Unmarshal(l, &e); err != nil {
		return 0, err
	}
	from, ok := e.From.Int()
	if e.Type != locker.EvJournalGap || !ok || at != 0 && uint64(from) != at+1 {
		return 0, fmt.Errorf("event %d is not what was recorded, or one is missing before it:\n%s\n%s", seq, l, r.lines[seq-1])
	}
	for s := uint64(from); s <= seq; s++ {
		if !mayGo(r.events[s-1].Type) {
			return 0, fmt.Errorf("event %d of type %s is gone under a gap", s, r.events[s-1].Type)
		}
	}
	if e.Hash != r.events[seq-1].Hash {
		return 0, fmt.Errorf("the gap at %d has another hash than its last event", seq)
	}
	return seq, nil
}

// mayGo is contract 7.3: what goes first when the journal is full.
func mayGo(typ string) bool {
	return slices.Contains([]string{
		locker.EvScanRefused, locker.EvMessageRefused, locker.EvDoorAjar, locker.EvClockChanged,
		locker.EvBoardLost, locker.EvBoardBack, locker.EvScannerLost, locker.EvScannerBack,
	}, typ)
}

func seqOf(line []byte) (uint64, error) {
	var n uint64
	const head = `{"seq":`
	for i := len(head); i < len(line) && line[i] >= '0' && line[i] <= '9'; i++ {
		n = n*10 + uint64(line[i]-'0')
	}
	if n == 0 {
		return 0, fmt.Errorf("cannot find the seq of %.60q", line)
	}
	return n, nil
}
