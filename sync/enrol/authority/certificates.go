package authority

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
)

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
