package tuf

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"lockerd/daemon/update/release"
)

var day = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// world is a repository with all its history and all its keys.
type world struct {
	files map[string][]byte // metadata by name
	keys  []ed25519.PrivateKey
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	r := &release.Repo{Dir: filepath.Join(dir, "repo"), Keys: filepath.Join(dir, "keys"), Now: func() time.Time { return day }}
	program := filepath.Join(dir, "lockerd-linux-arm64")
	must(t, os.WriteFile(program, []byte("program"), 0o600))
	must(t, r.Init(release.Threshold{Keys: 3, Need: 2}, release.Threshold{Keys: 2, Need: 2}))
	must(t, r.Add("stable", "1.1.0", []string{program}))
	must(t, r.Rotate("root"))
	must(t, r.Add("stable", "1.2.0", []string{program}))
	w := &world{files: map[string][]byte{}}
	for _, path := range glob(t, r.Dir, "metadata", "*.json") {
		b, err := os.ReadFile(path)
		must(t, err)
		w.files[filepath.Base(path)] = b
	}
	for _, path := range glob(t, r.Keys, "*.key") {
		b, err := os.ReadFile(path)
		must(t, err)
		block, _ := pem.Decode(b)
		k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		must(t, err)
		w.keys = append(w.keys, k.(ed25519.PrivateKey))
	}
	return w
}

func glob(t *testing.T, parts ...string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(parts...))
	must(t, err)
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// believes feeds files to both judges, one after another, until one refuses. It returns
// how many steps each has taken.
func believes(steps [][]byte, at time.Time) (ours, theirs int, why error) {
	us, err := New(steps[0], at)
	if err == nil {
		ours = 1
		for i, take := range []func([]byte) error{
			us.NextRoot, us.TakeTimestamp, func(b []byte) error { return us.TakeSnapshot(b, false) }, us.TakeTargets,
		} {
			if err = take(steps[i+1]); err != nil {
				break
			}
			ours++
		}
	}
	return ours, goTUF(steps, at), err
}

// goTUF tells how many steps go-tuf takes. It panics at keys of a wrong length; that is a
// refusal here.
func goTUF(steps [][]byte, at time.Time) (theirs int) {
	defer func() { _ = recover() }()
	them, err := trustedmetadata.New(steps[0])
	if err != nil {
		return 0
	}
	them.RefTime = at
	theirs = 1
	for i, take := range []func([]byte) error{
		func(b []byte) error { _, err := them.UpdateRoot(b); return err },
		func(b []byte) error { _, err := them.UpdateTimestamp(b); return err },
		func(b []byte) error { _, err := them.UpdateSnapshot(b, false); return err },
		func(b []byte) error { _, err := them.UpdateTargets(b); return err },
	} {
		if take(steps[i+1]) != nil {
			break
		}
		theirs++
	}
	return theirs
}

func (w *world) steps() [][]byte {
	newest := func(role string) []byte {
		for n := 9; n > 0; n-- {
			if b := w.files[fmt.Sprintf("%d.%s.json", n, role)]; b != nil {
				return b
			}
		}
		return nil
	}
	return [][]byte{w.files["1.root.json"], w.files["2.root.json"], w.files["timestamp.json"], newest("snapshot"), newest("targets")}
}

// TestAgainstGoTUF damages and forges files, with and without the keys, and asks both
// judges. LOCKERD_FORGED says how often.
func TestAgainstGoTUF(t *testing.T) {
	w := newWorld(t)
	whole := w.steps()
	if ours, theirs, why := believes(whole, day); ours != len(whole) || theirs != len(whole) {
		t.Fatalf("whole: we take %d, go-tuf %d of %d: %v", ours, theirs, len(whole), why)
	}
	times := 4000
	if testing.Short() {
		times = 1000
	}
	if n, err := strconv.Atoi(os.Getenv("LOCKERD_FORGED")); err == nil {
		times = n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	taken, refused, stricter := 0, 0, 0
	for range times {
		steps := bytesOf(whole)
		i := rng.IntN(len(steps))
		what := w.forge(rng, steps, i)
		at := day.Add(time.Duration(rng.IntN(3)) * 40 * 24 * time.Hour)
		ours, theirs, why := believes(steps, at)
		switch {
		case ours > theirs:
			t.Fatalf("%s in step %d: we take %d, go-tuf %d\n%s\nwas\n%s", what, i, ours, theirs, steps[i], whole[i])
		case ours < theirs:
			stricter++
			if stricter < 5 {
				t.Logf("stricter than go-tuf: %s in step %d: %v", what, i, why)
			}
		case ours == len(steps):
			taken++
		default:
			refused++
		}
	}
	t.Logf("both take %d, both refuse %d, we alone refuse %d", taken, refused, stricter)
	if taken < times/100 || refused < times/4 {
		t.Fatal("the forgeries are of one kind only")
	}
}

func bytesOf(all [][]byte) [][]byte {
	out := make([][]byte, len(all))
	for i, b := range all {
		out[i] = bytes.Clone(b)
	}
	return out
}

// forge changes one file and says how.
func (w *world) forge(rng *rand.Rand, steps [][]byte, i int) string {
	switch rng.IntN(6) {
	case 0:
		steps[i][rng.IntN(len(steps[i]))] ^= 1 << rng.IntN(8)
		return "a flipped bit"
	case 1:
		steps[i] = steps[rng.IntN(len(steps))]
		return "another role's file"
	case 2:
		names := make([]string, 0, len(w.files))
		for n := range w.files {
			names = append(names, n)
		}
		steps[i] = w.files[names[rng.IntN(len(names))]]
		return "another version's file"
	}
	var f map[string]any
	d := json.NewDecoder(bytes.NewReader(steps[i]))
	d.UseNumber()
	if d.Decode(&f) != nil {
		return "nothing"
	}
	what := "unchanged"
	if rng.IntN(5) > 0 {
		what = change(rng, f["signed"].(map[string]any))
	}
	if rng.IntN(3) > 0 {
		w.resign(rng, f)
		what += ", signed again"
	}
	out, err := json.Marshal(f)
	if err != nil {
		return "nothing"
	}
	steps[i] = out
	return what
}

// change alters one member, at some depth.
func change(rng *rand.Rand, m map[string]any) string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	if len(names) == 0 {
		m["x"] = "y"
		return "a member more"
	}
	n := names[rng.IntN(len(names))]
	if sub, ok := m[n].(map[string]any); ok && rng.IntN(4) > 0 {
		return n + "." + change(rng, sub)
	}
	switch rng.IntN(6) {
	case 0:
		delete(m, n)
		return "no " + n
	case 1:
		m[strings.ToUpper(n)] = m[n]
		delete(m, n)
		return n + " in capitals"
	case 2:
		m[n] = json.Number(strconv.Itoa(rng.IntN(6) - 1))
		return n + " a number"
	case 3:
		m[n] = time.Date(2020+rng.IntN(20), 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		return n + " a time"
	case 4:
		m["more"] = "ü\" \\ \n <&>"
		return "a member more"
	}
	m[n] = []any{m[n], m[n]}
	return n + " twice in a list"
}

// resign has some of the keys sign what stands there, some of them twice or with a wrong name.
func (w *world) resign(rng *rand.Rand, f map[string]any) {
	c, err := cjson.EncodeCanonical(f["signed"]) // as go-tuf signs
	if err != nil {
		return
	}
	var sigs []any
	for _, k := range w.keys {
		if rng.IntN(8) == 0 {
			continue
		}
		id, sig := idOf(k), hex.EncodeToString(ed25519.Sign(k, c))
		sigs = append(sigs, map[string]any{"keyid": id, "sig": sig})
		switch rng.IntN(60) {
		case 0:
			sigs = append(sigs, map[string]any{"keyid": id, "sig": sig})
		case 1:
			sigs = append(sigs, map[string]any{"keyid": idOf(w.keys[0]) + "0", "sig": sig})
		}
	}
	f["signatures"] = sigs
}

func idOf(k ed25519.PrivateKey) string {
	m, err := metadata.KeyFromPublicKey(k.Public())
	if err != nil {
		return ""
	}
	id, err := m.ID()
	if err != nil {
		return ""
	}
	return id
}

// TestOneKeyTwice holds that a key that stands in the root under two names counts once.
func TestOneKeyTwice(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	k := func() *key {
		x := &key{Type: "ed25519", Scheme: "ed25519"}
		x.Value.Public = hex.EncodeToString(public)
		return x
	}
	r := &Root{Keys: map[string]*key{"a": k(), "b": k()}, Roles: map[string]Role{"targets": {KeyIDs: []string{"a", "b"}, Threshold: 2}}}
	sig := hex.EncodeToString(ed25519.Sign(private, []byte("x")))
	var f file
	must(t, json.Unmarshal(fmt.Appendf(nil, `{"signatures":[{"keyid":"a","sig":%q},{"keyid":"b","sig":%q}]}`, sig, sig), &f))
	f.canonical = []byte("x")
	if err := r.verify("targets", &f); !errors.Is(err, ErrUnsigned) {
		t.Fatalf("one key signed for two: %v", err)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"b":[1,-2,null,true,"x\"\\\n"],"a":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			return
		}
		c, err := canonical(v)
		if err != nil {
			return
		}
		want, err := cjson.EncodeCanonical(v)
		if err != nil || !bytes.Equal(c, want) {
			t.Fatalf("%q, go-securesystemslib makes %q, %v", c, want, err)
		}
	})
}
