package authority_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

// TestTokenGivesOneCertificate enrols a board, and again with the same key, as one whose
// answer was lost does.
func TestTokenGivesOneCertificate(t *testing.T) {
	r := newRig(t)
	tok := r.token("lon-042")
	if !tok.Expires.Equal(r.now.Add(24 * time.Hour)) {
		t.Errorf("it expires at %s", tok.Expires)
	}
	b := newBoard(t, "lon-042")
	first := r.must(r.enrol(b, tok.Text))
	if first.Subject.CommonName != "lon-042" || first.CheckSignatureFrom(r.ca.Cert) != nil || first.IsCA {
		t.Errorf("a certificate for %q", first.Subject)
	}
	v := peer.Verifier{Whom: "the bank", Pin: r.ca.Pin(), Clock: func() (time.Time, bool) { return r.now, true }}
	if err := v.Chain([]*x509.Certificate{first, r.ca.Cert}, x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	if err := v.Chain([]*x509.Certificate{first, r.ca.Cert}, x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a bank can play a server")
	}
	r.restart()
	if again := r.must(r.enrol(b, strings.ToUpper(tok.Text)+"\n")); !again.Equal(first) {
		t.Error("the same key was given another certificate")
	}
}

// TestTokenIsNotStored looks for its text in every record.
func TestTokenIsNotStored(t *testing.T) {
	r := newRig(t)
	tok := r.token("lon-042")
	r.must(r.enrol(newBoard(t, "lon-042"), tok.Text))
	n := 0
	err := r.store.View(func(rd backend.Reader) error {
		return rd.Scan(nil, nil, func(k, v []byte) bool {
			n++
			if strings.Contains(string(k)+string(v), tok.Text) {
				t.Errorf("%q holds the token", k)
			}
			return true
		})
	})
	if err != nil || n == 0 {
		t.Errorf("%d records, %v", n, err)
	}
}

// TestTokenRefused is every wrong way to show one, and the way out.
func TestTokenRefused(t *testing.T) {
	r := newRig(t)
	tok := r.token("lon-042")
	board := newBoard(t, "lon-042")

	_, err := r.enrol(board, "abcdefghijklmnopqrstuvwxyz")
	refused(t, err, enrol.UnknownToken)
	_, err = r.enrol(newBoard(t, "lon-043"), tok.Text)
	refused(t, err, enrol.WrongBank)
	_, err = r.Enrol(&enrol.Request{Token: tok.Text, CSR: "nonsense"})
	refused(t, err, enrol.Malformed)
	for _, name := range []string{"backend", "watch", "Lon", ""} {
		_, err = r.enrol(newBoard(t, name), tok.Text)
		refused(t, err, enrol.Malformed)
	}

	r.now = tok.Expires
	_, err = r.enrol(board, tok.Text)
	refused(t, err, enrol.TokenExpired)
	// Recovery: a token that was made anew. Nothing wrong above has used one up.
	second := r.token("lon-042")
	r.must(r.enrol(board, second.Text))

	// Twice: by another board, that is, another key.
	thief := newBoard(t, "lon-042")
	_, err = r.enrol(thief, second.Text)
	refused(t, err, enrol.TokenUsed)
	// Not even a new token lets a second board in beside the first.
	_, err = r.Token("lon-042", time.Hour)
	refused(t, err, enrol.Enrolled)
}

// TestTwoTokensOneBoard holds that a second open token is no second board.
func TestTwoTokensOneBoard(t *testing.T) {
	r := newRig(t)
	one, two := r.token("lon-042"), r.token("lon-042")
	r.must(r.enrol(newBoard(t, "lon-042"), one.Text))
	_, err := r.enrol(newBoard(t, "lon-042"), two.Text)
	refused(t, err, enrol.Enrolled)
}

func TestTokenBounds(t *testing.T) {
	r := newRig(t)
	for _, ttl := range []time.Duration{0, -time.Hour, time.Second, 31 * 24 * time.Hour} {
		_, err := r.Token("lon-042", ttl)
		refused(t, err, enrol.Malformed)
	}
	_, err := r.Token("backend", time.Hour)
	refused(t, err, enrol.Malformed)
}

// TestOldTokensAreForgotten, but not while somebody may still show one.
func TestOldTokensAreForgotten(t *testing.T) {
	r := newRig(t)
	old := r.token("lon-042")
	r.now = old.Expires.Add(80 * 24 * time.Hour)
	r.token("lon-043")
	_, err := r.enrol(newBoard(t, "lon-042"), old.Text)
	refused(t, err, enrol.TokenExpired)
	r.now = old.Expires.Add(91 * 24 * time.Hour)
	r.token("lon-043")
	_, err = r.enrol(newBoard(t, "lon-042"), old.Text)
	refused(t, err, enrol.UnknownToken)
}

// TestRenew follows a bank's certificates through its life.
func TestRenew(t *testing.T) {
	r := newRig(t)
	b := newBoard(t, "lon-042")
	first := r.must(r.enrol(b, r.token("lon-042").Text))
	if again := r.must(r.renew(first)); !again.Equal(first) {
		t.Error("a young certificate was renewed")
	}
	r.now = enrol.RenewAt(first)
	second := r.must(r.renew(first))
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) || !b.key.PublicKey.Equal(second.PublicKey) {
		t.Errorf("the new one is good till %s, the old till %s", second.NotAfter, first.NotAfter)
	}
	if lost := r.must(r.renew(first)); !lost.Equal(second) {
		t.Error("an answer that was lost costs another certificate")
	}
	// A bank that was in store comes back by itself for a month, then by a token.
	r.now = second.NotAfter.Add(authority.Grace)
	_, err := r.renew(first)
	refused(t, err, enrol.Expired)
	third := r.must(r.renew(second))
	r.now = third.NotAfter.Add(authority.Grace + time.Second)
	_, err = r.renew(third)
	refused(t, err, enrol.Expired)
	fresh := newBoard(t, "lon-042")
	r.must(r.enrol(fresh, r.token("lon-042").Text))
}

// TestRenewForgetsTheDead bounds what is kept of a bank.
func TestRenewForgetsTheDead(t *testing.T) {
	r := newRig(t)
	cert := r.must(r.enrol(newBoard(t, "lon-042"), r.token("lon-042").Text))
	for range 12 {
		r.now = enrol.RenewAt(cert)
		cert = r.must(r.renew(cert))
	}
	lines, err := r.List("lon-042")
	if err != nil || len(lines) > 3 {
		t.Errorf("%d certificates are kept, %v", len(lines), err)
	}
}

// TestOldBackup brings the store back from before a renewal, an enrolment and a revocation: who
// was known goes on, who was not needs a token, who was revoked before stays so.
func TestOldBackup(t *testing.T) {
	r := newRig(t)
	first := r.must(r.enrol(newBoard(t, "lon-042"), r.token("lon-042").Text))
	out := r.must(r.enrol(newBoard(t, "lon-043"), r.token("lon-043").Text))
	r.now = enrol.RenewAt(first)
	outSecond := r.must(r.renew(out))
	if _, err := r.Revoke("lon-043", "", "stolen"); err != nil {
		t.Fatal(err)
	}
	backup := r.store.Clone()
	second := r.must(r.renew(first))
	late := r.must(r.enrol(newBoard(t, "lon-044"), r.token("lon-044").Text))

	r.store = backup
	r.restart()
	r.now = enrol.RenewAt(second)
	r.must(r.renew(second))
	_, err := r.renew(outSecond)
	refused(t, err, enrol.Revoked)
	_, err = r.renew(late)
	refused(t, err, enrol.Unknown)
	r.must(r.enrol(newBoard(t, "lon-044"), r.token("lon-044").Text))
	r.now = second.NotAfter.Add(authority.Grace + time.Second)
	_, err = r.renew(second)
	refused(t, err, enrol.Expired)
}

// TestRenewRefused refuses certificates that are not ours, whatever they say.
func TestRenewRefused(t *testing.T) {
	r, other := newRig(t), newRig(t)
	_, err := r.Renew(nil)
	refused(t, err, enrol.Unknown)
	foreign := other.must(other.enrol(newBoard(t, "lon-042"), other.token("lon-042").Text))
	_, err = r.renew(foreign)
	refused(t, err, enrol.Unknown)
	// Ours, but given to a server: no bank's.
	service, err := r.Service("broker", []string{"127.0.0.1"}, &newBoard(t, "x").key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.renew(service)
	refused(t, err, enrol.Unknown)
}

// TestStolenCard replays everything a stolen card holds after its revocation: token, key
// and certificate, by network and by stick.
func TestStolenCard(t *testing.T) {
	r := newRig(t)
	stolen := newBoard(t, "lon-042")
	tok := r.token("lon-042")
	first := r.must(r.enrol(stolen, tok.Text))
	r.now = enrol.RenewAt(first)
	second := r.must(r.renew(first))
	if r.listed(first) || r.listed(second) {
		t.Fatal("good certificates are on the revocation list")
	}

	next, gone, err := r.Replace("lon-042", 24*time.Hour, []byte(`{"doors":1}`))
	if err != nil || len(gone) != 2 {
		t.Fatalf("%v, %v", gone, err)
	}
	if !r.Barred("lon-042") || r.Barred("lon-043") {
		t.Error("another bank is barred than the revoked one")
	}
	r.restart()
	if err := r.Load(); err != nil || !r.Barred("lon-042") {
		t.Errorf("not barred after a start: %v", err)
	}
	if !r.listed(first) || !r.listed(second) {
		t.Error("the revocation list lacks one of its certificates")
	}
	_, err = r.enrol(stolen, tok.Text)
	refused(t, err, enrol.TokenExpired)
	for _, cert := range []*x509.Certificate{first, second} {
		_, err = r.renew(cert)
		refused(t, err, enrol.Revoked)
	}
	_, _, err = r.Sign(stolen.csr(t), "lon-042")
	refused(t, err, enrol.KeyRevoked)
	_, err = r.enrol(stolen, next.Text) // the thief has read the new token too
	refused(t, err, enrol.KeyRevoked)

	fresh := newBoard(t, "lon-042")
	cert := r.must(r.enrol(fresh, next.Text))
	if r.listed(cert) {
		t.Error("the new board is on the revocation list")
	}
	_, err = r.renew(second)
	refused(t, err, enrol.Revoked)
	if r.Barred("lon-042") {
		t.Error("the bank is barred although its new board is in")
	}
	if kept, err := r.Kept("lon-042"); err != nil || string(kept) != `{"doors":1}` {
		t.Errorf("kept %q, %v", kept, err)
	}
	// The list does not grow for ever.
	r.now = second.NotAfter.Add(authority.Grace + time.Hour)
	if r.listed(second) {
		t.Error("a certificate that nobody takes any more is still listed")
	}
}

// TestStolenYoungCard replays the token while it is good, by the key that has used it.
func TestStolenYoungCard(t *testing.T) {
	r := newRig(t)
	stolen, tok := newBoard(t, "lon-042"), r.token("lon-042")
	cert := r.must(r.enrol(stolen, tok.Text))
	if _, err := r.Revoke("lon-042", "", "stolen"); err != nil {
		t.Fatal(err)
	}
	_, err := r.enrol(stolen, tok.Text)
	refused(t, err, enrol.Revoked)
	_, err = r.enrol(newBoard(t, "lon-042"), tok.Text)
	refused(t, err, enrol.TokenUsed)
	if !r.listed(cert) {
		t.Error("its certificate is not listed")
	}
}

// TestStolenSeed withdraws tokens that were not used, when a card is lost on its way.
func TestStolenSeed(t *testing.T) {
	r := newRig(t)
	lost := r.token("lon-042")
	next, gone, err := r.Replace("lon-042", time.Hour, nil)
	if err != nil || len(gone) != 0 {
		t.Fatalf("%v, %v", gone, err)
	}
	_, err = r.enrol(newBoard(t, "lon-042"), lost.Text)
	refused(t, err, enrol.Withdrawn)
	r.must(r.enrol(newBoard(t, "lon-042"), next.Text))
}

// TestRevokeOneKey ends all certificates of a key by the serial of one, and no other's.
func TestRevokeOneKey(t *testing.T) {
	r := newRig(t)
	first := r.must(r.enrol(newBoard(t, "lon-042"), r.token("lon-042").Text))
	other := r.must(r.enrol(newBoard(t, "lon-043"), r.token("lon-043").Text))
	r.now = enrol.RenewAt(first)
	second := r.must(r.renew(first))
	gone, err := r.Revoke("lon-042", enrol.Serial(first), "test")
	if err != nil || len(gone) != 2 {
		t.Fatalf("%v, %v", gone, err)
	}
	if !r.listed(first) || !r.listed(second) || r.listed(other) {
		t.Error("another set of certificates is listed")
	}
	r.must(r.renew(other))
	_, err = r.Revoke("lon-043", "00", "test")
	refused(t, err, enrol.Unknown)
}

// TestListFails holds that a revocation stands although its list can't be written, and that
// the same order again mends it.
func TestListFails(t *testing.T) {
	r := newRig(t)
	cert := r.must(r.enrol(newBoard(t, "lon-042"), r.token("lon-042").Text))
	r.fail = errors.New("no space left on device")
	if _, err := r.Revoke("lon-042", "", "lost"); !errors.Is(err, r.fail) {
		t.Errorf("%v", err)
	}
	_, err := r.renew(cert)
	refused(t, err, enrol.Revoked)
	r.fail = nil
	gone, err := r.Revoke("lon-042", "", "lost")
	if err != nil || len(gone) != 1 || !r.listed(cert) {
		t.Errorf("%v, %v", gone, err)
	}
}

// TestSign gives a certificate to a request on a stick.
func TestSign(t *testing.T) {
	r := newRig(t)
	b := newBoard(t, "lon-042")
	_, _, err := r.Sign(b.csr(t), "lon-043")
	refused(t, err, enrol.WrongBank)
	_, _, err = r.Sign("nonsense", "")
	refused(t, err, enrol.Malformed)
	g, id, err := r.Sign(b.csr(t), "")
	if err != nil || g.Bank != "lon-042" || len(id) != 64 {
		t.Fatalf("%v, %s", err, id)
	}
	r.must(r.renew(leaf(t, g)))
	_, _, err = r.Sign(newBoard(t, "lon-042").csr(t), "")
	refused(t, err, enrol.Enrolled)
}

// TestGrant holds what goes along with a certificate.
func TestGrant(t *testing.T) {
	r := newRig(t)
	var trust json.RawMessage
	r.Authority = authority.New(authority.Options{
		Store: r.store, CA: r.ca, URL: "https://enrol.example.com", BrokerCA: "broker's", Now: func() time.Time { return r.now },
		Trust: func() (json.RawMessage, error) {
			if trust == nil {
				return nil, errors.New("no key set")
			}
			return trust, nil
		},
	})
	tok, b := r.token("lon-042"), newBoard(t, "lon-042")
	if _, err := r.enrol(b, tok.Text); err == nil {
		t.Fatal("granted without a key set")
	}
	trust = json.RawMessage(`{"keys":[]}`)
	g, err := r.Enrol(&enrol.Request{Token: tok.Text, CSR: b.csr(t)}) // the same token: nothing was lost
	if err != nil {
		t.Fatal(err)
	}
	if string(g.Trust) != string(trust) || g.BrokerCA != "broker's" || g.URL != "https://enrol.example.com" || g.CA != peer.PEM(r.ca.Cert) {
		t.Errorf("%+v", g)
	}
}

// TestService makes no bank.
func TestService(t *testing.T) {
	r := newRig(t)
	pub := &newBoard(t, "x").key.PublicKey
	_, err := r.Service("lon-042", nil, pub)
	refused(t, err, enrol.Malformed)
	c, err := r.Service("backend", nil, pub)
	if err != nil || len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("%v, %v", c, err)
	}
	s, err := r.Service("broker", []string{"127.0.0.1", "broker.example.com"}, pub)
	if err != nil || s.VerifyHostname("127.0.0.1") != nil || s.VerifyHostname("broker.example.com") != nil || s.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("%v, %v", s, err)
	}
}

// TestShortLife keeps the time of renewal inside a short life.
func TestShortLife(t *testing.T) {
	r := newRig(t)
	r.Authority = authority.New(authority.Options{Store: r.store, CA: r.ca, Life: 10 * time.Second, Now: func() time.Time { return r.now }})
	cert := r.must(r.enrol(newBoard(t, "lon-042"), r.token("lon-042").Text))
	if at := enrol.RenewAt(cert).Sub(r.now); at < 5*time.Second || at > 8*time.Second {
		t.Errorf("a certificate of 10 s is renewed after %s", at)
	}
}
