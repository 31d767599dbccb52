// Package serial is a barcode scanner on a serial line: RS-232, a UART, or USB
// in its CDC mode. It owns its port as scanner/device says.
//
// Nothing is written to the scanner unless its Module is given. Then the
// settings that make it read and end its scans are asserted when the port has
// been opened and every ten minutes, so that a setup barcode held before it does
// not last. Scans are taken meanwhile; a module that does not answer or does not
// obey is told of by Notice, and read all the same.
package serial

import (
	"io"

	"lockerd/scanner"
	"lockerd/scanner/device"
	"lockerd/scanner/serial/module"
)

// Config is one scanner.
type Config struct {
	Name    string
	Port    string // stable name, best below /dev/serial/by-id
	Baud    int
	Suffix  string // "\r", "\n", "\t", or "" for silence
	Module  string // of module.Names; "": unknown, and never written to
	Trigger string // of module.Triggers, with Module only
	// Notice takes how it stands with the module's settings, after each round,
	// from a goroutine of its own; nil: nobody wants to know.
	Notice func(Notice)
}

// Open starts a scanner. A missing port is no error: it is reported to the sink
// and looked for until Close.
func Open(cfg Config, sink scanner.Sink) (*device.Source, error) {
	open := func() (io.ReadCloser, error) { return dial(cfg.Port, cfg.Baud) }
	if cfg.Module != "" {
		m, err := module.New(cfg.Module, module.Trigger(cfg.Trigger), cfg.Suffix)
		if err != nil {
			return nil, err
		}
		open = func() (io.ReadCloser, error) { return dialModule(cfg, m) }
	}
	return device.Open(device.Config{Name: cfg.Name, Kind: "port", Port: cfg.Port, Suffix: cfg.Suffix, Dial: open}, sink)
}

func dialModule(cfg Config, m module.Module) (io.ReadCloser, error) {
	port, err := dial(cfg.Port, cfg.Baud)
	if err != nil {
		return nil, err
	}
	notice := cfg.Notice
	if notice == nil {
		notice = func(Notice) {}
	}
	return newSettler(port, m, notice), nil
}
