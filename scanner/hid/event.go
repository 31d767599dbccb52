package hid

import (
	"encoding/binary"
	"unsafe"
)

// event is one struct input_event without its time.
type event struct {
	kind  uint16
	code  uint16
	value int32
}

// The kernel's struct input_event, include/uapi/linux/input.h, has two words of
// time before the eight bytes that matter. A word is the process's own: a
// 32-bit process is served in its own size by a 64-bit kernel too.
const (
	eventBody = 8
	eventSize = 2*int(unsafe.Sizeof(uintptr(0))) + eventBody
)

// splitter cuts a stream of input_events of one size. The kernel gives whole
// ones; a pipe need not.
type splitter struct {
	size int
	rest []byte // of an event whose end is missing: less than size
}

// feed takes what was read and hands each event it completes to take.
func (s *splitter) feed(data []byte, take func(event)) {
	s.rest = append(s.rest, data...)
	whole := s.rest
	for len(whole) >= s.size {
		take(parseBody(whole[s.size-eventBody : s.size]))
		whole = whole[s.size:]
	}
	s.rest = append(s.rest[:0], whole...)
}

func parseBody(b []byte) event {
	return event{
		kind:  binary.NativeEndian.Uint16(b),
		code:  binary.NativeEndian.Uint16(b[2:]),
		value: int32(binary.NativeEndian.Uint32(b[4:])), //nolint:gosec,nolintlint // the same bits
	}
}
