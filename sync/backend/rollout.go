package backend

import (
	"errors"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/rollout"
)

// Update is what a bank's journal has last told of an update.
type Update struct {
	Version string      `json:"version,omitempty"`
	Phase   string      `json:"phase"` // staged, tried, confirmed, rolled_back, abandoned, refused
	Why     string      `json:"why,omitempty"`
	At      locker.Time `json:"at"`
}

const updateTried = "tried"

// learnUpdate takes an event about an update, for the bank's page and the rollout.
func (t *txn) learnUpdate(b *bank, ev *locker.Event) {
	phase, ok := strings.CutPrefix(ev.Type, locker.EvUpdatePrefix)
	if !ok {
		return
	}
	b.Update = &Update{Version: locker.Cut(ev.Version.String(), 64), Phase: locker.Cut(phase, 32), Why: locker.Cut(ev.Why, 512), At: ev.At}
	b.dirty = true
	if t.c.roll != nil {
		t.c.roll.Heard(b.Name, ev)
	}
}

// RolloutReport is a rollout as it is now.
type RolloutReport struct {
	rollout.Rollout
	All   rollout.Tally   `json:"all"`
	Tally []rollout.Tally `json:"tally"` // of each step
	Banks []rollout.Part  `json:"banks"` // in the order of the update
}

func report(r *rollout.Rollout) RolloutReport {
	out := RolloutReport{
		Rollout: rollout.Rollout{
			ID: r.ID, Plan: r.Plan, Status: r.Status, Why: r.Why, Began: r.Began, At: r.At, Steps: slices.Clone(r.Steps), Step: r.Step,
			Already: r.Already, Watched: r.Watched, Settled: r.Settled,
		},
		All: r.Tally(-1), Banks: r.Parts(),
	}
	for i := range r.Steps {
		out.Tally = append(out.Tally, r.Tally(i))
	}
	return out
}

// StartRollout begins a staged rollout over the banks that have been heard of, but for
// some. There is one at a time; it goes on whenever a connection is served for all banks
// (but see Config.Aside), also of a later process.
func (b *Backend) StartRollout(p rollout.Plan, except ...string) (RolloutReport, error) {
	return b.onRollout(func(t *txn) error {
		if r := t.c.roll; r != nil && !r.Over() {
			return refusef("cannot begin a rollout: that of %s is %s; stop it first: lockerctl fleet rollout stop", r.Plan.Version, r.Status)
		}
		r, err := t.planRollout(p, except)
		if err != nil {
			return err
		}
		t.forgetRollout()
		t.c.roll = r
		return nil
	})
}

// PlanRollout returns what StartRollout would begin.
func (b *Backend) PlanRollout(p rollout.Plan, except ...string) (RolloutReport, error) {
	var out RolloutReport
	err := b.view(func(t *txn) error {
		r, err := t.planRollout(p, except)
		if err == nil {
			out = report(r)
		}
		return err
	})
	return out, err
}

func (t *txn) planRollout(p rollout.Plan, except []string) (*rollout.Rollout, error) {
	for _, name := range except { // a slip here would update the bank that must not be
		if t.c.banks[name] == nil {
			return nil, refusef("cannot leave out %.40q: no bank of that name has been heard of", name)
		}
	}
	var names []string
	for name, k := range t.c.banks {
		if k.Birth != nil && !slices.Contains(except, name) {
			names = append(names, name)
		}
	}
	id, err := t.c.newID("r-")
	if err != nil {
		return nil, err
	}
	r, err := rollout.Start(id, p, names, t.fleet(nil), t.now)
	if err != nil {
		return nil, &RefusedError{Text: err.Error()}
	}
	return r, nil
}

// PauseRollout has no further order given, and takes unanswered ones back.
func (b *Backend) PauseRollout(why string) (RolloutReport, error) {
	return b.withRollout(func(t *txn, r *rollout.Rollout, f rollout.Fleet) error { return r.Pause(f, t.now, why) })
}

// ResumeRollout goes on after a pause.
func (b *Backend) ResumeRollout() (RolloutReport, error) {
	return b.withRollout(func(t *txn, r *rollout.Rollout, _ rollout.Fleet) error { return r.Resume(t.now) })
}

// StopRollout ends a rollout for good.
func (b *Backend) StopRollout(why string) (RolloutReport, error) {
	return b.withRollout(func(t *txn, r *rollout.Rollout, f rollout.Fleet) error { return r.Stop(f, t.now, why) })
}

// Rollout returns the last rollout that was begun, if there was one.
func (b *Backend) Rollout() (RolloutReport, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.core.roll == nil {
		return RolloutReport{}, false
	}
	return report(b.core.roll), true
}

var errNoRollout = &RefusedError{Text: "there is no rollout; begin one: lockerctl fleet rollout start VERSION"}

func (b *Backend) withRollout(do func(*txn, *rollout.Rollout, rollout.Fleet) error) (RolloutReport, error) {
	return b.onRollout(func(t *txn) error {
		if t.c.roll == nil {
			return errNoRollout
		}
		if err := do(t, t.c.roll, t.fleet(t.changed)); err != nil {
			return &RefusedError{Text: err.Error()} // nothing was changed
		}
		return nil
	})
}

func (b *Backend) onRollout(do func(*txn) error) (RolloutReport, error) {
	var out RolloutReport
	err := b.update(func(t *txn) (map[string]*bank, error) {
		t.changed = map[string]*bank{}
		if err := do(t); err != nil {
			return nil, err
		}
		out = report(t.c.roll)
		return t.changed, nil
	})
	return out, err
}

// Carry has a Backend that was made with Aside carry out the rollout from now on.
func (b *Backend) Carry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.Aside = false
}

// advance lets the rollout go on. A backend that hears one bank only, or is there for a
// moment only, leaves it to another one.
func (t *txn) advance(changed map[string]*bank) {
	if t.c.roll != nil && t.c.cfg.Bank == "" && !t.c.cfg.Aside {
		t.c.roll.Advance(t.fleet(changed), t.now)
	}
}

// rolloutFleet is the banks as a rollout sees them, within one transaction.
type rolloutFleet struct {
	t       *txn
	changed map[string]*bank
}

func (t *txn) fleet(changed map[string]*bank) rolloutFleet { return rolloutFleet{t, changed} }

// State implements rollout.Fleet.
func (f rolloutFleet) State(name, version string) rollout.State {
	b := f.t.c.banks[name]
	if b == nil || b.Birth == nil {
		return rollout.State{}
	}
	u := b.Update
	return rollout.State{
		Online:  b.Online && f.t.now.Sub(b.Seen) <= Silence,
		Version: b.Birth.Version,
		Trying:  u != nil && u.Phase == updateTried && rollout.Same(u.Version, version),
	}
}

// Order implements rollout.Fleet.
func (f rolloutFleet) Order(name string) string {
	p, b := &f.t.c.roll.Plan, f.t.c.banks[name]
	c := &command{Type: locker.CmdUpdate, Args: locker.CommandArgs{Channel: p.Channel, Version: p.Version, Window: p.Window}}
	f.t.command(b, c, time.Duration(p.Deadline))
	f.changed[name] = b
	return c.ID
}

// Withdraw implements rollout.Fleet. The bank may have it already; a reply counts still.
func (f rolloutFleet) Withdraw(name, id string) {
	b := f.t.c.banks[name]
	for _, c := range slices.Clone(b.Commands) {
		if c.ID == id && c.Reply == nil {
			f.t.settle(b, c, locker.Reply{Status: Unanswered})
			f.changed[name] = b
		}
	}
}

var _ rollout.Fleet = rolloutFleet{}

func partKey(bank string) []byte { return key('r', bank) }

// keepRollout writes down what has changed of the rollout.
func (t *txn) keepRollout() {
	if t.c.roll == nil {
		return
	}
	head, parts := t.c.roll.Unsaved()
	if head {
		t.putJSON(key('R'), t.c.roll)
	}
	for _, p := range parts {
		t.putJSON(partKey(p.Bank), p)
	}
}

func (t *txn) loadRollout() {
	t.c.roll = nil
	r := &rollout.Rollout{}
	if !t.getJSON(key('R'), r) {
		return
	}
	var keys [][]byte
	t.scan([]byte{'r'}, nil, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return true
	})
	for _, k := range keys {
		p := &rollout.Part{}
		if t.getJSON(k, p) {
			r.Attach(p)
		}
	}
	r.Attached()
	if len(r.Steps) == 0 || r.Step < 0 || r.Step >= len(r.Steps) {
		t.fail(errors.New("cannot read the rollout of the store; bring it back from a backup"))
		return
	}
	t.c.roll = r
}

// forgetRollout takes the parts of the last one away.
func (t *txn) forgetRollout() {
	if t.c.roll == nil {
		return
	}
	for _, p := range t.c.roll.Parts() {
		t.del(partKey(p.Bank))
	}
}
