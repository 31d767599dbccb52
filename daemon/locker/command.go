package locker

// Types of commands (contract 6.7).
const (
	CmdOpen         = "open"
	CmdOpenAll      = "open_all"
	CmdOutOfService = "out_of_service"
	CmdInService    = "in_service"
	CmdIdentify     = "identify"
	CmdPoll         = "poll"
	CmdSelfTest     = "self_test"
	CmdRestart      = "restart"
	CmdSetStock     = "set_stock"
	CmdResync       = "resync"
	CmdUpdate       = "update" // ours, added to the contract: see sync/README.md
	CmdBundle       = "bundle" // ours, likewise
)

// Command is an order from above, its signature and its bank already checked.
type Command struct {
	ID      string      `json:"id"`
	Type    string      `json:"type"`
	Args    CommandArgs `json:"args"`
	IAT     Time        `json:"iat"`
	EXP     Time        `json:"exp"`             // open and open_all: at most 30 s after iat
	Counter int64       `json:"counter"`         // above that of the last accepted command
	Nonce   string      `json:"nonce,omitempty"` // of the last birth; open and open_all need it
}

// CommandArgs are the arguments of all types (contract 6.7).
type CommandArgs struct {
	Door   DoorID  `json:"door,omitzero"`
	Locker int     `json:"locker,omitempty"`
	Item   *Item   `json:"item"`           // set_stock; null empties the door
	From   *uint64 `json:"from,omitempty"` // resync: a seq; bundle: a chunk

	Channel string `json:"channel,omitempty"` // update: of releases
	Version string `json:"version,omitempty"` // update: absent, what the channel offers
	Window  string `json:"window,omitempty"`  // update: 02:00-04:00, the bank's time zone; absent: at once

	To     string `json:"to,omitempty"`     // bundle: the recipient it is encrypted to
	Bundle string `json:"bundle,omitempty"` // bundle: an earlier one, of which chunks are wanted again
}

// Statuses of a reply.
const (
	ReplyDone    = "done"
	ReplyRefused = "refused"
	ReplyFailed  = "failed"
	ReplyUnknown = "unknown" // a crash came between its receipt and its outcome; it is never repeated
)

// Reasons of a refused command.
const (
	RefusedReplayed       = "replayed"
	RefusedExpired        = "expired"
	RefusedWrongNonce     = "wrong_nonce"
	RefusedMalformed      = "malformed"
	RefusedUnknownDoor    = "unknown_door"
	RefusedClockUntrusted = "clock_untrusted"
)

// Reply is the answer to one command. It is stored, and given again when the
// same id comes again.
type Reply struct {
	ID     string         `json:"id"`
	Status string         `json:"status"`
	Reason string         `json:"reason,omitempty"` // why it is not done
	Result map[string]any `json:"result,omitempty"`
}
