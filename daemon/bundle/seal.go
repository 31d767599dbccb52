package bundle

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Sealed bundles are HPKE (RFC 9180) of the standard library, base mode,
// DHKEM(X25519, HKDF-SHA256) and ChaCha20-Poly1305: filippo.io/age would give
// no more here and cost a dependency.
const (
	sealMagic  = "lockerd bundle sealed v1\n"
	recipient  = "lockerd-bundle-"
	privateKey = "LOCKERD-BUNDLE-SECRET-"
)

// ErrKey is returned for a key that can't be one, or can't open the bundle.
var ErrKey = errors.New("the key does not fit")

// NewKey makes a pair: the secret stays with the operator, the recipient goes
// to whoever makes bundles for him.
func NewKey() (secret, to string, err error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("cannot make a key: %w", err)
	}
	enc := base64.RawURLEncoding
	return privateKey + enc.EncodeToString(k.Bytes()), recipient + enc.EncodeToString(k.PublicKey().Bytes()), nil
}

// Recipient returns the recipient of a secret.
func Recipient(secret string) (string, error) {
	k, err := secretOf(secret)
	if err != nil {
		return "", err
	}
	return recipient + base64.RawURLEncoding.EncodeToString(k.PublicKey().Bytes()), nil
}

// IsSealed tells whether a file is a sealed bundle.
func IsSealed(b []byte) bool { return strings.HasPrefix(string(b), sealMagic) }

// Seal encrypts a bundle to a recipient.
func Seal(to string, plain []byte) ([]byte, error) {
	pk, err := publicOf(to)
	if err != nil {
		return nil, err
	}
	c, err := hpke.Seal(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealMagic), plain)
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt the bundle: %w", err)
	}
	return append([]byte(sealMagic), c...), nil
}

// Unseal decrypts what Seal has made.
func Unseal(secret string, sealed []byte) ([]byte, error) {
	sk, err := privateOf(secret)
	if err != nil {
		return nil, err
	}
	if !IsSealed(sealed) {
		return nil, fmt.Errorf("%w: it is not a sealed bundle", ErrDamaged)
	}
	plain, err := hpke.Open(sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(sealMagic), sealed[len(sealMagic):])
	if err != nil {
		return nil, fmt.Errorf("%w, or the bundle was changed on its way", ErrKey)
	}
	return plain, nil
}

// publicOf is the key that a recipient is.
func publicOf(to string) (hpke.PublicKey, error) {
	raw, err := decodeKey(recipient, to)
	if err != nil {
		return nil, err
	}
	pub, err := fits(ecdh.X25519().NewPublicKey(raw))
	if err != nil {
		return nil, err
	}
	return fits(hpke.NewDHKEMPublicKey(pub))
}

// privateOf is the key that a secret is.
func privateOf(secret string) (hpke.PrivateKey, error) {
	k, err := secretOf(secret)
	if err != nil {
		return nil, err
	}
	return fits(hpke.NewDHKEMPrivateKey(k))
}

func secretOf(secret string) (*ecdh.PrivateKey, error) {
	raw, err := decodeKey(privateKey, strings.TrimSpace(secret))
	if err != nil {
		return nil, err
	}
	return fits(ecdh.X25519().NewPrivateKey(raw))
}

// fits words the error of a key that the standard library does not take.
func fits[K any](k K, err error) (K, error) {
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrKey, err)
	}
	return k, err
}

func decodeKey(prefix, s string) ([]byte, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return nil, fmt.Errorf("%w: it must begin with %q", ErrKey, prefix) // never the key itself
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || len(raw) != 32 {
		return nil, fmt.Errorf("%w: behind %q must stand the 43 letters, digits, - and _ of a key, and no more; copy it whole", ErrKey, prefix)
	}
	return raw, nil
}
