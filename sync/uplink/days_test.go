package uplink

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// badLink decides by chance how each connection fares, and is the backend at its end.
type badLink struct {
	t      *testing.T
	rnd    *rand.Rand
	broker *fakeBroker

	mu           sync.Mutex
	good         bool   // from now on nothing fails
	left         int    // packets until the present connection fails
	how          int    // it does
	upto         uint64 // events the backend has
	gaps         int    // events it will never have
	twice, conns int
}

// Ways of a connection to fail.
const (
	isCut  = iota // at a packet
	isMute        // nothing is answered any more, pings neither
	isLazy        // pings are answered, nothing else
	isDeaf        // all is taken, and nothing comes down until the bank subscribes again
	ways
)

// packet sees each packet in front of the broker; true: it is left unanswered.
func (l *badLink) packet(p packets.ControlPacket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := p.(*packets.ConnectPacket); ok {
		l.left, l.how, l.conns = int(l.rnd.ExpFloat64()*30), l.rnd.IntN(ways), l.conns+1
	}
	l.left--
	if _, ok := p.(*packets.SubscribePacket); ok && l.how == isDeaf && l.left <= 0 {
		l.left, l.how = 30, isCut
	}
	if l.good || l.left > 0 || l.how == isDeaf {
		if p, ok := p.(*packets.PublishPacket); ok && strings.HasSuffix(p.TopicName, wire.TopicEvents) {
			l.take(p.Payload)
		}
		return false
	}
	switch l.how {
	case isCut:
		_ = l.broker.nc().Close()
		return true
	case isMute:
		return true
	}
	_, ping := p.(*packets.PingreqPacket)
	return !ping
}

// take is the backend's: it applies what is next and acknowledges, mostly.
func (l *badLink) take(payload []byte) {
	var m wire.Events
	if err := json.Unmarshal(payload, &m); err != nil {
		l.t.Errorf("%.80q: %v", payload, err)
		return
	}
	for _, line := range m.Events {
		var e locker.Event
		if err := json.Unmarshal(line, &e); err != nil {
			l.t.Errorf("%.80q: %v", line, err)
		}
		switch {
		case e.Seq <= l.upto:
			l.twice++
		case e.Seq == l.upto+1:
			l.upto = e.Seq
			if e.Type == locker.EvJournalGap {
				l.gaps++
			}
		}
	}
	if l.good || l.left > 0 && l.rnd.IntN(4) > 0 {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload = "lockers/v1/lon-042/down/ack", strconv.AppendUint(nil, l.upto, 10)
		go func(nc net.Conn) { _ = p.Write(nc) }(l.broker.nc()) // else it is lost
	}
}

// TestDaysOfABadLink: ten days in which no connection lasts for long, then a good
// hour. All events are there, none is a gap, and nothing is left behind: the bubble
// itself fails the test for a goroutine that does not end.
func TestDaysOfABadLink(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		l := &badLink{t: t, rnd: rand.New(rand.NewPCG(seed, 1))}
		j := newFakeJournal(10)
		r := start(t, 0, func(r *rig) {
			l.broker = r.broker
			r.broker.mute = l.packet
			r.box = newBox(t, j)
			r.bank.handle = func(m Inbound) {
				if n, err := strconv.ParseUint(string(m.Payload), 10, 64); err == nil {
					r.box.Acked(n)
				}
			}
		})
		days, most := 10, 0
		if testing.Short() {
			days = 2
		}
		for range days * 24 * 4 {
			sleep(15 * time.Minute)
			j.add(1 + l.rnd.IntN(5))
			r.bank.change(1)
			most = max(most, runtime.NumGoroutine())
		}
		l.mu.Lock()
		l.good = true
		l.mu.Unlock()
		sleep(time.Hour)
		r.stop()
		l.mu.Lock()
		defer l.mu.Unlock()
		if want := j.Next() - 1; l.upto != want || l.gaps > 0 || r.box.Stats().Acked != want {
			t.Errorf("the backend has %d events and %d gaps of %d; %+v", l.upto, l.gaps, want, r.box.Stats())
		}
		if most > 200 {
			t.Errorf("%d goroutines at a time", most)
		}
		t.Logf("%d connections, %d events, %d came again, at most %d goroutines; %+v", l.conns, l.upto, l.twice, most, r.box.Stats())
	})
}
