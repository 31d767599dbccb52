package control

import (
	"context"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Bank is what the control socket needs of the bank. Its methods return when
// ctx ends at the latest; refusals are *bank.Error.
type Bank interface {
	Status(ctx context.Context) (bank.Status, error)
	Doors(ctx context.Context) ([]bank.DoorStatus, error)
	// Open blocks until the opening is proven, jammed, uncertain or unproven.
	Open(ctx context.Context, door locker.DoorID, reason, by string) (bank.OpenResult, error)
	SetService(ctx context.Context, door locker.DoorID, in bool, by string) error
	Stock(ctx context.Context) ([]bank.StockLine, error)
	// SetStock puts the item behind the door; nil clears the door.
	SetStock(ctx context.Context, door locker.DoorID, item *locker.Item, by string) error
	// Audit takes what was found behind one door, EndAudit the end of an audit.
	Audit(ctx context.Context, a bank.Audited, by string) error
	EndAudit(ctx context.Context, a bank.AuditEnd, by string) error
	// Events returns at most that many stored JSON lines with seq >= from; 0 begins
	// with the oldest kept. None are returned only where there are none.
	Events(ctx context.Context, from uint64, most int) ([][]byte, error)
	// Wait blocks until an event with seq >= next exists.
	Wait(ctx context.Context, next uint64) error
	Verify(ctx context.Context) (bank.VerifyResult, error)
	Clock(ctx context.Context) (bank.ClockStatus, error)
	ResetClock(ctx context.Context, by string) (bank.ClockStatus, error)
	NewCode(ctx context.Context, c bank.NewCode, by string) (bank.IssuedCode, error)
	// Codes returns the codes of the set local.
	Codes(ctx context.Context) ([]bank.CodeStatus, error)
	RevokeCode(ctx context.Context, id, by string) error
	SelfTest(ctx context.Context) ([]bank.SelfTestLine, error)
	// Update returns when the new version is verified on disk, before it is tried.
	Update(ctx context.Context, o bank.UpdateOrder, by string) (bank.UpdateStatus, error)
	UpdateStatus(ctx context.Context) (bank.UpdateStatus, error)
}

// OpenRequest orders an opening.
type OpenRequest struct {
	Door   locker.DoorID `json:"door"`
	Reason string        `json:"reason"`
}

// ServiceRequest puts a door in service or out of it.
type ServiceRequest struct {
	Door locker.DoorID `json:"door"`
	In   *bool         `json:"in"`
}

// StockRequest says what lies behind a door; an item of null clears it.
type StockRequest struct {
	Door locker.DoorID `json:"door"`
	Item *locker.Item  `json:"item"`
}

// RevokeRequest revokes a code of the set local.
type RevokeRequest struct {
	ID string `json:"id"`
}

// Error codes of bank.Error.
const (
	CodeNotFound    = "not_found"
	CodeRefused     = "refused"
	CodeInvalid     = "invalid"
	CodeUnavailable = "unavailable"
	CodeFailed      = "failed"
)
