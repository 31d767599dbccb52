package card_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/daemon/seed"
)

const mib = 1 << 20

// rig is an image with the seed that goes onto it.
type rig struct {
	img  []byte
	plan *card.Plan
	seed []byte
	want []byte // the image with the seed in it
}

func newRig(t *testing.T, l flashtest.Layout) *rig {
	t.Helper()
	r := &rig{img: flashtest.Image(l), seed: bytes.Repeat([]byte("# seed of a test\n"), seed.Size/17+1)[:seed.Size]}
	var err error
	if r.plan, err = card.Read(t.Context(), bytes.NewReader(r.img), 1<<40, "card"); err != nil {
		t.Fatal(err)
	}
	r.want = bytes.Clone(r.img)
	place, err := r.place(bytes.NewReader(r.img))
	if err != nil {
		t.Fatal(err)
	}
	rest := r.seed
	for _, e := range place {
		rest = rest[copy(r.want[e.Off:e.Off+e.Len], rest):]
	}
	return r
}

func (r *rig) place(from io.ReaderAt) ([]card.Extent, error) {
	f, err := volume.Find(from, r.plan.Size, seed.Name)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("no place")
	}
	var list []card.Extent
	for _, e := range f.Extents {
		list = append(list, card.Extent(e))
	}
	return list, nil
}

func (r *rig) job(d card.Device) *card.Job {
	return &card.Job{Plan: r.plan, Image: bytes.NewReader(r.img), Device: d, Name: "card", Seed: r.seed, Place: r.place}
}

// whole tells whether b holds the image and the seed.
func (r *rig) whole(b []byte) bool { return bytes.Equal(b[:len(r.want)], r.want) }

var small = flashtest.Layout{Width: 12, PerCluster: 1, Gaps: true, DataSize: 2 * mib}

func TestWhole(t *testing.T) {
	for _, l := range []flashtest.Layout{small, {Width: 16, PerCluster: 1}, {Width: 12, PerCluster: 1, GPT: true}, {Width: 32, PerCluster: 1}} {
		r := newRig(t, l)
		for _, more := range []int{5*mib + sector, mib, sector, 0} {
			if l.Width == 32 && (more == mib || testing.Short()) {
				break // 35 MiB
			}
			old := flashtest.Used(len(r.img) + more)
			c := flashtest.NewCard(old)
			got, err := card.Write(t.Context(), r.job(c))
			if err != nil {
				t.Fatal(err)
			}
			if !r.whole(c.Bytes()) {
				t.Fatalf("%+v, %d more: the card is not the image", l, more)
			}
			if sum := got.Written + got.Kept + got.Zeroed; sum != r.plan.Size {
				t.Errorf("%+v are %d bytes of %d", got, sum, r.plan.Size)
			}
			if more > 3*mib {
				behind, tail := len(r.img)+mib, len(old)-mib
				zero := make([]byte, mib)
				if !bytes.Equal(c.Bytes()[len(r.img):behind], zero) || !bytes.Equal(c.Bytes()[tail:], zero) {
					t.Error("behind the image, or at the card's end, something is left")
				}
				if !bytes.Equal(c.Bytes()[behind:tail], old[behind:tail]) {
					t.Error("the rest of the card was touched")
				}
			}
		}
	}
}

const sector = 512

// What the card has as zeros already is not written.
func TestSparse(t *testing.T) {
	r := newRig(t, flashtest.Layout{Width: 12, PerCluster: 1, DataSize: 9 * mib})
	for name, c := range map[string]struct {
		old    []byte
		zeroed bool
	}{"new": {make([]byte, len(r.img)), false}, "used": {flashtest.Used(len(r.img)), true}} {
		dev := flashtest.NewCard(c.old)
		got, err := card.Write(t.Context(), r.job(dev))
		if err != nil || !r.whole(dev.Bytes()) {
			t.Fatalf("%s: %v", name, err)
		}
		if c.zeroed != (got.Zeroed > 0) || !c.zeroed && got.Kept == 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// After each operation, whatever a loss of power keeps of what was not synced, the card is
// as it was, whole, or does not boot; and the next run makes it whole.
func TestPowerCut(t *testing.T) {
	r := newRig(t, small)
	old := flashtest.Used(len(r.img) + 3*mib)
	random := rand.New(rand.NewPCG(1, 2))
	c := flashtest.NewCard(old)
	total, wholes, blanks, cuts := 0, 0, 0, 6
	if testing.Short() {
		cuts = 2
	}
	c.Fail = func(op string, _, _ int64) error {
		if op == "read" {
			return nil // changes nothing
		}
		for range cuts {
			total++
			b := c.Cut(random)
			switch {
			case !flashtest.Boots(b):
				blanks++
			case r.whole(b):
				wholes++
			case !bytes.Equal(b[sector:], old[sector:]):
				t.Fatalf("after %d operations it boots, and is neither as it was nor whole", c.Ops)
			}
			if total%16 == 0 {
				again := flashtest.NewCard(b)
				if _, err := card.Write(t.Context(), r.job(again)); err != nil || !r.whole(again.Bytes()) {
					t.Fatalf("flashed again after %d operations: %v", c.Ops, err)
				}
			}
		}
		return nil
	}
	if _, err := card.Write(t.Context(), r.job(c)); err != nil {
		t.Fatal(err)
	}
	if blanks < total/2 || wholes == 0 {
		t.Errorf("of %d cuts %d left it whole, %d blank", total, wholes, blanks)
	}
}

// Interrupted anywhere, it says what the card is.
func TestInterrupted(t *testing.T) {
	r := newRig(t, small)
	old := flashtest.Used(len(r.img) + mib)
	for n := 0; ; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		c := flashtest.NewCard(old)
		told := 0
		job := r.job(c)
		job.Tell = func(card.Step, int64, int64) {
			if told++; told == n {
				cancel()
			}
		}
		if n == 0 {
			cancel()
		}
		_, err := card.Write(ctx, job)
		ended := ctx.Err() != nil
		cancel()
		if err == nil {
			if !r.whole(c.Bytes()) {
				t.Fatalf("interrupted at %d: done, and not whole", n)
			}
			if !ended {
				return
			}
			continue
		}
		f, ok := errors.AsType[*card.FailedError](err)
		if !ok || !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at %d: %v", n, err)
		}
		if f.State == card.StateAsWas != bytes.Equal(c.Bytes(), old) || f.State != card.StateAsWas && flashtest.Boots(c.Bytes()) || f.State == card.StateUnknown {
			t.Errorf("interrupted at %d: state %v, boots %v", n, f.State, flashtest.Boots(c.Bytes()))
		}
	}
}

// A card that fails at any operation is not taken for whole, and does not boot unless it is
// said that nobody knows.
func TestFails(t *testing.T) {
	r := newRig(t, small)
	old := flashtest.Used(len(r.img) + sector)
	step := 1
	if testing.Short() {
		step = 11
	}
	for _, what := range []string{"read", "write", "zero", "sync"} {
		for n := 0; ; n += step {
			c := flashtest.NewCard(old)
			seen := 0
			c.Fail = func(op string, _, _ int64) error {
				if op == what {
					seen++
				}
				if seen > n {
					return errors.New("input/output error")
				}
				return nil
			}
			_, err := card.Write(t.Context(), r.job(c))
			if err == nil {
				if n == 0 || seen > n {
					t.Fatalf("%s %d: whole", what, n)
				}
				break
			}
			if seen <= n {
				t.Fatalf("nothing has failed, and yet: %v", err)
			}
			f, _ := errors.AsType[*card.FailedError](err)
			if f == nil || f.State == card.StateAsWas || f.State == card.StateBlank && flashtest.Boots(c.Bytes()) {
				t.Fatalf("%s %d: %v, state %v", what, n, err, f)
			}
		}
	}
}

// A card that gives back another bit than was written is found out, wherever it is.
func TestLies(t *testing.T) {
	r := newRig(t, small)
	place, err := r.place(bytes.NewReader(r.img))
	if err != nil {
		t.Fatal(err)
	}
	spots := []int64{0, 511, 512, 8 << 10, mib - 1, mib, place[0].Off, place[len(place)-1].Off + 3, int64(len(r.img)) - 1, 3*mib + 17, int64(len(r.img)) - mib/4}
	for _, bad := range spots {
		for _, from := range []int{0, 12} { // from the beginning, and later
			c := flashtest.NewCard(flashtest.Used(len(r.img) + 2*mib))
			c.Read = func(off int64, p []byte) {
				if c.Ops >= from && off <= bad && bad < off+int64(len(p)) {
					p[bad-off] ^= 0x10
				}
			}
			_, err := card.Write(t.Context(), r.job(c))
			f, _ := errors.AsType[*card.FailedError](err)
			if f == nil || flashtest.Boots(c.Bytes()) {
				t.Errorf("byte %d from operation %d: %v, boots %v", bad, from, err, flashtest.Boots(c.Bytes()))
			}
		}
	}
}

// A card that takes a write and forgets it is found out.
func TestForgets(t *testing.T) {
	r := newRig(t, small)
	for at := int64(0); at < r.plan.Size; at += mib {
		c := flashtest.NewCard(flashtest.Used(len(r.img)))
		c.Drops = func(off int64) bool { return off >= at && off < at+mib }
		if _, err := card.Write(t.Context(), r.job(c)); err == nil {
			t.Errorf("writes at %d are lost, and nobody has seen it", at)
		}
	}
}

// A card with less memory than it claims is found out: addresses wrap around, or what lies
// beyond is lost.
func TestClaims(t *testing.T) {
	r := newRig(t, flashtest.Layout{Width: 12, PerCluster: 1, DataSize: 5 * mib})
	for _, has := range []int{2 * mib, 3*mib + sector, len(r.img) - mib, len(r.img) - sector} {
		c := flashtest.NewCard(flashtest.Used(has))
		c.Claims = int64(len(r.img)) + 4*mib
		if _, err := card.Write(t.Context(), r.job(c)); err == nil || flashtest.Boots(c.Bytes()) {
			t.Errorf("%d bytes wrapped: %v", has, err)
		}
		c = flashtest.NewCard(flashtest.Used(int(c.Claims)))
		c.Drops = func(off int64) bool { return off >= int64(has) }
		if _, err := card.Write(t.Context(), r.job(c)); err == nil || flashtest.Boots(c.Bytes()) {
			t.Errorf("%d bytes, rest lost: %v", has, err)
		}
	}
}

func TestLocked(t *testing.T) {
	r := newRig(t, small)
	old := flashtest.Used(len(r.img))
	c := flashtest.NewCard(old)
	c.Drops = func(int64) bool { return true }
	_, err := card.Write(t.Context(), r.job(c))
	if err == nil || err.Error() != "cannot write to card: it keeps its old content" {
		t.Error(err)
	}
}

func TestImageChanged(t *testing.T) {
	r := newRig(t, small)
	for name, change := range map[string]func([]byte) []byte{
		"a bit": func(b []byte) []byte { b[len(b)-5*sector] ^= 1; return b },
		"zeros": func(b []byte) []byte { clear(b[2*mib : 3*mib]); return b },
		"cut":   func(b []byte) []byte { return b[:len(b)-sector] },
		"head":  func(b []byte) []byte { b[0] ^= 1; return b },
	} {
		c := flashtest.NewCard(flashtest.Used(len(r.img)))
		job := r.job(c)
		job.Image = bytes.NewReader(change(bytes.Clone(r.img)))
		if _, err := card.Write(t.Context(), job); err == nil || flashtest.Boots(c.Bytes()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRead(t *testing.T) {
	img := flashtest.Image(small)
	if _, err := card.Read(t.Context(), bytes.NewReader(img), int64(len(img))-1, "card"); err == nil {
		t.Error("it does not fit, and was taken")
	}
	for _, n := range []int{0, 1, sector - 1, sector + 1, mib + 7} {
		if _, err := card.Read(t.Context(), bytes.NewReader(img[:n]), 1<<40, "card"); err == nil {
			t.Errorf("%d bytes are no whole sectors", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := card.Read(ctx, bytes.NewReader(img), 1<<40, "card"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r := newRig(t, small)
	c := flashtest.NewCard(flashtest.Used(len(r.img) - sector))
	if _, err := card.Write(t.Context(), r.job(c)); err == nil || !flashtest.Boots(c.Bytes()) {
		t.Error("a card that is too small was written to")
	}
}

// Places that a lying table may give for the seed.
func TestSeedPlaces(t *testing.T) {
	r := newRig(t, small)
	for _, place := range [][]card.Extent{
		nil, {{0, seed.Size - 1}}, {{r.plan.Size - 100, seed.Size}}, {{-512, seed.Size}}, {{mib, 2 * seed.Size}, {2 * mib, -seed.Size}},
	} {
		c := flashtest.NewCard(flashtest.Used(len(r.img)))
		job := r.job(c)
		job.Place = func(io.ReaderAt) ([]card.Extent, error) { return place, nil }
		if _, err := card.Write(t.Context(), job); err == nil || flashtest.Boots(c.Bytes()) {
			t.Errorf("%v: %v", place, err)
		}
	}
	// In the first MiB, over its end, and behind it.
	for _, at := range []int64{sector, mib - 4096, mib} {
		c := flashtest.NewCard(flashtest.Used(len(r.img)))
		job := r.job(c)
		job.Place = func(io.ReaderAt) ([]card.Extent, error) { return []card.Extent{{at, seed.Size}}, nil }
		if _, err := card.Write(t.Context(), job); err != nil || !bytes.Equal(c.Bytes()[at:at+seed.Size], r.seed) {
			t.Errorf("at %d: %v", at, err)
		}
	}
}

func ExampleState() {
	fmt.Println(card.StateAsWas, card.StateBlank, card.StateUnknown)
	// Output: as it was blank unknown
}
