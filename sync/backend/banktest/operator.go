package banktest

import (
	"crypto/ed25519"
	"testing"

	"lockerd/sync/wire"
)

// OperatorKID is the key that Operator makes.
const OperatorKID = "ops-1"

// Operator returns a new key of the operator's that may sign everything, and the trust of
// banks that know it alone.
func Operator(tb testing.TB) (ed25519.PrivateKey, *wire.Keys) {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	trust, err := wire.NewKeys(wire.Key{
		KID: OperatorKID, Public: public, Tenant: wire.Operator,
		May: []string{"ack", "codes", "desired", "command", "ticket", "trust"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return private, trust
}
