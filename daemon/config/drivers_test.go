package config

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"lockerd/hal/rs485"
	drivers "lockerd/hal/rs485/families"
)

// TestCatalogue holds the catalogue to what the drivers say of themselves: what
// passes here must not be refused there.
func TestCatalogue(t *testing.T) {
	all := drivers.All()
	for _, f := range families() {
		t.Run(f.name, func(t *testing.T) {
			d, ok := all[f.name]
			if !ok {
				t.Fatal("there is no such driver")
			}
			l := d.Limits()
			carries(t, f, d, nil)
			if w := f.wide; w != nil {
				profile := map[string]string{w.key: w.value}
				carries(t, f.as(profile), d, profile)
			}
			if !slices.Equal(f.reserved, l.Reserved) {
				t.Errorf("reserved %v, the driver has %v", f.reserved, l.Reserved)
			}
			ours := map[string][]string{}
			for _, k := range f.profile {
				ours[k.name] = slices.Sorted(slices.Values(k.of))
			}
			theirs := maps.Clone(l.Profile)
			for k := range theirs {
				theirs[k] = slices.Sorted(slices.Values(theirs[k]))
			}
			if !reflect.DeepEqual(ours, theirs) {
				t.Errorf("profile %v, the driver has %v", ours, theirs)
			}
		})
	}
	if len(all) != len(families()) || maxBoards > rs485.BoardsMax || maxCoils > rs485.CoilsMax {
		t.Error("the catalogue is longer than what the drivers do")
	}
}

// carries holds a family to its driver with a profile.
func carries(t *testing.T, f family, d drivers.Family, profile map[string]string) {
	t.Helper()
	c, err := d.New(profile)
	if err != nil {
		t.Fatal(err)
	}
	l := c.Limits()
	if f.first < l.AddressMin || f.last > l.AddressMax || f.channels > l.Channels || f.baud != l.Baud {
		t.Errorf("addresses %d-%d, %d channels, %d baud: the driver has %+v", f.first, f.last, f.channels, f.baud, l)
	}
}
