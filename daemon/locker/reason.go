package locker

// Reason says why a scan was refused. The order of the constants is the order
// of the decision: the first that applies is the answer.
type Reason string

// Reasons, in the order in which a decision looks for them.
const (
	Granted          Reason = ""
	Malformed        Reason = "malformed"
	Misread          Reason = "misread"
	Unknown          Reason = "unknown"
	BadSignature     Reason = "bad_signature"
	WrongBank        Reason = "wrong_bank"
	Revoked          Reason = "revoked"
	ClockUntrusted   Reason = "clock_untrusted"
	NotYet           Reason = "not_yet"
	Expired          Reason = "expired"
	Used             Reason = "used"
	StaleCache       Reason = "stale_cache"
	Busy             Reason = "busy"
	DoorOutOfService Reason = "door_out_of_service"
	NoStock          Reason = "no_stock"
	NoFreeDoor       Reason = "no_free_door"
	BoardSilent      Reason = "board_silent"
)

// Reasons that concern a label, not a code.
const (
	WrongLabel      Reason = "wrong_label"
	DuplicateSerial Reason = "duplicate_serial"
)

// Cause says why a door is out of service. A door is out of service while any
// cause is present.
type Cause string

// Causes.
const (
	CauseJammed   Cause = "jammed"
	CauseFlapping Cause = "flapping"
	CauseCommand  Cause = "command"
	CauseDesired  Cause = "desired"
	CauseControl  Cause = "control"
)

// Clock says how far bank time can be trusted.
type Clock string

// Clock states.
const (
	ClockSynced Clock = "synced" // the kernel says synchronised
	ClockHeld   Clock = "held"   // was so earlier in this boot, or a signed time came in this connection
	ClockUnset  Clock = "unset"  // neither
)

// Condition is the state of an item.
type Condition string

// Conditions.
const (
	Ready     Condition = "ready"
	Faulty    Condition = "faulty"
	Uncertain Condition = "uncertain" // an opening nobody can vouch for has touched it
)

// Item is what lies behind a door.
type Item struct {
	Tenant    string    `json:"tenant"`
	SKU       string    `json:"sku"`
	Serial    string    `json:"serial,omitempty"`
	Condition Condition `json:"condition"`
}

// String says it in one line: tenant/sku, serial, condition; nothing is empty.
func (it *Item) String() string {
	if it == nil {
		return "empty"
	}
	s := it.SKU
	if it.Tenant != "" {
		s = it.Tenant + "/" + s
	}
	if it.Serial != "" {
		s += " " + it.Serial
	}
	return s + " " + string(it.Condition)
}
