package hal

import (
	"context"
	"time"
)

// What a frame of a trace was.
const (
	FrameRequest = "request" // sent
	FrameReply   = "reply"   // to the request before it
	FrameForeign = "foreign" // valid, but no reply to that: late, another board's
	FrameReport  = "report"  // said unasked by a board
	FrameEcho    = "echo"    // a request heard back
	FrameGarbage = "garbage" // bytes that are no frame
	FrameSilence = "silence" // no bytes: a request that was not answered
)

// Frame is one thing that went over the line of a bus.
type Frame struct {
	Seq   uint64 // from 1, without holes
	At    time.Time
	Kind  string
	Bytes []byte // as far as they are kept
	Text  string // what they mean in the family's words; "" if nothing
}

// Tracer is a bus that remembers what went over its line: the newest frames, as
// many as it has room for. Its methods may be called by anyone at any time.
type Tracer interface {
	// Trace returns at most that many frames with Seq >= from, oldest first.
	Trace(from uint64, most int) []Frame
	// Traced blocks until there is a frame with Seq >= next, or ctx ends.
	Traced(ctx context.Context, next uint64) error
}
