package bank

import (
	"time"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

// What the bank tells and takes at its control side. The JSON forms are what
// `lockerctl --json` prints: add members, never change one.

// Status is the bank in one page.
type Status struct {
	Bank     string                    `json:"bank"`
	Version  string                    `json:"version"`
	Boot     int64                     `json:"boot"`
	Up       time.Duration             `json:"up_ns"`
	Time     locker.Time               `json:"time"`
	Clock    locker.Clock              `json:"clock"`
	Timezone string                    `json:"timezone"` // for people: of the configuration
	Ready    bool                      `json:"ready"`
	Doors    int                       `json:"doors"`
	Open     int                       `json:"open"`
	Out      int                       `json:"out_of_service"`
	Unknown  int                       `json:"unknown"` // doors on silent boards
	Buses    []BusStatus               `json:"buses"`
	Scanners []ScannerStatus           `json:"scanners"`
	Visits   []VisitStatus             `json:"visits"`
	Journal  JournalStatus             `json:"journal"`
	Codes    map[string]locker.SetInfo `json:"codes"`
	Link     *LinkStatus               `json:"link,omitempty"` // to the broker; absent: it runs without one
}

// BusStatus is one bus and its boards.
type BusStatus struct {
	Name   string        `json:"name"`
	Driver string        `json:"driver"`
	Stats  hal.Stats     `json:"stats"`
	Boards []BoardStatus `json:"boards"`
}

// BoardStatus is one board.
type BoardStatus struct {
	Address int    `json:"address"`
	State   string `json:"state"` // starting, ok, lost
	Error   string `json:"error,omitempty"`
}

// ScannerStatus is one scanner.
type ScannerStatus struct {
	Name  string `json:"name"`
	State string `json:"state"`           // starting, ok, lost
	Error string `json:"error,omitempty"` // with ok: it reads, and is not set as it should be

	Refused *RefusedStatus `json:"refused,omitempty"` // the latest text that opened nothing
}

// RefusedStatus is why a scan opened nothing, and what to do.
type RefusedStatus struct {
	At     locker.Time   `json:"at"`
	Reason locker.Reason `json:"reason"`
	Text   string        `json:"text"`
}

// VisitStatus is one visit under way.
type VisitStatus struct {
	Visit   string      `json:"visit"`
	Scanner string      `json:"scanner"`
	Kind    locker.Kind `json:"kind"`
	Ref     string      `json:"ref,omitempty"`
	Door    string      `json:"door,omitempty"`
	Stage   string      `json:"stage"`
	Text    string      `json:"text,omitempty"` // what the person does next
}

// JournalStatus says how long the journal is.
type JournalStatus struct {
	ID    string `json:"id"`
	First uint64 `json:"first"` // oldest event kept
	Next  uint64 `json:"next"`  // seq of the next event
	Bytes int64  `json:"bytes"` // stored event bytes
}

// DoorStatus is one door.
type DoorStatus struct {
	ID         locker.DoorID  `json:"id"`
	Size       locker.Size    `json:"size"`
	State      string         `json:"state"` // open, closed, unknown
	Sensor     bool           `json:"sensor"`
	Accessible bool           `json:"accessible,omitempty"`
	Tenant     string         `json:"tenant,omitempty"`
	Out        []locker.Cause `json:"out_of_service,omitempty"`
	Item       *locker.Item   `json:"item,omitempty"`
	Since      locker.Time    `json:"since,omitzero"`
	Named      bool           `json:"named,omitempty"`    // a live collect code names it
	Reserved   bool           `json:"reserved,omitempty"` // its item is kept for a swap under way
	Pending    bool           `json:"pending,omitempty"`
	Bus        string         `json:"bus"`
	Address    int            `json:"address"`
	Channel    int            `json:"channel"`
}

// StockLine is the stock of one sku of one tenant.
type StockLine struct {
	Tenant string `json:"tenant"`
	SKU    string `json:"sku"`
	Count  int    `json:"count"`
	Min    *int   `json:"min,omitempty"`
}

// OpenResult is what came of an opening ordered at the socket.
type OpenResult struct {
	Door    locker.DoorID `json:"door"`
	Outcome string        `json:"outcome"` // opened, unproven, jammed, uncertain, unreachable
	Tries   int           `json:"tries"`
	MS      int64         `json:"ms"` // from the first pulse to the proof
}

// NewCode is a request to issue a code into the set local.
type NewCode struct {
	Kind       locker.Kind   `json:"kind"`
	Door       locker.DoorID `json:"door,omitzero"`
	SKU        string        `json:"sku,omitempty"`
	Tenant     string        `json:"tenant,omitempty"`
	Size       locker.Size   `json:"size,omitzero"`
	Accessible bool          `json:"accessible,omitempty"`
	Items      int           `json:"items,omitempty"`
	To         string        `json:"to,omitempty"`
	Label      string        `json:"label,omitempty"`
	Uses       *int          `json:"uses,omitempty"`
	Ref        string        `json:"ref,omitempty"`
	Name       string        `json:"name,omitempty"`
	TTL        time.Duration `json:"ttl_ns"`
}

// IssuedCode is a code that has just been issued. Text exists only here: the
// bank keeps the tag.
type IssuedCode struct {
	ID       string      `json:"id"`
	Text     string      `json:"text"`
	Tag      locker.Tag  `json:"tag"`
	NotAfter locker.Time `json:"not_after"`
}

// CodeStatus is one code of the set local.
type CodeStatus struct {
	ID       string        `json:"id"`
	Kind     locker.Kind   `json:"kind"`
	Door     locker.DoorID `json:"door,omitzero"`
	SKU      string        `json:"sku,omitempty"`
	Tenant   string        `json:"tenant,omitempty"`
	Ref      string        `json:"ref,omitempty"`
	NotAfter locker.Time   `json:"not_after"`
	State    string        `json:"state"` // live, used, revoked, expired
	Used     int           `json:"used"`
	Uses     int           `json:"uses"` // 0: without limit
}

// SelfTestLine is one finding of the self-test, which moves nothing.
type SelfTestLine struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Cure string `json:"cure,omitempty"`
}

// ClockStatus is bank time and its ground.
type ClockStatus struct {
	Time   locker.Time  `json:"time"`
	System locker.Time  `json:"system"`
	Floor  locker.Time  `json:"floor"`
	Clock  locker.Clock `json:"clock"`
	Source string       `json:"source"` // system, or the file of [time]
}

// VerifyResult is what a check of the journal found.
type VerifyResult struct {
	Journal string `json:"journal"`
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Events  int    `json:"events"`
	Gaps    int    `json:"gaps"`
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
	// Replay is whether the events, replayed, give what the bank holds; absent if the
	// journal itself is broken.
	Replay *ledger.Verdict `json:"replay,omitempty"`
}

// Error is a request the bank could not or would not carry out.
type Error struct {
	Code string `json:"code"` // not_found, refused, invalid, unavailable, failed
	Text string `json:"error"`
	Cure string `json:"cure,omitempty"` // what to do next

	Reason string `json:"-"` // of a failed command's reply
}

// Error implements error.
func (e *Error) Error() string { return e.Text }
