package flash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/device"
	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/flash/image"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/cmd/lockerctl/ui"
)

// result is what was done, for scripts.
type result struct {
	Card   string  `json:"card"`
	Image  string  `json:"image"`
	SHA256 string  `json:"sha256,omitempty"` // of the image's file, where IMAGE.sha256 said it
	Bytes  int64   `json:"bytes"`            // of the image, all read back from the card
	Wrote  int64   `json:"wrote"`
	Kept   int64   `json:"kept"`   // zeros that were there already
	Zeroed int64   `json:"zeroed"` // zeros that were not
	Seed   *seeded `json:"seed,omitempty"`
}

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
func (c *call) flash(ctx context.Context, imagePath, path string) (err error) {
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
	if w.seed, err = c.readSeed(); err != nil {
		return err
	}
	if w.dev, err = c.open(path); err != nil {
		return unopened(path, err)
	}
	defer func() {
		if cerr := w.dev.Close(); err == nil && cerr != nil {
			err = fault.New("flash it again", "cannot close %s: %v", path, cerr)
		}
	}()
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
	w.shown.end()
	return w.tell(done)
}

// find looks at a card and judges it; a file has no disk.
func (c *call) find(path string) (*disk.Disk, error) {
	const cure = "lockerctl flash --list shows the cards of this machine"
	number, block, err := c.look(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(cure, "cannot flash %s: there is no such card", path)
	case err != nil:
		return nil, fault.New(cure, "cannot flash %s: %v", path, err)
	case !block:
		return nil, nil //nolint:nilnil // said above
	}
	d, err := c.system.Find(number)
	if part, ok := errors.AsType[*disk.PartError](err); ok {
		return nil, fault.New("name the whole card: "+part.Disk, "cannot flash %s: it is a partition", path)
	}
	if err != nil {
		return nil, fault.New(cure, "cannot flash %s: %v", path, err)
	}
	if r := d.Refusal(c.largest); r != nil {
		return nil, r
	}
	return d, nil
}

// look tells what a path is: a disk with its number, or a file.
func look(path string) (n disk.Number, block bool, err error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return n, false, err
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return disk.NumberOf(&s), true, nil
	case unix.S_IFREG:
		return n, false, nil
	}
	return n, false, errors.New("it is neither a card nor a file")
}

func unopened(path string, err error) error {
	switch {
	case errors.Is(err, device.ErrBusy):
		return fault.New("something uses it that can't be seen from here (a mount of another container, a second lockerctl): end that", "cannot flash %s: it is in use", path)
	case errors.Is(err, fs.ErrPermission):
		return fault.New("run it as root: sudo lockerctl flash ...; if it is root already, look for the card's lock switch", "cannot flash %s: it may not be opened for writing", path)
	case errors.Is(err, unix.EROFS):
		return fault.New("look for the card's lock switch, or take another reader", "cannot flash %s: it is read-only", path)
	case errors.Is(err, unix.ENOMEDIUM):
		return fault.New("put a card into it", "cannot flash %s: there is no card in it", path)
	}
	return fault.New("plug it out and in again", "cannot flash %s: %v", path, err)
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

// tell says what was done.
func (w *work) tell(done *card.Result) error {
	r := result{Card: w.path, Image: w.image.Path, SHA256: w.image.Sum, Bytes: w.plan.Size, Wrote: done.Written, Kept: done.Kept, Zeroed: done.Zeroed}
	if w.seed != nil {
		r.Seed = &w.seed.told
	}
	if w.json {
		return json.NewEncoder(w.out).Encode(r)
	}
	p := &ui.Page{W: w.out}
	p.Line("%s is whole: %s, all read back from it (%s written, %s zeroed, %s zero already)", w.path, fault.Bytes(r.Bytes), fault.Bytes(r.Wrote), fault.Bytes(r.Zeroed), fault.Bytes(r.Kept))
	if r.Seed != nil {
		p.Line("it will be %s (%s), if it enrols before %s", r.Seed.Bank, ui.Clean(r.Seed.Site), r.Seed.Expires)
	} else {
		p.Line("it has no seed: the board will be nobody until somebody tells it")
	}
	if w.disk != nil {
		p.Line("take it out")
	}
	return nil
}

// word is what a person types to confirm.
func (w *work) word() string {
	if w.disk != nil {
		return w.disk.Name
	}
	return filepath.Base(w.path)
}

// what describes card, image and seed before anything is written.
func (w *work) what() string {
	var b strings.Builder
	if w.disk != nil {
		fmt.Fprintf(&b, "card   %s\n", describe(w.disk))
		for _, p := range w.disk.Parts {
			fmt.Fprintf(&b, "       %s %s\n", p.Name, fault.Bytes(p.Size))
		}
	} else {
		fmt.Fprintf(&b, "card   %s, a file of %s\n", w.path, fault.Bytes(w.dev.Size()))
	}
	checked := "no .sha256 beside it"
	if w.image.Sum != "" {
		checked = "SHA-256 as it should be"
	}
	fmt.Fprintf(&b, "image  %s, %s, %s of it not zero; %s\n", w.image.Path, fault.Bytes(w.plan.Size), fault.Bytes(w.plan.Data), checked)
	if w.seed != nil {
		fmt.Fprintf(&b, "seed   %s, %s; must enrol before %s\n", w.seed.told.Bank, ui.Clean(w.seed.told.Site), w.seed.told.Expires)
	} else {
		b.WriteString("seed   none\n")
	}
	return b.String()
}
