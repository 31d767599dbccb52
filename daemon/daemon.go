package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/clock"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/health"
	"lockerd/daemon/identity"
	"lockerd/daemon/locker"
	"lockerd/daemon/update"
	"lockerd/hal"
	"lockerd/store"
)

// Options are what a process gives its daemon.
type Options struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger
	Ready   io.Writer // takes the ready line
	// CheckStore judges the state file before it is opened; nil: in this
	// process. The program passes a child of its own.
	CheckStore func(ctx context.Context, path string) error
	// Notify tells the supervisor, as sd_notify does; nil: nobody.
	Notify func(state string)
	// Slots is where this program was chosen from; nil: no launcher started it.
	Slots *Slots
	// Watchdog is how often the supervisor wants to hear; 0: never.
	Watchdog time.Duration
	// Sys stands for /sys; nil: that of the machine.
	Sys fs.FS
	// ConfigFile is where Config was read from, for support bundles.
	ConfigFile string
}

// Daemon is one running bank.
type Daemon struct {
	opt      Options
	store    *store.Store
	clock    *clock.Clock
	bank     *bank.Bank
	linked   *linked           // nil: there is no broker
	manager  *identity.Manager // nil: the bank has no identity of its own
	updates  *update.Manager
	bundles  *bundles
	bankTime atomic.Pointer[clock.Clock]
	traces   map[string]hal.Tracer // buses whose lines can be watched
	written  time.Time             // the configuration was
	parts    []io.Closer           // buses, simulators and scanners, in the order of starting
}

// Run runs a bank until ctx ends. It returns nil after an orderly stop.
func Run(ctx context.Context, opt Options) (err error) {
	d := &Daemon{opt: opt, traces: map[string]hal.Tracer{}, written: writtenAt(opt.ConfigFile)}
	if d.opt.Notify == nil {
		d.opt.Notify = func(string) {}
	}
	if d.opt.Sys == nil {
		d.opt.Sys = os.DirFS("/sys")
	}
	c := opt.Config
	if err := d.opt.Slots.mayOpen(store.FormatWrites); err != nil {
		return err
	}
	d.store, err = store.Open(ctx, c.DataDir, store.Options{
		JournalBytes: c.Journal.Bytes, KeepAcked: c.Journal.KeepAcked, Check: opt.CheckStore, Now: d.now,
		Log: opt.Log.With(slog.String("component", "store")),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if err := d.assemble(); err != nil {
		return err
	}
	return d.run(ctx)
}

// now is bank time for the store, which is there before the clock.
func (d *Daemon) now() time.Time {
	if c := d.bankTime.Load(); c != nil {
		return c.Now().Time()
	}
	return time.Now()
}

// assemble makes clock and bank from what is stored.
func (d *Daemon) assemble() error {
	src := clock.System()
	if f := d.opt.Config.Time.File; f != "" {
		src = clock.File(f)
	}
	floor, _, err := d.store.Value(locker.ValueFloor)
	if err != nil {
		return fmt.Errorf("cannot read the clock floor: %w", err)
	}
	ms, _ := strconv.ParseInt(string(floor), 10, 64) // absent: a new bank
	d.clock = clock.New(src, locker.Time(ms))
	d.bankTime.Store(d.clock)
	trust, err := d.trusted()
	if err != nil {
		return err
	}
	bc := d.bankConfig()
	if d.opt.Config.Trust != nil {
		bc.Tickets = trust.Ticket
	}
	if d.bank, err = bank.New(bc, d.store, d.clock); err != nil {
		return err
	}
	if err := d.prepareUpdates(); err != nil {
		return err
	}
	if err := d.connect(trust); err != nil {
		return err
	}
	d.prepareBundles()
	return nil
}

func (d *Daemon) run(ctx context.Context) error {
	listener, err := control.Listen(ctx, d.opt.Config.Control.Socket)
	if err != nil {
		return err
	}
	defer d.halt()
	if err := d.opt.Slots.endInterrupted(); err != nil {
		d.opt.Log.Error("cannot end the update that was cut short", slog.Any("error", err))
	}
	if err := d.startBuses(); err != nil {
		return errors.Join(err, listener.Close())
	}
	bankCtx, stopBank := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBank()
	ended := make(chan error, 1)
	go func() { ended <- d.bank.Run(bankCtx) }()
	if err := d.startScanners(); err != nil {
		stopBank()
		return errors.Join(err, <-ended, listener.Close())
	}
	served := make(chan error, 1)
	serveCtx, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	server := control.New(d.bank, d.opt.Log.With(slog.String("component", "control")))
	server.Watch(d.traces)
	server.Bundle(d.bundles.Make)
	server.Backup((&backups{d: d, one: make(chan struct{}, 1)}).Write)
	go func() { served <- server.Serve(serveCtx, listener) }()
	linkCtx, stopLink := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLink()
	beat := time.NewTicker(judgeEvery)
	defer beat.Stop()
	var beside sync.WaitGroup // what runs as long as the link
	beside.Go(func() { d.linked.run(linkCtx) })
	beside.Go(func() { d.enrol(linkCtx) })
	beside.Go(func() { d.watch().run(linkCtx, beat.C) })
	beside.Go(func() { d.serveMetrics(linkCtx) })
	slotsCtx, stopSlots := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSlots()
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		d.watchSlot(slotsCtx)
		d.updates.Run(slotsCtx)
	}()
	err = d.supervise(ctx, ended)
	stopSlots()
	<-judged
	d.leaveSlot(err)
	d.opt.Notify("STOPPING=1")
	stopServing()
	stopLink() // the goodbye goes out while openings under way are given their time
	stopBank()
	beside.Wait()
	if err == nil {
		err = <-ended
	}
	return errors.Join(err, <-served)
}

// watch is what judges the bank's health.
func (d *Daemon) watch() *watch {
	return &watch{bank: d.bank, events: follower{latest: health.Events}, sys: d.opt.Sys, log: d.opt.Log.With(slog.String("component", "health"))}
}

// supervise waits for ready, then for the end of ctx or of the bank, and tells
// the supervisor that the bank's goroutine is alive. A bank that has ended by
// itself has its error taken from ended.
func (d *Daemon) supervise(ctx context.Context, ended chan error) error {
	ready := d.bank.Ready()
	var beat <-chan time.Time
	if d.opt.Watchdog > 0 {
		t := time.NewTicker(d.opt.Watchdog / 3)
		defer t.Stop()
		beat = t.C
	}
	for {
		select {
		case <-ready:
			ready = nil
			d.sayReady()
		case <-beat:
			if _, err := d.bank.Status(ctx); err == nil {
				d.opt.Notify("WATCHDOG=1")
			}
		case err := <-ended:
			if d.restarting() && err == nil {
				ended <- nil // for who awaits its end
				return nil
			}
			if err == nil {
				err = errors.New("the bank has ended by itself")
			}
			return err
		case <-d.bank.Restart():
			d.opt.Log.Info("stopping: to be started again")
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func (d *Daemon) restarting() bool {
	select {
	case <-d.bank.Restart():
		return true
	default:
		return false
	}
}

func (d *Daemon) sayReady() {
	c := d.opt.Config
	d.opt.Notify("READY=1")
	if d.opt.Ready == nil {
		return
	}
	if _, err := fmt.Fprintf(d.opt.Ready, "ready bank=%s doors=%d scanners=%d\n", c.Bank, len(c.Doors), len(c.Scanners)); err != nil {
		d.opt.Log.Warn("cannot write the ready line", slog.Any("error", err))
	}
}

// halt closes scanners and buses, the last started first.
func (d *Daemon) halt() {
	for _, p := range slices.Backward(d.parts) {
		if err := p.Close(); err != nil {
			d.opt.Log.Warn("cannot close a device", slog.Any("error", err))
		}
	}
}

// startBuses opens every bus with the bank as its sink. They report at once;
// the bank's inbox keeps that until it runs.
func (d *Daemon) startBuses() error {
	c := d.opt.Config
	for _, b := range c.Buses {
		bus, err := d.openBus(b)
		if err != nil {
			return err
		}
		d.bank.Attach(b.Name, bus)
	}
	return nil
}

func (d *Daemon) bankConfig() bank.Config {
	c := d.opt.Config
	o := c.Open
	r := d.store.Report()
	bc := bank.Config{
		Bank: c.Bank, Version: d.opt.Version, Timezone: c.Timezone, Log: d.opt.Log.With(slog.String("component", "bank")),
		Open: bank.Times{
			Pulse: o.Pulse, Prove: o.Prove, Tries: o.Tries, AjarWarn: o.AjarWarn, AjarAlarm: o.AjarAlarm,
			ReopenWindow: o.ReopenWindow, VisitIdle: o.VisitIdle,
		},
		Clean: r.Clean, Faults: faults(r), Source: d.clock.Source(), Verify: d.verify, SelfTest: d.selfTest,
	}
	for _, b := range c.Buses {
		spec := bank.BusSpec{Name: b.Name, Driver: b.Driver}
		for _, board := range c.HAL(b).Boards {
			spec.Boards = append(spec.Boards, board.Address)
		}
		bc.Buses = append(bc.Buses, spec)
	}
	for _, s := range c.Scanners {
		bc.Scanners = append(bc.Scanners, s.Name)
	}
	for _, x := range c.Doors {
		bc.Doors = append(bc.Doors, bank.DoorSpec{
			ID: x.ID, Size: x.Size, Accessible: x.Accessible, Sensor: x.Sensor, Tenant: x.Tenant, Use: string(x.Use), Bus: x.Bus, Lock: x.Lock, Wired: x.Wire.Lock,
		})
	}
	return bc
}
