// Package authority is the operator's end of enrolment: one-time tokens, a small CA,
// renewal, revocation. `lockerctl fleet serve` runs it; sync/enrol/README.md says what
// else may stand in its place.
//
// # What it promises
//
//   - A token gives one key one certificate. Asked again with the same key while it is
//     good, it gives the same certificate again: an answer that was lost on the way costs
//     nothing. Burning the token and keeping the certificate is one commit.
//   - A bank has one board: a token for a bank with a good certificate is not made, and
//     no certificate is signed beside one of another key. Replace revokes first.
//   - What is revoked is refused here at once, and stands in the revocation list, which
//     is written as a whole; brokers read it when their operator says so.
//   - Of a token only the hash is stored. Private keys of banks are never seen.
//
// All methods may be called from any goroutine; the store's transactions order them.
package authority

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/peer"
)

// Options are what an authority stands on.
type Options struct {
	Store    backend.Store
	CA       *CA
	BrokerCA string                          // PEM; "": the CA's own
	Trust    func() (json.RawMessage, error) // key set for banks
	URL      string                          // the endpoint's, as banks reach it; "": they keep theirs
	CRL      func(pem []byte) error          // takes the revocation list
	Life     time.Duration                   // of a bank's certificate; 0: BankLife
	Now      func() time.Time
	Log      *slog.Logger
}

// Authority answers boards and their operator.
type Authority struct {
	o       Options
	loading sync.Mutex
	mu      sync.Mutex
	barred  map[string]bool
}

// New returns an authority.
func New(o Options) *Authority {
	if o.Life <= 0 {
		o.Life = BankLife
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.BrokerCA == "" {
		o.BrokerCA = peer.PEM(o.CA.Cert)
	}
	return &Authority{o: o}
}

// Pin is the fingerprint of the CA, for seeds.
func (a *Authority) Pin() string { return a.o.CA.Pin() }

// CA is the CA's certificate, as PEM.
func (a *Authority) CA() string { return a.o.CA.PEM() }

// Barred tells whether a bank has been revoked and not enrolled again since. A bank that has
// never been enrolled here is not: it may log in otherwise. Load must have been called.
func (a *Authority) Barred(bank string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.barred[bank]
}

// Load reads from the store which banks are barred. After that it is kept by who changes it.
func (a *Authority) Load() error {
	a.loading.Lock() // who reads last, reads the newest
	defer a.loading.Unlock()
	barred, good := map[string]bool{}, map[string]bool{}
	err := a.o.Store.View(func(r backend.Reader) error {
		return each(r, 'c', func(_ string, c *certificate) bool {
			if c.Revoked.IsZero() {
				good[c.Bank] = true
			} else {
				barred[c.Bank] = true
			}
			return true
		})
	})
	if err != nil {
		return err
	}
	maps.DeleteFunc(barred, func(bank string, _ bool) bool { return good[bank] })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.barred = barred
	return nil
}

// reserved are names that the broker's ACL gives more than a bank's rights.
func reserved(name string) bool { return name == "backend" || name == "watch" }

func checkBank(bank string) error {
	if !locker.ValidBank(bank) {
		return enrol.Refuse(enrol.Malformed, "use 1 to 32 of a-z, 0-9 and -, the first no dash", "cannot take %q for the name of a bank", bank)
	}
	if reserved(bank) {
		return enrol.Refuse(enrol.Malformed, "name the bank otherwise", "cannot enrol a bank of the name %s: the broker would take it for the fleet's own", bank)
	}
	return nil
}

// Enrol gives a board its first certificate.
func (a *Authority) Enrol(r *enrol.Request) (*enrol.Grant, error) {
	bank, pub, err := enrol.ParseCSR(r.CSR)
	if err != nil {
		return nil, enrol.Refuse(enrol.Malformed, "use one version of lockerd and lockerctl", "cannot read the request of a board: %s", err)
	}
	if err := checkBank(bank); err != nil {
		return nil, err
	}
	id, err := enrol.KeyID(pub)
	if err != nil {
		return nil, err
	}
	hash := enrol.TokenHash(strings.ToLower(strings.TrimSpace(r.Token)))
	var cert *x509.Certificate
	err = a.o.Store.Update(func(tx backend.Tx) error {
		t, err := get[token](tx, key('t', hash))
		if err != nil {
			return err
		}
		if err := a.judge(t, bank, id); err != nil {
			return err
		}
		if !t.Used.IsZero() {
			cert, err = a.again(tx, t.Serial)
			return err
		}
		if err := a.mayHave(tx, bank, id); err != nil {
			return err
		}
		if cert, err = a.issue(tx, bank, id, pub, "token"); err != nil {
			return err
		}
		t.Used, t.Key, t.Serial = a.o.Now().UTC(), id, enrol.Serial(cert)
		return put(tx, key('t', hash), t)
	})
	if err != nil {
		return nil, err
	}
	return a.grant(bank, cert)
}

// young is the part of a life in which a certificate is given again instead of a new
// one: to a board whose answer was lost, and to one that does not know the time. It
// bounds how many a bank can have.
const young = 6

// Renew gives the bank of a certificate a new one for the same key. Whoever calls it has
// seen that the other end has the key.
func (a *Authority) Renew(shown []*x509.Certificate) (*enrol.Grant, error) {
	unknown := enrol.Refuse(enrol.Unknown, "lockerctl enrol token --bank BANK, and the token on the card", "cannot renew a certificate: the operator has not given it")
	if len(shown) == 0 {
		return nil, enrol.Refuse(enrol.Unknown, "renew by the bank's present certificate", "cannot renew a certificate: none was shown")
	}
	serial := enrol.Serial(shown[0])
	if shown[0].CheckSignatureFrom(a.o.CA.Cert) != nil {
		return nil, unknown
	}
	var cert *x509.Certificate
	bank := ""
	err := a.o.Store.Update(func(tx backend.Tx) error {
		c, err := get[certificate](tx, key('c', serial))
		if c == nil && err == nil {
			c, err = a.lost(tx, shown[0])
		}
		switch now := a.o.Now(); {
		case err != nil:
			return err
		case c == nil:
			return unknown
		case !c.Revoked.IsZero():
			return refuseRevoked(c, serial)
		case now.After(c.Until.Add(Grace)):
			return enrol.Refuse(enrol.Expired, another(c.Bank), "cannot renew the certificate of %s: it expired at %s, too long ago", c.Bank, stamp(c.Until))
		}
		bank = c.Bank
		if err := a.mayHave(tx, bank, c.Key); err != nil {
			return err
		}
		all, err := a.live(tx, bank)
		if err != nil {
			return err
		}
		for _, last := range all {
			if last.Key == c.Key && a.o.Now().Sub(last.Made) < a.o.Life/young {
				cert, err = x509.ParseCertificate(last.DER)
				return err
			}
		}
		cert, err = a.issue(tx, bank, c.Key, shown[0].PublicKey, "renewal")
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.grant(bank, cert)
}

// Sign gives a certificate to a request that was carried here. Whoever calls it vouches
// for the way it came.
func (a *Authority) Sign(csr, bank string) (*enrol.Grant, string, error) {
	name, pub, err := enrol.ParseCSR(csr)
	if err != nil {
		return nil, "", enrol.Refuse(enrol.Malformed, "lockerctl enrol request at the board writes one", "cannot read the request: %s", err)
	}
	if bank != "" && name != bank {
		return nil, "", enrol.Refuse(enrol.WrongBank, "is it the right file? Without --bank its own name is taken", "cannot sign the request for %s: it is of %q", bank, name)
	}
	if err := checkBank(name); err != nil {
		return nil, "", err
	}
	id, err := enrol.KeyID(pub)
	if err != nil {
		return nil, "", err
	}
	var cert *x509.Certificate
	err = a.o.Store.Update(func(tx backend.Tx) error {
		if err := a.mayHave(tx, name, id); err != nil {
			return err
		}
		cert, err = a.issue(tx, name, id, pub, "stick")
		return err
	})
	if err != nil {
		return nil, "", err
	}
	g, err := a.grant(name, cert)
	return g, id, err
}

func (a *Authority) grant(bank string, cert *x509.Certificate) (*enrol.Grant, error) {
	if a.Barred(bank) {
		if err := a.Load(); err != nil {
			return nil, err
		}
	}
	g := &enrol.Grant{
		V: enrol.Version, Bank: bank, Certificate: peer.PEM(cert), CA: peer.PEM(a.o.CA.Cert), BrokerCA: a.o.BrokerCA, URL: a.o.URL,
	}
	if a.o.Trust == nil {
		return g, nil
	}
	var err error
	if g.Trust, err = a.o.Trust(); err != nil {
		return nil, err
	}
	return g, nil
}

// Service signs for one of the fleet's own: a server with its hosts, or a client whose
// name the broker's ACL knows.
func (a *Authority) Service(name string, hosts []string, pub *ecdsa.PublicKey) (*x509.Certificate, error) {
	use := x509.ExtKeyUsageServerAuth
	if len(hosts) == 0 {
		if use = x509.ExtKeyUsageClientAuth; !reserved(name) {
			return nil, enrol.Refuse(enrol.Malformed, "use backend or watch; --host makes a server's; a bank enrols with a token", "cannot make a client's certificate for %q", name)
		}
	}
	return a.o.CA.leaf(name, pub, a.o.Now(), HostLife, hosts, use)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
