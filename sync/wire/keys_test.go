package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestParseKeys spoils a good set, one thing at a time; each error says what to do.
func TestParseKeys(t *testing.T) {
	good := set(opsKey, acmeKey)
	if _, err := ParseKeys([]byte(good)); err != nil {
		t.Fatal(err)
	}
	edit := func(old, to string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in the set", old)
		}
		return strings.Replace(good, old, to, 1)
	}
	cases := []struct{ name, set, want string }{
		{"unknown members", edit(`{"kty"`, `{"x5t":{"a":[1]},"kty"`), ""},
		{"use sig, alg, key_ops", edit(`{"kty"`, `{"use":"sig","alg":"EdDSA","key_ops":["verify"],"kty"`), ""},
		{"may nothing", edit(`["trust"]`, `[]`), ""},
		{"empty", ``, "write {"},
		{"no keys", `{}`, "keys: is missing"},
		{"a list", `[]`, "must be an object"},
		{"trailing data", good + `{}`, "data after"},
		{"member twice", edit(`"kid":"ops-2"`, `"kid":"ops-2","kid":"ops-3"`), "twice"},
		{"lb_may twice", edit(`"lb_may":["trust"]`, `"lb_may":["trust"],"lb_may":["codes"]`), "twice"},
		{"no lb_tenant", edit(`,"lb_tenant":"*"`, ``), "lb_tenant: is missing"},
		{"no lb_may", edit(`"lb_may":["trust"],`, ``), "lb_may: is missing"},
		{"lb_may null", edit(`["trust"]`, `null`), "must not be null"},
		{"private", edit(`{"kty"`, `{"d":"x4cx72vWcVUhZVWvERFwaMgxUEHKeaROOrazhmriQYY","kty"`), "private member d"},
		{"for encryption", edit(`{"kty"`, `{"use":"enc","kty"`), "use is"},
		{"other alg", edit(`{"kty"`, `{"alg":"ES256","kty"`), "alg is"},
		{"to sign only", edit(`{"kty"`, `{"key_ops":["sign"],"kty"`), "key_ops"},
		{"RSA", edit(`"OKP"`, `"RSA"`), "only OKP"},
		{"X25519", edit(`"Ed25519"`, `"X25519"`), "only OKP"},
		{"x short", edit(`_lUrEN_-`, `_lUr`), "x "},
		{"x padded", edit(`ecmhg"`, `ecmhg="`), "x is not"},
		{"x standard base64", edit(`_lUrEN`, `/lUrEN`), "x is not"},
		{"x with a line end", edit(`_lUrEN`, `_lU\nrEN`), "x is not"},
		{"kid twice", edit(`"acme-1"`, `"ops-2"`), "kid stands twice"},
		{"key twice", edit(`ZG_sf2v2yF8at3eZOIotVnWULbEgQbkk7uQkI9yuFOQ`, `_lUrEN_-L9i2eHp9IRO_AIPXz-K3DVf6MPGc24ecmhg`), "is the same"},
		{"kid empty", edit(`"ops-2"`, `""`), "kid must"},
		{"kid with a space", edit(`"ops-2"`, `"ops 2"`), "kid must"},
		{"kid long", edit(`"ops-2"`, `"`+strings.Repeat("k", 65)+`"`), "kid must"},
		{"tenant local", edit(`"lb_tenant":"acme"`, `"lb_tenant":"local"`), "lb_tenant"},
		{"tenant upper case", edit(`"lb_tenant":"acme"`, `"lb_tenant":"Acme"`), "lb_tenant"},
		{"unknown purpose", edit(`["trust"]`, `["trust","root"]`), `lb_may has "root"`},
		{"purpose twice", edit(`["trust"]`, `["trust","trust"]`), "remove one"},
		{"a tenant acks", edit(`["codes"]`, `["ack"]`), `needs lb_tenant "*"`},
		{"a tenant desires", edit(`["codes"]`, `["desired"]`), `needs lb_tenant "*"`},
		{"a tenant commands", edit(`["codes"]`, `["codes","command"]`), `needs lb_tenant "*"`},
		{"a tenant trusts", edit(`["codes"]`, `["trust"]`), `needs lb_tenant "*"`},
		{"too long", good + strings.Repeat(" ", MaxDown), "at most"},
	}
	for _, c := range cases {
		_, err := ParseKeys([]byte(c.set))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestWeak holds that a key for which anybody can sign is no key. The first loop
// shows why: crypto/ed25519 takes the forged signature.
func TestWeak(t *testing.T) {
	one, _ := hex.DecodeString("01" + strings.Repeat("00", 31))
	forged := make([]byte, ed25519.SignatureSize)
	copy(forged, one)
	if !ed25519.Verify(one, []byte("anything"), forged) {
		t.Error("crypto/ed25519 refuses small points by itself now: the list can go")
	}
	for _, h := range small {
		for _, sign := range []byte{0, 0x80} {
			x, _ := hex.DecodeString(h)
			x[31] |= sign
			if _, err := NewKeys(Key{KID: "k", Public: x, Tenant: "acme"}); err == nil || !strings.Contains(err.Error(), "small order") {
				t.Errorf("%x: %v", x, err)
			}
		}
	}
}

func TestTooManyKeys(t *testing.T) {
	var list []string
	for i := range MaxKeys + 1 {
		pub, _ := ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%032d", i))).Public().(ed25519.PublicKey)
		list = append(list, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"k%d","x":%q,"lb_may":["codes"],"lb_tenant":"acme"}`, i, base64.RawURLEncoding.EncodeToString(pub)))
	}
	if _, err := ParseKeys([]byte(set(list[:MaxKeys]...))); err != nil {
		t.Error(err)
	}
	if _, err := ParseKeys([]byte(set(list...))); err == nil || !strings.Contains(err.Error(), "at most 128") {
		t.Error(err)
	}
}

// TestKeysKeep holds that a set does not change with what it was made from or
// has handed out.
func TestKeysKeep(t *testing.T) {
	pub, _ := signer(t, "acme-1").Public().(ed25519.PublicKey)
	may := []string{TypCodes}
	k, err := NewKeys(Key{KID: "a", Public: pub, May: may, Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	may[0] = TypTrust
	k.All()[0] = Key{}
	if got, ok := k.Find("a"); !ok || got.Can(TypTrust) || !got.Can(TypCodes) {
		t.Errorf("changed: %+v", got)
	}
	var none *Keys
	if b, err := json.Marshal(&Keys{}); string(b) != `{"keys":[]}` || err != nil || none.All() != nil {
		t.Errorf("empty: %s, %v", b, err)
	}
}
