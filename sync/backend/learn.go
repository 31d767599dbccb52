package backend

import (
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// learn takes from an event, stored just now, what it says of the bank.
func (t *txn) learn(b *bank, journal string, ev *locker.Event) {
	if journal != b.Journal {
		switch {
		case ev.Type != locker.EvCodeUsed:
		case b.Journal == "": // the birth is still to come
			t.use(b, ev.Set, ev.Code, ev.At)
		default: // late word of a board that is gone
			t.useBefore(b, ev.Set, ev.Code)
		}
		return
	}
	switch ev.Type {
	case locker.EvCodeUsed:
		t.use(b, ev.Set, ev.Code, ev.At)
	case locker.EvCodesApplied:
		t.learnCodes(b, ev)
	case locker.EvConfigApplied, locker.EvConfigRejected, locker.EvTrustApplied:
		t.learnDocument(b, ev)
	case locker.EvMessageRefused:
		t.learnRefused(b, ev)
	case locker.EvCommandDone, locker.EvCommandRefused, locker.EvCommandFailed, locker.EvCommandUnknown:
		t.learnCommand(b, ev)
	default:
		b.learnAlarm(ev)
		t.learnUpdate(b, ev)
	}
}

func (t *txn) learnCodes(b *bank, ev *locker.Event) {
	to, ok := ev.To.Int()
	if !ok {
		to, ok = ev.Version.Int()
	}
	if s := b.Sets[ev.Set]; ok && s != nil && !ev.From.IsZero() && s.SnapTo != to {
		s.futile = 0 // a delta fitted what it builds on; lockerd writes from for a snapshot, too
	}
	if ok && ev.Epoch > 0 {
		t.confirmed(b, ev.Set, position{ev.Epoch, to})
	}
}

func (t *txn) learnDocument(b *bank, ev *locker.Event) {
	version, ok := ev.Version.Int()
	given := b.Desired.Version
	if ev.Type == locker.EvTrustApplied {
		given = b.Trust.Version
	}
	if !ok || !credible(version, given) {
		return
	}
	switch ev.Type {
	case locker.EvConfigApplied:
		t.reportedDesired(b, version, false)
	case locker.EvConfigRejected:
		if version == b.Desired.Version {
			b.Desired.Rejected, b.Desired.Why, b.dirty = version, locker.Cut(ev.Why, 512), true
		}
	case locker.EvTrustApplied:
		t.reportedTrust(b, version, false)
	}
}

// learnRefused looks whether one record of ours was at fault. Other refusals are
// findings: some speak of a mistake here, some of somebody else on the line.
func (t *txn) learnRefused(b *bank, ev *locker.Event) {
	reason := string(ev.Reason)
	oneRecord := ev.Op == "put" && ev.ID != "" && (reason == wire.Malformed || reason == wire.Quota || reason == wire.WrongTenant)
	if oneRecord {
		t.reject(b, ev.Set, ev.ID, locker.Cut(reason+": "+ev.Why, 512))
	}
	if digestRefused(ev) {
		t.learnDigest(b, ev.Set)
	}
	if reason == wire.Stale {
		t.learnStale(b, ev.Set)
	}
	b.find(t.now, FoundRefused, locker.Cut(fmt.Sprintf("the bank refused a message: %s %s %s", reason, ev.Op, ev.Why), 512))
}

// learnStale takes up that the bank has something newer than what was sent to it,
// though nothing has told so: its last birth is older than that, and so is this
// store.
func (t *txn) learnStale(b *bank, name string) {
	if s := b.Sets[name]; s != nil {
		if !s.applied() && s.SnapTo == s.Version && s.Bank.Epoch != s.Epoch {
			t.newEpoch(b, name, s)
			t.syncSet(b, name, s, "")
		}
		return
	}
	if b.Desired.owed() && b.Desired.again.tries > 0 {
		b.Desired.Version, b.dirty = max(t.now.Time().Unix(), b.Desired.Version+1), true
		b.Desired.again.reset()
		t.sendDesired(b)
	}
}

// learnCommand takes the journal's word for what came of a command. The event comes on
// another topic and may well be the first, but only the reply has the result: it is waited
// for a moment. The command is not sent again meanwhile. One that nobody waits for any
// more, or of ours, is settled at once; one that only came too late is given anew.
func (t *txn) learnCommand(b *bank, ev *locker.Event) {
	c := b.commandOf(ev.ID)
	if c == nil || c.Told != nil || c.Reply != nil && c.Reply.Status != Unanswered {
		return
	}
	status := map[string]string{
		locker.EvCommandDone:    locker.ReplyDone,
		locker.EvCommandRefused: locker.ReplyRefused,
		locker.EvCommandFailed:  locker.ReplyFailed,
		locker.EvCommandUnknown: locker.ReplyUnknown,
	}[ev.Type]
	told := locker.Reply{ID: ev.ID, Status: status, Reason: locker.Cut(string(ev.Reason), 256)}
	if c.Reply != nil || c.Own || string(ev.Reason) == locker.RefusedReplayed {
		t.reply(b, &wire.Reply{Reply: told})
		return
	}
	c.Told, c.Until, b.dirty = &told, t.now.Add(toldGrace), true
}

const alarmUncertain = "opened or not: uncertain"

// learnAlarm keeps conditions that no snapshot shows.
func (b *bank) learnAlarm(ev *locker.Event) {
	door := "door " + ev.Door.String()
	switch ev.Type {
	case locker.EvDoorForced:
		b.raise(ev.At, door, "forced open")
	case locker.EvDoorAjar:
		if ev.Level == "alarm" {
			b.raise(ev.At, door, "stands open")
		}
	case locker.EvDoorUncertain:
		b.raise(ev.At, door, alarmUncertain)
	case locker.EvDoorSettled:
		if b.Alarms[door].Text == alarmUncertain { // what was raised since stays
			b.calm(door)
		}
	case locker.EvDoorClosed, locker.EvDoorOpened:
		b.calm(door)
	case locker.EvStorageFault:
		b.raise(ev.At, "storage", locker.Cut("fault of the disk: "+ev.Error, 256))
	case locker.EvBootStarted:
		b.calm("storage")
	}
}
