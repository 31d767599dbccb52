package bundle

import (
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A sealed stream is the same HPKE for what is too large for memory: the
// encapsulated key, then chunks, each with its length in front. The last one says
// so, in its length and in what is authenticated with it: a cut is not an end.
const (
	streamMagic = "lockerd backup sealed v1\n"
	streamChunk = 64 << 10
	streamLast  = 1 << 31 // flag in a length
	encBytes    = 32      // of X25519
	tagBytes    = 16      // of ChaCha20-Poly1305
)

// SealStream encrypts what is written to it to a recipient. Close ends the stream,
// not w.
func SealStream(to string, w io.Writer) (io.WriteCloser, error) {
	pk, err := publicOf(to)
	if err != nil {
		return nil, err
	}
	enc, s, err := hpke.NewSender(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(streamMagic))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	_, err = w.Write(append([]byte(streamMagic), enc...))
	return &sealer{w: w, s: s, buf: make([]byte, 0, streamChunk)}, err
}

type sealer struct {
	w   io.Writer
	s   *hpke.Sender
	buf []byte
}

// Write implements io.Writer.
func (s *sealer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(s.buf) == streamChunk { // there is more: it is not the last
			if err := s.flush(0); err != nil {
				return n, err
			}
		}
		k := min(streamChunk-len(s.buf), len(p))
		s.buf = append(s.buf, p[:k]...)
		p, n = p[k:], n+k
	}
	return n, nil
}

// Close implements io.Closer.
func (s *sealer) Close() error { return s.flush(streamLast) }

func (s *sealer) flush(last uint32) error {
	c, err := s.s.Seal(aad(last), s.buf)
	if err != nil {
		return fmt.Errorf("cannot encrypt: %w", err)
	}
	_, err = s.w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(c))|last), c...))
	s.buf = s.buf[:0]
	return err
}

func aad(last uint32) []byte { return binary.BigEndian.AppendUint32(nil, last) }

// IsSealedStream tells by its beginning whether a file is a sealed stream.
func IsSealedStream(head []byte) bool { return strings.HasPrefix(string(head), streamMagic) }

// StreamHead is how many bytes IsSealedStream needs.
const StreamHead = len(streamMagic)

// UnsealStream decrypts what SealStream has made. A stream that was cut ends with an
// error, never with io.EOF.
func UnsealStream(secret string, r io.Reader) (io.Reader, error) {
	sk, err := privateOf(secret)
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(streamMagic)+encBytes)
	if _, err := io.ReadFull(r, head); err != nil || !IsSealedStream(head) {
		return nil, fmt.Errorf("%w: it is not encrypted, or cut", ErrDamaged)
	}
	o, err := hpke.NewRecipient(head[len(streamMagic):], sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), []byte(streamMagic))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &unsealer{r: r, o: o}, nil
}

type unsealer struct {
	r     io.Reader
	o     *hpke.Recipient
	plain []byte
	first bool // a chunk was opened: the key fits
	last  bool
	err   error
}

// Read implements io.Reader.
func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.plain) == 0 && u.err == nil {
		u.err = u.next()
	}
	if len(u.plain) == 0 {
		return 0, u.err
	}
	n := copy(p, u.plain)
	u.plain = u.plain[n:]
	return n, nil
}

func (u *unsealer) next() error {
	var size [4]byte
	if u.last {
		if n, err := io.ReadFull(u.r, size[:1]); n > 0 || !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: something follows its end", ErrDamaged)
		}
		return io.EOF
	}
	if _, err := io.ReadFull(u.r, size[:]); err != nil {
		return fmt.Errorf("%w: it is cut", ErrDamaged)
	}
	n := binary.BigEndian.Uint32(size[:])
	last := n & streamLast
	if n &^= streamLast; n > streamChunk+tagBytes {
		return fmt.Errorf("%w: a piece of it has an impossible length", ErrDamaged)
	}
	c := make([]byte, n)
	if _, err := io.ReadFull(u.r, c); err != nil {
		return fmt.Errorf("%w: it is cut", ErrDamaged)
	}
	plain, err := u.o.Open(aad(last), c)
	switch {
	case err != nil && !u.first:
		return fmt.Errorf("%w, or it was changed", ErrKey)
	case err != nil:
		return fmt.Errorf("%w: a piece of it was changed", ErrDamaged)
	}
	u.plain, u.first, u.last = plain, true, last != 0
	return nil
}
