package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
	"lockerd/sync/brokertest"
	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
)

const benchEvents = 50_000

// files is a journal on disk as the store keeps it, without its syncs.
type files struct {
	*journal.Journal
}

func (f files) AckedUpTo() uint64 { return 0 }

func (f files) Wait(ctx context.Context, _ uint64) error { // nothing is added
	<-ctx.Done()
	return ctx.Err()
}

// openFiles makes a journal of n events, seven a visit, in commits of three,
// four and two.
func openFiles(b *testing.B, n int) files {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "journal")
	o := journal.Options{Datasync: func(*os.File) error { return nil }}
	if err := journal.Create(dir, journalID, o); err != nil {
		b.Fatal(err)
	}
	j, _, err := journal.Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	src := newBook()
	src.add(n)
	for i := 0; i < n; {
		var evs []locker.Event
		for range min([]int{1, 4, 2}[i%3], n-i) {
			var ev locker.Event
			if err := json.Unmarshal(src.lines[i], &ev); err != nil {
				b.Fatal(err)
			}
			ev.Hash, ev.Seq = "", 0
			evs = append(evs, ev)
			i++
		}
		if _, _, err := j.Append(evs, nil); err != nil {
			b.Fatal(err)
		}
	}
	return files{j}
}

// drained is what a drain took.
type drained struct {
	rate float64 // events a second
	heap float64 // MiB above what was there before, at most
}

// proxied returns the address of a proxy in front of the broker that adds a delay to
// each round trip.
func proxied(b *testing.B, s *site, delay time.Duration) string {
	b.Helper()
	p := brokertest.NewProxy(b, s.bank.Addr())
	p.Delay(delay)
	return p.Addr()
}

// drain sends the journal by way of addr to a backend.
func drain(b *testing.B, s *site, j files, addr string) drained {
	b.Helper()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	be := startGlancing(b, s)
	k := startOn(b, j, "mqtt://"+addr, "", s.pub, func(c *uplink.Config, _ *uplink.Options) { c.KeepAlive = 30 * time.Second })
	for k.box.Stats().Batches == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	begun := time.Now()
	var peak atomic.Uint64
	stop := make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapAlloc))
			}
		}
	})
	be.await(j.Next(), 5*time.Minute)
	took := time.Since(begun)
	close(stop)
	sampler.Wait()
	if st := k.box.Stats(); st.Timeouts > 0 {
		b.Errorf("events went twice: %+v", st)
	}
	k.stop()
	be.stop()
	return drained{float64(j.Next()-1) / took.Seconds(), (float64(peak.Load()) - float64(before.HeapAlloc)) / (1 << 20)}
}

// bare publishes the same batches by way of addr with the library alone, so many in
// flight without PUBACK, to drain's backend or to a subscriber that only counts.
func bare(b *testing.B, s *site, addr string, batches [][]byte, inFlight int, begin func(*testing.B, *site) receiver) float64 {
	b.Helper()
	to := begin(b, s)
	defer to.stop()
	pub := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("bare"))
	if !wait(pub.Connect()) {
		b.Fatal("cannot connect")
	}
	defer pub.Disconnect(0)
	begun := time.Now()
	window := make(chan mqtt.Token, inFlight-1) // one more is being waited for
	go func() {
		defer close(window)
		for _, batch := range batches {
			window <- pub.Publish("lockers/v1/lon-042/up/events", 1, false, batch)
		}
	}()
	for t := range window {
		t.Wait()
	}
	to.await(len(batches))
	return benchEvents / time.Since(begun).Seconds()
}

// receiver is who gets the batches.
type receiver struct {
	await func(batches int) // all of them
	stop  func()
}

func counting(b *testing.B, s *site) receiver {
	b.Helper()
	got := make(chan struct{}, benchEvents)
	sub := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + s.bank.Addr()).SetClientID("counter").SetDefaultPublishHandler(func(mqtt.Client, mqtt.Message) { got <- struct{}{} }))
	if !wait(sub.Connect()) || !wait(sub.Subscribe("lockers/v1/+/up/events", 1, nil)) {
		b.Fatal("cannot connect")
	}
	return receiver{func(batches int) {
		for range batches {
			<-got
		}
	}, func() { sub.Disconnect(0) }}
}

func acknowledging(b *testing.B, s *site) receiver {
	b.Helper()
	be := startGlancing(b, s)
	return receiver{func(int) { be.await(benchEvents+1, 5*time.Minute) }, be.stop}
}

// startGlancing starts a backend that only acknowledges.
func startGlancing(b *testing.B, s *site) *backend {
	b.Helper()
	be := startBackend(b, s.backend.Addr(), "", s.key, nil)
	be.set(func(b *backend) { b.bare = true })
	return be
}

// bareAcked publishes the same batches with the library alone, four beyond the
// backend's last acknowledgement, whose signature it checks: the most that the
// contract allows.
func bareAcked(b *testing.B, s *site, batches [][]byte, last []uint64) float64 {
	b.Helper()
	be := startGlancing(b, s)
	defer be.stop()
	acks := make(chan uint64, 4096)
	o := mqtt.NewClientOptions().AddBroker("tcp://" + s.bank.Addr()).SetClientID("bare")
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		if a, ok := verify(s.pub, m.Payload()); ok {
			acks <- a.UpTo
		}
	})
	pub := mqtt.NewClient(o)
	if !wait(pub.Connect()) || !wait(pub.Subscribe("lockers/v1/lon-042/down/+", 1, nil)) {
		b.Fatal("cannot connect")
	}
	defer pub.Disconnect(0)
	begun := time.Now()
	for sent, done := 0, 0; done < len(batches); {
		for sent < len(batches) && sent < done+outbox.Window {
			pub.Publish("lockers/v1/lon-042/up/events", 1, false, batches[sent])
			sent++
		}
		for upto := <-acks; done < len(batches) && last[done] <= upto; {
			done++
		}
	}
	return benchEvents / time.Since(begun).Seconds()
}

// batchesOf cuts the journal as the outbox does.
func batchesOf(b *testing.B, j files) (out [][]byte, last []uint64) {
	b.Helper()
	head := []byte(`{"v":1,"bank":"lon-042","journal":"` + journalID + `","events":[`)
	for from := uint64(1); from < j.Next(); {
		lines, err := j.Events(from, 50)
		if err != nil {
			b.Fatal(err)
		}
		size, n := len(head)+2, 0
		for _, l := range lines {
			if size+len(l)+1 > 16<<10 {
				break
			}
			size += len(l) + 1
			n++
		}
		out = append(out, append(append(bytes.Clone(head), bytes.Join(lines[:n], []byte(","))...), "]}"...))
		from += uint64(n)
		last = append(last, from-1)
	}
	return out, last
}

// BenchmarkDrain drains 50,000 events to mosquitto through a proxy that adds 100 ms to
// each round trip, and through the same proxy without delay against the library alone:
// the same batches by the same way, one after another, each waiting for the broker's
// PUBACK, to the same backend and to one that only counts. Without the proxy, it is
// measured against the library alone keeping the contract, too, that is four batches
// beyond an acknowledgement whose signature is checked. How that does against the
// others is what no bank can pass.
func BenchmarkDrain(b *testing.B) {
	s := newSite(b, brokertest.StartMosquitto(b, brokertest.Options{MaxQueued: 10_000}))
	j := openFiles(b, benchEvents)
	batches, last := batchesOf(b, j)
	b.Run("100ms", func(b *testing.B) {
		for b.Loop() {
			d := drain(b, s, j, proxied(b, s, 100*time.Millisecond))
			b.ReportMetric(d.rate, "events/s")
			b.ReportMetric(d.heap, "MiB-heap")
		}
		b.ReportMetric(0, "ns/op")
	})
	b.Run("0ms", func(b *testing.B) {
		var r rates
		for b.Loop() {
			r = rates{}
			for range benchTurns {
				addr := proxied(b, s, 0)
				r.add("bare", bare(b, s, addr, batches, 1, acknowledging))
				r.add("bare-to-counter", bare(b, s, addr, batches, 1, counting))
				r.drained(drain(b, s, j, addr))
			}
		}
		r.report(b)
	})
	b.Run("no proxy", func(b *testing.B) {
		var r rates
		for b.Loop() {
			r = rates{}
			for range benchTurns {
				addr := s.bank.Addr()
				r.add("bare-verified", bareAcked(b, s, batches, last))
				r.add("bare", bare(b, s, addr, batches, 1, acknowledging))
				r.add("bare-to-counter", bare(b, s, addr, batches, 1, counting))
				r.add("bare-4-to-counter", bare(b, s, addr, batches, outbox.Window, counting))
				r.drained(drain(b, s, j, addr))
			}
		}
		r.report(b)
		b.ReportMetric(r.of["bare-verified"]/r.of["bare"], "verified-of-bare")
		b.ReportMetric(r.of["bare-verified"]/r.of["bare-to-counter"], "verified-of-counter")
	})
}

const benchTurns = 20

// rates are events a second, summed over the turns of one run.
type rates struct {
	of   map[string]float64
	ours float64
	heap float64 // MiB, at most
}

func (r *rates) add(what string, rate float64) {
	if r.of == nil {
		r.of = map[string]float64{}
	}
	r.of[what] += rate
}

func (r *rates) drained(d drained) {
	r.ours += d.rate
	r.heap = max(r.heap, d.heap)
}

func (r *rates) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(r.ours/benchTurns, "events/s")
	b.ReportMetric(r.heap, "MiB-heap")
	for what, rate := range r.of {
		b.ReportMetric(r.ours/rate, "of-"+what)
	}
	b.ReportMetric(0, "ns/op")
}
