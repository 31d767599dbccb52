package authority

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
)

// Bounds of a token's life.
const (
	TokenLeast = time.Minute
	TokenMost  = 30 * 24 * time.Hour
)

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
