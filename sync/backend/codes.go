package backend

import (
	"bytes"
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
)

// States of a code here.
const (
	StateLive     = "live"
	StateRevoked  = "revoked"
	StateSpent    = "spent"    // used at a board that has been replaced: the new one doesn't get it
	StateRejected = "rejected" // the bank would not have it
)

// record is a code as it is kept. The text is not in it.
type record struct {
	Code    locker.Code `json:"code"`
	State   string      `json:"state"`
	Why     string      `json:"why,omitempty"`
	Ticket  bool        `json:"ticket,omitempty"` // a revoked id that was never put
	Made    locker.Time `json:"made"`
	Changed locker.Time `json:"changed"`
	Used    int         `json:"used,omitempty"` // at the present board
	UsedAt  locker.Time `json:"used_at,omitzero"`
	Held    bool        `json:"held,omitempty"` // not sent for now, see probe.go
}

func (r *record) used() bool { return r.Code.MaxUses() > 0 && r.Used >= r.Code.MaxUses() }

// part is what the record counts as in the digest of its set.
func (r *record) part() locker.Digest {
	if r == nil || r.State != StateLive || r.Held {
		return locker.Digest{}
	}
	return r.Code.DigestPart()
}

func (t *txn) record(bank, set, id string) *record {
	r := &record{}
	if !t.getJSON(codeKey(bank, set, id), r) {
		return nil
	}
	return r
}

// records calls each for all records of a set in the order of their ids.
func (t *txn) records(bank, set string, each func(*record) bool) {
	t.recordsAfter(bank, set, "", each)
}

func (t *txn) recordsAfter(bank, set, id string, each func(*record) bool) {
	t.scan(key('c', bank, set), append(codeKey(bank, set, id), 0), func(k, v []byte) bool {
		r := &record{}
		if err := json.Unmarshal(v, r); err != nil {
			t.fail(fmt.Errorf("cannot read the record %q of the store: %w; bring it back from a backup", k, err))
			return false
		}
		return each(r)
	})
}

// save writes a record and makes a version of its change.
func (t *txn) save(b *bank, name string, s *set, old, r *record) {
	r.Changed = t.now
	if old == nil {
		s.Records++
	}
	t.putJSON(codeKey(b.Name, name, r.Code.ID), r)
	t.tag(b.Name, name, old, r)
	t.change(b, name, s, logged{was: old.part(), now: r.part(), id: r.Code.ID})
}

// tag keeps who holds which tag at a bank: two live codes may not share one.
func (t *txn) tag(bank, set string, old, r *record) {
	if old != nil && old.State == StateLive {
		t.del(tagKey(bank, old.Code.Tag))
	}
	if r != nil && r.State == StateLive {
		t.put(tagKey(bank, r.Code.Tag), []byte(set+"\x00"+r.Code.ID))
	}
}

// drop forgets a record, here and at the bank.
func (t *txn) drop(b *bank, name string, s *set, r *record) {
	s.Records--
	t.del(codeKey(b.Name, name, r.Code.ID))
	t.tag(b.Name, name, r, nil)
	t.change(b, name, s, logged{was: r.part(), id: r.Code.ID})
}

// putCode adds or replaces a code.
func (t *txn) putCode(b *bank, name string, s *set, c locker.Code) error {
	old := t.record(b.Name, name, c.ID)
	switch {
	case old != nil && old.State == StateRevoked:
		return refusef("cannot issue code %s: its id is revoked, and that is for ever; use another id", c.ID)
	case old != nil && old.State == StateLive && c.Rev <= old.Code.Rev:
		return refusef("cannot change code %s: its rev is %d; give a higher one", c.ID, old.Code.Rev)
	case old == nil && s.Records >= codesMax:
		return refusef("cannot issue code %s: set %s of %s holds %d records; drop old ones", c.ID, name, b.Name, s.Records)
	}
	if holder := t.get(tagKey(b.Name, c.Tag)); holder != nil && !bytes.Equal(holder, []byte(name+"\x00"+c.ID)) {
		return refusef("cannot issue code %s: a live code of %s has the same tag; make another text", c.ID, b.Name)
	}
	r := &record{Code: c, State: StateLive, Made: t.now}
	if old != nil {
		r.Made, r.Used, r.UsedAt = old.Made, old.Used, old.UsedAt
	}
	t.save(b, name, s, old, r)
	return nil
}

// revokeCode revokes an id for ever, known or not: a ticket's is not known.
func (t *txn) revokeCode(b *bank, name string, s *set, id string) error {
	old := t.record(b.Name, name, id)
	if old != nil && old.State == StateRevoked {
		return nil
	}
	r := &record{Code: locker.Code{ID: id}, Ticket: true, Made: t.now}
	if old != nil {
		c := *old
		r = &c
	} else if s.Records >= codesMax {
		return refusef("cannot revoke %s: set %s of %s holds %d records; drop old ones", id, name, b.Name, s.Records)
	}
	r.State, r.Held = StateRevoked, false
	t.save(b, name, s, old, r)
	return nil
}

// revokeAgain repeats the revocations that a snapshot can't carry: it holds live
// codes only, and of a ticket nothing but the revocation is known. So many at a time
// that their changes are remembered until the bank has them; then the next.
func (t *txn) revokeAgain(b *bank, name string, s *set) {
	var ids []string
	t.recordsAfter(b.Name, name, s.OwedAfter, func(r *record) bool {
		if r.State == StateRevoked && !r.expired(t.now) {
			ids = append(ids, r.Code.ID)
		}
		return len(ids) < logMax/2
	})
	for _, id := range ids {
		t.change(b, name, s, logged{id: id})
	}
	s.owe("", false)
	if len(ids) == logMax/2 {
		s.owe(ids[len(ids)-1], true)
	}
	b.dirty = true
}

// spend takes out what was used at the board before, and lowers the uses of what
// was used in part: the new board knows no marks.
func (t *txn) spend(b *bank, name string, s *set) {
	var used []*record
	t.records(b.Name, name, func(r *record) bool {
		if r.Used > 0 && r.State == StateLive {
			used = append(used, r)
		}
		return true
	})
	for _, old := range used {
		r := *old
		if r.Code.MaxUses() > 0 {
			r = r.less(r.Used)
		}
		r.Used = 0
		t.save(b, name, s, old, &r)
	}
}

// less is the record with uses taken out of which the present board has no marks.
func (r record) less(uses int) record {
	if left := r.Code.MaxUses() - uses; left > 0 {
		r.Code.Uses = &left
		r.Code.Rev++
	} else {
		r.State = StateSpent
	}
	return r
}

// useBefore takes a use at a board that has been replaced from what the present one has.
func (t *txn) useBefore(b *bank, name, id string) {
	s, old := b.Sets[name], t.record(b.Name, name, id)
	if s == nil || old == nil || old.State != StateLive || old.Code.MaxUses() == 0 {
		return
	}
	before, r := s.Version, old.less(1)
	t.save(b, name, s, old, &r)
	t.push(b, name, s, before)
}

// use notes a use that the bank has told of.
func (t *txn) use(b *bank, name, id string, at locker.Time) {
	if b.Sets[name] == nil {
		return
	}
	r := t.record(b.Name, name, id)
	if r == nil {
		return
	}
	r.Used++
	r.UsedAt = max(r.UsedAt, at)
	t.putJSON(codeKey(b.Name, name, id), r)
}

// reject takes out a code that the bank would not have, so that it does not fell
// the others of its message again.
func (t *txn) reject(b *bank, name, id, why string) {
	s := b.Sets[name]
	if s == nil {
		return
	}
	old := t.record(b.Name, name, id)
	if old == nil || old.State != StateLive {
		return
	}
	r := *old
	r.State, r.Why, r.Held = StateRejected, why, false
	t.save(b, name, s, old, &r)
	t.syncSet(b, name, s, "")
}
