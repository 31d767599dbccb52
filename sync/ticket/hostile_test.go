package ticket

import (
	"crypto/ed25519"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// forge is a ticket made by hand, so that every part can be wrong while the
// signature holds.
type forge struct {
	kid         string
	signer      string
	protected   []byte // else {1: -8, 4: kid}
	unprotected []byte // else {}
	payload     []byte
	external    string
	tail        []byte
	tag         bool
	lead        byte
}

func enc(tb testing.TB, v any) []byte {
	tb.Helper()
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		tb.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (f forge) text(tb testing.TB) string {
	tb.Helper()
	if f.protected == nil {
		f.protected = enc(tb, map[int]any{1: -8, 4: []byte(f.kid)})
	}
	if f.unprotected == nil {
		f.unprotected = []byte{0xa0}
	}
	key := signer(tb, f.signer)
	sig := ed25519.Sign(key, enc(tb, []any{"Signature1", f.protected, []byte(f.external), f.payload}))
	msg := append([]byte{0x84}, enc(tb, f.protected)...)
	msg = append(msg, f.unprotected...)
	msg = append(msg, enc(tb, f.payload)...)
	msg = append(append(msg, enc(tb, sig)...), f.tail...)
	if f.tag {
		msg = append([]byte{0xd2}, msg...)
	}
	if f.lead != 0 {
		return new(big.Int).SetBytes(append([]byte{f.lead}, msg...)).String()
	}
	return textOf(msg)
}

// said is the payload of a good collect, changed by edit.
func said(edit func(map[int]any)) map[int]any {
	m := map[int]any{1: bank, 2: []byte{1, 2, 3, 4, 5, 6, 7, 8}, 3: 1_795_000_000, 4: 3600, 5: "collect", 6: "1-07", 7: "acme", 8: "REQ1"}
	if edit != nil {
		edit(m)
	}
	return m
}

func TestHostile(t *testing.T) {
	good := forge{kid: "acme-1", signer: "acme-1", payload: enc(t, said(nil)), external: external}
	with := func(edit func(*forge)) string {
		f := good
		edit(&f)
		return f.text(t)
	}
	says := func(edit func(map[int]any)) string {
		return with(func(f *forge) { f.payload = enc(t, said(edit)) })
	}
	raw := good.payload
	cases := []struct {
		name, text string
		want       locker.Reason
	}{
		{"good", good.text(t), locker.Granted},
		{"no door, by sku", says(func(m map[int]any) { delete(m, 6); m[9] = "laptop-14" }), locker.Granted},

		{"tagged", with(func(f *forge) { f.tag = true }), locker.Malformed},
		{"data after it", with(func(f *forge) { f.tail = []byte{0} }), locker.Malformed},
		{"lead of 2", with(func(f *forge) { f.lead = 2 }), locker.Malformed},
		{"unprotected header", with(func(f *forge) { f.unprotected = []byte{0xa1, 0x04, 0x01} }), locker.Malformed},
		{"unprotected header of indefinite length", with(func(f *forge) { f.unprotected = []byte{0xbf, 0xff} }), locker.Malformed},
		{"unprotected header null", with(func(f *forge) { f.unprotected = []byte{0xf6} }), locker.Malformed},
		{"unprotected header undefined", with(func(f *forge) { f.unprotected = []byte{0xf7} }), locker.Malformed},
		{"no ref but an empty one", says(func(m map[int]any) { m[8] = "" }), locker.Malformed},
		{"another algorithm", with(func(f *forge) { f.protected = enc(t, map[int]any{1: -7, 4: []byte("acme-1")}) }), locker.Malformed},
		{"no kid", with(func(f *forge) { f.protected = enc(t, map[int]any{1: -8}) }), locker.Malformed},
		{"kid as text", with(func(f *forge) { f.protected = enc(t, map[int]any{1: -8, 4: "acme-1"}) }), locker.Malformed},
		{"third header", with(func(f *forge) { f.protected = enc(t, map[int]any{1: -8, 4: []byte("acme-1"), 5: 1}) }), locker.Malformed},
		{"header unsorted", with(func(f *forge) { f.protected = []byte("\xa2\x04\x46acme-1\x01\x27") }), locker.Malformed},
		{"number too long", with(func(f *forge) { f.protected = []byte("\xa2\x01\x38\x07\x04\x46acme-1") }), locker.Malformed},
		{"no payload", with(func(f *forge) { f.payload = []byte{} }), locker.Malformed},
		{"payload of indefinite length", with(func(f *forge) { f.payload = append(append([]byte{0xbf}, raw[1:]...), 0xff) }), locker.Malformed},
		{"member twice", with(func(f *forge) { f.payload = append([]byte{raw[0] + 1, 0x01, 0x61, 'x'}, raw[1:]...) }), locker.Malformed},
		{"unknown member", says(func(m map[int]any) { m[11] = 1 }), locker.Malformed},
		{"items 0", says(func(m map[int]any) { m[10] = 0 }), locker.Malformed},
		{"items -1", says(func(m map[int]any) { m[10] = -1 }), locker.Malformed},
		{"items 1000", says(func(m map[int]any) { m[10] = 1000 }), locker.Malformed},
		{"id of 7 bytes", says(func(m map[int]any) { m[2] = []byte{1, 2, 3, 4, 5, 6, 7} }), locker.Malformed},
		{"no id", says(func(m map[int]any) { delete(m, 2) }), locker.Malformed},
		{"no lifetime", says(func(m map[int]any) { delete(m, 4) }), locker.Malformed},
		{"lifetime 0", says(func(m map[int]any) { m[4] = 0 }), locker.Malformed},
		{"lifetime of 7 days", says(func(m map[int]any) { m[4] = 604800 }), locker.Granted},
		{"lifetime above 7 days", says(func(m map[int]any) { m[4] = 604801 }), locker.Malformed},
		{"lifetime beyond an int", says(func(m map[int]any) { m[4] = uint64(1<<63 + 3600) }), locker.Malformed},
		{"not-before as a fraction", says(func(m map[int]any) { m[3] = 1.5 }), locker.Malformed},
		{"not-before below 0", says(func(m map[int]any) { m[3] = -5 }), locker.Malformed},
		{"not-before beyond 9999", says(func(m map[int]any) { m[3] = uint64(1 << 62) }), locker.Malformed},
		{"return", says(func(m map[int]any) { m[5] = "return" }), locker.Malformed},
		{"door 7-01", says(func(m map[int]any) { m[6] = "7-01" }), locker.Malformed},
		{"door empty", says(func(m map[int]any) { m[6] = "" }), locker.Malformed},
		{"no door and no sku", says(func(m map[int]any) { delete(m, 6) }), locker.Malformed},
		{"deliver without sku", says(func(m map[int]any) { m[5] = "deliver" }), locker.Malformed},
		{"tenant local", says(func(m map[int]any) { m[7] = "local" }), locker.Malformed},
		{"tenant null", says(func(m map[int]any) { m[7] = nil }), locker.Malformed},
		{"ref of 33", says(func(m map[int]any) { m[8] = strings.Repeat("é", 33) }), locker.Malformed},
		{"ref of 32", says(func(m map[int]any) { m[8] = strings.Repeat("é", 32) }), locker.Granted},
		{"ref not UTF-8", says(func(m map[int]any) { m[8] = "a\xff" }), locker.Malformed},
		{"bank no name", says(func(m map[int]any) { m[1] = "Lon" }), locker.Malformed},

		{"unknown key", with(func(f *forge) { f.kid = "acme-2" }), locker.BadSignature},
		{"signed by another", with(func(f *forge) { f.signer = "globex-1" }), locker.BadSignature},
		{"signed for another purpose", with(func(f *forge) { f.external = "" }), locker.BadSignature},
		{"for another tenant", says(func(m map[int]any) { m[7] = "globex" }), locker.BadSignature},
		{"for no tenant, by a tenant", says(func(m map[int]any) { delete(m, 7) }), locker.BadSignature},
		{"service by a tenant", says(func(m map[int]any) { m[5] = "service" }), locker.BadSignature},
		{"another tenant's at another bank", says(func(m map[int]any) { m[7] = "globex"; m[1] = "ber-001" }), locker.BadSignature},
		{"another bank", says(func(m map[int]any) { m[1] = "ber-001" }), locker.WrongBank},

		{"empty", "", locker.Malformed},
		{"26 digits", "31415926535897932384626434", locker.Malformed},
		{"a leading zero", "0" + good.text(t), locker.Malformed},
		{"a sign", "+" + good.text(t), locker.Malformed},
		{"an underscore", good.text(t)[:50] + "_" + good.text(t)[50:], locker.Malformed},
		{"1024 nines", strings.Repeat("9", 1024), locker.Malformed},
		{"1025 digits", strings.Repeat("1", 1025), locker.Malformed},
		{"a million digits", strings.Repeat("7", 1_000_000), locker.Malformed},
	}
	keys := trusted(t)
	for _, c := range cases {
		if _, got := Open(c.text, bank, keys); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestMay asks which key may for whom.
func TestMay(t *testing.T) {
	key := func(tenant string, may ...string) *wire.Keys {
		pub, _ := signer(t, "acme-1").Public().(ed25519.PublicKey)
		k, err := wire.NewKeys(wire.Key{KID: "acme-1", Public: pub, May: may, Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	at := locker.TimeOf(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	collect := Ticket{Bank: bank, NotBefore: at, Lifetime: time.Hour, Kind: locker.Collect, SKU: "lap", Tenant: "acme"}
	service := Ticket{Bank: bank, NotBefore: at, Lifetime: time.Hour, Kind: locker.Service}
	nobody := collect
	nobody.Tenant = ""
	for name, c := range map[string]struct {
		keys *wire.Keys
		t    Ticket
		want locker.Reason
	}{
		"own":                    {key("acme", "ticket"), collect, locker.Granted},
		"operator for a tenant":  {key("*", "ticket"), collect, locker.Granted},
		"operator for nobody":    {key("*", "ticket"), nobody, locker.Granted},
		"operator's service":     {key("*", "ticket"), service, locker.Granted},
		"may codes only":         {key("acme", "codes"), collect, locker.BadSignature},
		"operator may not":       {key("*", "codes", "trust"), collect, locker.BadSignature},
		"another tenant":         {key("globex", "ticket"), collect, locker.BadSignature},
		"tenant for nobody":      {key("acme", "ticket"), nobody, locker.BadSignature},
		"tenant's service":       {key("acme", "ticket"), service, locker.BadSignature},
		"no keys (trust absent)": {nil, collect, locker.BadSignature},
	} {
		text, err := Sign(c.t, "acme-1", signer(t, "acme-1"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, got := Open(text, bank, c.keys); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestCode looks at the record that a ticket becomes.
func TestCode(t *testing.T) {
	x := Ticket{Bank: bank, ID: [8]byte{0xab, 7: 1}, NotBefore: 1000, Lifetime: time.Hour, Kind: locker.Collect, SKU: "lap", Tenant: "acme"}
	c := x.Code()
	if x.Set() != "acme" || c.ID != "t-ab00000000000001" || c.Tenant != "" || c.NotAfter != 3601000 || c.TenantIn(x.Set()) != "acme" {
		t.Errorf("tenant's: set %q, %+v", x.Set(), c)
	}
	x.Tenant = ""
	if c = x.Code(); x.Set() != "*" || c.TenantIn(x.Set()) != "" {
		t.Errorf("operator's: set %q, %+v", x.Set(), c)
	}
	x.Kind, x.Tenant = locker.Service, "acme"
	if c = x.Code(); x.Set() != "*" || c.TenantIn(x.Set()) != "acme" {
		t.Errorf("service: set %q, %+v", x.Set(), c)
	}
}

func TestSignRefuses(t *testing.T) {
	at := locker.Time(1_795_000_000_000)
	good := Ticket{Bank: bank, NotBefore: at, Lifetime: time.Hour, Kind: locker.Collect, SKU: "lap", Tenant: "acme"}
	for want, edit := range map[string]func(*Ticket){
		"bank":       func(t *Ticket) { t.Bank = "" },
		"lifetime":   func(t *Ticket) { t.Lifetime = MaxLifetime + time.Second },
		"kind":       func(t *Ticket) { t.Kind = locker.Swap },
		"no door":    func(t *Ticket) { t.SKU = "" },
		"ref":        func(t *Ticket) { t.Ref = strings.Repeat("x", 33) },
		"tenant":     func(t *Ticket) { t.Tenant = "local" },
		"not-before": func(t *Ticket) { t.NotBefore = -1000 },
	} {
		x := good
		edit(&x)
		if _, err := Sign(x, "acme-1", signer(t, "acme-1")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Sign(good, "", signer(t, "acme-1")); err == nil {
		t.Error("signed without a kid")
	}
	longest := good
	longest.Bank, longest.Tenant, longest.SKU = strings.Repeat("b", 32), strings.Repeat("t", 32), strings.Repeat("s", 32)
	longest.Ref, longest.Items, longest.Kind = strings.Repeat("\U0001F512", 32), 204, locker.Deliver
	text, err := Sign(longest, strings.Repeat("k", maxKID), signer(t, "acme-1"))
	if err != nil || len(text) > MaxDigits {
		t.Errorf("the longest ticket has %d digits, a scan at most %d: %v", len(text), MaxDigits, err)
	}
}

// BenchmarkHostile reads the longest number that a scanner can deliver.
func BenchmarkHostile(b *testing.B) {
	keys, text := trusted(b), strings.Repeat("9", MaxDigits)
	for b.Loop() {
		if _, r := Open(text, bank, keys); r != locker.Malformed {
			b.Fatal(r)
		}
	}
}

// BenchmarkOpen reads a good ticket.
func BenchmarkOpen(b *testing.B) {
	keys, v := trusted(b), vector[[]ticketVector](b, "tickets.json")
	for b.Loop() {
		if _, r := Open(v[0].Text, bank, keys); r != locker.Granted {
			b.Fatal(r)
		}
	}
}
