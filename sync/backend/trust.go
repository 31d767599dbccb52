package backend

import (
	"crypto"
	"fmt"
	"slices"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Key signs what goes down.
type Key struct {
	KID    string
	Signer crypto.Signer // Ed25519
	Tenant string        // whose it is; "*": the operator's
}

// keyring holds the keys, the newest of each owner last.
type keyring struct{ keys []Key }

// trustInfo is one key set that the fleet has had: what banks that have it take.
// The first, version 0, is the file they were set up with.
type trustInfo struct {
	Version int64      `json:"version"`
	Keys    []keyGrant `json:"keys"`
}

type keyGrant struct {
	KID    string   `json:"kid"`
	May    []string `json:"may"`
	Tenant string   `json:"tenant"`
}

func grantsOf(keys *wire.Keys) []keyGrant {
	var list []keyGrant
	for _, k := range keys.All() {
		list = append(list, keyGrant{k.KID, k.May, k.Tenant})
	}
	return list
}

// purpose is the word of lb_may for a topic.
func purpose(topic string) string {
	switch topic {
	case wire.TopicAck:
		return wire.TypAck
	case wire.TopicCodes:
		return wire.TypCodes
	case wire.TopicDesired:
		return wire.TypDesired
	case wire.TopicCommand:
		return wire.TypCommand
	case wire.TopicTrust:
		return wire.TypTrust
	}
	return topic
}

// pick chooses the key for a message: one that the bank knows as able to sign it, of
// the set's tenant rather than of the operator, the newest. There is none for a board
// that is barred.
func (c *core) pick(b *bank, set, topic string) (Key, bool) {
	if c.barred(b.Name) {
		return Key{}, false
	}
	known := c.granted(b.TrustAt)
	switch {
	case !c.trustOwed(b):
	case topic == wire.TopicTrust:
		known = c.guess(b)
	case b.Trust.again.tries%2 == 1:
		known = c.granted(b.TrustSent) // it has been sent before this message
	}
	owners := []string{locker.SetOperator}
	if set != locker.SetOperator {
		owners = []string{set, locker.SetOperator}
	}
	for _, owner := range owners {
		for _, k := range slices.Backward(c.keys.keys) {
			if k.Tenant == owner && mayIn(known, k.KID, purpose(topic)) {
				return k, true
			}
		}
	}
	return Key{}, false
}

// guess chooses whose key signs a new set: of the set the bank should have first, then
// the newest, then all there were. A bank set up with a later file says version 0, too.
func (c *core) guess(b *bank) []keyGrant {
	n := len(c.meta.Trust)
	if i := b.Trust.again.tries % (n + 1); i > 0 {
		return c.meta.Trust[n-i].Keys
	}
	return c.granted(b.TrustAt)
}

func mayIn(known []keyGrant, kid, word string) bool {
	for _, g := range known {
		if g.KID == kid {
			return slices.Contains(g.May, word)
		}
	}
	return false
}

// trustUnknown is a bank's key set that this store has never sent.
const trustUnknown = -1

// granted is the key set of a version, or the newest before it; of one unknown, the
// newest.
func (c *core) granted(version int64) []keyGrant {
	var best []keyGrant
	for _, i := range c.meta.Trust {
		if i.Version <= version || version == trustUnknown {
			best = i.Keys
		}
	}
	return best
}

func (c *core) newestTrust() int64 {
	if n := len(c.meta.Trust); n > 0 {
		return c.meta.Trust[n-1].Version
	}
	return 0
}

// reportedTrust takes the bank's word on its key set. A version above the fleet's
// belongs to a fleet that this store has forgotten, or is a lie; it costs nobody but
// this bank: the set goes to it again under a version above.
func (t *txn) reportedTrust(b *bank, version int64, absolute bool) {
	if !absolute && version <= b.Trust.Applied {
		return
	}
	b.Trust.Applied, b.dirty = version, true
	switch {
	case version > 0 && version == b.Trust.Version:
		b.TrustAt = b.TrustSent
	case version > t.c.newestTrust():
		b.TrustAt = trustUnknown
	default:
		b.TrustAt = version
	}
}

// sendTrust sends the newest key set to a bank that has another one. What follows is
// signed with the new keys: messages keep their order. If no word of it comes, the
// next interval is signed with the old ones again, so that neither a lost message nor
// a refused set stops the bank. Only a bank whose journal is nearly all here gets it:
// its word on it must not wait behind events that wait for an acknowledgement signed
// with the wrong key.
func (t *txn) sendTrust(b *bank) {
	if !t.c.trustOwed(b) || !b.online() || !b.caughtUp() {
		return
	}
	newest := t.c.newestTrust()
	raw := t.get(key64(uint64(newest), 'T')) //nolint:gosec // versions are positive
	if raw == nil {
		t.fail(fmt.Errorf("cannot find key set %d in the store; bring it back from a backup", newest))
		return
	}
	b.Trust.Version, b.TrustSent, b.dirty = max(newest, b.Trust.Applied+1), newest, true
	if b.TrustAt == trustUnknown {
		b.Trust.Version = max(b.Trust.Version, t.now.Time().Unix())
	}
	t.send(b, wire.TopicTrust, locker.SetOperator, &wire.Trust{
		Head: wire.Head{Bank: b.Name}, Version: b.Trust.Version, JWKS: slices.Clone(raw),
	})
	b.Trust.again.sent(t.now)
}

func (b *bank) caughtUp() bool {
	j := b.Journals[b.Journal]
	return j != nil && j.Last+1+trustLag >= j.Next
}

func (c *core) trustOwed(b *bank) bool {
	newest := c.newestTrust()
	return newest > 0 && b.TrustAt != newest
}
