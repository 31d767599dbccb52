package hid

import (
	"slices"
	"strings"
	"time"

	"github.com/holoplot/go-evdev"

	"lockerd/scanner"
)

// Values of a key event.
const (
	released = 0
	pressed  = 1 // 2 is the automatic repeat
)

// spoilt stands for what is no ASCII character: with it no text is a scan.
const spoilt = 0xFF

// keyboard makes text of key events. It has no clock and one owner.
type keyboard struct {
	chars  table
	dead   string
	suffix byte // what an Enter gives; 0: nothing
	tab    byte // what a Tab gives

	held    map[evdev.EvCode]bool // modifiers that are down
	caps    bool
	numeral int  // typed on the number block while Alt is down; -1: nothing
	waiting bool // the last character was a dead one
	last    time.Time
}

// newKeyboard returns a keyboard of a layout whose scans end with a suffix:
// "\r" and "\n" are Enter, "\t" is Tab or Enter, "" is neither.
func newKeyboard(layoutName, suffix string) (*keyboard, error) {
	chars, dead, err := newTable(layoutName)
	if err != nil {
		return nil, err
	}
	k := &keyboard{chars: chars, dead: dead, tab: '\t', numeral: -1, held: map[evdev.EvCode]bool{}}
	if suffix == "" {
		k.tab = 0
	} else {
		k.suffix = suffix[0]
	}
	return k, nil
}

// feed takes one event seen at a time and appends the text it gives.
func (k *keyboard) feed(text []byte, at time.Time, e event) []byte {
	if at.Sub(k.last) > scanner.MaxPause {
		k.forget() // no scanner holds a key that long: its release was lost
	}
	k.last = at
	key := evdev.EvCode(e.code)
	switch {
	case e.kind == evdev.EV_SYN && key == evdev.SYN_DROPPED:
		k.forget()
		return append(text, spoilt)
	case e.kind != evdev.EV_KEY:
		return text
	case modifier(key):
		return k.modify(text, key, e.value)
	case e.value != pressed:
		return text
	}
	return k.press(text, key)
}

// forget lets go of all keys.
func (k *keyboard) forget() {
	clear(k.held)
	k.caps, k.numeral, k.waiting = false, -1, false
}

func modifier(key evdev.EvCode) bool {
	switch key {
	case evdev.KEY_LEFTSHIFT, evdev.KEY_RIGHTSHIFT, evdev.KEY_LEFTCTRL, evdev.KEY_RIGHTCTRL,
		evdev.KEY_LEFTALT, evdev.KEY_RIGHTALT, evdev.KEY_LEFTMETA, evdev.KEY_RIGHTMETA:
		return true
	}
	return false
}

// modify notes a modifier. The release of Alt ends a character that was typed
// by its number.
func (k *keyboard) modify(text []byte, key evdev.EvCode, value int32) []byte {
	k.held[key] = value != released
	if key != evdev.KEY_LEFTALT || k.held[key] || k.numeral < 0 {
		return text
	}
	n := k.numeral
	k.numeral = -1
	return append(text, ascii(n))
}

// ascii returns the character with a number, or that it can't be in a scan.
func ascii(n int) byte {
	if n < 0x20 || n > 0x7E {
		return spoilt
	}
	return byte(n)
}

// press gives the text of a key that goes down.
func (k *keyboard) press(text []byte, key evdev.EvCode) []byte {
	waited := k.waiting
	k.waiting = false
	switch {
	case key == evdev.KEY_CAPSLOCK:
		k.caps = !k.caps
		return text
	case key == evdev.KEY_NUMLOCK:
		return text
	case key == evdev.KEY_ENTER || key == evdev.KEY_KPENTER:
		return appendKnown(text, k.suffix)
	case key == evdev.KEY_TAB:
		return appendKnown(text, k.tab)
	case k.held[evdev.KEY_LEFTALT]:
		return k.count(text, key)
	case waited && key == evdev.KEY_SPACE:
		return text
	}
	c := k.char(key)
	k.waiting = strings.IndexByte(k.dead, c) >= 0
	return append(text, c)
}

func appendKnown(text []byte, c byte) []byte {
	if c == 0 {
		return text
	}
	return append(text, c)
}

// count adds a digit to the number of a character ("ALT mode"), leading zeros
// included. Alt with anything else is no character.
func (k *keyboard) count(text []byte, key evdev.EvCode) []byte {
	const most = 0xFFFF // what is too much stays too much
	c := keypad()[key]
	if c < '0' || c > '9' {
		return append(text, spoilt)
	}
	k.numeral = min(max(k.numeral, 0)*10+int(c-'0'), most)
	return text
}

// char returns the character of a key under the modifiers that are down. Some
// scanners press Ctrl beside AltGr, as Windows does.
func (k *keyboard) char(key evdev.EvCode) byte {
	layers := k.chars[key]
	c := layers[0]
	switch {
	case k.held[evdev.KEY_RIGHTALT]:
		c = layers[2]
	case k.down(evdev.KEY_LEFTCTRL, evdev.KEY_RIGHTCTRL, evdev.KEY_LEFTMETA, evdev.KEY_RIGHTMETA):
		c = 0
	case k.down(evdev.KEY_LEFTSHIFT, evdev.KEY_RIGHTSHIFT) != (k.caps && 'a' <= c && c <= 'z'):
		c = layers[1]
	}
	if c == 0 {
		return spoilt
	}
	return c
}

// down tells whether one of some modifiers is down.
func (k *keyboard) down(keys ...evdev.EvCode) bool {
	return slices.ContainsFunc(keys, func(key evdev.EvCode) bool { return k.held[key] })
}
