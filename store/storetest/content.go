package storetest

import "bytes"

const (
	pageSize   = 4096
	sectorSize = 512
	// maxFile bounds the size of a recorded file; past it operations fail with
	// EFBIG.
	maxFile = 1 << 30
)

type page [pageSize]byte

// content is the bytes of one file. Pages that were never written are nil and
// read as zeros. Pages are replaced, never changed, so that a clone shares them.
type content struct {
	pages []*page
	size  int64
}

// clone returns a content that can be changed without changing c.
func (c content) clone() content {
	return content{pages: append([]*page(nil), c.pages...), size: c.size}
}

// write puts b at off and grows the content where it must.
func (c *content) write(off int64, b []byte) {
	c.size = max(c.size, off+int64(len(b)))
	for len(b) > 0 {
		at := int(off % pageSize)
		n := min(pageSize-at, len(b))
		c.put(int(off/pageSize), at, b[:n])
		off, b = off+int64(n), b[n:]
	}
}

// put replaces one page by one in which b stands at the given offset.
func (c *content) put(i, at int, b []byte) {
	for len(c.pages) <= i {
		c.pages = append(c.pages, nil)
	}
	old := c.pages[i]
	if old == nil && allZero(b) {
		return
	}
	p := new(page)
	if old != nil && len(b) < pageSize {
		*p = *old
	}
	copy(p[at:], b)
	c.pages[i] = p
}

// zero puts zeros over n bytes at off; the size stays.
func (c *content) zero(off, n int64) {
	end := min(off+n, c.size, int64(len(c.pages))*pageSize)
	var zeros page
	for off < end {
		at := int(off % pageSize)
		n := min(pageSize-at, int(end-off))
		if i := off / pageSize; n == pageSize {
			c.pages[i] = nil
		} else if c.pages[i] != nil {
			c.put(int(i), at, zeros[:n])
		}
		off += int64(n)
	}
}

// resize cuts the content, or lengthens it by zeros.
func (c *content) resize(size int64) {
	if size < c.size {
		c.zero(size, c.size-size)
		if keep := (size + pageSize - 1) / pageSize; int64(len(c.pages)) > keep {
			c.pages = c.pages[:keep:keep]
		}
	}
	c.size = size
}

// read copies what stands at off to b and returns how much that is.
func (c content) read(b []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	b = b[:min(int64(len(b)), c.size-off)]
	clear(b)
	for done := 0; done < len(b); {
		at := int(off % pageSize)
		n := min(pageSize-at, len(b)-done)
		if i := off / pageSize; i < int64(len(c.pages)) && c.pages[i] != nil {
			copy(b[done:done+n], c.pages[i][at:])
		}
		done, off = done+n, off+int64(n)
	}
	return len(b)
}

func allZero(b []byte) bool {
	var zeros page
	return bytes.Equal(b, zeros[:len(b)])
}
