package rollout

import (
	"fmt"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

// Advance lets time go by and does what is due. It is called about once a second,
// and after words of banks, while these come in, and never else.
func (r *Rollout) Advance(f Fleet, now locker.Time) {
	gone := now.Sub(r.last)
	if r.last == 0 || gone > unwatched {
		r.listen = r.Watched + Span(listenTime)
	}
	if r.Status == Running && r.last != 0 && gone > 0 {
		r.Watched += Span(min(gone, tickMax))
	}
	r.last = now
	if r.judge(f, now) || r.Status != Running {
		return
	}
	for _, p := range r.list {
		if p.Phase.open() && r.Watched-p.Since >= r.Plan.Deadline && r.Watched >= r.listen {
			r.silence(f, p, now)
		}
	}
	if r.judge(f, now) {
		return
	}
	r.give(f, now)
	r.proceed(now)
}

// silence gives a bank up.
func (r *Rollout) silence(f Fleet, p *Part, now locker.Time) {
	s := f.State(p.Bank, r.Plan.Version)
	why := fmt.Sprintf("%s, no verdict within %s", p.Phase, time.Duration(r.Plan.Deadline))
	switch {
	case !s.Online:
		why += "; it is away"
	case Same(s.Version, r.Plan.Version):
		why += "; it runs the version but has not confirmed it"
	}
	r.takeBack(f, p, Silent, why, now)
}

// Tally counts banks.
type Tally struct {
	Waiting   int `json:"waiting"` // or withdrawn
	Open      int `json:"open"`    // ordered, staged, trying
	Confirmed int `json:"confirmed"`
	Failed    int `json:"failed"`
	Silent    int `json:"silent"`
}

func (t *Tally) add(p Phase) {
	switch p {
	case Waiting, Withdrawn:
		t.Waiting++
	case Ordered, Staged, Trying:
		t.Open++
	case Confirmed:
		t.Confirmed++
	case RolledBack, Abandoned, Refused:
		t.Failed++
	case Silent:
		t.Silent++
	}
}

// Tally counts the banks of a step; of all steps with -1.
func (r *Rollout) Tally(step int) Tally {
	var t Tally
	for _, p := range r.list {
		if step < 0 || p.Step == step {
			t.add(p.Phase)
		}
	}
	return t
}

// judge pauses or ends a rollout that goes badly. A failure of an earlier step that
// becomes known now counts with this one.
func (r *Rollout) judge(f Fleet, now locker.Time) bool {
	if r.Status != Running && r.Status != Paused {
		return false
	}
	all, fresh := r.Tally(-1), Tally{}
	for _, p := range r.list {
		if !p.Forgiven {
			fresh.add(p.Phase)
		}
	}
	p, step := &r.Plan, r.Steps[r.Step]
	most := p.Stop.Of(len(r.list))
	if p.Stop.Percent {
		most = max(most, 1) // in a small fleet the first failure is for a pause
	}
	if all.Failed > most {
		r.withdraw(f, now)
		r.become(Stopped, fmt.Sprintf("%d banks have failed in all, more than %d (%s): %s", all.Failed, most, p.Stop, r.reasons()), now)
		return true
	}
	if r.Status == Paused {
		return false
	}
	why := ""
	if most := p.Failures.Of(step.Banks); fresh.Failed > most {
		why = fmt.Sprintf("%d of the %d banks of step %d have failed, more than %d (%s): %s", fresh.Failed, step.Banks, r.Step+1, most, p.Failures, r.reasons())
	} else if most := p.Silent.Of(step.Banks); fresh.Silent > most {
		why = fmt.Sprintf("%d of the %d banks of step %d are silent, more than %d (%s)", fresh.Silent, step.Banks, r.Step+1, most, p.Silent)
	}
	if why == "" {
		return false
	}
	r.withdraw(f, now)
	r.become(Paused, why, now)
	return true
}

// reasons are what failed banks say, a few of them.
func (r *Rollout) reasons() string {
	const few = 3
	var list []string
	for _, p := range r.list {
		if !p.Phase.Failed() || p.Forgiven {
			continue
		}
		if len(list) == few {
			list = append(list, "…")
			break
		}
		text := p.Bank + " " + string(p.Phase)
		if p.Why != "" {
			text += " (" + p.Why + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// busy tells whether a bank takes one of the Parallel places. What is tried does so even
// if the bank is away: that is how a bad update looks. One that waits for its window takes
// none: they open once a day. Without a window what is staged is as good as tried.
func (r *Rollout) busy(f Fleet, p *Part, now locker.Time) bool {
	switch p.Phase { //nolint:exhaustive // of what is under way
	case Trying:
		return true
	case Staged:
		return r.Plan.Window == ""
	case Ordered:
		return p.Again == 0 && (now.Sub(p.At) < goneMax || f.State(p.Bank, r.Plan.Version).Online)
	}
	return false
}

// give orders the update at banks of this step and the ones before, as many as may be
// under way, and only at those that are there: else all that come back together would try
// it together. Its deadline runs for one that is away, too.
func (r *Rollout) give(f Fleet, now locker.Time) {
	busy := 0
	for _, p := range r.list {
		if r.busy(f, p, now) {
			busy++
		}
	}
	for _, p := range r.list {
		again := p.Phase == Ordered && p.Again != 0 && r.Watched >= p.Again
		if p.Step > r.Step {
			return // they stand in the order of steps
		}
		if p.Phase != Waiting && !again {
			continue
		}
		switch s := f.State(p.Bank, r.Plan.Version); {
		case r.has(p, s, now):
		case !s.Online:
			r.move(p, Ordered, "it is away", now)
			p.Again = 1 // as soon as it is there
		case busy < r.Plan.Parallel:
			r.order(f, p, now)
		default:
			r.move(p, Waiting, "", now)
		}
		if r.busy(f, p, now) {
			busy++
		}
	}
}

// has takes up that a bank tries or runs the version by an order that is not ours. Its
// journal may yet tell another end.
func (r *Rollout) has(p *Part, s State, now locker.Time) bool {
	switch {
	case s.Trying:
		p.Heard = true
		r.move(p, Trying, "ordered by somebody else", now)
	case Same(s.Version, r.Plan.Version):
		r.move(p, Confirmed, "it ran it already", now)
	default:
		return false
	}
	return true
}

func (r *Rollout) order(f Fleet, p *Part, now locker.Time) {
	p.Order, p.Again = f.Order(p.Bank), 0
	p.Orders++
	r.move(p, Ordered, "", now)
	r.edited[p.Bank] = true
}

// proceed goes to the next step when this one has ended and soaked.
func (r *Rollout) proceed(now locker.Time) {
	for _, p := range r.list {
		if p.Step <= r.Step && !p.Phase.Ended() {
			r.dirty = r.dirty || r.Settled != 0
			r.Settled = 0
			return
		}
	}
	if r.Settled == 0 {
		r.Settled, r.dirty = max(r.Watched, 1), true
	}
	last := r.Step == len(r.Steps)-1
	switch {
	case last:
		t := r.Tally(-1)
		r.become(Done, fmt.Sprintf("%d banks confirmed, %d failed, %d silent", t.Confirmed, t.Failed, t.Silent), now)
	case r.Watched-r.Settled >= r.Plan.Soak:
		r.forgive() // they were within the limits of their step
		r.Step, r.Settled, r.At, r.dirty = r.Step+1, 0, now, true
	}
}
