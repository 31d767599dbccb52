package fleet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

const enrolInitHelp = `Makes a CA of its own for banks, broker and endpoint, beside the state: FILE.ca.key (keep a
copy where only you can read it), FILE.ca.pem, and FILE.crl.pem, the revocation list that
the broker reads (mosquitto: crlfile). Called again it keeps the CA and changes what is named.
  --url        the endpoint as banks reach it; its host goes into the endpoint's certificate
  --broker-ca  the CA that the broker's certificate is of, where it is not this one
  --crl        where the revocation list is written (the broker must be able to read it)
  --life       of banks' certificates (90d); renewed when two thirds are over
  --new-ca     makes another CA: every bank has to enrol anew`

// enrolDone is the document of init.
type enrolDone struct {
	CA   string `json:"ca"` // fingerprint
	URL  string `json:"url"`
	Cert string `json:"certificate"`
	CRL  string `json:"crl"`
}

func enrolInitVerb(fs *flag.FlagSet) action {
	address := fs.String("url", "", "`address` of the endpoint, as banks reach it")
	name := fs.String("name", "", "`name` of the CA (lockers)")
	brokerCA := fs.String("broker-ca", "", "`file` with the CA of the broker")
	crl := fs.String("crl", "", "`file` for the revocation list")
	var life ui.TTL
	fs.Var(&life, "life", "of a bank's certificate")
	anew := fs.Bool("new-ca", false, "make another CA in place of the one there is")
	return func(_ context.Context, c *call) error {
		if err := c.check(); err != nil {
			return err
		}
		e, err := readEnrolment(c.state)
		if errors.Is(err, errNotSet) {
			e, err = &enrolment{V: 1, Name: "lockers", CRL: enrolPath(c.state, crlSuffix), Life: authority.BankLife.String()}, nil
		}
		if err != nil {
			return err
		}
		if err := e.change(*address, *name, *brokerCA, *crl, time.Duration(life)); err != nil {
			return err
		}
		keys, err := readKeys(keyPath(c.state))
		if err != nil {
			return err
		}
		if !keys.owns(locker.SetOperator) {
			return fail("cannot set enrolment up: banks would be given no keys to trust", "first lockerctl fleet keys new")
		}
		if newClient(socketPath(c.state)).there(context.Background()) {
			return fail("cannot change the CA's settings while lockerctl fleet serve runs", "stop it, then again")
		}
		ca, err := initEnrolment(c.state, e, *anew)
		if err != nil {
			return err
		}
		if err := c.firstList(); err != nil {
			return err
		}
		d := enrolDone{ca.Pin(), e.URL, enrolPath(c.state, caCertSuffix), e.CRL}
		return c.print(d, func(p *ui.Page) {
			t := &ui.Table{}
			t.Row(ui.Plain("CA"), ui.Plain(d.Cert+" "+d.CA))
			t.Row(ui.Plain("its key"), ui.Plain(enrolPath(c.state, caKeySuffix)+" (keep a copy where only you can read it)"))
			t.Row(ui.Plain("for the broker"), ui.Plain(d.CRL+" (mosquitto: crlfile), and "+d.Cert+" (cafile)"))
			t.Row(ui.Plain("endpoint"), ui.Plain(d.URL+": lockerctl fleet serve --enrol :PORT"))
			p.Table(t)
		})
	}
}

// change takes what was named.
func (e *enrolment) change(address, name, brokerCA, crl string, life time.Duration) error {
	if address != "" {
		e.URL = strings.TrimSuffix(address, "/")
	}
	if u, err := url.Parse(e.URL); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return ui.Usagef("--url names where banks enrol, as https://enrol.example.com:8443")
	}
	if name != "" {
		e.Name = name
	}
	if brokerCA != "" {
		raw, err := os.ReadFile(brokerCA)
		if err != nil {
			return fmt.Errorf("cannot read the broker's CA: %w", err)
		}
		certs := peer.Certificates(raw)
		if len(certs) == 0 {
			return fail("cannot use %s: it holds no certificate in PEM", "name the file that mosquitto_sub --cafile takes", brokerCA)
		}
		e.BrokerCA = peer.PEM(certs...)
	}
	if crl != "" {
		full, err := filepath.Abs(crl)
		if err != nil {
			return err
		}
		e.CRL = full
	}
	if life != 0 {
		if life < lifeLeast || life > lifeMost {
			return ui.Usagef("--life is %s to %s", lifeLeast, ui.Span(lifeMost))
		}
		e.Life = life.String()
	}
	return nil
}

// firstList writes the revocation list: a broker that is told of one refuses everybody
// without.
func (c *call) firstList() error {
	quiet := c.globals
	quiet.broker = ""
	s, err := openStation(context.Background(), &quiet, "", nil)
	if err != nil {
		return err
	}
	a, _, err := s.authority()
	if err == nil {
		err = a.WriteCRL()
	}
	return errors.Join(err, s.close())
}
