// Package bundle makes and reads support bundles: a gzipped tar of named parts
// behind a manifest with the SHA-256 of each. The same parts give the same
// bytes, whatever their order. It is pure: what goes in is its caller's choice,
// and so is keeping secrets out; Redact does that for the configuration.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// PartMax bounds one part; of a longer one the end is kept, where the
	// newest lines are.
	PartMax = 1 << 20
	// TotalMax bounds the parts together, before compression.
	TotalMax = 8 << 20

	manifestName = "manifest.json"
	manifestMax  = 256 << 10
	pieceBytes   = 32 << 10 // packed at a time
)

// ErrDamaged is returned when a bundle is not what its manifest says.
var ErrDamaged = errors.New("the bundle is damaged")

// Part is one file of a bundle.
type Part struct {
	Name string
	Body []byte
}

// Entry is what the manifest says of a part.
type Entry struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	Cut    int    `json:"cut,omitempty"` // bytes left out at its beginning
	SHA256 string `json:"sha256"`
}

// Manifest is the first file of a bundle.
type Manifest struct {
	Version int       `json:"v"`
	Bank    string    `json:"bank"`
	At      time.Time `json:"at"`
	Parts   []Entry   `json:"parts"`
}

// Write writes a bundle of a bank, made at a time.
func Write(w io.Writer, bank string, at time.Time, parts []Part) error {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	m := Manifest{Version: 1, Bank: bank, At: at.UTC().Truncate(time.Millisecond), Parts: []Entry{}}
	left := TotalMax
	for i := range parts {
		p := &parts[i]
		if !sound(p.Name) || i > 0 && parts[i-1].Name == p.Name {
			return fmt.Errorf("cannot bundle part %q: its name is not plain or there twice", p.Name)
		}
		cut := max(0, len(p.Body)-min(PartMax, left))
		p.Body = p.Body[cut:]
		left -= len(p.Body)
		m.Parts = append(m.Parts, Entry{Name: p.Name, Bytes: len(p.Body), Cut: cut, SHA256: sum(p.Body)})
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	return pack(w, m.At, append([]Part{{manifestName, head}}, parts...))
}

func pack(w io.Writer, at time.Time, parts []Part) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, p := range parts {
		h := &tar.Header{Name: p.Name, Mode: 0o600, Size: int64(len(p.Body)), ModTime: at.Truncate(time.Second), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("cannot bundle part %q: %w", p.Name, err)
		}
		for piece := range slices.Chunk(p.Body, pieceBytes) {
			if _, err := t.Write(piece); err != nil {
				return fmt.Errorf("cannot bundle part %q: %w", p.Name, err)
			}
			runtime.Gosched() // a small board has one processor, and doors come first
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// Read reads a bundle and verifies it against its manifest. A bundle that
// unpacks to more than Write makes is refused before it fills the memory.
func Read(r io.Reader) (Manifest, []Part, error) {
	var m Manifest
	z, err := gzip.NewReader(r)
	if err != nil {
		return m, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	t := tar.NewReader(io.LimitReader(z, TotalMax+manifestMax+1<<20))
	head, err := next(t, manifestMax)
	if err != nil || head.Name != manifestName || json.Unmarshal(head.Body, &m) != nil || m.Version != 1 {
		return m, nil, fmt.Errorf("%w: it does not begin with a manifest", ErrDamaged)
	}
	var parts []Part
	for _, e := range m.Parts {
		p, err := next(t, PartMax)
		if err != nil || p.Name != e.Name || len(p.Body) != e.Bytes || sum(p.Body) != e.SHA256 {
			return m, nil, fmt.Errorf("%w: part %q is not as the manifest has it", ErrDamaged, e.Name)
		}
		parts = append(parts, p)
	}
	if _, err := t.Next(); !errors.Is(err, io.EOF) {
		return m, nil, fmt.Errorf("%w: it does not end where the manifest has it", ErrDamaged)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(z, 1<<20)); err != nil || n == 1<<20 { // to gzip's own check sum
		return m, nil, fmt.Errorf("%w: it does not end where it should", ErrDamaged)
	}
	return m, parts, nil
}

func next(t *tar.Reader, most int64) (Part, error) {
	h, err := t.Next()
	if err != nil {
		return Part{}, err
	}
	if h.Typeflag != tar.TypeReg || h.Size > most || !sound(h.Name) {
		return Part{}, ErrDamaged
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, t)
	return Part{Name: h.Name, Body: b.Bytes()}, err
}

// sound keeps a name from leaving the directory that a bundle is unpacked to.
func sound(name string) bool {
	if name == "" || len(name) > 64 || name[0] == '.' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
