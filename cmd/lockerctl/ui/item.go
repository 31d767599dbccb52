package ui

import "lockerd/daemon/locker"

// ReadItem makes an item of the operands SKU and SERIAL, of which "-" is none, and of the
// flag --tenant.
func ReadItem(tenant, sku, serial string, c locker.Condition) (*locker.Item, error) {
	if !locker.ValidSKU(sku) {
		return nil, Usagef("cannot read sku %q: a sku is 1-32 of a-z 0-9 . _ -, beginning with a letter or digit", sku)
	}
	if tenant != "" && !locker.ValidTenant(tenant) {
		return nil, Usagef("cannot read tenant %q: a tenant is 1-32 of a-z 0-9 . _ -, and not \"local\"", tenant)
	}
	if serial == "-" {
		serial = ""
	}
	return &locker.Item{Tenant: tenant, SKU: sku, Serial: serial, Condition: c}, nil
}
