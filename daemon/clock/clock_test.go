package clock

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lockerd/daemon/locker"
)

// fake is a system clock that a test sets. It stands still otherwise.
type fake struct {
	mu     sync.Mutex
	now    time.Time
	synced bool
}

func (*fake) String() string { return "fake" }

func (f *fake) Read() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.synced
}

func (f *fake) set(t locker.Time, synced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now, f.synced = t.Time(), synced
}

func at(t *testing.T, s string) locker.Time {
	t.Helper()
	var v locker.Time
	if err := v.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return v
}

func wantNow(t *testing.T, c *Clock, want locker.Time, status locker.Clock) {
	t.Helper()
	r := c.Read()
	if r.Now != want || r.Status != status {
		t.Errorf("bank time is %s %s, want %s %s", r.Now, r.Status, want, status)
	}
}

func TestColdStartAt1970(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{}
		src.set(5000, false)
		saved := at(t, "2026-11-22T10:00:00Z")
		c := New(src, saved)
		wantNow(t, c, saved, locker.ClockUnset)
		time.Sleep(time.Hour)
		wantNow(t, c, saved.Add(time.Hour), locker.ClockUnset)

		ntp := at(t, "2026-11-23T08:00:00Z")
		src.set(ntp, true)
		wantNow(t, c, ntp, locker.ClockSynced)
		if c.Floor() != ntp {
			t.Errorf("synced time did not raise the floor: %s", c.Floor())
		}
		src.set(ntp.Add(time.Second), false)
		time.Sleep(time.Second)
		wantNow(t, c, ntp.Add(time.Second), locker.ClockHeld)
	})
}

func TestNoFloorNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{}
		c := New(src, 0)
		time.Sleep(time.Hour)
		wantNow(t, c, 0, locker.ClockUnset)
		if r := c.Read(); r.System != 0 || r.Floor != 0 {
			t.Errorf("made a time out of nothing: %+v", r)
		}
	})
}

func TestJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{}
		noon := at(t, "2026-11-22T12:00:00Z")
		src.set(noon, true)
		c := New(src, 0)
		wantNow(t, c, noon, locker.ClockSynced)

		src.set(at(t, "1970-01-01T00:00:10Z"), false) // back, sync lost
		time.Sleep(10 * time.Second)
		wantNow(t, c, noon.Add(10*time.Second), locker.ClockHeld)

		src.set(noon.Add(-time.Hour), true) // back, and the kernel says synced
		wantNow(t, c, noon.Add(10*time.Second), locker.ClockSynced)

		src.set(noon.Add(48*time.Hour), false) // forth, unsynced: shown, but no floor
		wantNow(t, c, noon.Add(48*time.Hour), locker.ClockHeld)
		if got := c.Floor(); got != noon.Add(10*time.Second) {
			t.Errorf("an unsynced jump moved the floor to %s", got)
		}
		src.set(noon.Add(time.Minute), true) // set right
		wantNow(t, c, noon.Add(time.Minute), locker.ClockSynced)
	})
}

func TestSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{}
		saved := at(t, "2026-11-22T10:00:00Z")
		c := New(src, saved)
		iat := saved.Add(24 * time.Hour)
		c.Signed(iat)
		wantNow(t, c, iat, locker.ClockHeld)
		c.Signed(saved) // an older one vouches, but lowers nothing
		wantNow(t, c, iat, locker.ClockHeld)
		c.ConnectionLost()
		time.Sleep(time.Second)
		wantNow(t, c, iat.Add(time.Second), locker.ClockUnset)
	})
}

func TestRaise(t *testing.T) {
	c := New(&fake{}, 1000)
	c.Raise(500)
	if c.Floor() >= 60_000 || c.Floor() < 1000 {
		t.Errorf("floor is %d after a lower raise", c.Floor())
	}
	c.Raise(3_600_000)
	if c.Floor() < 3_600_000 {
		t.Errorf("floor is %d, want at least 3600000", c.Floor())
	}
	if c.Status() != locker.ClockUnset {
		t.Error("a raise is no ground for trust")
	}
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fake{}
		far := at(t, "2036-01-01T00:00:00Z")
		c := New(src, far)
		c.Signed(far)
		today := at(t, "2026-11-22T10:00:00Z")
		if r := c.Reset(today); r.Now != today || r.Floor != today || r.Status != locker.ClockUnset {
			t.Errorf("after a reset: %+v", r)
		}
		time.Sleep(time.Minute)
		wantNow(t, c, today.Add(time.Minute), locker.ClockUnset)

		src.set(today.Add(time.Hour), true)
		if r := c.Reset(today); r.Now != today.Add(time.Hour) || r.Status != locker.ClockSynced {
			t.Errorf("a synced clock was not believed after a reset: %+v", r)
		}
		src.set(0, false)
		if r := c.Reset(today); r.Status != locker.ClockHeld {
			t.Errorf("a reset forgot that the clock was synced in this run: %+v", r)
		}
	})
}

// TestNeverBack drives a clock at random: the floor line never falls, and bank
// time falls only when an unsynchronised system clock was ahead of the floor.
func TestNeverBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src := &fake{}
		var mono time.Duration
		c := New(src, locker.Time(rapid.Int64Range(0, 2e12).Draw(rt, "floor")))
		c.mono = func() time.Duration { return mono }
		last := c.Read()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				src.set(locker.Time(rapid.Int64Range(0, 2e12).Draw(rt, "system")), rapid.Bool().Draw(rt, "synced"))
			case 1:
				mono += time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(rt, "wait"))
			case 2:
				c.Signed(locker.Time(rapid.Int64Range(0, 2e12).Draw(rt, "signed")))
			case 3:
				c.ConnectionLost()
			case 4:
				c.Raise(locker.Time(rapid.Int64Range(0, 2e12).Draw(rt, "raise")))
			}
			r := c.Read()
			aheadUnsynced := last.System > last.Floor
			switch {
			case r.Floor < last.Floor:
				rt.Fatalf("the floor fell from %s to %s", last.Floor, r.Floor)
			case r.Now < r.Floor || r.Now < r.System:
				rt.Fatalf("bank time %s is behind its grounds: %+v", r.Now, r)
			case r.Now < last.Now && !aheadUnsynced:
				rt.Fatalf("bank time fell from %s to %s", last.Now, r.Now)
			case last.Floor > 0 && r.Floor-last.Floor < locker.Time((r.Mono-last.Mono).Milliseconds())-1:
				rt.Fatalf("the floor did not keep pace: %+v then %+v", last, r)
			}
			last = r
		}
	})
}

func TestConcurrent(t *testing.T) {
	c := New(System(), 1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				c.Now()
				c.Signed(locker.Time(i))
				c.ConnectionLost()
				c.Raise(locker.Time(i))
				c.Reset(locker.Time(i))
			}
		})
	}
	wg.Wait()
}
