package brokertest

import (
	"os/exec"
	"strings"
	"testing"
)

// TestWeight holds that nothing of the brokers is linked into the programs that
// run on a board.
func TestWeight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "lockerd/cmd/lockerd", "lockerd/cmd/lockerctl", "lockerd/sync/uplink").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(out)) {
		for _, heavy := range []string{"github.com/nats-io/", "github.com/mochi-mqtt/", "lockerd/sync/brokertest"} {
			if strings.HasPrefix(pkg, heavy) {
				t.Errorf("%s is linked in", strings.TrimSpace(pkg))
			}
		}
	}
}
