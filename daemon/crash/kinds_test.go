package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Codes that may open several doors: what people do with them while the bank is
// recorded, and what the events tell of them.

// deliver brings one to three items on one code; who has forgotten a label scans
// the code again.
func (l *lane) deliver() error {
	items := 1 + l.rng.IntN(3)
	if err := l.makeRoom(items); err != nil {
		return err
	}
	text, err := l.issue(bank.NewCode{Kind: locker.Deliver, SKU: sku, Items: items})
	if err != nil {
		return err
	}
	l.scanNow(text)
	for range items {
		if !l.label() {
			l.scanNow(text)
			l.label()
		}
	}
	return nil
}

// makeRoom empties some doors of the stock. Whoever clears a door that is empty
// settles what was uncertain there, and no event tells of it: the story could not
// know.
func (l *lane) makeRoom(n int) error {
	for range n {
		i := l.rng.IntN(doors / 2)
		if now, err := l.bank.Doors(context.Background()); err != nil || now[i].Item == nil {
			continue
		}
		if err := l.answered(l.bank.SetStock(context.Background(), doorAt(1+i), nil, "test")); err != nil {
			return err
		}
	}
	return nil
}

// label scans the label of what is put in, as a rule, and waits until somebody has
// shut the door.
func (l *lane) label() bool {
	l.rest(1, 8)
	labelled := l.rng.IntN(4) > 0
	if labelled {
		l.serial++
		l.scan(l.name, fmt.Sprintf("SN-%07d", l.serial))
	}
	l.rest(70, 120)
	return labelled
}

// giveBack hands something in.
func (l *lane) giveBack() error {
	if err := l.makeRoom(1); err != nil {
		return err
	}
	text, err := l.issue(bank.NewCode{Kind: locker.Return, Size: locker.SizeM})
	if err != nil {
		return err
	}
	l.scanNow(text)
	l.label()
	return nil
}

// swap hands something in for something that is there; who forgets the label
// scans again.
func (l *lane) swap() error {
	if err := errors.Join(l.restock(), l.makeRoom(1)); err != nil {
		return err
	}
	text, err := l.issue(bank.NewCode{Kind: locker.Swap, Size: locker.SizeM, To: sku})
	if err != nil {
		return err
	}
	l.scanNow(text)
	if !l.label() && l.rng.IntN(4) > 0 {
		l.scanNow(text)
		l.rest(20, 100)
	}
	return nil
}

// clear takes away what nobody else gets.
func (l *lane) clear() error {
	text, err := l.issue(bank.NewCode{Kind: locker.Clear})
	if err != nil {
		return err
	}
	l.scanNow(text)
	l.rest(30, 300)
	return nil
}

// several tells whether one use of the code may take several doors.
func (c *codeStory) several() bool {
	switch c.kind {
	case locker.Deliver, locker.Return, locker.Swap, locker.Clear:
		return true
	case locker.Collect, locker.Service:
	}
	return false
}

// gives tells whether the next door of a swap is the one that gives.
func (c *codeStory) gives() bool { return c.kind == locker.Swap && c.done > 0 && !c.used }

// over tells whether a code has had its use.
func (c *codeStory) over() bool {
	return c.kind == locker.Collect && !c.proven.IsZero() || c.several() && c.used
}

// keeping is how many swaps are under way, each of which has something kept for it.
func (s *story) keeping() (n int) {
	for _, c := range s.codes {
		if c.keeps() {
			n++
		}
	}
	return n
}

func (c *codeStory) keeps() bool { return c.kind == locker.Swap && c.begun && !c.used && !c.revoked }

// promised: a code comes to name a door whose item a swap may have been promised. The
// promise is older.
func (s *story) promised(id locker.DoorID, it *locker.Item) {
	for _, c := range s.codes {
		if !c.keeps() {
			continue
		}
		if c.mayHave == nil {
			c.mayHave = map[locker.DoorID]*locker.Item{}
		}
		c.mayHave[id] = it
	}
}

// due says what the next door of a use may be, of a code whose doors are shut.
func (s *story) due(c *codeStory, free func(locker.DoorID) bool) answer {
	a := answer{why: "has doors left"}
	if !c.where.IsZero() {
		return answer{why: "has a door that stands open"}
	}
	var empty, ready, older, spoilt []locker.DoorID
	lapsed := 0
	for n := 1; n <= doors; n++ {
		id := doorAt(n)
		d := s.doors[id]
		switch {
		case !free(id):
		case d.item == nil && len(d.named) == 0:
			empty = append(empty, id)
		case d.item == nil:
		case d.item.Condition != locker.Ready:
			spoilt = append(spoilt, id)
		case len(d.named) == 0:
			ready = append(ready, id)
			if d.lapsed {
				spoilt, lapsed = append(spoilt, id), lapsed+1
			}
		case c.mayHave[id] == d.item:
			older = append(older, id)
		}
	}
	switch {
	case c.kind == locker.Clear:
		a.must, a.more, a.or = spoilt, true, len(spoilt) == lapsed
	case c.gives():
		a.must, a.or = slices.Concat(ready, older), len(ready) <= s.keeping()
	case c.kind == locker.Swap && len(ready) == 0:
		a.why = "has nothing to give for it"
	case c.kind == locker.Swap:
		a.must, a.or = empty, len(ready) <= s.keeping()
	default:
		a.must = empty
	}
	return a
}
