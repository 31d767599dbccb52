package daemon

import (
	"fmt"
	"io"
	"log/slog"

	"lockerd/daemon/config"
	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/sim"
	"lockerd/scanner/hid"
	"lockerd/scanner/serial"
)

// openBus starts the driver of one bus. Driver sim first plugs in the hardware
// that it then drives like any other.
func (d *Daemon) openBus(c hal.Config) (hal.Bus, error) {
	if c.Driver == "sim" {
		hw, err := sim.Start(c, sim.Options{})
		if err != nil {
			return nil, err
		}
		d.parts = append(d.parts, hw)
		c = hw.Config()
	}
	codec, err := families.New(c.Driver, c.Profile)
	if err != nil {
		return nil, fmt.Errorf("cannot open bus %q: %w", c.Name, err)
	}
	bus, err := rs485.Open(c, codec, d.bank, rs485.Options{Log: d.opt.Log.With(slog.String("component", "hal"))})
	if err != nil {
		return nil, fmt.Errorf("cannot open bus %q: %w", c.Name, err)
	}
	d.parts = append(d.parts, bus)
	return bus, nil
}

func (d *Daemon) startScanners() error {
	for _, s := range d.opt.Config.Scanners {
		src, err := d.openScanner(s)
		if err != nil {
			return fmt.Errorf("cannot open scanner %q: %w", s.Name, err)
		}
		d.parts = append(d.parts, src)
	}
	return nil
}

// openScanner starts the driver of one scanner.
func (d *Daemon) openScanner(s config.Scanner) (io.Closer, error) {
	switch s.Driver {
	case "serial":
		return serial.Open(serial.Config{Name: s.Name, Port: s.Port, Baud: s.Baud, Suffix: s.Suffix}, d.bank)
	case "hid":
		return hid.Open(hid.Config{Name: s.Name, Port: s.Port, Suffix: s.Suffix, Layout: s.Layout}, d.bank, hid.Options{})
	}
	return nil, fmt.Errorf("no driver %q in this version", s.Driver)
}
