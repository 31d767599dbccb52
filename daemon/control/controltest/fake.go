// Package controltest holds a bank that is none: a fake behind the control
// socket, for tests of the socket and of lockerctl. It keeps doors, stock,
// codes and events in memory, drives nothing, and stands still at one time.
// It is safe for concurrent use.
package controltest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Text is the text of every code the fake issues.
const Text = "31415926535897932384626434"

// Now is the fake's bank time, 2026-11-22T10:00:00.123Z.
const Now = locker.Time(1795341600123)

// Bank is the fake. Fields may be set before it is served.
type Bank struct {
	// Fail holds errors by method name; such a method does nothing else.
	Fail map[string]error
	// Outcomes holds the outcome of an opening by door; the default is opened.
	Outcomes map[string]string
	// Hold blocks each opening until the channel is closed or its context ends.
	Hold chan struct{}
	// OnWait, if set, is called when Wait or a held Open begins to wait.
	OnWait func()
	// Page is what Status returns.
	Page bank.Status
	// Findings is what SelfTest returns.
	Findings []bank.SelfTestLine
	// Checked is what Verify returns.
	Checked bank.VerifyResult

	mu      sync.Mutex
	doors   []bank.DoorStatus
	codes   []bank.CodeStatus
	events  [][]byte
	more    chan struct{} // closed and renewed with each event
	actions []string
}

// New returns a fake of bank lon-042 with four doors and five events.
func New() *Bank {
	b := &Bank{
		Fail: map[string]error{}, Outcomes: map[string]string{}, Page: page(), Findings: findings(), Checked: checked(),
		doors: doors(), more: make(chan struct{}),
	}
	for _, e := range firstEvents() {
		b.Append(e)
	}
	return b
}

// Append stores one event under the next seq.
func (b *Bank) Append(e locker.Event) {
	e.At, e.Clock, e.Boot = Now, locker.ClockSynced, b.Page.Boot
	b.Stored(e)
}

// Shut has every door closed, in service, on a board that answers.
func (b *Bank) Shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.doors {
		b.doors[i].State, b.doors[i].Out = "closed", nil
	}
}

// Actions returns what was ordered so far, one line each.
func (b *Bank) Actions() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.actions...)
}

func (b *Bank) act(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.actions = append(b.actions, fmt.Sprintf(format, args...))
}

// door returns the door's own record; b.mu is held.
func (b *Bank) door(id locker.DoorID) (*bank.DoorStatus, error) {
	for i := range b.doors {
		if b.doors[i].ID == id {
			return &b.doors[i], nil
		}
	}
	return nil, &bank.Error{Code: "not_found", Text: fmt.Sprintf("there is no door %s at this bank", id)}
}

// Status implements control.Bank.
func (b *Bank) Status(context.Context) (bank.Status, error) { return b.Page, b.Fail["Status"] }

// Doors implements control.Bank.
func (b *Bank) Doors(context.Context) ([]bank.DoorStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]bank.DoorStatus(nil), b.doors...), b.Fail["Doors"]
}

// Open implements control.Bank.
func (b *Bank) Open(ctx context.Context, id locker.DoorID, reason, by string) (bank.OpenResult, error) {
	if b.Hold != nil {
		if b.OnWait != nil {
			b.OnWait()
		}
		select {
		case <-b.Hold:
		case <-ctx.Done():
			return bank.OpenResult{}, ctx.Err()
		}
	}
	if err := b.Fail["Open"]; err != nil {
		return bank.OpenResult{}, err
	}
	b.mu.Lock()
	d, err := b.door(id)
	if err == nil && len(d.Out) > 0 {
		err = &bank.Error{Code: "refused", Text: fmt.Sprintf("cannot open door %s: it is out of service", id)}
	}
	b.mu.Unlock()
	if err != nil {
		return bank.OpenResult{}, err
	}
	b.act("open %s %q by %q", id, reason, by)
	r := bank.OpenResult{Door: id, Outcome: "opened", Tries: 1, MS: 412}
	if o := b.Outcomes[id.String()]; o != "" {
		r.Outcome = o
	}
	b.Append(locker.Event{Type: locker.EvDoorOpened, Door: id, By: by, MS: locker.MS(r.MS)})
	return r, nil
}

// SetService implements control.Bank.
func (b *Bank) SetService(_ context.Context, id locker.DoorID, in bool, by string) error {
	b.mu.Lock()
	d, err := b.door(id)
	if err == nil {
		d.Out = nil
		if !in {
			d.Out = []locker.Cause{locker.CauseControl}
		}
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	b.act("service %s %t by %q", id, in, by)
	return b.Fail["SetService"]
}

// Stock implements control.Bank.
func (b *Bank) Stock(context.Context) ([]bank.StockLine, error) {
	least := 2
	return []bank.StockLine{
		{Tenant: "acme", SKU: "laptop-14", Count: 1, Min: &least},
		{Tenant: "zeta", SKU: "phone", Count: 3},
		{Tenant: "acme", SKU: "cable", Count: 1},
		{Tenant: "zeta", SKU: "cable"},
	}, b.Fail["Stock"]
}

// SetStock implements control.Bank.
func (b *Bank) SetStock(_ context.Context, id locker.DoorID, item *locker.Item, by string) error {
	b.mu.Lock()
	d, err := b.door(id)
	if err == nil {
		d.Item = item
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if item == nil {
		b.act("clear %s by %q", id, by)
	} else {
		b.act("stock %s %s/%s/%s/%s by %q", id, item.Tenant, item.SKU, item.Serial, item.Condition, by)
	}
	return b.Fail["SetStock"]
}

// Audit implements control.Bank.
func (b *Bank) Audit(_ context.Context, a bank.Audited, by string) error {
	if err := b.Fail["Audit"]; err != nil {
		return err
	}
	b.mu.Lock()
	d, err := b.door(a.Door)
	if err == nil {
		d.Item = a.Found
	}
	if from, ferr := b.door(a.From); ferr == nil {
		from.Item = nil
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	b.act("audit %s: expected %s, found %s %s by %q", a.Door, a.Expected, a.Found, a.From, by)
	e := locker.Event{Type: locker.EvStockAudited, Door: a.Door, ID: a.Audit, Outcome: bank.AuditAgrees, By: by}
	if a.Expected.String() != a.Found.String() {
		e.Outcome, e.From, e.To = bank.AuditDiffers, locker.Text(a.Expected.String()), locker.Text(a.Found.String())
	}
	b.Append(e)
	return nil
}

// EndAudit implements control.Bank.
func (b *Bank) EndAudit(_ context.Context, a bank.AuditEnd, by string) error {
	b.act("audit ends: %s after %d doors by %q", a.Outcome, a.Doors, by)
	b.Append(locker.Event{Type: locker.EvStockAudited, ID: a.Audit, Outcome: a.Outcome, N: int64(a.Doors), By: by})
	return b.Fail["EndAudit"]
}

// Verify implements control.Bank.
func (b *Bank) Verify(context.Context) (bank.VerifyResult, error) {
	return b.Checked, b.Fail["Verify"]
}

// Clock implements control.Bank.
func (b *Bank) Clock(context.Context) (bank.ClockStatus, error) {
	return bank.ClockStatus{Time: Now, System: Now.Add(-time.Hour), Floor: Now, Clock: locker.ClockHeld, Source: "system"}, b.Fail["Clock"]
}

// ResetClock implements control.Bank.
func (b *Bank) ResetClock(_ context.Context, by string) (bank.ClockStatus, error) {
	b.act("clock reset by %q", by)
	t := Now.Add(-time.Hour)
	return bank.ClockStatus{Time: t, System: t, Floor: t, Clock: locker.ClockSynced, Source: "system"}, b.Fail["ResetClock"]
}

// NewCode implements control.Bank.
func (b *Bank) NewCode(_ context.Context, c bank.NewCode, by string) (bank.IssuedCode, error) {
	if err := b.Fail["NewCode"]; err != nil {
		return bank.IssuedCode{}, err
	}
	line, err := json.Marshal(c)
	if err != nil {
		return bank.IssuedCode{}, err
	}
	b.act("code %s by %q", line, by)
	b.mu.Lock()
	defer b.mu.Unlock()
	id := fmt.Sprintf("l-%04d", len(b.codes)+1)
	s := bank.CodeStatus{ID: id, Kind: c.Kind, Door: c.Door, SKU: c.SKU, Tenant: c.Tenant, Ref: c.Ref, NotAfter: Now.Add(c.TTL), State: "live", Uses: 1}
	if c.Uses != nil {
		s.Uses = *c.Uses
	}
	b.codes = append(b.codes, s)
	return bank.IssuedCode{ID: id, Text: Text, Tag: locker.TagOf(b.Page.Bank, Text), NotAfter: s.NotAfter}, nil
}

// Codes implements control.Bank.
func (b *Bank) Codes(context.Context) ([]bank.CodeStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]bank.CodeStatus(nil), b.codes...), b.Fail["Codes"]
}

// RevokeCode implements control.Bank.
func (b *Bank) RevokeCode(_ context.Context, id, by string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.codes {
		if b.codes[i].ID == id {
			b.codes[i].State = "revoked"
			b.actions = append(b.actions, fmt.Sprintf("revoke %s by %q", id, by))
			return nil
		}
	}
	return &bank.Error{Code: "not_found", Text: fmt.Sprintf("cannot revoke %q: no such code was issued at this bank", id)}
}

// SelfTest implements control.Bank.
func (b *Bank) SelfTest(context.Context) ([]bank.SelfTestLine, error) {
	return b.Findings, b.Fail["SelfTest"]
}

// Update implements control.Bank.
func (b *Bank) Update(ctx context.Context, o bank.UpdateOrder, by string) (bank.UpdateStatus, error) {
	if err := b.Fail["Update"]; err != nil {
		return bank.UpdateStatus{}, err
	}
	b.act("update %+v by %q", o, by)
	return b.UpdateStatus(ctx)
}

// UpdateStatus implements control.Bank.
func (b *Bank) UpdateStatus(context.Context) (bank.UpdateStatus, error) {
	return bank.UpdateStatus{
		Running: "1.2.0", Slot: "a", Active: "a", Slots: map[string]string{"a": "1.2.0", "b": "1.3.0"}, Source: "https://updates.example.com/lockerd",
		Update: &bank.UpdateTrial{Version: "1.3.0", Phase: "verified", Ordered: true, Window: "02:00-04:00", By: "ada"},
		Last:   &bank.UpdateOutcome{Version: "1.2.9", Result: "rolled_back", Why: "lost: scanner front", At: Now},
	}, b.Fail["UpdateStatus"]
}
