package main

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // IEEE 802.11i, J.4.1 has no other
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"

	"lockerd/daemon/seed"
)

// file is one that is written, or, without text, removed.
type file struct {
	name string
	text string
	mode fs.FileMode
}

// Names in the directory; the image has links to them where networkd and wpa_supplicant look.
const (
	networkFile = "10-seed.network"
	wifiFile    = "wpa_supplicant-wlan0.conf"
)

// units are the files of a network: one of networkd, and one of wpa_supplicant for wifi.
func units(n *seed.Network) []file {
	return []file{{wifiFile, wifi(n.Wifi), 0o600}, {networkFile, network(n), 0o644}}
}

// network is systemd.network(5).
func network(n *seed.Network) string {
	var b strings.Builder
	device := "e*"
	if n.Wifi != nil {
		device = "wl*"
	}
	fmt.Fprintf(&b, "[Match]\nName=%s\n\n[Network]\n", device)
	if !n.Static() {
		b.WriteString("DHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\n")
		return b.String()
	}
	fmt.Fprintf(&b, "Address=%s\n", n.Address)
	if n.Gateway.IsValid() {
		fmt.Fprintf(&b, "Gateway=%s\n", n.Gateway)
	}
	for _, d := range n.DNS {
		fmt.Fprintf(&b, "DNS=%s\n", d)
	}
	return b.String()
}

// wifi is wpa_supplicant.conf(5), "" without wifi. Name and key are in hex: no quoting,
// and no passphrase to be read.
func wifi(w *seed.Wifi) string {
	if w == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("ctrl_interface=/run/wpa_supplicant\n")
	if w.Country != "" {
		fmt.Fprintf(&b, "country=%s\n", w.Country)
	}
	fmt.Fprintf(&b, "network={\n\tscan_ssid=1\n\tssid=%x\n", w.SSID)
	if w.PSK == "" {
		b.WriteString("\tkey_mgmt=NONE\n}\n")
	} else {
		fmt.Fprintf(&b, "\tpsk=%s\n}\n", key(string(w.PSK), w.SSID))
	}
	return b.String()
}

// key is the key of a passphrase, or what 64 hex digits say already.
func key(phrase, ssid string) string {
	if len(phrase) == 64 {
		return strings.ToLower(phrase)
	}
	k, err := pbkdf2.Key(sha1.New, phrase, []byte(ssid), 4096, 32)
	if err != nil {
		panic(err) // only where GODEBUG has fips140=only
	}
	return hex.EncodeToString(k)
}
