package seed

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

// Bounds of one text, so that all of them fit into Size however they are quoted.
const (
	siteMax = 64 // characters
	urlMax  = 512
	caMax   = 8 << 10
	dnsMax  = 4
)

var (
	tokenForm   = locker.NewForm(`^[A-Za-z0-9._~+/=-]{16,512}$`)
	caForm      = locker.NewForm(`^sha256:[0-9a-f]{64}$`)
	countryForm = locker.NewForm(`^[A-Z]{2}$`)
	rawKeyForm  = locker.NewForm(`^[0-9a-fA-F]{64}$`)
	passForm    = locker.NewForm(`^[ -~]{8,63}$`)
)

// text is a string of the TOML, or noText where something else stands there.
type text string

const noText = "\x00" // is nowhere allowed

// UnmarshalTOML implements toml.Unmarshaler.
func (t *text) UnmarshalTOML(v any) error {
	*t = noText
	if s, ok := v.(string); ok {
		*t = text(s)
	}
	return nil
}

// wire is the seed as its TOML has it.
type wire struct {
	Version int         `toml:"version"`
	Bank    text        `toml:"bank"`
	Site    text        `toml:"site"`
	Expires text        `toml:"expires"`
	Network wireNetwork `toml:"network"`
	Enrol   wireEnrol   `toml:"enrol"`
}

type wireNetwork struct {
	Mode    text      `toml:"mode"`
	Address text      `toml:"address,omitempty"`
	Gateway text      `toml:"gateway,omitempty"`
	DNS     []text    `toml:"dns,omitempty"`
	Wifi    *wireWifi `toml:"wifi,omitempty"`
}

type wireWifi struct {
	SSID    text `toml:"ssid"`
	PSK     text `toml:"psk,omitempty"`
	Country text `toml:"country,omitempty"`
}

type wireEnrol struct {
	URL   text `toml:"url"`
	Token text `toml:"token"`
	CA    text `toml:"ca"`
}

const (
	modeDHCP   = "dhcp"
	modeStatic = "static"
)

func (s *Seed) wire() *wire {
	w := &wire{
		Version: Version, Bank: text(s.Bank), Site: text(s.Site), Expires: text(s.Expires.UTC().Format(time.RFC3339)),
		Network: wireNetwork{Mode: modeDHCP},
		Enrol:   wireEnrol{URL: text(s.Enrol.URL), Token: text(s.Enrol.Token), CA: text(s.Enrol.CA)},
	}
	n := &s.Network
	if n.Static() {
		w.Network.Mode, w.Network.Address = modeStatic, text(n.Address.String())
	}
	if n.Gateway.IsValid() {
		w.Network.Gateway = text(n.Gateway.String())
	}
	for _, a := range n.DNS {
		w.Network.DNS = append(w.Network.DNS, text(a.String()))
	}
	if n.Wifi != nil {
		w.Network.Wifi = &wireWifi{SSID: text(n.Wifi.SSID), PSK: text(n.Wifi.PSK), Country: text(n.Wifi.Country)}
	}
	return w
}

// checker collects problems.
type checker struct{ problems []Problem }

func (c *checker) want(ok bool, key, what, cure string) {
	if !ok {
		c.problems = append(c.problems, Problem{Key: key, Text: what, Cure: cure})
	}
}

// seed judges the texts and makes a Seed of them, if nothing was found before.
func (w *wire) seed(found ...Problem) (*Seed, error) {
	c := &checker{problems: found}
	s := &Seed{Bank: string(w.Bank), Site: string(w.Site), Enrol: Enrol{URL: string(w.Enrol.URL), Token: Secret(w.Enrol.Token), CA: string(w.Enrol.CA)}}
	c.want(w.Version == Version, "version", "is missing or unknown", fmt.Sprintf("write version = %d", Version))
	c.want(locker.ValidBank(s.Bank), "bank", "names no bank", "up to 32 of a-z 0-9 -, as in lon-042")
	c.want(printable(s.Site, siteMax), "site", "is missing or can't be printed", fmt.Sprintf("1 to %d characters in one line, for people", siteMax))
	var err error
	s.Expires, err = time.Parse(time.RFC3339, string(w.Expires))
	s.Expires = s.Expires.UTC()
	c.want(err == nil && string(w.Expires) == s.Expires.Format(time.RFC3339) && s.Expires.Year() >= 2025, "expires", "is no time in UTC", `write it as "2026-11-27T13:00:00Z"`)
	s.Network = c.network(&w.Network)
	c.want(goodURL(s.Enrol.URL), "enrol.url", "is no https address", `write it as "https://fleet.example.com:8443/enrol"`)
	c.want(tokenForm.MatchString(string(w.Enrol.Token)), "enrol.token", "is missing or no token", "take it as the operator gives it: 16 to 512 of A-Z a-z 0-9 . _ ~ + / = -")
	if !caForm.MatchString(s.Enrol.CA) {
		var ok bool
		s.Enrol.CA, ok = certificates(s.Enrol.CA)
		c.want(ok, "enrol.ca", "names no CA", `"sha256:" and 64 digits 0-9 a-f, or certificates (no key) in PEM`)
	}
	if c.problems != nil {
		return nil, &Error{Problems: c.problems}
	}
	return s, nil
}

func (c *checker) network(w *wireNetwork) Network {
	var n Network
	switch w.Mode {
	case modeDHCP:
		c.want(w.Address == "" && w.Gateway == "" && len(w.DNS) == 0, "network", "has addresses, and asks for them by DHCP", "remove them, or write mode = \"static\"")
	case modeStatic:
		c.static(&n, w)
	default:
		c.want(false, "network.mode", "is missing or unknown", `write "dhcp" or "static"`)
	}
	if w.Wifi != nil {
		n.Wifi = c.wifi(w.Wifi)
	}
	return n
}

func (c *checker) static(n *Network, w *wireNetwork) {
	p, err := netip.ParsePrefix(string(w.Address))
	ok := err == nil && usable(p.Addr()) && (p.IsSingleIP() || p.Addr() != p.Masked().Addr())
	c.want(ok, "network.address", "is no address of a host with its mask", `write it as "192.0.2.17/24"`)
	n.Address = p
	if w.Gateway != "" {
		g, err := netip.ParseAddr(string(w.Gateway))
		ok := err == nil && usable(g) && g != p.Addr() && (p.Contains(g) || g.IsLinkLocalUnicast())
		c.want(ok, "network.gateway", "can't be reached from network.address", "write the router's address in that network")
		n.Gateway = g
	}
	c.want(len(w.DNS) <= dnsMax, "network.dns", "has too many servers", fmt.Sprintf("at most %d", dnsMax))
	for _, d := range w.DNS {
		a, err := netip.ParseAddr(string(d))
		c.want(err == nil && usable(a), "network.dns", "has something that is no address", `write it as ["192.0.2.53"]`)
		n.DNS = append(n.DNS, a)
	}
}

// usable tells whether an address can be one of a host.
func usable(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback()
}

func (c *checker) wifi(w *wireWifi) *Wifi {
	f := &Wifi{SSID: string(w.SSID), PSK: Secret(w.PSK), Country: string(w.Country)}
	c.want(printable(f.SSID, 32) && len(f.SSID) <= 32, "network.wifi.ssid", "is missing or no name of a network", "1 to 32 bytes, without line breaks")
	c.want(w.PSK == "" || passForm.MatchString(string(w.PSK)) || rawKeyForm.MatchString(string(w.PSK)), "network.wifi.psk", "is no passphrase", "8 to 63 letters, digits and signs, or 64 hex digits")
	c.want(w.Country == "" || countryForm.MatchString(f.Country), "network.wifi.country", "is no country", `two letters as in "GB"`)
	return f
}

func printable(s string, most int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most &&
		strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func goodURL(s string) bool {
	if len(s) > urlMax || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && !strings.Contains(s, "#")
}

// certificates returns the certificates of a PEM text without what stands around them.
func certificates(list string) (string, bool) {
	if len(list) > caMax {
		return "", false
	}
	var out []byte
	begun := strings.Count(list, "-----BEGIN") // pem.Decode steps over blocks that are damaged
	for rest := []byte(list); begun > 0; begun-- {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return "", false
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", false
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	return string(out), len(out) > 0 && len(out) <= caMax
}
