package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lockerd/hal"
)

// Byte9600 is the time of one byte, ten bits, at 9600 baud.
const Byte9600 = 10 * time.Second / 9600

// LineConfig says what hangs on one line. Only Family and Boards must be
// given.
type LineConfig struct {
	Family   string        // one of the catalogue
	Link     string        // stable path of the port, a symbolic link; "": in a directory of its own
	ByteTime time.Duration // how long a byte is on the wire; 0: no time at all
	LockByte int           // cu48: byte that carries the lock number, 2 or 1; 0: 2
	Boards   []BoardConfig
}

// Line is one pty with boards on it.
type Line struct {
	cfg    LineConfig
	family family
	speak  dialect
	log    Log
	timers timers
	dir    string // ours to remove; "": none
	boards []*Board

	mu      sync.Mutex // guards the model: boards, coils, doors, and what follows
	person  Person
	echo    bool
	garbage int

	plugMu sync.Mutex // guards the port, and orders plugging and unplugging
	port   *port      // nil while unplugged
	noise  *noise
	closed bool
}

// NewLine builds a line and plugs it in.
func NewLine(cfg LineConfig) (*Line, error) {
	l, err := newLine(cfg)
	if err != nil {
		return nil, err
	}
	if l.cfg.Link == "" {
		if l.dir, err = os.MkdirTemp("", "lockersim-"); err != nil {
			return nil, fmt.Errorf("cannot make a place for the port: %w", err)
		}
		l.cfg.Link = filepath.Join(l.dir, "port")
	}
	if err := l.Plug(); err != nil {
		_ = l.Close() // the first error says why
		return nil, err
	}
	return l, nil
}

// newLine builds a line without a port.
func newLine(cfg LineConfig) (*Line, error) {
	fam, err := findFamily(cfg.Family)
	if err != nil {
		return nil, err
	}
	l := &Line{cfg: cfg, family: fam, speak: fam.speak(cfg)}
	for _, bc := range cfg.Boards {
		b, err := newBoard(l, bc)
		if err != nil {
			return nil, err
		}
		l.boards = append(l.boards, b)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.boards {
		b.powerOn()
	}
	return l, nil
}

// Path returns the stable name of the port.
func (l *Line) Path() string { return l.cfg.Link }

// Log returns what has happened.
func (l *Line) Log() *Log { return &l.log }

// Board returns the board that was built with an address; nil: none was.
func (l *Line) Board(address int) *Board {
	for _, b := range l.boards {
		if b.cfg.Address == address {
			return b
		}
	}
	return nil
}

// Boards returns all boards in the order of the configuration.
func (l *Line) Boards() []*Board { return append([]*Board(nil), l.boards...) }

// Door returns the door of a lock; nil: there is none.
func (l *Line) Door(lock hal.Lock) *Door {
	b := l.Board(lock.Address)
	if b == nil {
		return nil
	}
	return b.Door(lock.Channel)
}

// Swap crosses the wires of two coils, as an installer does: each drives the
// other's lock, while the switches stay where they are.
func (l *Line) Swap(a, b hal.Lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ca, cb := l.Board(a.Address).coils[a.Channel-1], l.Board(b.Address).coils[b.Channel-1]
	ca.door, cb.door = cb.door, ca.door
}

// Garbage returns how many bytes came that belong to no request.
func (l *Line) Garbage() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.garbage
}

// Close takes everything away.
func (l *Line) Close() error {
	l.plugMu.Lock()
	l.closed = true
	l.unplug()
	l.plugMu.Unlock()
	l.timers.close()
	if l.dir == "" {
		return nil
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return fmt.Errorf("cannot clean up after the simulated line: %w", err)
	}
	return nil
}

// later runs fn after d with the model locked.
func (l *Line) later(d time.Duration, fn func()) {
	l.timers.after(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		fn()
	})
}
