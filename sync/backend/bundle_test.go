package backend

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const recipient = "lockerd-bundle-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

type got struct {
	b   []byte
	err error
}

// order runs Bundle beside the rig, which moves what is said, for at most that long.
func order(t *testing.T, r *rig, limit time.Duration, each func()) got {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	done := make(chan got, 1)
	go func() {
		b, err := r.be.Bundle(ctx, "lon-042", recipient, nil)
		done <- got{b, err}
	}()
	for {
		synctest.Wait()
		r.settle()
		synctest.Wait()
		select {
		case g := <-done:
			return g
		default:
		}
		time.Sleep(time.Second)
		synctest.Wait() // what was due in this very moment reads the time that passes
		r.pass(time.Second)
		if each != nil {
			each()
		}
	}
}

func sealed() []byte { return bytes.Repeat([]byte("sealed to somebody "), 4000) } // 76 kB, 7 chunks

func TestBundleComesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		b := r.bank("lon-042", "j-1")
		b.Bundle = func(to string) []byte { return append(sealed(), to...) }
		r.connect("lon-042")
		g := order(t, r, time.Minute, nil)
		if g.err != nil || !bytes.Equal(g.b, append(sealed(), recipient...)) {
			t.Errorf("%d bytes, %v", len(g.b), g.err)
		}
		if len(r.be.core.bundles) != 0 {
			t.Error("it is kept behind its end")
		}
		var a got
		if a = order(t, r, time.Minute, nil); a.err != nil || !bytes.Equal(a.b, g.b) {
			t.Errorf("a second one: %v", a.err)
		}
	})
}

// TestBundleLosesChunks: what did not come is asked for, from there on.
func TestBundleLosesChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		b := r.bank("lon-042", "j-1")
		b.Bundle = func(string) []byte { return sealed() }
		lost := map[int]int{3: 1, 6: 2} // so often
		b.Lose = func(n int) bool { lost[n]--; return lost[n] >= 0 }
		r.connect("lon-042")
		if g := order(t, r, 10*time.Minute, nil); g.err != nil || !bytes.Equal(g.b, sealed()) {
			t.Errorf("%d bytes, %v", len(g.b), g.err)
		}
		var from []uint64
		for _, c := range b.Done {
			if c.Args.From != nil {
				from = append(from, *c.Args.From)
			}
		}
		if len(from) != 2 || from[0] != 3 || from[1] != 6 {
			t.Errorf("asked again from %v", from)
		}
	})
}

// TestBundleOverACut: the bank goes away in the middle and comes back.
func TestBundleOverACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		b := r.bank("lon-042", "j-1")
		b.Bundle = func(string) []byte { return sealed() }
		b.Lose = func(n int) bool { return n > 2 }
		r.connect("lon-042")
		n := 0
		g := order(t, r, 10*time.Minute, func() {
			switch n++; n {
			case 5:
				b.Online = false
			case 60:
				b.Lose = nil
				r.connect("lon-042")
			}
		})
		if g.err != nil || !bytes.Equal(g.b, sealed()) {
			t.Errorf("%d bytes, %v", len(g.b), g.err)
		}
	})
}

// TestBundleFailsClearly names each way not to get one.
func TestBundleFailsClearly(t *testing.T) {
	for name, c := range map[string]struct {
		bank  func(r *rig)
		limit time.Duration
		want  string
	}{
		"no chunk ever": {func(r *rig) {
			r.banks["lon-042"].Bundle = func(string) []byte { return sealed() }
			r.banks["lon-042"].Lose = func(int) bool { return true }
		}, time.Hour, "0 chunks of the bundle have come, and no more do"},
		"time is up": {func(r *rig) {
			r.banks["lon-042"].Bundle = func(string) []byte { return sealed() }
			r.banks["lon-042"].Lose = func(n int) bool { return n > 2 }
		}, 30 * time.Second, "2 chunks of the bundle have come"},
		"forgotten": {func(r *rig) {
			b := r.banks["lon-042"]
			b.Bundle = func(string) []byte { return sealed() }
			b.Lose = func(n int) bool { return n > 2 }
			b.Answer = func(c locker.Command) *locker.Reply {
				if c.Args.Bundle == "" {
					return nil
				}
				return &locker.Reply{Status: locker.ReplyFailed, Reason: "bundle_gone"}
			}
		}, time.Hour, "the bank does not send the rest"},
		"an old lockerd": {func(r *rig) {
			r.banks["lon-042"].Answer = func(locker.Command) *locker.Reply {
				return &locker.Reply{Status: locker.ReplyRefused, Reason: locker.RefusedMalformed}
			}
		}, time.Hour, "the bank makes none"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.bank("lon-042", "j-1")
				c.bank(r)
				r.connect("lon-042")
				g := order(t, r, c.limit, nil)
				if g.err == nil || !strings.Contains(g.err.Error(), c.want) {
					t.Errorf("%d bytes, %v", len(g.b), g.err)
				}
			})
		})
	}
}

// TestForeignChunksCostNothing: what nobody waits for is not kept, and of what is
// waited for two bundles at most.
func TestForeignChunksCostNothing(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	chunk := func(id string, size int) *wire.Bundle {
		return &wire.Bundle{V: 1, Bank: "lon-042", ID: id, Chunk: 1, Chunks: 1, Bytes: size, SHA256: strings.Repeat("0", 64), Data: strings.Repeat("A", size*4/3)}
	}
	tell := func(m *wire.Bundle) {
		if err := r.be.update(func(t *txn) (map[string]*bank, error) { t.bundle(t.c.banks["lon-042"], m); return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	tell(chunk("a", 3))
	if len(r.be.core.bundles) != 0 {
		t.Fatal("a chunk that nobody waits for is kept")
	}
	if err := r.be.core.expect("lon-042"); err != nil {
		t.Fatal(err)
	}
	if err := r.be.core.expect("lon-042"); !errors.As(err, new(*RefusedError)) {
		t.Errorf("two at a time: %v", err)
	}
	for _, id := range []string{"a", "b", "c", "c"} {
		tell(chunk(id, 3))
	}
	if list := r.be.core.bundles["lon-042"].list; len(list) != 2 || list[1].id != "c" || len(list[1].have) != 1 {
		t.Errorf("%d are kept", len(list))
	}
	tell(chunk("c", 6)) // another whole under the same id
	if g := r.be.core.bundles["lon-042"].list[1]; g.bytes != 6 || len(g.have) != 1 {
		t.Errorf("%+v", g)
	}
}
