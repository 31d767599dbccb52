package backend

import (
	"strings"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// A store brought back from a backup may hold codes as live that were revoked since.
// The bank keeps a revocation for ever, tells nobody which ids it holds revoked, and
// refuses each message whose digest counts one as live: for ever, too. (lockerd takes
// a snapshot all the same, and refuses each delta after it.) So such a set is given
// anew: empty first, then its codes in groups, as deltas. A group that is refused is
// taken back and halved; a single code that is refused is the one, and is revoked here
// as well. What was taken back must be confirmed before the next group goes, so that
// a refusal is never taken for that of another group.

const (
	probeFirst = 64  // codes in the first group, doubling
	probeMax   = 256 // and at most
	probeAfter = 4   // refusals for the digest without a delta applied between them
)

// probe is how far that is.
type probe struct {
	Size  int      `json:"size"`            // of the next group
	Group []string `json:"group,omitempty"` // on its way
}

// learnDigest takes up that the bank came to another digest.
func (t *txn) learnDigest(b *bank, name string) {
	s := b.Sets[name]
	if s == nil || s.applied() {
		return
	}
	switch {
	case s.Probe != nil && len(s.Probe.Group) > 0:
		t.halve(b, name, s)
	case s.Probe == nil:
		t.doubt(b, name, s, 1)
	}
}

// doubt counts what says that the bank's digest is another for good.
func (t *txn) doubt(b *bank, name string, s *set, n int) {
	if s.futile += n; s.futile >= probeAfter && s.Probe == nil {
		t.beginProbe(b, name, s)
	}
}

// beginProbe holds back all live codes and sends the empty set.
func (t *txn) beginProbe(b *bank, name string, s *set) {
	b.find(t.now, FoundRestored, "the bank holds codes of set "+name+" revoked that are live here: they are looked for")
	var live []*record
	t.records(b.Name, name, func(r *record) bool {
		if r.State == StateLive && !r.Held {
			live = append(live, r)
		}
		return true
	})
	for _, r := range live {
		r.Held = true
		t.putJSON(codeKey(b.Name, name, r.Code.ID), r)
	}
	s.Digest, s.Live, s.futile = locker.Digest{}, 0, 0
	s.Probe = &probe{Size: probeFirst}
	t.newEpoch(b, name, s)
	s.again.reset()
	t.syncSet(b, name, s, "")
}

// probeOn goes on once the bank has what was sent: with the next group, or to the
// end.
func (t *txn) probeOn(b *bank, name string, s *set) {
	p := s.Probe
	if p == nil || !s.applied() {
		return
	}
	if len(p.Group) > 0 {
		p.Size = min(2*p.Size, probeMax)
	}
	p.Group = nil
	b.dirty = true
	var next []*record
	t.records(b.Name, name, func(r *record) bool {
		if r.Held {
			next = append(next, r)
		}
		return len(next) < p.Size
	})
	if len(next) == 0 {
		s.Probe = nil
		return
	}
	before := s.Version
	for _, r := range next {
		t.hold(b, name, s, r, false)
		p.Group = append(p.Group, r.Code.ID)
	}
	t.push(b, name, s, before)
}

// hold takes a live code out of the set for the time being, or puts it back.
func (t *txn) hold(b *bank, name string, s *set, r *record, held bool) {
	l := logged{was: r.part(), id: r.Code.ID}
	r.Held = held
	l.now = r.part()
	t.putJSON(codeKey(b.Name, name, r.Code.ID), r)
	t.change(b, name, s, l)
}

// halve takes back a group that was refused.
func (t *txn) halve(b *bank, name string, s *set) {
	p := s.Probe
	for _, id := range p.Group {
		r := t.record(b.Name, name, id)
		if r == nil || r.State != StateLive || r.Held {
			continue
		}
		if len(p.Group) > 1 {
			t.hold(b, name, s, r, true)
			continue
		}
		revoked := *r
		revoked.State, revoked.Why = StateRevoked, "the bank holds it revoked"
		t.save(b, name, s, r, &revoked)
	}
	p.Size, p.Group = max(len(p.Group)/2, 1), nil
	b.dirty = true
	s.again.reset()
	t.syncSet(b, name, s, "")
}

// endProbe gives all that is held back: a new board holds nothing revoked.
func (t *txn) endProbe(b *bank, name string, s *set) {
	if s.Probe == nil {
		return
	}
	var held []*record
	t.records(b.Name, name, func(r *record) bool {
		if r.Held {
			held = append(held, r)
		}
		return true
	})
	for _, r := range held {
		t.hold(b, name, s, r, false)
	}
	s.Probe = nil
}

// digestRefused tells whether a refusal is for a set's digest.
func digestRefused(ev *locker.Event) bool {
	return string(ev.Reason) == wire.Malformed && ev.Op == "" && strings.HasPrefix(ev.Why, "digest")
}
