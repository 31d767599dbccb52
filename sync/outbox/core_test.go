package outbox

import (
	"testing"
	"time"
)

const ackTimeout = 5 * time.Second

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// fill sends whole batches until the core wants no more, and returns how many.
func fill(t *testing.T, c *core, now time.Time) int {
	t.Helper()
	n := 0
	for {
		from, most, ok := c.want(now)
		if !ok {
			return n
		}
		b := Batch{First: from, Last: from + uint64(most) - 1}
		if !c.send(from, b) {
			t.Fatalf("batch from %d was wanted and is not taken", from)
		}
		c.taken(b.Last, now)
		if n++; n > Window {
			t.Fatal("more batches than the window")
		}
	}
}

func TestWindow(t *testing.T) {
	c := newCore(0, ackTimeout)
	if n := fill(t, &c, t0); n != 0 {
		t.Fatalf("%d batches without connection", n)
	}
	c.connected(t0)
	if n := fill(t, &c, t0); n != Window {
		t.Fatalf("%d batches, want %d", n, Window)
	}
	if c.ack(49, t0); fill(t, &c, t0) != 0 {
		t.Error("an acknowledgement inside a batch made room")
	}
	if c.ack(100, t0); fill(t, &c, t0) != 2 {
		t.Error("an acknowledgement of two batches did not make room for two")
	}
	if c.ack(100, t0) || c.ack(7, t0) {
		t.Error("a lower acknowledgement counts as news")
	}
}

func TestAckTimeout(t *testing.T) {
	c := newCore(0, ackTimeout)
	c.connected(t0)
	now := t0
	var waits []time.Duration
	var batches []int
	for range 6 {
		batches = append(batches, fill(t, &c, now))
		if from, _, _ := c.want(now); from == 1 {
			t.Fatal("nothing sent")
		}
		if c.tick(c.due.Add(-1)) {
			t.Fatal("timeout too early")
		}
		waits = append(waits, c.due.Sub(now))
		now = c.due
		if !c.tick(now) {
			t.Fatal("no timeout")
		}
	}
	wantWaits := []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute}
	wantBatches := []int{4, 4, 4, 4, 1, 1}
	for i := range waits {
		if waits[i] != wantWaits[i] || batches[i] != wantBatches[i] {
			t.Errorf("round %d: %d batches for %v, want %d for %v", i, batches[i], waits[i], wantBatches[i], wantWaits[i])
		}
	}
	fill(t, &c, now)
	c.ack(50, now)
	if n := fill(t, &c, now); n != Window || c.due != now.Add(ackTimeout) {
		t.Errorf("after progress %d batches and a wait of %v", n, c.due.Sub(now))
	}
}

func TestPatienceBeginsWithTheBroker(t *testing.T) {
	c := newCore(0, ackTimeout)
	c.connected(t0)
	c.send(1, Batch{First: 1, Last: 10})
	if c.tick(t0.Add(time.Hour)) {
		t.Fatal("timeout while the link still carries the batch")
	}
	c.taken(10, t0)
	if !c.tick(t0.Add(ackTimeout)) {
		t.Fatal("no timeout after the broker had it")
	}
	c.send(1, Batch{First: 1, Last: 10})
	c.send(11, Batch{First: 11, Last: 20})
	c.taken(10, t0)
	c.ack(10, t0)
	if !c.due.IsZero() {
		t.Error("time runs for a batch that the link still carries")
	}
	c.ack(20, t0)
	c.taken(20, t0) // the PUBACK is late
	if !c.due.IsZero() {
		t.Error("a late PUBACK of what is acknowledged lets time run")
	}
}

func TestConnectionSendsAgain(t *testing.T) {
	c := newCore(0, ackTimeout)
	c.connected(t0)
	fill(t, &c, t0)
	c.ack(60, t0)
	c.lost(t0, false)
	if _, _, ok := c.want(t0); ok {
		t.Fatal("wants to send without a connection")
	}
	c.connected(t0)
	if from, _, _ := c.want(t0); from != 61 {
		t.Fatalf("begins at %d, want 61", from)
	}
	c.ack(170, t0) // for what went over the last connection
	if from, _, _ := c.want(t0); from != 171 {
		t.Fatalf("goes on at %d, want 171", from)
	}
}

func TestResync(t *testing.T) {
	c := newCore(1000, ackTimeout)
	c.connected(t0)
	fill(t, &c, t0)
	if c.ack(400, t0) {
		t.Fatal("a restored backend's acknowledgement counts before it asked to go back")
	}
	c.resync(401)
	if from, _, _ := c.want(t0); from != 401 {
		t.Fatalf("begins at %d, want 401", from)
	}
	fill(t, &c, t0)
	if !c.ack(450, t0) {
		t.Fatal("an acknowledgement after the resync is no news")
	}
	if c.send(1001, Batch{First: 1001, Last: 1050}) {
		t.Fatal("a batch made before the resync was taken")
	}
}

// TestDoubt kills each connection with the first batch in the broker's hands.
func TestDoubt(t *testing.T) {
	c := newCore(0, ackTimeout)
	now := t0
	die := func() (b Batch, sent bool) {
		c.connected(now)
		now = now.Add(DefaultQuiet)
		from, most, ok := c.want(now)
		if !ok {
			c.lost(now, false)
			return b, false
		}
		b = Batch{First: from, Last: from + uint64(most) - 1}
		c.send(from, b)
		c.lost(now, true)
		return b, true
	}
	for i := range 3 * Tries {
		b, sent := die()
		if whole := b.Last == MaxEvents; !sent || b.First != 1 || whole != (i < Tries) {
			t.Fatalf("try %d: sent %v, %d to %d", i, sent, b.First, b.Last)
		}
		if aside := c.doubt.aside == 1; aside != (i >= 2*Tries-1 && i < 3*Tries-1) {
			t.Fatalf("try %d: event set aside: %v", i, aside)
		}
	}
	if _, sent := die(); sent {
		t.Fatal("sent while held")
	}
	if c.connected(now); !c.wake(now).Equal(now.Add(Hold - DefaultQuiet)) {
		t.Fatal("does not wake at the end of the pause")
	}
	now = now.Add(Hold)
	if b, sent := die(); !sent || b.Last != 1 {
		t.Fatal("after the pause events do not go one by one")
	}
	if _, sent := die(); !sent || c.doubt.aside != 0 {
		t.Fatal("after the pause no gap has a try, or the event is still set aside")
	}
	if _, sent := die(); sent {
		t.Fatal("not held again")
	}
	now = now.Add(Hold)
	c.connected(now)
	now = now.Add(DefaultQuiet)
	for want := uint64(1); want <= MaxEvents; want++ {
		from, most, ok := c.want(now)
		if !ok || from != want || most != 1 {
			t.Fatalf("event %d: %d events from %d", want, most, from)
		}
		c.send(from, Batch{First: from, Last: from})
		c.taken(from, now)
		c.ack(from, now)
	}
	if _, most, _ := c.want(now); most != MaxEvents {
		t.Fatal("doubt did not end with the batch")
	}
}

// TestAcquitted has connections that end with events and without any.
func TestAcquitted(t *testing.T) {
	c := newCore(0, ackTimeout)
	for range 2 {
		for range 2*Tries - 1 {
			c.connected(t0)
			from, most, _ := c.want(t0.Add(DefaultQuiet))
			c.send(from, Batch{First: from, Last: from + uint64(most) - 1})
			c.lost(t0, true)
		}
		c.connected(t0)
		if _, _, ok := c.want(t0.Add(DefaultQuiet - 1)); ok || !c.wake(t0).Equal(t0.Add(DefaultQuiet)) {
			t.Fatal("an event in doubt goes out on a connection that has shown nothing yet")
		}
		c.lost(t0, false)
	}
	c.connected(t0)
	if _, most, ok := c.want(t0); !ok || most != MaxEvents || c.doubt.aside != 0 {
		t.Fatalf("after a connection that ended without events: %+v", c.doubt)
	}
}

// TestSuspect has the second of two batches end each connection, before the backend
// can acknowledge the first.
func TestSuspect(t *testing.T) {
	c := newCore(0, ackTimeout)
	for i := range 2 * Tries {
		c.connected(t0)
		now := t0.Add(DefaultQuiet)
		for !c.lostBy(now, 60) {
			if c.next > 60 {
				t.Fatalf("try %d: event 60 is behind, %+v", i, c.doubt)
			}
		}
	}
	if c.doubt.aside != 60 {
		t.Errorf("no gap goes in the place of the event that ends each connection: %+v", c.doubt)
	}
}

// lostBy sends a batch, and ends the connection if an event is in it; the broker takes
// every other one. Single events are acknowledged, batches too late.
func (c *core) lostBy(now time.Time, event uint64) bool {
	from, most, _ := c.want(now)
	b := Batch{First: from, Last: from + uint64(most) - 1}
	c.send(from, b)
	if b.First <= event && event <= b.Last {
		c.lost(now, true)
		return true
	}
	c.taken(b.Last, now)
	if most == 1 {
		c.ack(b.Last, now)
	}
	return false
}

// TestLateAck has an acknowledgement of before a resync come after it.
func TestLateAck(t *testing.T) {
	c := newCore(1000, ackTimeout)
	c.connected(t0)
	c.resync(401)
	if c.ack(1000, t0) {
		t.Fatal("what the backend has asked for again counts as acknowledged")
	}
	if n := fill(t, &c, t0); n != Window {
		t.Fatalf("%d batches after a resync", n)
	}
	if c.ack(1000, t0); c.acked != 600 {
		t.Errorf("acknowledged up to %d, sent up to 600", c.acked)
	}
}

// TestGapAfterPause has a broker that at first takes no event at all, and then all but
// one.
func TestGapAfterPause(t *testing.T) {
	c := newCore(0, ackTimeout)
	now := t0
	for range 3 * Tries {
		c.connected(now)
		now = now.Add(DefaultQuiet)
		c.lostBy(now, 1)
	}
	now = now.Add(Hold)
	c.connected(now)
	if now = now.Add(DefaultQuiet); !c.lostBy(now, 1) || c.doubt.aside != 1 {
		t.Errorf("after the pause the event blocks all others for ever: %+v", c.doubt)
	}
}

// TestSmallerBatches has a broker that takes each batch and loses those of more than ten
// events, with a backend that is silent about that, and with one that asks.
func TestSmallerBatches(t *testing.T) {
	for name, asks := range map[string]bool{"silent": false, "asks": true} {
		t.Run(name, func(t *testing.T) {
			c := newCore(0, ackTimeout)
			c.connected(t0)
			begun := t0
			for now := t0; c.acked < 1000; {
				from, most, ok := c.want(now)
				switch {
				case now.Sub(begun) > time.Hour:
					t.Fatalf("at event %d after an hour: %+v", c.acked, c)
				case ok:
					last := from + uint64(most) - 1
					c.send(from, Batch{First: from, Last: last})
					c.taken(last, now)
					if most <= 10 && from == c.acked+1 {
						c.ack(last, now)
					}
				case asks:
					now = now.Add(time.Second)
					c.resync(c.acked + 1)
				default:
					now = c.due
					c.tick(now)
				}
			}
			for !t.Failed() && c.most < MaxEvents { // the broker is mended
				from, most, _ := c.want(begun)
				c.send(from, Batch{First: from, Last: from + uint64(most) - 1})
				c.ack(from+uint64(most)-1, begun)
			}
		})
	}
}
