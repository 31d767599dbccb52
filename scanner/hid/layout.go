package hid

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/holoplot/go-evdev"
)

// layout says which ASCII character a key gives. Each layer has one byte for
// each of the 48 keys of printed, in that order; a space is a key without an
// ASCII character in that layer. An empty layer has none at all.
type layout struct {
	plain, shift, altGr string
	// dead are characters that wait for the next key on a machine of that
	// country: a scanner that knows it sends a space after them, which is no
	// character of its own.
	dead string
}

// printed lists the keys whose character depends on the layout: the four rows
// of a keyboard from left to right, then the key between left shift and Z.
func printed() []evdev.EvCode {
	var keys []evdev.EvCode
	for _, row := range [][2]evdev.EvCode{
		{evdev.KEY_1, evdev.KEY_EQUAL},
		{evdev.KEY_Q, evdev.KEY_RIGHTBRACE},
		{evdev.KEY_A, evdev.KEY_GRAVE},
		{evdev.KEY_BACKSLASH, evdev.KEY_SLASH},
		{evdev.KEY_102ND, evdev.KEY_102ND},
	} {
		for k := row[0]; k <= row[1]; k++ {
			keys = append(keys, k)
		}
	}
	return keys
}

// layouts is the catalogue, compared on paper with the symbols of Debian's xkb-data
// 2.35.1 (us, gb, de, fr, es, it), which has more under AltGr than keyboards show.
func layouts() map[string]layout {
	return map[string]layout{
		"us": {
			plain: "1234567890-=" + "qwertyuiop[]" + "asdfghjkl;'`" + `\zxcvbnm,./` + "<",
			shift: "!@#$%^&*()_+" + "QWERTYUIOP{}" + `ASDFGHJKL:"~` + "|ZXCVBNM<>?" + ">",
		},
		"uk": {
			plain: "1234567890-=" + "qwertyuiop[]" + "asdfghjkl;'`" + "#zxcvbnm,./" + `\`,
			shift: `!" $%^&*()_+` + "QWERTYUIOP{}" + "ASDFGHJKL:@ " + "~ZXCVBNM<>?" + "|",
		},
		"de": {
			plain: "1234567890  " + "qwertzuiop +" + "asdfghjkl  ^" + "#yxcvbnm,.-" + "<",
			shift: `!" $%&/()=?` + "`" + "QWERTZUIOP *" + "ASDFGHJKL   " + "'YXCVBNM;:_" + ">",
			altGr: `      {[]}\ ` + "@          ~" + "            " + "           " + "|",
			dead:  "^`",
		},
		"fr": {
			plain: `& "'(- _  )=` + "azertyuiop^$" + "qsdfghjklm  " + "*wxcvbn,;:!" + "<",
			shift: "1234567890 +" + "AZERTYUIOP  " + "QSDFGHJKLM%~" + " WXCVBN?./ " + ">",
			altGr: " ~#{[|`" + `\^@]}` + "            " + "            " + "           " + " ",
			dead:  "^`~",
		},
		"es": {
			plain: "1234567890' " + "qwertyuiop`+" + "asdfghjkl   " + " zxcvbnm,.-" + "<",
			shift: `!" $%&/()=? ` + "QWERTYUIOP^*" + "ASDFGHJKL   " + " ZXCVBNM;:_" + ">",
			altGr: "|@#~        " + "          []" + `          {\` + "}          " + " ",
			dead:  "^`",
		},
		"it": {
			plain: "1234567890' " + "qwertyuiop +" + `asdfghjkl  \` + " zxcvbnm,.-" + "<",
			shift: `!" $%&/()=?^` + "QWERTYUIOP *" + "ASDFGHJKL  |" + " ZXCVBNM;:_" + ">",
			altGr: "      {[]}`~" + "          []" + "         @# " + "           " + " ",
		},
	}
}

// Layouts returns the names of the layouts there are.
func Layouts() []string { return slices.Sorted(maps.Keys(layouts())) }

// table is a layout by key: plain, shift, AltGr; 0 where there is no character.
type table map[evdev.EvCode][3]byte

// newTable returns the characters of a layout by its name.
func newTable(name string) (table, string, error) {
	l, ok := layouts()[name]
	if !ok {
		return nil, "", fmt.Errorf("cannot read keys by layout %q: use one of %s", name, strings.Join(Layouts(), ", "))
	}
	t := table{evdev.KEY_SPACE: {' ', ' ', ' '}}
	for i, key := range printed() {
		t[key] = [3]byte{at(l.plain, i), at(l.shift, i), at(l.altGr, i)}
	}
	for key, c := range keypad() {
		t[key] = [3]byte{c, c, c}
	}
	return t, l.dead, nil
}

func at(layer string, i int) byte {
	if i >= len(layer) || layer[i] == ' ' {
		return 0
	}
	return layer[i]
}

// keypad are the keys of the number block, with NumLock on as scanners take it.
func keypad() map[evdev.EvCode]byte {
	return map[evdev.EvCode]byte{
		evdev.KEY_KP0: '0', evdev.KEY_KP1: '1', evdev.KEY_KP2: '2', evdev.KEY_KP3: '3', evdev.KEY_KP4: '4',
		evdev.KEY_KP5: '5', evdev.KEY_KP6: '6', evdev.KEY_KP7: '7', evdev.KEY_KP8: '8', evdev.KEY_KP9: '9',
		evdev.KEY_KPDOT: '.', evdev.KEY_KPMINUS: '-', evdev.KEY_KPPLUS: '+', evdev.KEY_KPASTERISK: '*', evdev.KEY_KPSLASH: '/',
	}
}
