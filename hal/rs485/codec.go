package rs485

import (
	"time"

	"lockerd/hal"
)

// Verdict is what a codec makes of the first bytes that came after a request.
type Verdict uint8

// Verdicts.
const (
	More    Verdict = iota // a frame may have begun here, but its end is missing
	Garbage                // no frame begins here: these bytes are to be skipped
	Foreign                // a valid frame, but of another board, function or lock
	Reply                  // the answer to this request, whole and checked
)

// Answer is what a reply said.
type Answer struct {
	States  []hal.State // by channel; nil if the reply carries no states
	Refused string      // in the board's terms; empty if it did as it was told
	Data    []byte      // payload, for Request.Then
	// Reported comes with Foreign: a board told unasked that this lock's state
	// has changed. Channel 0: none did.
	Reported hal.Lock
}

// Request is one frame to one board and how to know its reply. It is not to be
// changed once it is made; one request may be sent many times.
type Request struct {
	Bytes []byte
	// Parse judges the beginning of buf and says how many bytes it has judged;
	// none with More. It is pure and keeps nothing of buf.
	Parse func(buf []byte) (int, Verdict, Answer)
	// Grace is how much later than usual the reply may come, because the board
	// does its work first. With Optional, where nobody waits for that: how long
	// after the request its reply may come and pass for that of another, so
	// that the board is left alone meanwhile; 0 if it can't.
	Grace time.Duration
	// Pulse is how long the lock is under power: what the board will do, not
	// what was wished.
	Pulse time.Duration
	// Twin says that a valid reply may equal the request byte by byte, so that
	// a line that echoes can forge it.
	Twin bool
	// Optional says that the family promises no reply: silence proves nothing.
	Optional bool
	// Note is logged when a request of Start or Inert was answered: what was
	// wrong with the board. "": nothing was.
	Note string
	// Then gives what must follow in view of the reply, at most once.
	Then func(Answer) []Request
}

// Codec knows the frames of one family of boards. Its methods are pure.
type Codec interface {
	Limits() Limits
	// Unlock makes the request for one pulse of one lock, timed by the board.
	// It refuses a lock or a length that the family cannot do.
	Unlock(lock hal.Lock, pulse time.Duration) (Request, error)
	// Status reads the feedback of all channels of a board.
	Status(b hal.BoardConfig) Request
	// Probe is a read whose reply can never equal its request, so that a line
	// that echoes is found out by it.
	Probe(b hal.BoardConfig) Request
	// Start brings a board that has just been found to rest and into the mode
	// it must have. Empty for boards that time their pulses and know no other.
	Start(b hal.BoardConfig) []Request
	// Words says what a whole frame of the family means, whoever sent it, for
	// who reads a trace.
	Words(frame []byte) string
	// Inert puts all relays of a board off.
	Inert(b hal.BoardConfig) []Request
}

// Limits are what a family can do, for checking a configuration without
// hardware.
type Limits struct {
	Family     string
	AddressMin int
	AddressMax int
	Reserved   []int         // addresses in between that mean something else
	Channels   int           // most on one board
	PulseMin   time.Duration // shortest pulse; 0: none is too short
	PulseMax   time.Duration // longest pulse
	PulseCure  string        // what to do about any other
	Baud       int           // the family's own
	// Gap is how many bits of silence the family needs between frames. Reads
	// leave two characters in any case; an unlock leaves no more than this.
	Gap int
	// Agree is how many reads of a board in a row must say the same before that
	// is passed on: more than one where no checksum guards a reply. Until they
	// do the board is read as if it were in focus. 0: one.
	Agree int
	// Reports says that boards speak unasked (Answer.Reported), so that the line
	// is to be listened to between exchanges.
	Reports bool
	Profile map[string][]string
}
