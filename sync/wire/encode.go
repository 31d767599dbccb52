package wire

import "encoding/json"

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

func full[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
