package bank

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// fakeUplink notes what the bank answers.
type fakeUplink struct {
	replies []locker.Reply
	resync  []uint64
}

func (f *fakeUplink) Reply(r locker.Reply) { f.replies = append(f.replies, r) }
func (f *fakeUplink) Resync(from uint64)   { f.resync = append(f.resync, from) }
func (f *fakeUplink) Status() LinkStatus   { return LinkStatus{} }

// answers returns the replies since the last call as id=status/reason.
func (f *fakeUplink) answers() []string {
	synctest.Wait()
	var out []string
	for _, r := range f.replies {
		s := r.ID + "=" + r.Status
		if r.Reason != "" {
			s += "/" + r.Reason
		}
		out = append(out, s)
	}
	f.replies = nil
	return out
}

func (r *rig) link() *fakeUplink {
	f := &fakeUplink{}
	r.b.post(func() { r.b.uplink, r.b.nonce = f, "n1" })
	synctest.Wait()
	return f
}

// command returns an order that nothing is wrong with.
func command(counter int64, kind string, door int) locker.Command {
	now := locker.TimeOf(time.Now())
	c := locker.Command{ID: fmt.Sprintf("k%d", counter), Type: kind, IAT: now, EXP: now.Add(20 * time.Second), Counter: counter, Nonce: "n1"}
	if door > 0 {
		c.Args.Door = locker.DoorID{Locker: 1, Door: uint8(door)}
	}
	return c
}

func (r *rig) execute(c locker.Command) {
	r.t.Helper()
	if _, err := r.b.Execute(context.Background(), c); err != nil {
		r.t.Fatal(err)
	}
}

func TestCommandOpensOnceAndAnswersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, nil)
		up := r.link()
		r.load(2, "SN-1")
		r.events()
		c := command(10, locker.CmdOpen, 2)
		r.execute(c)
		time.Sleep(time.Second)
		r.pulses(2)
		r.want("door.commanded 1-02 command k10", "door.opened 1-02", "item.uncertain 1-02 SN-1 uncertain", "stock.changed 1-02 -1=0", "command.done 1-02")
		wantAnswers(t, up, "k10=done")
		r.execute(c) // the stored reply, no action
		time.Sleep(time.Second)
		r.pulses()
		r.want()
		wantAnswers(t, up, "k10=done")
		again := c
		again.ID = "other"
		r.execute(again)
		r.want("command.refused 1-02 replayed")
		wantAnswers(t, up, "other=refused/replayed")
	})
}

func wantAnswers(t *testing.T, up *fakeUplink, want ...string) {
	t.Helper()
	if got := up.answers(); !slices.Equal(got, want) {
		t.Fatalf("replies %v, want %v", got, want)
	}
}

// A power cut between receipt and outcome: unknown, and never repeated.
func TestCommandInterruptedIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, nil)
		r.link()
		r.bus.edit(func() { r.bus.doors[0].jammed = -1 })
		c := command(10, locker.CmdOpen, 1)
		r.execute(c)
		synctest.Wait()
		r.pulses(1)
		r.cut()
		r.bus.edit(func() { r.bus.doors[0].jammed = 0 })
		r.start(3, nil)
		up := r.link()
		r.execute(c)
		time.Sleep(10 * time.Second)
		r.pulses()
		wantAnswers(t, up, "k10=unknown")
		if n := slices.Index(r.events(), "command.unknown 1-01"); n < 0 {
			t.Error("no command.unknown in the journal")
		}
	})
}

func TestCommandRefusals(t *testing.T) {
	door := func(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }
	for _, x := range []struct {
		name string
		edit func(*locker.Command)
		set  func(*rig)
		want string
	}{
		{"counter not above", func(c *locker.Command) { c.Counter = 0 }, nil, locker.RefusedReplayed},
		{"past its time", func(c *locker.Command) { c.IAT -= 60_000; c.EXP -= 60_000 }, nil, locker.RefusedExpired},
		{"nonce of another connection", func(c *locker.Command) { c.Nonce = "n0" }, nil, locker.RefusedWrongNonce},
		{"no nonce", func(c *locker.Command) { c.Nonce = "" }, nil, locker.RefusedWrongNonce},
		{"no nonce before the first birth", func(c *locker.Command) { c.Nonce = "" }, func(r *rig) { r.b.post(func() { r.b.nonce = "" }) }, locker.RefusedWrongNonce},
		{"open_all with another nonce", func(c *locker.Command) { c.Type, c.Args, c.Nonce = locker.CmdOpenAll, locker.CommandArgs{}, "n0" }, nil, locker.RefusedWrongNonce},
		{"open_all, clock unset", func(c *locker.Command) { c.Type, c.Args = locker.CmdOpenAll, locker.CommandArgs{} }, func(r *rig) { r.clk.set(locker.ClockUnset) }, locker.RefusedClockUntrusted},
		{"lives too long", func(c *locker.Command) { c.EXP = c.IAT.Add(31 * time.Second) }, nil, locker.RefusedMalformed},
		{"no door", func(c *locker.Command) { c.Args.Door = locker.DoorID{} }, nil, locker.RefusedMalformed},
		{"unknown type", func(c *locker.Command) { c.Type = "dance" }, nil, locker.RefusedMalformed},
		{"resync without from", func(c *locker.Command) { c.Type = locker.CmdResync }, nil, locker.RefusedMalformed},
		{"unknown door", func(c *locker.Command) { c.Args.Door = door(9) }, nil, locker.RefusedUnknownDoor},
		{"clock unset", nil, func(r *rig) { r.clk.set(locker.ClockUnset) }, locker.RefusedClockUntrusted},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 3, nil)
				up := r.link()
				if x.set != nil {
					x.set(r)
				}
				c := command(7, locker.CmdOpen, 1)
				if x.edit != nil {
					x.edit(&c)
				}
				r.execute(c)
				time.Sleep(5 * time.Second)
				r.pulses()
				wantAnswers(t, up, "k7=refused/"+x.want)
				ev := r.events()
				if last := ev[len(ev)-1]; last != "command.refused "+sp(c.Args.Door.String())+x.want {
					t.Errorf("journal ends with %q", last)
				}
			})
		})
	}
}

func sp(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

func (c *fakeClock) set(s locker.Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = s
}

func TestCommandsOfOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, nil)
		up := r.link()
		r.events()
		r.execute(command(1, locker.CmdOutOfService, 1))
		r.execute(command(2, locker.CmdInService, 1))
		set := command(3, locker.CmdSetStock, 2)
		set.Args.Item = &locker.Item{Tenant: "acme", SKU: "laptop-14", Serial: "SN-7", Condition: locker.Ready}
		r.execute(set)
		from := uint64(1)
		re := command(4, locker.CmdResync, 0)
		re.Args.From = &from
		r.execute(re)
		r.execute(command(5, locker.CmdPoll, 0))
		r.execute(command(6, locker.CmdIdentify, 3))
		r.want("door.out_of_service 1-01 command", "command.done 1-01", "door.in_service 1-01 command", "command.done 1-01",
			"item.delivered 1-02 SN-7 ready", "stock.changed 1-02 +1=1", "command.done 1-02", "command.done", "command.done", "command.done 1-03")
		wantAnswers(t, up, "k1=done", "k2=done", "k3=done", "k4=done", "k5=done", "k6=done")
		if !slices.Equal(up.resync, []uint64{1}) {
			t.Errorf("resync from %v", up.resync)
		}
		r.pulses()
	})
}

// open_all goes on past a door that jams, and says which one.
func TestCommandOpensAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 3, nil)
		up := r.link()
		r.bus.edit(func() { r.bus.doors[1].jammed = -1 })
		r.execute(command(1, locker.CmdOpenAll, 0))
		time.Sleep(time.Minute)
		r.pulses(1, 2, 2, 2, 3)
		synctest.Wait()
		if len(up.replies) != 1 || up.replies[0].Status != locker.ReplyFailed || up.replies[0].Result["opened"] != 2 {
			t.Errorf("replies %+v", up.replies)
		}
	})
}

// restart waits until no door is open.
func TestCommandRestartWaitsForClosedDoors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		up := r.link()
		r.execute(command(1, locker.CmdOpen, 1))
		time.Sleep(time.Second)
		r.execute(command(2, locker.CmdRestart, 0))
		time.Sleep(time.Minute)
		wantAnswers(t, up, "k1=done", "k2=done")
		select {
		case <-r.b.Restart():
			t.Fatal("restarts while a door is open")
		default:
		}
		r.bus.set(1, false)
		time.Sleep(2 * time.Second)
		select {
		case <-r.b.Restart():
		default:
			t.Fatal("does not restart")
		}
	})
}

// Stored replies are bounded, and so is what a flood of replays leaves behind.
func TestCommandBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		for i := range int64(maxReplies + 10) {
			r.execute(command(i+1, locker.CmdPoll, 0))
		}
		synctest.Wait()
		if n := len(r.b.commands.Replies); n != maxReplies {
			t.Errorf("%d replies kept", n)
		}
		up.answers()
		r.events()
		old := command(1, locker.CmdPoll, 0)
		for range 1000 {
			r.execute(old)
		}
		if n := len(r.events()); n != limitPerMinute {
			t.Errorf("%d events of 1,000 replays", n)
		}
	})
}

// A signed command that makes no sense is answered, once journaled, and answered
// again.
func TestCommandRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		up := r.link()
		r.events()
		for range 3 {
			if err := r.b.RejectCommand(context.Background(), "k9", locker.CmdOpen, 9); err != nil {
				t.Fatal(err)
			}
		}
		r.want("command.refused malformed")
		wantAnswers(t, up, "k9=refused/malformed", "k9=refused/malformed", "k9=refused/malformed")
		r.pulses()
	})
}
