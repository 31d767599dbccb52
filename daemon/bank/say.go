package bank

import (
	"cmp"
	"fmt"
	"strings"

	"lockerd/daemon/locker"
)

// Sentences for people: what has happened, and what to do next. They stand in
// the member why of events and on the control socket. None quotes a text that
// was scanned and not taken.

// sayRefused says why a code opens nothing.
func (b *Bank) sayRefused(name string, r locker.Reason, e *locker.Entry) string {
	if e != nil && e.Code.Kind != locker.Collect && e.Code.Kind != locker.Service {
		if why := b.sayKind(r, e); why != "" {
			return why
		}
	}
	if e != nil && r == locker.StaleCache && strings.HasPrefix(e.Code.ID, ticketPrefix) && e.Code.NotBefore < b.ticketsFrom {
		return "this bank was restored from a backup or has lost a part of its journal, and nobody knows which tickets from before were used: have a new one signed"
	}
	if d := b.awaiting(name); r == locker.Busy && d != nil {
		return fmt.Sprintf("door %s at this scanner awaits its label first: scan it and shut the door, or use another scanner", d.spec.ID)
	}
	return ""
}

// sayKind says it for codes that may open several doors.
func (b *Bank) sayKind(r locker.Reason, e *locker.Entry) string {
	tenant := e.Code.TenantIn(e.Set)
	switch r { //nolint:exhaustive // the others say enough by themselves
	case locker.Used:
		if v := b.visitOf(e.Key()); v != nil && v.door != nil {
			return fmt.Sprintf("its visit is under way: go on at door %s", v.door.spec.ID)
		}
	case locker.DoorOutOfService:
		if d := b.standingFor(e.Key()); d != nil {
			return fmt.Sprintf("door %s stands open from before: shut it, then scan the code again", d.spec.ID)
		}
	case locker.NoFreeDoor:
		if !(view{b}).Room(tenant) {
			return fmt.Sprintf("%s has all the %d doors it may have: collect or clear something first", tenant, b.rule(tenant).MaxDoors)
		}
		return "no free door is large enough: collect or clear something first"
	case locker.NoStock:
		switch e.Code.Kind { //nolint:exhaustive // the others need no stock
		case locker.Swap:
			return fmt.Sprintf("there is no %s to give for it: bring stock first", e.Code.To)
		case locker.Clear:
			return "nothing faulty, uncertain or expired is here"
		}
	}
	return ""
}

// standingFor returns the door that a code has opened and that awaits its closing.
func (b *Bank) standingFor(key locker.CodeKey) *slot {
	for _, d := range b.touching[key] {
		if in := d.rec.Awaits; in != nil && in.Code == key {
			return d
		}
	}
	return nil
}

// sayLabel says why a label is not taken.
func (b *Bank) sayLabel(d *slot, r locker.Reason, o *slot) string {
	if r == locker.DuplicateSerial {
		return fmt.Sprintf("this serial number is behind door %[1]s already: scan the label of the item in hand, or put the stock of door %[1]s right", o.spec.ID)
	}
	return fmt.Sprintf("door %s awaits the serial number of the %s: scan its label; the door stays open", d.spec.ID, cmp.Or(d.rec.Awaits.SKU, "item"))
}

// sayLeft says what a closing without a label has made of a visit.
func sayLeft(d *slot, in *locker.Intent, done int, to string) string {
	switch in.Kind { //nolint:exhaustive // the others await no label
	case locker.Deliver:
		return fmt.Sprintf("door %s was shut without a label, nothing was taken in: %d of %d are in; scan the code again to go on", d.spec.ID, done, in.Due)
	case locker.Swap:
		return fmt.Sprintf("door %s was shut without a label, what is inside is booked without a serial number: scan the code again for the %s", d.spec.ID, to)
	}
	return fmt.Sprintf("door %s was shut without a label, what is inside is booked without a serial number: look behind the door", d.spec.ID)
}

// sayStopped says why a visit ends with something due.
func (b *Bank) sayStopped(v *visit) string {
	why := cmp.Or(b.sayKind(v.reason, &v.entry), generally(v.reason))
	if v.entry.Code.Kind != locker.Deliver {
		return why
	}
	return fmt.Sprintf("%d of %d are in: %s; then scan the code again", v.entry.Mark.Done, max(v.entry.Code.Items, 1), why)
}

// sayAjar says what becomes of a door that stands open too long.
func sayAjar(d *slot, in *locker.Intent) string {
	switch {
	case !takes(in):
		return ""
	case in.Serial == "":
		return fmt.Sprintf("door %s stands open and no label was scanned: scan it, or shut the door and scan the code again", d.spec.ID)
	}
	return fmt.Sprintf("door %s stands open with %s in it: shut it, and it is taken in", d.spec.ID, in.Serial)
}

// sayVisit says what the person at an open door does next.
func sayVisit(d *slot) string {
	switch in := d.rec.Awaits; {
	case !takes(in):
		return ""
	case in.Serial == "":
		return fmt.Sprintf("put the %s into door %s, scan its label, shut the door", cmp.Or(in.SKU, "item"), d.spec.ID)
	default:
		return fmt.Sprintf("shut door %s: %s is taken in then", d.spec.ID, in.Serial)
	}
}

// generally says what to do about a reason, whatever the code.
func generally(r locker.Reason) string {
	switch r {
	case locker.Malformed:
		return "no code was read: hold it still before the scanner, and clean its window"
	case locker.Misread:
		return "a digit was misread: scan it again"
	case locker.Unknown:
		return "no such code is here: check that it is for this bank; it may not have come down yet"
	case locker.BadSignature:
		return "the ticket is not signed by a key that this bank trusts"
	case locker.WrongBank:
		return "the ticket is for another bank"
	case locker.Revoked:
		return "the code was revoked: ask who issued it for another"
	case locker.ClockUntrusted:
		return "the bank does not know the time: let it reach the network once"
	case locker.NotYet:
		return "the code is not valid yet: come back when it is"
	case locker.Expired:
		return "the code has expired: ask who issued it for another"
	case locker.Used:
		return "the code has no uses left"
	case locker.StaleCache:
		return "the bank has not heard of its codes for too long: let it reach the network"
	case locker.Busy:
		return "another door at this scanner awaits its label first"
	case locker.DoorOutOfService:
		return "the door is open or out of service: shut it, or have it put into service"
	case locker.NoStock:
		return "nothing that this code may take is here"
	case locker.NoFreeDoor:
		return "no free door is large enough"
	case locker.BoardSilent:
		return "the door's lock board does not answer: check its power and wiring"
	case locker.WrongLabel:
		return "the label is none of what is awaited"
	case locker.DuplicateSerial:
		return "the serial number is inside already"
	case locker.Granted:
	}
	return ""
}
