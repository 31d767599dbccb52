package uplink

import (
	"context"
	"encoding/json"
	"time"

	"lockerd/sync/wire"
)

// snapshot is a retained state that is published on change, one at a time and
// never sooner than every. Its rate holds over connections.
type snapshot struct {
	name  string
	every time.Duration
	get   func(context.Context) (payload, essence []byte, err error) // essence: without the seq

	dirty bool
	busy  bool      // the broker has not taken the last one
	next  time.Time // not sooner
	last  string    // essence of the last one
}

func newSnapshot(name string, every time.Duration, get func(context.Context) (payload, essence []byte, err error)) *snapshot {
	return &snapshot{name: name, every: every, get: get}
}

// fresh begins a connection: the broker may have lost everything.
func (p *snapshot) fresh() { p.dirty, p.busy, p.last = true, false, "" }

// due returns when to publish, false if there is nothing to.
func (p *snapshot) due() (time.Time, bool) { return p.next, p.dirty && !p.busy }

// take returns what to publish now, or nil if nothing has changed.
func (p *snapshot) take(ctx context.Context, now time.Time) ([]byte, error) {
	p.dirty = false
	payload, essence, err := p.get(ctx)
	if err != nil || string(essence) == p.last {
		return nil, err
	}
	p.last, p.next, p.busy = string(essence), now.Add(p.every), true
	return payload, nil
}

func doorsOf(bank Bank) func(context.Context) (payload, essence []byte, err error) {
	return func(ctx context.Context) (payload, essence []byte, err error) {
		v, err := bank.Doors(ctx)
		if err != nil {
			return nil, nil, err
		}
		bare := v
		bare.Seq = 0
		return both(v, bare)
	}
}

func stockOf(bank Bank) func(context.Context) (payload, essence []byte, err error) {
	return func(ctx context.Context) (payload, essence []byte, err error) {
		v, err := bank.Stock(ctx)
		if err != nil {
			return nil, nil, err
		}
		bare := v
		bare.Seq = 0
		return both(v, bare)
	}
}

func both[T wire.Doors | wire.Stock](whole, bare T) (payload, essence []byte, err error) {
	if payload, err = json.Marshal(whole); err != nil {
		return nil, nil, err
	}
	essence, err = json.Marshal(bare)
	return payload, essence, err
}
