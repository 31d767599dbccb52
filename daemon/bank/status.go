package bank

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// Status returns the bank in one page.
func (b *Bank) Status(ctx context.Context) (Status, error) {
	var s Status
	err := b.call(ctx, func() { s = b.status() })
	return s, err
}

func (b *Bank) status() Status {
	now := b.clock.Read()
	s := Status{
		Bank: b.cfg.Bank, Version: b.cfg.Version, Boot: b.boot, Up: b.now(), Time: now.Now, Clock: now.Status, Timezone: b.cfg.Timezone,
		Ready: b.isReady(), Doors: len(b.slots), Codes: b.store.Sets(), Buses: []BusStatus{}, Scanners: []ScannerStatus{}, Visits: []VisitStatus{},
		Journal: JournalStatus{ID: b.store.JournalID(), First: b.store.First(), Next: b.store.Next(), Bytes: b.store.EventBytes()},
	}
	if b.linked {
		l := b.uplink.Status()
		l.Acked, l.AckedAt, l.Pending = b.acked, b.ackedAt, b.store.Next()-1-b.acked
		s.Link = &l
	}
	for _, d := range b.slots {
		switch {
		case d.silent():
			s.Unknown++
		case d.m.Position() == door.Open:
			s.Open++
		}
		if len(d.rec.Out) > 0 {
			s.Out++
		}
	}
	for _, spec := range b.cfg.Buses {
		bs := b.buses[spec.Name]
		line := BusStatus{Name: spec.Name, Driver: spec.Driver, Stats: bs.bus.Stats()}
		for _, a := range slices.Sorted(maps.Keys(bs.boards)) {
			line.Boards = append(line.Boards, *bs.boards[a])
		}
		s.Buses = append(s.Buses, line)
	}
	for _, n := range b.cfg.Scanners {
		s.Scanners = append(s.Scanners, *b.scanners[n])
	}
	for _, v := range b.visits {
		s.Visits = append(s.Visits, v.status())
	}
	slices.SortFunc(s.Visits, func(a, c VisitStatus) int { return cmp.Compare(a.Visit, c.Visit) })
	return s
}

func (v *visit) status() VisitStatus {
	s := VisitStatus{Visit: v.id, Scanner: v.scanner, Kind: v.entry.Code.Kind, Ref: v.entry.Code.Ref, Stage: "waiting for a door"}
	if v.door != nil {
		s.Door, s.Stage = v.door.spec.ID.String(), "opening"
		if v.door.m.Phase() == door.Standing {
			s.Stage, s.Text = v.door.standing(), sayVisit(v.door)
		}
	}
	return s
}

// standing says what an open door waits for.
func (d *slot) standing() string {
	switch in := d.rec.Awaits; {
	case !takes(in):
		return "open"
	case in.Serial == "":
		return "open, waits for a label"
	default:
		return "open, label " + in.Serial + " is taken"
	}
}

// SelfTest tells what is wrong without moving anything.
func (b *Bank) SelfTest(ctx context.Context) ([]SelfTestLine, error) {
	var lines []SelfTestLine
	if err := b.call(ctx, func() { lines = b.selfTest() }); err != nil {
		return nil, err
	}
	if v, err := b.Verify(ctx); err != nil || !v.OK {
		lines = append(lines, SelfTestLine{What: "journal", Text: v.Text + text(err), Cure: "keep the card, send lockerctl events to support"})
	} else {
		lines = append(lines, SelfTestLine{What: "journal", OK: true, Text: v.Text})
	}
	if b.cfg.SelfTest != nil {
		lines = append(lines, b.cfg.SelfTest(ctx)...)
	}
	return lines, nil
}

func (b *Bank) selfTest() []SelfTestLine {
	var out []SelfTestLine
	for _, spec := range b.cfg.Buses {
		for _, a := range slices.Sorted(maps.Keys(b.buses[spec.Name].boards)) {
			st := b.buses[spec.Name].boards[a]
			l := SelfTestLine{What: fmt.Sprintf("bus %s board %d", spec.Name, a), OK: st.State == stateOK, Text: cmp.Or(st.Error, st.State)}
			if !l.OK {
				l.Cure = "check the board's power, its address switches and the bus wiring (A and B swapped, terminator)"
			}
			out = append(out, l)
		}
	}
	for _, n := range b.cfg.Scanners {
		st := b.scanners[n]
		l := SelfTestLine{What: "scanner " + n, OK: st.State == stateOK && st.Error == "", Text: cmp.Or(st.Error, st.State)}
		switch {
		case l.OK:
		case st.State == stateOK:
			l.Cure = "it reads all the same; scanner/README.md says what each module is told"
		default:
			l.Cure = "plug the scanner in, or correct its port in the configuration: ls /dev/serial/by-id /dev/input/by-id"
		}
		out = append(out, l)
	}
	out = append(append(out, b.feedbackTest()...), b.clockTest())
	for _, d := range b.slots {
		switch {
		case len(d.rec.Out) > 0:
			out = append(out, SelfTestLine{What: "door " + d.spec.ID.String(), Text: "out of service: " + causes(d.rec.Out), Cure: d.cure()})
		case d.m.Position() == door.Open:
			out = append(out, SelfTestLine{What: "door " + d.spec.ID.String(), OK: true, Text: "stands open"})
		}
	}
	return out
}

// cure says how a door comes back into service.
func (d *slot) cure() string {
	if !d.out(locker.CauseDesired) {
		return "mend it, then: lockerctl service in " + d.spec.ID.String()
	}
	if len(d.rec.Out) == 1 {
		return desiredCure
	}
	return "mend it, and " + desiredCure + ", then: lockerctl service in " + d.spec.ID.String()
}

// desiredCure is for a door that the backend keeps out of service.
const desiredCure = "change it in the desired document of the fleet"
