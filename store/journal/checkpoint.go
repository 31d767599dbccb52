package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"lockerd/store/durable"
)

// ErrNoCheckpoint is returned when there is none.
var ErrNoCheckpoint = errors.New("no checkpoint")

const checkpointPrefix = "checkpoint-"

// WriteCheckpoint keeps the state that the records up to index have made, as
// objects that are opaque here. It is durable when WriteCheckpoint returns, and
// older checkpoints are gone.
func WriteCheckpoint(dir string, index uint64, write func(emit func(object []byte) error) error) error {
	path := filepath.Join(dir, CheckpointName(index))
	f, err := os.OpenFile(path+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cannot create checkpoint %q: %w", path, err)
	}
	err = WriteObjects(f, write)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+tmpSuffix, path)
	}
	if err != nil {
		return fmt.Errorf("cannot write checkpoint %q: %w", path, err)
	}
	if err := durable.SyncDir(dir); err != nil {
		return err
	}
	return removeCheckpoints(dir, index)
}

// CheckpointName is the file of a checkpoint in a journal's directory.
func CheckpointName(index uint64) string { return fmt.Sprintf("%s%016d", checkpointPrefix, index) }

// WriteObjects writes what a checkpoint's file holds.
func WriteObjects(f *os.File, write func(emit func([]byte) error) error) error {
	w := bufio.NewWriterSize(f, 64<<10)
	var n uint64
	var buf []byte
	emit := func(k kind, p []byte) error {
		n++
		buf = appendFrame(buf[:0], frame{index: n, kind: k, payload: p})
		_, err := w.Write(buf)
		return err
	}
	if err := write(func(p []byte) error { return emit(kindState, p) }); err != nil {
		return err
	}
	if err := emit(kindEnd, binary.LittleEndian.AppendUint64(nil, n)); err != nil {
		return err
	}
	return w.Flush()
}

// checkpoints returns the indices of the checkpoints in dir, oldest first.
func checkpoints(dir string) ([]uint64, error) {
	names, err := filepath.Glob(filepath.Join(dir, checkpointPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimPrefix(filepath.Base(name), checkpointPrefix), 10, 64)
		if err == nil {
			out = append(out, n)
		}
	}
	return out, nil
}

func removeCheckpoints(dir string, below uint64) error {
	all, err := checkpoints(dir)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n >= below {
			continue
		}
		path := filepath.Join(dir, fmt.Sprintf("%s%016d", checkpointPrefix, n))
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("cannot remove checkpoint %q: %w", path, err)
		}
	}
	return nil
}

// Checkpoint returns the index up to which the newest checkpoint reaches. Its
// error is ErrNoCheckpoint if there is none.
func Checkpoint(dir string) (uint64, error) {
	all, err := checkpoints(dir)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, ErrNoCheckpoint
	}
	return all[len(all)-1], nil
}

// ReadCheckpoint calls fn with the objects of the newest checkpoint. Before the
// first call it has read the whole file and found every checksum right or off
// by one bit. Its error wraps ErrDamaged otherwise.
func ReadCheckpoint(dir string, fn func(object []byte) error) error {
	index, err := Checkpoint(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("%s%016d", checkpointPrefix, index))
	b, err := readSegment(path)
	if err != nil {
		return err
	}
	objects, err := parseObjects(b)
	if err != nil {
		return fmt.Errorf("cannot read checkpoint %q: %w", path, err)
	}
	for _, o := range objects {
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

func parseObjects(b []byte) ([][]byte, error) {
	var out [][]byte
	for n := uint64(1); len(b) > 0; n++ {
		f, size, ok := parseFrame(b)
		if !ok {
			if _, size, ok = repairFrame(b); ok {
				f, _, ok = parseFrame(b)
			}
		}
		if !ok || f.index != n {
			return nil, ErrDamaged
		}
		if f.kind == kindEnd {
			return out, nil
		}
		out = append(out, f.payload)
		b = b[min(size, len(b)):]
	}
	return nil, ErrDamaged
}
