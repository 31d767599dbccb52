package cli

import (
	"context"
	"flag"
	"fmt"

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
		return c.print(s, func(p *page) { clockPage(p, &s) })
	}
}

func clockResetVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().ResetClock(ctx)
		if err != nil {
			return withCure(err)
		}
		return c.print(s, func(p *page) {
			p.line("bank time was set to the system clock")
			clockPage(p, &s)
		})
	}
}

func clockPage(p *page, s *bank.ClockStatus) {
	t := &table{}
	t.row(plain("bank time"), plain(local(s.Time)), clockCell(s.Clock))
	t.row(plain("system"), plain(local(s.System)), plain("from "+s.Source))
	t.row(plain("floor"), plain(local(s.Floor)))
	p.table(t)
	if ahead := s.Time.Sub(s.System); ahead >= 1000*1000*1000 {
		p.line("bank time is %s ahead of the system clock; if the system clock is right: lockerctl clock reset", span(ahead))
	}
}

func verifyVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		r, err := c.client().Verify(ctx)
		if err != nil {
			return withCure(err)
		}
		if err := c.print(r, func(p *page) { verifyPage(p, &r) }); err != nil || r.OK {
			return err
		}
		return &bank.Error{
			Code: control.CodeFailed,
			Text: fmt.Sprintf("the journal is not what lockerd wrote: %s", r.Text),
			Cure: "keep the data directory as it is (copy it before anything else) and tell the operator: the backend holds the last hash it was sent",
		}
	}
}

func verifyPage(p *page, r *bank.VerifyResult) {
	state := cell{"ok", good}
	if !r.OK {
		state = cell{"broken", bad}
	}
	t := &table{}
	t.row(plain("journal "+r.Journal), state, plain(r.Text))
	p.table(t)
	p.line("events %d to %d, %d read, %d gaps", r.First, r.Last, r.Events, r.Gaps)
}

func selfTestVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		list, err := c.client().SelfTest(ctx)
		if err != nil {
			return withCure(err)
		}
		if err := c.print(list, func(p *page) { selfTestPage(p, list) }); err != nil {
			return err
		}
		return findings(list)
	}
}

func selfTestPage(p *page, list []bank.SelfTestLine) {
	t := &table{}
	for _, l := range list {
		state := cell{"ok", good}
		if !l.OK {
			state = cell{"FAIL", bad}
		}
		t.row(state, plain(l.What), plain(l.Text))
		if l.Cure != "" {
			t.row(plain(""), plain(""), plain("next: "+l.Cure))
		}
	}
	p.table(t)
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
