package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

// enrolProgram is lockerctl enrol.
func enrolProgram() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name: "lockerctl enrol",
		Head: "[--state FILE] [--json] VERB ...",
		Verbs: []*verb{
			{Name: "init", Args: "--url https://enrol.example.com:8443 [flags]", Short: "operator, once: make the CA", Setup: enrolInitVerb, Long: enrolInitHelp},
			{Name: "token", Args: "--bank BANK [--ttl 24h] [--out FILE]", Short: "operator: a one-time token, or the seed with it for a card", Setup: enrolTokenVerb, Long: enrolTokenHelp},
			{Name: "sign", Args: "FILE [--bank BANK] [--out FILE]", Short: "operator: sign a request that came on a stick", Least: 1, Most: 1, Setup: enrolSignVerb, Long: stickHelp},
			{Name: "list", Args: "[--bank BANK]", Short: "operator: certificates and open tokens", Setup: enrolListVerb},
			{Name: "revoke", Args: "--bank BANK [--serial S] [--why TEXT]", Short: "operator: let a board be a bank no longer", Setup: enrolRevokeVerb, Long: enrolRevokeHelp},
			{Name: "service", Args: "--host HOST|--name backend [--out PREFIX]", Short: "operator: key and certificate for the broker or the backend", Setup: enrolServiceVerb, Long: enrolServiceHelp},
			{Name: "replace", Args: "--bank BANK [--ttl 24h] [--out FILE]", Short: "operator: revoke a board, and make a token for the next", Setup: replaceVerb, Long: replaceHelp},
			{Name: "replace contents", Args: "--bank BANK [--uncertain | --show]", Short: "operator: tell the next board what lay behind its doors", Setup: replaceContentsVerb, Long: replaceContentsHelp},
			{Name: "request", Args: "[--config FILE] [--new] [--out FILE]", Short: "board: a request to be carried to the operator", Setup: enrolRequestVerb, Long: stickHelp},
			{Name: "install", Args: "FILE [--config FILE] [--new-ca]", Short: "board: take the certificate that came back", Least: 1, Most: 1, Setup: enrolInstallVerb, Long: stickHelp},
			{Name: "status", Args: "[--config FILE]", Short: "board: which certificate there is, or why none", Setup: enrolStatusVerb},
			{Name: "help", Args: "[VERB]", Short: "how a verb is used", Most: 2, Setup: helpVerb},
		},
		Foot: `
  --state FILE   the fleet's; else $LOCKERCTL_FLEET_STATE; CA and revocation list lie beside it
  --json         print JSON
exit code: 0 done, 1 failed or refused, 2 called wrongly
The endpoint that boards enrol at is part of lockerctl fleet serve (--enrol :8443). The operator's
verbs ask the one that runs on the state; if none does, they work on the state themselves.
`,
	}
}

// EnrolManual returns the man page of lockerctl enrol.
func EnrolManual() []ui.Chapter { return enrolProgram().Manual() }

// registerEnrol declares what of the globals lockerctl enrol needs.
func (g *globals) registerEnrol(fs *flag.FlagSet) {
	fs.StringVar(&g.state, "state", g.state, "file of the fleet's state")
	fs.BoolVar(&g.json, "json", g.json, "print JSON")
}

// office opens a desk for enrolment, which needs no broker.
func (c *call) office(ctx context.Context) (desk, error) {
	quiet := *c
	quiet.broker = ""
	return quiet.at(ctx, "")
}

// enrolAsk carries out one operation.
func (c *call) enrolAsk(ctx context.Context, op string, in, out any) error {
	d, err := c.office(ctx)
	if err != nil {
		return err
	}
	return errors.Join(d.ask(ctx, op, in, out), d.close())
}

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

const enrolTokenHelp = `A token is good once, for one bank, for --ttl (24h, at most 30d); it is shown here and
nowhere else. With --out it is written as the seed that lockerctl flash --seed puts on a
card, or that is copied to seed_file of [identity] on a board with the .deb:
  lockerctl enrol token --bank lon-042 --site "100 Bishopsgate" --out - | lockerctl flash IMAGE CARD --seed -
The board erases it once it has enrolled. A bank whose board has a good certificate gets no
token: lockerctl replace revokes that first.
  --address, --gateway, --dns   a fixed address in place of DHCP
  --wifi SSID --wifi-psk-file F --country GB   the radio in place of the cable`

// seedFlags are what a seed says beside the token.
type seedFlags struct {
	site, out, address, gateway, dns, wifi, pskFile, country string
}

func (f *seedFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.site, "site", "", "`text` that says where the bank stands (the bank's name)")
	fs.StringVar(&f.out, "out", "", "`file` for the seed; -: stdout")
	fs.StringVar(&f.address, "address", "", "`address` of the board with its mask, 192.0.2.17/24")
	fs.StringVar(&f.gateway, "gateway", "", "`address` of the router")
	fs.StringVar(&f.dns, "dns", "", "`addresses` of name servers, with commas between")
	fs.StringVar(&f.wifi, "wifi", "", "`name` of the wireless network")
	fs.StringVar(&f.pskFile, "wifi-psk-file", "", "`file` with its passphrase")
	fs.StringVar(&f.country, "country", "", "`country` the radio is in, GB")
}

// seed makes the seed of a token.
func (f *seedFlags) seed(t *madeToken) ([]byte, error) {
	s := &seed.Seed{
		Bank: t.Bank, Site: f.site, Expires: t.Expires,
		Enrol: seed.Enrol{URL: t.URL, Token: seed.Secret(t.Text), CA: t.CA},
	}
	if s.Site == "" {
		s.Site = t.Bank
	}
	if err := f.network(&s.Network); err != nil {
		return nil, err
	}
	raw, err := seed.Encode(s)
	if err != nil {
		return nil, fail("cannot write the seed: %s", "lockerctl enrol help token", err)
	}
	return raw, nil
}

// dry finds what is wrong before a token is made.
func (f *seedFlags) dry(bank string) error {
	_, err := f.seed(&madeToken{
		authority.Token{Bank: bank, Text: strings.Repeat("x", 26), Expires: time.Now().Truncate(time.Second)}, "https://x", "sha256:" + strings.Repeat("0", 64),
	})
	return err
}

// write writes the seed to its file, if one is named.
func (f *seedFlags) write(t *madeToken) error {
	if f.out == "" || f.out == "-" {
		return nil
	}
	raw, err := f.seed(t)
	if err != nil {
		return err
	}
	return writeWhole(f.out, raw, 0o600)
}

func (f *seedFlags) network(n *seed.Network) (err error) {
	if f.address == "" && f.gateway+f.dns != "" {
		return ui.Usagef("--gateway and --dns go with --address: without it the board asks for all three")
	}
	if f.wifi == "" && f.pskFile+f.country != "" {
		return ui.Usagef("--wifi-psk-file and --country go with --wifi")
	}
	if f.address != "" {
		if n.Address, err = netip.ParsePrefix(f.address); err != nil {
			return ui.Usagef("--address is written as 192.0.2.17/24")
		}
	}
	if f.gateway != "" {
		if n.Gateway, err = netip.ParseAddr(f.gateway); err != nil {
			return ui.Usagef("--gateway is written as 192.0.2.1")
		}
	}
	for text := range strings.SplitSeq(f.dns, ",") {
		if text == "" {
			continue
		}
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return ui.Usagef("--dns is written as 192.0.2.53,192.0.2.54")
		}
		n.DNS = append(n.DNS, a)
	}
	if f.wifi == "" {
		return nil
	}
	n.Wifi = &seed.Wifi{SSID: f.wifi, Country: f.country}
	if f.pskFile != "" {
		raw, err := os.ReadFile(f.pskFile)
		if err != nil {
			return fmt.Errorf("cannot read the passphrase: %w", err)
		}
		n.Wifi.PSK = seed.Secret(strings.TrimRight(string(raw), "\r\n"))
	}
	return nil
}

func enrolTokenVerb(fs *flag.FlagSet) action {
	bank := fs.String("bank", "", "`name` of the bank")
	ttl := ui.TTL(defaultTTL)
	fs.Var(&ttl, "ttl", "how long the token is good")
	f := &seedFlags{}
	f.register(fs)
	return func(ctx context.Context, c *call) error {
		if err := needBank(*bank); err != nil {
			return err
		}
		if err := f.dry(*bank); err != nil {
			return err
		}
		var t madeToken
		if err := c.enrolAsk(ctx, "enrol.token", tokenRequest{*bank, time.Duration(ttl)}, &t); err != nil {
			return err
		}
		return c.hand(&t, f, nil)
	}
}

func needBank(bank string) error {
	if !locker.ValidBank(bank) {
		return ui.Usagef("--bank names the bank, as lon-042")
	}
	return nil
}

// hand gives a token to who asked for it: as a seed, or as text.
func (c *call) hand(t *madeToken, f *seedFlags, more func(p *ui.Page)) error {
	if f.out == "-" {
		raw, err := f.seed(t)
		if err != nil {
			return err
		}
		c.wrote = true
		_, err = c.out.Write(raw)
		return err
	}
	if err := f.write(t); err != nil {
		return err
	}
	return c.print(t, func(p *ui.Page) {
		tab := &ui.Table{}
		tab.Row(ui.Plain("bank"), ui.Plain(t.Bank))
		if f.out != "" {
			tab.Row(ui.Plain("seed"), ui.Plain(f.out+": lockerctl flash IMAGE CARD --seed "+f.out))
		} else {
			tab.Row(ui.Plain("token"), ui.Plain(t.Text+" (shown this once)"))
			tab.Row(ui.Plain("endpoint"), ui.Plain(t.URL))
			tab.Row(ui.Plain("CA"), ui.Plain(t.CA))
		}
		tab.Row(ui.Plain("good until"), ui.Plain(ui.Local(locker.TimeOf(t.Expires))))
		p.Table(tab)
		if more != nil {
			more(p)
		}
	})
}

const stickHelp = `Where the board has no network, a stick carries what else goes by it:
  board:     lockerctl enrol request --out /media/stick/lon-042.csr
  operator:  lockerctl enrol sign /media/stick/lon-042.csr --out /media/stick/lon-042.grant
  board:     lockerctl enrol install /media/stick/lon-042.grant
The key stays on the board. request prints the key's number and sign prints it too: compare
them by telephone, where the stick went through other hands. A lockerd that runs takes the
certificate within seconds. It is renewed by network, or by the same way again.
  --new     request: a new key, after the old one was revoked
  --new-ca  install: the operator has another CA than this bank knows`

func enrolSignVerb(fs *flag.FlagSet) action {
	bank := fs.String("bank", "", "refuse a request of any other `bank`")
	out := fs.String("out", "", "`file` for the answer (stdout)")
	return func(ctx context.Context, c *call) error {
		raw, err := readSmall(c.args[0])
		if err != nil {
			return err
		}
		var s signed
		if err := c.enrolAsk(ctx, "enrol.sign", signRequest{string(raw), *bank}, &s); err != nil {
			return err
		}
		return c.carry(&s.Grant, *out, s.Grant.Bank, s.Key)
	}
}

func enrolListVerb(fs *flag.FlagSet) action {
	bank := fs.String("bank", "", "of this `bank` only")
	return func(ctx context.Context, c *call) error {
		lines := []authority.Line{}
		if err := c.enrolAsk(ctx, "enrol.list", bankQuery{Bank: *bank}, &lines); err != nil {
			return err
		}
		return c.print(lines, func(p *ui.Page) {
			if len(lines) == 0 {
				p.Line("no certificates and no open tokens")
				return
			}
			t := &ui.Table{Head: []string{"BANK", "BY", "STATE", "UNTIL", "KEY", "SERIAL"}}
			for _, l := range lines {
				colour := ui.Notice
				switch l.State {
				case "good", "open":
					colour = ui.Good
				case "revoked":
					colour = ui.Bad
				}
				t.Row(ui.Plain(l.Bank), ui.Plain(l.How), ui.Tinted(l.State, colour), ui.Plain(ui.Local(locker.TimeOf(l.Until))), ui.Plain(ui.OrDash(enrol.ShortKeyID(l.Key))), ui.Plain(ui.OrDash(l.Serial)))
			}
			p.Table(t)
		})
	}
}

const enrolRevokeHelp = `Ends all certificates of the bank, and its open tokens; with --serial those of one key. The
endpoint and the backend refuse the board at once. The broker refuses it when it has read
the revocation list: reload mosquitto after this (sync/enrol/README.md has a unit that does).`

func enrolRevokeVerb(fs *flag.FlagSet) action {
	r := revokeCertificate{Why: "by the operator"}
	fs.StringVar(&r.Bank, "bank", "", "`name` of the bank")
	fs.StringVar(&r.Serial, "serial", "", "of one of its certificates, as enrol list shows it")
	fs.StringVar(&r.Why, "why", r.Why, "`text` for the list")
	return func(ctx context.Context, c *call) error {
		if err := needBank(r.Bank); err != nil {
			return err
		}
		var done revokedCertificates
		if err := c.enrolAsk(ctx, "enrol.revoke", r, &done); err != nil {
			return err
		}
		return c.print(done, func(p *ui.Page) { revokedPage(p, done.Serials, done.CRL) })
	}
}

func revokedPage(p *ui.Page, serials []string, crl string) {
	if len(serials) == 0 {
		p.Line("it had no certificate that is still good; its open tokens are withdrawn")
		return
	}
	for _, s := range serials {
		p.Line("revoked %s", s)
	}
	p.Line("the broker refuses it when it has read %s: reload it", crl)
}

const enrolServiceHelp = `Makes a key and lets the CA sign for it: PREFIX.key, PREFIX.pem, and PREFIX-ca.pem beside them.
  --host broker.example.com   a server: the broker; may be repeated
  --name backend              a client: lockerctl fleet serve --cert --key; the broker's ACL knows the name
  --name watch                a client that only reads
Good for 398 days; make it anew before.`

func enrolServiceVerb(fs *flag.FlagSet) action {
	r := serviceRequest{}
	fs.StringVar(&r.Name, "name", "", "`name` of a client: backend or watch")
	fs.Func("host", "`name` or address of a server, may be repeated", func(h string) error {
		r.Hosts = append(r.Hosts, h)
		return nil
	})
	out := fs.String("out", "", "`prefix` of the files")
	return func(ctx context.Context, c *call) error {
		if (r.Name == "") == (len(r.Hosts) == 0) || *out == "" {
			return ui.Usagef("give --host or --name, and --out")
		}
		if r.Name == "" {
			r.Name = r.Hosts[0]
		}
		return c.service(ctx, &r, *out)
	}
}

func (c *call) service(ctx context.Context, r *serviceRequest, out string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	if r.CSR, err = enrol.CSR(r.Name, key); err != nil {
		return err
	}
	private, err := authority.KeyPEM(key)
	if err != nil {
		return err
	}
	var g serviceGrant
	if err := c.enrolAsk(ctx, "enrol.service", r, &g); err != nil {
		return err
	}
	files := map[string]string{"key": out + ".key", "certificate": out + ".pem", "ca": out + "-ca.pem"}
	err = errors.Join(
		writeWhole(files["key"], private, 0o600),
		writeWhole(files["certificate"], []byte(g.Certificate), 0o644),
		writeWhole(files["ca"], []byte(g.CA), 0o644),
	)
	if err != nil {
		return err
	}
	return c.print(files, func(p *ui.Page) { p.Line("wrote %s, %s and %s", files["key"], files["certificate"], files["ca"]) })
}
