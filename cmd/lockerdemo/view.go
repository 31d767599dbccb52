package main

import (
	"context"
	"time"

	"lockerd/daemon/bank"
	"lockerd/sync/backend"
)

// view is the bank as its control socket shows it at one moment.
type view struct {
	status bank.Status
	doors  []bank.DoorStatus
	stock  []bank.StockLine
	codes  map[string]backend.CodeStatus // by id, as the backend knows them
	above  backend.Status                // the bank as the backend knows it
	err    error                         // why the rest is not there
}

// lookAtLeast is how often the bank is looked at when nothing happens.
const lookAtLeast = time.Second

// watch looks at the bank after every event, and now and then, until ctx ends.
func (s *site) watch(ctx context.Context, views chan<- view) {
	tick := time.NewTicker(lookAtLeast)
	defer tick.Stop()
	for {
		_, changed := s.feed.after(^uint64(0))
		above := s.fleet.be.Changed()
		select {
		case views <- s.look(ctx):
		case <-ctx.Done():
			return
		}
		select {
		case <-changed:
		case <-above:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *site) look(ctx context.Context) (v view) {
	if v.status, v.err = s.client.Status(ctx); v.err != nil {
		return v
	}
	if v.doors, v.err = s.client.Doors(ctx); v.err != nil {
		return v
	}
	if v.stock, v.err = s.client.Stock(ctx); v.err != nil {
		return v
	}
	v.above, _ = s.fleet.be.Bank(bankName) // zero before its first birth
	v.codes, v.err = s.fleet.codes()
	return v
}
