package fleettest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/brokertest"
	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

// few banks are enough where each message comes several times.
const few = 3

// onBrokers runs a test on mosquitto, on mochi, and on three nodes of NATS: there backend,
// banks and who meddles are each at another node.
func onBrokers(t *testing.T, run func(*testing.T, site)) {
	t.Helper()
	t.Run("mosquitto", func(t *testing.T) {
		run(t, site{urls: []string{brokertest.StartMosquitto(t, brokertest.Options{Config: mosquittoConf}).URL()}, qos: 1})
	})
	t.Run("nats", func(t *testing.T) {
		s, _ := startNATS(t, few)
		run(t, s)
	})
	t.Run("mochi", func(t *testing.T) {
		if brokertest.Race {
			t.Skip("mochi races with itself over retained messages")
		}
		run(t, site{urls: []string{brokertest.StartMochi(t, brokertest.MochiOptions{}).URL()}, qos: 1})
	})
}

// work has each bank write more events than a window of batches holds.
func (f *fleet) work() {
	f.t.Helper()
	f.each(func(bank string) error {
		for range outbox.Window*outbox.MaxEvents + outbox.MaxEvents {
			ctx, cancel := context.WithTimeout(context.Background(), patience(f.n))
			r, err := f.be.Command(ctx, bank, backend.Order{Type: locker.CmdPoll})
			cancel()
			if err == nil && r.Status != locker.ReplyDone {
				err = fmt.Errorf("poll: %+v", r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TestBackendRestored: the backend is put back to what it was many events ago. It gets
// them all again, in order, and what banks do since, too.
func TestBackendRestored(t *testing.T) {
	onBrokers(t, func(t *testing.T, s site) {
		t.Helper()
		f := newFleet(t, few, s)
		f.all("born", func(st *backend.Status) bool { return st.Online })
		f.issue(1)
		f.all("first codes", applied)
		backup := f.store.Clone()
		upto := map[string]uint64{}
		for _, st := range f.be.Banks() {
			upto[st.Bank] = st.Journal.Stored
		}
		f.work()
		f.open(2)
		f.all("all events", func(st *backend.Status) bool {
			return applied(st) && st.Pending == 0 && st.Journal.Stored > upto[st.Bank]+outbox.Window*outbox.MaxEvents
		})
		for _, st := range f.be.Banks() {
			upto[st.Bank] = st.Journal.Stored
		}
		f.leave()
		f.store = backup
		f.serve(s.backend("restored"))
		f.issue(3) // a bank that has nothing new to say is only asked at its next heartbeat
		f.all("all events again", func(st *backend.Status) bool { return st.Journal.Stored >= upto[st.Bank] })
		f.all("all that is new", applied)
		f.once("door.opened")
		f.once("boot.started")
	})
}

// TestNodesKilled kills each node of a cluster in turn, also the backend's, while codes are
// issued: what is retained and who has subscribed is not known everywhere at once then.
// Each once: a bank whose connections end within a minute waits longer each time.
func TestNodesKilled(t *testing.T) {
	s, nodes := startNATS(t, 2*few)
	f := newFleet(t, 2*few, s)
	f.all("born", func(st *backend.Status) bool { return st.Online })
	for i, node := range nodes {
		f.issue(1)
		node.Kill()
		f.issue(2)
		node.Start()
		f.issue(3)
		f.all(fmt.Sprintf("all after the death of node %d", i+1), applied)
	}
	f.open(2)
	f.issue(4) // its event comes behind those of the opening
	f.all("openings", applied)
	f.once("door.opened")
	f.once("boot.started")
}

// echo says again what it hears: the same, later; cut off; in another bank's name.
type echo struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
	said  int
	heard chan mqtt.Message
}

func (e *echo) once(topic string, payload []byte) bool {
	k := sha256.Sum256(append([]byte(topic+"\x00"), payload...))
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.known[k]
	e.known[k] = true
	return !was
}

func (e *echo) say(c mqtt.Client, topic string, payload []byte) {
	e.once(topic, payload)
	c.Publish(topic, 1, false, payload)
	e.said++
}

// run ends with quit. What it repeats is up to 16 messages old.
func (e *echo) run(c mqtt.Client, quit <-chan struct{}) {
	var late []mqtt.Message
	for {
		var m mqtt.Message
		select {
		case m = <-e.heard:
		case <-quit:
			return
		}
		if m.Retained() || !e.once(m.Topic(), m.Payload()) {
			continue
		}
		part := strings.SplitN(m.Topic(), "/", 4)
		other := name(0)
		if part[2] == other {
			other = name(1)
		}
		e.say(c, m.Topic(), m.Payload()[:len(m.Payload())*2/3])
		e.say(c, strings.Join([]string{part[0], part[1], other, part[3]}, "/"), m.Payload())
		if late = append(late, m); len(late) == 16 {
			for i := range late {
				e.say(c, late[15-i].Topic(), late[15-i].Payload())
			}
			late = nil
		}
	}
}

// TestEchoes: everything that goes over the broker comes again: late and in another
// order, truncated, and to another bank. Nothing is lost, applied twice or taken for
// another bank's.
func TestEchoes(t *testing.T) {
	onBrokers(t, func(t *testing.T, s site) {
		t.Helper()
		f := newFleet(t, few, s)
		f.all("born", func(st *backend.Status) bool { return st.Online })
		e := &echo{known: map[[sha256.Size]byte]bool{}, heard: make(chan mqtt.Message, 1<<16)}
		o := mqtt.NewClientOptions().AddBroker(strings.Replace(s.urls[len(s.urls)-1], "mqtt://", "tcp://", 1))
		o.SetClientID(meddler).SetUsername(meddler).SetPassword(meddler + "-secret").SetOrderMatters(true)
		o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { e.heard <- m })
		c := mqtt.NewClient(o)
		if tok := c.Connect(); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
			t.Fatal("no broker: ", tok.Error())
		}
		if tok := c.Subscribe("lockers/v1/+/#", 1, nil); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
			t.Fatal("no subscription: ", tok.Error())
		}
		quit := make(chan struct{})
		var running sync.WaitGroup
		running.Go(func() { e.run(c, quit) })
		f.issue(1)
		f.all("first codes", applied)
		f.work()
		f.open(2)
		f.issue(3)
		f.all("all", func(st *backend.Status) bool { return applied(st) && st.Pending == 0 })
		close(quit)
		running.Wait()
		c.Disconnect(100)
		f.all("all, and what came late", applied)
		f.once("door.opened")
		f.once("boot.started")
		f.refused()
		t.Logf("%d messages were said again", e.said)
	})
}

// refused wants the bad ones to have been seen for what they are, at both ends.
func (f *fleet) refused() {
	f.t.Helper()
	kinds := map[string]bool{}
	for _, st := range f.be.Banks() {
		for _, x := range st.Findings {
			kinds[x.Kind] = true
		}
	}
	if !kinds[backend.FoundStranger] || !kinds[backend.FoundMalformed] {
		f.t.Errorf("the backend has found only %v", kinds)
	}
	list, _, err := f.be.Events("", 0, 1<<20)
	if err != nil {
		f.t.Fatal(err)
	}
	n := map[string]int{}
	for i := range list {
		for _, reason := range []string{wire.WrongBank, wire.Malformed, wire.BadSignature} {
			if strings.Contains(string(list[i].Raw), `"message.refused"`) && strings.Contains(string(list[i].Raw), reason) {
				n[reason]++
			}
		}
	}
	if n[wire.WrongBank] == 0 || n[wire.Malformed]+n[wire.BadSignature] == 0 {
		f.t.Errorf("the banks have refused %v", n)
	}
}
