package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

var downTopics = []string{TopicAck, TopicCodes, TopicDesired, TopicCommand, TopicTrust}

// FuzzOpen feeds JWS texts. Whatever is opened was signed, as it stands, by the key
// that is named, which may; and it comes from the topic.
func FuzzOpen(f *testing.F) {
	for _, v := range vector[[]jwsVector](f, "jws.json") {
		for i := range downTopics {
			f.Add([]byte(v.JWS), i, false)
		}
	}
	f.Add(plain(f, "acme-1", ackNow), 0, false)
	f.Add(signed(f, "ops-1", `{"kid":"ops-1","alg":"EdDSA"}`, ackNow), 0, true)
	keys := trusted(f)
	f.Fuzz(func(t *testing.T, jws []byte, topic int, retained bool) {
		name := downTopics[uint(topic)%uint(len(downTopics))]
		m, key, r := keys.Open(here, name, jws, retained)
		if (m == nil) == (r == nil) {
			t.Fatalf("message %v and refusal %v", m, r)
		}
		if r != nil {
			if len(r.Why) > maxWhy {
				t.Fatalf("why of %d bytes", len(r.Why))
			}
			return
		}
		if retained || !key.Can(strings.TrimPrefix(name, "down/")) || !verifies(key.Public, jws) {
			t.Fatalf("opened on %s by %s: %s", name, key.KID, jws)
		}
	})
}

// verifies is a second opinion: RFC 7515's own words, without go-jose.
func verifies(pub ed25519.PublicKey, jws []byte) bool {
	i := bytes.LastIndexByte(jws, '.')
	if i < 0 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(string(jws[i+1:]))
	return err == nil && ed25519.Verify(pub, jws[:i], sig)
}

// FuzzPayload feeds what is signed. What is opened, written and opened again is the
// same, so that nothing is understood that can't be said.
func FuzzPayload(f *testing.F) {
	for _, v := range vector[[]jwsVector](f, "jws.json") {
		f.Add([]byte(v.Payload))
	}
	f.Add([]byte(acme(`"to":1,"chunk":1,"chunks":2,"put":[{` + rec + `,"kind":"clear"}],"nonce":"n"`)))
	f.Add([]byte(acme(`"from":0,"to":1,"ops":[{"revoke":"a"},{"drop":"b"}]`)))
	f.Add([]byte(command(`"type":"set_stock","args":{"door":"1-07","item":null},"nonce":"n",` + iat)))
	f.Add([]byte(command(`"type":"resync","args":{"from":0},` + iat)))
	f.Add([]byte(`{"v":1,"typ":"desired","bank":"lon-042","journal":"j-test","version":6,"doc":{"skus":[{"sku":"a","min":2,"label":"^[A-Z]{3}$"}],"doors":[{"id":"1-07"}],"cache_max_age":"168h","open":{"pulse":"300ms"},"texts":{"a":[1]}}}`))
	f.Add([]byte(`{"v":1,"typ":"trust","bank":"lon-042","version":1,"jwks":` + set(opsKey, acmeKey) + `}`))
	keys, ops := trusted(f), signer(f, "ops-1")
	f.Fuzz(func(t *testing.T, payload []byte) {
		jws := signedBy(ops, `{"alg":"EdDSA","kid":"ops-1"}`, string(payload))
		var h struct{ Typ string }
		_ = json.Unmarshal(payload, &h)
		m, _, r := keys.Open(here, "down/"+h.Typ, jws, false)
		if r != nil || bad(m) {
			return
		}
		again, err := Sign(ops, "ops-1", m)
		if err != nil {
			if strings.Contains(err.Error(), "split it") { // escapes may make it longer
				return
			}
			t.Fatal(err)
		}
		n, _, r := keys.Open(here, "down/"+h.Typ, again, false)
		if r != nil {
			t.Fatalf("written again it is refused: %v\n%s", r, payload)
		}
		one, _ := json.Marshal(m)
		two, _ := json.Marshal(n)
		if !bytes.Equal(one, two) {
			t.Fatalf("written again it says\n%s, not\n%s", two, one)
		}
	})
}

func bad(m Down) bool {
	switch m := m.(type) {
	case *Command:
		return m.Bad != ""
	case *Desired:
		return m.Bad != ""
	}
	return false
}

// FuzzUp feeds every decoder of messages from a bank. What is read, written and
// read again is the same.
func FuzzUp(f *testing.F) {
	for _, s := range []string{
		`{"v":1,"bank":"lon-042","status":"online","boot":17,"conn":231,"at":"2026-11-22T10:00:00.000Z","clock":"synced","version":"1.2.0","doors":204,"nonce":"n","journal":{"id":"j","first":812,"next":1044},"codes":{"acme":{"epoch":1763800000,"version":88,"count":412,"digest":"5c38cab438e7c4c7424ac134eed9710bec04d78992a845de4e502bbf8059a92d"}},"desired":{"version":5},"trust":{"version":1},"command":{"counter":9}}`,
		`{"v":1,"bank":"lon-042","status":"offline","boot":17,"conn":231,"reason":"shutdown"}`,
		`{"v":1,"bank":"b","journal":"j","seq":5,"stock":[{"tenant":"acme","sku":"laptop-14","count":2,"min":2}]}`,
		`{"v":1,"bank":"b","journal":"j","seq":5,"doors":[{"id":"1-07","state":"open","out_of_service":["jammed"],"item":{"tenant":"acme","sku":"l","serial":"s","condition":"ready"}}]}`,
		`{"v":1,"bank":"b","journal":"j","events":[{"seq":1}]}`,
		`{"v":1,"bank":"b","id":"x","status":"done","result":{"a":[1]}}`,
		`{"v":1,"bank":"b","want":"codes","set":"acme","epoch":1,"from":88,"nonce":"n"}`,
		`{"v":1,"bank":"b","boot":1,"conn":2,"at":"2026-11-22T10:00:00.000Z","clock":"held","uptime_s":5,"buses":[{"name":"a","boards":[{"address":1,"state":"ok"}]}],"scanners":[],"disk":{"free_bytes":1,"total_bytes":2},"temperature_c":41.5,"journal":{"id":"j","first":1,"next":2,"acked":0,"bytes":100,"pending":1},"cache_age_s":{"acme":5},"link":{"sent":1}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		trip(t, b, DecodeState)
		trip(t, b, DecodeDoors)
		trip(t, b, DecodeStock)
		trip(t, b, DecodeHealth)
		trip(t, b, DecodeReply)
		trip(t, b, DecodeGet)
		trip(t, b, DecodeBundle)
		trip(t, b, DecodeEvents)
	})
}

func trip[T any](t *testing.T, b []byte, read func([]byte) (T, error)) {
	t.Helper()
	v, err := read(b)
	if err != nil {
		return
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) > MaxBatch {
		return // escapes may make it longer
	}
	again, err := read(out)
	if err != nil {
		t.Fatalf("%T written as %s: %v", v, out, err)
	}
	if two, _ := json.Marshal(again); !bytes.Equal(two, out) {
		t.Fatalf("%T: %s, want %s", v, two, out)
	}
}

// FuzzKeys feeds key sets. What is trusted is written and read the same.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(set(opsKey, acmeKey)))
	f.Add([]byte(vector[json.RawMessage](f, "trust.json")))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeys(b)
		if err != nil {
			return
		}
		out, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseKeys(out)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if two, _ := json.Marshal(again); !bytes.Equal(two, out) {
			t.Fatalf("%s, want %s", two, out)
		}
		for _, k := range again.All() {
			if k.Tenant != Operator && (k.Can(TypAck) || k.Can(TypDesired) || k.Can(TypCommand) || k.Can(TypTrust)) {
				t.Fatalf("a tenant's key may too much: %s", b)
			}
		}
	})
}
