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
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/peer"
)

// Bounds of a token's life.
const (
	TokenLeast = time.Minute
	TokenMost  = 30 * 24 * time.Hour
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

// Token is a new token. Its text is nowhere else.
type Token struct {
	Bank    string    `json:"bank"`
	Text    string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// Token makes one for a bank that has no good certificate.
func (a *Authority) Token(bank string, ttl time.Duration) (Token, error) {
	if err := checkBank(bank); err != nil {
		return Token{}, err
	}
	t, err := a.newToken(bank, ttl)
	if err != nil {
		return Token{}, err
	}
	return t, a.o.Store.Update(func(tx backend.Tx) error {
		live, err := a.live(tx, bank)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			return enrolled(bank, live[0])
		}
		return a.keep(tx, t)
	})
}

func enrolled(bank string, c held) error {
	return enrol.Refuse(enrol.Enrolled, "lockerctl replace --bank "+bank+" revokes it and makes a token for the new board",
		"cannot let another board be %s: it has a certificate, %s, good till %s", bank, c.serial, stamp(c.Until))
}

func (a *Authority) newToken(bank string, ttl time.Duration) (Token, error) {
	if ttl < TokenLeast || ttl > TokenMost {
		return Token{}, enrol.Refuse(enrol.Malformed, "use 1m to 30d", "cannot make a token that is good for %s", ttl)
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return Token{}, fmt.Errorf("cannot make a token: %w", err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	return Token{bank, strings.ToLower(text), a.o.Now().Add(ttl).UTC().Truncate(time.Second)}, nil
}

func (a *Authority) keep(tx backend.Tx, t Token) error {
	if err := a.sweep(tx); err != nil {
		return err
	}
	return put(tx, key('t', enrol.TokenHash(t.Text)), token{Bank: t.Bank, Made: a.o.Now().UTC(), Expires: t.Expires})
}

// tokenKept is how long after its end a token is remembered, to be refused by name.
const tokenKept = 90 * 24 * time.Hour

// sweep forgets tokens that nobody will show any more.
func (a *Authority) sweep(tx backend.Tx) error {
	var gone []string
	err := each(tx, 't', func(hash string, t *token) bool {
		if a.o.Now().After(t.Expires.Add(tokenKept)) {
			gone = append(gone, hash)
		}
		return true
	})
	for _, hash := range gone {
		err = errors.Join(err, tx.Delete(key('t', hash)))
	}
	return err
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

func another(bank string) string {
	return "lockerctl enrol token --bank " + bank + " makes one; put it on the card"
}

// judge tells whether a token is good for a bank and a key. What it says of a token is
// told only to who has its text.
func (a *Authority) judge(t *token, bank, id string) error {
	switch {
	case t == nil:
		return enrol.Refuse(enrol.UnknownToken, another(bank), "cannot enrol %s: the operator knows no such token", bank)
	case t.Bank != bank:
		return enrol.Refuse(enrol.WrongBank, "is this the right card for this board? "+another(bank), "cannot enrol %s: the token was made for another bank", bank)
	case t.Void:
		return enrol.Refuse(enrol.Withdrawn, another(bank), "cannot enrol %s: its token was withdrawn", bank)
	case !t.Used.IsZero() && t.Key != id:
		return enrol.Refuse(enrol.TokenUsed, "if that board is not yours, its certificate is a thief's: lockerctl replace --bank "+bank+" revokes it and makes a new token",
			"cannot enrol %s: its token was used by another board at %s", bank, stamp(t.Used))
	case !a.o.Now().Before(t.Expires):
		return enrol.Refuse(enrol.TokenExpired, another(bank), "cannot enrol %s: its token expired at %s", bank, stamp(t.Expires))
	}
	return nil
}

// again is the certificate that a token has given already.
func (a *Authority) again(r backend.Reader, serial string) (*x509.Certificate, error) {
	c, err := get[certificate](r, key('c', serial))
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("cannot find the certificate %s in the store; bring the store back from a backup", serial)
	}
	if !c.Revoked.IsZero() {
		return nil, refuseRevoked(c, serial)
	}
	return x509.ParseCertificate(c.DER)
}

func refuseRevoked(c *certificate, serial string) error {
	return enrol.Refuse(enrol.Revoked, "if this is the right board: lockerctl replace --bank "+c.Bank+", and its token on a new card",
		"cannot serve %s: its certificate %s was revoked at %s (%s)", c.Bank, serial, stamp(c.Revoked), c.Why)
}

// mayHave tells whether a key may be a bank's: not one of a revoked board, and none
// beside another board that is good.
func (a *Authority) mayHave(r backend.Reader, bank, id string) error {
	gone, err := get[revocation](r, key('k', id))
	if err != nil {
		return err
	}
	if gone != nil {
		return enrol.Refuse(enrol.KeyRevoked, "lockerctl enrol request --new makes a new key; by network the board makes one for each token",
			"cannot give %s a certificate: this key was revoked at %s", bank, stamp(gone.At))
	}
	live, err := a.live(r, bank)
	if err != nil {
		return err
	}
	for _, c := range live {
		if c.Key != id {
			return enrolled(bank, c)
		}
	}
	return nil
}

// issue signs and keeps a certificate.
func (a *Authority) issue(tx backend.Tx, bank, id string, pub crypto.PublicKey, how string) (*x509.Certificate, error) {
	now := a.o.Now()
	cert, err := a.o.CA.leaf(bank, pub, now, a.o.Life, nil, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, err
	}
	serial := enrol.Serial(cert)
	if err := put(tx, key('c', serial), certificate{Bank: bank, Key: id, DER: cert.Raw, Made: now.UTC(), Until: cert.NotAfter, How: how}); err != nil {
		return nil, err
	}
	all, err := get[serials](tx, key('b', bank))
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = &serials{}
	}
	all.List = slices.Insert(all.List, 0, serial)
	// Only what nobody takes any more is forgotten: the rest may have to be revoked.
	all.List = slices.DeleteFunc(all.List, func(old string) bool {
		c, gerr := get[certificate](tx, key('c', old))
		if gerr == nil && (c == nil || now.After(c.Until.Add(Grace))) {
			gerr = tx.Delete(key('c', old))
			err = errors.Join(err, gerr)
			return gerr == nil
		}
		err = errors.Join(err, gerr)
		return false
	})
	if err != nil {
		return nil, err
	}
	return cert, put(tx, key('b', bank), all)
}

// held is a certificate with its serial.
type held struct {
	certificate
	serial string
}

// of returns a bank's certificates, the newest first.
func (a *Authority) of(r backend.Reader, bank string) ([]held, error) {
	all, err := get[serials](r, key('b', bank))
	if err != nil || all == nil {
		return nil, err
	}
	var list []held
	for _, serial := range all.List {
		c, err := get[certificate](r, key('c', serial))
		if err != nil {
			return nil, err
		}
		if c != nil {
			list = append(list, held{*c, serial})
		}
	}
	return list, nil
}

// live returns those of a bank that a broker would take.
func (a *Authority) live(r backend.Reader, bank string) ([]held, error) {
	list, err := a.of(r, bank)
	now := a.o.Now()
	return slices.DeleteFunc(list, func(c held) bool { return !c.Revoked.IsZero() || now.After(c.Until) }), err
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

// lost makes the record of a certificate that we have given and know nothing of: the store
// came back from a backup that is older. A renewal keeps the key, so its bank is known by
// that; a board that has enrolled since is not, and needs a token.
func (a *Authority) lost(r backend.Reader, shown *x509.Certificate) (*certificate, error) {
	id, err := enrol.KeyID(shown.PublicKey)
	if err != nil {
		return nil, err
	}
	list, err := a.of(r, shown.Subject.CommonName)
	for _, h := range list {
		if h.Key == id {
			h.Until = shown.NotAfter
			return &h.certificate, err
		}
	}
	return nil, err
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

// ServicePEM is Service, with the CA's certificate.
func (a *Authority) ServicePEM(name string, hosts []string, pub *ecdsa.PublicKey) (cert, ca string, err error) {
	c, err := a.Service(name, hosts, pub)
	if err != nil {
		return "", "", err
	}
	return peer.PEM(c), a.o.CA.PEM(), nil
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
