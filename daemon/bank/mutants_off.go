//go:build !mutants

package bank

import "lockerd/daemon/access"

// mutation is empty: a release has no mutants.
type mutation struct{}

func (mutation) early(*tx)                     {}
func (mutation) astray(_ *Bank, d *slot) *slot { return d }
func (mutation) labelled(*Bank, *tx, *slot)    {}
func (mutation) see(*access.Door)              {}
func (mutation) resumed(*visit)                {}
