package crash

import (
	"time"

	"lockerd/daemon/locker"
)

// story is what the events of a journal tell, by the contract's own rules and
// by none of the bank's code: it says what a code must do when it is scanned
// next.
type story struct {
	codes map[string]*codeStory
	doors map[locker.DoorID]*doorStory
}

type codeStory struct {
	id        string
	kind      locker.Kind
	door      locker.DoorID // named
	revoked   bool
	pending   locker.DoorID // accepted there, no outcome yet
	again     bool          // pending is what was uncertain there before
	uncertain locker.DoorID // perhaps opened there
	proven    locker.DoorID // opened there
	closed    locker.Time   // since then: shut
	spent     bool          // its uncertain door was given to another

	// Of a code that may open several doors.
	begun bool          // its use is under way
	done  int           // doors of that use that are done
	used  bool          // its use is over
	where locker.DoorID // opened by it, and its closing decides

	// Of a swap under way: the items behind doors that were named after it had begun.
	// One of them may be what it was promised before.
	mayHave map[locker.DoorID]*locker.Item
}

type doorStory struct {
	out   []string
	item  *locker.Item
	named map[string]bool
	last  string // code that may reopen it
	open  bool   // opened by order, not shut since
	grant int    // openings that were accepted or ordered

	lapsed bool // its item may have outlived the code that named the door
}

func newStory() *story {
	s := &story{codes: map[string]*codeStory{}, doors: map[locker.DoorID]*doorStory{}}
	for n := 1; n <= doors; n++ {
		s.doors[doorAt(n)] = &doorStory{named: map[string]bool{}}
	}
	return s
}

// tell takes the next event.
func (s *story) tell(e *locker.Event) {
	d := s.doors[e.Door]
	if d == nil {
		d = &doorStory{named: map[string]bool{}} // an event of no door
	}
	c := s.codes[e.Code]
	if c == nil {
		c = &codeStory{} // an event of no code
	}
	switch e.Type {
	case locker.EvCodesApplied:
		s.applied(e, d, c)
	case locker.EvCodeAccepted:
		s.given(d, e.Door, e.Code)
		c.pending, c.again = e.Door, c.uncertain == e.Door
		c.uncertain = locker.DoorID{}
		c.begun = c.several() && !c.used
	case locker.EvDoorCommanded:
		s.given(d, e.Door, "")
	case locker.EvDoorOpened, locker.EvDoorUnproven, locker.EvBootRecovered, locker.EvDoorUncertain:
		s.outcome(e, d, c)
	case locker.EvCodeUsed:
		d.unname(e.Code)
		c.used, c.begun = true, false
	case locker.EvCodeReleased:
		c.pending = locker.DoorID{}
		c.begun = c.begun && c.done > 0
	case locker.EvVisitEnded:
		c.ended()
	case locker.EvDoorClosed:
		d.open = false
		s.leave(e.Door)
		if l := s.codes[d.last]; l != nil {
			l.closed = e.At
		}
	case locker.EvDoorForced:
		d.last = ""
	case locker.EvDoorOut:
		d.out = append(d.out, e.Cause)
	case locker.EvDoorIn:
		d.out = nil
	default:
		s.item(e, d, c)
	}
}

func (s *story) applied(e *locker.Event, d *doorStory, c *codeStory) {
	if e.Op == "revoke" {
		c.revoked = true
		for _, d := range s.doors {
			d.unname(e.Code)
		}
		return
	}
	s.codes[e.Code] = &codeStory{id: e.Code, kind: e.Kind, door: e.Door}
	if e.Kind == locker.Collect && !e.Door.IsZero() {
		if d.item != nil && len(d.named) == 0 {
			s.promised(e.Door, d.item)
		}
		d.named[e.Code] = true
	}
}

// given: a door is opened for a code or by order. What somebody else has left
// uncertain there is nobody's from now on.
func (s *story) given(d *doorStory, id locker.DoorID, to string) {
	d.grant++
	for _, c := range s.codes {
		if c.uncertain == id && c.id != to {
			c.uncertain = locker.DoorID{}
			c.spent = !c.several() || c.gives()
			d.unname(c.id)
		}
	}
}

func (s *story) outcome(e *locker.Event, d *doorStory, c *codeStory) {
	c.pending, c.again = locker.DoorID{}, false
	if e.Type == locker.EvDoorUncertain || e.Outcome == "uncertain" {
		c.uncertain = e.Door
		return
	}
	c.uncertain, c.proven, c.closed = locker.DoorID{}, e.Door, 0
	d.open, d.last = true, ""
	if c.kind != locker.Service && (c.kind != locker.Swap || c.gives() || c.used) {
		d.last = e.Code
	}
	if c.begun {
		c.where = e.Door
	}
}

// ended: an opening that has no outcome by now has not opened, and has taken no
// use: it was one more of a code that had had its own.
func (c *codeStory) ended() {
	if c.again {
		c.uncertain = c.pending
	}
	c.pending = locker.DoorID{}
}

func (s *story) item(e *locker.Event, d *doorStory, c *codeStory) {
	switch e.Type {
	case locker.EvItemDelivered, locker.EvItemReturned:
		d.item, d.lapsed = &locker.Item{Tenant: e.Tenant, SKU: e.SKU, Serial: e.Serial, Condition: e.Cond}, false
		s.moved(e, d, c)
	case locker.EvItemCleared:
		d.item = nil
		s.moved(e, d, c)
	case locker.EvItemCollected:
		d.item = nil
	case locker.EvItemUncertain:
		it := *d.item
		it.Condition = locker.Uncertain
		d.item = &it
	}
}

// moved: an item has come or gone, by a code or by somebody's word.
func (s *story) moved(e *locker.Event, d *doorStory, c *codeStory) {
	if e.Code != "" {
		c.done++
		return
	}
	s.settled(d, e.Door)
	s.leave(e.Door)
}

// leave: what a door was opened for is decided.
func (s *story) leave(id locker.DoorID) {
	for _, c := range s.codes {
		if c.where == id {
			c.where = locker.DoorID{}
		}
	}
}

// unname takes the claim of a code back.
func (d *doorStory) unname(id string) {
	d.lapsed = d.lapsed || d.named[id]
	delete(d.named, id)
}

// settled: somebody has said what lies there, so that nothing uncertain is left.
func (s *story) settled(d *doorStory, id locker.DoorID) {
	s.given(d, id, "")
	d.grant--
	d.last = ""
}

// counts is the stock by the events.
func (s *story) counts() (n int) {
	for _, d := range s.doors {
		if d.ready() {
			n++
		}
	}
	return n
}

func (d *doorStory) ready() bool {
	return d.item != nil && d.item.Condition == locker.Ready && len(d.out) == 0 && len(d.named) == 0
}

// answer is what a scan must bring: a pulse at one of the doors of must, or if
// that is empty at most one at the door may.
type answer struct {
	must []locker.DoorID
	may  locker.DoorID
	why  string

	first bool // the first of must, and no other
	or    bool // or nothing: what the events do not tell decides
	more  bool // and perhaps others of must behind it
}

// expect says what scanning a code must bring now.
func (s *story) expect(id string, now locker.Time, isOpen func(locker.DoorID) bool) answer {
	c := s.codes[id]
	free := func(d locker.DoorID) bool { return len(s.doors[d].out) == 0 && !isOpen(d) }
	switch {
	case c == nil:
		return answer{why: "was never issued"}
	case c.revoked:
		return answer{why: "is revoked"}
	case !c.uncertain.IsZero() && free(c.uncertain) && c.kind == locker.Clear:
		a := s.due(c, free)
		return answer{must: append([]locker.DoorID{c.uncertain}, a.must...), first: true, more: true, why: "has an uncertain opening"}
	case !c.uncertain.IsZero() && free(c.uncertain):
		return answer{must: []locker.DoorID{c.uncertain}, why: "has an uncertain opening"}
	case !c.uncertain.IsZero():
		return answer{why: "has an uncertain opening at a door that is open or out of service"}
	case !c.pending.IsZero():
		return answer{may: c.pending, why: "has an opening without outcome"}
	case c.several() && !c.used && !c.spent:
		return s.due(c, free)
	case c.several() && c.spent:
		return answer{why: "has lost its door to another"}
	case c.kind == locker.Service:
		return answer{why: "opens nothing by itself"}
	case c.proven.IsZero() && !c.spent:
		return s.fresh(c, free)
	case s.mayReopen(c, now):
		return answer{may: c.proven, why: "may reopen its door"}
	}
	return answer{why: "is used"}
}

func (s *story) mayReopen(c *codeStory, now locker.Time) bool {
	return !c.proven.IsZero() && s.doors[c.proven].last == c.id && c.closed != 0 && now.Sub(c.closed) <= openTimes.ReopenWindow+time.Second
}

// fresh: a code that was not used opens its door, or one with what it is for.
func (s *story) fresh(c *codeStory, free func(locker.DoorID) bool) answer {
	a := answer{why: "is not used"}
	for n := 1; n <= doors; n++ {
		id := doorAt(n)
		d := s.doors[id]
		fits := id == c.door && (d.item == nil || d.item.Condition == locker.Ready)
		if c.door.IsZero() {
			fits = d.ready()
		}
		if fits && free(id) {
			a.must = append(a.must, id)
		}
	}
	a.or = len(a.must) <= s.keeping() // one may be kept for a swap
	return a
}
