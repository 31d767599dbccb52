package reporttest

import (
	"math/rand/v2"
	"time"

	"lockerd/daemon/locker"
)

// The bank's name and the time zone of its people.
const (
	Bank = "lon-042"
	Zone = "Europe/London"
)

// The month, in the bank's time.
const (
	Begin = locker.Time(1_791_784_800_000) // 2026-10-12T06:00:00Z, a Monday
	days  = 30
	day   = locker.Time(86_400_000)
	End   = Begin + days*day
)

// Journal returns the events of the month.
func Journal() []locker.Event {
	m := &month{rng: rand.New(rand.NewPCG(42, 60)), at: Begin, held: map[locker.DoorID]*locker.Item{}, out: map[locker.DoorID]bool{}}
	m.add(locker.Event{Type: locker.EvBootStarted, Version: locker.Text("1.4.0"), Cause: "clean"})
	for d := range days {
		m.day(d)
	}
	return m.events
}

// month is one being written.
type month struct {
	rng    *rand.Rand
	at     locker.Time
	events []locker.Event
	held   map[locker.DoorID]*locker.Item
	stock  int
	out    map[locker.DoorID]bool
	boot   int64
	visits int
	serial int
	refs   int
}

// day writes what happens on one; most people come in the morning, few at weekends.
func (m *month) day(d int) {
	m.at = Begin + locker.Time(d)*day + locker.Time(m.rng.IntN(3_600_000))
	people := 10 + m.rng.IntN(8)
	if d%7 >= 5 {
		people = m.rng.IntN(2)
	} else {
		m.clear()
		m.pause()
		m.deliver(5 + m.rng.IntN(2))
	}
	for range people {
		m.pause()
		m.person(d)
	}
	m.mishap(d)
}

// pause lets some time pass.
func (m *month) pause() {
	m.at += locker.Time(time.Duration(5+m.rng.IntN(70)) * time.Minute / time.Millisecond)
}

// person is one who comes for themselves.
func (m *month) person(d int) {
	switch n := m.rng.IntN(10); {
	case n < 6:
		m.collect()
	case n < 7:
		m.giveBack()
	case n < 9:
		m.swap()
	default:
		m.refused([]locker.Reason{locker.Used, locker.Expired, locker.NoStock, locker.Unknown}[d%4])
	}
}

// mishap is what goes wrong at a bank, on its days.
func (m *month) mishap(d int) {
	m.pause()
	switch d {
	case 5:
		m.add(locker.Event{Type: locker.EvDoorForced, Door: id(9)})
		m.doubt(id(9))
	case 11:
		m.jam(id(3))
	case 12:
		m.service(id(3))
	case 16:
		address := 1
		m.add(locker.Event{Type: locker.EvBoardLost, Bus: "a", Address: &address, Error: "no reply"})
		m.add(locker.Event{Type: locker.EvBoardBack, Bus: "a", Address: &address})
	case 19:
		m.boot++
		m.add(locker.Event{Type: locker.EvBootStarted, Version: locker.Text("1.4.0"), Cause: "crash"})
	case 22:
		m.add(locker.Event{Type: locker.EvScanRefused, Scanner: "front", Reason: locker.Malformed, N: 170})
	case 25:
		m.add(locker.Event{Type: locker.EvDoorOut, Door: id(12), Cause: string(locker.CauseControl), By: "ada"})
		m.out[id(12)] = m.held[id(12)] == nil
	}
}

// add writes one event, a moment after the last.
func (m *month) add(e locker.Event) {
	e.Seq, e.At, e.Clock, e.Boot = uint64(len(m.events))+1, m.at, locker.ClockSynced, 1+m.boot
	e.UpMS = int64(m.at - Begin)
	m.events = append(m.events, e)
}

func id(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} } //nolint:gosec,nolintlint // 1 to 12
