package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// here is the bank of the vectors.
var here = Expect{Bank: "lon-042", Journal: "j-test"}

func vector[T any](tb testing.TB, name string) T {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/vectors", name))
	if err != nil {
		tb.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func trusted(tb testing.TB) *Keys {
	tb.Helper()
	k, err := ParseKeys(vector[json.RawMessage](tb, "trust.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// signer is the private key of a kid in the vectors.
func signer(tb testing.TB, kid string) ed25519.PrivateKey {
	tb.Helper()
	v := vector[struct{ Seeds map[string]string }](tb, "private.json")
	seed, err := base64.RawURLEncoding.DecodeString(v.Seeds[kid])
	if err != nil || len(seed) != ed25519.SeedSize {
		tb.Fatalf("no seed for %s: %v", kid, err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// signed is a JWS by hand, so that anything can be signed.
func signed(tb testing.TB, kid, header, payload string) []byte {
	tb.Helper()
	return signedBy(signer(tb, kid), header, payload)
}

func signedBy(k ed25519.PrivateKey, header, payload string) []byte {
	e := base64.RawURLEncoding
	in := e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(payload))
	return []byte(in + "." + e.EncodeToString(ed25519.Sign(k, []byte(in))))
}

func plain(tb testing.TB, kid, payload string) []byte {
	tb.Helper()
	return signed(tb, kid, `{"alg":"EdDSA","kid":"`+kid+`"}`, payload)
}
