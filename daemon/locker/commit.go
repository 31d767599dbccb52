package locker

import "slices"

// Intent is an opening that was accepted and whose outcome is not yet on disk.
// It is committed before the relay moves.
type Intent struct {
	Code      CodeKey `json:"code,omitzero"` // none: ordered at the socket
	Kind      Kind    `json:"kind,omitempty"`
	Ref       string  `json:"ref,omitempty"`
	Visit     string  `json:"visit,omitempty"`
	Scanner   string  `json:"scanner,omitempty"`
	Tenant    string  `json:"tenant,omitempty"`
	Reopening bool    `json:"reopening,omitempty"` // takes no use and moves no stock
	Again     bool    `json:"again,omitempty"`     // opens once more what an earlier opening left uncertain: takes no use
	Jammed    bool    `json:"jammed,omitempty"`    // closed through all tries: if it is closed still, the code is released
	Uncertain bool    `json:"uncertain,omitempty"` // pulsed perhaps, opened perhaps: the same code may open the same door again
	At        Time    `json:"at"`

	// What the opening is within the use of a code that may open several doors.
	Gives  bool   `json:"gives,omitempty"`  // the second door of a swap: an item leaves
	SKU    string `json:"sku,omitempty"`    // of the item that is to come
	Due    int    `json:"due,omitempty"`    // items of the whole delivery
	Serial string `json:"serial,omitempty"` // label scanned at the open door so far
}

// LastUse is who last opened a door and when it was shut: the ground on which a
// code reopens its door, and on which a door found open at a start was opened by
// order. Without a code nobody may reopen it.
type LastUse struct {
	Code   CodeKey `json:"code"`
	Closed Time    `json:"closed,omitzero"` // zero while the door has not been shut since
}

// Naming is a live collect code that names a door by id: an item behind that
// door is spoken for and not counted as stock.
type Naming struct {
	Code     CodeKey `json:"code"`
	NotAfter Time    `json:"not_after,omitzero"`
	Tenant   string  `json:"tenant,omitempty"` // of a code in a set that is not a tenant's
}

// ClaimedFor tells whether one of the codes may take an item of the tenant. Codes
// of others name a door that does not exist for them: they keep nothing back.
func ClaimedFor(tenant string, named []Naming) bool {
	return slices.ContainsFunc(named, func(n Naming) bool {
		c := Code{Tenant: n.Tenant}
		return c.TenantIn(n.Code.Set) == tenant
	})
}

// DoorRecord is the stored state of one door. It is written whole.
type DoorRecord struct {
	Door   DoorID   `json:"door"`
	Item   *Item    `json:"item,omitempty"`
	Since  Time     `json:"since,omitzero"` // when the item came
	Out    []Cause  `json:"out,omitempty"`
	Intent *Intent  `json:"intent,omitempty"`
	Last   *LastUse `json:"last,omitempty"`
	Named  []Naming `json:"named,omitempty"`
	Tenant string   `json:"tenant,omitempty"` // dedicated from above; the configuration's own stands there

	// Awaits is the opening, proven and not yet closed, whose closing decides
	// what is behind the door: whatever process sees it close finds here what is due.
	Awaits   *Intent `json:"awaits,omitempty"`
	Reserved CodeKey `json:"reserved,omitzero"` // the swap that its item is kept for, while that code lives
	Lapsed   bool    `json:"lapsed,omitempty"`  // its item has outlived the code that named the door
}

// CodeChange changes one code of a set.
type CodeChange struct {
	Set    string `json:"set"`
	Put    *Code  `json:"put,omitempty"`    // adds or replaces the record
	Revoke string `json:"revoke,omitempty"` // marks this id, known or not
	Drop   string `json:"drop,omitempty"`   // forgets this id's record
}

// MarkChange sets the mark of a code, whole.
type MarkChange struct {
	Code CodeKey `json:"code"`
	Mark Mark    `json:"mark"`
}

// Commit is one durable step of the bank: after the store has returned from it
// all of it survives a power cut, before that none of it can be seen.
//
// Events come without seq and hash. State members replace what is stored under
// the same key, so that applying a commit twice is the same as once.
type Commit struct {
	Events []Event `json:"-"`

	// Durable, if set, is called once, as soon as the step is on disk and before
	// the store has taken it into its own state. It must not call the store.
	Durable func() `json:"-"`

	Doors  []DoorRecord      `json:"doors,omitempty"`
	Codes  []CodeChange      `json:"codes,omitempty"`
	Marks  []MarkChange      `json:"marks,omitempty"`
	Values map[string][]byte `json:"values,omitempty"` // counters and documents by name; nil deletes
}

// Names of values.
const (
	ValueFloor = "clock_floor" // decimal Unix milliseconds: bank time never falls below it
	ValueBoot  = "boot"        // decimal count of starts

	ValueConn    = "conn"    // decimal count of connections to the broker, over all starts
	ValueDesired = "desired" // DesiredState
	ValueTrust   = "trust"   // a key set from above: {"version":n,"jwks":{…}}
	ValueCommand = "command" // counter, the commands under way, the last replies
	ValueDoors   = "doors"   // the ids of the doors that the last start had, as a JSON list
	// ValueTicketsFrom is decimal Unix milliseconds: a ticket that was valid before may
	// have been used in a life of the bank that was lost.
	ValueTicketsFrom = "tickets_from"
	ValueAcked       = "acked" // decimal seq: the backend has all events up to it
)
