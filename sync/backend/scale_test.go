package backend_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/boltstore"
	"lockerd/sync/wire"
)

// hub connects many model banks in one goroutine each way, without a broker: what is
// measured is the backend.
type hub struct {
	banks map[string]*banktest.Bank
	down  chan [2]string
	over  chan struct{}
	n     atomic.Int64
	bytes atomic.Int64
	begin func()
}

func (h *hub) Subscribe(context.Context, ...string) error { go h.begin(); return nil }
func (h *hub) Done() <-chan struct{}                      { return h.over }
func (h *hub) Publish(_ context.Context, topic string, p []byte) error {
	h.n.Add(1)
	h.bytes.Add(int64(len(p)))
	h.down <- [2]string{topic, string(p)}
	return nil
}

// TestThousandBanks: births, a code each, 50 events each and a command each of 1,000
// banks in one process, with its memory.
func TestThousandBanks(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute on a slow machine")
	}
	const banks, events = 1000, 50
	private, trust := banktest.Operator(t)
	path := filepath.Join(t.TempDir(), "fleet.db")
	store, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	be, err := backend.New(backend.Config{Store: store, Trust: trust, Keys: []backend.Key{{KID: banktest.OperatorKID, Signer: private, Tenant: wire.Operator}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	h := &hub{banks: map[string]*banktest.Bank{}, down: make(chan [2]string, 1<<16), over: make(chan struct{})}
	up := make(chan backend.Message, 1<<18)
	go func() {
		for {
			select {
			case m := <-up:
				be.Receive(ctx, m)
			case <-ctx.Done():
				return
			}
		}
	}()
	names := make([]string, banks)
	for i := range names {
		names[i] = fmt.Sprintf("b-%04d", i)
		b := banktest.New(names[i], "j-"+names[i], trust)
		for range 204 {
			b.DoorsNow = append(b.DoorsNow, wire.Door{ID: locker.DoorID{Locker: 1, Door: 1}, State: "closed"})
		}
		b.Say = func(topic string, p []byte, retained bool) {
			up <- backend.Message{Topic: "lockers/v1/" + b.Name + "/" + topic, Payload: p}
		}
		h.banks[names[i]] = b
	}
	began := make(chan struct{})
	h.begin = func() {
		for _, n := range names {
			for range events {
				h.banks[n].Emit(locker.TimeOf(time.Now()), locker.Event{Type: locker.EvDoorClosed, Door: locker.DoorID{Locker: 1, Door: 1}})
			}
			h.banks[n].Connect(locker.TimeOf(time.Now()))
		}
		close(began)
		again := time.NewTicker(5 * time.Second)
		defer again.Stop()
		for {
			select {
			case d := <-h.down:
				name := d[0][len("lockers/v1/") : len("lockers/v1/")+6]
				h.banks[name].Receive(locker.TimeOf(time.Now()), d[0][len("lockers/v1/")+7:], []byte(d[1]), false)
			case <-again.C:
				for _, n := range names {
					h.banks[n].Again(locker.TimeOf(time.Now()))
				}
			case <-ctx.Done():
				return
			}
		}
	}
	start := time.Now()
	served := make(chan error, 1)
	go func() { served <- be.Serve(ctx, h) }()
	t.Cleanup(cancel)
	<-began
	for _, n := range names {
		if _, err := be.Issue(ctx, n, "acme", locker.Code{Kind: locker.Collect, SKU: "a"}); err != nil {
			t.Fatal(err)
		}
		if _, err := be.Give(n, backend.Order{Type: locker.CmdPoll}); err != nil {
			t.Fatal(err)
		}
	}
	for !converged(be, banks, events) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("not in time")
		}
	}
	took := time.Since(start)
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	t.Logf("%d banks converged in %s: %d messages down, %d bytes down", banks, took.Round(time.Millisecond), h.n.Load(), h.bytes.Load())
	before := heap()
	again, err := backend.New(backend.Config{Store: store, Trust: trust, Keys: []backend.Key{{KID: banktest.OperatorKID, Signer: private, Tenant: wire.Operator}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of memory a bank, read from the store", (heap()-before)/banks)
	if !converged(again, banks, events) {
		t.Error("what was stored is not what was agreed on")
	}
	status, err := store.Size()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes of file a bank", status/banks)
}

func converged(be *backend.Backend, banks int, events uint64) bool {
	list := be.Banks()
	if len(list) != banks {
		return false
	}
	for i := range list {
		s := &list[i]
		if s.Journal.Stored < events || !s.Sets["acme"].Applied || !s.Sets["*"].Applied || s.Pending > 0 || s.Journal.Breaks > 0 {
			return false
		}
	}
	return true
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
