package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"lockerd/daemon/support"
)

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
