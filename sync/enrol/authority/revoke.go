package authority

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"time"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
)

// Revoke ends a bank's certificates and keys, and withdraws the bank's tokens that were
// not used. With a serial it ends that certificate's key, which means all certificates
// of that key: whoever has one has the others. It returns the serials, also those that
// had been revoked before.
func (a *Authority) Revoke(bank, serial, why string) ([]string, error) {
	var gone []string
	err := a.o.Store.Update(func(tx backend.Tx) error {
		list, err := a.of(tx, bank)
		if err != nil {
			return err
		}
		owner := ""
		for _, c := range list {
			if c.serial == serial {
				owner = c.Key
			}
		}
		for _, c := range list {
			if serial != "" && c.Key != owner || a.o.Now().After(c.Until.Add(Grace)) {
				continue // nobody takes it any more
			}
			gone = append(gone, c.serial)
			if err := a.revoke(tx, c, why); err != nil {
				return err
			}
		}
		if serial != "" {
			return nil
		}
		return a.withdraw(tx, bank)
	})
	if err == nil && serial != "" && len(gone) == 0 {
		err = enrol.Refuse(enrol.Unknown, "lockerctl enrol list --bank "+bank+" shows them", "cannot revoke certificate %s of %s: there is none that is still good", serial, bank)
	}
	if err != nil {
		return nil, err
	}
	if len(gone) > 0 {
		if err := a.Load(); err != nil {
			return gone, err
		}
	}
	return gone, a.WriteCRL()
}

func (a *Authority) revoke(tx backend.Tx, c held, why string) error {
	if !c.Revoked.IsZero() {
		return nil
	}
	now := a.o.Now().UTC()
	c.Revoked, c.Why = now, why
	if err := put(tx, key('c', c.serial), c.certificate); err != nil {
		return err
	}
	if err := put(tx, key('k', c.Key), revocation{now, c.Until}); err != nil {
		return err
	}
	return put(tx, key('r', c.serial), revocation{now, c.Until.Add(Grace)})
}

// withdraw makes unused tokens of a bank worthless.
func (a *Authority) withdraw(tx backend.Tx, bank string) error {
	open := map[string]*token{}
	if err := each(tx, 't', func(hash string, t *token) bool {
		if t.Bank == bank && t.Used.IsZero() && !t.Void {
			open[hash] = t
		}
		return true
	}); err != nil {
		return err
	}
	for hash, t := range open {
		t.Void = true
		if err := put(tx, key('t', hash), t); err != nil {
			return err
		}
	}
	return nil
}

// Replace revokes what a bank's board has and makes a token for the next one. keep, if
// not empty, is what lay behind the doors, to be read by Kept.
func (a *Authority) Replace(bank string, ttl time.Duration, keep []byte) (Token, []string, error) {
	if err := checkBank(bank); err != nil {
		return Token{}, nil, err
	}
	t, err := a.newToken(bank, ttl)
	if err != nil {
		return Token{}, nil, err
	}
	gone, err := a.Revoke(bank, "", "its board was replaced")
	if err != nil {
		return Token{}, nil, err
	}
	return t, gone, a.o.Store.Update(func(tx backend.Tx) error {
		if len(keep) > 0 {
			if err := tx.Put(key('x', bank), keep); err != nil {
				return err
			}
		}
		return a.keep(tx, t)
	})
}

// Kept returns what the last Replace of a bank was given to keep, nil if nothing.
func (a *Authority) Kept(bank string) (kept []byte, err error) {
	err = a.o.Store.View(func(r backend.Reader) error {
		raw, err := r.Get(key('x', bank))
		kept = bytes.Clone(raw)
		return err
	})
	return kept, err
}

// Forget ends what is kept of a bank.
func (a *Authority) Forget(bank string) error {
	return a.o.Store.Update(func(tx backend.Tx) error { return tx.Delete(key('x', bank)) })
}

// WriteCRL writes the revocation list as it is now. Who is on it beyond its grace is
// left out.
func (a *Authority) WriteCRL() error {
	if a.o.CRL == nil {
		return nil
	}
	now := a.o.Now()
	var list []x509.RevocationListEntry
	err := a.o.Store.View(func(r backend.Reader) error {
		return each(r, 'r', func(serial string, v *revocation) bool {
			n, ok := new(big.Int).SetString(serial, 16)
			if ok && now.Before(v.Until) {
				list = append(list, x509.RevocationListEntry{SerialNumber: n, RevocationTime: v.At})
			}
			return true
		})
	})
	if err != nil {
		return err
	}
	pem, err := a.o.CA.crl(list, now)
	if err != nil {
		return err
	}
	return a.o.CRL(pem)
}

// Line is one certificate or token as it is listed.
type Line struct {
	Bank   string    `json:"bank"`
	Serial string    `json:"serial,omitempty"` // "": a token that was not used
	Key    string    `json:"key,omitempty"`
	How    string    `json:"how"`
	Made   time.Time `json:"made"`
	Until  time.Time `json:"until"`
	State  string    `json:"state"` // good, expired, revoked, open, withdrawn
	Why    string    `json:"why,omitempty"`
}

// List returns certificates and unused tokens, of one bank if it is named.
func (a *Authority) List(bank string) ([]Line, error) {
	lines := []Line{}
	now := a.o.Now()
	err := a.o.Store.View(func(r backend.Reader) error {
		err := each(r, 'c', func(serial string, c *certificate) bool {
			if bank != "" && c.Bank != bank {
				return true
			}
			l := Line{Bank: c.Bank, Serial: serial, Key: c.Key, How: c.How, Made: c.Made, Until: c.Until, State: "good", Why: c.Why}
			switch {
			case !c.Revoked.IsZero():
				l.State = "revoked"
			case now.After(c.Until):
				l.State = "expired"
			}
			lines = append(lines, l)
			return true
		})
		if err != nil {
			return err
		}
		return each(r, 't', func(_ string, t *token) bool {
			if bank != "" && t.Bank != bank || !t.Used.IsZero() {
				return true
			}
			l := Line{Bank: t.Bank, How: "token", Made: t.Made, Until: t.Expires, State: "open"}
			switch {
			case t.Void:
				l.State = "withdrawn"
			case !now.Before(t.Expires):
				l.State = "expired"
			}
			lines = append(lines, l)
			return true
		})
	})
	return lines, err
}
