package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockerd/store/durable"
	"lockerd/sync/enrol/authority"
)

// enrolment is what the authority of a fleet is set up with: a file beside the state.
type enrolment struct {
	V        int    `json:"v"`
	Name     string `json:"name"` // of the CA
	URL      string `json:"url"`  // of the endpoint, as banks reach it
	BrokerCA string `json:"broker_ca,omitempty"`
	CRL      string `json:"crl"` // file that the broker reads
	Life     string `json:"life"`
}

// Files of the authority, beside the state.
func enrolPath(state, suffix string) string {
	return strings.TrimSuffix(state, filepath.Ext(state)) + suffix
}

const (
	caCertSuffix = ".ca.pem"
	caKeySuffix  = ".ca.key"
	setSuffix    = ".enrol.json"
	crlSuffix    = ".crl.pem"
)

// Bounds of a certificate's life.
const (
	lifeLeast = 5 * time.Second // for trials
	lifeMost  = 398 * 24 * time.Hour
)

var errNotSet = fail("cannot enrol anybody yet: there is no CA", "lockerctl enrol init --url https://enrol.example.com:8443")

func readEnrolment(state string) (*enrolment, error) {
	raw, err := os.ReadFile(enrolPath(state, setSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotSet
	}
	e := &enrolment{}
	if err == nil {
		err = json.Unmarshal(raw, e)
	}
	if err != nil || e.V != 1 {
		return nil, fail("cannot read %s: %v", "put it back from a backup, or lockerctl enrol init once more", enrolPath(state, setSuffix), err)
	}
	return e, nil
}

func (e *enrolment) write(state string) error {
	raw, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(enrolPath(state, setSuffix), append(raw, '\n'), 0o600)
}

func (e *enrolment) life() time.Duration {
	d, err := time.ParseDuration(e.Life)
	if err != nil || d < lifeLeast || d > lifeMost {
		return authority.BankLife
	}
	return d
}

// host is the name that banks know the endpoint by.
func (e *enrolment) host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// loadAuthority opens the fleet's authority on the station's store.
func (s *station) loadAuthority() (*authority.Authority, *enrolment, error) {
	e, err := readEnrolment(s.g.state)
	if err != nil {
		return nil, nil, err
	}
	ca, err := authority.LoadCA(enrolPath(s.g.state, caCertSuffix), enrolPath(s.g.state, caKeySuffix))
	if errors.Is(err, authority.ErrNoCA) {
		return nil, nil, fail("cannot enrol anybody: the CA's key %s is gone", "put it back from a backup; without it: lockerctl enrol init --new-ca, and every bank enrols anew", enrolPath(s.g.state, caKeySuffix))
	}
	if err != nil {
		return nil, nil, err
	}
	a := authority.New(authority.Options{
		Store: s.store, CA: ca, BrokerCA: e.BrokerCA, URL: e.URL, Life: e.life(), Log: s.log, Trust: s.keySet,
		CRL: func(text []byte) error { return durable.WriteFile(e.CRL, text, 0o644) },
	})
	return a, e, a.Load()
}

// keySet is what banks are set up with.
func (s *station) keySet() (json.RawMessage, error) {
	set, err := s.keys.Load().trust()
	if err != nil {
		return nil, err
	}
	raw, err := set.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("cannot write the key set: %w", err)
	}
	return raw, nil
}

// initEnrolment makes the CA, if there is none, and keeps the settings.
func initEnrolment(state string, e *enrolment, anew bool) (*authority.CA, error) {
	certFile, keyFile := enrolPath(state, caCertSuffix), enrolPath(state, caKeySuffix)
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the CA: %w", err)
	}
	ca, err := authority.LoadCA(certFile, keyFile)
	switch {
	case errors.Is(err, authority.ErrNoCA) || err == nil && anew:
		if ca, err = authority.NewCA(e.Name, time.Now()); err != nil {
			return nil, err
		}
		key, err := authority.KeyPEM(ca.Key)
		if err != nil {
			return nil, err
		}
		// The certificate first: a key without one says that it is damaged.
		if err := durable.WriteFile(certFile, []byte(ca.PEM()), 0o644); err != nil {
			return nil, err
		}
		if err := durable.WriteFile(keyFile, key, 0o600); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	return ca, e.write(state)
}
