package identity

import (
	"os"

	"lockerd/daemon/locker"
	"lockerd/sync/enrol"
)

// Status is the identity in words.
type Status struct {
	Bank    string      `json:"bank"`
	Serial  string      `json:"serial,omitempty"`
	Key     string      `json:"key,omitempty"` // KeyID
	From    locker.Time `json:"from,omitzero"`
	Until   locker.Time `json:"until,omitzero"`
	Renew   locker.Time `json:"renew,omitzero"`
	URL     string      `json:"url,omitempty"`
	Why     string      `json:"why,omitempty"` // there is no certificate, or no newer one
	Waiting bool        `json:"seed"`          // a seed waits to be used
}

// Status returns it.
func (i *Identity) Status() Status {
	s := Status{Bank: i.o.Bank}
	if sown, err := i.seed.read(); err == nil && sown != nil {
		s.Waiting = true
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	told, err := os.ReadFile(i.path(whyFile))
	if s.Why = string(told); i.cert == nil {
		if err != nil {
			s.Why = i.why
		}
		return s
	}
	leaf := i.cert.Leaf
	s.Serial, s.URL = enrol.Serial(leaf), i.address(i.rec)
	s.Key, _ = enrol.KeyID(leaf.PublicKey) // it was parsed from one
	s.From, s.Until, s.Renew = locker.TimeOf(leaf.NotBefore), locker.TimeOf(leaf.NotAfter), locker.TimeOf(enrol.RenewAt(leaf))
	return s
}

// Finding judges a status for the bank's self-test at bank time.
func (s *Status) Finding(now locker.Time) (ok bool, text, cure string) {
	const more = "lockerctl enrol status says what was answered; without a network: lockerctl enrol help request"
	switch {
	case s.Serial == "":
		return false, "there is none: " + s.Why, more
	case now > s.Until:
		return false, with("it ran out at "+s.Until.String(), s.Why), more
	case s.Why != "":
		return false, with("it is good until "+s.Until.String()+" and could not be renewed", s.Why), more
	case s.Waiting:
		return false, "there is one, and the seed still lies on the card", "may lockerd write it? Its token is worthless by now: erase it"
	}
	return true, "good until " + s.Until.String(), ""
}

func with(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + why
}
