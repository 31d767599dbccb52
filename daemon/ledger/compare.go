package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

// State is what a bank says of itself, at the last event that was applied.
type State struct {
	Doors  []DoorState
	Counts map[Key]int
}

// DoorState is one door of it.
type DoorState struct {
	ID    locker.DoorID
	Item  *locker.Item
	Since locker.Time
	Out   []locker.Cause
	Named bool // a live collect code names it and may have it: its item is not counted
}

// Verdict is what a comparison has come to.
type Verdict struct {
	OK       bool        `json:"ok"`
	Text     string      `json:"text"`
	Doors    int         `json:"doors"`    // whose item, arrival and service the journal tells, and the bank alike
	Counts   int         `json:"counts"`   // likewise of tenants' skus
	Unjudged int         `json:"unjudged"` // doors and counts that the journal tells no more
	First    *Difference `json:"first_difference,omitempty"`
}

// Compare holds the replay against the bank. Contradictions within the journal
// come first: there it began.
func (l *Ledger) Compare(s *State) Verdict {
	var v Verdict
	for i := range s.Doors {
		l.compareDoor(&v, &s.Doors[i])
	}
	for _, k := range l.keys(s) {
		l.compareCount(&v, k, s.Counts[k])
	}
	v.First = cmp.Or(l.wrong, v.First)
	v.OK, v.Text = v.First == nil, l.text(&v)
	return v
}

func (l *Ledger) text(v *Verdict) string {
	switch {
	case v.First != nil:
		return "replaying the events does not give what the bank holds: " + v.First.String()
	case l.blind == 0:
		return fmt.Sprintf("replaying all events gives exactly what the bank holds: %d doors, %d counts", v.Doors, v.Counts)
	case v.Unjudged == 0:
		return fmt.Sprintf("events up to %d are not all kept; %d doors and %d counts agree", l.blind, v.Doors, v.Counts)
	}
	return fmt.Sprintf("events up to %d are not all kept; %d doors and %d counts agree, %d cannot be judged: nothing kept tells of them", l.blind, v.Doors, v.Counts, v.Unjudged)
}

// compareDoor judges item, arrival, service and counting of one door. What may
// have changed unseen is no difference.
func (l *Ledger) compareDoor(v *Verdict, b *DoorState) {
	d := l.doors[b.ID]
	if d == nil {
		d = &Door{}
	}
	agrees := true
	judge := func(what string, equal bool, at uint64, journal, bank string) {
		switch {
		case equal:
		case l.sure(at):
			v.differ(&Difference{Seq: at, What: what, Door: b.ID, Journal: journal, Bank: bank})
		default:
			agrees = false
		}
	}
	sameItem := (d.Item == nil) == (b.Item == nil) && (d.Item == nil || *d.Item == *b.Item)
	judge(WhatItem, sameItem, d.itemAt, describe(d.Item), describe(b.Item))
	if sameItem && d.Item != nil {
		judge(WhatSince, d.Since == b.Since, d.cameAt, d.Since.String(), b.Since.String())
	}
	judge(WhatService, slices.Equal(sorted(d.Out), sorted(b.Out)), d.outAt, service(d.Out), service(b.Out))
	is := b.counts()
	judge(WhatCount, (d.counted == nil) == (is == nil) && (is == nil || *d.counted == *is), d.countAt, counts(d.counted), counts(is))
	if agrees {
		v.Doors++
	} else {
		v.Unjudged++
	}
}

// compareCount judges the count of one sku of one tenant.
func (l *Ledger) compareCount(v *Verdict, k Key, bank int) {
	n := l.counts[k]
	if n == nil {
		n = &count{}
	}
	switch {
	case n.n == bank:
		v.Counts++
	case l.sure(n.at):
		v.differ(&Difference{Seq: n.at, What: WhatCount, Tenant: k.Tenant, SKU: k.SKU, Journal: decimal(n.n), Bank: decimal(bank)})
	default:
		v.Unjudged++
	}
}

// differ keeps the difference that shows first.
func (v *Verdict) differ(d *Difference) {
	if v.First == nil || v.First.Seq > d.Seq {
		v.First = d
	}
}

// counts returns as what a door's item counts as stock: a ready item in a door
// in service that no live collect code names (contract 5.2).
func (b *DoorState) counts() *Key {
	if b.Item == nil || b.Item.Condition != locker.Ready || len(b.Out) > 0 || b.Named {
		return nil
	}
	return &Key{b.Item.Tenant, b.Item.SKU}
}

// keys are the skus that either side counts.
func (l *Ledger) keys(s *State) []Key {
	all := maps.Clone(s.Counts)
	if all == nil {
		all = map[Key]int{}
	}
	for k := range l.counts {
		all[k] = 0
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.SKU, b.SKU))
	})
}
