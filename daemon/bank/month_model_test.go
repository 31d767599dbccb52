package bank

import (
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// The model is what contract 5 makes of the journal and of what the population
// itself has done. It shares nothing with the bank but the vocabulary: it reads
// committed events, hears of pulses and knows its own codes.
type model struct {
	w     *world
	doors map[locker.DoorID]*mDoor
	order []locker.DoorID
	codes map[locker.CodeKey]*mCode
	all   []*mCode // in the order of issue
	count map[stockKey]int
	open  map[string]*mVisit

	seq     uint64
	boot    int64
	bootAt  time.Time
	up      int64 // of the last event
	clock   locker.Clock
	expect  []string // what the next events must be
	last    locker.Event
	forced  map[locker.DoorID]bool // population may have moved it
	boards  map[string]bool        // lost
	scanner map[string]*mScanner
	err     error
}

type mDoor struct {
	spec       DoorSpec
	item       *locker.Item
	since      locker.Time
	doubtOf    locker.CodeKey // whose opening made the item uncertain; zero: nobody's
	out        map[string]bool
	standing   bool
	standingAt time.Time
	level      string
	opening    *mOpening // under way
	doubt      *mOpening // uncertain
	stood      bool      // open when the process before ended, by a code, and not seen shut since
	lastCode   locker.CodeKey
	lastShut   locker.Time
	lastShutAt time.Time
	owed       *mOpening // of the process before: boot.recovered is due
}

type mOpening struct {
	door    locker.DoorID
	code    locker.CodeKey // zero: ordered at the socket
	visit   string
	kind    locker.Kind
	how     string // fresh, again, reopening, more
	seq     uint64
	at      time.Time
	pulses  int
	pulsed  time.Time
	jammed  bool
	over    time.Time // jammed, or its last pulse did not leave
	uncount bool      // moved no use and no stock, nor may it
	shaky   bool      // somebody else has opened the door since
}

// silently tells whether the opening may be over without a word: no code pays
// for it, and it jammed or its pulse did not leave.
func (o *mOpening) silently() bool {
	return (o.code.IsZero() || o.how == "more") && !o.over.IsZero()
}

type mCode struct {
	name      string // c1, c2: what the log calls it
	key       locker.CodeKey
	text      string
	kind      locker.Kind
	door      locker.DoorID
	sku       string
	tenant    string
	wheels    bool
	uses      int
	from, to  locker.Time
	revoked   bool
	ended     bool // its naming has ended once for all
	endedIn   int64
	taken     int // uses accepted and not released
	used      int // code.used
	collected int
	newest    locker.DoorID // opened last
}

type mVisit struct {
	id     string
	code   locker.CodeKey
	kind   locker.Kind
	trace  string
	moved  time.Time
	opened bool
}

type mScanner struct {
	lost    bool
	waiting int // refusals that are counted and not yet told
	since   time.Time
	told    []time.Time // refusals that were written
}

func newModel(w *world, doors []DoorSpec, scanners []string) *model {
	m := &model{
		w: w, doors: map[locker.DoorID]*mDoor{}, codes: map[locker.CodeKey]*mCode{}, count: map[stockKey]int{},
		open: map[string]*mVisit{}, forced: map[locker.DoorID]bool{}, boards: map[string]bool{}, scanner: map[string]*mScanner{},
	}
	for _, s := range doors {
		m.doors[s.ID] = &mDoor{spec: s, out: map[string]bool{}}
		m.order = append(m.order, s.ID)
	}
	for _, n := range scanners {
		m.scanner[n] = &mScanner{}
	}
	return m
}

// fail keeps the first violation.
func (m *model) fail(format string, a ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, a...)
	}
}

// booted tells that a new process begins.
func (m *model) booted(orderly bool) {
	m.boot++
	m.bootAt, m.up = time.Now(), 0
	m.expect = []string{locker.EvBootStarted}
	m.open, m.boards = map[string]*mVisit{}, map[string]bool{}
	for _, s := range m.scanner {
		if orderly && s.waiting > 0 {
			m.fail("%d counted refusals were forgotten by an orderly stop", s.waiting)
		}
		*s = mScanner{}
	}
	for _, id := range m.order {
		m.doors[id].booted()
		if m.w.isOpen(m.w.door(id)) {
			m.forced[id] = true // nobody says who had opened it
		}
	}
}

func (d *mDoor) booted() {
	d.stood = d.stood || d.standing && !d.lastCode.IsZero()
	d.standing, d.level = false, ""
	if o := d.opening; o != nil {
		d.owed, d.opening = o, nil
	}
}

// backward looks again at the codes that ended in the process before, if bank
// time has fallen behind since: whether the end was on disk is the bank's to say.
func (m *model) backward(doors []DoorStatus, now locker.Time) {
	named := map[locker.DoorID]bool{}
	for i := range doors {
		id := doors[i].ID
		named[id] = doors[i].Named && !m.named(id, now)
	}
	for _, c := range m.all {
		if c.ended && c.endedIn == m.boot-1 && now <= c.to && named[c.door] {
			c.ended = false
		}
	}
}

// live tells whether a code that names a door still claims what lies there.
func (m *model) live(c *mCode, now locker.Time) bool {
	return !c.revoked && !c.ended && now <= c.to && (!m.spent(c) || m.pending(c))
}

func (m *model) spent(c *mCode) bool { return c.uses > 0 && c.taken >= c.uses }

// pending tells whether an opening that took a use of c has no outcome yet.
func (m *model) pending(c *mCode) bool {
	for _, id := range m.order {
		d := m.doors[id]
		for _, o := range []*mOpening{d.opening, d.doubt, d.owed} {
			if o != nil && o.code == c.key && o.how != "reopening" {
				return true
			}
		}
	}
	return false
}

// named tells whether a live collect code, of one tenant if one is given, names
// the door.
func (m *model) named(id locker.DoorID, now locker.Time, tenant ...string) bool {
	for _, c := range m.all {
		if c.kind == locker.Collect && c.door == id && m.live(c, now) && (len(tenant) == 0 || c.tenant == tenant[0]) {
			return true
		}
	}
	return false
}

// counted is the rule of contract 5.2.
func (m *model) counted(d *mDoor, now locker.Time) bool {
	return d.item != nil && d.item.Condition == locker.Ready && len(d.out) == 0 && !m.named(d.spec.ID, now, d.item.Tenant)
}

// isOpen tells whether the door must be taken for open: told so, or being opened.
func (m *model) isOpen(d *mDoor) bool {
	if d.standing || d.opening != nil {
		return true
	}
	i := m.w.door(d.spec.ID)
	return d.spec.Sensor && i.known && i.readOpen && !i.board.lost
}

// silent tells whether nothing can be known of the door now.
func (m *model) silent(d *mDoor) bool {
	i := m.w.door(d.spec.ID)
	return i.board.lost || !i.known || d.owed != nil
}
