package banktest

import (
	"lockerd/daemon/locker"
)

// Updates is how a model bank takes the command update: as lockerd does, by the words it
// says. It stages on the command; when it is tried, and how that ends, is its caller's.
type Updates struct {
	Offers string // version of the repository
	Fault  string // why Offers is rolled back; "": it is confirmed
	Staged string // version that waits for its trial
	Trying string // version on trial
	Failed string // version that was rolled back here

	before string
}

func (b *Bank) updateEvent(now locker.Time, word, version, why string) {
	b.Emit(now, locker.Event{Type: locker.EvUpdatePrefix + word, Version: locker.Text(version), Why: why})
}

// update answers the command.
func (b *Bank) update(c *locker.Command) locker.Reply {
	u := b.Updates
	refuse := func(text string) locker.Reply {
		b.Emit(b.now, locker.Event{Type: locker.EvUpdatePrefix + "refused", Why: text})
		return locker.Reply{Status: locker.ReplyFailed, Reason: "update_refused", Result: map[string]any{"error": text}}
	}
	switch {
	case c.Args.Version != "" && c.Args.Version != u.Offers:
		return refuse("cannot take the update: version " + c.Args.Version + " was ordered and the channel offers " + u.Offers)
	case u.Offers == b.Version:
		return refuse("cannot take the update: version " + u.Offers + " is not newer than " + b.Version + ", which runs")
	case u.Trying != "":
		return refuse("cannot take the update: version " + u.Trying + " is being tried")
	case u.Failed == u.Offers:
		return refuse("cannot take the update: version " + u.Offers + " was tried here and rolled back")
	}
	u.Staged = u.Offers
	b.updateEvent(b.now, "staged", u.Staged, "")
	b.Done = append(b.Done, *c)
	return locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"running": b.Version, "version": u.Staged, "phase": "verified"}}
}

// Try begins the trial of what is staged: the bank is gone, and comes with its next
// Connect as the new version.
func (b *Bank) Try(now locker.Time) {
	u := b.Updates
	b.updateEvent(now, "tried", u.Staged, "")
	b.Send(now)
	u.before, u.Trying, u.Staged = b.Version, u.Staged, ""
	b.restart(now, u.Trying)
}

// Verdict ends the trial. After a rollback the bank is gone, and comes with its next
// Connect as the version before, and says so.
func (b *Bank) Verdict(now locker.Time) (confirmed bool) {
	u := b.Updates
	version := u.Trying
	u.Trying = ""
	if u.Fault == "" {
		b.updateEvent(now, "confirmed", version, "")
		b.Send(now)
		return true
	}
	u.Failed = version
	b.restart(now, u.before)
	b.updateEvent(now, "rolled_back", version, u.Fault)
	return false
}

func (b *Bank) restart(now locker.Time, version string) {
	b.Online = false
	b.Version = version
	b.Boot++
	b.Emit(now, locker.Event{Type: locker.EvBootStarted, Version: locker.Text(version), Cause: "clean"})
}
