package rollout

import (
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// Status is how a rollout stands.
type Status string

// Statuses.
const (
	Running Status = "running"
	Paused  Status = "paused"  // Resume goes on
	Stopped Status = "stopped" // for good
	Done    Status = "done"
)

// Phase is how far a bank is.
type Phase string

// Phases. What has ended can still be lifted by later word of the bank's journal.
const (
	Waiting    Phase = "waiting"
	Ordered    Phase = "ordered" // no reply yet
	Staged     Phase = "staged"  // verified on its disk
	Trying     Phase = "trying"
	Confirmed  Phase = "confirmed"
	RolledBack Phase = "rolled_back" // it runs the version before again
	Abandoned  Phase = "abandoned"   // before it was tried
	Refused    Phase = "refused"
	Silent     Phase = "silent"    // no verdict by the deadline
	Withdrawn  Phase = "withdrawn" // the order was taken back unanswered
)

// Failed tells whether the update did not go well at the bank.
func (p Phase) Failed() bool { return p == RolledBack || p == Abandoned || p == Refused }

// Ended tells whether nothing more is waited for.
func (p Phase) Ended() bool { return p == Confirmed || p == Silent || p.Failed() }

func (p Phase) open() bool { return p == Ordered || p == Staged || p == Trying }

// Times.
const (
	tickMax   = 5 * time.Second  // of unwatched time that counts
	againWait = time.Minute      // before an order is repeated that came to nothing by chance
	againMax  = 3                // times
	saveEvery = 10 * time.Second // of watched time

	goneMax    = 10 * time.Minute // a bank that is away without an answer keeps its place so long
	unwatched  = 30 * time.Second // behind more than this banks may have words that nobody has let in
	listenTime = 6 * time.Minute  // and so long they have for it: they come back within 5 (sync/README.md)
)

// Part is one bank's.
type Part struct {
	Bank  string      `json:"bank"`
	Step  int         `json:"step"` // from 0
	Phase Phase       `json:"phase"`
	Why   string      `json:"why,omitempty"`
	At    locker.Time `json:"at,omitzero"` // of the last change

	Order    string `json:"order,omitempty"`  // id of the last command
	Orders   int    `json:"orders,omitempty"` // that the bank has taken up
	Since    Span   `json:"since,omitempty"`  // watched time since which a verdict is waited for
	Again    Span   `json:"again,omitempty"`  // no order is out; give one then; 0: one is out, or none is due
	Heard    bool   `json:"heard,omitempty"`  // the bank has staged it: an outcome is that of our order
	Forgiven bool   `json:"forgiven,omitempty"`
}

// Rollout is one update on its way through a fleet. It has one owner.
type Rollout struct {
	ID      string      `json:"id"`
	Plan    Plan        `json:"plan"`
	Status  Status      `json:"status"`
	Why     string      `json:"why,omitempty"`
	Began   locker.Time `json:"began"`
	At      locker.Time `json:"at"` // of the last change of status or step
	Steps   []Step      `json:"steps"`
	Step    int         `json:"step"`    // the present one, from 0
	Already int         `json:"already"` // banks that ran the version at the start
	Watched Span        `json:"watched"`
	Settled Span        `json:"settled,omitempty"` // watched time at which the step's last bank ended; 0: it has not

	parts  map[string]*Part
	list   []*Part     // in the order of the update
	last   locker.Time // time has gone by up to this
	listen Span        // watched time before which nobody is taken for silent
	saved  Span
	dirty  bool
	edited map[string]bool
}

// State is what is known of a bank apart from the rollout.
type State struct {
	Online  bool
	Version string
	Trying  bool // this rollout's version
}

// Fleet is what a rollout looks at and acts on, in the same transaction that keeps it.
type Fleet interface {
	State(bank, version string) State
	Order(bank string) (id string) // gives the command update
	Withdraw(bank, id string)      // takes back what is unanswered
}

// Start plans a rollout over banks. Those that run the version already are left out.
func Start(id string, p Plan, banks []string, f Fleet, now locker.Time) (*Rollout, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	for _, c := range p.Canaries {
		if !slices.Contains(banks, c) {
			return nil, fmt.Errorf("cannot begin with %.40q: it is none of the banks of this rollout", c)
		}
	}
	var rest []string
	for _, b := range banks {
		if s := f.State(b, p.Version); !Same(s.Version, p.Version) || s.Trying {
			rest = append(rest, b)
		}
	}
	if len(rest) == 0 {
		return nil, fmt.Errorf("cannot begin a rollout of %s: there is no bank that does not run it", p.Version)
	}
	r := &Rollout{ID: id, Plan: p, Status: Running, Began: now, At: now, Already: len(banks) - len(rest), last: now, dirty: true}
	rest = p.order(rest)
	canaries := 0
	for canaries < len(rest) && slices.Contains(p.Canaries, rest[canaries]) {
		canaries++
	}
	r.Steps = p.cut(len(rest), canaries)
	for step, s := range r.Steps {
		for range s.Banks {
			r.Attach(&Part{Bank: rest[len(r.list)], Step: step, Phase: Waiting})
			r.edited[r.list[len(r.list)-1].Bank] = true
		}
	}
	return r, nil
}

// Attach gives a rollout that was read from a store one of its parts.
func (r *Rollout) Attach(p *Part) {
	if r.parts == nil {
		r.parts, r.edited = map[string]*Part{}, map[string]bool{}
	}
	r.parts[p.Bank] = p
	r.list = append(r.list, p)
}

// Attached puts the parts read from a store in order.
func (r *Rollout) Attached() {
	names := make([]string, 0, len(r.list))
	for _, p := range r.list {
		names = append(names, p.Bank)
	}
	r.list = r.list[:0]
	for _, n := range r.Plan.order(names) {
		r.list = append(r.list, r.parts[n])
	}
	r.saved = r.Watched
}

// Parts returns the banks in the order of the update.
func (r *Rollout) Parts() []Part {
	out := make([]Part, 0, len(r.list))
	for _, p := range r.list {
		out = append(out, *p)
	}
	return out
}

// Unsaved returns what has changed since the last call, to be written down.
func (r *Rollout) Unsaved() (head bool, parts []*Part) {
	for name := range r.edited {
		parts = append(parts, r.parts[name])
	}
	head = r.dirty || r.Watched-r.saved >= Span(saveEvery)
	if head {
		r.saved = r.Watched
	}
	r.dirty = false
	clear(r.edited)
	return head, parts
}

// Touched tells whether something has changed since Unsaved was called.
func (r *Rollout) Touched() bool { return r.dirty || len(r.edited) > 0 }

// Over tells whether nothing more will be ordered.
func (r *Rollout) Over() bool { return r.Status == Stopped || r.Status == Done }

func (r *Rollout) become(s Status, why string, now locker.Time) {
	r.Status, r.Why, r.At, r.dirty = s, why, now, true
}

func (r *Rollout) move(p *Part, to Phase, why string, at locker.Time) {
	if p.Phase == to && p.Why == why {
		return
	}
	if to.open() && !p.Phase.open() {
		p.Since = r.Watched
	}
	p.Forgiven = p.Forgiven && p.Phase == to // it was for what has been, not for what comes
	p.Phase, p.Why, p.At = to, why, at
	r.edited[p.Bank] = true
}

// Pause takes back what is unanswered and orders nothing more.
func (r *Rollout) Pause(f Fleet, now locker.Time, why string) error {
	if r.Status != Running {
		return fmt.Errorf("cannot pause the rollout of %s: it is %s", r.Plan.Version, r.Status)
	}
	r.withdraw(f, now)
	r.become(Paused, why, now)
	return nil
}

// Stop ends it for good.
func (r *Rollout) Stop(f Fleet, now locker.Time, why string) error {
	if r.Over() {
		return fmt.Errorf("cannot stop the rollout of %s: it is %s", r.Plan.Version, r.Status)
	}
	r.withdraw(f, now)
	r.become(Stopped, why, now)
	return nil
}

func (r *Rollout) withdraw(f Fleet, now locker.Time) {
	for _, p := range r.list {
		if p.Phase == Ordered {
			r.takeBack(f, p, Withdrawn, "", now)
		}
	}
}

// takeBack has a bank no longer waited for; an order that it has not answered must not
// come upon it when nobody looks any more.
func (r *Rollout) takeBack(f Fleet, p *Part, to Phase, why string, now locker.Time) {
	out := p.Phase == Ordered && p.Again == 0
	r.move(p, to, why, now)
	p.Again = 0
	if out {
		f.Withdraw(p.Bank, p.Order)
	}
}

// Resume goes on after a pause: what has failed is forgiven, silent banks are ordered
// again.
func (r *Rollout) Resume(now locker.Time) error {
	switch {
	case r.Over():
		return fmt.Errorf("cannot resume the rollout of %s: it is over (%s)", r.Plan.Version, r.Status)
	case r.Status == Running:
		return fmt.Errorf("cannot resume the rollout of %s: it is running", r.Plan.Version)
	}
	r.forgive()
	for _, p := range r.list {
		if p.Phase == Silent || p.Phase == Withdrawn {
			r.move(p, Waiting, "", now)
			p.Orders, p.Again = 0, 0
		}
	}
	r.become(Running, "", now)
	return nil
}

// forgive has what has failed so far not count against this or a later step.
func (r *Rollout) forgive() {
	for _, p := range r.list {
		if (p.Phase.Failed() || p.Phase == Silent) && !p.Forgiven {
			p.Forgiven = true
			r.edited[p.Bank] = true
		}
	}
}
