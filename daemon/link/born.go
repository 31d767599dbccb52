package link

import (
	"context"

	"lockerd/daemon/bank"
	"lockerd/sync/wire"
)

// Connect implements uplink.Bank.
func (l *Link) Connect(ctx context.Context) (wire.State, error) {
	l.c.Trust.refresh()
	born, err := l.b.Connect(ctx)
	if err != nil {
		return wire.State{}, err
	}
	l.down.Lock()
	for _, a := range l.asks { // the birth says it all
		a.due, a.wait = false, 0
	}
	l.down.Unlock()
	return l.state(&born), nil
}

// Birth implements uplink.Bank.
func (l *Link) Birth(ctx context.Context) (wire.State, error) {
	born, err := l.b.Born(ctx)
	if err != nil {
		return wire.State{}, toSession(err)
	}
	l.setConnected(true) // it is published now
	return l.state(&born), nil
}

func (l *Link) state(born *bank.Birth) wire.State {
	_, trust := l.c.Trust.Keys()
	s := wire.State{
		V: wire.Version, Bank: l.c.Bank, Status: wire.Online, Boot: born.Boot, Conn: born.Conn,
		At: born.At, Clock: born.Clock, Version: born.Version, Doors: born.Doors, Nonce: born.Nonce,
		Journal: &wire.JournalState{ID: born.Journal.ID, First: born.Journal.First, Next: born.Journal.Next},
		Codes:   map[string]wire.SetState{},
		Desired: &wire.VersionState{Version: born.Desired}, Trust: &wire.VersionState{Version: trust},
		Command: &wire.CounterState{Counter: born.Counter},
	}
	for set, i := range born.Codes {
		s.Codes[set] = wire.SetState{Epoch: i.Epoch, Version: i.Version, Count: i.Count, Digest: i.Digest}
	}
	return s
}

// Doors implements uplink.Bank.
func (l *Link) Doors(ctx context.Context) (wire.Doors, error) {
	list, seq, err := l.b.DoorsNow(ctx)
	if err != nil {
		return wire.Doors{}, toSession(err)
	}
	out := wire.Doors{V: wire.Version, Bank: l.c.Bank, Journal: l.journal, Seq: seq, Doors: []wire.Door{}}
	for i := range list {
		d := &list[i]
		out.Doors = append(out.Doors, wire.Door{ID: d.ID, State: d.State, Out: d.Out, Item: d.Item})
	}
	return out, nil
}

// Stock implements uplink.Bank.
func (l *Link) Stock(ctx context.Context) (wire.Stock, error) {
	lines, seq, err := l.b.StockNow(ctx)
	if err != nil {
		return wire.Stock{}, toSession(err)
	}
	out := wire.Stock{V: wire.Version, Bank: l.c.Bank, Journal: l.journal, Seq: seq, Stock: []wire.StockLine{}}
	for _, s := range lines {
		out.Stock = append(out.Stock, wire.StockLine{Tenant: s.Tenant, SKU: s.SKU, Count: s.Count, Min: s.Min})
	}
	return out, nil
}

// Changed implements uplink.Bank.
func (l *Link) Changed() <-chan struct{} { return l.b.Changed() }
