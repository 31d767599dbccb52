package tuf

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reasons for which a file is not believed.
var (
	// ErrUnsigned is returned when too few trusted keys have signed.
	ErrUnsigned = errors.New("too few valid signatures")
	// ErrExpired is returned when the life of the file is over.
	ErrExpired = errors.New("expired")
	// ErrOlder is returned when a newer one was believed before.
	ErrOlder = errors.New("older than what was believed before")
	// ErrSame is returned for a timestamp that is believed already.
	ErrSame = errors.New("the same version")
	// ErrMalformed is returned for what is no metadata of the role.
	ErrMalformed = errors.New("no metadata of this kind")
)

// maxDepth bounds how deep values may be nested.
const maxDepth = 16

// head is what every role signs.
type head struct {
	Type    string    `json:"_type"`
	Spec    string    `json:"spec_version"`
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

type key struct {
	Type   string `json:"keytype"`
	Scheme string `json:"scheme"`
	Value  struct {
		Public string `json:"public"`
	} `json:"keyval"`
}

// whole is metadata that can tell whether it has all its members: what is left out has
// no meaning here.
type whole interface{ whole() bool }

func (r *Root) whole() bool {
	for _, k := range r.Keys {
		if k == nil || k.Type != "ed25519" || k.Scheme != "ed25519" || len(k.Value.Public) != 2*ed25519.PublicKeySize || !isHex(k.Value.Public) {
			return false
		}
	}
	for _, w := range r.Roles {
		if len(w.KeyIDs) == 0 || w.Threshold < 1 {
			return false
		}
		for _, id := range w.KeyIDs {
			if r.Keys[id] == nil {
				return false
			}
		}
	}
	return r.Consistent && len(r.Keys) > 0
}

func (x *Index) whole() bool {
	for _, m := range x.Meta {
		if m.Version < 1 || !digests(m.Hashes) {
			return false
		}
	}
	return len(x.Meta) > 0
}

func (x *Targets) whole() bool {
	for _, t := range x.Targets {
		if t.Length < 1 || len(t.Hashes) == 0 || !digests(t.Hashes) {
			return false
		}
	}
	return x.Targets != nil
}

func isHex(s string) bool { _, err := hex.DecodeString(s); return err == nil }

func digests(m map[string]string) bool {
	for _, v := range m {
		if !isHex(v) {
			return false
		}
	}
	return true
}

// Role is who may sign a role.
type Role struct {
	KeyIDs    []string `json:"keyids"`
	Threshold int      `json:"threshold"`
}

// Root says who may sign what.
type Root struct {
	head
	Consistent bool            `json:"consistent_snapshot"`
	Keys       map[string]*key `json:"keys"`
	Roles      map[string]Role `json:"roles"`
}

// meta is a file that another names.
type meta struct {
	Version int64             `json:"version"`
	Length  int64             `json:"length"`
	Hashes  map[string]string `json:"hashes"`
}

// Index is a timestamp or a snapshot.
type Index struct {
	head
	Meta map[string]meta `json:"meta"`
}

// Targets are the files of a release.
type Targets struct {
	head
	Targets map[string]Target `json:"targets"`
}

// Target is one file.
type Target struct {
	Length int64             `json:"length"`
	Hashes map[string]string `json:"hashes"`
	Custom json.RawMessage   `json:"custom"`
}

// file is metadata as it is stored.
type file struct {
	Signed     json.RawMessage `json:"signed"`
	Signatures []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	} `json:"signatures"`

	canonical []byte
}

// open reads metadata of a role into v, from the bytes that a signature is of.
func open(b []byte, role string, v whole, h *head) (*file, error) {
	var f file
	if _, err := read(b, &f); err != nil {
		return nil, err
	}
	var err error
	if f.canonical, err = read(f.Signed, v); err != nil {
		return nil, err
	}
	if h.Type != role || !strings.HasPrefix(h.Spec, "1.") || h.Version < 1 || h.Expires.IsZero() {
		return nil, fmt.Errorf("%w: it is %.20q of specification %.20q, version %d", ErrMalformed, h.Type, h.Spec, h.Version)
	}
	if !v.whole() {
		return nil, fmt.Errorf("%w: a member is missing", ErrMalformed)
	}
	seen := map[string]bool{}
	for _, s := range f.Signatures {
		if seen[s.KeyID] || !isHex(s.Sig) {
			return nil, fmt.Errorf("%w: a signature is none, or a key has signed twice", ErrMalformed)
		}
		seen[s.KeyID] = true
	}
	return &f, nil
}

// verify counts the keys of a role that have signed. The same key under two names counts
// once.
func (r *Root) verify(role string, f *file) error {
	who, ok := r.Roles[role]
	if !ok || who.Threshold < 1 {
		return fmt.Errorf("%w: the root names nobody who may sign %s", ErrUnsigned, role)
	}
	good := map[string]bool{}
	for _, s := range f.Signatures {
		k := r.Keys[s.KeyID]
		if k == nil || !slices.Contains(who.KeyIDs, s.KeyID) {
			continue
		}
		public, err := hex.DecodeString(k.Value.Public)
		sig, serr := hex.DecodeString(s.Sig)
		if err != nil || serr != nil || len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, f.canonical, sig) {
			continue
		}
		good[string(public)] = true
	}
	if len(good) < who.Threshold {
		return fmt.Errorf("%w: %d of %d for %s", ErrUnsigned, len(good), who.Threshold, role)
	}
	return nil
}

// read reads JSON into v, by exact names, and returns its canonical form.
func read(b []byte, v any) ([]byte, error) {
	value, err := decode(b)
	if err != nil {
		return nil, err
	}
	c, err := canonical(value)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(plain, v)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, err.Error())
	}
	return c, nil
}

// decode reads one value. Of doubled members the last stays, for signature and reading alike.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows", ErrMalformed)
	}
	return v, nil
}

// canonical writes a value in the form that is signed: OLPC's, members sorted, no spaces, only
// quote and backslash escaped, whole numbers. It is no JSON where a text holds control
// characters.
func canonical(v any) ([]byte, error) {
	var out bytes.Buffer
	if err := write(&out, v, maxDepth); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func write(out *bytes.Buffer, v any, depth int) error {
	if depth == 0 {
		return fmt.Errorf("%w: nested too deep", ErrMalformed)
	}
	switch v := v.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case string:
		text(out, v)
	case json.Number:
		if _, err := v.Int64(); err != nil {
			return fmt.Errorf("%w: a number that is not whole", ErrMalformed)
		}
		out.WriteString(v.String())
	case []any:
		return list(out, v, depth)
	case map[string]any:
		return object(out, v, depth)
	}
	return nil
}

func text(out *bytes.Buffer, s string) {
	out.WriteByte('"')
	out.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
	out.WriteByte('"')
}

func list(out *bytes.Buffer, v []any, depth int) error {
	out.WriteByte('[')
	for i, x := range v {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := write(out, x, depth-1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

func object(out *bytes.Buffer, v map[string]any, depth int) error {
	names := make([]string, 0, len(v))
	for n := range v {
		if !plainName(n) {
			return fmt.Errorf("%w: a member %.40q", ErrMalformed, n)
		}
		names = append(names, n)
	}
	slices.Sort(names)
	out.WriteByte('{')
	for i, n := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		text(out, n)
		out.WriteByte(':')
		if err := write(out, v[n], depth-1); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

// plainName refuses names that differ from a known one in their letters' case only: Go's
// decoder takes one for the other.
func plainName(n string) bool {
	return !strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r > '~' || r >= 'A' && r <= 'Z' })
}
