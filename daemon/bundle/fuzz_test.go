package bundle_test

import (
	"bytes"
	"testing"

	"lockerd/daemon/bundle"
)

// FuzzRead reads anything; what is taken for a bundle is one, written again it is read as
// the same.
func FuzzRead(f *testing.F) {
	for _, parts := range [][]bundle.Part{nil, {{Name: "a.txt", Body: []byte("one")}, {Name: "z.json", Body: []byte("{}")}}} {
		var b bytes.Buffer
		if err := bundle.Write(&b, "lon-042", at, parts); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, parts, err := bundle.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := bundle.Write(&again, m.Bank, m.At, parts); err != nil {
			return // names twice
		}
		m2, parts2, err := bundle.Read(&again)
		if err != nil || m2.Bank != m.Bank || len(parts2) != len(parts) {
			t.Errorf("%+v, then %+v: %v", m, m2, err)
		}
	})
}
