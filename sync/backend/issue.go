package backend

import (
	"context"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Issued is a code with its text, which nobody can ask for again.
type Issued struct {
	Code locker.Code `json:"code"`
	Text string      `json:"text"`
}

// Issue issues codes at a bank: all or none. Where ID is empty one is made, where Tag
// is empty a text is made and returned; with a Tag of your own Text comes back empty.
// The codes are on disk when Issue returns, and on their way to the bank if it is
// there.
func (b *Backend) Issue(ctx context.Context, bankName, setName string, codes ...locker.Code) ([]Issued, error) {
	list := make([]Issued, len(codes))
	err := b.inSet(ctx, bankName, setName, func(t *txn, k *bank, s *set) error {
		for i := range codes {
			issued, err := t.issue(k, setName, s, codes[i])
			if err != nil {
				return err
			}
			list[i] = issued
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (t *txn) issue(b *bank, name string, s *set, c locker.Code) (Issued, error) {
	text := ""
	var err error
	if c.Tag == (locker.Tag{}) {
		if text, err = NewText(t.c.cfg.Rand); err != nil {
			return Issued{}, err
		}
		c.Tag = locker.TagOf(b.Name, text)
	}
	if c.ID == "" {
		if c.ID, err = t.c.newID("c-"); err != nil {
			return Issued{}, err
		}
	}
	if reason, why := wire.CheckCode(name, &c); reason != "" {
		return Issued{}, refusef("cannot issue code %s: %s", c.ID, why)
	}
	return Issued{Code: c, Text: text}, t.putCode(b, name, s, c)
}

// Revoke revokes a code or a ticket for ever, known or not; a ticket that begins more than
// a year later at the present board only.
func (b *Backend) Revoke(ctx context.Context, bankName, setName, id string) error {
	if !locker.ValidCodeID(id) {
		return refusef("cannot revoke %.70q: an id is 1-64 of A-Z a-z 0-9 . _ -", id)
	}
	return b.inSet(ctx, bankName, setName, func(t *txn, k *bank, s *set) error {
		return t.revokeCode(k, setName, s, id)
	})
}

// Drop forgets a code, here and at the bank. A use or a revocation is remembered by
// the bank all the same.
func (b *Backend) Drop(ctx context.Context, bankName, setName, id string) error {
	return b.inSet(ctx, bankName, setName, func(t *txn, k *bank, s *set) error {
		r := t.record(bankName, setName, id)
		if r == nil {
			return refusef("cannot drop %s: set %s of %s has no such code", id, setName, bankName)
		}
		t.drop(k, setName, s, r)
		return nil
	})
}

// OpenSet begins to keep a set at a bank, empty at first. The operator's is kept at
// every bank; a tenant's from its first code. Tickets of a tenant are honoured only
// where its set is kept.
func (b *Backend) OpenSet(ctx context.Context, bankName, setName string) error {
	return b.inSet(ctx, bankName, setName, func(*txn, *bank, *set) error { return nil })
}

// inSet changes a set and sends what came of it.
func (b *Backend) inSet(ctx context.Context, bankName, setName string, change func(*txn, *bank, *set) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if setName != locker.SetOperator && !locker.ValidTenant(setName) {
		return refusef("cannot use set %.40q: a set is * or a tenant", setName)
	}
	return b.inBank(bankName, func(t *txn, k *bank) error {
		if len(k.Sets) >= managedMax && k.Sets[setName] == nil {
			return refusef("cannot open set %s: %s has %d sets", setName, bankName, len(k.Sets))
		}
		s := t.openSet(k, setName)
		before := s.Version
		if err := change(t, k, s); err != nil {
			return err
		}
		if s.Version != before || !s.applied() {
			t.push(k, setName, s, before)
		}
		return nil
	})
}

// inBank changes one bank.
func (b *Backend) inBank(name string, change func(*txn, *bank) error) error {
	if !locker.ValidBank(name) {
		return refusef("cannot use bank %.40q: a bank is written in a-z, 0-9 and -, at most 32, for example lon-042", name)
	}
	return b.update(func(t *txn) (map[string]*bank, error) {
		k := t.bankOf(name)
		if k == nil {
			return nil, refusef("cannot add bank %s: there are %d", name, banksMax)
		}
		t.touched = name
		if err := change(t, k); err != nil {
			return nil, err
		}
		return map[string]*bank{name: k}, nil
	})
}

// CodeStatus is a code as it is known here.
type CodeStatus struct {
	Set     string      `json:"set"`
	Code    locker.Code `json:"code"`
	State   string      `json:"state"` // live, revoked, spent, rejected
	Why     string      `json:"why,omitempty"`
	Used    int         `json:"used"`
	UsedAt  locker.Time `json:"used_at,omitzero"`
	Made    locker.Time `json:"made"`
	Applied bool        `json:"applied"` // the bank has the newest version of the set
}

// Codes calls each for the codes of a set in the order of their ids, until it
// returns false. It must not call the Backend.
func (b *Backend) Codes(bankName, setName string, each func(*CodeStatus) bool) error {
	return b.view(func(t *txn) error {
		k := t.c.banks[bankName]
		if k == nil || k.Sets[setName] == nil {
			return nil
		}
		applied := k.Sets[setName].applied()
		t.records(bankName, setName, func(r *record) bool {
			return each(&CodeStatus{
				Set: setName, Code: r.Code, State: r.State, Why: r.Why, Used: r.Used, UsedAt: r.UsedAt, Made: r.Made, Applied: applied,
			})
		})
		return nil
	})
}

// AwaitCodes waits until the bank has said that it has all of a set.
func (b *Backend) AwaitCodes(ctx context.Context, bankName, setName string) error {
	err := b.await(ctx, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		k := b.core.banks[bankName]
		return k != nil && k.Sets[setName] != nil && k.Sets[setName].applied()
	})
	if err != nil {
		return fmt.Errorf("the bank has not said yet that it has set %s: %w", setName, err)
	}
	return nil
}
