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

// slow tells of events that come of what is repeated by a broker in wrong hands, and
// that the journal must keep (contract 7.3): at 30 a minute they would push out what
// doors have said within days. Of those 30 may come at once, and one each minute.
func (k limitKey) slow() bool {
	return k.kind == locker.EvCommandRefused || k.kind == locker.EvConfigRejected
}

// allow tells whether the event may be written, else it counts it.
func (l limiter) allow(k limitKey, now time.Duration, e *locker.Event) bool {
	s := l[k]
	if s == nil {
		s = &limitState{since: now}
		l[k] = s
	}
	if s.counted == 0 {
		s.anew(k, now)
	}
	if s.counted == 0 && s.written < limitPerMinute {
		s.written++
		return true
	}
	s.counted++
	s.last = *e
	return false
}

// anew begins another minute if this one is over.
func (s *limitState) anew(k limitKey, now time.Duration) {
	over := now - s.since
	switch {
	case over < limitWindow:
		return
	case k.slow():
		s.written = max(0, s.written-int(over/limitWindow))
	default:
		s.written = 0
	}
	s.since = now
}

// due returns the counted events whose minute is over, and starts anew.
func (l limiter) due(now time.Duration) []locker.Event {
	var out []locker.Event
	for k, s := range l {
		if now-s.since < limitWindow {
			continue
		}
		out = s.tell(out)
		if s.anew(k, now); s.written == 0 {
			delete(l, k)
		}
	}
	return out
}

// rest returns all counted events: nobody will ask again.
func (l limiter) rest() (out []locker.Event) {
	for k, s := range l {
		out = s.tell(out)
		delete(l, k)
	}
	return out
}

func (s *limitState) tell(out []locker.Event) []locker.Event {
	if s.counted > 0 {
		s.last.N = s.counted
		out = append(out, s.last)
		s.counted = 0
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
