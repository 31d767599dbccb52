package bank

import (
	"strconv"
	"time"

	"lockerd/daemon/locker"
)

// limitPerMinute events of one type for one subject are written; what comes
// beyond is counted into one event at the end of the minute (contract 7.3, 5.3).
const (
	limitPerMinute = 30
	limitWindow    = time.Minute
)

// limitKey is a type of event and the door, scanner, board or reason it is
// about. There are as many as doors, scanners and boards: the map is bounded.
type limitKey struct{ kind, subject string }

type limitState struct {
	since   time.Duration
	written int
	counted int64
	last    locker.Event // the latest that was only counted
}

type limiter map[limitKey]*limitState

// limitOf returns under which key an event is limited, if it is.
func limitOf(e *locker.Event) (limitKey, bool) {
	switch e.Type {
	case locker.EvScanRefused, locker.EvScannerLost, locker.EvScannerBack:
		return limitKey{e.Type, e.Scanner}, true
	case locker.EvBoardLost, locker.EvBoardBack:
		return limitKey{e.Type, e.Bus + "/" + strconv.Itoa(*e.Address)}, true
	case locker.EvBankTamper: // ours: a loose switch must not fill a journal
		return limitKey{e.Type, e.Bus}, true
	case locker.EvDoorAjar:
		return limitKey{e.Type, e.Door.String()}, true
	case locker.EvClockChanged, locker.EvStorageFault:
		return limitKey{e.Type, ""}, true
	case locker.EvHealthWarning, locker.EvHealthCleared:
		return limitKey{e.Type, e.Cause}, true
	case locker.EvMessageRefused:
		return limitKey{e.Type, string(e.Reason)}, true
	case locker.EvCommandRefused, locker.EvConfigRejected: // ours: a broker in wrong hands can repeat what was refused without end
		return limitKey{e.Type, string(e.Reason)}, true
	}
	return limitKey{}, false
}

// allow tells whether the event may be written, else it counts it.
func (l limiter) allow(k limitKey, now time.Duration, e *locker.Event) bool {
	s := l[k]
	if s == nil || now-s.since >= limitWindow && s.counted == 0 {
		s = &limitState{since: now}
		l[k] = s
	}
	if s.counted == 0 && s.written < limitPerMinute {
		s.written++
		return true
	}
	s.counted++
	s.last = *e
	return false
}

// due returns the counted events whose minute is over, and starts anew.
func (l limiter) due(now time.Duration) []locker.Event {
	return l.take(func(s *limitState) bool { return now-s.since >= limitWindow })
}

// rest returns all counted events: nobody will ask again.
func (l limiter) rest() []locker.Event { return l.take(func(*limitState) bool { return true }) }

func (l limiter) take(over func(*limitState) bool) []locker.Event {
	var out []locker.Event
	for k, s := range l {
		if !over(s) {
			continue
		}
		delete(l, k)
		if s.counted > 0 {
			s.last.N = s.counted
			out = append(out, s.last)
		}
	}
	return out
}

// next returns when a counted event is due.
func (l limiter) next() (time.Duration, bool) {
	at, ok := time.Duration(0), false
	for _, s := range l {
		if s.counted > 0 && (!ok || s.since+limitWindow < at) {
			at, ok = s.since+limitWindow, true
		}
	}
	return at, ok
}
