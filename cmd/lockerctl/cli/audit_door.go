package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Outcomes of a door beside the bank's own agrees and differs.
const (
	auditSkipped   = "skipped"
	auditNotOpened = "not opened"
)

// door opens one door, asks for it, and waits until it is shut. Its error ends the
// audit.
func (a *auditor) door(ctx context.Context, id locker.DoorID) (auditedDoor, error) {
	r := auditedDoor{Door: id, Outcome: auditNotOpened}
	all, err := a.client.Doors(ctx)
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(all, func(d bank.DoorStatus) bool { return d.ID == id })
	if i < 0 {
		r.Reason = "it is gone from the configuration"
		return r, nil
	}
	d := all[i]
	r.Expected = d.Item
	if why := a.open(ctx, &d); why != "" {
		r.Reason = why
		a.say("%s  %s: not opened: %s", id, d.Item, why)
		return r, ctx.Err()
	}
	q := &asked{door: &d, all: all, done: a.done, tenant: func(sku string) (string, error) { return a.c.tenantOf(ctx, id, sku) }}
	if err := a.settle(ctx, q, &r); err != nil {
		return r, err
	}
	a.untilShut(ctx, &d, &r)
	return r, nil
}

// open returns why the door is not open; "": it is.
func (a *auditor) open(ctx context.Context, d *bank.DoorStatus) string {
	switch d.State {
	case "open":
		return ""
	case "unknown":
		if d.Sensor {
			return "its board is silent"
		}
	}
	o, err := a.client.Open(ctx, d.ID, "stock audit "+a.result.Audit)
	if err != nil {
		return err.Error()
	}
	if err := outcomeError(&o); err != nil {
		return o.Outcome
	}
	return ""
}

// settle asks until an answer was taken, the door is skipped or the audit ended.
func (a *auditor) settle(ctx context.Context, q *asked, r *auditedDoor) error {
	var again error
	for {
		a.ask.forget()
		a.say("%s  %s ?", q.door.ID, q.door.Item)
		text, err := a.ask.answer(ctx, q.door.ID, again)
		if err != nil && errors.Is(err, again) {
			r.Outcome, r.Reason = auditSkipped, again.Error()
			return nil
		}
		if err != nil {
			r.Outcome = auditSkipped
			return err
		}
		ans, err := q.read(text)
		switch {
		case err != nil:
		case ans.verdict == verdictSkip:
			r.Outcome = auditSkipped
			return nil
		case ans.verdict == verdictQuit:
			r.Outcome = auditSkipped
			return errQuit
		default:
			err = a.tell(ctx, q, &ans, r)
		}
		if err == nil {
			return nil
		}
		again = err
		a.say("      %s", err)
	}
}

// tell gives an answer to the bank.
func (a *auditor) tell(ctx context.Context, q *asked, ans *answer, r *auditedDoor) error {
	err := a.client.Audit(ctx, bank.Audited{Audit: a.result.Audit, Door: q.door.ID, Expected: q.door.Item, Found: ans.found, From: ans.from})
	if err != nil {
		return err
	}
	a.done[q.door.ID] = true
	r.Found, r.From, r.Outcome = ans.found, ans.from, bank.AuditAgrees
	if q.door.Item != nil && q.door.Item.Condition == locker.Uncertain {
		seen := *q.door.Item
		if ans.found != nil {
			seen.Condition = ans.found.Condition // nobody could vouch for it: that is no difference
		}
		if seen.String() != ans.found.String() {
			r.Outcome = bank.AuditDiffers
		}
	} else if q.door.Item.String() != ans.found.String() {
		r.Outcome = bank.AuditDiffers
	}
	a.say("      %s: %s", r.Outcome, ans.found)
	return nil
}

// untilShut waits until the door is shut, so that two never stand open.
func (a *auditor) untilShut(ctx context.Context, d *bank.DoorStatus, r *auditedDoor) {
	if !d.Sensor {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, shutLimit)
	defer cancel()
	for told := false; ; {
		all, err := a.client.Doors(ctx)
		if err != nil {
			return
		}
		i := slices.IndexFunc(all, func(o bank.DoorStatus) bool { return o.ID == d.ID })
		if i < 0 || all[i].State != "open" {
			return
		}
		if !told {
			a.say("      shut it, then the next one opens")
			told = true
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			r.StillOpen = true
			return
		}
	}
}
