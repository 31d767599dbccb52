package ticket

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Open reads a ticket that was scanned at a bank. The reason is Malformed,
// BadSignature, WrongBank or Granted, the first that applies; what the ticket says
// is returned from WrongBank on, when it is known to be true.
func Open(text, bank string, keys *wire.Keys) (Ticket, locker.Reason) {
	msg, ok := bytesOf(text)
	if !ok {
		return Ticket{}, locker.Malformed
	}
	c, err := newCodec()
	if err != nil {
		return Ticket{}, locker.Malformed
	}
	t, ok := c.read(msg)
	switch {
	case !ok:
		return Ticket{}, locker.Malformed
	case !signed(&t, msg, keys):
		return Ticket{}, locker.BadSignature
	case t.Bank != bank:
		return t, locker.WrongBank
	}
	return t, locker.Granted
}

// signed tells whether a key that may has signed the ticket.
func signed(t *Ticket, msg []byte, keys *wire.Keys) bool {
	key, ok := keys.Find(t.KID)
	if !ok || !may(key, t) {
		return false
	}
	v, err := cose.NewVerifier(cose.AlgorithmEdDSA, key.Public)
	if err != nil {
		return false
	}
	var m cose.UntaggedSign1Message
	return m.UnmarshalCBOR(msg) == nil && m.Verify([]byte(external), v) == nil
}

// may tells whether a key is one for such a ticket: an operator's for any, a
// tenant's for its own, and never for service.
func may(key wire.Key, t *Ticket) bool {
	if !key.Can(wire.MayTicket) {
		return false
	}
	return key.Tenant == wire.Operator || key.Tenant == t.Tenant && t.Kind != locker.Service
}

// Sign makes the text of a ticket. NotBefore and Lifetime are cut to whole
// seconds. It refuses what no bank would honour for its form; whether the key may
// is for the bank to judge.
func Sign(t Ticket, kid string, s crypto.Signer) (text string, err error) {
	switch why := t.fault(); {
	case why != "":
		return "", errors.New("cannot make ticket: " + why)
	case len(kid) < 1 || len(kid) > maxKID:
		return "", fmt.Errorf("cannot make ticket: the kid must be 1 to %d bytes; rename the key", maxKID)
	}
	c, err := newCodec()
	if err != nil {
		return "", fmt.Errorf("cannot make ticket: %w", err)
	}
	said, err := c.enc.Marshal(payload{
		Bank: t.Bank, ID: t.ID[:], NotBefore: uint64(t.NotBefore / 1000), Lifetime: uint64(t.Lifetime.Seconds()), Kind: string(t.Kind),
		Door: t.Door.String(), Tenant: t.Tenant, Ref: t.Ref, SKU: t.SKU, Items: uint64(t.Items),
	})
	if err != nil {
		return "", fmt.Errorf("cannot make ticket: %w", err)
	}
	by, err := cose.NewSigner(cose.AlgorithmEdDSA, s)
	if err != nil {
		return "", fmt.Errorf("cannot sign with key %.64q: %w; give an Ed25519 key", kid, err)
	}
	h := cose.Headers{Protected: cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA, cose.HeaderLabelKeyID: []byte(kid)}}
	msg, err := cose.Sign1Untagged(rand.Reader, by, h, said, []byte(external))
	if err != nil {
		return "", fmt.Errorf("cannot sign with key %.64q: %w; give an Ed25519 key", kid, err)
	}
	return textOf(msg), nil
}
