package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lockerd/sync/wire/internal/strict"
)

// jwkSet is a JWK Set (RFC 7517) of Ed25519 keys (RFC 8037).
type jwkSet struct {
	Keys []jwk `json:"keys"`
}

type jwk struct {
	KTY    string   `json:"kty"`
	CRV    string   `json:"crv"`
	KID    string   `json:"kid"`
	X      string   `json:"x"`
	May    []string `json:"lb_may"`
	Tenant string   `json:"lb_tenant"`

	Use string          `json:"use,omitempty"`
	Alg string          `json:"alg,omitempty"`
	Ops []string        `json:"key_ops,omitempty"`
	D   json.RawMessage `json:"d,omitempty"`
}

var jwksPlan = strict.Compile[jwkSet](nil)

// ParseKeys reads a JWK Set (contract 6.1). A set is refused whole for one bad
// key: a key of another kind, a private one, a kid or a key that stands twice, a
// purpose that is unknown or needs an operator's key.
func ParseKeys(jwks []byte) (*Keys, error) {
	if len(jwks) > MaxDown {
		return nil, fmt.Errorf("cannot read key set of %d bytes: at most %d; remove old keys", len(jwks), MaxDown)
	}
	set, err := jwksPlan.Decode(jwks)
	if err != nil {
		return nil, fmt.Errorf(`cannot read key set: %w; write {"keys":[{"kty":"OKP","crv":"Ed25519","kid":…,"x":…,"lb_may":[…],"lb_tenant":…}]}`, err)
	}
	keys := make([]Key, len(set.Keys))
	for i, j := range set.Keys {
		if keys[i], err = j.key(); err != nil {
			return nil, fmt.Errorf("cannot trust key %d (%.64q): %w", i+1, j.KID, err)
		}
	}
	return NewKeys(keys...)
}

func (j *jwk) key() (Key, error) {
	switch {
	case j.D != nil:
		return Key{}, errors.New("it has the private member d; take the public key, and replace this one: it is not secret any more")
	case j.KTY != "OKP" || j.CRV != "Ed25519":
		return Key{}, fmt.Errorf("it is of kind %.20q, %.20q; only OKP, Ed25519 is taken", j.KTY, j.CRV)
	case j.Use != "" && j.Use != "sig":
		return Key{}, fmt.Errorf(`use is %.20q; write "sig" or leave it out`, j.Use)
	case j.Alg != "" && j.Alg != algorithm && j.Alg != "Ed25519":
		return Key{}, fmt.Errorf("alg is %.20q; write EdDSA or leave it out", j.Alg)
	case j.Ops != nil && !slices.Contains(j.Ops, "verify"):
		return Key{}, errors.New(`key_ops lacks "verify"; add it or leave key_ops out`)
	}
	x, err := unbase64(j.X)
	if err != nil {
		return Key{}, errors.New("x is not 32 bytes in unpadded base64url; export the public key again")
	}
	return Key{KID: j.KID, Public: x, May: j.May, Tenant: j.Tenant}, nil
}
