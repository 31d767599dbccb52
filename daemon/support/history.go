package support

import (
	"context"
	"path/filepath"

	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/health"
	"lockerd/store/journal"
)

const (
	eventsMost  = 5000 // of journal.jsonl, before its bytes are counted
	eventsBatch = 500
)

// Health is health.json.
type Health struct {
	Findings []health.Finding `json:"findings"`
	Machine  health.Machine   `json:"machine"`
}

// journal is the newest events of a running bank.
func (g *gathering) journal(ctx context.Context) ([]byte, error) {
	s, err := g.Bank.Status(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := g.newest(ctx, s.Journal, eventsMost)
	return tail(joined(lines)), err
}

func (g *gathering) newest(ctx context.Context, j bank.JournalStatus, most uint64) (out [][]byte, err error) {
	next := max(j.Next-min(j.Next, most), j.First)
	for next < j.Next && ctx.Err() == nil {
		lines, err := g.Bank.Events(ctx, next, eventsBatch)
		if err != nil || len(lines) == 0 {
			return out, err
		}
		out = append(out, lines...)
		next += uint64(len(lines))
	}
	return out, ctx.Err()
}

// health judges a running bank.
func (g *gathering) health(ctx context.Context) ([]byte, error) {
	s, err := g.Bank.Status(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := g.newest(ctx, s.Journal, health.Events)
	if err != nil {
		return nil, err
	}
	sample := health.Sample{Now: s.Time.Time(), Buses: map[string]health.Counters{}}
	for _, b := range s.Buses {
		sample.Buses[b.Name] = health.Counters{Requests: b.Stats.Requests, Timeouts: b.Stats.Timeouts, Garbage: b.Stats.Garbage, Foreign: b.Stats.Foreign}
	}
	for _, x := range s.Scanners {
		if x.State == "ok" {
			sample.Scanners = append(sample.Scanners, x.Name)
		}
	}
	return g.judge(lines, sample)
}

// storedHealth judges by what is on the disk.
func (g *gathering) storedHealth(context.Context) ([]byte, error) {
	lines, _ := g.storedLines() // the machine can be judged without
	return g.judge(lines, health.Sample{Now: g.now()})
}

func (g *gathering) judge(lines [][]byte, sample health.Sample) ([]byte, error) {
	var history health.History
	for _, l := range lines {
		if _, err := history.AddJSON(l); err != nil {
			break // a damaged journal is told elsewhere
		}
	}
	if g.Sys != nil {
		sample.Machine = health.ReadMachine(g.Sys)
	}
	h := Health{Findings: health.Judge(&history, sample), Machine: sample.Machine}
	if h.Findings == nil {
		h.Findings = []health.Finding{}
	}
	return encode(h)
}

func (g *gathering) storedLines() ([][]byte, error) {
	return journal.Tail(filepath.Join(g.dir, "journal"), bundle.PartMax*9/10)
}
