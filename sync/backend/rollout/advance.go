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
	if r.Status == Running && r.last != 0 && now > r.last {
		r.Watched += Span(min(now.Sub(r.last), tickMax))
	}
	r.last = now
	if r.judge(f, now) || r.Status != Running {
		return
	}
	for _, p := range r.list {
		if !p.Phase.Ended() && p.Phase != Waiting && r.Watched-p.Since >= r.Plan.Deadline {
			r.silence(f, p, now)
		}
	}
	if r.judge(f, now) {
		return
	}
	r.give(f, now)
	r.proceed(now)
}

// silence gives a bank up. Its order is taken back: it must not come upon the bank
// when nobody looks any more.
func (r *Rollout) silence(f Fleet, p *Part, now locker.Time) {
	s := f.State(p.Bank, r.Plan.Version)
	why := fmt.Sprintf("%s, no verdict within %s", p.Phase, time.Duration(r.Plan.Deadline))
	switch {
	case !s.Online:
		why += "; it is away"
	case Same(s.Version, r.Plan.Version):
		why += "; it runs the version but has not confirmed it"
	}
	was := p.Phase
	r.move(p, Silent, why, now)
	p.Again = 0
	if was == Ordered {
		f.Withdraw(p.Bank, p.Order)
	}
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

// busy tells whether a bank takes one of the Parallel places. One that waits for its
// window takes none: they open once a day. Without a window what is staged is as good as
// tried.
func (r *Rollout) busy(p *Part) bool {
	return p.Phase == Ordered && p.Again == 0 || p.Phase == Trying || p.Phase == Staged && r.Plan.Window == ""
}

// give orders the update at banks of this step and the ones before, as many as may be
// under way. Banks that are away take no place.
func (r *Rollout) give(f Fleet, now locker.Time) {
	busy := 0
	for _, p := range r.list {
		if r.busy(p) && f.State(p.Bank, r.Plan.Version).Online {
			busy++
		}
	}
	for _, p := range r.list {
		again := p.Phase == Ordered && p.Again != 0 && r.Watched >= p.Again
		if busy >= r.Plan.Parallel || p.Step > r.Step {
			return // they stand in the order of steps
		}
		if p.Phase != Waiting && !again {
			continue
		}
		s := f.State(p.Bank, r.Plan.Version)
		switch {
		case s.Trying: // somebody was faster
			p.Since, p.Heard, p.Order = r.Watched, true, "-"
			r.move(p, Trying, "ordered by somebody else", now)
		case Same(s.Version, r.Plan.Version):
			r.move(p, Confirmed, "it ran it already", now)
			continue
		default:
			r.order(f, p, now)
		}
		if s.Online {
			busy++
		}
	}
}

func (r *Rollout) order(f Fleet, p *Part, now locker.Time) {
	if p.Phase == Waiting {
		p.Since = r.Watched
	}
	p.Order, p.Again = f.Order(p.Bank), 0
	p.Orders++
	r.move(p, Ordered, "", now)
	r.edited[p.Bank] = true
}

// proceed goes to the next step when this one has ended and soaked.
func (r *Rollout) proceed(now locker.Time) {
	for _, p := range r.list {
		if p.Step <= r.Step && !p.Phase.Ended() {
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
