package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lockerd/daemon/identity"
	"lockerd/daemon/link"
	"lockerd/daemon/locker"
	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
)

// linked is the way to the broker: what runs beside the bank, if [mqtt] is there.
type linked struct {
	link *link.Link
	up   *uplink.Uplink
}

// identify opens who the bank is, if it has an identity of its own.
func (d *Daemon) identify() *identity.Identity {
	c := d.opt.Config
	if c.Identity == nil {
		return nil
	}
	id := identity.Open(identity.Options{
		Bank: c.Bank, Dir: c.Identity.Dir, Seed: c.Identity.SeedFile, URL: c.Identity.URL,
		Clock: func() (time.Time, locker.Clock) { r := d.clock.Read(); return r.Now.Time(), r.Status },
	})
	d.manager = &identity.Manager{ID: id, Pace: identity.DefaultPace(), Log: d.component("identity")}
	return id
}

// enrol keeps the identity until ctx ends.
func (d *Daemon) enrol(ctx context.Context) {
	if d.manager != nil {
		d.manager.Run(ctx)
	}
}

// events is the journal as the outbox reads it.
type events struct {
	outboxStore
	acked uint64
}

type outboxStore interface {
	First() uint64
	Next() uint64
	Lines(from uint64, fn func(line []byte) bool) error
	Wait(ctx context.Context, next uint64) error
}

func (e events) AckedUpTo() uint64 { return e.acked }

// trusted makes the key set in force from what is stored and the keys file.
func (d *Daemon) trusted() (*link.Trust, error) {
	c := d.opt.Config
	file := ""
	if c.Trust != nil {
		file = c.Trust.KeysFile
	}
	stored, _, err := d.store.Value(locker.ValueTrust)
	if err != nil {
		return nil, fmt.Errorf("cannot read the stored key set: %w", err)
	}
	return link.NewTrust(c.Bank, file, stored, d.component("link"))
}

func (d *Daemon) component(name string) *slog.Logger {
	return d.opt.Log.With(slog.String("component", name))
}

// connect makes the way to the broker and gives it to the bank. It is not begun
// yet, and nothing of it keeps the bank from being ready.
func (d *Daemon) connect(trust *link.Trust) error {
	c := d.opt.Config
	id := d.identify()
	if c.MQTT == nil {
		return nil
	}
	m := c.MQTT
	box, err := outbox.New(events{d.store, d.bank.AckedAtStart()}, outbox.Options{
		Bank: c.Bank, JournalID: d.store.JournalID(), AckTimeout: m.AckTimeout, Log: d.component("outbox"),
	})
	if err != nil {
		return fmt.Errorf("cannot make the outbox: %w", err)
	}
	l := link.New(link.Config{Bank: c.Bank, URL: m.URL, DataDir: c.DataDir, Trust: trust, Log: d.component("link")},
		d.bank, d.store, d.clock, box, d.store.JournalID())
	uc := uplink.Config{
		Bank: c.Bank, URL: m.URL, Username: m.Username, PasswordFile: m.PasswordFile,
		CAFile: m.CAFile, CertFile: m.CertFile, KeyFile: m.KeyFile, Prefix: m.Prefix,
		DownQoS: byte(m.DownQoS), KeepAlive: m.Keepalive, Heartbeat: m.Heartbeat, //nolint:gosec // 0 or 1
	}
	if id != nil {
		uc.Certificate = id.Certificate
	}
	up, err := uplink.New(uc, l, box, uplink.Options{
		Clock: d.certificateTime, Log: slog.New(l.Watch(d.component("uplink").Handler())),
	})
	if err != nil {
		return err
	}
	if d.manager != nil {
		d.manager.Changed = up.Reconnect
	}
	d.bank.AttachLink(l)
	d.linked = &linked{link: l, up: up}
	return nil
}

// certificateTime is when certificates are judged (contract 8).
func (d *Daemon) certificateTime() (time.Time, bool) {
	r := d.clock.Read()
	return r.Now.Time(), r.Status == locker.ClockSynced
}

// run keeps the link until ctx ends, and says goodbye within uplink.StopTimeout.
func (l *linked) run(ctx context.Context) {
	if l == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.link.Run(ctx)
	}()
	l.up.Run(ctx)
	<-done
}
