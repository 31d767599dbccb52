package rs485

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// direction is struct serial_rs485 of linux/serial.h, as it was before Linux 6.2
// took two bytes of its padding for addresses: 32 bytes in all.
type direction struct {
	flags      uint32
	beforeSend uint32 // ms from RTS to the first bit
	afterSend  uint32 // ms from the last bit to RTS
	_          [5]uint32
}

// Flags of direction.
const (
	directionOn    = 1 << 0
	directionRTSOn = 1 << 1 // RTS drives the line while it is high
)

// Requests of ioctl(2); the same on amd64, arm and arm64.
const (
	tiocGRS485 = 0x542E
	tiocSRS485 = 0x542F
)

// directionCall asks the kernel; tests have their own.
type directionCall func(fd int, request uintptr, d *direction) error

func directionIoctl(fd int, request uintptr, d *direction) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(d))); errno != 0 {
		return errno
	}
	return nil
}

// takeDirection has the port's driver turn the line from sending to listening
// after each frame, which must happen within a character or two: a program is
// too late for that. It returns what an engineer has to know if that failed;
// the port is used all the same, as most adapters turn by themselves.
func takeDirection(fd int, call directionCall) string {
	const cure = "if boards answer, the adapter turns by itself: take rs485 = true out; if not, use such an adapter, or a UART whose driver has RS-485"
	if err := call(fd, tiocSRS485, &direction{flags: directionOn | directionRTSOn}); err != nil {
		why := err.Error()
		if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
			why = "its driver has no RS-485 (" + why + ")"
		}
		return fmt.Sprintf("cannot let the port turn its direction: %s: %s", why, cure)
	}
	var kept direction
	if err := call(fd, tiocGRS485, &kept); err != nil || kept.flags&directionOn == 0 {
		return "cannot let the port turn its direction: its driver took the setting and did not keep it: " + cure
	}
	return ""
}
