package probe

import (
	"maps"
	"slices"

	"lockerd/hal/rs485"
)

// Profile keys on which sources disagree are found out in two ways. A voice
// changes the frames themselves: boards of the other sort stay silent. A view
// changes how the same reply is read: only a door that moves tells.
var (
	voiceKeys = []string{"lock_byte", "reply"}
	viewKeys  = []string{"byte_order"}
)

// sizeKey is dc's: boards of both sizes speak alike, and the length of a status
// tells them apart.
const sizeKey = "ways"

// PolarityKey is the profile key that says which feedback value means closed.
const PolarityKey = "closed_bit"

// order is in which the families are tried: those without a checksum, whose
// replies prove least, last.
func order(names []string) []string {
	weak := func(n string) bool { return n == "winnsen" }
	return append(slices.DeleteFunc(slices.Clone(names), weak),
		slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !weak(n) })...)
}

// variants returns all combinations of the values of keys that the family has,
// its defaults first. There is always one.
func variants(l rs485.Limits, keys []string) []map[string]string {
	out := []map[string]string{{}}
	for _, k := range keys {
		values := l.Profile[k]
		if len(values) == 0 {
			continue
		}
		var more []map[string]string
		for _, v := range values {
			for _, m := range out {
				n := maps.Clone(m)
				n[k] = v
				more = append(more, n)
			}
		}
		out = more
	}
	return out
}

// merged returns both profiles in one.
func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
