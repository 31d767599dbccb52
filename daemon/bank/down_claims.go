package bank

import (
	"context"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

// Claim is a collect code that names a door, with what tells whether it lives.
type Claim struct {
	Door locker.DoorID
	locker.Naming
	Uses int // as Code.MaxUses
}

// ClaimOf returns the claim that a code makes on a door, if it makes one.
func ClaimOf(set string, c *locker.Code) (Claim, bool) {
	if c.Kind != locker.Collect || c.Door.IsZero() {
		return Claim{}, false
	}
	n := locker.Naming{Code: locker.CodeKey{Set: set, ID: c.ID}, NotAfter: c.NotAfter, Tenant: c.Tenant}
	return Claim{Door: c.Door, Naming: n, Uses: c.MaxUses()}, true
}

// dead tells whether a claim has ended, by what is known of its code.
func (c *Claim) dead(m locker.Mark, at locker.Time) bool {
	return m.Revoked || c.Uses > 0 && m.Used >= c.Uses || !c.NotAfter.IsZero() && at > c.NotAfter
}

// LiveClaims returns of the claims of a snapshot that is being loaded those that live,
// and a door that more of them name than may.
func (b *Bank) LiveClaims(ctx context.Context, list []Claim) (live []Claim, over locker.DoorID, err error) {
	marks, err := b.marksOf(list)
	if err != nil {
		return nil, over, err
	}
	err = b.call(ctx, func() {
		at, named := b.clock.Read().Now, map[*slot]int{}
		for i := range list {
			c := &list[i]
			d, ok := b.byID[c.Door]
			if !ok || c.dead(d.doubted(c.Code, marks[c.Code]), at) {
				continue
			}
			live = append(live, *c)
			if named[d]++; named[d] > maxNamed {
				over = c.Door
			}
		}
	})
	return live, over, err
}

// doubted is the mark of a code as a claim on the door sees it: a last use on an opening
// that is still open to doubt is none yet, see forgo.
func (d *slot) doubted(code locker.CodeKey, m locker.Mark) locker.Mark {
	if in := d.rec.Intent; in != nil && in.Code == code && !m.Revoked {
		m.Used = 0
	}
	return m
}

// claims are the lists of claims that some doors shall have once a set has changed.
type claims struct {
	b    *Bank
	set  string
	next map[*slot][]locker.Naming
	adds map[*slot]string // a code that was added
}

// keepClaims begins with the claims there are, less those that gone names.
func (b *Bank) keepClaims(set string, gone func(locker.CodeKey) bool) *claims {
	c := &claims{b: b, set: set, next: map[*slot][]locker.Naming{}, adds: map[*slot]string{}}
	for _, d := range b.slots {
		if !slices.ContainsFunc(d.rec.Named, func(n locker.Naming) bool { return gone(n.Code) }) {
			continue
		}
		c.next[d] = slices.DeleteFunc(slices.Clone(d.rec.Named), func(n locker.Naming) bool { return gone(n.Code) })
	}
	return c
}

// add adds a claim that lives.
func (c *claims) add(n Claim, m locker.Mark, at locker.Time) {
	d, ok := c.b.byID[n.Door]
	if !ok {
		return
	}
	if n.dead(d.doubted(n.Code, m), at) {
		return
	}
	if _, begun := c.next[d]; !begun {
		c.next[d] = slices.Clone(d.rec.Named)
	}
	c.next[d] = append(c.next[d], n.Naming)
	c.adds[d] = n.Code.ID
}

// over returns a door that more codes of the set would name than may, and one of
// the new. Those of other sets don't count: one tenant leaves another all its room.
func (c *claims) over() (locker.DoorID, string, bool) {
	for _, d := range slices.SortedFunc(maps.Keys(c.adds), byID) {
		if n := namings(c.next[d], c.set); n > maxNamed && n > namings(d.rec.Named, c.set) {
			return d.spec.ID, c.adds[d], true
		}
	}
	return locker.DoorID{}, "", false
}

// namings counts the claims that codes of one set make.
func namings(named []locker.Naming, set string) (n int) {
	for i := range named {
		if named[i].Code.Set == set {
			n++
		}
	}
	return n
}

// settle puts the lists into the doors and says what that does to the stock.
func (c *claims) settle(t *tx) {
	for _, d := range slices.SortedFunc(maps.Keys(c.next), byID) {
		named := c.next[d]
		if len(named) == 0 {
			named = nil
		}
		if slices.Equal(named, d.rec.Named) {
			continue
		}
		c.b.change(t, d, func() { d.rec.Named = named })
		for _, n := range named {
			c.b.wakeForNaming(n)
		}
	}
}

// claimsOf are the claims after a delta.
func (b *Bank) claimsOf(t *tx, set string, p *codePlan) (*claims, error) {
	c := b.keepClaims(set, func(k locker.CodeKey) bool { return k.Set == set && p.now[k.ID] != nil })
	for _, id := range slices.Sorted(maps.Keys(p.now)) {
		n := p.now[id]
		if !n.live() {
			continue
		}
		claim, ok := ClaimOf(set, n.code)
		if !ok {
			continue
		}
		m, _, err := b.store.Mark(claim.Code)
		if err != nil {
			return nil, err
		}
		c.add(claim, m, t.at)
	}
	return c, nil
}
