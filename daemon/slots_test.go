package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/slots"
	"lockerd/store"
)

// onTrialIn is a program on trial in slot b whose predecessor reads formats up to reads.
func onTrialIn(t *testing.T, reads int) *Slots {
	t.Helper()
	d := &slots.Dir{Path: filepath.Join(t.TempDir(), "update")}
	body := []byte("program")
	sum := sha256.Sum256(body)
	p := slots.Program{Version: "2", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(body))}
	arm := func() {
		if err := d.Put(p, bytes.NewReader(body), time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Change(func(s slots.State) (slots.State, error) { return s.Arm(&slots.Health{StoreReads: reads}) }); err != nil {
			t.Fatal(err)
		}
	}
	arm() // the first program simply becomes the active one
	arm()
	if _, err := d.Change(func(s slots.State) (slots.State, error) { s, _ = s.Start(time.Now()); return s, nil }); err != nil {
		t.Fatal(err)
	}
	return &Slots{Dir: d, Slot: slots.B}
}

// TestStoreStaysReadable holds that a program on trial never opens a store of which it
// would make something that its predecessor can't read.
func TestStoreStaysReadable(t *testing.T) {
	s := onTrialIn(t, 1)
	if err := s.mayOpen(1); err != nil {
		t.Fatal(err)
	}
	err := s.mayOpen(2)
	if err == nil || !strings.Contains(err.Error(), "install a version in between first") {
		t.Fatal(err)
	}
	st, _, err := s.Dir.Load()
	if err != nil || st.Trial.Phase != slots.Failed {
		t.Fatalf("%+v, %v", st.Trial, err)
	}
	if st, slot := st.Start(time.Now()); slot != slots.A || st.Last.Result != slots.RolledBack {
		t.Fatalf("goes on with slot %s, %+v", slot, st.Last)
	}
	if err := onTrialIn(t, 2).mayOpen(2); err != nil {
		t.Fatalf("the program before reads it: %v", err)
	}
	if err := (&Slots{Dir: s.Dir, Slot: slots.A}).mayOpen(7); err != nil {
		t.Fatalf("not on trial: %v", err)
	}
	if store.FormatReads < store.FormatWrites {
		t.Fatal("this program does not read what it writes")
	}
}
