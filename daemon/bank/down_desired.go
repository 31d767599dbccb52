package bank

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockerd/daemon/door"
	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

// loadDesired reads the desired document that was applied last. What it says of
// single doors stands in their records.
func (b *Bank) loadDesired() error {
	v, ok, err := b.store.Value(locker.ValueDesired)
	if err != nil || !ok {
		return err
	}
	var s locker.DesiredState
	if err := json.Unmarshal(v, &s); err != nil {
		return fmt.Errorf("cannot read the stored desired document: %w", err)
	}
	b.take(s)
	return nil
}

// take makes a desired document the bank's, in memory only.
func (b *Bank) take(s locker.DesiredState) {
	b.desired = s
	b.cfg.MaxAge = time.Duration(s.Doc.CacheMaxAge)
	b.cfg.Open = openTimes(b.own, s.Doc.Open)
	b.mins = map[stockKey]int{}
	for _, r := range s.Doc.SKUs {
		if r.Min != nil {
			b.mins[stockKey{r.Tenant, r.SKU}] = *r.Min
		}
	}
	for _, d := range b.slots {
		d.m.Configure(b.doorConfig(d.spec))
	}
}

func (b *Bank) doorConfig(spec DoorSpec) door.Config {
	o := b.cfg.Open
	return door.Config{
		Sensor: spec.Sensor, Prove: o.Prove, Tries: o.Tries, AjarWarn: o.AjarWarn, AjarAlarm: o.AjarAlarm, Expiry: unlockExpiry,
	}
}

// openTimes lays what is wanted over the configuration's own times.
func openTimes(own Times, r *locker.OpenRule) Times {
	if r == nil {
		return own
	}
	pick := func(d locker.Duration, own time.Duration) time.Duration { return cmp.Or(time.Duration(d), own) }
	return Times{
		Pulse: pick(r.Pulse, own.Pulse), Prove: pick(r.Prove, own.Prove), Tries: cmp.Or(r.Tries, own.Tries),
		AjarWarn: pick(r.AjarWarn, own.AjarWarn), AjarAlarm: pick(r.AjarAlarm, own.AjarAlarm),
		ReopenWindow: pick(r.ReopenWindow, own.ReopenWindow), VisitIdle: pick(r.VisitIdle, own.VisitIdle),
	}
}

// adopt makes a desired document the bank's within a step. A new minimum that
// finds the count below it says so (contract 5.2).
func (b *Bank) adopt(t *tx, s locker.DesiredState) {
	was := b.mins
	b.take(s)
	for _, k := range slices.SortedFunc(maps.Keys(b.mins), compareStock) {
		least, n := b.mins[k], b.stock[k]
		if old, had := was[k]; n < least && (!had || n >= old) {
			t.add(locker.Event{Type: locker.EvStockLow, Tenant: k.tenant, SKU: k.sku, Count: &n, Min: &least})
		}
	}
}

// ApplyDesired takes a desired document, whole or not at all (contract 6.6).
func (b *Bank) ApplyDesired(ctx context.Context, version int64, doc locker.Desired) (Verdict, error) {
	return b.judged(ctx, func(t *tx) Verdict { return b.applyDesired(t, locker.DesiredState{Version: version, Doc: doc}) })
}

func (b *Bank) applyDesired(t *tx, s locker.DesiredState) Verdict {
	if s.Version <= b.desired.Version {
		return Verdict{Refused: &Refusal{
			Topic: topicDesired, Reason: refusedStale,
			Why: fmt.Sprintf("version %d, the bank has %d", s.Version, b.desired.Version),
		}}
	}
	reject := func(why string) Verdict {
		t.add(locker.Event{Type: locker.EvConfigRejected, Version: locker.Number(s.Version), Why: why})
		return Verdict{}
	}
	if why := b.checkDesired(&s.Doc); why != "" {
		return reject(why)
	}
	stored, err := json.Marshal(&s)
	if err != nil {
		return reject(err.Error())
	}
	t.value(locker.ValueDesired, stored)
	t.add(locker.Event{Type: locker.EvConfigApplied, Version: locker.Number(s.Version)})
	b.adopt(t, s)
	b.applyDoors(t, s.Doc.Doors)
	return Verdict{}
}

// applyDoors brings dedication and service of every door to what is wanted; a
// door that is not named is the configuration's again.
func (b *Bank) applyDoors(t *tx, rules []locker.DoorRule) {
	want := map[locker.DoorID]locker.DoorRule{}
	for _, r := range rules {
		want[r.ID] = r
	}
	for _, d := range b.slots {
		r := want[d.spec.ID]
		if d.rec.Tenant != r.Tenant {
			d.rec.Tenant = r.Tenant
			t.save(d)
		}
		switch out := d.out(locker.CauseDesired); {
		case r.Out && !out:
			b.takeOut(t, d, locker.CauseDesired, byBackend)
		case !r.Out && out:
			b.giveBack(t, d)
		}
	}
}

// giveBack ends the backend's own cause; others stay.
func (b *Bank) giveBack(t *tx, d *slot) {
	b.change(t, d, func() {
		d.rec.Out = slices.DeleteFunc(slices.Clone(d.rec.Out), func(c locker.Cause) bool { return c == locker.CauseDesired })
		e := locker.Event{Type: locker.EvDoorIn, Door: d.spec.ID, Cause: string(locker.CauseDesired), By: byBackend}
		if len(d.rec.Out) == 0 {
			d.rec.Out = nil
		} else { // it stays out: said so that the journal tells every change
			e.Type, e.Cause, e.Op = locker.EvDoorOut, causes(d.rec.Out), ledger.OpLeft
		}
		t.add(e)
	})
}
