package fleet

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/rollout"
	"lockerd/sync/wire"
)

const rolloutStartHelp = `Orders VERSION at a few banks, waits until each has confirmed it, and goes on with more.
Canaries are those named, then the order that version and names of banks give: the
same each time. Banks that run VERSION, and those not heard of yet, are left out.

  --failures   more failed banks (rolled back, refused, abandoned) of a step than this pause it
  --silent     more banks of a step without a verdict by --deadline pause it
  --stop       more failed banks in all end it for good
A limit is a number of banks, as 2, or a percentage, rounded down, as 5%.

It is in the state file and goes on whenever lockerctl fleet serve runs; without a serve
this verb carries it out itself until it is over or interrupted. Exit: 0 begun, or with
--follow done; 1 paused or stopped, or the wait was interrupted.`

const rolloutStatusHelp = `Steps, banks that have failed or are under way, and why it paused. --banks lists each
bank. --follow prints a line whenever something changes, until the rollout is done (0), or
paused or stopped, or the wait is interrupted (1); with --json each line is a document.`

const rolloutHaltHelp = `No order goes out any more, and those that no bank has answered are taken back. A bank
that has staged the version already tries it all the same, in its window.`

const rolloutResumeHelp = `What has failed so far is forgiven, silent banks get their order again. A rollout that
has been stopped can't be resumed: begin another, or release a mended version.`

// Deadlines for a bank when none is given: a window comes once a day.
const (
	rolloutDeadline       = 2 * time.Hour
	rolloutDeadlineWindow = 26 * time.Hour
	followEvery           = time.Second
)

// percents reads --steps.
type percents []int

// String implements flag.Value.
func (p *percents) String() string {
	words := make([]string, len(*p))
	for i, n := range *p {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}

// Set implements flag.Value.
func (p *percents) Set(s string) error {
	*p = nil
	for w := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSuffix(w, "%"))
		if err != nil {
			return fmt.Errorf("write percentages as 1,5,25,100")
		}
		*p = append(*p, n)
	}
	return nil
}

// names reads a list of banks.
type names []string

// String implements flag.Value.
func (n *names) String() string { return strings.Join(*n, ",") }

// Set implements flag.Value.
func (n *names) Set(s string) error {
	*n = append(*n, strings.Split(s, ",")...)
	return nil
}

type rolloutRequest struct {
	Plan   rollout.Plan `json:"plan"`
	Except []string     `json:"except,omitempty"`
	Dry    bool         `json:"dry,omitempty"`
}

func rolloutStartVerb(fs *flag.FlagSet) action {
	r := rolloutRequest{Plan: rollout.Plan{
		Steps: []int{1, 5, 25, 100}, Failures: rollout.Limit{N: 5, Percent: true}, Silent: rollout.Limit{N: 20, Percent: true},
		Stop: rollout.Limit{N: 10, Percent: true}, Parallel: 50,
	}}
	p := &r.Plan
	fs.Var((*percents)(&p.Steps), "steps", "`percent` of the banks after each step")
	fs.Var((*names)(&p.Canaries), "canaries", "`banks` that go first, as lon-042,ber-001")
	fs.Var((*names)(&r.Except), "except", "`banks` to be left out")
	fs.StringVar(&p.Channel, "channel", "", "of releases (stable)")
	fs.StringVar(&p.Window, "window", "", "when banks may try it, 02:00-04:00 in their own time zones")
	fs.TextVar(&p.Failures, "failures", p.Failures, "`limit` of failed banks in a step")
	fs.TextVar(&p.Silent, "silent", p.Silent, "`limit` of silent banks in a step")
	fs.TextVar(&p.Stop, "stop", p.Stop, "`limit` of failed banks in all")
	deadline := fs.Duration("deadline", rolloutDeadline, "for a bank, from order to verdict; with a window 26h")
	soak := fs.Duration("soak", 10*time.Minute, "between a step's last verdict and the next step")
	fs.IntVar(&p.Parallel, "parallel", p.Parallel, "`banks` under way at a time; with a window, those that try")
	dry := fs.Bool("dry-run", false, "print the steps, order nothing")
	follow := fs.Bool("follow", false, "stay until it is over")
	return func(ctx context.Context, c *call) error {
		p.Version = c.args[0]
		p.Deadline, p.Soak = rollout.Span(*deadline), rollout.Span(*soak)
		if p.Window != "" && !given(fs, "deadline") {
			p.Deadline = rollout.Span(rolloutDeadlineWindow)
		}
		if err := checkPlan(p); err != nil {
			return err
		}
		for _, name := range slices.Concat(p.Canaries, r.Except) {
			if err := checkBank(name); err != nil {
				return err
			}
		}
		r.Dry = *dry
		if *dry {
			return c.rolloutPlan(ctx, r)
		}
		return c.rollout(ctx, "rollout.start", r, *follow, true)
	}
}

// rolloutPlan shows what a rollout would be, and begins none.
func (c *call) rolloutPlan(ctx context.Context, in rolloutRequest) error {
	d, err := c.at(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }() // nothing is left to be done
	var r backend.RolloutReport
	if err := d.ask(ctx, "rollout.start", in, &r); err != nil {
		return err
	}
	return c.print(r, func(p *ui.Page) {
		p.Line("a rollout of %s would go these steps; nothing is ordered", ui.Clean(r.Plan.Version))
		rolloutSteps(p, &r, true)
	})
}

// given tells whether a flag was written.
func given(fs *flag.FlagSet, name string) bool {
	is := false
	fs.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// checkPlan refuses what no bank would take.
func checkPlan(p *rollout.Plan) error {
	if err := p.Check(); err != nil {
		return ui.Usagef("%s", err)
	}
	return checkUpdate(&locker.CommandArgs{Channel: p.Channel, Version: p.Version, Window: p.Window})
}

func checkUpdate(a *locker.CommandArgs) error {
	if why := wire.CheckUpdate(a); why != "" {
		return ui.Usagef("no bank would take this order: %s", strings.TrimPrefix(why, "args."))
	}
	return nil
}

func rolloutStatusVerb(fs *flag.FlagSet) action {
	follow := fs.Bool("follow", false, "stay until it is over")
	all := fs.Bool("banks", false, "list each bank")
	return func(ctx context.Context, c *call) error {
		if *follow && *all {
			return ui.Usagef("--follow and --banks exclude each other")
		}
		d, err := c.at(ctx, "")
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		if *follow {
			return c.toItsEnd(ctx, d)
		}
		var r backend.RolloutReport
		if err := d.ask(ctx, "rollout.get", struct{}{}, &r); err != nil {
			return err
		}
		return c.print(r, func(p *ui.Page) { rolloutPage(p, &r, *all) })
	}
}

type reasonRequest struct {
	Why string `json:"why"`
}

func haltVerb(op string) func(*flag.FlagSet) action {
	return func(fs *flag.FlagSet) action {
		why := fs.String("why", "by the operator", "`text` that status shows")
		return func(ctx context.Context, c *call) error {
			return c.rollout(ctx, op, reasonRequest{*why}, false, false)
		}
	}
}

func rolloutPauseVerb(fs *flag.FlagSet) action { return haltVerb("rollout.pause")(fs) }
func rolloutStopVerb(fs *flag.FlagSet) action  { return haltVerb("rollout.stop")(fs) }

func rolloutResumeVerb(fs *flag.FlagSet) action {
	follow := fs.Bool("follow", false, "stay until it is over")
	return func(ctx context.Context, c *call) error {
		return c.rollout(ctx, "rollout.resume", struct{}{}, *follow, true)
	}
}

// rollout asks for something and shows what came of it; what runs is followed if that
// was wished, or if nobody else would carry it out.
func (c *call) rollout(ctx context.Context, op string, in any, follow, runs bool) error {
	d, err := c.at(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }() // nothing is left to be done
	var r backend.RolloutReport
	if err := d.ask(ctx, op, in, &r); err != nil {
		return err
	}
	_, own := d.(*station)
	if runs && (follow || own) {
		if own {
			ui.Emit(c.stderr, "no lockerctl fleet serve runs on %s: carrying it out here; if interrupted, it goes on with the next serve\n", ui.Clean(c.state))
		}
		if follow {
			return c.toItsEnd(ctx, d)
		}
		return c.follow(ctx, d)
	}
	return c.print(r, func(p *ui.Page) { rolloutPage(p, &r, false) })
}

// toItsEnd follows a rollout for who wants to know how it ends: an interruption is no end.
func (c *call) toItsEnd(ctx context.Context, d desk) error {
	if err := c.follow(ctx, d); err != nil || ctx.Err() == nil {
		return err
	}
	return fail("interrupted: the rollout is not over", "lockerctl fleet rollout status --follow")
}

// follow prints what changes until the rollout does not run any more.
func (c *call) follow(ctx context.Context, d desk) error {
	if s, own := d.(*station); own {
		s.be.Carry()
	}
	c.wrote = true
	last := ""
	for {
		var r backend.RolloutReport
		if err := d.ask(ctx, "rollout.get", struct{}{}, &r); err != nil {
			return over(ctx, err)
		}
		if line := rolloutLine(&r); line != last {
			last = line
			if err := c.rolloutLine(&r, line); err != nil {
				return err
			}
		}
		if r.Status != rollout.Running {
			return rolloutError(&r)
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *call) rolloutLine(r *backend.RolloutReport, line string) error {
	if c.json {
		if err := json.NewEncoder(c.out).Encode(r); err != nil {
			return err
		}
	} else {
		ui.Emit(c.out, "%s\n", ui.Clean(line))
	}
	return c.out.Flush()
}

func rolloutLine(r *backend.RolloutReport) string {
	s, t := r.Steps[r.Step], r.Tally[r.Step]
	line := fmt.Sprintf("%s, step %d of %d (%d%%): %d of %d banks confirmed, %d under way, %d failed, %d silent",
		r.Status, r.Step+1, len(r.Steps), s.Percent, t.Confirmed, s.Banks, t.Open, t.Failed, t.Silent)
	if t.Open+t.Waiting == 0 && r.Status == rollout.Running {
		line += "; soaking"
	}
	return line
}

// rolloutError makes an end that an operator must look at exit 1.
func rolloutError(r *backend.RolloutReport) error {
	switch r.Status {
	case rollout.Paused:
		return fail("the rollout of %s is paused: %s", "lockerctl fleet rollout status; then rollout resume, or rollout stop", r.Plan.Version, r.Why)
	case rollout.Stopped:
		return fail("the rollout of %s is stopped: %s", "lockerctl fleet rollout status --banks; release a mended version and begin another", r.Plan.Version, r.Why)
	case rollout.Running, rollout.Done:
	}
	return nil
}

func rolloutPage(p *ui.Page, r *backend.RolloutReport, all bool) {
	colour := map[rollout.Status]string{rollout.Running: ui.Notice, rollout.Paused: ui.Bad, rollout.Stopped: ui.Bad, rollout.Done: ui.Good}
	p.Line("rollout of %s: %s, begun %s", ui.Clean(r.Plan.Version), ui.Paint(string(r.Status), colour[r.Status], p.Colour), ui.Local(r.Began))
	if r.Why != "" {
		p.Line("%s", ui.Clean(r.Why))
	}
	rolloutSteps(p, r, all)
}

func rolloutSteps(p *ui.Page, r *backend.RolloutReport, all bool) {
	if r.Already > 0 {
		p.Line("%d banks ran it already", r.Already)
	}
	steps := &ui.Table{Head: []string{"STEP", "UP TO", "BANKS", "CONFIRMED", "UNDER WAY", "FAILED", "SILENT", "WAITING"}}
	for i, s := range r.Steps {
		name := strconv.Itoa(i + 1)
		if i == r.Step && r.Status != rollout.Done {
			name += " *"
		}
		t := r.Tally[i]
		failed, silent := ui.Plain(strconv.Itoa(t.Failed)), ui.Plain(strconv.Itoa(t.Silent))
		if t.Failed > 0 {
			failed.Colour = ui.Bad
		}
		if t.Silent > 0 {
			silent.Colour = ui.Bad
		}
		steps.Row(ui.Plain(name), ui.Plain(fmt.Sprintf("%d%%", s.Percent)), ui.Plain(strconv.Itoa(s.Banks)), ui.Plain(strconv.Itoa(t.Confirmed)),
			ui.Plain(strconv.Itoa(t.Open)), failed, silent, ui.Plain(strconv.Itoa(t.Waiting)))
	}
	p.Section(steps)
	banks := &ui.Table{Head: []string{"BANK", "STEP", "PHASE", "SINCE", "WHY"}}
	for i := range r.Banks {
		if b := &r.Banks[i]; all || notable(b.Phase) || r.Status == rollout.Running && r.Step == 0 && b.Step == 0 {
			banks.Row(ui.Plain(b.Bank), ui.Plain(strconv.Itoa(b.Step+1)), phaseCell(b.Phase), ui.Plain(ui.Local(b.At)), ui.Plain(b.Why))
		}
	}
	if banks.Len() > 0 {
		p.Section(banks)
	}
}

// notable tells whether a bank is shown without being asked for.
func notable(p rollout.Phase) bool {
	return p.Failed() || p == rollout.Silent || p == rollout.Ordered || p == rollout.Staged || p == rollout.Trying
}

func phaseCell(p rollout.Phase) ui.Cell {
	switch {
	case p == rollout.Confirmed:
		return ui.Tinted(string(p), ui.Good)
	case p.Failed() || p == rollout.Silent:
		return ui.Tinted(string(p), ui.Bad)
	}
	return ui.Plain(string(p))
}

func opRolloutStart(_ context.Context, s *station, r *rolloutRequest) (backend.RolloutReport, error) {
	if r.Dry {
		return s.be.PlanRollout(r.Plan, r.Except...)
	}
	if err := s.reached(); err != nil {
		return backend.RolloutReport{}, err
	}
	return s.be.StartRollout(r.Plan, r.Except...)
}

func opRolloutGet(_ context.Context, s *station, _ *struct{}) (backend.RolloutReport, error) {
	r, ok := s.be.Rollout()
	if !ok {
		return r, fail("there is no rollout", "lockerctl fleet rollout start VERSION")
	}
	return r, nil
}

func opRolloutPause(_ context.Context, s *station, r *reasonRequest) (backend.RolloutReport, error) {
	return s.be.PauseRollout(r.Why)
}

func opRolloutResume(_ context.Context, s *station, _ *struct{}) (backend.RolloutReport, error) {
	if err := s.reached(); err != nil {
		return backend.RolloutReport{}, err
	}
	return s.be.ResumeRollout()
}

func opRolloutStop(_ context.Context, s *station, r *reasonRequest) (backend.RolloutReport, error) {
	return s.be.StopRollout(r.Why)
}
