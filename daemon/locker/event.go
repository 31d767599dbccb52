package locker

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Event types.
const (
	EvBootStarted    = "boot.started"
	EvBootRecovered  = "boot.recovered"
	EvScanRefused    = "scan.refused"
	EvCodeAccepted   = "code.accepted"
	EvCodeUsed       = "code.used"
	EvCodeReleased   = "code.released"
	EvDoorCommanded  = "door.commanded" // ours: an opening ordered at the socket, committed before its pulse
	EvDoorOpened     = "door.opened"
	EvDoorClosed     = "door.closed"
	EvDoorUnproven   = "door.unproven"
	EvDoorJammed     = "door.jammed"
	EvDoorUncertain  = "door.uncertain"
	EvDoorAjar       = "door.ajar"
	EvDoorForced     = "door.forced"
	EvDoorSettled    = "door.settled" // ours: an opening of unknown outcome is over: somebody has looked, or it had no code and is read shut
	EvDoorOut        = "door.out_of_service"
	EvDoorIn         = "door.in_service"
	EvBoardLost      = "board.lost"
	EvBoardBack      = "board.back"
	EvScannerLost    = "scanner.lost"
	EvScannerBack    = "scanner.back"
	EvItemDelivered  = "item.delivered"
	EvItemCollected  = "item.collected"
	EvItemReturned   = "item.returned"
	EvItemCleared    = "item.cleared"
	EvItemUncertain  = "item.uncertain"
	EvStockChanged   = "stock.changed"
	EvStockLow       = "stock.low"
	EvStockAudited   = "stock.audited" // ours: somebody has looked behind a door
	EvVisitEnded     = "visit.ended"
	EvCodesApplied   = "codes.applied"
	EvConfigApplied  = "config.applied"
	EvConfigRejected = "config.rejected"
	EvTrustApplied   = "trust.applied"
	EvMessageRefused = "message.refused"
	EvCommandDone    = "command.done"
	EvCommandRefused = "command.refused"
	EvCommandFailed  = "command.failed"
	EvCommandUnknown = "command.unknown"
	EvClockChanged   = "clock.changed"
	EvJournalGap     = "journal.gap"
	EvStorageFault   = "storage.fault"
	EvUpdatePrefix   = "update."        // ours: staged, tried, confirmed, rolled_back, abandoned, refused; with version, why, by
	EvBankTamper     = "bank.tamper"    // ours: the tamper switch of a gpio bus
	EvHealthWarning  = "health.warning" // ours: a threshold of daemon/health is passed
	EvHealthCleared  = "health.cleared" // ours: and is not any more
)

// Event is one line of the journal. Only members that are known appear in its
// JSON, in the order of this struct. Seq and Hash are the journal's to give.
type Event struct {
	Seq     uint64     `json:"seq"`
	At      Time       `json:"at"`
	Clock   Clock      `json:"clock"`
	Boot    int64      `json:"boot"`
	UpMS    int64      `json:"up_ms"` // monotonic milliseconds since this boot of lockerd
	Type    string     `json:"type"`
	Visit   string     `json:"visit,omitempty"`
	Scanner string     `json:"scanner,omitempty"`
	Door    DoorID     `json:"door,omitzero"`
	Bus     string     `json:"bus,omitempty"`
	Address *int       `json:"address,omitempty"`
	Code    string     `json:"code,omitempty"`
	Set     string     `json:"set,omitempty"`
	Kind    Kind       `json:"kind,omitempty"`
	Ref     string     `json:"ref,omitempty"`
	Tenant  string     `json:"tenant,omitempty"`
	SKU     string     `json:"sku,omitempty"`
	Serial  string     `json:"serial,omitempty"`
	Cond    Condition  `json:"condition,omitempty"`
	Reason  Reason     `json:"reason,omitempty"`
	Version Scalar     `json:"version,omitzero"` // a program's (text) or a document's (number)
	Cause   string     `json:"cause,omitempty"`
	Level   string     `json:"level,omitempty"`
	By      string     `json:"by,omitempty"`
	Outcome string     `json:"outcome,omitempty"`
	Tries   int        `json:"tries,omitempty"`
	MS      Millis     `json:"ms,omitzero"`
	Cache   *CacheInfo `json:"cache,omitempty"`
	Delta   int        `json:"delta,omitempty"`
	Count   *int       `json:"count,omitempty"`
	Min     *int       `json:"min,omitempty"`
	Epoch   int64      `json:"epoch,omitempty"`
	ID      string     `json:"id,omitempty"`
	Command string     `json:"command,omitempty"`
	Op      string     `json:"op,omitempty"`
	Why     string     `json:"why,omitempty"`
	From    Scalar     `json:"from,omitzero"`
	To      Scalar     `json:"to,omitzero"`
	N       int64      `json:"n,omitempty"`
	Error   string     `json:"error,omitempty"`
	Hash    string     `json:"hash,omitempty"`
}

// CacheInfo says which state of the code cache a decision was made on.
type CacheInfo struct {
	Version int64 `json:"version"`
	AgeS    int64 `json:"age_s"` // seconds since the set was confirmed
}

// Scalar is a member that is a text in one event and a number in another. The
// zero value is absent.
type Scalar struct {
	text  string
	num   int64
	isNum bool
}

// Text returns a text member.
func Text(s string) Scalar { return Scalar{text: s} }

// Number returns a numeric member.
func Number(n int64) Scalar { return Scalar{num: n, isNum: true} }

// IsZero tells whether the member is absent.
func (s Scalar) IsZero() bool { return s == Scalar{} }

// Int returns the number, and whether it is one.
func (s Scalar) Int() (int64, bool) { return s.num, s.isNum }

// String returns the text, or the number in decimal.
func (s Scalar) String() string {
	if s.isNum {
		return strconv.FormatInt(s.num, 10)
	}
	return s.text
}

// MarshalJSON implements json.Marshaler.
func (s Scalar) MarshalJSON() ([]byte, error) {
	if s.isNum {
		return strconv.AppendInt(nil, s.num, 10), nil
	}
	return json.Marshal(s.text)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*s = Scalar{}
		return json.Unmarshal(b, &s.text)
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return fmt.Errorf("cannot read %.20q: want a text or a whole number", b)
	}
	*s = Number(n)
	return nil
}

// Stages are the times of a visit in milliseconds since its scan; nil is a
// stage that was not reached.
type Stages struct {
	Decision *int64 `json:"decision,omitempty"`
	Pulse    *int64 `json:"pulse,omitempty"`
	Open     *int64 `json:"open,omitempty"`
	Close    *int64 `json:"close,omitempty"`
}

// Millis is the member ms: one duration, or in visit.ended the stages of a
// visit. The zero value is absent.
type Millis struct {
	one    int64
	isOne  bool
	stages *Stages
}

// MS returns a duration of n milliseconds.
func MS(n int64) Millis { return Millis{one: n, isOne: true} }

// StageMS returns the stage times of a visit.
func StageMS(s Stages) Millis { return Millis{stages: &s} }

// IsZero tells whether the member is absent.
func (m Millis) IsZero() bool { return !m.isOne && m.stages == nil }

// One returns the single duration in milliseconds, and whether it is one.
func (m Millis) One() (int64, bool) { return m.one, m.isOne }

// Stages returns the stage times, or nil.
func (m Millis) Stages() *Stages { return m.stages }

// MarshalJSON implements json.Marshaler.
func (m Millis) MarshalJSON() ([]byte, error) {
	if m.stages != nil {
		return json.Marshal(m.stages)
	}
	return strconv.AppendInt(nil, m.one, 10), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Millis) UnmarshalJSON(b []byte) error {
	*m = Millis{}
	if len(b) > 0 && b[0] == '{' {
		m.stages = &Stages{}
		return json.Unmarshal(b, m.stages)
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return fmt.Errorf("cannot read ms %.20q: want milliseconds or the stages of a visit", b)
	}
	*m = MS(n)
	return nil
}
