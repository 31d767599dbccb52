package authority

import (
	"encoding/json"
	"fmt"
	"time"

	"lockerd/sync/backend"
)

// Records lie in the backend's store under the letter I, which it leaves to us:
//
//	I t hash    → token
//	I c serial  → certificate
//	I b bank    → serials of the bank's certificates, the newest first
//	I k key     → why no certificate is given to that key any more
//	I r serial  → revoked, until it has run out anyhow
//	I x bank    → what lay behind the doors of a board that was replaced
const letter = 'I'

func key(kind byte, name string) []byte { return append([]byte{letter, kind, 0}, name...) }

// token is what is kept of one: never its text.
type token struct {
	Bank    string    `json:"bank"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"`
	Key     string    `json:"key,omitempty"` // that used it
	Serial  string    `json:"serial,omitempty"`
	Void    bool      `json:"void,omitempty"` // withdrawn by a replacement
}

// certificate is one that was given.
type certificate struct {
	Bank    string    `json:"bank"`
	Key     string    `json:"key"`
	DER     []byte    `json:"der"`
	Made    time.Time `json:"made"`
	Until   time.Time `json:"until"`
	How     string    `json:"how"` // token, renewal, stick
	Revoked time.Time `json:"revoked,omitzero"`
	Why     string    `json:"why,omitempty"`
}

type serials struct {
	List []string `json:"list"`
}

type revocation struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

func get[T any](r backend.Reader, k []byte) (*T, error) {
	raw, err := r.Get(k)
	if err != nil || raw == nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("cannot read the record %q of the store: %w; bring it back from a backup", k, err)
	}
	return v, nil
}

func put(tx backend.Tx, k []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(k, raw)
}

// each calls do for every record of a kind, until it returns false.
func each[T any](r backend.Reader, kind byte, do func(name string, v *T) bool) error {
	prefix := key(kind, "")
	var inner error
	err := r.Scan(prefix, nil, func(k, raw []byte) bool {
		v := new(T)
		if inner = json.Unmarshal(raw, v); inner != nil {
			inner = fmt.Errorf("cannot read the record %q of the store: %w; bring it back from a backup", k, inner)
			return false
		}
		return do(string(k[len(prefix):]), v)
	})
	if err != nil {
		return err
	}
	return inner
}
