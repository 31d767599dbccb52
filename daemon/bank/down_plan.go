package bank

import (
	"fmt"

	"lockerd/daemon/locker"
)

// codeStore is what planning a delta reads.
type codeStore interface {
	Code(key locker.CodeKey) (locker.Entry, bool, error)
	Mark(key locker.CodeKey) (locker.Mark, bool, error)
	Within(set string, tag locker.Tag) (locker.Entry, bool, error)
	Elsewhere(set string, tags []locker.Tag) (locker.Entry, bool, error)
}

// codePlan walks the ops of a delta over what the store has, without writing:
// what the set would be after them, and whether each may be.
type codePlan struct {
	store   codeStore
	set     string
	info    locker.SetInfo // as it would be; epoch, version and time stay
	records int            // in the set after the ops
	revoked int            // ids revoked by the ops that were not
	changes []locker.CodeChange
	now     map[string]*planned
	tags    map[locker.Tag]string // tags put by this delta, and whose they are
	old     int                   // puts ignored because a later revision is there
	oldest  string                // the first of them, in words
}

// planned is one id as it stands within a plan.
type planned struct {
	code    *locker.Code // nil: no record
	revoked bool
}

func (p *planned) live() bool { return p.code != nil && !p.revoked }

// plan returns the first record that may not be, or nil.
func (p *codePlan) plan(d *Delta) (*Refusal, error) {
	p.now, p.tags = map[string]*planned{}, map[locker.Tag]string{}
	for i := range d.Ops {
		op := &d.Ops[i]
		var why string
		var err error
		switch {
		case op.Put != nil:
			why, err = p.put(op)
		case op.Revoke != "":
			err = p.revoke(op)
		default:
			err = p.drop(op)
		}
		if err != nil {
			return nil, err
		}
		if why != "" {
			return d.refuse(refusedMalformed, "put", op.Put.ID, why), nil
		}
	}
	return p.elsewhere(d)
}

// at returns an id as it stands now.
func (p *codePlan) at(id string) (*planned, error) {
	if n, ok := p.now[id]; ok {
		return n, nil
	}
	key := locker.CodeKey{Set: p.set, ID: id}
	e, ok, err := p.store.Code(key)
	if err != nil {
		return nil, err
	}
	m, _, err := p.store.Mark(key)
	if err != nil {
		return nil, err
	}
	n := &planned{revoked: m.Revoked || e.Mark.Revoked}
	if ok {
		n.code = &e.Code
	}
	p.now[id] = n
	return n, nil
}

func (p *codePlan) toggle(n *planned, by int) {
	p.info.Count += by
	p.info.Digest.Toggle(n.code.DigestPart())
}

func (p *codePlan) put(op *locker.CodeChange) (why string, err error) {
	c := op.Put
	n, err := p.at(c.ID)
	if err != nil {
		return "", err
	}
	if n.code != nil && c.Rev <= n.code.Rev {
		if p.old++; p.old == 1 {
			p.oldest = fmt.Sprintf("put of %s with rev %d ignored, rev %d is here", c.ID, c.Rev, n.code.Rev)
		}
		return "", nil
	}
	if why, err := p.claimTag(c); why != "" || err != nil {
		return why, err
	}
	if n.live() {
		p.toggle(n, -1)
	}
	if n.code == nil {
		p.records++
	}
	n.code = c
	if n.live() {
		p.toggle(n, +1)
	}
	p.tags[c.Tag] = c.ID
	p.changes = append(p.changes, *op)
	return "", nil
}

// claimTag tells why a record may not have its tag: another live record of the
// set has it. A revoked one gives it up and is forgotten, as the store does it.
func (p *codePlan) claimTag(c *locker.Code) (why string, err error) {
	holder, ok := p.tags[c.Tag]
	if !ok {
		e, found, err := p.store.Within(p.set, c.Tag)
		if err != nil || !found {
			return "", err
		}
		holder = e.Code.ID
	}
	if holder == c.ID {
		return "", nil
	}
	o, err := p.at(holder)
	switch {
	case err != nil:
		return "", err
	case o.code == nil || o.code.Tag != c.Tag:
		return "", nil // dropped, or given another tag, by an op before
	case o.live():
		return "another live code has its tag", nil
	}
	p.records--
	o.code = nil
	return "", nil
}

// elsewhere refuses a tag that a live record of another set has, of which
// nothing is told but that it is taken.
func (p *codePlan) elsewhere(d *Delta) (*Refusal, error) {
	var tags []locker.Tag
	for t, id := range p.tags {
		if n := p.now[id]; n.code != nil && n.code.Tag == t {
			tags = append(tags, t)
		}
	}
	if len(tags) == 0 {
		return nil, nil
	}
	e, taken, err := p.store.Elsewhere(p.set, tags)
	if err != nil || !taken {
		return nil, err
	}
	return d.refuse(refusedMalformed, "put", p.tags[e.Code.Tag], "another live code has its tag"), nil
}

func (p *codePlan) revoke(op *locker.CodeChange) error {
	n, err := p.at(op.Revoke)
	if err != nil || n.revoked {
		return err
	}
	if n.live() {
		p.toggle(n, -1)
	}
	n.revoked = true
	p.revoked++
	p.changes = append(p.changes, *op)
	return nil
}

func (p *codePlan) drop(op *locker.CodeChange) error {
	n, err := p.at(op.Drop)
	if err != nil || n.code == nil {
		return err
	}
	if n.live() {
		p.toggle(n, -1)
	}
	p.records--
	n.code = nil
	p.changes = append(p.changes, *op)
	return nil
}

// ignored says what was left out, "" if nothing.
func (p *codePlan) ignored() string {
	if p.old > 1 {
		return fmt.Sprintf("%s, and %d more such", p.oldest, p.old-1)
	}
	return p.oldest
}
