package backend

import (
	"bytes"
	"encoding/json"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// doorsSummary is what memory keeps of state/doors.
type doorsSummary struct {
	total   int
	open    []locker.DoorID // both at most summaryMax long
	out     []doorOut
	nOpen   int
	nOut    int
	unknown int
	items   int
}

type doorOut struct {
	id     locker.DoorID
	causes []locker.Cause
}

const summaryMax = 32

// shownKey is where a snapshot of doors (d) or stock (q) is kept, and whether it is what the
// bank shows. A board that was put in while nobody listened may be heard before its birth: of
// another journal than the bank's the last is kept aside, until its birth comes.
func (b *bank) shownKey(letter byte, journal string) (k []byte, shows bool) {
	if b.Journal == "" || b.Journal == journal {
		return key(letter, b.Name), true
	}
	return b.asideKey(letter), false
}

func (b *bank) asideKey(letter byte) []byte { return key(letter, b.Name, "aside") }

// snapshotHead is what snapshots are compared by.
type snapshotHead struct {
	Journal string `json:"journal"`
	Seq     uint64 `json:"seq"`
}

func (t *txn) shownHead(k []byte) (h snapshotHead) {
	if v := t.get(k); v != nil {
		_ = json.Unmarshal(v, &h) // written below, else it counts as none
	}
	return h
}

// keep writes a snapshot unless a newer one of its journal is there, and tells whether it
// is what the bank shows. Journals can't be compared.
func (t *txn) keep(b *bank, letter byte, h snapshotHead, raw []byte) bool {
	k, shows := b.shownKey(letter, h.Journal)
	if old := t.shownHead(k); old.Journal == h.Journal && h.Seq < old.Seq {
		return false
	}
	if !bytes.Equal(t.get(k), raw) { // what is retained comes with each subscription
		t.put(k, raw)
	}
	return shows
}

// promote takes up what came ahead of the birth of the bank's journal.
func (t *txn) promote(b *bank) {
	for _, letter := range []byte{'d', 'q'} {
		aside := b.asideKey(letter)
		if t.shownHead(aside).Journal == b.Journal {
			t.put(key(letter, b.Name), bytes.Clone(t.get(aside)))
			t.del(aside)
		}
	}
}

// Shown returns the doors of a bank as its last state/doors had them; none if none came.
func (b *Backend) Shown(bank string) (doors []wire.Door, err error) {
	err = b.view(func(t *txn) error {
		raw := t.get(key('d', bank))
		if raw == nil {
			return nil
		}
		d, err := wire.DecodeDoors(raw)
		doors = d.Doors
		return err
	})
	return doors, err
}

func (t *txn) doors(b *bank, d *wire.Doors, raw []byte) {
	if len(d.Doors) <= locker.MaxLockers*locker.MaxDoors && t.keep(b, 'd', snapshotHead{d.Journal, d.Seq}, raw) {
		b.doors = summaryOf(d)
	}
}

func summaryOf(d *wire.Doors) doorsSummary {
	s := doorsSummary{total: len(d.Doors)}
	for i := range d.Doors {
		s.add(&d.Doors[i])
	}
	return s
}

// remember takes up what a bank has shown last: neither one that is away nor a broker that
// has lost its retained messages says it again.
func (t *txn) remember(b *bank) {
	if raw := t.get(key('d', b.Name)); raw != nil {
		if d, err := wire.DecodeDoors(raw); err == nil && d.Journal == b.Journal {
			b.doors = summaryOf(&d)
		}
	}
	if raw := t.get(key('q', b.Name)); raw != nil {
		if s, err := wire.DecodeStock(raw); err == nil && s.Journal == b.Journal {
			b.stock = s.Stock
		}
	}
}

func (s *doorsSummary) add(d *wire.Door) {
	switch d.State {
	case "open":
		s.nOpen++
		if len(s.open) < summaryMax {
			s.open = append(s.open, d.ID)
		}
	case "closed":
	default:
		s.unknown++
	}
	if len(d.Out) > 0 {
		s.nOut++
		if len(s.out) < summaryMax {
			s.out = append(s.out, doorOut{d.ID, d.Out[:min(len(d.Out), 8)]})
		}
	}
	if d.Item != nil {
		s.items++
	}
}

// stockMax bounds the lines of stock in memory: more skus than doors can't lie there.
const stockMax = 2 * locker.MaxLockers * locker.MaxDoors

func (t *txn) stock(b *bank, s *wire.Stock, raw []byte) {
	if len(s.Stock) <= stockMax && t.keep(b, 'q', snapshotHead{s.Journal, s.Seq}, raw) {
		b.stock = s.Stock
	}
}

// health takes a heartbeat. One of a newer connection than the last birth's means
// that the birth was lost: events and the bank's own questions still work, commands
// wait for it.
func (t *txn) health(b *bank, h *wire.Health, retained bool) {
	if b.Birth != nil && h.Journal.ID == b.Journal && pairLess(h.Boot, h.Conn, b.Birth.Boot, b.Birth.Conn) {
		return
	}
	if b.replaced(h.Journal.ID) {
		j := b.Journals[h.Journal.ID]
		b.stray = pairLess(j.Boot, j.Conn, h.Boot, h.Conn) // it has been put back
		return
	}
	if len(h.Buses) > 64 || len(h.Scanners) > 64 || max(h.Journal.First, h.Journal.Next, h.Journal.Acked) > numberMax {
		return
	}
	b.health, b.stray = h, false
	if retained {
		b.Seen = max(b.Seen, min(h.At, t.now))
		return
	}
	t.sweep(b) // it may stay connected for months
	j := b.Journals[h.Journal.ID]
	if j == nil || h.Journal.ID != b.Journal {
		return
	}
	sameConn := b.Birth != nil && h.Boot == b.Birth.Boot && h.Conn == b.Birth.Conn
	if sameConn && !b.Online {
		b.Online, b.Reason, b.dirty = true, "", true // its death was not its own
	}
	if h.Journal.First > j.First {
		j.First, b.dirty = h.Journal.First, true
	}
	if sameConn && !b.answered {
		t.greet(b, false) // the birth on this connection of ours may have been missed, and says no more
	}
	if h.Journal.Acked > j.Last { // by a backend that this one was before its disk was put back
		if j.First > j.Last+1 && h.Journal.Next <= j.First {
			return // nothing left to be had
		}
		if h.Journal.Acked > j.behind {
			j.behind = h.Journal.Acked
			t.behind(b)
		}
		t.resync(b, j)
	}
}

// replaced tells whether a journal is that of a board before the present one.
func (b *bank) replaced(id string) bool {
	j := b.Journals[id]
	return id != b.Journal && j != nil && j.Boot > 0
}

// behind takes up that this store is older than what the bank has seen of it: the
// bank may have documents that it knows nothing of, under versions that it would
// give again.
func (t *txn) behind(b *bank) {
	b.find(t.now, FoundRestored, "the bank has acknowledgements for events that are not in this store")
	if d := &b.Desired; d.Version > 0 {
		d.Version = max(t.now.Time().Unix(), d.Version+1)
		d.again.reset()
		t.sendDesired(b)
	}
	if t.c.newestTrust() > 0 {
		b.TrustAt = trustUnknown
		b.Trust.again.reset()
	}
}
