package banktest

import (
	"maps"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Receive takes one message from above.
func (b *Bank) Receive(now locker.Time, topic string, payload []byte, retained bool) {
	if !b.Online {
		return
	}
	b.now = now
	m, _, refusal := b.Keys.Open(wire.Expect{Bank: b.Name, Journal: b.Journal}, topic, payload, retained)
	if refusal != nil {
		b.refuse(*refusal)
		return
	}
	switch m := m.(type) {
	case *wire.Ack:
		b.ack(m)
	case *wire.Codes:
		b.codes(m)
	case *wire.Desired:
		b.desired(m)
	case *wire.Command:
		b.command(m)
	case *wire.Trust:
		b.trust(m)
	}
	b.Send(now)
}

func (b *Bank) refuse(r wire.Refusal) {
	b.Refusals = append(b.Refusals, r)
	b.Emit(b.now, locker.Event{
		Type: locker.EvMessageRefused, Reason: locker.Reason(r.Reason), Set: r.Set, Op: r.Op, ID: r.ID, Why: r.Why,
	})
}

func (b *Bank) ack(m *wire.Ack) {
	switch {
	case m.UpTo >= b.next():
		b.refuse(wire.Refusal{Reason: wire.Malformed, Why: "upto"})
	case m.UpTo > b.Acked:
		b.Acked = m.UpTo
		b.sent = max(b.sent, b.Acked)
	}
}

func (b *Bank) codes(m *wire.Codes) {
	s := b.set(m.Set)
	if m.IsSnapshot() {
		b.chunk(m, s)
		return
	}
	if m.Epoch != s.Epoch || m.From == nil || *m.From != s.Version {
		b.ask(m.Set, s)
		return
	}
	live, revoked := maps.Clone(s.Live), maps.Clone(s.Revoked)
	for _, op := range m.Ops {
		switch {
		case op.Put != nil:
			if why, bad := b.Bad[op.Put.ID]; bad {
				b.refuse(wire.Refusal{Reason: why, Set: m.Set, Op: "put", ID: op.Put.ID, Why: "the test says so"})
				return
			}
			if old, known := live[op.Put.ID]; !revoked[op.Put.ID] && (!known || op.Put.Rev > old.Rev) {
				live[op.Put.ID] = *op.Put
			}
		case op.Revoke != "":
			revoked[op.Revoke] = true
			delete(live, op.Revoke)
		default:
			delete(live, op.Drop)
		}
	}
	next := Set{Live: live}
	if m.Digest == nil || next.Digest() != *m.Digest {
		b.refuse(wire.Refusal{Reason: wire.Malformed, Set: m.Set, Why: "digest"})
		b.ask(m.Set, s)
		return
	}
	s.nonce = ""
	if *m.From == m.To && len(m.Ops) == 0 {
		return
	}
	s.Live, s.Revoked, s.Version = live, revoked, m.To
	b.applied(m, s)
}

func (b *Bank) applied(m *wire.Codes, was *Set) {
	e := locker.Event{Type: locker.EvCodesApplied, Set: m.Set, Epoch: m.Epoch, To: locker.Number(m.To)}
	switch {
	case m.From != nil:
		e.From = locker.Number(*m.From)
	case was.Epoch == m.Epoch: // lockerd's snapshots say it, too
		e.From = locker.Number(was.Version)
	}
	b.Emit(b.now, e)
}

func (b *Bank) chunk(m *wire.Codes, s *Set) {
	above := m.Epoch > s.Epoch || m.Epoch == s.Epoch && m.To > s.Version
	answers := m.Epoch == s.Epoch && m.To == s.Version && m.Nonce != "" && m.Nonce == s.nonce
	if !above && !answers {
		b.refuse(wire.Refusal{Reason: wire.Stale, Set: m.Set})
		return
	}
	for _, old := range s.staged {
		if old.Epoch != m.Epoch || old.To != m.To || old.Chunks != m.Chunks || *old.Digest != *m.Digest {
			s.staged = nil
			break
		}
	}
	if s.staged == nil {
		s.staged = map[int]*wire.Codes{}
	}
	s.staged[m.Chunk] = m
	if len(s.staged) < m.Chunks {
		return
	}
	b.switchTo(m, s)
}

func (b *Bank) switchTo(m *wire.Codes, s *Set) {
	live, all := map[string]locker.Code{}, map[string]locker.Code{}
	for _, i := range slices.Sorted(maps.Keys(s.staged)) {
		for _, c := range s.staged[i].Put {
			if why, bad := b.Bad[c.ID]; bad {
				s.staged = nil
				b.refuse(wire.Refusal{Reason: why, Set: m.Set, Op: "put", ID: c.ID, Why: "the test says so"})
				return
			}
			all[c.ID] = c
			if !s.Revoked[c.ID] {
				live[c.ID] = c
			}
		}
	}
	s.staged = nil
	next, raw := Set{Live: live}, Set{Live: all}
	if d := *m.Digest; next.Digest() != d && (!b.Lenient || raw.Digest() != d) {
		b.refuse(wire.Refusal{Reason: wire.Malformed, Set: m.Set, Why: "digest"})
		b.ask(m.Set, s)
		return
	}
	was := *s
	s.Live, s.Epoch, s.Version, s.nonce = live, m.Epoch, m.To, ""
	b.applied(m, &was)
}

func (b *Bank) desired(m *wire.Desired) {
	switch {
	case m.Version <= b.Desired.Version:
		b.refuse(wire.Refusal{Reason: wire.Stale})
	case b.Reject != "":
		b.Emit(b.now, locker.Event{Type: locker.EvConfigRejected, Version: locker.Number(m.Version), Why: b.Reject})
	default:
		b.Desired = locker.DesiredState{Version: m.Version, Doc: m.Doc}
		b.Emit(b.now, locker.Event{Type: locker.EvConfigApplied, Version: locker.Number(m.Version)})
	}
}

func (b *Bank) trust(m *wire.Trust) {
	if m.Version <= b.Trust {
		b.refuse(wire.Refusal{Reason: wire.Stale})
		return
	}
	b.Trust, b.Keys = m.Version, m.Keys
	b.Emit(b.now, locker.Event{Type: locker.EvTrustApplied, Version: locker.Number(m.Version)})
}

func (b *Bank) command(m *wire.Command) {
	c := m.Command
	if r, known := b.Replies[c.ID]; known {
		b.reply(r)
		return
	}
	r := locker.Reply{ID: c.ID, Status: locker.ReplyRefused}
	opens := c.Type == locker.CmdOpen || c.Type == locker.CmdOpenAll
	switch {
	case c.Counter <= b.Counter:
		r.Reason = locker.RefusedReplayed
	case b.now > c.EXP || opens && c.EXP.Sub(c.IAT) > 30e9:
		r.Reason = locker.RefusedExpired
	case opens && c.Nonce != b.Birth(b.now).Nonce:
		r.Reason = locker.RefusedWrongNonce
	default:
		r = b.carryOut(&c)
	}
	b.Counter = max(b.Counter, c.Counter)
	b.Replies[c.ID] = r
	kind := map[string]string{
		locker.ReplyDone: locker.EvCommandDone, locker.ReplyRefused: locker.EvCommandRefused, locker.ReplyFailed: locker.EvCommandFailed,
	}[r.Status]
	b.Emit(b.now, locker.Event{Type: kind, ID: c.ID, Command: c.Type, Reason: locker.Reason(r.Reason)})
	b.reply(r)
}

func (b *Bank) carryOut(c *locker.Command) locker.Reply {
	if b.Answer != nil {
		if r := b.Answer(*c); r != nil {
			r.ID = c.ID
			return *r
		}
	}
	if c.Type == locker.CmdUpdate && b.Updates != nil {
		r := b.update(c)
		r.ID = c.ID
		return r
	}
	b.Done = append(b.Done, *c)
	if c.Type == locker.CmdBundle && b.Bundle != nil {
		r := b.sendBundle(c)
		r.ID = c.ID
		return r
	}
	if c.Type == locker.CmdResync && c.Args.From != nil {
		from := max(*c.Args.From, b.First)
		b.sent = min(b.sent, from-1)
		b.resend(from)
	}
	return locker.Reply{ID: c.ID, Status: locker.ReplyDone}
}

// resend sends old events again, whatever is acknowledged.
func (b *Bank) resend(from uint64) {
	for from < b.next() {
		m := wire.Events{V: 1, Bank: b.Name, Journal: b.Journal}
		for seq := from; seq < b.next() && len(m.Events) < 20; seq++ {
			m.Events = append(m.Events, b.Events[seq-b.First])
		}
		from += uint64(len(m.Events))
		b.say(wire.TopicEvents, m, false)
	}
}

func (b *Bank) reply(r locker.Reply) {
	b.say(wire.TopicReply, wire.Reply{V: 1, Bank: b.Name, Reply: r}, false)
}
