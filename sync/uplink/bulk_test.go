package uplink

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/sync/wire"
)

func pieces(r *rig, n int) {
	for i := range n {
		r.bank.bulk <- Outgoing{Topic: wire.TopicBundle, Payload: fmt.Appendf(nil, "piece %d", i+1)}
	}
}

// unanswered tells whether a packet is a publish on a topic.
func unanswered(topic string) func(packets.ControlPacket) bool {
	return func(p packets.ControlPacket) bool {
		m, ok := p.(*packets.PublishPacket)
		return ok && strings.HasSuffix(m.TopicName, topic)
	}
}

// TestBulkGoesSlowly: one piece at a time, at its rate.
func TestBulkGoesSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, nil)
		pieces(r, 20)
		sleep(BulkEvery*10 + BulkEvery/2)
		if n := len(r.broker.on(wire.TopicBundle)); n != 10 {
			t.Errorf("%d pieces in %v", n, BulkEvery*10)
		}
		sleep(BulkEvery * 11)
		got := r.broker.on(wire.TopicBundle)
		if len(got) != 20 || got[19].payload != "piece 20" || got[0].qos != 1 || got[0].retained {
			t.Errorf("%d pieces %+v", len(got), got)
		}
		r.stop()
	})
}

// TestBulkWaitsForEvents: while the broker has not taken an event, no piece is sent.
func TestBulkWaitsForEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deaf atomic.Bool
		deaf.Store(true)
		r := start(t, 3, func(r *rig) {
			r.broker.mute = func(p packets.ControlPacket) bool { return deaf.Load() && unanswered(wire.TopicEvents)(p) }
		})
		pieces(r, 1)
		sleep(30 * time.Second)
		if n := len(r.broker.on(wire.TopicBundle)); n != 0 {
			t.Errorf("%d pieces went before the events", n)
		}
		r.broker.cut()
		deaf.Store(false)
		sleep(10 * time.Second)
		if e, b := r.broker.on(wire.TopicEvents), r.broker.on(wire.TopicBundle); len(e) == 0 || len(b) != 1 || b[0].at < e[0].at {
			t.Errorf("events %+v, pieces %+v", e, b)
		}
		r.stop()
	})
}

// TestBulkComesAgain: a piece that the broker has not taken is sent on the next
// connection, and none is left out.
func TestBulkComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deaf atomic.Bool
		deaf.Store(true)
		r := start(t, 0, func(r *rig) {
			r.broker.mute = func(p packets.ControlPacket) bool { return deaf.Load() && unanswered(wire.TopicBundle)(p) }
		})
		pieces(r, 3)
		sleep(time.Second)
		r.broker.cut()
		deaf.Store(false)
		sleep(10 * time.Second)
		var got []string
		for _, p := range r.broker.on(wire.TopicBundle) {
			got = append(got, p.payload)
		}
		if fmt.Sprint(got) != "[piece 1 piece 2 piece 3]" {
			t.Errorf("pieces %q", got)
		}
		r.stop()
	})
}
