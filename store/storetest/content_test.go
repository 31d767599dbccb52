package storetest

import (
	"bytes"
	"testing"
)

// plain is the obvious content, against which the real one is held.
type plain []byte

func (p *plain) resize(n int) {
	if n <= len(*p) {
		*p = (*p)[:n:n]
		return
	}
	*p = append(*p, make([]byte, n-len(*p))...)
}

func (c content) bytes() []byte {
	b := make([]byte, c.size)
	c.read(b, 0)
	return b
}

// FuzzContent runs writes, holes and cuts, four bytes of input each, on a
// content and on a plain slice.
func FuzzContent(f *testing.F) {
	f.Add([]byte{0, 1, 0, 9, 1, 0, 200, 3, 2, 0, 17, 0, 0, 3, 255, 200})
	f.Add([]byte{0, 0, 0, 255, 2, 0, 0, 0, 2, 9, 0, 0, 1, 0, 0, 255, 0, 7, 7, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c content
		var p plain
		for fill := byte(0); len(in) >= 4; in = in[4:] {
			fill++
			before, was := c.clone(), c.bytes()
			off, n := int(in[1])*100+int(in[2]), int(in[3])*40
			switch in[0] % 3 {
			case 0:
				b := bytes.Repeat([]byte{fill % 4}, n)
				c.write(int64(off), b)
				p.resize(max(len(p), off+n))
				copy(p[off:], b)
			case 1:
				c.zero(int64(off), int64(n))
				if off < len(p) {
					clear(p[off:min(len(p), off+n)])
				}
			case 2:
				c.resize(int64(off))
				p.resize(off)
			}
			if !bytes.Equal(c.bytes(), p) {
				t.Fatalf("content differs after operation %d at %d, %d bytes", in[0]%3, off, n)
			}
			if !bytes.Equal(before.bytes(), was) {
				t.Fatal("an operation changed a clone")
			}
		}
	})
}
