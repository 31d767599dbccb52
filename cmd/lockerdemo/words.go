package main

import (
	"fmt"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

// mood is how an event looks on the screen.
type mood uint8

const (
	calm   mood = iota
	glad        // a door opened as it should
	wary        // somebody should know
	alarm       // somebody should come
	hidden      // true, and of no interest here
)

// sentence is an event in plain words.
type sentence struct {
	text string
	mood mood
}

// refusals are the reasons of contract 5.3 as one would tell a person.
func refusals() map[locker.Reason]string {
	return map[locker.Reason]string{
		locker.Granted:          "",
		locker.Malformed:        "that cannot be a code",
		locker.Misread:          "misread: its check digits do not fit, scan again",
		locker.Unknown:          "unknown: nobody has issued this code here",
		locker.BadSignature:     "a ticket that nobody trusted has signed",
		locker.WrongBank:        "meant for another bank",
		locker.Revoked:          "revoked by whoever issued it",
		locker.ClockUntrusted:   "the clock is not trusted, and the code's time has not come",
		locker.NotYet:           "its time has not come yet",
		locker.Expired:          "its time is over",
		locker.Used:             "used already: a code opens once",
		locker.StaleCache:       "nothing was heard of its issuer for too long",
		locker.Busy:             "busy with another code",
		locker.DoorOutOfService: "its door is out of service or stands open",
		locker.NoStock:          "nothing left of what it gives",
		locker.NoFreeDoor:       "no free door",
		locker.BoardSilent:      "its lock board does not answer; nothing is used",
		locker.WrongLabel:       "that is no label of what should be put in",
		locker.DuplicateSerial:  "that one lies in the bank already",
	}
}

func reasonWords(r locker.Reason) string {
	if w, ok := refusals()[r]; ok {
		return w
	}
	return string(r)
}

// tell says in plain words what an event means; name gives a code its number.
func tell(e *locker.Event, name func(id string) string) sentence {
	for _, f := range []func(*locker.Event, func(string) string) (sentence, bool){tellCode, tellDoor, tellGoods, tellPart} {
		if s, ok := f(e, name); ok {
			return s
		}
	}
	return sentence{e.Type, calm}
}

func said(m mood, format string, a ...any) (sentence, bool) {
	return sentence{fmt.Sprintf(format, a...), m}, true
}

func tellCode(e *locker.Event, name func(string) string) (sentence, bool) {
	switch e.Type {
	case locker.EvScanRefused:
		who := "the code"
		if e.Code != "" {
			who = name(e.Code)
		}
		if e.N > 1 {
			return said(wary, "%d more scans refused: %s", e.N, reasonWords(e.Reason))
		}
		if e.Why != "" {
			return said(wary, "%s is refused: %s", who, e.Why)
		}
		return said(wary, "%s is refused: %s", who, reasonWords(e.Reason))
	case locker.EvCodeAccepted:
		if e.Cause == "reopening" {
			return said(calm, "%s was here a moment ago: door %s is opened again, no use is taken", name(e.Code), e.Door)
		}
		return said(calm, "%s is good for door %s: on disk, now the lock is pulsed", name(e.Code), e.Door)
	case locker.EvCodeUsed:
		return said(calm, "one use of %s is gone", name(e.Code))
	case locker.EvCodeReleased:
		return said(wary, "%s keeps its use: %s", name(e.Code), reasonWords(e.Reason))
	case locker.EvCodesApplied:
		if e.Op == "revoke" {
			return said(wary, "%s is revoked", name(e.Code))
		}
		if e.Code == "" { // it came down: the codes' own list shows what
			return said(hidden, "the bank has taken what the backend has issued or revoked")
		}
		return said(calm, "%s was issued", name(e.Code))
	case locker.EvVisitEnded:
		return said(hidden, "the visit is over: %s", e.Outcome)
	}
	return sentence{}, false
}

func tellDoor(e *locker.Event, _ func(string) string) (sentence, bool) {
	switch e.Type {
	case locker.EvDoorCommanded:
		return said(calm, "an engineer opens door %s: %s", e.Door, e.Cause)
	case locker.EvDoorOpened:
		return said(glad, "door %s is OPEN: its switch proves it, %s after the pulse", e.Door, span(e.MS))
	case locker.EvDoorClosed:
		return said(calm, "door %s was shut after %s", e.Door, span(e.MS))
	case locker.EvDoorUnproven:
		return said(wary, "door %s was pulsed; it has no switch to prove it", e.Door)
	case locker.EvDoorJammed:
		return said(alarm, "door %s JAMMED: shut still after %d pulses", e.Door, e.Tries)
	case locker.EvDoorUncertain:
		return said(alarm, "door %s: pulsed, but nobody can tell whether it opened", e.Door)
	case locker.EvDoorAjar:
		if e.Level == "alarm" {
			return said(alarm, "door %s STILL stands open: alarm", e.Door)
		}
		return said(wary, "door %s stands open for long: please shut it", e.Door)
	case locker.EvDoorForced:
		return said(alarm, "door %s was FORCED: it opened and nobody ordered it", e.Door)
	case locker.EvDoorSettled:
		return said(calm, "door %s: its opening is in doubt no more", e.Door)
	case locker.EvDoorOut:
		return said(wary, "door %s is out of service: %s", e.Door, e.Cause)
	case locker.EvDoorIn:
		return said(calm, "door %s is back in service", e.Door)
	}
	return sentence{}, false
}

// span shows milliseconds the way a person says them.
func span(m locker.Millis) string {
	ms, ok := m.One()
	if !ok {
		return "some time"
	}
	d := time.Duration(ms) * time.Millisecond
	if d < time.Second {
		return d.String()
	}
	return d.Round(100 * time.Millisecond).String()
}

func tellGoods(e *locker.Event, _ func(string) string) (sentence, bool) {
	thing := strings.TrimSpace(e.SKU + " " + e.Serial)
	switch e.Type {
	case locker.EvItemDelivered:
		return said(calm, "%s lies behind door %s now", thing, e.Door)
	case locker.EvItemReturned:
		return said(calm, "%s has come back, behind door %s: %s", thing, e.Door, e.Cond)
	case locker.EvItemCollected:
		return said(glad, "%s has left door %s", thing, e.Door)
	case locker.EvItemCleared:
		if e.Kind == locker.Clear {
			return said(glad, "%s was taken out of door %s for repair", thing, e.Door)
		}
		return said(calm, "%s was taken off the books at door %s", thing, e.Door)
	case locker.EvStockLow:
		least, n := 0, 0
		if e.Min != nil && e.Count != nil {
			least, n = *e.Min, *e.Count
		}
		return said(wary, "stock of %s is LOW: %d, there should be %d", e.SKU, n, least)
	case locker.EvItemUncertain:
		return said(wary, "%s behind door %s is in doubt: nobody can vouch for it", thing, e.Door)
	case locker.EvStockChanged:
		n := 0
		if e.Count != nil {
			n = *e.Count
		}
		return said(calm, "stock: %d free of %s (%+d)", n, e.SKU, e.Delta)
	}
	return sentence{}, false
}

func tellPart(e *locker.Event, _ func(string) string) (sentence, bool) {
	switch e.Type {
	case locker.EvBootStarted:
		return said(calm, "the bank has started")
	case locker.EvBoardLost:
		return said(alarm, "lock board %s:%d does not answer: its doors are unknown", e.Bus, address(e))
	case locker.EvBoardBack:
		return said(calm, "lock board %s:%d answers again", e.Bus, address(e))
	case locker.EvScannerLost:
		return said(alarm, "scanner %s is gone: it is looked for until it is back", e.Scanner)
	case locker.EvScannerBack:
		return said(calm, "scanner %s is back", e.Scanner)
	case locker.EvCommandDone, locker.EvCommandRefused, locker.EvCommandFailed, locker.EvCommandUnknown:
		return said(hidden, "the backend's command %s: %s", e.Command, strings.TrimPrefix(e.Type, "command."))
	case locker.EvConfigApplied:
		return said(hidden, "the bank has taken the fleet's document")
	case locker.EvClockChanged:
		return said(hidden, "the clock changed")
	}
	return sentence{}, false
}

func address(e *locker.Event) int {
	if e.Address == nil {
		return 0
	}
	return *e.Address
}
