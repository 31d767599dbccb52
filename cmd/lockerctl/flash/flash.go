package flash

import (
	"context"
	"errors"
	"io"
	"os"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/flash/image"
	"lockerd/cmd/lockerctl/flash/volume"
)

// work is one card being flashed.
type work struct {
	*call
	path  string
	disk  *disk.Disk // nil: a file
	image *image.Image
	plan  *card.Plan
	seed  *seedFile // nil: none
	dev   target
	shown *progress
}

// flash does it all: whatever can be refused is, before the card is touched.
func (c *call) flash(ctx context.Context, imagePath, path string) error {
	var err error
	w := &work{call: c, path: path, shown: newProgress(c.env)}
	defer w.shown.end()
	if w.disk, err = c.find(path); err != nil {
		return err
	}
	if w.image, err = image.Open(imagePath); err != nil {
		return err
	}
	if err := w.apart(); err != nil {
		return err
	}
	if w.seed, err = c.readSeed(ctx); err != nil {
		return interrupted(err)
	}
	if w.dev, err = c.open(path); err != nil {
		return unopened(path, err)
	}
	defer w.dev.Close() //nolint:errcheck // closed before it is called whole
	if err := w.readImage(ctx); err != nil {
		return interrupted(err)
	}
	if err := w.confirm(ctx); err != nil {
		return interrupted(err)
	}
	done, err := w.write(ctx)
	if err != nil {
		return interrupted(err)
	}
	if err := w.dev.Close(); err != nil {
		return &card.FailedError{Err: fault.New("flash it again", "cannot close %s: %v", path, err), State: card.StateUnknown}
	}
	w.shown.end()
	return w.tell(done)
}

// apart refuses to write an image over itself.
func (w *work) apart() error {
	a, err := os.Stat(w.image.Path)
	if err != nil {
		return fault.New("leave the image where it is", "cannot read the image: %v", err)
	}
	b, err := os.Stat(w.path)
	if err == nil && os.SameFile(a, b) {
		return fault.New("the card stands behind the image: lockerctl flash IMAGE CARD", "cannot flash %s: it is the image", w.path)
	}
	return nil
}

// readImage reads the image to its end, checks it, and looks whether the seed will have
// its place.
func (w *work) readImage(ctx context.Context) error {
	s, err := w.image.Read(true)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	r := &watched{s: s, tell: func() { w.shown.tell(card.StepRead, s.Taken(), w.image.Bytes) }}
	if w.plan, err = card.Read(ctx, r, w.dev.Size(), w.path); err != nil {
		return err
	}
	w.shown.tell(card.StepRead, w.image.Bytes, w.image.Bytes)
	r2, err := w.image.Random()
	if err != nil {
		return err
	}
	defer r2.Close() //nolint:errcheck // only read
	if err := w.bootable(r2); err != nil {
		return err
	}
	if w.seed == nil {
		return nil
	}
	_, err = w.place(r2)
	return err
}

// watched tells of each reading.
type watched struct {
	s    *image.Stream
	tell func()
}

// Read implements io.Reader.
func (r *watched) Read(p []byte) (int, error) {
	n, err := r.s.Read(p)
	r.tell()
	return n, err
}

// bootable refuses what is no card's image, or less than one.
func (w *work) bootable(r io.ReaderAt) error {
	_, err := volume.Partitions(r, w.plan.Size)
	if short, ok := errors.AsType[*volume.ShortError](err); ok {
		return fault.New("fetch the image again", "cannot use the image: %s is cut short: %v", w.image.Path, short)
	}
	if err != nil {
		return fault.New("is it the image of a card? fetch it again", "cannot use the image: %s is not one: %v", w.image.Path, err)
	}
	return nil
}

// write puts it on the card.
func (w *work) write(ctx context.Context) (*card.Result, error) {
	s, err := w.image.Read(false)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // only read
	job := &card.Job{Plan: w.plan, Image: s, Device: w.dev, Name: w.path, Tell: w.shown.tell}
	if w.seed != nil {
		job.Seed, job.Place = w.seed.bytes, w.place
	}
	done, err := card.Write(ctx, job)
	if err == nil {
		_ = w.dev.Reread() // a card that is plugged in again is read again
	}
	return done, err
}

// interrupted gives the sentence for what a person has ended.
func interrupted(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	f := fault.New("run it again", "stopped")
	if failed, ok := errors.AsType[*card.FailedError](err); ok {
		return &card.FailedError{Err: f, State: failed.State}
	}
	return &card.FailedError{Err: f, State: card.StateAsWas}
}
