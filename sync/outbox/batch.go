package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"lockerd/daemon/locker"
)

// Batch is one message of up/events.
type Batch struct {
	First, Last uint64 // seq of the first and the last line
	Events      int
	Hole        uint64 // events before First that nothing covers
	Replaced    int    // events in whose place a gap went: too large, or set aside
	Payload     []byte
}

// envelope writes batches. The lines go in as they are stored, byte for byte:
// encoding/json would escape them anew and break their hashes.
type envelope struct {
	head []byte
}

const tail = `]}`

func newEnvelope(bank, journal string) (envelope, error) {
	b, err := json.Marshal(struct {
		V       int    `json:"v"`
		Bank    string `json:"bank"`
		Journal string `json:"journal"`
	}{1, bank, journal})
	if err != nil {
		return envelope{}, fmt.Errorf("cannot encode the names of bank and journal: %w", err)
	}
	return envelope{append(bytes.TrimSuffix(b, []byte("}")), `,"events":[`...)}, nil
}

// cutter makes batches of lines, one after another as they are read.
type cutter struct {
	envelope
	next  uint64 // what the next line stands for begins here, if all is as it was
	aside uint64 // the event that is set aside
	most  int    // events in a batch
	b     Batch
}

// add puts a line into the batch and tells whether it fits. The first one does;
// one that does not goes into the next batch, after end. Behind a hole begins
// another batch.
func (c *cutter) add(stored []byte) (bool, error) {
	seq, first, err := covers(stored, c.next)
	if err != nil {
		return false, err
	}
	if seq < c.next {
		return false, fmt.Errorf("cannot send event %d: the journal answered with event %d", c.next, seq)
	}
	line, replaced := stored, false
	if seq == c.aside || len(c.head)+len(stored)+len(tail) > MaxAlone {
		if line, err = gapFor(stored); err != nil {
			return false, err
		}
		replaced = true
	}
	b, hole := &c.b, first > c.next
	switch {
	case b.Events == 0:
		b.Payload = append(make([]byte, 0, MaxBytes), c.head...)
		b.First = seq
		if hole {
			b.Hole = first - c.next
		}
	case hole, c.full(), len(b.Payload)+1+len(line)+len(tail) > MaxBytes:
		return false, nil
	default:
		b.Payload = append(b.Payload, ',')
	}
	if replaced {
		b.Replaced++
	}
	b.Payload = append(b.Payload, line...)
	b.Events++
	b.Last, c.next = seq, seq+1
	return true, nil
}

func (c *cutter) full() bool { return c.b.Events >= c.most }

// end returns the batch and begins the next.
func (c *cutter) end() Batch {
	b := c.b
	b.Payload = append(b.Payload, tail...)
	c.b = Batch{}
	return b
}

// covers returns the seq of a line and the first event it stands for: itself,
// or for a gap the first of its run. Only a line that is not the one expected
// is decoded.
func covers(line []byte, want uint64) (seq, first uint64, err error) {
	seq, err = seqOf(line)
	if err != nil || seq == want {
		return seq, seq, err
	}
	var ev locker.Event
	if err := json.Unmarshal(line, &ev); err != nil {
		return 0, 0, fmt.Errorf("cannot read event %.40q: %w", line, err)
	}
	if from, ok := ev.From.Int(); ok && ev.Type == locker.EvJournalGap && from > 0 {
		return seq, min(uint64(from), seq), nil
	}
	return seq, seq, nil
}

const seqMember = `{"seq":`

// seqOf reads the member that every stored line begins with.
func seqOf(line []byte) (uint64, error) {
	digits, ok := bytes.CutPrefix(line, []byte(seqMember))
	if i := bytes.IndexByte(digits, ','); ok && i > 0 {
		if n, err := strconv.ParseUint(string(digits[:i]), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("cannot read event %.40q: a stored line begins with its seq; run lockerctl journal verify", line)
}

// gapFor returns the line that goes in the place of one that can't be sent. It
// has its seq and hash, as a gap of the journal's own has (contract 7.3).
func gapFor(line []byte) ([]byte, error) {
	var ev locker.Event
	if err := json.Unmarshal(line, &ev); err != nil {
		return nil, fmt.Errorf("cannot read event %.40q: %w", line, err)
	}
	seq := locker.Number(int64(ev.Seq))
	gap := locker.Event{
		Seq: ev.Seq, At: ev.At, Clock: ev.Clock, Boot: ev.Boot, UpMS: ev.UpMS, Type: locker.EvJournalGap,
		From: seq, To: seq, N: 1, Hash: ev.Hash,
	}
	if ev.Type == locker.EvJournalGap {
		gap.From, gap.N = ev.From, ev.N
	}
	out, err := gap.AppendJSON(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the gap for event %d: %w", ev.Seq, err)
	}
	return out, nil
}
