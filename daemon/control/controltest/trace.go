package controltest

import (
	"context"
	"sync"
	"time"

	"lockerd/hal"
)

// Line is the trace of a bus that is none: some frames of a xor8a board, and
// what is added. It is safe for concurrent use.
type Line struct {
	onWait func()

	mu     sync.Mutex
	frames []hal.Frame
	more   chan struct{} // closed and renewed with each frame
}

var _ hal.Tracer = (*Line)(nil)

// NewLine returns a line with five frames. OnWait, if there is one, is called
// when Traced begins to wait.
func NewLine(onWait func()) *Line {
	l := &Line{onWait: onWait, more: make(chan struct{})}
	l.Add(hal.FrameRequest, []byte{0x80, 1, 0, 0x33, 0xB2}, "read board 1")
	l.Add(hal.FrameReply, []byte{0x80, 1, 1, 1, 1, 0x33, 0xB3}, "open 2 3")
	l.Add(hal.FrameGarbage, []byte{0xFF}, "no frame of the family: 1 bytes")
	l.Add(hal.FrameRequest, []byte{0x8A, 1, 1, 0x11, 0x9B}, "open board 1 lock 1")
	l.Add(hal.FrameSilence, nil, "no reply within 300ms")
	return l
}

// Add appends a frame, seven milliseconds after the one before.
func (l *Line) Add(kind string, frame []byte, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := Now.Time().Add(time.Duration(len(l.frames)) * 7 * time.Millisecond)
	l.frames = append(l.frames, hal.Frame{Seq: uint64(len(l.frames) + 1), At: at, Kind: kind, Bytes: frame, Text: text})
	close(l.more)
	l.more = make(chan struct{})
}

// Trace implements hal.Tracer.
func (l *Line) Trace(from uint64, most int) []hal.Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	begin := min(max(from, 1)-1, uint64(len(l.frames)))
	rest := l.frames[begin:]
	return append([]hal.Frame(nil), rest[:min(most, len(rest))]...)
}

// Traced implements hal.Tracer.
func (l *Line) Traced(ctx context.Context, next uint64) error {
	l.mu.Lock()
	there, more := uint64(len(l.frames)) >= next, l.more
	l.mu.Unlock()
	if there {
		return nil
	}
	if l.onWait != nil {
		l.onWait()
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
