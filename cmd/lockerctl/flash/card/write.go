package card

import (
	"bytes"
	"context"
	"errors"
	"io"

	"lockerd/cmd/lockerctl/flash/fault"
)

// Device is a card that was opened for this purpose alone.
type Device interface {
	io.WriterAt
	// ReadAt reads what the card holds, not what a cache does, of all that was written
	// before the last Sync.
	io.ReaderAt
	// Zero makes n bytes zeros.
	Zero(off, n int64) error
	// Sync returns when all that was written lies on the card.
	Sync() error
	Size() int64
}

// Step is a part of the work, for whoever shows how it goes.
type Step string

// Steps, in their order. Reading is its caller's.
const (
	StepRead   Step = "reading"
	StepBlank  Step = "blanking"
	StepWrite  Step = "writing"
	StepVerify Step = "verifying"
	StepSeed   Step = "seeding"
	StepHead   Step = "finishing"
)

// Job is an image to be put on a card.
type Job struct {
	Plan   *Plan
	Image  io.Reader // from its beginning, once more
	Device Device
	Name   string // of the card, for people
	// Seed is the seed's file on a card, in all its bytes; nil: none. Place finds where it
	// belongs, as File does on the finished card.
	Seed  []byte
	Place func(r io.ReaderAt) ([]Extent, error)
	// Tell is called as the work goes on.
	Tell func(step Step, done, all int64)
}

// Extent is a run of bytes of the card.
type Extent struct{ Off, Len int64 }

// Result is what was done.
type Result struct {
	Written int64 // bytes, with the first unit
	Kept    int64 // zeros of the image that the card had already
	Zeroed  int64 // zeros of the image that were written
}

// State says what a card is left as.
type State int

// States of a card after a failure.
const (
	StateAsWas   State = iota // nothing was written
	StateBlank                // does not boot
	StateUnknown              // nobody knows
)

// String names a state for scripts.
func (s State) String() string {
	switch s {
	case StateAsWas:
		return "as it was"
	case StateBlank:
		return "blank"
	case StateUnknown:
	}
	return "unknown"
}

// FailedError is returned by Write for whatever happened.
type FailedError struct {
	Err   error
	State State
}

// Error implements error.
func (f *FailedError) Error() string { return f.Err.Error() }

// Unwrap returns what happened.
func (f *FailedError) Unwrap() error { return f.Err }

const lies = "the card is bad, or lies about its size: throw it away and take another"

// writer is a Job under way.
type writer struct {
	*Job
	ctx    context.Context //nolint:containedctx // of one call of Write
	head   []byte          // the first unit, kept back
	result Result
	buf    []byte
}

// Write does the job. Its errors are *FailedError.
func Write(ctx context.Context, job *Job) (*Result, error) {
	w := &writer{Job: job, ctx: ctx, buf: make([]byte, Unit)}
	if w.Plan.Size > w.Device.Size() {
		return nil, &FailedError{small(w.Name, w.Device.Size()), StateAsWas}
	}
	between := StateAsWas // what the card is when a step has not begun
	for _, s := range []struct {
		do     func() error
		failed State // what the card is when the step fails
		bound  bool  // it follows the one before, come what may
	}{
		{do: w.blank, failed: StateUnknown},
		{do: w.write, failed: StateBlank},
		{do: w.verify, failed: StateBlank},
		{do: w.seed, failed: StateBlank},
		{do: w.finish, failed: StateUnknown},
		{do: w.seeded, failed: StateUnknown, bound: true},
	} {
		if err := ctx.Err(); err != nil && !s.bound {
			return nil, &FailedError{err, between}
		}
		if err := s.do(); err != nil {
			if s.failed == StateUnknown && w.wipe() == nil {
				s.failed = StateBlank
			}
			return nil, &FailedError{err, s.failed}
		}
		between = StateBlank
	}
	return &w.result, nil
}

func (w *writer) tell(step Step, done, all int64) {
	if w.Tell != nil {
		w.Tell(step, done, all)
	}
}

// failed wraps an error of the card.
func (w *writer) failed(doing string, off int64, err error) error {
	return fault.New("the card or its reader is bad: try another reader, then another card", "cannot %s %s at byte %d: %v", doing, w.Name, off, err)
}

// wipe makes the card one that does not boot: its first sectors before anything else. Where
// the image ends a board may make a file system, and must not find an old one.
func (w *writer) wipe() error {
	size := w.Device.Size()
	first := min(Unit, size)
	tail := max(first, size-Unit)
	behind := min(Unit, size-w.Plan.Size)
	for _, e := range []Extent{{0, min(lead, first)}, {0, first}, {tail, size - tail}, {w.Plan.Size, behind}} {
		if e.Len == 0 {
			continue
		}
		if err := w.Device.Zero(e.Off, e.Len); err != nil {
			return w.failed("blank", e.Off, err)
		}
		if err := w.Device.Sync(); err != nil {
			return w.failed("blank", e.Off, err)
		}
		if err := w.same(e.Off, zeros[:e.Len]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) blank() error {
	w.tell(StepBlank, 0, Unit)
	if err := w.wipe(); err != nil {
		if _, ok := errors.AsType[*differs](err); ok {
			return fault.New("look for its lock switch; a worn out card takes no more writes and says nothing: take another", "cannot write to %s: it keeps its old content", w.Name)
		}
		return err
	}
	w.tell(StepBlank, Unit, Unit)
	return nil
}

// differs is returned where the card gives back something else than was written.
type differs struct{ err *fault.Error }

// Error implements error.
func (d *differs) Error() string { return d.err.Error() }

// Unwrap returns the sentence.
func (d *differs) Unwrap() error { return d.err }

// same compares the card with b.
func (w *writer) same(off int64, b []byte) error {
	got := w.buf[:len(b)]
	if _, err := w.Device.ReadAt(got, off); err != nil {
		return w.failed("read back", off, err)
	}
	if !bytes.Equal(got, b) {
		return w.other(off)
	}
	return nil
}

func (w *writer) other(off int64) error {
	return &differs{fault.New(lies, "cannot trust %s: at byte %d it gives back something else than was written", w.Name, off)}
}

func (w *writer) write() error {
	buf := make([]byte, Unit)
	for i := range w.Plan.chunks {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		off := int64(i) * Unit
		w.tell(StepWrite, off, w.Plan.Size)
		b := buf[:min(Unit, w.Plan.Size-off)]
		n, err := io.ReadFull(w.Image, b)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		if !w.Plan.holds(i, b[:n]) {
			return fault.New("leave the image alone while it is flashed, and try again", "cannot use the image: it has changed while it was being read")
		}
		if i == 0 {
			w.head = bytes.Clone(b)
			continue
		}
		if err := w.put(i, off, b); err != nil {
			return err
		}
	}
	if err := w.mark(); err != nil {
		return err
	}
	w.tell(StepWrite, w.Plan.Size, w.Plan.Size)
	return nil
}

// unfinished fills the first unit while the card is verified. It is no MBR.
var unfinished = bytes.Repeat([]byte("lockerd: this card is not finished, flash it again.             "), Unit/64)

// mark fills the place of what is kept back, and syncs all that was written. On a card with less memory than it says two
// addresses may be one, and what is written to the head in the end would fall on
// something that was verified; this falls on it before, and is found.
func (w *writer) mark() error {
	if _, err := w.Device.WriteAt(unfinished[:len(w.head)], 0); err != nil {
		return w.failed("write to", 0, err)
	}
	if err := w.Device.Sync(); err != nil {
		return w.failed("write to", 0, err)
	}
	return nil
}

// put brings one unit onto the card.
func (w *writer) put(i int, off int64, b []byte) error {
	n := int64(len(b))
	if !w.Plan.chunks[i].zero {
		w.result.Written += n
		if _, err := w.Device.WriteAt(b, off); err != nil {
			return w.failed("write to", off, err)
		}
		return nil
	}
	err := w.same(off, b)
	if _, ok := errors.AsType[*differs](err); !ok {
		w.result.Kept += n
		return err
	}
	w.result.Zeroed += n
	if err := w.Device.Zero(off, n); err != nil {
		return w.failed("write to", off, err)
	}
	return nil
}

func (w *writer) verify() error {
	if err := w.same(0, unfinished[:len(w.head)]); err != nil {
		return err
	}
	for i := 1; i < len(w.Plan.chunks); i++ {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		off := int64(i) * Unit
		w.tell(StepVerify, off, w.Plan.Size)
		b := w.buf[:min(Unit, w.Plan.Size-off)]
		if _, err := w.Device.ReadAt(b, off); err != nil {
			return w.failed("read back", off, err)
		}
		if !w.Plan.holds(i, b) {
			return w.other(off)
		}
	}
	w.tell(StepVerify, w.Plan.Size, w.Plan.Size)
	return nil
}

// finish writes the first unit, its first sectors last.
func (w *writer) finish() error {
	w.tell(StepHead, 0, 1)
	w.result.Written += int64(len(w.head))
	first := min(lead, len(w.head))
	for _, e := range []struct {
		off int
		b   []byte
	}{{first, w.head[first:]}, {0, w.head[:first]}} {
		if len(e.b) == 0 {
			continue
		}
		if _, err := w.Device.WriteAt(e.b, int64(e.off)); err != nil {
			return w.failed("write to", int64(e.off), err)
		}
		if err := w.Device.Sync(); err != nil {
			return w.failed("write to", int64(e.off), err)
		}
		if err := w.same(int64(e.off), e.b); err != nil {
			return err
		}
	}
	w.tell(StepHead, 1, 1)
	return nil
}
