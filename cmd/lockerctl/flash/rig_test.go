package flash

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/daemon/seed"
)

const mib = 1 << 20

var today = time.Date(2026, 11, 26, 15, 0, 0, 0, time.UTC)

// rig is a desk with an image, a seed and a card on it.
type rig struct {
	*env
	t     testing.TB
	dir   string
	img   []byte // before it was compressed
	image string
	seed  string
	bank  *seed.Seed
	card  string
	old   []byte // of the card
	said  bytes.Buffer
	out   bytes.Buffer
}

// small is an image of few, quick units.
var small = flashtest.Layout{Width: 12, PerCluster: 1, Gaps: true, DataSize: 2 * mib}

func write(tb testing.TB, path string, b []byte) string {
	tb.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func zipped(tb testing.TB, b []byte) []byte {
	tb.Helper()
	return flashtest.Zipped(tb, b, gzip.NoCompression) // quick
}

// newRig lays an image and a seed on the desk; the card is still missing.
func newRig(tb testing.TB, l flashtest.Layout) *rig {
	tb.Helper()
	r := &rig{t: tb, dir: tb.TempDir(), img: flashtest.Image(l)}
	r.bank = &seed.Seed{
		Bank: "lon-042", Site: "100 Bishopsgate, lobby", Expires: today.Add(24 * time.Hour),
		Network: seed.Network{Address: netip.MustParsePrefix("192.0.2.17/24")},
		Enrol:   seed.Enrol{URL: "https://fleet.example.com:8443/enrol", Token: "s3cret-0123456789abcdef", CA: "sha256:" + strings.Repeat("0123456789abcdef", 4)},
	}
	b, err := seed.Encode(r.bank)
	if err != nil {
		tb.Fatal(err)
	}
	r.seed = write(tb, filepath.Join(r.dir, "seed.toml"), bytes.TrimRight(b, "\n"))
	z := zipped(tb, r.img)
	r.image = write(tb, filepath.Join(r.dir, "card.img.gz"), z)
	write(tb, r.image+".sha256", fmt.Appendf(nil, "%x  card.img.gz\n", sha256.Sum256(z)))
	r.env = here(strings.NewReader(""), &r.said)
	r.now = func() time.Time { return today }
	return r
}

// used is what the card held before.
func (r *rig) used() []byte { return flashtest.Used(len(r.img) + 2*mib) }

// onCards runs a test with a plain file as the card, and with a loop device.
func onCards(t *testing.T, l flashtest.Layout, test func(r *rig)) {
	t.Helper()
	t.Run("file", func(t *testing.T) { test(onFile(t, l)) })
	t.Run("loop", func(t *testing.T) { test(onLoop(t, l)) })
}

func onFile(tb testing.TB, l flashtest.Layout) *rig {
	tb.Helper()
	r := newRig(tb, l)
	r.old = r.used()
	r.card = write(tb, filepath.Join(r.dir, "card"), r.old)
	return r
}

func onLoop(tb testing.TB, l flashtest.Layout) *rig {
	tb.Helper()
	r := newRig(tb, l)
	r.old = r.used()
	r.card = flashtest.Loop(tb, r.old)
	return r
}

// run runs lockerctl flash. Secrets must show nowhere.
func (r *rig) run(args ...string) int {
	r.t.Helper()
	r.said.Reset()
	r.out.Reset()
	code := r.env.run(r.t.Context(), args, &r.out)
	if all := r.out.String() + r.said.String(); strings.Contains(all, "s3cret") {
		r.t.Errorf("the token was shown:\n%s", all)
	}
	return code
}

// holds returns what the card holds.
func (r *rig) holds() []byte {
	r.t.Helper()
	b, err := os.ReadFile(r.card)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// whole fails the test unless the card holds the image with the seed, as a board finds it.
func (r *rig) whole() {
	r.t.Helper()
	if !r.isWhole(r.holds()) {
		r.t.Fatal("the card is not the image with the seed")
	}
}

// isWhole is whole as a question.
func (r *rig) isWhole(b []byte) bool {
	r.t.Helper()
	f, err := volume.Find(bytes.NewReader(b), int64(len(b)), seed.Name)
	if err != nil || f == nil {
		return false
	}
	file, err := f.Read(bytes.NewReader(b))
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := seed.Parse(file)
	if err != nil || !reflect.DeepEqual(got, r.bank) {
		return false
	}
	b = bytes.Clone(b)
	rest := seed.Placeholder()
	for _, e := range f.Extents { // all else is the image
		rest = rest[copy(b[e.Off:e.Off+e.Len], rest):]
	}
	return bytes.Equal(b[:len(r.img)], r.img)
}

// untouched fails the test if the card has changed.
func (r *rig) untouched() {
	r.t.Helper()
	if !bytes.Equal(r.holds(), r.old) {
		r.t.Fatal("the card was touched")
	}
}

// answer reads the JSON document.
func answer[T any](r *rig) T {
	r.t.Helper()
	var v T
	d := json.NewDecoder(&r.out)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || d.More() {
		r.t.Fatalf("no document: %v\n%s", err, r.said.String())
	}
	return v
}
