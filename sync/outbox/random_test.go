package outbox

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// stories is how many TestRandom plays. LOCKERD_STORIES sets another number.
const stories = 150

// TestRandom plays random stories of an outbox between a journal that lets go, a link
// that ends at any point, a broker that loses what it has taken and ends connections
// for some events, and a backend that is restored. Once all but that broker are well,
// the backend has each event, or a gap or hole for it that the journal has declared,
// within bounded time, and the bank knows.
func TestRandom(t *testing.T) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("LOCKERD_STORIES"), strconv.Itoa(stories)))
	if err != nil {
		t.Fatal("LOCKERD_STORIES is no number: ", err)
	}
	for seed := range uint64(n) {
		synctest.Test(t, func(t *testing.T) { newWorld(t, seed).play() })
	}
}

// packet is something on its way.
type packet struct {
	due, since time.Time
	batch      *Batch
	seq        uint64 // journal.first of a birth, upto of an ack, from of a resync
	resync     bool
}

type world struct {
	t    *testing.T
	r    *rand.Rand
	seed uint64
	o    *Outbox
	j    *shelf
	ever map[string]bool // each line that the journal has had
	may  map[uint64]bool // events that can't be sent: too large, or the broker ends the connection
	slow time.Duration   // of each way at most

	forbids bool // the broker ends the connection for any event
	unjust  bool // it once did: others may be given up, too
	mute    bool // it answers no publish
	lossy   bool // it loses what it takes
	limit   int  // it takes and loses what is larger; 0: nothing

	up      bool
	back    time.Time // of the connection
	untaken []packet  // publishes without PUBACK
	toward  []packet  // births and batches on their way to the backend
	down    []packet  // acknowledgements and commands on theirs to the bank

	pruned uint64    // what the bank has heard acknowledged and may let go
	last   uint64    // event of the backend
	first  uint64    // journal.first that the backend knows
	backup uint64    // last of its backup
	lacks  bool      // events, as it has seen
	asked  time.Time // for them
	before uint64    // last before it was restored, as it finds out by and by
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), seed: seed, j: newShelf(0), ever: map[string]bool{}, may: map[uint64]bool{}}
	w.slow = time.Millisecond << w.r.IntN(11)
	if w.r.IntN(4) == 0 {
		w.limit = 1<<10 + w.r.IntN(MaxBytes)
	}
	w.grow()
	w.o = open(t, w.j)
	return w
}

func (w *world) soon() time.Time { return w.within(w.slow) }

func (w *world) within(most time.Duration) time.Time {
	return time.Now().Add(time.Duration(w.r.Int64N(int64(most))))
}

func (w *world) play() {
	for range w.r.IntN(300) {
		w.trouble()
		w.step(3 * time.Second)
	}
	w.mute, w.lossy = false, false
	w.settle()
	w.restore()
	w.settle()
	w.grow()
	w.may[w.last+1+60*w.r.Uint64N(2)], w.forbids = true, w.r.IntN(5) == 0
	w.unjust = w.forbids
	for end := w.within(Hold); w.forbids && time.Now().Before(end); {
		w.step(time.Second)
	}
	w.forbids = false
	w.settle()
}

// settle lets all come to rest, but for the broker's dislike of some events.
func (w *world) settle() {
	w.say() // the backend reads the retained birth
	end := time.Now().Add(2*Hold + time.Duration(len(w.may))*5*time.Minute + time.Duration(w.j.next)*time.Second)
	for w.last < w.j.next-1 || w.o.Stats().Acked < w.last {
		if w.step(time.Second); time.Now().After(end) {
			w.t.Fatalf("seed %d: the backend has %d, journal %d to %d, trouble with %v: %+v", w.seed, w.last, w.j.First(), w.j.next-1, w.may, w.o.core)
		}
	}
}

// trouble is what may happen at any time.
func (w *world) trouble() {
	switch w.r.IntN(13) {
	case 0, 1:
		w.grow()
	case 2: // the newest segment never goes
		w.j.drop(w.r.IntN(min(len(w.j.lines)-len(w.j.from(w.pruned+1))+1, len(w.j.lines))))
	case 3:
		w.thin()
	case 4, 5:
		w.cut()
	case 6:
		w.mute = !w.mute
	case 7:
		w.lossy = !w.lossy
	case 8:
		w.backup = w.r.Uint64N(w.last + 1)
	case 9:
		w.restore()
	case 10:
		w.down = append(w.down, packet{resync: true, seq: 1 + w.r.Uint64N(w.last+1)})
	case 11: // the bank starts anew
		w.cut()
		w.j.acked = w.r.Uint64N(w.pruned + 1)
		w.o = open(w.t, w.j)
	case 12: // heard before, or late
		w.down = append(w.down, packet{due: w.within(time.Minute), seq: w.r.Uint64N(w.pruned + 1)})
	}
}

func (w *world) grow() {
	for range 1 + w.r.IntN(1<<w.r.IntN(9)) {
		l := line(w.j.next, "")
		if w.r.IntN(300) == 0 && w.limit == 0 {
			l = line(w.j.next, strings.Repeat("x", 1<<(12+w.r.IntN(6))))
		}
		if len(l) > MaxAlone || len(w.may) < 3 && w.r.IntN(200) == 0 {
			w.may[w.j.next] = true
		}
		w.ever[string(l)] = true
		w.j.put(l)
	}
}

// restore has the backend begin again with its backup.
func (w *world) restore() { w.before, w.last = max(w.before, w.last), min(w.last, w.backup) }

// thin leaves a gap in the place of some events.
func (w *world) thin() {
	i := w.r.IntN(len(w.j.lines)) * w.r.IntN(2)
	k := i + w.r.IntN(len(w.j.lines)-i)
	_, from, _ := stands(w.j.lines[i])
	seq, _, _ := stands(w.j.lines[k])
	l := gapLine(from, seq)
	w.j.lines, w.ever[string(l)] = slices.Replace(w.j.lines, i, k+1, l), true
}

// stands returns the seq of a line, the first event it stands for, and whether it is
// a gap.
func stands(l []byte) (seq, from uint64, gap bool) {
	var e locker.Event
	_ = json.Unmarshal(l, &e)
	if first, ok := e.From.Int(); ok {
		return e.Seq, uint64(first), true
	}
	return e.Seq, e.Seq, false
}

// step lets time go on and everything happen that is due.
func (w *world) step(most time.Duration) {
	time.Sleep(time.Until(w.within(most)))
	if !w.up && time.Now().After(w.back) {
		w.up = true
		w.o.core.connected(time.Now())
		w.say()
	}
	for w.up && len(w.untaken) < 16 {
		b, _ := w.o.take(time.Now())
		if b == nil {
			break
		}
		if b.Hole > 0 {
			w.say()
		}
		w.untaken = append(w.untaken, packet{due: w.soon(), since: time.Now(), batch: b})
	}
	w.broker()
	w.backend()
	w.bank()
}

// say publishes a birth.
func (w *world) say() {
	w.toward = append(w.toward, packet{due: w.soon(), seq: w.j.First()})
}
