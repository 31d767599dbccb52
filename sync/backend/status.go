package backend

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Silence is how long a bank may be silent before it counts as away: two and a half
// of the default heartbeats (contract 6.3).
const Silence = 150 * time.Second

// Status is one bank as it is known now.
type Status struct {
	Bank     string               `json:"bank"`
	Online   bool                 `json:"online"` // heard of within Silence, and no death of its connection came
	Seen     locker.Time          `json:"seen,omitzero"`
	Reason   string               `json:"reason,omitempty"` // shutdown
	Version  string               `json:"version,omitempty"`
	Clock    locker.Clock         `json:"clock,omitempty"`
	Boot     int64                `json:"boot,omitempty"`
	Conn     int64                `json:"conn,omitempty"`
	Doors    DoorCount            `json:"doors"`
	Stock    []wire.StockLine     `json:"stock,omitempty"`
	Low      []wire.StockLine     `json:"low,omitempty"` // below their min
	Journal  Evidence             `json:"journal"`
	Sets     map[string]SetStatus `json:"sets,omitempty"`
	Desired  DesiredStatus        `json:"desired"`
	Trust    TrustStatus          `json:"trust"`
	Update   *Update              `json:"update,omitempty"`  // as its journal tells; nil: of none
	Pending  int                  `json:"pending,omitempty"` // commands unanswered
	Alarms   []string             `json:"alarms,omitempty"`
	Findings []Finding            `json:"findings,omitempty"`
	Health   *wire.Health         `json:"health,omitempty"`
}

// DoorCount counts doors.
type DoorCount struct {
	Total   int `json:"total"`
	Open    int `json:"open"`
	Out     int `json:"out_of_service"`
	Unknown int `json:"unknown"`
	Items   int `json:"items"`
}

// Evidence is what is stored of the bank's journal, and what its chain is worth.
type Evidence struct {
	ID     string `json:"id,omitempty"`
	Stored uint64 `json:"stored"` // last seq
	Hash   string `json:"hash,omitempty"`
	Next   uint64 `json:"next"` // of the bank, as last heard
	Breaks int    `json:"breaks"`
	Holes  int    `json:"holes"`
	Gaps   int    `json:"gaps"`
	Lacks  uint64 `json:"lacks,omitempty"` // the event that later ones have long waited for: the bank is asked again and again
}

// SetStatus is how far a set is.
type SetStatus struct {
	Epoch   int64         `json:"epoch"`
	Version int64         `json:"version"`
	Live    int           `json:"live"`
	Digest  locker.Digest `json:"digest"`
	Applied bool          `json:"applied"`
	AtBank  int64         `json:"at_bank"` // version, of the same epoch; else 0
}

// TrustStatus is which key set the bank has.
type TrustStatus struct {
	Version int64 `json:"version"` // as the bank says
	Current bool  `json:"current"`
}

// Banks returns all banks in the order of their names.
func (b *Backend) Banks() []Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	list := make([]Status, 0, len(b.core.banks))
	for _, name := range slices.Sorted(maps.Keys(b.core.banks)) {
		list = append(list, b.core.status(b.core.banks[name], now))
	}
	return list
}

// Bank returns one bank.
func (b *Backend) Bank(name string) (Status, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.core.banks[name]
	if k == nil {
		return Status{}, false
	}
	return b.core.status(k, b.now()), true
}

func (c *core) status(b *bank, now locker.Time) Status {
	s := Status{
		Bank: b.Name, Seen: b.Seen, Reason: b.Reason,
		Online:  b.Online && now.Sub(b.Seen) <= Silence && !c.barred(b.Name),
		Doors:   DoorCount{b.doors.total, b.doors.nOpen, b.doors.nOut, b.doors.unknown, b.doors.items},
		Stock:   slices.Clone(b.stock),
		Sets:    map[string]SetStatus{},
		Desired: b.Desired.status(),
		Trust:   TrustStatus{b.Trust.Applied, !c.trustOwed(b)},
		Pending: b.pending(), Findings: slices.Clone(b.Findings), Health: b.health,
	}
	if b.Birth != nil {
		s.Version, s.Clock, s.Boot, s.Conn = b.Birth.Version, b.Birth.Clock, b.Birth.Boot, b.Birth.Conn
	}
	if b.health != nil {
		s.Clock = b.health.Clock
	}
	if b.Update != nil {
		u := *b.Update
		s.Update = &u
	}
	if j := b.Journals[b.Journal]; j != nil {
		s.Journal = Evidence{b.Journal, j.Last, j.Hash, j.Next, j.Breaks, j.Holes, j.Gaps, j.lacks(now)}
	}
	for name, x := range b.Sets {
		s.Sets[name] = x.status()
	}
	for _, l := range b.stock {
		if l.Min != nil && l.Count < *l.Min {
			s.Low = append(s.Low, l)
		}
	}
	s.Alarms = b.alarms(&s)
	if more := len(s.Alarms) - shownMax; more > 0 {
		s.Alarms = append(s.Alarms[:shownMax:shownMax], fmt.Sprintf("and %d alarms more", more))
	}
	if c.barred(b.Name) {
		s.Alarms = slices.Insert(s.Alarms, 0, "its board is revoked: what comes in its name is left aside")
	}
	return s
}

func (c *core) barred(bank string) bool { return c.cfg.Barred != nil && c.cfg.Barred(bank) }

func (s *set) status() SetStatus {
	at := SetStatus{Epoch: s.Epoch, Version: s.Version, Live: s.Live, Digest: s.Digest, Applied: s.applied()}
	if s.Bank.Epoch == s.Epoch {
		at.AtBank = s.Bank.Version
	}
	return at
}

// alarms says in words what a person should look at, worst first.
func (b *bank) alarms(s *Status) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if s.Journal.Breaks > 0 {
		add("journal: chain broken %d times", s.Journal.Breaks)
	}
	for _, subject := range slices.Sorted(maps.Keys(b.Alarms)) {
		add("%s %s", subject, b.Alarms[subject].Text)
	}
	for _, d := range b.doors.out {
		add("door %s out of service: %s", d.id, joinCauses(d.causes))
	}
	if b.health != nil {
		list = append(list, healthAlarms(b.health)...)
	}
	if s.Clock == locker.ClockUnset {
		add("clock unset")
	}
	if s.Journal.Lacks > 0 {
		add("journal: event %d does not come, however often it is asked for; later ones wait for it", s.Journal.Lacks)
	}
	if s.Journal.Holes > 0 {
		add("journal: %d holes", s.Journal.Holes)
	}
	if s.Desired.State == DocRejected {
		add("desired document rejected: %s", s.Desired.Why)
	}
	for _, l := range s.Low {
		add("stock low: %s %d of %d", strings.TrimSpace(l.Tenant+" "+l.SKU), l.Count, *l.Min)
	}
	return list
}

func healthAlarms(h *wire.Health) []string {
	var list []string
	for _, bus := range h.Buses {
		for _, board := range bus.Boards {
			if board.State == "lost" {
				list = append(list, fmt.Sprintf("board %d of bus %s lost", board.Address, bus.Name))
			}
		}
	}
	for _, s := range h.Scanners {
		if s.State == "lost" {
			list = append(list, fmt.Sprintf("scanner %s lost", s.Name))
		}
	}
	return list
}

func joinCauses(list []locker.Cause) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// Events returns up to limit stored events after a cursor, and the cursor to go on
// with. Cursor 0 is the beginning. Of one bank only, if it is named: the cursor goes
// on past the others. What Config.Keep has let go is skipped. A cursor is good for a store
// that was brought back from a backup, too: what is stored after that is behind it.
func (b *Backend) Events(bankName string, after uint64, limit int) ([]Event, uint64, error) {
	const look = 10_000 // arrivals looked at in one call
	var list []Event
	err := b.view(func(t *txn) error {
		var keys [][]byte
		looked, more := 0, true
		t.scan([]byte{'a'}, arrivalKey(after+1), func(k, v []byte) bool {
			after = last64(k)
			looked++
			if bankName == "" || bytes.HasPrefix(v, key('e', bankName)) {
				keys = append(keys, bytes.Clone(v))
			}
			more = len(keys) < limit && looked < look
			return more
		})
		if more { // the newest may have been let go
			after = max(after, t.c.meta.Arrivals)
		}
		for _, k := range keys {
			if v := t.get(k); v != nil {
				if e, ok := decodeEvent(k, v); ok {
					list = append(list, e)
				}
			}
		}
		return nil
	})
	return list, after, err
}

// LastEvent is the cursor behind the newest event.
func (b *Backend) LastEvent() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.core.meta.Arrivals
}

// CursorBefore is a cursor that the last n events of all banks are behind.
func (b *Backend) CursorBefore(n int) (uint64, error) {
	var cursor uint64
	err := b.view(func(t *txn) error {
		more := func(after uint64) bool { // than n are behind it
			found := 0
			t.scan([]byte{'a'}, arrivalKey(after+1), func([]byte, []byte) bool { found++; return found <= n })
			return found > n
		}
		low, high := uint64(0), t.c.meta.Arrivals
		for low < high {
			if middle := low + (high-low)/2; more(middle) {
				low = middle + 1
			} else {
				high = middle
			}
		}
		cursor = low
		return nil
	})
	return cursor, err
}

// Counts are what the backend itself has to tell.
type Counts struct {
	Dropped uint64 `json:"dropped"` // batches of events dropped at a full queue; banks send them again
	Lost    uint64 `json:"lost"`    // messages to banks dropped at a full queue; the retry sends them again
	Queued  int    `json:"queued"`
}

// Counts returns the backend's own counters.
func (b *Backend) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Counts{b.dropped, b.lost, len(b.in)}
}
