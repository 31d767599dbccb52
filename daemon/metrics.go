package daemon

import (
	"context"
	"fmt"

	"lockerd/daemon/health"
	"lockerd/daemon/metrics"
)

// scraped gathers what [metrics] shows. The server asks one at a time.
type scraped struct {
	d      *Daemon
	tally  metrics.Tally
	events follower // of those since this start
}

// serveMetrics serves them until ctx ends, if the configuration wants it.
func (d *Daemon) serveMetrics(ctx context.Context) {
	m := d.opt.Config.Metrics
	if m == nil {
		return
	}
	s := &scraped{d: d, events: follower{next: d.store.Next()}}
	server := &metrics.Server{Gather: s.gather, Log: d.component("metrics")}
	server.Run(ctx, m.Listen)
}

func (s *scraped) gather(ctx context.Context) ([]byte, error) {
	snap := metrics.Snapshot{Disk: health.ReadDisk(s.d.opt.Config.DataDir), TempC: health.ReadMachine(s.d.opt.Sys).HottestC, Self: metrics.ReadProcess()}
	var err error
	if snap.Status, err = s.d.bank.Status(ctx); err != nil {
		return nil, err
	}
	if snap.Doors, _, err = s.d.bank.DoorsNow(ctx); err != nil {
		return nil, err
	}
	if snap.Stock, _, err = s.d.bank.StockNow(ctx); err != nil {
		return nil, err
	}
	if err := s.events.read(ctx, s.d.bank, snap.Status.Journal, s.tally.AddJSON); err != nil {
		return nil, fmt.Errorf("cannot count events: %w", err)
	}
	return metrics.Write(&snap, &s.tally), nil
}
