package outbox

import (
	"encoding/json"
	"slices"
	"time"
)

// due takes the next packet that has come.
func due(list *[]packet) (p packet, ok bool) {
	if len(*list) == 0 || time.Now().Before((*list)[0].due) {
		return p, false
	}
	p, *list = (*list)[0], (*list)[1:]
	return p, true
}

func (w *world) broker() {
	if len(w.untaken) > 0 && time.Since(w.untaken[0].since) > time.Minute {
		w.cut()
	}
	for w.up && !w.mute && len(w.untaken) > 0 && time.Now().After(w.untaken[0].due) {
		b := w.untaken[0].batch
		if w.forbids || slices.ContainsFunc(linesOf(b), func(l json.RawMessage) bool {
			seq, _, gap := stands(l)
			return w.may[seq] && !gap
		}) {
			w.cut()
			return
		}
		w.untaken = w.untaken[1:]
		w.o.Taken(b.Last)
		if !w.lossy && (w.limit == 0 || len(b.Payload) <= w.limit) {
			w.toward = append(w.toward, packet{due: w.soon(), batch: b})
		}
	}
}

// cut ends the connection.
func (w *world) cut() {
	if w.up {
		w.o.Lost(len(w.untaken) > 0 && time.Since(w.untaken[0].since) < 10*time.Second)
		w.up, w.back, w.untaken = false, w.within(10*time.Second).Add(time.Second), nil
	}
}

func linesOf(b *Batch) []json.RawMessage {
	var m struct{ Events []json.RawMessage }
	_ = json.Unmarshal(b.Payload, &m)
	return m.Events
}

func (w *world) backend() {
	for p, ok := due(&w.toward); ok; p, ok = due(&w.toward) {
		if p.batch == nil {
			w.first = max(w.first, p.seq)
			w.lacks = w.lacks || w.last < w.before
			continue
		}
		for _, l := range linesOf(p.batch) {
			if !w.take(l) {
				w.lacks = true
				break
			}
		}
		w.down = append(w.down, packet{due: w.soon(), seq: w.last})
	}
	if w.lacks && time.Since(w.asked) > 5*time.Second {
		w.asked = time.Now()
		w.down = append(w.down, packet{due: w.soon(), resync: true, seq: w.last + 1})
	}
}

// take gives the backend an event; false: those before it are still to come.
func (w *world) take(l []byte) bool {
	seq, from, gap := stands(l)
	switch {
	case seq <= w.last:
		return true
	case from > w.last+1 && from > w.first:
		return false
	}
	between := w.j.from(w.last + 1)
	for _, kept := range between[:len(between)-len(w.j.from(from))] {
		if n, _, gap := stands(kept); !gap {
			w.t.Fatalf("seed %d: event %d was skipped by %.80s", w.seed, n, l)
		}
	}
	if !w.ever[string(l)] && (!gap || from != seq || !w.may[seq] && !w.unjust) {
		w.t.Errorf("seed %d: event %d came as %.80s", w.seed, seq, l)
	}
	w.last = seq
	return true
}

func (w *world) bank() {
	if !w.up {
		w.down = nil // a clean session
	}
	slices.SortStableFunc(w.down, func(a, b packet) int { return a.due.Compare(b.due) })
	for p, ok := due(&w.down); ok; p, ok = due(&w.down) {
		if !p.resync {
			w.o.Acked(p.seq)
			w.pruned = max(w.pruned, p.seq)
			continue
		}
		w.o.Resync(p.seq)
		w.lacks = w.lacks && p.seq > w.last+1
		if w.r.IntN(3) == 0 { // what was acknowledged before the backend was restored
			w.down = append(w.down, packet{due: w.soon(), seq: w.pruned})
		}
	}
}
