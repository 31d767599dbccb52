package backend

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

// forgetful is the connection to a broker that can lose a subscription and nothing else,
// with one bank at the other end.
type forgetful struct {
	t    *testing.T
	be   *Backend
	bank *banktest.Bank

	mu       sync.Mutex
	retained map[string]Message
	granted  map[string]bool
	asked    map[string]int
	down     int
	missing  int // subscriptions to come that nothing retained answers
	barred   atomic.Bool
}

func (f *forgetful) Done() <-chan struct{} { return nil }

func (f *forgetful) Subscribe(ctx context.Context, filters ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, filter := range filters {
		f.granted[filter] = true
		f.asked[filter]++
		if f.missing > 0 {
			f.missing--
			continue
		}
		for _, topic := range slices.Sorted(maps.Keys(f.retained)) {
			if over(filter, topic) {
				f.be.Receive(ctx, f.retained[topic])
			}
		}
	}
	return nil
}

// over tells whether a filter of a backend covers a topic.
func over(filter, topic string) bool {
	ok, err := path.Match(strings.ReplaceAll(filter, "+", "*"), topic)
	return ok && err == nil
}

func (f *forgetful) Publish(_ context.Context, topic string, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down++
	f.bank.Receive(locker.TimeOf(time.Now()), strings.TrimPrefix(topic, "lockers/v1/lon-042/"), payload, false)
	return nil
}

// say is the bank's; the mutex is held.
func (f *forgetful) say(topic string, payload []byte, retained bool) {
	m := Message{Topic: "lockers/v1/lon-042/" + topic, Payload: payload}
	for filter := range f.granted {
		if over(filter, m.Topic) {
			f.be.Receive(context.Background(), m)
		}
	}
	if m.Retained = retained; retained {
		f.retained[m.Topic] = m
	}
}

func (f *forgetful) do(do func(b *banktest.Bank, now locker.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do(f.bank, locker.TimeOf(time.Now()))
}

func newForgetful(t *testing.T) *forgetful {
	t.Helper()
	time.Sleep(time.Until(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))) // signed times begin with 2020
	keys, trust := testKeys(t, "ops-1")
	be, err := New(Config{Store: NewMemory(), Keys: keys, Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{
		t: t, be: be, bank: banktest.New("lon-042", "j-1", trust),
		retained: map[string]Message{}, granted: map[string]bool{}, asked: map[string]int{},
	}
	f.bank.Say = f.say
	return f
}

func serve(t *testing.T, be *Backend, l Link) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- be.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// serveForgetful has a bank that is connected and has nothing to say but its heartbeat.
func serveForgetful(t *testing.T) *forgetful {
	t.Helper()
	f := newForgetful(t)
	serve(t, f.be, f)
	synctest.Wait()
	f.do((*banktest.Bank).Connect)
	return f
}

// beat lets time go by, with a heartbeat each minute.
func (f *forgetful) beat(d time.Duration) {
	for range d / time.Minute {
		time.Sleep(time.Minute)
		f.do((*banktest.Bank).Health)
	}
	synctest.Wait()
}

const (
	ofState     = "lockers/v1/+/state"
	ofSnapshots = "lockers/v1/+/state/+"
	ofUp        = "lockers/v1/+/up/+"
)

// unheard has the bank connect, and none of it reaches the backend but by what is retained.
func (f *forgetful) unheard() {
	f.do(func(b *banktest.Bank, now locker.Time) {
		was := f.granted
		f.granted = map[string]bool{}
		b.Connect(now)
		f.granted = was
	})
}

// swap puts another board in, which connects unheard.
func (f *forgetful) swap(journal string) {
	f.do(func(b *banktest.Bank, _ locker.Time) {
		f.bank = banktest.New(b.Name, journal, b.Keys)
		f.bank.Say = f.say
	})
	f.unheard()
}

// TestLostSubscription has a broker that loses one subscription, and keeps the
// connection.
func TestLostSubscription(t *testing.T) {
	for _, lost := range []string{ofState, ofSnapshots, ofUp} {
		t.Run(lost, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := serveForgetful(t)
				f.beat(time.Minute)
				f.do(func(b *banktest.Bank, now locker.Time) {
					delete(f.granted, lost)
					b.Emit(now, locker.Event{Type: locker.EvDoorClosed})
					b.Connect(now)
				})
				f.beat(2 * subscribeEvery)
				f.do(func(b *banktest.Bank, now locker.Time) { b.Again(now) })
				f.beat(time.Minute)
				st, _ := f.be.Bank("lon-042")
				if !st.Online || st.Conn != 2 || st.Health == nil || st.Health.Conn != 2 || st.Journal.Stored != st.Journal.Next-1 {
					t.Errorf("the backend is deaf: %+v", st)
				}
			})
		})
	}
}

// TestMissedBirth: a bank whose birth the broker has not given to the backend is known by
// what it says else, and its birth is asked for once more. Others' births come meanwhile.
func TestMissedBirth(t *testing.T) {
	for name, miss := range map[string]func(f *forgetful){
		"retained, as the backend subscribes": func(f *forgetful) {
			f.missing = int(filterCount)
			f.do((*banktest.Bank).Connect)
			serve(f.t, f.be, f)
		},
		"of another connection": func(f *forgetful) {
			serve(f.t, f.be, f)
			synctest.Wait()
			f.do((*banktest.Bank).Connect)
			f.unheard()
		},
		"of a new board": func(f *forgetful) {
			serve(f.t, f.be, f)
			synctest.Wait()
			f.do((*banktest.Bank).Connect)
			f.swap("j-2")
		},
		"of a board put back": func(f *forgetful) {
			serve(f.t, f.be, f)
			synctest.Wait()
			old := f.bank
			f.do((*banktest.Bank).Connect)
			synctest.Wait()
			f.swap("j-2")
			f.do((*banktest.Bank).Connect)
			synctest.Wait()
			f.do(func(*banktest.Bank, locker.Time) { f.bank = old })
			f.unheard()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newForgetful(t)
				miss(f)
				beat := func(d time.Duration) {
					for range d / time.Minute {
						f.beat(time.Minute)
						f.be.Receive(t.Context(), Message{Topic: "lockers/v1/par-001/state", Payload: []byte("{}")})
					}
				}
				beat(4 * time.Minute)
				id, err := f.be.Give("lon-042", openDoor)
				if err != nil {
					t.Fatal("a bank that has been speaking for four minutes can't be told anything: ", err)
				}
				synctest.Wait()
				if a, ok := f.be.ReplyTo("lon-042", id); !ok || a.Status != locker.ReplyDone {
					t.Errorf("it answers %+v", a)
				}
				f.do(func(*banktest.Bank, locker.Time) { clear(f.asked) })
				beat(2 * subscribeEvery)
				f.do(func(*banktest.Bank, locker.Time) {
					if f.asked[ofState] > 0 {
						t.Error("all births are asked for once more, though all are here")
					}
				})
			})
		})
	}
}

// TestBirthOfBefore: a backend that comes back and misses the birth on its new connection
// knows it from the one before, if the bank is still on that connection of its own.
func TestBirthOfBefore(t *testing.T) {
	for name, c := range map[string]struct {
		since  func(r *rig, b *banktest.Bank)
		online bool
	}{
		"the same":   {func(*rig, *banktest.Bank) {}, true},
		"taken dead": {func(r *rig, b *banktest.Bank) { r.say("lon-042", wire.TopicState, b.Will(), false) }, true},
		"a newer one": {func(r *rig, b *banktest.Bank) {
			b.Connect(r.at())
			r.up = nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			r.start()
			r.up = nil
			r.issue("lon-042", "acme", 2)
			c.since(r, b)
			b.Health(r.at())
			r.settle()
			if c.online {
				r.agree("lon-042")
			} else if _, err := r.be.Give("lon-042", openDoor); err == nil {
				t.Error("a door is ordered to open on a connection whose nonce is not known")
			}
		})
	}
}

// TestMissedSnapshots: a backend that comes back and is given nothing retained takes up what
// has changed of it, also of a bank that it knows by its heartbeat.
func TestMissedSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForgetful(t)
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- f.be.Serve(ctx, f) }()
		synctest.Wait()
		f.do((*banktest.Bank).Connect)
		synctest.Wait()
		cancel()
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		f.do(func(b *banktest.Bank, now locker.Time) {
			clear(f.granted)
			b.DoorsNow, b.StockNow = []wire.Door{doorWith("1-01", "laptop-14")}, []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1}}
			b.Snapshots(now)
			f.missing = int(filterCount)
		})
		serve(t, f.be, f)
		synctest.Wait()
		f.do(func(b *banktest.Bank, now locker.Time) {
			raw, err := json.Marshal(b.Birth(now))
			if err != nil {
				t.Error(err)
			}
			b.Say(wire.TopicState, raw, true) // once more, as every ten minutes
		})
		f.beats(4*time.Minute, func() { f.do((*banktest.Bank).Health) })
		if st, _ := f.be.Bank("lon-042"); st.Doors.Total != 1 || len(st.Stock) != 1 {
			t.Errorf("doors %+v, stock %+v", st.Doors, st.Stock)
		}
	})
}

// TestBirthThatNeverComes: for a bank that speaks and is never born all births are not
// asked for again and again.
func TestBirthThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := serveForgetful(t)
		for range 24 * 60 {
			f.beat(time.Minute)
			for _, topic := range []string{"lon-042/state", "par-001/state/health"} {
				f.be.Receive(t.Context(), Message{Topic: "lockers/v1/" + topic, Payload: []byte("{}")})
			}
		}
		f.do(func(*banktest.Bank, locker.Time) {
			if n, most := f.asked[ofState], 1+24*6+6; n < 24 || n > most {
				t.Errorf("births were asked for %d times in a day, want at most %d", n, most)
			}
		})
	})
}

// TestRepeatedSubscription: only what is silent is asked for again, and what is retained
// comes with it once more and does nothing.
func TestRepeatedSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := serveForgetful(t)
		f.beat(time.Minute)
		f.do(func(*banktest.Bank, locker.Time) { f.down = 0 })
		f.beat(6 * subscribeEvery)
		f.do(func(*banktest.Bank, locker.Time) {
			if f.asked[ofState] < 5 || f.asked[ofSnapshots] != 1 || f.asked[ofUp] < 5 {
				t.Errorf("asked for: %v", f.asked)
			}
			if f.down > 0 {
				t.Errorf("the bank has got %d messages, and there was nothing to say", f.down)
			}
		})
	})
}

// busy is the connection to a broker that sends all that is retained before it answers
// a SUBSCRIBE, and that is more than the queue holds.
type busy struct {
	*forgetful
	granted chan struct{}
}

func (l *busy) Subscribe(ctx context.Context, _ ...string) error {
	for range inQueue + 1 {
		l.be.Receive(ctx, Message{Topic: "lockers/v1/lon-042/state", Retained: true})
	}
	close(l.granted)
	return ctx.Err()
}

func TestRetainedBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &busy{forgetful: newForgetful(t), granted: make(chan struct{})}
		serve(t, l.be, l)
		synctest.Wait()
		select {
		case <-l.granted:
		default:
			t.Error("who reads the answer waits for room in the queue")
		}
	})
}

// writing counts what is written into the store.
type writing struct {
	*Memory
	puts []string
}

func (w *writing) Update(change func(Tx) error) error {
	return w.Memory.Update(func(tx Tx) error { return change(writingTx{tx, w}) })
}

type writingTx struct {
	Tx
	w *writing
}

func (t writingTx) Put(k, v []byte) error {
	t.w.puts = append(t.w.puts, string(k))
	return t.Tx.Put(k, v)
}

// TestRetainedOnceMore: what is retained comes with each subscription, and is older by
// then than what events have told.
func TestRetainedOnceMore(t *testing.T) {
	for name, since := range map[string]func(t *testing.T, r *rig, b *banktest.Bank){
		"nothing since": func(*testing.T, *rig, *banktest.Bank) {},
		"much since": func(t *testing.T, r *rig, b *banktest.Bank) {
			t.Helper()
			r.issue("lon-042", "acme", 3)
			give(t, r, openDoor)
			emit(r, b, 500)
			if _, err := r.be.SetDesired("lon-042", locker.Desired{CacheMaxAge: 1}); err != nil {
				t.Fatal(err)
			}
			r.settle()
			b.Send(r.at())
		},
		"another connection": func(_ *testing.T, r *rig, b *banktest.Bank) { b.Connect(r.at()) },
		"gone": func(_ *testing.T, r *rig, b *banktest.Bank) {
			r.say("lon-042", wire.TopicState, b.Will(), true)
			b.Online = false
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			store := &writing{Memory: NewMemory()}
			r.store = store
			r.start()
			b := r.bank("lon-042", "j-1")
			b.DoorsNow, b.StockNow = []wire.Door{doorWith("1-01", "laptop-14")}, []wire.StockLine{{Tenant: "acme", SKU: "laptop-14", Count: 1}}
			r.connect("lon-042")
			since(t, r, b)
			r.settle()
			before, sent := mustStatus(t, r, "lon-042"), r.sentDown
			store.puts = nil
			for _, topic := range slices.Sorted(maps.Keys(r.retained)) {
				r.up = append(r.up, r.retained[topic])
			}
			r.settle()
			if after := mustStatus(t, r, "lon-042"); after != before {
				t.Errorf("the bank is another:\n%s\n%s", before, after)
			}
			if r.sentDown != sent || len(store.puts) > 0 {
				t.Errorf("%d messages sent, %q written", r.sentDown-sent, store.puts)
			}
		})
	}
}

// TestQueueIsBoundedInBytes: whatever size the broker lets through.
func TestQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newForgetful(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		huge := make([]byte, 4*payloadBytes)
		go func() {
			defer close(done)
			for range inQueue {
				f.be.Receive(ctx, Message{Topic: "lockers/v1/lon-042/state/doors", Payload: huge})
			}
		}()
		synctest.Wait()
		if n := f.be.Counts().Queued; n != largeMax {
			t.Errorf("%d large messages wait, want %d", n, largeMax)
		}
		first := <-f.be.in
		if len(first.Payload) > payloadBytes+1 || cap(first.Payload) > 2*payloadBytes {
			t.Errorf("%d bytes are kept of one, in %d", len(first.Payload), cap(first.Payload))
		}
		f.be.took(&first)
		if err := f.be.takeGroup(first); err != nil {
			t.Fatal(err)
		}
		if st, ok := f.be.Bank("lon-042"); !ok || findings(st, FoundMalformed) < groupMax-1 {
			t.Errorf("%+v", st.Findings)
		}
		cancel()
		<-done
		if n, held := f.be.Counts().Queued, len(f.be.large); n != held {
			t.Errorf("%d wait, %d are counted", n, held)
		}
		f.be.Receive(t.Context(), Message{Topic: "lockers/v1/lon-042/state/health", Payload: []byte("{}")})
	})
}
