package bank

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"lockerd/daemon/locker"
)

// nonceBytes are those of a birth (contract 6.2).
const nonceBytes = 16

// Birth is the whole state of the bank, as it is published on a new connection.
type Birth struct {
	Boot, Conn int64
	At         locker.Time
	Clock      locker.Clock
	Version    string
	Doors      int
	Nonce      string
	Journal    JournalStatus
	Codes      map[string]locker.SetInfo // but local
	Desired    int64
	Counter    int64
}

// Connect begins a connection: its number is on disk when it returns, and the
// nonce that commands must answer is a new one.
func (b *Bank) Connect(ctx context.Context) (Birth, error) {
	var raw [nonceBytes]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return Birth{}, fmt.Errorf("cannot draw a nonce: %w", err)
	}
	err := b.step(ctx, func(t *tx) {
		b.conn++
		b.nonce = base64.RawURLEncoding.EncodeToString(raw[:])
		t.value(locker.ValueConn, decimal(b.conn))
	})
	if err != nil {
		return Birth{}, err
	}
	return b.Born(ctx)
}

// Born returns the state as it is now, of the present connection.
func (b *Bank) Born(ctx context.Context) (Birth, error) {
	var out Birth
	err := b.call(ctx, func() {
		r := b.clock.Read()
		out = Birth{
			Boot: b.boot, Conn: b.conn, At: r.Now, Clock: r.Status, Version: b.cfg.Version, Doors: len(b.slots),
			Nonce: b.nonce, Journal: b.journal(), Codes: b.store.Sets(), Desired: b.desired.Version, Counter: b.commands.Counter,
		}
		delete(out.Codes, locker.SetLocal)
	})
	return out, err
}

func (b *Bank) journal() JournalStatus {
	return JournalStatus{ID: b.store.JournalID(), First: b.store.First(), Next: b.store.Next(), Bytes: b.store.EventBytes()}
}

// DoorsNow lists all doors, and tells up to which event the list is true.
func (b *Bank) DoorsNow(ctx context.Context) (list []DoorStatus, seq uint64, err error) {
	err = b.call(ctx, func() {
		for _, d := range b.slots {
			list = append(list, d.status())
		}
		seq = b.store.Next() - 1
	})
	return list, seq, err
}

// StockNow returns the counts, and tells up to which event they are true.
func (b *Bank) StockNow(ctx context.Context) (lines []StockLine, seq uint64, err error) {
	err = b.call(ctx, func() { lines, seq = b.stockLines(), b.store.Next()-1 })
	return lines, seq, err
}

// Changed returns a channel that is closed at the next change of doors or stock.
func (b *Bank) Changed() <-chan struct{} {
	b.watch.Lock()
	defer b.watch.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// signal tells whoever watches that something has changed.
func (b *Bank) signal() {
	b.watch.Lock()
	defer b.watch.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// loadDown reads what the link needs to go on where the last run ended.
func (b *Bank) loadDown() error {
	from, err := b.number(locker.ValueTicketsFrom)
	if err != nil {
		return err
	}
	b.ticketsFrom = locker.Time(from)
	conn, err := b.number(locker.ValueConn)
	if err != nil {
		return err
	}
	acked, err := b.number(locker.ValueAcked)
	if err != nil {
		return err
	}
	b.conn = conn
	b.acked = min(uint64(max(acked, 0)), b.store.Next()-1) //nolint:gosec // not negative
	b.ackedSaved, b.ackedStart = b.acked, b.acked
	b.store.Acked(b.acked, time.Time{})
	return nil
}

func (b *Bank) number(name string) (int64, error) {
	v, _, err := b.store.Value(name)
	n, _ := strconv.ParseInt(string(v), 10, 64) // absent: a new bank
	return n, err
}

// AckedAtStart returns the last event that the backend was known to have when
// the bank was made. Too low costs duplicates.
func (b *Bank) AckedAtStart() uint64 { return b.ackedStart }

// MaxAge returns after which time without confirmation a set of codes is stale;
// 0: never.
func (b *Bank) MaxAge(ctx context.Context) (age time.Duration, err error) {
	err = b.call(ctx, func() { age = b.cfg.MaxAge })
	return age, err
}

// RejectDesired journals that a desired document could not be read. An older one
// than the bank's is stale whatever is in it.
func (b *Bank) RejectDesired(ctx context.Context, version int64, why string) error {
	_, err := b.judged(ctx, func(t *tx) Verdict {
		if version <= b.desired.Version {
			return b.applyDesired(t, locker.DesiredState{Version: version})
		}
		t.add(locker.Event{Type: locker.EvConfigRejected, Version: locker.Number(version), Why: why})
		return Verdict{}
	})
	return err
}
