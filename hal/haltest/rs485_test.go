package haltest_test

import (
	"fmt"
	"testing"

	"lockerd/hal"
	"lockerd/hal/haltest"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/cu48"
	"lockerd/hal/rs485/waveshare"
	"lockerd/hal/rs485/xor8a"
)

func open(cfg hal.Config, sink hal.Sink) (hal.Bus, error) {
	families := map[string]func(map[string]string) (rs485.Codec, error){
		"xor8a": xor8a.New, "cu48": cu48.New, "waveshare": waveshare.New,
	}
	codec, err := families[cfg.Driver](cfg.Profile)
	if err != nil {
		return nil, fmt.Errorf("cannot make the codec: %w", err)
	}
	return rs485.Open(cfg, codec, sink, rs485.Options{})
}

func TestRS485(t *testing.T) {
	for _, v := range haltest.Variants() {
		t.Run(v.Name, func(t *testing.T) { haltest.Run(t, v, open) })
	}
}
