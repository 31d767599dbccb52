package ticket

import (
	"slices"
	"testing"

	"lockerd/daemon/locker"
)

// FuzzOpen feeds texts. What is granted comes out the same when it is signed again
// by the same key, so that a ticket has one text.
func FuzzOpen(f *testing.F) {
	for _, v := range vector[[]ticketVector](f, "tickets.json") {
		f.Add(v.Text)
	}
	keys := trusted(f)
	f.Fuzz(func(t *testing.T, text string) {
		got, reason := Open(text, bank, keys)
		if !slices.Contains([]locker.Reason{locker.Granted, locker.Malformed, locker.BadSignature, locker.WrongBank}, reason) {
			t.Fatalf("reason %q", reason)
		}
		if reason == locker.Granted {
			again, err := Sign(got, got.KID, signer(t, got.KID))
			if err != nil || again != text {
				t.Fatalf("signed again: %v\n%s\nwant\n%s", err, again, text)
			}
		}
	})
}

// FuzzRead feeds the bytes behind the number, which a fuzzer reaches more easily:
// what can be read is written the same.
func FuzzRead(f *testing.F) {
	for _, v := range vector[[]ticketVector](f, "tickets.json") {
		if msg, ok := bytesOf(v.Text); ok {
			f.Add(msg)
		}
	}
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		x, ok := c.read(msg)
		if !ok {
			return
		}
		if text := textOf(msg); len(text) > MaxDigits {
			t.Skip("no scanner delivers it")
		} else if back, ok := bytesOf(text); !ok || string(back) != string(msg) {
			t.Fatalf("text %s reads %x, want %x", text, back, msg)
		}
		if why := x.fault(); why != "" {
			t.Fatalf("read, but %s", why)
		}
	})
}
