package roguetest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"lockerd/sync/wire"
)

// Signer is a key that the bank trusts, with its private part.
type Signer struct {
	wire.Key
	Private ed25519.PrivateKey
}

// Config is the bank under attack and the keys that it trusts.
type Config struct {
	Bank, Journal string
	Operator      Signer // of "*", may everything
	Tenant        Signer // may codes and tickets: the one who attacks in Tenants
	Other         Signer // the same: the one who is attacked
}

// Default is a bank that trusts the keys of testdata/vectors.
func Default(bank, journal string) Config {
	both := []string{wire.TypCodes, wire.MayTicket}
	return Config{
		Bank: bank, Journal: journal,
		Operator: TestKey("ops-1", wire.Operator, wire.TypAck, wire.TypCodes, wire.TypDesired, wire.TypCommand, wire.MayTicket, wire.TypTrust),
		Tenant:   TestKey("acme-1", "acme", both...),
		Other:    TestKey("globex-1", "globex", both...),
	}
}

// TestKey is the key of that name as testdata/vectors/private.json makes them.
func TestKey(kid, tenant string, may ...string) Signer {
	seed := sha256.Sum256([]byte("lockerd test key " + kid))
	key := ed25519.NewKeyFromSeed(seed[:])
	pub, _ := key.Public().(ed25519.PublicKey)
	return Signer{Key: wire.Key{KID: kid, Public: pub, May: may, Tenant: tenant}, Private: key}
}

// Keys is the set that the bank trusts.
func (c Config) Keys() (*wire.Keys, error) {
	return wire.NewKeys(c.Operator.Key, c.Tenant.Key, c.Other.Key)
}

// Texts are the texts of all codes in attempts: 26 digits with their check pair.
// None of them may open anything, ever.
func Texts() []string {
	all := make([]string, 16)
	for i := range all {
		all[i] = checked(fmt.Sprintf("66%022d", i*7919+1))
	}
	return all
}

// checked adds the check pair of ISO 7064 MOD 97-10.
func checked(digits string) string {
	n := 0
	for _, d := range digits + "00" {
		n = (n*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("%s%02d", digits, 98-n)
}
