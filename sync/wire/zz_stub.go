package wire

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"lockerd/daemon/locker"
)

const (
	MaxDown   = 64 << 10
	MaxEvents = 50
	MaxBatch  = 16 << 10
)

type Key struct {
	KID    string
	Public ed25519.PublicKey
	May    []string
	Tenant string
}


func NewKeys(keys ...Key) (*Keys, error) { k := &Keys{list: keys}; return k, nil }

func (k *Keys) Find(kid string) (Key, bool) {
	for _, x := range k.list {
		if x.KID == kid {
			return x, true
		}
	}
	return Key{}, false
}
func (k *Keys) All() []Key { return k.list }

func (k *Keys) MarshalJSON() ([]byte, error) {
	type jwk struct {
		Kty, Crv, Kid, X string
		May              []string `json:"lb_may"`
		Tenant           string   `json:"lb_tenant"`
	}
	var l []jwk
	for _, x := range k.list {
		l = append(l, jwk{"OKP", "Ed25519", x.KID, base64.RawURLEncoding.EncodeToString(x.Public), x.May, x.Tenant})
	}
	return json.Marshal(map[string]any{"keys": l})
}

func ParseKeys(b []byte) (*Keys, error) {
	var v struct {
		Keys []struct {
			Kid, X string
			May    []string `json:"lb_may"`
			Tenant string   `json:"lb_tenant"`
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	k := &Keys{}
	for _, x := range v.Keys {
		p, err := base64.RawURLEncoding.DecodeString(x.X)
		if err != nil {
			return nil, err
		}
		k.list = append(k.list, Key{x.Kid, p, x.May, x.Tenant})
	}
	return k, nil
}

type Expect struct{ Bank, Journal string }

func Sign(s crypto.Signer, kid string, m Down) ([]byte, error) {
	typ := ""
	var h *Head
	switch v := m.(type) {
	case *Ack:
		typ, h = TypAck, &v.Head
	case *Codes:
		typ, h = TypCodes, &v.Head
	case *Desired:
		typ, h = TypDesired, &v.Head
	case *Command:
		typ, h = TypCommand, &v.Head
	case *Trust:
		typ, h = TypTrust, &v.Head
	}
	h.V, h.Typ = 1, typ
	p, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	e := base64.RawURLEncoding
	in := e.EncodeToString([]byte(`{"alg":"EdDSA","kid":"`+kid+`"}`)) + "." + e.EncodeToString(p)
	sig, err := s.Sign(rand.Reader, []byte(in), crypto.Hash(0))
	return []byte(in + "." + e.EncodeToString(sig)), err
}

func (k *Keys) Open(x Expect, topic string, payload []byte, retained bool) (Down, Key, *Refusal) {
	parts := strings.Split(string(payload), ".")
	if len(parts) != 3 {
		return nil, Key{}, &Refusal{Reason: Malformed}
	}
	e := base64.RawURLEncoding
	hb, _ := e.DecodeString(parts[0])
	pb, _ := e.DecodeString(parts[1])
	sig, _ := e.DecodeString(parts[2])
	var h struct{ Kid string }
	_ = json.Unmarshal(hb, &h)
	key, ok := k.Find(h.Kid)
	if !ok {
		return nil, Key{}, &Refusal{Reason: UnknownKey, Why: h.Kid}
	}
	if !ed25519.Verify(key.Public, []byte(parts[0]+"."+parts[1]), sig) {
		return nil, Key{}, &Refusal{Reason: BadSignature}
	}
	var head Head
	_ = json.Unmarshal(pb, &head)
	if !slices.Contains(key.May, head.Typ) || "down/"+head.Typ != topic {
		return nil, Key{}, &Refusal{Reason: WrongPurpose}
	}
	if head.Bank != x.Bank {
		return nil, Key{}, &Refusal{Reason: WrongBank}
	}
	if head.Typ != TypTrust && head.Journal != x.Journal {
		return nil, Key{}, &Refusal{Reason: WrongJournal}
	}
	var m Down
	switch head.Typ {
	case TypAck:
		m = &Ack{}
	case TypCodes:
		m = &Codes{}
	case TypDesired:
		m = &Desired{}
	case TypCommand:
		m = &Command{}
	case TypTrust:
		m = &Trust{}
	}
	if err := json.Unmarshal(pb, m); err != nil {
		return nil, Key{}, &Refusal{Reason: Malformed, Why: err.Error()}
	}
	if t, ok := m.(*Trust); ok {
		t.Keys, _ = ParseKeys(t.JWKS)
	}
	return m, key, nil
}

func dec[T any](b []byte) (T, error) {
	var v T
	err := json.Unmarshal(b, &v)
	if err == nil && len(b) == 0 {
		err = errors.New("empty")
	}
	return v, err
}
func DecodeState(b []byte) (State, error)   { return dec[State](b) }
func DecodeDoors(b []byte) (Doors, error)   { return dec[Doors](b) }
func DecodeStock(b []byte) (Stock, error)   { return dec[Stock](b) }
func DecodeHealth(b []byte) (Health, error) { return dec[Health](b) }
func DecodeEvents(b []byte) (Events, error) { return dec[Events](b) }
func DecodeReply(b []byte) (Reply, error)   { return dec[Reply](b) }
func DecodeGet(b []byte) (Get, error)       { return dec[Get](b) }

func CheckCode(set string, c *locker.Code) (string, string) {
	if !locker.ValidCodeID(c.ID) {
		return Malformed, "bad id"
	}
	return "", ""
}
