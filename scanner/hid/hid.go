package hid

import (
	"io"

	"lockerd/scanner"
	"lockerd/scanner/device"
)

// Config is one scanner.
type Config struct {
	Name   string
	Port   string // stable name, best below /dev/input/by-id
	Suffix string // "\r" and "\n": Enter; "\t": Tab or Enter; "": silence
	Layout string // of Layouts, the one the scanner is set to
}

// Options are what tests replace.
type Options struct {
	// Dial opens an event device, grabbed. Close of what it returns must end a
	// Read under way. Nil: the real one.
	Dial func(port string) (io.ReadCloser, error)
}

// Open starts a scanner. A missing device is no error: it is reported to the
// sink and looked for until Close.
func Open(cfg Config, sink scanner.Sink, opt Options) (*device.Source, error) {
	if _, err := newKeyboard(cfg.Layout, cfg.Suffix); err != nil {
		return nil, err
	}
	dial := opt.Dial
	if dial == nil {
		dial = openDevice
	}
	return device.Open(device.Config{
		Name: cfg.Name, Kind: "keyboard", Port: cfg.Port, Suffix: cfg.Suffix,
		Dial: func() (io.ReadCloser, error) {
			keys, err := newKeyboard(cfg.Layout, cfg.Suffix) // no key is down on a device that was plugged in
			if err != nil {
				return nil, err
			}
			d, err := dial(cfg.Port)
			if err != nil {
				return nil, err
			}
			return newTextPort(d, keys), nil
		},
	}, sink)
}
