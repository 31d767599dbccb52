package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

func give(t *testing.T, r *rig, o Order) string {
	t.Helper()
	id, err := r.be.Give("lon-042", o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var openDoor = Order{Type: locker.CmdOpen, Args: locker.CommandArgs{Door: locker.DoorID{Locker: 1, Door: 7}}}

func TestCommandIsAnswered(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	if _, err := r.be.Give("lon-042", openDoor); !errors.As(err, new(*RefusedError)) {
		t.Errorf("an opening for a bank that is away: %v", err)
	}
	poll := give(t, r, Order{Type: locker.CmdPoll}) // waits for the bank
	r.connect("lon-042")
	if a, ok := r.be.ReplyTo("lon-042", poll); !ok || a.Status != locker.ReplyDone {
		t.Errorf("%+v %v", a, ok)
	}
	id := give(t, r, openDoor)
	r.settle()
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone {
		t.Errorf("%+v %v", a, ok)
	}
	if len(b.Done) != 2 {
		t.Errorf("done %v", b.Done)
	}
}

// TestCommandHappensOnce loses the command, then the reply, then both ends'
// connections; it is carried out once.
func TestCommandHappensOnce(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	id := give(t, r, openDoor)
	r.drain()
	r.down = nil
	r.pass(10 * time.Second)
	if len(b.Done) != 1 {
		t.Fatalf("done %v", b.Done)
	}
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone {
		t.Fatalf("%+v", a)
	}
	id = give(t, r, openDoor)
	r.allDown()
	r.up = nil // reply and event are lost
	r.connect("lon-042")
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone || len(b.Done) != 2 {
		t.Errorf("%+v %v, done %v", a, ok, b.Done)
	}
}

func TestOpeningIsNotSentAfterItsEnd(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	b.Online = false
	id := give(t, r, openDoor)
	r.settle()
	r.now = r.now.Add(31 * time.Second)
	r.connect("lon-042")
	r.pass(time.Minute)
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != Unanswered || len(b.Done) != 0 {
		t.Errorf("%+v %v, done %v", a, ok, b.Done)
	}
}

func TestOvertakenCommandIsGivenAnew(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	one, two := give(t, r, Order{Type: locker.CmdPoll}), give(t, r, Order{Type: locker.CmdPoll})
	r.drain()
	r.down[0], r.down[1] = r.down[1], r.down[0]
	r.settle()
	for _, id := range []string{one, two} {
		if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone {
			t.Errorf("%s: %+v %v", id, a, ok)
		}
	}
	if len(b.Done) != 2 {
		t.Errorf("done %v", b.Done)
	}
}

// The birth that a restored backend finds retained is older than the commands that it
// has forgotten.
func TestRestoredStoreOutgrowsTheBanksCounter(t *testing.T) {
	for _, o := range []Order{openDoor, {Type: locker.CmdPoll}} {
		r := newRig(t)
		b := r.bank("lon-042", "j-1")
		r.connect("lon-042")
		b.Counter = 900
		for n := range 2 {
			id := give(t, r, o)
			r.settle()
			if a, _ := r.be.ReplyTo("lon-042", id); (a.Status == locker.ReplyDone) != (n > 0 || !opens(o.Type)) {
				t.Errorf("%s: %+v, counter %d", o.Type, a, b.Counter)
			}
		}
	}
}

func TestRestoredStoreTakesTheBanksCounter(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	b.Counter = 900
	r.connect("lon-042")
	id := give(t, r, openDoor)
	r.settle()
	if a, _ := r.be.ReplyTo("lon-042", id); a.Status != locker.ReplyDone || b.Counter != 901 {
		t.Errorf("%+v, counter %d", a, b.Counter)
	}
}

func TestCommandsAreBounded(t *testing.T) {
	r := newRig(t)
	ids := make([]string, pendingMax)
	for i := range ids {
		ids[i] = give(t, r, Order{Type: locker.CmdPoll})
	}
	if _, err := r.be.Give("lon-042", Order{Type: locker.CmdPoll}); !errors.As(err, new(*RefusedError)) {
		t.Errorf("%v", err)
	}
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	if len(b.Done) != pendingMax {
		t.Errorf("%d done", len(b.Done))
	}
	for _, id := range ids { // all may have been answered in one commit, before anybody could ask
		if _, ok := r.be.ReplyTo("lon-042", id); !ok {
			t.Errorf("the reply to %s is forgotten", id)
		}
	}
	give(t, r, Order{Type: locker.CmdPoll})
	if st, _ := r.be.Bank("lon-042"); st.Pending != 1 || len(r.be.core.banks["lon-042"].Commands) > answeredMax+1 {
		t.Errorf("%d pending, %d kept", st.Pending, len(r.be.core.banks["lon-042"].Commands))
	}
}

// TestLateReplyIsKept: what was ordered first may be answered last.
func TestLateReplyIsKept(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	slow := give(t, r, Order{Type: locker.CmdSelfTest})
	r.drain()
	r.down = nil // lost
	for range 2 * answeredMax {
		give(t, r, Order{Type: locker.CmdPoll})
		r.settle()
	}
	r.pass(2 * commandRetry)
	if a, ok := r.be.ReplyTo("lon-042", slow); !ok || a.Status != locker.ReplyDone {
		t.Errorf("%+v %v", a, ok)
	}
}

// TestCommandIsOverWithoutItsBank: its end comes for a later process, too.
func TestCommandIsOverWithoutItsBank(t *testing.T) {
	r := newRig(t)
	id := give(t, r, Order{Type: locker.CmdPoll})
	r.start()
	r.pass(commandLife + 2*replyGrace)
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != Unanswered {
		t.Errorf("%+v %v", a, ok)
	}
}

// withoutReplies delivers to the banks what was sent, and loses their replies.
func withoutReplies(r *rig) {
	r.allDown()
	r.up = slices.DeleteFunc(r.up, func(p packet) bool { return p.topic == wire.TopicReply })
	r.settle()
}

func TestEventSettlesACommand(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	id := give(t, r, openDoor)
	withoutReplies(r)
	if a, ok := r.be.ReplyTo("lon-042", id); ok {
		t.Errorf("%+v, though the reply with the result may come yet", a)
	}
	r.pass(toldGrace)
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone || len(b.Done) != 1 {
		t.Errorf("%+v %v, done %v", a, ok, b.Done)
	}
}

// TestEventOvertakesReply: a bank may send them in this order, and the result stands
// in the reply alone.
func TestEventOvertakesReply(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	b.Answer = func(c locker.Command) *locker.Reply {
		return &locker.Reply{ID: c.ID, Status: locker.ReplyFailed, Reason: "jammed", Result: map[string]any{"error": "shut still"}}
	}
	r.connect("lon-042")
	id := give(t, r, openDoor)
	r.allDown()
	slices.SortStableFunc(r.up, func(a, b packet) int { return strings.Compare(a.topic, b.topic) }) // up/events, up/reply
	r.settle()
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyFailed || a.Result["error"] != "shut still" {
		t.Errorf("%+v %v", a, ok)
	}
}

// TestDoneIsNotGivenAnew: the journal has told that it was carried out; a bank that has
// forgotten its reply and refuses a repetition does not make it happen twice.
func TestDoneIsNotGivenAnew(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	id := give(t, r, openDoor)
	withoutReplies(r)
	late, err := json.Marshal(wire.Reply{V: 1, Bank: "lon-042", Reply: locker.Reply{ID: id, Status: locker.ReplyRefused, Reason: locker.RefusedReplayed}})
	if err != nil {
		t.Fatal(err)
	}
	r.say("lon-042", wire.TopicReply, late, false)
	r.settle()
	if a, ok := r.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone || len(b.Done) != 1 {
		t.Errorf("%+v %v, done %v", a, ok, b.Done)
	}
}

// TestARefusalOfTheBrokersOpensNothingTwice: replies are not signed. A broker that keeps an
// opening back and says that it came too late gets no second one to deliver beside it.
func TestARefusalOfTheBrokersOpensNothingTwice(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	id := give(t, r, openDoor)
	r.drain()
	for n := range anewMax {
		forged := id
		if n > 0 {
			forged = fmt.Sprintf("%s.%d", id, n)
		}
		r.say("lon-042", wire.TopicReply, mustJSON(t, wire.Reply{V: 1, Bank: "lon-042", Reply: locker.Reply{ID: forged, Status: locker.ReplyRefused, Reason: locker.RefusedReplayed}}), false)
		r.allUp()
	}
	r.settle()
	if len(b.Done) != 1 {
		t.Errorf("opened %d times: %+v", len(b.Done), b.Done)
	}
}
