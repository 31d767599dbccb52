package card

import (
	"bytes"
	"context"
	"errors"
	"io"

	"lockerd/cmd/lockerctl/flash/fault"
)

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
