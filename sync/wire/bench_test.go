package wire

import (
	"crypto/ed25519"
	"testing"
	"time"
)

// BenchmarkAck: what an acknowledgement costs its backend and its bank, against
// the bare signature and its verification.
func BenchmarkAck(b *testing.B) {
	key := signer(b, "ops-1")
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		b.Fatal("no Ed25519 key")
	}
	keys := trusted(b)
	msg := &Ack{Head: Head{Bank: here.Bank, Journal: here.Journal}, UpTo: 1043, At: 1_790_000_000_000}
	jws, err := Sign(key, "ops-1", msg)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, r := keys.Open(here, "down/ack", jws, false); r != nil {
		b.Fatal(r)
	}
	sig := ed25519.Sign(key, jws)
	b.Run("sign", func(b *testing.B) {
		against(b, func() { ed25519.Sign(key, jws) }, func() {
			if _, err := Sign(key, "ops-1", msg); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("open", func(b *testing.B) {
		against(b, func() { ed25519.Verify(public, jws, sig) }, func() {
			if _, _, r := keys.Open(here, "down/ack", jws, false); r != nil {
				b.Fatal(r)
			}
		})
	})
}

// against reports ours as a multiple of bare, in turns of one run.
func against(b *testing.B, bare, ours func()) {
	b.Helper()
	var took [2]time.Duration
	for b.Loop() {
		for i, f := range []func(){bare, ours} {
			begun := time.Now()
			f()
			took[i] += time.Since(begun)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "of-bare")
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N)/1e3, "bare-µs")
	b.ReportMetric(0, "ns/op")
}
