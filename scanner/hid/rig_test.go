package hid

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/holoplot/go-evdev"
)

// stream writes events as the kernel of a machine with words of a size does.
type stream struct {
	bytes []byte
	size  int
}

func newStream(wordSize int) *stream { return &stream{size: 2*wordSize + eventBody} }

func (s *stream) event(kind, code int, value int32) *stream {
	e := make([]byte, s.size)
	for i := range e[:s.size-eventBody] {
		e[i] = byte(0xA0 + i) // a time, which nobody reads
	}
	body := e[s.size-eventBody:]
	binary.NativeEndian.PutUint16(body, uint16(kind))
	binary.NativeEndian.PutUint16(body[2:], uint16(code))
	binary.NativeEndian.PutUint32(body[4:], uint32(value))
	s.bytes = append(s.bytes, e...)
	return s
}

// key is one change of a key as a keyboard reports it: MSC_SCAN, key, sync.
func (s *stream) key(code int, value int32) *stream {
	return s.event(evdev.EV_MSC, evdev.MSC_SCAN, 0x70004).event(evdev.EV_KEY, code, value).event(evdev.EV_SYN, evdev.SYN_REPORT, 0)
}

func (s *stream) tap(codes ...int) *stream {
	for _, c := range codes {
		s.key(c, pressed).key(c, released)
	}
	return s
}

func (s *stream) with(modifier int, codes ...int) *stream {
	return s.key(modifier, pressed).tap(codes...).key(modifier, released)
}

// typed writes a text as a scanner of a layout types it, Enter not included.
func (s *stream) typed(t *testing.T, layout, text string) *stream {
	t.Helper()
	chars, dead, err := newTable(layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []byte(text) {
		key, layer := find(chars, c)
		if key < 0 {
			t.Fatalf("layout %s has no key for %q", layout, c)
		}
		switch layer {
		case 0:
			s.tap(key)
		case 1:
			s.with(evdev.KEY_LEFTSHIFT, key)
		default:
			s.with(evdev.KEY_RIGHTALT, key)
		}
		if strings.IndexByte(dead, c) >= 0 {
			s.tap(evdev.KEY_SPACE)
		}
	}
	return s
}

func find(chars table, c byte) (key, layer int) {
	for layer := range 3 {
		for key, layers := range chars {
			if layers[layer] == c {
				return int(key), layer
			}
		}
	}
	return -1, 0
}

// at1000 is some time.
var at1000 = time.Unix(1000, 0)

// read returns the text of a stream that comes at one time.
func (s *stream) read(k *keyboard) string {
	split := splitter{size: s.size}
	var text []byte
	split.feed(s.bytes, func(e event) { text = k.feed(text, at1000, e) })
	return string(text)
}

func keyboardOf(t *testing.T, layout, suffix string) *keyboard {
	t.Helper()
	k, err := newKeyboard(layout, suffix)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
