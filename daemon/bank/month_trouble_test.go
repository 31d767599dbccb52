package bank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// freeDoor returns a door that may be loaded, most times an empty one.
func (m *month) freeDoor() *mDoor {
	for range 8 {
		if d := m.model.doors[pick(m, m.model.order)]; d.item == nil {
			return d
		}
	}
	return m.model.doors[pick(m, m.model.order)]
}

func (m *month) loads() {
	d := m.freeDoor()
	m.serial++
	it := &locker.Item{
		Tenant: pick(m, []string{"acme", "globex"}), SKU: pick(m, []string{"laptop", "phone"}), Serial: fmt.Sprintf("SN-%d", m.serial),
	}
	if d.spec.Tenant != "" {
		it.Tenant = d.spec.Tenant
	}
	m.setStock(d, it)
}

func (m *month) clears() { m.setStock(m.model.doors[pick(m, m.model.order)], nil) }

func (m *month) setStock(d *mDoor, it *locker.Item) {
	if !m.up || m.st.lost() {
		return
	}
	m.absorb()
	if err := m.bank.SetStock(context.Background(), d.spec.ID, it, "test"); err != nil {
		m.refusedBy(err)
		return
	}
	m.absorb()
	if d.doubt != nil && !d.doubt.shaky {
		m.model.fail("the stock of door %s is set, says the bank, and the journal leaves it in doubt", d.spec.ID)
	}
	d.lastCode = locker.CodeKey{}
	if (d.item == nil) != (it == nil) || it != nil && d.item.Serial != it.Serial {
		m.model.fail("the stock of door %s is set, says the bank, and it is not in the journal", d.spec.ID)
	}
}

func (m *month) serves() { m.setService(m.model.doors[pick(m, m.model.order)], m.rng.IntN(3) > 0) }

func (m *month) setService(d *mDoor, in bool) {
	if !m.up {
		return
	}
	if err := m.bank.SetService(context.Background(), d.spec.ID, in, "test"); err != nil {
		m.refusedBy(err)
		return
	}
	m.absorb()
	if in != (len(d.out) == 0) {
		m.model.fail("door %s is in service %v, says the bank, and the journal says %v", d.spec.ID, in, d.out)
	}
}

func (m *month) mends() {
	m.world.edit(func() {
		for _, d := range m.world.doors {
			d.jam, d.late = 0, 0
		}
		for _, b := range m.world.boards {
			b.silent, b.mute, b.drop = false, false, 0
		}
	})
	for _, id := range m.model.order {
		if d := m.model.doors[id]; len(d.out) > 0 {
			m.setService(d, true)
		}
	}
}

// opens orders a door at the socket, out of service or not.
func (m *month) opens() { m.order(pick(m, m.model.order)) }

func (m *month) order(id locker.DoorID) {
	b := m.bank
	m.calls.Go(func() { _, _ = b.Open(context.Background(), id, "test", "jo") }) // the journal says what came of it
}

// visits is an engineer with a service code who opens some doors.
func (m *month) visits() {
	n := NewCode{Kind: locker.Service, TTL: time.Hour}
	uses := m.rng.IntN(3)
	n.Uses = &uses
	c := m.issue(n)
	if c == nil {
		return
	}
	m.scan("back", c.text, false)
	for i := range m.rng.IntN(4) {
		m.after(m.between(time.Duration(i)*15*time.Second, time.Duration(i+1)*15*time.Second), "the engineer opens", func() {
			if m.up {
				m.opens()
			}
			m.looks()
		})
	}
	m.again(c)
}

func (m *month) somewhere() *ironDoor { return pick(m, m.world.doors) }

func (m *month) jams() {
	d := m.somewhere()
	n := m.rng.IntN(6) - 1 // -1: for ever
	m.world.edit(func() { d.jam = n })
	m.tryAt(d)
}

// lates has the third pulse do it, about when the bank looks for the last time.
func (m *month) lates() {
	d := m.somewhere()
	wait := m.between(testTimes.Prove-20*time.Millisecond, testTimes.Prove+60*time.Millisecond) - spring
	m.world.edit(func() { d.jam, d.late = testTimes.Tries-1, wait })
	m.model.forced[d.spec.ID] = true // too late is forced
	m.tryAt(d)
}

// tryAt has somebody come to a door.
func (m *month) tryAt(d *ironDoor) {
	if m.rng.IntN(2) == 0 {
		m.setStock(m.model.doors[d.spec.ID], &locker.Item{Tenant: tenantAt(d), SKU: "laptop", Serial: fmt.Sprintf("SN-%d", m.newSerial())})
	}
	n := NewCode{Kind: locker.Collect, Door: d.spec.ID, TTL: m.between(time.Minute, 48*time.Hour)}
	if m.rng.IntN(3) == 0 {
		n = NewCode{Kind: locker.Collect, SKU: "laptop", Tenant: tenantAt(d), TTL: time.Hour}
	}
	c := m.issue(n)
	if c == nil {
		return
	}
	m.scan(pick(m, monthScanners()), c.text, false)
	m.again(c)
}

// shares has one code of several uses at all scanners at once, one of its doors
// jammed: what a visit gives back must leave the others theirs.
func (m *month) shares() {
	jam := m.rng.IntN(3)
	for i, id := range m.model.order[:3] {
		m.setStock(m.model.doors[id], &locker.Item{Tenant: "globex", SKU: "tablet", Serial: fmt.Sprintf("SN-%d", m.newSerial())})
		if i == jam {
			m.world.edit(func() { m.world.door(id).jam = -1 })
		}
	}
	uses := 2 + m.rng.IntN(2)
	c := m.issue(NewCode{Kind: locker.Collect, SKU: "tablet", Tenant: "globex", Uses: &uses, TTL: time.Hour})
	if c == nil {
		return
	}
	for _, n := range monthScanners() {
		m.scan(n, c.text, false)
	}
	m.again(c)
	m.after(time.Minute, "again", func() { m.scan("front", c.text, false) })
}

// reopensIntoSilence has a board fall silent at a reopening.
func (m *month) reopensIntoSilence() {
	d := m.somewhere()
	c := m.issue(NewCode{Kind: locker.Collect, Door: d.spec.ID, TTL: time.Hour})
	if c == nil {
		return
	}
	m.scan("front", c.text, false)
	m.after(m.between(28*time.Second, 2*time.Minute), "comes back to silence", func() {
		m.world.edit(func() { d.board.mute = true })
		m.scan("front", c.text, false)
		m.heal(d.board)
		m.looks()
	})
	m.after(m.between(3*time.Minute, 50*time.Minute), "again", func() {
		m.scan("side", c.text, false)
		m.looks()
	})
}

func tenantAt(d *ironDoor) string {
	if d.spec.Tenant != "" {
		return d.spec.Tenant
	}
	return "globex"
}

func (m *month) newSerial() int {
	m.serial++
	return m.serial
}

func (m *month) forces() {
	d := m.somewhere()
	m.model.forced[d.spec.ID] = true
	m.world.edit(func() { d.open = true })
}

func (m *month) flaps() {
	d := m.somewhere()
	m.model.forced[d.spec.ID] = true
	for i := range 32 {
		m.after(time.Duration(i)*600*time.Millisecond, "flap", func() { m.world.edit(func() { d.open = i%2 == 0 }) })
	}
}

func (m *month) silences() {
	b := pick(m, m.world.boards)
	m.world.edit(func() { b.silent = true })
	m.heal(b)
}

// heal gives a board back, soon or after hours.
func (m *month) heal(b *ironBoard) {
	wait := m.between(time.Second, time.Minute)
	if m.rng.IntN(3) == 0 {
		wait = m.upTo(3 * time.Hour)
	}
	m.after(wait, "a board answers", func() {
		m.world.edit(func() { b.silent, b.mute, b.drop = false, false, 0 })
		m.looks()
	})
}

func (m *month) mutes() {
	d := m.somewhere()
	m.world.edit(func() { d.board.mute = true })
	m.tryAt(d)
	m.heal(d.board)
}

func (m *month) drops() {
	d := m.somewhere()
	n := m.rng.IntN(4) - 1
	m.world.edit(func() {
		d.board.drop = n
		if n > 1 {
			d.jam = 2
		}
	})
	m.tryAt(d)
	m.heal(d.board)
}

func (m *month) unplugs() {
	bus := pick(m, []string{"a", "b"})
	for _, b := range m.world.boards {
		if b.bus == bus {
			m.world.edit(func() { b.silent, b.drop = true, -1 })
			m.heal(b)
		}
	}
}

func (m *month) unplugsScanner() {
	n := pick(m, monthScanners())
	m.bank.ScannerState(n, errors.New("no such device"))
	m.after(m.upTo(time.Hour), "a scanner is back", func() {
		if m.up {
			m.bank.ScannerState(n, nil)
		}
	})
}

// movesClock: forward, without trust, dead at 1970, and right again.
func (m *month) movesClock() {
	switch m.rng.IntN(5) {
	case 0:
		m.src.set(m.upTo(72*time.Hour), true, false)
	case 1:
		m.src.set(m.upTo(72*time.Hour), false, false)
	case 2:
		m.src.set(0, false, true)
	case 3:
		m.src.set(0, false, true)
		time.Sleep(time.Second)
		if _, err := m.bank.ResetClock(context.Background(), "test"); err != nil {
			m.refusedBy(err)
		}
	default:
		m.src.set(0, true, false)
	}
	time.Sleep(time.Second + time.Second/7)
	m.issues()
	m.scan("front", m.someone().text, false)
}

func (m *month) restarts() {
	if m.rng.IntN(2) == 0 {
		m.collects()
		time.Sleep(m.upTo(4 * time.Second))
	}
	if m.rng.IntN(3) == 0 {
		m.scansOn() // some are only counted yet
	}
	if m.st.lost() {
		return
	}
	m.halt()
	m.after(m.upTo(time.Hour), "lockerd starts", m.boot)
}

// cuts takes the power some time into an opening.
func (m *month) cuts() {
	m.tryAt(m.somewhere())
	m.after(m.upTo(14*time.Second), "the plug", func() {
		if m.up {
			m.st.cut()
		}
	})
}

// cutsAtCommit takes it before or after a commit of an opening.
func (m *month) cutsAtCommit() {
	m.st.arm(m.rng.IntN(9)+1, m.rng.IntN(3) > 0)
	m.tryAt(m.somewhere())
}
