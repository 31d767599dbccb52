package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"lockerd/daemon"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

const (
	readyWithin = 20 * time.Second      // the start of the bank
	lookEvery   = 20 * time.Millisecond // for what nobody announces
)

// site is a running bank with everything around it.
type site struct {
	dir    string
	socket string
	hw     *hardware
	fleet  *fleet
	client *control.Client
	feed   *feed
	codes  *purse
	hands  *hands
	stop   context.CancelFunc
	ended  chan error // the daemon's end; nil after an orderly stop
	fed    chan error // the end of following; nil channel until it has begun
	log    *os.File
	loaded uint64 // the last event of loading and issuing
}

// openSite builds a bank in dir, starts it, loads its doors and issues the
// codes.
func openSite(ctx context.Context, dir string, p pace) (*site, error) {
	s := &site{dir: dir, feed: newFeed(), ended: make(chan error, 1)}
	var err error
	if s.log, err = os.Create(s.logFile()); err != nil {
		return nil, fmt.Errorf("cannot write the log: %w", err)
	}
	if s.fleet, err = newFleet(ctx, dir, s.logger("fleet")); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	cfg, err := writeConfig(dir, s.fleet.url(), p)
	if err != nil {
		return nil, errors.Join(err, s.fleet.close(), s.log.Close())
	}
	s.socket = cfg.Control.Socket
	s.client = control.NewClient(s.socket, "demo")
	s.codes = &purse{tool: tool{socket: s.socket}, fleet: s.fleet}
	if s.hw, err = newHardware(dir, p.shut); err != nil {
		return nil, errors.Join(err, s.fleet.close(), s.log.Close())
	}
	s.hands = newHands(s.hw.scanner, s.feed, p.label)
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	if err := s.start(ctx, run, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func writeConfig(dir, url string, p pace) (*config.Config, error) {
	file := filepath.Join(dir, "lockerd.toml")
	if err := os.WriteFile(file, []byte(configText(dir, url, p)), 0o600); err != nil {
		return nil, fmt.Errorf("cannot write the configuration: %w", err)
	}
	return config.Load(file)
}

func (s *site) logFile() string { return filepath.Join(s.dir, "lockerd.log") }

func (s *site) logger(part string) *slog.Logger {
	return slog.New(slog.NewTextHandler(s.log, nil)).With(slog.String("program", part))
}

// start runs the daemon, waits until it is ready, and fills the bank.
func (s *site) start(ctx, run context.Context, cfg *config.Config) error {
	ready := make(readyLine, 1)
	go func() {
		s.ended <- daemon.Run(run, daemon.Options{Config: cfg, Version: "demo", Log: s.logger("lockerd"), Ready: ready})
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("cannot start the bank: it is not ready within %s", readyWithin))
	defer cancel()
	select {
	case <-ready:
	case err := <-s.ended:
		s.ended <- err // Close takes it once more
		if err == nil {
			err = errors.New("cannot start the bank: it has ended at once")
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	fed := make(chan error, 1)
	s.fed = fed
	go func() {
		done := make(chan struct{})
		go func() { s.hands.follow(run); close(done) }()
		err := s.feed.follow(run, s.client)
		<-done
		fed <- err
	}()
	if err := s.scannerThere(ctx); err != nil {
		return err
	}
	return s.fill(ctx)
}

// scannerThere waits until the scanner's port is open: what is scanned before
// is thrown away, and nothing is said when it comes.
func (s *site) scannerThere(ctx context.Context) error {
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		st, err := s.client.Status(ctx)
		if err != nil {
			return err
		}
		if st.Scanners[0].State == "ok" {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// readyLine takes the line that a daemon writes when its doors can be opened.
type readyLine chan string

// Write implements io.Writer.
func (r readyLine) Write(b []byte) (int, error) {
	select {
	case r <- string(b):
	default: // the first line is the one that counts
	}
	return len(b), nil
}

// fill loads the doors and has the backend issue the codes.
func (s *site) fill(ctx context.Context) error {
	for _, g := range goods() {
		item := &locker.Item{Tenant: tenant, SKU: g.sku, Serial: g.serial, Condition: locker.Ready}
		if err := s.client.SetStock(ctx, g.door, item); err != nil {
			return fmt.Errorf("cannot load door %s: %w", g.door, err)
		}
	}
	if err := s.fleet.awaitBank(ctx); err != nil {
		return err
	}
	if err := s.fleet.desire(ctx, wanted()); err != nil {
		return err
	}
	for _, w := range wishes() {
		if _, err := s.codes.issue(ctx, w); err != nil {
			return err
		}
	}
	st, err := s.client.Status(ctx)
	s.loaded = st.Journal.Next - 1
	return err
}

// Close stops the bank in order and takes the hardware away. The data stays.
func (s *site) Close() error {
	s.stop()
	err := <-s.ended
	if s.fed != nil {
		if ferr := <-s.fed; !errors.Is(ferr, control.ErrEnded) {
			err = errors.Join(err, ferr)
		}
	}
	return errors.Join(err, s.hw.Close(), s.fleet.close(), s.log.Close())
}
