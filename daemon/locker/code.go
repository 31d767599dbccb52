package locker

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Sets that are not a tenant's.
const (
	SetOperator = "*"     // the operator's own codes
	SetLocal    = "local" // issued at the control socket; nothing from above touches it
)

// Kind says what a code does at the bank.
type Kind string

// Kinds of codes.
const (
	Collect Kind = "collect"
	Deliver Kind = "deliver"
	Return  Kind = "return"
	Swap    Kind = "swap"
	Clear   Kind = "clear"
	Service Kind = "service"
)

// Tag stands for a code's text everywhere but at the issuer: the first 16
// bytes of SHA-256("lockerd code v1" 0x00 bank 0x00 text).
type Tag [16]byte

// TagOf computes the tag of a code text at a bank.
func TagOf(bank, text string) Tag {
	h := sha256.New()
	h.Write([]byte("lockerd code v1\x00" + bank + "\x00" + text))
	var t Tag
	copy(t[:], h.Sum(nil))
	return t
}

// String returns the tag as unpadded base64url, its form on the wire.
func (t Tag) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// MarshalText implements encoding.TextMarshaler.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Tag) UnmarshalText(b []byte) error {
	v, err := base64.RawURLEncoding.Strict().DecodeString(string(b))
	if err != nil || len(v) != len(t) {
		return fmt.Errorf("cannot read tag %q: a tag is 22 characters of unpadded base64url", b)
	}
	copy(t[:], v)
	return nil
}

// CodeKey identifies a code for ever: its set and the issuer's id in it.
type CodeKey struct {
	Set string `json:"set"`
	ID  string `json:"id"`
}

// IsZero tells whether k names no code.
func (k CodeKey) IsZero() bool { return k == CodeKey{} }

// String returns set/id.
func (k CodeKey) String() string { return k.Set + "/" + k.ID }

// Code is the record of a code as it stands on the wire and in the cache.
// The code's text is nowhere in it.
type Code struct {
	ID         string `json:"id"`  // the issuer's, unique for ever in its set
	Tag        Tag    `json:"tag"` // of the code's text at this bank
	Rev        int64  `json:"rev"` // a put of a known id counts only if it is higher
	Kind       Kind   `json:"kind"`
	Ref        string `json:"ref,omitempty"`    // the issuer's, in each event of the code; no control or format characters
	Tenant     string `json:"tenant,omitempty"` // sets * and local only
	Door       DoorID `json:"door,omitzero"`
	SKU        string `json:"sku,omitempty"`
	Size       Size   `json:"size,omitzero"`
	Accessible bool   `json:"accessible,omitempty"`
	Items      int    `json:"items,omitempty"` // deliver: how many, default 1
	NotBefore  Time   `json:"not_before,omitzero"`
	NotAfter   Time   `json:"not_after,omitzero"`
	Uses       *int   `json:"uses,omitempty"` // default 1; 0 = unlimited until NotAfter
	To         string `json:"to,omitempty"`   // swap: the sku that is given out
	Label      string `json:"label,omitempty"`
	Name       string `json:"name,omitempty"`
}

// MaxUses returns how often the code may be used; 0 means without limit.
func (c *Code) MaxUses() int {
	if c.Uses == nil {
		return 1
	}
	return *c.Uses
}

// TenantIn returns the tenant on whose behalf a code of the given set acts:
// the set's own, or the member tenant in the sets * and local.
func (c *Code) TenantIn(set string) string {
	if set == SetOperator || set == SetLocal {
		return c.Tenant
	}
	return set
}

// DigestPart returns this record's share in the digest of its set: a set's
// digest is the XOR of the parts of its live records.
func (c *Code) DigestPart() Digest {
	return sha256.Sum256([]byte(c.ID + "\n" + c.Tag.String() + "\n" + strconv.FormatInt(c.Rev, 10)))
}

// Digest is the order-free digest of a set of codes.
type Digest [sha256.Size]byte

// Toggle adds a part that is not in the digest, or takes out one that is.
func (d *Digest) Toggle(part Digest) {
	for i := range d {
		d[i] ^= part[i]
	}
}

// String returns the digest as hex, its form on the wire.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(b []byte) error {
	v, err := hex.DecodeString(string(b))
	if err != nil || len(v) != len(d) {
		return fmt.Errorf("cannot read digest %q: a digest is 64 hex digits", b)
	}
	copy(d[:], v)
	return nil
}

// Mark is what the bank itself knows of a code beyond its record. It outlives
// snapshots and new revisions of the record.
type Mark struct {
	Used    int  `json:"used,omitempty"`    // uses taken, an open intent's included
	Revoked bool `json:"revoked,omitempty"` // for ever, whatever is put later
	Going   bool `json:"going,omitempty"`   // its last use is not over: the code may open the doors that are left
	Done    int  `json:"done,omitempty"`    // doors of that use that are done: items delivered, stage of a swap
	Until   Time `json:"until,omitzero"`    // end of the last known record's window: when the mark may be forgotten
	Last    Time `json:"last,omitzero"`     // bank time of the last use
}

// Stricter takes over from another mark of the same code what forbids more.
func (m *Mark) Stricter(o Mark) {
	m.Used = max(m.Used, o.Used)
	m.Done = max(m.Done, o.Done)
	m.Going = m.Going && o.Going
	m.Revoked = m.Revoked || o.Revoked
}

// Entry is a code as the cache holds it: record, set and mark.
type Entry struct {
	Set  string
	Code Code
	Mark Mark
}

// Key returns the code's identity.
func (e *Entry) Key() CodeKey { return CodeKey{Set: e.Set, ID: e.Code.ID} }

// SetInfo tells how far a set of codes is.
type SetInfo struct {
	Epoch     int64  `json:"epoch"`
	Version   int64  `json:"version"`
	Count     int    `json:"count"` // live records
	Digest    Digest `json:"digest"`
	Confirmed Time   `json:"confirmed,omitzero"` // bank time at which the backend last confirmed it
}

// Time is a point in bank time, UTC, whole milliseconds on the wire. The zero
// value means "not given".
type Time int64

// timeLayout is RFC 3339 in UTC with milliseconds, the only form on the wire.
const timeLayout = "2006-01-02T15:04:05.000Z"

// TimeOf truncates t to milliseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// IsZero tells whether t is not given.
func (t Time) IsZero() bool { return t == 0 }

// Time returns t as a UTC time.Time.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add returns t+d.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Milliseconds()) }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Millisecond }

// String returns t in RFC 3339, UTC, with milliseconds.
func (t Time) String() string { return string(t.append(nil)) }

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return t.append(nil), nil }

// append writes t by hand: every scan writes five times, and the first use of
// time.Format with cold caches costs more than all the others together.
func (t Time) append(b []byte) []byte {
	v := t.Time()
	year, month, day := v.Date()
	if year < 0 || year > 9999 {
		return v.AppendFormat(b, timeLayout)
	}
	hour, minute, second := v.Clock()
	b = digits(b, year, 4)
	b = digits(append(b, '-'), int(month), 2)
	b = digits(append(b, '-'), day, 2)
	b = digits(append(b, 'T'), hour, 2)
	b = digits(append(b, ':'), minute, 2)
	b = digits(append(b, ':'), second, 2)
	b = digits(append(b, '.'), v.Nanosecond()/int(time.Millisecond), 3)
	return append(b, 'Z')
}

// digits appends the last width digits of n.
func digits(b []byte, n, width int) []byte {
	b = append(b, "0000"[:width]...)
	for i := len(b) - 1; width > 0; i, width = i-1, width-1 {
		b[i] += byte(n % 10)
		n /= 10
	}
	return b
}

// UnmarshalText implements encoding.TextUnmarshaler. It takes any RFC 3339
// time and keeps whole milliseconds.
func (t *Time) UnmarshalText(b []byte) error {
	v, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return fmt.Errorf("cannot read time %q: write it as %s", b, timeLayout)
	}
	*t = TimeOf(v)
	return nil
}
