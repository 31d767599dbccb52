package daemon

import (
	"path/filepath"
	"testing"

	"lockerd/daemon/config"
	"lockerd/daemon/identity"
)

// TestIdentityFiles holds that the files a configuration names by default are those that an
// identity writes.
func TestIdentityFiles(t *testing.T) {
	i := config.Identity{Dir: "/d"}
	if got, want := i.CAFile(), filepath.Join("/d", identity.CAFile); got != want {
		t.Errorf("ca_file is %s, written is %s", got, want)
	}
	if got, want := i.KeysFile(), filepath.Join("/d", identity.TrustFile); got != want {
		t.Errorf("keys_file is %s, written is %s", got, want)
	}
}
