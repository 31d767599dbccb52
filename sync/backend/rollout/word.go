package rollout

import (
	"strings"

	"lockerd/daemon/locker"
)

// Heard takes an event of a bank's journal.
func (r *Rollout) Heard(bank string, ev *locker.Event) {
	p := r.parts[bank]
	word, ok := strings.CutPrefix(ev.Type, locker.EvUpdatePrefix)
	if !ok || p == nil || p.Phase == Waiting || !Same(ev.Version.String(), r.Plan.Version) {
		return
	}
	switch to := Phase(word); to { //nolint:exhaustive // of what a journal says
	case Staged:
		p.Heard = true
		r.move(p, Staged, "", ev.At)
	case "tried":
		p.Heard = true
		r.move(p, Trying, "", ev.At)
	case Confirmed, RolledBack, Abandoned:
		if p.Heard { // else it is that of an older order, sent late
			r.move(p, to, locker.Cut(ev.Why, wordsMax), ev.At)
		}
	}
}

// Replaced takes it up that a bank's board is another one: what is known of the old one's
// program says nothing any more. What has failed there has failed.
func (r *Rollout) Replaced(bank string, now locker.Time) {
	p := r.parts[bank]
	if p == nil || p.Phase.Failed() || p.Phase == Waiting || p.Phase == Withdrawn || r.Over() {
		return
	}
	if p.Phase == Ordered && p.Again == 0 {
		return // the new one gets it
	}
	p.Heard, p.Orders, p.Again = false, 0, 0
	r.move(p, Waiting, "", now)
}

// Reply statuses, beyond locker's, and reasons for which an order is repeated.
const (
	// Unanswered is what a backend says of a command that was not answered by its end.
	Unanswered = "unanswered"

	reasonUnavailable = "update_unavailable" // the bank could not reach the repository
	reasonBusy        = "busy"               // with another order, perhaps one of ours that was taken back
)

// Replied takes a bank's reply to a command, or that there was none.
func (r *Rollout) Replied(f Fleet, bank string, reply *locker.Reply, now locker.Time) {
	p := r.parts[bank]
	if p == nil || p.Order != reply.ID || p.Phase != Ordered && p.Phase != Withdrawn && p.Phase != Silent {
		return // the journal has told more
	}
	failed := reply.Status == locker.ReplyFailed
	untouched := reply.Status == Unanswered || failed && reply.Reason == reasonBusy
	chance := untouched || reply.Status == locker.ReplyUnknown || failed && reply.Reason == reasonUnavailable
	switch {
	case reply.Status == locker.ReplyDone:
		p.Heard = true
		r.move(p, Staged, "", now)
	case chance && p.Phase != Ordered: // it is not waited for
	case untouched, chance && p.Orders <= againMax:
		if untouched {
			p.Orders = max(p.Orders-1, 0)
		}
		p.Again = r.Watched + Span(againWait)
		p.Why = sentence(reply)
		r.edited[bank] = true
	case r.has(p, f.State(bank, r.Plan.Version), now): // which is why it refuses
	default:
		r.move(p, Refused, sentence(reply), now)
	}
}

// wordsMax bounds what is kept of a bank's words.
const wordsMax = 300

// sentence is what a bank says to its refusal.
func sentence(r *locker.Reply) string {
	why := r.Status
	if r.Reason != "" {
		why = r.Reason
	}
	if text, ok := r.Result["error"].(string); ok && text != "" {
		why += ": " + text
	}
	return locker.Cut(why, wordsMax)
}
