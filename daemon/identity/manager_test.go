package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
)

// looks of stories of hours, and of years.
const (
	often  = 10 * time.Second
	seldom = 6 * time.Hour
)

// pass lets time go by and everything settle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestManagerLife follows a bank for half a year: enrolled when the card is there, then renewed
// every two months, each time told to who uses it.
func TestManagerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		i := b.open(disk{})
		changed, stop := b.manage(i, seldom)
		defer stop()
		pass(7 * time.Hour)
		if changed() != 0 || o.count() != 0 {
			t.Fatal("something was asked without a seed")
		}
		o.sow(b.seed, bank, o.token())
		pass(seldom)
		if changed() != 1 {
			t.Fatal("not enrolled")
		}
		for day := range 190 {
			pass(24 * time.Hour)
			if left := time.Until(cert(t, i).Leaf.NotAfter); left < 29*24*time.Hour {
				t.Fatalf("day %d: the certificate is good for %s only", day, left)
			}
		}
		if n := changed(); n < 3 || n > 4 {
			t.Errorf("%d certificates in half a year", n)
		}
	})
}

// TestManagerAway enrols when the network comes, after a day, and loses nothing; the tries
// are few.
func TestManagerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		o.set(func() { o.away = true })
		b := newBoard(t, o)
		tok, err := o.Token(bank, 14*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		o.sow(b.seed, bank, tok.Text)
		i := b.open(disk{})
		changed, stop := b.manage(i, 5*time.Minute)
		defer stop()
		pass(24 * time.Hour)
		if n := o.count(); n < 24*12 || n > 24*60 {
			t.Errorf("%d tries in a day", n)
		}
		if s := i.Status(); !strings.Contains(s.Why, "network is unreachable") || !s.Waiting {
			t.Errorf("%+v", s)
		}
		o.set(func() { o.away = false })
		pass(11 * time.Minute)
		if changed() != 1 {
			t.Fatal("not enrolled")
		}
		if s := i.Status(); s.Waiting {
			t.Error("the seed is still there")
		}
	})
}

// TestManagerExpiredToken asks no more than hourly, and takes a new card at once.
func TestManagerExpiredToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		o.sow(b.seed, bank, o.token())
		pass(25 * time.Hour)
		i := b.open(disk{})
		changed, stop := b.manage(i, time.Minute)
		defer stop()
		pass(10 * time.Hour)
		if n := o.count(); n > 11 {
			t.Errorf("%d tries in ten hours", n)
		}
		if s := i.Status(); !strings.Contains(s.Why, "expired") || !strings.Contains(s.Why, "lockerctl enrol token") {
			t.Errorf("%+v", s)
		}
		o.sow(b.seed, bank, o.token())
		pass(61 * time.Second)
		if changed() != 1 {
			t.Error("a new card is made to wait")
		}
	})
}

// TestManagerAt1970 enrols with a clock that stands at its beginning, asks for a renewal once
// a day, and renews in time although it never learns the time.
func TestManagerAt1970(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		boot := time.Now()
		b.clock(func() time.Time { return time.Unix(0, 0).Add(time.Since(boot)) }, locker.ClockUnset)
		o.sow(b.seed, bank, o.token())
		i := b.open(disk{})
		changed, stop := b.manage(i, seldom)
		defer stop()
		pass(time.Hour)
		if changed() != 1 {
			t.Fatal("not enrolled")
		}
		for day := range 130 {
			pass(24 * time.Hour)
			if left := time.Until(cert(t, i).Leaf.NotAfter); left < 29*24*time.Hour {
				t.Fatalf("day %d: the certificate is good for %s only", day, left)
			}
		}
		if n := o.count(); n > 133 {
			t.Errorf("%d questions in 130 days", n)
		}
	})
}

// TestManagerAwayAtRenewal renews after its certificate has run out, when the network is back
// within the grace.
func TestManagerAwayAtRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b, i := enrolled(t, o)
		pass(85 * 24 * time.Hour)
		o.set(func() { o.away = true })
		changed, stop := b.manage(i, time.Hour)
		defer stop()
		pass(6 * 24 * time.Hour)
		if changed() != 0 {
			t.Fatal("renewed without a network")
		}
		o.set(func() { o.away = false })
		pass(2 * time.Hour)
		if changed() != 1 || time.Until(cert(t, i).Leaf.NotAfter) < 89*24*time.Hour {
			t.Error("not renewed")
		}
	})
}

// TestManagerRevoked goes on asking hourly, keeps what it has, and comes back by a new card.
func TestManagerRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b, i := enrolled(t, o)
		next, _, err := o.Replace(bank, 30*24*time.Hour, nil)
		if err != nil {
			t.Fatal(err)
		}
		pass(61 * 24 * time.Hour)
		before := o.count()
		changed, stop := b.manage(i, seldom)
		defer stop()
		pass(24 * time.Hour)
		if n := o.count() - before; n < 20 || n > 26 {
			t.Errorf("%d questions in a day", n)
		}
		if changed() != 0 {
			t.Fatal("a revoked certificate was renewed")
		}
		o.sow(b.seed, bank, next.Text)
		pass(seldom)
		if changed() != 0 {
			t.Fatal("an expired token was taken")
		}
		o.sow(b.seed, bank, o.token())
		pass(seldom)
		if changed() != 1 || i.Status().Waiting {
			t.Error("a new card did not help")
		}
	})
}

// TestManagerShortLife renews a certificate that lives shorter than the manager's pace.
func TestManagerShortLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 6*time.Second)
		b, i := enrolled(t, o)
		changed, stop := b.manage(i, often)
		defer stop()
		for range 30 {
			pass(time.Second)
			if time.Until(cert(t, i).Leaf.NotAfter) <= 0 {
				t.Fatal("it has run out")
			}
		}
		if n := changed(); n < 6 || n > 10 {
			t.Errorf("%d certificates in half a minute", n)
		}
	})
}

// TestManagerSeesStick takes what another process has installed.
func TestManagerSeesStick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		i := b.open(disk{})
		changed, stop := b.manage(i, often)
		defer stop()
		tool := b.open(disk{}) // lockerctl
		csr, _ := request(t, tool, false)
		if err := tool.Install(o.sign(csr), false); err != nil {
			t.Fatal(err)
		}
		pass(11 * time.Second)
		if changed() != 1 || !cert(t, i).Leaf.Equal(cert(t, tool).Leaf) {
			t.Error("the installed certificate is not in force")
		}
	})
}

// TestManagerBadSeed says what is wrong with a seed, and takes one that is mended.
func TestManagerBadSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		if err := os.WriteFile(b.seed, []byte("version = 1\nbank = \"lon-042\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		i := b.open(disk{})
		changed, stop := b.manage(i, often)
		defer stop()
		pass(time.Minute)
		if s := i.Status(); !strings.Contains(s.Why, "enrol.token is missing") {
			t.Errorf("%+v", s)
		}
		o.sow(b.seed, bank, o.token())
		pass(11 * time.Second)
		if changed() != 1 {
			t.Error("not enrolled")
		}
	})
}

// TestManagerSeedStays enrols although the seed can't be erased, says so, and uses it once.
func TestManagerSeedStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, 0)
		b := newBoard(t, o)
		tok := o.token()
		o.sow(b.seed, bank, tok)
		i := b.open(disk{func(step string) error {
			if step == "overwrite" {
				return os.ErrPermission
			}
			return nil
		}})
		changed, stop := b.manage(i, often)
		defer stop()
		pass(time.Hour)
		if changed() != 1 || o.count() != 1 {
			t.Errorf("%d changes, %d questions", changed(), o.count())
		}
		if s := i.Status(); !s.Waiting {
			t.Error("the status does not say that the seed is still there")
		}
	})
}

// TestSeedOfNothing looks at a place that is none.
func TestSeedOfNothing(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none")} {
		f := seedFile{path: path}
		if s, err := f.read(); s != nil || err != nil {
			t.Errorf("%q: %v, %v", path, s, err)
		}
		if err := f.erase(); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
	file := filepath.Join(t.TempDir(), seed.Name)
	if err := os.WriteFile(file, make([]byte, seed.Size), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := (&seedFile{path: file}).read(); s != nil || err != nil {
		t.Errorf("zeros: %v, %v", s, err)
	}
}
