package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/sync/enrol"
	"lockerd/sync/peer"
)

// TestEnrol makes a bank of a board, and looks at what lies on its card then.
func TestEnrol(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	token := o.token()
	o.sow(b.seed, bank, token)
	i := b.open(disk{})
	if _, err := i.Certificate(); err == nil || !strings.Contains(err.Error(), "lockerctl enrol status") {
		t.Errorf("before: %v", err)
	}
	if s := i.Status(); !s.Waiting || s.Serial != "" || s.Why == "" {
		t.Errorf("before: %+v", s)
	}
	if err := b.enrol(i); err != nil {
		t.Fatal(err)
	}
	c := cert(t, i)
	if c.Leaf.Subject.CommonName != bank || c.Leaf.CheckSignatureFrom(o.ca.Cert) != nil {
		t.Errorf("a certificate for %s", c.Leaf.Subject)
	}
	if s := i.Status(); s.Waiting || s.Serial != enrol.Serial(c.Leaf) || s.URL != address || s.Why != "" {
		t.Errorf("after: %+v", s)
	}
	have, err := os.ReadFile(b.seed)
	if err != nil || !bytes.Equal(have, seed.Placeholder()) {
		t.Errorf("the seed is not erased: %v", err)
	}
	files := b.files()
	slices.Sort(files)
	if want := []string{CertFile, CAFile, recordFile, keysDir + "/" + tokenKey(token) + keySuffix, TrustFile}; !slices.Equal(files, want) {
		t.Errorf("%q, want %q", files, want)
	}
	for _, f := range files {
		st, err := os.Stat(filepath.Join(b.dir, f))
		if err != nil || st.Mode().Perm() != fileMode {
			t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
		text, err := os.ReadFile(filepath.Join(b.dir, f))
		if err != nil || bytes.Contains(text, []byte(token)) {
			t.Errorf("%s holds the token, %v", f, err)
		}
		if bytes.Contains(text, []byte("PRIVATE")) && !strings.HasSuffix(f, keySuffix) {
			t.Errorf("%s holds a private key", f)
		}
	}
	// The next start finds it.
	if again := cert(t, b.open(disk{})); !again.Leaf.Equal(c.Leaf) {
		t.Error("another certificate after a start")
	}
}

// TestRefusals is every refusal of a token as the board meets it. Each leaves the board able
// to enrol by the right seed.
func TestRefusals(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	i := b.open(disk{})

	// The card of another bank: its token is not even shown.
	o.sow(b.seed, "lon-043", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
	refused(t, b.enrol(i), enrol.WrongBank)
	if o.count() != 0 {
		t.Error("the token of another bank was shown")
	}
	// The right name with the token of another.
	other, err := o.Token("lon-043", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	o.sow(b.seed, bank, other.Text)
	refused(t, b.enrol(i), enrol.WrongBank)
	o.sow(b.seed, bank, "aaaaaaaaaaaaaaaaaaaaaaaaaa")
	refused(t, b.enrol(i), enrol.UnknownToken)

	// Twice: a copy of the card in a second board.
	token := o.token()
	o.sow(b.seed, bank, token)
	second := newBoard(t, o)
	o.sow(second.seed, bank, token)
	if err := b.enrol(i); err != nil {
		t.Fatal(err)
	}
	j := second.open(disk{})
	refused(t, second.enrol(j), enrol.TokenUsed)
	if s, err := j.seed.read(); err != nil || s == nil {
		t.Error("a seed that was refused is gone")
	}

	// Recovery of the second: the operator replaces the bank's board.
	next, _, err := o.Replace(bank, time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.sow(second.seed, bank, next.Text)
	if err := second.enrol(j); err != nil {
		t.Fatal(err)
	}
	// The first is out, by renewal and by its old card.
	_, err = i.Renew(t.Context())
	refused(t, err, enrol.Revoked)
	o.sow(b.seed, bank, token)
	fresh := newBoard(t, o)
	fresh.dir, fresh.seed = filepath.Join(t.TempDir(), "copy"), b.seed
	refused(t, fresh.enrol(fresh.open(disk{})), enrol.TokenUsed)
}

// TestEndpointOfAnother refuses an endpoint that can't show the seed's CA, before the token
// is sent.
func TestEndpointOfAnother(t *testing.T) {
	o, thief := start(t, 0), start(t, 0)
	b := newBoard(t, o)
	o.sow(b.seed, bank, o.token())
	b.o = thief
	if err := b.enrol(b.open(disk{})); err == nil || !strings.Contains(err.Error(), o.ca.Pin()) {
		t.Errorf("%v", err)
	}
	b.o = o
	if err := b.enrol(b.open(disk{})); err != nil {
		t.Error(err)
	}
}

// TestSeedWithCA takes a seed that has the CA itself in place of its fingerprint.
func TestSeedWithCA(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	raw, err := seed.Encode(&seed.Seed{
		Bank: bank, Site: "lobby", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Enrol: seed.Enrol{URL: address, Token: seed.Secret(o.token()), CA: peer.PEM(o.ca.Cert)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.seed, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	i := b.open(disk{})
	if err := b.enrol(i); err != nil {
		t.Fatal(err)
	}
	cert(t, i)
}

// TestClocks enrols and renews by clocks that are wrong. "Not yet" passes unless the clock is
// synchronised, "expired" never does.
func TestClocks(t *testing.T) {
	at := func(year int) func() time.Time {
		return func() time.Time { return time.Date(year, 1, 1, 0, 0, 9, 0, time.UTC) }
	}
	for _, c := range []struct {
		name   string
		now    func() time.Time
		status locker.Clock
		wrong  string
	}{
		{"1970", at(1970), locker.ClockUnset, ""},
		{"1970, held", at(1970), locker.ClockHeld, ""},
		{"1970, synchronised", at(1970), locker.ClockSynced, "not yet valid"},
		{"2060", at(2060), locker.ClockUnset, "expired"},
		{"now", time.Now, locker.ClockSynced, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := start(t, 0)
			b := newBoard(t, o)
			o.sow(b.seed, bank, o.token())
			b.clock(c.now, c.status)
			i := b.open(disk{})
			err := b.enrol(i)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("%v, want %q", err, c.wrong)
				}
				b.clock(time.Now, locker.ClockSynced) // recovery: the clock is set; the token was not used
				err = b.enrol(i)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := i.Renew(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLostAnswer loses the answer on its way: the token is burnt, and gives the same
// certificate to the same board.
func TestLostAnswer(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	o.sow(b.seed, bank, o.token())
	i := b.open(disk{})
	o.set(func() { o.deaf = true })
	if err := b.enrol(i); err == nil {
		t.Fatal("the answer was not lost")
	}
	if o.good() != 1 {
		t.Fatalf("%d certificates were given: the request did not arrive", o.good())
	}
	o.set(func() { o.deaf = false })
	if err := b.enrol(b.open(disk{})); err != nil {
		t.Fatal(err)
	}
	if o.good() != 1 {
		t.Errorf("%d certificates were given", o.good())
	}
}

// TestOperatorInTrouble keeps the seed while the operator can't answer.
func TestOperatorInTrouble(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	o.sow(b.seed, bank, o.token())
	i := b.open(disk{})
	o.set(func() { o.failed = errors.New("disk full") })
	err := b.enrol(i)
	if _, final := errors.AsType[*enrol.Refusal](err); err == nil || final {
		t.Fatalf("%v, want an error that passes", err)
	}
	o.set(func() { o.failed = nil })
	if err := b.enrol(i); err != nil {
		t.Error(err)
	}
}

// TestRenew keeps the key and takes the new certificate; one that is young is the same.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		_, i := enrolled(t, o)
		first := cert(t, i)
		if fresh, err := i.Renew(t.Context()); fresh || err != nil {
			t.Fatalf("%v, %v", fresh, err)
		}
		pass(60 * 24 * time.Hour)
		if fresh, err := i.Renew(t.Context()); !fresh || err != nil {
			t.Fatalf("%v, %v", fresh, err)
		}
		second := cert(t, i)
		if a, ok := first.Leaf.PublicKey.(*ecdsa.PublicKey); !ok || second.Leaf.Equal(first.Leaf) || !a.Equal(second.Leaf.PublicKey) {
			t.Error("it is not a new certificate of the same key")
		}
	})
}

// TestDamaged starts without an identity where its files are damaged, and says why; a seed
// heals it.
func TestDamaged(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *board) error
		why  string
	}{
		{"record", func(b *board) error { return os.WriteFile(filepath.Join(b.dir, recordFile), []byte("{"), 0o600) }, "damaged"},
		{"no key", func(b *board) error { return os.RemoveAll(filepath.Join(b.dir, keysDir)) }, "gone"},
		{"torn key", func(b *board) error { return os.Truncate(filepath.Join(b.dir, b.files()[3]), 10) }, "damaged"},
		{"key for all to read", func(b *board) error { return os.Chmod(filepath.Join(b.dir, b.files()[3]), 0o644) }, "0644"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := start(t, 0)
			b, _ := enrolled(t, o)
			if !strings.HasSuffix(b.files()[3], keySuffix) {
				t.Fatalf("%q", b.files())
			}
			if err := c.do(b); err != nil {
				t.Fatal(err)
			}
			i := b.open(disk{})
			if _, err := i.Certificate(); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("%v, want %q", err, c.why)
			}
			next, _, err := o.Replace(bank, time.Hour, nil)
			if err != nil {
				t.Fatal(err)
			}
			o.sow(b.seed, bank, next.Text)
			if err := b.enrol(i); err != nil {
				t.Fatal(err)
			}
			cert(t, i)
		})
	}
}

// TestOtherBank does not take the identity of another: a card was moved.
func TestOtherBank(t *testing.T) {
	o := start(t, 0)
	b, _ := enrolled(t, o)
	i := Open(Options{Bank: "lon-043", Dir: b.dir, Clock: b.read})
	if _, err := i.Certificate(); err == nil || !strings.Contains(err.Error(), "that of lon-042") {
		t.Errorf("%v", err)
	}
}

// chip is a Keys whose keys are in no file.
type chip struct{ keys map[string]*ecdsa.PrivateKey }

// sealed signs and shows nothing else.
type sealed struct{ crypto.Signer }

func (c *chip) Key(name string) (crypto.Signer, error) {
	if k, ok := c.keys[name]; ok {
		return sealed{k}, nil
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.keys[name] = k
	return sealed{k}, err
}

func (c *chip) Names() (names []string, err error) {
	for n := range c.keys {
		names = append(names, n)
	}
	return names, nil
}

func (c *chip) Keep(name string) error {
	for n := range c.keys {
		if n != name {
			delete(c.keys, n)
		}
	}
	return nil
}

// TestKeyInNoFile goes the whole way with a key that only signs, as a TPM's.
func TestKeyInNoFile(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	o.sow(b.seed, bank, o.token())
	i := Open(Options{Bank: bank, Dir: b.dir, Seed: b.seed, Clock: b.read, Dial: o.dial, Keys: &chip{map[string]*ecdsa.PrivateKey{}}})
	if err := b.enrol(i); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Renew(t.Context()); err != nil { // signs the handshake
		t.Error(err)
	}
	for _, f := range b.files() {
		if strings.HasSuffix(f, keySuffix) {
			t.Errorf("%s was written", f)
		}
	}
}
