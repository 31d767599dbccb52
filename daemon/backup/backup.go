// Package backup is the form of a backup of a bank: a gzipped tar of named files
// that ends with the SHA-256 of each. It is written and read as a stream, so that
// its size costs no memory; what was read counts only when Read has returned nil,
// for the digests stand at the end. With a recipient the stream is encrypted in
// chunks, so that a cut shows as much as a change does.
//
//	backup.json      Head
//	journal/…        the store's files, see store/FORMAT.md
//	lockerd.toml     the configuration as it is
//	keys/…           files that the configuration names, only if asked for
//	digests.json     Digests, the last one
package backup

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/config"
	"lockerd/daemon/locker"
)

// Version is that of the form.
const Version = 1

// Bounds of what is read.
const (
	FilesMax = 4096
	BytesMax = 4 << 30 // of all files
	smallMax = 1 << 20 // of backup.json and digests.json
	nameMax  = 96
	headName = "backup.json"

	// ConfigName is the configuration in a backup, KeysDir where its keys are, NoBank the
	// name of a bank that could not be told.
	ConfigName = "lockerd.toml"
	KeysDir    = "keys/"
	NoBank     = "unknown"

	tableName = "digests.json"
)

// ErrDamaged is returned when a backup is not what its digests say, or not whole.
var ErrDamaged = errors.New("the backup is damaged")

// Head is the first file.
type Head struct {
	V       int         `json:"v"`
	Bank    string      `json:"bank"`
	At      locker.Time `json:"at"`   // bank time
	Made    time.Time   `json:"made"` // by the system's clock
	By      string      `json:"by"`   // program and version
	Journal string      `json:"journal"`
	Next    uint64      `json:"next"` // seq of the event after the last in it, at least
}

// File is one file as the digests name it.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Secrets are the files that a configuration names, by their names in a backup. What a
// board has enrolled for is not among them: its key never leaves it, and another board
// enrols for itself.
func Secrets(c *config.Config) map[string]string {
	files := map[string]string{"update-root.json": c.Update.RootFile}
	if m := c.MQTT; m != nil {
		files["mqtt.password"], files["ca.pem"], files["bank.pem"], files["bank.key"] = m.PasswordFile, m.CAFile, m.CertFile, m.KeyFile
	}
	if c.Trust != nil {
		files["trust.json"] = c.Trust.KeysFile
	}
	maps.DeleteFunc(files, func(_, path string) bool {
		return path == "" || c.Identity != nil && filepath.Dir(path) == filepath.Clean(c.Identity.Dir)
	})
	return files
}

// Writer writes a backup.
type Writer struct {
	head Head
	z    *gzip.Writer
	t    *tar.Writer
	at   time.Time
	list []File
	seen map[string]bool
}

// NewWriter begins a backup.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed) // a small board has other things to do
	if err != nil {
		return nil, fmt.Errorf("cannot begin a backup: %w", err)
	}
	b := &Writer{z: z, t: tar.NewWriter(z), at: h.Made, seen: map[string]bool{}}
	h.V = Version
	b.head = h
	raw, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot begin a backup: %w", err)
	}
	return b, b.Add(headName, int64(len(raw)), strings.NewReader(string(raw)))
}

// Add adds a file of that size.
func (b *Writer) Add(name string, size int64, r io.Reader) error {
	if !sound(name) || b.seen[name] {
		return fmt.Errorf("cannot back up %q: its name is not plain or there twice", name)
	}
	b.seen[name] = true
	sum := sha256.New()
	if err := b.file(name, size, io.TeeReader(r, sum)); err != nil {
		return fmt.Errorf("cannot back up %q: %w", name, err)
	}
	b.list = append(b.list, File{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (b *Writer) file(name string, size int64, r io.Reader) error {
	h := &tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: b.at.Truncate(time.Second), Format: tar.FormatPAX}
	if err := b.t.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(b.t, io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Head returns the head as it was written.
func (b *Writer) Head() Head { return b.head }

// Files returns what was added so far.
func (b *Writer) Files() []File { return slices.Clone(b.list) }

// Close writes the digests and ends the backup, not what it was written to.
func (b *Writer) Close() error {
	raw, err := json.Marshal(b.list)
	if err == nil {
		err = b.file(tableName, int64(len(raw)), strings.NewReader(string(raw)))
	}
	return errors.Join(err, b.t.Close(), b.z.Close())
}

// Read reads a backup. begin is called with its head, then each file is given to
// file. Nothing of it may be used before Read has returned nil.
func Read(r io.Reader, begin func(Head) error, file func(name string, size int64, r io.Reader) error) (Head, []File, error) {
	b := &reading{begin: begin, file: file}
	z, err := gzip.NewReader(r)
	if err != nil {
		return b.head, nil, damaged("it does not begin as one", err)
	}
	t := tar.NewReader(io.LimitReader(z, BytesMax+64<<20))
	for !b.ended {
		if err := b.next(t); err != nil {
			return b.head, b.list, err
		}
	}
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return b.head, b.list, damaged("something follows its digests", err)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(z, 1<<20)); err != nil || n == 1<<20 { // to gzip's own check sum
		return b.head, b.list, damaged("it does not end where it should", err)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(r, 1)); err != nil || n > 0 { // to the end of an encrypted one
		return b.head, b.list, damaged("it does not end where it should", err)
	}
	return b.head, b.list, nil
}

func damaged(why string, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %s", ErrDamaged, why)
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, why, err)
}

// reading is a backup as far as it was read.
type reading struct {
	begin func(Head) error
	file  func(name string, size int64, r io.Reader) error
	head  Head
	list  []File
	total int64
	ended bool
}

func (b *reading) next(t *tar.Reader) error {
	h, err := t.Next()
	if err != nil {
		return damaged("it is not whole", err)
	}
	if h.Typeflag != tar.TypeReg || !sound(h.Name) || h.Size < 0 || len(b.list) >= FilesMax || b.total+h.Size > BytesMax {
		return damaged(fmt.Sprintf("it holds %.96q", h.Name), nil)
	}
	b.total += h.Size
	switch {
	case h.Name == tableName:
		b.ended = true
		return b.table(t, h.Size)
	case (h.Name == headName) != (len(b.list) == 0):
		return damaged("it does not begin with "+headName, nil)
	}
	sum := sha256.New()
	if err := b.take(h, &counted{r: t, sum: sum}); err != nil {
		return err
	}
	b.list = append(b.list, File{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// counted digests what is read of a file. Its errors are the stream's.
type counted struct {
	r   io.Reader
	sum hash.Hash
	err error
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

func (b *reading) take(h *tar.Header, r *counted) error {
	if h.Name == headName {
		raw, err := io.ReadAll(io.LimitReader(r, smallMax))
		if err != nil || json.Unmarshal(raw, &b.head) != nil || b.head.V != Version || !locker.ValidBank(b.head.Bank) {
			return damaged("its head cannot be read: another version of lockerctl may have made it", err)
		}
		return b.begin(b.head)
	}
	err := b.file(h.Name, h.Size, r)
	if r.err != nil {
		return damaged("it is not whole", r.err)
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // what was not wanted
		return damaged("it is not whole", err)
	}
	return nil
}

func (b *reading) table(r io.Reader, size int64) error {
	var want []File
	raw, err := io.ReadAll(io.LimitReader(r, smallMax))
	if err != nil || size > smallMax || json.Unmarshal(raw, &want) != nil || len(want) != len(b.list) {
		return damaged("its digests cannot be read", err)
	}
	for i, f := range b.list {
		if f != want[i] {
			return damaged(fmt.Sprintf("%s is not as it was", f.Name), nil)
		}
	}
	return nil
}

// sound keeps a name within the directory that a backup is unpacked to.
func sound(name string) bool {
	if name == "" || len(name) > nameMax || path.Clean(name) != name || path.IsAbs(name) || name[0] == '.' {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != "" {
			return false
		}
	}
	return strings.Count(name, "/") <= 1
}
