package bank

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

// Doors come and go with the configuration, between two starts. What lies behind one
// that has gone counts no more, until it is back: told as stock.changed right
// after boot.started, so that the journal tells every change of a count.

// configured is what a start finds changed about the doors.
type configured struct {
	known bool // the last start has left its doors
	was   map[locker.DoorID]bool
	gone  []*slot // counted, and in no configuration now; no part of the bank
	back  []*slot // counted, and in none at the last start
}

// loadConfigured compares the doors of the last start with those of this one. stored
// are the records that no configured door has taken.
func (b *Bank) loadConfigured(stored map[locker.DoorID]locker.DoorRecord) error {
	v, ok, err := b.store.Value(locker.ValueDoors)
	if err != nil || !ok {
		return err
	}
	var ids []locker.DoorID
	if err := json.Unmarshal(v, &ids); err != nil {
		return fmt.Errorf("cannot read the doors of the last start: %w", err)
	}
	c := configured{known: true, was: map[locker.DoorID]bool{}}
	for _, id := range ids {
		c.was[id] = true
		if rec, gone := stored[id]; gone {
			c.gone = append(c.gone, &slot{spec: DoorSpec{ID: id}, rec: rec})
		}
	}
	for _, d := range b.slots {
		if !c.was[d.spec.ID] {
			c.back = append(c.back, d)
		}
	}
	notCounted := func(d *slot) bool { _, counts := d.counted(); return !counts }
	c.gone, c.back = slices.DeleteFunc(c.gone, notCounted), slices.DeleteFunc(c.back, notCounted)
	b.doorsWere = c
	return nil
}

// reconfigured journals the counts that the configuration has changed, and keeps the
// doors of this start.
func (b *Bank) reconfigured(t *tx) {
	for _, d := range b.doorsWere.gone { // as it was, to be told step by step
		k, _ := d.counted()
		b.stock[k]++
	}
	for _, d := range b.doorsWere.back {
		k, _ := d.counted()
		b.stock[k]--
	}
	for _, d := range b.doorsWere.gone {
		k, _ := d.counted()
		b.count(t, d, k, -1)
	}
	for _, d := range b.doorsWere.back {
		k, _ := d.counted()
		b.count(t, d, k, +1)
	}
	is := map[locker.DoorID]bool{}
	for _, d := range b.slots {
		is[d.spec.ID] = true
	}
	if b.doorsWere.known && maps.Equal(is, b.doorsWere.was) {
		return
	}
	v, err := json.Marshal(slices.SortedFunc(maps.Keys(is), func(a, c locker.DoorID) int {
		if a.Less(c) {
			return -1
		}
		return 1
	}))
	if err != nil { // a list of texts cannot fail
		b.fail(err)
		return
	}
	t.value(locker.ValueDoors, v)
}
