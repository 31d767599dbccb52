package flashtest

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// Zipped is an image as .img.gz, of one of gzip's levels.
func Zipped(tb testing.TB, b []byte, level int) []byte {
	tb.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
