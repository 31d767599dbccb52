package hid

import (
	"strings"
	"testing"
	"time"

	"github.com/holoplot/go-evdev"
)

// clean shows what is no character as "?!".
func clean(s string) string { return strings.ReplaceAll(s, "\xff", "?!") }

func TestKeyboard(t *testing.T) {
	const a, b, one, enter, tab, space = evdev.KEY_A, evdev.KEY_B, evdev.KEY_1, evdev.KEY_ENTER, evdev.KEY_TAB, evdev.KEY_SPACE
	const shift, right, alt, altGr, ctrl, caps = evdev.KEY_LEFTSHIFT, evdev.KEY_RIGHTSHIFT, evdev.KEY_LEFTALT, evdev.KEY_RIGHTALT, evdev.KEY_LEFTCTRL, evdev.KEY_CAPSLOCK
	s := func() *stream { return newStream(8) }
	for _, tt := range []struct {
		name, layout, suffix string
		in                   *stream
		want                 string
	}{
		{"letters and digits", "us", "\r", s().tap(a, one, b, enter), "a1b\r"},
		{"shift", "us", "\r", s().with(shift, a, one).tap(a).with(right, b), "A!aB"},
		{"both shifts, one let go", "us", "\r", s().key(shift, 1).key(right, 1).tap(a).key(shift, 0).tap(a).key(right, 0).tap(a), "AAa"},
		{"shift repeats itself", "us", "\r", s().key(shift, 1).key(shift, 2).tap(a).key(shift, 0), "A"},
		{"repeats are nothing", "us", "\r", s().key(a, 1).key(a, 2).key(a, 2).key(a, 0).tap(b), "ab"},
		{"keys overlap", "us", "\r", s().key(a, 1).key(b, 1).key(a, 0).key(b, 0), "ab"},
		{"enter first", "us", "\r", s().tap(enter, a, enter), "\ra\r"},
		{"number block", "us", "\r", s().tap(evdev.KEY_NUMLOCK, evdev.KEY_KP7, evdev.KEY_KPMINUS, evdev.KEY_KPENTER), "7-\r"},
		{"caps lock", "us", "\r", s().tap(caps, a, one).with(shift, a).tap(caps, a), "A1aa"},
		{"suffix LF", "us", "\n", s().tap(a, enter), "a\n"},
		{"suffix tab", "us", "\t", s().tap(a, tab, b, enter), "a\tb\t"},
		{"suffix enter, tab is a character", "us", "\r", s().tap(a, tab, b, enter), "a\tb\r"},
		{"no suffix", "us", "", s().tap(enter, a, tab, b, enter), "ab"},
		{"control", "us", "\r", s().with(ctrl, evdev.KEY_RIGHTBRACE).tap(a), "?!a"},
		{"function key", "us", "\r", s().tap(a, evdev.KEY_F1, b), "a?!b"},
		{"alt by number", "us", "\r", s().with(alt, evdev.KEY_KP0, evdev.KEY_KP6, evdev.KEY_KP5).tap(enter), "A\r"},
		{"alt, a control character", "us", "\r", s().with(alt, evdev.KEY_KP2, evdev.KEY_KP9), "?!"},
		{"alt, a number too large", "us", "\r", s().with(alt, evdev.KEY_KP9, evdev.KEY_KP9, evdev.KEY_KP9, evdev.KEY_KP9, evdev.KEY_KP9, evdev.KEY_KP9), "?!"},
		{"alt alone", "us", "\r", s().with(alt).tap(a), "a"},
		{"alt with a letter", "us", "\r", s().with(alt, a), "?!"},
		{"keys dropped", "us", "\r", s().tap(a).key(shift, 1).event(evdev.EV_SYN, evdev.SYN_DROPPED, 0).tap(b, enter), "a?!b\r"},
		{"mouse and lamps", "us", "\r", s().event(evdev.EV_REL, a, 1).event(evdev.EV_LED, a, 1).event(evdev.EV_ABS, a, 1), ""},

		{"uk", "uk", "\r", s().with(shift, evdev.KEY_2, evdev.KEY_APOSTROPHE, evdev.KEY_3).tap(evdev.KEY_BACKSLASH, evdev.KEY_102ND), `"@?!#\`},
		{"de", "de", "\r", s().tap(evdev.KEY_Y, evdev.KEY_Z, evdev.KEY_SLASH).with(shift, evdev.KEY_7, evdev.KEY_MINUS, evdev.KEY_SLASH), "zy-/?_"},
		{"de, AltGr", "de", "\r", s().with(altGr, evdev.KEY_Q, evdev.KEY_7, evdev.KEY_102ND), "@{|"},
		{"de, AltGr as Windows presses it", "de", "\r", s().key(ctrl, 1).with(altGr, evdev.KEY_Q).key(ctrl, 0), "@"},
		{"de, umlaut", "de", "\r", s().tap(evdev.KEY_SEMICOLON), "?!"},
		{"de, dead key", "de", "\r", s().tap(evdev.KEY_GRAVE, space, space, evdev.KEY_A), "^ a"},
		{"de, key that is not dead", "de", "\r", s().tap(evdev.KEY_GRAVE, a, space), "^a "},
		{"fr", "fr", "\r", s().tap(evdev.KEY_Q, evdev.KEY_SEMICOLON, evdev.KEY_1, evdev.KEY_6).with(shift, evdev.KEY_1, evdev.KEY_0, evdev.KEY_M), "am&-10?"},
		{"es", "es", "\r", s().tap(evdev.KEY_SLASH, evdev.KEY_MINUS).with(shift, evdev.KEY_7).with(altGr, evdev.KEY_2), "-'/@"},
		{"it", "it", "\r", s().tap(evdev.KEY_SLASH, evdev.KEY_GRAVE).with(shift, evdev.KEY_0).with(altGr, evdev.KEY_SEMICOLON), `-\=@`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.in.read(keyboardOf(t, tt.layout, tt.suffix))); got != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
		})
	}
}

// TestEveryLayout types every character of a ticket, a code and a label.
func TestEveryLayout(t *testing.T) {
	var all strings.Builder
	for c := byte(0x20); c < 0x7F; c++ {
		if (c == '`' || c == '~') || c == '{' || c == '}' { // not on every country's keyboard
			continue
		}
		all.WriteByte(c)
	}
	for _, name := range Layouts() {
		t.Run(name, func(t *testing.T) {
			if got := newStream(8).typed(t, name, all.String()).read(keyboardOf(t, name, "\r")); got != all.String() {
				t.Errorf("read %q", got)
			}
		})
	}
}

// TestLostRelease holds that a modifier whose release was lost does not spoil
// the next scan.
func TestLostRelease(t *testing.T) {
	k := keyboardOf(t, "us", "\r")
	at := time.Unix(1000, 0)
	var text []byte
	feed := func(s *stream) {
		split := splitter{size: s.size}
		split.feed(s.bytes, func(e event) { text = k.feed(text, at, e) })
	}
	feed(newStream(8).key(evdev.KEY_LEFTSHIFT, pressed).tap(evdev.KEY_A, evdev.KEY_CAPSLOCK, evdev.KEY_ENTER))
	at = at.Add(1001 * time.Millisecond)
	feed(newStream(8).tap(evdev.KEY_A, evdev.KEY_ENTER))
	if string(text) != "A\ra\r" {
		t.Errorf("read %q", text)
	}
}

func TestNoSuchLayout(t *testing.T) {
	if _, err := newKeyboard("xx", "\r"); err == nil || !strings.Contains(err.Error(), "de, es, fr") {
		t.Errorf("got %v", err)
	}
}

func TestLayersAreWhole(t *testing.T) {
	for name, l := range layouts() {
		for _, layer := range []string{l.plain, l.shift, l.altGr} {
			if len(layer) != len(printed()) && layer != "" {
				t.Errorf("a layer of %s has %d characters for %d keys: %q", name, len(layer), len(printed()), layer)
			}
		}
	}
}
