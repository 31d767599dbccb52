package scanner

import (
	"bytes"
	"fmt"
	"time"
)

// Bounds of framing.
const (
	// Silence ends a frame of a scanner without suffix.
	Silence = 60 * time.Millisecond
	// MaxPause is the longest pause inside a frame with suffix; what stood
	// before a longer one is half a frame, and is thrown away.
	MaxPause = time.Second
	// maxFrame bounds a frame: the longest text with what Clean takes off it,
	// a few spaces included.
	maxFrame = MaxText + 64
)

// Frame is what stood between two suffixes.
type Frame struct {
	Bytes   []byte    // without the suffix; nil when TooLong
	TooLong bool      // more than a frame can hold: all of it up to the next suffix is gone
	At      time.Time // when its last byte, or its suffix, was read
}

// Framer cuts the bytes of one scanner into frames. It has no clock: every call
// brings the time. It holds at most one frame, and is not safe for concurrent
// use.
type Framer struct {
	suffix  byte // 0: silence
	pending []byte
	last    time.Time // when the last byte was read
	tooLong bool      // throwing away up to the next suffix
	afterCR bool      // the next byte may be the \n of a \r\n
}

// NewFramer returns a framer for a suffix: "\r" (takes "\r\n" too), "\n",
// "\t", or "" for silence.
func NewFramer(suffix string) (*Framer, error) {
	switch suffix {
	case "":
		return &Framer{}, nil
	case "\r", "\n", "\t":
		return &Framer{suffix: suffix[0]}, nil
	}
	return nil, fmt.Errorf(`cannot frame by suffix %q: use "\r", "\n", "\t", or "" for silence`, suffix)
}

// Feed takes what was read at a time and returns the frames it completes.
func (f *Framer) Feed(at time.Time, data []byte) []Frame {
	frames := f.Expire(at)
	for len(data) > 0 {
		data = f.skipLF(data)
		part, rest, ended := f.cut(data)
		f.hold(part)
		if ended {
			frames = append(frames, f.end(at))
			f.afterCR = f.suffix == '\r'
		}
		data = rest
		f.last = at
	}
	return frames
}

// Deadline returns when Expire has something to do unless bytes come before;
// the zero time if nothing is pending.
func (f *Framer) Deadline() time.Time {
	if len(f.pending) == 0 && !f.tooLong {
		return time.Time{}
	}
	return f.last.Add(f.patience())
}

// Expire ends what is pending if the deadline has passed: a frame, for a
// scanner without suffix; half a frame that is dropped, for others.
func (f *Framer) Expire(at time.Time) []Frame {
	deadline := f.Deadline()
	if deadline.IsZero() || at.Before(deadline) {
		return nil
	}
	frame := f.end(f.last)
	if f.suffix != 0 {
		return nil
	}
	frame.Bytes = trimLineEnd(frame.Bytes)
	return []Frame{frame}
}

// Pending returns what has come of a frame whose end is missing.
func (f *Framer) Pending() string { return string(f.pending) }

// Reset forgets what is pending, for a device that was unplugged.
func (f *Framer) Reset() { f.pending, f.tooLong, f.afterCR = f.pending[:0], false, false }

func (f *Framer) patience() time.Duration {
	if f.suffix == 0 {
		return Silence
	}
	return MaxPause
}

// skipLF drops the second half of a "\r\n".
func (f *Framer) skipLF(data []byte) []byte {
	if f.afterCR && data[0] == '\n' {
		data = data[1:]
	}
	f.afterCR = false
	return data
}

// cut splits data at the first suffix.
func (f *Framer) cut(data []byte) (part, rest []byte, ended bool) {
	if f.suffix == 0 {
		return data, nil, false
	}
	return bytes.Cut(data, []byte{f.suffix})
}

// hold keeps a part of a frame, unless the frame gets too long with it.
func (f *Framer) hold(part []byte) {
	if f.tooLong || len(f.pending)+len(part) > maxFrame {
		f.tooLong, f.pending = true, f.pending[:0]
		return
	}
	f.pending = append(f.pending, part...)
}

// end takes the pending frame out.
func (f *Framer) end(at time.Time) Frame {
	frame := Frame{TooLong: f.tooLong, At: at}
	if !f.tooLong {
		frame.Bytes = bytes.Clone(f.pending)
	}
	f.Reset()
	return frame
}

// trimLineEnd takes off the one suffix that a scanner may send though none was
// configured.
func trimLineEnd(b []byte) []byte {
	for _, end := range []string{"\r\n", "\r", "\n", "\t"} {
		if rest, ok := bytes.CutSuffix(b, []byte(end)); ok {
			return rest
		}
	}
	return b
}
