package rollout_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/backend/rollout"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

const (
	banks      = 200
	faulty     = 10 // 5 %
	prefix     = "lockers/test"
	oldVersion = "1.2.0"
	newVersion = "1.3.0"
	patience   = 2 * time.Minute
)

func keys(t *testing.T) (backend.Key, *wire.Keys) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	k := wire.Key{KID: "ops-1", Public: public, Tenant: "*", May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}}
	set, err := wire.NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	return backend.Key{KID: k.KID, Signer: private, Tenant: k.Tenant}, set
}

func newBackend(t *testing.T) (*backend.Backend, *wire.Keys) {
	t.Helper()
	k, trust := keys(t)
	be, err := backend.New(backend.Config{Store: backend.NewMemory(), Keys: []backend.Key{k}, Trust: trust, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return be, trust
}

// newBanks makes model banks, of which some take the update for a faulty one.
func newBanks(t *testing.T, trust *wire.Keys) []*banktest.Bank {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	list := make([]*banktest.Bank, banks)
	for i := range list {
		name := fmt.Sprintf("bank-%03d", i)
		list[i] = banktest.New(name, "j-"+name, trust)
		list[i].Version, list[i].Updates = oldVersion, &banktest.Updates{Offers: newVersion}
	}
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(banks)[:faulty] {
		list[i].Updates.Fault = "2 starts did not get ready"
	}
	return list
}

func plan() rollout.Plan {
	return rollout.Plan{
		Version: newVersion, Steps: []int{5, 25, 100}, Failures: rollout.Limit{N: 3, Percent: true}, Silent: rollout.Limit{N: 10, Percent: true},
		Stop: rollout.Limit{N: 10, Percent: true}, Deadline: rollout.Span(time.Hour), Parallel: 40,
	}
}

// await waits until the backend's state is what a test wants.
func await(t *testing.T, be *backend.Backend, what string, is func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		c := be.Changed()
		if is() {
			return
		}
		select {
		case <-c:
		case <-late:
			r, _ := be.Rollout()
			t.Fatalf("not so: %s; %s %+v %s", what, r.Status, r.Tally, r.Why)
		}
	}
}

// stoppedByItself holds what issue 6 wants of a rollout that went badly.
func stoppedByItself(t *testing.T, be *backend.Backend, list []*banktest.Bank) {
	t.Helper()
	r, _ := be.Rollout()
	limit := r.Plan.Failures.Of(r.Steps[r.Step].Banks)
	if n := r.Tally[r.Step].Failed; r.Status != rollout.Paused || n <= limit || n > limit+r.Plan.Parallel || !strings.Contains(r.Why, "2 starts did not get ready") {
		t.Fatalf("%s: %d failed in a step that bears %d: %s", r.Status, n, limit, r.Why)
	}
	var wg sync.WaitGroup
	for _, b := range list {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			reply, err := be.Command(ctx, b.Name, backend.Order{Type: locker.CmdPoll}) // whatever came before it was taken before it
			if err != nil || reply.Status != locker.ReplyDone {
				t.Errorf("%s does not work: %+v, %v", b.Name, reply, err)
			}
		})
	}
	wg.Wait()
	// Those that had staged it end their trials; nobody else begins one.
	await(t, be, "no bank is under way", func() bool {
		for _, st := range be.Banks() {
			if !st.Online || st.Journal.Stored+1 < st.Journal.Next || st.Update != nil && (st.Update.Phase == "staged" || st.Update.Phase == "tried") {
				return false
			}
		}
		r, _ = be.Rollout()
		return r.All.Open == 0
	})
	t.Logf("%+v: %s", r.Tally, r.Why)
	phases := map[string]rollout.Phase{}
	for _, p := range r.Banks {
		phases[p.Bank] = p.Phase
	}
	for _, b := range list {
		st, _ := be.Bank(b.Name)
		want := oldVersion
		if phases[b.Name] == rollout.Confirmed {
			want = newVersion
		}
		if !st.Online || st.Version != want || st.Journal.Breaks+st.Journal.Holes > 0 || b.Updates.Fault != "" && phases[b.Name] == rollout.Confirmed {
			t.Errorf("%s is %s, and %+v", b.Name, phases[b.Name], st)
		}
	}
}

// TestStopsByItselfOnBrokers is a rollout over 200 banks, each with a connection of its
// own; each that tries the update goes and comes back as a restarted process does.
func TestStopsByItselfOnBrokers(t *testing.T) {
	for name, start := range map[string]func() brokertest.Broker{
		"mosquitto": func() brokertest.Broker { return brokertest.StartMosquitto(t, brokertest.Options{}) },
		"mochi":     func() brokertest.Broker { return brokertest.StartMochi(t, brokertest.MochiOptions{}) },
	} {
		t.Run(name, func(t *testing.T) {
			if name == "mochi" && testing.Short() {
				t.Skip("one broker is enough for a short test")
			}
			broker := start()
			be, trust := newBackend(t)
			ctx, stop := context.WithCancel(context.Background())
			var running sync.WaitGroup
			t.Cleanup(running.Wait)
			t.Cleanup(stop)
			running.Go(func() {
				if err := mqttlink.Run(ctx, mqttlink.Options{URL: broker.URL(), ClientID: "backend", QoS: 1}, be); err != nil {
					t.Error(err)
				}
			})
			list := newBanks(t, trust)
			for _, b := range list {
				running.Go(func() {
					if err := liveOn(ctx, b, broker); err != nil {
						t.Error(err)
					}
				})
			}
			await(t, be, "all are there", func() bool {
				all := be.Banks()
				online := 0
				for i := range all {
					if all[i].Online {
						online++
					}
				}
				return online == banks
			})
			if _, err := be.StartRollout(plan()); err != nil {
				t.Fatal(err)
			}
			await(t, be, "it stops by itself", func() bool { r, _ := be.Rollout(); return r.Status != rollout.Running })
			stoppedByItself(t, be, list)
		})
	}
}

// liveOn is a bank's life at a broker.
func liveOn(ctx context.Context, b *banktest.Bank, broker brokertest.Broker) error {
	mochi, _ := broker.(*brokertest.Mochi)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for ctx.Err() == nil {
		l, err := banktest.Dial(b, broker.URL(), prefix)
		if errors.Is(err, banktest.ErrRefused) {
			<-look.C
			continue
		}
		if err != nil {
			return err
		}
		for gone := false; !gone && ctx.Err() == nil; {
			select {
			case <-look.C:
				l.Do(func(b *banktest.Bank, now locker.Time) { gone = step(b, now) })
			case <-ctx.Done():
			}
		}
		l.Close()
		for mochi != nil && mochi.Knows(b.Name) && ctx.Err() == nil {
			<-look.C
		}
	}
	return nil
}

// step tries what is staged, and ends what is tried; it tells whether the bank is gone.
func step(b *banktest.Bank, now locker.Time) (gone bool) {
	switch {
	case b.Updates.Staged != "":
		b.Try(now)
		return true
	case b.Updates.Trying != "":
		return !b.Verdict(now)
	}
	return false
}

// hub is a broker in memory: all banks of a test on one link, in virtual time.
type hub struct {
	mu     sync.Mutex
	be     *backend.Backend
	banks  map[string]*banktest.Bank
	window func(time.Time) bool // when a staged update may be tried
	down   chan packet
}

type packet struct {
	bank, topic string
	payload     []byte
}

func (h *hub) Subscribe(ctx context.Context, _ ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.banks {
		b.Say = func(topic string, payload []byte, _ bool) {
			h.be.Receive(ctx, backend.Message{Topic: prefix + "/" + b.Name + "/" + topic, Payload: payload})
		}
		b.Connect(locker.TimeOf(time.Now()))
	}
	return nil
}

func (h *hub) Publish(ctx context.Context, topic string, payload []byte) error {
	bank, rest, _ := strings.Cut(strings.TrimPrefix(topic, prefix+"/"), "/")
	select {
	case h.down <- packet{bank, rest, payload}:
	case <-ctx.Done():
	}
	return nil
}

func (h *hub) Done() <-chan struct{} { return nil }

// run has banks hear what is sent to them, and each minute look at their windows.
func (h *hub) run(ctx context.Context) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case p := <-h.down:
			h.mu.Lock()
			h.banks[p.bank].Receive(locker.TimeOf(time.Now()), p.topic, p.payload, false)
			h.mu.Unlock()
		case <-minute.C:
			h.look()
		case <-ctx.Done():
			return
		}
	}
}

func (h *hub) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, b := range h.banks {
		if b.Updates.Staged != "" && !h.window(now) {
			continue
		}
		if step(b, locker.TimeOf(now)) {
			b.Connect(locker.TimeOf(now))
		}
		b.Health(locker.TimeOf(now))
	}
}

// A rollout in the small hours takes as many nights as it has steps: in virtual time, on
// the backend as it is served.
func TestNightByNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) // signed times lie behind 2020, a bubble's begin before
		time.Sleep(time.Until(begun))
		be, trust := newBackend(t)
		h := &hub{be: be, banks: map[string]*banktest.Bank{}, down: make(chan packet, 100_000)}
		h.window = func(at time.Time) bool { return at.UTC().Hour() >= 2 && at.UTC().Hour() < 4 }
		list := newBanks(t, trust)
		for _, b := range list {
			b.Updates.Fault = ""
			h.banks[b.Name] = b
		}
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		running.Go(func() { h.run(ctx) })
		running.Go(func() {
			if err := be.Serve(ctx, h); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Second) // births
		p := plan()
		p.Steps = []int{5, 100}
		p.Window, p.Deadline, p.Soak = "02:00-04:00", rollout.Span(26*time.Hour), rollout.Span(3*time.Hour)
		if _, err := be.StartRollout(p); err != nil {
			t.Fatal(err)
		}
		for night, want := range []int{10, 200} {
			time.Sleep(time.Until(begun.Add(time.Duration(night)*24*time.Hour + 90*time.Minute))) // 01:30
			r, _ := be.Rollout()
			if r.Step != night || r.All.Open != want-r.All.Confirmed || r.Status != rollout.Running {
				t.Fatalf("before night %d: step %d, %+v, %s", night+1, r.Step+1, r.All, r.Why)
			}
			time.Sleep(3 * time.Hour)
			if r, _ = be.Rollout(); r.All.Confirmed != want {
				t.Fatalf("after night %d: %+v", night+1, r.All)
			}
		}
		if r, _ := be.Rollout(); r.Status != rollout.Done {
			t.Errorf("%s: %s", r.Status, r.Why)
		}
	})
}
