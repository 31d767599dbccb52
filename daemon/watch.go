package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
)

// judgeEvery is how often the bank's health is judged.
const judgeEvery = time.Minute

// patientBank is what is needed of the bank for its health.
type patientBank interface {
	Status(ctx context.Context) (bank.Status, error)
	Events(ctx context.Context, from uint64, most int) ([][]byte, error)
	Note(ctx context.Context, e locker.Event) error
}

// watch judges the health of a bank and journals what begins and what is over.
// It belongs to one goroutine.
type watch struct {
	bank patientBank
	sys  fs.FS // /sys
	log  *slog.Logger

	events  follower
	history health.History
	windows map[string]*health.Window
	monitor health.Monitor
}

// run judges until ctx ends or the bank does.
func (w *watch) run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
		if err := w.judge(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("cannot judge the bank's health", slog.Any("error", err))
		}
	}
}

// judge makes one judgement.
func (w *watch) judge(ctx context.Context) error {
	s, err := w.bank.Status(ctx)
	if err != nil {
		return err
	}
	if err := w.events.read(ctx, w.bank, s.Journal, w.history.AddJSON); err != nil {
		return err
	}
	begun, over := w.monitor.Step(health.Judge(&w.history, w.sample(&s)))
	var errs []error
	for i := range begun {
		errs = append(errs, w.bank.Note(ctx, healthEvent(locker.EvHealthWarning, &begun[i])))
	}
	for i := range over {
		errs = append(errs, w.bank.Note(ctx, healthEvent(locker.EvHealthCleared, &over[i])))
	}
	return errors.Join(errs...)
}

func (w *watch) sample(s *bank.Status) health.Sample {
	out := health.Sample{Now: s.Time.Time(), Buses: map[string]health.Counters{}, Machine: health.ReadMachine(w.sys)}
	if w.windows == nil {
		w.windows = map[string]*health.Window{}
	}
	for _, b := range s.Buses {
		if w.windows[b.Name] == nil {
			w.windows[b.Name] = &health.Window{}
		}
		c := health.Counters{Requests: b.Stats.Requests, Timeouts: b.Stats.Timeouts, Garbage: b.Stats.Garbage, Foreign: b.Stats.Foreign}
		out.Buses[b.Name] = w.windows[b.Name].Add(time.Unix(0, 0).Add(s.Up), c) // by the monotonic clock
	}
	for _, x := range s.Scanners {
		if x.State == "ok" {
			out.Scanners = append(out.Scanners, x.Name)
		}
	}
	return out
}

// healthEvent is how a finding is journaled.
func healthEvent(kind string, f *health.Finding) locker.Event {
	e := locker.Event{Type: kind, Door: f.Door, Bus: f.Bus, Scanner: f.Scanner, Cause: string(f.Cause)}
	if kind == locker.EvHealthWarning {
		e.Level, e.Why = string(f.Level), f.What+": "+f.Evidence
	}
	return e
}
