package bank

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

// The plain model is contract 5 written down once more, for one purpose: to say
// of any sequence what the bank must journal, pulse and hold. It keeps everything
// in memory, commits nothing, knows no store and shares only the vocabulary with
// the bank. What happens at the doors it is told as the bank is: pulses that
// leave, readings, the passing of time.
type plain struct {
	times  Times
	doors  []*plainDoor
	codes  []*plainCode
	visits []*plainVisit
	counts map[stockKey]int
	mins   map[stockKey]int
	most   map[string]int // doors of a tenant
	sizes  map[stockKey]locker.Size

	mono time.Duration // since this start of the bank
	now  locker.Time
	good bool // the clock is trusted

	out    []string // what must be journaled
	pulses []locker.DoorID
}

// plainDoor is one door: what is behind it and what is under way at it.
type plainDoor struct {
	id     locker.DoorID
	size   locker.Size
	wheels bool
	use    string
	tenant string

	item   *locker.Item
	since  locker.Time
	lapsed bool
	kept   *plainCode
	outs   []locker.Cause
	last   *plainLast

	opening *plainOpening // no outcome yet
	doubt   *plainOpening // none that anybody knows
	awaits  *plainOpening // open, its closing decides
	visit   *plainVisit

	phase   plainPhase
	known   bool // read since the start
	raw     bool // last reading: open
	opened  time.Duration
	pulsed  time.Duration
	tries   int
	shut    bool // read shut since the latest pulse
	waits   bool // a change awaits belief
	changed time.Duration
	ajar    int
}

type plainPhase int

const (
	plainRest plainPhase = iota
	plainOpen
	plainProving
	plainLooking
	plainSettling // the process before has pulsed it, or not
)

type plainLast struct {
	code   *plainCode // nil: nobody may reopen it
	closed locker.Time
}

// plainOpening is one accepted opening.
type plainOpening struct {
	code                    *plainCode // nil: commanded
	visit                   *plainVisit
	at                      string // scanner
	reopening, again, gives bool
	serial                  string
}

type plainCode struct {
	locker.Code
	set             string
	text            string
	here, revoked   bool
	claims          bool // it names its door, and lives
	used, done, max int
	going           bool
	newest          *plainDoor // opened last
}

type plainVisit struct {
	code          *plainCode
	at            string
	door          *plainDoor
	tried         []*plainDoor
	retried, late bool
	counted       bool
}

func (c *plainCode) tenant() string {
	if c.set == locker.SetLocal {
		return c.Tenant
	}
	return c.set
}

func (c *plainCode) several() bool { return c.Kind != locker.Collect }

func (c *plainCode) spent() bool { return c.max > 0 && c.used >= c.max }

// labelled tells whether something is put in by the opening.
func (o *plainOpening) labelled() bool {
	return o != nil && o.code != nil && !o.gives && !o.reopening && o.code.Kind != locker.Collect && o.code.Kind != locker.Clear
}

// say adds an event in the words of plainLine.
func (m *plain) say(words ...string) {
	m.out = append(m.out, strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
}

// plainLine is an event as both sides tell it.
func plainLine(e *locker.Event) string {
	words := []string{e.Type, e.Door.String(), string(e.Reason), e.Cause, e.Level, e.Outcome, e.Code, e.Scanner}
	if e.SKU != "" || e.Cond != "" {
		words = append(words, e.Tenant, e.SKU, e.Serial, string(e.Cond))
	}
	if e.Count != nil {
		words = append(words, fmt.Sprintf("%+d=%d", e.Delta, *e.Count))
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// item says what has become of an item.
func (m *plain) item(kind string, d *plainDoor, it *locker.Item, o *plainOpening) {
	code, at := "", ""
	if o != nil && o.code != nil {
		code, at = o.code.ID, o.at
	}
	m.say(kind, d.id.String(), code, at, it.Tenant, it.SKU, it.Serial, string(it.Condition))
}

// claimed tells whether a live code of the tenant names the door.
func (m *plain) claimed(d *plainDoor, tenant string) bool {
	return slices.ContainsFunc(m.codes, func(c *plainCode) bool { return c.claims && c.Door == d.id && c.tenant() == tenant })
}

func (m *plain) counted(d *plainDoor) (stockKey, bool) {
	if d.item == nil || d.item.Condition != locker.Ready || len(d.outs) > 0 || m.claimed(d, d.item.Tenant) {
		return stockKey{}, false
	}
	return stockKey{d.item.Tenant, d.item.SKU}, true
}

// change does something to a door and says what that does to the counts.
func (m *plain) change(d *plainDoor, f func()) {
	was, had := m.counted(d)
	before := d.item
	claimed := before != nil && m.claimed(d, before.Tenant)
	f()
	switch {
	case !samePlain(before, d.item):
		d.lapsed, d.kept = false, nil
	case claimed && !m.claimed(d, before.Tenant):
		d.lapsed = true
	}
	is, has := m.counted(d)
	if had == has && was == is {
		return
	}
	if had {
		m.move(d, was, -1)
	}
	if has {
		m.move(d, is, +1)
	}
}

func samePlain(a, b *locker.Item) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Tenant+"/"+a.SKU+"/"+a.Serial == b.Tenant+"/"+b.SKU+"/"+b.Serial
}

func (m *plain) move(d *plainDoor, k stockKey, delta int) {
	m.counts[k] += delta
	n := m.counts[k]
	m.say(locker.EvStockChanged, d.id.String(), k.tenant, k.sku, fmt.Sprintf("%+d=%d", delta, n))
	if least, ok := m.mins[k]; ok && n < least && n-delta >= least {
		m.say(locker.EvStockLow, d.id.String(), k.tenant, k.sku, fmt.Sprintf("+0=%d", n))
	}
}

// doubtful makes the item of a door uncertain.
func (m *plain) doubtful(d *plainDoor, o *plainOpening) {
	if d.item == nil || d.item.Condition == locker.Uncertain {
		return
	}
	m.change(d, func() {
		it := *d.item
		it.Condition = locker.Uncertain
		d.item = &it
		m.item(locker.EvItemUncertain, d, &it, o)
	})
}

func (m *plain) door(id locker.DoorID) *plainDoor {
	i := slices.IndexFunc(m.doors, func(d *plainDoor) bool { return d.id == id })
	return m.doors[i]
}
