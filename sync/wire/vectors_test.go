package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

type jwsVector struct{ JWS, KID, Payload, Topic string }

// TestVectorsJWS holds the golden messages in both directions: opened as they
// are, and signed again to the same bytes.
func TestVectorsJWS(t *testing.T) {
	for _, v := range vector[[]jwsVector](t, "jws.json") {
		m, key, r := trusted(t).Open(here, v.Topic, []byte(v.JWS), false)
		if r != nil {
			t.Fatalf("%s: %v", v.Topic, r)
		}
		if key.KID != v.KID {
			t.Errorf("%s: key %q, want %q", v.Topic, key.KID, v.KID)
		}
		again, err := Sign(signer(t, v.KID), v.KID, m)
		if err != nil || string(again) != v.JWS {
			t.Errorf("%s: signed again: %v\n%s\nwant\n%s", v.Topic, err, again, v.JWS)
		}
		b, err := json.Marshal(m)
		if err != nil || string(b) != v.Payload {
			t.Errorf("%s: payload %s, want %s", v.Topic, b, v.Payload)
		}
	}
}

func TestVectorsTrust(t *testing.T) {
	keys := trusted(t)
	b, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKeys(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.All() {
		o, ok := again.Find(k.KID)
		if !ok || !o.Public.Equal(k.Public) || o.Tenant != k.Tenant || strings.Join(o.May, " ") != strings.Join(k.May, " ") {
			t.Errorf("key %s: %+v, want %+v", k.KID, o, k)
		}
		if !k.Public.Equal(signer(t, k.KID).Public()) {
			t.Errorf("key %s: not the public part of the test key", k.KID)
		}
	}
}

func TestVectorsCodes(t *testing.T) {
	v := vector[struct {
		Codes []struct{ Bank, Tag, Text string }
		None  string `json:"digest_of_no_record"`
		One   struct {
			Digest, ID, Tag string
			Rev             int64
		} `json:"digest_of_single_record"`
	}](t, "codes.json")
	for _, c := range v.Codes {
		if got := locker.TagOf(c.Bank, c.Text).String(); got != c.Tag {
			t.Errorf("tag at %s: %s, want %s", c.Bank, got, c.Tag)
		}
	}
	if got := (locker.Digest{}).String(); got != v.None {
		t.Errorf("digest of none: %s, want %s", got, v.None)
	}
	one := locker.Code{ID: v.One.ID, Rev: v.One.Rev}
	if err := one.Tag.UnmarshalText([]byte(v.One.Tag)); err != nil {
		t.Fatal(err)
	}
	if got := one.DigestPart().String(); got != v.One.Digest {
		t.Errorf("digest of one: %s, want %s", got, v.One.Digest)
	}
}

// TestVectorsJournal sends the golden events and checks their chain on the other
// side, on the bytes that have arrived.
func TestVectorsJournal(t *testing.T) {
	v := vector[struct {
		Events  []string
		Journal string
	}](t, "journal.json")
	out := Events{V: Version, Bank: here.Bank, Journal: v.Journal}
	for _, e := range v.Events {
		out.Events = append(out.Events, json.RawMessage(e))
	}
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	in, err := DecodeEvents(b)
	if err != nil {
		t.Fatal(err)
	}
	prev := sha256.Sum256([]byte(in.Journal))
	for i, e := range in.Events {
		body, rest, ok := strings.Cut(string(e), `,"hash":"`)
		if string(e) != v.Events[i] || !ok {
			t.Fatalf("event %d has changed on its way: %s", i, e)
		}
		prev = sha256.Sum256(append(prev[:], body...))
		if rest != hex.EncodeToString(prev[:])+`"}` {
			t.Errorf("event %d: hash %s, want %x", i, rest, prev)
		}
	}
}
