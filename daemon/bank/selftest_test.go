package bank

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// TestSelfTestDoubtsWhatCannotBe has a board whose doors all say open.
func TestSelfTestDoubtsWhatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 4, func(c *Config) {
			c.Verify = func(context.Context) (VerifyResult, error) { return VerifyResult{OK: true}, nil }
		})
		bad := func() string {
			lines, err := r.b.SelfTest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, l := range lines {
				if !l.OK {
					out = append(out, l.What)
				}
				if !l.OK && l.Cure == "" {
					t.Errorf("%q has no cure", l.What)
				}
			}
			return strings.Join(out, ", ")
		}
		for door := 1; door <= 3; door++ {
			r.bus.set(door, true)
		}
		time.Sleep(5 * time.Second)
		if got := bad(); got != "" {
			t.Errorf("three of four doors open: found %q", got)
		}
		r.bus.set(4, true)
		time.Sleep(5 * time.Second)
		if got := bad(); got != "feedback bus a board 1" {
			t.Errorf("found %q", got)
		}
	})
}

// TestCureOfADoor: nobody is sent to put in service what the backend keeps out.
func TestCureOfADoor(t *testing.T) {
	const mend, ask = "lockerctl service in 1-07", "desired document"
	for _, c := range []struct {
		out       []locker.Cause
		mend, ask bool
	}{
		{[]locker.Cause{locker.CauseJammed}, true, false},
		{[]locker.Cause{locker.CauseDesired}, false, true},
		{[]locker.Cause{locker.CauseJammed, locker.CauseDesired}, true, true},
	} {
		d := &slot{spec: DoorSpec{ID: locker.DoorID{Locker: 1, Door: 7}}, rec: locker.DoorRecord{Out: c.out}}
		if cure := d.cure(); strings.Contains(cure, mend) != c.mend || strings.Contains(cure, ask) != c.ask {
			t.Errorf("%v: %q", c.out, cure)
		}
	}
}
