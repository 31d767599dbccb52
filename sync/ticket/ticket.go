package ticket

import (
	"encoding/hex"
	"time"
	"unicode"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

// Bounds of tickets.
const (
	MinDigits   = 100  // fewer digits are no ticket (contract 4)
	MaxDigits   = 1024 // of a scan (contract 4)
	MaxLifetime = 7 * 24 * time.Hour
	MaxRef      = 32 // characters
	maxKID      = 64
	maxItems    = locker.MaxLockers * locker.MaxDoors
	maxSeconds  = 253402300799 // the last second that RFC 3339 can write
)

// Ticket is what a ticket says. NotBefore and Lifetime are whole seconds in it.
type Ticket struct {
	Bank      string
	ID        [8]byte
	NotBefore locker.Time
	Lifetime  time.Duration
	Kind      locker.Kind // Collect, Deliver or Service
	Door      locker.DoorID
	Tenant    string
	Ref       string
	SKU       string
	Items     int
	KID       string // of the key that has signed it
}

// Set is the set of codes that the ticket belongs to: its tenant's, else "*", and
// "*" for service. The record's marks and revocations stand there.
func (t *Ticket) Set() string {
	if t.Tenant == "" || t.Kind == locker.Service {
		return locker.SetOperator
	}
	return t.Tenant
}

// CodeID is the id of the ticket's code: t-, and its id in hex.
func (t *Ticket) CodeID() string { return "t-" + hex.EncodeToString(t.ID[:]) }

// Code is the ticket as a record of its Set. Its tag is zero: no text leads to it
// but the ticket itself.
func (t *Ticket) Code() locker.Code {
	c := locker.Code{
		ID: t.CodeID(), Kind: t.Kind, Ref: t.Ref, Door: t.Door, SKU: t.SKU, Items: t.Items,
		NotBefore: t.NotBefore, NotAfter: t.NotBefore.Add(t.Lifetime),
	}
	if t.Set() == locker.SetOperator {
		c.Tenant = t.Tenant
	}
	return c
}

// fault says what is wrong with what the ticket says, and what to do; "" is
// nothing.
func (t *Ticket) fault() string {
	switch {
	case !locker.ValidBank(t.Bank):
		return "the bank is no bank's name; use a-z, 0-9 and dash"
	case t.NotBefore < 0 || t.NotBefore/1000 > maxSeconds:
		return "not-before is before 1970 or after 9999; give a time between"
	case t.Lifetime < time.Second || t.Lifetime > MaxLifetime:
		return "the lifetime is not 1 s to 7 days; issue a code instead"
	case t.Tenant != "" && !locker.ValidTenant(t.Tenant):
		return "the tenant is no tenant's name; use a-z, 0-9, dot, dash and underscore"
	case t.SKU != "" && !locker.ValidSKU(t.SKU):
		return "the sku is no sku's name; use a-z, 0-9, dot, dash and underscore"
	case !shown(t.Ref):
		return "the ref has more than 32 characters or one of control; shorten it"
	case t.Items < 0 || t.Items > maxItems:
		return "items is not 1 to 204; deliver fewer"
	}
	return t.kindFault()
}

// kindFault asks for what a kind needs (contract 5.2).
func (t *Ticket) kindFault() string {
	switch t.Kind { //nolint:exhaustive // a ticket has no other kinds
	case locker.Collect:
		if t.Door.IsZero() == (t.SKU == "") {
			return "a collect names no door and no sku, or both; give one"
		}
	case locker.Deliver:
		if t.SKU == "" {
			return "a deliver names no sku; give one"
		}
	case locker.Service:
	default:
		return "the kind is not collect, deliver or service; issue a code instead"
	}
	return ""
}

func shown(s string) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxRef {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return true
}
