package bank

import (
	"context"
	"fmt"

	"lockerd/daemon/locker"
)

// An audit is an engineer who opens door after door and says what is inside. The
// bank takes each answer in one step: what differs from its own record is set
// right by item events, and stock.audited (ours) keeps who looked, what was
// expected and what was found. How far an audit has come is in the journal and
// nowhere else: its id is in each of its events, and the last has no door.

// Outcomes of stock.audited.
const (
	AuditAgrees  = "agrees"
	AuditDiffers = "differs"
	AuditDone    = "done"    // the end: every door was asked
	AuditAborted = "aborted" // the end, early: it may be gone on with
)

// Audited is what was found behind one door.
type Audited struct {
	Audit    string        `json:"audit"` // the id of the audit, the engineer's tool's
	Door     locker.DoorID `json:"door"`
	Expected *locker.Item  `json:"expected"`      // as the engineer was told before the door was opened
	Found    *locker.Item  `json:"found"`         // nil: empty
	From     locker.DoorID `json:"from,omitzero"` // the door behind which the bank had it
}

// AuditEnd is the end of an audit.
type AuditEnd struct {
	Audit   string `json:"audit"`
	Outcome string `json:"outcome"` // done, aborted
	Doors   int    `json:"doors"`   // asked and answered
}

var auditForm = locker.NewForm(`^[a-z0-9-]{1,32}$`)

// Audit takes one answer of an audit. It is refused if the door holds another item
// than the engineer was told: somebody was quicker.
func (b *Bank) Audit(ctx context.Context, a Audited, by string) error {
	var err error
	if cerr := b.call(ctx, func() { err = b.audit(&a, by) }); cerr != nil {
		return cerr
	}
	return err
}

// EndAudit journals the end of an audit.
func (b *Bank) EndAudit(ctx context.Context, a AuditEnd, by string) error {
	if !auditForm.MatchString(a.Audit) || a.Outcome != AuditDone && a.Outcome != AuditAborted || a.Doors < 0 {
		return &Error{Code: "invalid", Text: "cannot end the audit: its id or outcome makes no sense", Cure: "use the lockerctl of the version of lockerd"}
	}
	var err error
	if cerr := b.call(ctx, func() {
		t := b.begin()
		t.add(locker.Event{Type: locker.EvStockAudited, ID: a.Audit, Outcome: a.Outcome, N: int64(a.Doors), By: by})
		t.commit()
		err = b.lost()
	}); cerr != nil {
		return cerr
	}
	return err
}

func (b *Bank) audit(a *Audited, by string) error {
	d, ok := b.byID[a.Door]
	if !ok {
		return b.noDoor(a.Door)
	}
	found := d.setting(a.Found)
	from, err := b.auditable(a, d, found)
	if err != nil {
		return err
	}
	t := b.begin()
	e := locker.Event{Type: locker.EvStockAudited, Door: a.Door, ID: a.Audit, Outcome: AuditAgrees, By: by}
	if found != nil {
		e.Tenant, e.SKU, e.Serial, e.Cond = found.Tenant, found.SKU, found.Serial, found.Condition
	}
	if !sameItem(a.Expected, found) || found != nil && a.Expected.Condition != found.Condition && a.Expected.Condition != locker.Uncertain {
		e.Outcome, e.From, e.To = AuditDiffers, locker.Text(a.Expected.String()), locker.Text(found.String())
	}
	t.add(e)
	if from != nil {
		b.put(t, from, nil, by)
	}
	b.put(t, d, found, by)
	t.commit()
	return b.lost()
}

// auditable checks an answer, and returns the door from which its item has moved.
func (b *Bank) auditable(a *Audited, d *slot, found *locker.Item) (from *slot, err error) {
	invalid := func(text, cure string) error { return &Error{Code: "invalid", Text: text, Cure: cure} }
	if !auditForm.MatchString(a.Audit) {
		return nil, invalid("cannot take the answer: the audit has no id", "use the lockerctl of the version of lockerd")
	}
	if !sameItem(a.Expected, d.rec.Item) {
		return nil, &Error{
			Code: "refused", Text: fmt.Sprintf("cannot take the answer: door %s holds %s now, not %s", a.Door, d.rec.Item, a.Expected),
			Cure: "somebody was there meanwhile: look again",
		}
	}
	if found != nil && found.Condition == locker.Uncertain {
		return nil, invalid("cannot take the answer: who looks knows whether it is ready or faulty", "say ready or faulty")
	}
	if !a.From.IsZero() {
		if from = b.byID[a.From]; from == nil || from == d || found == nil || found.Serial == "" || !sameItem(found, from.rec.Item) {
			return nil, invalid(fmt.Sprintf("cannot take the answer: door %s does not hold %s", a.From, found), "look again: lockerctl doors")
		}
		if err := b.checkStock(from, nil); err != nil {
			return nil, err
		}
	}
	return from, b.checkStock(d, found, from)
}
