package daemon

import (
	"fmt"
	"io"
	"log/slog"

	"lockerd/daemon/config"
	"lockerd/hal"
	"lockerd/hal/gpio"
	"lockerd/hal/rewire"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/sim"
	"lockerd/scanner/camera"
	"lockerd/scanner/hid"
	"lockerd/scanner/serial"
)

// openBus starts the driver of one bus. Driver sim first plugs in the hardware
// that it then drives like any other.
func (d *Daemon) openBus(b config.Bus) (hal.Bus, error) {
	if b.Driver == "gpio" {
		return d.openLines(b)
	}
	c := d.opt.Config.HAL(b)
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
	bus, err := rewire.Open(d.opt.Config.Wires(b.Name), d.bank, func(sink hal.Sink) (hal.Bus, error) {
		line, err := rs485.Open(c, codec, sink, rs485.Options{Log: d.opt.Log.With(slog.String("component", "hal"))})
		if t, ok := line.(hal.Tracer); ok { // a trace shows the wire as it is
			d.traces[c.Name] = t
		}
		return line, err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open bus %q: %w", c.Name, err)
	}
	d.parts = append(d.parts, bus)
	return bus, nil
}

// openLines starts a bus whose locks are on the board's own lines.
func (d *Daemon) openLines(b config.Bus) (hal.Bus, error) {
	bus, err := gpio.Open(d.opt.Config.GPIO(b), d.bank, gpio.Options{
		Log:    d.opt.Log.With(slog.String("component", "hal"), slog.String("bus", b.Name)),
		Tamper: func(open bool) { d.bank.Tamper(b.Name, open) },
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open bus %q: %w", b.Name, err)
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
		return serial.Open(serial.Config{
			Name: s.Name, Port: s.Port, Baud: s.Baud, Suffix: s.Suffix, Module: s.Module, Trigger: s.Trigger,
			Notice: func(n serial.Notice) { d.noticed(s.Name, n) },
		}, d.bank)
	case "hid":
		return hid.Open(hid.Config{Name: s.Name, Port: s.Port, Suffix: s.Suffix, Layout: s.Layout}, d.bank, hid.Options{})
	case "camera":
		return camera.Open(camera.Config{Name: s.Name, Port: s.Port, Width: s.Width, Height: s.Height, FPS: s.FPS}, d.bank)
	}
	return nil, fmt.Errorf("no driver %q in this version", s.Driver)
}

// noticed tells how it stands with the settings of a scanner's module.
func (d *Daemon) noticed(name string, n serial.Notice) {
	log := d.opt.Log.With(slog.String("component", "scanner"), slog.String("scanner", name))
	if len(n.Mended) > 0 {
		log.Warn("settings of the scanner's module were wrong and are right now", slog.Any("settings", n.Mended))
	}
	if n.Err != nil {
		log.Warn("the scanner's module is not set as it should be", slog.Any("error", n.Err))
	}
	d.bank.ScannerFault(name, n.Err)
}
