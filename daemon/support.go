package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/control"
	"lockerd/daemon/link"
	"lockerd/daemon/support"
)

// Reasons of a command bundle that failed, ours.
const (
	bundleBusy = "busy"
	bundleGone = "bundle_gone"
)

// bundles makes support bundles, one at a time: each takes some megabytes while it
// is made.
type bundles struct {
	from *support.Source
	link *link.Link // nil: there is no broker
	one  chan struct{}
}

// Make makes a bundle for the control socket, which is not encrypted.
func (b *bundles) Make(ctx context.Context) ([]byte, error) {
	select {
	case b.one <- struct{}{}:
		defer func() { <-b.one }()
	default:
		return nil, &bank.Error{Code: control.CodeRefused, Reason: bundleBusy, Text: "cannot make a support bundle: another one is being made", Cure: "wait half a minute, then try again"}
	}
	return b.from.Make(ctx)
}

// Order implements bank.Bundles.
func (b *bundles) Order(ctx context.Context, o bank.BundleOrder) (bank.BundleSent, error) {
	if o.Again != "" {
		sum, size, chunks, kept := b.link.ResendBundle(o.Again, o.To, o.From)
		if !kept {
			return bank.BundleSent{}, &bank.Error{Code: control.CodeNotFound, Reason: bundleGone, Text: "cannot send the bundle again: it is not kept any more", Cure: "order a new one"}
		}
		return bank.BundleSent{ID: o.Again, Bytes: size, SHA256: sum, Chunks: chunks}, nil
	}
	plain, err := b.Make(ctx)
	if err != nil {
		return bank.BundleSent{}, err
	}
	sealed, err := bundle.Seal(o.To, plain)
	if err != nil {
		return bank.BundleSent{}, err
	}
	sum, chunks, err := b.link.SendBundle(o.ID, o.To, sealed)
	return bank.BundleSent{ID: o.ID, Bytes: len(sealed), SHA256: sum, Chunks: chunks}, err
}

// prepareBundles makes who makes support bundles, for the socket and, where there
// is a broker, for the backend.
func (d *Daemon) prepareBundles() {
	d.bundles = &bundles{from: d.support(), one: make(chan struct{}, 1)}
	if d.linked != nil {
		d.bundles.link = d.linked.link
		d.bank.AttachBundles(d.bundles)
	}
}

// support is where the support bundles of this process come from.
func (d *Daemon) support() *support.Source {
	c := d.opt.Config
	return &support.Source{
		Bank: d.bank, Version: "lockerd " + d.opt.Version, ConfigFile: d.opt.ConfigFile, Name: c.Bank, DataDir: c.DataDir, Written: d.written,
		Lines: d.traces, Sys: d.opt.Sys, Logs: map[string]support.Question{"kernel.log": support.KernelLog, "lockerd.log": notOurs},
		Now: func() time.Time { return d.clock.Now().Time() },
	}
}

// notOurs: what lockerd has said is kept by its supervisor.
func notOurs(context.Context) ([]byte, error) {
	return nil, errors.New("lockerctl bundle at the bank adds it")
}

// writtenAt is when a file was written last; zero: it can't be told.
func writtenAt(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
