package wire

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

const whyID = "must be 1 to 64 of A-Z, a-z, 0-9, dot, dash and underscore"

// CheckCode judges one record of a set by itself: names, bounds, and what its kind
// needs (contract 5.1, 5.2). An empty reason is none. Whether the bank has the
// door and the tag is free is for the bank to say.
func CheckCode(set string, c *locker.Code) (reason, why string) {
	if reason, why = checkTenant(set, c); reason != "" {
		return reason, why
	}
	for _, check := range []func(*locker.Code) string{checkNames, checkBounds, checkKind} {
		if why = check(c); why != "" {
			return Malformed, why
		}
	}
	return "", ""
}

func checkTenant(set string, c *locker.Code) (reason, why string) {
	shared := set == locker.SetOperator || set == locker.SetLocal
	switch {
	case !shared && c.Kind == locker.Service:
		return WrongTenant, "kind: service stands in the sets * and local only"
	case !shared && c.Tenant != "" && c.Tenant != set:
		return WrongTenant, "tenant: is not the set's"
	case !shared && c.Tenant != "":
		return Malformed, "tenant: stands in the sets * and local only"
	case c.Tenant != "" && !locker.ValidTenant(c.Tenant):
		return Malformed, "tenant: is no tenant's name"
	}
	return "", ""
}

func checkNames(c *locker.Code) string {
	switch {
	case !locker.ValidCodeID(c.ID):
		return "id: " + whyID
	case c.Tag == locker.Tag{}:
		return "tag: must not be zero"
	case c.SKU != "" && !locker.ValidSKU(c.SKU):
		return "sku: is no sku's name"
	case c.To != "" && !locker.ValidSKU(c.To):
		return "to: is no sku's name"
	case !shown(c.Ref, maxRef):
		return fmt.Sprintf("ref: must be at most %d characters, none of control", maxRef)
	case !shown(c.Name, maxName):
		return fmt.Sprintf("name: must be at most %d characters, none of control", maxName)
	}
	return ""
}

func checkBounds(c *locker.Code) string {
	switch {
	case c.Rev < 0:
		return "rev: must not be below 0"
	case c.MaxUses() < 0 || c.MaxUses() > maxUses:
		return fmt.Sprintf("uses: must be 0 to %d", maxUses)
	case c.MaxUses() == 0 && c.NotAfter.IsZero():
		return "not_after: must stand beside uses 0, which is unlimited until then"
	case c.Items < 0 || c.Items > maxItems:
		return fmt.Sprintf("items: must be 1 to %d", maxItems)
	case c.NotBefore < 0 || c.NotAfter < 0:
		return "not_before and not_after: must not be before 1970"
	case !c.NotAfter.IsZero() && c.NotAfter < c.NotBefore:
		return "not_after: is before not_before"
	}
	if c.Label != "" {
		if err := checkLabel(c.Label); err != nil {
			return "label: " + err.Error()
		}
	}
	return ""
}

// checkKind asks for what a kind needs (contract 5.2).
func checkKind(c *locker.Code) string {
	switch c.Kind {
	case locker.Collect:
		if c.Door.IsZero() == (c.SKU == "") {
			return "door and sku: collect needs exactly one of them"
		}
	case locker.Deliver:
		if c.SKU == "" {
			return "sku: deliver needs it"
		}
	case locker.Return:
		if c.Size == 0 {
			return "size: return needs it"
		}
	case locker.Swap:
		if c.Size == 0 || c.To == "" {
			return "size and to: swap needs both"
		}
	case locker.Clear, locker.Service:
	default:
		return "kind: must be collect, deliver, return, swap, clear or service"
	}
	return ""
}

// shown tells whether s can be shown to a person: at most n characters, none of
// control or formatting.
func shown(s string, n int) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > n {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return true
}

// asRefusal is the refusal that an inner reader has returned as an error.
func asRefusal(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return malformed(err)
}
