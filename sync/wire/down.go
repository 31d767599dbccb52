package wire

import (
	"encoding/json"

	"lockerd/daemon/locker"
)

// Words of the member typ.
const (
	TypAck     = "ack"
	TypCodes   = "codes"
	TypDesired = "desired"
	TypCommand = "command"
	TypTrust   = "trust"
)

// Down is a message from above whose signature, purpose, tenant, bank and journal
// have been checked: *Ack, *Codes, *Desired, *Command or *Trust.
type Down interface{ down() }

func (*Ack) down()     {}
func (*Codes) down()   {}
func (*Desired) down() {}
func (*Command) down() {}
func (*Trust) down()   {}

// Head is what every message from above names first.
type Head struct {
	V       int    `json:"v"`
	Typ     string `json:"typ"`
	Bank    string `json:"bank"`
	Journal string `json:"journal,omitempty"` // journal.id of the birth; trust has none
}

// Ack frees events up to UpTo (contract 6.4). At is a signed time.
type Ack struct {
	Head
	UpTo uint64      `json:"upto"` // the last event that is stored; frees it and all before it
	At   locker.Time `json:"at"`   // now: a bank without a clock takes it for the time
}

// Codes changes one set of codes: a delta (From and Ops) or one chunk of a
// snapshot (Chunk, Chunks and Put), contract 6.5.
type Codes struct {
	Head
	Set    string         `json:"set"`
	Epoch  int64          `json:"epoch"`          // Unix seconds when the numbering of versions began
	From   *int64         `json:"from,omitempty"` // delta: the version it applies to
	To     int64          `json:"to"`             // the version after it
	Ops    []Op           `json:"ops,omitempty"`
	Chunk  int            `json:"chunk,omitempty"` // snapshot: 1 to Chunks
	Chunks int            `json:"chunks,omitempty"`
	Put    []locker.Code  `json:"put,omitempty"`
	Digest *locker.Digest `json:"digest"`          // of the set's live records after it
	Nonce  string         `json:"nonce,omitempty"` // of the Get it answers
	At     locker.Time    `json:"at,omitzero"`     // ours: a signed time, as in ack; the set is confirmed as of it, and from a * key it raises the clock floor
}

// IsSnapshot tells a chunk of a snapshot from a delta.
func (c *Codes) IsSnapshot() bool { return c.Chunks > 0 }

// Op is one change in a delta; exactly one member is set.
type Op struct {
	Put    *locker.Code `json:"put,omitempty"`
	Revoke string       `json:"revoke,omitempty"`
	Drop   string       `json:"drop,omitempty"`
}

// Desired is the desired document (contract 6.6).
type Desired struct {
	Head
	Version int64          `json:"version"` // above the bank's
	Doc     locker.Desired `json:"doc"`
	Bad     string         `json:"-"` // what is wrong with the document, which is empty then: the answer is config.rejected
}

// Command is one order (contract 6.7).
type Command struct {
	Head
	locker.Command

	// Bad is what is wrong with a command that can be answered all the same: with
	// refused, malformed. Its type is empty then, so that nothing carries it out, and
	// of the rest only id, counter, iat, exp and nonce stand, as far as they could be
	// read. Asked is the type that it names, if there is such a type.
	Bad   string `json:"-"`
	Asked string `json:"-"`
}

// Trust replaces the key set (contract 6.1).
type Trust struct {
	Head
	Version int64           `json:"version"` // above the bank's
	JWKS    json.RawMessage `json:"jwks"`    // as it came: it is kept in the data file
	Keys    *Keys           `json:"-"`       // parsed from JWKS
}
