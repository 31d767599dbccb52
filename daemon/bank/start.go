package bank

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// load builds the doors from configuration and store. An intent without an
// outcome is left to the first reading of its door.
func (b *Bank) load() error {
	boot, _, err := b.store.Value(locker.ValueBoot)
	if err != nil {
		return err
	}
	was, _ := strconv.ParseInt(string(boot), 10, 64) // absent: the first start
	b.boot = was + 1
	if err := errors.Join(b.loadDown(), b.loadCommands(), b.loadDesired()); err != nil {
		return err
	}
	recs, err := b.store.Doors()
	if err != nil {
		return err
	}
	stored := map[locker.DoorID]locker.DoorRecord{}
	for _, r := range recs {
		stored[r.Door] = r
	}
	for _, spec := range b.cfg.Doors {
		rec := stored[spec.ID]
		rec.Door = spec.ID
		delete(stored, spec.ID)
		if err := b.addSlot(spec, rec); err != nil {
			return err
		}
	}
	slices.SortFunc(b.slots, byID)
	if err := b.loadConfigured(stored); err != nil {
		return err
	}
	for id := range stored {
		b.log.Warn("a stored door is no longer in the configuration: its item is not counted", slog.String("door", id.String()))
	}
	for _, d := range b.slots {
		if k, ok := d.counted(); ok {
			b.stock[k]++
		}
	}
	return nil
}

func (b *Bank) addSlot(spec DoorSpec, rec locker.DoorRecord) error {
	bs, ok := b.buses[spec.Bus]
	if !ok {
		return fmt.Errorf("door %s is on bus %q, which is not there", spec.ID, spec.Bus)
	}
	board, ok := bs.boards[spec.Lock.Address]
	if !ok {
		return fmt.Errorf("door %s is on board %d of bus %q, which is not there", spec.ID, spec.Lock.Address, spec.Bus)
	}
	d := &slot{spec: spec, rec: rec, board: board, m: door.New(b.doorConfig(spec))}
	switch {
	case rec.Intent != nil:
		d.m.Settle()
		d.restart = true
	case rec.Last != nil && rec.Last.Closed.IsZero():
		d.m.Stand(0)
		d.restart = true
	}
	b.slots = append(b.slots, d)
	b.byID[spec.ID] = d
	b.index(d)
	b.byLock[busLock{spec.Bus, spec.Lock}] = d
	return nil
}

// started journals the start and what the store had to mend.
func (b *Bank) started() {
	t := b.begin()
	cause := "crash"
	if b.cfg.Clean {
		cause = "clean"
	}
	t.add(locker.Event{Type: locker.EvBootStarted, Version: locker.Text(b.cfg.Version), Cause: cause})
	for _, f := range b.cfg.Faults {
		t.add(locker.Event{Type: locker.EvStorageFault, Error: f})
	}
	b.carried(t)
	b.reconfigured(t)
	b.interrupted(t)
	t.value(locker.ValueBoot, decimal(b.boot))
	t.commit()
	b.maybeReady(false) // a bank without boards
}
