// Package families is the catalogue of the lock boards on serial lines: the
// driver's name in the configuration, and the codec behind it.
package families

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockerd/hal/rs485"
	"lockerd/hal/rs485/cu16"
	"lockerd/hal/rs485/cu48"
	"lockerd/hal/rs485/dc"
	"lockerd/hal/rs485/eletechsup"
	"lockerd/hal/rs485/waveshare"
	"lockerd/hal/rs485/winnsen"
	"lockerd/hal/rs485/wkly"
	"lockerd/hal/rs485/xor8a"
)

// Family is one entry.
type Family struct {
	New    func(profile map[string]string) (rs485.Codec, error)
	Limits func() rs485.Limits // before any profile
}

// All returns the catalogue.
func All() map[string]Family {
	return map[string]Family{
		"xor8a":      {xor8a.New, xor8a.Limits},
		"cu16":       {cu16.New, cu16.Limits},
		"cu48":       {cu48.New, cu48.Limits},
		"dc":         {dc.New, dc.Limits},
		"eletechsup": {eletechsup.New, eletechsup.Limits},
		"waveshare":  {waveshare.New, waveshare.Limits},
		"winnsen":    {winnsen.New, winnsen.Limits},
		"wkly":       {wkly.New, wkly.Limits},
	}
}

// New makes the codec of a driver for a profile.
func New(driver string, profile map[string]string) (rs485.Codec, error) {
	all := All()
	f, ok := all[driver]
	if !ok {
		return nil, fmt.Errorf("cannot drive %q boards: this version knows %s", driver, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	return f.New(profile)
}
