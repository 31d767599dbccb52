package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/seed"
)

func encoded(t *testing.T, n seed.Network) []byte {
	t.Helper()
	b, err := seed.Encode(&seed.Seed{
		Bank: "lon-042", Site: "a lobby", Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Network: n,
		Enrol: seed.Enrol{URL: "https://fleet.example.com/enrol", Token: "0123456789abcdef", CA: "sha256:" + strings.Repeat("ab", 32)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSet: each seed says the whole network, an empty one or none says nothing.
func TestSet(t *testing.T) {
	dir := t.TempDir()
	path, to := filepath.Join(dir, seed.Name), filepath.Join(dir, "network")
	static := seed.Network{Address: netip.MustParsePrefix("192.0.2.17/24"), Gateway: netip.MustParseAddr("192.0.2.1"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.53")}}
	// IEEE 802.11i, J.4.2, first test vector.
	radio := seed.Network{Wifi: &seed.Wifi{SSID: "IEEE", PSK: "password", Country: "GB"}}
	const cable = "[Match]\nName=e*\n\n[Network]\nAddress=192.0.2.17/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n"
	const air = "[Match]\nName=wl*\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\n"
	const supplicant = "ctrl_interface=/run/wpa_supplicant\ncountry=GB\nnetwork={\n\tscan_ssid=1\n\tssid=49454545\n" +
		"\tpsk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e\n}\n"
	for _, step := range []struct {
		name          string
		seed          []byte
		network, wifi string
	}{
		{"no seed", nil, "", ""},
		{"blank", seed.Placeholder(), "", ""},
		{"wifi", encoded(t, radio), air, supplicant},
		{"used", seed.Placeholder(), air, supplicant},
		{"cable", encoded(t, static), cable, ""},
		{"open wifi", encoded(t, seed.Network{Wifi: &seed.Wifi{SSID: "x\"\u00fc"}}), air, "ctrl_interface=/run/wpa_supplicant\nnetwork={\n\tscan_ssid=1\n\tssid=7822c3bc\n\tkey_mgmt=NONE\n}\n"},
	} {
		if step.seed != nil {
			if err := os.WriteFile(path, step.seed, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := set(path, to); err != nil {
			t.Fatal(step.name, err)
		}
		for name, want := range map[string]string{networkFile: step.network, wifiFile: step.wifi} {
			got, err := os.ReadFile(filepath.Join(to, name))
			if string(got) != want || (err == nil) != (want != "") {
				t.Errorf("%s: %s is\n%s\nwant\n%s", step.name, name, got, want)
			}
		}
	}
	fi, err := os.Stat(filepath.Join(to, wifiFile))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the file with the key is %v, %v", fi, err)
	}
}

// TestSetBad: a seed that can't be used leaves the network there is.
func TestSetBad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, seed.Name)
	if err := os.WriteFile(path, []byte("version = 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := set(path, filepath.Join(dir, "network")); err == nil {
		t.Fatal("a seed of version 2 was used")
	}
	if _, err := os.Stat(filepath.Join(dir, "network")); err == nil {
		t.Error("something was written")
	}
}
