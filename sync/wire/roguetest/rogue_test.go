package roguetest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/sync/ticket"
	"lockerd/sync/wire"
	"lockerd/sync/wire/roguetest"
)

var here = wire.Expect{Bank: "lon-042", Journal: "j-test"}

func config(t *testing.T) (roguetest.Config, *wire.Keys) {
	t.Helper()
	c := roguetest.Default(here.Bank, here.Journal)
	keys, err := c.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return c, keys
}

// TestDefault holds that the default keys are those of the vectors.
func TestDefault(t *testing.T) {
	_, keys := config(t)
	b, err := os.ReadFile("../../../testdata/vectors/trust.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := wire.ParseKeys(b)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(keys)
	if b, _ = json.Marshal(want); !bytes.Equal(a, b) {
		t.Errorf("%s, want %s", a, b)
	}
}

// TestRogue sends 100,000 attempts: none is taken, each is refused with its reason,
// and memory is flat.
func TestRogue(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	const seed = 1
	c, keys := config(t)
	r := roguetest.New(seed, c)
	families, reasons := map[string]int{}, map[string]int{}
	before := heap()
	var most uint64
	for i := range n {
		a := r.Next()
		m, _, refused := keys.Open(here, a.Topic, a.Payload, a.Retained)
		if m != nil || refused == nil {
			t.Fatalf("seed %d, attempt %d, %s: taken: %T %.300s", seed, i, a.Name, m, a.Payload)
		}
		if a.Reason != "" && refused.Reason != a.Reason {
			t.Fatalf("seed %d, attempt %d, %s: refused %q (%s), want %q: %.300s", seed, i, a.Name, refused.Reason, refused.Why, a.Reason, a.Payload)
		}
		if len(refused.Why) > 200 || len(refused.Topic) > 8 {
			t.Fatalf("seed %d, attempt %d, %s: the refusal grows with the message: %+v", seed, i, a.Name, refused)
		}
		families[a.Name]++
		reasons[refused.Reason]++
		if i%(n/10) == n/10-1 {
			most = max(most, heap())
		}
	}
	for _, f := range roguetest.Families() {
		if families[f] < n/1000 {
			t.Errorf("%s: %d attempts of %d", f, families[f], n)
		}
	}
	for _, reason := range []string{wire.BadSignature, wire.UnknownKey, wire.WrongPurpose, wire.WrongBank, wire.WrongJournal, wire.WrongTenant, wire.Retained, wire.TooLarge, wire.Malformed} {
		if reasons[reason] == 0 {
			t.Errorf("nothing was refused as %s", reason)
		}
	}
	if most > before+1<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", before, most)
	}
	t.Logf("heap %d before, %d at most; refused %v", before, most, reasons)
}

// heap is what lives after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestSame holds that a seed gives the same attempts, and another one others.
func TestSame(t *testing.T) {
	c, _ := config(t)
	a, b, other := roguetest.New(7, c), roguetest.New(7, c), roguetest.New(8, c)
	differ := 0
	for i := range 500 {
		x, y, z := a.Next(), b.Next(), other.Next()
		if x.Name != y.Name || x.Topic != y.Topic || !bytes.Equal(x.Payload, y.Payload) || x.Retained != y.Retained {
			t.Fatalf("attempt %d: %s and %s", i, x.Name, y.Name)
		}
		if !bytes.Equal(x.Payload, z.Payload) {
			differ++
		}
	}
	if differ < 450 {
		t.Errorf("another seed has %d other attempts of 500", differ)
	}
}

// TestReplays lets the rogue hear said traffic: it repeats it, says so, and still
// nothing else is taken.
func TestReplays(t *testing.T) {
	c, keys := config(t)
	r := roguetest.New(1, c)
	said := map[string]bool{}
	for i := range 200 {
		jws, err := wire.Sign(c.Operator.Private, c.Operator.KID, &wire.Ack{Head: wire.Head{Bank: here.Bank, Journal: here.Journal}, UpTo: uint64(i), At: 1_795_000_000_000})
		if err != nil {
			t.Fatal(err)
		}
		r.Hear(wire.TopicAck, jws)
		said[string(jws)] = true
	}
	replays := 0
	for i := range 5_000 {
		a := r.Next()
		m, _, _ := keys.Open(here, a.Topic, a.Payload, a.Retained)
		if (m != nil) != a.Later || a.Later && !said[string(a.Payload)] {
			t.Fatalf("attempt %d, %s: taken %v, a replay %v: %.200s", i, a.Name, m != nil, a.Later, a.Payload)
		}
		if a.Later {
			replays++
		}
	}
	if replays < 50 {
		t.Errorf("%d replays", replays)
	}
}

// TestTenants goes through the table of a tenant's attempts.
func TestTenants(t *testing.T) {
	c, keys := config(t)
	for _, a := range roguetest.Tenants(c, roguetest.Texts()[0]) {
		m, _, refused := keys.Open(here, a.Topic, a.Payload, a.Retained)
		if m != nil || refused.Reason != a.Reason {
			t.Errorf("%s: %v, want %q", a.Name, refused, a.Reason)
		}
	}
	scans, err := roguetest.Tickets(c, locker.Time(1_795_000_000_000))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scans {
		if _, got := ticket.Open(s.Text, here.Bank, keys); got != s.Reason {
			t.Errorf("ticket %s: %q, want %q", s.Name, got, s.Reason)
		}
	}
}

// TestTexts holds that the texts of the rogue's codes could be codes: else that
// they open nothing would say nothing.
func TestTexts(t *testing.T) {
	for _, s := range roguetest.Texts() {
		n := 0
		for _, d := range s {
			n = (n*10 + int(d-'0')) % 97
		}
		if len(s) != 26 || n != 1 {
			t.Errorf("%s: %d digits, %d mod 97", s, len(s), n)
		}
	}
}
