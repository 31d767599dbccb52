package roguetest

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

var b64 = base64.RawURLEncoding

// sign is a JWS by hand: any header, any payload.
func sign(key ed25519.PrivateKey, header, payload string) []byte {
	in := b64.AppendEncode(nil, []byte(header))
	in = append(in, '.')
	in = b64.AppendEncode(in, []byte(payload))
	sig := ed25519.Sign(key, in)
	in = append(in, '.')
	return b64.AppendEncode(in, sig)
}

func header(kid string) string { return fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, kid) }

func signed(by Signer, payload string) []byte { return sign(by.Private, header(by.KID), payload) }

// head begins the payload of a message for the bank under attack.
func (c Config) head(typ string) string {
	return fmt.Sprintf(`{"v":1,"typ":%q,"bank":%q,"journal":%q,`, typ, c.Bank, c.Journal)
}

const when = `"2026-11-22T10:00:00.000Z"`

// record is a code that opens whatever the rogue could want.
func (c Config) record(text, members string) string {
	return fmt.Sprintf(`{"id":"rogue-%s","tag":%q,"rev":9,%s}`, text[20:], locker.TagOf(c.Bank, text), members)
}

// delta is a change of one set from version 0 to 1, with one record.
func (c Config) delta(set, record string) string {
	return c.ops(set, fmt.Sprintf(`{"put":%s}`, record))
}

func (c Config) ops(set, ops string) string {
	return c.head(wire.TypCodes) + fmt.Sprintf(`"set":%q,"epoch":1,"from":0,"to":1,"ops":[%s],"digest":"%064d"}`, set, ops, 0)
}

func (c Config) snapshot(set, records string) string {
	return c.head(wire.TypCodes) + fmt.Sprintf(`"set":%q,"epoch":4000000000,"to":1000,"chunk":1,"chunks":1,"put":[%s],"digest":"%064d"}`, set, records, 0)
}

// honest are messages that wire takes: what the rogue would like to say, said by
// those who may.
func (r *Rogue) honest() []message {
	c := r.c
	jwks := fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q,"lb_may":["ack","codes","desired","command","ticket","trust"],"lb_tenant":"*"}]}`,
		r.own.KID, b64.EncodeToString(r.own.Public))
	all := []message{
		{topic: wire.TopicAck, by: c.Operator, body: c.head(wire.TypAck) + `"upto":1000000,"at":` + when + `}`},
		{topic: wire.TopicDesired, by: c.Operator, body: c.head(wire.TypDesired) + `"version":1000000,"doc":{"doors":[{"id":"1-01","out_of_service":true},{"id":"1-02","out_of_service":true}]}}`},
		{topic: wire.TopicCommand, by: c.Operator, body: c.head(wire.TypCommand) + `"id":"rogue","type":"open_all","args":{},"iat":` + when + `,"exp":"2026-11-22T10:00:30.000Z","counter":1000000,"nonce":"AAECAwQFBgcICQoLDA0ODw"}`},
		{topic: wire.TopicTrust, by: c.Operator, body: fmt.Sprintf(`{"v":1,"typ":"trust","bank":%q,"version":1000000,"jwks":%s}`, c.Bank, jwks)},
	}
	for i, text := range r.texts {
		by, set := c.Tenant, c.Tenant.Tenant
		if i%2 == 1 {
			by, set = c.Operator, locker.SetOperator
		}
		rec := c.record(text, fmt.Sprintf(`"kind":"collect","door":"1-%02d","uses":0,"not_after":"2099-01-01T00:00:00.000Z"`, i+1))
		all = append(all,
			message{topic: wire.TopicCodes, by: by, body: c.delta(set, rec)},
			message{topic: wire.TopicCodes, by: by, body: c.snapshot(set, rec)})
	}
	for i := range all {
		all[i].jws = signed(all[i].by, all[i].body)
	}
	return all
}
