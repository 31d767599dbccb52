package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"lockerd/daemon/locker"
)

// What a difference is about.
const (
	WhatItem    = "item"    // what lies behind a door
	WhatSince   = "since"   // when it came
	WhatService = "service" // why a door is out of service
	WhatCount   = "count"   // stock of a tenant's sku
	WhatEvents  = "events"  // numbers that are missing
)

// Ops of events that tell a state, not a change.
const (
	// OpLeft marks a door.out_of_service that adds nothing: one cause has ended, and
	// these are left.
	OpLeft = "left"
	// OpCarried marks what a new journal begins with: the bank had it from the one
	// that was lost. from is when the item came.
	OpCarried = "carried"
)

// Difference is the first thing that the journal and the bank tell differently.
type Difference struct {
	Seq     uint64        `json:"seq"` // where it shows: the event itself, or the last that touched it
	What    string        `json:"what"`
	Door    locker.DoorID `json:"door,omitzero"`
	Tenant  string        `json:"tenant,omitempty"`
	SKU     string        `json:"sku,omitempty"`
	Journal string        `json:"journal"` // what the replay makes of it
	Bank    string        `json:"bank"`    // what the event or the bank says
}

// String says it in one line.
func (d *Difference) String() string {
	subject := "event " + strconv.FormatUint(d.Seq, 10)
	if d.Seq == 0 {
		subject = "no event"
	}
	if !d.Door.IsZero() {
		subject += ", door " + d.Door.String()
	}
	if d.What == WhatSince {
		subject += ", since when"
	}
	if d.What == WhatCount && d.SKU != "" {
		subject += ", count of " + thing(d.Tenant, d.SKU)
	}
	if d.What == WhatEvents {
		return fmt.Sprintf("%s: event %s was to come", subject, d.Journal)
	}
	return fmt.Sprintf("%s: the journal makes it %s, the bank says %s", subject, d.Journal, d.Bank)
}

func (l *Ledger) about(e *locker.Event, what, journal, bank string) *Difference {
	d := &Difference{Seq: e.Seq, What: what, Door: e.Door, Journal: journal, Bank: bank}
	if what == WhatCount {
		d.Tenant, d.SKU = e.Tenant, e.SKU
	}
	return d
}

func describe(it *locker.Item) string { return it.String() }

func thing(tenant, sku string) string { return strings.TrimPrefix(tenant+"/"+sku, "/") }

func service(out []locker.Cause) string {
	if len(out) == 0 {
		return "in service"
	}
	names := make([]string, len(out))
	for i, c := range out {
		names[i] = string(c)
	}
	return "out of service: " + strings.Join(names, ",")
}

func counts(k *Key) string {
	if k == nil {
		return "not counted"
	}
	return "counted as " + thing(k.Tenant, k.SKU)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }
func decimal(n int) string   { return strconv.Itoa(n) }
func signed(n int) string    { return fmt.Sprintf("%+d", n) }
