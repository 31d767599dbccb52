package rs485

import (
	"fmt"
	"log/slog"
	"time"

	"lockerd/hal"
)

// Pauses before a port is tried again.
const (
	reopenMin = 100 * time.Millisecond
	reopenMax = 5 * time.Second
)

// run keeps the port open until Close.
func (b *bus) run() {
	defer close(b.done)
	b.line.Lock()
	defer b.line.Unlock()
	pause := reopenMin
	opened := false
	for !b.closing() {
		s, err := b.connect()
		if err == nil {
			if opened {
				b.count(func(st *hal.Stats) { st.Reopened++ })
			}
			opened = true
			err = s.serve()
			s.close()
			if s.replied {
				pause = reopenMin
			}
		}
		if b.closing() {
			break
		}
		b.portLost(err)
		b.idle(pause)
		pause = min(2*pause, reopenMax)
	}
	b.forget("the bus is closing")
}

// connect opens the port and makes all boards unasked.
func (b *bus) connect() (*session, error) {
	port, err := b.dial(b.cfg.Port, b.cfg.Baud)
	if err != nil {
		return nil, err
	}
	for _, d := range b.boards {
		d.fails, d.hold, d.retry, d.pause = 0, time.Time{}, time.Time{}, retryMin
		d.todo = b.codec.Start(d.BoardConfig)
	}
	b.sweep = sweep{}
	b.count(func(s *hal.Stats) { s.Up = true })
	if n, ok := port.(noted); ok && n.Note() != "" {
		b.log.Warn("port set up in part", slog.String("port", b.cfg.Port), slog.String("error", n.Note()))
		b.count(func(s *hal.Stats) { s.LastError = n.Note() })
	}
	b.log.Info("port open", slog.String("port", b.cfg.Port), slog.Int("baud", b.cfg.Baud))
	return newSession(b, port), nil
}

func (b *bus) portLost(err error) {
	text := err.Error()
	b.count(func(s *hal.Stats) {
		if s.Up || s.LastError != text {
			b.log.Warn("port lost", slog.String("port", b.cfg.Port), slog.String("error", text))
		}
		s.Up, s.LastError = false, text
	})
	for _, d := range b.boards {
		b.lose(d, fmt.Errorf("cannot reach board %d on bus %q: %s", d.Address, b.cfg.Name, text))
	}
}

// idle waits while there is no port; nothing can be sent meanwhile.
func (b *bus) idle(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		b.forget("the port is not open")
		select {
		case <-b.wake:
		case <-b.quit:
			return
		case <-t.C:
			return
		}
	}
}
