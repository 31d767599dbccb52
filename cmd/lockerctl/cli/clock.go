package cli

import (
	"context"
	"flag"
	"fmt"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
)

const clockHelp = `Bank time never falls by itself: it is the system clock, or the floor that an
earlier trusted time has set, whichever is later. If that earlier time was
wrong, set the system clock right first, then reset. It is journaled.`

func clockVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().Clock(ctx)
		if err != nil {
			return err
		}
		return c.print(s, func(p *ui.Page) { clockPage(p, &s) })
	}
}

func clockResetVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().ResetClock(ctx)
		if err != nil {
			return withCure(err)
		}
		return c.print(s, func(p *ui.Page) {
			p.Line("bank time was set to the system clock")
			clockPage(p, &s)
		})
	}
}

func clockPage(p *ui.Page, s *bank.ClockStatus) {
	t := &ui.Table{}
	t.Row(ui.Plain("bank time"), ui.Plain(ui.Local(s.Time)), clockCell(s.Clock))
	t.Row(ui.Plain("system"), ui.Plain(ui.Local(s.System)), ui.Plain("from "+s.Source))
	t.Row(ui.Plain("floor"), ui.Plain(ui.Local(s.Floor)))
	p.Table(t)
	if ahead := s.Time.Sub(s.System); ahead >= 1000*1000*1000 {
		p.Line("bank time is %s ahead of the system clock; if the system clock is right: lockerctl clock reset", ui.Span(ahead))
	}
}

func verifyVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		r, err := c.client().Verify(ctx)
		if err != nil {
			return withCure(err)
		}
		if err := c.print(r, func(p *ui.Page) { verifyPage(p, &r) }); err != nil || r.OK {
			return err
		}
		return verifyError(&r)
	}
}

// verifyError is what is wrong with a journal, with what to do.
func verifyError(r *bank.VerifyResult) error {
	if r.Replay != nil && !r.Replay.OK {
		return &bank.Error{
			Code: control.CodeFailed,
			Text: r.Replay.Text,
			Cure: "look behind the door that is named, say what is there (lockerctl stock set or clear), and send lockerctl events --json to support: this is a fault of lockerd or of its card",
		}
	}
	return &bank.Error{
		Code: control.CodeFailed,
		Text: fmt.Sprintf("the journal is not what lockerd wrote: %s", r.Text),
		Cure: "keep the data directory as it is (copy it before anything else) and tell the operator: the backend holds the last hash it was sent",
	}
}

func verifyPage(p *ui.Page, r *bank.VerifyResult) {
	t := &ui.Table{}
	chain := r.Text
	if r.Replay != nil {
		chain = "every hash follows from the one before"
	}
	t.Row(ui.Plain("journal "+r.Journal), soundCell(r.OK || r.Replay != nil, "broken"), ui.Plain(chain))
	if v := r.Replay; v != nil {
		t.Row(ui.Plain("replay"), soundCell(v.OK, "differs"), ui.Plain(v.Text))
	}
	p.Table(t)
	p.Line("events %d to %d, %d read, %d gaps", r.First, r.Last, r.Events, r.Gaps)
}

func soundCell(ok bool, bad string) ui.Cell {
	if ok {
		return ui.Tinted("ok", ui.Good)
	}
	return ui.Tinted(bad, ui.Bad)
}

const verifyHelp = `Two things are checked: that every event's hash follows from the one before, and
that replaying all events gives what the bank holds: each door's item, since
when, why it is out of service, and each count of stock. The first difference is
named with its event. Of what the bank has pruned from its journal it says what
can no longer be judged.`

func selfTestVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		list, err := c.client().SelfTest(ctx)
		if err != nil {
			return withCure(err)
		}
		if err := c.print(list, func(p *ui.Page) { selfTestPage(p, list) }); err != nil {
			return err
		}
		return findings(list)
	}
}

func selfTestPage(p *ui.Page, list []bank.SelfTestLine) {
	t := &ui.Table{}
	for _, l := range list {
		state := ui.Tinted("ok", ui.Good)
		if !l.OK {
			state = ui.Tinted("FAIL", ui.Bad)
		}
		t.Row(state, ui.Plain(l.What), ui.Plain(l.Text))
		if l.Cure != "" {
			t.Row(ui.Plain(""), ui.Plain(""), ui.Plain("next: "+l.Cure))
		}
	}
	p.Table(t)
}

// findings is the failure in a self-test, if there is one.
func findings(list []bank.SelfTestLine) error {
	failed := 0
	for _, l := range list {
		if !l.OK {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return &bank.Error{
		Code: control.CodeFailed,
		Text: fmt.Sprintf("%d of %d findings are bad", failed, len(list)),
		Cure: "see to each, then lockerctl self-test again",
	}
}
