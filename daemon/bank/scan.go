package bank

import (
	"cmp"
	"log/slog"
	"time"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/scanner"
)

// scanned is the main job: a text has come, a door opens or a reason is given.
func (b *Bank) scanned(s scanner.Scan) {
	t := b.begin()
	b.decide(t, s)
	t.commit()
}

func (b *Bank) decide(t *tx, s scanner.Scan) {
	switch reason := access.Text(s.Text); {
	case s.Malformed:
		t.refuse(s.Scanner, locker.Malformed, nil)
		return
	case reason != locker.Granted:
		t.refuse(s.Scanner, reason, nil)
		return
	case access.IsTicket(s.Text):
		b.scanTicket(t, s)
		return
	}
	e, ok := b.find(t, locker.TagOf(b.cfg.Bank, s.Text))
	if !ok {
		b.noCode(t, s)
		return
	}
	dec := access.Decide(b.asked(t, s, e), view{b})
	if dec.Reason != locker.Granted {
		t.refuse(s.Scanner, dec.Reason, &e)
		return
	}
	b.let(t, s, e, dec)
}

// noCode takes a text that is no code: the label of what is put into an open
// door, else it is refused.
func (b *Bank) noCode(t *tx, s scanner.Scan) {
	if d := b.awaiting(s.Scanner); d != nil && d.rec.Awaits != nil {
		b.label(t, b.cfg.astray(b, d), s)
		return
	}
	t.refuse(s.Scanner, locker.Unknown, nil)
}

// let begins the visit of a code that was granted, or goes on with it.
func (b *Bank) let(t *tx, s scanner.Scan, e locker.Entry, dec access.Decision) {
	at := b.mono(s.At)
	if v := b.visitOf(e.Key()); v != nil && dec.Door.IsZero() {
		v.scanner, v.scan, v.moved = s.Scanner, at, b.now() // one use is one visit
		return
	}
	v := b.newVisit(s.Scanner, e, at)
	v.stage(&v.stages.Decision, b.now())
	if dec.Door.IsZero() {
		return // the door is chosen later, at kiosk or socket
	}
	v.fresh, v.late = true, ended(&e, t.at)
	b.grant(t, v, b.byID[dec.Door], dec)
}

// find looks a code up by its tag.
func (b *Bank) find(t *tx, tag locker.Tag) (locker.Entry, bool) {
	e, ok, err := b.store.Find(tag)
	if err != nil {
		t.fault("a code's record is damaged", err)
	}
	return e, ok && err == nil
}

func (b *Bank) strictest(e *locker.Entry) error {
	m, ok, err := b.store.Mark(e.Key())
	if err != nil || !ok {
		return err
	}
	e.Mark.Stricter(m)
	return nil
}

// refresh brings an entry's mark up to what other visits of the code have made
// of it since it was looked up.
func (b *Bank) refresh(e *locker.Entry) {
	m, ok, err := b.store.Mark(e.Key())
	switch {
	case err != nil:
		b.log.Error("cannot read a use mark, the last known is taken", slog.Any("error", err))
	case ok:
		e.Mark = m
	}
}

// fault journals that stored data could not be read; what it would have said is
// refused.
func (t *tx) fault(what string, err error) {
	t.b.log.Error("storage fault", slog.String("what", what), slog.Any("error", err))
	t.add(locker.Event{Type: locker.EvStorageFault, Error: what + ": " + err.Error()})
}

func (b *Bank) request(t *tx, e locker.Entry) *access.Request {
	return &access.Request{
		Entry: e, Now: t.at, Clock: t.clock,
		Confirmed: b.store.Set(e.Set).Confirmed, MaxAge: b.cfg.MaxAge, ReopenWindow: b.cfg.Open.ReopenWindow,
	}
}

// asked is request with what the bank knows of the scanner and the code's visits.
func (b *Bank) asked(t *tx, s scanner.Scan, e locker.Entry) *access.Request {
	r := b.request(t, e)
	r.UnderWay = kinds[e.Code.Kind].several && b.visitOf(e.Key()) != nil
	r.Awaiting = b.awaiting(s.Scanner) != nil
	return r
}

// refuse journals why a scan opens nothing.
func (t *tx) refuse(name string, r locker.Reason, e *locker.Entry) {
	ev := locker.Event{Type: locker.EvScanRefused, Scanner: name, Reason: r}
	if e != nil {
		ev.Code, ev.Set, ev.Kind, ev.Ref, ev.Tenant = e.Code.ID, e.Set, e.Code.Kind, e.Code.Ref, e.Code.TenantIn(e.Set)
		ev.Door = e.Code.Door // where it names one
	}
	ev.Why = t.b.sayRefused(name, r, e)
	t.refused(ev)
}

// refused journals a refusal, and shows the latest of a scanner on the socket.
func (t *tx) refused(ev locker.Event) {
	t.add(ev)
	if s, ok := t.b.scanners[ev.Scanner]; ok {
		s.Refused = &RefusedStatus{At: t.at, Reason: ev.Reason, Text: cmp.Or(ev.Why, generally(ev.Reason))}
	}
}

// grant puts use, intent and events of one opening into one step and has the
// pulse follow it (contract 5.4).
func (b *Bank) grant(t *tx, v *visit, d *slot, dec access.Decision) {
	in := &locker.Intent{
		Code: v.entry.Key(), Kind: v.entry.Code.Kind, Ref: v.entry.Code.Ref, Tenant: v.tenant(),
		Visit: v.id, Scanner: v.scanner, Reopening: dec.Reopening, Again: dec.Again, Gives: dec.Gives, At: t.at,
	}
	v.expects(in)
	if v.kind().stays && v.opened {
		in.Reopening = true // one more door of the same visit and use
	}
	if was := d.rec.Intent; dec.Again && was != nil {
		in.Reopening = in.Reopening || was.Reopening // what took no use takes none now
		in.Gives = was.Gives
	} else if was != nil {
		b.change(t, d, func() { b.forgo(t, d) }) // given to another
	}
	v.door, d.visit, d.restart = d, v, false
	v.moved = b.now()
	v.begin(b, t, in)
	v.fresh = false
	switch {
	case !dec.Reserve.IsZero():
		b.reserve(t, in.Code, b.byID[dec.Reserve])
	case in.Gives && !dec.Again:
		b.reserve(t, in.Code, d)
	}
	d.rec.Intent = in
	t.save(d)
	e := locker.Event{Type: locker.EvCodeAccepted, Door: d.spec.ID, Cache: b.cacheInfo(t, v.entry.Set)}
	stamp(&e, in)
	switch { // so that a reader of the journal can tell it from a use
	case in.Again:
		e.Cause = "again"
	case dec.Resumed:
		e.Cause = "resumed"
	case in.Reopening && v.kind().reopens:
		e.Cause = "reopening"
	}
	t.add(e)
	b.order(t, d)
}

// expects says what is to come in by an opening of the visit.
func (v *visit) expects(in *locker.Intent) {
	if v.kind().labelled {
		in.SKU, in.Due = v.entry.Code.SKU, max(v.entry.Code.Items, 1)
	}
}

// order tells the machine that its opening is in this step.
func (b *Bank) order(t *tx, d *slot) {
	for _, e := range d.m.Order(b.now()) {
		b.effect(t, d, e)
	}
}

func (b *Bank) cacheInfo(t *tx, set string) *locker.CacheInfo {
	info := b.store.Set(set)
	c := &locker.CacheInfo{Version: info.Version}
	if !info.Confirmed.IsZero() {
		c.AgeS = int64(t.at.Sub(info.Confirmed) / time.Second)
	}
	return c
}

// stamp names the code and visit of an opening in its event.
func stamp(e *locker.Event, in *locker.Intent) {
	e.Visit, e.Scanner = in.Visit, in.Scanner
	e.Code, e.Set, e.Kind, e.Ref, e.Tenant = in.Code.ID, in.Code.Set, in.Kind, in.Ref, in.Tenant
}
