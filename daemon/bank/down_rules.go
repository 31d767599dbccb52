package bank

import (
	"encoding/json"
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of a desired document, beside the 64 KiB of its message.
const (
	maxLabel  = 256 // bytes of a label's expression
	maxTries  = 10
	minAge    = time.Minute // of cache_max_age: the bank asks again each quarter of it
	longest   = 24 * time.Hour
	mostPulse = time.Second // contract 2: the ceiling
)

// checkDesired returns why a document cannot be applied, or "".
func (b *Bank) checkDesired(doc *locker.Desired) string {
	for _, why := range []string{
		checkTenants(doc.Tenants), checkSKUs(doc.SKUs), b.checkDoors(doc.Doors), b.checkTimes(doc), checkTexts(doc.Texts),
	} {
		if why != "" {
			return why
		}
	}
	return ""
}

func checkTenants(rules []locker.TenantRule) string {
	seen := map[string]bool{}
	for _, r := range rules {
		switch {
		case !locker.ValidTenant(r.Tenant):
			return fmt.Sprintf("tenants: %.40q cannot be a tenant", r.Tenant)
		case seen[r.Tenant]:
			return fmt.Sprintf("tenants: %s is named twice", r.Tenant)
		case r.MaxDoors < 0 || r.MaxCodes < 0:
			return fmt.Sprintf("tenants: %s has a bound below 0", r.Tenant)
		}
		seen[r.Tenant] = true
	}
	return ""
}

func checkSKUs(rules []locker.SKURule) string {
	seen := map[stockKey]bool{}
	for _, r := range rules {
		k := stockKey{r.Tenant, r.SKU}
		switch {
		case !locker.ValidSKU(r.SKU):
			return fmt.Sprintf("skus: %.40q cannot be a sku", r.SKU)
		case r.Tenant != "" && !locker.ValidTenant(r.Tenant):
			return fmt.Sprintf("skus: %.40q of %s cannot be a tenant", r.Tenant, r.SKU)
		case seen[k]:
			return fmt.Sprintf("skus: %s of %q is named twice", r.SKU, r.Tenant)
		case r.Min != nil && *r.Min < 0:
			return fmt.Sprintf("skus: %s has a min below 0", r.SKU)
		}
		if err := checkLabel(r.Label); err != nil {
			return fmt.Sprintf("skus: the label of %s is no RE2 expression: %v", r.SKU, err)
		}
		seen[k] = true
	}
	return ""
}

// checkDoors: a door changes tenant only when empty, one that is not named too.
func (b *Bank) checkDoors(rules []locker.DoorRule) string {
	want := map[locker.DoorID]string{}
	for _, r := range rules {
		_, known := b.byID[r.ID]
		_, twice := want[r.ID]
		switch {
		case !known:
			return fmt.Sprintf("doors: there is no door %s at this bank", r.ID)
		case twice:
			return fmt.Sprintf("doors: %s is named twice", r.ID)
		case r.Tenant != "" && !locker.ValidTenant(r.Tenant):
			return fmt.Sprintf("doors: %.40q of %s cannot be a tenant", r.Tenant, r.ID)
		}
		want[r.ID] = r.Tenant
	}
	for _, d := range b.slots {
		will := d.spec.Tenant
		if w := want[d.spec.ID]; w != "" {
			will = w
		}
		if will != d.dedicated() && (d.rec.Item != nil || d.rec.Intent != nil || d.open()) {
			return fmt.Sprintf("doors: %s is not empty and shut, it cannot change its tenant", d.spec.ID)
		}
	}
	return ""
}

func (b *Bank) checkTimes(doc *locker.Desired) string {
	if a := time.Duration(doc.CacheMaxAge); a != 0 && a < minAge {
		return fmt.Sprintf("cache_max_age: %s is below %s", a, minAge)
	}
	if doc.Open == nil {
		return ""
	}
	if doc.Open.Tries < 0 || doc.Open.Tries > maxTries {
		return fmt.Sprintf("open.tries: %d is not between 1 and %d", doc.Open.Tries, maxTries)
	}
	o := openTimes(b.own, doc.Open)
	for _, x := range []struct {
		name        string
		is, at, max time.Duration
	}{
		{"pulse", o.Pulse, 10 * time.Millisecond, mostPulse},
		{"prove", o.Prove, o.Pulse, time.Minute},
		{"ajar_warn", o.AjarWarn, time.Second, longest},
		{"ajar_alarm", o.AjarAlarm, o.AjarWarn, longest},
		{"reopen_window", o.ReopenWindow, 0, longest},
		{"visit_idle", o.VisitIdle, time.Second, longest},
	} {
		if x.is < x.at || x.is > x.max {
			return fmt.Sprintf("open.%s: %s is not between %s and %s", x.name, x.is, x.at, x.max)
		}
	}
	return ""
}

// checkTexts: the kiosk's texts are an object; what is in it is the kiosk's.
func checkTexts(texts json.RawMessage) string {
	var o map[string]json.RawMessage
	if len(texts) > 0 && json.Unmarshal(texts, &o) != nil {
		return "texts: want an object"
	}
	return ""
}
