package backend

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// pairLess orders connections of one journal.
func pairLess(boot, conn, boot2, conn2 int64) bool {
	return boot < boot2 || boot == boot2 && conn < conn2
}

// state takes a birth or a death. A birth that comes again on its connection says that the
// bank has lost what came down: it is answered like the first, unless it is the retained
// one.
func (t *txn) state(b *bank, s *wire.State, retained bool) {
	if s.Status == wire.Offline {
		t.death(b, s)
		return
	}
	if s.Status != wire.Online || s.Journal == nil || !validJournal(s.Journal.ID) || !b.sane(s) {
		b.find(t.now, FoundMalformed, "a state that is neither birth nor death")
		return
	}
	if b.late(s, t.now) {
		return
	}
	j := t.journalOf(b, s.Journal.ID)
	news := b.Birth == nil || b.Journal != s.Journal.ID || b.Birth.Boot != s.Boot || b.Birth.Conn != s.Conn
	if !news && b.online() && b.Birth.At == s.At && *b.Birth.Journal == *s.Journal {
		return // the retained one, with another subscription
	}
	if b.Journal != s.Journal.ID {
		t.changeJournal(b, s.Journal.ID)
	}
	b.Birth, b.Online, b.Reason, b.dirty = slim(s), true, "", true
	b.Seen = max(b.Seen, min(s.At, t.now)) // a retained one is as old as it says
	j.Boot, j.Conn = s.Boot, s.Conn
	if news { // whatever was said before it
		b.told = true
		j.First, j.Next = s.Journal.First, j.Last+1
	}
	j.First, j.Next = max(j.First, s.Journal.First), max(j.Next, s.Journal.Next)
	t.absorb(b, s, news)
	if news || !b.answered || !retained {
		t.greet(b, !news && b.answered)
	}
}

// greet answers the birth that is known, or that has come again.
func (t *txn) greet(b *bank, again bool) {
	b.answered, b.stray = true, false
	delete(t.c.unborn, b.Name)
	b.forgetSent(again)
	t.answer(b)
}

// late tells whether a birth is of an older connection than one known already, or
// of a board that has been replaced.
func (b *bank) late(s *wire.State, now locker.Time) bool {
	j := b.Journals[s.Journal.ID]
	switch {
	case j == nil:
		return false
	case s.Journal.ID != b.Journal:
		return pairLess(s.Boot, s.Conn, j.Boot, j.Conn) || s.Boot == j.Boot && s.Conn == j.Conn && b.Journal != ""
	}
	return pairLess(s.Boot, s.Conn, j.Boot, j.Conn) && !b.putBack(s, now)
}

const clockSlack = 10 * time.Minute

// putBack tells whether a birth was said after the last one, though its connection has a
// lower number: the board's disk was put back, or the last one was a lie.
func (b *bank) putBack(s *wire.State, now locker.Time) bool {
	return s.Clock != locker.ClockUnset && (s.At > b.Birth.At || b.Birth.At > now.Add(clockSlack))
}

// forgetSent takes nothing for on its way: the connection it was sent on is over, or the
// birth has come again on it. Every bank says it again each ten minutes: what was tried in
// vain stays counted then, else no set would ever be futile and no older key be tried.
func (b *bank) forgetSent(again bool) {
	for _, s := range b.Sets {
		tries := s.again.tries
		s.again.reset()
		if again {
			s.again.tries = max(tries-1, 0) // the answer is the last one once more
		}
		s.sent = position{}
	}
	b.Desired.again.reset()
	if !again {
		b.Trust.again.reset()
	}
	for _, j := range b.Journals {
		j.askNext.reset()
	}
}

// numberMax bounds every version, epoch and counter a bank may claim, beyond those it was
// given. The wire ends at 2^53-1: there is always room to top a claim.
const numberMax = 1 << 52

// credible tells whether a bank may claim a number; given is the highest it was given.
func credible(n, given int64) bool { return n >= 0 && n <= max(numberMax, given) }

// sane tells whether the numbers of a birth leave room to count on from them.
func (b *bank) sane(s *wire.State) bool {
	for name, at := range s.Codes {
		mine := b.Sets[name]
		if mine == nil {
			mine = &set{}
		}
		if !mine.credible(position{at.Epoch, at.Version}) {
			return false
		}
	}
	return (s.Desired == nil || credible(s.Desired.Version, b.Desired.Version)) &&
		(s.Trust == nil || credible(s.Trust.Version, b.Trust.Version)) &&
		(s.Command == nil || credible(s.Command.Counter, b.Counter)) &&
		s.Boot > 0 && credible(s.Boot, 0) && credible(s.Conn, 0) && s.Journal.First <= numberMax && s.Journal.Next <= numberMax
}

// slim is a birth without what is kept elsewhere.
func slim(s *wire.State) *wire.State {
	c := *s
	if len(c.Codes) > managedMax {
		c.Codes = nil
	}
	if len(c.Version) > 64 {
		c.Version = c.Version[:64]
	}
	if len(c.Nonce) > 64 {
		c.Nonce = ""
	}
	return &c
}

// death notes the end of the bank's connection. One that names another connection
// than the last birth is late: the broker found the old one dead after the bank had
// come back.
func (t *txn) death(b *bank, s *wire.State) {
	if b.Birth != nil && (b.Birth.Boot != s.Boot || b.Birth.Conn != s.Conn) {
		return
	}
	delete(t.c.unborn, b.Name)
	if b.Online {
		b.Online, b.Reason, b.dirty = false, "", true
		if s.Reason == "shutdown" {
			b.Reason = s.Reason
		}
	}
}

// changeJournal begins with a new or replaced board, or one that came back.
func (t *txn) changeJournal(b *bank, id string) {
	if b.Journal != "" {
		t.twin(b, id)
		if t.c.roll != nil {
			t.c.roll.Replaced(b.Name, t.now)
		}
		for _, name := range slices.Sorted(maps.Keys(b.Sets)) {
			t.endProbe(b, name, b.Sets[name])
			t.spend(b, name, b.Sets[name])
			t.calmEpoch(b, name, b.Sets[name])
		}
	}
	b.Journal = id
	b.Desired.Applied, b.Desired.Rejected, b.Desired.Why = 0, 0, ""
	if t.driven(b.Desired.Version) {
		b.Desired.Version = t.now.Time().Unix()
	}
	b.Trust = document{}
	b.TrustAt, b.TrustSent = 0, 0
	b.doors, b.stock = doorsSummary{}, nil
	t.promote(b)
	t.remember(b) // what came ahead of its birth
	b.Counter = 0
	b.Update = nil
}

// twin notes a board that speaks again though another has taken its place: two that are
// on by turns put each other out at the broker, and each knows of half the uses.
func (t *txn) twin(b *bank, id string) {
	if !b.replaced(id) {
		return // it is new
	}
	first, second := min(id, b.Journal), max(id, b.Journal) // one text for both turns
	b.find(t.now, FoundTwin, fmt.Sprintf("two boards with this name, journals %s and %s; switch one off, or give it another name", first, second))
}

// driven tells whether a number that begins with the time, in seconds, is far above it: a
// board has claimed more, up to where the next one is no number any more.
func (t *txn) driven(n int64) bool { return n > t.now.Add(24*time.Hour).Time().Unix() }

// calmEpoch has a set begin anew where a board has driven its epoch up: the next one
// knows of none.
func (t *txn) calmEpoch(b *bank, name string, s *set) {
	if t.driven(s.Epoch) {
		s.Epoch, s.Bank = 0, position{}
		t.newEpoch(b, name, s)
	}
}

// absorb believes what the birth says of the bank's side. A birth that comes again,
// as the retained one does on each connection of ours, is older than what events
// have told since: it only raises.
func (t *txn) absorb(b *bank, s *wire.State, news bool) {
	for name, at := range s.Codes {
		if mine := b.Sets[name]; mine != nil {
			t.reported(b, name, mine, at, news)
		}
	}
	for name, mine := range b.Sets {
		if _, told := s.Codes[name]; news && !told {
			mine.Bank = position{}
		}
	}
	if s.Desired != nil {
		t.reportedDesired(b, s.Desired.Version, news)
	}
	if s.Trust != nil {
		t.reportedTrust(b, s.Trust.Version, news)
	}
	if s.Command != nil {
		b.Counter = max(b.Counter, s.Command.Counter)
	}
}

// answer sends the bank what it lacks: keys first, for the rest is signed with them.
func (t *txn) answer(b *bank) {
	t.openSet(b, locker.SetOperator)
	t.sweep(b)
	t.sendTrust(b)
	t.ack(b)
	b.ackDue = false
	for _, name := range slices.Sorted(maps.Keys(b.Sets)) {
		t.syncSet(b, name, b.Sets[name], "")
		t.probeOn(b, name, b.Sets[name])
	}
	t.sendDesired(b)
	t.sendCommands(b, true)
}
