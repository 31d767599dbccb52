// Package serial is a barcode scanner on a serial line: RS-232, a UART, or USB
// in its CDC mode. It owns its port as scanner/device says. Nothing is ever
// written to the scanner.
package serial

import (
	"io"

	"lockerd/scanner"
	"lockerd/scanner/device"
)

// Config is one scanner.
type Config struct {
	Name   string
	Port   string // stable name, best below /dev/serial/by-id
	Baud   int
	Suffix string // "\r", "\n", "\t", or "" for silence
}

// Open starts a scanner. A missing port is no error: it is reported to the sink
// and looked for until Close.
func Open(cfg Config, sink scanner.Sink) (*device.Source, error) {
	return device.Open(device.Config{
		Name: cfg.Name, Kind: "port", Port: cfg.Port, Suffix: cfg.Suffix,
		Dial: func() (io.ReadCloser, error) { return dial(cfg.Port, cfg.Baud) },
	}, sink)
}
