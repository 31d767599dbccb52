package link

import (
	"fmt"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

func TestDelta(t *testing.T) {
	r := newRig(t)
	a, b := code("c-a"), code("c-b")
	r.acme(a)
	r.down("acme-1", r.delta(1, 3, digest(a, b), puts(b)...))
	r.want("codes.applied acme v3")
	r.set(3, a, b)
	confirmed := r.st.Set("acme").Confirmed
	r.clk.Signed(confirmed.Add(time.Minute))
	commits := r.st.Stats().Commits
	for range 100 {
		r.down("acme-1", r.delta(3, 3, digest(a, b))) // confirms
	}
	r.want()
	if r.st.Set("acme").Confirmed <= confirmed {
		t.Error("not confirmed")
	}
	if n := r.st.Stats().Commits - commits; n > 2 {
		t.Errorf("%d commits of 100 confirmations at once", n)
	}
	higher, lower := b, a
	higher.Rev, lower.Rev, lower.Ref = 1, 0, "changed"
	r.down("acme-1", r.delta(3, 4, digest(a, higher), puts(higher, lower)...)) // an equal rev is ignored
	r.want("codes.applied acme v4")
	if e, ok, err := r.st.Code(locker.CodeKey{Set: "acme", ID: "c-a"}); err != nil || !ok || e.Code.Ref != "" {
		t.Errorf("a put of an equal rev has replaced the record: %+v (%v)", e.Code, err)
	}
	r.down("acme-1", r.delta(4, 5, digest(higher), wire.Op{Revoke: "c-a"}, wire.Op{Revoke: "c-unknown"}, wire.Op{Revoke: "t-0102030405060708"}))
	r.want("codes.applied acme v5")
	again := a
	again.Rev = 9
	r.down("acme-1", r.delta(5, 6, digest(higher), puts(again, code("c-unknown"))...)) // revoked whatever is put later
	r.want("codes.applied acme v6")
	r.down("acme-1", r.delta(6, 7, digest(), wire.Op{Drop: "c-b"}, wire.Op{Drop: "c-none"}))
	r.want("codes.applied acme v7")
	r.set(7)
	for _, id := range []string{"c-a", "c-unknown", "t-0102030405060708"} {
		if m, _, err := r.st.Mark(locker.CodeKey{Set: "acme", ID: id}); err != nil || !m.Revoked {
			t.Errorf("%s: %+v %v", id, m, err)
		}
	}
	if gets, _ := r.said(); len(gets) > 0 {
		t.Errorf("asked %+v", gets)
	}
}

// TestDeltaRefused: nothing of a delta is applied that has one bad record, a wrong
// digest, a gap, or is old.
func TestDeltaRefused(t *testing.T) {
	a, b := code("c-a"), code("c-b")
	twin, other := code("c-twin"), code("c-other")
	twin.Tag = a.Tag
	for name, c := range map[string]struct {
		m    func(r *rig) *wire.Codes
		kid  string
		want []string
		get  *wire.Get
	}{
		"digest": {
			func(r *rig) *wire.Codes { return r.delta(1, 2, digest(a), puts(b)...) }, "acme-1",
			[]string{"message.refused malformed acme digest"},
			&wire.Get{Epoch: 10, From: 1},
		},
		"gap":         {func(r *rig) *wire.Codes { return r.delta(2, 3, digest(a, b), puts(b)...) }, "acme-1", nil, &wire.Get{Epoch: 10, From: 1}},
		"other epoch": {func(r *rig) *wire.Codes { m := r.delta(1, 2, digest(a, b), puts(b)...); m.Epoch = 11; return m }, "acme-1", nil, &wire.Get{Epoch: 10, From: 1}},
		"old epoch": {
			func(r *rig) *wire.Codes { m := r.delta(1, 2, digest(a, b), puts(b)...); m.Epoch = 9; return m }, "acme-1",
			[]string{"message.refused replayed acme"},
			&wire.Get{Epoch: 10, From: 1},
		},
		"old": {
			func(r *rig) *wire.Codes { return r.delta(0, 1, digest(a), puts(a)...) }, "acme-1",
			[]string{"message.refused replayed acme"},
			&wire.Get{Epoch: 10, From: 1},
		},
		"tag in the set": {func(r *rig) *wire.Codes { return r.delta(1, 2, digest(a, b, twin), puts(b, twin)...) }, "acme-1", []string{"message.refused malformed acme put c-twin"}, nil},
		"tag in another set": {func(r *rig) *wire.Codes {
			m := r.delta(0, 1, digest(twin), puts(twin)...)
			m.Set = "globex"
			m.Epoch = 1
			return m
		}, "globex-1", nil, &wire.Get{}},
		"another tenant's set": {func(r *rig) *wire.Codes { return r.delta(1, 2, digest(a, b), puts(b)...) }, "globex-1", []string{"message.refused wrong_tenant acme"}, nil},
		"the operator's set":   {func(r *rig) *wire.Codes { m := r.delta(1, 2, digest(b), puts(b)...); m.Set = "*"; return m }, "acme-1", []string{"message.refused wrong_tenant *"}, nil},
		"service of a tenant": {func(r *rig) *wire.Codes {
			s := other
			s.Kind, s.SKU = locker.Service, ""
			return r.delta(1, 2, digest(a, s), puts(s)...)
		}, "acme-1", []string{"message.refused wrong_tenant acme put c-other"}, nil},
		"tenant in tenant's set": {func(r *rig) *wire.Codes {
			s := other
			s.Tenant = "globex"
			return r.delta(1, 2, digest(a, s), puts(s)...)
		}, "acme-1", []string{"message.refused wrong_tenant acme put c-other"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.acme(a)
			r.down(c.kid, c.m(r))
			r.want(c.want...)
			r.set(1, a)
			gets, _ := r.said()
			switch {
			case c.get == nil && len(gets) == 0:
			case c.get == nil || len(gets) != 1 || gets[0].Epoch != c.get.Epoch || gets[0].From != c.get.From || gets[0].Nonce == "":
				t.Errorf("asked %+v, want %+v", gets, c.get)
			}
		})
	}
}

// TestDigestTwice: where the backend's delta does not fit twice, the bank asks as
// one that has nothing, and takes the same version for its nonce.
func TestDigestTwice(t *testing.T) {
	r := newRig(t)
	a, b := code("c-a"), code("c-b")
	r.acme(a)
	r.down("acme-1", r.delta(1, 1, digest(b)))
	if g := r.get(); g.Epoch != 10 || g.From != 1 {
		t.Fatalf("%+v", g)
	}
	r.down("acme-1", r.delta(1, 1, digest(b)))
	if gets, _ := r.said(); len(gets) > 0 {
		t.Fatalf("asked twice within a second: %+v", gets)
	}
	r.l.tick(t.Context(), time.Now().Add(2*time.Second))
	g := r.get()
	if g.Epoch != 0 || g.From != 0 {
		t.Fatalf("%+v", g)
	}
	r.events()
	m := r.chunk(1, 1, 1, digest(b), b)
	r.down("acme-1", m)
	r.want("message.refused stale acme")
	m.Nonce = g.Nonce
	r.down("acme-1", m)
	r.want("codes.applied acme v1")
	r.set(1, b)
}

func TestSnapshot(t *testing.T) {
	r := newRig(t)
	a, b, c := code("c-a"), code("c-b"), code("c-c")
	r.acme(a)
	d := digest(a, b, c)
	r.down("acme-1", r.chunk(5, 3, 3, d, c))
	r.down("acme-1", r.chunk(5, 1, 3, d, a))
	r.down("acme-1", r.chunk(5, 1, 3, d, a)) // delivered twice
	r.down("acme-1", r.chunk(4, 1, 1, digest(b), b))
	r.want("message.refused stale acme") // a newer one is being staged
	r.set(1, a)
	r.l.tick(t.Context(), time.Now().Add(11*time.Second))
	if g := r.get(); g.Chunk != 2 || g.To != 5 || g.Epoch != 10 || g.From != 1 {
		t.Fatalf("%+v", g)
	}
	r.down("acme-1", r.chunk(5, 2, 3, d, b))
	r.want("codes.applied acme v5")
	r.set(5, a, b, c)
	r.down("acme-1", r.chunk(5, 1, 1, digest(b), b)) // equal, and answers nothing
	r.want("message.refused stale acme")
	r.down("acme-1", r.chunk(6, 1, 2, d, a))
	r.down("acme-1", r.chunk(7, 1, 1, digest(b), b)) // replaces what is staged
	r.want("codes.applied acme v7")
	old := r.chunk(99, 1, 1, digest(a), a) // of a backend as it was before
	old.Epoch = 9
	r.down("acme-1", old)
	r.want("message.refused stale acme")
	r.set(7, b)
	if len(r.l.staged) > 0 {
		t.Error("something is staged still")
	}
}

// TestStagedBound: no more sets are staged at a time than may be; the one that has
// waited longest gives way, and is asked for.
func TestStagedBound(t *testing.T) {
	r := newRig(t)
	a := code("c-a")
	for n := range maxStaged + 1 {
		m := r.chunk(2, 1, 2, digest(a))
		m.Set = fmt.Sprintf("t-%d", n)
		r.down("ops-1", m)
	}
	if _, first := r.l.staged["t-0"]; first || len(r.l.staged) != maxStaged {
		t.Errorf("%d are staged", len(r.l.staged))
	}
	if g := r.get(); g.Set != "t-0" || g.Chunk != 0 {
		t.Errorf("%+v", g)
	}
}

// TestStagingEndsWithARestart: what is staged does not outlive a restart, and leaves
// nothing in the way of the same snapshot.
func TestStagingEndsWithARestart(t *testing.T) {
	r := newRig(t)
	a, b := code("c-a"), code("c-b")
	r.acme()
	d := digest(a, b)
	r.down("acme-1", r.chunk(2, 1, 2, d, a))
	r.stop()
	r.start()
	r.down("acme-1", r.chunk(2, 2, 2, d, b))
	r.want()
	r.set(1)
	r.l.tick(t.Context(), time.Now().Add(11*time.Second))
	if g := r.get(); g.Chunk != 1 || g.To != 2 {
		t.Fatalf("%+v", g)
	}
	r.down("acme-1", r.chunk(2, 1, 2, d, a))
	r.want("codes.applied acme v2")
	r.set(2, a, b)
}

func TestSnapshotRefused(t *testing.T) {
	a, b := code("c-a"), code("c-b")
	twin := code("c-twin")
	twin.Tag = a.Tag
	for name, c := range map[string]struct {
		chunks func(r *rig) []*wire.Codes
		want   string
	}{
		"digest": {func(r *rig) []*wire.Codes { return []*wire.Codes{r.chunk(2, 1, 1, digest(a), b)} }, "message.refused malformed acme digest"},
		"tag twice": {func(r *rig) []*wire.Codes {
			d := digest(a, twin)
			return []*wire.Codes{r.chunk(2, 1, 2, d, a), r.chunk(2, 2, 2, d, twin)}
		}, "message.refused malformed acme"},
		"id twice": {func(r *rig) []*wire.Codes {
			x := a
			x.Tag[0]++
			d := digest(a, x)
			return []*wire.Codes{r.chunk(2, 1, 2, d, a), r.chunk(2, 2, 2, d, x)}
		}, "message.refused malformed acme"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.acme(a)
			for _, m := range c.chunks(r) {
				r.down("acme-1", m)
			}
			r.want(c.want)
			r.set(1, a)
		})
	}
	t.Run("tag in another set", func(t *testing.T) {
		r := newRig(t)
		r.acme(a)
		m := r.chunk(1, 1, 1, digest(twin), twin)
		m.Set = "globex"
		r.down("globex-1", m)
		r.want("message.refused malformed globex put c-twin")
		m.Put, m.Digest = nil, digest()
		r.down("globex-1", m)
		delta := r.delta(1, 2, digest(b, twin), puts(b, twin)...)
		delta.Set = "globex"
		r.down("globex-1", delta)
		r.want("codes.applied globex v1", "message.refused malformed globex put c-twin")
	})
}

// TestFirstChunkRefused: what cannot be is refused with its first chunk: nothing of it
// is staged, and what is staged stays.
func TestFirstChunkRefused(t *testing.T) {
	r := newRig(t)
	a, b, c := code("c-a"), code("c-b"), code("c-c")
	r.acme(a)
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 1, Doc: locker.Desired{Tenants: []locker.TenantRule{{Tenant: "acme", MaxCodes: 2}}}})
	r.events()
	r.down("acme-1", r.chunk(1, 1, 2, digest(a, b), b))
	r.want("message.refused stale acme")
	r.down("acme-1", r.chunk(2, 1, 2, digest(a, b, c), a, b, c))
	r.want("message.refused quota acme")
	if len(r.l.staged) > 0 {
		t.Fatal("something is staged")
	}
	r.down("acme-1", r.chunk(2, 1, 2, digest(a, b), a))
	r.down("acme-1", r.chunk(1, 2, 2, digest(a, b), b))
	r.want("message.refused stale acme")
	r.down("acme-1", r.chunk(2, 2, 2, digest(a, b), b))
	r.want("codes.applied acme v2")
	r.set(2, a, b)
}

// TestMarksOutliveSnapshots: what was revoked stays so, also where the backend
// has forgotten it.
func TestMarksOutliveSnapshots(t *testing.T) {
	r := newRig(t)
	a, b := code("c-a"), code("c-b")
	r.acme(a, b)
	r.down("acme-1", r.delta(1, 2, digest(b), wire.Op{Revoke: "c-a"}))
	m := r.chunk(1, 1, 1, digest(a, b), a, b)
	m.Epoch = 11
	r.down("acme-1", m)
	r.want("codes.applied acme v2", "codes.applied acme v1")
	r.set(1, b)
	if e, ok, err := r.st.Find(a.Tag); err != nil || !ok || !e.Mark.Revoked {
		t.Errorf("%+v %v %v", e, ok, err)
	}
}

// TestTombstones: what was revoked or used stays so when its record is dropped and put
// again, by a delta or a snapshot: a code's id is its own for ever.
func TestTombstones(t *testing.T) {
	r := newRig(t)
	revoked, used := code("c-revoked"), code("c-used")
	r.acme(revoked, used)
	key := locker.CodeKey{Set: "acme", ID: used.ID}
	if _, err := r.st.Commit(&locker.Commit{Marks: []locker.MarkChange{{Code: key, Mark: locker.Mark{Used: 1}}}}); err != nil {
		t.Fatal(err)
	}
	is := func() {
		t.Helper()
		if e, ok, err := r.st.Find(revoked.Tag); err != nil || !ok || !e.Mark.Revoked {
			t.Errorf("revoked: %+v %v %v", e, ok, err)
		}
		if e, ok, err := r.st.Find(used.Tag); err != nil || !ok || e.Mark.Used != 1 {
			t.Errorf("used: %+v %v %v", e, ok, err)
		}
	}
	drop := []wire.Op{{Drop: revoked.ID}, {Drop: used.ID}}
	r.down("acme-1", r.delta(1, 2, digest(used), wire.Op{Revoke: revoked.ID}))
	is()
	r.down("acme-1", r.delta(2, 3, digest(), drop...))
	r.down("acme-1", r.delta(3, 4, digest(used), puts(revoked, used)...))
	r.want("codes.applied acme v2", "codes.applied acme v3", "codes.applied acme v4")
	is()
	revoked.Rev, used.Rev = 1, 1
	r.down("acme-1", r.delta(4, 5, digest(used), append(drop, puts(revoked, used)...)...)) // at one go
	is()
	r.down("acme-1", r.delta(5, 6, digest(), drop...))
	r.down("acme-1", r.chunk(7, 1, 1, digest(revoked, used), revoked, used)) // its backend has forgotten
	r.want("codes.applied acme v5", "codes.applied acme v6", "codes.applied acme v7")
	is()
	r.set(7, used)
}

// TestClaims: a code that names a door lowers its stock when it is applied, its
// end raises it, by a delta and by a snapshot (contract 5.2).
func TestClaims(t *testing.T) {
	r := newRig(t)
	for n := uint8(1); n <= 2; n++ {
		if err := r.b.SetStock(t.Context(), locker.DoorID{Locker: 1, Door: n}, &locker.Item{Tenant: "acme", SKU: "laptop-14"}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	a, b, moved := codeAt("c-a", 1), codeAt("c-b", 2), codeAt("c-a", 2)
	moved.Rev = 1
	r.acme()
	r.down("acme-1", r.delta(1, 2, digest(a), puts(a)...))
	r.want("codes.applied acme v2", "stock.changed count 1")
	r.down("acme-1", r.delta(2, 3, digest(moved), puts(moved)...))
	r.want("codes.applied acme v3", "stock.changed count 2", "stock.changed count 1")
	r.down("acme-1", r.chunk(4, 1, 1, digest(a, b), a, b))
	r.want("codes.applied acme v4", "stock.changed count 0")
	r.down("acme-1", r.delta(4, 5, digest(b), wire.Op{Revoke: "c-a"}))
	r.want("codes.applied acme v5", "stock.changed count 1")
	r.down("acme-1", r.delta(5, 6, digest(), wire.Op{Drop: "c-b"}))
	r.want("codes.applied acme v6", "stock.changed count 2")
	r.down("acme-1", r.delta(6, 7, digest(codeAt("c-d", 1)), puts(codeAt("c-d", 1))...))
	r.want("codes.applied acme v7", "stock.changed count 1")
	r.down("acme-1", r.chunk(8, 1, 1, digest())) // claims of the old generation end
	r.want("codes.applied acme v8", "stock.changed count 2")
}

func TestQuotas(t *testing.T) {
	r := newRig(t)
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 1, Doc: locker.Desired{Tenants: []locker.TenantRule{{Tenant: "acme", MaxCodes: 2}}}})
	a, b, c := code("c-a"), code("c-b"), code("c-c")
	r.acme(a)
	r.down("acme-1", r.delta(1, 2, digest(a, b, c), puts(b, c)...))
	r.want("message.refused quota acme")
	r.down("acme-1", r.chunk(2, 1, 1, digest(a, b, c), a, b, c))
	r.want("message.refused quota acme")
	r.set(1, a)
	var many []locker.Code
	for n := range 65 {
		c := codeAt("n-"+locker.Number(int64(n)).String(), 1)
		many = append(many, c)
	}
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 2, Doc: locker.Desired{}})
	r.events()
	r.down("acme-1", r.delta(1, 2, digest(append(many, a)...), puts(many...)...))
	r.want("message.refused quota acme put n-9")
	r.down("acme-1", r.chunk(2, 1, 1, digest(many...), many...))
	r.want("message.refused quota acme put n-64")
	r.set(1, a)
}

// TestAsksAgain: the bank asks for a confirmation each quarter of cache_max_age.
func TestAsksAgain(t *testing.T) {
	r := newRig(t)
	r.acme(code("c-a"))
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 1, Doc: locker.Desired{CacheMaxAge: locker.Duration(time.Hour)}})
	r.l.tick(t.Context(), time.Now().Add(time.Minute))
	if gets, _ := r.said(); len(gets) > 0 {
		t.Fatalf("asked too early: %+v", gets)
	}
	r.clk.Signed(locker.TimeOf(time.Now().Add(16 * time.Minute)))
	r.l.tick(t.Context(), time.Now())
	if g := r.get(); g.Set != "acme" || g.Epoch != 10 || g.From != 1 {
		t.Fatalf("%+v", g)
	}
	r.l.Disconnected()
	r.l.tick(t.Context(), time.Now().Add(time.Hour))
	if gets, _ := r.said(); len(gets) > 0 {
		t.Fatalf("asked without a connection: %+v", gets)
	}
}
