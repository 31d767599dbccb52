package metrics

import (
	"maps"
	"slices"
	"strconv"

	"lockerd/daemon/bank"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
)

// Snapshot is a bank at one moment.
type Snapshot struct {
	Status bank.Status
	Doors  []bank.DoorStatus
	Stock  []bank.StockLine
	Disk   *health.Disk // nil: it can't be told
	TempC  float64
	Self   Process
}

const stateOK = "ok" // of bank.BoardStatus and bank.ScannerStatus

// Process is lockerd itself.
type Process struct {
	CPU        float64 // seconds
	Resident   uint64  // bytes
	Goroutines int
}

// Write returns a snapshot and what was counted, as they are scraped.
func Write(s *Snapshot, t *Tally) []byte {
	w := &text{}
	w.bank(&s.Status)
	w.doors(s)
	w.stock(s.Stock)
	for _, write := range []func([]bank.BusStatus){w.buses, w.counters, w.boards} {
		write(s.Status.Buses)
	}
	w.scanners(s.Status.Scanners)
	w.journal(&s.Status)
	w.codes(s.Status.Codes)
	t.write(w)
	w.machine(s)
	return w.b
}

func (t *text) bank(s *bank.Status) {
	t.family("lockerd_info", gauge, "The bank and the version of lockerd that runs it.")
	t.sample(1, "bank", s.Bank, "version", s.Version)
	t.one("lockerd_uptime_seconds", gauge, "Since the start of lockerd.", s.Up.Seconds())
	t.one("lockerd_ready", gauge, "1 when doors can be opened.", truth(s.Ready))
	t.family("lockerd_clock", gauge, "1 for the state that the clock is in (contract 8).")
	for _, c := range []locker.Clock{locker.ClockSynced, locker.ClockHeld, locker.ClockUnset} {
		t.sample(truth(c == s.Clock), "state", string(c))
	}
}

func (t *text) doors(s *Snapshot) {
	t.one("lockerd_doors", gauge, "Doors of the bank.", float64(s.Status.Doors))
	t.one("lockerd_doors_open", gauge, "Doors that stand open.", float64(s.Status.Open))
	t.one("lockerd_doors_unknown", gauge, "Doors of which nobody knows whether they are open: their board is silent.", float64(s.Status.Unknown))
	t.one("lockerd_visits", gauge, "Visits under way.", float64(len(s.Status.Visits)))
	t.family("lockerd_door_out_of_service", gauge, "1 for each door out of service and each cause.")
	for _, d := range s.Doors {
		for _, cause := range d.Out {
			t.sample(1, "door", d.ID.String(), "cause", string(cause))
		}
	}
}

func (t *text) stock(lines []bank.StockLine) {
	t.family("lockerd_stock_items", gauge, "Ready items in doors in service that no code names.")
	for _, l := range lines {
		t.sample(float64(l.Count), "tenant", l.Tenant, "sku", l.SKU)
	}
	t.family("lockerd_stock_min_items", gauge, "Threshold below which stock is low, where there is one.")
	for _, l := range lines {
		if l.Min != nil {
			t.sample(float64(*l.Min), "tenant", l.Tenant, "sku", l.SKU)
		}
	}
}

func (t *text) buses(all []bank.BusStatus) {
	t.family("lockerd_bus_up", gauge, "1 when the port is open.")
	for _, b := range all {
		t.sample(truth(b.Stats.Up), "bus", b.Name, "driver", b.Driver)
	}
	t.family("lockerd_bus_sweep_seconds", gauge, "Length of the last full status sweep.")
	for _, b := range all {
		t.sample(float64(b.Stats.SweepMS)/1000, "bus", b.Name)
	}
}

func (t *text) counters(all []bank.BusStatus) {
	for _, c := range []struct {
		name, help string
		of         func(*bank.BusStatus) uint64
	}{
		{"requests", "Frames sent.", func(b *bank.BusStatus) uint64 { return b.Stats.Requests }},
		{"replies", "Valid replies to them.", func(b *bank.BusStatus) uint64 { return b.Stats.Replies }},
		{"timeouts", "Requests without a reply.", func(b *bank.BusStatus) uint64 { return b.Stats.Timeouts }},
		{"garbage_bytes", "Bytes thrown away while looking for a frame.", func(b *bank.BusStatus) uint64 { return b.Stats.Garbage }},
		{"foreign", "Valid frames that answered another request.", func(b *bank.BusStatus) uint64 { return b.Stats.Foreign }},
		{"echoes", "Own requests heard back.", func(b *bank.BusStatus) uint64 { return b.Stats.Echoes }},
		{"reopened", "Times the port came back.", func(b *bank.BusStatus) uint64 { return b.Stats.Reopened }},
	} {
		t.family("lockerd_bus_"+c.name+"_total", counter, c.help)
		for i := range all {
			t.sample(float64(c.of(&all[i])), "bus", all[i].Name)
		}
	}
}

func (t *text) boards(all []bank.BusStatus) {
	t.family("lockerd_board_up", gauge, "1 when the board answers.")
	for _, b := range all {
		for _, x := range b.Boards {
			t.sample(truth(x.State == stateOK), "bus", b.Name, "board", strconv.Itoa(x.Address))
		}
	}
}

func (t *text) scanners(all []bank.ScannerStatus) {
	t.family("lockerd_scanner_up", gauge, "1 when the scanner is there.")
	for _, s := range all {
		t.sample(truth(s.State == stateOK), "scanner", s.Name)
	}
}

func (t *text) journal(s *bank.Status) {
	t.one("lockerd_journal_last_seq", gauge, "Number of the newest event.", float64(s.Journal.Next-1))
	t.one("lockerd_journal_first_seq", gauge, "Number of the oldest event kept.", float64(s.Journal.First))
	t.one("lockerd_journal_bytes", gauge, "Bytes of events kept.", float64(s.Journal.Bytes))
	if s.Link == nil {
		return // it runs without a broker
	}
	t.one("lockerd_mqtt_connected", gauge, "1 while there is a connection to the broker.", truth(s.Link.Connected))
	t.one("lockerd_events_unacknowledged", gauge, "Events that the backend has not acknowledged yet.", float64(s.Link.Pending))
	if s.Link.AckedAt != 0 {
		t.one("lockerd_events_acknowledged_timestamp_seconds", gauge, "When the backend last acknowledged events.", seconds(s.Link.AckedAt))
	}
}

func (t *text) codes(sets map[string]locker.SetInfo) {
	names := slices.Sorted(maps.Keys(sets))
	t.family("lockerd_codes", gauge, "Live codes, by set.")
	for _, n := range names {
		t.sample(float64(sets[n].Count), "set", n)
	}
	t.family("lockerd_codes_confirmed_timestamp_seconds", gauge, "When the backend last confirmed a set.")
	for _, n := range names {
		if at := sets[n].Confirmed; at != 0 {
			t.sample(seconds(at), "set", n)
		}
	}
}

func (t *text) machine(s *Snapshot) {
	if s.Disk != nil {
		t.one("lockerd_disk_free_bytes", gauge, "Free on the file system of data_dir.", float64(s.Disk.Free))
		t.one("lockerd_disk_size_bytes", gauge, "Size of the file system of data_dir.", float64(s.Disk.Total))
	}
	if s.TempC != 0 {
		t.one("lockerd_temperature_celsius", gauge, "Of the hottest sensor of the board.", s.TempC)
	}
	t.one("process_cpu_seconds_total", counter, "Processor time of lockerd.", s.Self.CPU)
	t.one("process_resident_memory_bytes", gauge, "Resident memory of lockerd.", float64(s.Self.Resident))
	t.one("go_goroutines", gauge, "Goroutines of lockerd.", float64(s.Self.Goroutines))
}

func seconds(t locker.Time) float64 { return float64(t) / 1000 }
