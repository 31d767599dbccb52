package identity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"lockerd/sync/enrol"
)

// sign carries a request to the operator and the answer back.
func (o *operator) sign(csr string) []byte {
	o.t.Helper()
	g, _, err := o.Sign(csr, bank)
	if err != nil {
		o.t.Fatal(err)
	}
	raw, err := json.Marshal(g)
	if err != nil {
		o.t.Fatal(err)
	}
	return raw
}

func request(t *testing.T, i *Identity, fresh bool) (csr, id string) {
	t.Helper()
	csr, id, err := i.Request(fresh)
	if err != nil {
		t.Fatal(err)
	}
	return csr, id
}

// TestStick enrols without a network.
func TestStick(t *testing.T) {
	o := start(t, 0)
	b := newBoard(t, o)
	i := b.open(disk{})
	csr, id := request(t, i, false)
	if _, again := request(t, i, false); again != id {
		t.Error("a second stick has another key")
	}
	if err := i.Install(o.sign(csr), false); err != nil {
		t.Fatal(err)
	}
	c := cert(t, b.open(disk{}))
	if have, err := enrol.KeyID(c.Leaf.PublicKey); err != nil || have != id {
		t.Errorf("key %s, %v", have, err)
	}
	if o.count() != 0 {
		t.Error("the network was used")
	}
	// From there it renews by network.
	if _, err := i.Renew(t.Context()); err != nil {
		t.Error(err)
	}
	// And a request with a new key takes its place once the operator has replaced the board.
	csr, other := request(t, i, true)
	if other == id {
		t.Fatal("the same key")
	}
	if _, _, err := o.Sign(csr, bank); err == nil {
		t.Fatal("a second key was signed beside the first")
	}
	if _, err := o.Revoke(bank, "", "test"); err != nil {
		t.Fatal(err)
	}
	if err := i.Install(o.sign(csr), false); err != nil {
		t.Fatal(err)
	}
	if names, err := i.keys.Names(); err != nil || len(names) != 1 {
		t.Errorf("keys %q, %v", names, err)
	}
}

// TestStickRefused installs nothing that is not for this board.
func TestStickRefused(t *testing.T) {
	o, other := start(t, 0), start(t, 0)
	b := newBoard(t, o)
	i := b.open(disk{})
	csr, _ := request(t, i, false)
	refused(t, i.Install([]byte("hello"), false), enrol.Malformed)
	refused(t, i.Install([]byte(`{"v":1,"bank":"lon-042"}`), false), enrol.Malformed)

	stranger := newBoard(t, o).open(disk{})
	foreign, _ := request(t, stranger, false)
	refused(t, i.Install(other.sign(foreign), false), enrol.Unknown)

	if err := i.Install(o.sign(csr), false); err != nil {
		t.Fatal(err)
	}
	// Another CA than the bank knows: only when told so.
	other = start(t, 0)
	refused(t, i.Install(other.sign(csr), false), enrol.Unknown)
	if err := i.Install(other.sign(csr), true); err != nil {
		t.Fatal(err)
	}
	if c := cert(t, i); c.Leaf.CheckSignatureFrom(other.ca.Cert) != nil {
		t.Error("the new CA is not in force")
	}
}

// TestOwner has root make a request and install the answer, as an engineer does, in the
// directory of the user that lockerd runs as: all of it is that user's.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to have files of another user")
	}
	const user = 12345
	o := start(t, 0)
	b := newBoard(t, o)
	if err := os.Chown(filepath.Dir(b.dir), user, user); err != nil {
		t.Fatal(err)
	}
	i := b.open(disk{})
	csr, _ := request(t, i, false)
	if err := i.Install(o.sign(csr), false); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(b.files(), ".", keysDir) {
		st, err := os.Stat(filepath.Join(b.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := st.Sys().(*syscall.Stat_t); !ok || s.Uid != user || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v of %d", name, st.Mode(), s.Uid)
		}
	}
}
