package backend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

func TestText(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/vectors/codes.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Codes []struct{ Text string } }
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Codes {
		n, _ := new(big.Int).SetString(c.Text[:24], 10)
		if got := withCheck(n); got != c.Text || !CheckText(got) {
			t.Errorf("%s with its check pair: %s", c.Text[:24], got)
		}
	}
	for range 1000 {
		s, err := NewText(nil)
		if err != nil || !CheckText(s) {
			t.Fatalf("%s: %v", s, err)
		}
		wrong := []byte(s)
		wrong[3] = '0' + (wrong[3]-'0'+1)%10
		if CheckText(string(wrong)) {
			t.Fatalf("%s passes", wrong)
		}
	}
}

func TestCodesComeDown(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	before := r.issue("lon-042", "acme", 3) // nobody is there yet
	r.connect("lon-042")
	r.agree("lon-042")
	if len(b.Sets["acme"].Live) != 3 || b.Sets["*"] == nil {
		t.Fatalf("sets: %+v", b.Sets)
	}
	more := r.issue("lon-042", "acme", 2)
	r.settle()
	r.agree("lon-042")
	ctx := context.Background()
	if err := r.be.Revoke(ctx, "lon-042", "acme", more[0].Code.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.be.Revoke(ctx, "lon-042", "acme", "t-0011223344556677"); err != nil {
		t.Fatal(err)
	}
	if err := r.be.Drop(ctx, "lon-042", "acme", before[0].Code.ID); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.agree("lon-042")
	acme := b.Sets["acme"]
	if len(acme.Live) != 3 || !acme.Revoked[more[0].Code.ID] || !acme.Revoked["t-0011223344556677"] {
		t.Errorf("bank has %+v", acme)
	}
	if len(b.Refusals) > 0 {
		t.Errorf("refused: %+v", b.Refusals)
	}
}

func TestIssueRefuses(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	ctx := context.Background()
	first := r.issue("lon-042", "*", 1)[0].Code
	good := locker.Code{Kind: locker.Collect, SKU: "a"}
	same, twin := first, good
	twin.ID, twin.Tag = "other", first.Tag
	revoked := first
	revoked.Rev = 9
	for name, list := range map[string][]locker.Code{
		"same rev":  {good, same},
		"same tag":  {good, twin},
		"bad id":    {good, {ID: "a b", Kind: locker.Collect, SKU: "a"}},
		"elsewhere": {good, {ID: "a/b", Kind: locker.Collect, SKU: "a"}},
	} {
		if _, err := r.be.Issue(ctx, "lon-042", "*", list...); !errors.As(err, new(*RefusedError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.be.Revoke(ctx, "lon-042", "*", first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.be.Issue(ctx, "lon-042", "*", revoked); !errors.As(err, new(*RefusedError)) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := r.be.Issue(ctx, "lon-042", "local", good); !errors.As(err, new(*RefusedError)) {
		t.Errorf("set local: %v", err)
	}
	if _, err := r.be.Issue(ctx, "LON", "*", good); !errors.As(err, new(*RefusedError)) {
		t.Errorf("bank LON: %v", err)
	}
	r.settle()
	r.agree("lon-042") // what a refusal had begun is undone
	r.issue("lon-042", "*", 1)
	r.settle()
	r.agree("lon-042")
	if st, _ := r.be.Bank("lon-042"); len(st.Findings) > 0 {
		t.Errorf("the bank stumbled over what was refused: %+v", st.Findings)
	}
}

func TestSnapshotOfTenThousand(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.issue("lon-042", "acme", 10_000)
	largest, chunks := 0, 0
	r.seen = func(p packet) {
		largest = max(largest, len(p.payload))
		if p.topic == wire.TopicCodes {
			chunks++
		}
	}
	begin := time.Now()
	r.connect("lon-042")
	r.agree("lon-042")
	if len(b.Sets["acme"].Live) != 10_000 || largest > wire.MaxDown || chunks < 10 {
		t.Errorf("%d codes in %d messages, the largest of %d bytes", len(b.Sets["acme"].Live), chunks, largest)
	}
	t.Logf("%d messages, largest %d bytes, in %s", chunks, largest, time.Since(begin))

	// the next change is a delta
	chunks = 0
	r.issue("lon-042", "acme", 1)
	r.settle()
	r.agree("lon-042")
	if chunks != 1 {
		t.Errorf("one code took %d messages", chunks)
	}
	// 600 changes while it is away: several deltas, no snapshot
	b.Online = false
	for range 3 {
		r.issue("lon-042", "acme", 200)
	}
	chunks = 0
	r.settle()
	r.connect("lon-042")
	r.agree("lon-042")
	if chunks > 10 {
		t.Errorf("600 codes took %d messages", chunks)
	}
	if len(b.Refusals) > 0 {
		t.Errorf("refused: %+v", b.Refusals)
	}
}

// TestBirthThatComesAgain: the bank could not take what came down, and says so.
func TestBirthThatComesAgain(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	r.issue("lon-042", "acme", 3)
	if _, err := r.be.SetDesired("lon-042", locker.Desired{}); err != nil {
		t.Fatal(err)
	}
	give(t, r, openDoor)
	r.drain()
	r.down = nil
	r.now = r.now.Add(time.Millisecond)
	r.say("lon-042", wire.TopicState, mustJSON(t, b.Birth(r.at())), true)
	r.settle()
	r.agree("lon-042")
	if len(b.Done) != 1 {
		t.Errorf("done %v", b.Done)
	}
}

func TestLostChunkIsAskedFor(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.issue("lon-042", "acme", 1000)
	lost := ""
	b.Connect(r.at())
	r.allUp()
	for _, p := range r.down {
		m, _, refusal := r.trust.Open(wire.Expect{Bank: "lon-042", Journal: "j-1"}, p.topic, p.payload, false)
		if refusal != nil {
			t.Fatal(refusal)
		}
		if c, ok := m.(*wire.Codes); ok && c.Set == "acme" && c.Chunk == 3 {
			lost = c.Set
			continue
		}
		r.deliverDown(p)
	}
	r.down = nil
	if lost == "" || len(b.Sets["acme"].Live) > 0 {
		t.Fatal("nothing was lost")
	}
	st, _ := r.be.Bank("lon-042")
	want := st.Sets["acme"]
	g := wire.Get{V: 1, Bank: "lon-042", Want: "codes", Set: "acme", Epoch: want.Epoch, From: 0, Chunk: 3, To: want.Version, Nonce: "n"}
	raw, _ := json.Marshal(g)
	before := r.sentDown
	r.say("lon-042", wire.TopicGet, raw, false)
	r.settle()
	r.agree("lon-042")
	if n := r.sentDown - before; n > 4 {
		t.Errorf("one chunk took %d messages", n)
	}
}

// TestSnapshotOnItsWay: a whole set is not sent once more while a slow link may still be
// busy with it, nor when the bank asks for a chunk. A small one is soon missed.
func TestSnapshotOnItsWay(t *testing.T) {
	for codes, again := range map[int]bool{100: true, 20_000: false} {
		t.Run(fmt.Sprint(codes, " codes"), func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.issue("lon-042", "acme", codes)
			sent := 0
			r.seen = func(p packet) {
				if p.topic == wire.TopicCodes {
					sent++
				}
			}
			b.Connect(r.at())
			r.allUp()
			once, end := sent, r.now.Add(retryMax-time.Minute)
			r.now = r.now.Add(time.Minute)
			st, _ := r.be.Bank("lon-042")
			want := st.Sets["acme"]
			r.say("lon-042", wire.TopicGet, mustJSON(t, wire.Get{V: 1, Bank: "lon-042", Want: "codes", Set: "acme", Epoch: want.Epoch, Chunk: 1, To: want.Version, Nonce: "n"}), false)
			r.allUp()
			for r.now.Before(end) {
				r.now = r.now.Add(5 * time.Second)
				r.tick()
				r.drain()
			}
			if again != (sent >= 2*once) { // with the operator's set
				t.Errorf("%d messages, %d of them at first", sent, once)
			}
		})
	}
}

// TestChunksAreBounded: for each chunk that is asked for, the whole set is read.
func TestChunksAreBounded(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.issue("lon-042", "acme", 1000)
	r.connect("lon-042")
	r.pass(snapWindow)
	st, _ := r.be.Bank("lon-042")
	want := st.Sets["acme"]
	before := r.sentDown
	for i := range 10 * snapBurst {
		g := wire.Get{V: 1, Bank: "lon-042", Want: "codes", Set: "acme", Epoch: want.Epoch, Chunk: 1, To: want.Version, Nonce: fmt.Sprint(i)}
		r.say("lon-042", wire.TopicGet, mustJSON(t, g), false)
	}
	r.allUp()
	if n := r.sentDown - before; n > snapBurst {
		t.Errorf("%d chunks were sent in one moment", n)
	}
	r.pass(2 * retryMax)
	r.agree("lon-042")
}

func TestRepeatedQuestionGetsASnapshot(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.issue("lon-042", "acme", 3)
	r.connect("lon-042")
	for id := range b.Sets["acme"].Live { // the bank's page was damaged
		delete(b.Sets["acme"].Live, id)
		break
	}
	r.issue("lon-042", "acme", 1) // digest does not fit: the bank asks, the delta does not help
	r.settle()
	r.agree("lon-042")
	if st, _ := r.be.Bank("lon-042"); findings(st, FoundRestored) > 0 {
		t.Errorf("more was done than to send the set whole: %+v", st.Findings)
	}
}

func TestBadRecordDoesNotBlockItsSet(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	b.Bad["c-bad"] = wire.Quota
	ctx := context.Background()
	good := locker.Code{Kind: locker.Collect, SKU: "a"}
	bad := good
	bad.ID = "c-bad"
	if _, err := r.be.Issue(ctx, "lon-042", "acme", good, bad, good); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.agree("lon-042")
	var state string
	err := r.be.Codes("lon-042", "acme", func(c *CodeStatus) bool {
		if c.Code.ID == "c-bad" {
			state = c.State + " " + c.Why
		}
		return true
	})
	if err != nil || state != "rejected quota: the test says so" || len(b.Sets["acme"].Live) != 2 {
		t.Errorf("state %q, %v, %d codes", state, err, len(b.Sets["acme"].Live))
	}
}

// issueThrice issues a code of three uses.
func (r *rig) issueThrice(bank, set string) []Issued {
	r.t.Helper()
	three := 3
	list, err := r.be.Issue(r.t.Context(), bank, set, locker.Code{Kind: locker.Collect, SKU: "a", Uses: &three})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func TestNewBoardGetsNothingUsed(t *testing.T) {
	r := newRig(t)
	old := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	codes := r.issue("lon-042", "acme", 3)
	multi := r.issueThrice("lon-042", "acme")
	if err := r.be.Revoke(context.Background(), "lon-042", "acme", "t-0011223344556677"); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for _, id := range []string{codes[0].Code.ID, multi[0].Code.ID} {
		old.Emit(r.at(), locker.Event{Type: locker.EvCodeUsed, Set: "acme", Code: id})
	}
	old.Send(r.at())
	r.settle()
	r.agree("lon-042")

	r.now = r.now.Add(time.Hour)
	b := r.bank("lon-042", "j-2")
	r.connect("lon-042")
	r.agree("lon-042")
	acme := b.Sets["acme"]
	if _, there := acme.Live[codes[0].Code.ID]; there || len(acme.Live) != 3 {
		t.Errorf("the new board has %d codes, the used one: %v", len(acme.Live), there)
	}
	if c := acme.Live[multi[0].Code.ID]; c.MaxUses() != 2 {
		t.Errorf("3 uses less 1 are %d", c.MaxUses())
	}
	if !acme.Revoked["t-0011223344556677"] {
		t.Error("the ticket is not revoked at the new board")
	}
	// late word of the old board is stored, and changes nothing of the new one
	r.say("lon-042", wire.TopicState, mustJSON(t, old.Birth(r.at())), false)
	r.settle()
	if st, _ := r.be.Bank("lon-042"); st.Journal.ID != "j-2" {
		t.Errorf("journal %s after a late birth", st.Journal.ID)
	}
}

// TestOldCodesGo: also at a bank that stays connected for ever.
func TestOldCodesGo(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	r.issue("lon-042", "acme", 10)
	r.settle()
	r.now = r.now.Add(48*time.Hour + keepCodes + time.Minute)
	r.pass(2 * time.Minute)
	r.agree("lon-042")
	if n := len(b.Sets["acme"].Live); n != 0 || r.be.core.banks["lon-042"].Sets["acme"].Records != 0 {
		t.Errorf("%d codes at the bank, %d here", n, r.be.core.banks["lon-042"].Sets["acme"].Records)
	}
}

// TestLateWordOfAReplacedBoard: what was used there is not used once more.
func TestLateWordOfAReplacedBoard(t *testing.T) {
	r := newRig(t)
	old := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	codes := r.issue("lon-042", "acme", 3)
	multi := r.issueThrice("lon-042", "acme")
	r.settle()
	told := len(old.Events)
	for _, id := range []string{codes[0].Code.ID, multi[0].Code.ID} {
		old.Emit(r.at(), locker.Event{Type: locker.EvCodeUsed, Set: "acme", Code: id})
	}
	r.now = r.now.Add(time.Hour)
	b := r.bank("lon-042", "j-2")
	r.connect("lon-042")
	r.say("lon-042", wire.TopicEvents, batch(t, "lon-042", "j-1", old.Events[told:]...), false)
	r.settle()
	r.agree("lon-042")
	acme := b.Sets["acme"]
	if _, there := acme.Live[codes[0].Code.ID]; there || len(acme.Live) != 3 {
		t.Errorf("the new board has %d codes, the used one: %v", len(acme.Live), there)
	}
	if c := acme.Live[multi[0].Code.ID]; c.MaxUses() != 2 {
		t.Errorf("3 uses less 1 are %d", c.MaxUses())
	}
}

// TestNumbersOfAReplacedBoard: a board can drive them up to where the next one is beyond
// what can be read. The one that takes its place begins with none.
func TestNumbersOfAReplacedBoard(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.issue("lon-042", "acme", 3)
	if _, err := r.be.SetDesired("lon-042", locker.Desired{SKUs: []locker.SKURule{{SKU: "wanted"}}}); err != nil {
		t.Fatal(err)
	}
	r.connect("lon-042")
	const top = 1<<53 - 1
	b.Sets["acme"].Epoch, b.Desired.Version, b.Trust, b.Counter = top, top, top, top
	r.connect("lon-042")
	r.pass(time.Minute)
	b = r.bank("lon-042", "j-2")
	r.connect("lon-042")
	give(t, r, openDoor)
	r.pass(10 * time.Minute)
	r.agree("lon-042")
	if len(b.Sets["acme"].Live) != 3 || len(b.Desired.Doc.SKUs) != 1 || len(b.Done) != 1 {
		t.Errorf("%d codes, desired %+v, done %v", len(b.Sets["acme"].Live), b.Desired, b.Done)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRestoredStoreConverges(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	r.issue("lon-042", "acme", 5)
	if _, err := r.be.SetDesired("lon-042", locker.Desired{SKUs: []locker.SKURule{{SKU: "old"}}}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for range 20 {
		b.Emit(r.at(), locker.Event{Type: locker.EvDoorClosed})
	}
	b.Send(r.at())
	r.settle()
	r.agree("lon-042")
	backup := r.store.(*Memory).Clone()

	r.now = r.now.Add(7 * 24 * time.Hour)
	lost := r.issue("lon-042", "acme", 2)
	if _, err := r.be.SetDesired("lon-042", locker.Desired{SKUs: []locker.SKURule{{SKU: "new"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.be.SetTrust(r.trust); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for range 300 {
		b.Emit(r.at(), locker.Event{Type: locker.EvDoorClosed})
	}
	b.Send(r.at())
	r.settle()
	r.agree("lon-042")
	b.Prune(100) // acknowledged long since: nobody has them after the restore

	r.store = backup
	r.start()
	r.issue("lon-042", "acme", 1)
	r.settle()
	r.pass(3 * time.Minute)
	r.agree("lon-042")
	if _, there := b.Sets["acme"].Live[lost[0].Code.ID]; there || len(b.Sets["acme"].Live) != 6 {
		t.Errorf("%d codes, the lost one: %v", len(b.Sets["acme"].Live), there)
	}
	if b.Desired.Doc.SKUs[0].SKU != "old" {
		t.Errorf("desired %+v", b.Desired)
	}
	st, _ := r.be.Bank("lon-042")
	if st.Journal.Holes != 1 || st.Journal.Breaks != 0 || findings(st, FoundRestored) == 0 {
		t.Errorf("%+v %+v", st.Journal, st.Findings)
	}
	seqs := r.stored("lon-042", "j-1")
	for i := 1; i < len(seqs); i++ {
		if seqs[i] != seqs[i-1]+1 && seqs[i] != 100 {
			t.Fatalf("%d after %d", seqs[i], seqs[i-1])
		}
	}
	if seqs[0] != 1 || seqs[len(seqs)-1] != b.Acked {
		t.Errorf("stored %d to %d, acked %d", seqs[0], seqs[len(seqs)-1], b.Acked)
	}
}

// TestRevokedSinceTheBackup: the store believes 3 of 500 codes live that the bank has
// been told to hold revoked for ever.
func TestRevokedSinceTheBackup(t *testing.T) {
	for name, lenient := range map[string]bool{"strict": false, "as lockerd": true} {
		t.Run(name, func(t *testing.T) { revokedSinceTheBackup(t, lenient) })
	}
}

func revokedSinceTheBackup(t *testing.T, lenient bool) {
	t.Helper()
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	b.Lenient = lenient
	codes := r.issue("lon-042", "acme", 500)
	r.connect("lon-042")
	r.agree("lon-042")
	backup := r.store.(*Memory).Clone()
	for _, i := range []int{7, 8, 400} {
		if err := r.be.Revoke(context.Background(), "lon-042", "acme", codes[i].Code.ID); err != nil {
			t.Fatal(err)
		}
	}
	r.settle()
	r.agree("lon-042")
	r.store = backup
	r.now = r.now.Add(time.Hour)
	r.start()
	r.settle()
	extra := 0
	for range 3 { // each change or connection shows that the digest is another
		r.connect("lon-042")
		r.issue("lon-042", "acme", 1)
		extra++
		r.pass(5 * time.Minute)
	}
	r.agree("lon-042")
	if n := len(b.Sets["acme"].Live) - extra; n != 497 {
		t.Errorf("%d live at the bank", n)
	}
	revoked := 0
	err := r.be.Codes("lon-042", "acme", func(c *CodeStatus) bool {
		if c.State == StateRevoked {
			revoked++
		}
		return true
	})
	if err != nil || revoked != 3 {
		t.Errorf("%d revoked here, %v", revoked, err)
	}
}

func TestTrustRotation(t *testing.T) {
	r := newRig(t)
	first := r.bank("lon-042", "j-1")
	away := r.bank("ber-001", "j-2")
	r.connect("lon-042", "ber-001")
	away.Online = false
	mine, next := testKeys(t, "ops-2", "acme-1")
	if _, err := r.be.SetTrust(next); !errors.As(err, new(*RefusedError)) {
		t.Errorf("a key set without a key of ours: %v", err)
	}
	version, err := r.be.SetTrust(next, mine[0])
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	if first.Trust != version || len(first.Keys.All()) != 2 {
		t.Fatalf("trust %d", first.Trust)
	}
	r.issue("lon-042", "*", 1)
	r.issue("ber-001", "*", 1)
	r.settle()
	r.agree("lon-042")
	// the other one comes back after weeks with much to tell, knows the old key only
	emit(r, away, 500)
	r.now = r.now.Add(20 * 24 * time.Hour)
	r.connect("ber-001")
	r.pass(time.Minute)
	r.agree("ber-001")
	if away.Trust != version {
		t.Errorf("trust %d, want %d", away.Trust, version)
	}
	for _, b := range []*banktest.Bank{first, away} {
		if len(b.Refusals) > 0 {
			t.Errorf("%s refused %+v", b.Name, b.Refusals)
		}
	}
	if k, ok := r.be.core.pick(r.be.core.banks["ber-001"], "*", wire.TopicAck); !ok || k.KID != "ops-2" {
		t.Errorf("served with %s", k.KID)
	}
}

// TestBankSetUpWithTheLaterFile says trust version 0, as one set up with the first.
func TestBankSetUpWithTheLaterFile(t *testing.T) {
	r := newRig(t)
	mine, next := testKeys(t, "ops-2", "acme-1")
	version, err := r.be.SetTrust(next, mine[0])
	if err != nil {
		t.Fatal(err)
	}
	r.trust = next
	b := r.bank("lon-042", "j-1")
	r.issue("lon-042", "*", 1)
	r.connect("lon-042")
	r.pass(10 * time.Minute)
	r.agree("lon-042")
	if b.Trust != version {
		t.Errorf("trust %d, want %d", b.Trust, version)
	}
}

// TestBankSetUpWithAFileBetween: all key sets there were are tried, though each birth, which
// comes again every ten minutes, is answered at once.
func TestBankSetUpWithAFileBetween(t *testing.T) {
	for _, repeated := range []bool{false, true} {
		t.Run(fmt.Sprint(repeated), func(t *testing.T) {
			r := newRig(t)
			var version int64
			for i := 2; i < 9; i++ {
				mine, next := testKeys(t, fmt.Sprintf("ops-%d", i), "acme-1")
				v, err := r.be.SetTrust(next, mine[0])
				if err != nil {
					t.Fatal(err)
				}
				if version = v; i == 2 {
					r.trust = next
				}
			}
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			for range 12 {
				r.pass(10 * time.Minute)
				if repeated {
					r.say("lon-042", wire.TopicState, mustJSON(t, b.Birth(r.at())), true)
				}
			}
			if b.Trust != version {
				t.Errorf("trust %d, want %d", b.Trust, version)
			}
		})
	}
}

// TestFutileWhileBornAgain: a set that does not come up to date gets a new epoch, though the
// birth comes again every ten minutes.
func TestFutileWhileBornAgain(t *testing.T) {
	for _, repeated := range []bool{false, true} {
		t.Run(fmt.Sprint(repeated), func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			r.issue("lon-042", "acme", 1)
			epoch := func() int64 {
				st, _ := r.be.Bank("lon-042")
				return st.Sets["acme"].Epoch
			}
			before := epoch()
			for range 4 {
				for range 10 * 60 / 5 {
					r.now = r.now.Add(5 * time.Second)
					r.tick()
				}
				if repeated {
					r.say("lon-042", wire.TopicState, mustJSON(t, b.Birth(r.at())), true)
					r.allUp()
				}
			}
			if epoch() == before {
				t.Error("it is tried in one epoch for ever")
			}
		})
	}
}

func TestTenantsKeySignsItsSet(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	kids := map[string]string{}
	r.seen = func(p packet) {
		if m, k, refusal := r.trust.Open(wire.Expect{Bank: "lon-042", Journal: "j-1"}, p.topic, p.payload, false); refusal == nil {
			if c, ok := m.(*wire.Codes); ok {
				kids[c.Set] = k.KID
			}
		}
	}
	for _, set := range []string{"*", "acme", "nokey"} {
		r.issue("lon-042", set, 1)
	}
	r.settle()
	r.agree("lon-042")
	if kids["*"] != "ops-1" || kids["acme"] != "acme-1" || kids["nokey"] != "ops-1" {
		t.Errorf("signed by %v", kids)
	}
}

func TestDesired(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	version, err := r.be.SetDesired("lon-042", locker.Desired{})
	if err != nil {
		t.Fatal(err)
	}
	r.connect("lon-042")
	if b.Desired.Version != version {
		t.Errorf("version %d, want %d", b.Desired.Version, version)
	}
	b.Reject = "door 1-07 is not empty"
	if _, err := r.be.SetDesired("lon-042", locker.Desired{CacheMaxAge: 1}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	_, st, err := r.be.Desired("lon-042")
	if err != nil || st.State != DocRejected || !strings.Contains(st.Why, "not empty") {
		t.Errorf("%+v, %v", st, err)
	}
	r.seen = func(p packet) {
		if p.topic == wire.TopicDesired {
			t.Error("a rejected document was sent again")
		}
	}
	r.pass(20 * time.Minute)
	r.connect("lon-042")
}

// TestTextIsNowhere: the text of a code is in no message and in no record.
func TestTextIsNowhere(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	var texts []string
	r.seen = func(p packet) {
		_, body, _ := strings.Cut(string(p.payload), ".")
		body, _, _ = strings.Cut(body, ".")
		raw, err := base64.RawURLEncoding.DecodeString(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range texts {
			if strings.Contains(string(raw), s) {
				t.Errorf("%s says a code's text", p.topic)
			}
		}
	}
	for range 3 {
		for _, c := range r.issue("lon-042", "acme", 20) {
			texts = append(texts, c.Text)
		}
		r.settle()
	}
	err := r.store.View(func(s Reader) error {
		return s.Scan(nil, nil, func(k, v []byte) bool {
			for _, text := range texts {
				if strings.Contains(string(k)+string(v), text) {
					t.Errorf("record %q holds a code's text", k)
				}
			}
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRevocationsOfManyAreAllRepeated: a snapshot carries none of them. A ticket's are
// known to a new board by nothing else.
func TestRevocationsOfManyAreAllRepeated(t *testing.T) {
	r := newRig(t)
	r.bank("lon-042", "j-1")
	r.connect("lon-042")
	const tickets = 2*logMax + 100
	err := r.be.inSet(t.Context(), "lon-042", "acme", func(x *txn, k *bank, s *set) error {
		for i := range tickets {
			if err := x.revokeCode(k, "acme", s, fmt.Sprintf("t-%016x", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.issue("lon-042", "acme", 10)
	r.settle()
	r.now = r.now.Add(time.Hour)
	b := r.bank("lon-042", "j-2")
	r.connect("lon-042")
	r.pass(5 * time.Minute)
	r.agree("lon-042")
	if n := len(b.Sets["acme"].Revoked); n != tickets {
		t.Errorf("the new board holds %d of %d tickets revoked", n, tickets)
	}
}

// TestALieDoesNotOutliveItself: somebody speaks for the bank once, with the highest numbers
// there are. With its next birth the bank is served again.
func TestALieDoesNotOutliveItself(t *testing.T) {
	for _, most := range []int64{1<<53 - 1, numberMax + 1, numberMax, numberMax - 1} {
		t.Run(fmt.Sprint(most), func(t *testing.T) { lies(t, most) })
	}
}

func lies(t *testing.T, most int64) {
	t.Helper()
	for name, lie := range map[string]func(r *rig, b *banktest.Bank, s *wire.State){
		"connection": func(_ *rig, _ *banktest.Bank, s *wire.State) { s.Boot, s.Conn = most, most },
		"time": func(r *rig, _ *banktest.Bank, s *wire.State) {
			s.Boot, s.At = most, r.at().Add(50*365*24*time.Hour)
		},
		"journal": func(_ *rig, _ *banktest.Bank, s *wire.State) {
			s.Journal.First, s.Journal.Next = uint64(most), uint64(most)
		},
		"codes": func(_ *rig, _ *banktest.Bank, s *wire.State) {
			s.Codes["acme"] = wire.SetState{Epoch: most, Version: most}
		},
		"desired":  func(_ *rig, _ *banktest.Bank, s *wire.State) { s.Desired.Version = most },
		"trust":    func(_ *rig, _ *banktest.Bank, s *wire.State) { s.Trust.Version = most },
		"commands": func(_ *rig, _ *banktest.Bank, s *wire.State) { s.Command.Counter = most },
		"question": func(r *rig, _ *banktest.Bank, _ *wire.State) {
			r.say("lon-042", wire.TopicGet, mustJSON(t, wire.Get{V: 1, Bank: "lon-042", Want: wire.TypCodes, Set: "acme", Epoch: most, From: 1, Nonce: "n"}), false)
		},
		"heartbeat": func(r *rig, b *banktest.Bank, _ *wire.State) {
			r.say("lon-042", wire.TopicHealth, mustJSON(t, wire.Health{
				V: 1, Bank: "lon-042", Boot: b.Boot, Conn: b.Conn, At: r.at(), Clock: b.Clock, Buses: []wire.BusHealth{}, Scanners: []wire.ScannerHealth{}, CacheAge: map[string]int64{},
				Journal: wire.JournalHealth{ID: b.Journal, First: uint64(most), Next: uint64(most), Acked: uint64(most) - 1},
			}), false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.bank("lon-042", "j-1")
			r.connect("lon-042")
			r.issue("lon-042", "acme", 3)
			if _, err := r.be.SetDesired("lon-042", locker.Desired{}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.be.SetTrust(r.trust); err != nil {
				t.Fatal(err)
			}
			r.settle()
			r.agree("lon-042")
			r.now = r.now.Add(time.Minute)
			s := b.Birth(r.at())
			s.Conn++
			lie(r, b, &s)
			r.say("lon-042", wire.TopicState, mustJSON(t, s), true)
			r.settle()
			r.pass(10 * time.Minute)
			b.Boot++
			r.connect("lon-042")
			r.pass(10 * time.Minute)
			r.issue("lon-042", "acme", 3)
			if _, err := r.be.SetDesired("lon-042", locker.Desired{}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.be.SetTrust(r.trust); err != nil {
				t.Fatal(err)
			}
			give(t, r, openDoor)
			r.pass(20 * time.Second)
			r.agree("lon-042")
			if n := len(b.Done); n == 0 || b.Done[n-1].Type != locker.CmdOpen {
				t.Errorf("the opening was not carried out: %+v", b.Refusals)
			}
			// what the bank has lost on its way is not taken for gone
			emit(r, b, 60)
			b.Acked += 20
			again(r, b, 1, wire.TopicCommand)
			if st, _ := r.be.Bank("lon-042"); st.Journal.Holes > 0 {
				t.Errorf("%+v", st.Journal)
			}
		})
	}
}

// TestTicketOfNextYearStaysRevoked: a ticket may be issued long before it begins, and the
// board may be replaced in between.
func TestTicketOfNextYearStaysRevoked(t *testing.T) {
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	const ticket = "t-0011223344556677"
	if err := r.be.Revoke(t.Context(), "lon-042", "*", ticket); err != nil {
		t.Fatal(err)
	}
	r.settle()
	for range 12 {
		r.now = r.now.Add(30 * 24 * time.Hour)
		r.connect("lon-042")
		b.Health(r.at())
		r.settle()
	}
	b = r.bank("lon-042", "j-2")
	r.connect("lon-042")
	if !b.Sets["*"].Revoked[ticket] {
		t.Error("the ticket is not revoked at the new board")
	}
}

// TestRevokedAtASnapshotOfTheLostStore: the store that was lost had sent a snapshot, and not
// yet the revocations that follow it. The bank says that it has what the restored one wants.
func TestRevokedAtASnapshotOfTheLostStore(t *testing.T) {
	const ticket = "t-0011223344556677"
	r := newRig(t)
	r.issue("lon-042", "acme", 2)
	if err := r.be.Revoke(t.Context(), "lon-042", "acme", ticket); err != nil {
		t.Fatal(err)
	}
	backup := r.store.(*Memory).Clone()
	b := r.bank("lon-042", "j-1")
	b.Connect(r.at())
	r.allUp()
	r.allDown()
	r.store = backup
	b.Connect(r.at())
	r.start() // hears what is retained: the birth
	r.settle()
	r.agree("lon-042")
	if !b.Sets["acme"].Revoked[ticket] {
		t.Error("the ticket is not revoked at the bank")
	}
}

// TestRevokedUnderANumberOfTheLostStore: the restored store revokes a ticket under the version
// under which the lost one had revoked another.
func TestRevokedUnderANumberOfTheLostStore(t *testing.T) {
	const ticket = "t-0011223344556677"
	r := newRig(t)
	b := r.bank("lon-042", "j-1")
	r.connect("lon-042")
	r.issue("lon-042", "acme", 2)
	r.settle()
	backup := r.store.(*Memory).Clone()
	if err := r.be.Revoke(t.Context(), "lon-042", "acme", "t-8899aabbccddeeff"); err != nil {
		t.Fatal(err)
	}
	r.settle()
	r.store = backup
	r.retained = map[string]packet{}
	r.start()
	if err := r.be.Revoke(t.Context(), "lon-042", "acme", ticket); err != nil {
		t.Fatal(err)
	}
	r.connect("lon-042")
	r.agree("lon-042")
	if !b.Sets["acme"].Revoked[ticket] {
		t.Error("the ticket is not revoked at the bank")
	}
}
