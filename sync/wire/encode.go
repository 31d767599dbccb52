package wire

import (
	"encoding/json"

	"lockerd/daemon/locker"
)

// A nil slice is an empty array on the wire, never null.

// MarshalJSON implements json.Marshaler.
func (s Stock) MarshalJSON() ([]byte, error) {
	type plain Stock
	s.Stock = full(s.Stock)
	return json.Marshal(plain(s))
}

// MarshalJSON implements json.Marshaler.
func (d Doors) MarshalJSON() ([]byte, error) {
	type plain Doors
	d.Doors = full(d.Doors)
	return json.Marshal(plain(d))
}

// MarshalJSON implements json.Marshaler.
func (h Health) MarshalJSON() ([]byte, error) {
	type plain Health
	h.Buses, h.Scanners = full(h.Buses), full(h.Scanners)
	if h.CacheAge == nil {
		h.CacheAge = map[string]int64{}
	}
	return json.Marshal(plain(h))
}

// MarshalJSON implements json.Marshaler.
func (b BusHealth) MarshalJSON() ([]byte, error) {
	type plain BusHealth
	b.Boards = full(b.Boards)
	return json.Marshal(plain(b))
}

// MarshalJSON implements json.Marshaler.
func (e Events) MarshalJSON() ([]byte, error) {
	type plain Events
	e.Events = full(e.Events)
	return json.Marshal(plain(e))
}

// MarshalJSON implements json.Marshaler. Only set_stock has the argument item,
// where null says that the door is empty.
func (c Command) MarshalJSON() ([]byte, error) {
	type args struct {
		Door   locker.DoorID `json:"door,omitzero"`
		Locker int           `json:"locker,omitempty"`
		From   *uint64       `json:"from,omitempty"`

		Channel string `json:"channel,omitempty"`
		Version string `json:"version,omitempty"`
		Window  string `json:"window,omitempty"`

		To     string `json:"to,omitempty"`
		Bundle string `json:"bundle,omitempty"`
	}
	type plain struct {
		Head
		ID      string      `json:"id"`
		Type    string      `json:"type"`
		Args    any         `json:"args"`
		IAT     locker.Time `json:"iat"`
		EXP     locker.Time `json:"exp"`
		Counter int64       `json:"counter"`
		Nonce   string      `json:"nonce,omitempty"`
	}
	p := plain{Head: c.Head, ID: c.ID, Type: c.Type, Args: c.Args, IAT: c.IAT, EXP: c.EXP, Counter: c.Counter, Nonce: c.Nonce}
	if c.Type != locker.CmdSetStock {
		p.Args = args{c.Args.Door, c.Args.Locker, c.Args.From, c.Args.Channel, c.Args.Version, c.Args.Window, c.Args.To, c.Args.Bundle}
	}
	return json.Marshal(p)
}

func full[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
