package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
)

// Bounds of the tour.
const (
	stepWithin = 8 * time.Second  // until what a step waits for must have happened
	tourWithin = 90 * time.Second // all of it, also on a slow machine
	// repeat is past what the daemon takes for one scan of a code that is held
	// before the glass (contract 4: 1.5 s).
	repeat = 1600 * time.Millisecond
)

// tour is the unattended demo: what it does, and what it has seen.
type tour struct {
	*site
	out io.Writer
	seq uint64 // of the last event that was looked at
}

// tourIn runs the tour in dir and tells on out.
func tourIn(dir string, out io.Writer) (err error) {
	ctx, stop := interrupted()
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, tourWithin, fmt.Errorf("cannot finish the tour: it has taken more than %s", tourWithin))
	defer cancel()
	s, err := openSite(ctx, dir, tourPace())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	t := &tour{site: s, out: out, seq: s.loaded}
	for _, step := range []func(context.Context) error{t.printed, t.opening, t.jam, t.used, t.wrong, t.offline, t.supplier, t.user, t.repairer, t.told, t.journal, t.above} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	t.say("\nDone: every step happened as it must.")
	return nil
}

func (t *tour) say(format string, a ...any) {
	_, _ = fmt.Fprintf(t.out, format+"\n", a...) // a broken pipe fails nothing that matters
}

// printed shows the codes as a person would get them.
func (t *tour) printed(context.Context) error {
	t.say("A bank of two lockers, 34 and 12 doors, is running in this process: real lockerd,\nsimulated locks and scanner on ptys. A backend beside it, over an MQTT broker in this\nprocess, has issued seven codes:")
	for _, c := range t.codes.list {
		t.say("\ncode %d, for %s: %s", c.number, c.words, ui.Grouped(c.text))
		t.say("%s", strings.Join(c.onDark(), "\n"))
	}
	return nil
}

// expect waits for events in their order, telling all that happens meanwhile.
func (t *tour) expect(ctx context.Context, wants ...want) error {
	step, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	for _, w := range wants {
		_, err := t.feed.wait(step, t.seq, func(e *locker.Event) bool {
			t.seq = e.Seq
			t.tell(e)
			return w.matches(e)
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("cannot see %s within %s of what led to it: the bank did not do what it must", w, stepWithin)
		}
	}
	return nil
}

func (t *tour) tell(e *locker.Event) {
	if s := tell(e, t.codes.name); s.mood != hidden {
		t.say("  %s  %s", e.At.Time().Local().Format("15:04:05.000"), s.text)
	}
}

// want is an event that a step waits for; zero members match anything.
type want struct {
	kind   string
	door   locker.DoorID
	reason locker.Reason
}

func (w want) matches(e *locker.Event) bool {
	return e.Type == w.kind && (w.door.IsZero() || w.door == e.Door) && (w.reason == "" || w.reason == e.Reason)
}

// String implements fmt.Stringer.
func (w want) String() string {
	return strings.TrimSpace(strings.Join([]string{w.kind, w.door.String(), string(w.reason)}, " "))
}

// scan holds a code before the scanner.
func (t *tour) scan(n int) error {
	return t.hw.scanner.Scan(t.codes.list[n-1].text)
}

// opening: code 1 opens its door, and the person shuts it.
func (t *tour) opening(ctx context.Context) error {
	t.say("\n1. Code 1 is scanned at the serial scanner.")
	if err := t.scan(1); err != nil {
		return err
	}
	door := goods()[0].door
	return t.expect(ctx, want{kind: locker.EvCodeAccepted, door: door}, want{kind: locker.EvDoorOpened, door: door}, want{kind: locker.EvCodeUsed},
		want{kind: locker.EvItemCollected, door: door}, want{kind: locker.EvDoorClosed, door: door}, want{kind: locker.EvVisitEnded})
}

// jam: the door that code 2 would open is stuck; the bank goes on to another.
func (t *tour) jam(ctx context.Context) error {
	t.say("\n2. Door %s is jammed, then code 2 (any phone) is scanned.", jammable)
	t.hw.doors[jammable].Jam(-1)
	if err := t.scan(2); err != nil {
		return err
	}
	other := goods()[2].door
	return t.expect(ctx, want{kind: locker.EvCodeAccepted, door: jammable}, want{kind: locker.EvDoorJammed, door: jammable},
		want{kind: locker.EvDoorOut, door: jammable}, want{kind: locker.EvCodeAccepted, door: other}, want{kind: locker.EvDoorOpened, door: other},
		want{kind: locker.EvItemCollected, door: other}, want{kind: locker.EvDoorClosed, door: other})
}

// used: code 1 is past the window in which it would reopen its door.
func (t *tour) used(ctx context.Context) error {
	t.say("\n3. Code 1 is scanned once more, later than its door would be opened again for it.")
	pulses := len(t.hw.lines[1].Log().Pulses())
	if err := t.pause(ctx, max(repeat, tourPace().reopen)); err != nil {
		return err
	}
	if err := t.scan(1); err != nil {
		return err
	}
	if err := t.expect(ctx, want{kind: locker.EvScanRefused, reason: locker.Used}); err != nil {
		return err
	}
	if n := len(t.hw.lines[1].Log().Pulses()); n != pulses {
		return fmt.Errorf("cannot accept this: a refused code has pulsed %d locks", n-pulses)
	}
	return nil
}

// pause waits for a time that the contract sets.
func (t *tour) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wrong: a digit of code 3 is misread.
func (t *tour) wrong(ctx context.Context) error {
	t.say("\n4. Code 3 is scanned with a wrong digit.")
	text := []byte(t.codes.list[2].text)
	text[5] = '0' + (text[5]-'0'+1)%10
	if err := t.hw.scanner.Scan(string(text)); err != nil {
		return err
	}
	return t.expect(ctx, want{kind: locker.EvScanRefused, reason: locker.Misread})
}

// offline: the network is gone, and code 3 opens a door all the same.
func (t *tour) offline(ctx context.Context) error {
	t.say("\n5. The network is unplugged, then code 3 (a charger) is scanned.")
	if err := t.unplugged(); err != nil {
		return err
	}
	if err := t.scan(3); err != nil {
		return err
	}
	if err := t.expect(ctx, want{kind: locker.EvDoorOpened}, want{kind: locker.EvItemCollected}, want{kind: locker.EvVisitEnded}); err != nil {
		return err
	}
	return t.fleet.plug(ctx)
}

func (t *tour) unplugged() error {
	if err := t.fleet.unplug(); err != nil {
		return fmt.Errorf("cannot unplug the network: %w", err)
	}
	return nil
}

// supplier: two phones come in, each with its label, one visit.
func (t *tour) supplier(ctx context.Context) error {
	t.say("\n6. The network is back. A supplier scans code 4 and puts in two phones, scanning the label of each.")
	if err := t.scan(codeSupplier); err != nil {
		return err
	}
	return t.expect(ctx, want{kind: locker.EvDoorOpened}, want{kind: locker.EvDoorClosed}, want{kind: locker.EvItemDelivered}, want{kind: locker.EvStockChanged},
		want{kind: locker.EvCodeAccepted}, want{kind: locker.EvDoorOpened}, want{kind: locker.EvDoorClosed}, want{kind: locker.EvItemDelivered},
		want{kind: locker.EvCodeUsed}, want{kind: locker.EvVisitEnded})
}

// user: one hands in a broken phone, another leaves with a working one.
func (t *tour) user(ctx context.Context) error {
	t.say("\n7. Somebody hands in a broken phone with code 5; somebody else swaps one with code 6.")
	if err := t.scan(codeReturn); err != nil {
		return err
	}
	if err := t.expect(ctx, want{kind: locker.EvDoorOpened}, want{kind: locker.EvItemReturned}, want{kind: locker.EvVisitEnded}); err != nil {
		return err
	}
	if err := t.scan(codeSwap); err != nil {
		return err
	}
	return t.expect(ctx, want{kind: locker.EvDoorOpened}, want{kind: locker.EvItemReturned}, want{kind: locker.EvCodeAccepted},
		want{kind: locker.EvDoorOpened}, want{kind: locker.EvItemCollected}, want{kind: locker.EvVisitEnded})
}

// repairer: what is broken goes, one door after another.
func (t *tour) repairer(ctx context.Context) error {
	t.say("\n8. The repairer scans code 7 and takes out what is broken.")
	if err := t.scan(codeRepairer); err != nil {
		return err
	}
	return t.expect(ctx, want{kind: locker.EvItemCleared}, want{kind: locker.EvDoorClosed}, want{kind: locker.EvItemCleared}, want{kind: locker.EvDoorClosed},
		want{kind: locker.EvCodeUsed}, want{kind: locker.EvVisitEnded})
}

// told: stock and report have changed with all that.
func (t *tour) told(context.Context) error {
	for _, args := range [][]string{{"stock"}, {"stock", "--items"}, {"report"}} {
		t.say("\n$ lockerctl %s", strings.Join(args, " "))
		out, err := t.codes.tool.run(args...)
		if err != nil {
			return err
		}
		t.say("%s", strings.TrimRight(out, "\n"))
	}
	return nil
}

// above: the backend has every event, has acknowledged it, and counts the same.
func (t *tour) above(ctx context.Context) error {
	st, err := t.client.Status(ctx)
	if err != nil {
		return err
	}
	t.say("\n9. The backend has got what it has missed while the network was unplugged.")
	a, err := t.fleet.awaitEvents(ctx, st.Journal.Next-1)
	if err != nil {
		return err
	}
	if a.Journal.Breaks+a.Journal.Holes > 0 {
		return fmt.Errorf("cannot accept this: the chain of events has %d breaks and %d holes", a.Journal.Breaks, a.Journal.Holes)
	}
	mine, err := t.client.Stock(ctx)
	if err != nil {
		return err
	}
	if a, err = t.fleet.awaitStock(ctx, mine); err != nil {
		return err
	}
	t.say("  %d events stored and acknowledged, chain unbroken up to %.12s…", a.Journal.Stored, a.Journal.Hash)
	for _, s := range a.Stock {
		t.say("  stock at the backend: %-8s %d", s.SKU, s.Count)
	}
	return nil
}

// journal: what lockerctl prints of all this.
func (t *tour) journal(context.Context) error {
	for _, args := range [][]string{{"events"}, {"journal", "verify"}} {
		t.say("\n$ lockerctl %s", strings.Join(args, " "))
		out, err := t.codes.tool.run(args...)
		if err != nil {
			return err
		}
		t.say("%s", strings.TrimRight(out, "\n"))
		for _, c := range t.codes.list {
			if strings.Contains(out, c.text) {
				return errors.New("cannot accept this: the journal holds the text of a code")
			}
		}
	}
	return nil
}
