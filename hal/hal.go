// Package hal is what the bank sees of its hardware: buses that pulse locks and
// report what the feedback switches say.
//
// A Bus never decides anything and never repeats a pulse by itself. Its methods
// do not block; everything that comes of them reaches the Sink, in the order in
// which it happened on the wire. A driver brings every relay to its inert state
// (off) when it starts, when it stops and after an error, and lets the board
// time the pulse wherever the board can.
//
// hal and everything below it import nothing of ours but daemon/locker, and
// not even that where they need not: a bus knows addresses and channels, the
// bank knows which door they are.
package hal

import (
	"errors"
	"time"
)

// Lock is one lock of a bus: the address of its board and the channel on it,
// counted from 1.
type Lock struct {
	Address int
	Channel int
}

// State is what a feedback switch says, polarity already taken out.
type State uint8

// States.
const (
	Unknown State = iota // not read, or the board is silent
	Closed
	Open
)

// String returns unknown, closed or open.
func (s State) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Closed:
		return "closed"
	case Open:
		return "open"
	}
	return "invalid"
}

// Unlock is one request to pulse one lock once.
type Unlock struct {
	ID    uint64 // given back in Pulsed
	Lock  Lock
	Pulse time.Duration // wished length, at most a second; families round it up to what they can do
	// Expires is when the request is worthless: a frame that has not begun by
	// then is not sent, and Pulsed says ErrNotSent. Nothing stale ever fires.
	Expires time.Time
}

// Pulsed is what became of an Unlock. Err is nil (the board acknowledged, or
// its family acknowledges nothing) or wraps one of the sentinels below.
type Pulsed struct {
	ID   uint64
	Lock Lock
	At   time.Time // when the first byte of the frame was handed to the line; zero if none was
	Err  error
}

var (
	// ErrNotSent is returned when not one byte of the request has left: nothing
	// can have moved.
	ErrNotSent = errors.New("not sent")
	// ErrNoReply is returned when the request has left and no valid reply came:
	// the lock may have moved.
	ErrNoReply = errors.New("no reply")
	// ErrRefused is returned when the board answered and said no.
	ErrRefused = errors.New("refused by the board")
)

// Observed is one status read of one board that succeeded.
type Observed struct {
	Address int
	Begun   time.Time // when the first byte of the request was handed to the line
	States  []State   // by channel, States[0] is channel 1; not to be changed by anyone
}

// Board tells that a board fell silent or answers again. Every board is
// reported once after the start, as answering or lost, whichever comes first.
type Board struct {
	Address int
	Lost    bool
	Err     error // why, when lost
}

// Sink takes what a bus has to say. Calls come from the bus's own goroutine,
// one at a time; they may block shortly but must not call back into the bus.
type Sink interface {
	Pulsed(bus string, p Pulsed)
	Observed(bus string, o Observed)
	Board(bus string, b Board)
}

// Bus is one chain of lock boards.
type Bus interface {
	// Unlock queues a pulse ahead of all status reads. Not more than one may be
	// outstanding for a lock; what exceeds the queue is answered ErrNotSent.
	Unlock(u Unlock)
	// Focus asks that the board be read as often as the line allows until the
	// given time, instead of once in a sweep.
	Focus(address int, until time.Time)
	// Stats returns counters since the start.
	Stats() Stats
	// Close brings all relays to rest, as far as the boards still answer, and
	// releases the port. It returns within two seconds.
	Close() error
}

// Stats are counters of a bus since its start.
type Stats struct {
	Port      string `json:"port"`
	Up        bool   `json:"up"`         // the port is open
	Requests  uint64 `json:"requests"`   // frames sent
	Replies   uint64 `json:"replies"`    // valid replies to them
	Timeouts  uint64 `json:"timeouts"`   // requests without one
	Garbage   uint64 `json:"garbage"`    // bytes thrown away while looking for a frame
	Foreign   uint64 `json:"foreign"`    // valid frames that answered another request: late, another board, another lock
	Echoes    uint64 `json:"echoes"`     // own requests heard back
	Reopened  uint64 `json:"reopened"`   // times the port came back
	SweepMS   int64  `json:"sweep_ms"`   // length of the last full sweep
	LastError string `json:"last_error"` // of the port or of a board, in words
}

// Config is one bus as its driver gets it.
type Config struct {
	Name         string
	Driver       string
	Port         string        // stable name; opened again by it after an unplug
	Baud         int           // 0: the family's own
	RS485        bool          // the port's driver switches the line's direction (TIOCSRS485)
	ReplyTimeout time.Duration // from the request's last byte to the reply's last
	Poll         time.Duration // wished period of a full status sweep
	Coils        int           // locks pulsed at one time on this bus
	Pulse        time.Duration // configured pulse, for families that must be told in advance
	Boards       []BoardConfig
	Profile      map[string]string // family keys of [bus.profile] that were given, as text: closed_bit = "1"
}

// BoardConfig is one board of a bus.
type BoardConfig struct {
	Address  int
	Channels int
}
