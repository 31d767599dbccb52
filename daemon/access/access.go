// Package access decides: a code and a view of the bank go in, a door or the
// reason for a refusal comes out (contract 5.2, 5.3). It is pure: no clock, no
// I/O, no state. A kind of code is one entry of the table in kinds.go.
package access

import (
	"iter"
	"time"

	"lockerd/daemon/locker"
)

// Grace is how much earlier than not_before a code is honoured: clocks of two
// machines are never the same.
const Grace = time.Minute

// Door is a door as a decision sees it.
type Door struct {
	ID         locker.DoorID
	Size       locker.Size
	Accessible bool
	Use        string // any, stock, returns
	Dedicated  string // to this tenant only; "" is shared
	Out        bool   // out of service
	Open       bool   // read open, or an opening of it is under way
	Silent     bool   // its board says nothing
	Item       *locker.Item
	Since      locker.Time
	Lapsed     bool            // the item has outlived the code that named the door
	Named      []locker.Naming // live collect codes that name it
	Reserved   locker.CodeKey  // the live swap that its item is kept for
	Uncertain  locker.CodeKey  // may open it again: its opening has no proven outcome
	Awaits     locker.CodeKey  // opened it, and its closing is awaited
	LastUse    *locker.LastUse
}

// View is the bank as a decision sees it.
type View interface {
	Door(id locker.DoorID) (Door, bool)
	Doors() iter.Seq[Door] // by id
	// Touched are the doors that a code has opened last or left uncertain.
	Touched(code locker.CodeKey) iter.Seq[Door]
	Rules
}

// Rules are what is wanted of a bank beyond its configuration.
type Rules interface {
	// Size is the smallest door that takes an item of the sku; 0: any does.
	Size(tenant, sku string) locker.Size
	// Room tells whether one more door may hold an item of the tenant.
	Room(tenant string) bool
}

// Request is one code at one scanner.
type Request struct {
	Entry        locker.Entry
	Now          locker.Time
	Clock        locker.Clock
	Confirmed    locker.Time   // when the backend last confirmed the code's set
	MaxAge       time.Duration // of the cache; 0: never stale
	ReopenWindow time.Duration
	Awaiting     bool // at this scanner another code's door awaits a label
	UnderWay     bool // a visit of this very code is under way, and the code goes from door to door
	Ticket       bool // it needs no cache, so no cache can be too old for it
	Blind        bool // a ticket before the first snapshot of its set, or from before a restore: nobody knows what was revoked, or used
}

// Decision is the answer. Door is set when granted for a kind that opens a
// door at once.
type Decision struct {
	Reason    locker.Reason
	Door      locker.DoorID
	Reopening bool          // its last door once more: no use, no stock
	Again     bool          // a door whose opening by this code has no proven outcome
	Resumed   bool          // the use is an earlier one's, of which doors are left
	Gives     bool          // the second door of a swap: an item leaves
	Reserve   locker.DoorID // keep the item of this door for the code
}

func refuse(r locker.Reason) Decision { return Decision{Reason: r} }

// Decide answers a scanned code. The first reason that applies is the answer.
func Decide(r *Request, v View) Decision {
	again, reopen := mine(r, v)
	isAgain, due := !again.ID.IsZero(), !reopen.ID.IsZero()
	reason := window(r)
	if isAgain && reason == locker.Expired {
		reason = locker.Granted // an opening once begun may be finished (contract 5.4)
	}
	if reason != locker.Granted {
		return refuse(reason)
	}
	if isAgain && !r.UnderWay {
		if r.Awaiting {
			return refuse(locker.Busy) // else a label would belong to two doors
		}
		return open(again, Decision{Door: again.ID, Again: true})
	}
	going := r.Entry.Mark.Going
	if r.UnderWay || usedUp(&r.Entry) && !going && !due {
		return refuse(locker.Used)
	}
	switch {
	case stale(r):
		return refuse(locker.StaleCache)
	case r.Awaiting:
		return refuse(locker.Busy)
	case going:
		return resume(r, v)
	case usedUp(&r.Entry):
		return open(reopen, Decision{Door: reopen.ID, Reopening: true})
	}
	return Choose(r.Entry, v, nil)
}

// resume goes on with a use of which doors are left. A door that it has opened
// and that stands open still must be shut first.
func resume(r *Request, v View) Decision {
	key := r.Entry.Key()
	for d := range v.Touched(key) {
		if d.Awaits == key {
			return refuse(locker.DoorOutOfService)
		}
	}
	dec := Choose(r.Entry, v, nil)
	dec.Resumed = dec.Reason == locker.Granted
	return dec
}

// Choose picks the door for a code that may open one, leaving out those in not.
func Choose(e locker.Entry, v View, not []locker.DoorID) Decision {
	k := kinds[e.Code.Kind]
	if k == nil {
		return refuse(locker.Unknown)
	}
	return k(e, v, not)
}

// Known tells whether codes of this kind can be honoured.
func Known(k locker.Kind) bool { return kinds[k] != nil }

// window judges what concerns time and standing of the code alone.
func window(r *Request) locker.Reason {
	c := &r.Entry.Code
	switch {
	case r.Entry.Mark.Revoked:
		return locker.Revoked
	case r.Ticket && r.Clock == locker.ClockUnset && c.NotBefore > r.Now.Add(Grace):
		return locker.Granted // not judged (contract 5.5); nor can it have expired before it began
	case c.NotBefore > r.Now.Add(Grace) && r.Clock == locker.ClockUnset:
		return locker.ClockUntrusted
	case c.NotBefore > r.Now.Add(Grace):
		return locker.NotYet
	case !c.NotAfter.IsZero() && r.Now > c.NotAfter:
		return locker.Expired
	}
	return locker.Granted
}

func usedUp(e *locker.Entry) bool {
	n := e.Code.MaxUses()
	return n > 0 && e.Mark.Used >= n
}

func stale(r *Request) bool {
	if r.Ticket {
		return r.Blind
	}
	return r.MaxAge > 0 && r.Entry.Set != locker.SetLocal && r.Now.Sub(r.Confirmed) > r.MaxAge
}

// mine finds the door whose opening by this code has no proven outcome, and the
// one that it has opened last and may open once more, because it was shut a
// moment ago and nothing has happened there since.
func mine(r *Request, v View) (again, reopen Door) {
	key := r.Entry.Key()
	for d := range v.Touched(key) {
		if d.Uncertain == key && again.ID.IsZero() {
			again = d
		}
		u := d.LastUse
		if u != nil && u.Code == key && stillIs(d, &r.Entry) && !u.Closed.IsZero() && r.Now >= u.Closed && r.Now.Sub(u.Closed) <= r.ReopenWindow {
			reopen = d
		}
	}
	return again, reopen
}

// stillIs tells whether a door that a code has opened still exists for it: it may have
// been given to another tenant since.
func stillIs(d Door, e *locker.Entry) bool {
	return e.Code.Kind == locker.Service || reaches(d, e.Code.TenantIn(e.Set))
}

// open grants dec if its door can be opened now.
func open(d Door, dec Decision) Decision {
	switch {
	case d.Out || d.Open:
		return refuse(locker.DoorOutOfService)
	case d.Silent:
		return refuse(locker.BoardSilent)
	}
	return dec
}
