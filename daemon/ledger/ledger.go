package ledger

import (
	"slices"

	"lockerd/daemon/locker"
)

// Key is what stock is counted by.
type Key struct{ Tenant, SKU string }

// Hand is who moved an item, as its event tells: the code and visit, or by whom
// it was set by hand. The person's name is in no event: ref leads to it.
type Hand struct {
	Event string      `json:"event"`
	Visit string      `json:"visit,omitempty"`
	Code  string      `json:"code,omitempty"`
	Set   string      `json:"set,omitempty"`
	Kind  locker.Kind `json:"kind,omitempty"`
	Ref   string      `json:"ref,omitempty"`
	By    string      `json:"by,omitempty"`
}

// Door is what the journal makes of one door.
type Door struct {
	Item  *locker.Item
	Since locker.Time // when the item came
	Came  Hand        // by whose hand
	Out   []locker.Cause

	counted *Key   // as what the item counts as stock
	itemAt  uint64 // the event that settled the item; 0: none yet,
	cameAt  uint64 // its arrival,
	outAt   uint64 // the service,
	countAt uint64 // and whether it is counted
}

type count struct {
	n  int
	at uint64
}

// Ledger is a replay under way. Make it with New.
type Ledger struct {
	doors  map[locker.DoorID]*Door
	counts map[Key]*count
	first  uint64
	last   uint64
	blind  uint64 // what happened up to this event may be hidden; 0: nothing is
	wrong  *Difference
	types  [][]byte // see Line
}

// New returns a ledger that has seen nothing.
func New() *Ledger {
	return &Ledger{doors: map[locker.DoorID]*Door{}, counts: map[Key]*count{}, types: told()}
}

// Apply takes the next event.
func (l *Ledger) Apply(e *locker.Event) {
	l.follow(e)
	switch e.Type {
	case locker.EvItemDelivered, locker.EvItemReturned:
		l.arrived(e)
	case locker.EvItemCollected, locker.EvItemCleared:
		l.left(e)
	case locker.EvItemUncertain:
		l.doubted(e)
	case locker.EvDoorOut:
		l.wentOut(e)
	case locker.EvDoorIn:
		l.cameIn(e)
	case locker.EvStockChanged:
		l.counted(e)
	}
	l.last = e.Seq
}

// follow notes where the journal begins and what is missing in it.
func (l *Ledger) follow(e *locker.Event) {
	next := l.last + 1
	if l.first == 0 {
		l.first, next = e.Seq, e.Seq
		l.blind = e.Seq - 1
	}
	switch from, isGap := e.From.Int(); {
	case e.Type == locker.EvJournalGap && isGap && uint64(max(from, 0)) <= next:
		l.blind = e.Seq
	case e.Seq != next:
		l.differ(&Difference{Seq: e.Seq, What: WhatEvents, Journal: number(next), Bank: number(e.Seq)})
		l.blind = e.Seq - 1
	}
}

// Door returns what the journal makes of a door, and whether it tells of its item.
func (l *Ledger) Door(id locker.DoorID) (Door, bool) {
	d := l.doors[id]
	if d == nil {
		return Door{}, l.sure(0)
	}
	return *d, l.sure(d.itemAt)
}

// Doors returns the doors that hold an item, by id.
func (l *Ledger) Doors() []locker.DoorID {
	var ids []locker.DoorID
	for id, d := range l.doors {
		if d.Item != nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, byID)
	return ids
}

// First and Last are the seqs of the events that it has seen.
func (l *Ledger) First() uint64 { return l.first }

// Last is the seq of the last event.
func (l *Ledger) Last() uint64 { return l.last }

// Wrong returns the first contradiction in the journal itself, or nil.
func (l *Ledger) Wrong() *Difference { return l.wrong }

// sure tells whether what an event at seq at has settled holds still: nothing
// that came after it is hidden.
func (l *Ledger) sure(at uint64) bool { return l.blind == 0 || at > l.blind }

func (l *Ledger) door(id locker.DoorID) *Door {
	d := l.doors[id]
	if d == nil {
		d = &Door{}
		l.doors[id] = d
	}
	return d
}

func (l *Ledger) differ(d *Difference) {
	if l.wrong == nil {
		l.wrong = d
	}
}

func byID(a, b locker.DoorID) int {
	switch {
	case a.Less(b):
		return -1
	case b.Less(a):
		return 1
	}
	return 0
}
