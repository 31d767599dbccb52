package bundle_test

import (
	"strings"
	"testing"

	"lockerd/daemon/bundle"
)

func TestRedactShowsOnlyWhatIsListed(t *testing.T) {
	in := `version = 1
bank = "lon-042"
token = "SECRET1"
# SECRET2
[mqtt]
url = "mqtts://user:SECRET3@broker.example.com:8883/x?token=SECRET4#SECRET5"
username = "SECRET6"
password = "SECRET7"
key_file = "/etc/lockerd/bank.key"
[SECRET8]
name = "SECRET9"
[[bus]]
name = "a"
driver = "xor8a"
name2 = ["SECRET10"]
[bus.profile]
closed_bit = 1
[[locker]]
number = 1
boards = [ { address = 1, channels = 24, first_door = 1, key = "SECRET11" } ]
`
	out, left, err := bundle.Redact([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	s := string(out)
	if strings.Contains(s, "SECRET") {
		t.Errorf("a secret is shown:\n%s", s)
	}
	for _, want := range []string{`bank = "lon-042"`, `url = "mqtts://broker.example.com:8883/x"`, `/etc/lockerd/bank.key`, `closed_bit = 1`, `first_door = 1`} {
		if !strings.Contains(s, want) {
			t.Errorf("%q is missing:\n%s", want, s)
		}
	}
	if left != 6 {
		t.Errorf("%d keys left out", left)
	}
}

func TestRedactQuotesNothingOfABrokenFile(t *testing.T) {
	out, _, err := bundle.Redact([]byte("password = SECRET\n"))
	if err == nil || out != nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestSecretsAreFoundElsewhere(t *testing.T) {
	conf := []byte(`bank = "lon-042"
[mqtt]
url = "mqtts://carl:hunter22@broker.example.com:8883/x?token=t0ken99"
username = "lon-042"
password = "pass\"word"
pin = "123"
`)
	secrets := bundle.Secrets(conf)
	in := `lon-042 dials mqtts://carl:hunter22@broker.example.com:8883/x?token=t0ken99 as carl, ` +
		`{"p":"pass\"word"} pass"word 123 hunter22 t0ken99 scanned 31415926535897932384626434, ` + strings.Repeat("7", 120) + ` seq 3141592653589793238462643`
	out := string(bundle.Scrub([]byte(in), secrets))
	for _, bad := range []string{"carl", "hunter22", "t0ken99", "word", "26434,", "7777"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q is in %q", bad, out)
		}
	}
	for _, want := range []string{"lon-042", "123", "seq 3141592653589793238462643"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is gone from %q", want, out)
		}
	}
}
