package fleet

import (
	"context"
	"errors"
	"time"

	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

// enrolOperations are those of lockerctl enrol and replace.
func enrolOperations() map[string]operation {
	return map[string]operation{
		"enrol.token":   on(opEnrolToken),
		"enrol.sign":    on(opEnrolSign),
		"enrol.list":    on(opEnrolList),
		"enrol.revoke":  on(opEnrolRevoke),
		"enrol.service": on(opEnrolService),
		"enrol.replace": on(opEnrolReplace),
		"enrol.kept":    on(opEnrolKept),
		"enrol.told":    on(opEnrolTold),
	}
}

type tokenRequest struct {
	Bank string        `json:"bank"`
	TTL  time.Duration `json:"ttl"`
}

// madeToken is a token with where to show it.
type madeToken struct {
	authority.Token
	URL string `json:"url"`
	CA  string `json:"ca"` // fingerprint
}

func opEnrolToken(_ context.Context, s *station, r *tokenRequest) (madeToken, error) {
	a, e, err := s.authority()
	if err != nil {
		return madeToken{}, err
	}
	t, err := a.Token(r.Bank, r.TTL)
	return madeToken{t, e.URL, a.Pin()}, worded(err)
}

type signRequest struct {
	CSR  string `json:"csr"`
	Bank string `json:"bank,omitempty"`
}

type signed struct {
	Grant enrol.Grant `json:"grant"`
	Key   string      `json:"key"`
}

func opEnrolSign(_ context.Context, s *station, r *signRequest) (signed, error) {
	a, _, err := s.authority()
	if err != nil {
		return signed{}, err
	}
	g, id, err := a.Sign(r.CSR, r.Bank)
	if err != nil {
		return signed{}, worded(err)
	}
	return signed{*g, id}, nil
}

func opEnrolList(_ context.Context, s *station, q *bankQuery) ([]authority.Line, error) {
	a, _, err := s.authority()
	if err != nil {
		return nil, err
	}
	return a.List(q.Bank)
}

type revokeCertificate struct {
	Bank   string `json:"bank"`
	Serial string `json:"serial,omitempty"`
	Why    string `json:"why"`
}

type revokedCertificates struct {
	Bank    string   `json:"bank"`
	Serials []string `json:"serials"`
	CRL     string   `json:"crl"`
}

func opEnrolRevoke(_ context.Context, s *station, r *revokeCertificate) (revokedCertificates, error) {
	a, e, err := s.authority()
	if err != nil {
		return revokedCertificates{}, err
	}
	if err := enrolled(a, r.Bank); err != nil {
		return revokedCertificates{}, fail("cannot revoke the board of %s: %s", "lockerctl enrol list shows which have", r.Bank, err)
	}
	gone, err := a.Revoke(r.Bank, r.Serial, r.Why)
	return revokedCertificates{r.Bank, gone, e.CRL}, worded(err)
}

// enrolled is an error if nothing has ever been made for a bank of that name: whoever
// mistypes it would take a stolen board for revoked.
func enrolled(a *authority.Authority, bank string) error {
	lines, err := a.List(bank)
	if err == nil && len(lines) == 0 {
		err = errors.New("that name has neither a certificate nor a token here")
	}
	return err
}

type serviceRequest struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts,omitempty"`
	CSR   string   `json:"csr"` // the key is made by who asks
}

type serviceGrant struct {
	Certificate string `json:"certificate"`
	CA          string `json:"ca"`
}

func opEnrolService(_ context.Context, s *station, r *serviceRequest) (serviceGrant, error) {
	a, _, err := s.authority()
	if err != nil {
		return serviceGrant{}, err
	}
	_, pub, err := enrol.ParseCSR(r.CSR)
	if err != nil {
		return serviceGrant{}, err
	}
	cert, err := a.Service(r.Name, r.Hosts, pub)
	if err != nil {
		return serviceGrant{}, worded(err)
	}
	return serviceGrant{peer.PEM(cert), a.CA()}, nil
}

// worded makes a refusal the failure it is for who runs lockerctl.
func worded(err error) error {
	if r, ok := errors.AsType[*enrol.Refusal](err); ok {
		return &failure{Text: r.Text, Cure: r.Cure}
	}
	return err
}

// replaced is what came of a replacement.
type replaced struct {
	madeToken
	Revoked []string `json:"revoked"` // serials
	CRL     string   `json:"crl"`
	Kept    int      `json:"kept"` // items known behind its doors
}

func opEnrolReplace(_ context.Context, s *station, r *tokenRequest) (replaced, error) {
	a, e, err := s.authority()
	if err != nil {
		return replaced{}, err
	}
	if err := enrolled(a, r.Bank); err != nil && !heard(s, r.Bank) {
		return replaced{}, fail("cannot replace the board of %s: %s", "lockerctl enrol list shows which have; the first board of a bank: lockerctl enrol token --bank "+r.Bank, r.Bank, err)
	}
	keep, n, err := s.contents(r.Bank)
	if err != nil {
		return replaced{}, err
	}
	t, gone, err := a.Replace(r.Bank, r.TTL, keep)
	return replaced{madeToken{t, e.URL, a.Pin()}, gone, e.CRL, n}, worded(err)
}
