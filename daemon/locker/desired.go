package locker

import (
	"encoding/json"
	"fmt"
	"time"
)

// Desired is what the backend wants of a bank beyond its configuration (contract
// 6.6): whole, replaced by the next version, kept over restarts. It can't touch
// wiring or keys.
type Desired struct {
	Tenants     []TenantRule    `json:"tenants,omitempty"`
	SKUs        []SKURule       `json:"skus,omitempty"`
	Doors       []DoorRule      `json:"doors,omitempty"`
	CacheMaxAge Duration        `json:"cache_max_age,omitzero"` // 1m to 87840h; absent: codes never grow stale
	Open        *OpenRule       `json:"open,omitempty"`
	Texts       json.RawMessage `json:"texts,omitempty"` // an object for the kiosk; the bank only keeps it
}

// TenantRule bounds what a tenant may take of a bank. Zero is without bound.
type TenantRule struct {
	Tenant   string `json:"tenant"`
	MaxDoors int    `json:"max_doors,omitempty"` // doors that hold its items or are reserved for it
	MaxCodes int    `json:"max_codes,omitempty"` // records in its set
}

// SKURule says of one sku of a tenant what a delivery must know.
type SKURule struct {
	SKU    string `json:"sku"`
	Tenant string `json:"tenant,omitempty"`
	Size   Size   `json:"size,omitzero"`   // smallest door that takes it
	Min    *int   `json:"min,omitempty"`   // stock.low when the count falls below
	Label  string `json:"label,omitempty"` // RE2 that a serial label matches wholly
}

// DoorRule is what is wanted of one door.
type DoorRule struct {
	ID     DoorID `json:"id"`
	Out    bool   `json:"out_of_service,omitempty"`
	Tenant string `json:"tenant,omitempty"` // dedicated to this tenant
}

// OpenRule changes times of the configuration's [open]; an absent one stays.
type OpenRule struct {
	Pulse        Duration `json:"pulse,omitzero"` // at most 1s; the others at most 24h
	Prove        Duration `json:"prove,omitzero"`
	Tries        int      `json:"tries,omitempty"`
	AjarWarn     Duration `json:"ajar_warn,omitzero"`
	AjarAlarm    Duration `json:"ajar_alarm,omitzero"`
	ReopenWindow Duration `json:"reopen_window,omitzero"`
	VisitIdle    Duration `json:"visit_idle,omitzero"`
}

// DesiredState is the desired document as the store keeps it, under ValueDesired.
type DesiredState struct {
	Version int64   `json:"version"`
	Doc     Desired `json:"doc"`
}

// Duration is a length of time, written as in the configuration: 300ms, 168h.
// The zero value is absent.
type Duration time.Duration

// IsZero tells whether d is not given.
func (d Duration) IsZero() bool { return d == 0 }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("cannot read duration %.40q: write it as 300ms, 2m or 168h", b)
	}
	*d = Duration(v)
	return nil
}
