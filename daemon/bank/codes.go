package bank

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"time"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// Bounds of codes issued at the socket.
const (
	maxTTL   = 366 * 24 * time.Hour
	maxName  = 40 // characters, contract 5.1
	maxNamed = 64 // live codes of one set that may name one door
	maxItems = locker.MaxLockers * locker.MaxDoors
)

// name notes that a live collect code names its door: what lies there is spoken
// for from now on.
func (b *Bank) name(t *tx, set string, c *locker.Code) {
	d, ok := b.byID[c.Door]
	if !ok || c.Kind != locker.Collect {
		return
	}
	n := locker.Naming{Code: locker.CodeKey{Set: set, ID: c.ID}, NotAfter: c.NotAfter, Tenant: c.Tenant}
	b.change(t, d, func() { d.rec.Named = append(slices.Clone(d.rec.Named), n) })
	b.wakeForNaming(n)
}

// unname takes the claim of a code back. The caller is inside change, or wants
// the count to move.
func (b *Bank) unname(t *tx, d *slot, key locker.CodeKey) {
	left := slices.DeleteFunc(slices.Clone(d.rec.Named), func(n locker.Naming) bool { return n.Code == key })
	if len(left) == 0 {
		left = nil
	}
	d.rec.Named = left
	t.save(d)
}

// forgo drops an uncertain opening that nobody can finish any more. A code that
// has spent its last use on it is at its end, and its claim with it. The caller
// is inside change.
func (b *Bank) forgo(t *tx, d *slot) {
	in := d.rec.Intent
	d.rec.Intent = nil
	if in == nil || in.Code.IsZero() {
		return
	}
	e := b.stored(in.Code)
	if e == nil || usedUp(e) {
		b.unname(t, d, in.Code)
	}
	if e != nil && in.Gives { // what it was to get may be gone
		b.endUse(t, e)
		b.unreserve(t, in.Code)
	}
}

// expireNamings ends the claims of codes whose window is over, and notes when
// the next one ends.
func (b *Bank) expireNamings(t *tx) {
	b.namingsEnd = 0
	for _, d := range b.slots {
		if !d.rec.Reserved.IsZero() && b.keptFor(d).IsZero() {
			d.rec.Reserved = locker.CodeKey{}
			t.save(d)
		}
		for _, n := range d.rec.Named {
			switch {
			case n.NotAfter.IsZero():
			case t.at > n.NotAfter:
				b.change(t, d, func() { b.unname(t, d, n.Code) })
			default:
				b.wakeForNaming(n)
			}
		}
	}
}

// wakeForNaming has the chores done when a claim ends.
func (b *Bank) wakeForNaming(n locker.Naming) {
	if !n.NotAfter.IsZero() && (b.namingsEnd.IsZero() || n.NotAfter < b.namingsEnd) {
		b.namingsEnd = n.NotAfter
	}
}

// untilNaming returns how long the next claim still holds, in bank time, which
// may jump.
func (b *Bank) untilNaming() (time.Duration, bool) {
	if b.namingsEnd.IsZero() {
		return 0, false
	}
	return b.namingsEnd.Sub(b.clock.Read().Now) + time.Millisecond, true
}

// NewCode issues a code into the set local. Its text is in the answer and
// nowhere else.
func (b *Bank) NewCode(ctx context.Context, n NewCode, by string) (IssuedCode, error) {
	var out IssuedCode
	var err error
	if cerr := b.call(ctx, func() { out, err = b.newCode(n, by) }); cerr != nil {
		return out, cerr
	}
	return out, err
}

func (b *Bank) newCode(n NewCode, by string) (IssuedCode, error) {
	if e := b.checkNewCode(&n); e != nil {
		return IssuedCode{}, e
	}
	text, id, err := randomCode()
	if err != nil {
		return IssuedCode{}, err
	}
	tag := locker.TagOf(b.cfg.Bank, text)
	if _, taken, err := b.store.Find(tag); err != nil || taken {
		return IssuedCode{}, &Error{Code: "failed", Text: "cannot issue the code: its random text is taken", Cure: "repeat the command"}
	}
	t := b.begin()
	now := t.at
	c := locker.Code{
		ID: id, Tag: tag, Kind: n.Kind, Ref: n.Ref, Tenant: n.Tenant, Door: n.Door, SKU: n.SKU,
		Size: n.Size, Accessible: n.Accessible, Items: n.Items, NotBefore: now, NotAfter: now.Add(n.TTL),
		Uses: n.Uses, To: n.To, Label: n.Label, Name: n.Name,
	}
	t.c.Codes = append(t.c.Codes, locker.CodeChange{Set: locker.SetLocal, Put: &c})
	t.add(locker.Event{Type: locker.EvCodesApplied, Set: locker.SetLocal, Op: "put", Code: c.ID, Kind: c.Kind, Ref: c.Ref, Door: c.Door, SKU: c.SKU, Tenant: c.Tenant, By: by})
	b.name(t, locker.SetLocal, &c)
	t.commit()
	if err := b.lost(); err != nil {
		return IssuedCode{}, err
	}
	return IssuedCode{ID: id, Text: text, Tag: c.Tag, NotAfter: c.NotAfter}, nil
}

// checkNewCode judges a request and fills in the tenant that a named door tells.
func (b *Bank) checkNewCode(n *NewCode) *Error {
	invalid := func(cure, format string, a ...any) *Error {
		return &Error{Code: "invalid", Text: "cannot issue the code: " + fmt.Sprintf(format, a...), Cure: cure}
	}
	d, ok := b.byID[n.Door]
	switch {
	case !access.Known(n.Kind):
		return invalid("use collect, deliver, return, swap, clear or service", "there is no kind %q", n.Kind)
	case !n.Door.IsZero() && !ok:
		return b.noDoor(n.Door)
	case n.Kind == locker.Collect && n.Door.IsZero() == (n.SKU == ""):
		return invalid("give --door or --sku", "a collect code needs a door or a sku, one of them")
	case n.Kind == locker.Service && (!n.Door.IsZero() || n.SKU != ""):
		return invalid("leave --door and --sku out: the door is chosen at the bank", "a service code names no door")
	case n.Kind == locker.Deliver && n.SKU == "":
		return invalid("give --sku", "a deliver code needs the sku that comes")
	case (n.Kind == locker.Return || n.Kind == locker.Swap) && n.Size == 0:
		return invalid("give --size XS, S, M, L or XL", "a %s code needs the size of what is put in", n.Kind)
	case n.Kind == locker.Swap && n.To == "":
		return invalid("give --to", "a swap code needs the sku that is given out")
	case n.To != "" && !locker.ValidSKU(n.To):
		return invalid("a-z, 0-9, dot, dash, underscore, at most 32", "%q cannot be a sku", n.To)
	case n.Items < 0 || n.Items > maxItems:
		return invalid(fmt.Sprintf("give --items between 1 and %d", maxItems), "%d items", n.Items)
	case checkLabel(n.Label) != nil:
		return invalid("write the pattern as in RE2, for example [A-Z0-9]{7,12}", "its label cannot be read: %v", checkLabel(n.Label))
	case n.SKU != "" && !locker.ValidSKU(n.SKU):
		return invalid("a-z, 0-9, dot, dash, underscore, at most 32", "%q cannot be a sku", n.SKU)
	case n.Tenant != "" && !locker.ValidTenant(n.Tenant):
		return invalid("a-z, 0-9, dot, dash, underscore, at most 32, and not local", "%q cannot be a tenant", n.Tenant)
	case n.TTL <= 0 || n.TTL > maxTTL:
		return invalid("give --ttl between 1s and 8784h", "a code lives for %s", n.TTL)
	case n.Uses != nil && (*n.Uses < 0 || *n.Uses > 1_000_000):
		return invalid("give --uses 1 or more; 0 is without limit", "%d uses", *n.Uses)
	case len([]rune(n.Name)) > maxName:
		return invalid("shorten --name to 40 characters", "the name is too long")
	case ok && namings(d.rec.Named, locker.SetLocal) >= maxNamed:
		return invalid("revoke some of them: lockerctl code list", "%d live codes name door %s already", maxNamed, n.Door)
	}
	if ok && n.Tenant == "" {
		n.Tenant = d.dedicated()
		if d.rec.Item != nil {
			n.Tenant = d.rec.Item.Tenant
		}
	}
	return nil
}

// randomCode makes a text of 24 random digits with its check pair, 79 bits, and
// an id.
func randomCode() (text, id string, err error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Exp(big.NewInt(10), big.NewInt(24), nil))
	if err != nil {
		return "", "", fmt.Errorf("cannot draw a random code: %w", err)
	}
	var raw [8]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", "", fmt.Errorf("cannot draw a random id: %w", err)
	}
	return access.WithCheck(fmt.Sprintf("%024d", n)), "l-" + hex.EncodeToString(raw[:]), nil
}

// Codes lists the set local, newest last.
func (b *Bank) Codes(ctx context.Context) ([]CodeStatus, error) {
	out := []CodeStatus{}
	var err error
	if cerr := b.call(ctx, func() {
		now := b.clock.Read().Now
		for e, lerr := range b.store.Codes(locker.SetLocal) {
			if lerr != nil {
				err = lerr
				return
			}
			if err = b.strictest(&e); err != nil {
				return
			}
			out = append(out, codeStatus(&e, now))
		}
	}); cerr != nil {
		return nil, cerr
	}
	slices.SortFunc(out, func(a, c CodeStatus) int { return int(a.NotAfter - c.NotAfter) })
	return out, err
}

func codeStatus(e *locker.Entry, now locker.Time) CodeStatus {
	c := &e.Code
	s := CodeStatus{
		ID: c.ID, Kind: c.Kind, Door: c.Door, SKU: c.SKU, Tenant: c.Tenant, Ref: c.Ref, NotAfter: c.NotAfter,
		State: "live", Used: e.Mark.Used, Uses: c.MaxUses(),
	}
	switch {
	case e.Mark.Revoked:
		s.State = "revoked"
	case !c.NotAfter.IsZero() && now > c.NotAfter:
		s.State = "expired"
	case usedUp(e):
		s.State = "used"
	}
	return s
}

// RevokeCode ends a code of the set local.
func (b *Bank) RevokeCode(ctx context.Context, id, by string) error {
	var err error
	if cerr := b.call(ctx, func() { err = b.revokeCode(id, by) }); cerr != nil {
		return cerr
	}
	return err
}

func (b *Bank) revokeCode(id, by string) error {
	e, ok, err := b.store.Code(locker.CodeKey{Set: locker.SetLocal, ID: id})
	if err != nil {
		return err
	}
	if !ok {
		return &Error{Code: "not_found", Text: fmt.Sprintf("cannot revoke %q: no such code was issued at this bank", id), Cure: "lockerctl code list shows the ids"}
	}
	t := b.begin()
	t.c.Codes = append(t.c.Codes, locker.CodeChange{Set: locker.SetLocal, Revoke: id})
	t.add(locker.Event{Type: locker.EvCodesApplied, Set: locker.SetLocal, Op: "revoke", Code: id, By: by})
	if d, ok := b.byID[e.Code.Door]; ok {
		b.change(t, d, func() { b.unname(t, d, e.Key()) })
	}
	t.commit()
	return b.lost()
}
