package card

import (
	"bytes"
	"io"
	"slices"

	"lockerd/cmd/lockerctl/flash/fault"
)

// finished is the card as it will be: with the first unit that is kept back.
type finished struct{ w *writer }

// ReadAt implements io.ReaderAt.
func (f finished) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(f.w.head)) {
		n = copy(p, f.w.head[off:])
	}
	if n == len(p) {
		return n, nil
	}
	more, err := f.w.Device.ReadAt(p[n:], off+int64(n))
	return n + more, err
}

var _ io.ReaderAt = finished{}

const seedCure = "the image has no sound place for a seed: take another image, or --no-seed"

// seed overwrites the place of the seed.
func (w *writer) seed() error {
	if w.Seed == nil {
		return nil
	}
	w.tell(StepSeed, 0, int64(len(w.Seed)))
	place, err := w.place(finished{w})
	if err != nil {
		return err
	}
	rest := w.Seed
	for _, e := range place {
		b := rest[:e.Len]
		rest = rest[e.Len:]
		inHead := 0
		if e.Off < int64(len(w.head)) {
			inHead = copy(w.head[e.Off:], b)
		}
		if b = b[inHead:]; len(b) == 0 {
			continue
		}
		if _, err := w.Device.WriteAt(b, e.Off+int64(inHead)); err != nil {
			return w.failed("write the seed to", e.Off, err)
		}
	}
	if err := w.Device.Sync(); err != nil {
		return w.failed("write the seed to", 0, err)
	}
	if err := w.readSeed(finished{w}); err != nil {
		return err
	}
	w.tell(StepSeed, int64(len(w.Seed)), int64(len(w.Seed)))
	return nil
}

// place finds where the seed belongs.
func (w *writer) place(r io.ReaderAt) ([]Extent, error) {
	place, err := w.Place(r)
	if err != nil {
		return nil, err
	}
	n := int64(0)
	for _, e := range place {
		if e.Off < 0 || e.Len < 0 || e.Off+e.Len > w.Plan.Size {
			return nil, fault.New(seedCure, "cannot put the seed on %s: its place lies outside of the image", w.Name)
		}
		n += e.Len
	}
	if n != int64(len(w.Seed)) {
		return nil, fault.New(seedCure, "cannot put the seed on %s: its place has %d bytes, it needs %d", w.Name, n, len(w.Seed))
	}
	return place, nil
}

// readSeed finds the seed as a board will, and compares it.
func (w *writer) readSeed(r io.ReaderAt) error {
	place, err := w.place(r)
	if err != nil {
		return err
	}
	var got []byte
	for _, e := range place {
		at := len(got)
		got = slices.Grow(got, int(e.Len))[:at+int(e.Len)]
		if _, err := r.ReadAt(got[at:], e.Off); err != nil {
			return w.failed("read back the seed from", e.Off, err)
		}
	}
	if !bytes.Equal(got, w.Seed) {
		return fault.New(lies, "cannot trust %s: it gives back another seed than was written", w.Name)
	}
	return nil
}

// seeded reads the seed from the finished card.
func (w *writer) seeded() error {
	if w.Seed == nil {
		return nil
	}
	return w.readSeed(w.Device)
}
