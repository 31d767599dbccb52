package uplink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

// sleep lets the bubble's time pass and everybody come to rest.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// rig is an uplink on a fake broker and a fake bank.
type rig struct {
	broker *fakeBroker
	bank   *fakeBank
	box    *outbox.Outbox
	log    *slog.Logger // nil: nowhere
	u      *Uplink
	stop   func() // and wait
}

func start(t *testing.T, events int, change func(*rig)) *rig {
	t.Helper()
	r := &rig{broker: newFakeBroker(), bank: newFakeBank()}
	r.box = newBox(t, newFakeJournal(events))
	if change != nil {
		change(r)
	}
	u, err := New(Config{Bank: "lon-042", URL: "mqtt://broker", DownQoS: 1}, r.bank, r.box,
		Options{Dial: r.broker.dial, Rand: func() float64 { return 1 }, Log: r.log})
	if err != nil {
		t.Fatal(err)
	}
	r.u = u
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		u.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-done
		sleep(2 * time.Minute) // calls left behind in the library end
	}
	return r
}

func TestOrderOfAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		r := start(t, 3, func(r *rig) {
			r.broker.onPacket = func(_ net.Conn, p packets.ControlPacket) {
				switch p := p.(type) {
				case *packets.ConnectPacket:
					order = append(order, "CONNECT")
				case *packets.SubscribePacket:
					order = append(order, "SUBSCRIBE "+p.Topics[0])
				case *packets.PublishPacket:
					order = append(order, strings.TrimPrefix(p.TopicName, "lockers/v1/lon-042/"))
				}
			}
		})
		synctest.Wait()
		if len(order) < 3 || !slices.Equal(order[:3], []string{"CONNECT", "SUBSCRIBE lockers/v1/lon-042/down/+", "state"}) {
			t.Errorf("order %q", order)
		}
		c := r.broker.connect(0)
		if c.ClientIdentifier != "lon-042" || c.Username != "lon-042" || !c.CleanSession || c.Keepalive != 30 {
			t.Errorf("CONNECT %v", c)
		}
		if !c.WillFlag || !c.WillRetain || c.WillQos != 1 || string(c.WillMessage) != `{"v":1,"bank":"lon-042","status":"offline","boot":17,"conn":1}` {
			t.Errorf("will %s", c.WillMessage)
		}
		for topic, want := range map[string]said{"state": {qos: 1, retained: true}, "state/doors": {qos: 1, retained: true}, "state/stock": {qos: 1, retained: true}, "state/health": {retained: true}, "up/events": {qos: 1}} {
			got := r.broker.on(topic)
			if len(got) != 1 || got[0].qos != want.qos || got[0].retained != want.retained {
				t.Errorf("%s: %+v", topic, got)
			}
		}
		var ev wire.Events
		if err := json.Unmarshal([]byte(r.broker.on("up/events")[0].payload), &ev); err != nil || len(ev.Events) != 3 || ev.Journal != "j1" {
			t.Errorf("events %+v, %v", ev, err)
		}
		r.bank.out <- Outgoing{Topic: wire.TopicReply, Payload: []byte("{}")}
		synctest.Wait()
		if len(r.broker.on("up/reply")) != 1 {
			t.Error("a reply was not published")
		}
		r.stop()
		states := r.broker.on("state")
		if last := states[len(states)-1]; last.payload != `{"v":1,"bank":"lon-042","status":"offline","boot":17,"conn":1,"reason":"shutdown"}` || !last.retained || !r.broker.bye {
			t.Errorf("goodbye %+v, DISCONNECT %v", last, r.broker.bye)
		}
		if r.bank.lost() != 1 {
			t.Errorf("Disconnected was called %d times", r.bank.lost())
		}
	})
}

// TestLastWords holds that what the bank has said before it stops is said: the
// reply to the command restart is of that moment.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(*rig) {})
		sleep(time.Second)
		var want []string
		for i := range cap(r.bank.out) {
			want = append(want, fmt.Sprintf(`{"id":"cmd-%d"}`, i))
			r.bank.out <- Outgoing{Topic: wire.TopicReply, Payload: []byte(want[i])}
		}
		r.stop()
		var got []string
		for _, m := range r.broker.on("up/reply") {
			got = append(got, m.payload)
		}
		if !slices.Equal(got, want) {
			t.Errorf("replies %v, want %v", got, want)
		}
		if states := r.broker.on("state"); !strings.Contains(states[len(states)-1].payload, "shutdown") {
			t.Errorf("the last state is %s", states[len(states)-1].payload)
		}
	})
}

// TestLastWordsOfAMuteBroker holds that a broker that takes nothing keeps no bank from stopping.
func TestLastWordsOfAMuteBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(r *rig) {
			r.broker.mute = func(p packets.ControlPacket) bool {
				m, is := p.(*packets.PublishPacket)
				return is && strings.HasSuffix(m.TopicName, "/up/reply")
			}
		})
		sleep(time.Second)
		for range cap(r.bank.out) {
			r.bank.out <- Outgoing{Topic: wire.TopicReply, Payload: []byte(`{}`)}
		}
		began := time.Since(r.broker.start)
		r.stop()
		states := r.broker.on("state")
		if last := states[len(states)-1]; !strings.Contains(last.payload, "shutdown") || last.at-began > StopTimeout/2 {
			t.Errorf("the last state is %+v, the stop began at %v", last, began)
		}
	})
}

// TestStoppedBank holds that a stop, in which the bank ends before the session, is
// no error in the log; any other failure is.
func TestStoppedBank(t *testing.T) {
	for _, stopped := range []bool{true, false} {
		var log bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 0, func(r *rig) { r.log = slog.New(slog.NewTextHandler(&log, nil)) })
			sleep(time.Minute)
			r.bank.mu.Lock()
			r.bank.fault = errors.New("no disk")
			if stopped {
				r.bank.fault = fmt.Errorf("%w: to be started again", ErrStopped)
			}
			r.bank.mu.Unlock()
			r.bank.change(1)
			sleep(time.Minute)
			r.stop()
		})
		if told := strings.Contains(log.String(), "cannot make a snapshot"); told == stopped {
			t.Errorf("stopped %v: %s", stopped, &log)
		}
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(r *rig) { r.broker.down = true })
		sleep(30 * time.Minute)
		r.stop()
		var waits []time.Duration
		for i, at := range r.broker.dialed()[1:] {
			waits = append(waits, at-r.broker.dialed()[i])
		}
		for i, w := range []float64{2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			if waits[i].Seconds() != w {
				t.Errorf("wait %d: %v, want %v s", i, waits[i], w)
			}
		}
		if r.bank.conns() != 0 {
			t.Error("a connection that never was is counted, which costs the disk a write")
		}
	})
	for try := 1; try < 100; try++ {
		if d := backoff(try, time.Second, 5*time.Minute, 0); d != time.Second {
			t.Fatalf("try %d: at least %v", try, d)
		}
	}
}

func TestReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 3, nil)
		sleep(2 * time.Minute)
		before := len(r.broker.on("up/events"))
		r.broker.cut()
		sleep(2100 * time.Millisecond)
		if r.bank.conns() != 2 || r.bank.lost() != 1 {
			t.Fatalf("%d connections, %d ended", r.bank.conns(), r.bank.lost())
		}
		if len(r.broker.on("up/events")) != before+1 {
			t.Error("what was not acknowledged was not sent again")
		}
		if !strings.Contains(string(r.broker.connect(1).WillMessage), `"conn":2`) {
			t.Errorf("will %s", r.broker.connect(1).WillMessage)
		}
		r.stop()
	})
}

func TestSnapshotRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, nil)
		synctest.Wait()
		for range 100 { // ten seconds of changes
			r.bank.change(1)
			sleep(100 * time.Millisecond)
		}
		sleep(10 * time.Second)
		stock, doors := r.broker.on("state/stock"), r.broker.on("state/doors")
		if len(stock) < 10 || len(stock) > 11 || len(doors) < 3 || len(doors) > 4 {
			t.Errorf("%d of stock, %d of doors", len(stock), len(doors))
		}
		for _, l := range []struct {
			all   []said
			every time.Duration
		}{{stock, StockEvery}, {doors, DoorsEvery}} {
			for i, s := range l.all[1:] {
				if s.at-l.all[i].at < l.every {
					t.Errorf("%s after %v", s.topic, s.at-l.all[i].at)
				}
			}
		}
		if !strings.Contains(stock[len(stock)-1].payload, `"count":100`) {
			t.Errorf("the last state of the stock is not there: %s", stock[len(stock)-1].payload)
		}
		n := len(stock)
		r.bank.change(0) // the journal grew, the stock did not change
		sleep(10 * time.Second)
		if len(r.broker.on("state/stock")) != n {
			t.Error("published without change")
		}
		if h := r.broker.on("state/health"); len(h) != 1 {
			t.Errorf("%d of health in half a minute", len(h))
		}
		sleep(time.Minute)
		if h := r.broker.on("state/health"); len(h) != 2 || h[1].at != time.Minute {
			t.Errorf("health %+v", h)
		}
		r.stop()
	})
}

// TestSnapshotsComeAgain: the states go out on each connection, unchanged and though
// the last one ended with them on their way.
func TestSnapshotsComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mute atomic.Bool
		mute.Store(true)
		r := start(t, 0, func(r *rig) {
			r.broker.mute = func(p packets.ControlPacket) bool {
				pub, ok := p.(*packets.PublishPacket)
				return ok && mute.Load() && (strings.HasSuffix(pub.TopicName, "state/doors") || strings.HasSuffix(pub.TopicName, "state/stock"))
			}
		})
		sleep(10 * time.Second)
		mute.Store(false)
		for want := 1; want <= 2; want++ {
			r.broker.cut()
			sleep(10 * time.Second)
			for _, topic := range []string{"state/doors", "state/stock"} {
				if n := len(r.broker.on(topic)); n != want {
					t.Errorf("after %d connections %s was taken %d times", want+1, topic, n)
				}
			}
		}
		r.stop()
	})
}

// TestSilence has a broker that stops answering without closing.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		r := start(t, 0, func(r *rig) {
			r.broker.mute = func(packets.ControlPacket) bool { return dead.Load() }
		})
		sleep(time.Hour)
		if r.bank.conns() != 1 {
			t.Fatalf("%d connections in a quiet hour", r.bank.conns())
		}
		dead.Store(true)
		died := time.Since(r.broker.start)
		sleep(75 * time.Second)
		if len(r.broker.dialed()) < 2 {
			t.Fatal("a dead connection is not left")
		}
		if after := r.broker.dialed()[1] - died; after < 30*time.Second || after > 70*time.Second {
			t.Errorf("left after %v", after)
		}
		r.stop()
	})
}

func TestNoPuback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 10, func(r *rig) {
			r.broker.mute = func(p packets.ControlPacket) bool {
				pub, ok := p.(*packets.PublishPacket)
				return ok && strings.HasSuffix(pub.TopicName, "up/events")
			}
		})
		sleep(PubackTimeout + 10*time.Second)
		if len(r.broker.dialed()) != 2 {
			t.Errorf("%d connections, want a second one after %v", len(r.broker.dialed()), PubackTimeout)
		}
		r.stop()
	})
}

func TestRefusedSubscription(t *testing.T) {
	for _, code := range []byte{0x80, 0x91} { // the second is MQTT 5's packet identifier in use
		t.Run(fmt.Sprintf("%#x", code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, 3, func(r *rig) { r.broker.refuse = code })
				sleep(time.Minute)
				r.stop()
				if len(r.broker.on("state")) != 0 || len(r.broker.dialed()) < 3 {
					t.Errorf("born %d times in %d connections without being heard", len(r.broker.on("state")), len(r.broker.dialed()))
				}
			})
		})
	}
}

// TestLostSubscription has a broker that forgets the subscription while the
// connection lives, and one that does not grant it again.
func TestLostSubscription(t *testing.T) {
	for _, again := range []bool{true, false} {
		t.Run(fmt.Sprint("granted again ", again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				r := start(t, 0, func(r *rig) {
					r.broker.onPacket = func(_ net.Conn, p packets.ControlPacket) {
						if s, ok := p.(*packets.SubscribePacket); ok && s.Topics[0] == "lockers/v1/lon-042/down/+" && s.Qoss[0] == 1 {
							asked.Add(1)
						}
					}
				})
				synctest.Wait()
				if !again {
					r.broker.mu.Lock()
					r.broker.refuse = 0x80
					r.broker.mu.Unlock()
				}
				sleep(SubscribeEvery + 10*time.Second)
				if n, conns := asked.Load(), r.bank.conns(); n < 2 || again && conns != 1 {
					t.Errorf("%d subscriptions in %d connections: the bank stays deaf", n, conns)
				}
				if !again && len(r.broker.dialed()) < 2 {
					t.Error("a refused subscription did not end the connection")
				}
				r.stop()
				if again && !r.broker.bye {
					t.Error("no goodbye")
				}
			})
		})
	}
}

// TestBornAgain: behind a repeated subscription comes the birth, in the same connection.
// Who has lost it has it again, and answers with what the subscription has missed.
func TestBornAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(*rig) {})
		sleep(3*SubscribeEvery + time.Minute)
		births := r.broker.on("state")
		if len(births) != 4 || r.bank.conns() != 1 {
			t.Errorf("%d births in %d connections, want 4 in 1", len(births), r.bank.conns())
		}
		for _, b := range births {
			if b.payload != births[0].payload {
				t.Errorf("a birth of this connection says %s, the first one said %s", b.payload, births[0].payload)
			}
		}
		r.stop()
	})
}

// TestSlowSubscription: a repeated SUBSCRIBE may stand behind publishes, and has as long
// as they have.
func TestSlowSubscription(t *testing.T) {
	for _, late := range []time.Duration{PubackTimeout - 5*time.Second, PubackTimeout + 5*time.Second} {
		t.Run(fmt.Sprint("answered after ", late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, 0, func(r *rig) {
					r.broker.mute = func(p packets.ControlPacket) bool {
						again := p.Details().MessageID > 1 && len(r.broker.dialed()) == 1
						if _, ok := p.(*packets.SubscribePacket); !ok || !again {
							return false
						}
						time.AfterFunc(late, func() {
							answer, _ := r.broker.answer(p)
							_ = answer.Write(r.broker.nc()) // unless it has ended
						})
						return true
					}
				})
				sleep(SubscribeEvery + 2*time.Minute)
				want := 1
				if late > PubackTimeout {
					want = 2
				}
				if n := len(r.broker.dialed()); n != want {
					t.Errorf("%d connections, want %d", n, want)
				}
				r.stop()
			})
		})
	}
}

func TestInbound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(r *rig) { r.bank.block = make(chan struct{}) })
		synctest.Wait()
		go func() {
			r.broker.push(t, "lockers/v1/lon-042/down/ack", []byte("one"), 11, false)
			r.broker.push(t, "lockers/v1/lon-042/down/codes", []byte("two"), 12, true)
			r.broker.push(t, "lockers/v1/lon-042/down/trust", bytes.Repeat([]byte("x"), MaxDown+1000), 13, false)
		}()
		sleep(time.Minute) // pings go on
		synctest.Wait()
		if r.bank.conns() != 1 || len(r.broker.acked()) != 0 {
			t.Fatalf("%d connections, acknowledged %v before the bank had anything", r.bank.conns(), r.broker.acked())
		}
		close(r.bank.block)
		synctest.Wait()
		if got := r.bank.got(); len(got) != 3 || got[0].Topic != "down/ack" || string(got[0].Payload) != "one" || got[0].Retained || !got[1].Retained || len(got[2].Payload) != MaxDown+1 {
			t.Errorf("received %d", len(got))
		}
		if !slices.Equal(r.broker.acked(), []uint16{11, 12, 13}) {
			t.Errorf("acknowledged %v", r.broker.acked())
		}
		r.stop()
	})
}

// TestFlood overruns the queue with QoS 0 while the bank is busy.
func TestFlood(t *testing.T) {
	for size, most := range map[int]int{10: InboundMessages, 60_000: InboundBytes / 60_000} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 0, func(r *rig) { r.bank.block = make(chan struct{}) })
			synctest.Wait()
			for range 2 * InboundMessages {
				r.broker.push(t, "lockers/v1/lon-042/down/codes", make([]byte, size), 0, false)
			}
			sleep(time.Minute)
			if r.u.Stats().Dropped == 0 || r.bank.born() != 1 || r.bank.conns() != 1 {
				t.Fatalf("%d dropped, %d births, %d connections while the queue is full", r.u.Stats().Dropped, r.bank.born(), r.bank.conns())
			}
			close(r.bank.block)
			synctest.Wait()
			if r.bank.born() != 2 || len(r.broker.on("state")) != 2 {
				t.Errorf("%d births: the backend can't know what is missing", r.bank.born())
			}
			if n := len(r.bank.got()); n < most || n > most+1 {
				t.Errorf("%d messages of %d bytes were kept, the bound is %d", n, size, most)
			}
			r.stop()
		})
	}
}

// TestShortLives has connections that end soon after their birth.
func TestShortLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(r *rig) {
			r.broker.kill = func(p *packets.PublishPacket) bool {
				time.Sleep(time.Second)
				return strings.HasSuffix(p.TopicName, "state/health")
			}
		})
		sleep(2 * time.Minute)
		if n := len(r.broker.dialed()); n < 4 || n > 7 {
			t.Errorf("%d connections in two minutes, want the back-off's handful", n)
		}
		r.stop()
	})
}

// TestHugePacket announces more than is ever read.
func TestHugePacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, nil)
		synctest.Wait()
		_, _ = r.broker.nc().Write([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}) // the reader may be gone before its end
		sleep(3 * time.Second)
		if r.bank.conns() != 2 {
			t.Errorf("%d connections: a packet of 256 MB is being read", r.bank.conns())
		}
		r.stop()
	})
}

// TestKillingBatch has a broker that answers events by closing.
func TestKillingBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bad atomic.Bool
		bad.Store(true)
		r := start(t, 120, func(r *rig) {
			r.broker.kill = func(p *packets.PublishPacket) bool {
				return bad.Load() && strings.HasSuffix(p.TopicName, "up/events")
			}
		})
		for range 12 * 60 { // minutes of a second
			sleep(time.Second)
			if r.box.Stats().Held {
				break
			}
		}
		dials := len(r.broker.dialed())
		sleep(Hold - time.Minute)
		if s := r.box.Stats(); !s.Held || !r.u.Stats().Connected || len(r.broker.dialed()) > dials+1 {
			t.Log(r.broker.dialed())
			t.Errorf("events held back: %v, connected: %v, %d connections meanwhile", s.Held, r.u.Stats().Connected, len(r.broker.dialed())-dials)
		}
		bad.Store(false)
		sleep(2 * time.Minute)
		got := r.broker.on("up/events")
		if len(got) == 0 || !strings.Contains(got[0].payload, `"seq":1,`) || strings.Contains(got[0].payload, "journal.gap") {
			t.Errorf("after the cure: %d batches", len(got))
		}
		r.stop()
	})
}

// TestInnocentBatch has a broker that ends each connection for something else, with a
// batch in its hands or not, as it comes: no event is given up for that.
func TestInnocentBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0, func(r *rig) {
			r.box = newBox(t, newFakeJournal(120))
			r.broker.kill = func(p *packets.PublishPacket) bool {
				return strings.HasSuffix(p.TopicName, "state/doors")
			}
			r.broker.mute = func(p packets.ControlPacket) bool { // as if the batch came behind what kills
				e, ok := p.(*packets.PublishPacket)
				return ok && strings.HasSuffix(e.TopicName, "up/events")
			}
		})
		sleep(24 * time.Hour)
		if s := r.box.Stats(); s.Replaced > 0 || s.Held {
			t.Errorf("events that no connection died of are given up: %+v", s)
		}
		r.stop()
	})
}

// Hold is the outbox's.
const Hold = outbox.Hold

func TestGuard(t *testing.T) {
	var stream []byte
	for _, n := range []int{0, 1, 127, 128, 16384, MaxPacket} {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload = "", make([]byte, max(n-2, 0))
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		stream = append(stream, b.Bytes()...)
	}
	for _, step := range []int{1, 2, 3, 1000, len(stream)} {
		var g guard
		for chunk := range slices.Chunk(stream, step) {
			if err := g.pass(chunk); err != nil {
				t.Fatalf("steps of %d: %v", step, err)
			}
		}
		if g.inside || g.skip != 0 {
			t.Errorf("steps of %d: out of step", step)
		}
		if g.pass([]byte{0x30, 0x81, 0x80, 0x10}) == nil {
			t.Errorf("steps of %d: %d bytes pass", step, MaxPacket+1)
		}
	}
}
