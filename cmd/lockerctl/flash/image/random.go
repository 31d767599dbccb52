package image

import (
	"fmt"
	"io"
	"os"
)

const block = 1 << 20

// Random reads an image from the middle. What is compressed is unpacked up to there, and
// from the beginning again for what lies further back: meant for few reads, in
// ascending order most of the time.
type Random struct {
	im     *Image
	file   *os.File // of an image as it is
	s      *Stream  // nil: not begun
	at     int64    // of s
	held   int64    // which block buf holds; -1: none
	buf    []byte
	filled int
}

// Random begins such a reading.
func (im *Image) Random() (*Random, error) {
	r := &Random{im: im, held: -1}
	if im.zipped {
		return r, nil
	}
	f, err := os.Open(im.Path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the image: %w", err)
	}
	r.file = f
	return r, nil
}

// Close ends the reading.
func (r *Random) Close() error {
	switch {
	case r.file != nil:
		return r.file.Close()
	case r.s != nil:
		return r.s.Close()
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (r *Random) ReadAt(p []byte, off int64) (int, error) {
	if r.file != nil {
		return r.file.ReadAt(p, off)
	}
	done := 0
	for done < len(p) {
		pos := off + int64(done)
		if err := r.hold(pos / block); err != nil {
			return done, err
		}
		in := int(pos % block)
		if in >= r.filled {
			return done, io.EOF
		}
		done += copy(p[done:], r.buf[in:r.filled])
	}
	return done, nil
}

// hold makes buf hold the n-th block.
func (r *Random) hold(n int64) error {
	if n == r.held {
		return nil
	}
	if r.buf == nil {
		r.buf = make([]byte, block)
	}
	if r.s == nil || n*block < r.at {
		if r.s != nil {
			_ = r.s.Close() // only read
		}
		s, err := r.im.Read(false)
		if err != nil {
			return err
		}
		r.s, r.at = s, 0
	}
	r.held = -1
	skipped, err := io.CopyN(io.Discard, r.s, n*block-r.at)
	r.at += skipped
	if err != nil {
		return err
	}
	r.filled, err = io.ReadFull(r.s, r.buf)
	r.at += int64(r.filled)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // of ReadFull, bare
		return err
	}
	r.held = n
	return nil
}
