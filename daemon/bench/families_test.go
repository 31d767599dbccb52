package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/sim"
)

// cabinet is how 204 doors in six lockers hang on one line of a family.
type cabinet struct {
	family  string
	profile map[string]string
	boards  []int // channels of the boards of one locker
	first   int   // address
}

// cabinets lists the families that can carry them. cu16 and 12-way dc boards
// have too few addresses: `lockerd check` refuses such a bus.
func cabinets() []cabinet {
	eight := []int{8, 8, 8, 8, 2}
	return []cabinet{
		{family: "xor8a", boards: []int{24, 10}, first: 1},
		{family: "cu48", boards: []int{34}, first: 0},
		{family: "dc", boards: []int{24, 10}, first: 1, profile: map[string]string{"ways": "24"}},
		{family: "eletechsup", boards: eight, first: 1, profile: map[string]string{"long_pulse": "1"}},
		{family: "waveshare", boards: eight, first: 1},
		{family: "winnsen", boards: []int{16, 16, 2}, first: 1},
		{family: "wkly", boards: []int{24, 10}, first: 0},
	}
}

// config is the bus and the boards on it. Sweeps follow each other as closely
// as they may.
func (c *cabinet) config(tb testing.TB) (rs485.Codec, hal.Config, sim.LineConfig) {
	tb.Helper()
	codec, err := families.New(c.family, c.profile)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := hal.Config{Name: "a", Driver: c.family, Port: "mem", Baud: codec.Limits().Baud, Poll: 50 * time.Millisecond, Coils: coils, Pulse: time.Second, Profile: c.profile}
	line := sim.LineConfig{Family: c.family, ByteTime: 10 * time.Second / time.Duration(cfg.Baud)}
	for i := range lockers * len(c.boards) {
		n := c.boards[i%len(c.boards)]
		cfg.Boards = append(cfg.Boards, hal.BoardConfig{Address: c.first + i, Channels: n})
		line.Boards = append(line.Boards, sim.BoardConfig{Address: c.first + i, Channels: n})
	}
	return codec, cfg, line
}

// results keeps when each unlock went out.
type results struct {
	mu     sync.Mutex
	pulsed map[uint64]hal.Pulsed
	came   chan uint64
}

func newResults() *results {
	return &results{pulsed: map[uint64]hal.Pulsed{}, came: make(chan uint64, 1)}
}

func (r *results) Pulsed(_ string, p hal.Pulsed) {
	r.mu.Lock()
	r.pulsed[p.ID] = p
	r.mu.Unlock()
	r.came <- p.ID
}
func (*results) Observed(string, hal.Observed) {}
func (*results) Board(string, hal.Board)       {}

// pace is how a bus keeps up with its line.
type pace struct {
	sweep, bare time.Duration // one round over all boards; what its bytes take on the wire
	exchange    time.Duration // what the longest read of a board takes on the wire
	waits       []time.Duration
}

const settle = 5 * time.Second // all boards are found and read some times

// watch sees rounds, then asks for so many unlocks in the midst of them.
func watch(tb testing.TB, bus hal.Bus, c hal.Config, r *results, unlocks uint64) pace {
	tb.Helper()
	time.Sleep(settle)
	var p pace
	p.bare, p.exchange = onTheWire(tb, bus, c)
	p.sweep = median(func() time.Duration {
		time.Sleep(2*p.bare + settle/10) // another round
		return time.Duration(bus.Stats().SweepMS) * time.Millisecond
	})
	rng := rand.New(rand.NewPCG(1, 2))
	for id := range unlocks {
		b := c.Boards[rng.IntN(len(c.Boards))]
		asked := time.Now()
		bus.Unlock(hal.Unlock{ID: id, Lock: hal.Lock{Address: b.Address, Channel: 1 + rng.IntN(b.Channels)}, Pulse: c.Pulse, Expires: asked.Add(time.Minute)})
		<-r.came
		r.mu.Lock()
		done := r.pulsed[id]
		r.mu.Unlock()
		if done.Err != nil {
			tb.Fatal(done.Err)
		}
		p.waits = append(p.waits, done.At.Sub(asked))
		time.Sleep(1250*time.Millisecond + time.Duration(rng.IntN(200))*time.Millisecond) // the lock is at rest again, the rounds are anywhere
	}
	slices.Sort(p.waits)
	return p
}

// median returns that of some readings.
func median(read func() time.Duration) time.Duration {
	const readings = 9
	var all []time.Duration
	for range readings {
		all = append(all, read())
	}
	slices.Sort(all)
	return all[readings/2]
}

// onTheWire takes the newest read of each board from the trace: what all of
// them have in bytes, as time at the line's speed, and the longest of them.
func onTheWire(tb testing.TB, bus hal.Bus, c hal.Config) (bare, longest time.Duration) {
	tb.Helper()
	frames := bus.(hal.Tracer).Trace(0, 1<<20)
	seen := map[string]bool{}
	for i := len(frames) - 1; i > 0 && len(seen) < len(c.Boards); i-- {
		reply, request := frames[i], frames[i-1]
		if reply.Kind != hal.FrameReply || request.Kind != hal.FrameRequest || seen[string(request.Bytes)] {
			continue
		}
		seen[string(request.Bytes)] = true
		took := time.Duration(len(request.Bytes)+len(reply.Bytes)) * 10 * time.Second / time.Duration(c.Baud)
		bare, longest = bare+took, max(longest, took)
	}
	if len(seen) != len(c.Boards) {
		tb.Fatalf("the trace has reads of %d boards, want %d", len(seen), len(c.Boards))
	}
	return bare, longest
}

func (p *pace) String() string {
	ratio := func(a, b time.Duration) float64 { return float64(a) / float64(b) }
	return fmt.Sprintf("sweep %v = %.2f x %v on the wire; unlock waited for %.2f exchanges of %v at the median, %.2f at most",
		p.sweep, ratio(p.sweep, p.bare), p.bare, ratio(p.waits[len(p.waits)/2], p.exchange), p.exchange, ratio(p.waits[len(p.waits)-1], p.exchange))
}

// TestFamiliesKeepPace runs 204 doors on one line of each family in virtual
// time, where boards answer at once and bytes take as long as at the family's
// speed: a sweep takes at most 1.3 times what its bytes take, and an unlock
// waits for the exchange on the wire at most.
func TestFamiliesKeepPace(t *testing.T) {
	for _, c := range cabinets() {
		t.Run(c.family, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				codec, cfg, lc := c.config(t)
				line, wire, err := sim.NewWire(lc)
				if err != nil {
					t.Fatal(err)
				}
				r := newResults()
				bus, err := rs485.Open(cfg, codec, r, rs485.Options{Dial: func(string, int) (rs485.Port, error) { return wire, nil }})
				if err != nil {
					t.Fatal(err)
				}
				p := watch(t, bus, cfg, r, 100)
				if err := bus.Close(); err != nil {
					t.Error(err)
				}
				if err := line.Close(); err != nil {
					t.Error(err)
				}
				t.Log(p.String())
				if p.sweep > p.bare*13/10 {
					t.Errorf("a sweep takes %v, its bytes %v", p.sweep, p.bare)
				}
				gap := time.Duration(codec.Limits().Gap) * time.Second / time.Duration(cfg.Baud)
				if worst := p.waits[len(p.waits)-1]; worst > p.exchange+gap {
					t.Errorf("an unlock waited for %v, the longest exchange is %v and the gap %v", worst, p.exchange, gap)
				}
			})
		})
	}
}

// BenchmarkFamilies does the same on ptys in real time, where driver, boards
// and machine are in it too; it reports and judges nothing.
func BenchmarkFamilies(b *testing.B) {
	for _, c := range cabinets() {
		b.Run(c.family, func(b *testing.B) {
			codec, cfg, lc := c.config(b)
			line, err := sim.NewLine(lc)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = line.Close() }()
			cfg.Port = line.Path()
			for b.Loop() {
				r := newResults()
				bus, err := rs485.Open(cfg, codec, r, rs485.Options{})
				if err != nil {
					b.Fatal(err)
				}
				p := watch(b, bus, cfg, r, 20)
				if err := bus.Close(); err != nil {
					b.Fatal(err)
				}
				b.Log(p.String())
				b.ReportMetric(float64(p.sweep)/float64(p.bare), "sweep/wire")
				b.ReportMetric(float64(p.waits[len(p.waits)/2])/float64(p.exchange), "median-wait/exchange")
				b.ReportMetric(float64(p.waits[len(p.waits)-1])/float64(p.exchange), "worst-wait/exchange")
			}
		})
	}
}
