package bundle_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/bundle"
)

var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func write(t *testing.T, parts ...bundle.Part) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Write(&b, "lon-042", at, parts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteIsDeterministicAndReadsBack(t *testing.T) {
	a, z := bundle.Part{Name: "a.txt", Body: []byte("one")}, bundle.Part{Name: "z.json", Body: []byte("{}")}
	b := write(t, z, a)
	if !bytes.Equal(b, write(t, a, z)) {
		t.Error("the order of the parts shows in the bytes")
	}
	m, parts, err := bundle.Read(bytes.NewReader(b))
	if err != nil || m.Bank != "lon-042" || !m.At.Equal(at) || len(parts) != 2 || parts[0].Name != "a.txt" || string(parts[1].Body) != "{}" {
		t.Errorf("read %+v %q: %v", m, parts, err)
	}
}

func TestEveryChangedByteShows(t *testing.T) {
	b := write(t, bundle.Part{Name: "a.txt", Body: bytes.Repeat([]byte("door 1-07 "), 30)})
	_, whole, err := bundle.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	silent := 0
	for i := 10; i < len(b); i++ { // a gzip header's time and system say nothing
		c := slices.Clone(b)
		c[i] ^= 0x10
		_, parts, err := bundle.Read(bytes.NewReader(c))
		switch {
		case err == nil && len(parts) == len(whole) && bytes.Equal(parts[0].Body, whole[0].Body):
			silent++
		case !errors.Is(err, bundle.ErrDamaged):
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if silent > 2 { // bits that only fill up a byte, before and in the empty last block of the stream
		t.Errorf("%d changed bytes were not noticed", silent)
	}
	for n := range b {
		if _, _, err := bundle.Read(bytes.NewReader(b[:n])); !errors.Is(err, bundle.ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestBoundsKeepTheEnd(t *testing.T) {
	body := append(bytes.Repeat([]byte("x"), bundle.PartMax), []byte("newest")...)
	var in []bundle.Part
	for i := range 12 {
		in = append(in, bundle.Part{Name: string(rune('a' + i)), Body: body})
	}
	m, parts, err := bundle.Read(bytes.NewReader(write(t, in...)))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, p := range parts {
		total += len(p.Body)
	}
	if total != bundle.TotalMax || m.Parts[0].Cut != 6 || !bytes.HasSuffix(parts[0].Body, []byte("newest")) {
		t.Errorf("%d bytes in all, %d cut", total, m.Parts[0].Cut)
	}
}

func TestNamesThatLeaveTheDirectoryAreRefused(t *testing.T) {
	for _, name := range []string{"", "../x", "/etc/x", "a/b", ".x", "A"} {
		if err := bundle.Write(&bytes.Buffer{}, "b", at, []bundle.Part{{Name: name}}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if err := bundle.Write(&bytes.Buffer{}, "b", at, []bundle.Part{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("a name was taken twice")
	}
}

func TestSeal(t *testing.T) {
	secret, to, err := bundle.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, _, _ := bundle.NewKey()
	if same, err := bundle.Recipient(secret); err != nil || same != to {
		t.Errorf("recipient %q: %v", same, err)
	}
	plain := []byte("door 1-07 opened")
	s, err := bundle.Seal(to, plain)
	if err != nil || bytes.Contains(s, plain) || !bundle.IsSealed(s) {
		t.Fatalf("sealed %q: %v", s, err)
	}
	if got, err := bundle.Unseal(secret+"\n", s); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("got %q: %v", got, err)
	}
	if _, err := bundle.Unseal(other, s); !errors.Is(err, bundle.ErrKey) {
		t.Errorf("another's key: %v", err)
	}
	s[len(s)-1] ^= 1
	if _, err := bundle.Unseal(secret, s); !errors.Is(err, bundle.ErrKey) {
		t.Errorf("changed: %v", err)
	}
	if _, err := bundle.Seal(secret, plain); !errors.Is(err, bundle.ErrKey) {
		t.Errorf("sealed to a secret: %v", err)
	}
	for key, want := range map[string]string{secret: "must begin with", to[:len(to)-1]: "copy it whole", to + "x": "copy it whole"} {
		if _, err := bundle.Seal(key, plain); !errors.Is(err, bundle.ErrKey) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
