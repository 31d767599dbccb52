package config

import (
	"strings"
	"testing"
)

// TestSecretsAreNotSaid holds what is wrong with a file to name the place and never
// the value where that may be a password: the message stands in the log.
func TestSecretsAreNotSaid(t *testing.T) {
	const top = "version = 1\nbank = \"b\"\ndata_dir = \"/d\"\n[mqtt]\n"
	for _, line := range []string{
		`pasword = "hunter2"`,
		`pasword = ["hunter2"]`,
		`pasword = { is = "hunter2" }`,
		`pasword = 7041776`,
		`password = hunter2`,
		`password = [hunter2]`,
		`password = truehunter`,
		`password = "hunter2\u00zz"`,
		`password = 1979-13-32`,
		`password = 1.2.3hunter2`,
		`password = 1__7041776`,
		`password = 0704177`,
		`password = 70417760000000000000000`,
		`password = 7041776e999999`,
		`url = "lon:hunter2@broker.example.com:8883"`,
		`url = "mqtts://lon:hunter2@broker.example.com:8883"`,
		`url = "wss://broker.example.com:8883/?token=hunter2"`,
	} {
		_, err := Parse([]byte(top+line+"\n"), "x")
		if err == nil {
			t.Errorf("%s: taken", line)
			continue
		}
		key, _, _ := strings.Cut(line, " ")
		if said := err.Error(); !strings.Contains(said, "line 5: mqtt."+key) {
			t.Errorf("%s: not named in %s", line, said)
		}
		for _, secret := range []string{"hunter", "70417", "1979", "1.2.3"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: its value is said: %s", line, err)
			}
		}
	}
}
