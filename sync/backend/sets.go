package backend

import (
	"bytes"
	"fmt"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// set is one set of codes of one bank: what it should be, and how much of it the
// bank has.
type set struct {
	Epoch   int64         `json:"epoch"`
	Version int64         `json:"version"`
	Digest  locker.Digest `json:"digest"`
	Live    int           `json:"live"`    // records the bank should hold
	Records int           `json:"records"` // all that are kept here
	LogFrom int64         `json:"log"`     // changes above this version are remembered
	Bank    position      `json:"bank"`    // as the bank has said, never what was only sent
	SnapTo  int64         `json:"snap,omitempty"`
	Told    int64         `json:"told,omitempty"` // newest version of the epoch that was sent; 0: not known
	Probe   *probe        `json:"probe,omitempty"`

	Owed      bool   `json:"owed,omitempty"`       // revocations must follow the snapshot
	OwedAfter string `json:"owed_after,omitempty"` // those of ids behind this one
	OwedTo    int64  `json:"owed_to,omitempty"`    // once the bank has this version

	again  backoff
	snaps  burst
	futile int
	sent   position // last one sent on this connection
	asked  question
}

// burst bounds how often a bank can make a whole set be read and sent.
type burst struct {
	since locker.Time
	n     int
}

func (b *burst) take(now locker.Time) bool {
	if now >= b.since.Add(snapWindow) {
		*b = burst{since: now}
	}
	b.n++
	return b.n <= snapBurst
}

// position is how far a bank is.
type position struct {
	Epoch   int64 `json:"epoch"`
	Version int64 `json:"version"`
}

func (p position) above(q position) bool {
	return p.Epoch > q.Epoch || p.Epoch == q.Epoch && p.Version > q.Version
}

// question is the last up/get, to recognise one that the answer did not help.
type question struct {
	position
	nonce string
	at    locker.Time
}

func (s *set) want() position { return position{s.Epoch, s.Version} }

// credible tells whether a bank may say that it is there.
func (s *set) credible(p position) bool {
	return credible(p.Epoch, s.Epoch) && credible(p.Version, s.Version)
}

// untold tells whether a bank has a version that this store has not sent: under it a store
// that is lost may have sent something else, and a revocation of a ticket shows in no digest.
func (s *set) untold(p position) bool { return s.Told > 0 && p.Epoch == s.Epoch && p.Version > s.Told }

// tell notes that all there is goes out.
func (s *set) tell(b *bank) { s.sent, s.Told, b.dirty = s.want(), s.Version, true }

func (s *set) applied() bool { return s.Bank == s.want() }

// openSet begins to keep a set at a bank, if it does not yet.
func (t *txn) openSet(b *bank, name string) *set {
	if s := b.Sets[name]; s != nil {
		return s
	}
	s := &set{Version: 1, LogFrom: 1}
	if b.Birth != nil {
		if at, ok := b.Birth.Codes[name]; ok {
			s.Bank = position{at.Epoch, at.Version}
		}
	}
	s.Epoch = max(t.now.Time().Unix(), s.Bank.Epoch+1)
	if b.Sets == nil {
		b.Sets = map[string]*set{}
	}
	b.Sets[name], b.dirty = s, true
	return s
}

// newEpoch begins the numbering anew, above all the bank has: it takes a snapshot
// then, whatever it holds.
func (t *txn) newEpoch(b *bank, name string, s *set) {
	s.Epoch, s.Told = max(t.now.Time().Unix(), s.Epoch+1, s.Bank.Epoch+1), 0
	t.cutLog(b, name, s, s.Version)
	b.dirty = true
}

// cutLog forgets the changes up to a version.
func (t *txn) cutLog(b *bank, name string, s *set, upto int64) {
	for v := s.LogFrom + 1; v <= upto; v++ {
		t.del(logKey(b.Name, name, v))
	}
	s.LogFrom = max(s.LogFrom, upto)
}

// reported takes the bank's word on how far a set is.
func (t *txn) reported(b *bank, name string, s *set, at wire.SetState, absolute bool) {
	p := position{at.Epoch, at.Version}
	if !absolute && !p.above(s.Bank) {
		return
	}
	want, untold := s.want(), s.untold(p)
	t.arrive(b, name, s, p)
	if p.above(want) || untold {
		b.find(t.now, FoundRestored, fmt.Sprintf("the bank's set %s is ahead of this store: it gets a new epoch", name))
		t.newEpoch(b, name, s)
		return
	}
	if p == want && at.Digest != s.Digest {
		b.find(t.now, FoundRestored, fmt.Sprintf("the bank's set %s has other codes under the same version: it gets a new epoch", name))
		t.newEpoch(b, name, s)
		t.doubt(b, name, s, probeAfter/2)
	}
}

// confirmed takes the bank's event that something was applied.
func (t *txn) confirmed(b *bank, name string, p position) {
	s := b.Sets[name]
	if s == nil || !s.credible(p) {
		return
	}
	if p.above(s.want()) || s.untold(p) {
		t.surpassed(b, name, s, p)
		return
	}
	if !p.above(s.Bank) {
		t.settleOwed(b, name, s, p)
		return
	}
	t.arrive(b, name, s, p)
	s.again.reset()
	if s.sent != s.want() {
		t.syncSet(b, name, s, "")
	}
	t.probeOn(b, name, s)
}

// surpassed begins a new epoch for a set of which the bank has more than this store:
// the store is an older one than the bank has known.
func (t *txn) surpassed(b *bank, name string, s *set, p position) {
	s.Bank, b.dirty = p, true
	b.find(t.now, FoundRestored, fmt.Sprintf("the bank's set %s is ahead of this store: it gets a new epoch", name))
	t.newEpoch(b, name, s)
	t.syncSet(b, name, s, "")
}

// arrive notes where the bank is. It gets to another epoch by a snapshot only. One that this
// store knows nothing of was sent by a store that is lost, and the revocations to follow it
// may be lost with that.
func (t *txn) arrive(b *bank, name string, s *set, p position) {
	if p.Epoch == s.Epoch && s.Bank.Epoch != p.Epoch && !s.Owed {
		s.owe("", true)
	}
	s.Bank, b.dirty = p, true
	t.settleOwed(b, name, s, p)
}

// settleOwed repeats revocations once the snapshot before them is applied.
func (t *txn) settleOwed(b *bank, name string, s *set, p position) {
	if s.Owed && p.Epoch == s.Epoch && p.Version >= max(s.SnapTo, s.OwedTo) {
		t.revokeAgain(b, name, s)
	}
}

// owe notes from where on revocations are to follow once the bank has what there is now.
func (s *set) owe(after string, owed bool) { s.Owed, s.OwedAfter, s.OwedTo = owed, after, s.Version }

// syncSet sends what brings the bank's set up to date; if it is, the word that it
// is. The nonce is that of the question it answers.
func (t *txn) syncSet(b *bank, name string, s *set, nonce string) {
	if !b.online() {
		return
	}
	if s.Bank.above(s.want()) || s.again.tries > futileMax {
		s.again.reset()
		t.newEpoch(b, name, s)
	}
	if msgs, ok := t.delta(b, name, s, s.Bank); ok {
		for _, m := range msgs {
			m.Nonce = nonce
			t.send(b, wire.TopicCodes, name, m)
		}
		s.tell(b)
		s.again.sent(t.now)
		return
	}
	t.snapshot(b, name, s, nonce, 0, 0)
}

// snapshot orders the whole set, or one chunk of it.
func (t *txn) snapshot(b *bank, name string, s *set, nonce string, chunk int, to int64) {
	due := s.again.at
	s.again.sent(t.now)
	if !s.snaps.take(t.now) {
		return // the retry comes to it
	}
	k, ok := t.c.pick(b, name, wire.TopicCodes)
	if !ok {
		return
	}
	t.out = append(t.out, effect{bank: b.Name, key: k, topic: wire.TopicCodes, snapshot: &snapshot{
		head: b.head(), set: name, nonce: nonce, chunk: chunk, to: to,
	}})
	if chunk == 0 {
		due = t.now.Add(s.underWay())
	}
	s.again.at = max(s.again.at, due)
	s.SnapTo, b.dirty = s.Version, true
	s.owe("", true)
	s.tell(b)
}

// underWay is how long a slow link may be busy with a whole set. Sent again meanwhile it
// would stand before everything else; a bank that lacks a chunk asks for that.
func (s *set) underWay() time.Duration {
	return min(time.Duration(s.Live)*time.Second/slowCodes, retryMax)
}

// push sends changes made just now. If the bank has what came before, or it is on
// the way to it, only they are sent.
func (t *txn) push(b *bank, name string, s *set, from int64) {
	if !b.online() {
		return
	}
	before := position{s.Epoch, from}
	if s.Bank == before || s.sent == before {
		if msgs, ok := t.delta(b, name, s, before); ok {
			for _, m := range msgs {
				t.send(b, wire.TopicCodes, name, m)
			}
			s.tell(b)
			s.again.reset()
			s.again.sent(t.now)
			return
		}
	}
	t.syncSet(b, name, s, "")
}

// logged is a remembered change: what the id counted as in the digest before and
// after, zero while it was not live.
type logged struct {
	was, now locker.Digest
	id       string
}

// change makes the next version of a set of a change of one id.
func (t *txn) change(b *bank, name string, s *set, l logged) {
	var none locker.Digest
	s.Version++
	s.Digest.Toggle(l.was)
	s.Digest.Toggle(l.now)
	if l.was != none {
		s.Live--
	}
	if l.now != none {
		s.Live++
	}
	v := append(bytes.Clone(l.was[:]), l.now[:]...)
	t.put(logKey(b.Name, name, s.Version), append(v, l.id...))
	if s.Version-s.LogFrom > logMax {
		t.cutLog(b, name, s, s.Version-logMax)
	}
	b.dirty = true
}

func parseLogged(v []byte) (logged, bool) {
	var l logged
	if len(v) <= len(l.was)+len(l.now) {
		return l, false
	}
	n := copy(l.was[:], v)
	n += copy(l.now[:], v[n:])
	l.id = string(v[n:])
	return l, true
}

// over tells when a record is of no more use, zero: never by itself.
func (r *record) over() locker.Time {
	switch {
	case r.Ticket:
		return r.Changed.Add(keepTicket)
	case r.State == StateSpent || r.State == StateRevoked || r.State == StateRejected:
		return max(r.Changed, r.Code.NotAfter).Add(keepCodes)
	case !r.Code.NotAfter.IsZero():
		return r.Code.NotAfter.Add(keepCodes)
	case r.used():
		return r.UsedAt.Add(keepCodes)
	}
	return 0
}

// sweep drops codes long over, here and, with the next message, at the bank.
func (t *txn) sweep(b *bank) {
	if t.now < b.Swept.Add(sweepEvery) {
		return
	}
	b.Swept, b.dirty = t.now, true
	for name, s := range b.Sets {
		var old []*record
		t.records(b.Name, name, func(r *record) bool {
			if at := r.over(); at != 0 && t.now > at {
				old = append(old, r)
			}
			return len(old) < sweepMax
		})
		for _, r := range old {
			t.drop(b, name, s, r)
		}
	}
}

// expired tells whether a code's window is over.
func (r *record) expired(now locker.Time) bool {
	return !r.Code.NotAfter.IsZero() && now > r.Code.NotAfter
}
