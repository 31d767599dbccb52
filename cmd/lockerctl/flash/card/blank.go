package card

import (
	"errors"

	"lockerd/cmd/lockerctl/flash/fault"
)

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
