package report

import (
	"time"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

// Options say what a report is about.
type Options struct {
	Bank string
	Zone *time.Location // of the bank's people
	From locker.Time    // zero: since the journal begins
	To   locker.Time    // the end of the span, and the moment at which items are so old
}

// Fold is a report under way. Make it with New, give it every event of the
// journal with Add: items are known from all of it, figures from the span.
type Fold struct {
	opt      Options
	journal  Journal
	items    *ledger.Ledger
	kinds    map[locker.Kind]*visits
	refusals map[Refusal]int64 // by all but N
	troubles map[locker.DoorID]*Trouble
	busy     busy
	wear     map[locker.DoorID]*wear
}

// New returns a report that has seen nothing.
func New(o Options) *Fold {
	return &Fold{
		opt: o, items: ledger.New(), kinds: make(map[locker.Kind]*visits), refusals: map[Refusal]int64{},
		troubles: map[locker.DoorID]*Trouble{}, busy: busy{zone: o.Zone}, wear: map[locker.DoorID]*wear{},
	}
}

// Add takes the next event of the journal.
func (f *Fold) Add(e *locker.Event) {
	if e.At > f.opt.To {
		return
	}
	if f.journal.First == 0 {
		f.journal.First = e.Seq
	}
	f.journal.Last = e.Seq
	if e.Type == locker.EvJournalGap {
		f.journal.Gaps++
	}
	f.items.Apply(e)
	if e.At < f.opt.From {
		return
	}
	f.journal.Events++
	if f.journal.Oldest.IsZero() {
		f.journal.Oldest = e.At
	}
	f.journal.Newest = max(f.journal.Newest, e.At)
	f.count(e)
}

// count takes the figures of one event.
func (f *Fold) count(e *locker.Event) {
	switch e.Type {
	case locker.EvBootStarted:
		f.journal.Boots++
		if e.Cause == "crash" {
			f.journal.Crash++
		}
	case locker.EvVisitEnded:
		f.visit(e)
	case locker.EvScanRefused:
		f.refused(e)
	case locker.EvDoorOpened, locker.EvDoorUnproven:
		f.opened(e)
	case locker.EvBootRecovered:
		if e.Outcome == "opened" {
			f.opened(e)
		}
	case locker.EvDoorJammed:
		f.trouble(e.Door).Jammed++
		f.wearOf(e.Door).pulses += e.Tries
	case locker.EvDoorUncertain:
		f.trouble(e.Door).Uncertain++
		f.wearOf(e.Door).pulses += e.Tries
	case locker.EvDoorForced:
		f.trouble(e.Door).Forced++
	case locker.EvDoorAjar:
		f.ajar(e)
	case locker.EvCodeReleased:
		f.trouble(e.Door).Released++
	case locker.EvDoorOut:
		f.out(e)
	}
}

// times is how many events one stands for.
func times(e *locker.Event) int64 { return max(e.N, 1) }

func (f *Fold) refused(e *locker.Event) {
	k := Refusal{Reason: e.Reason, Door: e.Door}
	if e.Door.IsZero() {
		k.Scanner = e.Scanner
	}
	f.refusals[k] += times(e)
}

func (f *Fold) trouble(id locker.DoorID) *Trouble {
	t := f.troubles[id]
	if t == nil {
		t = &Trouble{Door: id}
		f.troubles[id] = t
	}
	return t
}

func (f *Fold) ajar(e *locker.Event) {
	t := f.trouble(e.Door)
	if e.Level == "alarm" {
		t.Alarm += times(e)
		return
	}
	t.Ajar += times(e)
}

func (f *Fold) out(e *locker.Event) {
	if e.Op != "" {
		return // a state is told again, nothing has happened
	}
	t := f.trouble(e.Door)
	if t.Out == nil {
		t.Out = make(map[locker.Cause]int)
	}
	t.Out[locker.Cause(e.Cause)]++
}

// opened counts a proven opening, or one that is taken as such.
func (f *Fold) opened(e *locker.Event) {
	f.busy.add(e.At)
	w := f.wearOf(e.Door)
	w.openings++
	w.pulses += max(e.Tries, 1) // boot.recovered tells no tries
	if ms, ok := e.MS.One(); ok && e.Type == locker.EvDoorOpened {
		w.unlatch.add(ms)
		if e.Tries <= 1 { // further tries come after a wait of seconds, which says nothing of the lock's speed
			w.course.add(e.At, ms)
		}
	}
}

type wear struct {
	openings int
	pulses   int
	unlatch  histogram
	course   series
}

func (f *Fold) wearOf(id locker.DoorID) *wear {
	w := f.wear[id]
	if w == nil {
		w = &wear{}
		f.wear[id] = w
	}
	return w
}
