package backup_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"lockerd/daemon/backup"
)

// FuzzRead reads anything; what is taken for a backup is one, written again it is read as
// the same.
func FuzzRead(f *testing.F) {
	var whole, empty bytes.Buffer
	for b, files := range map[*bytes.Buffer][]file{&whole: some, &empty: nil} {
		w, err := backup.NewWriter(b, head)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range files {
			if err := w.Add(x.name, int64(len(x.body)), strings.NewReader(x.body)); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, got, err := read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := backup.NewWriter(&again, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range got {
			if err := w.Add(x.name, int64(len(x.body)), strings.NewReader(x.body)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		h2, got2, err := backup.Read(&again, func(backup.Head) error { return nil }, func(string, int64, io.Reader) error { return nil })
		if err != nil || h2 != h || len(got2) != len(got)+1 {
			t.Errorf("%+v %d files, then %+v %d: %v", h, len(got), h2, len(got2), err)
		}
		if _, got3, err := read(bytes.NewReader(b)); err != nil || !slices.Equal(got3, got) {
			t.Errorf("read twice it differs: %v", err)
		}
	})
}
