package rs485

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is a driver with RS-485, or without.
type kernel struct {
	err     error
	forgets bool
	set     direction
	asked   []uintptr
}

func (k *kernel) call(_ int, request uintptr, d *direction) error {
	k.asked = append(k.asked, request)
	switch {
	case k.err != nil:
		return k.err
	case request == tiocGRS485:
		*d = k.set
	case !k.forgets:
		k.set = *d
	}
	return nil
}

func TestDirection(t *testing.T) {
	for _, tc := range []struct {
		name string
		kernel
		want string // "": it is as it should be
	}{
		{"taken", kernel{}, ""},
		{"no RS-485", kernel{err: unix.ENOTTY}, "its driver has no RS-485 (inappropriate ioctl for device): if boards answer, the adapter turns by itself: take rs485 = true out"},
		{"refused", kernel{err: unix.EINVAL}, "its driver has no RS-485 (invalid argument)"},
		{"failed", kernel{err: errors.New("broken")}, "direction: broken: "},
		{"not kept", kernel{forgets: true}, "did not keep it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			note := takeDirection(3, tc.call)
			if tc.want == "" && note != "" || !strings.Contains(note, tc.want) {
				t.Errorf("got %q, want %q", note, tc.want)
			}
			if tc.want == "" && tc.set.flags != 3 { // SER_RS485_ENABLED and SER_RS485_RTS_ON_SEND
				t.Errorf("set %+v", tc.set)
			}
		})
	}
	if n := unsafe.Sizeof(direction{}); n != 32 {
		t.Errorf("the structure has %d bytes, the kernel's has 32", n)
	}
}

// A pty has no direction: it is opened all the same, and says why it has not.
func TestDirectionOfAPTY(t *testing.T) {
	_, name := pair(t)
	for on, want := range map[bool]string{true: "no RS-485", false: ""} {
		port, err := openTTY(name, 9600, on)
		if err != nil {
			t.Fatal(err)
		}
		if note := port.(noted).Note(); (note == "") != !on || !strings.Contains(note, want) {
			t.Errorf("rs485 %v: %q", on, note)
		}
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	}
}
