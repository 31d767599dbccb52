package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CheckTimeout is how long a check of state.db may take: a loop in a damaged
// file is damage.
const CheckTimeout = 20 * time.Second

const maxChildOutput = 512 // bytes of a child's last words in an error

// What a check may take before its process ends itself. A flipped bit can send
// bbolt's check in circles, and it takes memory on each round: gigabytes within
// CheckTimeout, which would bring the kernel's killer on the whole board. A
// sound state.db of 1,000,000 codes is checked in a second and 64 MiB.
const (
	childCPU    = 20        // seconds of processor
	childMemory = 256 << 20 // bytes of data beyond what the process began with
)

// BoundChild bounds this process to what CheckFile may need. For a child that
// InChild starts: a check that goes astray dies by itself, even where its parent
// is no more.
func BoundChild() error {
	data, err := dataBytes()
	if err != nil {
		return fmt.Errorf("cannot bound the check's memory: %w", err)
	}
	for what, most := range map[int]uint64{unix.RLIMIT_CPU: childCPU, unix.RLIMIT_DATA: data + childMemory} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("cannot bound the check's processor and memory: %w", err)
		}
	}
	return nil
}

// dataBytes is the size of this process's private writable maps, which
// RLIMIT_DATA counts: the sixth number of /proc/self/statm (proc_pid_statm(5)).
func dataBytes() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 6 {
		return 0, fmt.Errorf("cannot read the data size out of %q", b)
	}
	pages, err := strconv.ParseUint(fields[5], 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// InChild returns a check that runs in a process of its own: exe with args and
// the path. The child calls BoundChild, then CheckFile, and exits 0 if both returned nil. Whatever
// else becomes of the child, a panic, a fault or a hang, is damage.
func InChild(exe string, args ...string) func(ctx context.Context, path string) error {
	return func(ctx context.Context, path string) error {
		ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, append(append([]string(nil), args...), path)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			out = bytes.TrimSpace(out[:min(len(out), maxChildOutput)])
			return fmt.Errorf("cannot vouch for %q: %w: %s: %w", path, err, out, ErrDamaged)
		}
		return nil
	}
}
