package crash

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/scanner"
	"lockerd/store"
)

// The bank of the proofs. Its times are shorter than the contract's so that a
// virtual hour holds hundreds of openings; the code is the same.
const bankName = "lon-042"

var scanners = []string{"front", "back", "side"}

var openTimes = bank.Times{
	Pulse: 300 * time.Millisecond, Prove: time.Second, Tries: 3, AjarWarn: 5 * time.Second,
	AjarAlarm: 20 * time.Second, ReopenWindow: 20 * time.Second, VisitIdle: 10 * time.Second,
}

// storeOptions make rolls, group commits and prunes happen all the time.
func storeOptions() store.Options {
	return store.Options{JournalBytes: 96 << 10, SegmentBytes: 8 << 10, KeepAcked: time.Minute, ApplyDelay: 80 * time.Millisecond}
}

// drift is the system clock: it goes on over restarts although each bubble of
// synctest begins in the year 2000.
type drift struct{ by time.Duration }

func (drift) String() string { return "drift" }

// Read implements clock.Source.
func (d drift) Read() (time.Time, bool) { return time.Now().Add(d.by), true }

// site is one run of a bank on a store and on hardware.
type site struct {
	bank  *bank.Bank
	bus   *bus
	stop  context.CancelFunc
	ended chan error
}

// siteConfig is the bank as its configuration would have it.
func siteConfig(clean bool) bank.Config {
	cfg := bank.Config{
		Bank: bankName, Version: "test", Open: openTimes, Scanners: scanners, Clean: clean,
		Buses: []bank.BusSpec{{Name: busName, Driver: "memory"}}, Log: slog.New(slog.DiscardHandler),
	}
	for a := 1; a <= boards; a++ {
		cfg.Buses[0].Boards = append(cfg.Buses[0].Boards, a)
	}
	for n := 1; n <= doors; n++ {
		id := doorAt(n)
		cfg.Doors = append(cfg.Doors, bank.DoorSpec{ID: id, Size: locker.SizeM, Sensor: true, Use: "any", Bus: busName, Lock: lockOf(id)})
	}
	return cfg
}

// start runs a bank on st and waits until it is ready.
func start(cfg bank.Config, st bank.Store, f *bus, by time.Duration) (*site, error) {
	floor, _, err := st.Value(locker.ValueFloor)
	if err != nil {
		return nil, err
	}
	ms, _ := strconv.ParseInt(string(floor), 10, 64) // absent: a new bank
	b, err := bank.New(cfg, st, clock.New(drift{by}, locker.Time(ms)))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &site{bank: b, bus: f, stop: stop, ended: make(chan error, 1)}
	b.Attach(busName, f)
	f.begin(b)
	go func() { s.ended <- b.Run(ctx) }()
	select {
	case <-b.Ready():
		return s, nil
	case err := <-s.ended:
		s.ended <- err
		return nil, s.halt()
	}
}

// halt stops bank and boards.
func (s *site) halt() error {
	s.stop()
	err := <-s.ended
	s.bus.end()
	return err
}

func (s *site) scan(name, text string) {
	s.bank.Expect(text)
	s.bank.Scanned(scanner.Scan{Scanner: name, Text: text, At: time.Now()})
}
