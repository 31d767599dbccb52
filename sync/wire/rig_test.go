package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lockerd/daemon/locker"
)

// here is the bank of the vectors.
var here = Expect{Bank: "lon-042", Journal: "j-test"}

func vector[T any](t testing.TB, name string) T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func trusted(t testing.TB) *Keys {
	t.Helper()
	k, err := ParseKeys(vector[json.RawMessage](t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signer is the private key of a kid in the vectors.
func signer(t testing.TB, kid string) ed25519.PrivateKey {
	t.Helper()
	v := vector[struct{ Seeds map[string]string }](t, "private.json")
	seed, err := base64.RawURLEncoding.DecodeString(v.Seeds[kid])
	if err != nil || len(seed) != ed25519.SeedSize {
		t.Fatalf("no seed for %s: %v", kid, err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// signed is a JWS by hand, so that anything can be signed.
func signed(t testing.TB, kid, header, payload string) []byte {
	t.Helper()
	return signedBy(signer(t, kid), header, payload)
}

func signedBy(k ed25519.PrivateKey, header, payload string) []byte {
	e := base64.RawURLEncoding
	in := e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(payload))
	return []byte(in + "." + e.EncodeToString(ed25519.Sign(k, []byte(in))))
}

func plain(t testing.TB, kid, payload string) []byte {
	t.Helper()
	return signed(t, kid, `{"alg":"EdDSA","kid":"`+kid+`"}`, payload)
}

func headOf(topic string) Head {
	return Head{V: 1, Typ: topic, Bank: here.Bank, Journal: here.Journal}
}

func collect() *locker.Code {
	return &locker.Code{ID: "c-1", Tag: locker.TagOf(here.Bank, "text"), Kind: locker.Collect, SKU: "laptop-14"}
}
