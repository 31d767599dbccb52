package bank

import (
	"context"
	"errors"

	"lockerd/daemon/locker"
)

// byBackend is who an action ordered from above is journaled by.
const byBackend = "backend"

// act carries out a command that is on disk as received, and has its outcome
// committed. What takes time runs beside the bank's goroutine; a stop of the
// bank leaves it pending, and the next start answers unknown.
func (b *Bank) act(p pendingCommand, c *locker.Command) {
	switch c.Type {
	case locker.CmdOpen:
		go b.actOpen(p)
	case locker.CmdOpenAll:
		go b.actOpenAll(p, c.Args.Locker)
	case locker.CmdSelfTest:
		go b.actSelfTest(p)
	case locker.CmdUpdate:
		go b.actUpdate(p, c.Args)
	case locker.CmdBundle:
		go b.actBundle(p, c.Args)
	default:
		b.post(func() { b.actNow(p, c) })
	}
}

// done posts the outcome of a command.
func (b *Bank) done(p pendingCommand, r locker.Reply) {
	r.ID = p.ID
	b.post(func() {
		t := b.begin()
		b.conclude(t, &p, r)
		t.commit()
	})
}

func (b *Bank) actOpen(p pendingCommand) {
	r, err := b.Open(context.Background(), p.Door, "command "+p.ID, byBackend)
	if errors.Is(err, errStopped) {
		return
	}
	b.done(p, openReply(r, err))
}

func openReply(r OpenResult, err error) locker.Reply {
	if err != nil {
		return failure(err)
	}
	out := locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"outcome": r.Outcome, "tries": r.Tries, "ms": r.MS}}
	switch r.Outcome {
	case "jammed":
		out.Status, out.Reason = locker.ReplyFailed, failedJammed
	case "uncertain":
		out.Status, out.Reason = locker.ReplyFailed, failedUncertain
	case "unreachable":
		out.Status, out.Reason = locker.ReplyFailed, failedSilent
	}
	return out
}

// failure is the reply to a command that the bank could not carry out.
func failure(err error) locker.Reply {
	r := locker.Reply{Status: locker.ReplyFailed, Reason: failedOther, Result: map[string]any{"error": err.Error()}}
	if e, ok := errors.AsType[*Error](err); ok {
		r.Result["cure"] = e.Cure
		if e.Reason != "" {
			r.Reason = e.Reason
		}
	}
	return r
}

// actOpenAll opens the doors of a locker, or all, one after another: lock coils
// share a supply. A door that does not open does not stop the rest.
func (b *Bank) actOpenAll(p pendingCommand, number int) {
	opened, left, begun := 0, []string{}, b.now()
	for _, spec := range b.cfg.Doors {
		if number != 0 && int(spec.ID.Locker) != number {
			continue
		}
		if b.now()-begun > openAllTime { // whoever ordered it has gone
			left = append(left, spec.ID.String())
			continue
		}
		r, err := b.Open(context.Background(), spec.ID, "command "+p.ID, byBackend)
		var e *Error
		switch {
		case errors.Is(err, errStopped):
			return
		case errors.As(err, &e) && e.Reason == failedOpen, err == nil && (r.Outcome == "opened" || r.Outcome == "unproven"):
			opened++
		default:
			left = append(left, spec.ID.String())
		}
	}
	out := locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"opened": opened, "not_opened": left}}
	if len(left) > 0 {
		out.Status, out.Reason = locker.ReplyFailed, failedOther
	}
	b.done(p, out)
}

func (b *Bank) actSelfTest(p pendingCommand) {
	lines, err := b.SelfTest(context.Background())
	if errors.Is(err, errStopped) {
		return
	}
	if err != nil {
		b.done(p, failure(err))
		return
	}
	r := locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"lines": lines}}
	for _, l := range lines {
		if !l.OK {
			r.Status, r.Reason = locker.ReplyFailed, locker.CmdSelfTest
		}
	}
	b.done(p, r)
}

// actNow carries out what is done within one step.
func (b *Bank) actNow(p pendingCommand, c *locker.Command) {
	r := locker.Reply{Status: locker.ReplyDone}
	switch c.Type {
	case locker.CmdOutOfService:
		t := b.begin()
		b.takeOut(t, b.byID[p.Door], locker.CauseCommand, byBackend)
		t.commit()
	case locker.CmdInService:
		t := b.begin()
		b.putIn(t, b.byID[p.Door], byBackend)
		t.commit()
		if b.byID[p.Door].out(locker.CauseDesired) {
			r.Status, r.Reason = locker.ReplyFailed, string(locker.CauseDesired)
		}
	case locker.CmdSetStock:
		if err := b.setStock(p.Door, c.Args.Item, byBackend); err != nil {
			r = failure(err)
		}
	case locker.CmdIdentify:
		s := b.byID[p.Door].status()
		r.Result = map[string]any{"door": s.ID, "bus": s.Bus, "address": s.Address, "channel": s.Channel, "state": s.State}
	case locker.CmdPoll:
		r.Result = b.poll()
	case locker.CmdResync:
		b.uplink.Resync(*c.Args.From)
		r.Result = map[string]any{"first": b.store.First(), "next": b.store.Next()}
	case locker.CmdRestart:
		b.restartDue = true // tick does it when nothing is open
	}
	b.done(p, r)
}

func (b *Bank) poll() map[string]any {
	open, unknown := 0, 0
	for _, d := range b.slots {
		switch d.status().State {
		case "open":
			open++
		case "unknown":
			unknown++
		}
	}
	return map[string]any{"doors": len(b.slots), "open": open, "unknown": unknown}
}
