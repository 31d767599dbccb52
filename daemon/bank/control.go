package bank

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// serialForm is what the bank takes for a serial number, contract 4.
var serialForm = locker.NewForm(`^[A-Za-z0-9._-]{1,32}$`)

// Open orders an opening without a code and waits for its outcome. While a
// service code's visit is under way the opening belongs to it.
func (b *Bank) Open(ctx context.Context, id locker.DoorID, reason, by string) (OpenResult, error) {
	wait := make(chan OpenResult, 1)
	var err error
	if cerr := b.call(ctx, func() { err = b.orderOpen(id, reason, by, wait) }); cerr != nil {
		return OpenResult{}, cerr
	}
	if err != nil {
		return OpenResult{}, err
	}
	select {
	case r := <-wait:
		return r, nil
	case <-b.stopped:
	case <-ctx.Done():
		return OpenResult{}, ctx.Err()
	}
	select {
	case r := <-wait: // it was the bank's last
		return r, nil
	default:
		return OpenResult{}, errStopped
	}
}

func (b *Bank) orderOpen(id locker.DoorID, reason, by string, wait chan OpenResult) error {
	d, ok := b.byID[id]
	switch {
	case !ok:
		return b.noDoor(id)
	case d.underWay():
		return &Error{Reason: failedBusy, Code: "refused", Text: fmt.Sprintf("cannot open door %s: an opening of it is under way", id), Cure: "wait some seconds and look: lockerctl doors"}
	case d.open():
		return &Error{Reason: failedOpen, Code: "refused", Text: fmt.Sprintf("cannot open door %s: it is open", id), Cure: "shut it; if it is shut, its switch or wiring is at fault: lockerctl self-test"}
	case d.silent():
		return &Error{Reason: failedSilent, Code: "unavailable", Text: fmt.Sprintf("cannot open door %s: board %d on bus %q does not answer", id, d.spec.Lock.Address, d.spec.Bus), Cure: "check the board's power and the bus wiring: lockerctl status"}
	}
	t := b.begin()
	if v := b.serviceVisit(); v != nil && by != byBackend {
		b.grantService(t, v, d)
	} else {
		b.change(t, d, func() { b.forgo(t, d) })
		d.rec.Intent = &locker.Intent{At: t.at}
		t.save(d)
		t.add(locker.Event{Type: locker.EvDoorCommanded, Door: id, Cause: reason, By: by})
		b.order(t, d)
	}
	d.waiter = wait
	t.commit()
	return nil
}

// ResetClock lowers the clock floor to the system's time.
func (b *Bank) ResetClock(ctx context.Context, by string) (ClockStatus, error) {
	var s ClockStatus
	var err error
	cerr := b.call(ctx, func() {
		from := b.clock.Read()
		b.clock.Reset(from.System)
		t := b.begin()
		t.add(locker.Event{Type: locker.EvClockChanged, From: locker.Text(from.Now.String()), To: locker.Text(t.at.String()), By: by, Cause: "reset"})
		t.commit()
		s, err = b.clockStatus(), b.lost()
	})
	return s, cmp.Or(cerr, err)
}

// Clock returns bank time and its ground.
func (b *Bank) Clock(ctx context.Context) (ClockStatus, error) {
	var s ClockStatus
	err := b.call(ctx, func() { s = b.clockStatus() })
	return s, err
}

func (b *Bank) clockStatus() ClockStatus {
	r := b.clock.Read()
	return ClockStatus{Time: r.Now, System: r.System, Floor: r.Floor, Clock: r.Status, Source: b.cfg.Source}
}

// SetService puts a door into or out of service. Into service clears every
// cause but the backend's.
func (b *Bank) SetService(ctx context.Context, id locker.DoorID, in bool, by string) error {
	var err error
	if cerr := b.call(ctx, func() { err = b.setService(id, in, by) }); cerr != nil {
		return cerr
	}
	return err
}

func (b *Bank) setService(id locker.DoorID, in bool, by string) error {
	d, ok := b.byID[id]
	if !ok {
		return b.noDoor(id)
	}
	t := b.begin()
	if !in {
		b.takeOut(t, d, locker.CauseControl, by)
		t.commit()
		return b.lost()
	}
	b.putIn(t, d, by)
	t.commit()
	if err := b.lost(); err != nil {
		return err
	}
	if d.out(locker.CauseDesired) {
		return &Error{Code: "refused", Text: fmt.Sprintf("door %s stays out of service: the backend wants it so", id), Cure: desiredCure}
	}
	return nil
}

// putIn clears all causes but the backend's.
func (b *Bank) putIn(t *tx, d *slot, by string) {
	left := []locker.Cause(nil)
	if d.out(locker.CauseDesired) {
		left = []locker.Cause{locker.CauseDesired}
	}
	if len(left) == len(d.rec.Out) {
		return
	}
	b.change(t, d, func() {
		t.add(locker.Event{Type: locker.EvDoorIn, Door: d.spec.ID, Cause: causes(d.rec.Out), By: by})
		d.rec.Out = left
	})
}

func causes(out []locker.Cause) string {
	names := make([]string, len(out))
	for i, c := range out {
		names[i] = string(c)
	}
	return strings.Join(names, ",")
}

// Stock returns the counts.
func (b *Bank) Stock(ctx context.Context) ([]StockLine, error) {
	var s []StockLine
	err := b.call(ctx, func() { s = b.stockLines() })
	return s, err
}

// SetStock says what lies behind a door, nil: nothing. It settles what was
// uncertain there.
func (b *Bank) SetStock(ctx context.Context, id locker.DoorID, item *locker.Item, by string) error {
	var err error
	if cerr := b.call(ctx, func() { err = b.setStock(id, item, by) }); cerr != nil {
		return cerr
	}
	return err
}

func (b *Bank) setStock(id locker.DoorID, item *locker.Item, by string) error {
	d, ok := b.byID[id]
	if !ok {
		return b.noDoor(id)
	}
	item = d.setting(item)
	if err := b.checkStock(d, item); err != nil {
		return err
	}
	t := b.begin()
	b.put(t, d, item, by)
	t.commit()
	return b.lost()
}

// setting is an item as somebody wants it behind the door, with what goes without
// saying.
func (d *slot) setting(item *locker.Item) *locker.Item {
	if item == nil {
		return nil
	}
	item = clone(item)
	item.Tenant = cmp.Or(item.Tenant, d.dedicated())
	item.Condition = cmp.Or(item.Condition, locker.Ready)
	return item
}

// put has an item, or nothing, behind a door because somebody with hands says so. A
// settled condition is told by item.delivered, too; its from is when the item came.
func (b *Bank) put(t *tx, d *slot, item *locker.Item, by string) {
	b.change(t, d, func() {
		b.sayOver(t, d, by)
		old := d.rec.Item
		if old != nil && (item == nil || old.Serial != item.Serial || old.SKU != item.SKU || old.Tenant != item.Tenant) {
			t.add(byHand(itemEvent(locker.EvItemCleared, d, old), by))
			old = nil
		}
		if item != nil && (old == nil || old.Condition != item.Condition) {
			e := byHand(itemEvent(locker.EvItemDelivered, d, item), by)
			if old == nil || d.rec.Since.IsZero() {
				d.rec.Since = t.at
			} else {
				e.From = locker.Text(d.rec.Since.String())
			}
			t.add(e)
		}
		d.rec.Item, d.rec.Last = item, nil
		if d.m.Phase() == door.Standing {
			d.rec.Last = &locker.LastUse{} // it stands open still
		}
		if item == nil {
			d.rec.Since = 0
		}
		d.rec.Awaits, d.rec.Lapsed = nil, false // whoever sets it has looked
		b.forgo(t, d)                           // the door is given to another: nothing uncertain is left of it
		d.m.Forgo()
	})
}

func byHand(e locker.Event, by string) locker.Event {
	return locker.Event{Type: e.Type, Door: e.Door, Tenant: e.Tenant, SKU: e.SKU, Serial: e.Serial, Cond: e.Cond, By: by}
}

// checkStock tells why an item can't be behind a door; one that is behind a door of
// moving may come from there.
func (b *Bank) checkStock(d *slot, item *locker.Item, moving ...*slot) error {
	invalid := func(cure, format string, a ...any) error {
		return &Error{Code: "invalid", Text: "cannot set the stock: " + fmt.Sprintf(format, a...), Cure: cure}
	}
	if d.underWay() || d.rec.Intent != nil && !d.rec.Intent.Uncertain {
		return &Error{Code: "refused", Text: fmt.Sprintf("cannot set the stock of door %s: an opening of it is under way", d.spec.ID), Cure: "wait some seconds and repeat the command"}
	}
	if item == nil {
		return nil
	}
	switch {
	case !locker.ValidSKU(item.SKU):
		return invalid("a-z, 0-9, dot, dash, underscore, at most 32", "%q cannot be a sku", item.SKU)
	case item.Condition != locker.Ready && item.Condition != locker.Faulty && item.Condition != locker.Uncertain:
		return invalid("use ready, faulty or uncertain", "%q cannot be a condition", item.Condition)
	case item.Serial != "" && !serialForm.MatchString(item.Serial):
		return invalid("letters, digits, dot, dash, underscore, at most 32", "%q cannot be a serial number", item.Serial)
	case item.Tenant != "" && !locker.ValidTenant(item.Tenant):
		return invalid("a-z, 0-9, dot, dash, underscore, at most 32, and not local", "%q cannot be a tenant", item.Tenant)
	case d.dedicated() != "" && item.Tenant != d.dedicated():
		return invalid("choose a shared door, or the door's own tenant", "door %s is dedicated to %q", d.spec.ID, d.dedicated())
	}
	if item.Serial == "" {
		return nil
	}
	if o := b.inside(item.Tenant, item.Serial, d); o != nil && !slices.Contains(moving, o) {
		return invalid(fmt.Sprintf("clear it there first: lockerctl stock clear %s", o.spec.ID), "serial %s is behind door %s already", item.Serial, o.spec.ID)
	}
	return nil
}

// Events returns stored lines with seq ≥ from.
func (b *Bank) Events(_ context.Context, from uint64, most int) ([][]byte, error) {
	return b.store.Events(max(from, b.store.First()), most)
}

// Wait returns when an event with seq ≥ next is there.
func (b *Bank) Wait(ctx context.Context, next uint64) error { return b.store.Wait(ctx, next) }

func (b *Bank) noDoor(id locker.DoorID) *Error {
	first, last := b.slots[0].spec.ID, b.slots[len(b.slots)-1].spec.ID
	return &Error{Code: "not_found", Text: fmt.Sprintf("there is no door %s at this bank", id), Cure: fmt.Sprintf("doors are %s to %s: lockerctl doors", first, last)}
}

// serviceVisit returns the visit of a service code that waits for a door, the
// latest if there are several.
func (b *Bank) serviceVisit() *visit {
	var out *visit
	for _, v := range b.visits {
		if v.entry.Code.Kind == locker.Service && v.door == nil && (out == nil || v.scan > out.scan) {
			out = v
		}
	}
	return out
}

// Doors lists all doors.
func (b *Bank) Doors(ctx context.Context) ([]DoorStatus, error) {
	var out []DoorStatus
	err := b.call(ctx, func() {
		for _, d := range b.slots {
			out = append(out, d.status())
		}
	})
	return out, err
}

func (d *slot) status() DoorStatus {
	s := DoorStatus{
		ID: d.spec.ID, Size: d.spec.Size, State: "unknown", Sensor: d.spec.Sensor, Accessible: d.spec.Accessible,
		Tenant: d.dedicated(), Out: slices.Clone(d.rec.Out), Item: d.rec.Item, Since: d.rec.Since,
		Named: len(d.rec.Named) > 0, Reserved: !d.rec.Reserved.IsZero(), Pending: d.rec.Intent != nil,
		Bus: d.spec.Bus, Address: d.spec.Lock.Address, Channel: cmp.Or(d.spec.Wired, d.spec.Lock.Channel),
	}
	switch d.m.Position() {
	case door.Open:
		s.State = "open"
	case door.Closed:
		s.State = "closed"
	case door.Unknown:
	}
	return s
}
