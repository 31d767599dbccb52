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
