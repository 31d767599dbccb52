package ticket

import (
	"bytes"
	"math/big"
	"time"

	"github.com/fxamacker/cbor/v2"

	"lockerd/daemon/locker"
)

// lead is the byte before the message in the number, which keeps leading zeros.
const lead = 0x01

// edDSA is the algorithm of RFC 9053 for Ed25519.
const edDSA = -8

// external is the additional data that the signature covers, so that nothing
// signed for another purpose is a ticket.
const external = "lockerd ticket v1"

type envelope struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected map[int]int
	Payload     []byte
	Signature   []byte
}

type protected struct {
	Alg int    `cbor:"1,keyasint"`
	KID []byte `cbor:"4,keyasint"`
}

type payload struct {
	Bank      string `cbor:"1,keyasint"`
	ID        []byte `cbor:"2,keyasint"`
	NotBefore uint64 `cbor:"3,keyasint"` // Unix s
	Lifetime  uint64 `cbor:"4,keyasint"` // s
	Kind      string `cbor:"5,keyasint"`
	Door      string `cbor:"6,keyasint,omitempty"`
	Tenant    string `cbor:"7,keyasint,omitempty"`
	Ref       string `cbor:"8,keyasint,omitempty"`
	SKU       string `cbor:"9,keyasint,omitempty"`
	Items     uint64 `cbor:"10,keyasint,omitempty"`
}

// codec holds the deterministic encoding and its strict decoding.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func newCodec() (codec, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return codec{}, err
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: 16, MaxMapPairs: 16, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	return codec{enc, dec}, err
}

// exact decodes b and tells whether encoding what was read gives b again.
func (c codec) exact(b []byte, v any) bool {
	if c.dec.Unmarshal(b, v) != nil {
		return false
	}
	again, err := c.enc.Marshal(v)
	return err == nil && bytes.Equal(again, b)
}

// bytesOf reads the number.
func bytesOf(text string) ([]byte, bool) {
	if len(text) < MinDigits || len(text) > MaxDigits || text[0] == '0' {
		return nil, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return nil, false
		}
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, false
	}
	b := n.Bytes()
	return b[1:], b[0] == lead
}

// textOf writes the number.
func textOf(msg []byte) string {
	return new(big.Int).SetBytes(append([]byte{lead}, msg...)).String()
}

// read takes a message apart; false is malformed.
func (c codec) read(msg []byte) (Ticket, bool) {
	var e envelope
	var h protected
	var p payload
	if !c.exact(msg, &e) || e.Unprotected == nil || len(e.Unprotected) > 0 || !c.exact(e.Protected, &h) || !c.exact(e.Payload, &p) {
		return Ticket{}, false
	}
	switch {
	case h.Alg != edDSA || len(h.KID) < 1 || len(h.KID) > maxKID || len(e.Signature) != 64 || len(p.ID) != 8:
		return Ticket{}, false
	case p.NotBefore > maxSeconds || p.Lifetime > uint64(MaxLifetime/time.Second) || p.Items > maxItems:
		return Ticket{}, false
	}
	t := Ticket{
		Bank: p.Bank, ID: [8]byte(p.ID), NotBefore: locker.Time(p.NotBefore * 1000), Lifetime: time.Duration(p.Lifetime) * time.Second,
		Kind: locker.Kind(p.Kind), Tenant: p.Tenant, Ref: p.Ref, SKU: p.SKU, Items: int(p.Items), KID: string(h.KID),
	}
	if p.Door != "" {
		var err error
		if t.Door, err = locker.ParseDoorID(p.Door); err != nil {
			return Ticket{}, false
		}
	}
	return t, t.fault() == ""
}
