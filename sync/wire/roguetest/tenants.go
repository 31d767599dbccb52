package roguetest

import (
	"fmt"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
)

// Tenants are the attempts of c.Tenant at what is c.Other's or the operator's, each
// with its reason. Codes in them have the given text.
func Tenants(c Config, text string) []Attempt {
	me, other := c.Tenant.Tenant, c.Other.Tenant
	collect := c.record(text, `"kind":"collect","door":"1-01"`)
	all := []Attempt{
		{Name: "put into another's set", Payload: signed(c.Tenant, c.delta(other, collect)), Reason: wire.WrongTenant},
		{Name: "revoke another's code", Payload: signed(c.Tenant, c.ops(other, `{"revoke":"c-1"}`)), Reason: wire.WrongTenant},
		{Name: "drop another's code", Payload: signed(c.Tenant, c.ops(other, `{"drop":"c-1"}`)), Reason: wire.WrongTenant},
		{Name: "replace another's set", Payload: signed(c.Tenant, c.snapshot(other, collect)), Reason: wire.WrongTenant},
		{Name: "empty another's set", Payload: signed(c.Tenant, c.snapshot(other, "")), Reason: wire.WrongTenant},
		{Name: "confirm another's set", Payload: signed(c.Tenant, c.head(wire.TypCodes)+fmt.Sprintf(`"set":%q,"epoch":1,"from":1,"to":1,"digest":"%064d"}`, other, 0)), Reason: wire.WrongTenant},
		{Name: "put into the operator's set", Payload: signed(c.Tenant, c.delta(locker.SetOperator, collect)), Reason: wire.WrongTenant},
		{Name: "revoke the operator's code", Payload: signed(c.Tenant, c.ops(locker.SetOperator, `{"revoke":"c-1"}`)), Reason: wire.WrongTenant},
		{Name: "put into the set of the socket", Payload: signed(c.Tenant, c.delta(locker.SetLocal, collect)), Reason: wire.WrongTenant},
		{Name: "put into the set of the socket, by the operator", Payload: signed(c.Operator, c.delta(locker.SetLocal, collect)), Reason: wire.WrongTenant},
		{Name: "a service code", Payload: signed(c.Tenant, c.delta(me, c.record(text, `"kind":"service"`))), Reason: wire.WrongTenant},
		{Name: "a code that acts for another", Payload: signed(c.Tenant, c.delta(me, c.record(text, fmt.Sprintf(`"kind":"clear","tenant":%q`, other)))), Reason: wire.WrongTenant},
		{Name: "a code that acts for nobody in particular", Payload: signed(c.Tenant, c.delta(me, c.record(text, `"kind":"clear","tenant":"*"`))), Reason: wire.WrongTenant},
		{Name: "no set", Payload: signed(c.Tenant, c.head(wire.TypCodes)+fmt.Sprintf(`"epoch":1,"from":0,"to":1,"digest":"%064d"}`, 0)), Reason: wire.Malformed},
		{Name: "two sets", Payload: signed(c.Tenant, c.head(wire.TypCodes)+fmt.Sprintf(`"set":%q,"set":%q,"epoch":1,"from":0,"to":1,"digest":"%064d"}`, other, me, 0)), Reason: wire.Malformed},
		{Name: "two sets, one in capitals", Payload: signed(c.Tenant, c.head(wire.TypCodes)+fmt.Sprintf(`"SET":%q,"set":%q,"epoch":1,"from":0,"to":1,"digest":"%064d"}`, me, other, 0)), Reason: wire.WrongTenant},
		{Name: "another's kid", Payload: sign(c.Tenant.Private, header(c.Other.KID), c.delta(other, collect)), Reason: wire.BadSignature},
		{Name: "the operator's kid", Payload: sign(c.Tenant.Private, header(c.Operator.KID), c.delta(other, collect)), Reason: wire.BadSignature},
		{Name: "codes as a desired document", Topic: wire.TopicDesired, Payload: signed(c.Tenant, c.delta(me, collect)), Reason: wire.WrongPurpose},
	}
	for _, typ := range []string{wire.TypAck, wire.TypDesired, wire.TypCommand, wire.TypTrust} {
		all = append(all, Attempt{Name: "a tenant's " + typ, Topic: "down/" + typ, Payload: signed(c.Tenant, c.head(typ)+`"id":"x"}`), Reason: wire.WrongPurpose})
	}
	for i := range all {
		if all[i].Topic == "" {
			all[i].Topic = wire.TopicCodes
		}
		all[i].Why = "a tenant's key writes its own set only"
	}
	return all
}

// Scan is a text that somebody holds to a scanner, and what the bank must answer.
type Scan struct {
	Name, Text string
	Reason     locker.Reason
}

// Tickets are tickets by which c.Tenant reaches for what is not its own, valid at
// the given time.
func Tickets(c Config, now locker.Time) ([]Scan, error) {
	mine := ticket.Ticket{Bank: c.Bank, ID: [8]byte{0x66}, NotBefore: now, Lifetime: time.Hour, Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}, Tenant: c.Tenant.Tenant}
	with := func(edit func(*ticket.Ticket)) ticket.Ticket {
		t := mine
		edit(&t)
		return t
	}
	var all []Scan
	for _, x := range []struct {
		name string
		t    ticket.Ticket
		kid  string
		by   Signer
		want locker.Reason
	}{
		{"for another tenant", with(func(t *ticket.Ticket) { t.Tenant = c.Other.Tenant }), c.Tenant.KID, c.Tenant, locker.BadSignature},
		{"for no tenant", with(func(t *ticket.Ticket) { t.Tenant = "" }), c.Tenant.KID, c.Tenant, locker.BadSignature},
		{"service", with(func(t *ticket.Ticket) { t.Kind, t.Door = locker.Service, locker.DoorID{} }), c.Tenant.KID, c.Tenant, locker.BadSignature},
		{"service for no tenant", with(func(t *ticket.Ticket) { t.Kind, t.Door, t.Tenant = locker.Service, locker.DoorID{}, "" }), c.Tenant.KID, c.Tenant, locker.BadSignature},
		{"under the operator's kid", mine, c.Operator.KID, c.Tenant, locker.BadSignature},
		{"under another's kid", with(func(t *ticket.Ticket) { t.Tenant = c.Other.Tenant }), c.Other.KID, c.Tenant, locker.BadSignature},
		{"by a key that nobody trusts", mine, "rogue-1", TestKey("rogue-1", wire.Operator), locker.BadSignature},
		{"for another bank", with(func(t *ticket.Ticket) { t.Bank = "other-1" }), c.Tenant.KID, c.Tenant, locker.WrongBank},
	} {
		text, err := ticket.Sign(x.t, x.kid, x.by.Private)
		if err != nil {
			return nil, fmt.Errorf("cannot make ticket %q: %w", x.name, err)
		}
		all = append(all, Scan{Name: x.name, Text: text, Reason: x.want})
	}
	return all, nil
}
