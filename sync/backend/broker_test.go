package backend_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/boltstore"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

// TestOnMosquitto: ten banks, codes down and events up over a real broker that is
// killed in between.
func TestOnMosquitto(t *testing.T) {
	broker := brokertest.StartMosquitto(t, brokertest.Options{})
	private, trust := banktest.Operator(t)
	store, err := boltstore.Open(filepath.Join(t.TempDir(), "fleet.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	be, err := backend.New(backend.Config{
		Store: store, Trust: trust, Log: slog.New(slog.DiscardHandler),
		Keys: []backend.Key{{KID: banktest.OperatorKID, Signer: private, Tenant: wire.Operator}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	ran := make(chan error, 1)
	go func() { ran <- mqttlink.Run(ctx, mqttlink.Options{URL: broker.URL(), ClientID: "fleet", QoS: 1}, be) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})

	const banks, events = 10, 300
	list := make([]*banktest.Bank, banks)
	connect := func() []*banktest.Live {
		var lives []*banktest.Live
		for _, b := range list {
			l, err := banktest.Dial(b, broker.URL(), "lockers/v1")
			if err != nil {
				t.Fatal(err)
			}
			lives = append(lives, l)
		}
		return lives
	}
	for i := range list {
		list[i] = banktest.New(fmt.Sprintf("lon-%03d", i), fmt.Sprintf("j-%d", i), trust)
		if _, err := be.Issue(ctx, list[i].Name, "acme", locker.Code{Kind: locker.Collect, SKU: "a"}, locker.Code{Kind: locker.Collect, SKU: "b"}); err != nil {
			t.Fatal(err)
		}
	}
	lives := connect()
	emitAll(lives, events)
	broker.Kill()
	for i, l := range lives {
		l.Close()
		if _, err := be.Issue(ctx, list[i].Name, "acme", locker.Code{Kind: locker.Collect, SKU: "c"}); err != nil {
			t.Fatal(err)
		}
	}
	broker.Start()
	lives = connect()
	defer func() {
		for _, l := range lives {
			l.Close()
		}
	}()
	emitAll(lives, events)
	for _, b := range list {
		await(ctx, t, be, func() bool {
			s, ok := be.Bank(b.Name)
			return ok && s.Sets["acme"].Applied && s.Sets["*"].Applied && s.Journal.Stored >= 2*events && s.Journal.Breaks+s.Journal.Holes == 0
		})
	}
}

func emitAll(lives []*banktest.Live, n int) {
	for _, l := range lives {
		l.Do(func(b *banktest.Bank, now locker.Time) {
			for range n {
				b.Emit(now, locker.Event{Type: locker.EvDoorClosed, Door: locker.DoorID{Locker: 1, Door: 1}})
			}
			b.Send(now)
		})
	}
}

func await(ctx context.Context, t *testing.T, be *backend.Backend, done func() bool) {
	t.Helper()
	for {
		c := be.Changed()
		if done() {
			return
		}
		select {
		case <-c:
		case <-ctx.Done():
			t.Fatalf("not in time: %+v", be.Banks())
		}
	}
}
