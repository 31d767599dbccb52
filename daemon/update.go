package daemon

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
	"lockerd/daemon/update"
)

// prepareUpdates makes who takes orders for new versions. It runs behind the judgement
// of this start: an update begins from a program that is known to be well.
func (d *Daemon) prepareUpdates() error {
	c := d.opt.Config
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return fmt.Errorf("cannot use time zone %q: %w", c.Timezone, err)
	}
	log := d.component("update")
	o := update.Options{
		Running: d.opt.Version, Source: c.Update.Source, Zone: zone, Health: d.health, Bank: d.bank, Log: log,
		Clock: func() (time.Time, bool) {
			r := d.clock.Read()
			return r.Now.Time(), r.Status != locker.ClockUnset
		},
		Client: &update.Client{
			RootFile: c.Update.RootFile, Now: func() time.Time { return d.clock.Now().Time() }, Board: update.Board(),
			Log: func(s string) { log.Warn("updates", slog.String("what", s)) },
		},
	}
	if s := d.opt.Slots; s != nil {
		o.Slots, o.Slot = s.Dir, s.Slot
		o.Client.Dir = filepath.Join(s.Dir.Path, "tuf")
	} else {
		o.Slot = slots.Base
	}
	d.updates = update.New(o)
	d.bank.AttachUpdates(d.updates)
	return nil
}
