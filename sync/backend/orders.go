package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Order is a command to be given.
type Order struct {
	Type string
	Args locker.CommandArgs
	Life time.Duration // 0: 30 s for what opens doors, 10 min for the rest
}

// Command gives an order and waits for the bank's reply, or until the order is over
// (status Unanswered) or ctx ends. What opens doors is refused at once if the bank is
// not there; anything else waits for it. The reply's status is the bank's; only what
// kept the order from being given is an error.
func (b *Backend) Command(ctx context.Context, bankName string, o Order) (locker.Reply, error) {
	id, err := b.Give(bankName, o)
	if err != nil {
		return locker.Reply{}, err
	}
	var answer locker.Reply
	err = b.await(ctx, func() bool {
		r, ok := b.ReplyTo(bankName, id)
		answer = r
		return ok
	})
	if err != nil {
		return locker.Reply{ID: id}, fmt.Errorf("no reply to %s %s yet: %w", o.Type, id, err)
	}
	return answer, nil
}

// Give gives an order and returns its id.
func (b *Backend) Give(bankName string, o Order) (string, error) {
	life, err := o.life()
	if err != nil {
		return "", err
	}
	var id string
	err = b.inBank(bankName, func(t *txn, k *bank) error {
		t.expireCommands(k)
		if k.pending() >= pendingMax {
			return refusef("cannot give %s: %d commands of %s are unanswered; wait for their end", o.Type, pendingMax, bankName)
		}
		if opens(o.Type) && !k.online() {
			return refusef("cannot give %s: %s is not connected, and an opening is good for 30 s only; see when it is back", o.Type, bankName)
		}
		c := &command{Type: o.Type, Args: o.Args}
		t.command(k, c, life)
		id = c.ID
		return nil
	})
	return id, err
}

func (o *Order) life() (time.Duration, error) {
	life := o.Life
	switch {
	case life == 0 && opens(o.Type):
		life = openLife
	case life == 0:
		life = commandLife
	}
	if life < time.Second || life > commandMax || opens(o.Type) && life > openLife {
		return 0, refusef("cannot give %s for %s: at most %s, and 30s for what opens doors", o.Type, life, commandMax)
	}
	return life, nil
}

// ReplyTo returns the reply to an order, if there is one.
func (b *Backend) ReplyTo(bankName, id string) (locker.Reply, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.core.banks[bankName]; k != nil {
		for _, c := range k.Commands {
			if c.ID == id && c.Reply != nil {
				return *c.Reply, true
			}
		}
	}
	return locker.Reply{}, false
}

// DesiredStatus is how far a desired document has come.
type DesiredStatus struct {
	Version int64  `json:"version"`
	State   string `json:"state"` // none, pending, applied, rejected
	Why     string `json:"why,omitempty"`
}

// States of a document at a bank.
const (
	DocNone     = "none"
	DocPending  = "pending"
	DocApplied  = "applied"
	DocRejected = "rejected"
)

func (d *document) status() DesiredStatus {
	s := DesiredStatus{Version: d.Version, State: DocPending}
	switch {
	case d.Version == 0:
		s.State = DocNone
	case d.Applied == d.Version:
		s.State = DocApplied
	case d.Rejected == d.Version:
		s.State, s.Why = DocRejected, d.Why
	}
	return s
}

// SetDesired makes a document the bank's desired one. Its version is the present time
// in seconds, or above the last: so that a store brought back from a backup never
// gives one number to two documents.
func (b *Backend) SetDesired(bankName string, doc locker.Desired) (int64, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return 0, fmt.Errorf("cannot write the desired document: %w", err)
	}
	if len(raw) > bodyBytes {
		return 0, refusef("cannot send the desired document: it has %d bytes, at most %d fit; shorten texts", len(raw), bodyBytes)
	}
	var version int64
	err = b.inBank(bankName, func(t *txn, k *bank) error {
		d := &k.Desired
		d.Version = max(t.now.Time().Unix(), d.Version+1, d.Applied+1)
		d.Why = ""
		d.again.reset()
		version, k.dirty = d.Version, true
		t.put(key('D', k.Name), raw)
		t.sendDesired(k)
		return nil
	})
	return version, err
}

// Desired returns the bank's desired document and how far it has come.
func (b *Backend) Desired(bankName string) (locker.Desired, DesiredStatus, error) {
	var doc locker.Desired
	var s DesiredStatus
	err := b.view(func(t *txn) error {
		s.State = DocNone
		if k := t.c.banks[bankName]; k != nil {
			s = k.Desired.status()
		}
		t.getJSON(key('D', bankName), &doc)
		return nil
	})
	return doc, s, err
}

// AwaitDesired waits until the bank has applied or rejected its desired document.
func (b *Backend) AwaitDesired(ctx context.Context, bankName string) (DesiredStatus, error) {
	var s DesiredStatus
	err := b.await(ctx, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if k := b.core.banks[bankName]; k != nil {
			s = k.Desired.status()
		}
		return s.State == DocApplied || s.State == DocRejected
	})
	return s, err
}

// SetTrust makes a key set the fleet's: it goes to every bank, signed with a key that
// the bank knows, and a bank that has it is from then on served with the keys in it.
// It must leave the operator a key of Config.Keys that may do everything.
func (b *Backend) SetTrust(keys *wire.Keys, mine ...Key) (int64, error) {
	raw, err := keys.MarshalJSON()
	if err != nil {
		return 0, fmt.Errorf("cannot write the key set: %w", err)
	}
	if len(raw) > bodyBytes {
		return 0, refusef("cannot send the key set: it has %d bytes, at most %d fit", len(raw), bodyBytes)
	}
	grants := grantsOf(keys)
	var version int64
	err = b.update(func(t *txn) (map[string]*bank, error) {
		ring := &keyring{keys: append(append([]Key{}, t.c.keys.keys...), mine...)}
		if !ring.serves(grants) {
			return nil, refusef("cannot send this key set: no key in it is the operator's, held here, and may ack, codes, desired, command and trust; the fleet would be lost to you")
		}
		t.c.keys = ring
		version = max(t.now.Time().Unix(), t.c.newestTrust()+1)
		t.c.meta.Trust = append(t.c.meta.Trust, trustInfo{version, grants})
		t.putJSON(key('m'), &t.c.meta)
		t.put(key64(uint64(version), 'T'), raw) //nolint:gosec // versions are positive
		changed := map[string]*bank{}
		for name, k := range t.c.banks {
			k.Trust.again.reset()
			t.sendTrust(k)
			t.c.due[name], changed[name] = true, k
		}
		return changed, nil
	})
	return version, err
}

// serves tells whether a bank with these keys can be served.
func (r *keyring) serves(grants []keyGrant) bool {
	for _, k := range r.keys {
		if k.Tenant != locker.SetOperator {
			continue
		}
		all := true
		for _, w := range []string{wire.TypAck, wire.TypCodes, wire.TypDesired, wire.TypCommand, wire.TypTrust} {
			all = all && mayIn(grants, k.KID, w)
		}
		if all {
			return true
		}
	}
	return false
}
