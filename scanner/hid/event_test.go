package hid

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/holoplot/go-evdev"
)

func TestEventSizes(t *testing.T) {
	want := []event{{evdev.EV_MSC, evdev.MSC_SCAN, 0x70004}, {evdev.EV_KEY, evdev.KEY_A, 1}, {evdev.EV_SYN, evdev.SYN_REPORT, 0}}
	for word, size := range map[int]int{4: 16, 8: 24} {
		s := newStream(word).key(evdev.KEY_A, pressed)
		if s.size != size {
			t.Errorf("an event with words of %d bytes has %d, want %d", word, s.size, size)
		}
		for cut := range s.bytes { // a pipe may part them anywhere
			split := splitter{size: size}
			var got []event
			take := func(e event) { got = append(got, e) }
			split.feed(s.bytes[:cut], take)
			split.feed(s.bytes[cut:], take)
			if !slices.Equal(got, want) {
				t.Fatalf("words of %d, cut at %d: %v", word, cut, got)
			}
		}
	}
}

// TestNativeSize holds that the size of events is what go-evdev's own struct
// has, on the machine of the test.
func TestNativeSize(t *testing.T) {
	if n := binary.Size(evdev.InputEvent{}); n != eventSize {
		t.Errorf("events have %d bytes, go-evdev's %d", eventSize, n)
	}
}

// FuzzEvents holds that any bytes, cut anywhere, are the events that they are,
// and that a keyboard lives through them without giving more text than keys.
func FuzzEvents(f *testing.F) {
	f.Add(newStream(8).tap(evdev.KEY_A, evdev.KEY_ENTER).bytes, 5, false)
	f.Add(newStream(4).with(evdev.KEY_LEFTALT, evdev.KEY_KP6, evdev.KEY_KP5).bytes, 17, true)
	f.Add(newStream(8).event(evdev.EV_SYN, evdev.SYN_DROPPED, 0).tap(evdev.KEY_GRAVE, evdev.KEY_SPACE).bytes, 0, false)
	f.Fuzz(func(t *testing.T, data []byte, cut int, narrow bool) {
		s := newStream(8)
		if narrow {
			s = newStream(4)
		}
		split := splitter{size: s.size}
		k := keyboardOf(t, "fr", "\r")
		var text []byte
		events := 0
		take := func(e event) {
			events++
			s.event(int(e.kind), int(e.code), e.value)
			text = k.feed(text, at1000, e)
		}
		cut = min(max(cut, 0), len(data))
		split.feed(data[:cut], take)
		split.feed(data[cut:], take)
		if len(split.rest) >= split.size || events != len(data)/split.size || len(text) > events {
			t.Fatalf("%d bytes gave %d events, %d bytes of text, %d left over", len(data), events, len(text), len(split.rest))
		}
		for i := range events { // the same again, but for the time
			from := (i+1)*split.size - eventBody
			if !slices.Equal(s.bytes[from:from+eventBody], data[from:from+eventBody]) {
				t.Fatalf("event %d came back as another", i)
			}
		}
	})
}
