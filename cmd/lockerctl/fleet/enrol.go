package fleet

import (
	"context"
	"errors"
	"flag"
	"strings"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
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
		if err := maybeBank(*bank); err != nil {
			return err
		}
		if *out != "" {
			if err := box.Writable(*out); err != nil {
				return err
			}
		}
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
		if err := maybeBank(*bank); err != nil {
			return err
		}
		lines := []authority.Line{}
		if err := c.enrolAsk(ctx, "enrol.list", bankQuery{Bank: *bank}, &lines); err != nil {
			return err
		}
		return c.print(lines, func(p *ui.Page) {
			if len(lines) == 0 {
				p.Line("%s", strings.TrimSuffix("no certificates and no open tokens of "+ui.Clean(*bank), " of "))
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
