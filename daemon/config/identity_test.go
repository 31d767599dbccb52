package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestIdentity fills in what comes with a certificate, where nothing else is named.
func TestIdentity(t *testing.T) {
	without, err := Parse([]byte(base), "base")
	if err != nil || without.Identity != nil || without.MQTT.CAFile != "" {
		t.Fatalf("%+v, %v", without.Identity, err)
	}
	for _, c := range []struct{ name, text, dir, ca, keys, seed string }{
		{
			"defaults", strings.Replace(base, "[trust]\nkeys_file = \"/nowhere/trust.json\"\n", "[identity]\n", 1),
			"/var/lib/lockerd/identity", "/var/lib/lockerd/identity/ca.pem", "/var/lib/lockerd/identity/trust.json", "/var/lib/lockerd/lockerd-seed.toml",
		},
		{
			"named", strings.Replace(base, "[trust]", "ca_file = \"/c\"\n[identity]\ndir = \"/i\"\nseed_file = \"/boot/firmware/lockerd-seed.toml\"\nurl = \"https://e\"\n[trust]", 1),
			"/i", "/c", "/nowhere/trust.json", "/boot/firmware/lockerd-seed.toml",
		},
	} {
		got, err := Parse([]byte(c.text), c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Identity.Dir != c.dir || got.MQTT.CAFile != c.ca || got.Trust.KeysFile != c.keys || got.Identity.SeedFile != c.seed {
			t.Errorf("%s: %+v %+v %+v", c.name, got.Identity, got.MQTT, got.Trust)
		}
		again, err := Parse(got.TOML(), "again")
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s written back: %v\n%s", c.name, err, got.TOML())
		}
	}
	_, err = Parse([]byte(strings.Replace(base, "[trust]", "cert_file = \"/c\"\nkey_file = \"/k\"\n[identity]\n[trust]", 1)), "both")
	if err == nil || !strings.Contains(err.Error(), "mqtt.cert_file") || !strings.Contains(err.Error(), "mqtt.key_file") {
		t.Errorf("%v", err)
	}
}
