package uplink

import "time"

// Bounds of a connection.
const (
	ConnectTimeout = 30 * time.Second // to dial, to shake hands, to each answer until the birth is taken
	StopTimeout    = 2 * time.Second  // for the death and the goodbye of a clean stop
	PubackTimeout  = time.Minute      // for the broker to take a publish, or a repeated subscription; then the connection ends
	// SubscribeEvery is how often a connection subscribes again, and publishes its
	// birth behind it: a broker that has lost the subscription or the birth, and
	// nothing else, would leave the bank deaf or unknown for as long as the
	// connection lives.
	SubscribeEvery = 10 * time.Minute

	BackoffMin = time.Second     // between two connections at least
	BackoffMax = 5 * time.Minute // and at most; in between chance decides
	// StableAfter is how long a connection must have lasted for the next back-off
	// to begin anew.
	StableAfter = time.Minute
)

// Bounds of what is in flight. A publish waits for its turn.
const (
	MaxEventPublishes = 16 // of up/events the broker has not taken
	MaxOtherPublishes = 16 // of all else
	// MaxBulkPublishes is of what may wait: the next piece is only sent when the
	// broker has taken the last one, and every event.
	MaxBulkPublishes = 1
	BulkEvery        = 100 * time.Millisecond // between two pieces at least
)

// Bounds of what comes in.
const (
	InboundMessages = 256
	InboundBytes    = 4 << 20
	// MaxDown is the contract's bound of a message. A larger one is handed on cut
	// off one byte behind it, for the bank to refuse as too large.
	MaxDown = 64 << 10
	// MaxPacket is what is read of one packet at all.
	MaxPacket = 256 << 10
	// RebirthEvery is the least time between two births of one connection.
	RebirthEvery = 30 * time.Second
)

// Least times between two snapshots (contract 6).
const (
	StockEvery = time.Second
	DoorsEvery = 5 * time.Second
)

// BlameWithin is how soon after a publish of events a connection must end for
// the events to be suspected.
const BlameWithin = 10 * time.Second
