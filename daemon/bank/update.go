package bank

import (
	"context"
	"errors"

	"lockerd/daemon/locker"
)

// UpdateOrder orders a new version of lockerd.
type UpdateOrder struct {
	From    string `json:"from,omitempty"`    // directory or address; "": as configured
	Channel string `json:"channel,omitempty"` // "": stable
	Version string `json:"version,omitempty"` // "": what the channel offers
	Window  string `json:"window,omitempty"`  // "02:00-04:00", the bank's time zone; "": at once
	Again   bool   `json:"again,omitempty"`   // also one that was rolled back here
}

// UpdateStatus is how versions and updates stand.
type UpdateStatus struct {
	Running string            `json:"running"`
	Slot    string            `json:"slot,omitempty"`   // this program's; "": no launcher has started it
	Active  string            `json:"active,omitempty"` // the confirmed slot
	Slots   map[string]string `json:"slots,omitempty"`  // version by slot
	Source  string            `json:"source,omitempty"`
	Update  *UpdateTrial      `json:"update,omitempty"` // under way
	Last    *UpdateOutcome    `json:"last,omitempty"`
}

// UpdateTrial is an update under way.
type UpdateTrial struct {
	Version string `json:"version"`
	Phase   string `json:"phase"` // staging, verified, trying, failed
	Ordered bool   `json:"ordered"`
	Window  string `json:"window,omitempty"`
	By      string `json:"by,omitempty"`
	Starts  int    `json:"starts,omitempty"`
	Why     string `json:"why,omitempty"`
}

// UpdateOutcome is how the last update ended.
type UpdateOutcome struct {
	Version string      `json:"version"`
	Result  string      `json:"result"` // confirmed, rolled_back, abandoned
	Why     string      `json:"why,omitempty"`
	At      locker.Time `json:"at"`
}

// Updates carries out orders for new versions.
type Updates interface {
	// Order returns when the program is verified on disk, before it is tried.
	Order(ctx context.Context, o UpdateOrder, by string) (UpdateStatus, error)
	Status(ctx context.Context) (UpdateStatus, error)
}

var errNoUpdates = &Error{Code: "unavailable", Text: "cannot update: this lockerd was built into another program", Cure: "use the lockerd of the package"}

// AttachUpdates gives the bank who carries out updates. It is called before Run.
func (b *Bank) AttachUpdates(u Updates) { b.updates = u }

// Update orders a new version.
func (b *Bank) Update(ctx context.Context, o UpdateOrder, by string) (UpdateStatus, error) {
	if b.updates == nil {
		return UpdateStatus{}, errNoUpdates
	}
	return b.updates.Order(ctx, o, by)
}

// UpdateStatus tells how versions and updates stand.
func (b *Bank) UpdateStatus(ctx context.Context) (UpdateStatus, error) {
	if b.updates == nil {
		return UpdateStatus{}, errNoUpdates
	}
	return b.updates.Status(ctx)
}

// actUpdate answers a command update when the program is staged; how its trial ends is
// told by events.
func (b *Bank) actUpdate(p pendingCommand, a locker.CommandArgs) {
	s, err := b.Update(context.Background(), UpdateOrder{Channel: a.Channel, Version: a.Version, Window: a.Window}, byBackend)
	switch {
	case errors.Is(err, errStopped):
	case err != nil:
		b.done(p, failure(err))
	default:
		r := locker.Reply{Status: locker.ReplyDone, Result: map[string]any{"running": s.Running}}
		if s.Update != nil {
			r.Result["version"], r.Result["phase"], r.Result["window"] = s.Update.Version, s.Update.Phase, s.Update.Window
		}
		b.done(p, r)
	}
}
