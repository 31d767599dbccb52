package ticket

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const bank = "lon-042"

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

func trusted(tb testing.TB) *wire.Keys {
	tb.Helper()
	k, err := wire.ParseKeys(vector[json.RawMessage](tb, "trust.json"))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func signer(tb testing.TB, kid string) ed25519.PrivateKey {
	tb.Helper()
	v := vector[struct{ Seeds map[string]string }](tb, "private.json")
	seed, err := base64.RawURLEncoding.DecodeString(v.Seeds[kid])
	if err != nil || len(seed) != ed25519.SeedSize {
		tb.Fatalf("no seed for %s: %v", kid, err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

type ticketVector struct {
	Bytes   int
	COSE    string `json:"cose_hex"`
	KID     string
	Payload string `json:"payload_hex"`
	Text    string
}

// TestVectors holds the golden tickets in both directions: opened as they are, and
// signed again to the same text.
func TestVectors(t *testing.T) {
	for i, v := range vector[[]ticketVector](t, "tickets.json") {
		got, reason := Open(v.Text, bank, trusted(t))
		if reason != locker.Granted || got.KID != v.KID {
			t.Fatalf("ticket %d: reason %q, kid %q", i, reason, got.KID)
		}
		text, err := Sign(got, v.KID, signer(t, v.KID))
		if err != nil || text != v.Text {
			t.Errorf("ticket %d signed again: %v\n%s\nwant\n%s", i, err, text, v.Text)
		}
		msg, ok := bytesOf(v.Text)
		if !ok || hex.EncodeToString(msg) != v.COSE || len(msg) != v.Bytes {
			t.Errorf("ticket %d: bytes %x, want %s", i, msg, v.COSE)
		}
	}
}
