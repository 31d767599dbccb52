package identity

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/seed"
)

var errPower = errors.New("the power is gone")

// plug is a disk whose power goes before the nth change, for good. What is under way then
// is torn: half a sector run of the seed is over-written.
type plug struct {
	left int
	torn string // the seed's file
	last string // the change that did not come
}

func (p *plug) disk() disk {
	return disk{func(step string) error {
		if p.left > 0 {
			p.left--
			return nil
		}
		if p.last == "" {
			p.last = step
			if step == "overwrite" && p.torn != "" {
				if err := tear(p.torn); err != nil {
					return err
				}
			}
		}
		return errPower
	}}
}

func tear(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(seed.Placeholder()[:128], 0)
	return errors.Join(err, f.Close())
}

// sequel is what a manager does after a start.
func (b *board) sequel(i *Identity) error {
	m := &Manager{ID: i, Pace: DefaultPace(), told: map[string]string{}, start: time.Now(), Log: quiet(b.t)}
	m.step(b.t.Context())
	s, err := i.seed.read()
	if err == nil && s != nil {
		err = errors.New("the seed is still there")
	}
	return err
}

// TestPowerCut cuts the power before each change on disk of an enrolment. The next start
// has the seed, or the identity, or both, and ends with one certificate, no seed, one key.
func TestPowerCut(t *testing.T) {
	o := start(t, 0)
	steps := 0
	for n := 0; ; n++ {
		b := newBoard(t, o)
		next, _, err := o.Replace(bank, time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.sow(b.seed, bank, next.Text)
		p := &plug{left: n, torn: b.seed}
		err = b.enrol(b.open(p.disk()))
		if err == nil {
			break
		}
		if !errors.Is(err, errPower) {
			t.Fatalf("cut %d: %v", n, err)
		}
		steps++
		i := b.open(disk{})
		s, rerr := i.seed.read()
		if rec, _ := i.present(); rec == nil && (s == nil || rerr != nil) {
			t.Fatalf("cut %d, before %s: neither seed nor identity: %v", n, p.last, rerr)
		}
		if err := b.sequel(i); err != nil {
			t.Fatalf("cut %d, before %s: %v", n, p.last, err)
		}
		b.whole(n, i)
		if got := o.good(); got != 1 {
			t.Fatalf("cut %d, before %s: %d certificates", n, p.last, got)
		}
	}
	if steps < 15 {
		t.Errorf("only %d changes on disk were seen", steps)
	}
	t.Logf("%d cuts", steps)
}

// TestPowerCutTwice cuts the start after a cut once more.
func TestPowerCutTwice(t *testing.T) {
	o := start(t, 0)
	for n := 1; ; n += 3 {
		b := newBoard(t, o)
		next, _, err := o.Replace(bank, time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.sow(b.seed, bank, next.Text)
		if err := b.enrol(b.open((&plug{left: n, torn: b.seed}).disk())); err == nil {
			break
		}
		_ = b.sequel(b.open((&plug{left: n / 2, torn: b.seed}).disk())) // is cut too
		i := b.open(disk{})
		if err := b.sequel(i); err != nil {
			t.Fatalf("cut %d: %v", n, err)
		}
		b.whole(n, i)
	}
}

// whole fails unless what lies there is one identity with its copies and one key.
func (b *board) whole(n int, i *Identity) {
	b.t.Helper()
	c := cert(b.t, i)
	reread := cert(b.t, b.open(disk{}))
	if !reread.Leaf.Equal(c.Leaf) {
		b.t.Fatalf("cut %d: another certificate after a start", n)
	}
	names, err := i.keys.Names()
	if err != nil || len(names) != 1 {
		b.t.Fatalf("cut %d: keys %q, %v", n, names, err)
	}
	rec, _ := i.present()
	for name, want := range map[string]string{CertFile: rec.Grant.Certificate, CAFile: rec.Grant.BrokerCA, TrustFile: string(rec.Grant.Trust)} {
		if have, err := os.ReadFile(filepath.Join(b.dir, name)); err != nil || string(have) != want || want == "" {
			b.t.Fatalf("cut %d: %s is not the record's: %v", n, name, err)
		}
	}
}

// TestPowerCutRenewal cuts a renewal: there is always a certificate that is good.
func TestPowerCutRenewal(t *testing.T) {
	o := start(t, 0)
	b, _ := enrolled(t, o)
	first := cert(t, b.open(disk{}))
	for n := 0; ; n++ {
		i := b.open((&plug{left: n}).disk())
		rec, _ := i.present()
		next := *rec
		next.Grant.Certificate = rec.Grant.Certificate + "\n" // another text of the same
		err := i.write(&next)
		if err == nil {
			err = i.settle()
		}
		if now := cert(t, b.open(disk{})); !now.Leaf.Equal(first.Leaf) {
			t.Fatalf("cut %d: another certificate", n)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errPower) {
			t.Fatalf("cut %d: %v", n, err)
		}
		healed := b.open(disk{})
		if err := healed.settle(); err != nil {
			t.Fatal(err)
		}
		b.whole(n, healed)
	}
}
