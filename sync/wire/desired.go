package wire

import (
	"bytes"
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of a desired document.
const (
	maxPulse    = time.Second
	maxOpenTime = 24 * time.Hour
	maxTries    = 10
	minCacheAge = time.Minute
	maxCacheAge = 10 * 366 * 24 * time.Hour
)

// CheckDesired judges a desired document by itself (contract 6.6). Whether the
// bank has its doors, and whether one that changes tenant is empty, is for the
// bank to say.
func CheckDesired(d *locker.Desired) error {
	for _, check := range []func(*locker.Desired) error{checkTenants, checkSKUs, checkDoors, checkRest} {
		if err := check(d); err != nil {
			return err
		}
	}
	return nil
}

func checkTenants(d *locker.Desired) error {
	seen := map[string]bool{}
	for i, t := range d.Tenants {
		switch {
		case !locker.ValidTenant(t.Tenant):
			return fmt.Errorf("doc.tenants[%d].tenant: is no tenant's name", i)
		case seen[t.Tenant]:
			return fmt.Errorf("doc.tenants[%d].tenant: %s stands twice", i, t.Tenant)
		case t.MaxDoors < 0 || t.MaxCodes < 0:
			return fmt.Errorf("doc.tenants[%d]: max_doors and max_codes must not be below 0", i)
		}
		seen[t.Tenant] = true
	}
	return nil
}

func checkSKUs(d *locker.Desired) error {
	seen := map[[2]string]bool{}
	for i, s := range d.SKUs {
		key := [2]string{s.Tenant, s.SKU}
		switch {
		case !locker.ValidSKU(s.SKU):
			return fmt.Errorf("doc.skus[%d].sku: is no sku's name", i)
		case s.Tenant != "" && !locker.ValidTenant(s.Tenant):
			return fmt.Errorf("doc.skus[%d].tenant: is no tenant's name", i)
		case seen[key]:
			return fmt.Errorf("doc.skus[%d].sku: %s stands twice for its tenant", i, s.SKU)
		case s.Min != nil && *s.Min < 0:
			return fmt.Errorf("doc.skus[%d].min: must not be below 0", i)
		}
		if s.Label != "" {
			if err := checkLabel(s.Label); err != nil {
				return fmt.Errorf("doc.skus[%d].label: %w", i, err)
			}
		}
		seen[key] = true
	}
	return nil
}

func checkDoors(d *locker.Desired) error {
	seen := map[locker.DoorID]bool{}
	for i, r := range d.Doors {
		switch {
		case seen[r.ID]:
			return fmt.Errorf("doc.doors[%d].id: %s stands twice", i, r.ID)
		case r.Tenant != "" && !locker.ValidTenant(r.Tenant):
			return fmt.Errorf("doc.doors[%d].tenant: is no tenant's name", i)
		}
		seen[r.ID] = true
	}
	return nil
}

func checkRest(d *locker.Desired) error {
	age := time.Duration(d.CacheMaxAge)
	switch {
	case age != 0 && (age < minCacheAge || age > maxCacheAge):
		return fmt.Errorf("doc.cache_max_age: must be %s to %s, or absent", minCacheAge, maxCacheAge)
	case d.Texts != nil && !bytes.HasPrefix(d.Texts, []byte("{")):
		return fmt.Errorf("doc.texts: must be an object")
	case d.Open != nil:
		return checkOpen(d.Open)
	}
	return nil
}

func checkOpen(o *locker.OpenRule) error {
	for _, c := range []struct {
		name string
		got  locker.Duration
		most time.Duration
	}{
		{"pulse", o.Pulse, maxPulse},
		{"prove", o.Prove, maxOpenTime},
		{"ajar_warn", o.AjarWarn, maxOpenTime},
		{"ajar_alarm", o.AjarAlarm, maxOpenTime},
		{"reopen_window", o.ReopenWindow, maxOpenTime},
		{"visit_idle", o.VisitIdle, maxOpenTime},
	} {
		if d := time.Duration(c.got); d < 0 || d > c.most {
			return fmt.Errorf("doc.open.%s: must be above 0 and at most %s", c.name, c.most)
		}
	}
	if o.Tries < 0 || o.Tries > maxTries {
		return fmt.Errorf("doc.open.tries: must be 1 to %d", maxTries)
	}
	return nil
}
