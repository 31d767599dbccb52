package report

import (
	"cmp"
	"maps"
	"slices"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

// Held is what a bank says lies behind one of its doors now.
type Held struct {
	Door  locker.DoorID
	Item  *locker.Item
	Since locker.Time
}

// Report returns the document. held is what the bank itself says of its doors,
// for a report that ends now; nil: the journal alone tells.
func (f *Fold) Report(held []Held) *Report {
	r := &Report{
		Bank: f.opt.Bank, Timezone: f.opt.Zone.String(), From: f.opt.From, To: f.opt.To, Journal: f.journal,
		Refusals: f.refusalLines(), Troubles: f.troubleLines(), Busy: f.busy.Busy, Wear: f.wearLines(), Items: f.itemLines(held),
	}
	r.Visits, r.Promise = f.visitLines()
	return r
}

// refusalLines, most frequent first.
func (f *Fold) refusalLines() []Refusal {
	out := []Refusal{}
	for k, n := range f.refusals {
		k.N = n
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Reason, b.Reason), byDoor(a.Door, b.Door), cmp.Compare(a.Scanner, b.Scanner))
	})
	return out
}

func (f *Fold) troubleLines() []Trouble {
	out := []Trouble{}
	for _, id := range slices.SortedFunc(maps.Keys(f.troubles), byDoor) {
		out = append(out, *f.troubles[id])
	}
	return out
}

func (f *Fold) wearLines() []Wear {
	out := []Wear{}
	for _, id := range slices.SortedFunc(maps.Keys(f.wear), byDoor) {
		w := f.wear[id]
		out = append(out, Wear{
			Door: id, Openings: w.openings, Pulses: w.pulses, Unlatch: w.unlatch.stat(), Trend: w.course.trend(), Series: w.course.points(),
		})
	}
	return out
}

// itemLines, oldest first. Where the bank says what lies there, the journal only
// adds by whom it was brought.
func (f *Fold) itemLines(held []Held) []Item {
	if held == nil {
		for _, id := range f.items.Doors() {
			d, _ := f.items.Door(id)
			held = append(held, Held{Door: id, Item: d.Item, Since: d.Since})
		}
	}
	out := []Item{}
	for _, h := range held {
		if h.Item != nil {
			out = append(out, f.itemLine(&h))
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return cmp.Or(cmp.Compare(a.Since, b.Since), byDoor(a.Door, b.Door)) })
	return out
}

func (f *Fold) itemLine(h *Held) Item {
	it := Item{Door: h.Door, Item: *h.Item, Since: h.Since}
	if !h.Since.IsZero() {
		it.AgeS = max(f.opt.To.Sub(h.Since), 0).Milliseconds() / 1000
	}
	if d, _ := f.items.Door(h.Door); d.Item != nil && d.Since == h.Since && d.Came != (ledger.Hand{}) {
		it.Brought = &d.Came
	}
	return it
}

func byDoor(a, b locker.DoorID) int {
	return cmp.Or(cmp.Compare(a.Locker, b.Locker), cmp.Compare(a.Door, b.Door))
}
