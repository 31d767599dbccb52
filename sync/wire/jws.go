package wire

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"lockerd/sync/wire/internal/strict"
)

const algorithm = string(jose.EdDSA)

// header is the protected header of every message: these two members and no other.
type header struct {
	Alg string `json:"alg"`
	KID string `json:"kid"`
}

var (
	headerPlan  = strict.Compile[header](nil)
	membersPlan = strict.Compile[map[string]json.RawMessage](nil)
)

var strict64 = base64.RawURLEncoding.Strict()

// unbase64 reads unpadded base64url with nothing beside it: Go's decoder skips
// line ends.
func unbase64(s string) ([]byte, error) {
	for i := range len(s) {
		if s[i] == '\r' || s[i] == '\n' {
			return nil, errors.New("a line end in base64url")
		}
	}
	return strict64.DecodeString(s)
}

// kidOf reads the compact form as far as the key's name. Whatever RFC 7515 allows
// beyond what contract 6.1 says is refused: other members, padding, bits that a
// lenient reader would drop.
func kidOf(jws []byte) (kid, why string) {
	parts := bytes.Split(jws, []byte("."))
	if len(parts) != 3 {
		return "", "is no compact JWS of three parts"
	}
	var dec [3][]byte
	for i, p := range parts {
		b, err := unbase64(string(p))
		if err != nil {
			return "", fmt.Sprintf("part %d of the JWS is no unpadded base64url", i+1)
		}
		dec[i] = b
	}
	h, err := headerPlan.Decode(dec[0])
	if err != nil {
		return "", "header of the JWS: " + err.Error()
	}
	all, err := membersPlan.Decode(dec[0])
	switch {
	case err != nil || len(all) != 2 || h.Alg != algorithm:
		return "", `header of the JWS must be exactly {"alg":"EdDSA","kid":…}`
	case !printable(h.KID):
		return "", "kid must be 1 to 64 visible ASCII characters"
	case len(dec[2]) != ed25519.SignatureSize:
		return "", "signature of the JWS must be 64 bytes"
	}
	return h.KID, ""
}

// verified returns the payload if the key has signed it. The form was checked by
// kidOf.
func verified(jws []byte, key Key) ([]byte, bool) {
	m, err := jose.ParseSignedCompact(string(jws), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, false
	}
	payload, err := m.Verify(key.Public)
	return payload, err == nil
}

// Sign writes a message for a bank: v and typ are filled in, bank and journal are
// the caller's to set. It refuses what no bank would take for its size; CheckCode
// and CheckDesired tell the rest beforehand.
func Sign(s crypto.Signer, kid string, m Down) ([]byte, error) {
	if !printable(kid) {
		return nil, fmt.Errorf("cannot sign with key %.64q: a kid is 1 to %d visible ASCII characters; rename it", kid, maxWord)
	}
	if c, ok := m.(*Codes); ok && c.Digest == nil {
		return nil, errors.New("cannot sign codes: the digest is missing; set it")
	}
	payload, err := json.Marshal(filled(m))
	if err != nil {
		return nil, fmt.Errorf("cannot write message: %w", err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: opaque{s, kid}}, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot sign with key %q: %w; give an Ed25519 key", kid, err)
	}
	j, err := signer.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("cannot sign with key %q: %w; give an Ed25519 key", kid, err)
	}
	text, err := j.CompactSerialize()
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot write message: %w", err)
	case len(text) > MaxDown:
		return nil, fmt.Errorf("cannot sign message of %d bytes: a bank takes at most %d; split it", len(text), MaxDown)
	}
	return []byte(text), nil
}

// filled is a copy of m with v and typ.
func filled(m Down) Down {
	head := func(h Head, typ string) Head {
		h.V, h.Typ = Version, typ
		return h
	}
	switch m := m.(type) {
	case *Ack:
		c := *m
		c.Head = head(c.Head, TypAck)
		return &c
	case *Codes:
		c := *m
		c.Head = head(c.Head, TypCodes)
		return &c
	case *Desired:
		c := *m
		c.Head = head(c.Head, TypDesired)
		return &c
	case *Command:
		c := *m
		c.Head = head(c.Head, TypCommand)
		return &c
	case *Trust:
		c := *m
		c.Head = head(c.Head, TypTrust)
		return &c
	}
	return m
}

// opaque lets go-jose sign with a key it can't see.
type opaque struct {
	signer crypto.Signer
	kid    string
}

func (o opaque) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{KeyID: o.kid, Algorithm: algorithm, Use: "sig", Key: o.signer.Public()}
}

func (o opaque) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.EdDSA} }

func (o opaque) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	if _, ok := o.signer.Public().(ed25519.PublicKey); !ok {
		return nil, errors.New("it is no Ed25519 key")
	}
	return o.signer.Sign(rand.Reader, payload, crypto.Hash(0))
}
