package locker

import (
	"fmt"
	"strconv"
)

// Bounds of one bank: what the cabinet makers build and the wire can name.
const (
	MaxLockers = 6  // lockers in a bank
	MaxDoors   = 34 // doors in a locker
)

// DoorID names one door as L-DD: locker 1 to 6, door 01 to 34. The zero value
// names no door.
type DoorID struct {
	Locker uint8
	Door   uint8
}

// ParseDoorID reads L-DD, for example 1-07.
func ParseDoorID(s string) (DoorID, error) {
	bad := fmt.Errorf("cannot read door %q: a door is written L-DD, locker 1-%d and door 01-%02d, for example 1-07", s, MaxLockers, MaxDoors)
	if len(s) != 4 || s[1] != '-' {
		return DoorID{}, bad
	}
	for _, i := range []int{0, 2, 3} {
		if s[i] < '0' || s[i] > '9' {
			return DoorID{}, bad
		}
	}
	id := DoorID{Locker: s[0] - '0', Door: (s[2]-'0')*10 + s[3] - '0'}
	if id.Locker < 1 || id.Locker > MaxLockers || id.Door < 1 || id.Door > MaxDoors {
		return DoorID{}, bad
	}
	return id, nil
}

// String returns the door as L-DD, and "" for no door.
func (d DoorID) String() string {
	if d.IsZero() {
		return ""
	}
	return string([]byte{'0' + d.Locker, '-', '0' + d.Door/10, '0' + d.Door%10})
}

// IsZero tells whether d names no door.
func (d DoorID) IsZero() bool { return d == DoorID{} }

// Less orders doors by locker, then by number.
func (d DoorID) Less(o DoorID) bool {
	return d.Locker < o.Locker || d.Locker == o.Locker && d.Door < o.Door
}

// MarshalText implements encoding.TextMarshaler.
func (d DoorID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DoorID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = DoorID{}
		return nil
	}
	id, err := ParseDoorID(string(b))
	if err == nil {
		*d = id
	}
	return err
}

// Size is the size class of a door or of what it must hold. The zero value
// means "not given".
type Size uint8

// Sizes, smallest first.
const (
	SizeXS Size = iota + 1
	SizeS
	SizeM
	SizeL
	SizeXL
)

var sizeNames = [...]string{"", "XS", "S", "M", "L", "XL"}

// String returns XS, S, M, L, XL or "".
func (s Size) String() string {
	if int(s) < len(sizeNames) {
		return sizeNames[s]
	}
	return strconv.Itoa(int(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(b []byte) error {
	for i, n := range sizeNames {
		if n == string(b) {
			*s = Size(i)
			return nil
		}
	}
	return fmt.Errorf("cannot read size %q: use XS, S, M, L or XL", b)
}

var (
	bankName = NewForm(`^[a-z0-9][a-z0-9-]{0,31}$`)
	slugName = NewForm(`^[a-z0-9][a-z0-9._-]{0,31}$`)
	codeID   = NewForm(`^[A-Za-z0-9._-]{1,64}$`)
)

// ValidBank tells whether s may name a bank.
func ValidBank(s string) bool { return bankName.MatchString(s) }

// ValidTenant tells whether s may name a tenant. "local" may not: it names the
// set of codes issued at the control socket.
func ValidTenant(s string) bool { return slugName.MatchString(s) && s != SetLocal }

// ValidSKU tells whether s may name a sku.
func ValidSKU(s string) bool { return slugName.MatchString(s) }

// ValidCodeID tells whether s may be a code's id.
func ValidCodeID(s string) bool { return codeID.MatchString(s) }
