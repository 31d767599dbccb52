package link

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Health implements uplink.Bank.
func (l *Link) Health(ctx context.Context) (wire.Health, error) {
	born, err := l.b.Born(ctx)
	if err != nil {
		return wire.Health{}, toSession(err)
	}
	s, err := l.b.Status(ctx)
	if err != nil {
		return wire.Health{}, toSession(err)
	}
	acked, _, err := l.b.Acked(ctx)
	if err != nil {
		return wire.Health{}, toSession(err)
	}
	h := wire.Health{
		V: wire.Version, Bank: l.c.Bank, Boot: born.Boot, Conn: born.Conn, At: s.Time, Clock: s.Clock,
		UptimeS: int64(s.Up / time.Second), Buses: []wire.BusHealth{}, Scanners: []wire.ScannerHealth{},
		Disk: diskOf(l.c.DataDir), TempC: temperature(l.c.Thermal), CacheAge: map[string]int64{}, Link: l.counters(),
		Journal: wire.JournalHealth{
			ID: s.Journal.ID, First: s.Journal.First, Next: s.Journal.Next, Acked: acked, Bytes: s.Journal.Bytes, Pending: s.Journal.Next - 1 - acked,
		},
	}
	addParts(&h, &s)
	for set, i := range s.Codes {
		if set != locker.SetLocal && !i.Confirmed.IsZero() {
			h.CacheAge[set] = int64(s.Time.Sub(i.Confirmed) / time.Second)
		}
	}
	return h, nil
}

func addParts(h *wire.Health, s *bank.Status) {
	for _, b := range s.Buses {
		line := wire.BusHealth{Name: b.Name, Boards: []wire.BoardHealth{}}
		for _, x := range b.Boards {
			line.Boards = append(line.Boards, wire.BoardHealth{Address: x.Address, State: x.State, Error: x.Error})
		}
		h.Buses = append(h.Buses, line)
	}
	for _, x := range s.Scanners {
		h.Scanners = append(h.Scanners, wire.ScannerHealth{Name: x.Name, State: x.State, Error: x.Error})
	}
}

func (l *Link) counters() map[string]uint64 {
	box := l.box.Stats()
	l.mu.Lock()
	defer l.mu.Unlock()
	return map[string]uint64{"batches": box.Batches, "timeouts": box.Timeouts, "holes": box.Holes, "unsaid": l.dropped}
}

// diskOf tells the free space of a directory's file system; nil: it can't be told.
func diskOf(dir string) *wire.DiskHealth {
	d := health.ReadDisk(dir)
	if d == nil {
		return nil
	}
	return &wire.DiskHealth{FreeBytes: d.Free, TotalBytes: d.Total}
}

// temperature is the highest that the kernel tells; nil: it tells none.
func temperature(pattern string) *float64 {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	var hottest *float64
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a zone that is switched off
		}
		milli, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if c := float64(milli) / 1000; err == nil && (hottest == nil || c > *hottest) {
			hottest = &c
		}
	}
	return hottest
}
