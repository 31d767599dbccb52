package wire

import (
	"strings"
	"testing"
)

const (
	codesHead = `{"v":1,"typ":"codes","bank":"lon-042","journal":"j-test",`
	digest0   = `"digest":"0000000000000000000000000000000000000000000000000000000000000000"`
	rec       = `"id":"c-1","tag":"Jubx0pYK4p7fmxWXHDg7ow","rev":0`
)

func acme(rest string) string {
	return codesHead + `"set":"acme","epoch":1,` + rest + `,` + digest0 + `}`
}

func put(members string) string {
	return acme(`"from":0,"to":1,"ops":[{"put":{` + rec + `,` + members + `}}]`)
}

func command(rest string) string {
	return `{"v":1,"typ":"command","bank":"lon-042","journal":"j-test","id":"x-1",` + rest + `}`
}

const iat = `"iat":"2026-11-22T10:00:00.000Z","exp":"2026-11-22T10:00:30.000Z","counter":10`

// TestOpen walks the reasons in their order.
func TestOpen(t *testing.T) {
	ack := `{"v":1,"typ":"ack","bank":"lon-042","journal":"j-test","upto":7,"at":"2026-11-22T10:00:00.000Z"}`
	cases := []struct {
		name, kid, topic, payload string
		want, op, id              string
	}{
		{"an ack", "ops-1", TopicAck, ack, "", "", ""},
		{"typ is another's", "ops-1", TopicCodes, ack, WrongPurpose, "", ""},
		{"typ in other case", "ops-1", TopicAck, strings.Replace(ack, "typ", "Typ", 1), Malformed, "", ""},
		{"a tenant's key acks", "acme-1", TopicAck, ack, WrongPurpose, "", ""},
		{"unknown topic", "ops-1", "down/foo", ack, WrongPurpose, "", ""},
		{"other bank", "ops-1", TopicAck, strings.Replace(ack, "lon-042", "lon-043", 1), WrongBank, "", ""},
		{"no bank", "ops-1", TopicAck, strings.Replace(ack, `"bank":"lon-042",`, "", 1), WrongBank, "", ""},
		{"other journal", "ops-1", TopicAck, strings.Replace(ack, "j-test", "j-old", 1), WrongJournal, "", ""},
		{"no journal", "ops-1", TopicAck, strings.Replace(ack, `"journal":"j-test",`, "", 1), WrongJournal, "", ""},
		{"v 2", "ops-1", TopicAck, strings.Replace(ack, `"v":1`, `"v":2`, 1), Malformed, "", ""},
		{"no at", "ops-1", TopicAck, strings.Replace(ack, `,"at":"2026-11-22T10:00:00.000Z"`, "", 1), Malformed, "", ""},
		{"at in 2400", "ops-1", TopicAck, strings.Replace(ack, `2026-11`, "2400-11", 1), Malformed, "", ""},
		{"upto below 0", "ops-1", TopicAck, strings.Replace(ack, `:7`, `:-7`, 1), Malformed, "", ""},
		{"upto null", "ops-1", TopicAck, strings.Replace(ack, `:7`, `:null`, 1), Malformed, "", ""},
		{"upto beyond 2^53", "ops-1", TopicAck, strings.Replace(ack, `:7`, `:9007199254740993`, 1), Malformed, "", ""},
		{"twice", "ops-1", TopicAck, strings.Replace(ack, `{`, `{"upto":8,`, 1), Malformed, "", ""},
		{"twice, escaped", "ops-1", TopicAck, strings.Replace(ack, `{`, `{"\u0075pto":8,`, 1), Malformed, "", ""},
		{"trailing data", "ops-1", TopicAck, ack + `{}`, Malformed, "", ""},
		{"unknown members", "ops-1", TopicAck, strings.Replace(ack, `{`, `{"new":{"a":[1,{"b":null}]},"UPTO":9,`, 1), "", "", ""},
		{"twice in an unknown member", "ops-1", TopicAck, strings.Replace(ack, `{`, `{"new":[{"a":1,"a":1}],`, 1), Malformed, "", ""},
		{"deep", "ops-1", TopicAck, strings.Replace(ack, `{`, `{"new":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,`, 1), Malformed, "", ""},

		{"a code", "acme-1", TopicCodes, put(`"kind":"collect","door":"1-07"`), "", "", ""},
		{"by another tenant", "globex-1", TopicCodes, put(`"kind":"collect","door":"1-07"`), WrongTenant, "", ""},
		{"by the operator", "ops-1", TopicCodes, put(`"kind":"collect","door":"1-07"`), "", "", ""},
		{"the operator's set by a tenant", "acme-1", TopicCodes, strings.Replace(put(`"kind":"clear"`), `"set":"acme"`, `"set":"*"`, 1), WrongTenant, "", ""},
		{"the socket's set", "ops-1", TopicCodes, strings.Replace(put(`"kind":"clear"`), `"set":"acme"`, `"set":"local"`, 1), WrongTenant, "", ""},
		{"a set that is none", "ops-1", TopicCodes, strings.Replace(put(`"kind":"clear"`), `"set":"acme"`, `"set":"A"`, 1), Malformed, "", ""},
		{"other tenant before other bank", "globex-1", TopicCodes, strings.Replace(put(`"kind":"clear"`), "lon-042", "x", 1), WrongTenant, "", ""},
		{"service", "acme-1", TopicCodes, put(`"kind":"service"`), WrongTenant, "put", "c-1"},
		{"service by the operator in a tenant's set", "ops-1", TopicCodes, put(`"kind":"service"`), WrongTenant, "put", "c-1"},
		{"service in *", "ops-1", TopicCodes, strings.Replace(put(`"kind":"service"`), `"set":"acme"`, `"set":"*"`, 1), "", "", ""},
		{"for another tenant", "acme-1", TopicCodes, put(`"kind":"clear","tenant":"globex"`), WrongTenant, "put", "c-1"},
		{"tenant in a tenant's set", "acme-1", TopicCodes, put(`"kind":"clear","tenant":"acme"`), Malformed, "put", "c-1"},
		{"record without rev", "acme-1", TopicCodes, strings.Replace(put(`"kind":"clear"`), `,"rev":0`, "", 1), Malformed, "put", "c-1"},
		{"two in an op", "acme-1", TopicCodes, acme(`"from":0,"to":1,"ops":[{"drop":"a","revoke":"b"}]`), Malformed, "", ""},
		{"none in an op", "acme-1", TopicCodes, acme(`"from":0,"to":1,"ops":[{}]`), Malformed, "", ""},
		{"null in an op", "acme-1", TopicCodes, acme(`"from":0,"to":1,"ops":[{"put":null,"drop":"b"}]`), Malformed, "", ""},
		{"bad id dropped", "acme-1", TopicCodes, acme(`"from":0,"to":1,"ops":[{"drop":"a b"}]`), Malformed, "drop", ""},
		{"confirmation", "acme-1", TopicCodes, acme(`"from":1,"to":1`), "", "", ""},
		{"confirmation with ops", "acme-1", TopicCodes, acme(`"from":1,"to":1,"ops":[{"drop":"a"}]`), Malformed, "", ""},
		{"backwards", "acme-1", TopicCodes, acme(`"from":2,"to":1`), Malformed, "", ""},
		{"neither", "acme-1", TopicCodes, acme(`"to":1`), Malformed, "", ""},
		{"both", "acme-1", TopicCodes, acme(`"from":0,"to":1,"chunk":1,"chunks":1`), Malformed, "", ""},
		{"snapshot", "acme-1", TopicCodes, acme(`"to":1,"chunk":1,"chunks":1,"put":[{` + rec + `,"kind":"clear"}]`), "", "", ""},
		{"chunk 0", "acme-1", TopicCodes, acme(`"to":1,"chunk":0,"chunks":1`), Malformed, "", ""},
		{"chunk 2 of 1", "acme-1", TopicCodes, acme(`"to":1,"chunk":2,"chunks":1`), Malformed, "", ""},
		{"record twice", "acme-1", TopicCodes, acme(`"to":1,"chunk":1,"chunks":1,"put":[{` + rec + `,"kind":"clear"},{` + rec + `,"kind":"clear"}]`), Malformed, "put", "c-1"},
		{"tag twice", "acme-1", TopicCodes, acme(`"to":1,"chunk":1,"chunks":1,"put":[{` + rec + `,"kind":"clear"},{` + strings.Replace(rec, "c-1", "c-2", 1) + `,"kind":"clear"}]`), Malformed, "put", "c-2"},
		{"id twice", "acme-1", TopicCodes, acme(`"to":1,"chunk":1,"chunks":1,"put":[{` + rec + `,"kind":"clear"},{` + strings.Replace(rec, "Jub", "Kub", 1) + `,"kind":"clear"}]`), Malformed, "put", "c-1"},
		{"at", "acme-1", TopicCodes, acme(`"from":1,"to":1,"at":"2026-11-22T10:00:00.000Z"`), "", "", ""},
		{"at in 2400", "ops-1", TopicCodes, acme(`"from":1,"to":1,"at":"2400-11-22T10:00:00.000Z"`), Malformed, "", ""},
		{"at before 2020", "ops-1", TopicCodes, acme(`"from":1,"to":1,"at":"2019-11-22T10:00:00.000Z"`), Malformed, "", ""},
		{"no digest", "acme-1", TopicCodes, strings.Replace(acme(`"from":0,"to":1`), ","+digest0, "", 1), Malformed, "", ""},

		{"trust", "ops-1", TopicTrust, `{"v":1,"typ":"trust","bank":"lon-042","version":1,"jwks":` + set(opsKey) + `}`, "", "", ""},
		{"nobody left to trust", "ops-1", TopicTrust, `{"v":1,"typ":"trust","bank":"lon-042","version":1,"jwks":` + set(acmeKey) + `}`, Malformed, "", ""},
		{"trust for another bank", "ops-1", TopicTrust, `{"v":1,"typ":"trust","bank":"lon-1","version":1,"jwks":` + set(opsKey) + `}`, WrongBank, "", ""},
		{"trust by a tenant", "acme-1", TopicTrust, `{"v":1,"typ":"trust","bank":"lon-042","version":1,"jwks":` + set(opsKey) + `}`, WrongPurpose, "", ""},
		{"desired version 0", "ops-1", TopicDesired, `{"v":1,"typ":"desired","bank":"lon-042","journal":"j-test","version":0,"doc":{}}`, Malformed, "", ""},
		{"command without id", "ops-1", TopicCommand, strings.Replace(command(`"type":"poll","args":{},`+iat), `"id":"x-1",`, "", 1), Malformed, "", ""},
	}
	keys := trusted(t)
	for _, c := range cases {
		m, _, r := keys.Open(here, c.topic, plain(t, c.kid, c.payload), false)
		got := Refusal{}
		if r != nil {
			got = *r
		}
		if got.Reason != c.want || got.Op != c.op || got.ID != c.id || (m == nil) == (r == nil) {
			t.Errorf("%s: refused %q op %q id %q (%s), want %q %q %q", c.name, got.Reason, got.Op, got.ID, got.Why, c.want, c.op, c.id)
		}
	}
}

const (
	opsKey  = `{"kty":"OKP","crv":"Ed25519","kid":"ops-2","x":"_lUrEN_-L9i2eHp9IRO_AIPXz-K3DVf6MPGc24ecmhg","lb_may":["trust"],"lb_tenant":"*"}`
	acmeKey = `{"kty":"OKP","crv":"Ed25519","kid":"acme-1","x":"ZG_sf2v2yF8at3eZOIotVnWULbEgQbkk7uQkI9yuFOQ","lb_may":["codes"],"lb_tenant":"acme"}`
)

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }
