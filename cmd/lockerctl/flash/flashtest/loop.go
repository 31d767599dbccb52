package flashtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Loop makes a block device of bytes: a real card as far as the kernel is concerned. It skips the test
// where there can be none: without root, and in most containers.
func Loop(tb testing.TB, b []byte) string {
	tb.Helper()
	return loop(tb, b, 0)
}

// ReadOnlyLoop is a loop device that can't be written to.
func ReadOnlyLoop(tb testing.TB, b []byte) string {
	tb.Helper()
	return loop(tb, b, unix.LO_FLAGS_READ_ONLY)
}

func loop(tb testing.TB, b []byte, flags uint32) string {
	tb.Helper()
	backing := filepath.Join(tb.TempDir(), "loop")
	if err := os.WriteFile(backing, b, 0o600); err != nil {
		tb.Fatal(err)
	}
	path, err := attach(backing, flags)
	if err != nil {
		tb.Skipf("no loop device can be made here (root, /dev/loop-control): %v", err)
	}
	tb.Cleanup(func() {
		if err := detach(path); err != nil {
			tb.Error(err)
		}
	})
	return path
}

func attach(backing string, flags uint32) (string, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close() //nolint:errcheck // only asked
	file, err := os.OpenFile(backing, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // the loop holds it
	for range 20 {     // others may take the one that was free
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("LOOP_CTL_GET_FREE: %w", err)
		}
		path := fmt.Sprintf("/dev/loop%d", n)
		dev, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return "", err
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = flags
		err = unix.IoctlLoopConfigure(int(dev.Fd()), &config)
		_ = dev.Close() // only asked
		if errors.Is(err, unix.EBUSY) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("LOOP_CONFIGURE of %s: %w", path, err)
		}
		return path, nil
	}
	return "", errors.New("every loop device is taken at once")
}

func detach(path string) error {
	dev, err := os.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer dev.Close() //nolint:errcheck // only asked
	return unix.IoctlSetInt(int(dev.Fd()), unix.LOOP_CLR_FD, 0)
}
