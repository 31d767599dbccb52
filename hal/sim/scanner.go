package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Scanner is a serial barcode scanner: a pty under a stable name.
type Scanner struct {
	link   string
	suffix string
	dir    string // ours to remove; "": none

	mu     sync.Mutex
	port   *port // nil while unplugged
	closed bool
}

// NewScanner plugs a scanner in that ends every text with suffix. Link is its
// stable name; "": in a directory of its own.
func NewScanner(link, suffix string) (*Scanner, error) {
	s := &Scanner{link: link, suffix: suffix}
	if link == "" {
		dir, err := os.MkdirTemp("", "lockersim-")
		if err != nil {
			return nil, fmt.Errorf("cannot make a place for the scanner: %w", err)
		}
		s.dir, s.link = dir, filepath.Join(dir, "scanner")
	}
	if err := s.Plug(); err != nil {
		_ = s.Close() // the first error says why
		return nil, err
	}
	return s, nil
}

// Path returns the scanner's stable name.
func (s *Scanner) Path() string { return s.link }

// Scan delivers a text and the suffix.
func (s *Scanner) Scan(text string) error { return s.Send([]byte(text + s.suffix)) }

// Send delivers bytes as they are.
func (s *Scanner) Send(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port == nil {
		return fmt.Errorf("cannot scan at %q: the scanner is unplugged", s.link)
	}
	s.port.send(append([]byte(nil), b...))
	return nil
}

// Plug brings the scanner under the same name. One that is plugged in stays as
// it is.
func (s *Scanner) Plug() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("cannot plug in %q: %w", s.link, errClosed)
	}
	if s.port != nil {
		return nil
	}
	p, err := openPort(s.link, 0)
	if err != nil {
		return err
	}
	// What the host tells the scanner is not understood by this one.
	p.start(func([]byte, time.Time) {}, newNoise(0))
	s.port = p
	return nil
}

// Unplug takes the scanner and its name away.
func (s *Scanner) Unplug() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unplug()
}

func (s *Scanner) unplug() {
	if s.port == nil {
		return
	}
	_ = os.Remove(s.link) // may be gone with its directory
	s.port.close()
	s.port = nil
}

// Close takes everything away.
func (s *Scanner) Close() error {
	s.mu.Lock()
	s.closed = true
	s.unplug()
	s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("cannot clean up after the simulated scanner: %w", err)
	}
	return nil
}
