package control

import (
	"bytes"
	"encoding/json"
	"net"
	"reflect"
	"strings"
	"testing"

	"lockerd/daemon/bank"
)

func TestByOf(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"", "pi"},
		{"  ", "pi"},
		{" Ada L. ", "pi (Ada L.)"},
		{"root", "pi (root)"},
		{strings.Repeat("ä", maxBy), "pi (" + strings.Repeat("ä", maxBy) + ")"},
		{strings.Repeat("a", maxBy+1), ""},
		{"a\nb", ""},
		{"\xff", ""},
	} {
		got, err := byOf("pi", test.given)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("byOf(%q) = %q, %v; want %q", test.given, got, err, test.want)
		}
	}
}

func TestPeerUserOfWhatIsNoSocket(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	if u := peerUser(a); u != "unknown" {
		t.Errorf("peerUser = %q", u)
	}
}

// FuzzDecode: what decodes is written again and decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"door":"1-07","item":null}`, `{"door":"1-07","item":{"tenant":"acme","sku":"x","condition":"ready"}}`, `{"door":"1-07"}`,
		`{"kind":"collect","door":"1-07","ttl_ns":1,"uses":0}`, `{"kind":"return","size":"XL"}`, `{} {}`, `{"door":"1-99"}`, `[`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		roundTrip[bank.NewCode](t, b)
		roundTrip[OpenRequest](t, b)
		var body stockBody
		if decode(bytes.NewReader(b), &body) != nil {
			return
		}
		if !body.Item.given && body.Item.item != nil {
			t.Error("an item that was not given")
		}
		if body.Item.given {
			again, err := json.Marshal(StockRequest{Door: body.Door, Item: body.Item.item})
			var second stockBody
			if err != nil || decode(bytes.NewReader(again), &second) != nil || !reflect.DeepEqual(body, second) {
				t.Errorf("%s becomes %s", b, again)
			}
		}
	})
}

func roundTrip[T any](t *testing.T, b []byte) {
	t.Helper()
	var first, second T
	if decode(bytes.NewReader(b), &first) != nil {
		return
	}
	again, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("%s cannot be written again: %v", b, err)
	}
	if err := decode(bytes.NewReader(again), &second); err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("%s becomes %s (%v)", b, again, err)
	}
}

var _ json.Unmarshaler = (*maybeItem)(nil)
