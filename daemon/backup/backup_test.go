package backup_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/backup"
	"lockerd/daemon/bundle"
	"lockerd/daemon/config"
)

var head = backup.Head{Bank: "lon-042", Made: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), By: "test", Journal: "j-1", Next: 44}

type file struct{ name, body string }

func write(t *testing.T, w io.Writer, files ...file) {
	t.Helper()
	b, err := backup.NewWriter(w, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := b.Add(f.name, int64(len(f.body)), strings.NewReader(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(r io.Reader) (h backup.Head, got []file, err error) {
	h, _, err = backup.Read(r, func(backup.Head) error { return nil }, func(name string, _ int64, r io.Reader) error {
		b, err := io.ReadAll(r)
		got = append(got, file{name, string(b)})
		return err
	})
	return h, got, err
}

var some = []file{{"journal/0000000000000001.seg", strings.Repeat("door 1-07 ", 50)}, {"journal/checkpoint-7", ""}, {"lockerd.toml", "version = 1\n"}}

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	write(t, &b, some...)
	h, got, err := read(&b)
	if err != nil || !slices.Equal(got, some) || h.Bank != head.Bank || h.Next != 44 || h.V != backup.Version {
		t.Errorf("%+v %q: %v", h, got, err)
	}
}

// TestEveryChangeAndCutShows, of a plain backup and of an encrypted one.
func TestEveryChangeAndCutShows(t *testing.T) {
	secret, to, err := bundle.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	var plain, sealed bytes.Buffer
	write(t, &plain, some...)
	w, err := bundle.SealStream(to, &sealed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, some...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opened := func(b []byte) (got []file, err error) {
		r, err := bundle.UnsealStream(secret, bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		_, got, err = read(r)
		return got, err
	}
	if got, err := opened(sealed.Bytes()); err != nil || !slices.Equal(got, some) || bytes.Contains(sealed.Bytes(), []byte("lon-042")) {
		t.Fatalf("%q: %v", got, err)
	}
	for name, c := range map[string]struct {
		b      []byte
		read   func([]byte) ([]file, error)
		silent int
	}{
		"plain":     {plain.Bytes(), func(b []byte) ([]file, error) { _, got, err := read(bytes.NewReader(b)); return got, err }, 12}, // gzip's time and system, bits that fill up a byte
		"encrypted": {sealed.Bytes(), opened, 0},
	} {
		silent := 0
		for i := range c.b {
			b := slices.Clone(c.b)
			b[i] ^= 0x10
			switch got, err := c.read(b); {
			case err == nil && slices.Equal(got, some):
				silent++
			case !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, bundle.ErrDamaged) && !errors.Is(err, bundle.ErrKey):
				t.Fatalf("%s: byte %d changed: %v", name, i, err)
			}
			if got, err := c.read(c.b[:i]); err == nil {
				t.Fatalf("%s: cut to %d bytes it is %q", name, i, got)
			}
		}
		if silent > c.silent {
			t.Errorf("%s: %d changed bytes were not noticed", name, silent)
		}
		if _, err := c.read(append(slices.Clone(c.b), 0)); err == nil {
			t.Errorf("%s: something behind its end was not noticed", name)
		}
	}
}

func TestLongStream(t *testing.T) {
	secret, to, _ := bundle.NewKey()
	other, _, _ := bundle.NewKey()
	for _, n := range []int{0, 1, 64 << 10, 64<<10 + 1, 300_000} {
		var b bytes.Buffer
		w, err := bundle.SealStream(to, &b)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte{7}, n)
		for rest := want; len(rest) > 0; { // in odd pieces
			k := min(len(rest), 10_007)
			if _, err := w.Write(rest[:k]); err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := bundle.UnsealStream(secret, bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d of %d bytes: %v", len(got), n, err)
		}
		if r, err = bundle.UnsealStream(other, bytes.NewReader(b.Bytes())); err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, bundle.ErrKey) {
			t.Errorf("another's key: %v", err)
		}
	}
}

func TestNamesAndSizes(t *testing.T) {
	b, err := backup.NewWriter(io.Discard, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "..", "../x", "/etc/x", "a//b", "a/b/c", ".x", "a/.x", "a b", "backup.json"} {
		if err := b.Add(name, 1, strings.NewReader("x")); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	if err := b.Add("short", 5, strings.NewReader("x")); err == nil {
		t.Error("a file that is shorter than it should be was taken")
	}
}

func TestSecrets(t *testing.T) {
	c := config.Default()
	if n := backup.Secrets(&c); len(n) != 0 {
		t.Errorf("%v", n)
	}
	c.MQTT = &config.MQTT{KeyFile: "/k", PasswordFile: "/p"}
	c.Trust = &config.Trust{KeysFile: "/t"}
	c.Identity = &config.Identity{Dir: "/var/lib/lockerd/identity"}
	c.MQTT.CAFile = c.Identity.CAFile()
	if n := backup.Secrets(&c); len(n) != 3 || n["bank.key"] != "/k" || n["mqtt.password"] != "/p" || n["trust.json"] != "/t" {
		t.Errorf("%v", n)
	}
}
