package backend

import (
	"encoding/json"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// netChange is what the changes of one id since a version come to.
type netChange struct {
	logged
	last int64
}

// delta makes the messages that bring a bank from a position to the present; false
// if only a snapshot can. Changes of one id come down to the last.
func (t *txn) delta(b *bank, name string, s *set, from position) ([]*wire.Codes, bool) {
	if from.Epoch != s.Epoch || from.Version < s.LogFrom || from.Version > s.Version {
		return nil, false
	}
	changes, digest, ok := t.changes(b.Name, name, s, from.Version)
	if !ok {
		return nil, false
	}
	d := deltaMaker{t: t, b: b, set: name, epoch: s.Epoch, from: from.Version, digest: digest}
	for i := range changes {
		d.add(&changes[i])
	}
	d.close(s.Version)
	return d.msgs, len(d.msgs) <= deltaMax
}

// changes returns the net changes after a version in the order of their last
// change, and the digest before them.
func (t *txn) changes(bank, name string, s *set, from int64) ([]netChange, locker.Digest, bool) {
	byID := map[string]*netChange{}
	whole := true
	t.scan(key('l', bank, name), logKey(bank, name, from+1), func(k, v []byte) bool {
		l, ok := parseLogged(v)
		if !ok {
			whole = false
			return false
		}
		c := byID[l.id]
		if c == nil {
			c = &netChange{logged: l}
			byID[l.id] = c
		}
		c.now, c.last = l.now, int64(last64(k)) //nolint:gosec // versions are positive
		return true
	})
	list := make([]netChange, 0, len(byID))
	digest := s.Digest
	for _, c := range byID {
		digest.Toggle(c.was)
		digest.Toggle(c.now)
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b netChange) int { return int(a.last - b.last) })
	return list, digest, whole
}

// deltaMaker packs changes into messages.
type deltaMaker struct {
	t      *txn
	b      *bank
	set    string
	epoch  int64
	from   int64
	to     int64
	digest locker.Digest
	ops    []wire.Op
	size   int
	msgs   []*wire.Codes
}

func (d *deltaMaker) add(c *netChange) {
	op := d.op(c.id)
	n := opSize(&op)
	if d.size+n > bodyBytes && len(d.ops) > 0 {
		d.close(d.to)
	}
	d.ops, d.size, d.to = append(d.ops, op), d.size+n, c.last
	d.digest.Toggle(c.was)
	d.digest.Toggle(c.now)
}

// op is what the bank must do to have an id as it is here.
func (d *deltaMaker) op(id string) wire.Op {
	r := d.t.record(d.b.Name, d.set, id)
	switch {
	case r != nil && r.State == StateLive && !r.Held:
		return wire.Op{Put: &r.Code}
	case r != nil && r.State == StateRevoked:
		return wire.Op{Revoke: id}
	}
	return wire.Op{Drop: id}
}

func (d *deltaMaker) close(to int64) {
	from, digest := d.from, d.digest
	d.msgs = append(d.msgs, &wire.Codes{
		Head: d.b.head(), Set: d.set, Epoch: d.epoch, From: &from, To: to, Ops: d.ops, Digest: &digest, At: d.t.now,
	})
	d.from, d.ops, d.size = to, nil, 0
}

func opSize(op *wire.Op) int {
	b, err := json.Marshal(op)
	if err != nil {
		return bodyBytes
	}
	return len(b) + 1
}
