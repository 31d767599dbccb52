package bank

import (
	"strings"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/scanner"
)

// ticketPrefix begins the code id of a ticket (contract 5.5).
const ticketPrefix = "t-"

// Ticket is a code that came with its own signature, which has been checked.
type Ticket struct {
	Set  string // its tenant's, else *
	Code locker.Code
}

// scanTicket decides a text that is a ticket.
func (b *Bank) scanTicket(t *tx, s scanner.Scan) {
	if b.cfg.Tickets == nil {
		t.refuse(s.Scanner, locker.BadSignature, nil) // no [trust], no tickets (contract 2)
		return
	}
	k, reason := b.cfg.Tickets(s.Text)
	if reason != locker.Granted {
		t.refuse(s.Scanner, reason, nil)
		return
	}
	e := locker.Entry{Set: k.Set, Code: k.Code}
	if err := b.strictest(&e); err != nil {
		t.fault("a ticket's use mark is damaged", err)
		t.refuse(s.Scanner, locker.Used, &e) // what cannot be read may have been used
		return
	}
	r := b.asked(t, s, e)
	r.Ticket = true
	r.Blind = e.Code.Kind != locker.Service && b.store.Set(k.Set).Epoch == 0 || e.Code.NotBefore < b.ticketsFrom
	dec := access.Decide(r, view{b})
	if dec.Reason != locker.Granted {
		t.refuse(s.Scanner, dec.Reason, &e)
		return
	}
	b.let(t, s, e, dec)
}

// ticketOf is what is known of a ticket after a restart: no record of it is
// stored, its use mark and the intent of its opening are.
func (b *Bank) ticketOf(in *locker.Intent) *locker.Entry {
	if !strings.HasPrefix(in.Code.ID, ticketPrefix) {
		return nil
	}
	return b.bare(in)
}
