package ledger

import (
	"slices"
	"strings"

	"lockerd/daemon/locker"
)

// arrived: an item is behind the door from now on. Said again of the same item, by
// hand, it settles its condition (stock set, audit); from is then when it came.
func (l *Ledger) arrived(e *locker.Event) {
	d, it := l.door(e.Door), itemOf(e)
	settles := e.By != "" && d.Item != nil && same(d.Item, it) && d.Item.Condition != it.Condition
	if l.sure(d.itemAt) && d.Item != nil && !settles {
		l.differ(l.about(e, WhatItem, describe(d.Item), e.Type+" "+describe(it)))
	}
	d.Item, d.itemAt = it, e.Seq
	if settles && e.From.String() == d.Since.String() {
		return // it has lain there since
	}
	d.Since, d.Came, d.cameAt = e.At, handOf(e), e.Seq
	if from := e.From.String(); from != "" { // settled, and when it came is no longer in the journal
		_ = d.Since.UnmarshalText([]byte(from))
		d.Came = Hand{}
	}
}

// left: the item is no longer there. It is checked whole, its condition too.
func (l *Ledger) left(e *locker.Event) {
	d, it := l.door(e.Door), itemOf(e)
	if l.sure(d.itemAt) && (d.Item == nil || *d.Item != *it) {
		l.differ(l.about(e, WhatItem, describe(d.Item), e.Type+" "+describe(it)))
	}
	d.Item, d.Since, d.Came, d.itemAt, d.cameAt = nil, 0, Hand{}, e.Seq, e.Seq
}

// doubted: the item stays, nobody can vouch for it.
func (l *Ledger) doubted(e *locker.Event) {
	d, it := l.door(e.Door), itemOf(e)
	switch {
	case e.Op == OpCarried && d.Item == nil:
		_ = d.Since.UnmarshalText([]byte(e.From.String())) // absent: nobody knows
		d.Came, d.cameAt = Hand{}, e.Seq
	case d.Item != nil && same(d.Item, it):
	case l.sure(d.itemAt):
		l.differ(l.about(e, WhatItem, describe(d.Item), e.Type+" "+describe(it)))
	default:
		d.Since, d.Came, d.cameAt = 0, Hand{}, 0 // it came before the journal tells
	}
	d.Item, d.itemAt = it, e.Seq
}

// wentOut: one more cause, or (op "left") what is left when one of several has
// ended, or (op "carried") what a new journal begins with.
func (l *Ledger) wentOut(e *locker.Event) {
	d, c := l.door(e.Door), causesOf(e.Cause)
	switch {
	case e.Op == OpCarried:
		d.Out = c
	case e.Op == OpLeft:
		if l.sure(d.outAt) && slices.ContainsFunc(c, func(x locker.Cause) bool { return !slices.Contains(d.Out, x) }) {
			l.differ(l.about(e, WhatService, service(d.Out), e.Type+" "+e.Cause+" left"))
		}
		d.Out = c
	case !l.sure(d.outAt):
		d.Out = union(d.Out, c)
		return // others may be hidden
	case slices.Contains(d.Out, c[0]):
		l.differ(l.about(e, WhatService, service(d.Out), e.Type+" "+e.Cause))
	default:
		d.Out = append(slices.Clone(d.Out), c...)
	}
	d.outAt = e.Seq
}

// cameIn: the event names the causes there were. All have ended, but desired,
// which only its own event ends (contract 5.4).
func (l *Ledger) cameIn(e *locker.Event) {
	d, c := l.door(e.Door), causesOf(e.Cause)
	if l.sure(d.outAt) && !slices.Equal(sorted(d.Out), sorted(c)) {
		l.differ(l.about(e, WhatService, service(d.Out), e.Type+" "+e.Cause))
	}
	d.Out, d.outAt = nil, e.Seq
	if len(c) > 1 && slices.Contains(c, locker.CauseDesired) {
		d.Out = []locker.Cause{locker.CauseDesired}
	}
}

// counted: the item of a door counts as stock from now on, or no longer. The
// event's count is absolute, so one event settles what came before it.
func (l *Ledger) counted(e *locker.Event) {
	k := Key{e.Tenant, e.SKU}
	d, n := l.door(e.Door), l.counts[k]
	if n == nil {
		n = &count{}
		l.counts[k] = n
	}
	if l.sure(d.countAt) && (e.Delta > 0) == (d.counted != nil) {
		l.differ(l.about(e, WhatCount, counts(d.counted), e.Type+" "+signed(e.Delta)))
	}
	d.counted, d.countAt = nil, e.Seq
	if e.Delta > 0 {
		d.counted = &k
	}
	n.n += e.Delta
	if e.Count != nil {
		if l.sure(n.at) && n.n != *e.Count {
			l.differ(l.about(e, WhatCount, decimal(n.n), decimal(*e.Count)))
		}
		n.n = *e.Count
	}
	n.at = e.Seq
}

func itemOf(e *locker.Event) *locker.Item {
	return &locker.Item{Tenant: e.Tenant, SKU: e.SKU, Serial: e.Serial, Condition: e.Cond}
}

func handOf(e *locker.Event) Hand {
	return Hand{Event: e.Type, Visit: e.Visit, Code: e.Code, Set: e.Set, Kind: e.Kind, Ref: e.Ref, By: e.By}
}

// same tells whether two are one thing, in whatever condition.
func same(a, b *locker.Item) bool {
	return a.Tenant == b.Tenant && a.SKU == b.SKU && a.Serial == b.Serial
}

func causesOf(s string) []locker.Cause {
	var out []locker.Cause
	for c := range strings.SplitSeq(s, ",") {
		out = append(out, locker.Cause(c))
	}
	return out
}

func union(a, b []locker.Cause) []locker.Cause {
	out := slices.Clone(a)
	for _, c := range b {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func sorted(c []locker.Cause) []locker.Cause { return slices.Sorted(slices.Values(c)) }
