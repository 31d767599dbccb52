package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

func emit(r *rig, b *banktest.Bank, n int) {
	for range n {
		b.Emit(r.at(), locker.Event{Type: locker.EvDoorClosed, Door: locker.DoorID{Locker: 1, Door: 7}})
	}
}

func batch(t *testing.T, bank, journal string, events ...json.RawMessage) []byte {
	t.Helper()
	return mustJSON(t, wire.Events{V: 1, Bank: bank, Journal: journal, Events: events})
}

func TestEventsAreStoredOnceInOrder(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	emit(r, b, 400)
	r.connect("lon-042")
	r.agree("lon-042")
	for i := range 8 { // resent, overlapping, out of order
		from := (i * 37) % 300
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", b.Events[from:from+40]...), false)
	}
	r.settle()
	seqs := r.stored("lon-042", "j-1")
	if !slices.IsSorted(seqs) || uint64(len(seqs)) != b.Acked {
		t.Errorf("%d stored, %d acknowledged", len(seqs), b.Acked)
	}
	for i, e := range r.events("lon-042") {
		if !bytes.Equal(e.Raw, b.Events[i]) || e.Flag != FlagNone {
			t.Fatalf("event %d: %s %s", i, e.Flag, e.Raw)
		}
	}
}

// TestLargeEventIsStored: a batch of one event may be larger than any other.
func TestLargeEventIsStored(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 60)
	b.Emit(r.at(), locker.Event{Type: locker.EvStorageFault, Error: strings.Repeat("x", outbox.MaxAlone-1000)})
	emit(r, b, 60)
	b.Send(r.at())
	r.settle()
	r.agree("lon-042")
	if st, _ := r.be.Bank("lon-042"); len(st.Findings) > 0 {
		t.Errorf("%+v", st.Findings)
	}
}

// failing is a store that can refuse to commit.
type failing struct {
	*Memory
	fail bool
}

func (f *failing) Update(change func(Tx) error) error {
	return f.Memory.Update(func(tx Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if f.fail {
			return errors.New("disk full")
		}
		return nil
	})
}

func TestNothingIsAckedThatIsNotOnDisk(t *testing.T) {
	r := newRig(t)
	f := &failing{Memory: NewMemory()}
	r.store = f
	r.start()
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	acked := b.Acked
	f.fail = true
	emit(r, b, 10)
	b.Send(r.at())
	if err := r.be.takeGroup(r.message(r.up[0])); err == nil {
		t.Fatal("the disk is full")
	}
	if _, open := <-r.out; open {
		t.Fatal("something was sent")
	}
	if b.Acked != acked {
		t.Fatalf("acked %d", b.Acked)
	}
	f.fail = false
	r.up = nil
	r.link()
	b.Again(r.at())
	r.settle()
	r.agree("lon-042")
}

func TestHoleWaitsForResync(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 60)
	// the bank believes that 30 are acknowledged (by a backend that is no more)
	b.Acked = 30
	b.Again(r.at())
	r.settle()
	r.agree("lon-042")
	st, _ := r.be.Bank("lon-042")
	if st.Journal.Holes != 0 || len(b.Done) == 0 {
		t.Errorf("%+v, commands %v", st.Journal, b.Done)
	}
}

// TestBehindIsTakenUpOnce: also if a request was refused meanwhile.
func TestBehindIsTakenUpOnce(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	if _, err := r.be.SetDesired("lon-042", locker.Desired{}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	emit(r, b, 60)
	b.Acked = 30
	b.Online = false // what is asked for does not come
	for range 3 {
		r.now = r.now.Add(time.Minute)
		b.Health(r.at())
		r.settle()
		if err := r.be.Drop(t.Context(), "lon-042", "acme", "none"); !errors.As(err, new(*RefusedError)) {
			t.Fatal(err)
		}
	}
	if st, _ := r.be.Bank("lon-042"); findings(st, FoundRestored) != 1 {
		t.Errorf("%+v", st.Findings)
	}
}

// again lets a bank say for a while what it has not been acknowledged, over a broker that
// loses all messages down on one topic.
func again(r *rig, b *banktest.Bank, times int, loses string) {
	r.t.Helper()
	for range times {
		r.now = r.now.Add(time.Minute)
		b.Again(r.at())
		b.Health(r.at())
		r.allUp()
		r.down = slices.DeleteFunc(r.down, func(p packet) bool { return p.topic == loses })
		r.settle()
	}
}

// TestHoleWaitsForEver: what a bank has not said to be gone is never skipped, whatever
// becomes of the questions for it. A person is told.
func TestHoleWaitsForEver(t *testing.T) {
	for name, answer := range map[string]*locker.Reply{
		"lost":    nil,
		"failed":  {Status: locker.ReplyFailed},
		"refused": {Status: locker.ReplyRefused, Reason: locker.RefusedExpired},
		"done":    {Status: locker.ReplyDone}, // what it sent is lost
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			loses := wire.TopicCommand
			if answer != nil {
				loses = ""
				b.Answer = func(locker.Command) *locker.Reply { a := *answer; return &a }
			}
			stored := len(r.stored("lon-042", "j-1"))
			emit(r, b, 60)
			b.Acked = 30
			again(r, b, 3*60, loses)
			st, _ := r.be.Bank("lon-042")
			want := fmt.Sprintf("journal: event %d does not come", stored+1)
			if n := len(r.stored("lon-042", "j-1")); n != stored || st.Journal.Holes > 0 || len(st.Alarms) != 1 || !strings.HasPrefix(st.Alarms[0], want) {
				t.Errorf("%d are stored, %+v, alarms %q", n-stored, st.Journal, st.Alarms)
			}
			if asked := len(b.Events) - 60 - stored; asked > 40 {
				t.Errorf("asked %d times in three hours", asked)
			}
			b.Answer = nil
			again(r, b, 20, "")
			r.agree("lon-042")
			if st, _ := r.be.Bank("lon-042"); st.Journal.Holes > 0 || len(st.Alarms) > 0 {
				t.Errorf("%+v, alarms %q", st.Journal, st.Alarms)
			}
		})
	}
}

// TestHoleIsFilledByABankWhoseClockIsAhead: or over a way that takes minutes.
func TestHoleIsFilledByABankWhoseClockIsAhead(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	b.Answer = func(c locker.Command) *locker.Reply {
		if r.at().Add(time.Hour) > c.EXP {
			return &locker.Reply{Status: locker.ReplyRefused, Reason: locker.RefusedExpired}
		}
		return nil
	}
	emit(r, b, 60)
	b.Acked = 30
	again(r, b, 20, "")
	r.agree("lon-042")
}

// TestQuestionsForAHoleDoNotPileUp: a bank that answers none is asked one at a time.
func TestQuestionsForAHoleDoNotPileUp(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 60)
	b.Acked = 30
	for range 100 {
		r.now = r.now.Add(time.Minute)
		b.Again(r.at())
		r.allUp()
		r.drain()
		r.down = nil
		if st, _ := r.be.Bank("lon-042"); st.Pending > 1 {
			t.Fatalf("%d questions are open", st.Pending)
		}
	}
	r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", b.Events[1:41]...), false) // by itself
	r.settle()
	if st, _ := r.be.Bank("lon-042"); st.Pending > 0 {
		t.Errorf("%d questions are open for what has come", st.Pending)
	}
}

// TestHoleThatTheBankTellsIsTaken: by its birth, or, if that was lost, by its heartbeat.
func TestHoleThatTheBankTellsIsTaken(t *testing.T) {
	for name, tell := range map[string]func(*rig, *banktest.Bank){
		"birth":     func(r *rig, b *banktest.Bank) { r.connect("lon-042") },
		"heartbeat": func(r *rig, b *banktest.Bank) { again(r, b, 1, "") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			emit(r, b, 60)
			b.Acked = 30
			b.Prune(25)
			b.Again(r.at())
			r.allUp()
			r.down = nil
			tell(r, b)
			b.Again(r.at())
			r.settle()
			r.agree("lon-042")
			if st, _ := r.be.Bank("lon-042"); st.Journal.Holes != 1 || findings(st, FoundHole) != 1 {
				t.Errorf("%+v", st.Journal)
			}
		})
	}
}

// TestBoardThatComesBackLosesNothing: of a board that seems to be gone a batch is lost and
// the next one comes. Both are stored once, whether it comes back or not.
func TestBoardThatComesBackLosesNothing(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 30)
	from := int(b.Acked)
	lost, late := b.Events[from:from+20], b.Events[from+20:]
	r.bank("lon-042", "j-2")
	r.now = r.now.Add(time.Hour)
	r.connect("lon-042")
	for range 2 {
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", late...), false)
		r.settle()
	}
	if n := len(r.stored("lon-042", "j-1")); n != from+len(late) {
		t.Errorf("%d of the last words are stored, want %d", n-from, len(late))
	}
	r.banks["lon-042"] = b
	r.now = r.now.Add(time.Hour)
	r.connect("lon-042")
	r.agree("lon-042")
	seqs := r.stored("lon-042", "j-1")
	if slices.Sort(seqs); len(seqs) != len(b.Events) || len(slices.Compact(seqs)) != len(b.Events) {
		t.Errorf("%d stored of %d, %d lost ones", len(seqs), len(b.Events), len(lost))
	}
	for _, e := range r.events("lon-042") {
		if e.Flag != FlagNone {
			t.Errorf("event %d of %s is flagged %s", e.Seq, e.Journal, e.Flag)
		}
	}
}

func TestBreakIsFlaggedAndDoesNotBlock(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 10)
	n := len(b.Events)
	b.Events[n-5] = bytes.Replace(b.Events[n-5], []byte("1-07"), []byte("1-08"), 1)
	b.Send(r.at())
	r.settle()
	r.agree("lon-042")
	st, _ := r.be.Bank("lon-042")
	if st.Journal.Breaks != 1 || findings(st, FoundBreak) != 1 || len(st.Alarms) == 0 {
		t.Errorf("%+v %+v", st.Journal, st.Findings)
	}
	var flagged []uint64
	for _, e := range r.events("lon-042") {
		if e.Flag == FlagBreak {
			flagged = append(flagged, e.Seq)
		}
	}
	if !slices.Equal(flagged, []uint64{uint64(n - 4)}) {
		t.Errorf("flagged %v, want %d", flagged, n-4)
	}
}

func TestForkIsKeptBesideWhatWasStored(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 20)
	image := slices.Clone(b.Events[:10]) // of the board's disk
	b.Send(r.at())
	r.settle()
	r.agree("lon-042")
	b.Events, b.Acked = image, 5
	b.Boot++
	r.now = r.now.Add(time.Hour)
	b.Emit(r.at(), locker.Event{Type: locker.EvBootStarted})
	emit(r, b, 30)
	r.connect("lon-042")
	r.pass(time.Minute)
	b.Again(r.at())
	r.settle()
	r.agree("lon-042")
	st, _ := r.be.Bank("lon-042")
	if findings(st, FoundFork) != 1 {
		t.Errorf("%+v", st.Findings)
	}
	total := 0
	for _, e := range r.events("lon-042") {
		if e.Seq == 11 {
			total++
		}
	}
	if total != 2 {
		t.Errorf("%d events under seq 11, want both", total)
	}
}

// TestTwins: a replaced board is no finding; one that speaks again is, once for all turns.
func TestTwins(t *testing.T) {
	r := newRig(t)
	old := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	fresh := r.bank("lon-042", "j-2")
	r.connect("lon-042")
	if st, _ := r.be.Bank("lon-042"); len(st.Findings) != 0 {
		t.Errorf("findings of a replaced board: %+v", st.Findings)
	}
	for _, b := range []*banktest.Bank{old, fresh, old} {
		r.now = r.now.Add(time.Minute)
		r.banks["lon-042"] = b
		r.connect("lon-042")
	}
	st, _ := r.be.Bank("lon-042")
	if len(st.Findings) != 1 || st.Findings[0].Kind != FoundTwin || st.Findings[0].N != 3 {
		t.Errorf("findings %+v, want one of two boards, three times", st.Findings)
	}
}

// TestBoardPutBackIsServed: an image of its disk counts connections from an older one on.
// A birth that is only late changes nothing.
func TestBoardPutBackIsServed(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	late := b.Birth(r.at())
	image := *b
	image.Sets, image.Replies = map[string]*banktest.Set{}, map[string]locker.Reply{}
	for range 5 {
		r.now = r.now.Add(time.Hour)
		r.connect("lon-042")
	}
	r.say("lon-042", wire.TopicState, mustJSON(t, late), true)
	r.settle()
	if st, _ := r.be.Bank("lon-042"); st.Conn != b.Conn {
		t.Errorf("a late birth of connection %d is taken for one after %d", st.Conn, b.Conn)
	}
	r.banks["lon-042"] = &image
	r.now = r.now.Add(time.Hour)
	r.connect("lon-042")
	r.issue("lon-042", "acme", 2)
	give(t, r, openDoor)
	r.settle()
	r.agree("lon-042")
	if n := len(image.Done); n == 0 || image.Done[n-1].Type != locker.CmdOpen {
		t.Errorf("the board put back has done %v, refused %+v", image.Done, image.Refusals)
	}
}

// TestSkippedByALieIsStored: what a birth of somebody else's has had taken for gone comes
// all the same.
func TestSkippedByALieIsStored(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	lie := b.Birth(r.at())
	lie.Conn, lie.Journal = lie.Conn+1, &wire.JournalState{ID: "j-1", First: 1000, Next: 1001}
	r.say("lon-042", wire.TopicState, mustJSON(t, lie), false)
	r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", json.RawMessage(fmt.Sprintf(`{"seq":1000,"type":"door.closed","hash":"%064x"}`, 7))), false)
	r.settle()
	if st, _ := r.be.Bank("lon-042"); st.Journal.Holes != 1 {
		t.Fatalf("the lie was not taken: %+v", st.Journal)
	}
	b.Conn++
	r.connect("lon-042")
	emit(r, b, 300)
	for range 5 {
		b.Again(r.at())
		r.settle()
	}
	r.agree("lon-042")
	if n := len(r.stored("lon-042", "j-1")); n != len(b.Events)+1 {
		t.Errorf("%d stored of %d", n, len(b.Events))
	}
}

// TestForksAreBounded: a bank can tell each event anew, and each one is looked for among
// the forks there are.
func TestForksAreBounded(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	for i := range 3 * forksMax {
		e := fmt.Sprintf(`{"seq":1,"type":"door.closed","hash":"%064x"}`, i)
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", json.RawMessage(e)), false)
		r.settle()
	}
	j := r.be.core.banks["lon-042"].Journals["j-1"]
	if n := len(r.stored("lon-042", "j-1")); j.Fork != forksMax || n > forksMax+len(b.Events) {
		t.Errorf("%d forks, %d events", j.Fork, n)
	}
	st, _ := r.be.Bank("lon-042")
	if last := st.Findings[len(st.Findings)-1]; last.Kind != FoundFork || last.N < forksMax {
		t.Errorf("%+v", last)
	}
}

func TestGapCoversItsRun(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	emit(r, b, 30)
	var last struct {
		Hash string `json:"hash"`
	}
	if err := json.Unmarshal(b.Events[19], &last); err != nil {
		t.Fatal(err)
	}
	gap := mustJSON(t, locker.Event{Seq: 20, At: r.at(), Clock: "synced", Boot: 1, Type: locker.EvJournalGap, From: locker.Number(6), To: locker.Number(20), N: 15, Hash: last.Hash})
	list := append(slices.Clone(b.Events[:5]), gap)
	list = append(list, b.Events[20:]...)
	r.say("lon-042", wire.TopicState, mustJSON(t, b.Birth(r.at())), true)
	r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", list...), false)
	r.settle()
	st, _ := r.be.Bank("lon-042")
	if st.Journal.Gaps != 1 || st.Journal.Breaks+st.Journal.Holes > 0 || st.Journal.Stored != 30 {
		t.Errorf("%+v %+v", st.Journal, st.Findings)
	}
}

func TestOldEventsGo(t *testing.T) {
	r := newRig(t)
	r.keep = 100
	r.store = NewMemory()
	r.start()
	b := r.bank("lon-042", "j-1")
	emit(r, b, 1000)
	r.connect("lon-042")
	r.agree("lon-042")
	if n := len(r.events("lon-042")); n > 200 || n < 100 {
		t.Errorf("%d kept", n)
	}
}

// TestForgottenJournalsLeaveNothing: a bank can name a new journal with each batch. One
// that it was born with outlives those.
func TestForgottenJournalsLeaveNothing(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-0")
	emit(r, b, 10)
	r.connect("lon-042")
	r.bank("lon-042", "j-1")
	r.now = r.now.Add(time.Hour)
	r.connect("lon-042")
	for i := range 5 * journalsMax {
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", fmt.Sprintf("j-x%d", i), b.Events[:3]...), false)
		r.settle()
	}
	stored := map[byte]int{}
	err := r.store.View(func(s Reader) error {
		return s.Scan(nil, nil, func(k, _ []byte) bool { stored[k[0]]++; return true })
	})
	if most := len(b.Events) + 3*journalsMax; err != nil || stored['e'] > most || stored['a'] != stored['e'] {
		t.Errorf("%d events are stored, %d arrivals, want at most %d: %v", stored['e'], stored['a'], most, err)
	}
	if n := len(r.stored("lon-042", "j-0")); n != len(b.Events) {
		t.Errorf("%d of %d events of the board before are kept", n, len(b.Events))
	}
}

func TestLateWillIsSeenThrough(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	old := b.Will()
	r.connect("lon-042") // comes back before the broker has found the old one dead
	r.say("lon-042", wire.TopicState, old, true)
	r.settle()
	if st, _ := r.be.Bank("lon-042"); !st.Online {
		t.Error("a late will took the bank away")
	}
	r.say("lon-042", wire.TopicState, b.Will(), true)
	r.settle()
	if st, _ := r.be.Bank("lon-042"); st.Online {
		t.Error("its own will did not")
	}
	r.connect("lon-042")
	r.now = r.now.Add(Silence + time.Second)
	if st, _ := r.be.Bank("lon-042"); st.Online {
		t.Error("silent, without a will, and still there")
	}
}

func TestBankSpeaksForItselfOnly(t *testing.T) {
	r := newRig(t)
	a, b := r.bank("lon-042", "j-1"), r.bank("ber-001", "j-2")
	r.connect("lon-042", "ber-001")
	emit(r, b, 5)
	before, _ := r.be.Bank("ber-001")
	r.say("lon-042", wire.TopicEvents, batch(t, "ber-001", "j-2", b.Events...), false)
	r.say("lon-042", wire.TopicState, mustJSON(t, b.Birth(r.at())), true)
	r.say("lon-042", wire.TopicState, b.Will(), true)
	r.settle()
	after, _ := r.be.Bank("ber-001")
	if before.Journal != after.Journal || !after.Online {
		t.Errorf("ber-001: %+v then %+v", before.Journal, after.Journal)
	}
	if st, _ := r.be.Bank("lon-042"); findings(st, FoundStranger) != 3 || st.Journal.ID != a.Journal {
		t.Errorf("%+v", st.Findings)
	}
}

// TestCursorOutlivesARestore: who has read beyond what an old store knows misses nothing
// that is stored after it was brought back.
func TestCursorOutlivesARestore(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	emit(r, b, 10)
	b.Send(r.at())
	r.settle()
	backup := r.store.(*Memory).Clone()
	emit(r, b, 50)
	b.Send(r.at())
	r.settle()
	_, cursor, err := r.be.Events("", 0, 1000)
	if err != nil || cursor != r.be.LastEvent() {
		t.Fatalf("cursor %d of %d, %v", cursor, r.be.LastEvent(), err)
	}
	r.now = r.now.Add(time.Minute)
	r.store = backup
	r.start()
	emit(r, b, 5)
	r.connect("lon-042")
	r.pass(time.Minute)
	r.agree("lon-042")
	list, next, err := r.be.Events("", cursor, 1000)
	if err != nil || len(list) < 55 || next != r.be.LastEvent() {
		t.Fatalf("%d events are behind the cursor %d, the last is %d, %v", len(list), cursor, r.be.LastEvent(), err)
	}
	for last := range len(b.Events) + 5 {
		after, err := r.be.CursorBefore(last)
		if err != nil {
			t.Fatal(err)
		}
		if list, _, err := r.be.Events("", after, 1000); len(list) != min(last, len(b.Events)) || err != nil {
			t.Errorf("%d events are behind the cursor before the last %d, %v", len(list), last, err)
		}
	}
}

// TestALieForgetsNoEvents: births of boards that never were push none out whose events are
// stored.
func TestALieForgetsNoEvents(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	emit(r, b, 100)
	r.connect("lon-042")
	stored := len(r.stored("lon-042", "j-1"))
	for i := range 3 * journalsMax {
		r.now = r.now.Add(time.Second)
		x := banktest.New("lon-042", fmt.Sprintf("j-x%d", i), r.trust)
		x.Conn = 1
		emit(r, x, 5)
		r.say("lon-042", wire.TopicState, mustJSON(t, x.Birth(r.at())), false)
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", x.Journal, x.Events...), false)
		r.settle()
	}
	if n := len(r.stored("lon-042", "j-1")); n < stored {
		t.Errorf("%d of %d events are stored", n, stored)
	}
	r.now = r.now.Add(time.Minute)
	r.connect("lon-042")
	r.agree("lon-042")
	if st, _ := r.be.Bank("lon-042"); findings(st, FoundHole) == 0 {
		t.Errorf("nothing tells that journals are forgotten: %+v", st.Findings)
	}
}

// TestCursorReachesTheEnd: also where the newest event is forgotten with its journal.
func TestCursorReachesTheEnd(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-0")
	emit(r, b, 2)
	for i := range journalsMax + 3 {
		r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", fmt.Sprintf("j-x%d", i), b.Events[0]), false)
		r.settle()
	}
	r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-y", b.Events[1]), false) // beyond a hole
	r.settle()
	for _, bank := range []string{"", "lon-042", "ber-001"} {
		if list, next, err := r.be.Events(bank, 0, 1000); next != r.be.LastEvent() || err != nil {
			t.Errorf("%q: %d events, the cursor ends at %d of %d, %v", bank, len(list), next, r.be.LastEvent(), err)
		}
	}
}
