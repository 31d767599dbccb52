package card

import (
	"bytes"

	"lockerd/cmd/lockerctl/flash/fault"
)

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
