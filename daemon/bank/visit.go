package bank

import (
	"strconv"
	"time"

	"lockerd/daemon/locker"
)

// Outcomes of a visit.
const (
	outcomeDone      = "done"
	outcomeRefused   = "refused"
	outcomeAbandoned = "abandoned"
)

// visit is one person at one scanner with one code, from the scan until
// nothing more is due.
type visit struct {
	id      string
	scanner string
	entry   locker.Entry
	scan    time.Duration   // when the scan's last byte was read
	moved   time.Duration   // last scan or movement
	door    *slot           // opening or standing open; nil between doors
	tried   []locker.DoorID // doors that did not open
	retried bool            // this door stands in for one that did not open
	fresh   bool            // its entry was read in this very step
	counted bool            // its use is in the mark
	late    bool            // its code's window was over at the scan
	opened  bool            // a door has opened in it
	reason  locker.Reason   // why it ends with something due; granted: no such reason
	why     string          // the same in words
	stages  locker.Stages
}

func (b *Bank) newVisit(scanner string, e locker.Entry, at time.Duration) *visit {
	b.visitSeq++
	v := &visit{
		id:      "v-" + strconv.FormatInt(b.boot, 10) + "-" + strconv.FormatInt(b.visitSeq, 10),
		scanner: scanner, entry: e, scan: at, moved: b.now(),
	}
	b.visits[v.id] = v
	return v
}

// visitOf returns the visit of a code that is under way; nil: there is none.
func (b *Bank) visitOf(key locker.CodeKey) *visit {
	for _, v := range b.visits {
		if v.entry.Key() == key {
			return v
		}
	}
	return nil
}

func (v *visit) tenant() string { return v.entry.Code.TenantIn(v.entry.Set) }

// stage notes when a stage was reached.
func (v *visit) stage(s **int64, at time.Duration) {
	ms := (at - v.scan).Milliseconds()
	*s = &ms
}

// because says why a visit ends as it does; there may be none.
func (v *visit) because(why string) {
	if v != nil {
		v.why = why
	}
}

// kind returns what codes of this kind do.
func (v *visit) kind() kind { return kinds[v.entry.Code.Kind] }

// end ends a visit. Its door, if it still stands open, is nobody's from now on.
func (b *Bank) end(t *tx, v *visit, outcome string) {
	if v.door != nil {
		v.door.visit = nil
		v.door = nil
	}
	delete(b.visits, v.id)
	t.add(locker.Event{
		Type: locker.EvVisitEnded, Visit: v.id, Scanner: v.scanner, Code: v.entry.Code.ID, Set: v.entry.Set,
		Kind: v.entry.Code.Kind, Ref: v.entry.Code.Ref, Tenant: v.tenant(), Outcome: outcome, Reason: v.reason, Why: v.why, MS: locker.StageMS(v.stages),
	})
}

// idleAt returns when a visit that stands between doors has idled too long.
func (b *Bank) idleAt(v *visit) (time.Duration, bool) {
	return v.moved + b.cfg.Open.VisitIdle, v.door == nil
}

// endIdle ends the visits that nobody has gone on with.
func (b *Bank) endIdle() {
	for _, v := range b.visits {
		at, idle := b.idleAt(v)
		if !idle || b.now() < at {
			continue
		}
		outcome := outcomeAbandoned
		if v.opened {
			outcome = outcomeDone
		}
		t := b.begin()
		b.end(t, v, outcome)
		t.commit()
	}
}
