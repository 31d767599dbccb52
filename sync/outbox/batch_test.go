package outbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lockerd/daemon/locker"
)

func testEnvelope(tb testing.TB) envelope {
	tb.Helper()
	e, err := newEnvelope("lon-042", "j1")
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func line(seq uint64, why string) []byte {
	return fmt.Appendf(nil, `{"seq":%d,"at":"2026-11-22T10:00:00.123Z","clock":"synced","boot":17,"up_ms":5,"type":"door.opened","why":%q,"hash":"%064x"}`, seq, why, seq)
}

func gapLine(from, to uint64) []byte {
	return fmt.Appendf(nil, `{"seq":%d,"at":"2026-11-22T10:00:00.123Z","clock":"synced","boot":17,"up_ms":5,"type":"journal.gap","from":%d,"to":%d,"n":%d,"hash":"%064x"}`, to, from, to, to-from+1, to)
}

func run(from, to uint64) (out [][]byte) {
	for seq := from; seq <= to; seq++ {
		out = append(out, line(seq, "<&>"))
	}
	return out
}

// cut makes one batch.
func cut(e envelope, lines [][]byte, from, aside uint64, most int) (Batch, error) {
	c := cutter{envelope: e, next: from, aside: aside, most: most}
	for _, l := range lines {
		if ok, err := c.add(l); err != nil || !ok {
			return c.end(), err
		}
	}
	return c.end(), nil
}

func TestCut(t *testing.T) {
	e := testEnvelope(t)
	big := func(seq uint64, n int) []byte { return line(seq, strings.Repeat("x", n)) }
	for _, c := range []struct {
		name  string
		lines [][]byte
		from  uint64
		aside uint64
		most  int
		want  Batch // without payload
	}{
		{"all", run(1, 3), 1, 0, 50, Batch{First: 1, Last: 3, Events: 3}},
		{"at most", run(7, 30), 7, 0, 5, Batch{First: 7, Last: 11, Events: 5}},
		{"bytes", append(run(1, 2), big(3, 16<<10)), 1, 0, 50, Batch{First: 1, Last: 2, Events: 2}},
		{"larger one alone", [][]byte{big(3, 20<<10), line(4, "")}, 3, 0, 50, Batch{First: 3, Last: 3, Events: 1}},
		{"too large", [][]byte{big(3, 64<<10), line(4, "")}, 3, 0, 50, Batch{First: 3, Last: 4, Events: 2, Replaced: 1}},
		{"set aside", run(3, 5), 3, 4, 50, Batch{First: 3, Last: 5, Events: 3, Replaced: 1}},
		{"gap", [][]byte{gapLine(1, 9), line(10, "")}, 1, 0, 50, Batch{First: 9, Last: 10, Events: 2}},
		{"gap around the place", [][]byte{gapLine(1, 9), line(10, "")}, 5, 0, 50, Batch{First: 9, Last: 10, Events: 2}},
		{"hole in front", run(10, 12), 5, 0, 50, Batch{First: 10, Last: 12, Events: 3, Hole: 5}},
		{"hole in front of a gap", [][]byte{gapLine(8, 9)}, 5, 0, 50, Batch{First: 9, Last: 9, Events: 1, Hole: 3}},
		{"hole inside", append(run(1, 2), run(5, 6)...), 1, 0, 50, Batch{First: 1, Last: 2, Events: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := cut(e, c.lines, c.from, c.aside, c.most)
			if err != nil {
				t.Fatal(err)
			}
			checkPayload(t, b, c.lines)
			b.Payload = nil
			if fmt.Sprint(b) != fmt.Sprint(c.want) {
				t.Errorf("%+v, want %+v", b, c.want)
			}
		})
	}
	for _, bad := range []string{``, `{}`, `{"seq":x,`, `{"at":1,"seq":5}`, `{"seq":6`} {
		if _, err := cut(e, [][]byte{[]byte(bad)}, 5, 0, 50); err == nil {
			t.Errorf("%q is taken for an event", bad)
		}
	}
}

// checkPayload holds that a batch is within its bounds and its lines are the
// stored ones byte for byte, but those in whose place a gap went.
func checkPayload(t *testing.T, b Batch, lines [][]byte) {
	t.Helper()
	var m struct {
		V             int
		Bank, Journal string
		Events        []json.RawMessage
	}
	if err := json.Unmarshal(b.Payload, &m); err != nil || m.V != 1 || m.Bank != "lon-042" || m.Journal != "j1" || len(m.Events) != b.Events {
		t.Fatalf("payload %.200s: %v", b.Payload, err)
	}
	if len(b.Payload) > MaxAlone || b.Events > 1 && len(b.Payload) > MaxBytes || b.Events > MaxEvents {
		t.Errorf("%d events in %d bytes", b.Events, len(b.Payload))
	}
	replaced := 0
	for i, got := range m.Events {
		if string(got) == string(lines[i]) {
			continue
		}
		replaced++
		var was, is locker.Event
		if json.Unmarshal(lines[i], &was) != nil || json.Unmarshal(got, &is) != nil || is.Seq != was.Seq || is.Hash != was.Hash || is.Type != locker.EvJournalGap {
			t.Errorf("in the place of %.80s went %s", lines[i], got)
		}
	}
	if replaced != b.Replaced {
		t.Errorf("%d lines replaced, said %d", replaced, b.Replaced)
	}
}

// FuzzCut cuts random journals into batches until nothing is left: every line is
// in exactly one, in order.
func FuzzCut(f *testing.F) {
	f.Add([]byte{1, 1, 1}, uint8(50))
	f.Add([]byte{200, 1, 0, 3, 255, 255}, uint8(1))
	f.Fuzz(func(t *testing.T, shape []byte, most uint8) {
		e := testEnvelope(t)
		shape = shape[:min(len(shape), 64)]
		var lines [][]byte
		seq := uint64(0)
		for _, s := range shape {
			switch s % 4 {
			case 0: // a gap that may begin before the place
				lines = append(lines, gapLine(max(1, seq-uint64(s)%2), seq+1+uint64(s/4)))
				seq += 1 + uint64(s/4)
			case 1: // a hole
				seq += 2
				lines = append(lines, line(seq, ""))
			default:
				seq++
				lines = append(lines, line(seq, strings.Repeat("y", int(s)*300)))
			}
		}
		from, taken := uint64(1), 0
		for rest := lines; len(rest) > 0; rest = lines[taken:] {
			b, err := cut(e, rest, from, 0, max(1, int(most)))
			if err != nil || b.Events == 0 || b.Last < from {
				t.Fatalf("%+v, %v", b, err)
			}
			if int(most) <= MaxEvents {
				checkPayload(t, b, rest)
			}
			taken += b.Events
			from = b.Last + 1
		}
		if from != seq+1 {
			t.Fatalf("ends at %d, want %d", from, seq+1)
		}
	})
}
