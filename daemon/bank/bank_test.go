package bank

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/scanner"
)

func at(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

func collect(n int) NewCode         { return NewCode{Kind: locker.Collect, Door: at(n)} }
func collectSKU() NewCode           { return NewCode{Kind: locker.Collect, SKU: "laptop-14"} }
func uses(n int, c NewCode) NewCode { c.Uses = &n; return c }

// in runs a test on a bank of n doors in virtual time.
func in(t *testing.T, n int, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, n, nil)
		r.want("boot.started crash")
		f(r)
	})
}

func TestCollectByDoor(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.load(2, "SN-1")
		r.want("item.delivered 1-02 SN-1 ready", "stock.changed 1-02 +1=1")
		text := r.code(collect(2))
		r.want("codes.applied 1-02", "stock.changed 1-02 -1=0")
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(2)
		r.want("code.accepted 1-02", "door.opened 1-02", "code.used 1-02", "item.collected 1-02 SN-1 ready")
		r.bus.set(2, false)
		time.Sleep(2 * time.Second)
		r.want("door.closed 1-02", "visit.ended done")
		r.scan(text) // within the reopen window: no use, no stock
		time.Sleep(time.Second)
		r.pulses(2)
		r.want("code.accepted 1-02 reopening", "door.opened 1-02")
		r.bus.set(2, false)
		time.Sleep(2*time.Minute + 2*time.Second)
		r.want("door.closed 1-02", "visit.ended done")
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses()
		r.want("scan.refused used")
	})
}

func TestCollectBySKUMovesStock(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.load(3, "SN-3")
		time.Sleep(time.Second)
		r.load(1, "SN-1")
		text := r.code(collectSKU())
		r.events()
		r.scan(text)
		time.Sleep(time.Second)
		r.want("code.accepted 1-03", "door.opened 1-03", "code.used 1-03", "item.collected 1-03 SN-3 ready", "stock.changed 1-03 -1=1")
		r.pulses(3)
	})
}

func TestJamGoesOnToOneOtherDoor(t *testing.T) {
	in(t, 4, func(r *rig) {
		for i := 1; i <= 3; i++ {
			r.load(i, "SN-"+string(rune('0'+i)))
		}
		text := r.code(collectSKU())
		r.events()
		r.bus.edit(func() { r.bus.doors[0].jammed = -1 })
		r.scan(text)
		time.Sleep(11 * time.Second)
		r.pulses(1, 1, 1, 2)
		r.want("code.accepted 1-01", "door.jammed 1-01", "door.out_of_service 1-01 jammed", "stock.changed 1-01 -1=2",
			"code.accepted 1-02", "door.opened 1-02", "code.used 1-02", "item.collected 1-02 SN-2 ready", "stock.changed 1-02 -1=1")
	})
}

func TestTwoJamsReleaseTheCode(t *testing.T) {
	in(t, 4, func(r *rig) {
		for i := 1; i <= 3; i++ {
			r.load(i, "SN-"+string(rune('0'+i)))
		}
		text := r.code(collectSKU())
		r.events()
		r.bus.edit(func() { r.bus.doors[0].jammed, r.bus.doors[1].jammed = -1, -1 })
		r.scan(text)
		time.Sleep(20 * time.Second)
		r.pulses(1, 1, 1, 2, 2, 2)
		r.want("code.accepted 1-01", "door.jammed 1-01", "door.out_of_service 1-01 jammed", "stock.changed 1-01 -1=2",
			"code.accepted 1-02", "door.jammed 1-02", "door.out_of_service 1-02 jammed", "stock.changed 1-02 -1=1",
			"code.released 1-02 door_out_of_service", "visit.ended refused")
		r.scan(text) // released: the third door gives it
		time.Sleep(time.Second)
		r.pulses(3)
	})
}

// TestLateOpeningOfAJammedDoor: it opens after the last try and before the next
// door's pulse: that counts, and no other door opens.
func TestLateOpeningOfAJammedDoor(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.load(1, "SN-1")
		r.load(2, "SN-2")
		text := r.code(collectSKU())
		r.events()
		// The third pulse does it, but only after the three seconds of proving.
		r.bus.edit(func() { r.bus.doors[0].jammed, r.bus.doors[0].late = 2, 2937*time.Millisecond })
		r.scan(text)
		time.Sleep(15 * time.Second)
		r.pulses(1, 1, 1)
		got := r.events()
		if got[1] != "door.jammed 1-01" {
			t.Fatal("the board was read in between: ", got)
		}
		want := []string{
			"code.accepted 1-01", "door.jammed 1-01", "door.out_of_service 1-01 jammed", "stock.changed 1-01 -1=1",
			"door.opened 1-01", "code.used 1-01", "item.collected 1-01 SN-1 ready",
		}
		if len(got) != len(want) {
			t.Fatalf("events %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("events %v, want %v", got, want)
			}
		}
		r.scan(text)
		r.want("scan.refused used")
	})
}

func TestSilentBoard(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.load(1, "SN-1")
		text := r.code(collect(1))
		r.events()
		r.bus.edit(func() { r.bus.silent = true })
		time.Sleep(time.Second)
		r.want("board.lost no reply")
		r.scan(text)
		r.want("scan.refused board_silent")
		r.bus.edit(func() { r.bus.silent, r.bus.mute = false, true })
		time.Sleep(time.Second)
		r.want("board.back")
		r.scan(text) // pulsed, then silence: uncertain
		time.Sleep(4 * time.Second)
		r.pulses(1)
		r.want("code.accepted 1-01", "board.lost no reply", "door.uncertain 1-01", "item.uncertain 1-01 SN-1 uncertain", "visit.ended abandoned")
		r.bus.edit(func() { r.bus.silent, r.bus.mute, r.bus.doors[0].open = false, false, false })
		time.Sleep(time.Second)
		r.want("board.back")
		r.scan(r.code(collect(1))) // another code: the item is in doubt
		r.want("codes.applied 1-01", "scan.refused no_stock")
		r.scan(text) // the same code, the same door
		time.Sleep(time.Second)
		r.pulses(1)
		r.want("code.accepted 1-01 again", "door.opened 1-01", "code.used 1-01", "item.collected 1-01 SN-1 uncertain")
	})
}

func TestNotSentReleases(t *testing.T) {
	in(t, 2, func(r *rig) {
		text := r.code(collect(1))
		r.events()
		r.bus.edit(func() { r.bus.dead = true })
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses()
		r.want("code.accepted 1-01", "code.released 1-01 board_silent", "visit.ended refused")
		r.bus.edit(func() { r.bus.dead = false })
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(1)
	})
}

// TestRestart cuts the power between commit and outcome.
func TestRestart(t *testing.T) {
	for name, open := range map[string]bool{"found open": true, "found closed": false} {
		t.Run(name, func(t *testing.T) {
			in(t, 2, func(r *rig) {
				r.load(1, "SN-1")
				text := r.code(collectSKU())
				r.events()
				r.bus.edit(func() { r.bus.doors[0].jammed = -1 })
				r.scan(text)
				synctest.Wait()
				r.pulses(1)
				r.want("code.accepted 1-01")
				r.cut()
				r.bus.edit(func() { r.bus.doors[0] = fakeDoor{open: open} })
				r.start(2, nil)
				time.Sleep(time.Second)
				if open {
					r.want("boot.started crash", "boot.recovered 1-01 opened", "code.used 1-01", "item.collected 1-01 SN-1 ready", "stock.changed 1-01 -1=0")
					r.scan(text)
					r.want("scan.refused used")
					r.pulses()
					return
				}
				r.want("boot.started crash", "boot.recovered 1-01 uncertain", "item.uncertain 1-01 SN-1 uncertain", "stock.changed 1-01 -1=0")
				r.pulses() // nothing by itself
				r.scan(text)
				time.Sleep(time.Second)
				r.pulses(1)
				r.want("code.accepted 1-01 again", "door.opened 1-01", "code.used 1-01", "item.collected 1-01 SN-1 uncertain")
			})
		})
	}
}

func TestForcedAndAjar(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.load(1, "SN-1")
		r.events()
		r.bus.set(1, true)
		time.Sleep(3 * time.Minute)
		r.want("door.forced 1-01", "item.uncertain 1-01 SN-1 uncertain", "stock.changed 1-01 -1=0", "door.ajar 1-01 warn", "door.ajar 1-01 alarm")
		r.scan(r.code(collect(2)))
		time.Sleep(3 * time.Minute)
		r.want("codes.applied 1-02", "code.accepted 1-02", "door.opened 1-02", "code.used 1-02", "door.ajar 1-02 warn", "door.ajar 1-02 alarm", "visit.ended abandoned")
		r.bus.set(2, false)
		time.Sleep(2 * time.Second)
		r.want("door.closed 1-02")
	})
}

func TestOpenDoorIsNotOpenedAgain(t *testing.T) {
	in(t, 2, func(r *rig) {
		text := r.code(collect(1))
		r.bus.set(1, true)
		time.Sleep(2 * time.Second)
		r.events()
		r.scan(text)
		r.want("scan.refused door_out_of_service")
		r.pulses()
	})
}

func TestRefusalsAreCounted(t *testing.T) {
	in(t, 1, func(r *rig) {
		text := r.code(collect(1))
		r.events()
		for i := range 200 {
			r.scan(access.WithCheck("12345678901234567890" + string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10), '0'})))
		}
		r.scan(text) // valid codes are served throughout
		time.Sleep(10 * time.Second)
		r.pulses(1)
		got := r.events()
		if len(got) != 30+3 || got[0] != "scan.refused unknown" || got[30] != "code.accepted 1-01" {
			t.Fatalf("%d events: %v", len(got), got)
		}
		time.Sleep(time.Minute)
		if got := r.events(); got[len(got)-1] != "scan.refused unknown n=170" {
			t.Fatalf("after the minute: %v", got)
		}
	})
}

func TestMalformedMisreadTicket(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.b.Scanned(scanner.Scan{Scanner: "front", Malformed: true, At: time.Now()})
		r.scan("31415926535897932384626433")
		r.scan("31415926535897932384626434")
		digits := make([]byte, 120)
		for i := range digits {
			digits[i] = '7'
		}
		r.scan(string(digits))
		r.want("scan.refused malformed", "scan.refused misread", "scan.refused unknown", "scan.refused bad_signature")
	})
}

func TestWindowAndClock(t *testing.T) {
	in(t, 1, func(r *rig) {
		c := uses(0, collect(1))
		c.TTL = time.Hour
		text := r.code(c)
		r.events()
		r.clk.mu.Lock()
		r.clk.offset, r.clk.status = -2*time.Hour, locker.ClockUnset // a clock that woke up in the past
		r.clk.mu.Unlock()
		r.scan(text)
		r.want("clock.changed", "scan.refused clock_untrusted")
		r.clk.mu.Lock()
		r.clk.status = locker.ClockHeld
		r.clk.mu.Unlock()
		r.scan(text)
		r.want("clock.changed", "scan.refused not_yet")
		r.clk.mu.Lock()
		r.clk.offset = 2 * time.Hour
		r.clk.mu.Unlock()
		r.scan(text)
		r.want("scan.refused expired")
		r.pulses()
	})
}

// TestExpiryGivesTheItemBack: a code that names a door takes its item out of
// the count, its end brings it back.
func TestExpiryGivesTheItemBack(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.load(1, "SN-1")
		c := collect(1)
		c.TTL = time.Hour
		r.code(c)
		r.want("item.delivered 1-01 SN-1 ready", "stock.changed 1-01 +1=1", "codes.applied 1-01", "stock.changed 1-01 -1=0")
		time.Sleep(time.Hour + time.Second)
		r.want("stock.changed 1-01 +1=1")
		id := r.issue(collect(1))
		if err := r.b.RevokeCode(r.t.Context(), id, "test"); err != nil {
			t.Fatal(err)
		}
		r.want("codes.applied 1-01", "stock.changed 1-01 -1=0", "codes.applied", "stock.changed 1-01 +1=1")
	})
}

func (r *rig) issue(n NewCode) string {
	n.TTL = time.Hour
	c, err := r.b.NewCode(context.Background(), n, "test")
	if err != nil {
		r.t.Fatal(err)
	}
	return c.ID
}

func TestFailedCommitMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		text := r.code(collect(1))
		r.st.mu.Lock()
		r.st.fail = errors.New("no space left on device")
		r.st.mu.Unlock()
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses()
		select {
		case err := <-r.ended:
			if err == nil {
				t.Error("the bank ended without an error")
			}
			r.ended <- err
		default:
			t.Error("the bank goes on after a failed commit")
		}
	})
}

func TestControl(t *testing.T) {
	in(t, 3, func(r *rig) {
		ctx := r.t.Context()
		r.load(1, "SN-1")
		r.events()
		res, err := r.b.Open(ctx, at(1), "stuck parcel", "jo")
		if err != nil || res.Outcome != "opened" {
			t.Fatal(res, err)
		}
		r.want("door.commanded 1-01 stuck parcel", "door.opened 1-01", "item.uncertain 1-01 SN-1 uncertain", "stock.changed 1-01 -1=0")
		if _, err := r.b.Open(ctx, at(1), "again", "jo"); err == nil {
			t.Error("an open door was opened")
		}
		if err := r.b.SetService(ctx, at(2), false, "jo"); err != nil {
			t.Fatal(err)
		}
		r.scan(r.code(collect(2)))
		r.want("door.out_of_service 1-02 control", "codes.applied 1-02", "scan.refused door_out_of_service")
		if err := r.b.SetService(ctx, at(2), true, "jo"); err != nil {
			t.Fatal(err)
		}
		r.want("door.in_service 1-02 control")
		r.bus.set(1, false)
		time.Sleep(2 * time.Second)
		if err := r.b.SetStock(ctx, at(1), &locker.Item{SKU: "laptop-14", Serial: "SN-1"}, "jo"); err != nil {
			t.Fatal(err)
		}
		r.want("door.closed 1-01", "item.delivered 1-01 SN-1 ready", "stock.changed 1-01 +1=1")
		var e *Error
		if err := r.b.SetStock(ctx, at(2), &locker.Item{SKU: "laptop-14", Serial: "SN-1"}, "jo"); !errors.As(err, &e) || e.Cure == "" {
			t.Errorf("a serial twice: %v", err)
		}
		if _, err := r.b.Open(ctx, at(9), "", "jo"); !errors.As(err, &e) || e.Code != "not_found" {
			t.Errorf("no such door: %v", err)
		}
	})
}

func TestServiceVisit(t *testing.T) {
	in(t, 2, func(r *rig) {
		text := r.code(NewCode{Kind: locker.Service})
		r.events()
		r.scan(text)
		r.want()
		for n := 1; n <= 2; n++ {
			if res, err := r.b.Open(r.t.Context(), at(n), "", "jo"); err != nil || res.Outcome != "opened" {
				t.Fatal(res, err)
			}
			r.bus.set(n, false)
			time.Sleep(2 * time.Second)
		}
		time.Sleep(2 * time.Minute)
		r.want("code.accepted 1-01", "door.opened 1-01", "code.used 1-01", "door.closed 1-01",
			"code.accepted 1-02", "door.opened 1-02", "door.closed 1-02", "visit.ended done")
		r.scan(text)
		r.want("scan.refused used")
	})
}

// TestVisitsDoNotWait: one door stands open, another jams, the third visitor is
// served at once.
func TestVisitsDoNotWait(t *testing.T) {
	in(t, 3, func(r *rig) {
		texts := []string{r.code(collect(1)), r.code(collect(2)), r.code(collect(3))}
		r.bus.edit(func() { r.bus.doors[1].jammed = -1 })
		r.scanAt("front", texts[0])
		r.scanAt("back", texts[1])
		time.Sleep(time.Second)
		r.events()
		r.pulses(1, 2)
		r.scanAt("front", texts[2])
		synctest.Wait()
		r.pulses(3)
	})
}

func TestSensorlessDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, func(c *Config) { c.Doors[0].Sensor = false })
		r.load(1, "SN-1")
		text := r.code(collectSKU())
		r.events()
		r.scan(text)
		time.Sleep(time.Minute)
		r.want("code.accepted 1-01", "door.unproven 1-01", "code.used 1-01", "item.collected 1-01 SN-1 ready", "stock.changed 1-01 -1=0", "door.closed 1-01", "visit.ended done")
	})
}

func TestFlappingGoesOut(t *testing.T) {
	in(t, 1, func(r *rig) {
		for i := range 30 {
			r.bus.set(1, i%2 == 0)
			time.Sleep(510 * time.Millisecond)
		}
		got := r.events()
		if got[len(got)-1] != "door.out_of_service 1-01 flapping" {
			t.Fatal(got)
		}
	})
}

var _ hal.Bus = (*fakeBus)(nil)

// TestStandingOverARestart: a door that an engineer has opened and left open is
// no forced door after a power cut, whatever was put behind it meanwhile.
func TestStandingOverARestart(t *testing.T) {
	in(t, 2, func(r *rig) {
		for _, n := range []int{1, 2} {
			if _, err := r.b.Open(r.t.Context(), at(n), "look", "jo"); err != nil {
				t.Fatal(err)
			}
		}
		r.load(2, "SN-2")
		r.events()
		r.cut()
		r.start(2, nil)
		time.Sleep(3 * time.Second)
		r.want("boot.started crash")
		r.bus.set(1, false)
		r.bus.set(2, false)
		time.Sleep(2 * time.Second)
		r.want("door.closed 1-01", "door.closed 1-02")
	})
}
