package haltest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"lockerd/hal"
	"lockerd/hal/haltest"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
)

func open(cfg hal.Config, sink hal.Sink) (hal.Bus, error) {
	codec, err := families.New(cfg.Driver, cfg.Profile)
	if err != nil {
		return nil, fmt.Errorf("cannot make the codec: %w", err)
	}
	return rs485.Open(cfg, codec, sink, rs485.Options{})
}

func TestRS485(t *testing.T) {
	for _, v := range haltest.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			haltest.Run(t, v, open)
		})
	}
}

// TestEveryFamilyIsAsked wants no driver left out of the suite.
func TestEveryFamilyIsAsked(t *testing.T) {
	asked := map[string]bool{}
	for _, v := range haltest.Variants() {
		asked[v.Family] = true
	}
	got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(maps.Keys(families.All()))
	if !slices.Equal(got, want) {
		t.Errorf("the suite asks %v, the drivers are %v", got, want)
	}
}
