package commission

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/daemon/commission"
	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/hal"
	"lockerd/hal/rewire"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/rs485/probe"
	"lockerd/hal/sim"
)

func id(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

// miswired is the cabinet of the issue: two locks swapped, one switch of the
// other kind, two boards at one address, one lock dead, and boards that tell
// their channels in the other order.
func miswired(t *testing.T) (*cabinet, *watcher) {
	t.Helper()
	c := build(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{
		{Address: 1, Channels: 10, LowFirst: true},
		{Address: 2, Channels: 6, StatusBytes: 3, LowFirst: true},
		{Address: 2, Channels: 4, StatusBytes: 3, LowFirst: true},
	}})
	c.label(0, 10, 1)
	c.label(1, 6, 11)
	c.label(2, 4, 17)
	c.line.Swap(hal.Lock{Address: 1, Channel: 3}, hal.Lock{Address: 1, Channel: 4})
	c.door(id(13)).Invert()
	c.door(id(9)).Jam(-1)
	w := &watcher{cabinet: c, spans: []commission.Span{
		{Address: 1, First: id(1), Doors: 10}, {Address: 2, First: id(11), Doors: 6}, {Address: 3, First: id(17), Doors: 4},
	}}
	w.mend = func(f commission.Fault) bool {
		if f.Kind != commission.DuplicateAddress || f.Place.Address != 2 {
			t.Errorf("asked to mend %+v", f)
			return false
		}
		c.line.Boards()[2].SetAddress(3)
		return true
	}
	return c, w
}

func TestMiswiredBankUnattended(t *testing.T) {
	c, w := miswired(t)
	o := options(t, c, "xor8a", 4)
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r,
		"a:2 duplicate_address mended",
		"a:0 byte_order described",
		"1-03 crossed_lock described", "1-04 crossed_lock described",
		"1-13 inverted described",
		"1-09 dead open",
	)
	if r.Open != 1 {
		t.Errorf("%d faults are open, want that of the dead lock", r.Open)
	}
	for _, d := range r.Doors {
		dead := d.Door == id(9)
		if proven := d.Proof == commission.Proven && d.Label == commission.LabelSeen && d.UnlockMS > 0 && d.OK; proven == dead {
			t.Errorf("door %+v", d)
		}
	}
	if n := len(c.line.Log().All(sim.Burn)); n > 0 || c.line.Log().Overlap(20*time.Millisecond) > 1 {
		t.Errorf("%d coils burnt, %d on at one time", n, c.line.Log().Overlap(20*time.Millisecond))
	}
	opensAsWritten(t, c, written(t, &o), id(9))
}

// opensAsWritten drives the cabinet by the file, as lockerd does, and wants
// every door that is asked for, and no other, to open and to be told open.
func opensAsWritten(t *testing.T, c *cabinet, cfg *config.Config, dead ...locker.DoorID) {
	t.Helper()
	s := &sink{changed: make(chan struct{}, 1), open: map[hal.Lock]bool{}}
	h := cfg.HAL(cfg.Buses[0])
	codec, err := families.New(h.Driver, h.Profile)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rewire.Open(cfg.Wires("a"), s, func(in hal.Sink) (hal.Bus, error) { return rs485.Open(h, codec, in, rs485.Options{}) })
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // of a test
	for i, d := range cfg.Doors {
		if len(dead) > 0 && d.ID == dead[0] {
			continue
		}
		s.await(t, d.Lock, false)
		b.Unlock(hal.Unlock{ID: uint64(i), Lock: d.Lock, Pulse: 300 * time.Millisecond, Expires: time.Now().Add(5 * time.Second)})
		s.await(t, d.Lock, true)
		if got := c.open(); got != d.ID {
			t.Errorf("door %s was asked for, %s opened", d.ID, got)
		}
		c.shut()
	}
}

// sink keeps what a bus says of each lock.
type sink struct {
	mu      sync.Mutex
	open    map[hal.Lock]bool
	changed chan struct{}
}

func (*sink) Pulsed(string, hal.Pulsed) {}
func (*sink) Board(string, hal.Board)   {}

func (s *sink) Observed(_ string, o hal.Observed) {
	s.mu.Lock()
	for i, st := range o.States {
		s.open[hal.Lock{Address: o.Address, Channel: i + 1}] = st == hal.Open
	}
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *sink) await(t *testing.T, l hal.Lock, open bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		is, known := s.open[l]
		s.mu.Unlock()
		if known && is == open {
			return
		}
		select {
		case <-s.changed:
		case <-limit:
			t.Fatalf("lock %+v: open %v (known %v), want %v", l, is, known, open)
		}
	}
}

// TestGoesOnWhereItWas breaks a walk off and takes it up.
func TestGoesOnWhereItWas(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "cu48", Boards: []sim.BoardConfig{{Address: 0, Channels: 4}}})
	c.label(0, 4, 1)
	o := options(t, c, "cu48", 1)
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 0, First: id(1), Doors: 4}}}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, o, &leaver{watcher: w, after: 2, leave: cancel}, said(t))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	pulsed := len(c.line.Log().Pulses())
	if n := c.line.Boards()[0].CoilsOn(); n > 0 {
		t.Errorf("%d coils are on", n)
	}
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r)
	if more := len(c.line.Log().Pulses()) - pulsed; more != 2 {
		t.Errorf("%d pulses after the break, want those of the 2 doors that were left", more)
	}
	if _, err := Run(t.Context(), o, w, said(t)); err == nil {
		t.Error("an existing file was commissioned over without --force")
	}
}

// leaver leaves after some doors.
type leaver struct {
	*watcher

	after int
	leave func()
}

func (l *leaver) Moved(ctx context.Context, q Question) (locker.DoorID, bool, error) {
	if l.asked == l.after {
		l.leave()
		return locker.DoorID{}, false, ctx.Err()
	}
	return l.watcher.Moved(ctx, q)
}

// TestOneDoorAgain mends a dead lock and proves that door alone.
func TestOneDoorAgain(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 3, Channels: 3, Inverted: true}}})
	c.label(0, 3, 1)
	c.door(id(2)).Jam(-1)
	c.door(id(3)).NoSensor()
	o := options(t, c, "cu16", 4)
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 3, First: id(1), Doors: 3}}}
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r, "a:0 polarity described", "1-02 dead open", "1-03 no_feedback open")
	if cfg := written(t, &o); cfg.Doors[2].Sensor || !cfg.Doors[1].Sensor || cfg.Buses[0].Profile["closed_bit"] != "0" {
		t.Errorf("written: %+v, profile %v", cfg.Doors, cfg.Buses[0].Profile)
	}
	c.door(id(2)).Jam(0)
	pulsed := len(c.line.Log().Pulses())
	o.Door = id(2)
	r, err = Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r, "a:0 polarity described", "1-03 no_feedback open")
	if more := len(c.line.Log().Pulses()) - pulsed; more != 1 {
		t.Errorf("%d pulses for one door", more)
	}
}

// TestForceKeepsTheRest commissions a bank that has a file: what is not wiring
// stays, and so does the old file.
func TestForceKeepsTheRest(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "wkly", Boards: []sim.BoardConfig{{Address: 0, Channels: 2}}})
	c.label(0, 2, 1)
	o := options(t, c, "wkly", 1)
	old := "version = 1\nbank = \"old-1\"\ndata_dir = \"/data\"\n[mqtt]\nurl = \"mqtts://b\"\n[trust]\nkeys_file = \"k\"\n" +
		"[[bus]]\nname = \"a\"\ndriver = \"cu16\"\nrs485 = true\nport = \"" + c.line.Path() + "\"\n" +
		"[[locker]]\nnumber = 1\nbus = \"a\"\nsize = \"L\"\ndoors = 2\nboards = [{address = 0, channels = 2, first_door = 1}]\n" +
		"[[door]]\nid = \"1-02\"\ntenant = \"acme\"\nlock_channel = 1\n[[door]]\nid = \"1-01\"\nlock_channel = 2\n"
	if err := os.WriteFile(o.Config, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Ports, o.Bank = nil, "" // the file names them
	turned := 0
	o.Turn = func(name string, baud int) (rs485.Port, error) {
		turned++
		return rs485.DialTurning(name, baud)
	}
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 0, First: id(1), Doors: 2}}}
	if _, err := Run(t.Context(), o, w, said(t)); err == nil || len(c.line.Log().Pulses()) > 0 {
		t.Fatalf("without force: %v, %d pulses", err, len(c.line.Log().Pulses()))
	}
	o.Force = true
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r)
	cfg, err := config.Load(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Bank != "old-1" || cfg.MQTT == nil || cfg.Trust == nil || cfg.Doors[1].Tenant != "acme" || cfg.Lockers[0].Size != locker.SizeL {
		t.Errorf("lost: %+v", cfg)
	}
	if !cfg.Buses[0].RS485 || turned == 0 {
		t.Errorf("the direction: rs485 %v, dialled %d times so that it turns", cfg.Buses[0].RS485, turned)
	}
	if cfg.Buses[0].Driver != "wkly" || cfg.Wires("a") != nil {
		t.Errorf("wiring of the old file: %+v, %+v", cfg.Buses, cfg.Wires("a"))
	}
	if kept, err := os.ReadFile(o.Config + ".bak"); err != nil || string(kept) != old {
		t.Errorf("the old file: %v", err)
	}
}

// TestSeedNamesTheBank commissions a board as an image has it: a file in which nothing
// is described, and a seed.
func TestSeedNamesTheBank(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	c.label(0, 2, 1)
	o := options(t, c, "xor8a", 1)
	o.Bank, o.Seed = "", filepath.Join(t.TempDir(), seed.Name)
	placed := "# This bank has not been described yet.\nversion = 1\n"
	if err := os.WriteFile(o.Config, []byte(placed), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 1, First: id(1), Doors: 2}}}
	for name, tt := range map[string]struct {
		seed []byte
		bank string
		want string
	}{
		"missing": {nil, "", "no such file"},
		"empty":   {seed.Placeholder(), "", "there is no seed in it: --seed none"},
		"broken":  {[]byte("bank = 5\n"), "", "--seed none"},
		"another": {seeded(t, "lon-042"), "par-001", "is that of bank lon-042"},
		"no bank": {seed.Placeholder(), "", "--seed none"},
	} {
		if tt.seed != nil {
			if err := os.WriteFile(o.Seed, tt.seed, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		o := o
		o.Bank = tt.bank
		if _, err := Run(t.Context(), o, w, said(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		_ = os.Remove(o.Seed)
	}
	if err := os.WriteFile(o.Seed, seeded(t, "lon-042"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), o, w, said(t)); err != nil {
		t.Fatal(err)
	}
	cfg := written(t, &o)
	if cfg.Bank != "lon-042" || cfg.Identity == nil || cfg.Identity.SeedFile != o.Seed || cfg.Trust == nil {
		t.Errorf("bank %s, identity %+v, trust %+v", cfg.Bank, cfg.Identity, cfg.Trust)
	}
	if _, err := os.Stat(o.Config + ".bak"); err == nil {
		t.Error("a file that said nothing is kept")
	}
}

func seeded(t *testing.T, bank string) []byte {
	t.Helper()
	b, err := seed.Encode(&seed.Seed{
		Bank: bank, Site: "12 Example Street", Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Enrol: seed.Enrol{URL: "https://enrol.example.com:8443", Token: "abcdefghijklmnopqrstuvwxyz234567", CA: "sha256:" + strings.Repeat("0", 64)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVoiceIsFound has a cu48 board at address 0 that takes the lock first: in
// the other form it answers for every address.
func TestVoiceIsFound(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "cu48", LockByte: 1, Boards: []sim.BoardConfig{{Address: 0, Channels: 3}}})
	c.label(0, 3, 1)
	o := options(t, c, "cu48", 2)
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 0, First: id(1), Doors: 3}}}
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r)
	cfg := written(t, &o)
	if v := cfg.Buses[0].Profile["lock_byte"]; v != "1" {
		t.Errorf("lock_byte = %q", v)
	}
	opensAsWritten(t, c, cfg)
}

// TestGarbledAddress has two boards that speak at once at one address, and
// somebody who goes on without them.
func TestGarbledAddress(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}, {Address: 2, Channels: 2}}})
	c.label(0, 2, 1)
	c.line.Boards()[1].Fail(sim.Fault{Flip: 1})
	o := options(t, c, "xor8a", 3)
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 1, First: id(1), Doors: 2}}}
	r, err := Run(t.Context(), o, w, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r, "a:2 garbled_address open")
	if n := c.line.Log().Count(sim.Pulse, hal.Lock{Address: 2, Channel: 1}); n > 0 {
		t.Error("a lock of a board that can't be read was pulsed")
	}
}

// TestNobodyLooks assumes labels, and believes no crossed wire unseen.
func TestNobodyLooks(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "waveshare", Boards: []sim.BoardConfig{{Address: 1, Channels: 4, Linkage: true}}})
	c.label(0, 4, 1)
	c.line.Swap(hal.Lock{Address: 1, Channel: 1}, hal.Lock{Address: 1, Channel: 2})
	c.line.Attend(sim.Person{Shut: 700 * time.Millisecond})
	o := options(t, c, "waveshare", 2)
	o.Spans = []commission.Span{{Bus: "a", Address: 1, First: id(1), Doors: 4}}
	r, err := Run(t.Context(), o, tidy{Unattended{}, c}, said(t))
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r, "a:1 linkage described", "1-01 crossed_unseen open", "1-02 crossed_unseen open")
	for _, d := range r.Doors {
		if d.Label != commission.LabelAssumed {
			t.Errorf("label of %s is %s", d.Door, d.Label)
		}
	}
	if w := written(t, &o).Wires("a"); w != nil {
		t.Errorf("wired unseen: %+v", w)
	}
}

// tidy is nobody, but the doors are shut when the walk begins.
type tidy struct {
	Unattended

	c *cabinet
}

func (p tidy) Do(ctx context.Context, k Task) (bool, error) {
	if k.Kind == ShutAll {
		p.c.shut()
	}
	return p.Unattended.Do(ctx, k)
}

// TestPulseThatSilencesItsBoard has the supply give way under a lock.
func TestPulseThatSilencesItsBoard(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	c.label(0, 2, 1)
	ctx, cancel := context.WithCancel(t.Context())
	silenced := make(chan struct{})
	go func() {
		defer close(silenced)
		if _, err := c.line.Log().WaitPulse(ctx, hal.Lock{Address: 1, Channel: 2}); err == nil {
			c.line.Boards()[0].Fail(sim.Fault{Silent: true, Times: 4})
		}
	}()
	o := options(t, c, "cu16", 2)
	w := &watcher{cabinet: c, spans: []commission.Span{{Address: 1, First: id(1), Doors: 2}}}
	r, err := Run(t.Context(), o, w, said(t))
	cancel()
	<-silenced
	if err != nil {
		t.Fatal(err)
	}
	wantFaults(t, r, "1-02 board_lost open")
}

// TestHeldPort says who holds the port.
func TestHeldPort(t *testing.T) {
	c := build(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	held, err := probe.Open(rs485.Dial, c.line.Path(), 9600)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close() //nolint:errcheck // of a test
	_, err = Run(t.Context(), options(t, c, "xor8a", 1), Unattended{}, said(t))
	if err == nil || !contains(err.Error(), "another program holds it", "lockerd") {
		t.Errorf("error %v", err)
	}
}
