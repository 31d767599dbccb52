// Package image reads a card's image from a file, .img as it is or compressed by gzip, from its
// first byte to its last, and from the middle. What the file is, its first bytes say, not
// its name. It is judged by what its makers left: the checksums inside of gzip, and SHA-256 in a
// file IMAGE.sha256 beside it, if there is one.
package image

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lockerd/cmd/lockerctl/flash/fault"
)

// Image is a file that holds a card's image.
type Image struct {
	Path  string
	Bytes int64  // of the file
	Sum   string // SHA-256 that the file should have, in hex; empty: nobody says

	zipped bool
}

const again = "fetch the image again"

// foreign are the beginnings of what holds an image and can't be read here.
var foreign = []struct{ magic, cure string }{
	{"\xfd7zXZ\x00", "unpack it first: xz -dk %s"},
	{"\x28\xb5\x2f\xfd", "unpack it first: unzstd %s"},
	{"BZh", "unpack it first: bunzip2 -k %s"},
	{"PK\x03\x04", "unpack it first: unzip %s"},
	{"QFI\xfb", "convert it first: qemu-img convert -O raw %s card.img"},
}

// Open looks at an image.
func Open(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New("name a file .img or .img.gz; make image-pi makes one", "cannot read the image: %v", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fault.New("name a file .img or .img.gz", "cannot read the image: %s is no file", path)
	}
	var head [6]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && n == 0 {
		return nil, fault.New(again, "cannot read the image: %s is empty", path)
	}
	for _, k := range foreign {
		if bytes.HasPrefix(head[:n], []byte(k.magic)) {
			return nil, fault.New(fmt.Sprintf(k.cure, path), "cannot read the image: %s is neither .img nor .img.gz", path)
		}
	}
	im := &Image{Path: path, Bytes: info.Size(), zipped: bytes.HasPrefix(head[:n], []byte("\x1f\x8b"))}
	im.Sum, err = wanted(path)
	return im, err
}

var sumForm = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// wanted reads what sha256sum has written into the file beside an image.
func wanted(path string) (string, error) {
	beside := path + ".sha256"
	b, err := os.ReadFile(beside)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fault.New("make it readable, or move it away", "cannot read the image's checksum: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, line := range lines {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		name = filepath.Base(strings.TrimLeft(name, " *"))
		if sumForm.MatchString(sum) && (len(lines) == 1 || name == filepath.Base(path)) {
			return strings.ToLower(sum), nil
		}
	}
	return "", fault.New("fetch it again with the image, or move it away: sha256sum writes such files", "cannot read the image's checksum: %s does not hold one of %s", beside, filepath.Base(path))
}

// Stream is an image being read from its beginning.
type Stream struct {
	im   *Image
	file *os.File
	raw  *counter
	sum  hash.Hash // nil: not compared
	r    io.Reader
}

// counter counts what is read of the file.
type counter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Read begins to read the image. With check, the end of it is an error where the file
// has another checksum than it should have.
func (im *Image) Read(check bool) (*Stream, error) {
	f, err := os.Open(im.Path)
	if err != nil {
		return nil, fault.New("try again", "cannot read the image: %v", err)
	}
	s := &Stream{im: im, file: f, raw: &counter{r: f}}
	s.r = s.raw
	if check && im.Sum != "" {
		s.sum = sha256.New()
		s.r = io.TeeReader(s.raw, s.sum)
	}
	if im.zipped {
		z, err := gzip.NewReader(bufio.NewReaderSize(s.r, 256<<10))
		if err != nil {
			_ = f.Close() // only read
			return nil, s.damaged(err)
		}
		s.r = z
	}
	return s, nil
}

// Taken returns how many of the file's bytes were read.
func (s *Stream) Taken() int64 { return s.raw.n }

// Close ends the reading.
func (s *Stream) Close() error { return s.file.Close() }

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err == io.EOF { //nolint:errorlint // readers return it bare
		if s.sum != nil {
			if got := hex.EncodeToString(s.sum.Sum(nil)); got != s.im.Sum {
				return n, fault.New(again, "cannot use the image: %s has another SHA-256 than %s.sha256 says (%.12s..., not %.12s...)", s.im.Path, s.im.Path, got, s.im.Sum)
			}
		}
		return n, err
	}
	if err != nil {
		err = s.damaged(err)
	}
	return n, err
}

func (s *Stream) damaged(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.New(again, "cannot use the image: %s is cut short after %s", s.im.Path, fault.Bytes(s.im.Bytes))
	case s.im.zipped:
		return fault.New(again, "cannot use the image: %s is corrupt: %v", s.im.Path, err)
	}
	return fault.New(again, "cannot read the image: %v", err)
}
