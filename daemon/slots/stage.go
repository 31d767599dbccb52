package slots

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	programMode = 0o755
	// spare is what staging leaves free: the store needs room before an update does.
	spare = 16 << 20
	// chunk is read and written at a time; the disk is synced each syncEvery, so that
	// a commit of the store never waits behind a whole program.
	chunk     = 64 << 10
	syncEvery = 1 << 20
)

// Put stages a program: it empties the free slot, writes r there, syncs it, reads it
// back and compares size and digest. Then the update is verified, and Arm may order its
// trial. After an error the update is abandoned and the slot empty.
func (d *Dir) Put(p Program, r io.Reader, now time.Time) error {
	s, err := d.Change(func(s State) (State, error) { return s.Begin(p, now) })
	if err != nil {
		return err
	}
	if err = d.fill(s.Trial.Slot, p, r); err == nil {
		_, err = d.Change(State.Verify)
	}
	if err == nil {
		return nil
	}
	d.empty(s.Trial.Slot)
	_, aerr := d.Change(func(s State) (State, error) { return s.Abandon(err.Error(), now), nil })
	return errors.Join(err, aerr)
}

// empty makes room; what can't be removed the next Put writes over.
func (d *Dir) empty(slot Slot) {
	_ = os.Remove(d.Program(slot) + tmpSuffix)
	_ = os.Remove(d.Program(slot))
}

// EndInterrupted abandons an update whose order was cut short by the end of the process
// that carried it out: without it nobody would ever say how that update has ended.
// It is for the next process, before it takes orders itself.
func (d *Dir) EndInterrupted(now time.Time) error {
	s, _, err := d.Load()
	if err != nil || !s.interrupted() {
		return err
	}
	if _, err = d.Change(func(s State) (State, error) {
		return s.Abandon("the power or lockerd went while it was being staged: order it again", now), nil
	}); err != nil {
		return err
	}
	d.empty(s.Trial.Slot)
	return nil
}

func (d *Dir) fill(slot Slot, p Program, r io.Reader) error {
	path := d.Program(slot)
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fmt.Errorf("cannot make slot %s: %w", slot, err)
	}
	d.step("remove " + string(slot) + "/lockerd")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot empty slot %s: %w", slot, err)
	}
	if err := d.room(p.Size); err != nil {
		return err
	}
	if err := d.copyIn(path+tmpSuffix, p, r); err != nil {
		return err
	}
	d.step("rename " + string(slot) + "/lockerd.tmp")
	if err := os.Rename(path+tmpSuffix, path); err != nil {
		return fmt.Errorf("cannot put the program into slot %s: %w", slot, err)
	}
	if err := errors.Join(d.syncDir(filepath.Dir(path)), d.syncDir(d.Path)); err != nil {
		return err
	}
	return d.Check(slot, p)
}

// room refuses to begin what the disk can't hold.
func (d *Dir) room(size int64) error {
	left := d.Free
	if left == nil {
		left = d.free
	}
	free, err := left()
	if err != nil {
		return fmt.Errorf("cannot tell how much room is left for the update: %w", err)
	}
	if need := size + spare; free < need {
		return fmt.Errorf("cannot stage the update: it needs %d MiB and %d are free: free space on the card (journalctl --vacuum-size=50M, apt-get clean), then order it again", need>>20, free>>20)
	}
	return nil
}

func (d *Dir) free() (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.Path, &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:gosec,nolintlint,unconvert // int32 on some boards
}

func (d *Dir) copyIn(path string, p Program, r io.Reader) error {
	d.step("create " + filepath.Base(path))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, programMode)
	if err != nil {
		return fmt.Errorf("cannot stage the update: %w", err)
	}
	h := sha256.New()
	n, err := d.pour(f, io.TeeReader(io.LimitReader(r, p.Size+1), h))
	if err == nil {
		d.step("fsync " + filepath.Base(path))
		err = errors.Join(f.Chmod(programMode), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot stage the update: %w: look at the free space and the card (df, dmesg), then order it again", err)
	}
	if n != p.Size {
		return fmt.Errorf("cannot stage the update: it has %d bytes or more, %d were promised: fetch it again", n, p.Size)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != p.SHA256 {
		return fmt.Errorf("cannot stage the update: what came is not the program that was released (sha256 %.12s…, want %.12s…): make the stick again, or look who answers for the server", sum, p.SHA256)
	}
	return nil
}

func (d *Dir) pour(f *os.File, r io.Reader) (n int64, err error) {
	buf := make([]byte, chunk)
	for {
		m, rerr := io.ReadFull(r, buf)
		if m > 0 {
			d.step("write " + filepath.Base(f.Name()))
			if _, err := f.Write(buf[:m]); err != nil {
				return n, err
			}
			n += int64(m)
		}
		switch {
		case errors.Is(rerr, io.EOF), errors.Is(rerr, io.ErrUnexpectedEOF):
			return n, nil
		case rerr != nil:
			return n, rerr
		}
		if n%syncEvery == 0 {
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				return n, err
			}
		}
	}
}

// Check reads the program of a slot from the disk, not from memory, and compares.
func (d *Dir) Check(slot Slot, p Program) error {
	size, sum, err := measure(d.Program(slot), true)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read the program in slot %s: %w", slot, err)
	case size != p.Size || sum != p.SHA256:
		return fmt.Errorf("the program in slot %s is not what was staged (%d bytes, sha256 %.12s…): stage it again; if this repeats, the card is dying", slot, size, sum)
	}
	return nil
}

// Measure returns size and digest of a file.
func Measure(path string) (size int64, sum string, err error) { return measure(path, false) }

func measure(path string, fresh bool) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = f.Close() }()
	if fresh {
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: what is read is compared anyway
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}
