package journal

import (
	"encoding/json"
	"fmt"
	"strings"

	"lockerd/daemon/locker"
)

// mayGo tells whether an event of that type may be removed unacknowledged when
// the journal is full (contract 7.3).
func mayGo(typ string) bool {
	switch typ {
	case locker.EvScanRefused, locker.EvMessageRefused, locker.EvDoorAjar:
		return true
	}
	for _, p := range []string{"board.", "scanner.", "clock."} {
		if strings.HasPrefix(typ, p) {
			return true
		}
	}
	return false
}

// gapRun returns the first seq and the number of events a gap stands for.
func gapRun(line []byte) (from uint64, n int64, err error) {
	var ev locker.Event
	if err := json.Unmarshal(line, &ev); err != nil {
		return 0, 0, fmt.Errorf("cannot read gap %.40q: %w", line, err)
	}
	f, ok := ev.From.Int()
	if !ok || f < 1 || uint64(f) > ev.Seq {
		return 0, 0, fmt.Errorf("cannot read gap %.40q: it does not say where it begins", line)
	}
	return uint64(f), ev.N, nil
}

// makeGap returns the line that stands for the run from..last, where last is
// the run's last line: its seq and hash stay.
func makeGap(from uint64, n int64, last []byte) ([]byte, error) {
	var ev locker.Event
	if err := json.Unmarshal(last, &ev); err != nil {
		return nil, fmt.Errorf("cannot read event %.40q: %w", last, err)
	}
	gap := locker.Event{
		Seq: ev.Seq, At: ev.At, Clock: ev.Clock, Boot: ev.Boot, UpMS: ev.UpMS, Type: locker.EvJournalGap,
		From: locker.Number(int64(from)), To: locker.Number(int64(ev.Seq)), N: n, Hash: ev.Hash,
	}
	b, err := json.Marshal(&gap)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the gap at event %d: %w", ev.Seq, err)
	}
	return b, nil
}

// run is a run of removed events that is being collected.
type run struct {
	from uint64
	n    int64
	last Line
	at   int // record the last one stood in
	real int // removed events in it that were no gaps
}

// thin returns records without the events that keep does not want. Each removed
// run leaves one gap in the record of its last event; gaps beside a run melt
// into it.
func thin(records []Record, keep func(Line) bool) ([]Record, error) {
	out := make([]Record, len(records))
	var open *run
	finish := func() error {
		if open == nil {
			return nil
		}
		l := open.last
		if open.real > 0 || open.from != l.Seq {
			b, err := makeGap(open.from, open.n, l.JSON)
			if err != nil {
				return err
			}
			l.JSON = b
		}
		out[open.at].Lines = append(out[open.at].Lines, l)
		open = nil
		return nil
	}
	for i, r := range records {
		out[i] = Record{Index: r.Index, State: r.State}
		for _, l := range r.Lines {
			gap := lineType(l.JSON) == locker.EvJournalGap
			if !gap && keep(l) {
				if err := finish(); err != nil {
					return nil, err
				}
				out[i].Lines = append(out[i].Lines, l)
				continue
			}
			from, n, err := l.Seq, int64(1), error(nil)
			if gap {
				from, n, err = gapRun(l.JSON)
			}
			if err != nil {
				return nil, err
			}
			if open == nil {
				open = &run{from: from}
			}
			open.n, open.last, open.at = open.n+n, l, i
			if !gap {
				open.real++
			}
		}
	}
	return out, finish()
}
