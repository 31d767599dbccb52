package support

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/sys/unix"

	"lockerd/daemon/bundle"
)

const fileMax = 1 << 20 // bytes read of a configuration or password

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, fileMax))
}

// told is what is taken of a configuration even if lockerd would refuse it.
type told struct {
	Bank    string `toml:"bank"`
	DataDir string `toml:"data_dir"`
	MQTT    struct {
		PasswordFile string `toml:"password_file"`
	} `toml:"mqtt"`
}

func tell(conf []byte) (t told) {
	if _, err := toml.Decode(string(conf), &t); err != nil {
		return told{}
	}
	return t
}

// machine is what the kernel tells of the board in general.
func (g *gathering) machine(context.Context) ([]byte, error) {
	var b bytes.Buffer
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		fmt.Fprintf(&b, "%s %s %s %s\n", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Version[:]), unix.ByteSliceToString(u.Machine[:]))
	}
	var st unix.Statfs_t
	if unix.Statfs(g.dir, &st) == nil {
		size := uint64(st.Bsize) //nolint:gosec,nolintlint // a block size is positive
		fmt.Fprintf(&b, "%s: %d of %d MiB free, %d inodes free\n", g.dir, st.Bavail*size>>20, st.Blocks*size>>20, st.Ffree)
	}
	for _, path := range []string{"/proc/uptime", "/proc/loadavg", "/proc/meminfo", "/etc/os-release", "/proc/device-tree/model"} {
		text, err := readBounded(path)
		if err != nil {
			continue // hidden from a hardened service, or another kind of board
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", path, strings.Trim(string(text), "\x00\n"))
	}
	return b.Bytes(), nil
}

// KernelSocket is where the package has somebody who may read the kernel's log say it
// to lockerd, which may not.
const KernelSocket = "/run/lockerd-kernel-log.sock"

// KernelLog reads what the kernel keeps of its log, at most a part's size of its end.
func KernelLog(ctx context.Context) ([]byte, error) { return kernelLog(ctx, "/dev/kmsg", KernelSocket) }

func kernelLog(ctx context.Context, device, socket string) ([]byte, error) {
	b, err := kmsg(device)
	if err == nil {
		return b, nil
	}
	b, serr := said(ctx, socket)
	if serr != nil {
		return nil, errors.Join(err, serr)
	}
	return b, nil
}

// saidMax bounds what is read of a socket: far more than the kernel keeps.
const saidMax = 32 << 20

// said is what a socket says of itself until it ends.
func said(ctx context.Context, socket string) ([]byte, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the kernel's log: %w", err)
	}
	defer func() { _ = c.Close() }() // was only read
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	b, err := io.ReadAll(io.LimitReader(c, saidMax))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("cannot read the kernel's log from %s: %d bytes, %w", socket, len(b), cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return tail(b), nil
}

// kmsg reads one record a read (dev-kmsg in the kernel's ABI documents).
func kmsg(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	defer unix.Close(fd) //nolint:errcheck // only read
	var out []byte
	record := make([]byte, 8<<10)
	for {
		n, err := unix.Read(fd, record)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EINTR): // overwritten meanwhile: the next one
			continue
		case errors.Is(err, unix.EAGAIN), err == nil && n == 0:
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		out = append(out, kmsgLine(record[:n])...)
		if len(out) > 2*bundle.PartMax {
			out = bytes.Clone(tail(out))
		}
	}
}

// kmsgLine makes "6,339,5140900,-;text" and its continuation lines one line
// with the seconds since the kernel's start.
func kmsgLine(record []byte) []byte {
	head, text, ok := strings.Cut(string(record), ";")
	fields := strings.Split(head, ",")
	if !ok || len(fields) < 3 {
		return append(bytes.TrimRight(record, "\n"), '\n')
	}
	var us int64
	_, _ = fmt.Sscan(fields[2], &us) // else 0
	text, _, _ = strings.Cut(text, "\n")
	return fmt.Appendf(nil, "<%s> [%5d.%06d] %s\n", fields[0], us/1e6, us%1e6, text)
}
