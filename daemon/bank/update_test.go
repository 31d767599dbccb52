package bank

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// fakeUpdates notes what is ordered and answers as a test tells it.
type fakeUpdates struct {
	mu     sync.Mutex
	orders []UpdateOrder
	by     []string
	takes  time.Duration // to fetch and verify
	status UpdateStatus
	err    error
}

func (f *fakeUpdates) Order(_ context.Context, o UpdateOrder, by string) (UpdateStatus, error) {
	f.mu.Lock()
	f.orders, f.by = append(f.orders, o), append(f.by, by)
	f.mu.Unlock()
	time.Sleep(f.takes)
	return f.status, f.err
}

func (f *fakeUpdates) Status(context.Context) (UpdateStatus, error) { return f.status, f.err }

func (f *fakeUpdates) ordered() []UpdateOrder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.orders)
}

// updates attaches somebody who carries out updates.
func (r *rig) updates(f *fakeUpdates) {
	r.b.post(func() { r.b.AttachUpdates(f) })
	synctest.Wait()
}

func updateCommand(counter int64) locker.Command {
	c := command(counter, locker.CmdUpdate, 0)
	c.Args = locker.CommandArgs{Channel: "beta", Version: "1.3.0", Window: "02:00-04:00"}
	return c
}

var staged = UpdateStatus{Running: "1.2.0", Update: &UpdateTrial{Version: "1.3.0", Phase: "verified", Window: "02:00-04:00", Ordered: true}}

func TestUpdateIsOrderedOnceAndAnsweredWhenStaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		f := &fakeUpdates{takes: time.Minute, status: staged}
		r.updates(f)
		r.events()
		c := updateCommand(10)
		r.execute(c)
		time.Sleep(59 * time.Second)
		wantAnswers(t, up) // not before it is on disk
		r.execute(c)       // sent again meanwhile: no second order
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := map[string]any{"running": "1.2.0", "version": "1.3.0", "phase": "verified", "window": "02:00-04:00"}
		if len(up.replies) != 1 || up.replies[0].ID != "k10" || up.replies[0].Status != locker.ReplyDone || !maps.Equal(up.replies[0].Result, want) {
			t.Fatalf("replies %+v", up.replies)
		}
		up.answers()
		r.want("command.done")
		r.execute(c)
		time.Sleep(2 * time.Minute)
		wantAnswers(t, up, "k10=done")
		if got := f.ordered(); !slices.Equal(got, []UpdateOrder{{Channel: "beta", Version: "1.3.0", Window: "02:00-04:00"}}) || f.by[0] != byBackend {
			t.Errorf("ordered %+v by %v", got, f.by)
		}
	})
}

func TestUpdateThatIsNotTaken(t *testing.T) {
	for _, x := range []struct {
		name   string
		err    error
		reason string
		result map[string]any
	}{
		{
			"refused", &Error{Code: "refused", Text: "cannot take the update: version 1.3.0 is not newer", Cure: "nothing is to be done", Reason: "update_refused"},
			"update_refused",
			map[string]any{"error": "cannot take the update: version 1.3.0 is not newer", "cure": "nothing is to be done"},
		},
		{
			"source away", &Error{Code: "unavailable", Text: "cannot fetch", Cure: "look at the network", Reason: "update_unavailable"},
			"update_unavailable",
			map[string]any{"error": "cannot fetch", "cure": "look at the network"},
		},
		{"disk full", errors.New("no space left on device"), failedOther, map[string]any{"error": "no space left on device"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1, nil)
				up := r.link()
				r.updates(&fakeUpdates{err: x.err, status: staged})
				r.events()
				r.execute(updateCommand(10))
				synctest.Wait()
				if len(up.replies) != 1 || up.replies[0].Status != locker.ReplyFailed || up.replies[0].Reason != x.reason || !maps.Equal(up.replies[0].Result, x.result) {
					t.Errorf("replies %+v", up.replies)
				}
				r.want("command.failed " + x.reason)
			})
		})
	}
}

func TestUpdateWithoutALauncher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		r.execute(updateCommand(10))
		synctest.Wait()
		if len(up.replies) != 1 || up.replies[0].Status != locker.ReplyFailed || up.replies[0].Result["cure"] != errNoUpdates.Cure {
			t.Errorf("replies %+v", up.replies)
		}
	})
}

// A clock that is not set refuses openings, not updates: a bank that can't tell the time
// may need just that. A command past its end is refused all the same.
func TestUpdateAndTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		f := &fakeUpdates{status: staged}
		r.updates(f)
		r.clk.set(locker.ClockUnset)
		r.execute(updateCommand(10))
		wantAnswers(t, up, "k10=done")
		late := updateCommand(11)
		late.IAT, late.EXP = late.IAT.Add(-2*time.Hour), late.EXP.Add(-time.Hour)
		r.execute(late)
		wantAnswers(t, up, "k11=refused/expired")
		if got := f.ordered(); len(got) != 1 {
			t.Errorf("ordered %+v", got)
		}
	})
}

// While a program is on its way the bank serves; it leaves for a trial only when the
// command is answered and the doors are shut.
func TestUpdateHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		up := r.link()
		r.updates(&fakeUpdates{takes: 10 * time.Minute, status: staged})
		r.load(1, "SN-1")
		text := r.code(NewCode{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}})
		r.execute(updateCommand(10))
		time.Sleep(time.Minute)
		r.scan(text)
		time.Sleep(time.Second)
		r.pulses(1)
		left := make(chan error, 1)
		go func() { left <- r.b.Leave(context.Background(), func() error { return nil }) }()
		r.bus.set(1, false)
		time.Sleep(5 * time.Minute) // shut for long
		select {
		case err := <-left:
			t.Errorf("the bank left with a command unanswered: %v", err)
			return
		default:
		}
		time.Sleep(5 * time.Minute)
		wantAnswers(t, up, "k10=done")
		if err := <-left; err != nil {
			t.Error(err)
		}
	})
}

// A power cut between receipt and outcome: unknown, and not ordered again.
func TestUpdateInterruptedIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		r.link()
		r.updates(&fakeUpdates{takes: time.Hour, status: staged})
		c := updateCommand(10)
		r.execute(c)
		synctest.Wait()
		r.cut()
		r.start(1, nil)
		up, f := r.link(), &fakeUpdates{status: staged}
		r.updates(f)
		r.execute(c)
		time.Sleep(2 * time.Hour) // the fetch of before ends in the dead bank
		wantAnswers(t, up, "k10=unknown")
		if got := f.ordered(); len(got) > 0 {
			t.Errorf("ordered again: %+v", got)
		}
		if n := slices.Index(r.events(), "command.unknown"); n < 0 {
			t.Error("no command.unknown in the journal")
		}
	})
}
