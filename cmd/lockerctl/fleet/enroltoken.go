package fleet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/store/durable"
	"lockerd/sync/enrol/authority"
)

const enrolTokenHelp = `A token is good once, for one bank, for --ttl (24h, at most 30d); it is shown here and
nowhere else. With --out it is written as the seed that lockerctl flash --seed puts on a
card, or that is copied to seed_file of [identity] on a board with the .deb:
  lockerctl enrol token --bank lon-042 --site "100 Bishopsgate" --out - | lockerctl flash IMAGE CARD --seed -
The board erases it once it has enrolled. A bank whose board has a good certificate gets no
token: lockerctl replace revokes that first.
  --address, --gateway, --dns   a fixed address in place of DHCP
  --wifi SSID --wifi-psk-file F --country GB   the radio in place of the cable`

// tokenFlags are those of the verbs that make a token.
type tokenFlags struct {
	bank string
	ttl  ui.TTL
	seedFlags
}

func (f *tokenFlags) register(fs *flag.FlagSet) {
	f.ttl = ui.TTL(defaultTTL)
	fs.StringVar(&f.bank, "bank", "", "`name` of the bank")
	fs.Var(&f.ttl, "ttl", "how long the token is good")
	f.seedFlags.register(fs)
}

// check finds what is wrong before a token is made.
func (f *tokenFlags) check() error {
	if err := needBank(f.bank); err != nil {
		return err
	}
	if ttl := time.Duration(f.ttl); ttl < authority.TokenLeast || ttl > authority.TokenMost {
		return ui.Usagef("--ttl is %s to %s", ui.Span(authority.TokenLeast), ui.Span(authority.TokenMost))
	}
	_, err := f.seed(&madeToken{
		authority.Token{Bank: f.bank, Text: strings.Repeat("x", 26), Expires: time.Now().Truncate(time.Second)}, "https://x", "sha256:" + strings.Repeat("0", 64),
	})
	if bad, ok := errors.AsType[*failure](err); ok { // all but the token is from the flags
		return ui.Usagef("%s", bad.Text)
	}
	if err == nil && f.out != "" && f.out != "-" {
		err = box.Writable(f.out)
	}
	return err
}

func (f *tokenFlags) request() tokenRequest { return tokenRequest{f.bank, time.Duration(f.ttl)} }

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

// write writes the seed to its file, if one is named.
func (f *seedFlags) write(t *madeToken) error {
	if f.out == "" || f.out == "-" {
		return nil
	}
	raw, err := f.seed(t)
	if err != nil {
		return err
	}
	return durable.WriteFile(f.out, raw, 0o600)
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
	f := &tokenFlags{}
	f.register(fs)
	return func(ctx context.Context, c *call) error {
		if err := f.check(); err != nil {
			return err
		}
		var t madeToken
		if err := c.enrolAsk(ctx, "enrol.token", f.request(), &t); err != nil {
			return err
		}
		return c.hand(&t, &f.seedFlags, nil)
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
