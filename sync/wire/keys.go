package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"lockerd/daemon/locker"
)

// MayTicket is the word that lets a key sign tickets. The others in Key.May are
// the words of typ.
const MayTicket = "ticket"

// Operator is the tenant of a key that may write every set.
const Operator = locker.SetOperator

// Key is one public key and what it may do (contract 6.1).
type Key struct {
	KID    string
	Public ed25519.PublicKey
	May    []string // TypAck, …, MayTicket
	Tenant string   // its own, or Operator
}

// Can tells whether the key may sign for this purpose: a word of typ or MayTicket.
func (k Key) Can(word string) bool { return slices.Contains(k.May, word) }

// Keys is a set of public keys. It does not change once made; nil is a set
// without keys, which trusts nobody.
type Keys struct{ list []Key }

// NewKeys makes a set, under the rules of ParseKeys.
func NewKeys(keys ...Key) (*Keys, error) {
	if len(keys) > MaxKeys {
		return nil, fmt.Errorf("cannot trust %d keys: at most %d may stand in a set; remove old ones", len(keys), MaxKeys)
	}
	all := &Keys{}
	for i, k := range keys {
		if err := all.add(k); err != nil {
			return nil, fmt.Errorf("cannot trust key %d (%.64q): %w", i+1, k.KID, err)
		}
	}
	return all, nil
}

func (k *Keys) add(n Key) error {
	if err := n.check(); err != nil {
		return err
	}
	for _, o := range k.list {
		switch {
		case o.KID == n.KID:
			return fmt.Errorf("this kid stands twice; give each key its own")
		case o.Public.Equal(n.Public):
			return fmt.Errorf("key %q is the same; one key is one entry, with all it may in lb_may", o.KID)
		}
	}
	n.Public, n.May = slices.Clone(n.Public), slices.Clone(n.May)
	k.list = append(k.list, n)
	return nil
}

func (k Key) check() error {
	switch {
	case !printable(k.KID):
		return fmt.Errorf("kid must be 1 to %d visible ASCII characters; rename it", maxWord)
	case len(k.Public) != ed25519.PublicKeySize:
		return fmt.Errorf("x must be %d bytes of Ed25519; make the key anew", ed25519.PublicKeySize)
	case weak(k.Public):
		return fmt.Errorf("x is a point of small order, for which anybody can sign; make the key anew")
	case k.Tenant != Operator && !locker.ValidTenant(k.Tenant):
		return fmt.Errorf(`lb_tenant must be "*" or a tenant's name of a-z, 0-9, dot, dash and underscore, and not "local"`)
	}
	for i, w := range k.May {
		switch {
		case !slices.Contains([]string{TypAck, TypCodes, TypDesired, TypCommand, TypTrust, MayTicket}, w):
			return fmt.Errorf("lb_may has %.20q; use ack, codes, desired, command, ticket, trust", w)
		case slices.Contains(k.May[:i], w):
			return fmt.Errorf("lb_may has %q twice; remove one", w)
		case k.Tenant != Operator && w != TypCodes && w != MayTicket:
			return fmt.Errorf(`lb_may has %q, which needs lb_tenant "*"; a tenant's key may have codes and ticket only`, w)
		}
	}
	return nil
}

// Find returns the key with this kid.
func (k *Keys) Find(kid string) (Key, bool) {
	if k == nil {
		return Key{}, false
	}
	i := slices.IndexFunc(k.list, func(o Key) bool { return o.KID == kid })
	if i < 0 {
		return Key{}, false
	}
	return k.list[i], true
}

// All returns the keys in their order. They are not to be changed.
func (k *Keys) All() []Key {
	if k == nil {
		return nil
	}
	return slices.Clone(k.list)
}

// MarshalJSON writes the set as a JWK Set.
func (k *Keys) MarshalJSON() ([]byte, error) {
	set := jwkSet{Keys: []jwk{}}
	for _, o := range k.All() {
		set.Keys = append(set.Keys, jwk{
			KTY: "OKP", CRV: "Ed25519", KID: o.KID, X: base64.RawURLEncoding.EncodeToString(o.Public),
			May: append([]string{}, o.May...), Tenant: o.Tenant,
		})
	}
	return json.Marshal(set)
}
