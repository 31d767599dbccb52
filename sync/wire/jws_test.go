package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

const ackNow = `{"v":1,"typ":"ack","bank":"lon-042","journal":"j-test","upto":7,"at":"2026-11-22T10:00:00.000Z"}`

// TestForm spells a good message differently, and signs what is spelled where
// that is possible: the form is judged before the signature, to the letter.
func TestForm(t *testing.T) {
	good := string(plain(t, "ops-1", ackNow))
	parts := strings.Split(good, ".")
	e := base64.RawURLEncoding
	cases := []struct{ name, jws, want string }{
		{"good", good, ""},
		{"members in other order", string(signed(t, "ops-1", `{"kid":"ops-1","alg":"EdDSA"}`, ackNow)), ""},
		{"empty", "", Malformed},
		{"the payload alone", ackNow, Malformed},
		{"two parts", parts[0] + "." + parts[1], Malformed},
		{"four parts", good + "." + parts[2], Malformed},
		{"a space before", " " + good, Malformed},
		{"a line end after", good + "\n", Malformed},
		{"a line end inside", parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2], Malformed},
		{"padded", parts[0] + "." + parts[1] + "." + parts[2] + "==", Malformed},
		{"standard base64", parts[0] + "." + strings.Replace(parts[1], "J", "+", 1) + "." + parts[2], Malformed},
		{"bits behind the end", parts[0] + "." + parts[1] + "." + parts[2][:85] + nextLetter(parts[2][85]), Malformed},
		{"signature of 63 bytes", parts[0] + "." + parts[1] + "." + e.EncodeToString(make([]byte, 63)), Malformed},
		{"no signature", parts[0] + "." + parts[1] + ".", Malformed},
		{"flattened JSON", `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`, Malformed},
		{"alg none", string(signed(t, "ops-1", `{"alg":"none","kid":"ops-1"}`, ackNow)), Malformed},
		{"alg HS256", string(signed(t, "ops-1", `{"alg":"HS256","kid":"ops-1"}`, ackNow)), Malformed},
		{"alg in other case", string(signed(t, "ops-1", `{"alg":"EdDsa","kid":"ops-1"}`, ackNow)), Malformed},
		{"third member", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-1","typ":"JWT"}`, ackNow)), Malformed},
		{"crit", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-1","crit":["b64"],"b64":false}`, ackNow)), Malformed},
		{"own key", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-1","jwk":{"kty":"OKP"}}`, ackNow)), Malformed},
		{"kid twice", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-1","kid":"ops-1"}`, ackNow)), Malformed},
		{"no kid", string(signed(t, "ops-1", `{"alg":"EdDSA"}`, ackNow)), Malformed},
		{"kid a number", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":1}`, ackNow)), Malformed},
		{"kid empty", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":""}`, ackNow)), Malformed},
		{"header no object", string(signed(t, "ops-1", `["EdDSA","ops-1"]`, ackNow)), Malformed},
		{"header with data after", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-1"}{}`, ackNow)), Malformed},
		{"unknown kid", string(signed(t, "ops-1", `{"alg":"EdDSA","kid":"ops-9"}`, ackNow)), UnknownKey},
		{"another's kid", string(signed(t, "acme-1", `{"alg":"EdDSA","kid":"ops-1"}`, ackNow)), BadSignature},
		{"zero signature", parts[0] + "." + parts[1] + "." + e.EncodeToString(make([]byte, 64)), BadSignature},
		{"signature of another payload", parts[0] + "." + e.EncodeToString([]byte(strings.Replace(ackNow, ":7", ":8", 1))) + "." + parts[2], BadSignature},
		{"payload no object", string(plain(t, "ops-1", `[1]`)), Malformed},
		{"payload empty", string(plain(t, "ops-1", ``)), Malformed},
	}
	keys := trusted(t)
	for _, c := range cases {
		_, key, r := keys.Open(here, TopicAck, []byte(c.jws), false)
		got := ""
		if r != nil {
			got = r.Reason
		}
		if got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, r, c.want)
		}
		if (got == UnknownKey || got == BadSignature) && key.KID != "" {
			t.Errorf("%s: refused, yet a key is named", c.name)
		}
	}
}

// nextLetter differs from c in its last bit only.
func nextLetter(c byte) string {
	const abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(abc[strings.IndexByte(abc, c)^1])
}

// TestFirst looks at what is refused before anything is parsed, and at keys that
// are not there.
func TestFirst(t *testing.T) {
	keys, good := trusted(t), plain(t, "ops-1", ackNow)
	cases := []struct {
		name     string
		keys     *Keys
		payload  []byte
		retained bool
		want     string
	}{
		{"retained", keys, good, true, Retained},
		{"retained and too large", keys, make([]byte, MaxDown+1), true, Retained},
		{"too large", keys, append(slices.Clip(good), make([]byte, MaxDown)...), false, TooLarge},
		{"as large as may be", keys, make([]byte, MaxDown), false, Malformed},
		{"no keys", nil, good, false, UnknownKey},
		{"an empty set", &Keys{}, good, false, UnknownKey},
	}
	for _, c := range cases {
		if _, _, r := c.keys.Open(here, TopicAck, c.payload, c.retained); r == nil || r.Reason != c.want || r.Topic != TypAck {
			t.Errorf("%s: %v, want %q", c.name, r, c.want)
		}
	}
	if _, _, r := keys.Open(here, "down/"+strings.Repeat("x", 60_000), good, false); r == nil || r.Reason != WrongPurpose || r.Topic != "" {
		t.Errorf("a long topic: %v", r)
	}
	if _, _, r := keys.Open(Expect{}, TopicAck, plain(t, "ops-1", strings.NewReplacer("lon-042", "", "j-test", "").Replace(ackNow)), false); r == nil || r.Reason != WrongBank {
		t.Errorf("nothing expected, nothing named: %v", r)
	}
}

func TestSign(t *testing.T) {
	ops := signer(t, "ops-1")
	many := &Codes{Head: Head{Bank: here.Bank, Journal: here.Journal}, Set: "acme", To: 1, Chunk: 1, Chunks: 1, Digest: &locker.Digest{}}
	for range 1000 {
		many.Put = append(many.Put, locker.Code{ID: "c", Kind: locker.Clear})
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		key crypto.Signer
		kid string
		m   Down
	}{
		"split it":      {ops, "ops-1", many},
		"kid":           {ops, "ops 1", &Ack{}},
		"digest":        {ops, "ops-1", &Codes{}},
		"an Ed25519 ke": {p256, "ops-1", &Ack{}},
	} {
		if b, err := Sign(c.key, c.kid, c.m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%d bytes)", want, err, len(b))
		}
	}
	m := &Ack{Head: Head{Bank: here.Bank, Journal: here.Journal}, UpTo: 7, At: 1_795_000_000_000}
	if _, err := Sign(ops, "ops-1", m); err != nil || m.V != 0 || m.Typ != "" {
		t.Errorf("the message itself was changed: %+v (%v)", m, err)
	}
}
