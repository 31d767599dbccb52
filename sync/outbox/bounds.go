package outbox

import "time"

// Bounds of contract 6.4.
const (
	Window    = 4        // batches sent and not acknowledged
	MaxEvents = 50       // in one batch
	MaxBytes  = 16 << 10 // of one batch of more than one event, envelope included
	// MaxAlone is what a batch of one larger event may have. In the place of an
	// event beyond it goes a journal.gap with its seq and hash: the chain and all
	// later events stay whole, and the event stays in the journal, for
	// lockerctl events.
	MaxAlone = 64 << 10
)

// Bounds of repetition.
const (
	DefaultAckTimeout = 5 * time.Second
	// MaxAckTimeout is where the doubling ends. There the window shrinks to one
	// batch until an acknowledgement comes: a broker without backend costs
	// 23 MB a day instead of 92.
	MaxAckTimeout = 60 * time.Second
	// ReadRetry is how long a journal that can't be read is left alone.
	ReadRetry = 10 * time.Second
)

// A broker may answer a publish that it does not like by ending the connection.
// Then the same batch would end each connection for ever, and with it what
// comes down. Tries connections that a batch has ended are a step: from its
// batch to its events one by one, from one event to a journal.gap in its place,
// and from there to Hold, in which no event is sent and the rest of the session
// goes on. After it the event and its gap have one more try each: a broker that took
// no event at all may now dislike one only.
//
// Where events go one by one, each connection must first live for DefaultQuiet
// without any: one that ends meanwhile shows that connections end for something
// else, and the count begins anew. Without that a link that was merely bad had now
// and then an event given up for a gap.
const (
	Tries        = 3
	DefaultQuiet = 10 * time.Second
	Hold         = 10 * time.Minute
)
